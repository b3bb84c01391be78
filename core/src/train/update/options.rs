//! Options of updating.

use serde_json::{Value as Json, json};

use crate::error::Result;
use crate::fields::Fields;
use crate::rank::check_threads;

/// Options of [`crate::train::update`]. Everything else is as the model was trained.
///
/// ```
/// use tastemaker::{json::json, train::UpdateOptions};
/// assert_eq!(UpdateOptions::default().tolerance, 0.25);
/// assert!(UpdateOptions::from_json(&json!({"tolerance": 2})).is_err());
/// # Ok::<(), tastemaker::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct UpdateOptions {
    /// What share of an item's co-occurrences may have changed before the item is learnt again,
    /// 0 to 1. With 0 everything is, as by training. Default 0.25.
    pub tolerance: f64,
    /// Leaves invalid rows out instead of failing. Default false.
    pub skip_invalid: bool,
    /// Threads, 1 to 1024. The result does not depend on it. Default 1.
    pub threads: usize,
}

impl Default for UpdateOptions {
    fn default() -> Self {
        Self {
            tolerance: 0.25,
            skip_invalid: false,
            threads: 1,
        }
    }
}

impl UpdateOptions {
    /// The defaults, changed by the fields of a JSON object.
    ///
    /// # Errors
    /// [`crate::ErrorKind::InvalidArgument`] for an unknown name or a value out of range.
    pub fn from_json(value: &Json) -> Result<Self> {
        let fields = Fields::new("options", value, &["tolerance", "skip_invalid", "threads"])?;
        let d = Self::default();
        Ok(Self {
            tolerance: fields.number("tolerance", d.tolerance, 0.0, 1.0)?,
            skip_invalid: fields.bool("skip_invalid", d.skip_invalid)?,
            threads: fields.whole("threads", d.threads as u64, 1, 1024)? as usize,
        })
    }

    /// Checks every range.
    ///
    /// # Errors
    /// [`crate::ErrorKind::InvalidArgument`].
    pub fn validate(&self) -> Result<()> {
        check_threads(self.threads)?;
        // A number that is not finite has no JSON; null would read as the default.
        let tolerance = if self.tolerance.is_finite() {
            self.tolerance
        } else {
            -1.0
        };
        Self::from_json(&json!({"tolerance": tolerance})).map(|_| ())
    }
}
