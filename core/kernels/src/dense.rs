//! Dense `f32` kernels of the trainers. Safe slices in; no fused multiply-add.

use crate::dispatch::multiversion;

/// Lanes of a reduction. Sixteen fill one AVX-512 register, two AVX2, four NEON or wasm ones.
const LANES: usize = 16;

/// Rows of a tile of [`gram_tile`] and [`matmul_tile`].
pub const TILE_ROWS: usize = 4;
/// Columns of a tile of [`gram_tile`] and [`matmul_tile`].
pub const TILE_COLUMNS: usize = 32;

/// Folds the lanes as a fixed binary tree: 16 → 8 → 4 → 2 → 1.
#[inline(always)]
fn fold(mut lanes: [f32; LANES]) -> f32 {
    let mut width = LANES / 2;
    while width > 0 {
        for i in 0..width {
            lanes[i] += lanes[i + width];
        }
        width /= 2;
    }
    lanes[0]
}

multiversion! {
    /// The inner product of `a` and `b`, over the shorter of the two lengths.
    ///
    /// Sixteen partial sums, folded as a binary tree; the tail is added to the lanes it falls
    /// into, as if it were padded with zeros.
    ///
    /// ```
    /// assert_eq!(tastemaker_kernels::dot(&[1.0, 2.0], &[3.0, 4.0]), 11.0);
    /// ```
    pub fn dot(a: &[f32], b: &[f32]) -> f32 {
        let len = a.len().min(b.len());
        let (a, b) = (&a[..len], &b[..len]);
        let mut lanes = [0f32; LANES];
        let mut xs = a.chunks_exact(LANES);
        let mut ys = b.chunks_exact(LANES);
        for (x, y) in (&mut xs).zip(&mut ys) {
            for i in 0..LANES {
                lanes[i] += x[i] * y[i];
            }
        }
        for (i, (x, y)) in xs.remainder().iter().zip(ys.remainder()).enumerate() {
            lanes[i] += x * y;
        }
        fold(lanes)
    }
}

multiversion! {
    /// `out[i] += factor * x[i]`, over the shorter of the two lengths; each element on its own.
    pub fn add_scaled(out: &mut [f32], x: &[f32], factor: f32) {
        for (o, v) in out.iter_mut().zip(x) {
            *o += factor * v;
        }
    }
}

multiversion! {
    /// One tile of `rowsᵀ · rows`, for `rows` in row-major order with `columns` columns:
    /// `tile[a][b] = Σ_r rows[r][first_row + a] · rows[r][first_column + b]`, summed in the
    /// order of the rows. Columns at and beyond `columns` count as zero.
    pub fn gram_tile(
        rows: &[f32],
        columns: usize,
        first_row: usize,
        first_column: usize,
    ) -> [[f32; TILE_COLUMNS]; TILE_ROWS] {
        let mut tile = [[0f32; TILE_COLUMNS]; TILE_ROWS];
        if columns == 0 {
            return tile;
        }
        if first_row + TILE_ROWS <= columns && first_column + TILE_COLUMNS <= columns {
            for row in rows.chunks_exact(columns) {
                let left = &row[first_row..first_row + TILE_ROWS];
                let right = &row[first_column..first_column + TILE_COLUMNS];
                for a in 0..TILE_ROWS {
                    let factor = left[a];
                    for b in 0..TILE_COLUMNS {
                        tile[a][b] += factor * right[b];
                    }
                }
            }
            return tile;
        }
        for row in rows.chunks_exact(columns) {
            for a in 0..TILE_ROWS.min(columns.saturating_sub(first_row)) {
                for b in 0..TILE_COLUMNS.min(columns.saturating_sub(first_column)) {
                    tile[a][b] += row[first_row + a] * row[first_column + b];
                }
            }
        }
        tile
    }
}

multiversion! {
    /// One tile of `left · right`: `tile[a][b] = Σ_{c < depth} left[a][c] · right[c][b]`, summed
    /// in the order of `c`. `left` holds up to [`TILE_ROWS`] rows of `columns` values; `right`
    /// is row-major with [`TILE_COLUMNS`] values a row. Missing values count as zero.
    pub fn matmul_tile(
        left: &[f32],
        columns: usize,
        right: &[f32],
        depth: usize,
    ) -> [[f32; TILE_COLUMNS]; TILE_ROWS] {
        let mut tile = [[0f32; TILE_COLUMNS]; TILE_ROWS];
        let depth = depth.min(columns).min(right.len() / TILE_COLUMNS);
        if depth == 0 {
            return tile;
        }
        let right = &right[..depth * TILE_COLUMNS];
        if left.len() == TILE_ROWS * columns {
            let (l0, rest) = left.split_at(columns);
            let (l1, rest) = rest.split_at(columns);
            let (l2, l3) = rest.split_at(columns);
            let (l0, l1, l2, l3) = (&l0[..depth], &l1[..depth], &l2[..depth], &l3[..depth]);
            for (c, values) in right.chunks_exact(TILE_COLUMNS).enumerate() {
                let factors = [l0[c], l1[c], l2[c], l3[c]];
                for a in 0..TILE_ROWS {
                    for b in 0..TILE_COLUMNS {
                        tile[a][b] += factors[a] * values[b];
                    }
                }
            }
            return tile;
        }
        for (a, row) in left.chunks_exact(columns).take(TILE_ROWS).enumerate() {
            for (c, values) in right.chunks_exact(TILE_COLUMNS).enumerate() {
                for b in 0..TILE_COLUMNS {
                    tile[a][b] += row[c] * values[b];
                }
            }
        }
        tile
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values with full mantissas, so that a changed order of summation shows.
    fn values(len: usize, seed: u32) -> Vec<f32> {
        let mut state = seed;
        (0..len)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) as f32 / 8_388_608.0 - 1.0
            })
            .collect()
    }

    #[test]
    fn every_copy_of_dot_has_the_bits_of_the_definition() {
        for len in [0, 1, 15, 16, 17, 31, 64, 67, 256, 1000] {
            let (a, b) = (values(len, 1), values(len, 2));
            let mut lanes = [0f32; 16];
            for i in 0..len {
                lanes[i % 16] += a[i] * b[i];
            }
            let eight: Vec<f32> = (0..8).map(|i| lanes[i] + lanes[i + 8]).collect();
            let four: Vec<f32> = (0..4).map(|i| eight[i] + eight[i + 4]).collect();
            let expected = (four[0] + four[2]) + (four[1] + four[3]);
            assert_eq!(dot(&a, &b).to_bits(), expected.to_bits(), "length {len}");
            assert_eq!(
                dot::baseline(&a, &b).to_bits(),
                expected.to_bits(),
                "length {len}"
            );
        }
    }

    #[test]
    fn add_scaled_matches_its_baseline() {
        for len in [0, 5, 16, 64, 67] {
            let x = values(len, 8);
            let (mut a, mut b) = (values(len, 9), values(len, 9));
            add_scaled(&mut a, &x, 0.3);
            add_scaled::baseline(&mut b, &x, 0.3);
            assert_eq!(a, b);
        }
    }

    #[test]
    fn gram_tile_matches_the_triple_loop() {
        let (n, k) = (37, 40);
        let x = values(n * k, 3);
        for (i0, j0) in [(0, 0), (8, 32), (36, 8), (36, 32)] {
            let tile = gram_tile(&x, k, i0, j0);
            let base = gram_tile::baseline(&x, k, i0, j0);
            for a in 0..TILE_ROWS {
                for b in 0..TILE_COLUMNS {
                    let mut sum = 0f32;
                    if j0 + b < k {
                        for r in 0..n {
                            sum += x[r * k + i0 + a] * x[r * k + j0 + b];
                        }
                    }
                    assert_eq!(tile[a][b].to_bits(), sum.to_bits());
                    assert_eq!(base[a][b].to_bits(), sum.to_bits());
                }
            }
        }
    }

    #[test]
    fn matmul_tile_matches_the_triple_loop() {
        let k = 40;
        let right = values(k * TILE_COLUMNS, 5);
        for rows in 1..=4 {
            let left = values(rows * k, 4);
            for depth in [0, 1, 39, 40, 100] {
                let tile = matmul_tile(&left, k, &right, depth);
                assert_eq!(tile, matmul_tile::baseline(&left, k, &right, depth));
                for a in 0..rows {
                    for b in 0..TILE_COLUMNS {
                        let mut sum = 0f32;
                        for c in 0..depth.min(k) {
                            sum += left[a * k + c] * right[c * TILE_COLUMNS + b];
                        }
                        assert_eq!(tile[a][b].to_bits(), sum.to_bits());
                    }
                }
            }
        }
    }
}
