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
        if all_below(ids, len) {
            // SAFETY: all ids lie below `len`, which is at most `sums.len()` and
            // `marks.len() · LANES`.
            unsafe { add_row::<T, MARK>(sums, marks, ids, weights, factor) };
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

/// Ids that are compared together.
const TOGETHER: usize = 32;

/// Whether all ids are below `len`: one look in vectors, instead of a check an id.
#[inline(always)]
fn all_below<T: Id>(ids: &[T], len: usize) -> bool {
    let (some, rest) = ids.as_chunks::<TOGETHER>();
    let mut largest = [T::ZERO; TOGETHER];
    for ids in some.iter().chain(ids.last_chunk()) {
        for (most, &id) in largest.iter_mut().zip(ids) {
            *most = (*most).max(id);
        }
    }
    let rest = if some.is_empty() { rest } else { &[] };
    // The largest of the largest, and one comparison: LLVM cannot compile 32 comparisons with a
    // number of 32 bits for WebAssembly.
    let largest = largest.into_iter().fold(T::ZERO, Ord::max);
    (len > largest.index() || some.is_empty()) && rest.iter().all(|id| id.index() < len)
}

/// Adds one row.
///
/// A function of its own, so that all that the loop needs stays in registers: within the loop
/// over rows the compiler reads where the sums are from memory, for every edge.
///
/// # Safety
/// Each id is below `sums.len()`, and below `marks.len() · LANES`.
#[inline(never)]
unsafe fn add_row<T: Id, const MARK: bool>(
    sums: &mut [i32],
    marks: &mut [u8],
    ids: &[T],
    weights: &[u16],
    factor: i32,
) {
    for (&id, &weight) in ids.iter().zip(weights) {
        let id = id.index();
        // SAFETY: what the caller promises.
        let sum = unsafe { sums.get_unchecked_mut(id) };
        *sum = sum.wrapping_add(factor.wrapping_mul(i32::from(weight)));
        if MARK {
            // SAFETY: what the caller promises.
            *unsafe { marks.get_unchecked_mut(id / LANES) } = 1;
        }
    }
}
