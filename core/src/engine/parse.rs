//! What requests have in common: reading their fields from JSON, and checking them.

use serde_json::Value as Json;

use super::check_kind;
use crate::condition::Condition;
use crate::error::{Error, ErrorKind, Result};
use crate::event::{DEFAULT_KIND, Event, KindTable, timestamp_from_number};
use crate::fields::Fields;
use crate::id::check_id;
use crate::profile::Profile;

/// How many items an answer may have, which, and what it tells beside them.
#[derive(Clone, Copy)]
pub(super) struct Limits<'a> {
    pub(super) k: usize,
    pub(super) filter: Option<&'a Condition>,
    pub(super) allow: Option<&'a [String]>,
    pub(super) deny: &'a [String],
    pub(super) explain: bool,
    pub(super) trace: bool,
}

/// The same as read from JSON.
pub(super) struct Read {
    pub(super) k: usize,
    pub(super) filter: Option<Condition>,
    pub(super) allow: Option<Vec<String>>,
    pub(super) deny: Vec<String>,
    pub(super) explain: bool,
    pub(super) trace: bool,
}

impl Read {
    pub(super) fn new(fields: &Fields<'_>) -> Result<Self> {
        Ok(Self {
            k: k(fields)?,
            filter: fields.get("filter").map(Condition::parse).transpose()?,
            allow: fields.texts("allow")?,
            deny: fields.texts("deny")?.unwrap_or_default(),
            explain: fields.bool("explain", false)?,
            trace: fields.bool("trace", false)?,
        })
    }
}

/// The number of results wanted: 10 if it is absent.
pub(super) fn k(fields: &Fields<'_>) -> Result<usize> {
    Ok(fields.whole("k", 10, 0, u64::from(u32::MAX))? as usize)
}

/// The field `now`.
pub(super) fn now(fields: &Fields<'_>) -> Result<Option<i64>> {
    fields
        .get("now")
        .map(|now| time("request.now", now))
        .transpose()
}

pub(super) fn check_now(now: Option<i64>) -> Result<()> {
    now.map_or(Ok(()), |now| crate::event::check_timestamp("now", now))
}

pub(super) fn check_asker(user_id: Option<&str>) -> Result<()> {
    user_id.map_or(Ok(()), |user_id| check_id("user_id", user_id))
}

/// Refuses events of a kind that the model does not know.
pub(super) fn check_history(kinds: &KindTable, history: &Profile) -> Result<()> {
    for (row, event) in history.events().iter().enumerate() {
        check_kind(kinds, &event.kind)
            .map_err(|e| e.context(format_args!("history, event {row}")))?;
    }
    Ok(())
}

fn time(field: &str, value: &Json) -> Result<i64> {
    match value.as_i64() {
        Some(whole) => crate::event::check_timestamp(field, whole).map(|()| whole),
        None => timestamp_from_number(field, value.as_f64().unwrap_or(f64::NAN)),
    }
}

/// The events of the field `history` of `what`; none if it is absent.
pub(super) fn history(fields: &Fields<'_>, what: &str) -> Result<Profile> {
    let Some(list) = fields.get("history") else {
        return Ok(Profile::new());
    };
    let list = list
        .as_array()
        .ok_or_else(|| fields.wrong("history", list, "it must be a list of events"))?;
    let mut events = Vec::with_capacity(list.len());
    for (row, entry) in list.iter().enumerate() {
        events.push(event(entry).map_err(|e| e.context(format_args!("{what}.history[{row}]")))?);
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
        Some(value) => time("timestamp", value)?,
    };
    let weight = match fields.raw("weight") {
        None => 1.0,
        Some(value) => value.as_f64().unwrap_or(f64::NAN),
    };
    let event = Event::new(item_id, kind, timestamp).with_weight(weight);
    event.check()?;
    Ok(event)
}
