//! Rows of single bits and a query of four bits a value.
//!
//! Rows stand in groups of eight, word by word, so that eight rows are counted together. Source:
//! the bitwise inner product of Gao and Long, "RaBitQ", SIGMOD 2024.

use crate::dispatch::multiversion_codes;
use crate::sparse::prefetch;

/// Rows of a group.
pub const BIT_LANES: usize = 8;
/// Bits of a query's level.
pub(crate) const PLANES: usize = 4;

/// The words of a row of so many bits.
///
/// ```
/// assert_eq!((0, 1, 2), (tastemaker_kernels::bit_words(0), tastemaker_kernels::bit_words(64), tastemaker_kernels::bit_words(65)));
/// ```
#[inline]
#[must_use]
pub const fn bit_words(bits: usize) -> usize {
    bits.div_ceil(64)
}

/// A query as levels from −8 to 7, bit by bit.
#[derive(Clone, Debug, Default)]
pub struct BitQuery {
    /// For 64 values: the bits of 1, of 2, of 4, and of −8.
    planes: Vec<[u64; PLANES]>,
}

impl BitQuery {
    /// A query of these levels; beyond −8 and 7 they are cut.
    pub fn set(&mut self, levels: &[i8]) {
        self.planes.clear();
        for levels in levels.chunks(64) {
            let mut some = [0; 64];
            for (to, &level) in some.iter_mut().zip(levels) {
                *to = level.clamp(-8, 7) as u8;
            }
            self.planes.push(planes_of(&some));
        }
    }
}

/// The planes of 64 levels. A multiplication moves the lowest bits of eight bytes together.
fn planes_of(levels: &[u8; 64]) -> [u64; PLANES] {
    const LOWEST: u64 = 0x0101_0101_0101_0101;
    const GATHER: u64 = 0x0102_0408_1020_4080;
    let mut planes = [0; PLANES];
    for (at, eight) in levels.as_chunks::<8>().0.iter().enumerate() {
        let eight = u64::from_le_bytes(*eight);
        for (n, plane) in planes.iter_mut().enumerate() {
            let bits = (eight >> n & LOWEST).wrapping_mul(GATHER) >> 56;
            *plane |= bits << (8 * at);
        }
    }
    planes
}

/// What the counts of the four planes come to.
#[inline(always)]
pub(crate) fn level_sum(counts: [u64; PLANES]) -> i32 {
    let [one, two, four, eight] = counts.map(|count| count as i32);
    one + 2 * two + 4 * four - 8 * eight
}

/// Sets the bit of a value of a row, among rows of `words` words each. Does nothing where there is
/// no such row.
#[inline]
pub fn set_bit(groups: &mut [u64], words: usize, row: usize, at: usize) {
    let word = (row / BIT_LANES * words + at / 64) * BIT_LANES + row % BIT_LANES;
    if let Some(word) = groups.get_mut(word) {
        *word |= 1 << (at % 64);
    }
}

multiversion_codes! {
    /// `out[n]` = the sum of the query's levels where row `n` has a bit, exact, for rows of as
    /// many words as the query in groups of [`BIT_LANES`]: the words of a group stand word by
    /// word, and each word row by row. Results without a row are left as they are.
    ///
    /// ```
    /// use tastemaker_kernels::{BIT_LANES, BitQuery, bit_dots_block, set_bit};
    /// let mut query = BitQuery::default();
    /// query.set(&[5, -8, 7]);
    /// let mut groups = vec![0; BIT_LANES];
    /// for (row, at) in [(0, 0), (0, 1), (2, 2)] {
    ///     set_bit(&mut groups, 1, row, at);
    /// }
    /// let mut out = [9; 3];
    /// bit_dots_block(&query, &groups, &mut out);
    /// assert_eq!(out, [-3, 0, 7]);
    /// ```
    pub fn bit_dots_block[isa](query: &BitQuery, groups: &[u64], out: &mut [i32]) {
        let words = query.planes.len();
        if words == 0 {
            return;
        }
        for (group, out) in groups.chunks_exact(words * BIT_LANES).zip(out.chunks_mut(BIT_LANES)) {
            let group = group.as_chunks::<BIT_LANES>().0;
            for (to, sum) in out.iter_mut().zip(isa.bit_sums(group, &query.planes)) {
                *to = sum;
            }
        }
    }
}

multiversion_codes! {
    /// [`bit_dots_block`] of some rows; a row that is not there gives 0.
    pub fn bit_dots[_isa](query: &BitQuery, groups: &[u64], rows: &[u32], out: &mut [i32]) {
        let words = query.planes.len();
        for (&row, to) in rows.iter().zip(out) {
            let (group, lane) = (row as usize / BIT_LANES, row as usize % BIT_LANES);
            let start = group.saturating_mul(words * BIT_LANES);
            let group = groups.get(start..start.saturating_add(words * BIT_LANES));
            let group = group.unwrap_or(&[]).as_chunks::<BIT_LANES>().0;
            let mut counts = [0u64; PLANES];
            for (word, planes) in group.iter().zip(&query.planes) {
                for (count, plane) in counts.iter_mut().zip(planes) {
                    *count += u64::from((word[lane] & plane).count_ones());
                }
            }
            *to = level_sum(counts);
        }
    }
}

/// Rows of bits that stand one after the other, each behind words of its own.
#[derive(Clone, Copy, Debug)]
pub struct BitRows<'a> {
    words: &'a [u64],
    each: usize,
    skip: usize,
}

impl<'a> BitRows<'a> {
    /// Rows of `each` words, of which the first `skip` are no bits. `None` where `each` is 0 or
    /// less than `skip`, or where the words are no whole number of rows.
    #[must_use]
    pub fn new(words: &'a [u64], each: usize, skip: usize) -> Option<Self> {
        let whole = each > 0 && skip <= each && words.len().is_multiple_of(each);
        whole.then_some(Self { words, each, skip })
    }

    /// The words of a row; none where there is no such row.
    #[inline]
    #[must_use]
    pub fn row(&self, row: u32) -> &'a [u64] {
        let start = (row as usize).saturating_mul(self.each);
        let range = start..start.saturating_add(self.each);
        self.words.get(range).unwrap_or(&[])
    }

    /// Asks for the cache lines of some rows. Changes nothing.
    #[inline]
    pub fn prefetch_all(&self, rows: &[u32]) {
        for &row in rows {
            prefetch(self.row(row));
        }
    }
}

multiversion_codes! {
    /// `out[n]` = the sum of the query's levels where row `ids[n]` has a bit, exact; a row that is
    /// not there gives 0.
    ///
    /// ```
    /// use tastemaker_kernels::{BitQuery, BitRows, bit_row_dots};
    /// let mut query = BitQuery::default();
    /// query.set(&[5, -8, 7]);
    /// let rows = BitRows::new(&[900, 0b101, 901, 0b010], 2, 1).unwrap();
    /// let mut out = [9; 3];
    /// bit_row_dots(&query, rows, &[1, 0, 2], &mut out);
    /// assert_eq!(out, [-8, 12, 0]);
    /// ```
    pub fn bit_row_dots[_isa](query: &BitQuery, rows: BitRows<'_>, ids: &[u32], out: &mut [i32]) {
        for (&id, to) in ids.iter().zip(out) {
            let bits = rows.row(id).get(rows.skip..).unwrap_or(&[]);
            let mut counts = [0u64; PLANES];
            for (word, planes) in bits.iter().zip(&query.planes) {
                for (count, plane) in counts.iter_mut().zip(planes) {
                    *count += u64::from((word & plane).count_ones());
                }
            }
            *to = level_sum(counts);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_copy_adds_level_by_level() {
        let mut state = 1u64;
        let mut next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            state ^ state >> 29
        };
        for width in (1..=9).chain([63, 64, 65, 128, 300, 1000]) {
            let rows = 21usize;
            let levels: Vec<i8> = (0..width).map(|_| (next() % 16) as i8 - 8).collect();
            let bits: Vec<Vec<bool>> = (0..rows)
                .map(|_| (0..width).map(|_| next() % 2 == 1).collect())
                .collect();
            let words = bit_words(width);
            let mut groups = vec![0u64; rows.div_ceil(BIT_LANES) * BIT_LANES * words];
            for (row, bits) in bits.iter().enumerate() {
                for at in (0..width).filter(|&at| bits[at]) {
                    set_bit(&mut groups, words, row, at);
                }
            }
            let mut query = BitQuery::default();
            query.set(&levels);
            let sum = |bits: &Vec<bool>| -> i32 {
                let set = levels.iter().zip(bits).filter(|&(_, &bit)| bit);
                set.map(|(&level, _)| i32::from(level)).sum()
            };
            let expected: Vec<i32> = bits.iter().map(sum).collect();
            for copy in [
                bit_dots_block,
                bit_dots_block::portable,
                bit_dots_block::narrow,
            ] {
                let mut out = vec![77; rows + 5];
                copy(&query, &groups, &mut out);
                assert_eq!(out[..rows], expected, "width {width}");
                // Rows that fill the group up have no bits; behind it, nothing is written.
                assert_eq!(out[rows..], [0, 0, 0, 77, 77], "width {width}");
            }
            for copy in [bit_dots, bit_dots::portable, bit_dots::narrow] {
                let some = [20, 3, 99, 0, u32::MAX];
                let mut out = [77; 5];
                copy(&query, &groups, &some, &mut out);
                assert_eq!(out, [expected[20], expected[3], 0, expected[0], 0]);
            }
            // The same one after the other, behind a word of other things.
            let each = words + 3;
            let mut alone = vec![u64::MAX; rows * each];
            for (bits, row) in bits.iter().zip(alone.chunks_mut(each)) {
                row[1..=words].fill(0);
                for at in (0..width).filter(|&at| bits[at]) {
                    row[1 + at / 64] |= 1 << (at % 64);
                }
            }
            let alone = BitRows::new(&alone, each, 1).unwrap();
            for copy in [bit_row_dots, bit_row_dots::portable, bit_row_dots::narrow] {
                let some = [20, 3, 99, 0, u32::MAX];
                let mut out = [77; 5];
                copy(&query, alone, &some, &mut out);
                assert_eq!(out, [expected[20], expected[3], 0, expected[0], 0]);
            }
        }
        bit_dots_block(&BitQuery::default(), &[1], &mut [0]);
        let mut cut = BitQuery::default();
        cut.set(&[100, -100]);
        let mut out = [0];
        bit_dots_block(&cut, &[3, 0, 0, 0, 0, 0, 0, 0], &mut out);
        assert_eq!(out, [-1]);
        set_bit(&mut [], 1, 0, 0);
        for (len, each, skip) in [(4, 0, 0), (4, 3, 0), (4, 2, 3)] {
            assert!(BitRows::new(&[0; 4][..len], each, skip).is_none());
        }
    }
}
