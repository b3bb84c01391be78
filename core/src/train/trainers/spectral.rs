//! Options of the spectral trainer.

use serde_json::{Value as Json, json};

use crate::error::Result;
use crate::fields::Fields;

/// Options of the spectral trainer.
#[derive(Clone, Debug, PartialEq)]
pub struct SpectralOptions {
    /// Dimension of the subspace, 1 to 2048; limited by the data. Default 256.
    pub rank: usize,
    /// What the subspace counts beside plain co-occurrence, 0 to 100. Default 0.4.
    pub alpha: f64,
    /// Steps of the subspace iteration, 1 to 20. Default 6.
    pub iterations: usize,
    /// Candidates scored for each item, 1 to 100,000. Default 400.
    pub candidates: usize,
    /// How much a neighbour's popularity counts against the item's, −2 to 2. Default 0.5.
    pub popularity_exponent: f64,
}

impl Default for SpectralOptions {
    fn default() -> Self {
        Self {
            rank: 256,
            alpha: 0.4,
            iterations: 6,
            candidates: 400,
            popularity_exponent: 0.5,
        }
    }
}

impl SpectralOptions {
    pub(super) fn from_json(value: &Json, what: &str) -> Result<Self> {
        let names = [
            "name",
            "weight",
            "rank",
            "alpha",
            "iterations",
            "candidates",
            "popularity_exponent",
        ];
        let fields = Fields::new(what, value, &names)?;
        let d = Self::default();
        Ok(Self {
            rank: fields.whole("rank", d.rank as u64, 1, 2048)? as usize,
            alpha: fields.number("alpha", d.alpha, 0.0, 100.0)?,
            iterations: fields.whole("iterations", d.iterations as u64, 1, 20)? as usize,
            candidates: fields.whole("candidates", d.candidates as u64, 1, 100_000)? as usize,
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
            "rank": self.rank,
            "alpha": self.alpha,
            "iterations": self.iterations,
            "candidates": self.candidates,
            "popularity_exponent": self.popularity_exponent,
        })
    }
}
