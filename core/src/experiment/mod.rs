//! Experiments: who gets which variant, without anybody keeping a list.
//!
//! A unit (a user, a device, a company) is hashed with a salt into a bucket, and the bucket lies
//! in a range that belongs to a variation. So the same unit gets the same variation everywhere, in
//! all languages and on all machines, and nothing has to be stored or asked.
//!
//! The module is pure: no clock (a ramp takes `now`), no randomness, no storage (sticky buckets
//! are values that are given and returned). It may use `condition`, `fields`, `event` (for ids)
//! and `error`, and knows nothing of models and engines. Every decision compares integers: shares
//! become integer bounds once, when a definition is read, so that no rounding can part two
//! languages.
//!
//! # Three sources
//!
//! [`Experiments`] is read once, from one of
//! - **our own definitions** ([`from_json`](Experiments::from_json)): the default for what is new;
//! - **GrowthBook's payload** ([`from_growthbook`](Experiments::from_growthbook)): features with
//!   rules, and experiments, with the answers of its JavaScript SDK, user by user;
//! - **Unleash's** ([`from_unleash`](Experiments::from_unleash)): flags with strategies,
//!   constraints and variants, likewise.
//!
//! # Hash versions
//!
//! | version | bucket of the unit `u` under the salt `s` | buckets |
//! |---|---|---|
//! | 1 | FNV-1a/32 of `u + s`, modulo 1,000 | 1,000 |
//! | 2 | FNV-1a/32 of the decimal digits of the FNV-1a/32 of `s + u`, modulo 10,000 | 10,000 |
//! | 3 | the upper 32 bits of XXH3/64 of the UTF-8 bytes of `u`, its seed the XXH3/64 of the bytes of `tastemaker/3/`, what is decided, `/` and `s` | 2³² |
//!
//! 1 and 2 are GrowthBook's. FNV takes the UTF-16 units of the text, as GrowthBook's JavaScript
//! SDK does; its SDKs of other languages hash UTF-8 bytes or code points, and part from it
//! outside ASCII. GrowthBook compares `bucket / 1000` (or `/ 10000`) with shares, as 64-bit
//! floats. Here a share becomes the smallest bucket for which that comparison holds, found by
//! making it; then comparing integers gives the same answers.
//!
//! 3 is ours. What is decided is `holdout`, `layer-holdout`, `layer`, `coverage` or `variant`, so
//! that each decision is independent of the others. A share `x` becomes `floor(x · 2³² + 1/2)`;
//! the bound after the last variation is 2³².
//!
//! # What is not here
//!
//! Of GrowthBook's public vectors, the categories `decrypt` (keys and ciphers are not the
//! business of this library) and `urlRedirect` (nor are pages); an experiment that targets
//! addresses is answered with [`Reason::UrlTargeting`], nobody being in it.

mod answer;
pub mod bandit;
mod context;
mod decide;
mod feature;
mod growthbook;
mod hash;
pub mod log;
mod native;
pub mod offpolicy;
mod plan;
mod share;
mod split;
pub mod stats;
mod sticky;
#[cfg(test)]
mod tests;
mod unleash;
mod url;

pub use answer::{Assignment, FeatureAnswer, Reason};
pub use context::{Context, Forced};
pub use split::split_exact;
pub use sticky::{Sticky, StickyDoc};

use crate::error::{Error, ErrorKind, Result, shown};
use decide::{Walk, decide_by_hash};
use feature::Feature;
use plan::Plan;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Compiled experiments and features: read once, asked often, from any thread.
///
/// ```
/// use tastemaker::experiment::{Context, Experiments};
/// use tastemaker::json::json;
///
/// let experiments = Experiments::from_json(&json!({"experiments": {
///     "button": {"variations": [{"key": "blue", "weight": 0.9}, {"key": "red", "weight": 0.1}]},
/// }}))?;
/// let eve = Context::new(&json!({"id": "eve"}))?;
/// let assignment = experiments.assign("button", &eve)?;
/// assert!(assignment.in_experiment());
/// assert_eq!(assignment.key(), experiments.assign_id("button", "eve")?.key());
/// # Ok::<(), tastemaker::Error>(())
/// ```
#[derive(Debug)]
pub struct Experiments {
    /// In the order of their keys.
    plans: Vec<Plan>,
    features: BTreeMap<String, Feature>,
    /// The flags of an Unleash payload, if it was one.
    flags: Option<BTreeMap<String, unleash::Flag>>,
    groups: Map<String, Value>,
}

/// The assignments of one unit to all experiments.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Assignments<'a> {
    /// One an experiment, in the order of the keys; their own `sticky_updates` are empty.
    pub assignments: Vec<Assignment<'a>>,
    /// Sticky documents that changed, whole: to be stored.
    pub sticky_updates: Vec<StickyDoc>,
}

impl Experiments {
    /// Reads our own definitions.
    ///
    /// ```json
    /// {
    ///   "experiments": {
    ///     "button": {
    ///       "variations": [{"key": "blue", "weight": 0.5, "value": null}, {"key": "red", "weight": 0.5}],
    ///       "unit": "id", "fallback_unit": "device", "salt": "button",
    ///       "coverage": 0.2, "condition": {"country": "NZ"},
    ///       "layer": "checkout", "slice": [0, 0.5],
    ///       "active": true, "sticky": true, "bucket_version": 0, "min_bucket_version": 0
    ///     }
    ///   },
    ///   "layers": {"checkout": {"salt": "checkout", "holdout": 0.05}},
    ///   "holdout": {"share": 0.01, "salt": ""},
    ///   "groups": {"staff": ["ada", "bo"]}
    /// }
    /// ```
    ///
    /// Only `variations` must be there: two or more, with distinct keys; weights that add up to 1
    /// (within 1e-9), or none for equal ones. `coverage` is the share of units that take part, or
    /// a ramp `[[time, share], …]` whose shares never sink: as time passes, units are added and
    /// none leaves or changes sides. A ramp needs `now` in the context; before its first time
    /// nobody takes part, and with a `now` that goes back, the answer is that of the earlier time
    /// (a sticky bucket keeps its user). Active experiments of a layer have disjoint slices of it,
    /// so nobody is in two of them. Held-out units are in none; the outer `holdout` is for all
    /// experiments.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`], with the field, the value and the rule;
    /// [`ErrorKind::InvalidCondition`]; [`ErrorKind::InvalidTimestamp`] for the times of a ramp;
    /// [`ErrorKind::LimitExceeded`] for more than 1,000 variations.
    pub fn from_json(payload: &Value) -> Result<Self> {
        let (plans, groups) = native::plans(payload)?;
        Ok(Self::new(plans, BTreeMap::new(), groups))
    }

    /// Reads what GrowthBook's API gives to SDKs: `{"features", "experiments"?, "savedGroups"?,
    /// "contextualBandits"?}`, decrypted. Features are asked with [`feature`](Self::feature),
    /// entries of `experiments` with [`assign`](Self::assign).
    ///
    /// It is read as GrowthBook's JavaScript SDK reads it: weights that do not add up are equal
    /// ones, an unknown hash version leaves everybody out, conditions are lenient. The vectors of
    /// GrowthBook's specification are a conformance suite.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] if the payload or its members are not objects,
    /// [`ErrorKind::InvalidCondition`] and [`ErrorKind::LimitExceeded`] for what is beyond the
    /// limits of conditions and variations.
    ///
    /// ```
    /// use tastemaker::experiment::{Context, Experiments};
    /// use tastemaker::json::json;
    ///
    /// let flags = Experiments::from_growthbook(&json!({"features": {
    ///     "checkout": {"defaultValue": "old", "rules": [{"variations": ["old", "new"]}]},
    /// }}))?;
    /// let user = Context::new(&json!({"id": "3"}))?;
    /// let answer = flags.feature("checkout", &user)?;
    /// assert_eq!((answer.value, &*answer.source), (json!("new"), "experiment"));
    /// # Ok::<(), tastemaker::Error>(())
    /// ```
    pub fn from_growthbook(payload: &Value) -> Result<Self> {
        let map = payload.as_object().ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidArgument,
                format!(
                    "payload is {}; it must be an object",
                    shown(&payload.to_string())
                ),
            )
        })?;
        let bandits = growthbook::object(map, "contextualBandits")?;
        let mut features = BTreeMap::new();
        for (key, value) in growthbook::object(map, "features")?.into_iter().flatten() {
            features.insert(key.clone(), growthbook::feature(key, value, bandits)?);
        }
        let mut plans: Vec<Plan> = Vec::new();
        let given = map.get("experiments").and_then(Value::as_array);
        for value in given.into_iter().flatten().filter_map(Value::as_object) {
            let key = value.get("key").and_then(Value::as_str).unwrap_or_default();
            let variations = value.get("variations").and_then(Value::as_array);
            let variations = variations.map_or(&[][..], Vec::as_slice);
            let mut plan = growthbook::plan(key, value, variations, bandits)?;
            plan.parents = growthbook::parents(value, key)?;
            plans.push(plan);
        }
        let groups = growthbook::object(map, "savedGroups")?;
        Ok(Self::new(
            plans,
            features,
            groups.cloned().unwrap_or_default(),
        ))
    }

    /// Reads what Unleash's client API gives: `{"features", "segments"?}`, or the `{"events"}` of
    /// its delta API, which are applied in turn. Features are asked with
    /// [`feature`](Self::feature); the answer's `variant` has Unleash's form.
    ///
    /// The context is Unleash's, as attributes: `userId`, `sessionId`, `remoteAddress`,
    /// `environment`, `appName`, `currentTime`, and what it calls properties, directly or under
    /// `properties`. Where Unleash draws a random number, the context's `random` stands for an
    /// id; without it a rollout below 100 percent leaves the user out. The vectors of Unleash's
    /// client specification are a conformance suite. Not there: the strategy
    /// `applicationHostname` and custom strategies, which never apply; a pattern that does not
    /// compile, or an operator that is not known, is false even if inverted.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] if the payload is not an object, for events of an unknown
    /// type, and for weights of variants that are not whole.
    ///
    /// ```
    /// use tastemaker::experiment::{Context, Experiments};
    /// use tastemaker::json::json;
    ///
    /// let flags = Experiments::from_unleash(&json!({"features": [{
    ///     "name": "search", "enabled": true, "strategies": [{"name": "flexibleRollout",
    ///         "parameters": {"rollout": "50", "stickiness": "default", "groupId": "search"}}],
    /// }]}))?;
    /// let on = |user| flags.feature("search", &Context::new(&json!({"userId": user}))?).map(|a| a.on());
    /// assert_eq!((on("4")?, on("5")?), (false, true));
    /// # Ok::<(), tastemaker::Error>(())
    /// ```
    pub fn from_unleash(payload: &Value) -> Result<Self> {
        let mut experiments = Self::new(Vec::new(), BTreeMap::new(), Map::new());
        experiments.flags = Some(unleash::flags(payload)?);
        Ok(experiments)
    }

    /// Of two experiments with one key, the first counts.
    fn new(
        mut plans: Vec<Plan>,
        features: BTreeMap<String, Feature>,
        groups: Map<String, Value>,
    ) -> Self {
        plans.sort_by(|a, b| a.key.cmp(&b.key));
        plans.dedup_by(|later, first| later.key == first.key);
        Self {
            plans,
            features,
            flags: None,
            groups,
        }
    }

    /// The keys of the experiments, in order.
    pub fn experiments(&self) -> impl ExactSizeIterator<Item = &str> {
        self.plans.iter().map(|plan| plan.key.as_str())
    }

    /// The keys of the features, in order.
    pub fn features(&self) -> impl Iterator<Item = &str> {
        let keys = self.features.keys();
        let flags = self.flags.iter().flat_map(BTreeMap::keys);
        keys.chain(flags).map(String::as_str)
    }

    /// What an experiment does with a user.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for a key that is not one of
    /// [`experiments`](Self::experiments), and for a ramp without `now`.
    ///
    /// # Cost
    /// One to five hashes of the unit, tens of nanoseconds; conditions, prerequisites and sticky
    /// documents cost what they cost.
    pub fn assign<'a>(&'a self, key: &str, context: &'a Context) -> Result<Assignment<'a>> {
        let plan = self.plan(key)?;
        let mut walk = Walk::new(self, context);
        let decision = walk.decide(plan)?;
        Ok(Assignment {
            plan,
            decision,
            feature: None,
            sticky_updates: walk.take_updates(),
        })
    }

    /// What an experiment does with the unit `id`: as [`assign`](Self::assign) for a user whose
    /// only attribute is the one that the experiment hashes.
    ///
    /// # Errors
    /// As [`assign`](Self::assign).
    pub fn assign_id<'a>(&'a self, key: &str, id: &'a str) -> Result<Assignment<'a>> {
        self.assign_plan(self.plan(key)?, id)
    }

    /// For flat interfaces: [`assign_id`](Self::assign_id) by the experiment's place.
    ///
    /// # Errors
    /// As [`assign`](Self::assign).
    #[doc(hidden)]
    pub fn assign_at<'a>(&'a self, place: usize, id: &'a str) -> Result<Assignment<'a>> {
        let plan = self
            .plans
            .get(place)
            .ok_or_else(|| self.unknown(&place.to_string()))?;
        self.assign_plan(plan, id)
    }

    #[inline]
    fn assign_plan<'a>(&'a self, plan: &'a Plan, id: &'a str) -> Result<Assignment<'a>> {
        let decision = match decide_by_hash(plan, id) {
            Some(decision) => decision,
            None => Walk::of_id(self, id).decide(plan)?,
        };
        Ok(Assignment {
            plan,
            decision,
            feature: None,
            sticky_updates: Vec::new(),
        })
    }

    /// What all experiments do with a user.
    ///
    /// # Errors
    /// As [`assign`](Self::assign).
    pub fn assign_all<'a>(&'a self, context: &'a Context) -> Result<Assignments<'a>> {
        let mut walk = Walk::new(self, context);
        let mut assignments = Vec::with_capacity(self.plans.len());
        for plan in &self.plans {
            walk.visits = 0;
            assignments.push(Assignment {
                plan,
                decision: walk.decide(plan)?,
                feature: None,
                sticky_updates: Vec::new(),
            });
        }
        Ok(Assignments {
            assignments,
            sticky_updates: walk.take_updates(),
        })
    }

    /// The value of a feature for a user. A feature that is not there is null, and says so in
    /// `source`.
    ///
    /// Prerequisites that form a cycle, are nested more than 64 deep or look at more than 1,000
    /// features make the value null, with the source `cyclicPrerequisite`.
    ///
    /// # Errors
    /// None today; a feature may come to hold a ramp.
    pub fn feature<'a>(&'a self, key: &str, context: &'a Context) -> Result<FeatureAnswer<'a>> {
        if let Some(flags) = &self.flags {
            return Ok(unleash::feature(flags, key, context));
        }
        let mut walk = Walk::new(self, context);
        let mut answer = walk.feature(key)?;
        answer.sticky_updates = walk.take_updates();
        Ok(answer)
    }

    /// How an experiment was read: `{"key", "hash_version", "buckets", "unit",
    /// "fallback_unit", "variations": [{"key", "name", "value", "passthrough", "range": [from,
    /// to]}]}`; a variation without a
    /// range has null. Version 3 chooses among who is covered, GrowthBook's versions have the
    /// coverage in the ranges.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for a key that is not one of
    /// [`experiments`](Self::experiments).
    pub fn describe(&self, key: &str) -> Result<Value> {
        let plan = self.plan(key)?;
        let variations = plan.arms.iter().enumerate().map(|(i, arm)| {
            json!({
                "key": arm.key,
                "name": arm.name,
                "value": arm.value,
                "passthrough": arm.passthrough,
                "range": plan.shares.get(i).map(|(from, to)| [from, to]),
            })
        });
        Ok(json!({
            "key": plan.key,
            "hash_version": plan.hasher.version(),
            "buckets": plan.hasher.buckets(),
            "unit": plan.attribute,
            "fallback_unit": plan.fallback,
            "variations": variations.collect::<Vec<_>>(),
        }))
    }

    fn plan(&self, key: &str) -> Result<&Plan> {
        let place = self
            .plans
            .binary_search_by(|plan| plan.key.as_str().cmp(key));
        place
            .ok()
            .and_then(|place| self.plans.get(place))
            .ok_or_else(|| self.unknown(key))
    }

    fn unknown(&self, key: &str) -> Error {
        let known: Vec<String> = self.experiments().take(5).map(shown).collect();
        let more = if self.plans.len() > 5 { ", …" } else { "" };
        Error::new(
            ErrorKind::InvalidArgument,
            format!(
                "experiment is {}; the experiments are: {}{more}",
                shown(key),
                known.join(", ")
            ),
        )
    }
}

impl Assignments<'_> {
    /// All of it, as every language gives it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "assignments": self.assignments.iter().map(Assignment::to_json).collect::<Vec<_>>(),
            "sticky_updates": self.sticky_updates.iter().map(StickyDoc::to_json).collect::<Vec<_>>(),
        })
    }
}
