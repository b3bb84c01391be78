//! Where in a condition something is, the messages that name it, and the bounds on the whole.

use super::{MAX_DEPTH, MAX_NODES};
use crate::error::{Error, ErrorKind, Result, shown};
use serde_json::Value;
use std::fmt::{self, Write};

/// Where in the condition something is, kept on the stack and written out only for an error.
pub(super) struct At<'a> {
    parent: Option<&'a At<'a>>,
    step: Step<'a>,
}

enum Step<'a> {
    Root,
    Key(&'a str),
    Index(usize),
}

impl At<'_> {
    pub(super) const ROOT: At<'static> = At {
        parent: None,
        step: Step::Root,
    };

    pub(super) fn key<'a>(&'a self, key: &'a str) -> At<'a> {
        At {
            parent: Some(self),
            step: Step::Key(key),
        }
    }

    pub(super) fn index(&self, index: usize) -> At<'_> {
        At {
            parent: Some(self),
            step: Step::Index(index),
        }
    }
}

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            parent.fmt(f)?;
        }
        match self.step {
            Step::Root => f.write_char('$'),
            Step::Index(index) => write!(f, "[{index}]"),
            Step::Key(key) if key.len() <= 64 && !key.contains(char::is_control) => {
                write!(f, ".{key}")
            }
            Step::Key(key) => write!(f, "[{}]", shown(key)),
        }
    }
}

pub(super) fn error(at: &At<'_>, message: impl fmt::Display) -> Error {
    Error::new(ErrorKind::InvalidCondition, format!("{at}: {message}"))
}

/// The value as a message shows it.
pub(super) fn describe(value: &Value) -> String {
    match value {
        Value::String(s) => shown(s),
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        scalar => scalar.to_string(),
    }
}

/// Refuses a condition that is nested too deep or has too many values, so that all other
/// functions of the module can recurse over it freely.
pub(super) fn check_size(condition: &Value) -> Result<()> {
    check(condition, &At::ROOT, 1, &mut 0)
}

fn check(value: &Value, at: &At<'_>, depth: usize, count: &mut usize) -> Result<()> {
    *count += 1;
    if *count > MAX_NODES {
        let rule = format!("the condition has more than {MAX_NODES} JSON values");
        return Err(error(at, rule));
    }
    if depth > MAX_DEPTH && (value.is_array() || value.is_object()) {
        return Err(error(
            at,
            format!("the condition is nested deeper than {MAX_DEPTH} levels"),
        ));
    }
    match value {
        Value::Array(items) => items
            .iter()
            .enumerate()
            .try_for_each(|(i, item)| check(item, &at.index(i), depth + 1, count)),
        Value::Object(map) => map
            .iter()
            .try_for_each(|(key, item)| check(item, &at.key(key), depth + 1, count)),
        _ => Ok(()),
    }
}
