//! The co-occurrence trainer: how often two items meet in a history, weighted in one of four
//! ways. Nothing is learnt beyond counts, so it is the fastest, and a baseline for the others.
//!
//! With `x_ui` the entries of the user × item matrix, `d` their sums by user or by item:
//!
//! | weighting | `w_ij` |
//! |---|---|
//! | cosine | `Σ_u x_ui x_uj / (‖x_i‖ ‖x_j‖)` |
//! | BM25 | `Σ_u t_ui t_uj`, `t_ui = ln(n / (1 + n_u)) · x_ui (k₁ + 1) / (k₁ (1 − b + b d_i / d̄) + x_ui)` |
//! | P3α | `Σ_u (x_ui / d_i)^α (x_uj / d_u)^α` |
//! | RP3β | that of P3α, divided by `d_j^β` |
//!
//! In BM25 an item is a document and a user a term: `n` is the number of items that somebody
//! has, `n_u` how many the user has, `d̄` the mean of the `d_i`.
//!
//! Sources: Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond",
//! 2009; Cooper et al., "Random Walks in Recommender Systems: Exact Computation and
//! Simulations", WWW Companion 2014; Paudel et al., "Updatable, Accurate, Diverse, and Scalable
//! Recommendations for Interactive Applications", TiiS 2017.
//!
//! Cost: Σ over users of (items of the user)².

use super::pairs::{Left, Measure, powers, sum};
use crate::train::{CooccurrenceOptions, Matrix, Weighting};

impl Measure {
    /// See the module.
    pub(super) fn cooccurrence(matrix: &Matrix, options: &CooccurrenceOptions) -> Self {
        match options.weighting {
            Weighting::Cosine => {
                let squares: Vec<f64> = columns(matrix, |x| x * x);
                let inverse = powers(&squares, -0.5);
                Self {
                    left: Left::Users(vec![1.0; matrix.users()]),
                    right: None,
                    own: inverse.clone(),
                    other: inverse,
                }
            }
            Weighting::Bm25 { k1, b } => bm25(matrix, k1, b),
            Weighting::P3Alpha { alpha } => walk(matrix, alpha, 0.0),
            Weighting::Rp3Beta { alpha, beta } => walk(matrix, alpha, beta),
        }
    }

    /// The same with the sides exchanged: of the item at hand it gives the edges that lead to it.
    pub(super) fn cooccurrence_into(matrix: &Matrix, options: &CooccurrenceOptions) -> Self {
        match options.weighting {
            // These are symmetric.
            Weighting::Cosine | Weighting::Bm25 { .. } => Self::cooccurrence(matrix, options),
            Weighting::P3Alpha { alpha } => walk_into(matrix, alpha, 0.0),
            Weighting::Rp3Beta { alpha, beta } => walk_into(matrix, alpha, beta),
        }
    }
}

/// The sum of `of` over each column.
fn columns(matrix: &Matrix, of: impl Fn(f64) -> f64) -> Vec<f64> {
    (0..matrix.items() as u32)
        .map(|item| {
            let (_, values) = matrix.column(item);
            values.iter().fold(0.0, |sum, &x| sum + of(f64::from(x)))
        })
        .collect()
}

fn rows(matrix: &Matrix) -> impl Iterator<Item = (&[u32], &[f32])> {
    (0..matrix.users() as u32).map(|user| matrix.row(user))
}

fn bm25(matrix: &Matrix, k1: f64, b: f64) -> Measure {
    let degrees = columns(matrix, |x| x);
    let known = degrees.iter().filter(|&&d| d > 0.0).count().max(1) as f64;
    let mean = degrees.iter().fold(0.0, |a, b| a + b) / known;
    let rarity: Vec<f64> = rows(matrix)
        .map(|(items, _)| libm::log(known) - libm::log1p(items.len() as f64))
        .collect();
    let term = |user: usize, item: usize, x: f32| {
        let x = f64::from(x);
        let length = degrees.get(item).copied().unwrap_or(0.0) / mean;
        let saturated = x * (k1 + 1.0) / (k1 * (1.0 - b + b * length) + x);
        (saturated * rarity.get(user).copied().unwrap_or(0.0)) as f32
    };
    entries(matrix, term, term, Vec::new())
}

/// A walk from the item at hand: a step to a user, and one to the other item.
fn walk(matrix: &Matrix, alpha: f64, beta: f64) -> Measure {
    let (items, users) = degrees(matrix);
    entries(
        matrix,
        |_, item, x| step(x, items.get(item), alpha),
        |user, _, x| step(x, users.get(user), alpha),
        powers(&items, -beta),
    )
}

/// A walk to the item at hand.
fn walk_into(matrix: &Matrix, alpha: f64, beta: f64) -> Measure {
    let (items, users) = degrees(matrix);
    let turned = entries(
        matrix,
        |user, _, x| step(x, users.get(user), alpha),
        |_, item, x| step(x, items.get(item), alpha),
        Vec::new(),
    );
    Measure {
        own: powers(&items, -beta),
        ..turned
    }
}

/// The sums of the columns and of the rows.
fn degrees(matrix: &Matrix) -> (Vec<f64>, Vec<f64>) {
    let users = rows(matrix).map(|(_, values)| sum(values)).collect();
    (columns(matrix, |x| x), users)
}

/// The probability of a step along an entry, to the power of `alpha`.
fn step(x: f32, degree: Option<&f64>, alpha: f64) -> f32 {
    let share = f64::from(x) / degree.copied().unwrap_or(f64::INFINITY);
    let power = if alpha == 1.0 {
        share
    } else {
        libm::pow(share, alpha)
    };
    power as f32
}

/// A measure whose two sides are functions of the user, the item and the entry.
fn entries(
    matrix: &Matrix,
    left: impl Fn(usize, usize, f32) -> f32,
    right: impl Fn(usize, usize, f32) -> f32,
    other: Vec<f32>,
) -> Measure {
    let mut lefts = Vec::with_capacity(matrix.entries());
    for item in 0..matrix.items() {
        let (users, values) = matrix.column(item as u32);
        let pairs = users.iter().zip(values);
        lefts.extend(pairs.map(|(&user, &x)| left(user as usize, item, x)));
    }
    let mut rights = Vec::with_capacity(matrix.entries());
    for (user, (items, values)) in rows(matrix).enumerate() {
        let pairs = items.iter().zip(values);
        rights.extend(pairs.map(|(&item, &x)| right(user, item as usize, x)));
    }
    Measure {
        left: Left::Entries(lefts),
        right: Some(rights),
        own: Vec::new(),
        other,
    }
}
