//! How a condition reads a table: the door between this module and whoever keeps the columns.

use serde_json::Value;

/// A table of items whose attributes are columns.
///
/// The table keeps one promise: [`column`](Self::column) and [`value`](Self::value) tell of the
/// same attributes. A row's JSON object is what `value` gives for every name, where null and
/// absent are the same.
///
/// The example of [`Condition::matches_rows`](super::Condition::matches_rows) implements it.
pub trait Rows {
    /// The number of rows.
    fn len(&self) -> usize;

    /// True if there are no rows.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The column of an attribute, if one column holds its value of **every** row. An attribute
    /// of mixed types, or one that is an object, has none.
    fn column(&self, name: &str) -> Option<Column<'_>>;

    /// The value of an attribute in one row as JSON; null if it is absent.
    fn value(&self, name: &str, row: usize) -> Value;
}

/// A borrowed column of one attribute.
///
/// Bit `r % 64` of word `r / 64` of `present` says whether row `r` has the attribute. Slices may
/// be shorter than the table: what lies beyond them is absent, as are rows with offsets out of
/// range or out of order, text that is not UTF-8, and numbers that are not finite (JSON has
/// none).
///
/// ```
/// use tastemaker::condition::Column;
///
/// // Row 0 is true, row 1 absent, row 2 false.
/// let column = Column::Bool { present: &[0b101], values: &[0b001] };
/// # let _ = column;
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Column<'a> {
    /// Numbers.
    Number {
        /// One bit a row.
        present: &'a [u64],
        /// One number a row.
        values: &'a [f64],
    },
    /// Booleans.
    Bool {
        /// One bit a row.
        present: &'a [u64],
        /// One bit a row.
        values: &'a [u64],
    },
    /// Strings.
    Text {
        /// Row `r` is `bytes[offsets[r]..offsets[r + 1]]`.
        offsets: &'a [u32],
        /// The UTF-8 bytes of all rows, one after the other.
        bytes: &'a [u8],
        /// One bit a row.
        present: &'a [u64],
    },
    /// Arrays of strings, each string kept once in a dictionary.
    Tags {
        /// One bit a row; an empty array is present.
        present: &'a [u64],
        /// Row `r` is `tag_ids[row_offsets[r]..row_offsets[r + 1]]`.
        row_offsets: &'a [u32],
        /// Entries of the dictionary. An id beyond the dictionary counts as an element that
        /// equals nothing.
        tag_ids: &'a [u32],
        /// Entry `t` is `dict_bytes[dict_offsets[t]..dict_offsets[t + 1]]`.
        dict_offsets: &'a [u32],
        /// The UTF-8 bytes of all entries, one after the other.
        dict_bytes: &'a [u8],
    },
}

/// Bit `index` of a bitmap; false beyond it.
#[inline]
pub(super) fn bit(words: &[u64], index: usize) -> bool {
    words
        .get(index / 64)
        .is_some_and(|word| (word >> (index % 64)) & 1 == 1)
}

/// Slice `index` of a list of slices that `offsets` cuts out of `all`.
#[inline]
pub(super) fn cut<'a, T>(offsets: &[u32], all: &'a [T], index: usize) -> Option<&'a [T]> {
    let start = *offsets.get(index)? as usize;
    let end = *offsets.get(index.checked_add(1)?)? as usize;
    all.get(start..end)
}
