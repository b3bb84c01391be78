//! Many events as columns: the form in which training and evaluation take them.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::{DEFAULT_KIND, Event};
use crate::error::{Error, ErrorKind, Result};

/// A column of ids (or of kinds) in one of the forms that data comes in.
///
/// Integers are ids in their decimal form: `42` and `"42"` are the same item.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum IdColumn<'a> {
    /// A text a row.
    Text(&'a [&'a str]),
    /// An integer a row.
    Integer(&'a [i64]),
    /// A code a row, which points into `values`.
    Dictionary {
        /// One code a row.
        codes: &'a [u32],
        /// The text of each code.
        values: &'a [&'a str],
    },
}

impl<'a> IdColumn<'a> {
    /// The number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Text(rows) => rows.len(),
            Self::Integer(rows) => rows.len(),
            Self::Dictionary { codes, .. } => codes.len(),
        }
    }

    /// True if there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The text of a row; `None` beyond the end or for a code without a value.
    #[must_use]
    pub fn get(&self, row: usize) -> Option<Cow<'a, str>> {
        match self {
            Self::Text(rows) => rows.get(row).map(|s| Cow::Borrowed(*s)),
            Self::Integer(rows) => rows.get(row).map(|n| Cow::Owned(n.to_string())),
            Self::Dictionary { codes, values } => codes
                .get(row)
                .and_then(|&c| values.get(c as usize))
                .map(|s| Cow::Borrowed(*s)),
        }
    }

    /// Numbers the distinct values in ascending order of their bytes: a code a row, and the
    /// values. A row that points outside its dictionary gets the code of the empty text, which
    /// no check of an id lets through.
    pub(crate) fn encode(&self) -> (Vec<u32>, Vec<String>) {
        match self {
            Self::Text(rows) => {
                let (codes, texts) = number_texts(rows);
                relabel(codes, &texts)
            }
            Self::Integer(rows) => {
                let (codes, numbers) = encode_sorted(
                    rows.len(),
                    |i| rows.get(i).copied().unwrap_or(0),
                    |n: i64| n,
                );
                let texts: Vec<String> = numbers.iter().map(i64::to_string).collect();
                relabel(codes, &texts)
            }
            Self::Dictionary { codes, values } => {
                let mut used = vec![false; values.len() + 1];
                let outside = values.len() as u32;
                let codes: Vec<u32> = codes.iter().map(|&c| c.min(outside)).collect();
                for &code in &codes {
                    if let Some(flag) = used.get_mut(code as usize) {
                        *flag = true;
                    }
                }
                // Unused values must not become ids; they all fold into one text that is dropped.
                let texts: Vec<String> = (0..=values.len())
                    .map(|i| values.get(i).copied().unwrap_or("").to_owned())
                    .collect();
                let (codes, texts) = relabel(codes, &texts);
                drop_unused(codes, texts)
            }
        }
    }
}

/// Numbers distinct texts in the order of their first rows.
fn number_texts(rows: &[&str]) -> (Vec<u32>, Vec<String>) {
    let mut known: HashMap<&str, u32, BuildHasherDefault<TextHasher>> = HashMap::default();
    let mut texts = Vec::new();
    let codes = rows
        .iter()
        .map(|&text| {
            *known.entry(text).or_insert_with(|| {
                texts.push(text.to_owned());
                texts.len() as u32 - 1
            })
        })
        .collect();
    (codes, texts)
}

/// XXH3 of a text. The standard library's default draws a random key, and the core has no
/// randomness; nothing iterates over the map, so the hash cannot show in a result.
#[derive(Default)]
struct TextHasher(u64);

impl Hasher for TextHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxhash_rust::xxh3::xxh3_64_with_seed(bytes, self.0);
    }

    fn write_u8(&mut self, _end_of_text: u8) {}

    fn finish(&self) -> u64 {
        self.0
    }
}

/// Sorts row numbers by value and numbers the distinct values.
fn encode_sorted<K: Ord + Copy, T>(
    len: usize,
    key: impl Fn(usize) -> K,
    own: impl Fn(K) -> T,
) -> (Vec<u32>, Vec<T>) {
    let mut order: Vec<u32> = (0..len as u32).collect();
    order.sort_unstable_by_key(|&i| key(i as usize));
    let mut codes = vec![0u32; len];
    let mut values = Vec::new();
    let mut last: Option<K> = None;
    for &row in &order {
        let value = key(row as usize);
        if last != Some(value) {
            values.push(own(value));
            last = Some(value);
        }
        if let Some(code) = codes.get_mut(row as usize) {
            *code = values.len() as u32 - 1;
        }
    }
    (codes, values)
}

/// Renumbers codes so that their texts ascend and are distinct.
fn relabel(mut codes: Vec<u32>, texts: &[String]) -> (Vec<u32>, Vec<String>) {
    let (mapping, sorted) = encode_sorted(
        texts.len(),
        |i| texts.get(i).map_or("", String::as_str),
        str::to_owned,
    );
    for code in &mut codes {
        *code = mapping.get(*code as usize).copied().unwrap_or(0);
    }
    (codes, sorted)
}

fn drop_unused(mut codes: Vec<u32>, texts: Vec<String>) -> (Vec<u32>, Vec<String>) {
    let mut new_code = vec![u32::MAX; texts.len()];
    for &code in &codes {
        if let Some(slot) = new_code.get_mut(code as usize) {
            *slot = 0;
        }
    }
    let mut kept = Vec::new();
    for (slot, text) in new_code.iter_mut().zip(texts) {
        if *slot == 0 {
            *slot = kept.len() as u32;
            kept.push(text);
        }
    }
    for code in &mut codes {
        *code = new_code.get(*code as usize).copied().unwrap_or(0);
    }
    (codes, kept)
}

/// Events as columns of equal length.
///
/// Without `kind` every event is a `view`; without `weight` it weighs 1; without `timestamp` its
/// time is 0, and then the same (user, item, kind) twice is one event.
#[derive(Clone, Copy, Debug)]
pub struct EventColumns<'a> {
    /// Who.
    pub user_id: IdColumn<'a>,
    /// With which item.
    pub item_id: IdColumn<'a>,
    /// What they did.
    pub kind: Option<IdColumn<'a>>,
    /// How much; finite, within ±1e6.
    pub weight: Option<&'a [f64]>,
    /// When; Unix milliseconds.
    pub timestamp: Option<&'a [i64]>,
}

impl<'a> EventColumns<'a> {
    /// Columns of users and items alone.
    #[must_use]
    pub fn new(user_id: IdColumn<'a>, item_id: IdColumn<'a>) -> Self {
        Self {
            user_id,
            item_id,
            kind: None,
            weight: None,
            timestamp: None,
        }
    }

    /// One row as a user and an event. What lies beyond a column is empty, which no check lets
    /// through.
    pub(crate) fn event(&self, row: usize) -> (String, Event) {
        let text = |column: &IdColumn<'_>| column.get(row).map(Cow::into_owned).unwrap_or_default();
        let kind = self
            .kind
            .as_ref()
            .map_or_else(|| DEFAULT_KIND.to_owned(), text);
        let timestamp = self
            .timestamp
            .map_or(0, |t| t.get(row).copied().unwrap_or(i64::MAX));
        let weight = self
            .weight
            .map_or(1.0, |w| w.get(row).copied().unwrap_or(f64::NAN));
        (
            text(&self.user_id),
            Event::new(text(&self.item_id), kind, timestamp).with_weight(weight),
        )
    }

    /// The number of rows.
    ///
    /// # Errors
    /// [`ErrorKind::LengthMismatch`] if the columns differ in length;
    /// [`ErrorKind::LimitExceeded`] beyond 2³¹ rows.
    pub fn rows(&self) -> Result<usize> {
        let rows = self.user_id.len();
        let others = [
            ("item_id", Some(self.item_id.len())),
            ("kind", self.kind.map(|c| c.len())),
            ("weight", self.weight.map(<[f64]>::len)),
            ("timestamp", self.timestamp.map(<[i64]>::len)),
        ];
        for (name, len) in others {
            if let Some(len) = len.filter(|&len| len != rows) {
                return Err(Error::new(
                    ErrorKind::LengthMismatch,
                    format!(
                        "column {name} has {len} rows and user_id has {rows}; all columns must have the same length"
                    ),
                ));
            }
        }
        if rows > i32::MAX as usize {
            return Err(Error::new(
                ErrorKind::LimitExceeded,
                format!("{rows} events in one call; the limit is 2^31"),
            ));
        }
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_forms_encode_alike() {
        let text = IdColumn::Text(&["9", "10", "9", "-3"]).encode();
        let number = IdColumn::Integer(&[9, 10, 9, -3]).encode();
        let dictionary = IdColumn::Dictionary {
            codes: &[2, 0, 2, 3],
            values: &["10", "unused", "9", "-3"],
        }
        .encode();
        assert_eq!(
            text,
            (
                vec![2, 1, 2, 0],
                vec!["-3".to_owned(), "10".to_owned(), "9".to_owned()]
            )
        );
        assert_eq!(number, text);
        assert_eq!(dictionary, text);
    }

    #[test]
    fn a_code_outside_the_dictionary_becomes_the_empty_text() {
        let (codes, values) = IdColumn::Dictionary {
            codes: &[0, 7],
            values: &["a"],
        }
        .encode();
        assert_eq!(values[codes[1] as usize], "");
        assert_eq!(values[codes[0] as usize], "a");
    }

    #[test]
    fn lengths_must_agree() {
        let mut columns = EventColumns::new(IdColumn::Integer(&[1, 2]), IdColumn::Integer(&[3]));
        assert_eq!(
            columns.rows().unwrap_err().kind(),
            ErrorKind::LengthMismatch
        );
        columns.item_id = IdColumn::Integer(&[3, 4]);
        assert_eq!(columns.rows().unwrap(), 2);
        columns.weight = Some(&[1.0]);
        assert_eq!(
            columns.rows().unwrap_err().kind(),
            ErrorKind::LengthMismatch
        );
    }
}
