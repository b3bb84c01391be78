//! Options of the co-occurrence trainer.

use serde_json::{Value as Json, json};

use crate::error::Result;
use crate::fields::Fields;

/// Options of the co-occurrence trainer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CooccurrenceOptions {
    /// How what two items share is weighted. Default: RP3β.
    pub weighting: Weighting,
}

/// How what two items share is weighted. In JSON, `weighting` names it and its parameters stand
/// beside; those of other weightings are refused.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Weighting {
    /// `"cosine"`: the cosine of the items' columns.
    Cosine,
    /// `"bm25"`: inner products of columns weighted by Okapi BM25.
    Bm25 {
        /// How late a repeated event stops to count more, 0 to 1000. Default 1.2.
        k1: f64,
        /// How much a popular item counts less, 0 to 1. Default 0.75.
        b: f64,
    },
    /// `"p3alpha"`: a random walk from the item to a user to an item.
    P3Alpha {
        /// Exponent of the probabilities of a step, 0 to 4. Default 1.
        alpha: f64,
    },
    /// `"rp3beta"`: the same walk, with popular ends counting less.
    Rp3Beta {
        /// Exponent of the probabilities of a step, 0 to 4. Default 1.
        alpha: f64,
        /// Exponent of the popularity of the end, −2 to 4. Default 0.5.
        beta: f64,
    },
}

impl Default for Weighting {
    fn default() -> Self {
        Self::Rp3Beta {
            alpha: 1.0,
            beta: 0.5,
        }
    }
}

impl CooccurrenceOptions {
    pub(super) fn from_json(value: &Json, what: &str) -> Result<Self> {
        let weighting = value.get("weighting").filter(|name| !name.is_null());
        let name = weighting.map_or(Some("rp3beta"), Json::as_str);
        let own: &[&str] = match name {
            Some("bm25") => &["k1", "b"],
            Some("p3alpha") => &["alpha"],
            Some("rp3beta") => &["alpha", "beta"],
            _ => &[],
        };
        let names = [&["name", "weight", "weighting"], own].concat();
        let fields = Fields::new(what, value, &names)?;
        let alpha = || fields.number("alpha", 1.0, 0.0, 4.0);
        let weighting = match name {
            Some("cosine") => Weighting::Cosine,
            Some("bm25") => Weighting::Bm25 {
                k1: fields.number("k1", 1.2, 0.0, 1000.0)?,
                b: fields.number("b", 0.75, 0.0, 1.0)?,
            },
            Some("p3alpha") => Weighting::P3Alpha { alpha: alpha()? },
            Some("rp3beta") => Weighting::Rp3Beta {
                alpha: alpha()?,
                beta: fields.number("beta", 0.5, -2.0, 4.0)?,
            },
            _ => {
                let given = weighting.unwrap_or(&Json::Null);
                let rule = "it must be cosine, bm25, p3alpha or rp3beta";
                return Err(fields.wrong("weighting", given, rule));
            }
        };
        Ok(Self { weighting })
    }

    pub(super) fn to_json(&self) -> Json {
        match self.weighting {
            Weighting::Cosine => json!({"weighting": "cosine"}),
            Weighting::Bm25 { k1, b } => json!({"weighting": "bm25", "k1": k1, "b": b}),
            Weighting::P3Alpha { alpha } => json!({"weighting": "p3alpha", "alpha": alpha}),
            Weighting::Rp3Beta { alpha, beta } => {
                json!({"weighting": "rp3beta", "alpha": alpha, "beta": beta})
            }
        }
    }
}
