//! Small symmetric positive definite systems, the inner step of the ridge and ALS trainers.

use crate::dispatch::multiversion;
use crate::lanes::{Isa, LANES};

/// Rows that are worked on together.
const BLOCK: usize = 4;

/// The distance between rows of a system of `n` unknowns: `n + 1` columns, rounded up to whole
/// vectors.
#[must_use]
pub const fn stride(n: usize) -> usize {
    (n + 1).next_multiple_of(LANES)
}

multiversion! {
    /// Solves `A w = b` for a symmetric positive definite `A`, by Cholesky.
    ///
    /// `system` is row-major with rows of [`stride`]`(n)` values: the upper triangle of `A` in
    /// the columns `0..n`, `b` in column `n`; what stands below the diagonal and beyond column
    /// `n` is ignored and overwritten. The solution goes to `w[..n]`. An unknown whose pivot is
    /// not positive gets 0, and the others are solved without it.
    ///
    /// Each element has the rows above taken out of it one at a time, in their order; dot products
    /// of the back substitution are folded as in [`dot`](crate::dot). Four rows are worked on
    /// together, so that a row above is read once for them.
    pub fn solve_spd[isa](system: &mut [f32], n: usize, w: &mut [f32]) {
        let width = stride(n);
        if system.len() < n * width || w.len() < n {
            return;
        }
        for first in (0..n).step_by(BLOCK) {
            let rows = BLOCK.min(n - first);
            let (above, rest) = system.split_at_mut(first * width);
            let block = &mut rest[..rows * width];
            let start = first / LANES * LANES;
            if rows == BLOCK {
                let mut column = start;
                while column + 2 * LANES <= width {
                    take_out::<_, 2>(isa, above, block, width, first, column);
                    column += 2 * LANES;
                }
                if column < width {
                    take_out::<_, 1>(isa, above, block, width, first, column);
                }
            } else {
                for (i, row) in block.chunks_exact_mut(width).enumerate() {
                    for from in above.chunks_exact(width) {
                        subtract(isa, row, from, from[first + i], start);
                    }
                }
            }
            for i in 0..rows {
                let (head, tail) = block.split_at_mut((i + 1) * width);
                let row = &mut head[i * width..];
                let pivot = row[first + i];
                let scale = if pivot > 0.0 { 1.0 / pivot.sqrt() } else { 0.0 };
                let factor = isa.splat(scale);
                let (vectors, _) = row[start..].as_chunks_mut::<LANES>();
                for vector in vectors {
                    *vector = isa.store(isa.mul(isa.load(vector), factor));
                }
                for (below, target) in tail.chunks_exact_mut(width).enumerate() {
                    subtract(isa, target, row, row[first + i + 1 + below], start);
                }
            }
        }
        // `U w = y`; `y` is in column `n` by now.
        w[..n].fill(0.0);
        for p in (0..n).rev() {
            let row = &system[p * width..(p + 1) * width];
            let pivot = row[p];
            if pivot <= 0.0 {
                continue;
            }
            let mut sum = isa.splat(0.0);
            let first = p / LANES * LANES;
            // `w` is still zero up to and including `p`, so the columns before it add nothing.
            for (a, b) in row[first..n].chunks(LANES).zip(w[first..n].chunks(LANES)) {
                let mut left = [0f32; LANES];
                let mut right = [0f32; LANES];
                left[..a.len()].copy_from_slice(a);
                right[..b.len()].copy_from_slice(b);
                sum = isa.add(sum, isa.mul(isa.load(&left), isa.load(&right)));
            }
            w[p] = (row[n] - isa.fold(sum)) / pivot;
        }
    }
}

/// Takes the finished rows `above` out of `N` vectors of the [`BLOCK`] rows of `block`, from a
/// column on; the block begins at row `first`.
#[inline(always)]
fn take_out<I: Isa, const N: usize>(
    isa: I,
    above: &[f32],
    block: &mut [f32],
    width: usize,
    first: usize,
    column: usize,
) {
    let mut sums = [[isa.splat(0.0); N]; BLOCK];
    for (sums, row) in sums.iter_mut().zip(block.chunks_exact(width)) {
        let (vectors, _) = row[column..].as_chunks::<LANES>();
        for (sum, vector) in sums.iter_mut().zip(vectors) {
            *sum = isa.load(vector);
        }
    }
    for row in above.chunks_exact(width) {
        let (Some(factors), Some(vectors)) = (
            row[first..].first_chunk::<BLOCK>(),
            row[column..].as_chunks::<LANES>().0.first_chunk::<N>(),
        ) else {
            return;
        };
        let vectors = vectors.each_ref().map(|vector| isa.load(vector));
        for (sums, &factor) in sums.iter_mut().zip(factors) {
            let factor = isa.splat(-factor);
            for (sum, &vector) in sums.iter_mut().zip(&vectors) {
                *sum = isa.add(*sum, isa.mul(factor, vector));
            }
        }
    }
    for (sums, row) in sums.into_iter().zip(block.chunks_exact_mut(width)) {
        let (vectors, _) = row[column..].as_chunks_mut::<LANES>();
        for (vector, sum) in vectors.iter_mut().zip(sums) {
            *vector = isa.store(sum);
        }
    }
}

/// `row -= factor · from`, from the column `start` on, which begins a vector.
#[inline(always)]
fn subtract<I: Isa>(isa: I, row: &mut [f32], from: &[f32], factor: f32, start: usize) {
    let factor = isa.splat(-factor);
    let (row, _) = row[start..].as_chunks_mut::<LANES>();
    let (from, _) = from[start..].as_chunks::<LANES>();
    for (to, from) in row.iter_mut().zip(from) {
        *to = isa.store(isa.add(isa.load(to), isa.mul(factor, isa.load(from))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn random(len: usize, seed: u32) -> Vec<f32> {
        let mut state = seed;
        (0..len)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) as f32 / 8_388_608.0 - 1.0
            })
            .collect()
    }

    /// `XᵀX + λI` and a right side, with rubbish where nothing is read.
    fn system(n: usize, seed: u32) -> (Vec<f32>, Vec<Vec<f64>>, Vec<f64>) {
        let x = random(2 * n * n.max(1), seed);
        let b = random(n, seed + 1);
        let mut a = vec![vec![0f64; n]; n];
        for (i, row) in a.iter_mut().enumerate() {
            for (j, value) in row.iter_mut().enumerate() {
                *value = (0..2 * n)
                    .map(|r| f64::from(x[r * n + i]) * f64::from(x[r * n + j]))
                    .sum();
                if i == j {
                    *value += 1.0;
                }
            }
        }
        let width = stride(n);
        let mut flat = vec![77f32; n * width];
        for i in 0..n {
            for j in i..n {
                flat[i * width + j] = a[i][j] as f32;
            }
            flat[i * width + n] = b[i];
        }
        (flat, a, b.iter().map(|&v| f64::from(v)).collect())
    }

    #[test]
    fn the_residual_is_small_and_every_copy_has_the_same_bits() {
        for n in [0, 1, 2, 15, 16, 17, 31, 64, 100] {
            let (flat, a, b) = system(n, 3 + n as u32);
            let mut first: Option<Vec<u32>> = None;
            for copy in [solve_spd, solve_spd::portable, solve_spd::narrow] {
                let mut flat = flat.clone();
                let mut w = vec![5f32; n];
                copy(&mut flat, n, &mut w);
                for (row, &right) in a.iter().zip(&b) {
                    let left: f64 = row.iter().zip(&w).map(|(a, &w)| a * f64::from(w)).sum();
                    assert!((left - right).abs() < 2e-3, "{n}: {left} {right}");
                }
                let bits: Vec<u32> = w.iter().map(|w| w.to_bits()).collect();
                assert_eq!(first.get_or_insert_with(|| bits.clone()), &bits, "{n}");
            }
        }
    }

    #[test]
    fn the_bits_are_those_of_one_row_at_a_time() {
        for n in [1, 3, 4, 5, 15, 16, 17, 33, 50, 100] {
            let (flat, ..) = system(n, 70 + n as u32);
            let width = stride(n);
            let mut rows: Vec<Vec<f32>> =
                flat.chunks(width).map(|row| row[..=n].to_vec()).collect();
            for p in 0..n {
                let scale = 1.0 / rows[p][p].sqrt();
                rows[p].iter_mut().for_each(|v| *v *= scale);
                for q in p + 1..n {
                    for c in q..=n {
                        rows[q][c] += -rows[p][q] * rows[p][c];
                    }
                }
            }
            let (mut blocked, mut w) = (flat, vec![0f32; n]);
            solve_spd(&mut blocked, n, &mut w);
            for (row, blocked) in rows
                .iter()
                .zip(blocked.chunks(width))
                .enumerate()
                .map(|(q, (a, b))| (&a[q..], &b[q..=n]))
            {
                let bits = |v: &[f32]| v.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
                assert_eq!(bits(row), bits(blocked), "{n}");
            }
        }
    }

    #[test]
    fn a_pivot_that_is_not_positive_is_left_out() {
        // Unknown 1 has no equation; 0 and 2 are solved by themselves.
        let width = stride(3);
        let mut flat = vec![0f32; 3 * width];
        flat[0] = 4.0;
        flat[2] = 0.0;
        flat[3] = 8.0;
        flat[2 * width + 2] = 0.25;
        flat[2 * width + 3] = 1.0;
        let mut w = [9f32; 3];
        solve_spd(&mut flat, 3, &mut w);
        assert_eq!(w, [2.0, 0.0, 4.0]);
        let mut short = [1f32; 3];
        solve_spd(&mut short, 3, &mut w);
        assert_eq!(
            w,
            [2.0, 0.0, 4.0],
            "a system that is too small is left alone"
        );
    }
}
