//! Columns of events, from typed arrays and strings to the core's borrowed columns.
//!
//! The façade hands over plain objects; their fields are read, and copied, by getters. A number
//! that is not whole becomes a value that the core refuses, so that a row which is bad in this
//! way is told, or skipped, like any other.

use tastemaker::event::{DEFAULT_KIND, Event, EventColumns, IdColumn};
use tastemaker::json::json;
use tastemaker::{Error, ErrorKind};
use wasm_bindgen::prelude::*;

use crate::error::{Result, thrown};

#[wasm_bindgen]
extern "C" {
    /// A column of ids: text by dictionary, or whole numbers in one of two forms.
    pub type NativeIds;

    #[wasm_bindgen(method, getter, structural)]
    fn codes(this: &NativeIds) -> Option<Vec<u32>>;

    #[wasm_bindgen(method, getter, structural)]
    fn values(this: &NativeIds) -> Option<Vec<String>>;

    #[wasm_bindgen(method, getter, structural)]
    fn numbers(this: &NativeIds) -> Option<Vec<f64>>;

    #[wasm_bindgen(method, getter, structural)]
    fn bigints(this: &NativeIds) -> Option<Vec<i64>>;

    /// A table of events.
    pub type NativeEvents;

    #[wasm_bindgen(method, getter, structural, js_name = userId)]
    fn user_id(this: &NativeEvents) -> NativeIds;

    #[wasm_bindgen(method, getter, structural, js_name = itemId)]
    fn item_id(this: &NativeEvents) -> NativeIds;

    #[wasm_bindgen(method, getter, structural)]
    fn kind(this: &NativeEvents) -> Option<NativeIds>;

    #[wasm_bindgen(method, getter, structural)]
    fn weight(this: &NativeEvents) -> Option<Vec<f64>>;

    #[wasm_bindgen(method, getter, structural)]
    fn timestamp(this: &NativeEvents) -> Option<Vec<f64>>;

    #[wasm_bindgen(method, getter, structural, js_name = timestampBigint)]
    fn timestamp_bigint(this: &NativeEvents) -> Option<Vec<i64>>;
}

/// What an event that says nothing else is, as JSON: its kind, weight and timestamp.
#[wasm_bindgen(js_name = defaultEvent)]
pub fn default_event() -> String {
    let event = Event::new("", DEFAULT_KIND, 0);
    json!({"kind": event.kind, "weight": event.weight, "timestamp": event.timestamp}).to_string()
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
    /// Reads a column; `name` is told in the error.
    pub(crate) fn new(column: &NativeIds, name: &str) -> Result<Self> {
        if let Some(bigints) = column.bigints() {
            return Ok(Self::Integer(bigints));
        }
        if let Some(numbers) = column.numbers() {
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
        let codes = column.codes().unwrap_or_default();
        Ok(Self::Text {
            codes,
            values: column.values().unwrap_or_default(),
        })
    }

    /// The dictionary's values as the core borrows them; empty for whole numbers.
    pub(crate) fn texts(&self) -> Vec<&str> {
        match self {
            Self::Text { values, .. } => values.iter().map(String::as_str).collect(),
            Self::Integer(_) => Vec::new(),
        }
    }

    pub(crate) fn column<'a>(&'a self, texts: &'a [&'a str]) -> IdColumn<'a> {
        match self {
            Self::Text { codes, .. } => IdColumn::Dictionary {
                codes,
                values: texts,
            },
            Self::Integer(rows) => IdColumn::Integer(rows),
        }
    }
}

impl Events {
    /// Reads a table.
    pub(crate) fn new(table: &NativeEvents) -> Result<Self> {
        let numbers = || {
            table
                .timestamp()
                .map(|rows| rows.into_iter().map(milliseconds).collect())
        };
        Ok(Self {
            user_id: Ids::new(&table.user_id(), "userId")?,
            item_id: Ids::new(&table.item_id(), "itemId")?,
            kind: table
                .kind()
                .map(|kind| Ids::new(&kind, "kind"))
                .transpose()?,
            weight: table.weight(),
            timestamp: table.timestamp_bigint().or_else(numbers),
        })
    }

    /// Lends the table to `work` in the core's form.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&EventColumns<'_>) -> T) -> T {
        let users = self.user_id.texts();
        let items = self.item_id.texts();
        let kinds = self.kind.as_ref().map(Ids::texts).unwrap_or_default();
        work(&EventColumns {
            user_id: self.user_id.column(&users),
            item_id: self.item_id.column(&items),
            kind: self.kind.as_ref().map(|kind| kind.column(&kinds)),
            weight: self.weight.as_deref(),
            timestamp: self.timestamp.as_deref(),
        })
    }
}

/// An event with the core's defaults where JavaScript gave nothing.
pub(crate) fn event(
    item_id: &str,
    kind: Option<String>,
    weight: Option<f64>,
    timestamp: Option<f64>,
) -> Event {
    let kind = kind.unwrap_or_else(|| DEFAULT_KIND.to_owned());
    let event = Event::new(item_id, kind, timestamp.map_or(0, milliseconds));
    match weight {
        Some(weight) => event.with_weight(weight),
        None => event,
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
