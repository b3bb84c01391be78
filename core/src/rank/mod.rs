//! From a history to a ranking.
//!
//! The order of the pipeline: history → weights (`history`) → integer scores over the item
//! graph → the best k of the eligible (`topk`) → top-up with popularity → reasons (`explain`).
//! Everything after the weights is integer arithmetic, so that it is exact: the order in which
//! rows are added, the instruction set and the language cannot change a bit.

mod explain;
mod history;
mod topk;

pub(crate) use explain::explain;
pub(crate) use history::{Signal, Weighted, fold};

use crate::bitset::BitSet;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Model, Source};
use history::FixedPoint;
use topk::TopK;

/// The score that an excluded item starts from: below anything a sum can reach.
const EXCLUDED: i32 = i32::MIN;

/// How many rows of the graph are asked for before they are added.
const ROWS_AHEAD: usize = 4;

/// What one ranking needs besides the history.
#[derive(Clone, Copy)]
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
    fixed: FixedPoint,
    accumulators: Vec<i32>,
    best: TopK,
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
    rank_weights(model, query, workspace)
}

/// Ranks: `workspace.weights` in, `workspace.ranked` out, where the weights come from elsewhere
/// than from one history.
pub(crate) fn rank_weights(model: &Model, query: &Query<'_>, workspace: &mut Workspace) -> Counts {
    let Workspace {
        ranked,
        weights,
        fixed,
        accumulators,
        best,
        ..
    } = workspace;
    ranked.clear();
    fixed.set(if query.baseline { &[] } else { weights });
    let excluded = |w: &&Weighted| query.exclude_seen || w.weight < 0.0;
    let mut counts = Counts {
        history: fixed.items.len(),
        excluded: weights.iter().filter(excluded).count(),
        ..Counts::default()
    };

    let items = model.item_count();
    let k = query.k.min(items);
    accumulators.resize(items, 0);
    let graph = model.graph();
    let unit = graph.unit() * fixed.unit();
    let add_up = |accumulators: &mut [i32]| {
        // The rows lie anywhere in the graph, and waiting for them is most of the time.
        for &(item, _) in fixed.items.iter().take(ROWS_AHEAD) {
            graph.prefetch(item);
        }
        for (n, &(item, factor)) in fixed.items.iter().enumerate() {
            if let Some(&(ahead, _)) = fixed.items.get(n + ROWS_AHEAD) {
                graph.prefetch(ahead);
            }
            let (ids, row) = graph.row(item);
            tastemaker_kernels::add_row(accumulators, ids, row, factor);
        }
        for weighted in weights.iter().filter(excluded) {
            if let Some(sum) = accumulators.get_mut(weighted.item as usize) {
                *sum = EXCLUDED;
            }
        }
    };
    let eligible = |item: u32| query.eligible.is_none_or(|set| set.contains(item as usize));

    if !fixed.items.is_empty() {
        add_up(accumulators);
        best.reset(k);
        tastemaker_kernels::scan_above_and_clear(accumulators, 0, &mut |item, value| {
            if eligible(item) {
                best.push(item, value);
            }
            best.threshold().max(0)
        });
        let positive = best.finish();
        ranked.extend(positive.map(|(item, sum)| Ranked {
            item,
            score: f64::from(sum) * unit,
            source: Source::Graph,
        }));
        counts.graph = ranked.len();
    }
    if ranked.len() >= k {
        return counts;
    }

    // The history speaks for fewer than k eligible items. The sums are needed once more, to
    // tell the items it says nothing about from those it speaks against.
    add_up(accumulators);
    let mut pushed_away = false;
    for &item in model.popular_order() {
        let Some(&sum) = accumulators.get(item as usize) else {
            continue;
        };
        pushed_away |= sum < 0 && sum != EXCLUDED;
        if sum == 0 && eligible(item) {
            ranked.push(Ranked {
                item,
                score: 0.0,
                source: Source::Popular,
            });
            counts.popular += 1;
            if ranked.len() >= k {
                break;
            }
        }
    }
    if ranked.len() < k && pushed_away {
        best.reset(k - ranked.len());
        for (item, &sum) in accumulators.iter().enumerate() {
            if sum < 0 && sum != EXCLUDED && eligible(item as u32) {
                best.push(item as u32, sum);
            }
        }
        let last = best.finish();
        let before = ranked.len();
        ranked.extend(last.map(|(item, sum)| Ranked {
            item,
            score: f64::from(sum) * unit,
            source: Source::Graph,
        }));
        counts.pushed_away = ranked.len() - before;
    }
    accumulators.fill(0);
    counts
}
