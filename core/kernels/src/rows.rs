//! Rows of weighted ids, with ids of 16 or of 32 bits.

use std::ops::Range;

use crate::sparse::prefetch;

/// The ids of many rows, one after the other.
///
/// Where all ids fit 16 bits, they take half the memory, and a pass over rows that come from
/// anywhere in memory waits for less of it.
///
/// ```
/// use tastemaker_kernels::Ids;
/// for ids in [Ids::Narrow(&[2, 5, 9]), Ids::Wide(&[2, 5, 9])] {
///     assert_eq!(ids.position(5), Some(1));
///     assert!(ids.get(1..3).iter().eq([5, 9]));
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ids<'a> {
    /// 16 bits each.
    Narrow(&'a [u16]),
    /// 32 bits each.
    Wide(&'a [u32]),
}

impl<'a> Ids<'a> {
    /// How many there are.
    #[inline]
    #[must_use]
    pub fn len(self) -> usize {
        match self {
            Self::Narrow(ids) => ids.len(),
            Self::Wide(ids) => ids.len(),
        }
    }

    /// Whether there is none.
    #[inline]
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// A part of them; empty where the range does not lie within.
    #[inline]
    #[must_use]
    pub fn get(self, range: Range<usize>) -> Self {
        match self {
            Self::Narrow(ids) => Self::Narrow(ids.get(range).unwrap_or(&[])),
            Self::Wide(ids) => Self::Wide(ids.get(range).unwrap_or(&[])),
        }
    }

    /// Whether the id at a place is not smaller than the one after it; false at the last place
    /// and beyond.
    #[inline]
    #[must_use]
    pub fn descends_at(self, at: usize) -> bool {
        fn descends<T: Id>(ids: &[T], at: usize) -> bool {
            ids.get(at..)
                .and_then(<[T]>::first_chunk)
                .is_some_and(|[a, b]| a >= b)
        }
        match self {
            Self::Narrow(ids) => descends(ids, at),
            Self::Wide(ids) => descends(ids, at),
        }
    }

    /// Where an id stands among ids that ascend.
    #[inline]
    #[must_use]
    pub fn position(self, id: u32) -> Option<usize> {
        match self {
            Self::Narrow(ids) => ids.binary_search(&u16::try_from(id).ok()?).ok(),
            Self::Wide(ids) => ids.binary_search(&id).ok(),
        }
    }

    /// The ids.
    pub fn iter(self) -> impl Iterator<Item = u32> + 'a {
        let (narrow, wide): (&[u16], &[u32]) = match self {
            Self::Narrow(ids) => (ids, &[]),
            Self::Wide(ids) => (&[], ids),
        };
        narrow
            .iter()
            .map(|&id| u32::from(id))
            .chain(wide.iter().copied())
    }

    #[inline]
    fn prefetch(self) {
        match self {
            Self::Narrow(ids) => prefetch(ids),
            Self::Wide(ids) => prefetch(ids),
        }
    }
}

/// An id as it is stored.
pub(crate) trait Id: Copy + Ord {
    const ZERO: Self;
    /// The largest index that fits.
    const MOST: usize;
    fn index(self) -> usize;
}

impl Id for u16 {
    const ZERO: Self = 0;
    const MOST: usize = Self::MAX as usize;

    #[inline(always)]
    fn index(self) -> usize {
        self as usize
    }
}

impl Id for u32 {
    const ZERO: Self = 0;
    const MOST: usize = Self::MAX as usize;

    #[inline(always)]
    fn index(self) -> usize {
        self as usize
    }
}

/// Rows of weighted ids, one after the other: row `r` is `offsets[r]..offsets[r + 1]`.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    /// Where each row starts, and where the last one ends.
    pub offsets: &'a [u32],
    /// The ids.
    pub ids: Ids<'a>,
    /// The weight of each id.
    pub weights: &'a [u16],
}

impl<'a> Rows<'a> {
    /// Where a row starts and ends, as it lies in memory.
    #[inline]
    pub(crate) fn place(&self, row: u32) -> Option<&'a [u32; 2]> {
        self.offsets.get(row as usize..)?.first_chunk()
    }

    /// Where a row starts and ends; nothing where there is no such row.
    #[inline]
    pub(crate) fn range(&self, row: u32) -> Range<usize> {
        self.place(row)
            .map_or(0..0, |&[start, end]| start as usize..end as usize)
    }

    /// The ids and weights of a row; empty where there is no such row.
    #[inline]
    #[must_use]
    pub fn get(&self, row: u32) -> (Ids<'a>, &'a [u16]) {
        let range = self.range(row);
        (
            self.ids.get(range.clone()),
            self.weights.get(range).unwrap_or(&[]),
        )
    }

    /// How many ids a row has on average, rounded up.
    #[inline]
    #[must_use]
    pub fn mean_len(&self) -> usize {
        self.ids
            .len()
            .div_ceil(self.offsets.len().saturating_sub(1).max(1))
    }

    /// Asks for the cache lines of a row.
    #[inline]
    pub fn prefetch(&self, row: u32) {
        let (ids, weights) = self.get(row);
        ids.prefetch();
        prefetch(weights);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_widths_are_one_list() {
        let (narrow, wide) = ([3u16, 7, 7, 65_535, 4], [3u32, 7, 7, 65_535, 4]);
        let (a, b) = (Ids::Narrow(&narrow), Ids::Wide(&wide));
        assert!(a.iter().eq(wide) && b.iter().eq(wide));
        assert_eq!((a.len(), b.len(), a.is_empty()), (5, 5, false));
        let descents = |ids: Ids<'_>| (0..7).map(|at| ids.descends_at(at)).collect::<Vec<_>>();
        assert_eq!(descents(a), [false, true, false, true, false, false, false]);
        assert_eq!(descents(a), descents(b));
        for ids in [a.get(1..2), b.get(1..2)] {
            assert!(ids.iter().eq([7]));
        }
        for (range, len) in [(0..6, 0), (9..9, 0), (5..5, 0), (3..5, 2)] {
            assert_eq!((a.get(range.clone()).len(), b.get(range).len()), (len, len));
        }
        let sorted = (Ids::Narrow(&narrow[..1]), Ids::Wide(&wide[..1]));
        for id in [0, 3, 4, 65_539, u32::MAX] {
            let expected = (id == 3).then_some(0);
            assert_eq!(sorted.0.position(id), expected);
            assert_eq!(sorted.1.position(id), expected);
        }
    }

    #[test]
    fn rows_that_are_not_there_are_empty() {
        let rows = Rows {
            offsets: &[0, 2, 1, 9],
            ids: Ids::Narrow(&[4, 5, 6]),
            weights: &[1, 2, 3],
        };
        assert_eq!(rows.get(0), (Ids::Narrow(&[4, 5]), &[1u16, 2][..]));
        for row in [1, 2, 3, u32::MAX] {
            assert_eq!(rows.get(row), (Ids::Narrow(&[]), &[][..]));
        }
        assert_eq!(rows.mean_len(), 1);
        let none = Rows {
            offsets: &[],
            ..rows
        };
        assert_eq!((none.mean_len(), none.get(0).0.len()), (3, 0));
    }
}
