//! The spectral trainer: a closed form, no epochs.
//!
//! With `R` the user × item matrix, `R̃ = D_u^-½ R D_i^-½` and `G = R̃ᵀR̃`, the items' graph
//! filter joins a linear part, the normalised co-occurrence `g = G_ij`, and an ideal low-pass
//! part, the projector `QQᵀ` on the leading right singular subspace of `R̃`:
//!
//! `w_ij = (g_ij + α · q_i·q_j) · (d_j / d_i)^e`
//!
//! Source: GF-CF, Shen et al., "How Powerful is Graph Convolution for Recommendation?", CIKM
//! 2021. Here the filter is evaluated on co-occurring pairs only, and only the strongest
//! neighbours are kept, so that what remains is a sparse item graph.
//!
//! Cost: the subspace takes `iterations · (4 · entries · rank + 2 · items · rank²)` operations,
//! the graph Σ over users of (items of the user)² plus `items · candidates · rank`; memory is
//! `2 · items · rank` floats.

mod linalg;
mod subspace;

use super::graph::{Row, Trainer, strongest};
use crate::error::Result;
use crate::parallel::Workers;
use crate::train::{Matrix, TrainOptions};

/// Columns beyond the number of directions that the data can have.
const OVERSAMPLING: usize = 8;
/// Items that one task scores.
const ITEMS_A_TASK: usize = 64;

/// See the module.
pub(crate) struct Spectral {
    rank: usize,
    iterations: usize,
    candidates: usize,
    alpha: f32,
    exponent: f64,
    seed: u64,
}

impl Spectral {
    pub(crate) fn new(options: &TrainOptions) -> Self {
        Self {
            rank: options.rank,
            iterations: options.iterations,
            candidates: options.candidates,
            alpha: options.alpha as f32,
            exponent: options.popularity_exponent,
            seed: options.seed,
        }
    }
}

/// What a thread needs to score an item against all that co-occur with it.
#[derive(Default)]
struct Scratch {
    /// Co-occurrence with the item at hand; zero between items.
    sums: Vec<f32>,
    touched: Vec<u32>,
    by_filter: Row,
    by_reach: Row,
    candidates: Vec<u32>,
    /// `q_i · q_j` of each candidate.
    smooth: Vec<f32>,
}

impl Trainer for Spectral {
    fn name(&self) -> &'static str {
        "spectral"
    }

    fn rows(&self, matrix: &Matrix, keep: usize, workers: &Workers<'_>) -> Result<Vec<Row>> {
        let degrees = Degrees::of(matrix, self.exponent);
        // There are no more directions than users; a few columns more than directions make sure
        // that none is missed.
        let rank = self
            .rank
            .min(matrix.items())
            .min(matrix.users() + OVERSAMPLING);
        let basis = if self.alpha > 0.0 && rank > 0 && matrix.users() > 0 {
            subspace::leading(matrix, &degrees, rank, self.iterations, self.seed, workers)?
        } else {
            Vec::new()
        };
        let vector = |item: u32| {
            let start = item as usize * rank;
            basis.get(start..start + rank).unwrap_or(&[])
        };
        let limit = self.candidates.max(keep);
        let starts: Vec<usize> = (0..matrix.items()).step_by(ITEMS_A_TASK).collect();
        let tasks = workers.map("graph", starts, Scratch::default, |_, start, scratch| {
            scratch.sums.resize(matrix.items(), 0.0);
            let end = (start + ITEMS_A_TASK).min(matrix.items());
            let rows = (start as u32..end as u32).map(|item| {
                scratch.co_occurrence(matrix, &degrees, item);
                scratch.choose(&degrees, limit);
                let scale = degrees.item_power_inverse(item);
                scratch.smooth.clear();
                scratch.smooth.resize(scratch.candidates.len(), 0.0);
                tastemaker_kernels::dots(
                    vector(item),
                    &basis,
                    &scratch.candidates,
                    &mut scratch.smooth,
                );
                let mut row = Row::with_capacity(scratch.candidates.len());
                for (&other, &smooth) in scratch.candidates.iter().zip(&scratch.smooth) {
                    let filter = scratch.sums.get(other as usize).copied().unwrap_or(0.0);
                    let weight =
                        (filter + self.alpha * smooth) * (degrees.item_power(other) * scale);
                    if weight > 0.0 && weight.is_finite() {
                        row.push((other, weight));
                    }
                }
                scratch.clear();
                strongest(&mut row, keep);
                row.shrink_to_fit();
                row
            });
            Ok(rows.collect::<Vec<Row>>())
        })?;
        Ok(tasks.into_iter().flatten().collect())
    }
}

impl Scratch {
    /// Fills `sums` with `g`, the normalised co-occurrence of `item` with every other item, and
    /// `touched` with the items where it is not zero. Users ascend, so the sums have one order.
    fn co_occurrence(&mut self, matrix: &Matrix, degrees: &Degrees, item: u32) {
        let (users, values) = matrix.column(item);
        for (&user, &value) in users.iter().zip(values) {
            let factor = value * degrees.user_inverse(user);
            let (others, weights) = matrix.row(user);
            for (&other, &weight) in others.iter().zip(weights) {
                if let Some(sum) = self.sums.get_mut(other as usize) {
                    if *sum == 0.0 {
                        self.touched.push(other);
                    }
                    *sum += factor * weight;
                }
            }
        }
        let own = degrees.item_root_inverse(item);
        for &other in &self.touched {
            if let Some(sum) = self.sums.get_mut(other as usize) {
                *sum *= own * degrees.item_root_inverse(other);
            }
        }
        if let Some(itself) = self.sums.get_mut(item as usize) {
            *itself = 0.0;
        }
    }

    /// The strongest by `g` joined with the strongest by `g · √d`, which reaches the popular.
    fn choose(&mut self, degrees: &Degrees, limit: usize) {
        let sum = |other: u32| self.sums.get(other as usize).copied().unwrap_or(0.0);
        let positive = self
            .touched
            .iter()
            .map(|&other| (other, sum(other)))
            .filter(|&(_, g)| g > 0.0);
        self.by_filter.clear();
        self.by_filter.extend(positive);
        self.candidates.clear();
        if self.by_filter.len() > limit {
            let reach = |&(other, g): &(u32, f32)| (other, g * degrees.item_root(other));
            self.by_reach.clear();
            self.by_reach.extend(self.by_filter.iter().map(reach));
            strongest(&mut self.by_reach, limit);
            strongest(&mut self.by_filter, limit);
            self.candidates
                .extend(self.by_reach.iter().map(|&(other, _)| other));
        }
        self.candidates
            .extend(self.by_filter.iter().map(|&(other, _)| other));
        self.candidates.sort_unstable();
        self.candidates.dedup();
    }

    fn clear(&mut self) {
        for &other in &self.touched {
            if let Some(sum) = self.sums.get_mut(other as usize) {
                *sum = 0.0;
            }
        }
        self.touched.clear();
    }
}

/// Weighted degrees and the powers of them that the filter needs; 0 where the degree is 0.
pub(super) struct Degrees {
    user_inverse: Vec<f32>,
    item_root: Vec<f32>,
    item_root_inverse: Vec<f32>,
    item_power: Vec<f32>,
    item_power_inverse: Vec<f32>,
}

fn at(values: &[f32], index: u32) -> f32 {
    values.get(index as usize).copied().unwrap_or(0.0)
}

impl Degrees {
    fn of(matrix: &Matrix, exponent: f64) -> Self {
        let sum = |values: &[f32]| values.iter().fold(0f64, |sum, &v| sum + f64::from(v));
        let items: Vec<f64> = (0..matrix.items() as u32)
            .map(|item| sum(matrix.column(item).1))
            .collect();
        let each = |f: &dyn Fn(f64) -> f64| -> Vec<f32> {
            items
                .iter()
                .map(|&d| if d > 0.0 { f(d) as f32 } else { 0.0 })
                .collect()
        };
        Self {
            user_inverse: (0..matrix.users() as u32)
                .map(|user| {
                    let degree = sum(matrix.row(user).1);
                    if degree > 0.0 {
                        (1.0 / degree) as f32
                    } else {
                        0.0
                    }
                })
                .collect(),
            item_root: each(&f64::sqrt),
            item_root_inverse: each(&|d| 1.0 / d.sqrt()),
            item_power: each(&|d| libm::pow(d, exponent)),
            item_power_inverse: each(&|d| libm::pow(d, -exponent)),
        }
    }

    pub(super) fn user_inverse(&self, user: u32) -> f32 {
        at(&self.user_inverse, user)
    }

    fn item_root(&self, item: u32) -> f32 {
        at(&self.item_root, item)
    }

    pub(super) fn item_root_inverse(&self, item: u32) -> f32 {
        at(&self.item_root_inverse, item)
    }

    fn item_power(&self, item: u32) -> f32 {
        at(&self.item_power, item)
    }

    fn item_power_inverse(&self, item: u32) -> f32 {
        at(&self.item_power_inverse, item)
    }
}
