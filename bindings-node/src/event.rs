//! Columns of events, from typed arrays and strings to the core's borrowed columns.
//!
//! The columns are copied: JavaScript may change its arrays while a task reads them. A number
//! that is not whole becomes a value that the core refuses, so that a row which is bad in this
//! way is told, or skipped, like any other.

use napi::bindgen_prelude::{BigInt64Array, Float64Array, Uint32Array};
use napi_derive::napi;
use tastemaker::event::{DEFAULT_KIND, Event, EventColumns, IdColumn};
use tastemaker::json::json;
use tastemaker::{Error, ErrorKind};

use crate::error::{Result, thrown};

/// A column of ids: text by dictionary, or whole numbers in one of two forms.
#[napi(object, object_to_js = false)]
pub struct NativeIds {
    pub codes: Option<Uint32Array>,
    pub values: Option<Vec<String>>,
    pub numbers: Option<Float64Array>,
    pub bigints: Option<BigInt64Array>,
}

/// A table of events.
#[napi(object, object_to_js = false)]
pub struct NativeEvents {
    pub user_id: NativeIds,
    pub item_id: NativeIds,
    pub kind: Option<NativeIds>,
    pub weight: Option<Float64Array>,
    pub timestamp: Option<Float64Array>,
    pub timestamp_bigint: Option<BigInt64Array>,
}

/// What an event that says nothing else is, as JSON: its kind, weight and timestamp.
#[napi(catch_unwind)]
pub fn default_event() -> Result<String> {
    let event = Event::new("", DEFAULT_KIND, 0);
    Ok(
        json!({"kind": event.kind, "weight": event.weight, "timestamp": event.timestamp})
            .to_string(),
    )
}

/// An owned column of ids.
pub(crate) enum Ids {
    Text {
        codes: Vec<u32>,
        values: Vec<String>,
    },
    Integer(Vec<i64>),
}

/// An owned table of events, to be borrowed by [`Events::with`].
pub(crate) struct Events {
    user_id: Ids,
    item_id: Ids,
    kind: Option<Ids>,
    weight: Option<Vec<f64>>,
    timestamp: Option<Vec<i64>>,
}

impl Ids {
    pub(crate) fn new(column: NativeIds, name: &str) -> Result<Self> {
        if let Some(bigints) = column.bigints {
            return Ok(Self::Integer(bigints.to_vec()));
        }
        if let Some(numbers) = column.numbers {
            let whole = numbers.iter().enumerate().map(|(row, &number)| {
                exact_integer(number).ok_or_else(|| {
                    thrown(Error::new(
                        ErrorKind::InvalidId,
                        format!(
                            "{name}[{row}]: {number} is not a whole number within ±(2^53 - 1); \
                             use a BigInt64Array or strings for larger ids"
                        ),
                    ))
                })
            });
            return Ok(Self::Integer(whole.collect::<Result<_>>()?));
        }
        let codes = column.codes.map(|codes| codes.to_vec()).unwrap_or_default();
        Ok(Self::Text {
            codes,
            values: column.values.unwrap_or_default(),
        })
    }

    /// The dictionary's values as the core borrows them; empty for whole numbers.
    pub(crate) fn values(&self) -> Vec<&str> {
        match self {
            Self::Text { values, .. } => values.iter().map(String::as_str).collect(),
            Self::Integer(_) => Vec::new(),
        }
    }

    pub(crate) fn column<'a>(&'a self, values: &'a [&'a str]) -> IdColumn<'a> {
        match self {
            Self::Text { codes, .. } => IdColumn::Dictionary { codes, values },
            Self::Integer(integers) => IdColumn::Integer(integers),
        }
    }
}

impl Events {
    pub(crate) fn new(table: NativeEvents) -> Result<Self> {
        let timestamp = match (table.timestamp_bigint, table.timestamp) {
            (Some(exact), _) => Some(exact.to_vec()),
            (None, Some(numbers)) => Some(numbers.iter().map(|&ms| milliseconds(ms)).collect()),
            (None, None) => None,
        };
        Ok(Self {
            user_id: Ids::new(table.user_id, "userId")?,
            item_id: Ids::new(table.item_id, "itemId")?,
            kind: table.kind.map(|kind| Ids::new(kind, "kind")).transpose()?,
            weight: table.weight.map(|weight| weight.to_vec()),
            timestamp,
        })
    }

    /// Lends the table to `work` in the core's form.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&EventColumns<'_>) -> T) -> T {
        let users = self.user_id.values();
        let items = self.item_id.values();
        let kinds = self.kind.as_ref().map(Ids::values).unwrap_or_default();
        work(&EventColumns {
            user_id: self.user_id.column(&users),
            item_id: self.item_id.column(&items),
            kind: self.kind.as_ref().map(|kind| kind.column(&kinds)),
            weight: self.weight.as_deref(),
            timestamp: self.timestamp.as_deref(),
        })
    }
}

/// A JavaScript number as an exact integer, if it is one that no rounding can have touched.
pub(crate) fn exact_integer(number: f64) -> Option<i64> {
    const LARGEST: f64 = 9_007_199_254_740_991.0;
    (number.fract() == 0.0 && number.abs() <= LARGEST).then_some(number as i64)
}

/// Milliseconds for the core; `i64::MIN`, which it refuses, where the number is not whole.
pub(crate) fn milliseconds(number: f64) -> i64 {
    exact_integer(number).unwrap_or(i64::MIN)
}
