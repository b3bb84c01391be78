//! What an analysis found.

use serde_json::{Map, Value as Json, json};

use super::arm::Metric;
use super::estimate::Cuped;
use super::options::Method;
use super::srm::SampleRatio;

/// Why a comparison has no result, or that it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// There is a result.
    Ok,
    /// One of the arms has fewer than two units (of a stratum, too), or a ratio without a
    /// denominator.
    TooFewUnits,
    /// All units of both arms have one value, so that nothing is known of chance.
    ZeroVariance,
    /// An arm has fewer than `min_units` yet: the sequential test says nothing.
    TooEarly,
}

impl Status {
    /// The name in reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::TooFewUnits => "too_few_units",
            Self::ZeroVariance => "zero_variance",
            Self::TooEarly => "too_early",
        }
    }
}

/// One arm.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ArmReport {
    /// The variant.
    pub name: String,
    /// Its units.
    pub n: u64,
    /// Share, mean or ratio; after CUPED and strata where these are used.
    pub estimate: f64,
    /// Its standard error; `None` with fewer than two units.
    pub standard_error: Option<f64>,
    /// What the posterior says, of a Bayesian analysis.
    pub posterior: Option<ArmPosterior>,
}

/// The posterior of one arm.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct ArmPosterior {
    /// Its mean.
    pub mean: f64,
    /// The lower end of the credible interval of 1 − alpha.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// The chance that the arm is the best of all, by the goal.
    pub chance_to_be_best: f64,
    /// What is lost on average by choosing it instead of the best.
    pub expected_loss: f64,
}

/// One arm beside the control.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Comparison {
    /// The variant.
    pub arm: String,
    /// Whether there is a result.
    pub status: Status,
    /// The arm's estimate less the control's.
    pub difference: f64,
    /// The standard error that the test uses.
    pub standard_error: Option<f64>,
    /// The lower end of the interval of the difference; `None` where it is open.
    pub low: Option<f64>,
    /// The upper end.
    pub high: Option<f64>,
    /// The difference by the control's estimate; `None` if that is not above 0.
    pub relative: Option<f64>,
    /// The lower end of the relative difference's interval; `None` where it is open, or where the
    /// control is not surely above 0.
    pub relative_low: Option<f64>,
    /// The upper end.
    pub relative_high: Option<f64>,
    /// The p-value; always valid if the method is sequential.
    pub p_value: Option<f64>,
    /// Corrected for the number of arms.
    pub p_value_adjusted: Option<f64>,
    /// Whether the corrected p-value is at most alpha.
    pub significant: bool,
    /// The chance that the arm is better than the control (Bayesian).
    pub chance_to_win: Option<f64>,
    /// What is lost on average by choosing the arm if the control is better (Bayesian).
    pub expected_loss: Option<f64>,
    /// What the change is worth.
    pub roi: Option<Return>,
    /// What may be said.
    pub verdict: String,
}

/// What a change is worth: the difference, for so many units at so much each, less the cost.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Return {
    /// The gain less the cost.
    pub gain: f64,
    /// At the lower end of the difference's interval.
    pub low: Option<f64>,
    /// At the upper end.
    pub high: Option<f64>,
    /// The gain by the cost; `None` without a cost.
    pub ratio: Option<f64>,
}

/// One segment's comparison.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Segment {
    /// The segment.
    pub segment: String,
    /// What was found there; the p-value is corrected for all segments and arms.
    pub comparison: Comparison,
}

/// Whether the effect of an arm differs between the segments.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Heterogeneity {
    /// The variant.
    pub arm: String,
    /// Cochran's Q: weighted squares of the segments' differences about their mean.
    pub q: f64,
    /// Segments less one.
    pub freedom: f64,
    /// The chance of as large a Q if the effect is the same everywhere.
    pub p_value: f64,
    /// Corrected for the number of arms.
    pub p_value_adjusted: f64,
    /// What may be said.
    pub verdict: String,
}

/// What [`analyze`](super::analyze) found.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Report {
    /// What was measured.
    pub metric: Metric,
    /// How it was looked at.
    pub method: Method,
    /// The level.
    pub alpha: f64,
    /// The arm that the others are compared with.
    pub control: String,
    /// All arms, in the order given.
    pub arms: Vec<ArmReport>,
    /// All arms but the control.
    pub comparisons: Vec<Comparison>,
    /// What CUPED did, where it was used.
    pub cuped: Option<Cuped>,
    /// The check of the split, where shares were given.
    pub srm: Option<SampleRatio>,
    /// The segments, arm by arm.
    pub segments: Vec<Segment>,
    /// Whether segments differ.
    pub heterogeneity: Vec<Heterogeneity>,
    /// What a reader must know before the numbers.
    pub warnings: Vec<String>,
    /// All of it in a sentence or two.
    pub verdict: String,
}

impl Comparison {
    fn to_json(&self) -> Json {
        json!({
            "arm": self.arm,
            "status": self.status.as_str(),
            "difference": self.difference,
            "standard_error": self.standard_error,
            "low": self.low,
            "high": self.high,
            "relative": self.relative,
            "relative_low": self.relative_low,
            "relative_high": self.relative_high,
            "p_value": self.p_value,
            "p_value_adjusted": self.p_value_adjusted,
            "significant": self.significant,
            "chance_to_win": self.chance_to_win,
            "expected_loss": self.expected_loss,
            "roi": self.roi.map(|roi| json!({
                "gain": roi.gain, "low": roi.low, "high": roi.high, "ratio": roi.ratio,
            })),
            "verdict": self.verdict,
        })
    }
}

impl ArmReport {
    fn to_json(&self) -> Json {
        let posterior = self.posterior.map(|p| {
            json!({
                "mean": p.mean,
                "low": p.low,
                "high": p.high,
                "chance_to_be_best": p.chance_to_be_best,
                "expected_loss": p.expected_loss,
            })
        });
        json!({
            "name": self.name,
            "n": self.n,
            "estimate": self.estimate,
            "standard_error": self.standard_error,
            "posterior": posterior,
        })
    }
}

impl Report {
    /// The report as JSON; what does not apply is `null`.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let segment = |s: &Segment| {
            let mut map = Map::new();
            map.insert("segment".into(), json!(s.segment));
            if let Json::Object(comparison) = s.comparison.to_json() {
                map.extend(comparison);
            }
            Json::Object(map)
        };
        let heterogeneity = |h: &Heterogeneity| {
            json!({
                "arm": h.arm,
                "q": h.q,
                "freedom": h.freedom,
                "p_value": h.p_value,
                "p_value_adjusted": h.p_value_adjusted,
                "verdict": h.verdict,
            })
        };
        json!({
            "metric": self.metric.as_str(),
            "method": self.method.as_str(),
            "alpha": self.alpha,
            "control": self.control,
            "arms": self.arms.iter().map(ArmReport::to_json).collect::<Vec<_>>(),
            "comparisons": self.comparisons.iter().map(Comparison::to_json).collect::<Vec<_>>(),
            "cuped": self.cuped.map(|c| json!({
                "theta": c.theta, "variance_reduction": c.variance_reduction,
            })),
            "srm": self.srm.as_ref().map(SampleRatio::to_json),
            "segments": self.segments.iter().map(segment).collect::<Vec<_>>(),
            "heterogeneity": self.heterogeneity.iter().map(heterogeneity).collect::<Vec<_>>(),
            "warnings": self.warnings,
            "verdict": self.verdict,
        })
    }
}
