//! Ridge regression of rewards on features: each arm's own coefficients, shared ones, or both.
//!
//! Arm a's reward is xᵀθₐ + zᵀβ and noise, with independent normal beliefs of precision `ridge`
//! before anything is known. Shared coefficients join all arms, so the posterior has the shape of
//! an arrow and is solved arm by arm: with A = λI + Σxxᵀ, B = Σxzᵀ, b = Σxr of an arm, β has the
//! precision S = λI + Σzzᵀ − Σₐ BᵀA⁻¹B (Li, Chu, Langford and Schapire 2010, "A contextual-bandit
//! approach to personalized news article recommendation", algorithm 2).
//!
//! A Cholesky pivot below 1e-13 of its diagonal is raised to that: a direction which 64 bits cannot
//! tell from another one counts as known to that precision, and nothing becomes infinite.

use super::features::{Shape, Vectors, from_fixed, triangle};
use super::state::{State, Weighted, weighted};

/// The smallest pivot, beside its diagonal.
const LEAST: f64 = 1e-13;

/// A lower triangle, row by row.
#[derive(Clone, Debug, Default)]
struct Cholesky {
    rows: Vec<f64>,
    width: usize,
}

impl Cholesky {
    /// From the upper triangle, row by row, of a symmetric matrix.
    fn new(upper: &[f64], width: usize) -> Self {
        let at = |i: usize, j: usize| i * (i + 1) / 2 + j;
        let mut rows = vec![0.0; triangle(width)];
        let mut next = upper.iter();
        for i in 0..width {
            for j in i..width {
                if let (Some(place), Some(&value)) = (rows.get_mut(at(j, i)), next.next()) {
                    *place = value;
                }
            }
        }
        for j in 0..width {
            for i in j..width {
                let mut sum = rows[at(i, j)];
                for k in 0..j {
                    sum -= rows[at(i, k)] * rows[at(j, k)];
                }
                if i == j {
                    let diagonal = rows[at(i, i)];
                    rows[at(i, i)] = libm::sqrt(sum.max(LEAST * diagonal));
                } else {
                    rows[at(i, j)] = sum / rows[at(j, j)];
                }
            }
        }
        Self { rows, width }
    }

    /// L⁻¹v.
    fn forward(&self, v: &[f64]) -> Vec<f64> {
        let mut out: Vec<f64> = Vec::with_capacity(self.width);
        let mut from = 0;
        for (i, &value) in v.iter().enumerate() {
            let row = self.rows.get(from..=from + i).unwrap_or_default();
            let mut sum = value;
            for (a, b) in row.iter().zip(&out) {
                sum -= a * b;
            }
            out.push(sum / row.last().copied().unwrap_or(1.0));
            from += i + 1;
        }
        out
    }

    /// L⁻ᵀv.
    fn backward(&self, v: &[f64]) -> Vec<f64> {
        let mut out = v.to_vec();
        for i in (0..self.width).rev() {
            let from = i * (i + 1) / 2;
            let row = self.rows.get(from..=from + i).unwrap_or_default();
            let (Some(&pivot), Some(value)) = (row.last(), out.get(i)) else {
                continue;
            };
            let value = value / pivot;
            for (place, a) in out.iter_mut().zip(row).take(i) {
                *place -= a * value;
            }
            if let Some(place) = out.get_mut(i) {
                *place = value;
            }
        }
        out
    }

    fn solve(&self, v: &[f64]) -> Vec<f64> {
        self.backward(&self.forward(v))
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).fold(0.0, |sum, (a, b)| sum + a * b)
}

/// An arm's own part.
#[derive(Clone, Debug)]
struct Own {
    factor: Cholesky,
    /// A⁻¹b.
    known: Vec<f64>,
    /// A⁻¹B: a column for each shared feature, one after the other.
    crossed: Vec<f64>,
}

/// The posterior of all coefficients.
#[derive(Clone, Debug)]
pub(super) struct Regression {
    own: usize,
    shared: usize,
    arms: Vec<Own>,
    factor: Cholesky,
    beta: Vec<f64>,
}

/// What a posterior says of one arm: the mean of its reward, and the parts of its deviation in
/// units of the noise: alone, and along the shared directions.
#[derive(Clone, Debug)]
pub(super) struct Score {
    pub(super) mean: f64,
    pub(super) own: f64,
    pub(super) shared: Vec<f64>,
}

impl Score {
    /// The standard deviation, in units of the noise.
    pub(super) fn deviation(&self) -> f64 {
        libm::sqrt(self.own * self.own + dot(&self.shared, &self.shared))
    }
}

/// The sums of an arm's cells, by what they are.
struct Sums {
    upper: Vec<f64>,
    rewards: Vec<f64>,
    crossed: Vec<f64>,
}

fn parts(sums: &Weighted, skip: usize, width: usize, ridge: f64) -> Sums {
    let all = sums.sums.get(skip..).unwrap_or_default();
    let (upper, rest) = all.split_at(triangle(width).min(all.len()));
    let (rewards, crossed) = rest.split_at(width.min(rest.len()));
    let mut upper = upper.to_vec();
    let mut at = 0;
    for row in 0..width {
        if let Some(diagonal) = upper.get_mut(at) {
            *diagonal += ridge;
        }
        at += width - row;
    }
    Sums {
        upper,
        rewards: rewards.to_vec(),
        crossed: crossed.to_vec(),
    }
}

impl Regression {
    /// Learns from a state as of a bucket; `keys` are the arms that will be asked about.
    pub(super) fn new(state: &State, shape: &Shape, keys: &[String], ridge: f64, now: i64) -> Self {
        let (d, p) = (shape.own, shape.shared);
        let mut arms: Vec<Option<Own>> = vec![None; keys.len()];
        let all = weighted(&state.shared, shape.shared_numbers(), now);
        let mut all = parts(&all, 0, p, ridge);
        let place = |key: &str| keys.iter().position(|other| other == key);
        if d > 0 {
            for (key, arm) in &state.arms {
                // Arms that are no longer there still tell of what is shared.
                let place = place(key);
                if place.is_none() && p == 0 {
                    continue;
                }
                let sums = weighted(&arm.cells, shape.numbers_per_arm(), now);
                let sums = parts(&sums, 2, d, ridge);
                let own = Own::new(&sums, d, p);
                subtract(&mut all, &sums, &own, d, p);
                if let Some(slot) = place.and_then(|place| arms.get_mut(place)) {
                    *slot = Some(own);
                }
            }
        }
        let factor = Cholesky::new(&all.upper, p);
        let beta = factor.solve(&all.rewards);
        let empty = || {
            let sums = Weighted {
                count: 0.0,
                sums: vec![0.0; shape.numbers_per_arm()],
                deviations: 0.0,
            };
            Own::new(&parts(&sums, 2, d, ridge), d, p)
        };
        Self {
            own: d,
            shared: p,
            arms: arms
                .into_iter()
                .map(|own| own.unwrap_or_else(empty))
                .collect(),
            factor,
            beta,
        }
    }

    /// What is known of an arm under its vectors.
    pub(super) fn score(&self, place: usize, vectors: &Vectors) -> Score {
        let floats = |list: &[i64]| -> Vec<f64> { list.iter().map(|&v| from_fixed(v)).collect() };
        let (x, mut u) = (floats(&vectors.own), floats(&vectors.shared));
        let (mut mean, mut own) = (0.0, 0.0);
        if self.own > 0
            && let Some(arm) = self.arms.get(place)
        {
            let v = arm.factor.forward(&x);
            own = libm::sqrt(dot(&v, &v));
            mean = dot(&x, &arm.known);
            for (value, column) in u.iter_mut().zip(arm.crossed.chunks(self.own)) {
                *value -= dot(column, &x);
            }
        }
        let shared = if self.shared > 0 {
            mean += dot(&u, &self.beta);
            self.factor.forward(&u)
        } else {
            Vec::new()
        };
        Score { mean, own, shared }
    }
}

impl Own {
    fn new(sums: &Sums, d: usize, p: usize) -> Self {
        let factor = Cholesky::new(&sums.upper, d);
        let known = factor.solve(&sums.rewards);
        let mut crossed = Vec::with_capacity(d * p);
        for column in 0..p {
            let values: Vec<f64> = sums
                .crossed
                .iter()
                .skip(column)
                .step_by(p)
                .copied()
                .collect();
            crossed.extend(factor.solve(&values));
        }
        Self {
            factor,
            known,
            crossed,
        }
    }
}

/// Takes BᵀA⁻¹B and BᵀA⁻¹b of an arm from the shared sums.
fn subtract(all: &mut Sums, sums: &Sums, own: &Own, d: usize, p: usize) {
    if p == 0 {
        return;
    }
    let column =
        |at: usize| -> Vec<f64> { sums.crossed.iter().skip(at).step_by(p).copied().collect() };
    let mut upper = all.upper.iter_mut();
    for i in 0..p {
        let b = column(i);
        for solved in own.crossed.chunks(d).skip(i) {
            if let Some(value) = upper.next() {
                *value -= dot(&b, solved);
            }
        }
        if let Some(value) = all.rewards.get_mut(i) {
            *value -= dot(&b, &own.known);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn solves_a_system() {
        // By hand: [[4, 2], [2, 3]] x = [2, 5] has x = [−1/2, 2].
        let found = Cholesky::new(&[4.0, 2.0, 3.0], 2).solve(&[2.0, 5.0]);
        assert!((found[0] + 0.5).abs() < 1e-15 && (found[1] - 2.0).abs() < 1e-15);
    }

    #[test]
    fn equal_columns_do_not_make_it_infinite() {
        let found = Cholesky::new(&[1e12, 1e12, 1e12], 2).solve(&[1e12, 1e12]);
        assert!(found.iter().all(|v| v.is_finite()), "{found:?}");
        assert!((found[0] + found[1] - 1.0).abs() < 1e-6, "{found:?}");
    }
}
