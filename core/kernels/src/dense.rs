//! Dense `f32` kernels of the trainers. Safe slices in; no fused multiply-add.

use crate::dispatch::multiversion;
use crate::lanes::LANES;

/// Rows of a tile of [`gram_tile`] and [`matmul_tile`].
pub const TILE_ROWS: usize = 4;
/// Columns of a tile of [`gram_tile`] and [`matmul_tile`].
pub const TILE_COLUMNS: usize = 2 * LANES;

/// The first sixteen values of a slice; missing ones are zero.
#[inline(always)]
pub(crate) fn padded<T: Copy + Default>(values: &[T]) -> [T; LANES] {
    match values.first_chunk::<LANES>() {
        Some(whole) => *whole,
        None => {
            let mut lanes = [T::default(); LANES];
            for (to, from) in lanes.iter_mut().zip(values) {
                *to = *from;
            }
            lanes
        }
    }
}

multiversion! {
    /// The inner product of `a` and `b`, over the shorter of the two lengths.
    ///
    /// Value `i` goes to partial sum `i mod 16`; the sixteen are folded as a binary tree.
    ///
    /// ```
    /// assert_eq!(tastemaker_kernels::dot(&[1.0, 2.0], &[3.0, 4.0]), 11.0);
    /// ```
    pub fn dot[isa](a: &[f32], b: &[f32]) -> f32 {
        let len = a.len().min(b.len());
        let mut sum = isa.splat(0.0);
        for (x, y) in a[..len].chunks(LANES).zip(b[..len].chunks(LANES)) {
            sum = isa.add(sum, isa.mul(isa.load(&padded(x)), isa.load(&padded(y))));
        }
        isa.fold(sum)
    }
}

multiversion! {
    /// `out[n] = dot(query, row ids[n] of matrix)`, with the bits of [`dot`], for a row-major
    /// matrix as wide as `query`. Rows outside the matrix give 0. Four rows at a time, so that
    /// their sums and their cache misses overlap.
    pub fn dots[isa](query: &[f32], matrix: &[f32], ids: &[u32], out: &mut [f32]) {
        let width = query.len();
        let row = |id: u32| {
            let start = (id as usize).saturating_mul(width);
            matrix.get(start..start.saturating_add(width)).unwrap_or(&[])
        };
        for (ids, out) in ids.chunks(4).zip(out.chunks_mut(4)) {
            let rows: [&[f32]; 4] = std::array::from_fn(|i| ids.get(i).map_or(&[][..], |&id| row(id)));
            let mut sums = [isa.splat(0.0); 4];
            let whole = width / LANES * LANES;
            if rows.iter().all(|r| r.len() == width) {
                for at in (0..whole).step_by(LANES) {
                    let q = isa.load(&padded(&query[at..]));
                    sums[0] = isa.add(sums[0], isa.mul(q, isa.load(&padded(&rows[0][at..]))));
                    sums[1] = isa.add(sums[1], isa.mul(q, isa.load(&padded(&rows[1][at..]))));
                    sums[2] = isa.add(sums[2], isa.mul(q, isa.load(&padded(&rows[2][at..]))));
                    sums[3] = isa.add(sums[3], isa.mul(q, isa.load(&padded(&rows[3][at..]))));
                }
                if whole < width {
                    let q = isa.load(&padded(&query[whole..]));
                    for (sum, row) in sums.iter_mut().zip(rows) {
                        *sum = isa.add(*sum, isa.mul(q, isa.load(&padded(&row[whole..]))));
                    }
                }
            } else {
                for (sum, row) in sums.iter_mut().zip(rows) {
                    for (x, y) in query.chunks(LANES).zip(row.chunks(LANES)) {
                        *sum = isa.add(*sum, isa.mul(isa.load(&padded(x)), isa.load(&padded(y))));
                    }
                }
            }
            for (to, sum) in out.iter_mut().zip(isa.fold_four(sums)) {
                *to = sum;
            }
        }
    }
}

multiversion! {
    /// `out[i] += factor * x[i]`, over the shorter of the two lengths; each element on its own.
    pub fn add_scaled[isa](out: &mut [f32], x: &[f32], factor: f32) {
        let scale = isa.splat(factor);
        let len = out.len().min(x.len());
        let (mut to, mut from) = (out[..len].chunks_exact_mut(LANES), x[..len].chunks_exact(LANES));
        for (to, from) in (&mut to).zip(&mut from) {
            let sum = isa.add(isa.load(&padded(to)), isa.mul(scale, isa.load(&padded(from))));
            to.copy_from_slice(&isa.store(sum));
        }
        for (to, from) in to.into_remainder().iter_mut().zip(from.remainder()) {
            *to += factor * from;
        }
    }
}

multiversion! {
    /// One tile of `rowsᵀ · rows`, for `rows` in row-major order with `columns` columns:
    /// `tile[a][b] = Σ_r rows[r][first_row + a] · rows[r][first_column + b]`, summed in the
    /// order of the rows. Columns at and beyond `columns` count as zero.
    pub fn gram_tile[isa](
        rows: &[f32],
        columns: usize,
        first_row: usize,
        first_column: usize,
    ) -> [[f32; TILE_COLUMNS]; TILE_ROWS] {
        let mut sums = [[isa.splat(0.0); 2]; TILE_ROWS];
        if columns > 0 {
            for row in rows.chunks_exact(columns) {
                let left = row.get(first_row..).unwrap_or(&[]);
                let right = row.get(first_column..).unwrap_or(&[]);
                let low = isa.load(&padded(right));
                let high = isa.load(&padded(right.get(LANES..).unwrap_or(&[])));
                if let Some(factors) = left.first_chunk::<TILE_ROWS>() {
                    for (sum, &factor) in sums.iter_mut().zip(factors) {
                        let factor = isa.splat(factor);
                        sum[0] = isa.add(sum[0], isa.mul(factor, low));
                        sum[1] = isa.add(sum[1], isa.mul(factor, high));
                    }
                } else {
                    for (sum, &factor) in sums.iter_mut().zip(left) {
                        let factor = isa.splat(factor);
                        sum[0] = isa.add(sum[0], isa.mul(factor, low));
                        sum[1] = isa.add(sum[1], isa.mul(factor, high));
                    }
                }
            }
        }
        join(sums.map(|[low, high]| [isa.store(low), isa.store(high)]))
    }
}

multiversion! {
    /// One tile of `left · right`: `tile[a][b] = Σ_{c < depth} left[a][c] · right[c][b]`, summed
    /// in the order of `c`. `left` holds up to [`TILE_ROWS`] rows of `columns` values; `right`
    /// is row-major with [`TILE_COLUMNS`] values a row. Missing values count as zero.
    pub fn matmul_tile[isa](
        left: &[f32],
        columns: usize,
        right: &[f32],
        depth: usize,
    ) -> [[f32; TILE_COLUMNS]; TILE_ROWS] {
        let mut sums = [[isa.splat(0.0); 2]; TILE_ROWS];
        let depth = depth.min(columns);
        let row = |a: usize| left.get(a * columns..(a + 1) * columns).and_then(|r| r.get(..depth)).unwrap_or(&[]);
        let rows: [&[f32]; TILE_ROWS] = std::array::from_fn(row);
        for (c, values) in right.chunks_exact(TILE_COLUMNS).take(depth).enumerate() {
            let low = isa.load(&padded(values));
            let high = isa.load(&padded(&values[LANES..]));
            for (sum, row) in sums.iter_mut().zip(rows) {
                let factor = isa.splat(row.get(c).copied().unwrap_or(0.0));
                sum[0] = isa.add(sum[0], isa.mul(factor, low));
                sum[1] = isa.add(sum[1], isa.mul(factor, high));
            }
        }
        join(sums.map(|[low, high]| [isa.store(low), isa.store(high)]))
    }
}

#[inline(always)]
fn join(halves: [[[f32; LANES]; 2]; TILE_ROWS]) -> [[f32; TILE_COLUMNS]; TILE_ROWS] {
    halves.map(|[low, high]| {
        std::array::from_fn(|i| if i < LANES { low[i] } else { high[i - LANES] })
    })
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
            for copy in [dot, dot::portable, dot::narrow] {
                assert_eq!(copy(&a, &b).to_bits(), expected.to_bits(), "length {len}");
            }
        }
    }

    #[test]
    fn dots_are_dots() {
        for width in [1, 16, 40, 256] {
            let matrix = values(9 * width, 3);
            let query = values(width, 4);
            let ids = [3, 0, 8, 8, 1, 77, 2];
            let expected: Vec<u32> = ids
                .iter()
                .map(|&id| {
                    matrix
                        .get(id as usize * width..(id as usize + 1) * width)
                        .map_or(0.0, |r| dot(&query, r))
                })
                .map(f32::to_bits)
                .collect();
            for copy in [dots, dots::portable, dots::narrow] {
                let mut out = [9f32; 7];
                copy(&query, &matrix, &ids, &mut out);
                assert_eq!(out.map(f32::to_bits).as_slice(), expected, "width {width}");
            }
        }
        dots(&[], &[], &[1, 2], &mut [0.0; 2]);
    }

    #[test]
    fn add_scaled_is_elementwise() {
        for len in [0, 5, 16, 64, 67] {
            let (x, start) = (values(len, 8), values(len, 9));
            let expected: Vec<f32> = start.iter().zip(&x).map(|(o, v)| o + 0.3 * v).collect();
            for copy in [add_scaled, add_scaled::portable, add_scaled::narrow] {
                let mut out = start.clone();
                copy(&mut out, &x, 0.3);
                assert_eq!(out, expected);
            }
        }
    }

    #[test]
    fn gram_tile_matches_the_triple_loop() {
        let (n, k) = (37, 40);
        let x = values(n * k, 3);
        for (i0, j0) in [(0, 0), (8, 32), (36, 8), (36, 32), (39, 0), (40, 40)] {
            for copy in [gram_tile, gram_tile::portable, gram_tile::narrow] {
                let tile = copy(&x, k, i0, j0);
                for a in 0..TILE_ROWS {
                    for b in 0..TILE_COLUMNS {
                        let mut sum = 0f32;
                        if i0 + a < k && j0 + b < k {
                            for r in 0..n {
                                sum += x[r * k + i0 + a] * x[r * k + j0 + b];
                            }
                        }
                        assert_eq!(tile[a][b].to_bits(), sum.to_bits());
                    }
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
                for copy in [matmul_tile, matmul_tile::portable, matmul_tile::narrow] {
                    let tile = copy(&left, k, &right, depth);
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
}
