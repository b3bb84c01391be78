//! Requests: arguments by their names to the core's JSON.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMapping, PyString};
use tastemaker::ErrorKind;
use tastemaker::json::{Map, Value};

use crate::error::invalid;
use crate::ids;
use crate::json::{self, Purpose};
use crate::time;

/// A request of the arguments in a dictionary; `None` is left out.
pub(crate) fn from_dict(given: &Bound<'_, PyDict>) -> PyResult<Value> {
    let mut fields = Map::new();
    for (name, value) in given.iter() {
        let name = name.extract::<String>()?;
        set(&mut fields, &name, Some(&value))?;
    }
    Ok(Value::Object(fields))
}

/// Puts an argument into a request; what its name says decides how it is read.
pub(crate) fn set(
    fields: &mut Map<String, Value>,
    name: &str,
    value: Option<&Bound<'_, PyAny>>,
) -> PyResult<()> {
    let Some(value) = value.filter(|value| !value.is_none()) else {
        return Ok(());
    };
    let kind = match name {
        "filter" => ErrorKind::InvalidCondition,
        _ => ErrorKind::InvalidArgument,
    };
    let value = match name {
        "user_id" | "item_id" => Value::String(ids::to_text(name, value)?.into_owned()),
        "allow" | "deny" | "item_ids" => Value::from(ids::to_texts(name, value)?),
        "history" => events(value)?,
        "members" => members(value)?,
        "now" => Value::from(time::millis(name, value)?),
        _ => json::to_json(value, Purpose { kind, name })?,
    };
    fields.insert(name.to_owned(), value);
    Ok(())
}

/// The members of a group as JSON: dictionaries of a member's fields, or user ids alone.
fn members(given: &Bound<'_, PyAny>) -> PyResult<Value> {
    if given.cast::<PyString>().is_ok() {
        let message = "members is one text; it is a list of members";
        return Err(invalid(given.py(), ErrorKind::InvalidArgument, message));
    }
    let mut list = Vec::new();
    for row in given.try_iter()? {
        let row = row?;
        let mut fields = Map::new();
        if let Ok(mapping) = row.cast::<PyMapping>() {
            for pair in mapping.items()?.iter() {
                let (name, value) = pair.extract::<(String, Bound<'_, PyAny>)>()?;
                if name == "weight" && value.is_none() {
                    fields.insert(name, Value::Null);
                } else {
                    set(&mut fields, &name, Some(&value))?;
                }
            }
        } else {
            set(&mut fields, "user_id", Some(&row))?;
        }
        list.push(Value::Object(fields));
    }
    Ok(Value::Array(list))
}

/// A history as JSON: dictionaries of an event's fields, or item ids alone.
fn events(history: &Bound<'_, PyAny>) -> PyResult<Value> {
    let mut list = Vec::new();
    for row in history.try_iter()? {
        list.push(entry(&row?)?);
    }
    Ok(Value::Array(list))
}

fn entry(row: &Bound<'_, PyAny>) -> PyResult<Value> {
    let mut fields = Map::new();
    let Ok(mapping) = row.cast::<PyMapping>() else {
        fields.insert(
            "item_id".to_owned(),
            Value::String(ids::to_text("history", row)?.into_owned()),
        );
        return Ok(Value::Object(fields));
    };
    for pair in mapping.items()?.iter() {
        let (name, value) = pair.extract::<(String, Bound<'_, PyAny>)>()?;
        let value = match name.as_str() {
            "item_id" => Value::String(ids::to_text("history.item_id", &value)?.into_owned()),
            "timestamp" if value.is_none() => Value::Null,
            "timestamp" => Value::from(time::millis("history.timestamp", &value)?),
            "weight" => {
                // A weight that is not finite has no JSON form: null, which the core refuses.
                let weight = value.extract::<f64>().ok();
                weight.map_or_else(
                    || json::to_json(&value, WEIGHT),
                    |weight| Ok(Value::from(weight)),
                )?
            }
            _ => json::to_json(
                &value,
                Purpose {
                    kind: ErrorKind::InvalidArgument,
                    name: "history",
                },
            )?,
        };
        fields.insert(name, value);
    }
    Ok(Value::Object(fields))
}

const WEIGHT: Purpose<'_> = Purpose {
    kind: ErrorKind::InvalidWeight,
    name: "history.weight",
};
