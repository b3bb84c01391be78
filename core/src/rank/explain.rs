//! Why an item is in an answer: the exact share of each history item.

use super::history::FixedPoint;
use crate::model::graph::Graph;

/// What one history item gave to a score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Share {
    pub(crate) item: u32,
    pub(crate) contribution: f64,
    pub(crate) share: f64,
}

/// The parts of an item's score, largest absolute part first (ties: lower index first). They
/// add up to the score exactly, in any order, because all are integers times one power of two.
pub(crate) fn explain(graph: &Graph<'_>, history: &FixedPoint, item: u32) -> Vec<Share> {
    let unit = graph.unit() * history.unit();
    let mut parts: Vec<(u32, i32)> = history
        .items
        .iter()
        .map(|&(from, factor)| {
            (
                from,
                factor.wrapping_mul(i32::from(graph.weight(from, item))),
            )
        })
        .filter(|&(_, part)| part != 0)
        .collect();
    let score: i64 = parts.iter().map(|&(_, part)| i64::from(part)).sum();
    parts.sort_by_key(|&(from, part)| (std::cmp::Reverse(part.unsigned_abs()), from));
    let share = |part: i32| {
        if score == 0 {
            0.0
        } else {
            f64::from(part) / score as f64
        }
    };
    parts
        .into_iter()
        .map(|(from, part)| Share {
            item: from,
            contribution: f64::from(part) * unit,
            share: share(part),
        })
        .collect()
}
