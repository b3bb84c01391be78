//! From an experiment and a context to a decision: the order of checks of GrowthBook's SDK, which
//! our own experiments share.

use super::Experiments;
use super::answer::{Decision, Reason};
use super::context::{Attributes, Context, Forced, Unit};
use super::plan::{Bandit, Gate, Leaf, Parent, Plan, State};
use super::sticky::{Sticky, StickyDoc};
use super::url;
use crate::condition::Condition;
use crate::error::{Error, ErrorKind, Result};

/// How many features one question may look at before it counts as a cycle; a chain of
/// prerequisites is at most this deep, too.
pub(super) const MAX_VISITS: u32 = 1_000;
/// How deep prerequisites may be nested.
pub(super) const MAX_CHAIN: usize = 64;

/// One question: the context, and what has been seen on the way.
pub(super) struct Walk<'a> {
    pub(super) all: &'a Experiments,
    pub(super) context: Option<&'a Context>,
    pub(super) attributes: Attributes<'a>,
    /// The features whose evaluation is under way.
    pub(super) stack: Vec<&'a str>,
    pub(super) visits: u32,
    /// The caller's sticky documents with the changes of this question.
    pub(super) updated: Sticky,
}

/// What a feature that must come first says.
pub(super) enum ParentSays {
    Yes,
    No,
    Cycle,
}

/// [`Walk::decide`] for an id alone, where nothing but its hash decides: what most questions are.
/// `None` for all others.
#[inline]
pub(super) fn decide_by_hash<'a>(plan: &'a Plan, id: &'a str) -> Option<Decision<'a>> {
    if id.is_empty() || !plan.is_by_hash() {
        return None;
    }
    let bucket = plan.hasher.bucket(id)?;
    let arm = plan.arm_of(&plan.ranges, bucket);
    Some(Decision {
        reason: arm.map_or(Reason::Coverage, |_| Reason::Assigned),
        arm,
        bucket: Some(bucket),
        attribute: &plan.attribute,
        unit: Unit::Text(id),
        hashed_arm: arm,
        leaf: None,
    })
}

impl<'a> Walk<'a> {
    pub(super) fn new(all: &'a Experiments, context: &'a Context) -> Self {
        Self {
            all,
            context: Some(context),
            attributes: Attributes::Object(&context.attributes),
            stack: Vec::new(),
            visits: 0,
            updated: Sticky::default(),
        }
    }

    pub(super) fn of_id(all: &'a Experiments, id: &'a str) -> Self {
        Self {
            all,
            context: None,
            attributes: Attributes::Id(id),
            stack: Vec::new(),
            visits: 0,
            updated: Sticky::default(),
        }
    }

    pub(super) fn sticky(&self) -> Option<&'a Sticky> {
        self.context.and_then(|context| context.sticky.as_ref())
    }

    /// The documents that changed, and forgets them.
    pub(super) fn take_updates(&mut self) -> Vec<StickyDoc> {
        std::mem::take(&mut self.updated).into_docs()
    }

    /// What the experiment does with who asks.
    ///
    /// # Errors
    /// `InvalidArgument` for a ramp without `now`.
    pub(super) fn decide(&mut self, plan: &'a Plan) -> Result<Decision<'a>> {
        let sticky = self.sticky().filter(|_| plan.sticky);
        let fallback = plan.fallback.as_deref().filter(|_| sticky.is_some());
        let (attribute, unit) = self.unit(&plan.attribute, fallback);
        let mut decision = Decision {
            reason: Reason::Assigned,
            arm: None,
            bucket: None,
            attribute,
            unit,
            hashed_arm: None,
            leaf: plan
                .bandit
                .as_ref()
                .map(|bandit| (bandit, self.leaf(plan, bandit))),
        };
        if let Some(reason) = self.before_hashing(plan, unit, &mut decision) {
            decision.reason = reason;
            return Ok(decision);
        }
        let text = unit.text();
        let text = text.as_deref().unwrap_or_default();
        let (stored, blocked) = match sticky {
            Some(sticky) => self.stored(plan, sticky),
            None => (None, false),
        };
        if stored.is_none()
            && let Some(reason) = self.outside(plan, text)?
        {
            decision.reason = reason;
            return Ok(decision);
        }
        let out = |reason: Reason, decision: Decision<'a>| Ok(Decision { reason, ..decision });
        let Some(bucket) = plan.hasher.bucket(text) else {
            return out(Reason::UnknownVersion, decision);
        };
        decision.bucket = Some(bucket);
        if blocked {
            return out(Reason::Blocked, decision);
        }
        let ranges = match decision.leaf {
            Some((_, Some(leaf))) => &leaf.ranges,
            _ => &plan.ranges,
        };
        let hashed = if self.covered(plan, text)? {
            plan.arm_of(ranges, bucket)
        } else {
            None
        };
        let Some(arm) = stored.or(hashed) else {
            return out(Reason::Coverage, decision);
        };
        if let Some(force) = plan.force {
            decision.arm = Some(force).filter(|arm| *arm < plan.arms.len());
            return out(Reason::Force, decision);
        }
        if self.context.is_some_and(|context| context.qa_mode) {
            return out(Reason::QaMode, decision);
        }
        if plan.state == State::Stopped {
            return out(Reason::Stopped, decision);
        }
        decision.arm = Some(arm);
        decision.hashed_arm = hashed;
        if stored.is_some() {
            decision.reason = Reason::Sticky;
        }
        if let Some(sticky) = sticky {
            self.store(plan, sticky, attribute, unit, arm);
        }
        Ok(decision)
    }

    /// The checks that need no bucket; forced variations are among them.
    fn before_hashing(
        &self,
        plan: &'a Plan,
        unit: Unit<'a>,
        decision: &mut Decision<'a>,
    ) -> Option<Reason> {
        let count = plan.arms.len();
        if count < 2 {
            return Some(Reason::TooFewVariations);
        }
        if let Some(context) = self.context {
            if !context.enabled {
                return Some(Reason::Disabled);
            }
            if plan.state == State::UrlTargeting {
                return Some(Reason::UrlTargeting);
            }
            if let Some(url) = &context.url
                && let Some(arm) = url::forced(&plan.key, url, count)
            {
                decision.arm = Some(arm);
                return Some(Reason::Url);
            }
            if let Some(forced) = context.forced.get(&plan.key) {
                decision.arm = match forced {
                    Forced::Index(i) => usize::try_from(*i).ok().filter(|i| *i < count),
                    Forced::Key(key) => plan.arms.iter().position(|arm| arm.key == *key),
                    Forced::Nothing => None,
                };
                return Some(Reason::Forced);
            }
        }
        match plan.state {
            State::UrlTargeting => return Some(Reason::UrlTargeting),
            State::Inactive => return Some(Reason::Inactive),
            State::Running | State::Stopped => {}
        }
        matches!(unit, Unit::None).then_some(Reason::NoUnit)
    }

    /// Why a unit without a sticky bucket stays outside, if it does.
    fn outside(&mut self, plan: &'a Plan, unit: &str) -> Result<Option<Reason>> {
        for gate in &plan.gates {
            if !self.passes(gate, unit) {
                return Ok(Some(gate.reason));
            }
        }
        if let Some(condition) = &plan.condition
            && !self.fulfils(condition, &plan.attribute)
        {
            return Ok(Some(Reason::Condition));
        }
        for parent in &plan.parents {
            if !matches!(self.parent(parent)?, ParentSays::Yes) {
                return Ok(Some(Reason::Prerequisite));
            }
        }
        Ok(None)
    }

    fn covered(&self, plan: &Plan, unit: &str) -> Result<bool> {
        let Some(coverage) = &plan.coverage else {
            return Ok(true);
        };
        let now = match self.context.and_then(|context| context.now) {
            Some(now) => now,
            None if coverage.is_ramp() => {
                return Err(Error::new(
                    ErrorKind::InvalidArgument,
                    format!(
                        "context.now is missing; the experiment {} has a ramp",
                        crate::error::shown(&plan.key)
                    ),
                ));
            }
            None => 0,
        };
        let bucket = coverage.hasher.bucket(unit).unwrap_or(u32::MAX);
        Ok(u64::from(bucket) < coverage.bound(now))
    }

    /// The attribute that is hashed, and its value.
    pub(super) fn unit(&self, name: &'a str, fallback: Option<&'a str>) -> (&'a str, Unit<'a>) {
        let unit = self.attributes.unit(name);
        if let (Unit::None, Some(fallback)) = (unit, fallback) {
            let other = self.attributes.unit(fallback);
            if !matches!(other, Unit::None) {
                return (fallback, other);
            }
        }
        (name, unit)
    }

    pub(super) fn passes(&self, gate: &'a Gate, own: &str) -> bool {
        let other;
        let unit = match &gate.attribute {
            None => own,
            Some(name) => match self.attributes.unit(name).text() {
                Some(text) => {
                    other = text;
                    &*other
                }
                None => return false,
            },
        };
        gate.hasher
            .bucket(unit)
            .is_some_and(|bucket| gate.ranges.iter().any(|r| r.has(bucket)) == gate.inside)
    }

    pub(super) fn fulfils(&self, condition: &Condition, lone: &str) -> bool {
        condition.matches_with_groups(&self.attributes.object(lone), &self.all.groups)
    }

    fn leaf(&self, plan: &Plan, bandit: &'a Bandit) -> Option<&'a Leaf> {
        let mut leaves = bandit.leaves.iter();
        leaves.find(|leaf| self.fulfils(&leaf.condition, &plan.attribute))
    }

    pub(super) fn parent(&mut self, parent: &'a Parent) -> Result<ParentSays> {
        let answer = self.feature(&parent.feature)?;
        if answer.source == "cyclicPrerequisite" {
            return Ok(ParentSays::Cycle);
        }
        let object = serde_json::json!({"value": answer.value});
        let holds = parent
            .condition
            .matches_with_groups(&object, &self.all.groups);
        Ok(if holds {
            ParentSays::Yes
        } else {
            ParentSays::No
        })
    }

    /// The arm of the sticky bucket, and whether an earlier one blocks the user.
    fn stored(&self, plan: &Plan, sticky: &Sticky) -> (Option<usize>, bool) {
        let doc = |name: &str| {
            let text = self.attributes.unit(name).sticky_text()?;
            let updated = self.updated.get(name, &text);
            updated.or_else(|| sticky.get(name, &text))
        };
        let own = doc(&plan.attribute);
        let other = doc(plan.fallback.as_deref().unwrap_or("id"));
        let assigned = |version: u64| {
            let key = sticky_key(&plan.key, version);
            let found = own.and_then(|doc| doc.assignments.get(&key));
            found.or_else(|| other.and_then(|doc| doc.assignments.get(&key)))
        };
        if plan.min_bucket_version > 0 {
            let blocked = |doc: &StickyDoc| {
                doc.assignments.keys().any(|key| {
                    version_of(&plan.key, key).is_some_and(|v| v < plan.min_bucket_version)
                })
            };
            if own.is_some_and(blocked) || other.is_some_and(blocked) {
                return (None, true);
            }
        }
        let arm = assigned(plan.bucket_version).and_then(|key| {
            let mut arms = plan.arms.iter();
            arms.position(|arm| arm.keyed && arm.key == *key)
        });
        (arm, false)
    }

    fn store(&mut self, plan: &Plan, sticky: &Sticky, attribute: &str, unit: Unit<'_>, arm: usize) {
        let Some(arm) = plan.arms.get(arm) else {
            return;
        };
        let unit = unit.sticky_text().unwrap_or_default();
        let updated = self.updated.get(attribute, &unit);
        let mut doc = match updated.or_else(|| sticky.get(attribute, &unit)) {
            Some(doc) => doc.clone(),
            None => StickyDoc {
                attribute_name: attribute.to_owned(),
                attribute_value: unit.into_owned(),
                ..StickyDoc::default()
            },
        };
        let key = sticky_key(&plan.key, plan.bucket_version);
        if doc.assignments.get(&key) != Some(&arm.key) {
            doc.assignments.insert(key, arm.key.clone());
            self.updated.put(doc);
        }
    }
}

fn sticky_key(experiment: &str, version: u64) -> String {
    format!("{experiment}__{version}")
}

/// The version of a sticky key of this experiment.
fn version_of(experiment: &str, key: &str) -> Option<u64> {
    let digits = key.strip_prefix(experiment)?.strip_prefix("__")?;
    let version: u64 = digits.parse().ok()?;
    // Only the canonical spelling: 07 and +7 are other keys.
    (version.to_string() == digits).then_some(version)
}
