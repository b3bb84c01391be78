//! Who asks, and under what circumstances: the attributes, the time, what is forced.

use super::sticky::Sticky;
use crate::condition;
use crate::error::{Error, ErrorKind, Result};
use crate::fields::Fields;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Who asks, and under what circumstances.
///
/// ```
/// use tastemaker::experiment::Context;
/// use tastemaker::json::json;
///
/// let eve = Context::from_json(&json!({"attributes": {"id": "eve", "country": "NZ"}}))?;
/// assert_eq!(eve, Context::new(&json!({"id": "eve", "country": "NZ"}))?);
/// assert!(Context::from_json(&json!({"attribute": {}})).is_err(), "a name that is not known");
/// # Ok::<(), tastemaker::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Context {
    /// An object: what units and conditions are read from.
    pub attributes: Value,
    /// The time in milliseconds since 1970, for ramps, and for `currentTime` of Unleash.
    pub now: Option<i64>,
    /// The sticky buckets that the caller keeps for this user. None: nothing is sticky.
    pub sticky: Option<Sticky>,
    /// Variations that are forced, by experiment.
    pub forced: BTreeMap<String, Forced>,
    /// Values that are forced, by feature.
    pub forced_features: Map<String, Value>,
    /// The page's address, whose query string may force a variation (`?experiment=1`).
    pub url: Option<String>,
    /// False: nobody is in any experiment.
    pub enabled: bool,
    /// True: nobody is in an experiment unless forced into it.
    pub qa_mode: bool,
    /// What takes the place of a random number for who has no id: Unleash's strategies alone.
    pub random: Option<String>,
    /// True: the answer to a feature repeats the definition of its experiment.
    pub explain: bool,
}

/// A forced variation, by its place or its key.
#[derive(Clone, Debug, PartialEq)]
pub enum Forced {
    /// The place, from 0.
    Index(u64),
    /// The key of the variation.
    Key(String),
    /// A number that is no place: not in the experiment.
    Nothing,
}

impl Default for Context {
    fn default() -> Self {
        Self {
            attributes: Value::Object(Map::new()),
            now: None,
            sticky: None,
            forced: BTreeMap::new(),
            forced_features: Map::new(),
            url: None,
            enabled: true,
            qa_mode: false,
            random: None,
            explain: false,
        }
    }
}

impl Context {
    /// A user with these attributes, and nothing else.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] if `attributes` is not an object.
    pub fn new(attributes: &Value) -> Result<Self> {
        if !attributes.is_object() {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                "context.attributes must be an object".to_owned(),
            ));
        }
        Ok(Self {
            attributes: attributes.clone(),
            ..Self::default()
        })
    }

    /// Reads `{"attributes", "now"?, "sticky"?, "forced"?, "forced_features"?, "url"?,
    /// "enabled"?, "qa_mode"?, "random"?, "explain"?}`.
    ///
    /// `sticky` is a list of GrowthBook's documents
    /// `{"attributeName", "attributeValue", "assignments": {"experiment__version": key}}`;
    /// `forced` maps experiments to places or keys of variations.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for a name that is not known or a value of a wrong type,
    /// [`ErrorKind::InvalidTimestamp`] for `now` beyond the years 1 to 9999.
    pub fn from_json(value: &Value) -> Result<Self> {
        let fields = Fields::new(
            "context",
            value,
            &[
                "attributes",
                "now",
                "sticky",
                "forced",
                "forced_features",
                "url",
                "enabled",
                "qa_mode",
                "random",
                "explain",
            ],
        )?;
        let object = |name: &str| match fields.get(name) {
            None => Ok(Map::new()),
            Some(Value::Object(map)) => Ok(map.clone()),
            Some(other) => Err(fields.wrong(name, other, "it must be an object")),
        };
        let mut forced = BTreeMap::new();
        for (key, value) in object("forced")? {
            let choice = match &value {
                Value::String(text) => Forced::Key(text.clone()),
                Value::Number(n) => n.as_u64().map_or(Forced::Nothing, Forced::Index),
                other => {
                    return Err(fields.wrong(
                        "forced",
                        other,
                        "a variation is forced by its place or its key",
                    ));
                }
            };
            forced.insert(key, choice);
        }
        Ok(Self {
            attributes: Value::Object(object("attributes")?),
            now: match fields.get("now") {
                None => None,
                Some(value) => Some(time(value)?),
            },
            sticky: fields.get("sticky").map(Sticky::from_json).transpose()?,
            forced,
            forced_features: object("forced_features")?,
            url: fields.text("url")?.map(str::to_owned),
            enabled: fields.bool("enabled", true)?,
            qa_mode: fields.bool("qa_mode", false)?,
            random: fields.text("random")?.map(str::to_owned),
            explain: fields.bool("explain", false)?,
        })
    }
}

fn time(value: &Value) -> Result<i64> {
    let number = value.as_f64().unwrap_or(f64::NAN);
    crate::event::timestamp_from_number("context.now", number)
}

/// What a unit is hashed by.
#[derive(Clone, Copy, Debug)]
pub(super) enum Unit<'a> {
    Text(&'a str),
    Json(&'a Value),
    /// No such attribute, or an empty one.
    None,
}

impl<'a> Unit<'a> {
    /// The text that is hashed.
    pub(super) fn text(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Text(text) => Some(Cow::Borrowed(text)),
            Self::Json(value) => condition::text_of(value),
            Self::None => None,
        }
    }

    /// The text under which sticky documents keep the value: that of a list or an object is JSON.
    pub(super) fn sticky_text(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Json(value) if value.is_array() || value.is_object() => {
                Some(Cow::Owned(value.to_string()))
            }
            other => other.text(),
        }
    }

    pub(super) fn to_json(self) -> Value {
        match self {
            Self::Text(text) => text.into(),
            Self::Json(value) => value.clone(),
            Self::None => Value::Null,
        }
    }
}

/// The attributes of who asks: an object, or nothing but the unit of the experiment.
#[derive(Clone, Copy, Debug)]
pub(super) enum Attributes<'a> {
    Object(&'a Value),
    /// The value of any attribute that an experiment hashes.
    Id(&'a str),
}

impl<'a> Attributes<'a> {
    /// The attribute, unless it is missing, null, `false`, 0 or empty.
    #[inline]
    pub(super) fn unit(self, name: &str) -> Unit<'a> {
        match self {
            Self::Id("") => Unit::None,
            Self::Id(id) => Unit::Text(id),
            Self::Object(object) => match object.get(name) {
                Some(Value::String(text)) if !text.is_empty() => Unit::Text(text),
                Some(value) if condition::is_truthy(value) => Unit::Json(value),
                _ => Unit::None,
            },
        }
    }

    /// The object that conditions look at; `name` is the attribute that a lone id stands for.
    pub(super) fn object(self, name: &str) -> Cow<'a, Value> {
        match self {
            Self::Object(object) => Cow::Borrowed(object),
            Self::Id(id) => Cow::Owned(Value::Object(Map::from_iter([(
                name.to_owned(),
                Value::String(id.to_owned()),
            )]))),
        }
    }
}
