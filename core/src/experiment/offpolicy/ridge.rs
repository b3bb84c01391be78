//! The ridge regressions: one for all actions, and one an action of what that leaves.
//!
//! An action with few rows stays with the regression of all; one with many gets its own. Features
//! are standardised by all rows. Systems are solved by Cholesky's method, in the order of columns.

use super::model::{Weights, weight};
use super::rows::{Checked, Grid, Places};
use crate::error::{Error, ErrorKind, Result};

/// Features at most.
const FEATURES: usize = 256;
/// Numbers of the systems of all actions at most.
const NUMBERS: usize = 1 << 25;

/// A variance below this part of the mean's square is none.
const ROUNDING: f64 = 1e-24;

/// How features are made to have mean 0 and variance 1.
pub(crate) struct Standard {
    means: Vec<f64>,
    scales: Vec<f64>,
}

impl Standard {
    /// The standardised features, after a 1 for the intercept.
    pub(crate) fn of(&self, row: &[f64]) -> Vec<f64> {
        let own = row.iter().zip(self.means.iter().zip(&self.scales));
        std::iter::once(1.0)
            .chain(own.map(|(value, (mean, scale))| (value - mean) * scale))
            .collect()
    }
}

/// X'X and X'y of a regression.
#[derive(Clone)]
struct System {
    size: usize,
    gram: Vec<f64>,
    right: Vec<f64>,
}

impl System {
    fn new(size: usize) -> Self {
        Self {
            size,
            gram: vec![0.0; size * size],
            right: vec![0.0; size],
        }
    }

    fn add(&mut self, weight: f64, x: &[f64], y: f64) {
        for (row, (&a, right)) in self
            .gram
            .chunks_mut(self.size.max(1))
            .zip(x.iter().zip(&mut self.right))
        {
            let scaled = weight * a;
            *right += scaled * y;
            for (sum, &b) in row.iter_mut().zip(x) {
                *sum += scaled * b;
            }
        }
    }

    /// The coefficients under a penalty, of the intercept too if `whole`.
    fn solve(mut self, penalty: f64, whole: bool) -> Vec<f64> {
        let size = self.size;
        for at in usize::from(!whole)..size {
            if let Some(own) = self.gram.get_mut(at * size + at) {
                *own += penalty;
            }
        }
        // Without rows there is nothing to learn.
        if self.gram.first().is_none_or(|&weight| weight <= 0.0) {
            return vec![0.0; size];
        }
        cholesky(&mut self.gram, size);
        let at = |i: usize, j: usize| self.gram.get(i * size + j).copied().unwrap_or(0.0);
        let mut x = self.right;
        for i in 0..size {
            let known: f64 = (0..i)
                .map(|j| at(i, j) * x.get(j).copied().unwrap_or(0.0))
                .sum();
            if let Some(own) = x.get_mut(i) {
                *own = (*own - known) / at(i, i);
            }
        }
        for i in (0..size).rev() {
            let known: f64 = (i + 1..size)
                .map(|j| at(j, i) * x.get(j).copied().unwrap_or(0.0))
                .sum();
            if let Some(own) = x.get_mut(i) {
                *own = (*own - known) / at(i, i);
            }
        }
        x
    }
}

/// The lower factor, in place. Penalties keep the pivots of features above 0.
fn cholesky(gram: &mut [f64], size: usize) {
    for i in 0..size {
        for j in 0..=i {
            let get = |a: usize, b: usize| gram.get(a * size + b).copied().unwrap_or(0.0);
            let known: f64 = (0..j).map(|k| get(i, k) * get(j, k)).sum();
            let rest = get(i, j) - known;
            let value = if i == j {
                libm::sqrt(rest.max(1e-300))
            } else {
                rest / get(j, j)
            };
            if let Some(own) = gram.get_mut(i * size + j) {
                *own = value;
            }
        }
    }
}

/// The fitted regressions.
pub(crate) struct Ridge {
    size: usize,
    all: Vec<f64>,
    /// The coefficients of each action, one after the other.
    actions: Vec<f64>,
}

fn product(a: &[f64], b: &[f64]) -> f64 {
    let mut sum = 0.0;
    for (a, b) in a.iter().zip(b) {
        sum += a * b;
    }
    sum
}

impl Ridge {
    pub(crate) fn standard(rows: usize, features: Grid<'_>, places: Places<'_>) -> Standard {
        let mut means = vec![0.0; features.columns];
        for row in 0..rows {
            for (mean, value) in means.iter_mut().zip(features.row(places.of(row))) {
                *mean += value / rows as f64;
            }
        }
        let mut scales = vec![0.0; features.columns];
        for row in 0..rows {
            let own = features.row(places.of(row));
            for ((scale, value), mean) in scales.iter_mut().zip(own).zip(&means) {
                *scale += (value - mean) * (value - mean) / rows as f64;
            }
        }
        for (scale, mean) in scales.iter_mut().zip(&means) {
            // A column of one value has a variance of rounding errors, and tells nothing.
            *scale = if *scale > ROUNDING * mean * mean {
                1.0 / libm::sqrt(*scale)
            } else {
                0.0
            };
        }
        Standard { means, scales }
    }

    pub(crate) fn fit(
        log: &Checked<'_>,
        actions: usize,
        (features, places): (Grid<'_>, Places<'_>),
        standard: &Standard,
        penalty: f64,
        weights: Weights<'_>,
        used: impl Fn(usize) -> bool,
    ) -> Result<Self> {
        let size = features.columns + 1;
        if size > FEATURES + 1 || actions.saturating_mul(size * size) > NUMBERS {
            return Err(Error::new(
                ErrorKind::LimitExceeded,
                format!(
                    "{} features of {actions} actions are too many for ridge regressions: at most \
                     {FEATURES} features, and 2^25 numbers in all actions' systems",
                    features.columns
                ),
            ));
        }
        let mut all = System::new(size);
        let rows = || (0..log.rows()).filter(|&row| used(row));
        for row in rows() {
            let x = standard.of(features.row(places.of(row)));
            all.add(weight(weights, row), &x, log.reward(row));
        }
        let all = all.solve(penalty, false);
        let mut systems = vec![System::new(size); actions];
        for row in rows() {
            let x = standard.of(features.row(places.of(row)));
            let left = log.reward(row) - product(&all, &x);
            if let Some(system) = systems.get_mut(log.action(row)) {
                system.add(weight(weights, row), &x, left);
            }
        }
        let solved = systems.into_iter().flat_map(|s| s.solve(penalty, true));
        Ok(Self {
            size,
            all,
            actions: solved.collect(),
        })
    }

    pub(crate) fn predict(&self, x: &[f64], action: usize) -> f64 {
        let from = action * self.size;
        let own = self.actions.get(from..from + self.size).unwrap_or(&[]);
        product(&self.all, x) + product(own, x)
    }
}
