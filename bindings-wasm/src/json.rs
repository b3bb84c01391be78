//! JSON text in and out: how options, conditions, attributes and explained answers cross.

use serde::Serialize;
use tastemaker::json::Value;
use tastemaker::{Error, ErrorKind};

use crate::error::{Result, thrown};

/// Parses text that the façade wrote; `kind` is what a failure (too deep a nesting) means there.
pub(crate) fn parse(text: &str, kind: ErrorKind) -> Result<Value> {
    tastemaker::json::from_str(text)
        .map_err(|error| thrown(Error::new(kind, format!("not usable as JSON: {error}"))))
}

/// Writes a value as JSON text.
pub(crate) fn write(value: &impl Serialize) -> Result<String> {
    tastemaker::json::to_string(value)
        .map_err(|error| thrown(Error::new(ErrorKind::Internal, error.to_string())))
}
