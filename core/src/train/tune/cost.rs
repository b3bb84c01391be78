//! What a pass of trainers costs: an estimate from counts, so that it is the same everywhere.

use super::WIDER;
use super::holdout::Holdout;
use crate::train::{Matrix, TrainerOptions};

/// Seconds for a multiply-add of sparse rows and dense vectors, of dense matrices, for one pair
/// of items in one history, and for one entry of a support. Measured on one core of a server
/// processor of 2023; what matters is their proportion.
const SPARSE: f64 = 3e-10;
const DENSE: f64 = 4e-11;
const PAIR: f64 = 2e-9;
const ENTRY: f64 = 6e-9;
/// Seconds for an edge of a row that is blended, and for one that a judged user adds up.
const BLEND: f64 = 1e-8;
const SCORE: f64 = 3e-9;

/// Seconds of one core for blending and judging once.
pub(super) fn trial(holdout: &Holdout, neighbors: usize) -> f64 {
    let matrix = &holdout.matrix;
    let events: usize = holdout
        .users
        .iter()
        .map(|(user, _)| matrix.row(*user).0.len())
        .sum();
    let kept = neighbors.min(matrix.items()) as f64;
    matrix.items() as f64 * kept * WIDER as f64 * BLEND + events as f64 * kept * SCORE
}

/// Seconds of one core for learning all of `trainers` in one pass.
pub(super) fn pass(matrix: &Matrix, trainers: &[TrainerOptions]) -> f64 {
    let entries = matrix.entries() as f64;
    let items = matrix.items() as f64;
    let pairs: f64 = (0..matrix.users() as u32)
        .map(|user| (matrix.row(user).0.len() as f64) * (matrix.row(user).0.len() as f64))
        .sum();
    // The degree of the item of a random event: what a neighbour's degree is about.
    let degree: f64 = (0..matrix.items() as u32)
        .map(|item| (matrix.column(item).0.len() as f64) * (matrix.column(item).0.len() as f64))
        .sum::<f64>()
        / entries.max(1.0);
    let active = (0..matrix.items() as u32)
        .filter(|&item| !matrix.column(item).0.is_empty())
        .count() as f64;
    let mut seconds = 0.0;
    let mut bases: Vec<(usize, usize)> = Vec::new();
    let mut limits: Vec<usize> = Vec::new();
    let mut supports: Vec<(usize, u64, u64)> = Vec::new();
    for trainer in trainers {
        let (rank, iterations, limit) = match trainer {
            TrainerOptions::Spectral(o) => (o.rank, o.iterations, o.candidates),
            TrainerOptions::Ridge(o) => {
                let n = o.support as f64;
                seconds += active * n * n * n / 6.0 * 2.0 * DENSE;
                let key = (
                    o.support,
                    o.user_exponent.to_bits(),
                    o.item_exponent.to_bits(),
                );
                if !supports.contains(&key) {
                    supports.push(key);
                    seconds += active * n * degree.min(entries / 10.0) * ENTRY;
                }
                (o.rank, o.iterations, o.candidates)
            }
            TrainerOptions::Cooccurrence(_)
            | TrainerOptions::Ials(_)
            | TrainerOptions::Sequence(_) => {
                seconds += pairs * PAIR;
                continue;
            }
        };
        if !bases.contains(&(rank, iterations)) {
            bases.push((rank, iterations));
            let k = (rank as f64).min(items);
            seconds +=
                iterations as f64 * (2.0 * entries * k * SPARSE + 1.5 * items * k * k * DENSE);
            seconds += active * (2 * limit) as f64 * k * SPARSE / 2.0;
        }
        if !limits.contains(&limit) {
            limits.push(limit);
            seconds += pairs * PAIR;
        }
    }
    seconds
}
