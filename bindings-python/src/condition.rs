//! Conditions: the predicate language of filters.

use pyo3::prelude::*;
use tastemaker::ErrorKind;
use tastemaker::condition::Condition;
use tastemaker::json::Value;

use crate::error::{attached, invalid};
use crate::json::{self, Purpose};

/// True if `attributes` satisfy `condition`. `groups` gives the lists that `$inGroup` names.
/// `lenient` takes an unknown operator as false instead of refusing the condition.
#[pyfunction]
#[pyo3(signature = (condition, attributes, groups=None, lenient=false))]
pub(crate) fn matches_condition(
    py: Python<'_>,
    condition: &Bound<'_, PyAny>,
    attributes: &Bound<'_, PyAny>,
    groups: Option<&Bound<'_, PyAny>>,
    lenient: bool,
) -> PyResult<bool> {
    let condition = json::to_json(
        condition,
        Purpose {
            kind: ErrorKind::InvalidCondition,
            name: "condition",
        },
    )?;
    let attributes = json::to_json(
        attributes,
        Purpose {
            kind: ErrorKind::InvalidAttribute,
            name: "attributes",
        },
    )?;
    let groups = groups
        .map(|groups| {
            json::to_json(
                groups,
                Purpose {
                    kind: ErrorKind::InvalidArgument,
                    name: "groups",
                },
            )
        })
        .transpose()?;
    let groups = match groups {
        None => None,
        Some(Value::Object(groups)) => Some(groups),
        Some(_) => {
            return Err(invalid(
                py,
                ErrorKind::InvalidArgument,
                "groups is a dictionary from name to list",
            ));
        }
    };
    attached(py, || {
        let parsed = if lenient {
            Condition::parse_lenient(&condition)?
        } else {
            Condition::parse(&condition)?
        };
        Ok(match &groups {
            Some(groups) => parsed.matches_with_groups(&attributes, groups),
            None => parsed.matches(&attributes),
        })
    })
}
