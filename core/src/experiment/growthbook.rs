//! GrowthBook's payload: what its API gives to SDKs, read as its SDKs read it. What they ignore
//! is ignored, what they take for false is false; only what is beyond a limit is an error.

use super::answer::Reason;
use super::feature::{Does, Feature, Forcing, Rollout, Rule};
use super::hash::Hasher;
use super::plan::{Arm, Bandit, Gate, Leaf, Parent, Plan, State, check_arms};
use super::share::{Range, equal_weights, growthbook_ranges, loose};
use crate::condition::{Condition, is_truthy, text_of};
use crate::error::{Error, ErrorKind, Result, shown};
use serde_json::{Map, Value};

/// Fields that a rule gives to its experiment, and the name under which `definition` repeats
/// them.
const COPIED: &[&str] = &[
    "coverage",
    "weights",
    "hashAttribute",
    "fallbackAttribute",
    "disableStickyBucketing",
    "bucketVersion",
    "minBucketVersion",
    "namespace",
    "meta",
    "ranges",
    "name",
    "phase",
    "seed",
    "hashVersion",
    "filters",
    "condition",
];

/// The member, unless it is missing or what JavaScript takes for false.
fn truthy<'a>(map: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    map.get(name).filter(|value| is_truthy(value))
}

fn text(map: &Map<String, Value>, name: &str) -> Option<String> {
    truthy(map, name).and_then(|value| text_of(value).map(std::borrow::Cow::into_owned))
}

fn list<'a>(map: &'a Map<String, Value>, name: &str) -> Option<&'a [Value]> {
    truthy(map, name)
        .and_then(Value::as_array)
        .map(Vec::as_slice)
}

/// A whole number; 0 for anything else.
fn whole(map: &Map<String, Value>, name: &str) -> u64 {
    let number = map.get(name).and_then(Value::as_f64);
    number.filter(|n| *n >= 1.0).map_or(0, |n| n as u64)
}

fn hasher(map: &Map<String, Value>, default: u64, salt: &str) -> Hasher {
    let version = match truthy(map, "hashVersion") {
        None => Some(default),
        Some(value) => value
            .as_f64()
            .filter(|n| *n == 1.0 || *n == 2.0)
            .map(|n| n as u64),
    };
    Hasher::growthbook(version, salt)
}

fn condition(map: &Map<String, Value>, what: &str) -> Result<Option<Condition>> {
    truthy(map, "condition")
        .map(|value| Condition::parse_lenient(value).map_err(|e| e.context(what)))
        .transpose()
}

/// A pair of shares, `[from, to]`.
fn pair(value: &Value) -> (f64, f64) {
    (loose(value.get(0)), loose(value.get(1)))
}

pub(super) fn parents(map: &Map<String, Value>, what: &str) -> Result<Vec<Parent>> {
    let given = list(map, "parentConditions").unwrap_or_default();
    given
        .iter()
        .map(|parent| {
            let empty = Value::Object(Map::new());
            let condition = parent.get("condition").filter(|c| is_truthy(c));
            Ok(Parent {
                feature: parent
                    .get("id")
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned(),
                condition: Condition::parse_lenient(condition.unwrap_or(&empty))
                    .map_err(|e| e.context(format!("{what}.parentConditions")))?,
                gate: parent.get("gate").is_some_and(is_truthy),
            })
        })
        .collect()
}

fn filters(given: &[Value]) -> Vec<Gate> {
    let none = Map::new();
    given
        .iter()
        .map(|filter| {
            let filter = filter.as_object().unwrap_or(&none);
            let salt = filter.get("seed").and_then(text_of).unwrap_or_default();
            let hasher = hasher(filter, 2, &salt);
            let buckets = hasher.buckets();
            let ranges = list(filter, "ranges").unwrap_or_default().iter();
            let ranges = ranges.map(|value| {
                let (from, to) = pair(value);
                Range::compared(from, to, buckets)
            });
            Gate {
                attribute: Some(text(filter, "attribute").unwrap_or_else(|| "id".to_owned())),
                ranges: ranges.collect(),
                hasher,
                inside: true,
                reason: Reason::Filter,
            }
        })
        .collect()
}

/// A namespace hashes the experiment's own unit by version 1, with a salt after `__`.
fn namespace(given: &Value) -> Gate {
    let name = given.get(0).and_then(text_of).unwrap_or_default();
    let hasher = Hasher::growthbook(Some(1), &format!("__{name}"));
    let (from, to) = (loose(given.get(1)), loose(given.get(2)));
    Gate {
        attribute: None,
        ranges: vec![Range::compared(from, to, hasher.buckets())],
        hasher,
        inside: true,
        reason: Reason::Namespace,
    }
}

/// Weights that are a list of numbers.
fn numbers(value: Option<&Value>) -> Option<Vec<f64>> {
    let list = value?.as_array()?;
    Some(list.iter().map(|weight| loose(Some(weight))).collect())
}

/// Compiles an experiment of the payload, or of a rule.
pub(super) fn plan(
    key: &str,
    map: &Map<String, Value>,
    variations: &[Value],
    bandits: Option<&Map<String, Value>>,
) -> Result<Plan> {
    check_arms(key, variations.len())?;
    let what = format!("experiments.{}", shown(key));
    let metas = list(map, "meta").unwrap_or_default();
    let arms = variations.iter().enumerate().map(|(i, value)| {
        let none = Map::new();
        let meta = metas.get(i).and_then(Value::as_object).unwrap_or(&none);
        let given = text(meta, "key");
        Arm {
            keyed: given.is_some(),
            key: given.unwrap_or_else(|| i.to_string()),
            name: text(meta, "name"),
            value: value.clone(),
            passthrough: truthy(meta, "passthrough").is_some(),
        }
    });
    let arms: Vec<Arm> = arms.collect();
    let salt = text(map, "seed").unwrap_or_else(|| key.to_owned());
    let hasher = hasher(map, 1, &salt);
    let buckets = hasher.buckets();
    let coverage = match map.get("coverage") {
        None => 1.0,
        given => loose(given),
    };
    let compile = |shares: &[(f64, f64)]| -> Vec<Range> {
        let ranges = shares.iter();
        ranges
            .map(|&(from, to)| Range::compared(from, to, buckets))
            .collect()
    };
    let weights = numbers(map.get("weights"));
    let shares: Vec<(f64, f64)> = match list(map, "ranges") {
        Some(ranges) => ranges.iter().map(pair).collect(),
        None => growthbook_ranges(arms.len(), coverage, weights.as_deref()),
    };
    let gates = match (list(map, "filters"), truthy(map, "namespace")) {
        (Some(given), _) => filters(given),
        (None, Some(given)) => vec![namespace(given)],
        (None, None) => Vec::new(),
    };
    let bandit = bandits
        .zip(text(map, "contextualBanditRef"))
        .and_then(|(bandits, name)| bandits.get(&name))
        .and_then(Value::as_object)
        .map(|bandit| {
            let mut leaves = Vec::new();
            for given in list(bandit, "contexts").unwrap_or_default() {
                let empty = Value::Object(Map::new());
                let condition = given.get("condition").filter(|c| is_truthy(c));
                let weights = numbers(given.get("weights"));
                // Ranges that the rule gives take the place of all weights.
                let ranges = match list(map, "ranges") {
                    Some(_) => compile(&shares),
                    None => compile(&growthbook_ranges(arms.len(), coverage, weights.as_deref())),
                };
                leaves.push(Leaf {
                    id: given.get("leafId").cloned().unwrap_or(Value::Null),
                    condition: Condition::parse_lenient(condition.unwrap_or(&empty))
                        .map_err(|e| e.context(format!("{what}: contextual bandit")))?,
                    weights: given.get("weights").cloned().unwrap_or(Value::Null),
                    ranges,
                });
            }
            Ok::<_, Error>(Bandit {
                version: bandit.get("banditVersion").cloned(),
                leaves,
                weights: truthy(map, "weights")
                    .cloned()
                    .unwrap_or_else(|| equal_weights(arms.len()).into()),
            })
        })
        .transpose()?;
    let state = match map.get("status").and_then(Value::as_str) {
        _ if truthy(map, "urlPatterns").is_some() || truthy(map, "url").is_some() => {
            State::UrlTargeting
        }
        Some("draft") => State::Inactive,
        _ if map.get("active") == Some(&Value::Bool(false)) => State::Inactive,
        Some("stopped") => State::Stopped,
        _ => State::Running,
    };
    let force = map.get("force").map(|value| {
        let place = value.as_f64().filter(|n| *n >= 0.0 && *n == n.trunc());
        place.map_or(usize::MAX, |n| n as usize)
    });
    let mut definition = Map::new();
    for name in COPIED {
        if let Some(value) = map.get(*name) {
            definition.insert((*name).to_owned(), value.clone());
        }
    }
    definition.insert("key".to_owned(), key.into());
    definition.insert("variations".to_owned(), variations.into());
    Ok(Plan {
        key: key.to_owned(),
        attribute: text(map, "hashAttribute").unwrap_or_else(|| "id".to_owned()),
        fallback: text(map, "fallbackAttribute"),
        ranges: compile(&shares),
        shares,
        arms,
        hasher,
        gates,
        coverage: None,
        condition: condition(map, &what)?,
        parents: Vec::new(),
        force,
        state,
        bucket_version: whole(map, "bucketVersion"),
        min_bucket_version: whole(map, "minBucketVersion"),
        sticky: truthy(map, "disableStickyBucketing").is_none(),
        bandit,
        definition: Some(Value::Object(definition)),
    })
}

/// Compiles a feature.
pub(super) fn feature(
    key: &str,
    value: &Value,
    bandits: Option<&Map<String, Value>>,
) -> Result<Feature> {
    let none = Map::new();
    let map = value.as_object().unwrap_or(&none);
    let mut rules = Vec::new();
    for (i, given) in list(map, "rules").unwrap_or_default().iter().enumerate() {
        let what = format!("features.{}.rules[{i}]", shown(key));
        let Some(given) = given.as_object() else {
            continue;
        };
        rules.push(rule(key, given, bandits).map_err(|error| error.context(what))?);
    }
    Ok(Feature {
        default: map.get("defaultValue").cloned().unwrap_or(Value::Null),
        rules,
    })
}

fn rule(
    feature: &str,
    map: &Map<String, Value>,
    bandits: Option<&Map<String, Value>>,
) -> Result<Rule> {
    // `variations` stands in for `contextualVariations`, which older SDKs do not know.
    let variations = match map.get("contextualVariations").filter(|v| !v.is_null()) {
        Some(value) => value.as_array(),
        None => map.get("variations").and_then(Value::as_array),
    };
    let does = if let Some(value) = map.get("force") {
        Does::Force(Box::new(Forcing {
            value: value.clone(),
            condition: condition(map, "condition")?,
            rollout: rollout(feature, map),
        }))
    } else if let Some(variations) = variations {
        let key = text(map, "key").unwrap_or_else(|| feature.to_owned());
        // A rule has no states and no forced variation; its parents were asked before.
        let known = map.iter().filter(|(name, _)| {
            COPIED.contains(&name.as_str()) || name.as_str() == "contextualBanditRef"
        });
        let known: Map<String, Value> = known
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        Does::Experiment(Box::new(plan(&key, &known, variations, bandits)?))
    } else {
        Does::Nothing
    };
    Ok(Rule {
        id: text(map, "id").unwrap_or_default(),
        parents: parents(map, "rule")?,
        gates: filters(list(map, "filters").unwrap_or_default()),
        does,
    })
}

fn rollout(feature: &str, map: &Map<String, Value>) -> Option<Rollout> {
    let range = truthy(map, "range");
    if range.is_none() && map.get("coverage").is_none() {
        return None;
    }
    let salt = text(map, "seed").unwrap_or_else(|| feature.to_owned());
    let hasher = hasher(map, 1, &salt);
    let buckets = hasher.buckets();
    let range = match range {
        Some(range) => {
            let (from, to) = pair(range);
            Range::compared(from, to, buckets)
        }
        None => match loose(map.get("coverage")) {
            // Nobody, though bucket 0 is not above 0.
            0.0 => Range { start: 0, end: 0 },
            share => Range::up_to(share, buckets),
        },
    };
    let sticky = truthy(map, "disableStickyBucketing").is_none();
    Some(Rollout {
        attribute: text(map, "hashAttribute").unwrap_or_else(|| "id".to_owned()),
        fallback: text(map, "fallbackAttribute").filter(|_| sticky),
        hasher,
        range,
    })
}

/// A member of the payload that must be an object, if it is there.
pub(super) fn object<'a>(
    payload: &'a Map<String, Value>,
    name: &str,
) -> Result<Option<&'a Map<String, Value>>> {
    match payload.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(map)) => Ok(Some(map)),
        Some(other) => Err(Error::new(
            ErrorKind::InvalidArgument,
            format!(
                "payload.{name} is {}; it must be an object",
                shown(&other.to_string())
            ),
        )),
    }
}
