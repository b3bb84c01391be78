//! Options of the implicit ALS trainer.

use serde_json::{Value as Json, json};

use crate::error::Result;
use crate::fields::Fields;

/// Options of the implicit ALS trainer.
#[derive(Clone, Debug, PartialEq)]
pub struct IalsOptions {
    /// Dimension of the factors, 1 to 1024; limited by the number of items. Default 64.
    pub factors: usize,
    /// Most rounds of users, then items, 1 to 100. Default 15.
    pub iterations: usize,
    /// The rounds end before that where one lowers the weighted error on what users have by no
    /// more than this share, 0 to 1. Default `None`: 0.002, or 0 (all rounds) where entries times
    /// factors are at most 10,000,000, so that a round takes milliseconds.
    pub tolerance: Option<f64>,
    /// What an event of weight 1 adds to the confidence of 1, 0 to 1e6. Default 40.
    pub alpha: f64,
    /// Strength of the regularization, 1e-6 to 1e9. Default 10.
    pub regularization: f64,
    /// How much more the factors of those with much evidence are regularized, 0 to 2. Default 0.
    pub regularization_exponent: f64,
    /// Candidates scored for each item, 1 to 100,000. Default 400.
    pub candidates: usize,
    /// How much a neighbour's popularity counts against the item's, −2 to 2. Default 0.
    pub popularity_exponent: f64,
}

impl Default for IalsOptions {
    fn default() -> Self {
        Self {
            factors: 64,
            iterations: 15,
            tolerance: None,
            alpha: 40.0,
            regularization: 10.0,
            regularization_exponent: 0.0,
            candidates: 400,
            popularity_exponent: 0.0,
        }
    }
}

impl IalsOptions {
    pub(super) fn from_json(value: &Json, what: &str) -> Result<Self> {
        let names = [
            "name",
            "weight",
            "factors",
            "iterations",
            "tolerance",
            "alpha",
            "regularization",
            "regularization_exponent",
            "candidates",
            "popularity_exponent",
        ];
        let fields = Fields::new(what, value, &names)?;
        let d = Self::default();
        let whole =
            |name, default: usize, most| Ok(fields.whole(name, default as u64, 1, most)? as usize);
        Ok(Self {
            factors: whole("factors", d.factors, 1024)?,
            iterations: whole("iterations", d.iterations, 100)?,
            tolerance: match fields.get("tolerance") {
                None => None,
                Some(_) => Some(fields.number("tolerance", 0.0, 0.0, 1.0)?),
            },
            alpha: fields.number("alpha", d.alpha, 0.0, 1e6)?,
            regularization: fields.number("regularization", d.regularization, 1e-6, 1e9)?,
            regularization_exponent: fields.number(
                "regularization_exponent",
                d.regularization_exponent,
                0.0,
                2.0,
            )?,
            candidates: whole("candidates", d.candidates, 100_000)?,
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
            "factors": self.factors,
            "iterations": self.iterations,
            "tolerance": self.tolerance,
            "alpha": self.alpha,
            "regularization": self.regularization,
            "regularization_exponent": self.regularization_exponent,
            "candidates": self.candidates,
            "popularity_exponent": self.popularity_exponent,
        })
    }
}
