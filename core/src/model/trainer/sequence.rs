//! The sequence trainer: what is viewed after what.
//!
//! Every two steps `p`, `q` of a user's path, `q` after `p` by `m` moments, 1 to `window`, and by
//! `t` days, say something about the edge from the item of `p` to that of `q`:
//!
//! `c_ab = Σ ω_p · ω_q · decay^(m − 1) · 2^(−t / half_life)`,
//! `w_ab = c_ab / √(d_a · d_b) · (d_b / d_a)^e`
//!
//! with `ω` what the steps' events count, and `d_a` their sum over all steps of `a`. Events with
//! the same timestamp have no order: they are one moment, and no edge comes of two of them. An
//! edge `a → b` does not make one `b → a`. Without timestamps there are no edges.
//!
//! Sources: sequential rules, Ludewig and Jannach, "Evaluation of session-based recommendation
//! algorithms", UMUAI 2018; the transitions between neighbours in time that Rendle et al.,
//! "Factorizing Personalized Markov Chains for Next-Basket Recommendation", WWW 2010, factorise.
//!
//! Cost: steps · the steps of `window` moments.

use super::pairs::{Pairs, powers};
use crate::model::graph::Row;
use crate::train::{Matrix, SequenceOptions, Step};

/// See the module.
pub(super) struct Sequence {
    /// `decay^(m - 1)` for `m` from 1.
    by_distance: Vec<f64>,
    /// In days.
    half_life: Option<f64>,
    own: Vec<f32>,
    other: Vec<f32>,
}

impl Sequence {
    pub(super) fn new(matrix: &Matrix, options: &SequenceOptions) -> Self {
        let mut by_distance = Vec::with_capacity(options.window);
        let mut weight = 1.0;
        for _ in 0..options.window {
            by_distance.push(weight);
            weight *= options.decay;
        }
        let degrees: Vec<f64> = (0..matrix.items() as u32)
            .map(|item| {
                matrix
                    .paths()
                    .of(item)
                    .fold(0.0, |sum, (step, _)| sum + f64::from(step.weight))
            })
            .collect();
        Self {
            by_distance,
            half_life: options.gap_half_life_days,
            own: powers(&degrees, -0.5 - options.popularity_exponent),
            other: powers(&degrees, options.popularity_exponent - 0.5),
        }
    }

    /// The weights of what comes after `item`.
    pub(super) fn row(&self, matrix: &Matrix, item: u32, pairs: &mut Pairs, out: &mut Row) {
        pairs.begin(matrix.items());
        for (step, rest) in matrix.paths().of(item) {
            for later in rest {
                let distance = (later.moment - step.moment) as usize;
                if distance == 0 || later.item == item {
                    continue;
                }
                let Some(&weight) = self.by_distance.get(distance - 1) else {
                    break;
                };
                pairs.add(later.item, self.product(step, later, weight));
            }
        }
        pairs.drain(item, &self.own, &self.other, out);
    }

    /// The weights of what leads to `item`: what comes before it.
    pub(super) fn column(&self, matrix: &Matrix, item: u32, pairs: &mut Pairs, out: &mut Row) {
        pairs.begin(matrix.items());
        for (step, before) in matrix.paths().to(item) {
            for earlier in before.iter().rev() {
                let distance = (step.moment - earlier.moment) as usize;
                if distance == 0 || earlier.item == item {
                    continue;
                }
                let Some(&weight) = self.by_distance.get(distance - 1) else {
                    break;
                };
                pairs.add(earlier.item, self.product(earlier, step, weight));
            }
        }
        pairs.drain(item, &self.other, &self.own, out);
    }

    /// What two steps add to the edge between their items; `weight` is that of their distance.
    fn product(&self, step: &Step, later: &Step, weight: f64) -> f32 {
        let near = self.half_life.map_or(1.0, |half_life| {
            let days = later.timestamp.saturating_sub(step.timestamp) as f64 / 86_400_000.0;
            libm::exp2(-days / half_life)
        });
        step.weight * later.weight * (weight * near) as f32
    }
}
