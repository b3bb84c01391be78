//! The ways to divide events, and their options.

use serde_json::Value as Json;

use super::super::options::invalid;
use crate::error::{Result, shown};
use crate::event::{check_timestamp, timestamp_from_number};
use crate::fields::Fields;

/// How to divide events; see [`split`](super::split) for what each way means.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum SplitMethod {
    /// The `n` items that each user came to last. Default 1.
    LeaveLastOut {
        /// Items of each user, at least 1.
        n: usize,
    },
    /// What comes at or after a time.
    Time {
        /// The time in Unix milliseconds; if `None`, the time that leaves a share after it.
        at: Option<i64>,
        /// The share of the events to test, where no time is given. Default 0.2.
        share: f64,
    },
    /// A share of each user's items, drawn by hash. Default 0.2.
    Random {
        /// The share of a user's items to test.
        share: f64,
    },
    /// A share of the users, drawn by hash: nothing of theirs is trained on.
    ColdUser {
        /// The share of the users. Default 0.2.
        share: f64,
        /// The share of such a user's items, from the first on, that is given as history.
        /// Default 0.5.
        history_share: f64,
    },
    /// A share of the items, drawn by hash: all their events are tested. Default 0.2.
    ColdItem {
        /// The share of the items.
        share: f64,
    },
}

/// How [`split`](super::split) divides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SplitOptions {
    /// The way.
    pub method: SplitMethod,
    /// Seed of the hashes. Default 0.
    pub seed: u64,
}

impl SplitOptions {
    /// A method with the seed 0.
    #[must_use]
    pub fn new(method: SplitMethod) -> Self {
        Self { method, seed: 0 }
    }

    /// Options from a JSON object: `{"method": "leave_last_out", "n": 1}`,
    /// `{"method": "time", "at": null, "share": 0.2}`, `{"method": "random", "share": 0.2}`,
    /// `{"method": "cold_user", "share": 0.2, "history_share": 0.5}` or
    /// `{"method": "cold_item", "share": 0.2}`, each with its defaults, and `"seed": 0`.
    ///
    /// # Errors
    /// [`crate::ErrorKind::InvalidArgument`], [`crate::ErrorKind::InvalidTimestamp`] for `at`.
    pub fn from_json(value: &Json) -> Result<Self> {
        let all = Fields::new(
            "options",
            value,
            &["method", "seed", "n", "at", "share", "history_share"],
        )?;
        let name = all.text("method")?.unwrap_or("");
        let own: &[&str] = match name {
            "leave_last_out" => &["method", "seed", "n"],
            "time" => &["method", "seed", "at", "share"],
            "random" | "cold_item" => &["method", "seed", "share"],
            "cold_user" => &["method", "seed", "share", "history_share"],
            _ => {
                return Err(invalid(format!(
                    "options.method is {}; it is leave_last_out, time, random, cold_user or cold_item",
                    shown(name)
                )));
            }
        };
        // A field that the method does not have is refused, unless it is null.
        let given = |field: &&str| all.get(field).is_some() && !own.contains(field);
        if let Some(stranger) = ["n", "at", "share", "history_share"]
            .iter()
            .find(|f| given(f))
        {
            return Err(invalid(format!(
                "options.{stranger} is not known to the method {name}; it knows {}",
                own.join(", ")
            )));
        }
        let share = all.number("share", 0.2, 0.0, 1.0)?;
        let method = match name {
            "leave_last_out" => SplitMethod::LeaveLastOut {
                n: all.whole("n", 1, 1, u64::from(u32::MAX))? as usize,
            },
            "time" => SplitMethod::Time {
                at: match all.get("at") {
                    None => None,
                    Some(at) => Some(timestamp_from_number(
                        "options.at",
                        at.as_f64().unwrap_or(f64::NAN),
                    )?),
                },
                share,
            },
            "random" => SplitMethod::Random { share },
            "cold_item" => SplitMethod::ColdItem { share },
            _ => SplitMethod::ColdUser {
                share,
                history_share: all.number("history_share", 0.5, 0.0, 1.0)?,
            },
        };
        let options = Self {
            method,
            seed: all.whole("seed", 0, 0, u64::MAX)?,
        };
        options.validate()?;
        Ok(options)
    }

    pub(super) fn validate(&self) -> Result<()> {
        let share = |name: &str, value: f64, most: f64| {
            // Written so that a NaN is refused.
            if value > 0.0 && value <= most && value < 1.0 {
                return Ok(());
            }
            Err(invalid(format!(
                "{name} is {value}; it must be above 0 and below 1"
            )))
        };
        match self.method {
            SplitMethod::LeaveLastOut { n: 0 } => Err(invalid("n is 0; it must be at least 1")),
            SplitMethod::LeaveLastOut { .. } => Ok(()),
            SplitMethod::Time { at: Some(at), .. } => check_timestamp("at", at),
            SplitMethod::Time { at: None, share: s }
            | SplitMethod::Random { share: s }
            | SplitMethod::ColdItem { share: s } => share("share", s, 1.0),
            SplitMethod::ColdUser {
                share: s,
                history_share,
            } => {
                share("share", s, 1.0)?;
                if (0.0..1.0).contains(&history_share) {
                    return Ok(());
                }
                Err(invalid(format!(
                    "history_share is {history_share}; it must be from 0 up to, but not including, 1"
                )))
            }
        }
    }
}
