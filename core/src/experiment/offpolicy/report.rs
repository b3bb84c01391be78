//! What an evaluation found.

use serde_json::{Map, Value as Json, json};

use super::bootstrap::Resampled;
use super::options::{Estimator, RewardModel};

/// Whether there is an estimate, and an interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// There are both.
    Ok,
    /// One unit: an estimate without an interval.
    TooFewUnits,
    /// All rows say the same, so that nothing is known of chance.
    ZeroVariance,
    /// The policy takes none of the logged actions: there is nothing to estimate from.
    NoOverlap,
}

impl Status {
    /// The name in reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::TooFewUnits => "too_few_units",
            Self::ZeroVariance => "zero_variance",
            Self::NoOverlap => "no_overlap",
        }
    }
}

/// An estimate, or a difference of two, with its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Estimated {
    /// Whether there is one.
    pub status: Status,
    /// The estimate.
    pub value: Option<f64>,
    /// Its standard error, from the influence of each unit.
    pub standard_error: Option<f64>,
    /// The lower end of the interval: normal, with the quantile of t for so many units.
    pub low: Option<f64>,
    /// The upper end.
    pub high: Option<f64>,
    /// What the bootstrap says.
    pub bootstrap: Option<Resampled>,
}

/// What one estimator found.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Estimate {
    /// Which.
    pub estimator: Estimator,
    /// The value of the policy, a mean a row.
    pub value: Estimated,
    /// The threshold of the weights; `None` for none, and where an estimator has none.
    pub threshold: Option<f64>,
    /// The share of rows whose weights are above it.
    pub above_threshold: Option<f64>,
    /// The value less that of the logging policy, from the same rows.
    pub gain: Estimated,
    /// The chance of as large a difference if there is none.
    pub p_value: Option<f64>,
}

/// What the weights π / μ look like.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Weights {
    /// Rows of equal weight that would say as much: (Σ w)² / Σ w² (Kish 1965).
    pub effective_sample_size: f64,
    /// That by the number of rows.
    pub effective_share: f64,
    /// Their mean: 1 if the propensities are right and the log has all that the policy does.
    pub mean: f64,
    /// Its standard error.
    pub mean_standard_error: Option<f64>,
    /// The largest.
    pub max: f64,
    /// The largest by the sum of all.
    pub largest_share: f64,
    /// The share of rows without weight.
    pub zero_share: f64,
}

/// What the log cannot say.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Support {
    /// Rows whose propensity is missing or 0.
    pub rows_without_propensity: u64,
    /// Of them, rows with an action that the policy may take.
    pub rows_lost: u64,
    /// The policy's mean probability of actions that the logging policy never takes; `None`
    /// without the probabilities of both.
    pub unsupported: Option<f64>,
}

/// The model of rewards that was fitted.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct ModelReport {
    /// Which.
    pub kind: RewardModel,
    /// Parts of the cross-fitting.
    pub folds: u32,
    /// The mean of (r − q̂)², by models that have not seen the row where there are folds.
    pub squared_error: f64,
    /// The same of a model that predicts the mean.
    pub baseline: f64,
}

/// What [`evaluate`](super::evaluate) found.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Report {
    /// Rows of the log.
    pub rows: u64,
    /// Units, or rows.
    pub units: u64,
    /// The level.
    pub alpha: f64,
    /// What the logging policy got: the mean reward.
    pub logged: Estimated,
    /// The estimators, in the order of [`Estimator::ALL`].
    pub estimates: Vec<Estimate>,
    /// The weights.
    pub weights: Weights,
    /// What the log cannot say.
    pub support: Support,
    /// The model of rewards, where one was fitted.
    pub model: Option<ModelReport>,
    /// What a reader must know before the numbers.
    pub warnings: Vec<String>,
    /// All of it in a sentence or two.
    pub verdict: String,
}

/// Two policies by one estimator.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct PolicyComparison {
    /// Which.
    pub estimator: Estimator,
    /// The value of b less that of a, from the same rows.
    pub difference: Estimated,
    /// The chance of as large a difference if there is none.
    pub p_value: Option<f64>,
}

/// What [`compare`](super::compare) found.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ComparisonReport {
    /// The first policy.
    pub a: Report,
    /// The second.
    pub b: Report,
    /// Their difference, by estimator.
    pub comparisons: Vec<PolicyComparison>,
    /// All of it in a sentence.
    pub verdict: String,
}

impl Estimated {
    pub(crate) fn fields(&self) -> Map<String, Json> {
        let bootstrap = self.bootstrap.map(|b| {
            json!({
                "standard_error": b.standard_error,
                "low": b.low,
                "high": b.high,
                "replicates": b.replicates,
            })
        });
        [
            ("status", json!(self.status.as_str())),
            ("value", json!(self.value)),
            ("standard_error", json!(self.standard_error)),
            ("low", json!(self.low)),
            ("high", json!(self.high)),
            ("bootstrap", json!(bootstrap)),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
    }

    fn with_p(&self, p_value: Option<f64>) -> Json {
        let mut fields = self.fields();
        fields.insert("p_value".into(), json!(p_value));
        fields.into()
    }
}

impl Estimate {
    fn json(self) -> Json {
        let mut fields = self.value.fields();
        fields.insert("estimator".into(), json!(self.estimator.as_str()));
        fields.insert("threshold".into(), json!(self.threshold));
        fields.insert("above_threshold".into(), json!(self.above_threshold));
        fields.insert("gain".into(), self.gain.with_p(self.p_value));
        fields.into()
    }
}

impl Report {
    /// The estimate of one estimator.
    #[must_use]
    pub fn estimate(&self, estimator: Estimator) -> Option<&Estimate> {
        self.estimates.iter().find(|e| e.estimator == estimator)
    }

    /// The report as JSON; what does not apply is `null`.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let w = &self.weights;
        json!({
            "rows": self.rows,
            "units": self.units,
            "alpha": self.alpha,
            "logged": Json::Object(self.logged.fields()),
            "estimates": self.estimates.iter().copied().map(Estimate::json).collect::<Vec<_>>(),
            "weights": {
                "effective_sample_size": w.effective_sample_size,
                "effective_share": w.effective_share,
                "mean": w.mean,
                "mean_standard_error": w.mean_standard_error,
                "max": w.max,
                "largest_share": w.largest_share,
                "zero_share": w.zero_share,
            },
            "support": {
                "rows_without_propensity": self.support.rows_without_propensity,
                "rows_lost": self.support.rows_lost,
                "unsupported": self.support.unsupported,
            },
            "model": self.model.map(|m| json!({
                "kind": match m.kind {
                    RewardModel::Cells => "cells",
                    RewardModel::Ridge => "ridge",
                },
                "folds": m.folds,
                "squared_error": m.squared_error,
                "baseline": m.baseline,
            })),
            "warnings": self.warnings,
            "verdict": self.verdict,
        })
    }
}

impl ComparisonReport {
    /// The report as JSON; what does not apply is `null`.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let comparisons = self.comparisons.iter().map(|c| {
            let mut fields = c.difference.fields();
            fields.insert("estimator".into(), json!(c.estimator.as_str()));
            fields.insert("p_value".into(), json!(c.p_value));
            Json::Object(fields)
        });
        json!({
            "a": self.a.to_json(),
            "b": self.b.to_json(),
            "comparisons": comparisons.collect::<Vec<_>>(),
            "verdict": self.verdict,
        })
    }
}
