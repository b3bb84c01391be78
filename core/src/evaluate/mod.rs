//! How good a model is on events that it has not seen.
//!
//! For every user of the test set the model recommends from the history in the snapshot, with
//! the history left out, and the metrics compare the first `k` places with the test items.

mod metrics;

use std::ops::Range;

use serde_json::{Value as Json, json};

pub use metrics::Metrics;

use crate::control::Control;
use crate::error::{Error, ErrorKind, Result};
use crate::event::IdColumn;
use crate::fields::Fields;
use crate::id::check_id;
use crate::model::{BatchOptions, Model};
use crate::rank::{check_k, check_threads};

/// Users whose answers are in memory at a time.
const USERS_A_STEP: usize = 8192;

/// How [`evaluate`] measures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvaluateOptions {
    /// Places that count, at least 1. Default 20.
    pub k: usize,
    /// Threads; the result does not depend on it. Default 1.
    pub threads: usize,
}

impl Default for EvaluateOptions {
    fn default() -> Self {
        Self { k: 20, threads: 1 }
    }
}

impl EvaluateOptions {
    /// Options from a JSON object: `{"k": 20, "threads": 1}`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`].
    pub fn from_json(value: &Json) -> Result<Self> {
        let fields = Fields::new("options", value, &["k", "threads"])?;
        Ok(Self {
            k: fields.whole("k", 20, 1, 1_000_000)? as usize,
            threads: fields.whole("threads", 1, 1, 1024)? as usize,
        })
    }
}

/// Metrics of the model and, beside them, of plain popularity on the same users.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Evaluation {
    /// Places that counted.
    pub k: usize,
    /// Users with at least one test item: the averages are over them.
    pub users: usize,
    /// Those of them without a history in the snapshot.
    pub cold_users: usize,
    /// Test pairs whose item the model does not have; they count as misses.
    pub unknown_items: usize,
    /// The model.
    pub model: Metrics,
    /// The baseline: items by popularity.
    pub popularity: Metrics,
}

impl Evaluation {
    /// The evaluation as JSON.
    #[must_use]
    pub fn to_json(&self) -> Json {
        json!({
            "k": self.k,
            "users": self.users,
            "cold_users": self.cold_users,
            "unknown_items": self.unknown_items,
            "model": self.model.to_json(),
            "popularity": self.popularity.to_json(),
        })
    }
}

/// Measures a model on test pairs of user and item.
///
/// A pair twice counts once. Test items that are in the user's training history cannot be
/// recommended and count as misses; split so that there are none. Stages of progress: `model`,
/// `popularity`.
///
/// # Errors
/// [`ErrorKind::LengthMismatch`], [`ErrorKind::InvalidId`], [`ErrorKind::InvalidArgument`] for
/// options out of range or a model without histories, [`ErrorKind::Cancelled`].
pub fn evaluate(
    model: &Model,
    user_id: &IdColumn<'_>,
    item_id: &IdColumn<'_>,
    options: &EvaluateOptions,
    control: &Control<'_>,
) -> Result<Evaluation> {
    check_k(options.k)?;
    check_threads(options.threads)?;
    if user_id.len() != item_id.len() {
        return Err(Error::new(
            ErrorKind::LengthMismatch,
            format!(
                "column item_id has {} rows and user_id has {}",
                item_id.len(),
                user_id.len()
            ),
        ));
    }
    if model.user_count() == 0 {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            "the model holds no histories (keep_profiles was false, or it is an edge export), so there is nothing to answer from",
        ));
    }
    let truth = Truth::new(model, user_id, item_id)?;
    let measure = |baseline: bool| -> Result<Metrics> {
        let stage = if baseline { "popularity" } else { "model" };
        let batch_options = BatchOptions {
            k: options.k,
            threads: options.threads,
            baseline,
            ..BatchOptions::default()
        };
        let mut sum = metrics::Sum::new(model.item_count());
        for (step, users) in truth.users.chunks(USERS_A_STEP).enumerate() {
            control.report(
                stage,
                (step * USERS_A_STEP) as u64,
                truth.users.len() as u64,
            );
            let batch = model.recommend_indices(users, &batch_options, &control.quiet())?;
            let mut at = 0;
            for row in 0..users.len() {
                let rest = batch.user_row.get(at..).unwrap_or(&[]);
                let len = rest
                    .iter()
                    .take_while(|&&user| user as usize == row)
                    .count();
                let answer = batch.item.get(at..at + len).unwrap_or(&[]);
                sum.add(answer, truth.items(step * USERS_A_STEP + row), options.k);
                at += len;
            }
        }
        control.report(stage, truth.users.len() as u64, truth.users.len() as u64);
        Ok(sum.mean())
    };
    Ok(Evaluation {
        k: options.k,
        users: truth.users.len(),
        cold_users: truth.users.iter().filter(|user| user.is_none()).count(),
        unknown_items: truth.unknown_items,
        model: measure(false)?,
        popularity: measure(true)?,
    })
}

/// The test set by user.
struct Truth {
    /// Index of each test user in the model, users ascending by id.
    users: Vec<Option<u32>>,
    ranges: Vec<Range<usize>>,
    /// Item indices, ascending within a user; an unknown item is `u32::MAX`.
    items: Vec<u32>,
    unknown_items: usize,
}

impl Truth {
    fn new(model: &Model, user_id: &IdColumn<'_>, item_id: &IdColumn<'_>) -> Result<Self> {
        let (user_codes, users) = user_id.encode();
        let (item_codes, items) = item_id.encode();
        for user in &users {
            check_id("user_id", user)?;
        }
        for item in &items {
            check_id("item_id", item)?;
        }
        let known: Vec<Option<u32>> = items.iter().map(|id| model.item_index(id)).collect();
        let mut pairs: Vec<(u32, u32)> = user_codes.into_iter().zip(item_codes).collect();
        pairs.sort_unstable();
        pairs.dedup();
        let mut truth = Self {
            users: Vec::new(),
            ranges: Vec::new(),
            items: Vec::new(),
            unknown_items: 0,
        };
        for group in pairs.chunk_by(|a, b| a.0 == b.0) {
            let start = truth.items.len();
            for &(_, item) in group {
                let index = known.get(item as usize).copied().flatten();
                truth.unknown_items += usize::from(index.is_none());
                truth.items.push(index.unwrap_or(u32::MAX));
            }
            if let Some(items) = truth.items.get_mut(start..) {
                items.sort_unstable();
            }
            truth.ranges.push(start..truth.items.len());
            let user = group
                .first()
                .and_then(|&(user, _)| users.get(user as usize));
            truth
                .users
                .push(user.and_then(|user| model.users().find(user)));
        }
        Ok(truth)
    }

    fn items(&self, user: usize) -> &[u32] {
        self.ranges
            .get(user)
            .and_then(|range| self.items.get(range.clone()))
            .unwrap_or(&[])
    }
}
