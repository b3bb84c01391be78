//! Options of the ridge trainer.

use serde_json::{Value as Json, json};

use crate::error::Result;
use crate::fields::Fields;

/// Options of the ridge trainer.
#[derive(Clone, Debug, PartialEq)]
pub struct RidgeOptions {
    /// Strength of the ridge, in events of average weight, 1e-3 to 1e9. Default 20.
    pub lambda: f64,
    /// Items that each item is regressed on, 1 to 1000. Default 100.
    pub support: usize,
    /// How much a long history counts less, −2 to 2. Default 0.5.
    pub user_exponent: f64,
    /// How much a popular item is scaled down in the regression, −2 to 2. Default 0.25.
    pub item_exponent: f64,
    /// How much the popularity of an item counts in the edges to it, −2 to 2. Default 0.25.
    pub popularity_exponent: f64,
    /// Dimension of the subspace that helps to choose the support. Default 256.
    pub rank: usize,
    /// What the subspace counts in that choice, 0 to 100. Default 0.4.
    pub alpha: f64,
    /// Steps of the subspace iteration, 1 to 20. Default 6.
    pub iterations: usize,
    /// Candidates for the support, 1 to 100,000. Default 400.
    pub candidates: usize,
}

impl Default for RidgeOptions {
    fn default() -> Self {
        Self {
            lambda: 20.0,
            support: 100,
            user_exponent: 0.5,
            item_exponent: 0.25,
            popularity_exponent: 0.25,
            rank: 256,
            alpha: 0.4,
            iterations: 6,
            candidates: 400,
        }
    }
}

impl RidgeOptions {
    pub(super) fn from_json(value: &Json, what: &str) -> Result<Self> {
        let names = [
            "name",
            "weight",
            "lambda",
            "support",
            "user_exponent",
            "item_exponent",
            "popularity_exponent",
            "rank",
            "alpha",
            "iterations",
            "candidates",
        ];
        let fields = Fields::new(what, value, &names)?;
        let d = Self::default();
        let exponent = |name, default| fields.number(name, default, -2.0, 2.0);
        Ok(Self {
            lambda: fields.number("lambda", d.lambda, 1e-3, 1e9)?,
            support: fields.whole("support", d.support as u64, 1, 1000)? as usize,
            user_exponent: exponent("user_exponent", d.user_exponent)?,
            item_exponent: exponent("item_exponent", d.item_exponent)?,
            popularity_exponent: exponent("popularity_exponent", d.popularity_exponent)?,
            rank: fields.whole("rank", d.rank as u64, 1, 2048)? as usize,
            alpha: fields.number("alpha", d.alpha, 0.0, 100.0)?,
            iterations: fields.whole("iterations", d.iterations as u64, 1, 20)? as usize,
            candidates: fields.whole("candidates", d.candidates as u64, 1, 100_000)? as usize,
        })
    }

    pub(super) fn to_json(&self) -> Json {
        json!({
            "lambda": self.lambda,
            "support": self.support,
            "user_exponent": self.user_exponent,
            "item_exponent": self.item_exponent,
            "popularity_exponent": self.popularity_exponent,
            "rank": self.rank,
            "alpha": self.alpha,
            "iterations": self.iterations,
            "candidates": self.candidates,
        })
    }
}
