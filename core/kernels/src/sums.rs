//! Integer sums by item: what serving adds up, exact and so free of order.
//!
//! A history of tens of items touches some hundred of the catalog's lines of sixteen sums. A byte
//! a line says which, so that to look through the sums and to clear them costs what was touched,
//! not what the catalog holds.

use crate::dispatch::multiversion;
use crate::lanes::{Isa, LANES};
use crate::rows::{Id, Ids, Rows};
use crate::sparse::prefetch;

/// Lines whose marks are looked at together.
const GROUP: usize = 64;
/// How many rows are asked for before they are added: they lie anywhere in the graph, and waiting
/// for them would be most of the time.
const ROWS_AHEAD: usize = 4;
/// How many rows ahead the place of a row is asked for.
const PLACES_AHEAD: usize = 16;
/// With an edge for so many sums, all lines are taken as touched: see [`mark_all`].
const SUMS_AN_EDGE: usize = 12;
/// Most lines of maxima that [`Sums::kth_best_exceeds`] keeps: it answers for k up to 512.
const MOST_MAXIMA: usize = 64;

/// Sixteen sums: one cache line.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(crate) struct Line([i32; LANES]);

const ZEROS: Line = Line([0; LANES]);

/// A byte for each of 64 lines: 1 if the line may hold something else than zeros.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(crate) struct Marks([u8; GROUP]);

/// One integer sum for each of `0..len`, all zero at first.
///
/// ```
/// use tastemaker_kernels::{Ids, Rows, Sums};
/// let rows = Rows { offsets: &[0, 2, 3], ids: Ids::Wide(&[1, 2, 2]), weights: &[5, 6, 7] };
/// let mut sums = Sums::default();
/// sums.resize(3);
/// sums.add_rows(rows, &[(0, 10), (1, -1)]);
/// assert_eq!((sums.get(1), sums.get(2)), (50, 53));
/// let mut found = Vec::new();
/// sums.take_above(50, None, &mut |id, sum| {
///     found.push((id, sum));
///     50
/// });
/// assert_eq!(found, [(2, 53)]);
/// assert_eq!(sums.get(1), 0);
/// ```
#[derive(Debug, Default)]
pub struct Sums {
    /// `len` sums, and zeros up to a full line.
    lines: Vec<Line>,
    /// A mark for every line at least. A line without a mark is all zeros.
    marks: Vec<Marks>,
    len: usize,
    /// False only if all sums are zero.
    used: bool,
    maxima: Vec<Line>,
    order: Vec<i32>,
}

impl Sums {
    /// Makes it `len` sums, all zero. Costs nothing where it has this length and is clear.
    pub fn resize(&mut self, len: usize) {
        if self.used {
            self.clear();
        }
        if self.len != len {
            self.lines.resize(len.div_ceil(LANES), ZEROS);
            self.marks
                .resize(len.div_ceil(LANES * GROUP), Marks([0; GROUP]));
            self.len = len;
        }
    }

    /// The sum of one id; 0 for an id that it does not have.
    #[inline]
    #[must_use]
    pub fn get(&self, id: u32) -> i32 {
        let at = id as usize;
        self.lines
            .get(at / LANES)
            .map_or(0, |line| line.0[at % LANES])
    }

    /// Sets one sum; does nothing for an id that it does not have.
    #[inline]
    pub fn set(&mut self, id: u32, sum: i32) {
        let at = id as usize;
        if at < self.len
            && let Some(line) = self.lines.get_mut(at / LANES)
            && let Some(marks) = self.marks.get_mut(at / LANES / GROUP)
        {
            self.used = true;
            line.0[at % LANES] = sum;
            marks.0[at / LANES % GROUP] = 1;
        }
    }

    /// Adds `factor · weight` to the sum of every id in each row of the history, which is pairs
    /// of row and factor.
    ///
    /// Ids outside are skipped, so that a forged graph cannot do harm. Sums wrap; the caller
    /// keeps `Σ |factor| · 65535` below 2³¹ so that they never do.
    pub fn add_rows(&mut self, rows: Rows<'_>, history: &[(u32, i32)]) {
        self.used = true;
        add_rows(&mut self.lines, &mut self.marks, self.len, rows, history);
    }

    /// A threshold of at least 0 that at least `k` sums exceed, and few more; `None` where
    /// there are fewer than `k` positive sums, and perhaps where there are a few more.
    ///
    /// `members` are the ids that count, as bits; all if `None`. The sums are dealt out to some
    /// multiple of sixteen groups, of which there are at least twice `k`. The groups do not
    /// overlap, so the k-th largest of their maxima is a lower bound for the k-th largest sum,
    /// and a close one.
    pub fn kth_best_exceeds(&mut self, k: usize, members: Option<&[u64]>) -> Option<i32> {
        let groups = (k.saturating_mul(2))
            .div_ceil(LANES)
            .max(4)
            .next_power_of_two();
        if k == 0 || groups > MOST_MAXIMA {
            return None;
        }
        self.maxima.clear();
        self.maxima.resize(groups, ZEROS);
        lane_maxima(&self.lines, &self.marks, members, &mut self.maxima);
        self.order.clear();
        self.order
            .extend(self.maxima.iter().flat_map(|line| line.0));
        let (_, &mut kth, _) = self.order.select_nth_unstable_by(k - 1, |a, b| b.cmp(a));
        (kth > 0).then(|| kth - 1)
    }

    /// Calls `found(id, sum)` for every sum above the threshold, in ascending order of id.
    ///
    /// `found` returns the threshold to go on with, so that a caller who keeps the best k can
    /// raise it. With a negative threshold, zeros may come or stay away, and may come with an
    /// id beyond the last. `members` as in [`Sums::kth_best_exceeds`].
    pub fn above(
        &mut self,
        threshold: i32,
        members: Option<&[u64]>,
        found: &mut dyn FnMut(u32, i32) -> i32,
    ) {
        scan(
            &mut self.lines,
            &mut self.marks,
            members,
            threshold,
            false,
            found,
        );
    }

    /// [`Sums::above`] and [`Sums::clear`] in one pass.
    pub fn take_above(
        &mut self,
        threshold: i32,
        members: Option<&[u64]>,
        found: &mut dyn FnMut(u32, i32) -> i32,
    ) {
        self.used = false;
        scan(
            &mut self.lines,
            &mut self.marks,
            members,
            threshold,
            true,
            found,
        );
    }

    /// Makes all sums zero.
    pub fn clear(&mut self) {
        self.take_above(i32::MAX, None, &mut |_, _| i32::MAX);
    }
}

/// The sums one after the other.
#[inline(always)]
fn flat(lines: &mut [Line]) -> &mut [i32] {
    // SAFETY: a line is sixteen `i32` without padding (`repr(C)`, 64 bytes, aligned to 64), so
    // that n lines are 16·n `i32`; the result borrows `lines`.
    unsafe { std::slice::from_raw_parts_mut(lines.as_mut_ptr().cast(), lines.len() * LANES) }
}

/// The marks one after the other.
#[inline(always)]
fn flat_marks(marks: &mut [Marks]) -> &mut [u8] {
    // SAFETY: as in `flat`, with 64 bytes a group.
    unsafe { std::slice::from_raw_parts_mut(marks.as_mut_ptr().cast(), marks.len() * GROUP) }
}

multiversion! {
    fn add_rows[_isa](
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
fn mark_all(len: usize, rows: Rows<'_>, history: &[(u32, i32)]) -> bool {
    history.len().saturating_mul(rows.mean_len()) > len / SUMS_AN_EDGE
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
    // Where a row lies has to be read before it can be asked for.
    for &(row, _) in history.iter().take(PLACES_AHEAD) {
        prefetch(rows.place(row).map_or(&[], |place| place));
    }
    for &(row, _) in history.iter().take(ROWS_AHEAD) {
        rows.prefetch(row);
    }
    for (n, &(row, factor)) in history.iter().enumerate() {
        if let Some(&(ahead, _)) = history.get(n + PLACES_AHEAD) {
            prefetch(rows.place(ahead).map_or(&[], |place| place));
        }
        if let Some(&(ahead, _)) = history.get(n + ROWS_AHEAD) {
            rows.prefetch(ahead);
        }
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

multiversion! {
    /// Raises lane `i` of one line of `maxima`, all in turn, to lane `i` of every marked line,
    /// where that lane is a member.
    fn lane_maxima[isa](
        lines: &[Line],
        marks: &[Marks],
        members: Option<&[u64]>,
        maxima: &mut [Line],
    ) {
        let places = maxima.len();
        let mut place = 0;
        for (n, (group, marks)) in lines.chunks(GROUP).zip(marks).enumerate() {
            let mut marked = isa.marked(&marks.0);
            if marked == u64::MAX && group.len() == GROUP {
                // Four lines of maxima for the whole group: they stay in registers.
                place = if place + 4 <= places { place } else { 0 };
                if let Some(most) = maxima.get_mut(place..).and_then(<[Line]>::first_chunk_mut) {
                    raise_four(isa, most, group, members, n * GROUP);
                }
                place = if place + 4 < places { place + 4 } else { 0 };
                continue;
            }
            while marked != 0 {
                let at = marked.trailing_zeros() as usize;
                marked &= marked - 1;
                let (Some(line), Some(most)) = (group.get(at), maxima.get_mut(place)) else {
                    break;
                };
                place = if place + 1 < places { place + 1 } else { 0 };
                let bits = members.map_or(u16::MAX, |set| lane_bits(set, n * GROUP + at));
                isa.raise(&mut most.0, &line.0, bits);
            }
        }
    }
}

/// Raises four lines to a group of lines, each to every fourth of them. `first` is the number of
/// the first line.
#[inline(always)]
fn raise_four<I: Isa>(
    isa: I,
    most: &mut [Line; 4],
    group: &[Line],
    members: Option<&[u64]>,
    first: usize,
) {
    let mut four = *most;
    for (n, lines) in group.chunks_exact(4).enumerate() {
        for (i, (most, line)) in four.iter_mut().zip(lines).enumerate() {
            let number = first + n * 4 + i;
            let bits = members.map_or(u16::MAX, |set| lane_bits(set, number));
            isa.raise(&mut most.0, &line.0, bits);
        }
    }
    *most = four;
}

multiversion! {
    /// The sums above the threshold, and zeros left behind if `clear`.
    fn scan[isa](
        lines: &mut [Line],
        marks: &mut [Marks],
        members: Option<&[u64]>,
        threshold: i32,
        clear: bool,
        found: &mut dyn FnMut(u32, i32) -> i32,
    ) {
        let mut threshold = threshold;
        for (n, (group, marks)) in lines.chunks_mut(GROUP).zip(marks).enumerate() {
            let mut marked = isa.marked(&marks.0);
            if marked == 0 {
                continue;
            }
            if clear {
                *marks = Marks([0; GROUP]);
            }
            if marked == u64::MAX {
                for (at, line) in group.iter_mut().enumerate() {
                    scan_line(isa, line, n * GROUP + at, members, &mut threshold, found);
                    if clear {
                        *line = ZEROS;
                    }
                }
                continue;
            }
            while marked != 0 {
                let at = marked.trailing_zeros() as usize;
                marked &= marked - 1;
                let Some(line) = group.get_mut(at) else {
                    break;
                };
                scan_line(isa, line, n * GROUP + at, members, &mut threshold, found);
                if clear {
                    *line = ZEROS;
                }
            }
        }
    }
}

/// Reports the members of a line that are above the threshold.
#[inline(always)]
fn scan_line<I: Isa>(
    isa: I,
    line: &Line,
    number: usize,
    members: Option<&[u64]>,
    threshold: &mut i32,
    found: &mut dyn FnMut(u32, i32) -> i32,
) {
    let mut above = isa.above(&line.0, *threshold);
    if above == 0 {
        return;
    }
    if let Some(members) = members {
        above &= lane_bits(members, number);
    }
    while above != 0 {
        let lane = above.trailing_zeros();
        above &= above - 1;
        let sum = line.0[lane as usize % LANES];
        // The threshold may have risen since the comparison.
        if sum > *threshold {
            *threshold = found((number * LANES) as u32 + lane, sum);
        }
    }
}

/// The sixteen bits of a line in a set of ids.
#[inline(always)]
fn lane_bits(members: &[u64], line: usize) -> u16 {
    let per_word = 64 / LANES;
    let word = members.get(line / per_word).copied().unwrap_or(0);
    (word >> (line % per_word * LANES)) as u16
}

#[cfg(test)]
mod tests;
