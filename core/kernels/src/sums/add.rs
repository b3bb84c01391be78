//! Rows of the graph, added to sums.

use super::{GROUP, Line, Marks, flat, flat_marks};
use crate::dispatch::multiversion;
use crate::lanes::LANES;
use crate::rows::{Id, Ids, Rows};
use crate::sparse::prefetch;

/// How many rows are asked for before they are added: they lie anywhere in the graph, and waiting
/// for them would be most of the time.
const ROWS_AHEAD: usize = 4;
/// How many rows ahead the place of a row is asked for.
const PLACES_AHEAD: usize = 16;
/// How many rows are asked for in one go where asking is reading: they fit the L1 cache.
const ROWS_TOGETHER: usize = 16;
/// With an edge for so many sums, all lines are taken as touched: see [`mark_all`].
const SUMS_AN_EDGE: usize = 12;

multiversion! {
    /// Adds rows up, and marks the lines that they touch.
    pub(super) fn add_rows[_isa](
        lines: &mut [Line],
        marks: &mut [Marks],
        len: usize,
        rows: Rows<'_>,
        history: &[(u32, i32)],
    ) {
        match (rows.ids, mark_all(len, rows, history)) {
            (Ids::Narrow(ids), false) => add_all::<_, true>(lines, marks, len, rows, ids, history),
            (Ids::Wide(ids), false) => add_all::<_, true>(lines, marks, len, rows, ids, history),
            (Ids::Narrow(ids), true) => {
                marks.fill(Marks([1; GROUP]));
                add_all::<_, false>(lines, marks, len, rows, ids, history);
            }
            (Ids::Wide(ids), true) => {
                marks.fill(Marks([1; GROUP]));
                add_all::<_, false>(lines, marks, len, rows, ids, history);
            }
        }
    }
}

/// Whether a history touches so many sums that it is less work to look through all of them than
/// to mark what was touched: a mark is a second store for every edge, and as slow as the first.
#[inline(always)]
pub(super) fn mark_all(len: usize, rows: Rows<'_>, history: &[(u32, i32)]) -> bool {
    history.len().saturating_mul(rows.mean_len()) > len / SUMS_AN_EDGE
}

/// Asks for rows that are added soon, before row `n` of the history is.
#[inline(always)]
fn ask_ahead(rows: Rows<'_>, history: &[(u32, i32)], n: usize) {
    if cfg!(target_arch = "wasm32") {
        // Reads, which hold up what comes after them: so for many rows in one go, that they wait
        // together.
        if n.is_multiple_of(ROWS_TOGETHER) {
            for &(row, _) in history.iter().skip(n).take(ROWS_TOGETHER) {
                rows.prefetch(row);
            }
        }
        return;
    }
    // Where a row lies has to be read before it can be asked for.
    let (places, ask) = if n == 0 {
        (0, 0)
    } else {
        (PLACES_AHEAD, ROWS_AHEAD)
    };
    let upto = |ahead: usize| (n + ahead + 1).min(history.len());
    for &(row, _) in history.get(n + places..upto(PLACES_AHEAD)).unwrap_or(&[]) {
        prefetch(rows.place(row).map_or(&[], |place| place));
    }
    for &(row, _) in history.get(n + ask..upto(ROWS_AHEAD)).unwrap_or(&[]) {
        rows.prefetch(row);
    }
}

#[inline(always)]
fn add_all<T: Id, const MARK: bool>(
    lines: &mut [Line],
    marks: &mut [Marks],
    len: usize,
    rows: Rows<'_>,
    ids: &[T],
    history: &[(u32, i32)],
) {
    let sums = flat(lines);
    let marks = flat_marks(marks);
    let len = len.min(sums.len()).min(marks.len() * LANES);
    for (n, &(row, factor)) in history.iter().enumerate() {
        ask_ahead(rows, history, n);
        let range = rows.range(row);
        let ids = ids.get(range.clone()).unwrap_or(&[]);
        let weights = rows.weights.get(range).unwrap_or(&[]);
        // One look at all ids, in vectors, instead of a check an id.
        let largest = ids.iter().copied().reduce(Ord::max);
        if largest.is_none_or(|id| id.index() < len) {
            for (&id, &weight) in ids.iter().zip(weights) {
                let id = id.index();
                // SAFETY: `id <= largest < len <= sums.len()`.
                let sum = unsafe { sums.get_unchecked_mut(id) };
                *sum = sum.wrapping_add(factor.wrapping_mul(i32::from(weight)));
                if MARK {
                    // SAFETY: `id < len <= marks.len() · LANES`.
                    *unsafe { marks.get_unchecked_mut(id / LANES) } = 1;
                }
            }
        } else {
            for (&id, &weight) in ids.iter().zip(weights) {
                let id = id.index();
                if id < len {
                    sums[id] = sums[id].wrapping_add(factor.wrapping_mul(i32::from(weight)));
                    marks[id / LANES] = 1;
                }
            }
        }
    }
}
