//! Constraints of strategies and segments.

use super::compare::{Network, Version, time};
use crate::condition::{number_of, text_of};
use crate::experiment::Context;
use regex_lite::{Regex, RegexBuilder};
use serde_json::Value;
use std::borrow::Cow;
use std::cmp::Ordering;

/// The longest pattern that is compiled, in bytes.
const MAX_PATTERN_BYTES: usize = 4096;
/// The memory that one pattern may take, in bytes.
const PATTERN_SIZE_LIMIT: usize = 512 * 1024;

/// One constraint.
#[derive(Debug)]
pub(super) struct Constraint {
    field: String,
    inverted: bool,
    test: Test,
}

#[derive(Debug)]
enum Test {
    /// An operator that is not known, or a pattern that does not compile: false, inverted or not.
    Never,
    In(Vec<String>),
    NotIn(Vec<String>),
    Text {
        values: Vec<String>,
        place: Place,
        ignore_case: bool,
    },
    Number(fn(Ordering) -> bool, f64),
    Version(fn(Ordering) -> bool, Option<Version>),
    Time(fn(Ordering) -> bool, Option<i64>),
    Regex(Regex),
    Networks(Vec<Network>),
}

#[derive(Clone, Copy, Debug)]
enum Place {
    Start,
    End,
    Anywhere,
}

impl Constraint {
    pub(super) fn new(given: &Value) -> Self {
        let text = |name: &str| given.get(name).and_then(text_of).unwrap_or_default();
        let flag = |name: &str| given.get(name) == Some(&Value::Bool(true));
        let values = || -> Vec<String> {
            let list = given.get("values").and_then(Value::as_array);
            let texts = list.into_iter().flatten().filter_map(text_of);
            texts.map(Cow::into_owned).collect()
        };
        let value = text("value");
        let ignore_case = flag("caseInsensitive");
        let strings = |place: Place| Test::Text {
            values: values()
                .into_iter()
                .map(|v| if ignore_case { v.to_lowercase() } else { v })
                .collect(),
            place,
            ignore_case,
        };
        let number = |admits| Test::Number(admits, number_of(&value));
        let version = |admits| Test::Version(admits, Version::parse(&value));
        let test = match &*text("operator") {
            "IN" => Test::In(values()),
            "NOT_IN" => Test::NotIn(values()),
            "STR_STARTS_WITH" => strings(Place::Start),
            "STR_ENDS_WITH" => strings(Place::End),
            "STR_CONTAINS" => strings(Place::Anywhere),
            "NUM_EQ" => number(Ordering::is_eq),
            "NUM_GT" => number(Ordering::is_gt),
            "NUM_GTE" => number(Ordering::is_ge),
            "NUM_LT" => number(Ordering::is_lt),
            "NUM_LTE" => number(Ordering::is_le),
            "SEMVER_EQ" => version(Ordering::is_eq),
            "SEMVER_GT" => version(Ordering::is_gt),
            "SEMVER_GTE" => version(Ordering::is_ge),
            "SEMVER_LT" => version(Ordering::is_lt),
            "SEMVER_LTE" => version(Ordering::is_le),
            "DATE_AFTER" => Test::Time(Ordering::is_gt, time(&value)),
            "DATE_BEFORE" => Test::Time(Ordering::is_lt, time(&value)),
            "REGEX" if value.len() <= MAX_PATTERN_BYTES => RegexBuilder::new(&value)
                .case_insensitive(ignore_case)
                .size_limit(PATTERN_SIZE_LIMIT)
                .build()
                .map_or(Test::Never, Test::Regex),
            "IN_CIDR" => Test::Networks(
                values()
                    .iter()
                    .filter_map(|value| Network::parse(value.trim()))
                    .collect(),
            ),
            _ => Test::Never,
        };
        Self {
            field: text("contextName").into_owned(),
            inverted: flag("inverted"),
            test,
        }
    }

    pub(super) fn holds(&self, context: &Context) -> bool {
        let value = field(context, &self.field);
        let value = value.as_deref();
        let plain = match &self.test {
            Test::Never => return false,
            Test::In(values) => value.is_some_and(|v| values.iter().any(|w| w == v)),
            Test::NotIn(values) => !value.is_some_and(|v| values.iter().any(|w| w == v)),
            Test::Text {
                values,
                place,
                ignore_case,
            } => value.is_some_and(|value| {
                let lower;
                let value = if *ignore_case {
                    lower = value.to_lowercase();
                    lower.as_str()
                } else {
                    value
                };
                values.iter().any(|part| match place {
                    Place::Start => value.starts_with(part.as_str()),
                    Place::End => value.ends_with(part.as_str()),
                    Place::Anywhere => value.contains(part.as_str()),
                })
            }),
            Test::Number(admits, wanted) => value
                .and_then(|v| number_of(v).partial_cmp(wanted))
                .is_some_and(admits),
            Test::Version(admits, wanted) => value
                .and_then(Version::parse)
                .zip(wanted.as_ref())
                .is_some_and(|(v, wanted)| admits(v.compare(wanted))),
            Test::Time(admits, wanted) => {
                let now = match value {
                    Some(text) => time(text),
                    None => context.now.filter(|_| self.field == "currentTime"),
                };
                now.zip(*wanted)
                    .is_some_and(|(now, wanted)| admits(now.cmp(&wanted)))
            }
            Test::Regex(regex) => value.is_some_and(|v| regex.is_match(v)),
            Test::Networks(networks) => value
                .and_then(|v| v.trim().parse().ok())
                .is_some_and(|address| networks.iter().any(|n| n.contains(address))),
        };
        plain != self.inverted
    }
}

/// The value of a context field: an attribute, or one of its `properties`.
pub(super) fn field<'a>(context: &'a Context, name: &str) -> Option<Cow<'a, str>> {
    let own = context.attributes.get(name).filter(|v| !v.is_null());
    let value = own.or_else(|| context.attributes.get("properties")?.get(name));
    value.and_then(text_of)
}
