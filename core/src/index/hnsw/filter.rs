//! A walk among the rows that match a filter.
//!
//! Only rows that match become candidates. Where few neighbours of a candidate match, the walk
//! looks through those that do not to their neighbours, until it has as many as a row has links
//! in a level above (Patel and others, ACORN, 2024). It starts at the nearest row that the levels
//! above lead to, and at matching rows from all over the index, because the matching rows may be
//! far from the query.

use tastemaker_kernels::{ByteRows, prefetch};

use crate::bitset::BitSet;

use super::graph::Graph;
use super::walk::{Walk, Work};

/// Matching rows from all over the index that a walk starts at, for each candidate that it keeps;
/// only the best of them matter.
const SEEDS: usize = 8;
/// The most and the least of them.
const MOST_SEEDS: usize = 1024;
const LEAST_SEEDS: usize = 64;
/// Candidates whose neighbours are looked at in one step.
const STEP: usize = 4;

/// Finds candidates for one query among the rows that match; they are then in the walk.
pub(in super::super) fn walk_filtered(
    graph: &Graph<'_>,
    codes: ByteRows<'_>,
    work: &Work<'_>,
    allowed: &BitSet,
    walk: &mut Walk,
) {
    walk.expanded = 0;
    walk.compared = 0;
    let levels = (1..=graph.height()).rev().map(|level| graph.layer(level));
    let entry = walk.descend(levels, codes, work);
    let base = &graph.base;
    walk.start(base, base.len(), codes, work, &[], work.reach);
    walk.places.clear();
    around(graph, allowed, entry, walk);
    let count = work.reach.usual.saturating_mul(SEEDS);
    let count = count.clamp(LEAST_SEEDS, MOST_SEEDS);
    for row in seeds(allowed, count) {
        if walk.seen.insert(row) {
            walk.places.push(row);
        }
    }
    walk.offer::<false>(base, codes, work);
    loop {
        walk.places.clear();
        let mut any = false;
        for _ in 0..STEP {
            let Some(place) = walk.pool.pop() else { break };
            any = true;
            let first = walk.places.len();
            around(graph, allowed, place, walk);
            work.ask(codes, walk.places.get(first..).unwrap_or(&[]));
        }
        if !any {
            return;
        }
        walk.offer::<true>(base, codes, work);
        for place in walk.pool.open().take(STEP) {
            prefetch(base.links(place));
        }
    }
}

/// Collects the new matching rows around a place, itself included.
#[inline(always)]
fn around(graph: &Graph<'_>, allowed: &BitSet, place: u32, walk: &mut Walk) {
    let base = &graph.base;
    walk.expanded += 1;
    if allowed.contains(place as usize) && walk.seen.insert(place) {
        walk.places.push(place);
    }
    let links = base.filled(place);
    let mut matching = walk.seen.insert_matching(links, allowed, &mut walk.places);
    let enough = base.width / 2;
    for &link in links {
        if matching >= enough {
            return;
        }
        if allowed.contains(link as usize) {
            continue;
        }
        // One that was looked through before has nothing new, and still tells how much matches
        // around here.
        walk.expanded += usize::from(walk.seen.insert(link));
        matching += walk
            .seen
            .insert_matching(base.filled(link), allowed, &mut walk.places);
    }
}

/// Matching rows at equal distances.
fn seeds(allowed: &BitSet, count: usize) -> impl Iterator<Item = u32> + '_ {
    let words = allowed.words();
    (0..count).filter_map(move |n| {
        let first = n * words.len() / count;
        let end = ((n + 1) * words.len() / count).max(first + 1);
        let some = words.get(first..end.min(words.len()))?;
        let at = some.iter().position(|&word| word != 0)?;
        let bit = some.get(at)?.trailing_zeros();
        Some(((first + at) * 64) as u32 + bit)
    })
}
