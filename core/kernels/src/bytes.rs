//! Inner products of vectors of signed bytes, exact: what a vector index walks and scans.
//!
//! A stored row holds `x + 128` for each value `x`, because the widest instruction multiplies
//! unsigned by signed bytes; it is padded to whole cache lines of 64 bytes. The query is padded
//! with zeros, so that what stands in a row's padding does not matter. Integers, so every
//! instruction set gives the same.
//!
//! Results are exact up to [`MOST_BYTES`] values: none of the sums on the way there wraps, and
//! neither does a result.

#[cfg(test)]
mod tests;

use crate::codes::{Codes, LINE};
use crate::dispatch::multiversion_codes;
use crate::sparse::{prefetch, prefetch_line, prefetch_near};

/// The most values of a [`ByteQuery`]: 65,536 · 128 · 255 still fits 31 bits.
pub const MOST_BYTES: usize = 1 << 16;
/// The most queries of one [`byte_dots_batch`].
pub const MOST_BYTE_QUERIES: usize = 8;
/// Rows (or queries) whose sums are folded together.
const TOGETHER: usize = 4;
/// Short rows that stay in the nearest cache while several queries ask for them.
const NEAREST: usize = 64;
/// How many rows ahead of the sums their cache lines are asked for.
const AHEAD: usize = 8;
/// How many bytes ahead of a scan memory is asked for: a processor by itself looks no further than
/// the page of 4 kB that is being read, and memory takes about as long as reading two.
const FAR: usize = 8192;
/// Bytes from one row to the next: the number of values, rounded up to whole cache lines.
#[inline]
#[must_use]
pub const fn byte_stride(values: usize) -> usize {
    values.next_multiple_of(LINE)
}

/// The values that are multiplied with a cache line, at the start of one: where they stand across
/// two, each look at them takes two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C, align(64))]
struct QueryLine([i8; LINE]);

/// A vector of signed bytes, ready to be multiplied with rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ByteQuery {
    lines: Vec<QueryLine>,
    /// The sum of the values.
    sum: i32,
}

impl ByteQuery {
    /// A query with these values; at most [`MOST_BYTES`] count.
    #[must_use]
    pub fn new(values: &[i8]) -> Self {
        let mut query = Self::default();
        query.set(values);
        query
    }

    /// Gives it other values, in the memory that it has.
    pub fn set(&mut self, values: &[i8]) {
        self.fill(values.iter().copied(), values.len());
    }

    /// Gives it the first `values` values of a stored row, so that rows can be multiplied with
    /// each other.
    pub fn set_row(&mut self, row: &[u8], values: usize) {
        let row = row.get(..values).unwrap_or(row);
        self.fill(row.iter().map(|&code| (code ^ 128) as i8), row.len());
    }

    fn fill(&mut self, values: impl Iterator<Item = i8>, len: usize) {
        self.lines.clear();
        self.lines
            .resize(len.min(MOST_BYTES).div_ceil(LINE), QueryLine([0; LINE]));
        self.sum = 0;
        for (to, value) in self
            .lines
            .iter_mut()
            .flat_map(|line| &mut line.0)
            .zip(values.take(MOST_BYTES))
        {
            *to = value;
            self.sum += i32::from(value);
        }
    }
}

/// Stored rows, one after the other.
#[derive(Clone, Copy, Debug)]
pub struct ByteRows<'a> {
    lines: &'a [[u8; LINE]],
    /// Lines of a row; at least 1.
    each: usize,
}

impl Default for ByteRows<'_> {
    /// No rows.
    fn default() -> Self {
        Self {
            lines: &[],
            each: 1,
        }
    }
}

impl<'a> ByteRows<'a> {
    /// Rows of `values` values each, [`byte_stride`] bytes apart. `None` where `values` is 0 or
    /// above [`MOST_BYTES`], or where the bytes are no whole number of rows.
    #[must_use]
    pub fn new(bytes: &'a [u8], values: usize) -> Option<Self> {
        let (lines, rest) = bytes.as_chunks::<LINE>();
        let each = values.div_ceil(LINE);
        let whole = rest.is_empty() && (1..=MOST_BYTES).contains(&values);
        (whole && lines.len() % each == 0).then_some(Self { lines, each })
    }

    /// How many there are.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.lines.len() / self.each
    }

    /// Whether there is none.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Some of them: `count` from `first` on, or as many as there are.
    #[inline]
    #[must_use]
    pub fn block(&self, first: usize, count: usize) -> Self {
        let rest = self
            .lines
            .get(first.saturating_mul(self.each)..)
            .unwrap_or(&[]);
        let lines = rest.get(..count.saturating_mul(self.each)).unwrap_or(rest);
        Self { lines, ..*self }
    }

    /// The bytes of all of them.
    #[inline]
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.lines.as_flattened()
    }

    /// The bytes of a row; none where there is no such row.
    #[inline]
    #[must_use]
    pub fn row(&self, row: u32) -> &'a [u8] {
        self.lines_of(row as usize).as_flattened()
    }

    /// Asks for the cache lines of a row. Changes nothing.
    #[inline]
    pub fn prefetch(&self, row: u32) {
        prefetch(self.lines_of(row as usize));
    }

    /// [`ByteRows::prefetch`] of several rows.
    #[inline]
    pub fn prefetch_all(&self, rows: &[u32]) {
        match self.each {
            1 => self.ask::<1>(rows),
            2 => self.ask::<2>(rows),
            _ => rows.iter().for_each(|&row| self.prefetch(row)),
        }
    }

    /// Of rows whose number of lines is known beforehand, so that nothing is left but to ask.
    #[inline(always)]
    fn ask<const EACH: usize>(&self, rows: &[u32]) {
        let (all, _) = self.lines.as_chunks::<EACH>();
        for &row in rows {
            if let Some(lines) = all.get(row as usize) {
                lines.iter().for_each(prefetch_line);
            }
        }
    }

    #[inline(always)]
    fn lines_of(&self, row: usize) -> &'a [[u8; LINE]] {
        let start = row.saturating_mul(self.each);
        self.lines
            .get(start..start.saturating_add(self.each))
            .unwrap_or(&[])
    }
}

/// The products of a query with four rows. Rows that are not there, which are empty, give 0.
///
/// Written out, without closures around the lines: what is not inlined cannot use the
/// instruction set.
#[inline(always)]
fn four<I: Codes, const SCAN: bool>(
    isa: I,
    query: &ByteQuery,
    rows: [&[[u8; LINE]]; TOGETHER],
) -> [i32; TOGETHER] {
    let mut sums = [isa.nothing(); TOGETHER];
    let whole = query.lines.len();
    let excess = isa.excess(query.sum);
    for (sum, row) in sums.iter_mut().zip(rows) {
        if let Some(row) = row.get(..whole) {
            *sum = one::<_, SCAN>(isa, &query.lines, row);
        }
    }
    let mut totals = isa.totals(sums);
    for (total, row) in totals.iter_mut().zip(rows) {
        let there = row.len() >= whole;
        *total = if there { total.wrapping_sub(excess) } else { 0 };
    }
    totals
}

/// The products of a query with a row. Row by row, because a processor foresees one stream from
/// memory better than four; long rows have four sums, so that none waits for the one before.
#[inline(always)]
fn one<I: Codes, const SCAN: bool>(isa: I, query: &[QueryLine], row: &[[u8; LINE]]) -> I::Sums {
    let mut sums = [isa.nothing(); TOGETHER];
    let (query, query_rest) = query.as_chunks::<TOGETHER>();
    let (row, row_rest) = row.as_chunks::<TOGETHER>();
    for (q, x) in query.iter().zip(row) {
        if SCAN {
            ask_far(x);
        }
        sums[0] = isa.add_line(sums[0], &q[0].0, &x[0]);
        sums[1] = isa.add_line(sums[1], &q[1].0, &x[1]);
        sums[2] = isa.add_line(sums[2], &q[2].0, &x[2]);
        sums[3] = isa.add_line(sums[3], &q[3].0, &x[3]);
    }
    let mut sum = isa.join(isa.join(sums[0], sums[1]), isa.join(sums[2], sums[3]));
    if SCAN {
        ask_far(row_rest);
    }
    for (q, x) in query_rest.iter().zip(row_rest) {
        sum = isa.add_line(sum, &q.0, x);
    }
    sum
}

/// Asks for as many lines as these, so far behind them that a scan comes there later.
#[inline(always)]
fn ask_far(lines: &[[u8; LINE]]) {
    for line in lines {
        prefetch_near(line, FAR);
    }
}

multiversion_codes! {
    /// `out[n]` = the inner product of the query and row `ids[n]`, exact. Rows that are not
    /// there give 0; so do all where the query has more lines than a row. Asks for the lines of
    /// rows ahead, so that a caller who just learned of the ids need not.
    ///
    /// ```
    /// use tastemaker_kernels::{ByteQuery, ByteRows, byte_dots};
    /// let mut codes = [128u8; 2 * 64];
    /// codes[0] = 128 + 3;
    /// codes[64] = 128 - 7;
    /// let rows = ByteRows::new(&codes, 10).unwrap();
    /// let mut out = [9; 3];
    /// byte_dots(&ByteQuery::new(&[100, -1]), rows, &[1, 0, 2], &mut out);
    /// assert_eq!(out, [-700, 300, 0]);
    /// ```
    pub fn byte_dots[isa](query: &ByteQuery, rows: ByteRows<'_>, ids: &[u32], out: &mut [i32]) {
        dots_of::<_, true>(isa, query, rows, ids, out);
    }
}

multiversion_codes! {
    /// [`byte_dots`] of rows that were [asked for](ByteRows::prefetch) already: to ask twice costs
    /// more than it saves.
    pub fn byte_dots_asked[isa](query: &ByteQuery, rows: ByteRows<'_>, ids: &[u32], out: &mut [i32]) {
        dots_of::<_, false>(isa, query, rows, ids, out);
    }
}

#[inline(always)]
fn dots_of<I: Codes, const ASK: bool>(
    isa: I,
    query: &ByteQuery,
    rows: ByteRows<'_>,
    ids: &[u32],
    out: &mut [i32],
) {
    if ASK {
        rows.prefetch_all(ids.get(..AHEAD).unwrap_or(ids));
    }
    match (rows.each, query.lines.len()) {
        (1, 1) => return short_dots_of::<_, ASK, 1>(isa, query, rows, ids, out),
        (2, 2) => return short_dots_of::<_, ASK, 2>(isa, query, rows, ids, out),
        _ => {}
    }
    for (n, (some, out)) in ids
        .chunks(TOGETHER)
        .zip(out.chunks_mut(TOGETHER))
        .enumerate()
    {
        if ASK {
            rows.prefetch_all(ahead(ids, n));
        }
        let mut four_rows: [&[[u8; LINE]]; TOGETHER] = [&[]; TOGETHER];
        for (row, &id) in four_rows.iter_mut().zip(some) {
            *row = rows.lines_of(id as usize);
        }
        let dots = four::<_, false>(isa, query, four_rows);
        for (to, dot) in out.iter_mut().zip(dots) {
            *to = dot;
        }
    }
}

/// What to ask for while group `n` of the ids is summed.
#[inline(always)]
fn ahead(ids: &[u32], n: usize) -> &[u32] {
    let rest = ids.get(n * TOGETHER + AHEAD..).unwrap_or(&[]);
    rest.get(..TOGETHER).unwrap_or(rest)
}

/// [`dots_of`] where a row and the query have a number of lines that is known beforehand: short
/// rows have few instructions each, and loops and checks would be half of them.
#[inline(always)]
fn short_dots_of<I: Codes, const ASK: bool, const EACH: usize>(
    isa: I,
    query: &ByteQuery,
    rows: ByteRows<'_>,
    ids: &[u32],
    out: &mut [i32],
) {
    let Some(lines) = query.lines.first_chunk::<EACH>() else {
        return;
    };
    let (all, _) = rows.lines.as_chunks::<EACH>();
    // A row of zeros, for those that are not there.
    let nothing = [[128; LINE]; EACH];
    let count = ids.len().min(out.len());
    let (ids, out) = (&ids[..count], &mut out[..count]);
    let (groups, rest) = ids.as_chunks::<TOGETHER>();
    let (outs, last) = out.as_chunks_mut::<TOGETHER>();
    for (n, (some, out)) in groups.iter().zip(outs).enumerate() {
        if ASK {
            rows.prefetch_all(ahead(ids, n));
        }
        let mut four_rows = [&nothing; TOGETHER];
        for (row, &id) in four_rows.iter_mut().zip(some) {
            *row = all.get(id as usize).unwrap_or(&nothing);
        }
        *out = short_four(isa, lines, query.sum, four_rows);
    }
    let mut four_rows = [&nothing; TOGETHER];
    for (row, &id) in four_rows.iter_mut().zip(rest) {
        *row = all.get(id as usize).unwrap_or(&nothing);
    }
    let dots = short_four(isa, lines, query.sum, four_rows);
    last.copy_from_slice(&dots[..last.len()]);
}

/// The products of a query, with this sum of values, and four rows of as many lines.
#[inline(always)]
fn short_four<I: Codes, const EACH: usize>(
    isa: I,
    query: &[QueryLine; EACH],
    sum: i32,
    rows: [&[[u8; LINE]; EACH]; TOGETHER],
) -> [i32; TOGETHER] {
    let mut sums = [isa.nothing(); TOGETHER];
    for (sum, row) in sums.iter_mut().zip(rows) {
        for at in 0..EACH {
            *sum = isa.add_line(*sum, &query[at].0, &row[at]);
        }
    }
    let excess = isa.excess(sum);
    let mut totals = isa.totals(sums);
    for total in &mut totals {
        *total = total.wrapping_sub(excess);
    }
    totals
}

multiversion_codes! {
    /// `out[n]` = the inner product of the query and row `n`, exact: [`byte_dots`] for rows that
    /// lie one after the other.
    pub fn byte_dots_block[isa](query: &ByteQuery, rows: ByteRows<'_>, out: &mut [i32]) {
        match (rows.each, query.lines.len()) {
            (1, 1) => return short_block::<_, true, 1>(isa, query, rows, out),
            (2, 2) => return short_block::<_, true, 2>(isa, query, rows, out),
            _ => {}
        }
        for (n, out) in out.chunks_mut(TOGETHER).enumerate() {
            let mut four_rows: [&[[u8; LINE]]; TOGETHER] = [&[]; TOGETHER];
            for (i, row) in four_rows.iter_mut().enumerate() {
                *row = rows.lines_of(n * TOGETHER + i);
            }
            let dots = four::<_, true>(isa, query, four_rows);
            for (to, dot) in out.iter_mut().zip(dots) {
                *to = dot;
            }
        }
    }
}

/// [`byte_dots_block`] where a row and the query have a number of lines that is known beforehand:
/// short rows have few instructions each, and loops and checks would be half of them.
#[inline(always)]
fn short_block<I: Codes, const SCAN: bool, const EACH: usize>(
    isa: I,
    query: &ByteQuery,
    rows: ByteRows<'_>,
    out: &mut [i32],
) {
    let Some(lines) = query.lines.first_chunk::<EACH>() else {
        return;
    };
    let (all, _) = rows.lines.as_chunks::<EACH>();
    let nothing = [[128; LINE]; EACH];
    let count = all.len().min(out.len());
    let (out, beyond) = out.split_at_mut(count);
    beyond.fill(0);
    let (groups, rest) = all[..count].as_chunks::<TOGETHER>();
    let (outs, last) = out.as_chunks_mut::<TOGETHER>();
    for (group, out) in groups.iter().zip(outs) {
        if SCAN {
            ask_far(group.as_flattened());
        }
        let [a, b, c, d] = group;
        *out = short_four(isa, lines, query.sum, [a, b, c, d]);
    }
    let mut four_rows = [&nothing; TOGETHER];
    for (to, row) in four_rows.iter_mut().zip(rest) {
        *to = row;
    }
    let dots = short_four(isa, lines, query.sum, four_rows);
    last.copy_from_slice(&dots[..last.len()]);
}

/// [`byte_dots_batch`] of short rows: all queries with some rows that lie in the nearest cache.
#[inline(always)]
fn short_batch<I: Codes, const EACH: usize>(
    isa: I,
    queries: &[&ByteQuery],
    rows: ByteRows<'_>,
    out: &mut [i32],
) {
    let count = rows.len();
    for first in (0..count).step_by(NEAREST) {
        let some = rows.block(first, NEAREST);
        for (n, (query, out)) in queries.iter().zip(out.chunks_mut(count)).enumerate() {
            let out = out.get_mut(first..).unwrap_or(&mut []);
            let there = some.len().min(out.len());
            let out = &mut out[..there];
            if n == 0 {
                short_block::<_, true, EACH>(isa, query, some, out);
            } else {
                short_block::<_, false, EACH>(isa, query, some, out);
            }
        }
    }
}

/// The sums of two rows by four queries of as many lines: eight, which every instruction set has
/// room for.
#[inline(always)]
fn two_by_four<I: Codes, const SCAN: bool>(
    isa: I,
    [a, b]: [&[[u8; LINE]]; 2],
    [q0, q1, q2, q3]: [&[QueryLine]; TOGETHER],
) -> [[I::Sums; TOGETHER]; 2] {
    let mut sums = [[isa.nothing(); TOGETHER]; 2];
    let queries = q0.iter().zip(q1).zip(q2.iter().zip(q3));
    for ((a, b), ((q0, q1), (q2, q3))) in a.iter().zip(b).zip(queries) {
        if SCAN {
            prefetch_near(a, FAR);
            prefetch_near(b, FAR);
        }
        sums[0][0] = isa.add_line(sums[0][0], &q0.0, a);
        sums[0][1] = isa.add_line(sums[0][1], &q1.0, a);
        sums[0][2] = isa.add_line(sums[0][2], &q2.0, a);
        sums[0][3] = isa.add_line(sums[0][3], &q3.0, a);
        sums[1][0] = isa.add_line(sums[1][0], &q0.0, b);
        sums[1][1] = isa.add_line(sums[1][1], &q1.0, b);
        sums[1][2] = isa.add_line(sums[1][2], &q2.0, b);
        sums[1][3] = isa.add_line(sums[1][3], &q3.0, b);
    }
    sums
}

multiversion_codes! {
    /// `out[q · rows.len() + n]` = the inner product of query `q` and row `n`, exact, for at most
    /// [`MOST_BYTE_QUERIES`] queries. Each row comes from memory once, so that a batch costs
    /// little more than the arithmetic.
    ///
    /// Queries beyond the most, and results that find no place in `out`, are left out.
    pub fn byte_dots_batch[isa](queries: &[&ByteQuery], rows: ByteRows<'_>, out: &mut [i32]) {
        let count = rows.len();
        if count == 0 {
            return;
        }
        let none = ByteQuery::default();
        let mut some: [&ByteQuery; MOST_BYTE_QUERIES] = [&none; MOST_BYTE_QUERIES];
        let mut lines = 0;
        for (to, &query) in some.iter_mut().zip(queries) {
            *to = query;
            lines = lines.max(query.lines.len());
        }
        let used = queries.len().min(MOST_BYTE_QUERIES);
        let short = queries.iter().take(used).all(|query| query.lines.len() == rows.each);
        match rows.each {
            1 if short => return short_batch::<_, 1>(isa, &some[..used], rows, out),
            2 if short => return short_batch::<_, 2>(isa, &some[..used], rows, out),
            _ => {}
        }
        let (groups, _) = some.as_chunks::<TOGETHER>();
        let groups = &groups[..used.div_ceil(TOGETHER)];
        for first in (0..count).step_by(2) {
            let pair = [rows.lines_of(first), rows.lines_of(first + 1)];
            for (group, queries) in groups.iter().enumerate() {
                let mut sums = [[isa.nothing(); TOGETHER]; 2];
                let [q0, q1, q2, q3] = queries;
                if let (Some(a), Some(b)) = (pair[0].get(..lines), pair[1].get(..lines))
                    && let (Some(q0), Some(q1)) = (q0.lines.get(..lines), q1.lines.get(..lines))
                    && let (Some(q2), Some(q3)) = (q2.lines.get(..lines), q3.lines.get(..lines))
                {
                    let four = [q0, q1, q2, q3];
                    sums = if group == 0 {
                        two_by_four::<_, true>(isa, [a, b], four)
                    } else {
                        two_by_four::<_, false>(isa, [a, b], four)
                    };
                } else {
                    for (sums, row) in sums.iter_mut().zip(pair) {
                        for (sum, query) in sums.iter_mut().zip(queries) {
                            if let Some(row) = row.get(..query.lines.len()) {
                                *sum = one::<_, false>(isa, &query.lines, row);
                            }
                        }
                    }
                }
                for (n, sums) in (first..count).zip(sums) {
                    let totals = isa.totals(sums);
                    for (i, (query, total)) in queries.iter().zip(totals).enumerate() {
                        let q = group * TOGETHER + i;
                        let there = (1..=rows.each).contains(&query.lines.len());
                        let dot = total.wrapping_sub(isa.excess(query.sum));
                        if q < used
                            && let Some(to) = out.get_mut(q * count + n)
                        {
                            *to = if there { dot } else { 0 };
                        }
                    }
                }
            }
        }
    }
}
