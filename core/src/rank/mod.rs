//! From a history to a ranking.
//!
//! The order of the pipeline: history → weights (`history`) → integer scores over the item
//! graph → the best k of the eligible (`topk`) → top-up with popularity → reasons (`explain`).
//! Everything after the weights is integer arithmetic, so that it is exact: the order in which
//! rows are added, the instruction set and the language cannot change a bit.

pub(crate) mod alike;
mod counted;
mod explain;
pub(crate) mod group;
mod history;
mod score;
#[cfg(test)]
mod tests;
mod topk;

pub(crate) use counted::Counted;
pub(crate) use explain::{Share, explain};
pub(crate) use history::{ITEM_LIMIT, Signal, Weighted, fold, nearest};
pub(crate) use score::score;

use tastemaker_kernels::Sums;

use crate::bitset::BitSet;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Model, Source};
use history::FixedPoint;
pub(crate) use topk::TopK;

/// The score that an excluded item starts from: below anything a sum can reach.
const EXCLUDED: i32 = i32::MIN;

/// What one ranking needs besides the history.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Query<'a> {
    pub(crate) k: usize,
    pub(crate) now: Option<i64>,
    pub(crate) exclude_seen: bool,
    /// Items that may be shown; all if `None`.
    pub(crate) eligible: Option<&'a BitSet>,
    /// Popularity alone.
    pub(crate) baseline: bool,
}

/// One place of a ranking.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ranked {
    pub(crate) item: u32,
    pub(crate) score: f64,
    pub(crate) source: Source,
}

/// Buffers that a thread reuses from request to request.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    /// In: the history, in canonical order.
    pub(crate) signals: Vec<Signal>,
    /// Out: the ranking.
    pub(crate) ranked: Vec<Ranked>,
    /// The history by item, ascending; in, for [`rank_weights`].
    pub(crate) weights: Vec<Weighted>,
    counted: Counted,
    fixed: FixedPoint,
    sums: Sums,
    best: TopK,
    /// The scores of several members, by item.
    told: Vec<group::Told>,
}

impl Workspace {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// The history that the last ranking added up, for its explanation.
    pub(crate) fn fixed(&self) -> &FixedPoint {
        &self.fixed
    }
}

/// How many items each step of the last ranking gave.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) history: usize,
    /// Items of histories that are more than the model counts.
    pub(crate) beyond: usize,
    pub(crate) excluded: usize,
    pub(crate) graph: usize,
    pub(crate) popular: usize,
    pub(crate) pushed_away: usize,
}

pub(crate) fn check_k(k: usize) -> Result<()> {
    if k == 0 {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            "k is 0; it must be at least 1",
        ));
    }
    Ok(())
}

pub(crate) fn check_threads(threads: usize) -> Result<()> {
    if !(1..=1024).contains(&threads) {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            format!("threads is {threads}; it must be from 1 to 1024"),
        ));
    }
    Ok(())
}

/// Ranks: `workspace.signals` in, `workspace.ranked` out.
pub(crate) fn rank(model: &Model, query: &Query<'_>, workspace: &mut Workspace) -> Counts {
    fold(
        &mut workspace.signals,
        model.kinds(),
        model.half_life_ms(),
        query.now,
        &mut workspace.weights,
    );
    let Workspace {
        signals,
        weights,
        counted,
        fixed,
        ..
    } = workspace;
    let counted = counted.of(weights, signals, model.max_history_items());
    let beyond = weights.len() - counted.len();
    fixed.set(if query.baseline { &[] } else { counted });
    Counts {
        beyond,
        ..add_up(model, query, workspace)
    }
}

/// Ranks: `workspace.weights` in, `workspace.ranked` out, where the weights come from elsewhere
/// than from one history; all of them count.
pub(crate) fn rank_weights(model: &Model, query: &Query<'_>, workspace: &mut Workspace) -> Counts {
    let Workspace { weights, fixed, .. } = workspace;
    fixed.set(if query.baseline { &[] } else { weights });
    add_up(model, query, workspace)
}

/// Adds up what `workspace.fixed` says, and ranks; what `workspace.weights` has was seen.
fn add_up(model: &Model, query: &Query<'_>, workspace: &mut Workspace) -> Counts {
    let Workspace {
        ranked,
        weights,
        fixed,
        sums,
        best,
        ..
    } = workspace;
    ranked.clear();
    let excluded = |w: &&Weighted| query.exclude_seen || w.weight < 0.0;
    let mut counts = Counts {
        history: fixed.items.len(),
        excluded: weights.iter().filter(excluded).count(),
        ..Counts::default()
    };

    let items = model.item_count();
    let k = query.k.min(items);
    let graph = model.graph();
    let unit = graph.unit() * fixed.unit();
    let place = |(item, sum): (u32, i32)| Ranked {
        item,
        score: f64::from(sum) * unit,
        source: Source::Graph,
    };
    let members = query.eligible.map(BitSet::words);
    sums.resize(items);
    sums.add_rows(graph.rows(), &fixed.items);
    for weighted in weights.iter().filter(excluded) {
        sums.set(weighted.item, EXCLUDED);
    }
    best.reset(k);
    if let Some(floor) = sums.kth_best_exceeds(k, members) {
        // At least k sums are above the floor, so that nothing has to be topped up.
        sums.take_above(floor, members, &mut |item, sum| {
            best.push(item, sum);
            best.threshold().max(floor)
        });
        ranked.extend(best.finish().map(place));
        counts.graph = ranked.len();
        return counts;
    }
    sums.above(0, members, &mut |item, sum| {
        best.push(item, sum);
        best.threshold().max(0)
    });
    ranked.extend(best.finish().map(place));
    counts.graph = ranked.len();
    if ranked.len() < k {
        // The history speaks for fewer than k eligible items. First those it says nothing about.
        let eligible = |item: u32| query.eligible.is_none_or(|set| set.contains(item as usize));
        let silent = |item: &&u32| sums.get(**item) == 0 && eligible(**item);
        let popular = model.popular_order().iter().filter(silent);
        ranked.extend(popular.take(k - ranked.len()).map(|&item| Ranked {
            item,
            score: 0.0,
            source: Source::Popular,
        }));
        counts.popular = ranked.len() - counts.graph;
    }
    if ranked.len() < k {
        // Last, those it speaks against.
        best.reset(k - ranked.len());
        sums.above(EXCLUDED, members, &mut |item, sum| {
            if sum < 0 {
                best.push(item, sum);
            }
            best.threshold()
        });
        ranked.extend(best.finish().map(place));
        counts.pushed_away = ranked.len() - counts.graph - counts.popular;
    }
    sums.clear();
    counts
}
