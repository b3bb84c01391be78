//! Which items meet in the users' histories, and how much: computed an item at a time, never
//! stored as a whole.

use super::super::graph::{Row, strongest};
use crate::train::Matrix;

/// Weighted degrees and the powers of them that the trainers need; 0 where the degree is 0.
pub(super) struct Degrees {
    user_inverse: Vec<f32>,
    items: Vec<f64>,
    item_root: Vec<f32>,
    item_root_inverse: Vec<f32>,
}

/// The sum of the entries of each row, in order, in `f64`.
pub(super) fn sum(values: &[f32]) -> f64 {
    values.iter().fold(0f64, |sum, &v| sum + f64::from(v))
}

fn at(values: &[f32], index: u32) -> f32 {
    values.get(index as usize).copied().unwrap_or(0.0)
}

impl Degrees {
    pub(super) fn of(matrix: &Matrix) -> Self {
        let items: Vec<f64> = (0..matrix.items() as u32)
            .map(|item| sum(matrix.column(item).1))
            .collect();
        let user_inverse = (0..matrix.users() as u32).map(|user| {
            let degree = sum(matrix.row(user).1);
            if degree > 0.0 {
                (1.0 / degree) as f32
            } else {
                0.0
            }
        });
        Self {
            user_inverse: user_inverse.collect(),
            item_root: powers(&items, 0.5),
            item_root_inverse: powers(&items, -0.5),
            items,
        }
    }

    /// The degree of each item to the power of `exponent`.
    pub(super) fn item_powers(&self, exponent: f64) -> Vec<f32> {
        powers(&self.items, exponent)
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
}

/// `value ^ exponent`, and 0 for what is not positive.
pub(super) fn powers(values: &[f64], exponent: f64) -> Vec<f32> {
    let power = |&d: &f64| match d {
        d if d <= 0.0 => 0.0,
        d if exponent == 0.5 => d.sqrt() as f32,
        d if exponent == -0.5 => (1.0 / d.sqrt()) as f32,
        d => libm::pow(d, exponent) as f32,
    };
    values.iter().map(power).collect()
}

/// The items that co-occur with one item, and what a thread needs to find them.
#[derive(Default)]
pub(super) struct Pairs {
    /// The normalised co-occurrence with the item at hand; zero between items.
    sums: Vec<f32>,
    touched: Vec<u32>,
    by_filter: Row,
    by_reach: Row,
    /// The candidates for neighbours, ascending.
    pub(super) candidates: Vec<u32>,
}

impl Pairs {
    /// Finds the candidates of `item`: at most `limit` by either measure, or all.
    pub(super) fn find(&mut self, matrix: &Matrix, degrees: &Degrees, item: u32, limit: usize) {
        self.clear();
        self.sums.resize(matrix.items(), 0.0);
        self.co_occurrence(matrix, degrees, item);
        self.choose(degrees, limit);
    }

    /// `g_ij = Σ_u r_ui · r_uj / (d_u · √d_i · √d_j)` of the item at hand with `other`; 0 with
    /// itself.
    pub(super) fn g(&self, other: u32) -> f32 {
        at(&self.sums, other)
    }

    /// Fills `sums` with `g` and `touched` with the items where it is not zero. Users ascend, so
    /// the sums have one order.
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
        let sum = |other: u32| at(&self.sums, other);
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
