//! The implicit ALS trainer: factors of users and items, distilled into the graph.
//!
//! Hu, Koren and Volinsky, "Collaborative Filtering for Implicit Feedback Datasets", ICDM 2008:
//! with confidence `c_ui = 1 + α x_ui`, factors minimise `Σ c_ui (p_ui − x_u·y_i)² + Σ λ |x_u|² +
//! Σ λ |y_i|²`, where `p` is 1 for what a user has and 0 for all else. With one side fixed, each
//! row of the other solves `(YᵀY + λ_u I + Yᵀ(C_u − I)Y) x_u = Yᵀ C_u p_u`. `λ_u` grows with the
//! row's evidence to the power of ν (Rendle et al., "Revisiting the Performance of iALS on Item
//! Recommendation Benchmarks", RecSys 2022): `λ_u = λ (e_u / ē)^ν`, `e_u = n + α d_u`.
//!
//! Solved by conjugate gradient in the space where `YᵀY + λI` is the identity: with `S` such that
//! `Sᵀ(YᵀY + λI)S = I` and `V = YS`, the system is `I + V_uᵀ(C_u − I)V_u` plus a small term where
//! ν is not 0. So a step costs two passes over the vectors of the row and none over `YᵀY`, and a
//! few steps are enough.
//!
//! The rounds end where one lowers `Σ c_ui (1 − x_u·y_i)²` over the entries by no more than a share
//! `tolerance`, which fewer than all rounds do on large data. More rounds are not better: those
//! behind fit the training data alone. By NDCG on a fifth of gowalla's training events, held out,
//! 64 factors without tolerance: 3 rounds 0.1033, 5 to 10 rounds 0.1044, 15 rounds 0.1037.
//!
//! Distilled: a history of item `i` alone, once, has the factor `x = (G + α y_i y_iᵀ)⁻¹ (1 + α)
//! y_i` with `G = YᵀY + λI`. By Sherman and Morrison `j` then scores
//!
//! `y_j·x = (1 + α) / (1 + α h_i) · y_jᵀ G⁻¹ y_i`, `h_i = y_iᵀ G⁻¹ y_i`,
//!
//! which, times `(d_j / d_i)^e`, weighs the edge `i → j`. As `y_jᵀG⁻¹y_i = v_j·v_i`, it is a
//! product of two vectors. The sum over a history is not what folding in the whole history gives:
//! what its items say alike is counted for each.
//!
//! Cost: each round `rows · factors²` for `G`, `S` and `V`, and a few times `entries ·
//! factors`; memory `3 (users + items) · factors` floats at most.

use super::pairs::{Degrees, Pairs, sum};
use super::subspace::{Basis, Products, linalg, start};
use crate::error::Result;
use crate::model::graph::Row;
use crate::parallel::Workers;
use crate::train::{IalsOptions, Matrix};
use tastemaker_kernels::{add_scaled, dot, dots};

/// The name of the stage in progress reports.
const STAGE: &str = "factors";
/// The tolerance where none is given.
const TOLERANCE: f64 = 0.002;
/// Entries times factors up to which a round takes milliseconds. Without a tolerance all rounds are
/// done then: the more factors have settled, the less one user moves the lists of others.
const QUICK: usize = 10_000_000;
/// Rows that one task solves.
const ROWS_A_TASK: usize = 256;
/// A solution stops where the square of the residual falls below this share of the right side's:
/// for large data, where the next round changes more anyway; for large data with few factors,
/// where more steps cost little; and for small data. By NDCG on a fifth of gowalla's training
/// events, held out, two seeds: from 1e-3 to 1e-4 it goes from 0.1041 to 0.1051 with 64 factors, at
/// a tenth more time; with 128 factors from 0.1213 to 0.1214. Beyond, the lists gain a little more,
/// but one user who has everything moves those of others further (`core/tests/odd_data.rs`).
const ENOUGH: f32 = 1e-3;
const ENOUGH_FEW: f32 = 1e-4;
const ENOUGH_SMALL: f32 = 1e-13;
/// Factors up to which they are few.
const FEW: usize = 64;
const STEPS: usize = 40;
/// Entries times factors up to which data is small.
const SMALL: usize = 1_000_000;

/// One side of the matrix: rows of indices and values.
#[derive(Clone, Copy)]
enum Side {
    Users,
    Items,
}

impl Side {
    fn rows(self, matrix: &Matrix) -> usize {
        match self {
            Self::Users => matrix.users(),
            Self::Items => matrix.items(),
        }
    }

    fn row(self, matrix: &Matrix, at: u32) -> (&[u32], &[f32]) {
        match self {
            Self::Users => matrix.row(at),
            Self::Items => matrix.column(at),
        }
    }
}

/// Buffers of one solution.
#[derive(Default)]
struct Scratch {
    residual: Vec<f32>,
    direction: Vec<f32>,
    image: Vec<f32>,
    products: Vec<f32>,
    order: Vec<u32>,
}

/// The factors of the items, with what is needed to fold a history in.
pub(crate) struct Factors {
    width: usize,
    /// `y`, row-major.
    items: Vec<f32>,
    /// `v = y S`, row-major.
    white: Vec<f32>,
    alpha: f32,
    enough: f32,
}

impl Factors {
    /// Finds the factors.
    pub(crate) fn find(
        matrix: &Matrix,
        options: &IalsOptions,
        seed: u64,
        workers: &Workers<'_>,
    ) -> Result<Self> {
        let width = options.factors.min(matrix.items());
        let quiet = workers.control.quiet();
        let quiet = Workers {
            threads: workers.threads,
            control: &quiet,
        };
        let small = matrix.entries().saturating_mul(width) <= SMALL;
        let mut found = Self {
            width,
            items: start(matrix.items(), width, seed),
            white: Vec::new(),
            alpha: options.alpha as f32,
            enough: match (small, width <= FEW) {
                (true, _) => ENOUGH_SMALL,
                (_, true) => ENOUGH_FEW,
                _ => ENOUGH,
            },
        };
        if width == 0 {
            return Ok(found);
        }
        let scale = 1.0 / (width as f32).sqrt();
        for value in &mut found.items {
            *value *= scale;
        }
        let quick = matrix.entries().saturating_mul(width) <= QUICK;
        let tolerance = match options.tolerance {
            Some(tolerance) => tolerance,
            None if quick => 0.0,
            None => TOLERANCE,
        };
        let mut before = f64::INFINITY;
        let total = options.iterations as u64;
        for round in 1..=total {
            let users = found.solve(matrix, Side::Users, &found.items, options, &quiet)?;
            found.items = found.solve(matrix, Side::Items, &users, options, &quiet)?;
            workers.control.report(STAGE, round, total);
            if tolerance == 0.0 || round == total {
                continue;
            }
            let error = found.error(matrix, &users, &quiet)?;
            if before.is_finite() && before - error <= tolerance * before {
                workers.control.report(STAGE, total, total);
                break;
            }
            before = error;
        }
        let s = linalg::whitener(&found.items, width, options.regularization, &quiet)?;
        found.white = found.items.clone();
        linalg::transform(&mut found.white, width, &s, false, &quiet)?;
        Ok(found)
    }

    /// The scores of all items for a history, folded in.
    pub(crate) fn scores(&self, indices: &[u32], values: &[f32]) -> Vec<f32> {
        let mut z = vec![0f32; self.width];
        let mut scratch = Scratch::default();
        let exact = Self {
            enough: ENOUGH_SMALL,
            items: Vec::new(),
            white: Vec::new(),
            ..*self
        };
        exact.row(
            &self.white,
            indices,
            values,
            (0.0, &[]),
            &mut scratch,
            &mut z,
        );
        let rows = self.white.chunks_exact(self.width.max(1));
        rows.map(|vector| dot(&z, vector)).collect()
    }

    /// The rows of one side, with the factors of the other.
    fn solve(
        &self,
        matrix: &Matrix,
        side: Side,
        fixed: &[f32],
        options: &IalsOptions,
        workers: &Workers<'_>,
    ) -> Result<Vec<f32>> {
        let width = self.width;
        let s = linalg::whitener(fixed, width, options.regularization, workers)?;
        let mut white = fixed.to_vec();
        linalg::transform(&mut white, width, &s, false, workers)?;
        let extra = extra(matrix, side, fixed.len() / width, options);
        // `SᵀS`, for rows that are regularized otherwise than the rest.
        let metric = if extra.is_empty() {
            Vec::new()
        } else {
            square(&s, width)
        };
        let mut out = vec![0f32; side.rows(matrix) * width];
        workers.fill(STAGE, &mut out, ROWS_A_TASK * width, |task, part| {
            let mut scratch = Scratch::default();
            for (i, z) in part.chunks_exact_mut(width).enumerate() {
                let at = (task * ROWS_A_TASK + i) as u32;
                let (indices, values) = side.row(matrix, at);
                let extra = extra.get(at as usize).copied().unwrap_or(0.0);
                self.row(&white, indices, values, (extra, &metric), &mut scratch, z);
            }
            Ok(())
        })?;
        linalg::transform(&mut out, width, &s, true, workers)?;
        Ok(out)
    }

    /// `Σ c_ui (1 − x_u·y_i)²` over the entries of the matrix.
    fn error(&self, matrix: &Matrix, users: &[f32], workers: &Workers<'_>) -> Result<f64> {
        let width = self.width;
        let tasks: Vec<&[f32]> = self.items.chunks(ROWS_A_TASK * width).collect();
        let parts = workers.map(STAGE, tasks, Vec::new, |task, part, products| {
            let mut sum = 0.0;
            for (i, item) in part.chunks_exact(width).enumerate() {
                let (rows, values) = matrix.column((task * ROWS_A_TASK + i) as u32);
                products.clear();
                products.resize(rows.len(), 0f32);
                dots(item, users, rows, products);
                for (&x, &product) in values.iter().zip(products.iter()) {
                    let miss = 1.0 - f64::from(product);
                    sum += (1.0 + f64::from(self.alpha * x)) * miss * miss;
                }
            }
            Ok(sum)
        })?;
        Ok(parts.iter().fold(0.0, |sum, part| sum + part))
    }

    /// Conjugate gradient from 0 for `(I + δM + Σ α x v vᵀ) z = Σ (1 + α x) v`.
    fn row(
        &self,
        white: &[f32],
        indices: &[u32],
        values: &[f32],
        (extra, metric): (f32, &[f32]),
        scratch: &mut Scratch,
        z: &mut [f32],
    ) {
        z.fill(0.0);
        let width = self.width;
        let Scratch {
            residual,
            direction,
            image,
            products,
            order,
        } = scratch;
        residual.clear();
        residual.resize(width, 0.0);
        for (&index, &x) in indices.iter().zip(values) {
            let start = index as usize * width;
            if let Some(vector) = white.get(start..start + width) {
                add_scaled(residual, vector, 1.0 + self.alpha * x);
            }
        }
        direction.clone_from(residual);
        let mut size = dot(residual, residual);
        let enough = size * self.enough;
        for _ in 0..STEPS {
            if size.is_nan() || size <= enough || size <= f32::MIN_POSITIVE {
                break;
            }
            image.clone_from(direction);
            if extra != 0.0 {
                order.clear();
                order.extend(0..width as u32);
                products.clear();
                products.resize(width, 0.0);
                dots(direction, metric, order, products);
                add_scaled(image, products, extra);
            }
            products.clear();
            products.resize(indices.len(), 0.0);
            dots(direction, white, indices, products);
            for ((&index, &x), &product) in indices.iter().zip(values).zip(products.iter()) {
                let start = index as usize * width;
                if let Some(vector) = white.get(start..start + width) {
                    add_scaled(image, vector, self.alpha * x * product);
                }
            }
            let curvature = dot(direction, image);
            if curvature.is_nan() || curvature <= 0.0 {
                break;
            }
            let step = size / curvature;
            add_scaled(z, direction, step);
            add_scaled(residual, image, -step);
            let next = dot(residual, residual);
            let turn = next / size;
            size = next;
            for (to, from) in direction.iter_mut().zip(residual.iter()) {
                *to = from + turn * *to;
            }
        }
        if z.iter().any(|value| !value.is_finite()) {
            z.fill(0.0);
        }
    }
}

/// `λ_u − λ` of each row; nothing if all are 0.
fn extra(matrix: &Matrix, side: Side, others: usize, options: &IalsOptions) -> Vec<f32> {
    if options.regularization_exponent == 0.0 {
        return Vec::new();
    }
    let rows = side.rows(matrix);
    let evidence: Vec<f64> = (0..rows as u32)
        .map(|at| others as f64 + options.alpha * sum(side.row(matrix, at).1))
        .collect();
    let mean = evidence.iter().fold(0.0, |a, b| a + b) / rows.max(1) as f64;
    evidence
        .iter()
        .map(|e| {
            let share = libm::pow(e / mean, options.regularization_exponent);
            (options.regularization * (share - 1.0)) as f32
        })
        .collect()
}

/// `SᵀS`.
fn square(s: &[f64], width: usize) -> Vec<f32> {
    let mut sum = vec![0f64; width * width];
    for row in s.chunks_exact(width) {
        for (target, &a) in sum.chunks_exact_mut(width).zip(row) {
            for (to, &b) in target.iter_mut().zip(row) {
                *to += a * b;
            }
        }
    }
    sum.iter().map(|&value| value as f32).collect()
}

/// The distilled trainer.
pub(super) struct Ials {
    vectors: Basis,
    /// `h` of each item.
    squares: Vec<f32>,
    alpha: f32,
    /// `d^e` and `d^-e` of each item.
    power: Vec<f32>,
    inverse: Vec<f32>,
}

impl Ials {
    pub(super) fn new(
        matrix: &Matrix,
        degrees: &Degrees,
        options: &IalsOptions,
        seed: u64,
        workers: &Workers<'_>,
    ) -> Result<Self> {
        let factors = Factors::find(matrix, options, seed, workers)?;
        let rows = factors.white.chunks_exact(factors.width.max(1));
        Ok(Self {
            alpha: factors.alpha,
            squares: rows.map(|row| dot(row, row)).collect(),
            vectors: Basis::of(factors.white, factors.width, workers)?,
            power: degrees.item_powers(options.popularity_exponent),
            inverse: degrees.item_powers(-options.popularity_exponent),
        })
    }

    /// The weights of all candidates of `item`.
    pub(super) fn row(
        &self,
        item: u32,
        pairs: &Pairs,
        products: &mut Products,
        smooth: &mut Vec<f32>,
        out: &mut Row,
    ) {
        let at = |values: &[f32], item: u32| values.get(item as usize).copied().unwrap_or(0.0);
        self.vectors
            .products(item, &pairs.candidates, products, smooth);
        let own = (1.0 + self.alpha) / (1.0 + self.alpha * at(&self.squares, item));
        let scale = own * at(&self.inverse, item);
        out.clear();
        for (&other, &product) in pairs.candidates.iter().zip(smooth.iter()) {
            let weight = product * (at(&self.power, other) * scale);
            if weight > 0.0 && weight.is_finite() {
                out.push((other, weight));
            }
        }
    }
}
