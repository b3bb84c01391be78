//! Rows of the graph, added to sums.

use super::{GROUP, Line, Marks, flat, flat_marks};
use crate::dispatch::multiversion;
use crate::lanes::LANES;
use crate::rows::{Id, Ids, Rows};
use crate::sparse::{prefetch, prefetch_near};

/// How many rows ahead a row is asked for: they lie anywhere in the graph, and waiting for them
/// would be most of the time.
const ROWS_AHEAD: usize = 4;
/// How many rows ahead the place of a row is asked for.
const PLACES_AHEAD: usize = 16;
/// How many rows are asked for in one go where asking is reading: they fit the L1 cache.
const ROWS_TOGETHER: usize = 16;
/// With an edge for so many sums, all lines are taken as touched: see [`mark_all`].
const SUMS_AN_EDGE: usize = 12;

multiversion! {
    /// Adds rows up, and marks the lines that they touch. Where there is room for every id that
    /// fits the width, ids outside may go to lines behind the last one.
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
        // Ids outside may have left something in the rest of the last line.
        if let Some(rest) = lines.get_mut(len / LANES).and_then(|last| last.0.get_mut(len % LANES..)) {
            rest.fill(0);
        }
    }
}

/// Whether a history touches so many sums that it is less work to look through all of them than
/// to mark what was touched: a mark is a second store for every edge, and as slow as the first.
#[inline(always)]
pub(super) fn mark_all(len: usize, rows: Rows<'_>, history: &[(u32, i32)]) -> bool {
    history.len().saturating_mul(rows.mean_len()) > len / SUMS_AN_EDGE
}

/// Asks for what is added soon, before row `n` of the history is.
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
    // Where a row lies has to be read before it can be asked for. The first rows are asked for
    // here, later ones bit by bit while others are added.
    let places = if n == 0 { 0 } else { PLACES_AHEAD };
    let upto = (n + PLACES_AHEAD + 1).min(history.len());
    for &(row, _) in history.get(n + places..upto).unwrap_or(&[]) {
        prefetch(rows.place(row).map_or(&[], |place| place));
    }
    if n == 0 {
        for &(row, _) in history.iter().take(ROWS_AHEAD) {
            rows.prefetch(row);
        }
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
    let room = sums.len().min(marks.len() * LANES);
    let len = len.min(room);
    let row_of = |row: u32| {
        let range = rows.range(row);
        Edges {
            ids: ids.get(range.clone()).unwrap_or(&[]),
            weights: rows.weights.get(range).unwrap_or(&[]),
        }
    };
    for (n, &(row, factor)) in history.iter().enumerate() {
        ask_ahead(rows, history, n);
        let edges = row_of(row);
        let soon = match history.get(n + ROWS_AHEAD) {
            Some(&(row, _)) => row_of(row),
            None => Edges::NONE,
        };
        if room > T::MOST || all_below(edges.ids, len) {
            // SAFETY: all ids lie below `room`, which is at most `sums.len()` and
            // `marks.len() · LANES`.
            unsafe { add_row::<T, MARK>(sums, marks, edges, factor, soon) };
        } else {
            for (&id, &weight) in edges.ids.iter().zip(edges.weights) {
                let id = id.index();
                if id < len {
                    sums[id] = sums[id].wrapping_add(factor.wrapping_mul(i32::from(weight)));
                    marks[id / LANES] = 1;
                }
            }
        }
    }
}

/// The ids and weights of one row.
#[derive(Clone, Copy)]
struct Edges<'a, T> {
    ids: &'a [T],
    weights: &'a [u16],
}

impl<T: Id> Edges<'_, T> {
    const NONE: Self = Edges {
        ids: &[],
        weights: &[],
    };

    /// Asks for a part of the row while some edges of another are added, for the `n`-th time.
    #[inline(always)]
    fn ask_for(self, n: usize) {
        ask_for_part(self.ids, n);
        ask_for_part(self.weights, n);
    }
}

/// Asks for the lines of a part. A part has some bytes more than are added meanwhile, because a row
/// starts anywhere in a line.
#[inline(always)]
fn ask_for_part<T>(row: &[T], n: usize) {
    let bytes = EDGES_TOGETHER * size_of::<T>();
    for at in (0..bytes).step_by(64) {
        prefetch_near(row, n * (bytes + bytes / 5) + at);
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

/// Edges that are added without a look at how many are left: rows of 100 leave no rest.
const EDGES_TOGETHER: usize = 20;

/// Adds one row, and asks for one that comes soon: some lines at a time, because all at once would
/// wait for each other.
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
    edges: Edges<'_, T>,
    factor: i32,
    soon: Edges<'_, T>,
) {
    let mut add = |(&id, &weight): (&T, &u16)| {
        let id = id.index();
        // SAFETY: what the caller promises.
        let sum = unsafe { sums.get_unchecked_mut(id) };
        *sum = sum.wrapping_add(factor.wrapping_mul(i32::from(weight)));
        if MARK {
            // SAFETY: what the caller promises.
            *unsafe { marks.get_unchecked_mut(id / LANES) } = 1;
        }
    };
    let (ids, last_ids) = edges.ids.as_chunks::<EDGES_TOGETHER>();
    let (weights, last_weights) = edges.weights.as_chunks::<EDGES_TOGETHER>();
    for (n, (ids, weights)) in ids.iter().zip(weights).enumerate() {
        soon.ask_for(n);
        ids.iter().zip(weights).for_each(&mut add);
    }
    if !last_ids.is_empty() {
        soon.ask_for(ids.len());
        last_ids.iter().zip(last_weights).for_each(add);
    }
}
