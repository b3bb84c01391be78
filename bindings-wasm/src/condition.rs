//! The predicate language on plain objects.

use tastemaker::condition::Condition;
use tastemaker::{Error, ErrorKind};
use wasm_bindgen::prelude::*;

use crate::error::{Result, thrown};
use crate::json;

/// Whether `attributes` satisfy `condition`; `groups` are the named lists of `$inGroup`.
#[wasm_bindgen(js_name = matchesCondition)]
pub fn matches_condition(
    condition: &str,
    attributes: &str,
    groups: Option<String>,
    lenient: bool,
) -> Result<bool> {
    let condition = json::parse(condition, ErrorKind::InvalidCondition)?;
    let attributes = json::parse(attributes, ErrorKind::InvalidAttribute)?;
    let parse = if lenient {
        Condition::parse_lenient
    } else {
        Condition::parse
    };
    let condition = parse(&condition).map_err(thrown)?;
    match groups {
        None => Ok(condition.matches(&attributes)),
        Some(groups) => {
            let groups = json::parse(&groups, ErrorKind::InvalidArgument)?;
            let groups = groups.as_object().ok_or_else(|| {
                thrown(Error::new(
                    ErrorKind::InvalidArgument,
                    "groups must be an object of lists",
                ))
            })?;
            Ok(condition.matches_with_groups(&attributes, groups))
        }
    }
}
