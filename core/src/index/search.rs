//! From a question to an answer: what may match, which way to go, the final scores.

use std::sync::Arc;

use crate::bitset::BitSet;
use crate::error::{Error, ErrorKind, Result};

use super::answer::{Neighbor, Neighbors, Plan, SearchTrace};
use super::best::best_items;
use super::diverse::diversify;
use super::exact;
use super::options::SearchOptions;
use super::target::{Resolved, Scoring, Target};
use super::view::{Asked, View};
use super::{Inner, VectorIndex};

/// Named items that are dropped from the answer instead of being filtered out on the way.
const MOST_DROPPED: usize = 64;
/// Rows that are scored together.
const CHUNK: usize = 1024;

/// Reusable buffers of a search.
#[derive(Default)]
pub(super) struct Scratch {
    pub(super) asked: Asked,
    pub(super) exact: exact::Buffers,
    pub(super) row: Vec<f32>,
    pub(super) scores: Vec<f32>,
}

/// What may match.
pub(super) struct Allowed {
    /// The rows, or all.
    pub(super) rows: Option<Arc<BitSet>>,
    /// How many they are.
    pub(super) matching: usize,
    /// Items to drop from the answer, ascending; few.
    pub(super) dropped: Vec<u32>,
}

impl Allowed {
    pub(super) fn new(
        inner: &Inner,
        view: &View<'_>,
        options: &SearchOptions,
        named: &[u32],
    ) -> Result<Self> {
        let mut items: Option<BitSet> = None;
        if let Some(given) = &options.items {
            if given.len() != view.items {
                return Err(Error::new(
                    ErrorKind::LengthMismatch,
                    format!(
                        "search.items is a set over {} items; the index has {}",
                        given.len(),
                        view.items
                    ),
                ));
            }
            items = Some(BitSet::clone(given));
        }
        let mut narrow = |set: BitSet| match &mut items {
            Some(items) => items.intersect(&set),
            None => items = Some(set),
        };
        if let Some(filter) = &options.filter {
            narrow(inner.matching(filter)?);
        }
        if let Some(allow) = &options.allow {
            let mut set = BitSet::empty(view.items);
            for item in allow.iter().filter_map(|id| view.ids.find(id)) {
                set.insert(item as usize);
            }
            narrow(set);
        }
        let mut dropped: Vec<u32> = options
            .deny
            .iter()
            .filter_map(|id| view.ids.find(id))
            .chain(named.iter().copied())
            .collect();
        dropped.sort_unstable();
        dropped.dedup();
        if items.is_some() || dropped.len() > MOST_DROPPED {
            let items = items.get_or_insert_with(|| BitSet::full(view.items));
            for item in dropped.drain(..) {
                items.remove(item as usize);
            }
        }
        let rows = items.map(|items| view.rows_in(&items));
        Ok(Self {
            matching: rows.as_ref().map_or(view.rows, BitSet::count),
            rows: rows.map(Arc::new),
            dropped,
        })
    }

    /// The same without one item.
    pub(super) fn without(&self, item: u32) -> Self {
        let mut dropped = self.dropped.clone();
        if let Err(at) = dropped.binary_search(&item) {
            dropped.insert(at, item);
        }
        Self {
            rows: self.rows.clone(),
            matching: self.matching,
            dropped,
        }
    }
}

impl Inner {
    /// Answers one question with the scratch of the caller.
    pub(super) fn search(
        &self,
        target: &Target<'_>,
        options: &SearchOptions,
        scratch: &mut Scratch,
    ) -> Result<Neighbors> {
        options.validate()?;
        let view = self.view();
        let resolved = Resolved::new(&view, target)?;
        let allowed = Allowed::new(self, &view, options, &resolved.named)?;
        self.answer(&view, &resolved, &allowed, options, scratch)
    }

    /// Answers a question whose parts were resolved.
    pub(super) fn answer(
        &self,
        view: &View<'_>,
        resolved: &Resolved,
        allowed: &Allowed,
        options: &SearchOptions,
        scratch: &mut Scratch,
    ) -> Result<Neighbors> {
        let diversity = options.diversity.filter(|share| *share > 0.0);
        let wanted = match diversity {
            None => options.k,
            Some(_) => options
                .candidates
                .unwrap_or(options.k.saturating_mul(4))
                .max(options.k),
        };
        let mut trace = SearchTrace::new(Plan::Exact, allowed.matching);
        let mut items = if allowed.matching == 0 {
            trace.plan = Plan::Nothing;
            Vec::new()
        } else if matches!(resolved.scoring, Scoring::One) {
            scratch.asked.set(view, &resolved.vector);
            self.nearest(view, allowed, options, wanted, scratch, &mut trace)
        } else {
            by_examples(
                view,
                &resolved.scoring,
                allowed,
                options,
                wanted,
                &mut trace,
            )
        };
        if let Some(share) = diversity {
            items = diversify(view, items, options.k, share);
        }
        Ok(Neighbors {
            items,
            trace: options.trace.then_some(trace),
        })
    }

    /// The nearest items of `scratch.asked`.
    fn nearest(
        &self,
        view: &View<'_>,
        allowed: &Allowed,
        options: &SearchOptions,
        wanted: usize,
        scratch: &mut Scratch,
        trace: &mut SearchTrace,
    ) -> Vec<Neighbor> {
        let more = wanted.saturating_add(allowed.dropped.len());
        let rows = allowed.rows.as_deref();
        let Scratch {
            asked,
            exact,
            row,
            scores,
        } = scratch;
        let found = exact::scan(view, asked, rows, more, options.min_score, exact);
        trace.compared = allowed.matching;
        trace.rescored = found.len();
        view.score(&asked.floats, found, row, scores);
        let mut items = best_items(view, found, scores, more, options.min_score);
        drop_items(&mut items, &allowed.dropped, wanted);
        items
    }
}

/// Takes named items out, and keeps as many as are wanted.
fn drop_items(items: &mut Vec<Neighbor>, dropped: &[u32], wanted: usize) {
    items.retain(|n| dropped.binary_search(&n.item).is_err());
    items.truncate(wanted);
}

/// Scores every row that may match by several examples.
fn by_examples(
    view: &View<'_>,
    scoring: &Scoring,
    allowed: &Allowed,
    options: &SearchOptions,
    wanted: usize,
    trace: &mut SearchTrace,
) -> Vec<Neighbor> {
    let all: Vec<u32> = match &allowed.rows {
        None => (0..view.rows as u32).collect(),
        Some(rows) => rows.iter().map(|row| row as u32).collect(),
    };
    trace.rescored = all.len();
    let mut row = Vec::new();
    let mut scores = Vec::with_capacity(all.len());
    for rows in all.chunks(CHUNK) {
        scores.extend(scoring.apply(rows.len(), &mut |example, out| {
            view.score(example, rows, &mut row, out);
        }));
    }
    let more = wanted.saturating_add(allowed.dropped.len());
    let mut items = best_items(view, &all, &scores, more, options.min_score);
    drop_items(&mut items, &allowed.dropped, wanted);
    items
}

impl VectorIndex {
    /// What is nearest to a target, by (score descending, item ascending).
    ///
    /// Exactly `k` items come whenever so many match, at every selectivity of a filter; with
    /// [`Kind::Exact`](super::Kind::Exact), or `exact`, they are the true nearest. Scores are those
    /// of the stored vectors, in one order of arithmetic on every processor.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for an option out of range, [`ErrorKind::InvalidVector`] for
    /// a vector of another length, with a value that is not finite, or without a direction where
    /// the cosine needs one; [`ErrorKind::UnknownItem`] for an item that is not in the index;
    /// [`ErrorKind::InvalidCondition`] for a filter where the index has no attributes;
    /// [`ErrorKind::LengthMismatch`] for `items` of another length.
    pub fn search(&self, target: &Target<'_>, options: &SearchOptions) -> Result<Neighbors> {
        let mut scratch = self.inner.take();
        let answer = self.inner.search(target, options, &mut scratch);
        self.inner.give(scratch);
        answer
    }
}
