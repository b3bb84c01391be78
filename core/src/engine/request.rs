//! What an answer is asked for.

use serde_json::Value as Json;

use super::check_kind;
use crate::condition::Condition;
use crate::error::{Error, ErrorKind, Result};
use crate::event::{DEFAULT_KIND, Event, KindTable, timestamp_from_number};
use crate::fields::Fields;
use crate::id::check_id;
use crate::profile::Profile;
use crate::rank::check_k;

/// A request for recommendations.
///
/// ```
/// use tastemaker::{engine::Request, json::json};
/// let request = Request::from_json(&json!({
///     "history": [{"item_id": "mill", "kind": "save"}],
///     "k": 5,
///     "filter": {"price": {"$lt": 5000}},
///     "explain": true,
/// }))?;
/// assert_eq!(request.k, 5);
/// # Ok::<(), tastemaker::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Request {
    /// Whose stored profile to answer from; nobody's if `None`.
    pub user_id: Option<String>,
    /// A history that came with the request. Beside a `user_id`, the two are joined for this
    /// answer only.
    pub history: Profile,
    /// Items wanted, at least 1; fewer come only if fewer are eligible. Default 10.
    pub k: usize,
    /// Unix milliseconds at which decay is measured; the newest event of the history if `None`.
    pub now: Option<i64>,
    /// Only items whose attributes match.
    pub filter: Option<Condition>,
    /// Only these items.
    pub allow: Option<Vec<String>>,
    /// Never these items.
    pub deny: Vec<String>,
    /// Leaves out what the history has. Items that it dismissed are always left out. Default
    /// true.
    pub exclude_seen: bool,
    /// Adds the reasons to each item. Default false.
    pub explain: bool,
    /// Adds what each stage did. Default false.
    pub trace: bool,
}

impl Default for Request {
    fn default() -> Self {
        Self {
            user_id: None,
            history: Profile::new(),
            k: 10,
            now: None,
            filter: None,
            allow: None,
            deny: Vec::new(),
            exclude_seen: true,
            explain: false,
            trace: false,
        }
    }
}

const NAMES: [&str; 10] = [
    "user_id",
    "history",
    "k",
    "now",
    "filter",
    "allow",
    "deny",
    "exclude_seen",
    "explain",
    "trace",
];

impl Request {
    /// A request for a stored user.
    pub fn for_user(user_id: impl Into<String>, k: usize) -> Self {
        Self {
            user_id: Some(user_id.into()),
            k,
            ..Self::default()
        }
    }

    /// A request from JSON: the fields of this struct by name; events of `history` have
    /// `item_id` and perhaps `kind` (default `view`), `weight` (1) and `timestamp` (0).
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for an unknown name or a value of the wrong shape, and
    /// the error of the value itself: [`ErrorKind::InvalidId`], [`ErrorKind::InvalidCondition`],
    /// [`ErrorKind::InvalidWeight`], [`ErrorKind::InvalidTimestamp`]. A number that is `null`
    /// is invalid, because that is how JSON writes NaN.
    pub fn from_json(value: &Json) -> Result<Self> {
        let fields = Fields::new("request", value, &NAMES)?;
        let now = match fields.get("now") {
            None => None,
            Some(now) => Some(number_as_time("request.now", now)?),
        };
        let request = Self {
            user_id: fields.text("user_id")?.map(str::to_owned),
            history: history(&fields)?,
            k: fields.whole("k", 10, 0, u64::from(u32::MAX))? as usize,
            now,
            filter: fields.get("filter").map(Condition::parse).transpose()?,
            allow: fields.texts("allow")?,
            deny: fields.texts("deny")?.unwrap_or_default(),
            exclude_seen: fields.bool("exclude_seen", true)?,
            explain: fields.bool("explain", false)?,
            trace: fields.bool("trace", false)?,
        };
        request.check_shape()?;
        Ok(request)
    }

    fn check_shape(&self) -> Result<()> {
        check_k(self.k)?;
        if let Some(user_id) = &self.user_id {
            check_id("user_id", user_id)?;
        }
        if let Some(now) = self.now {
            crate::event::check_timestamp("now", now)?;
        }
        Ok(())
    }

    /// Everything that can be checked with the model's kinds at hand.
    pub(super) fn check(&self, kinds: &KindTable) -> Result<()> {
        self.check_shape()?;
        for (row, event) in self.history.events().iter().enumerate() {
            check_kind(kinds, &event.kind)
                .map_err(|e| e.context(format_args!("history, event {row}")))?;
        }
        Ok(())
    }
}

fn number_as_time(field: &str, value: &Json) -> Result<i64> {
    match value.as_i64() {
        Some(whole) => crate::event::check_timestamp(field, whole).map(|()| whole),
        None => timestamp_from_number(field, value.as_f64().unwrap_or(f64::NAN)),
    }
}

fn history(fields: &Fields<'_>) -> Result<Profile> {
    let Some(list) = fields.get("history") else {
        return Ok(Profile::new());
    };
    let list = list
        .as_array()
        .ok_or_else(|| fields.wrong("history", list, "it must be a list of events"))?;
    let mut events = Vec::with_capacity(list.len());
    for (row, entry) in list.iter().enumerate() {
        events.push(event(entry).map_err(|e| e.context(format_args!("request.history[{row}]")))?);
    }
    Ok(Profile::from_valid(events))
}

fn event(entry: &Json) -> Result<Event> {
    if !entry.is_object() {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            "an event is an object with an item_id",
        ));
    }
    let fields = Fields::new("event", entry, &["item_id", "kind", "weight", "timestamp"])?;
    let item_id = fields.text("item_id")?.unwrap_or_default();
    let kind = fields.text("kind")?.unwrap_or(DEFAULT_KIND);
    let timestamp = match fields.raw("timestamp") {
        None => 0,
        Some(value) => number_as_time("timestamp", value)?,
    };
    let weight = match fields.raw("weight") {
        None => 1.0,
        Some(value) => value.as_f64().unwrap_or(f64::NAN),
    };
    let event = Event::new(item_id, kind, timestamp).with_weight(weight);
    event.check()?;
    Ok(event)
}
