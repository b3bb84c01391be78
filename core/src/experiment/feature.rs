//! GrowthBook's features: rules in order, the first that says something decides.

use super::answer::{Assignment, FeatureAnswer};
use super::decide::{MAX_CHAIN, MAX_VISITS, ParentSays, Walk};
use super::hash::Hasher;
use super::plan::{Gate, Parent, Plan};
use super::share::Range;
use crate::condition::Condition;
use crate::error::Result;
use serde_json::Value;

/// A feature of a GrowthBook payload.
#[derive(Debug)]
pub(super) struct Feature {
    pub(super) default: Value,
    pub(super) rules: Vec<Rule>,
}

#[derive(Debug)]
pub(super) struct Rule {
    pub(super) id: String,
    pub(super) parents: Vec<Parent>,
    pub(super) gates: Vec<Gate>,
    pub(super) does: Does,
}

#[derive(Debug)]
pub(super) enum Does {
    /// Neither forces nor experiments: a rule that only asks for its parents.
    Nothing,
    Force(Box<Forcing>),
    Experiment(Box<Plan>),
}

/// A value for all who fulfil a condition, or for a share of them.
#[derive(Debug)]
pub(super) struct Forcing {
    pub(super) value: Value,
    pub(super) condition: Option<Condition>,
    pub(super) rollout: Option<Rollout>,
}

/// The share of units for which a value is forced.
#[derive(Debug)]
pub(super) struct Rollout {
    pub(super) attribute: String,
    pub(super) fallback: Option<String>,
    pub(super) hasher: Hasher,
    pub(super) range: Range,
}

impl<'a> Walk<'a> {
    /// The value of a feature.
    pub(super) fn feature(&mut self, key: &str) -> Result<FeatureAnswer<'a>> {
        self.visits += 1;
        let deep = self.stack.len() >= MAX_CHAIN || self.visits > MAX_VISITS;
        if deep || self.stack.contains(&key) {
            return Ok(FeatureAnswer::new(key, Value::Null, "cyclicPrerequisite"));
        }
        let forced = self.context.and_then(|c| c.forced_features.get(key));
        if let Some(value) = forced {
            return Ok(FeatureAnswer::new(key, value.clone(), "override"));
        }
        let all = self.all;
        let Some((name, feature)) = all.features.get_key_value(key) else {
            return Ok(FeatureAnswer::new(key, Value::Null, "unknownFeature"));
        };
        self.stack.push(name);
        let answer = self.rules(name, feature);
        self.stack.pop();
        answer
    }

    fn rules(&mut self, key: &'a str, feature: &'a Feature) -> Result<FeatureAnswer<'a>> {
        'rules: for rule in &feature.rules {
            for parent in &rule.parents {
                match self.parent(parent)? {
                    ParentSays::Yes => {}
                    ParentSays::Cycle => {
                        return Ok(FeatureAnswer::new(key, Value::Null, "cyclicPrerequisite"));
                    }
                    ParentSays::No if parent.gate => {
                        return Ok(FeatureAnswer::new(key, Value::Null, "prerequisite"));
                    }
                    ParentSays::No => continue 'rules,
                }
            }
            if !rule.gates.iter().all(|gate| self.passes(gate, "")) {
                continue;
            }
            match &rule.does {
                Does::Nothing => {}
                Does::Force(force) => {
                    let condition = force.condition.as_ref();
                    let holds = condition.is_none_or(|c| self.fulfils(c, "id"));
                    if holds && force.rollout.as_ref().is_none_or(|r| self.included(r)) {
                        let mut answer = FeatureAnswer::new(key, force.value.clone(), "force");
                        answer.rule_id.clone_from(&rule.id);
                        return Ok(answer);
                    }
                }
                Does::Experiment(plan) => {
                    let assignment = Assignment {
                        plan,
                        decision: self.decide(plan)?,
                        feature: Some(key),
                        sticky_updates: Vec::new(),
                    };
                    let passes_on = plan
                        .arms
                        .get(assignment.variation_id())
                        .is_none_or(|arm| arm.passthrough);
                    if assignment.in_experiment() && !passes_on {
                        let value = assignment.value().clone();
                        let mut answer = FeatureAnswer::new(key, value, "experiment");
                        answer.rule_id.clone_from(&rule.id);
                        if self.context.is_some_and(|context| context.explain) {
                            answer.definition = assignment.definition();
                        }
                        answer.assignment = Some(assignment);
                        return Ok(answer);
                    }
                }
            }
        }
        Ok(FeatureAnswer::new(
            key,
            feature.default.clone(),
            "defaultValue",
        ))
    }

    fn included(&self, rollout: &'a Rollout) -> bool {
        let fallback = rollout.fallback.as_deref();
        let fallback = fallback.filter(|_| self.sticky().is_some());
        let (_, unit) = self.unit(&rollout.attribute, fallback);
        unit.text().is_some_and(|text| {
            let bucket = rollout.hasher.bucket(&text);
            bucket.is_some_and(|bucket| rollout.range.has(bucket))
        })
    }
}
