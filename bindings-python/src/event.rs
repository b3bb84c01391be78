//! Columns of events.

use std::borrow::Cow;

use pyo3::prelude::*;
use tastemaker::event::{EventColumns, IdColumn};
use tastemaker::{Error, Result};

use crate::column::Column;
use crate::data::Data;
use crate::time::Unit;

/// An id column together with the references that the core's view needs.
pub(crate) struct Ids<'a> {
    data: &'a Data,
    texts: Vec<&'a str>,
}

impl<'a> Ids<'a> {
    pub(crate) fn new(data: &'a Data) -> Self {
        let texts = match data {
            Data::Text(texts) => texts.iter().collect(),
            Data::Dictionary { values, .. } => values.iter().map(String::as_str).collect(),
            _ => Vec::new(),
        };
        Self { data, texts }
    }

    pub(crate) fn column(&self) -> IdColumn<'_> {
        match self.data {
            Data::Integer(values) => IdColumn::Integer(values),
            Data::Dictionary { codes, .. } => IdColumn::Dictionary {
                codes,
                values: &self.texts,
            },
            _ => IdColumn::Text(&self.texts),
        }
    }
}

/// The columns of events as Python gives them.
pub(crate) struct Events<'py> {
    pub(crate) user_id: PyRef<'py, Column>,
    pub(crate) item_id: PyRef<'py, Column>,
    pub(crate) kind: Option<PyRef<'py, Column>>,
    pub(crate) weight: Option<PyRef<'py, Column>>,
    pub(crate) timestamp: Option<PyRef<'py, Column>>,
    pub(crate) unit: Unit,
}

impl Events<'_> {
    /// Columns that hold no reference to Python, for work without the interpreter.
    pub(crate) fn free(&self) -> Free<'_> {
        Free {
            user_id: &self.user_id,
            item_id: &self.item_id,
            kind: self.kind.as_deref(),
            weight: self.weight.as_deref(),
            timestamp: self.timestamp.as_deref(),
            unit: self.unit,
        }
    }
}

/// The same columns as plain references.
#[derive(Clone, Copy)]
pub(crate) struct Free<'a> {
    user_id: &'a Column,
    item_id: &'a Column,
    kind: Option<&'a Column>,
    weight: Option<&'a Column>,
    timestamp: Option<&'a Column>,
    unit: Unit,
}

impl Free<'_> {
    /// Calls `work` with the core's view of the columns. An error says which value was missing in
    /// Python, where one was.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&EventColumns<'_>) -> Result<T>) -> Result<T> {
        let user_id = self.user_id.ids("user_id")?;
        let item_id = self.item_id.ids("item_id")?;
        let kind = self.kind.map(|column| column.ids("kind")).transpose()?;
        let weight = self
            .weight
            .map(|column| column.weights("weight"))
            .transpose()?;
        let timestamp = self
            .timestamp
            .map(|column| column.timestamps("timestamp", self.unit))
            .transpose()?;
        let (users, items) = (Ids::new(&user_id), Ids::new(&item_id));
        let kinds = kind.as_ref().map(|data| Ids::new(data));
        let mut columns = EventColumns::new(users.column(), items.column());
        columns.kind = kinds.as_ref().map(Ids::column);
        columns.weight = weight.as_ref().map(Cow::as_ref);
        columns.timestamp = timestamp.as_ref().map(Cow::as_ref);
        work(&columns).map_err(|error| self.explain(error))
    }

    fn explain(&self, error: Error) -> Error {
        let named = [
            ("user_id", Some(self.user_id)),
            ("item_id", Some(self.item_id)),
            ("kind", self.kind),
            ("weight", self.weight),
            ("timestamp", self.timestamp),
        ];
        let code = error.code();
        let about = |name: &str| match name {
            "weight" => code == "invalid_weight",
            "timestamp" => code == "invalid_timestamp",
            "kind" => code == "unknown_kind",
            _ => code == "invalid_id",
        };
        let first = |(name, column): (&'static str, Option<&Column>)| {
            Some((column?.first_missing()?, name))
        };
        match named
            .into_iter()
            .filter(|(name, _)| about(name))
            .filter_map(first)
            .min()
        {
            Some((row, name)) => Error::new(
                error.kind(),
                format!("{} ({name} is null in row {row})", error.message()),
            ),
            None => error,
        }
    }
}
