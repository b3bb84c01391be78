//! The ridge trainer: for each item, the items that predict it best together.
//!
//! SLIM (Ning and Karypis, "SLIM: Sparse Linear Methods for Top-N Recommender Systems", ICDM
//! 2011) and EASE (Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019)
//! regress every column of the user × item matrix on the others. Here each column `j` is
//! regressed on a small support `S`, its strongest candidates, by ridge regression:
//!
//! `w = (A_SS + λI)⁻¹ A_Sj`,  `A_ab = s_a · s_b · Σ_u ω_u · x_ua · x_ub`
//!
//! with users weighted `ω_u = (d_u / d̄)^-a` so that long histories do not rule, and items
//! scaled `s_i = d_i^-b` so that popular ones do not. The edge `i → j` gets
//! `w_i · s_i · d_j^e`. Unlike a similarity, `w` discounts what other items of the support say
//! already. Negative coefficients give no edge.
//!
//! Cost: for each item the pairs of its support in the users' histories, and one Cholesky of
//! `support³ / 6` operations.

use super::gram::{Gram, Scratch};
use super::pairs::{powers, sum};
use crate::model::graph::Row;
use crate::train::{Matrix, RidgeOptions};
use tastemaker_kernels::{solve_spd, stride};

/// The ridge regression of each item on its support, for one set of options.
pub(super) struct Ridge {
    lambda: f32,
    scales: Vec<f32>,
    reach: Vec<f32>,
}

impl Ridge {
    pub(super) fn new(matrix: &Matrix, options: &RidgeOptions) -> Self {
        let total: f64 = (0..matrix.items() as u32)
            .map(|item| sum(matrix.column(item).1))
            .fold(0.0, |a, b| a + b);
        let mean_entry = total / matrix.entries().max(1) as f64;
        let degrees: Vec<f64> = (0..matrix.items() as u32)
            .map(|item| sum(matrix.column(item).1) / mean_entry)
            .collect();
        Self {
            lambda: options.lambda as f32,
            scales: powers(&degrees, -options.item_exponent),
            reach: powers(&degrees, options.popularity_exponent),
        }
    }

    /// The edges that lead to `target`, by the items of the support that they come from.
    pub(super) fn solve(&self, target: u32, support: &[u32], scratch: &mut Scratch, out: &mut Row) {
        let n = support.len();
        let width = stride(n);
        let at = |values: &[f32], item: u32| values.get(item as usize).copied().unwrap_or(0.0);
        let Scratch {
            scales,
            system,
            work,
            solution,
            ..
        } = scratch;
        scales.clear();
        scales.extend(support.iter().map(|&item| at(&self.scales, item)));
        scales.push(at(&self.scales, target));
        scales.resize(width, 0.0);
        work.clear();
        for (place, (row, &left)) in system.chunks_exact(width).zip(scales.iter()).enumerate() {
            let scaled = row.iter().zip(scales.iter());
            work.extend(scaled.map(|(value, right)| value * (left * right)));
            if let Some(value) = work.get_mut(place * width + place) {
                *value += self.lambda;
            }
        }
        solution.resize(n, 0.0);
        solve_spd(work, n, solution);
        let reach = at(&self.reach, target);
        out.clear();
        for (&item, &w) in support.iter().zip(solution.iter()) {
            let weight = w * at(&self.scales, item) * reach;
            if weight > 0.0 && weight.is_finite() {
                out.push((item, weight));
            }
        }
    }

    /// From the edges into `item` the likely ones from it. In the inverse of `A + λI` of all
    /// items, which is symmetric, two items share one entry; a coefficient is that entry over
    /// the diagonal one of its target. That of the others is taken to be as far below
    /// `1 / (A_tt + λ)` as that of `item` is.
    pub(super) fn back(&self, gram: &Gram<'_>, item: u32, into: &Row, out: &mut Row) {
        let at = |values: &[f32], item: u32| values.get(item as usize).copied().unwrap_or(0.0);
        let own = |item: u32| {
            let scale = at(&self.scales, item);
            gram.diagonal(item) * scale * scale + self.lambda
        };
        let factor = at(&self.scales, item) / (at(&self.reach, item) * own(item));
        out.clear();
        for &(other, weight) in into {
            let weight =
                weight * factor * own(other) * at(&self.reach, other) / at(&self.scales, other);
            if weight > 0.0 && weight.is_finite() {
                out.push((other, weight));
            }
        }
    }
}
