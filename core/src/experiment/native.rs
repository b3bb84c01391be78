//! Our own definitions, read strictly: every name known, every share in range.

use super::answer::Reason;
use super::hash::{BUCKETS_3, Hasher};
use super::plan::{Arm, Coverage, Gate, Plan, State, check_arms};
use super::share::{Range, bounds, equal_weights};
use crate::condition::Condition;
use crate::error::{Error, ErrorKind, Result, shown};
use crate::fields::Fields;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A layer: experiments in it share its units without overlap.
struct Layer {
    salt: String,
    holdout: Option<Gate>,
    /// The slices of the active experiments that have been read.
    taken: Vec<(String, Range)>,
    /// The attribute that they all hash.
    unit: Option<String>,
}

fn wrong(message: String) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}

/// Reads `{"experiments", "layers"?, "holdout"?, "groups"?}`; the groups go to the caller.
pub(super) fn plans(payload: &Value) -> Result<(Vec<Plan>, Map<String, Value>)> {
    let fields = Fields::new(
        "payload",
        payload,
        &["experiments", "layers", "holdout", "groups"],
    )?;
    let object = |name: &str| match fields.get(name) {
        None => Ok(Map::new()),
        Some(Value::Object(map)) => Ok(map.clone()),
        Some(other) => Err(fields.wrong(name, other, "it must be an object")),
    };
    let everywhere = match fields.get("holdout") {
        None => None,
        Some(value) => {
            let holdout = Fields::new("payload.holdout", value, &["share", "salt"])?;
            let salt = holdout.text("salt")?.unwrap_or("");
            let share = holdout.number("share", 0.0, 0.0, 1.0)?;
            Some((salt.to_owned(), share))
        }
    };
    let mut layers = BTreeMap::new();
    for (name, value) in object("layers")? {
        let what = format!("layers.{}", shown(&name));
        let fields = Fields::new(&what, &value, &["salt", "holdout"])?;
        let salt = fields.text("salt")?.unwrap_or(&name).to_owned();
        let share = fields.number("holdout", 0.0, 0.0, 1.0)?;
        let holdout = (share > 0.0).then(|| holdout("layer-holdout", &salt, share));
        let layer = Layer {
            salt,
            holdout,
            taken: Vec::new(),
            unit: None,
        };
        layers.insert(name, layer);
    }
    let mut plans = Vec::new();
    for (key, value) in object("experiments")? {
        let mut gates = Vec::new();
        if let Some((salt, share)) = &everywhere
            && *share > 0.0
        {
            gates.push(holdout("holdout", salt, *share));
        }
        plans.push(plan(&key, &value, gates, &mut layers)?);
    }
    Ok((plans, object("groups")?))
}

/// Units below the share are held out.
fn holdout(what: &str, salt: &str, share: f64) -> Gate {
    Gate {
        attribute: None,
        hasher: Hasher::version_3(what, salt),
        ranges: vec![Range::nearest(0.0, share, BUCKETS_3)],
        inside: false,
        reason: Reason::Holdout,
    }
}

fn plan(
    key: &str,
    value: &Value,
    mut gates: Vec<Gate>,
    layers: &mut BTreeMap<String, Layer>,
) -> Result<Plan> {
    let what = format!("experiments.{}", shown(key));
    if key.is_empty() {
        return Err(wrong("experiments has an empty key".to_owned()));
    }
    let fields = Fields::new(
        &what,
        value,
        &[
            "version",
            "variations",
            "unit",
            "fallback_unit",
            "salt",
            "layer",
            "slice",
            "coverage",
            "condition",
            "active",
            "bucket_version",
            "min_bucket_version",
            "sticky",
        ],
    )?;
    if let Some(version) = fields.get("version")
        && version.as_f64() != Some(3.0)
    {
        return Err(fields.wrong(
            "version",
            version,
            "the hash version is 3 (1 and 2 are read from GrowthBook's payload)",
        ));
    }
    let (arms, weights) = arms(key, &what, &fields)?;
    let salt = fields.text("salt")?.unwrap_or(key);
    let unit = fields.text("unit")?.unwrap_or("id");
    let state = if fields.bool("active", true)? {
        State::Running
    } else {
        State::Inactive
    };
    match (fields.text("layer")?, fields.get("slice")) {
        (None, Some(slice)) => {
            return Err(fields.wrong("slice", slice, "it needs a layer"));
        }
        (None, None) => {}
        (Some(name), slice) => {
            let layer = layers.get_mut(name).ok_or_else(|| {
                wrong(format!(
                    "{what}.layer is {}; it must be one of layers",
                    shown(name)
                ))
            })?;
            let slice = match slice {
                None => (0.0, 1.0),
                Some(value) => {
                    interval(value).ok_or_else(|| fields.wrong("slice", value, SLICE_RULE))?
                }
            };
            gates.extend(enter(layer, &what, unit, slice, state)?);
        }
    }
    let coverage = fields
        .get("coverage")
        .map(|value| coverage(&what, value))
        .transpose()?;
    let edges = bounds(&format!("{what}.variations.weight"), &weights)?;
    let shares: Vec<(f64, f64)> = edges
        .iter()
        .zip(edges.iter().skip(1))
        .map(|(from, to)| (*from, *to))
        .collect();
    let condition = fields
        .get("condition")
        .map(|value| Condition::parse(value).map_err(|e| e.context(format!("{what}.condition"))))
        .transpose()?;
    Ok(Plan {
        key: key.to_owned(),
        hasher: Hasher::version_3("variant", salt),
        attribute: unit.to_owned(),
        fallback: fields.text("fallback_unit")?.map(str::to_owned),
        ranges: shares
            .iter()
            .map(|&(from, to)| Range::nearest(from, to, BUCKETS_3))
            .collect(),
        shares,
        arms,
        gates,
        coverage: coverage.map(|steps| Coverage {
            hasher: Hasher::version_3("coverage", salt),
            steps,
        }),
        condition,
        parents: Vec::new(),
        force: None,
        state,
        bucket_version: fields.whole("bucket_version", 0, 0, 1_000_000)?,
        min_bucket_version: fields.whole("min_bucket_version", 0, 0, 1_000_000)?,
        sticky: fields.bool("sticky", true)?,
        bandit: None,
        definition: None,
    })
}

const SLICE_RULE: &str = "a slice is [from, to] with 0 <= from < to <= 1";

fn interval(value: &Value) -> Option<(f64, f64)> {
    let (from, to) = match value.as_array()?.as_slice() {
        [from, to] => (from.as_f64()?, to.as_f64()?),
        _ => return None,
    };
    (0.0 <= from && from < to && to <= 1.0).then_some((from, to))
}

/// The gates of a layer, for an experiment that takes a slice of it.
fn enter(
    layer: &mut Layer,
    what: &str,
    unit: &str,
    (from, to): (f64, f64),
    state: State,
) -> Result<Vec<Gate>> {
    if let Some(other) = layer.unit.replace(unit.to_owned())
        && other != unit
    {
        return Err(wrong(format!(
            "{what}.unit is {}, but another experiment of the layer has {}; a layer has one unit",
            shown(unit),
            shown(&other)
        )));
    }
    let range = Range::nearest(from, to, BUCKETS_3);
    if state == State::Running {
        let clash = layer
            .taken
            .iter()
            .find(|(_, other)| range.start < other.end && other.start < range.end);
        if let Some((other, _)) = clash {
            return Err(wrong(format!(
                "{what}.slice is [{from}, {to}] and overlaps that of {other}; active experiments \
                 of a layer exclude each other"
            )));
        }
        layer.taken.push((what.to_owned(), range));
    }
    let mut gates = Vec::new();
    if let Some(Gate { hasher, ranges, .. }) = &layer.holdout {
        gates.push(Gate {
            attribute: None,
            hasher: hasher.clone(),
            ranges: ranges.clone(),
            inside: false,
            reason: Reason::Holdout,
        });
    }
    gates.push(Gate {
        attribute: None,
        hasher: Hasher::version_3("layer", &layer.salt),
        ranges: vec![range],
        inside: true,
        reason: Reason::Layer,
    });
    Ok(gates)
}

fn arms(key: &str, what: &str, fields: &Fields<'_>) -> Result<(Vec<Arm>, Vec<f64>)> {
    let list = fields
        .get("variations")
        .and_then(Value::as_array)
        .filter(|list| list.len() >= 2)
        .ok_or_else(|| {
            let given = fields.get("variations").unwrap_or(&Value::Null);
            fields.wrong("variations", given, "it must be a list of at least two")
        })?;
    check_arms(key, list.len())?;
    let mut arms: Vec<Arm> = Vec::with_capacity(list.len());
    let mut weights = Vec::with_capacity(list.len());
    for (i, value) in list.iter().enumerate() {
        let what = format!("{what}.variations[{i}]");
        let fields = Fields::new(&what, value, &["key", "name", "value", "weight"])?;
        let arm = fields.text("key")?.unwrap_or_default();
        if arm.is_empty() || arms.iter().any(|other| other.key == arm) {
            return Err(wrong(format!(
                "{what}.key is {}; keys are distinct and not empty",
                shown(arm)
            )));
        }
        if let Some(weight) = fields.get("weight") {
            let number = weight.as_f64().filter(|w| (0.0..=1.0).contains(w));
            weights.push(
                number.ok_or_else(|| fields.wrong("weight", weight, "it must be from 0 to 1"))?,
            );
        }
        arms.push(Arm {
            key: arm.to_owned(),
            keyed: true,
            name: fields.text("name")?.map(str::to_owned),
            value: fields.get("value").cloned().unwrap_or(Value::Null),
            passthrough: false,
        });
    }
    match weights.len() {
        0 => weights = equal_weights(arms.len()),
        n if n == arms.len() => {}
        n => {
            return Err(wrong(format!(
                "{what}.variations: {n} of {} have a weight; all or none",
                arms.len()
            )));
        }
    }
    Ok((arms, weights))
}

/// A share, or a ramp `[[time, share], …]`: times rise, shares never sink.
fn coverage(what: &str, value: &Value) -> Result<Vec<(i64, u64)>> {
    let bound = |value: &Value| {
        let share = value.as_f64().filter(|s| (0.0..=1.0).contains(s));
        share.map(|share| Range::nearest(0.0, share, BUCKETS_3).end)
    };
    if let Some(bound) = bound(value) {
        return Ok(vec![(i64::MIN, bound)]);
    }
    let refuse = |value: &Value, rule: &str| {
        wrong(format!(
            "{what}.coverage is {}; {rule}",
            shown(&value.to_string())
        ))
    };
    let rule = "it must be a share from 0 to 1, or a ramp [[time, share], …]";
    let list = value.as_array().filter(|list| !list.is_empty());
    let list = list.ok_or_else(|| refuse(value, rule))?;
    let mut steps: Vec<(i64, u64)> = Vec::with_capacity(list.len());
    for step in list {
        let read = match step.as_array().map(Vec::as_slice) {
            Some([time, share]) => time.as_f64().zip(bound(share)),
            _ => None,
        };
        let (time, bound) = read.ok_or_else(|| refuse(step, rule))?;
        let time = crate::event::timestamp_from_number(&format!("{what}.coverage"), time)?;
        if let Some((before, share)) = steps.last() {
            if *before >= time {
                return Err(refuse(step, "the times of a ramp rise"));
            }
            if *share > bound {
                return Err(refuse(
                    step,
                    "a ramp only adds users; its shares never sink",
                ));
            }
        }
        steps.push((time, bound));
    }
    Ok(steps)
}
