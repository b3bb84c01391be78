//! Typed values of attributes.

use serde_json::{Value as Json, json};

use crate::error::{Error, ErrorKind, Result, shown};
use crate::event::timestamp_from_number;

/// The longest text of one attribute, in bytes.
const MAX_TEXT_BYTES: usize = 1 << 20;
/// The most tags of one attribute of one item.
const MAX_TAGS: usize = 4096;

/// The type of an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum AttributeType {
    /// A text.
    Text,
    /// A list of texts.
    Tags,
    /// A finite number.
    Number,
    /// True or false.
    Bool,
    /// Unix milliseconds.
    Time,
    /// A latitude and a longitude in degrees.
    Place,
}

impl AttributeType {
    /// The name as a schema has it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Tags => "tags",
            Self::Number => "number",
            Self::Bool => "bool",
            Self::Time => "time",
            Self::Place => "place",
        }
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        [
            Self::Text,
            Self::Tags,
            Self::Number,
            Self::Bool,
            Self::Time,
            Self::Place,
        ]
        .into_iter()
        .find(|kind| kind.as_str() == name)
    }

    pub(crate) fn infer(name: &str, value: &Json) -> Result<Self> {
        match value {
            Json::String(_) => Ok(Self::Text),
            Json::Array(_) => Ok(Self::Tags),
            Json::Number(_) => Ok(Self::Number),
            Json::Bool(_) => Ok(Self::Bool),
            Json::Object(fields) if fields.contains_key("lat") && fields.contains_key("lon") => {
                Ok(Self::Place)
            }
            _ => Err(Error::new(
                ErrorKind::InvalidAttribute,
                format!(
                    "attribute {name} is {}; a value is a text, a list of texts, a number, a boolean or {{lat, lon}}",
                    shown(&value.to_string())
                ),
            )),
        }
    }
}

/// One attribute of one item.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// A text.
    Text(String),
    /// Texts in the order given; conditions see them as an array.
    Tags(Vec<String>),
    /// A finite number.
    Number(f64),
    /// True or false.
    Bool(bool),
    /// Unix milliseconds; conditions see a number.
    Time(i64),
    /// Degrees; conditions see `{lat, lon}`.
    Place {
        /// Latitude, −90 to 90.
        lat: f64,
        /// Longitude, −180 to 180.
        lon: f64,
    },
}

impl Value {
    pub(crate) fn from_json(name: &str, kind: AttributeType, value: &Json) -> Result<Self> {
        let wrong = |rule: &str| {
            Error::new(
                ErrorKind::InvalidAttribute,
                format!("attribute {name} is {}; {rule}", shown(&value.to_string())),
            )
        };
        let text = |value: &Json| match value {
            Json::String(s) if s.len() <= MAX_TEXT_BYTES => Some(s.clone()),
            _ => None,
        };
        match kind {
            AttributeType::Text => text(value)
                .map(Self::Text)
                .ok_or_else(|| wrong("its type is text, at most 1 MiB")),
            AttributeType::Tags => value
                .as_array()
                .filter(|list| list.len() <= MAX_TAGS)
                .and_then(|list| list.iter().map(text).collect::<Option<Vec<_>>>())
                .map(Self::Tags)
                .ok_or_else(|| wrong("its type is tags, a list of at most 4096 texts")),
            AttributeType::Number => value
                .as_f64()
                .filter(|n| n.is_finite())
                .map(Self::Number)
                .ok_or_else(|| wrong("its type is number, and finite")),
            AttributeType::Bool => value
                .as_bool()
                .map(Self::Bool)
                .ok_or_else(|| wrong("its type is bool")),
            AttributeType::Time => {
                let number = value
                    .as_f64()
                    .ok_or_else(|| wrong("its type is time, in Unix milliseconds"))?;
                timestamp_from_number(name, number)
                    .map(Self::Time)
                    .map_err(|_| {
                        wrong("its type is time: whole Unix milliseconds, years 1 to 9999")
                    })
            }
            AttributeType::Place => {
                let field = |key: &str, limit: f64| {
                    value
                        .get(key)
                        .and_then(Json::as_f64)
                        .filter(|degrees| degrees.abs() <= limit)
                };
                match (
                    field("lat", 90.0),
                    field("lon", 180.0),
                    value.as_object().map_or(0, serde_json::Map::len),
                ) {
                    (Some(lat), Some(lon), 2) => Ok(Self::Place { lat, lon }),
                    _ => Err(wrong(
                        "its type is place: lat from -90 to 90 and lon from -180 to 180, nothing else",
                    )),
                }
            }
        }
    }

    /// The value as conditions and answers show it.
    #[must_use]
    pub fn to_json(&self) -> Json {
        match self {
            Self::Text(text) => json!(text),
            Self::Tags(tags) => json!(tags),
            Self::Number(number) => json!(number),
            Self::Bool(flag) => json!(flag),
            Self::Time(time) => json!(*time as f64),
            Self::Place { lat, lon } => json!({"lat": lat, "lon": lon}),
        }
    }
}
