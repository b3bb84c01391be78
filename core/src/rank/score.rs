//! Scores of given items, whether or not a ranking would have them.

use super::{Workspace, fold};
use crate::model::Model;

/// What a history says about one candidate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scored {
    pub(crate) score: f64,
    /// The history has the item.
    pub(crate) seen: bool,
}

/// Scores candidates by `workspace.signals`, in the order given; an unknown one has the score 0.
///
/// The sums are those of a ranking, because integers add up alike in any order. Few candidates
/// are looked up in the rows of the history; for many it is less work to add the rows up.
pub(crate) fn score(
    model: &Model,
    now: Option<i64>,
    candidates: &[Option<u32>],
    workspace: &mut Workspace,
) -> Vec<Scored> {
    let Workspace {
        signals,
        weights,
        counted,
        fixed,
        sums: all,
        ..
    } = workspace;
    fold(signals, model.kinds(), model.half_life_ms(), now, weights);
    fixed.set(counted.of(weights, signals, model.max_history_items()));
    let graph = model.graph();
    let unit = graph.unit() * fixed.unit();
    let sums: Vec<i32> = if adding_up_is_less(model, candidates.len()) {
        all.resize(model.item_count());
        all.add_rows(graph.rows(), &fixed.items);
        let found = candidates.iter().map(|item| item.map_or(0, |i| all.get(i)));
        let found = found.collect();
        all.clear();
        found
    } else {
        let part = |from, factor: i32, to| factor.wrapping_mul(i32::from(graph.weight(from, to)));
        let sum = |to| {
            let parts = fixed.items.iter().map(|&(from, q)| part(from, q, to));
            parts.fold(0i32, i32::wrapping_add)
        };
        candidates.iter().map(|item| item.map_or(0, sum)).collect()
    };
    let seen = |item: u32| weights.binary_search_by_key(&item, |w| w.item).is_ok();
    candidates
        .iter()
        .zip(sums)
        .map(|(item, sum)| Scored {
            score: f64::from(sum) * unit,
            seen: item.is_some_and(seen),
        })
        .collect()
}

/// Compares the two ways for one item of the history: a step into its row by binary search waits
/// for memory, as long as it takes to add some entries of a row that lie side by side.
fn adding_up_is_less(model: &Model, candidates: usize) -> bool {
    const ADDED_WHILE_WAITING: usize = 4;
    let row = model.graph().ids.len() / model.item_count().max(1);
    let steps = (row + 1).ilog2() as usize + 1;
    row < candidates.saturating_mul(steps * ADDED_WHILE_WAITING)
}
