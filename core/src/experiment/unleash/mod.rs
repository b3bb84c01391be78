//! Unleash's features: flags with strategies, constraints, segments, dependencies and variants,
//! after its client specification. Numbers are whole percent and whole weights, as there.
//!
//! Where Unleash's clients draw a random number, for who has no id, the context's `random` takes
//! the place of an id. Without it, a rollout below 100 percent leaves the user out, and the
//! variant is that of the empty id: the same for all such users.

mod compare;
mod constraint;
mod murmur;

use super::answer::FeatureAnswer;
use super::context::Context;
use crate::condition::{is_truthy, number_of, text_of};
use crate::error::{Error, ErrorKind, Result, shown};
use compare::Network;
use constraint::{Constraint, field};
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The seed that Unleash hashes variants with, so that they do not follow the rollout.
const VARIANT_SEED: u32 = 86_028_157;

/// The most that the weights of one feature may add up to.
const MAX_WEIGHT: u64 = 1 << 32;

/// The name that Unleash gives to "no variant".
const NO_VARIANT: &str = "disabled";

/// One feature flag.
#[derive(Debug)]
pub(super) struct Flag {
    enabled: bool,
    strategies: Vec<Strategy>,
    variants: Variants,
    dependencies: Vec<Dependency>,
}

#[derive(Debug)]
struct Dependency {
    feature: String,
    enabled: bool,
    variants: Vec<String>,
}

#[derive(Debug)]
struct Strategy {
    name: String,
    does: Does,
    constraints: Vec<Constraint>,
    variants: Variants,
}

#[derive(Debug)]
enum Does {
    Default,
    /// Whole percent of a stickiness, in a group.
    Rollout {
        percent: u64,
        stickiness: String,
        group: String,
    },
    Users(Vec<String>),
    Networks(Vec<Network>),
    /// A strategy that is not known, or a segment that is missing.
    Never,
}

#[derive(Debug, Default)]
struct Variants {
    group: String,
    stickiness: String,
    total: u64,
    list: Vec<Variant>,
}

#[derive(Debug)]
struct Variant {
    name: String,
    weight: u64,
    payload: Option<Value>,
    overrides: Vec<(String, Vec<String>)>,
}

fn wrong(message: String) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    let list = value.get(name).and_then(Value::as_array);
    list.map_or(&[], Vec::as_slice)
}

fn text(value: &Value, name: &str) -> String {
    let text = value.get(name).and_then(text_of);
    text.unwrap_or_default().into_owned()
}

/// Reads `{"features", "segments"?}`, or the `{"events"}` of the delta API in turn.
pub(super) fn flags(payload: &Value) -> Result<BTreeMap<String, Flag>> {
    if !payload.is_object() {
        return Err(wrong(format!(
            "payload is {}; it must be an object",
            shown(&payload.to_string())
        )));
    }
    let mut features = named(payload, "features", "name");
    let mut segments = named(payload, "segments", "id");
    for event in list(payload, "events") {
        match &*text(event, "type") {
            "hydration" => {
                features = named(event, "features", "name");
                segments = named(event, "segments", "id");
            }
            "feature-updated" => {
                if let Some(feature) = event.get("feature") {
                    features.insert(text(feature, "name"), feature);
                }
            }
            "feature-removed" => {
                features.remove(&text(event, "featureName"));
            }
            "segment-updated" => {
                if let Some(segment) = event.get("segment") {
                    segments.insert(text(segment, "id"), segment);
                }
            }
            "segment-removed" => {
                segments.remove(&text(event, "segmentId"));
            }
            other => {
                return Err(wrong(format!(
                    "payload.events has the type {}; it must be hydration, feature-updated, \
                     feature-removed, segment-updated or segment-removed",
                    shown(other)
                )));
            }
        }
    }
    let compiled = features.into_iter().map(|(name, feature)| {
        let flag = flag(&name, feature, &segments)
            .map_err(|error| error.context(format!("features.{}", shown(&name))))?;
        Ok((name, flag))
    });
    compiled.collect()
}

/// The entries of a list, by their names; the last of a name counts.
fn named<'a>(source: &'a Value, part: &str, name: &str) -> BTreeMap<String, &'a Value> {
    let entries = list(source, part).iter();
    entries.map(|entry| (text(entry, name), entry)).collect()
}

fn flag(name: &str, given: &Value, segments: &BTreeMap<String, &Value>) -> Result<Flag> {
    let mut strategies = Vec::new();
    for strategy in list(given, "strategies") {
        strategies.push(self::strategy(name, strategy, segments)?);
    }
    let dependencies = list(given, "dependencies").iter().map(|parent| Dependency {
        feature: text(parent, "feature"),
        enabled: parent.get("enabled") != Some(&Value::Bool(false)),
        variants: texts(parent, "variants"),
    });
    let variants = list(given, "variants");
    let stickiness = variants.first().map(|first| text(first, "stickiness"));
    Ok(Flag {
        enabled: given.get("enabled").is_some_and(is_truthy),
        strategies,
        variants: Variants::new(name.to_owned(), stickiness.unwrap_or_default(), variants)?,
        dependencies: dependencies.collect(),
    })
}

fn texts(value: &Value, name: &str) -> Vec<String> {
    let texts = list(value, name).iter().filter_map(text_of);
    texts.map(Cow::into_owned).collect()
}

fn strategy(flag: &str, given: &Value, segments: &BTreeMap<String, &Value>) -> Result<Strategy> {
    let name = text(given, "name");
    let none = Value::Object(Map::new());
    let parameters = given.get("parameters").unwrap_or(&none);
    let words = |name: &str| -> Vec<String> {
        let text = text(parameters, name);
        text.split(',').map(|word| word.trim().to_owned()).collect()
    };
    let percent = |name: &str| number_of(&text(parameters, name)).clamp(0.0, 100.0) as u64;
    let group = text(parameters, "groupId");
    let rollout = |percent: u64, stickiness: &str| Does::Rollout {
        percent,
        stickiness: stickiness.to_owned(),
        group: group.clone(),
    };
    let stickiness = text(parameters, "stickiness");
    let mut does = match name.as_str() {
        "default" => Does::Default,
        "flexibleRollout" => {
            let group = if group.is_empty() { flag } else { &group };
            Does::Rollout {
                percent: percent("rollout"),
                stickiness: stickiness.clone(),
                group: group.to_owned(),
            }
        }
        "gradualRolloutUserId" => rollout(percent("percentage"), "userId"),
        "gradualRolloutSessionId" => rollout(percent("percentage"), "sessionId"),
        "gradualRolloutRandom" => rollout(percent("percentage"), "random"),
        "userWithId" => Does::Users(words("userIds")),
        "remoteAddress" => Does::Networks(
            words("IPs")
                .iter()
                .filter_map(|word| Network::parse(word))
                .collect(),
        ),
        _ => Does::Never,
    };
    let mut constraints: Vec<Constraint> = Vec::new();
    for id in texts(given, "segments") {
        match segments.get(&id) {
            Some(segment) => {
                constraints.extend(list(segment, "constraints").iter().map(Constraint::new));
            }
            None => does = Does::Never,
        }
    }
    constraints.extend(list(given, "constraints").iter().map(Constraint::new));
    Ok(Strategy {
        name,
        does,
        constraints,
        variants: Variants::new(group, stickiness, list(given, "variants"))?,
    })
}

impl Variants {
    fn new(group: String, stickiness: String, given: &[Value]) -> Result<Self> {
        let mut variants = Self {
            group,
            stickiness,
            ..Self::default()
        };
        for variant in given {
            let weight = variant.get("weight").unwrap_or(&Value::Null);
            let whole = weight.as_u64().or_else(|| {
                let number = weight.as_f64()?;
                (number >= 0.0 && number == number.trunc()).then_some(number as u64)
            });
            let whole = whole.filter(|w| variants.total.saturating_add(*w) <= MAX_WEIGHT);
            let weight = whole.ok_or_else(|| {
                wrong(format!(
                    "variants.weight is {}; weights are whole, from 0, and add up to at most 2^32",
                    shown(&weight.to_string())
                ))
            })?;
            variants.total += weight;
            let overrides = list(variant, "overrides").iter();
            variants.list.push(Variant {
                name: text(variant, "name"),
                weight,
                payload: variant.get("payload").filter(|p| !p.is_null()).cloned(),
                overrides: overrides
                    .map(|o| (text(o, "contextName"), texts(o, "values")))
                    .collect(),
            });
        }
        Ok(variants)
    }

    fn choose(&self, context: &Context) -> Option<&Variant> {
        if self.total == 0 {
            return None;
        }
        let overridden = self.list.iter().find(|variant| {
            variant.overrides.iter().any(|(name, values)| {
                field(context, name).is_some_and(|value| values.iter().any(|v| *v == value))
            })
        });
        if overridden.is_some() {
            return overridden;
        }
        let id = sticky_id(context, &self.stickiness, true);
        let id = id.or_else(|| random(context)).unwrap_or_default();
        let target = murmur::normalised(&id, &self.group, self.total, VARIANT_SEED);
        let mut sum = 0;
        self.list.iter().find(|variant| {
            sum += variant.weight;
            sum >= target
        })
    }
}

fn random(context: &Context) -> Option<Cow<'_, str>> {
    context.random.as_deref().map(Cow::Borrowed)
}

/// The id that a stickiness stands for.
fn sticky_id<'a>(context: &'a Context, stickiness: &str, or_address: bool) -> Option<Cow<'a, str>> {
    let some = |name: &str| field(context, name).filter(|text| !text.is_empty());
    match stickiness {
        "random" => None,
        "" | "default" => some("userId")
            .or_else(|| some("sessionId"))
            .or_else(|| some("remoteAddress").filter(|_| or_address)),
        name => some(name),
    }
}

impl Strategy {
    fn holds(&self, context: &Context) -> bool {
        self.constraints.iter().all(|c| c.holds(context)) && self.applies(context)
    }

    fn applies(&self, context: &Context) -> bool {
        match &self.does {
            Does::Default => true,
            Does::Never => false,
            Does::Users(users) => field(context, "userId")
                .is_some_and(|user| !user.is_empty() && users.iter().any(|u| *u == user)),
            Does::Networks(networks) => field(context, "remoteAddress")
                .and_then(|text| text.trim().parse().ok())
                .is_some_and(|address| networks.iter().any(|n| n.contains(address))),
            Does::Rollout {
                percent,
                stickiness,
                group,
            } => {
                let id = sticky_id(context, stickiness, false);
                let place = match id.or_else(|| random(context)) {
                    Some(id) => murmur::normalised(&id, group, 100, 0),
                    // No id, though the strategy asks for one.
                    None if !matches!(stickiness.as_str(), "" | "default" | "random") => {
                        return false;
                    }
                    None => 100,
                };
                place <= *percent
            }
        }
    }
}

/// Whether a flag is on, why, and its variant.
struct Outcome<'a> {
    on: bool,
    source: &'a str,
    variant: Option<&'a Variant>,
}

fn outcome<'a>(flag: &'a Flag, context: &Context) -> Outcome<'a> {
    let off = |source| Outcome {
        on: false,
        source,
        variant: None,
    };
    if !flag.enabled {
        return off("disabled");
    }
    let own = || flag.variants.choose(context);
    if flag.strategies.is_empty() {
        return Outcome {
            on: true,
            source: "default",
            variant: own(),
        };
    }
    let strategy = flag.strategies.iter().find(|s| s.holds(context));
    strategy.map_or_else(
        || off("noStrategy"),
        |strategy| Outcome {
            on: true,
            source: &strategy.name,
            variant: if strategy.variants.list.is_empty() {
                own()
            } else {
                strategy.variants.choose(context)
            },
        },
    )
}

/// Whether a parent is as the dependency asks; a parent has no parents of its own.
fn fulfilled(all: &BTreeMap<String, Flag>, parent: &Dependency, context: &Context) -> bool {
    let Some(flag) = all.get(&parent.feature) else {
        return false;
    };
    if !flag.dependencies.is_empty() {
        return false;
    }
    let outcome = outcome(flag, context);
    if !parent.enabled {
        return !outcome.on;
    }
    let name = outcome.variant.map_or(NO_VARIANT, |variant| &variant.name);
    outcome.on && (parent.variants.is_empty() || parent.variants.iter().any(|v| v == name))
}

/// The answer for a flag.
pub(super) fn feature(
    all: &BTreeMap<String, Flag>,
    key: &str,
    context: &Context,
) -> FeatureAnswer<'static> {
    let off = |source| Outcome {
        on: false,
        source,
        variant: None,
    };
    let outcome = match all.get(key) {
        None => off("unknownFeature"),
        Some(flag) => {
            let parents = &flag.dependencies;
            if parents.iter().all(|p| fulfilled(all, p, context)) {
                outcome(flag, context)
            } else {
                off("prerequisite")
            }
        }
    };
    let mut answer = FeatureAnswer::new(key, outcome.on.into(), outcome.source);
    let mut variant = match outcome.variant {
        None => json!({"name": NO_VARIANT, "enabled": false}),
        Some(variant) => json!({"name": variant.name, "enabled": true}),
    };
    if let (Some(map), Some(payload)) = (
        variant.as_object_mut(),
        outcome.variant.and_then(|variant| variant.payload.as_ref()),
    ) {
        map.insert("payload".to_owned(), payload.clone());
    }
    answer.variant = Some(variant);
    answer
}
