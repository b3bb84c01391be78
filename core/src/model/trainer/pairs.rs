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

/// The factor of an item, where an empty list is all ones.
pub(super) fn factor(factors: &[f32], item: u32) -> f32 {
    match factors {
        [] => 1.0,
        _ => at(factors, item),
    }
}

impl Degrees {
    pub(super) fn of(matrix: &Matrix) -> Self {
        let items: Vec<f64> = (0..matrix.items() as u32)
            .map(|item| sum(matrix.column(item).1))
            .collect();
        let user_inverse = (0..matrix.users() as u32).map(|user| {
            let degree = sum(matrix.row(user).1);
            if degree > 0.0 {
                (1.0 / degree).min(f64::from(f32::MAX)) as f32
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

/// How much two items have in common: `g_ij = own_i · other_j · Σ_u left_ui · right_uj`.
pub(super) struct Measure {
    pub(super) left: Left,
    /// By user, in the order of the matrix; the entries themselves if `None`.
    pub(super) right: Option<Vec<f32>>,
    /// Factors of the item at hand and of the other; all 1 if empty.
    pub(super) own: Vec<f32>,
    pub(super) other: Vec<f32>,
}

/// The side of the item at hand.
pub(super) enum Left {
    /// The entry times a factor of the user.
    Users(Vec<f32>),
    /// By item, in the order of the matrix.
    Entries(Vec<f32>),
}

impl Measure {
    /// `g_ij = Σ_u r_ui · r_uj / (d_u · √d_i · √d_j)`.
    pub(super) fn normalised(degrees: &Degrees) -> Self {
        Self {
            left: Left::Users(degrees.user_inverse.clone()),
            right: None,
            own: degrees.item_root_inverse.clone(),
            other: degrees.item_root_inverse.clone(),
        }
    }
}

/// The items that co-occur with one item, and what a thread needs to find them.
#[derive(Default)]
pub(super) struct Pairs {
    /// What each item has in common with the item at hand; zero between items.
    sums: Vec<f32>,
    touched: Vec<u32>,
    by_filter: Row,
    by_reach: Row,
    /// The candidates for neighbours, ascending.
    pub(super) candidates: Vec<u32>,
}

impl Pairs {
    /// Finds the candidates of `item`: at most `limit` by `g` and by `g · √d`, or all.
    pub(super) fn find(
        &mut self,
        matrix: &Matrix,
        measure: &Measure,
        degrees: &Degrees,
        item: u32,
        limit: usize,
    ) {
        self.add_up(matrix, measure, item);
        self.choose(degrees, limit);
    }

    /// `g` of the item at hand with all others, in no order, for those where it is positive. They
    /// are taken: what [`Pairs::g`] gives afterwards is 0.
    pub(super) fn take(&mut self, matrix: &Matrix, measure: &Measure, item: u32, out: &mut Row) {
        self.add_up(matrix, measure, item);
        self.drain(item, &[], &[], out);
    }

    /// Makes ready for sums that begin at 0.
    pub(super) fn begin(&mut self, items: usize) {
        self.clear();
        self.sums.resize(items, 0.0);
    }

    /// Adds `product`, which is not negative, to the sum of `other`.
    #[inline]
    pub(super) fn add(&mut self, other: u32, product: f32) {
        if let Some(sum) = self.sums.get_mut(other as usize) {
            // A product can be too small for `f32`; no item may be listed twice.
            if *sum == 0.0 && product != 0.0 {
                self.touched.push(other);
            }
            *sum += product;
        }
    }

    /// The positive sums but that of `item` itself, times the factors of `item` and of the other.
    pub(super) fn drain(&mut self, item: u32, own: &[f32], other: &[f32], out: &mut Row) {
        let scale = factor(own, item);
        out.clear();
        for &to in &self.touched {
            let sum = self.sums.get_mut(to as usize).map_or(0.0, std::mem::take);
            let weight = sum * (scale * factor(other, to));
            if to != item && weight > 0.0 && weight.is_finite() {
                out.push((to, weight));
            }
        }
        self.touched.clear();
    }

    /// `g` of the item at hand with `other`; 0 with itself.
    pub(super) fn g(&self, other: u32) -> f32 {
        at(&self.sums, other)
    }

    /// Fills `sums` with `g` and `touched` with the items where it is not zero. Users ascend, so
    /// the sums have one order.
    fn add_up(&mut self, matrix: &Matrix, measure: &Measure, item: u32) {
        self.begin(matrix.items());
        let (users, values) = matrix.column(item);
        let start = matrix.column_start(item);
        for (place, (&user, &value)) in users.iter().zip(values).enumerate() {
            let factor = match &measure.left {
                Left::Users(factors) => value * at(factors, user),
                Left::Entries(entries) => entries.get(start + place).copied().unwrap_or(0.0),
            };
            let (others, mut weights) = matrix.row(user);
            if let Some(right) = &measure.right {
                weights = right.get(matrix.row_start(user)..).unwrap_or(&[]);
            }
            for (&other, &weight) in others.iter().zip(weights) {
                self.add(other, factor * weight);
            }
        }
        let own = factor(&measure.own, item);
        if !(measure.own.is_empty() && measure.other.is_empty()) {
            for &other in &self.touched {
                if let Some(sum) = self.sums.get_mut(other as usize) {
                    *sum *= own * factor(&measure.other, other);
                }
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
