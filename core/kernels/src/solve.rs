//! Small symmetric positive definite systems, the inner step of the ridge and ALS trainers.

use crate::dispatch::multiversion;
use crate::lanes::LANES;

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
    /// The order of operations is that of the right-looking algorithm, one row taken out of the
    /// rest at a time; dot products of the back substitution are folded as in
    /// [`dot`](crate::dot).
    pub fn solve_spd[isa](system: &mut [f32], n: usize, w: &mut [f32]) {
        let width = stride(n);
        if system.len() < n * width || w.len() < n {
            return;
        }
        for p in 0..n {
            let (head, tail) = system.split_at_mut((p + 1) * width);
            let row = &mut head[p * width..];
            let pivot = row[p];
            let scale = if pivot > 0.0 { 1.0 / pivot.sqrt() } else { 0.0 };
            let first = p / LANES * LANES;
            let (vectors, _) = row[first..].as_chunks_mut::<LANES>();
            let factor = isa.splat(scale);
            for vector in vectors {
                *vector = isa.store(isa.mul(isa.load(vector), factor));
            }
            let (row, _) = row.as_chunks::<LANES>();
            for (below, target) in tail[..(n - p - 1) * width].chunks_exact_mut(width).enumerate() {
                let q = p + 1 + below;
                let factor = row[q / LANES][q % LANES];
                if factor == 0.0 {
                    continue;
                }
                let factor = isa.splat(-factor);
                let (target, _) = target.as_chunks_mut::<LANES>();
                for (to, from) in target.iter_mut().zip(row).skip(q / LANES) {
                    *to = isa.store(isa.add(isa.load(to), isa.mul(factor, isa.load(from))));
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
