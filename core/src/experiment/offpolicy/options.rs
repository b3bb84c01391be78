//! How a policy is evaluated: the estimators and their choices.

use serde_json::Value as Json;

use super::bootstrap::Bootstrap;
use crate::error::Result;
use crate::fields::Fields;

/// A way to estimate the value of a policy from another policy's log.
///
/// w is the ratio of the two policies' probabilities of the logged action, q̂ the predicted reward,
/// and v̂ its mean over the actions of the policy that is evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Estimator {
    /// Inverse propensity score: the mean of w r (Horvitz & Thompson 1952). Unbiased.
    Ips,
    /// Self-normalised: Σ w r / Σ w (Swaminathan & Joachims 2015b). Hardly biased, steadier.
    Snips,
    /// The mean of min(w, threshold) r (Bottou et al. 2013). Biased towards 0, steadier.
    ClippedIps,
    /// Direct method: the mean of v̂. As good as the model of rewards, and no better.
    Dm,
    /// Doubly robust: the mean of v̂ + w (r − q̂) (Dudík, Langford & Li 2011).
    Dr,
    /// Doubly robust, self-normalised: the mean of v̂, and Σ w (r − q̂) / Σ w.
    Sndr,
    /// Doubly robust where w is at most the threshold, the direct method elsewhere (Wang, Agarwal
    /// & Dudík 2017).
    SwitchDr,
    /// More robust doubly robust: the model is fitted where it lowers the variance of `dr`
    /// (Farajtabar, Chow & Ghavamzadeh 2018).
    Mrdr,
    /// The mean reward of the rows in which a deterministic policy chooses as the log did (Li,
    /// Chu, Langford & Wang 2011), for logs whose actions were drawn uniformly.
    Replay,
}

impl Estimator {
    /// All, in the order of reports.
    pub const ALL: [Self; 9] = [
        Self::Ips,
        Self::Snips,
        Self::ClippedIps,
        Self::Dm,
        Self::Dr,
        Self::Sndr,
        Self::SwitchDr,
        Self::Mrdr,
        Self::Replay,
    ];

    /// The name in requests and reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ips => "ips",
            Self::Snips => "snips",
            Self::ClippedIps => "clipped_ips",
            Self::Dm => "dm",
            Self::Dr => "dr",
            Self::Sndr => "sndr",
            Self::SwitchDr => "switch_dr",
            Self::Mrdr => "mrdr",
            Self::Replay => "replay",
        }
    }

    /// Whether it needs predicted rewards.
    pub(crate) fn predicts(self) -> bool {
        !matches!(
            self,
            Self::Ips | Self::Snips | Self::ClippedIps | Self::Replay
        )
    }
}

/// How a threshold is found that is not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ThresholdRule {
    /// The one with the smallest estimated variance plus the square of a bound of the bias, with
    /// the largest reward (or error of its prediction) in the log (Wang et al. 2017). Careful: it
    /// cuts what is far out.
    MseBound,
    /// The lowest threshold whose interval still meets those of all higher ones: SLOPE (Su,
    /// Srinath & Krishnamurthy 2020). It cuts as long as the bias does not show, which with few
    /// rewards is long: the interval then need not hold the truth.
    Slope,
}

/// The model of rewards that is fitted where none is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RewardModel {
    /// Means by cell and action, drawn to those of the action, and these to the mean of all.
    Cells,
    /// A ridge regression on `features` for all actions, and one an action of what it leaves.
    Ridge,
}

/// Options of [`evaluate`](super::evaluate) and [`compare`](super::compare).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Options {
    /// The estimators; empty for all that the columns allow, but for replay.
    pub estimators: Vec<Estimator>,
    /// Intervals hold the truth with chance 1 − alpha.
    pub alpha: f64,
    /// The threshold of `clipped_ips`; chosen by `threshold_rule` if `None`.
    pub clip: Option<f64>,
    /// The threshold of `switch_dr`; chosen by `threshold_rule` if `None`.
    pub switch: Option<f64>,
    /// How thresholds are chosen.
    pub threshold_rule: ThresholdRule,
    /// Bootstrap intervals; none without it.
    pub bootstrap: Option<Bootstrap>,
    /// The model of rewards; `Ridge` where the log has features, if `None`.
    pub reward_model: Option<RewardModel>,
    /// Parts for cross-fitting: a row's reward is predicted by a model that has not seen its part.
    /// 1 is none.
    pub folds: u32,
    /// Rows at the mean above that a mean of the cells is drawn by; without it, of 1, 10, …, 10,000
    /// what predicts best the rows that a model has not seen (10 without folds).
    pub shrinkage: Option<f64>,
    /// The penalty of the ridge regression on standardised features.
    pub regularization: f64,
    /// Rows with a missing propensity, or 0, and actions that the logging policy never takes: an
    /// error, or without weight and in the report.
    pub ignore_unsupported: bool,
    /// Threads.
    pub threads: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            estimators: Vec::new(),
            alpha: 0.05,
            clip: None,
            switch: None,
            threshold_rule: ThresholdRule::MseBound,
            bootstrap: None,
            reward_model: None,
            folds: 5,
            shrinkage: None,
            regularization: 1.0,
            ignore_unsupported: false,
            threads: 1,
        }
    }
}

const NAMES: [&str; 13] = [
    "estimators",
    "alpha",
    "clip",
    "switch",
    "threshold_rule",
    "replicates",
    "seed",
    "reward_model",
    "folds",
    "shrinkage",
    "regularization",
    "unsupported",
    "threads",
];

pub(crate) fn choice(fields: &Fields<'_>, name: &str, names: &[&str]) -> Result<Option<usize>> {
    let Some(given) = fields.text(name)? else {
        return Ok(None);
    };
    let at = names.iter().position(|known| *known == given);
    at.map(Some).ok_or_else(|| {
        let rule = format!("it must be one of {}", names.join(", "));
        fields.wrong(name, &given.into(), &rule)
    })
}

/// A list of distinct names, as the places in `known`.
pub(crate) fn choices(fields: &Fields<'_>, name: &str, known: &[&str]) -> Result<Vec<usize>> {
    let mut found = Vec::new();
    for given in fields.texts(name)?.unwrap_or_default() {
        match known.iter().position(|k| *k == given) {
            Some(at) if !found.contains(&at) => found.push(at),
            _ => {
                let rule = format!("each must be one of {}, and there once", known.join(", "));
                return Err(fields.wrong(name, &given.into(), &rule));
            }
        }
    }
    Ok(found)
}

fn threshold(fields: &Fields<'_>, name: &str) -> Result<Option<f64>> {
    match fields.get(name) {
        None => Ok(None),
        Some(Json::String(auto)) if auto == "auto" => Ok(None),
        Some(given) => match given.as_f64() {
            Some(value) if value > 0.0 && value <= 1e15 => Ok(Some(value)),
            _ => Err(fields.wrong(name, given, "it must be \"auto\", or above 0, to 1e15")),
        },
    }
}

impl Options {
    /// Reads options.
    ///
    /// | name | what | default |
    /// |---|---|---|
    /// | `estimators` | `ips`, `snips`, `clipped_ips`, `dm`, `dr`, `sndr`, `switch_dr`, `mrdr`, `replay` | all that the columns allow, but replay |
    /// | `alpha` | intervals have the chance 1 − alpha | 0.05 |
    /// | `clip`, `switch` | thresholds of w, or `auto` | `auto` |
    /// | `threshold_rule` | `mse_bound`, `slope` | `mse_bound` |
    /// | `replicates` | of the bootstrap: 0, or 20 to 100,000 | 0 |
    /// | `seed` | of the bootstrap | 0 |
    /// | `reward_model` | `cells`, `ridge` | `ridge` if there are features |
    /// | `folds` | for cross-fitting, 1 to 100 | 5 |
    /// | `shrinkage` | of cell means, in rows, or `auto` | `auto` |
    /// | `regularization` | of the ridge regression | 1 |
    /// | `unsupported` | `refuse`, `ignore` | `refuse` |
    /// | `threads` | | 1 |
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for what is not in this table or out
    /// of range.
    pub fn from_json(json: &Json) -> Result<Self> {
        let fields = Fields::new("options", json, &NAMES)?;
        let names = Estimator::ALL.map(Estimator::as_str);
        let chosen = choices(&fields, "estimators", &names)?;
        let default = Self::default();
        Ok(Self {
            estimators: chosen
                .into_iter()
                .filter_map(|at| Estimator::ALL.get(at).copied())
                .collect(),
            alpha: fields.number("alpha", default.alpha, 1e-9, 0.5)?,
            clip: threshold(&fields, "clip")?,
            switch: threshold(&fields, "switch")?,
            threshold_rule: match choice(&fields, "threshold_rule", &["mse_bound", "slope"])? {
                Some(1) => ThresholdRule::Slope,
                _ => ThresholdRule::MseBound,
            },
            bootstrap: Bootstrap::read(&fields)?,
            reward_model: match choice(&fields, "reward_model", &["cells", "ridge"])? {
                None => None,
                Some(0) => Some(RewardModel::Cells),
                Some(_) => Some(RewardModel::Ridge),
            },
            folds: fields.whole("folds", u64::from(default.folds), 1, 100)? as u32,
            shrinkage: match fields.get("shrinkage") {
                None => None,
                Some(Json::String(auto)) if auto == "auto" => None,
                Some(_) => Some(fields.number("shrinkage", 0.0, 0.0, 1e12)?),
            },
            regularization: fields.number("regularization", default.regularization, 1e-6, 1e12)?,
            ignore_unsupported: choice(&fields, "unsupported", &["refuse", "ignore"])? == Some(1),
            threads: fields.whole("threads", 1, 1, 1024)? as usize,
        })
    }
}
