//! What was decided, and what came of it: the log that experiments, bandits and off-policy
//! evaluation read.
//!
//! A [`DecisionLog`] is a value: decisions and outcomes are added, two logs merge in any order, and
//! its bytes are the same in every language. Outcomes join their decisions by id
//! ([`DecisionLog::join`]); tables go out as columns ([`DecisionLog::table`]). The module keeps
//! everything in memory, about 100 bytes a decision beside its texts, and does not know engines.

mod bytes;
mod columns;
mod join;
mod pseudonym;
mod record;
#[cfg(test)]
mod tests;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use crate::error::{Error, ErrorKind, Result, shown};
use crate::fields::Fields;
pub use columns::{Column, MISSING, Table, Values};
pub use join::{Aggregate, JoinCounts, JoinOptions, Joined, Level};
use pseudonym::Key;
use record::invalid;
pub use record::{Decision, Outcome, Shown, context_hash};

/// What a log keeps of users.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogOptions {
    /// The secret of the pseudonyms, at least 16 bytes. It is never written.
    pub key: Option<String>,
    /// Keep ids as they are.
    pub raw_users: bool,
}

impl LogOptions {
    /// Pseudonyms by this secret.
    pub fn with_key(key: impl Into<String>) -> Self {
        Self {
            key: Some(key.into()),
            raw_users: false,
        }
    }

    /// Reads `{"key"?, "users"?: "pseudonyms" | "raw"}`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for unknown names and values out of range.
    pub fn from_json(json: &Json) -> Result<Self> {
        let fields = Fields::new("log", json, &["key", "users"])?;
        let raw_users = match fields.text("users")? {
            None | Some("pseudonyms") => false,
            Some("raw") => true,
            Some(given) => {
                let rule = "it must be one of pseudonyms, raw";
                return Err(fields.wrong("users", &given.into(), rule));
            }
        };
        Ok(Self {
            key: fields.text("key")?.map(str::to_owned),
            raw_users,
        })
    }
}

/// Decisions and outcomes.
///
/// Users are kept as pseudonyms: the first 128 bits of HMAC-SHA-256 of the id under the caller's
/// key, as 32 hexadecimal digits. Without a key, a decision that names a user is refused; ids as
/// they are stay only if `raw_users` asks for it.
///
/// ```
/// use tastemaker::experiment::log::{Decision, DecisionLog, JoinOptions, LogOptions, Outcome, Shown};
/// let mut log = DecisionLog::new(&LogOptions::with_key("a secret of 16 bytes or more"))?;
/// let mut decision = Decision::new("d-1", 1_000);
/// decision.user = Some("ada".to_owned());
/// decision.shown.push(Shown::new("mill", 0, 0.25));
/// assert!(log.record(decision.clone())?);
/// assert!(!log.record(decision)?); // the same again changes nothing
/// log.record_outcome(Outcome::new("d-1", "reward", 1.0, 1_500))?;
/// let joined = log.join(&JoinOptions::default())?;
/// assert_eq!(joined.counts.matched, 1);
/// assert_eq!(log.erase("ada")?.decisions, 1);
/// # Ok::<(), tastemaker::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct DecisionLog {
    decisions: BTreeMap<String, Decision>,
    outcomes: BTreeSet<Outcome>,
    raw_users: bool,
    key: Option<Key>,
    /// Which key made the pseudonyms; zeros for none yet.
    fingerprint: [u8; 8],
}

/// What [`DecisionLog::merge`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Merged {
    /// Decisions that were not there before.
    pub decisions: u64,
    /// Outcomes that were not there before.
    pub outcomes: u64,
    /// Ids of decisions that both logs have, and that differ, ascending. The one that comes first
    /// in a fixed order of contents is kept, whichever log it was in.
    pub conflicts: Vec<String>,
}

/// What was taken out of a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Removed {
    /// Decisions.
    pub decisions: u64,
    /// Outcomes.
    pub outcomes: u64,
}

impl Merged {
    /// As JSON.
    #[must_use]
    pub fn to_json(&self) -> Json {
        json!({"decisions": self.decisions, "outcomes": self.outcomes, "conflicts": self.conflicts})
    }
}

impl Removed {
    /// As JSON.
    #[must_use]
    pub fn to_json(&self) -> Json {
        json!({"decisions": self.decisions, "outcomes": self.outcomes})
    }
}

impl PartialEq for DecisionLog {
    fn eq(&self, other: &Self) -> bool {
        self.decisions == other.decisions
            && self.outcomes == other.outcomes
            && self.raw_users == other.raw_users
            && self.fingerprint == other.fingerprint
    }
}

impl DecisionLog {
    /// An empty log.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for a key of fewer than 16 bytes, and one beside
    /// `raw_users`.
    pub fn new(options: &LogOptions) -> Result<Self> {
        let key = options.key.as_deref().map(Key::new).transpose()?;
        if key.is_some() && options.raw_users {
            return Err(invalid(
                "a key is for pseudonyms, and users \"raw\" keeps none".to_owned(),
            ));
        }
        Ok(Self {
            decisions: BTreeMap::new(),
            outcomes: BTreeSet::new(),
            raw_users: options.raw_users,
            fingerprint: key.as_ref().map_or([0; 8], Key::fingerprint),
            key,
        })
    }

    /// What the log keeps of a user's id.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] without a key, unless ids are kept as they are;
    /// [`ErrorKind::InvalidId`].
    pub fn pseudonym(&self, user: &str) -> Result<String> {
        crate::id::check_id("user", user)?;
        match &self.key {
            _ if self.raw_users => Ok(user.to_owned()),
            Some(key) => Ok(key.pseudonym(user)),
            None => Err(invalid(format!(
                "user is {}; users are kept as pseudonyms, for which the log needs its key (or users \
                 \"raw\")",
                shown(user)
            ))),
        }
    }

    /// Adds a decision, whose `user` becomes a pseudonym; false if it is there already.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] if another decision has the id, and as
    /// [`Decision::from_json`] and [`pseudonym`](Self::pseudonym). The log is then as before.
    pub fn record(&mut self, decision: Decision) -> Result<bool> {
        let mut decision = decision.in_order()?;
        if let Some(user) = &decision.user {
            decision.user = Some(self.pseudonym(user)?);
        }
        room(self.decisions.len())?;
        match self.decisions.entry(decision.id.clone()) {
            Entry::Vacant(place) => {
                place.insert(decision);
                Ok(true)
            }
            Entry::Occupied(there) if *there.get() == decision => Ok(false),
            Entry::Occupied(_) => Err(invalid(format!(
                "id is {}; the log has another decision with this id",
                shown(&decision.id)
            ))),
        }
    }

    /// Adds an outcome; false if it is there already: the same decision, reward, value, time, slot
    /// and item are one outcome, delivered twice. Its decision may come later, or never.
    ///
    /// # Errors
    /// As [`Outcome::from_json`].
    pub fn record_outcome(&mut self, mut outcome: Outcome) -> Result<bool> {
        outcome.check()?;
        room(self.outcomes.len())?;
        // The two zeros are one.
        outcome.value += 0.0;
        Ok(self.outcomes.insert(outcome))
    }

    /// Takes over all of another log. The result does not depend on which is merged into which, on
    /// the order of several merges, nor on repeats.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] if the logs keep users differently, or under different keys.
    pub fn merge(&mut self, other: &Self) -> Result<Merged> {
        if self.raw_users != other.raw_users {
            return Err(invalid(
                "one log keeps users as they are, and the other pseudonyms".to_owned(),
            ));
        }
        let none = [0; 8];
        if self.fingerprint != other.fingerprint
            && self.fingerprint != none
            && other.fingerprint != none
        {
            return Err(invalid(
                "the pseudonyms of the two logs were made with different keys".to_owned(),
            ));
        }
        if self.fingerprint == none {
            self.fingerprint = other.fingerprint;
        }
        let mut merged = Merged::default();
        for (id, theirs) in &other.decisions {
            match self.decisions.entry(id.clone()) {
                Entry::Vacant(place) => {
                    place.insert(theirs.clone());
                    merged.decisions += 1;
                }
                Entry::Occupied(mut own) => {
                    let order = theirs.order(own.get());
                    if order.is_lt() {
                        own.insert(theirs.clone());
                    }
                    if order.is_ne() {
                        merged.conflicts.push(id.clone());
                    }
                }
            }
        }
        for outcome in &other.outcomes {
            merged.outcomes += u64::from(self.outcomes.insert(outcome.clone()));
        }
        Ok(merged)
    }

    /// Removes all decisions of a user, and what came of them. Copies of the log must do so, too:
    /// a merge brings back what only one has removed.
    ///
    /// # Errors
    /// As [`pseudonym`](Self::pseudonym).
    pub fn erase(&mut self, user: &str) -> Result<Removed> {
        let user = self.pseudonym(user)?;
        Ok(self.remove(|decision| decision.user.as_ref() == Some(&user)))
    }

    /// Removes decisions before a time with what came of them, and older outcomes whose decision
    /// is not there.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidTimestamp`].
    pub fn expire(&mut self, before: i64) -> Result<Removed> {
        crate::event::check_timestamp("before", before)?;
        let mut removed = self.remove(|decision| decision.time < before);
        let decisions = &self.decisions;
        let count = self.outcomes.len();
        self.outcomes
            .retain(|o| o.time >= before || decisions.contains_key(&o.decision));
        removed.outcomes += (count - self.outcomes.len()) as u64;
        Ok(removed)
    }

    fn remove(&mut self, gone: impl Fn(&Decision) -> bool) -> Removed {
        let (decisions, outcomes) = (self.decisions.len(), self.outcomes.len());
        let all = &self.decisions;
        self.outcomes
            .retain(|o| !all.get(&o.decision).is_some_and(&gone));
        self.decisions.retain(|_, decision| !gone(decision));
        Removed {
            decisions: (decisions - self.decisions.len()) as u64,
            outcomes: (outcomes - self.outcomes.len()) as u64,
        }
    }

    /// The decision with an id.
    #[must_use]
    pub fn decision(&self, id: &str) -> Option<&Decision> {
        self.decisions.get(id)
    }

    /// The decisions, by id.
    pub fn decisions(&self) -> impl ExactSizeIterator<Item = &Decision> {
        self.decisions.values()
    }

    /// The outcomes, by decision, then by time.
    pub fn outcomes(&self) -> impl ExactSizeIterator<Item = &Outcome> {
        self.outcomes.iter()
    }

    /// The outcomes whose decision is not in the log.
    pub fn orphans(&self) -> impl Iterator<Item = &Outcome> {
        let known = |o: &&Outcome| !self.decisions.contains_key(&o.decision);
        self.outcomes.iter().filter(known)
    }
}

fn room(len: usize) -> Result<()> {
    if len >= i32::MAX as usize {
        return Err(Error::new(
            ErrorKind::LimitExceeded,
            "a log has at most 2^31 decisions, and as many outcomes",
        ));
    }
    Ok(())
}
