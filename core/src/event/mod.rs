//! What people did: events, their kinds and weights, and columns of many events.
//!
//! An event says that a user did something with an item at a time. Its kind gives it a default
//! weight ([`KindTable`]); a negative weight pushes away. An event is identified by (user, item,
//! kind, timestamp): the same event twice counts once, so that at-least-once delivery is safe.

mod columns;
mod kinds;

pub use columns::{EventColumns, IdColumn};
pub use kinds::{KindRule, KindTable};

use crate::error::{Error, ErrorKind, Result, shown};
use crate::id::check_id;

/// The kind of an event that names none.
pub const DEFAULT_KIND: &str = "view";
/// The earliest timestamp: the first millisecond of the year 1.
pub const MIN_TIMESTAMP: i64 = -62_135_596_800_000;
/// The latest timestamp: the last millisecond of the year 9999.
pub const MAX_TIMESTAMP: i64 = 253_402_300_799_999;
/// The largest absolute weight of one event.
pub const MAX_WEIGHT: f64 = 1e6;

/// One thing that a user did with an item.
///
/// ```
/// use tastemaker::event::Event;
/// let event = Event::new("venue-12", "save", 1_700_000_000_000).with_weight(2.0);
/// assert!(event.check().is_ok());
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The item, by its external id.
    pub item_id: String,
    /// The kind, by name: `view`, `save`, `dismiss`, ….
    pub kind: String,
    /// Multiplies the weight of the kind; for `rate` it is the rating itself. Kept with the
    /// precision of an `f32`.
    pub weight: f64,
    /// Unix time in milliseconds; 0 where time is unknown.
    pub timestamp: i64,
}

impl Event {
    /// An event with weight 1.
    pub fn new(item_id: impl Into<String>, kind: impl Into<String>, timestamp: i64) -> Self {
        Self {
            item_id: item_id.into(),
            kind: kind.into(),
            weight: 1.0,
            timestamp,
        }
    }

    /// The same event with another weight.
    #[must_use]
    pub fn with_weight(mut self, weight: f64) -> Self {
        self.weight = weight;
        self
    }

    /// Checks everything that does not need a model: the id, the weight, the time, and that the
    /// kind has a usable name.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidId`], [`ErrorKind::InvalidWeight`], [`ErrorKind::InvalidTimestamp`],
    /// [`ErrorKind::UnknownKind`].
    pub fn check(&self) -> Result<()> {
        check_id("item_id", &self.item_id)?;
        check_kind_name(&self.kind)?;
        check_weight("weight", self.weight)?;
        check_timestamp("timestamp", self.timestamp)
    }
}

pub(crate) fn check_kind_name(kind: &str) -> Result<()> {
    if kind.is_empty() || kind.len() > 64 {
        return Err(Error::new(
            ErrorKind::UnknownKind,
            format!(
                "kind {} is not a kind; a kind's name has 1 to 64 bytes",
                shown(kind)
            ),
        ));
    }
    Ok(())
}

pub(crate) fn check_weight(field: &str, weight: f64) -> Result<()> {
    if !weight.is_finite() || weight.abs() > MAX_WEIGHT {
        return Err(Error::new(
            ErrorKind::InvalidWeight,
            format!("{field} is {weight}; a weight is a finite number between -1e6 and 1e6"),
        ));
    }
    Ok(())
}

pub(crate) fn check_timestamp(field: &str, timestamp: i64) -> Result<()> {
    if !(MIN_TIMESTAMP..=MAX_TIMESTAMP).contains(&timestamp) {
        return Err(Error::new(
            ErrorKind::InvalidTimestamp,
            format!(
                "{field} is {timestamp}; a timestamp is Unix time in milliseconds, years 1 to 9999"
            ),
        ));
    }
    Ok(())
}

/// What a number from outside must be to count as a timestamp: whole milliseconds in range.
pub(crate) fn timestamp_from_number(field: &str, value: f64) -> Result<i64> {
    if !value.is_finite()
        || value != value.trunc()
        || value < MIN_TIMESTAMP as f64
        || value > MAX_TIMESTAMP as f64
    {
        return Err(Error::new(
            ErrorKind::InvalidTimestamp,
            format!(
                "{field} is {value}; a timestamp is a whole number of milliseconds, years 1 to 9999"
            ),
        ));
    }
    Ok(value as i64)
}
