//! The values of a column, all of one type.

use tastemaker::json::Value;

/// Texts one after the other in one buffer.
#[derive(Clone, Default)]
pub(crate) struct Texts {
    text: String,
    ends: Vec<usize>,
}

impl Texts {
    /// How many texts there are.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// This many empty texts.
    pub(crate) fn empty(rows: usize) -> Self {
        Self {
            text: String::new(),
            ends: vec![0; rows],
        }
    }

    pub(crate) fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.ends.push(self.text.len());
    }

    pub(crate) fn get(&self, row: usize) -> &str {
        let start = if row == 0 { 0 } else { self.ends[row - 1] };
        &self.text[start..self.ends[row]]
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.ends.len()).map(|row| self.get(row))
    }
}

/// The values of a column, all of one type.
#[derive(Clone)]
pub(crate) enum Data {
    /// Nothing but missing values, this many.
    Empty(usize),
    Bool(Vec<bool>),
    Integer(Vec<i64>),
    Float(Vec<f64>),
    /// Unix milliseconds.
    Time(Vec<i64>),
    Text(Texts),
    /// A code a row; one beyond `values` is a missing value.
    Dictionary {
        codes: Vec<u32>,
        values: Vec<String>,
    },
    /// Lists, mappings, or a mixture of types.
    Json(Vec<Value>),
}
