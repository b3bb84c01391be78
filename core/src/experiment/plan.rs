//! A compiled experiment: what `decide` reads.

use super::hash::Hasher;
use super::share::Range;
use crate::condition::Condition;
use crate::error::{Error, ErrorKind, Result};
use serde_json::Value;

/// One experiment.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) key: String,
    pub(super) hasher: Hasher,
    pub(super) attribute: String,
    pub(super) fallback: Option<String>,
    pub(super) arms: Vec<Arm>,
    pub(super) ranges: Vec<Range>,
    /// The ranges as they were written, for who asks.
    pub(super) shares: Vec<(f64, f64)>,
    pub(super) gates: Vec<Gate>,
    /// Who is in at all, by a hash of its own (version 3).
    pub(super) coverage: Option<Coverage>,
    pub(super) condition: Option<Condition>,
    pub(super) parents: Vec<Parent>,
    /// A place in `arms`, or a number beyond it for "not in the experiment".
    pub(super) force: Option<usize>,
    pub(super) state: State,
    pub(super) bucket_version: u64,
    pub(super) min_bucket_version: u64,
    pub(super) sticky: bool,
    pub(super) bandit: Option<Bandit>,
    /// The definition as GrowthBook's SDK repeats it.
    pub(super) definition: Option<Value>,
}

impl Plan {
    /// Whether nothing but the hash of the unit decides, where no context is given.
    #[inline]
    pub(super) fn is_by_hash(&self) -> bool {
        self.state == State::Running
            && self.arms.len() > 1
            && self.gates.is_empty()
            && self.coverage.is_none()
            && self.condition.is_none()
            && self.parents.is_empty()
            && self.force.is_none()
            && self.bandit.is_none()
    }

    /// The arm whose range has the bucket.
    #[inline]
    pub(super) fn arm_of(&self, ranges: &[Range], bucket: u32) -> Option<usize> {
        // The first that has it. Which one cannot be foreseen, so there is no branch on it.
        let mut found = usize::MAX;
        for (arm, range) in ranges.iter().enumerate().rev() {
            found = if range.has(bucket) { arm } else { found };
        }
        (found < self.arms.len()).then_some(found)
    }
}

/// One variation.
#[derive(Debug)]
pub(super) struct Arm {
    pub(super) key: String,
    /// Whether the definition gives the key; a sticky bucket finds no other.
    pub(super) keyed: bool,
    pub(super) name: Option<String>,
    pub(super) value: Value,
    pub(super) passthrough: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Running,
    Inactive,
    Stopped,
    /// It asks for targeting by URL, which this library does not do.
    UrlTargeting,
}

/// A hash that must lie in a range: a filter, a namespace, a layer; or must not: a holdout.
#[derive(Debug)]
pub(super) struct Gate {
    /// The attribute, if it is not the experiment's.
    pub(super) attribute: Option<String>,
    pub(super) hasher: Hasher,
    pub(super) ranges: Vec<Range>,
    pub(super) inside: bool,
    pub(super) reason: super::Reason,
}

/// The share of units that are in the experiment, by time.
#[derive(Debug)]
pub(super) struct Coverage {
    pub(super) hasher: Hasher,
    /// From a time on, the buckets below a bound; bounds never sink.
    pub(super) steps: Vec<(i64, u64)>,
}

impl Coverage {
    /// Whether the share depends on the time.
    pub(super) fn is_ramp(&self) -> bool {
        !matches!(self.steps.as_slice(), [(i64::MIN, _)])
    }

    /// The bound at a time; before the first step nobody is in.
    pub(super) fn bound(&self, now: i64) -> u64 {
        let passed = self.steps.partition_point(|(start, _)| *start <= now);
        let last = passed.checked_sub(1).and_then(|i| self.steps.get(i));
        last.map_or(0, |(_, bound)| *bound)
    }
}

/// A feature whose value must fulfil a condition.
#[derive(Debug)]
pub(super) struct Parent {
    pub(super) feature: String,
    pub(super) condition: Condition,
    pub(super) gate: bool,
}

/// Weights by context, learnt elsewhere.
#[derive(Debug)]
pub(super) struct Bandit {
    pub(super) version: Option<Value>,
    pub(super) leaves: Vec<Leaf>,
    /// What holds where no leaf does: the experiment's own weights.
    pub(super) weights: Value,
}

#[derive(Debug)]
pub(super) struct Leaf {
    pub(super) id: Value,
    pub(super) condition: Condition,
    pub(super) weights: Value,
    pub(super) ranges: Vec<Range>,
}

/// The most variations of one experiment.
pub(super) const MAX_ARMS: usize = 1_000;

/// Refuses an experiment with too many variations.
pub(super) fn check_arms(key: &str, count: usize) -> Result<()> {
    if count <= MAX_ARMS {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::LimitExceeded,
        format!(
            "experiments.{} has {count} variations; at most {MAX_ARMS}",
            crate::error::shown(key)
        ),
    ))
}
