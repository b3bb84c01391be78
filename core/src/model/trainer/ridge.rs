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

use super::pairs::{powers, sum};
use crate::error::Result;
use crate::model::graph::Row;
use crate::parallel::Workers;
use crate::train::{Matrix, RidgeOptions};
use tastemaker_kernels::{solve_spd, stride};

/// Catalogs up to this size get the whole Gram matrix in memory (items² · 4 bytes), which is
/// faster where everything meets everything.
const DENSE_ITEMS: usize = 6_000;
/// Rows of the dense Gram that one task fills.
const ROWS_A_TASK: usize = 16;
const NONE: u32 = u32::MAX;

/// The parts that do not depend on λ: see the module.
pub(super) struct Gram<'a> {
    matrix: &'a Matrix,
    /// `ω_u · (1 / mean entry)²`.
    user_weight: Vec<f32>,
    diagonal: Vec<f32>,
    /// The upper triangle, row-major, if the catalog is small.
    dense: Option<Vec<f32>>,
}

/// What one thread needs.
#[derive(Default)]
pub(super) struct Scratch {
    /// (item, place in the system), ascending by item; the target's place is the last.
    places: Vec<(u32, u32)>,
    /// The newest entry of each user; valid if it is not below `base`.
    last: Vec<u32>,
    base: u32,
    entries: Vec<Entry>,
    /// `A` and its right side, without λ.
    pub(super) system: Vec<f32>,
    work: Vec<f32>,
    solution: Vec<f32>,
}

#[derive(Clone, Copy)]
struct Entry {
    previous: u32,
    place: u32,
    factor: f32,
}

impl<'a> Gram<'a> {
    pub(super) fn new(
        matrix: &'a Matrix,
        user_exponent: f64,
        workers: &Workers<'_>,
    ) -> Result<Self> {
        let degrees: Vec<f64> = (0..matrix.users() as u32)
            .map(|user| sum(matrix.row(user).1))
            .collect();
        let active = degrees.iter().filter(|&&d| d > 0.0).count().max(1) as f64;
        let total: f64 = degrees.iter().fold(0.0, |a, b| a + b);
        // λ means the same whatever the unit of the weights.
        let mean_entry = total / matrix.entries().max(1) as f64;
        let mean_degree = total / active;
        let scaled: Vec<f64> = degrees.iter().map(|d| d / mean_degree).collect();
        let square = (mean_entry * mean_entry) as f32;
        let mut user_weight = powers(&scaled, -user_exponent);
        for weight in &mut user_weight {
            *weight /= square;
        }
        let mut gram = Self {
            matrix,
            user_weight,
            diagonal: Vec::new(),
            dense: None,
        };
        gram.diagonal = (0..matrix.items() as u32)
            .map(|item| {
                let (users, values) = matrix.column(item);
                users
                    .iter()
                    .zip(values)
                    .fold(0f32, |sum, (&user, &x)| sum + (gram.weight(user) * x) * x)
            })
            .collect();
        if matrix.items() <= DENSE_ITEMS {
            gram.dense = Some(gram.fill(workers)?);
        }
        Ok(gram)
    }

    fn weight(&self, user: u32) -> f32 {
        self.user_weight.get(user as usize).copied().unwrap_or(0.0)
    }

    /// The whole upper triangle. Each sum is over the users in ascending order, and each product
    /// is `(ω · x_a) · x_b` with `a < b`, as in `collect`: the same bits.
    fn fill(&self, workers: &Workers<'_>) -> Result<Vec<f32>> {
        let items = self.matrix.items();
        let mut out = vec![0f32; items * items];
        let quiet = workers.control.quiet();
        let quiet = Workers {
            threads: workers.threads,
            control: &quiet,
        };
        quiet.fill(
            "graph",
            &mut out,
            ROWS_A_TASK * items.max(1),
            |task, part| {
                for (i, row) in part.chunks_exact_mut(items).enumerate() {
                    let item = (task * ROWS_A_TASK + i) as u32;
                    let (users, values) = self.matrix.column(item);
                    for (&user, &x) in users.iter().zip(values) {
                        let factor = self.weight(user) * x;
                        let (others, weights) = self.matrix.row(user);
                        let first = others.partition_point(|&other| other <= item);
                        for (&other, &y) in others.iter().zip(weights).skip(first) {
                            if let Some(sum) = row.get_mut(other as usize) {
                                *sum += factor * y;
                            }
                        }
                    }
                }
                Ok(())
            },
        )?;
        Ok(out)
    }

    /// Sets up the system of `target` on `support` (ascending, without the target) in
    /// `scratch.system`: the upper triangle of `A_SS`, and `A_Sj` in the last column.
    pub(super) fn collect(
        &self,
        target: u32,
        support: &[u32],
        scales: &[f32],
        scratch: &mut Scratch,
    ) {
        let n = support.len();
        let width = stride(n);
        scratch.system.clear();
        scratch.system.resize(n * width, 0.0);
        scratch.places.clear();
        let below = support.partition_point(|&item| item < target);
        for (place, &item) in support.iter().enumerate() {
            if place == below {
                scratch.places.push((target, n as u32));
            }
            scratch.places.push((item, place as u32));
        }
        if below == n {
            scratch.places.push((target, n as u32));
        }
        match &self.dense {
            Some(dense) => self.look_up(dense, width, scratch),
            None => self.add_up(width, scratch),
        }
        let scale = |item: u32| scales.get(item as usize).copied().unwrap_or(0.0);
        let own = scale(target);
        for (place, (row, &item)) in scratch
            .system
            .chunks_exact_mut(width)
            .zip(support)
            .enumerate()
        {
            let left = scale(item);
            if let Some(value) = row.get_mut(place) {
                *value = self.diagonal.get(item as usize).copied().unwrap_or(0.0);
            }
            for (value, &other) in row.iter_mut().zip(support).skip(place) {
                *value *= left * scale(other);
            }
            if let Some(value) = row.get_mut(n) {
                *value *= left * own;
            }
        }
    }

    fn look_up(&self, dense: &[f32], width: usize, scratch: &mut Scratch) {
        let items = self.matrix.items();
        for (i, &(item, place)) in scratch.places.iter().enumerate() {
            let row = dense.get(item as usize * items..).unwrap_or(&[]);
            for &(other, there) in scratch.places.iter().skip(i + 1) {
                let (low, high) = (place.min(there), place.max(there));
                let value = row.get(other as usize).copied().unwrap_or(0.0);
                if let Some(slot) = scratch.system.get_mut(low as usize * width + high as usize) {
                    *slot = value;
                }
            }
        }
    }

    /// Adds up the pairs user by user: each item of the system looks up which earlier ones its
    /// users have.
    fn add_up(&self, width: usize, scratch: &mut Scratch) {
        let Scratch {
            places,
            last,
            base,
            entries,
            system,
            ..
        } = scratch;
        last.resize(self.matrix.users(), 0);
        let used = entries.len() as u32;
        entries.clear();
        // Entries are numbered on and on, so that `last` need not be cleared for each target.
        *base = match base.checked_add(used + 1) {
            Some(next) if next < NONE / 2 => next,
            _ => {
                last.fill(0);
                1
            }
        };
        for &(item, place) in places.iter() {
            let (users, values) = self.matrix.column(item);
            for (&user, &x) in users.iter().zip(values) {
                let Some(newest) = last.get_mut(user as usize) else {
                    continue;
                };
                let mut at = *newest;
                while at >= *base {
                    let Some(entry) = entries.get((at - *base) as usize) else {
                        break;
                    };
                    let (low, high) = (entry.place.min(place), entry.place.max(place));
                    if let Some(sum) = system.get_mut(low as usize * width + high as usize) {
                        *sum += entry.factor * x;
                    }
                    at = entry.previous;
                }
                let number = *base + entries.len() as u32;
                entries.push(Entry {
                    previous: if *newest >= *base { *newest } else { 0 },
                    place,
                    factor: self.weight(user) * x,
                });
                *newest = number;
            }
        }
    }
}

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

    pub(super) fn scales(&self) -> &[f32] {
        &self.scales
    }

    /// The edges that lead to `target`, by the items of the support that they come from.
    pub(super) fn solve(&self, target: u32, support: &[u32], scratch: &mut Scratch, out: &mut Row) {
        let n = support.len();
        let width = stride(n);
        scratch.work.clear();
        scratch.work.extend_from_slice(&scratch.system);
        for (place, row) in scratch.work.chunks_exact_mut(width).enumerate() {
            if let Some(value) = row.get_mut(place) {
                *value += self.lambda;
            }
        }
        scratch.solution.resize(n, 0.0);
        solve_spd(&mut scratch.work, n, &mut scratch.solution);
        let at = |values: &[f32], item: u32| values.get(item as usize).copied().unwrap_or(0.0);
        let reach = at(&self.reach, target);
        out.clear();
        for (&item, &w) in support.iter().zip(&scratch.solution) {
            let weight = w * at(&self.scales, item) * reach;
            if weight > 0.0 && weight.is_finite() {
                out.push((item, weight));
            }
        }
    }
}
