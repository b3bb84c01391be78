//! Integer sums by item: what serving adds up, exact and so free of order.
//!
//! A history of tens of items touches some hundred of the catalog's lines of sixteen sums. A byte
//! a line says which, so that to look through the sums and to clear them costs what was touched,
//! not what the catalog holds. A history of hundreds may touch nearly all of them: then all count
//! as touched, and nothing has to be marked edge by edge.

mod add;
mod look;
#[cfg(test)]
mod tests;

use crate::lanes::LANES;
use crate::rows::Rows;
use add::add_rows;
use look::{lane_maxima, list_marked, scan};

/// Lines whose marks are looked at together.
const GROUP: usize = 64;
/// How many lines give a close bound for the best sums, see [`Sums::kth_best_exceeds`].
const LINES_SAMPLED: usize = 1280;
/// Most lines of maxima that [`Sums::kth_best_exceeds`] keeps: it answers for k up to 512.
const MOST_MAXIMA: usize = 64;

/// From how many sums on there is room for every id of 16 bits, so that none has to be compared
/// with how many there are: at most four times the memory, and none of it touched.
const SUMS_WITH_ROOM: usize = NARROW_IDS / 4;
const NARROW_IDS: usize = 1 << 16;

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
    /// `len` sums, zeros up to a full line, and perhaps room for ids outside.
    lines: Vec<Line>,
    /// A mark for every line at least. A line of the `len` sums without a mark is all zeros.
    marks: Vec<Marks>,
    len: usize,
    /// False only if all sums are zero.
    used: bool,
    /// The numbers of the lines with a mark, at the front; valid while `listed` says how many.
    touched: Vec<u32>,
    listed: Option<usize>,
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
            let room = match len {
                SUMS_WITH_ROOM..NARROW_IDS => NARROW_IDS,
                _ => len,
            };
            // What ids outside left behind goes. A mark too many in a group that stays is harmless.
            let kept = self.len.min(len);
            self.lines.truncate(kept.div_ceil(LANES));
            self.marks.truncate(kept.div_ceil(LANES * GROUP));
            self.lines.resize(room.div_ceil(LANES), ZEROS);
            self.marks
                .resize(room.div_ceil(LANES * GROUP), Marks([0; GROUP]));
            self.touched.resize(len.div_ceil(LANES) + GROUP, 0);
            self.listed = None;
            self.len = len;
        }
    }

    /// The sum of one id; 0 for an id that it does not have.
    #[inline]
    #[must_use]
    pub fn get(&self, id: u32) -> i32 {
        let at = id as usize;
        let line = self.lines.get(at / LANES).filter(|_| at < self.len);
        line.map_or(0, |line| line.0[at % LANES])
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
            self.listed = None;
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
        self.listed = None;
        add_rows(&mut self.lines, &mut self.marks, self.len, rows, history);
    }

    /// A threshold of at least 0 that at least `k` sums exceed, and few more; `None` where
    /// there are fewer than `k` positive sums, and perhaps where there are a few more.
    ///
    /// `members` are the ids that count, as bits; all if `None`. The sums are dealt out to some
    /// multiple of sixteen groups, of which there are at least twice `k`. The groups do not
    /// overlap, so the k-th largest of their maxima is a lower bound for the k-th largest sum,
    /// and a close one. Where very many lines were touched, it looks at a part of them; the bound
    /// is then a little lower.
    pub fn kth_best_exceeds(&mut self, k: usize, members: Option<&[u64]>) -> Option<i32> {
        let groups = (k.saturating_mul(2))
            .div_ceil(LANES)
            .max(4)
            .next_power_of_two();
        if k == 0 || groups > MOST_MAXIMA {
            return None;
        }
        self.list();
        let touched = self.touched.get(..self.listed.unwrap_or(0)).unwrap_or(&[]);
        let lines = self.lines.get(..self.line_count()).unwrap_or(&[]);
        // Where many lines were touched, a part of them gives nearly as good a bound; all of them
        // only if that part has too few positive sums.
        let enough = LINES_SAMPLED.max(groups * 8);
        let sampled = (touched.len() / enough).max(1);
        for step in [sampled, 1] {
            self.maxima.clear();
            self.maxima.resize(groups, ZEROS);
            lane_maxima(lines, touched, members, step, &mut self.maxima);
            self.order.clear();
            self.order
                .extend(self.maxima.iter().flat_map(|line| line.0));
            let (_, &mut kth, _) = self.order.select_nth_unstable_by(k - 1, |a, b| b.cmp(a));
            if kth > 0 {
                return Some(kth - 1);
            }
            if step == 1 {
                break;
            }
        }
        None
    }

    /// How many lines hold the sums; what stands behind them is room for ids outside.
    fn line_count(&self) -> usize {
        self.len.div_ceil(LANES)
    }

    /// Lists the touched lines, unless that was done.
    fn list(&mut self) {
        if self.listed.is_none() {
            let lines = self.line_count();
            self.listed = Some(list_marked(lines, &self.marks, &mut self.touched));
        }
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
        self.pass(threshold, members, false, found);
    }

    /// [`Sums::above`] and [`Sums::clear`] in one pass.
    pub fn take_above(
        &mut self,
        threshold: i32,
        members: Option<&[u64]>,
        found: &mut dyn FnMut(u32, i32) -> i32,
    ) {
        self.pass(threshold, members, true, found);
        let touched = self.touched.get(..self.listed.unwrap_or(0)).unwrap_or(&[]);
        if touched.len() > self.line_count() / 4 {
            self.marks.fill(Marks([0; GROUP]));
        } else {
            let marks = flat_marks(&mut self.marks);
            for &line in touched {
                if let Some(mark) = marks.get_mut(line as usize) {
                    *mark = 0;
                }
            }
        }
        self.listed = Some(0);
        self.used = false;
    }

    fn pass(
        &mut self,
        threshold: i32,
        members: Option<&[u64]>,
        clear: bool,
        found: &mut dyn FnMut(u32, i32) -> i32,
    ) {
        self.list();
        let touched = self.touched.get(..self.listed.unwrap_or(0)).unwrap_or(&[]);
        let count = self.line_count();
        let lines = self.lines.get_mut(..count).unwrap_or(&mut []);
        scan(lines, touched, members, threshold, clear, found);
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
