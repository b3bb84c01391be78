//! What comes out: one assignment, or the value of one feature.

use super::context::Unit;
use super::plan::{Bandit, Leaf, Plan};
use super::sticky::StickyDoc;
use serde_json::{Value, json};

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident => $text:literal,)*) => {
        /// Why a unit is in an experiment, or why not.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Reason {
            $($(#[$doc])* $name,)*
        }

        impl Reason {
            /// All reasons; the place of one is its number in flat interfaces.
            pub const ALL: &'static [Reason] = &[$(Reason::$name,)*];

            /// The name that all languages share.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Reason::$name => $text,)*
                }
            }
        }
    };
}

reasons! {
    /// In, by its bucket.
    Assigned => "assigned",
    /// In, by its sticky bucket.
    Sticky => "sticky",
    /// The query string of the page forces a variation.
    Url => "url",
    /// The context forces a variation.
    Forced => "forced",
    /// The experiment forces a variation.
    Force => "force",
    /// Out: fewer than two variations.
    TooFewVariations => "too_few_variations",
    /// Out: the context is not enabled.
    Disabled => "disabled",
    /// Out: the experiment targets addresses, which this library does not do.
    UrlTargeting => "url_targeting",
    /// Out: the experiment is not active, or a draft.
    Inactive => "inactive",
    /// Out: the attribute that is hashed is missing or empty.
    NoUnit => "no_unit",
    /// Out: a filter leaves it out.
    Filter => "filter",
    /// Out: not in the experiment's part of the namespace.
    Namespace => "namespace",
    /// Out: held out, of the layer or of everything.
    Holdout => "holdout",
    /// Out: not in the experiment's slice of the layer.
    Layer => "layer",
    /// Out: the condition does not hold.
    Condition => "condition",
    /// Out: a feature that must come first does not fulfil its condition, or there is a cycle.
    Prerequisite => "prerequisite",
    /// Out: a hash version that is not known.
    UnknownVersion => "unknown_version",
    /// Out: an earlier sticky bucket is blocked.
    Blocked => "blocked",
    /// Out: not covered, or in no range.
    Coverage => "coverage",
    /// Out: QA mode.
    QaMode => "qa_mode",
    /// Out: the experiment is stopped.
    Stopped => "stopped",
}

/// What `decide` found, by places and references.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decision<'a> {
    pub(super) reason: Reason,
    /// The arm, if the unit is in.
    pub(super) arm: Option<usize>,
    pub(super) bucket: Option<u32>,
    pub(super) attribute: &'a str,
    pub(super) unit: Unit<'a>,
    /// What the hash gives now, for a unit with a sticky bucket.
    pub(super) hashed_arm: Option<usize>,
    pub(super) leaf: Option<(&'a Bandit, Option<&'a Leaf>)>,
}

/// What one experiment does with one unit.
#[derive(Clone, Debug)]
pub struct Assignment<'a> {
    pub(super) plan: &'a Plan,
    pub(super) decision: Decision<'a>,
    pub(super) feature: Option<&'a str>,
    /// Sticky documents that changed, whole: to be stored.
    pub sticky_updates: Vec<StickyDoc>,
}

impl<'a> Assignment<'a> {
    /// The experiment's key.
    #[must_use]
    pub fn experiment(&self) -> &'a str {
        &self.plan.key
    }

    /// Whether the unit counts for the experiment.
    #[must_use]
    pub fn in_experiment(&self) -> bool {
        self.decision.arm.is_some()
    }

    /// Why it is in, or why not.
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.decision.reason
    }

    /// The place of the variation; 0, the control, for who is not in.
    #[must_use]
    pub fn variation_id(&self) -> usize {
        self.decision.arm.unwrap_or(0)
    }

    /// The key of the variation; its place as text where the definition gives none.
    #[must_use]
    pub fn key(&self) -> &'a str {
        self.arm().map_or("0", |arm| &arm.key)
    }

    /// The value of the variation; null if the experiment has no variations.
    #[must_use]
    pub fn value(&self) -> &'a Value {
        self.arm().map_or(&Value::Null, |arm| &arm.value)
    }

    /// Whether a hash or a sticky bucket chose the variation; false if it was forced.
    #[must_use]
    pub fn hash_used(&self) -> bool {
        matches!(self.reason(), Reason::Assigned | Reason::Sticky)
    }

    /// Whether a sticky bucket decided.
    #[must_use]
    pub fn sticky_bucket_used(&self) -> bool {
        matches!(self.reason(), Reason::Sticky | Reason::Blocked)
    }

    /// Whether the sticky bucket keeps a unit that the hash would put elsewhere now: the weights,
    /// the coverage or the variations were changed under a running experiment.
    #[must_use]
    pub fn moved(&self) -> bool {
        self.reason() == Reason::Sticky && self.decision.hashed_arm != self.decision.arm
    }

    /// The attribute that was hashed.
    #[must_use]
    pub fn hash_attribute(&self) -> &'a str {
        self.decision.attribute
    }

    /// The value that was hashed; null if there was none.
    #[must_use]
    pub fn hash_value(&self) -> Value {
        self.decision.unit.to_json()
    }

    /// The bucket as a share from 0 to 1, for who is in by a hash.
    #[must_use]
    pub fn bucket(&self) -> Option<f64> {
        let bucket = self.decision.bucket.filter(|_| self.hash_used())?;
        Some(f64::from(bucket) / self.plan.hasher.buckets() as f64)
    }

    /// For flat interfaces: the bucket (0 where there is none), the place of the reason and the
    /// place of the variation (65,535 for out) in 32, 5 and 16 bits of one exact float.
    #[doc(hidden)]
    #[must_use]
    pub fn packed(&self) -> f64 {
        let bucket = u64::from(self.decision.bucket.unwrap_or(0));
        let reason = Reason::ALL.iter().position(|r| *r == self.reason());
        let arm = self.decision.arm.unwrap_or(0xFFFF) as u64;
        ((bucket << 21) | ((reason.unwrap_or(0) as u64) << 16) | arm) as f64
    }

    fn arm(&self) -> Option<&'a super::plan::Arm> {
        self.plan.arms.get(self.variation_id())
    }

    /// All of it, as every language gives it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let arm = self.arm();
        let bandit = self.decision.leaf.filter(|_| self.hash_used());
        json!({
            "experiment": self.experiment(),
            "variation_id": self.variation_id(),
            "key": self.key(),
            "name": arm.and_then(|arm| arm.name.as_deref()),
            "value": self.value(),
            "passthrough": arm.is_some_and(|arm| arm.passthrough),
            "in_experiment": self.in_experiment(),
            "reason": self.reason().as_str(),
            "hash_used": self.hash_used(),
            "hash_attribute": self.hash_attribute(),
            "hash_value": self.hash_value(),
            "bucket": self.bucket(),
            "sticky_bucket_used": self.sticky_bucket_used(),
            "moved": self.moved(),
            "feature_id": self.feature,
            "bandit": bandit.map(|(bandit, leaf)| json!({
                "leaf_id": leaf_id(leaf),
                "variation_weights": used_weights(bandit, leaf),
                "bandit_version": bandit.version,
            })),
            "sticky_updates": self.sticky_updates.iter().map(StickyDoc::to_json).collect::<Vec<_>>(),
        })
    }

    /// The definition as GrowthBook's SDK repeats it, with the weights that were used.
    pub(super) fn definition(&self) -> Option<Value> {
        let mut definition = self.plan.definition.clone()?;
        if let (Some(map), Some((bandit, leaf))) = (definition.as_object_mut(), self.decision.leaf)
        {
            if let Some(leaf) = leaf {
                map.insert("weights".to_owned(), leaf.weights.clone());
            }
            if self.hash_used() {
                let mut used = json!({
                    "leafId": leaf_id(leaf),
                    "variationWeights": used_weights(bandit, leaf),
                });
                if let (Some(used), Some(version)) = (used.as_object_mut(), &bandit.version) {
                    used.insert("banditVersion".to_owned(), version.clone());
                }
                map.insert("contextualBandit".to_owned(), used);
            }
        }
        Some(definition)
    }
}

/// The leaf that the context fell into; −1 for none.
fn leaf_id(leaf: Option<&Leaf>) -> Value {
    leaf.map_or_else(|| Value::from(-1), |leaf| leaf.id.clone())
}

fn used_weights<'a>(bandit: &'a Bandit, leaf: Option<&'a Leaf>) -> &'a Value {
    leaf.map_or(&bandit.weights, |leaf| &leaf.weights)
}

/// The value of one feature for one user.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FeatureAnswer<'a> {
    /// The feature's key.
    pub key: String,
    /// The value; null if the feature has none.
    pub value: Value,
    /// Where the value comes from: `unknownFeature`, `defaultValue`, `force`, `experiment`,
    /// `prerequisite`, `cyclicPrerequisite`, `override`; for Unleash's features
    /// `unknownFeature`, `disabled`, `prerequisite`, `noStrategy` or the strategy's name.
    pub source: String,
    /// The id of the rule that decided, or empty.
    pub rule_id: String,
    /// The assignment, if an experiment decided.
    pub assignment: Option<Assignment<'a>>,
    /// The variant of an Unleash feature: `{"name", "enabled", "payload"?}`.
    pub variant: Option<Value>,
    /// The definition of the experiment, if the context asks to explain.
    pub definition: Option<Value>,
    /// Sticky documents that changed, whole: to be stored.
    pub sticky_updates: Vec<StickyDoc>,
}

impl FeatureAnswer<'_> {
    pub(super) fn new(key: &str, value: Value, source: &str) -> Self {
        Self {
            key: key.to_owned(),
            value,
            source: source.to_owned(),
            rule_id: String::new(),
            assignment: None,
            variant: None,
            definition: None,
            sticky_updates: Vec::new(),
        }
    }

    /// Whether the value is one that JavaScript takes for true.
    #[must_use]
    pub fn on(&self) -> bool {
        crate::condition::is_truthy(&self.value)
    }

    /// All of it, as every language gives it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "key": self.key,
            "value": self.value,
            "on": self.on(),
            "source": self.source,
            "rule_id": self.rule_id,
            "assignment": self.assignment.as_ref().map(Assignment::to_json),
            "variant": self.variant,
            "definition": self.definition,
            "sticky_updates": self.sticky_updates.iter().map(StickyDoc::to_json).collect::<Vec<_>>(),
        })
    }
}
