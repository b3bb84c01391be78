//! Options of the sequence trainer.

use serde_json::{Value as Json, json};

use crate::error::Result;
use crate::fields::Fields;

/// Options of the sequence trainer.
#[derive(Clone, Debug, PartialEq)]
pub struct SequenceOptions {
    /// How many moments later an item may come, 1 to 100. Default 10.
    pub window: usize,
    /// What each moment further on counts, relative to the one before, 0 to 1. Default 0.8.
    pub decay: f64,
    /// After how many days between the two a pair counts half, or `None` for no such limit.
    /// Default `None`.
    pub gap_half_life_days: Option<f64>,
    /// How much a later item's popularity counts against the earlier one's, −2 to 2.
    /// Default 0.25.
    pub popularity_exponent: f64,
}

impl Default for SequenceOptions {
    fn default() -> Self {
        Self {
            window: 10,
            decay: 0.8,
            gap_half_life_days: None,
            popularity_exponent: 0.25,
        }
    }
}

impl SequenceOptions {
    pub(super) fn from_json(value: &Json, what: &str) -> Result<Self> {
        let names = [
            "name",
            "weight",
            "window",
            "decay",
            "gap_half_life_days",
            "popularity_exponent",
        ];
        let fields = Fields::new(what, value, &names)?;
        let d = Self::default();
        Ok(Self {
            window: fields.whole("window", d.window as u64, 1, 100)? as usize,
            decay: fields.number("decay", d.decay, 0.0, 1.0)?,
            gap_half_life_days: match fields.get("gap_half_life_days") {
                None => None,
                Some(_) => Some(fields.number("gap_half_life_days", 0.0, 1e-6, 1e6)?),
            },
            popularity_exponent: fields.number(
                "popularity_exponent",
                d.popularity_exponent,
                -2.0,
                2.0,
            )?,
        })
    }

    pub(super) fn to_json(&self) -> Json {
        json!({
            "window": self.window,
            "decay": self.decay,
            "gap_half_life_days": self.gap_half_life_days,
            "popularity_exponent": self.popularity_exponent,
        })
    }
}
