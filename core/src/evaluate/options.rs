//! What is asked for: cut-offs, extras, intervals, and the test set itself.

use serde_json::Value as Json;

use crate::error::{Error, ErrorKind, Result, shown};
use crate::event::{EventColumns, IdColumn};
use crate::fields::Fields;
use crate::rank::{check_k, check_threads};

/// The most cut-offs of one evaluation.
const MAX_CUTOFFS: usize = 32;
/// The largest cut-off.
const MAX_K: u64 = 1_000_000;
/// The most resamples, and the most permutations.
const MAX_ROUNDS: u64 = 1_000_000;
/// The most buckets of history lengths.
const MAX_BUCKETS: usize = 100;

/// The pairs to test on, and what is known about their users.
#[derive(Clone, Copy, Debug)]
pub struct TestSet<'a> {
    /// Who.
    pub user_id: IdColumn<'a>,
    /// The item that the user came to, and that training did not see.
    pub item_id: IdColumn<'a>,
    /// Histories to answer from: a user who has rows here is answered from these rows alone, and
    /// any other one from the history in the snapshot. This is how users that training did not
    /// see are tested.
    pub history: Option<EventColumns<'a>>,
    /// A label for each user, as (users, labels); users without one are in no segment.
    pub segments: Option<(IdColumn<'a>, IdColumn<'a>)>,
}

impl<'a> TestSet<'a> {
    /// Pairs alone.
    #[must_use]
    pub fn new(user_id: IdColumn<'a>, item_id: IdColumn<'a>) -> Self {
        Self {
            user_id,
            item_id,
            history: None,
            segments: None,
        }
    }

    pub(super) fn check(&self) -> Result<()> {
        let same = |name: &str, len: usize, other: &str, expected: usize| {
            if len == expected {
                return Ok(());
            }
            Err(Error::new(
                ErrorKind::LengthMismatch,
                format!("column {name} has {len} rows and {other} has {expected}"),
            ))
        };
        same("item_id", self.item_id.len(), "user_id", self.user_id.len())?;
        if let Some((users, labels)) = &self.segments {
            same("segment", labels.len(), "segments.user_id", users.len())?;
        }
        Ok(())
    }
}

/// How [`evaluate`](super::evaluate) measures.
#[derive(Clone, Debug, PartialEq)]
pub struct EvaluateOptions {
    /// Cut-offs: how many places count, each at least 1. The first is the main one. Default 20.
    pub k: Vec<usize>,
    /// Threads; the result does not depend on it. Default 1.
    pub threads: usize,
    /// Leaves out of the lists what the history has. Default true.
    pub exclude_seen: bool,
    /// Measures [`Metrics::auc`](super::Metrics::auc) too, which needs the scores of all items:
    /// some 0.03 ms a user more. Default false.
    pub auc: bool,
    /// Attributes (text, tags or booleans) by which [`Metrics::diversity`](super::Metrics::diversity)
    /// compares items; it is not measured without any. Default none.
    pub diversity: Vec<String>,
    /// Gives the values of every user too. Default false.
    pub per_user: bool,
    /// Resamples of the bootstrap; 0 for no intervals. Default 1,000.
    pub resamples: usize,
    /// What share of the resamples an interval holds, 0.5 to 0.999. Default 0.95.
    pub confidence: f64,
    /// Seed of the resamples. Default 0.
    pub seed: u64,
    /// Lower bounds of the groups by length of history, ascending; none for no such groups.
    /// Default 0, 1, 5, 10, 20, 50.
    pub history_buckets: Vec<usize>,
}

impl Default for EvaluateOptions {
    fn default() -> Self {
        Self {
            k: vec![20],
            threads: 1,
            exclude_seen: true,
            auc: false,
            diversity: Vec::new(),
            per_user: false,
            resamples: 1000,
            confidence: 0.95,
            seed: 0,
            history_buckets: vec![0, 1, 5, 10, 20, 50],
        }
    }
}

impl EvaluateOptions {
    /// Options from a JSON object with the fields of this struct; `k` may be a number, too.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`].
    pub fn from_json(value: &Json) -> Result<Self> {
        let names = [
            "k",
            "threads",
            "exclude_seen",
            "auc",
            "diversity",
            "per_user",
            "resamples",
            "confidence",
            "seed",
            "history_buckets",
        ];
        let fields = Fields::new("options", value, &names)?;
        let d = Self::default();
        let options = Self {
            k: cutoffs(&fields, d.k)?,
            threads: fields.whole("threads", 1, 1, 1024)? as usize,
            exclude_seen: fields.bool("exclude_seen", d.exclude_seen)?,
            auc: fields.bool("auc", d.auc)?,
            diversity: fields.texts("diversity")?.unwrap_or(d.diversity),
            per_user: fields.bool("per_user", d.per_user)?,
            resamples: fields.whole("resamples", d.resamples as u64, 0, MAX_ROUNDS)? as usize,
            confidence: fields.number("confidence", d.confidence, 0.5, 0.999)?,
            seed: fields.whole("seed", d.seed, 0, u64::MAX)?,
            history_buckets: whole_list(&fields, "history_buckets", 0, u64::from(u32::MAX))?
                .unwrap_or(d.history_buckets),
        };
        options.validate()?;
        Ok(options)
    }

    pub(super) fn validate(&self) -> Result<()> {
        check_cutoffs(&self.k)?;
        check_threads(self.threads)?;
        check_rounds("resamples", self.resamples)?;
        check_confidence(self.confidence)?;
        let ascend = self
            .history_buckets
            .windows(2)
            .all(|w| w.first() < w.last());
        if !ascend || self.history_buckets.len() > MAX_BUCKETS {
            return Err(invalid(format!(
                "history_buckets is {}; it must be at most {MAX_BUCKETS} ascending lower bounds",
                shown(&format!("{:?}", self.history_buckets))
            )));
        }
        Ok(())
    }
}

/// How [`compare`](super::compare) measures.
#[derive(Clone, Debug, PartialEq)]
pub struct CompareOptions {
    /// Cut-offs, as in [`EvaluateOptions::k`]. Default 20.
    pub k: Vec<usize>,
    /// Threads; the result does not depend on it. Default 1.
    pub threads: usize,
    /// Leaves out of the lists what the history has. Default true.
    pub exclude_seen: bool,
    /// Compares the AUC too. Default false.
    pub auc: bool,
    /// Attributes for the diversity, as in [`EvaluateOptions::diversity`]. Default none.
    pub diversity: Vec<String>,
    /// Resamples of the bootstrap; 0 for no intervals. Default 1,000.
    pub resamples: usize,
    /// What share of the resamples an interval holds, 0.5 to 0.999. Default 0.95.
    pub confidence: f64,
    /// Random patterns of signs; 0 for no p-values. If there are no more patterns than this for
    /// the number of users, each is tried once. Default 10,000.
    pub permutations: usize,
    /// Seed of the resamples and of the patterns. Default 0.
    pub seed: u64,
}

impl Default for CompareOptions {
    fn default() -> Self {
        Self {
            k: vec![20],
            threads: 1,
            exclude_seen: true,
            auc: false,
            diversity: Vec::new(),
            resamples: 1000,
            confidence: 0.95,
            permutations: 10_000,
            seed: 0,
        }
    }
}

impl CompareOptions {
    /// Options from a JSON object with the fields of this struct; `k` may be a number, too.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`].
    pub fn from_json(value: &Json) -> Result<Self> {
        let names = [
            "k",
            "threads",
            "exclude_seen",
            "auc",
            "diversity",
            "resamples",
            "confidence",
            "permutations",
            "seed",
        ];
        let fields = Fields::new("options", value, &names)?;
        let d = Self::default();
        let options = Self {
            k: cutoffs(&fields, d.k)?,
            threads: fields.whole("threads", 1, 1, 1024)? as usize,
            exclude_seen: fields.bool("exclude_seen", d.exclude_seen)?,
            auc: fields.bool("auc", d.auc)?,
            diversity: fields.texts("diversity")?.unwrap_or(d.diversity),
            resamples: fields.whole("resamples", d.resamples as u64, 0, MAX_ROUNDS)? as usize,
            confidence: fields.number("confidence", d.confidence, 0.5, 0.999)?,
            permutations: fields.whole("permutations", d.permutations as u64, 0, MAX_ROUNDS)?
                as usize,
            seed: fields.whole("seed", d.seed, 0, u64::MAX)?,
        };
        options.validate()?;
        Ok(options)
    }

    pub(super) fn validate(&self) -> Result<()> {
        check_cutoffs(&self.k)?;
        check_threads(self.threads)?;
        check_rounds("resamples", self.resamples)?;
        check_rounds("permutations", self.permutations)?;
        check_confidence(self.confidence)
    }
}

fn cutoffs(fields: &Fields<'_>, default: Vec<usize>) -> Result<Vec<usize>> {
    match fields.get("k") {
        Some(Json::Array(_)) => Ok(whole_list(fields, "k", 1, MAX_K)?.unwrap_or(default)),
        Some(_) => Ok(vec![fields.whole("k", 20, 1, MAX_K)? as usize]),
        None => Ok(default),
    }
}

fn whole_list(fields: &Fields<'_>, name: &str, min: u64, max: u64) -> Result<Option<Vec<usize>>> {
    let Some(value) = fields.get(name) else {
        return Ok(None);
    };
    let whole = |v: &Json| {
        let number = v.as_f64().filter(|n| *n == n.trunc())?;
        (min as f64..=max as f64)
            .contains(&number)
            .then_some(number as usize)
    };
    let list = value
        .as_array()
        .and_then(|list| list.iter().map(whole).collect::<Option<Vec<usize>>>());
    list.map(Some).ok_or_else(|| {
        fields.wrong(
            name,
            value,
            &format!("it must be a list of whole numbers from {min} to {max}"),
        )
    })
}

fn check_cutoffs(k: &[usize]) -> Result<()> {
    for &k in k {
        check_k(k)?;
        if k as u64 > MAX_K {
            return Err(invalid(format!("k is {k}; it must be at most {MAX_K}")));
        }
    }
    let repeated = k
        .iter()
        .enumerate()
        .any(|(i, k_i)| k.iter().take(i).any(|k| k == k_i));
    if k.is_empty() || k.len() > MAX_CUTOFFS || repeated {
        return Err(invalid(format!(
            "k is {}; it must be from 1 to {MAX_CUTOFFS} different cut-offs",
            shown(&format!("{k:?}"))
        )));
    }
    Ok(())
}

fn check_rounds(name: &str, rounds: usize) -> Result<()> {
    if rounds as u64 > MAX_ROUNDS {
        return Err(invalid(format!(
            "{name} is {rounds}; it must be at most {MAX_ROUNDS}"
        )));
    }
    Ok(())
}

fn check_confidence(confidence: f64) -> Result<()> {
    if (0.5..=0.999).contains(&confidence) {
        return Ok(());
    }
    Err(invalid(format!(
        "confidence is {confidence}; it must be from 0.5 to 0.999"
    )))
}

pub(super) fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidArgument, message.into())
}
