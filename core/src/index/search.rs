//! From a question to an answer: what may match, which way to go, the final scores.

use std::sync::Arc;

use crate::bitset::BitSet;
use crate::error::{Error, ErrorKind, Result};

use super::answer::{Neighbor, Neighbors, Plan, SearchTrace};
use super::best::best_items;
use super::binary::{self, Bits};
use super::diverse::diversify;
use super::exact;
use super::hnsw::{self, Graph, Walk};
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
    pub(super) walk: Walk,
    pub(super) binary: binary::Buffers,
    pub(super) rows: Vec<u32>,
    pub(super) row: Vec<f32>,
    pub(super) scores: Vec<f32>,
}

/// What may match.
#[derive(Clone)]
pub(super) struct Allowed {
    /// The rows, or all.
    pub(super) rows: Option<Arc<BitSet>>,
    /// How many they are.
    pub(super) matching: usize,
    /// Items to drop from the answer, ascending; few.
    pub(super) dropped: Vec<u32>,
    /// `rows` as rows of the graph, where those are others.
    pub(super) standing: Option<Arc<BitSet>>,
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
            standing: rows
                .as_ref()
                .and_then(|rows| view.standing_for(rows))
                .map(Arc::new),
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
            standing: self.standing.clone(),
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
        let wanted = options.wanted();
        let mut trace = SearchTrace::new(Plan::Exact, allowed.matching);
        let items = if allowed.matching == 0 {
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
        Ok(told(view, items, options, trace))
    }

    /// The answer to a question whose walk is done: in the scratch, as is the query.
    pub(super) fn finish_walk(
        &self,
        view: &View<'_>,
        allowed: &Allowed,
        options: &SearchOptions,
        ef: usize,
        scratch: &mut Scratch,
    ) -> Neighbors {
        let mut trace = SearchTrace::new(Plan::Hnsw, allowed.matching);
        let wanted = options.wanted();
        let more = wanted.saturating_add(allowed.dropped.len());
        let items = match finish(view, allowed, options, more, ef, scratch, &mut trace) {
            Some(items) => cut(items, &allowed.dropped, wanted),
            None => {
                trace.plan = Plan::HnswThenExact;
                exactly(view, allowed, options, wanted, scratch, &mut trace)
            }
        };
        told(view, items, options, trace)
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
        let route = Route::choose(self, view, allowed, options, more);
        if let Some((graph, ef)) = route.graph {
            let work = scratch.asked.work(view, ef, more);
            match allowed.standing.as_deref().or(allowed.rows.as_deref()) {
                None => hnsw::walk(&graph, view.codes, &work, &mut scratch.walk),
                Some(set) => {
                    hnsw::walk_filtered(&graph, view.codes, &work, set, &mut scratch.walk);
                }
            }
            let items = finish(view, allowed, options, more, ef, scratch, trace);
            if let Some(items) = items {
                return cut(items, &allowed.dropped, wanted);
            }
            trace.plan = Plan::HnswThenExact;
        }
        if let Some((bits, ef)) = route.bits {
            let items = by_bits(view, &bits, allowed, options, more, ef, scratch, trace);
            if let Some(items) = items {
                return cut(items, &allowed.dropped, wanted);
            }
            trace.plan = Plan::Exact;
        }
        exactly(view, allowed, options, wanted, scratch, trace)
    }
}

/// The nearest items of `scratch.asked`, by the flat scan.
fn exactly(
    view: &View<'_>,
    allowed: &Allowed,
    options: &SearchOptions,
    wanted: usize,
    scratch: &mut Scratch,
    trace: &mut SearchTrace,
) -> Vec<Neighbor> {
    let more = wanted.saturating_add(allowed.dropped.len());
    let Scratch {
        asked, exact, rows, ..
    } = scratch;
    let narrowed = allowed.rows.as_deref();
    rows.clear();
    rows.extend(exact::scan(
        view,
        asked,
        narrowed,
        more,
        options.min_score,
        exact,
    ));
    of_scan(view, allowed, options, scratch, trace)
}

/// The nearest items among the rows that a scan found, which are in the scratch.
fn of_scan(
    view: &View<'_>,
    allowed: &Allowed,
    options: &SearchOptions,
    scratch: &mut Scratch,
    trace: &mut SearchTrace,
) -> Vec<Neighbor> {
    let Scratch {
        asked,
        rows,
        row,
        scores,
        ..
    } = scratch;
    let wanted = options.wanted();
    let more = wanted.saturating_add(allowed.dropped.len());
    trace.compared += allowed.matching;
    trace.rescored += rows.len();
    view.score(&asked.floats, rows, row, scores);
    let items = best_items(view, rows, scores, more, options.min_score);
    cut(items, &allowed.dropped, wanted)
}

/// The answer to a question whose scan is done, which found these rows; the query is in the
/// scratch.
pub(super) fn finish_scan(
    view: &View<'_>,
    allowed: &Allowed,
    options: &SearchOptions,
    found: &[u32],
    scratch: &mut Scratch,
) -> Neighbors {
    let mut trace = SearchTrace::new(Plan::Exact, allowed.matching);
    scratch.rows.clear();
    scratch.rows.extend_from_slice(found);
    let items = of_scan(view, allowed, options, scratch, &mut trace);
    told(view, items, options, trace)
}

/// The answer as it is told: with variety, and with the trace, where they were asked for.
fn told(
    view: &View<'_>,
    mut items: Vec<Neighbor>,
    options: &SearchOptions,
    trace: SearchTrace,
) -> Neighbors {
    if let Some(share) = options.diversity.filter(|share| *share > 0.0) {
        items = diversify(view, items, options.k, share);
    }
    Neighbors {
        items,
        trace: options.trace.then_some(trace),
    }
}

/// What a walk costs for each candidate and link that it keeps, in rows that a scan fetches.
const WALK: f64 = 3.0;
/// The same among matching rows, and what is added where one row in `n` matches, for each `n`.
const FILTERED_WALK: (f64, f64) = (6.0, 1.0);

/// Which way a search goes.
pub(super) struct Route<'a> {
    /// The graph, and how many candidates to keep; `None` for the exact scan.
    pub(super) graph: Option<(Graph<'a>, usize)>,
    /// The bits, and how many candidates to keep.
    pub(super) bits: Option<(Bits<'a>, usize)>,
}

impl<'a> Route<'a> {
    /// The graph, unless it is not there, or so few rows match that looking at all is as cheap.
    pub(super) fn choose(
        inner: &Inner,
        view: &View<'a>,
        allowed: &Allowed,
        options: &SearchOptions,
        wanted: usize,
    ) -> Self {
        let ef = options.ef.unwrap_or(inner.layout.options.ef).max(wanted);
        let share = view.rows as f64 / allowed.matching.max(1) as f64;
        let factor = match allowed.rows {
            None => WALK,
            Some(_) => FILTERED_WALK.0 + FILTERED_WALK.1 * share,
        };
        let walk = ef as f64 * inner.layout.options.m as f64 * factor;
        let scan = allowed.matching.min(view.rows / exact::SPARSE) as f64;
        let graph = view.graph.filter(|_| !options.exact && scan > walk);
        let close = ef.saturating_mul(CLOSE);
        let bits = view
            .bits
            .filter(|_| !options.exact && allowed.matching > close.saturating_mul(2));
        Self {
            graph: graph.map(|graph| (graph, ef)),
            bits: bits.map(|bits| (bits, close)),
        }
    }
}

/// Scores what a walk found. `None` where that is too few items though more match.
pub(super) fn finish(
    view: &View<'_>,
    allowed: &Allowed,
    options: &SearchOptions,
    more: usize,
    ef: usize,
    scratch: &mut Scratch,
    trace: &mut SearchTrace,
) -> Option<Vec<Neighbor>> {
    let Scratch {
        asked,
        walk,
        row,
        scores,
        rows,
        ..
    } = scratch;
    let narrowed = allowed.rows.as_deref();
    trace.plan = match narrowed {
        None => Plan::Hnsw,
        Some(_) => Plan::FilteredHnsw,
    };
    trace.ef = ef;
    let (expanded, compared) = walk.counts();
    trace.expanded += expanded;
    trace.compared += compared;
    let several = !view.row_starts.is_empty();
    let most = if several { ef } else { scored_for(more) };
    rows.clear();
    for found in walk.found(most) {
        if (found as usize) < view.rows {
            let own = |row: &u32| narrowed.is_none_or(|set| set.contains(*row as usize));
            let twins = view.twins_of(found).iter().copied();
            rows.extend(std::iter::once(found).chain(twins).filter(own).take(most));
        }
        if rows.len() >= most && !several {
            break;
        }
    }
    for &row in rows.iter() {
        view.prefetch(row);
    }
    trace.rescored += rows.len();
    view.score(&asked.floats, rows, row, scores);
    let items = best_items(view, rows, scores, more, None);
    let enough = more.min(allowed.matching);
    // With several rows an item, fewer items than rows may match.
    if items.len() < enough && !(several && rows.len() >= allowed.matching) {
        return None;
    }
    let near = |n: &Neighbor| options.min_score.is_none_or(|least| n.score >= least);
    Some(items.into_iter().filter(near).collect())
}

/// Rows that are scored beyond those wanted.
const RESCORED: usize = 16;
/// Rows whose codes are looked at for each candidate, where bits chose them.
const CLOSE: usize = 8;

/// How many rows are scored for so many items: codes tell near from far, not the nearest from each
/// other.
fn scored_for(items: usize) -> usize {
    items.saturating_add(items / 2).saturating_add(RESCORED)
}

/// The nearest items by bits, codes and vectors. `None` where that is too few items though more
/// match.
#[expect(clippy::too_many_arguments, reason = "as the search has them")]
fn by_bits(
    view: &View<'_>,
    bits: &Bits<'_>,
    allowed: &Allowed,
    options: &SearchOptions,
    more: usize,
    close: usize,
    scratch: &mut Scratch,
    trace: &mut SearchTrace,
) -> Option<Vec<Neighbor>> {
    let Scratch {
        asked,
        binary: buffers,
        row,
        scores,
        rows,
        ..
    } = scratch;
    trace.plan = Plan::Binary;
    trace.ef = close;
    trace.compared += allowed.matching;
    let narrowed = allowed.rows.as_deref();
    rows.clear();
    rows.extend(binary::scan(view, bits, asked, narrowed, close, buffers));
    // An item's rows may crowd out other items: then all candidates are scored.
    if view.row_starts.is_empty() && rows.len() > scored_for(more) {
        binary::refine(view, asked, rows, scored_for(more), buffers);
    }
    trace.rescored += rows.len();
    view.score(&asked.floats, rows, row, scores);
    let items = best_items(view, rows, scores, more, None);
    if items.len() < more.min(allowed.matching) {
        return None;
    }
    let near = |n: &Neighbor| options.min_score.is_none_or(|least| n.score >= least);
    Some(items.into_iter().filter(near).collect())
}

/// Takes named items out, and keeps as many as are wanted.
fn cut(mut items: Vec<Neighbor>, dropped: &[u32], wanted: usize) -> Vec<Neighbor> {
    items.retain(|n| dropped.binary_search(&n.item).is_err());
    items.truncate(wanted);
    items
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
    let items = best_items(view, &all, &scores, more, options.min_score);
    cut(items, &allowed.dropped, wanted)
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
