//! Options of tuning.

use serde_json::{Value as Json, json};

use crate::error::Result;
use crate::fields::Fields;

/// How events are held out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Validation {
    /// By time where there are timestamps, else by chance.
    #[default]
    Auto,
    /// The newest items of each user.
    Time,
    /// Items of each user chosen by a hash of user and item.
    Random,
}

impl Validation {
    /// `"auto"`, `"time"` or `"random"`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Time => "time",
            Self::Random => "random",
        }
    }
}

/// How [`Plan::Auto`](super::super::Plan::Auto) chooses.
///
/// ```
/// use tastemaker::{json::json, train::TuneOptions};
/// let options = TuneOptions::from_json(&json!({"validation": "time", "budget_s": 20}))?;
/// assert_eq!(options.k, 50);
/// # Ok::<(), tastemaker::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct TuneOptions {
    /// How events are held out. Default: by time where there are timestamps.
    pub validation: Validation,
    /// Length of the lists that are judged, 1 to 1000. Default 50: longer than what is shown, as
    /// more hits tell more, and held-out events are never quite like those to come.
    pub k: usize,
    /// Users to judge by, at most; 50 to 1,000,000. Default 8000.
    pub users: usize,
    /// What tuning may cost, in seconds of one core of the year 2024; 0 for no tuning. Default
    /// 60. It is compared with an estimate and not with a clock, so that the choice does not
    /// depend on the machine: where trying everything on everybody would cost more, tuning
    /// looks at a part of the users. Judging by events of the caller looks at all of them, and
    /// saves by leaving out the dearest trainers only.
    pub budget_s: f64,
}

impl Default for TuneOptions {
    fn default() -> Self {
        Self {
            validation: Validation::Auto,
            k: 50,
            users: 8000,
            budget_s: 60.0,
        }
    }
}

impl TuneOptions {
    /// The defaults, changed by the fields of a JSON object.
    ///
    /// # Errors
    /// [`crate::ErrorKind::InvalidArgument`].
    pub fn from_json(value: &Json) -> Result<Self> {
        let names = ["validation", "k", "users", "budget_s"];
        let fields = Fields::new("options.tune", value, &names)?;
        let d = Self::default();
        Ok(Self {
            validation: match fields.text("validation")? {
                None | Some("auto") => Validation::Auto,
                Some("time") => Validation::Time,
                Some("random") => Validation::Random,
                Some(_) => {
                    return Err(fields.wrong(
                        "validation",
                        fields.get("validation").unwrap_or(&Json::Null),
                        "it must be auto, time or random",
                    ));
                }
            },
            k: fields.whole("k", d.k as u64, 1, 1000)? as usize,
            users: fields.whole("users", d.users as u64, 50, 1_000_000)? as usize,
            budget_s: fields.number("budget_s", d.budget_s, 0.0, 1e6)?,
        })
    }

    /// What [`TuneOptions::from_json`] reads.
    #[must_use]
    pub fn to_json(&self) -> Json {
        json!({
            "validation": self.validation.as_str(),
            "k": self.k,
            "users": self.users,
            "budget_s": self.budget_s,
        })
    }
}
