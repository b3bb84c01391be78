//! Builds a [`Column`] from values that come one by one, from a Python list or from Arrow.

use tastemaker::json::Value;

use crate::column::Column;
use crate::data::{Data, Texts};

/// Collects values of one type, and turns to JSON when a second type comes.
#[derive(Default)]
pub(crate) struct Builder {
    data: Option<Data>,
    missing: Vec<usize>,
    rows: usize,
}

impl Builder {
    /// How many values there are so far.
    fn leading(&self) -> usize {
        self.rows
    }

    pub(crate) fn null(&mut self) {
        match &mut self.data {
            None => {}
            Some(Data::Bool(v)) => v.push(false),
            Some(Data::Integer(v) | Data::Time(v)) => v.push(i64::MIN),
            Some(Data::Float(v)) => v.push(f64::NAN),
            Some(Data::Text(v)) => v.push(""),
            Some(Data::Json(v)) => v.push(Value::Null),
            Some(Data::Dictionary { codes, .. }) => codes.push(u32::MAX),
            Some(Data::Empty(rows)) => *rows += 1,
        }
        self.missing.push(self.rows);
        self.rows += 1;
    }

    pub(crate) fn bool(&mut self, value: bool) {
        let before = self.leading();
        match self
            .data
            .get_or_insert_with(|| Data::Bool(vec![false; before]))
        {
            Data::Bool(values) => values.push(value),
            _ => self.mixed().push(Value::Bool(value)),
        }
        self.rows += 1;
    }

    pub(crate) fn integer(&mut self, value: i64) {
        let before = self.leading();
        match self
            .data
            .get_or_insert_with(|| Data::Integer(vec![i64::MIN; before]))
        {
            Data::Integer(values) => values.push(value),
            Data::Float(values) => values.push(value as f64),
            _ => self.mixed().push(Value::from(value)),
        }
        self.rows += 1;
    }

    pub(crate) fn float(&mut self, value: f64) {
        let before = self.leading();
        if let Some(Data::Integer(values)) = &self.data {
            // A missing one is marked apart, whatever stands in its row.
            self.data = Some(Data::Float(values.iter().map(|&v| v as f64).collect()));
        }
        match self
            .data
            .get_or_insert_with(|| Data::Float(vec![f64::NAN; before]))
        {
            Data::Float(values) => values.push(value),
            // NaN among other things is how pandas writes a missing value.
            _ if value.is_nan() => return self.null(),
            _ => self.mixed().push(Value::from(value)),
        }
        self.rows += 1;
    }

    pub(crate) fn time(&mut self, value: i64) {
        let before = self.leading();
        match self
            .data
            .get_or_insert_with(|| Data::Time(vec![i64::MIN; before]))
        {
            Data::Time(values) => values.push(value),
            _ => self.mixed().push(Value::from(value)),
        }
        self.rows += 1;
    }

    pub(crate) fn text(&mut self, value: &str) {
        let before = self.leading();
        if self
            .data
            .as_ref()
            .is_some_and(|data| matches!(data, Data::Float(v) if v.iter().all(|f| f.is_nan())))
        {
            // Only NaN so far: missing values of a text column.
            self.missing = (0..self.rows).collect();
            self.data = None;
        }
        let empty = || Data::Text(Texts::empty(before));
        match self.data.get_or_insert_with(empty) {
            Data::Text(texts) => texts.push(value),
            _ => self.mixed().push(Value::from(value)),
        }
        self.rows += 1;
    }

    pub(crate) fn json(&mut self, value: Value) {
        let before = self.leading();
        match self
            .data
            .get_or_insert_with(|| Data::Json(vec![Value::Null; before]))
        {
            Data::Json(values) => values.push(value),
            _ => self.mixed().push(value),
        }
        self.rows += 1;
    }

    /// Adds a row of another column.
    pub(crate) fn copy(&mut self, from: &Column, row: usize) {
        if from.is_missing(row) {
            return self.null();
        }
        match &from.data {
            Data::Text(texts) => self.text(texts.get(row)),
            Data::Integer(values) => self.integer(values[row]),
            Data::Time(values) => self.time(values[row]),
            Data::Float(values) => self.float(values[row]),
            Data::Bool(values) => self.bool(values[row]),
            Data::Json(_) | Data::Dictionary { .. } | Data::Empty(_) => self.json(from.value(row)),
        }
    }

    /// Turns what is there into JSON values.
    fn mixed(&mut self) -> &mut Vec<Value> {
        let data = match self.data.take() {
            Some(Data::Json(values)) => values,
            Some(data) => {
                let column = Column {
                    data,
                    missing: mask(&self.missing, self.rows),
                };
                (0..self.rows).map(|row| column.value(row)).collect()
            }
            None => vec![Value::Null; self.rows],
        };
        match self.data.insert(Data::Json(data)) {
            Data::Json(values) => values,
            _ => unreachable!("the variant was stored one line above"),
        }
    }

    pub(crate) fn finish(self) -> Column {
        let missing = mask(&self.missing, self.rows);
        Column {
            data: self.data.unwrap_or(Data::Empty(self.rows)),
            missing,
        }
    }
}

/// The marks of missing rows; `None` if there is none.
pub(crate) fn mask(missing: &[usize], rows: usize) -> Option<Vec<bool>> {
    if missing.is_empty() {
        return None;
    }
    let mut mask = vec![false; rows];
    for &row in missing {
        mask[row] = true;
    }
    Some(mask)
}
