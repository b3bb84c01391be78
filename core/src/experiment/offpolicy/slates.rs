//! Lists of items: what a policy is worth that fills several slots at once.
//!
//! A row is one slot of one slate; rows of a slate may lie anywhere in the columns. The estimators
//! differ in what they take the reward of a slot to depend on, and pay for it with variance.

use serde_json::{Map, Value as Json, json};

use super::bootstrap::{Bootstrap, resampled};
use super::evaluate::{judged, nothing};
use super::options::choices;
use super::report::{Estimated, Status};
use super::slate_sums::Slates;
use super::terms::exact_sums;
use super::words::digits;
use crate::control::Control;
use crate::error::Result;
use crate::event::IdColumn;
use crate::fields::Fields;
use crate::parallel::Workers;

/// Logged slates as columns of one length, a row a slot.
///
/// What a probability is of depends on the estimator: for `independent_ips` and `pseudo_inverse`
/// that of the item at the slot; for `cascade_ips` and `standard_ips` that of the item given those
/// at the slots before it, whose products are taken here. Where slots are filled independently,
/// these are the same.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct SlateLog<'a> {
    /// The slate of each row: a decision's id.
    pub slate: IdColumn<'a>,
    /// The slot, from 0; any order of numbers, each once a slate.
    pub slot: &'a [f64],
    /// What came of the slot.
    pub reward: &'a [f64],
    /// The logging policy's probability.
    pub propensity: &'a [f64],
    /// The probability of the policy that is evaluated.
    pub probability: &'a [f64],
    /// Whose slate it is: slates of one unit are not independent. All rows of a slate have the
    /// same.
    pub unit: Option<IdColumn<'a>>,
}

impl<'a> SlateLog<'a> {
    /// Slates that are independent of each other.
    #[must_use]
    pub fn new(
        slate: IdColumn<'a>,
        slot: &'a [f64],
        reward: &'a [f64],
        propensity: &'a [f64],
        probability: &'a [f64],
    ) -> Self {
        Self {
            slate,
            slot,
            reward,
            propensity,
            probability,
            unit: None,
        }
    }
}

/// A way to estimate the value of a policy that fills slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SlateEstimator {
    /// The product of all slots' ratios times the slate's reward. Unbiased whatever the rewards
    /// depend on.
    StandardIps,
    /// A slot's ratio times its reward (Li et al. 2018): unbiased if a reward depends on nothing
    /// but its own slot's item.
    IndependentIps,
    /// The product of the ratios down to a slot times its reward, "reward interaction" (McInerney
    /// et al. 2020): unbiased if users read from the top, so that a reward depends on nothing
    /// below.
    CascadeIps,
    /// The slate's reward times 1 + Σ (w − 1) (Swaminathan et al. 2017, for slots that are filled
    /// independently): unbiased if the slate's reward is a sum of what each slot brings.
    PseudoInverse,
}

impl SlateEstimator {
    /// All, in the order of reports.
    pub const ALL: [Self; 4] = [
        Self::StandardIps,
        Self::IndependentIps,
        Self::CascadeIps,
        Self::PseudoInverse,
    ];

    /// The name in requests and reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::StandardIps => "standard_ips",
            Self::IndependentIps => "independent_ips",
            Self::CascadeIps => "cascade_ips",
            Self::PseudoInverse => "pseudo_inverse",
        }
    }
}

/// Options of [`evaluate_slates`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SlateOptions {
    /// The estimators; empty for all.
    pub estimators: Vec<SlateEstimator>,
    /// Divide by the sum of the weights, slot by slot, instead of the number of slates. It does
    /// nothing to `pseudo_inverse`.
    pub self_normalized: bool,
    /// Intervals hold the truth with chance 1 − alpha.
    pub alpha: f64,
    /// Bootstrap intervals; none without it.
    pub bootstrap: Option<Bootstrap>,
    /// Threads.
    pub threads: usize,
}

impl Default for SlateOptions {
    fn default() -> Self {
        Self {
            estimators: Vec::new(),
            self_normalized: false,
            alpha: 0.05,
            bootstrap: None,
            threads: 1,
        }
    }
}

impl SlateOptions {
    /// Reads `{"estimators"?, "self_normalized"?, "alpha"?, "replicates"?, "seed"?, "threads"?}`,
    /// with the ranges of [`Options::from_json`](super::Options::from_json).
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for unknown names and values out of range.
    pub fn from_json(json: &Json) -> Result<Self> {
        let known = [
            "estimators",
            "self_normalized",
            "alpha",
            "replicates",
            "seed",
            "threads",
        ];
        let fields = Fields::new("options", json, &known)?;
        let names = SlateEstimator::ALL.map(SlateEstimator::as_str);
        let chosen = choices(&fields, "estimators", &names)?.into_iter();
        Ok(Self {
            estimators: chosen
                .filter_map(|at| SlateEstimator::ALL.get(at).copied())
                .collect(),
            self_normalized: fields.bool("self_normalized", false)?,
            alpha: fields.number("alpha", 0.05, 1e-9, 0.5)?,
            bootstrap: Bootstrap::read(&fields)?,
            threads: fields.whole("threads", 1, 1, 1024)? as usize,
        })
    }
}

/// What one estimator found.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct SlateEstimate {
    /// Which.
    pub estimator: SlateEstimator,
    /// The value of the policy, a mean a slate.
    pub value: Estimated,
    /// The value less that of the logging policy, from the same slates.
    pub gain: Estimated,
    /// The chance of as large a difference if there is none.
    pub p_value: Option<f64>,
    /// Slates (slots, of `independent_ips` and `cascade_ips`) of equal weight that would say as
    /// much; `None` for `pseudo_inverse`.
    pub effective_sample_size: Option<f64>,
    /// The largest weight.
    pub max_weight: f64,
}

/// What [`evaluate_slates`] found.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SlateReport {
    /// Rows, which are slots.
    pub rows: u64,
    /// Slates.
    pub slates: u64,
    /// Units, or slates.
    pub units: u64,
    /// The most slots that a slate has.
    pub slots: u64,
    /// What the logging policy got: the mean reward of a slate.
    pub logged: Estimated,
    /// The estimators, in the order of [`SlateEstimator::ALL`].
    pub estimates: Vec<SlateEstimate>,
    /// What a reader must know before the numbers.
    pub warnings: Vec<String>,
}

impl SlateReport {
    /// The report as JSON; what does not apply is `null`.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let estimates = self.estimates.iter().map(|e| {
            let mut fields = e.value.fields();
            let mut gain: Map<String, Json> = e.gain.fields();
            gain.insert("p_value".into(), json!(e.p_value));
            fields.insert("estimator".into(), json!(e.estimator.as_str()));
            fields.insert("gain".into(), gain.into());
            fields.insert(
                "effective_sample_size".into(),
                json!(e.effective_sample_size),
            );
            fields.insert("max_weight".into(), json!(e.max_weight));
            Json::Object(fields)
        });
        json!({
            "rows": self.rows,
            "slates": self.slates,
            "units": self.units,
            "slots": self.slots,
            "logged": Json::Object(self.logged.fields()),
            "estimates": estimates.collect::<Vec<_>>(),
            "warnings": self.warnings,
        })
    }
}

/// Estimates what a policy that fills slots is worth, from the slates of another.
///
/// Cost: a sort of the rows, and two passes an estimator. Memory: some 60 bytes a row.
///
/// # Errors
/// Those of [`evaluate`](super::evaluate); [`InvalidId`](crate::ErrorKind::InvalidId) for rows without a slate;
/// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for a slot that a slate has twice, and a slate of several units;
/// [`LimitExceeded`](crate::ErrorKind::LimitExceeded) for slots beyond 1,000.
///
/// ```
/// use tastemaker::control::Control;
/// use tastemaker::event::IdColumn;
/// use tastemaker::experiment::offpolicy::{SlateLog, SlateOptions, evaluate_slates};
/// let slates = IdColumn::Integer(&[1, 1, 2, 2]);
/// let log = SlateLog::new(slates, &[0.0, 1.0, 0.0, 1.0], &[1.0, 0.0, 0.0, 1.0], &[0.5; 4], &[1.0, 0.5, 0.0, 0.5]);
/// let report = evaluate_slates(&log, &SlateOptions::default(), &Control::new())?;
/// // The first slot's ratio is 2 or 0, the second slot's 1.
/// let values: Vec<_> = report.estimates.iter().map(|e| e.value.value).collect();
/// assert_eq!(values, [Some(1.0), Some(1.5), Some(1.0), Some(1.0)]);
/// # Ok::<(), tastemaker::Error>(())
/// ```
pub fn evaluate_slates(
    log: &SlateLog<'_>,
    options: &SlateOptions,
    control: &Control<'_>,
) -> Result<SlateReport> {
    let workers = Workers {
        threads: options.threads,
        control,
    };
    let slates = Slates::new(log)?;
    let count = slates.starts.len();
    let total = |at: usize| slates.total(at);
    let [sum] = exact_sums(&workers, count, |at| [total(at)])?;
    let mean = sum.to_f64() / count as f64;
    let units = slates.units.as_ref().map_or(count, |(_, count)| *count);
    let chosen: Vec<SlateEstimator> = SlateEstimator::ALL
        .into_iter()
        .filter(|e| options.estimators.is_empty() || options.estimators.contains(e))
        .collect();
    let mut fits = Vec::new();
    for &estimator in &chosen {
        let normalized = options.self_normalized && estimator != SlateEstimator::PseudoInverse;
        fits.push(slates.fit(&workers, estimator, normalized)?);
    }
    let replicates = slates.replicates(&workers, options, &fits)?;
    let again = |value: &dyn Fn(&[f64]) -> Option<f64>| {
        let sums = replicates.as_ref()?;
        let values = sums.iter().filter_map(|sums| value(sums));
        resampled(values.collect(), options.alpha)
    };
    let logged_of = |sums: &[f64]| match sums {
        [count, reward, ..] if *count > 0.0 => Some(reward / count),
        _ => None,
    };
    let [error] = slates.standard_errors(&workers, |at| [total(at) - mean])?;
    let (logged, _) = judged(mean, error, units, options.alpha, again(&logged_of));
    let mut estimates = Vec::new();
    let mut column = 2;
    for fit in &fits {
        let from = column;
        column += fit.width();
        let Some(value) = fit.value else {
            estimates.push(SlateEstimate {
                estimator: fit.estimator,
                value: nothing(),
                gain: nothing(),
                p_value: None,
                effective_sample_size: Some(0.0),
                max_weight: 0.0,
            });
            continue;
        };
        let [own, gained] = slates.standard_errors(&workers, |at| {
            let own = fit.influence(&slates, at);
            [own, own - (total(at) - mean)]
        })?;
        let value_of = |sums: &[f64]| {
            let own = sums.get(from..from + fit.width())?;
            fit.at_sums(*sums.first()?, own)
        };
        let gain_of = |sums: &[f64]| Some(value_of(sums)? - logged_of(sums)?);
        let (value, (gain, p_value)) = (
            judged(value, own, units, options.alpha, again(&value_of)).0,
            judged(value - mean, gained, units, options.alpha, again(&gain_of)),
        );
        let (effective, max_weight) = slates.weights(&workers, fit.estimator)?;
        estimates.push(SlateEstimate {
            estimator: fit.estimator,
            value,
            gain,
            p_value,
            effective_sample_size: effective,
            max_weight,
        });
    }
    let few = estimates.iter().filter(|e| {
        let some = e.value.status == Status::Ok;
        some && e.effective_sample_size.is_some_and(|n| n < 100.0)
    });
    let warnings = few.map(|e| {
        format!(
            "{}: the weights leave an effective sample of {}; its interval rests on a few slates",
            e.estimator.as_str(),
            digits(e.effective_sample_size.unwrap_or(0.0))
        )
    });
    Ok(SlateReport {
        rows: log.reward.len() as u64,
        slates: count as u64,
        units: units as u64,
        slots: slates.slots as u64,
        logged,
        warnings: warnings.collect(),
        estimates,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::IdColumn;

    fn close(found: Option<f64>, wanted: f64) {
        let found = found.unwrap();
        assert!((found - wanted).abs() <= 1e-12, "{found} {wanted}");
    }

    fn slates(log: &SlateLog<'_>, options: &SlateOptions) -> Result<SlateReport> {
        evaluate_slates(log, options, &Control::new())
    }

    #[test]
    fn slates_by_hand_in_any_order_of_rows() {
        // Slate 1: ratios 2, 0.5, rewards 1, 4; slate 2: ratios 0.5, 1.5, 2, rewards 1, 0, 2.
        let rows = [
            (1, 0.0, 1.0, 2.0),
            (1, 1.0, 4.0, 0.5),
            (2, 0.0, 1.0, 0.5),
            (2, 5.0, 0.0, 1.5),
            (2, 7.0, 2.0, 2.0),
        ];
        let run = |order: &[usize], self_normalized: bool| {
            let get = |f: fn(&(i64, f64, f64, f64)) -> f64| -> Vec<f64> {
                order.iter().map(|&i| f(&rows[i])).collect()
            };
            let slate: Vec<i64> = order.iter().map(|&i| rows[i].0).collect();
            let (slot, reward, ratio) = (get(|r| r.1), get(|r| r.2), get(|r| r.3 / 4.0));
            let quarter = vec![0.25; 5];
            let log = SlateLog::new(IdColumn::Integer(&slate), &slot, &reward, &quarter, &ratio);
            let options = SlateOptions {
                self_normalized,
                ..SlateOptions::default()
            };
            slates(&log, &options).unwrap()
        };
        let report = run(&[0, 1, 2, 3, 4], false);
        assert_eq!(run(&[3, 1, 4, 0, 2], false), report);
        let values: Vec<f64> = report
            .estimates
            .iter()
            .map(|e| e.value.value.unwrap())
            .collect();
        // Products 1 and 1.5; 2·1 + 0.5·4 and 0.5·1 + 2·2; down the list 2, 1 and 0.5, 0.75, 1.5.
        assert_eq!(
            values,
            [
                (5.0 + 4.5) / 2.0,
                (4.0 + 4.5) / 2.0,
                (6.0 + 3.5) / 2.0,
                (7.5 + 6.0) / 2.0
            ]
        );
        assert_eq!(
            (report.slates, report.slots, report.logged.value),
            (2, 3, Some(4.0))
        );
        let normal = run(&[4, 3, 2, 1, 0], true);
        let values: Vec<f64> = normal
            .estimates
            .iter()
            .map(|e| e.value.value.unwrap())
            .collect();
        close(Some(values[0]), (5.0 + 4.5) / 2.5);
        // Slot by slot: 2.5/2.5, 2/2, and the third slot, which half of the slates have: 4/2.
        close(Some(values[1]), 1.0 + 1.0 + 0.5 * 2.0);
        close(Some(values[2]), 2.5 / 2.5 + 4.0 / 1.75 + 0.5 * 2.0);
    }

    #[test]
    fn slates_that_are_wrong_are_named() {
        let refuse = |slate: &[i64], slot: &[f64], words: &str| {
            let log = SlateLog::new(
                IdColumn::Integer(slate),
                slot,
                &[1.0; 2],
                &[0.5; 2],
                &[0.5; 2],
            );
            let error = slates(&log, &SlateOptions::default()).unwrap_err();
            assert!(error.message().contains(words), "{error} has no {words}");
        };
        refuse(&[1, 1], &[0.0, 0.0], "rows 0 and 1");
        refuse(&[1, 1], &[0.0, 1e9], "row 1");
        refuse(&[1, 1], &[0.0, 0.5], "row 1");
        refuse(&[1], &[0.0, 1.0], "slate has 1");
        let mut log = SlateLog::new(
            IdColumn::Integer(&[1, 1]),
            &[0.0, 1.0],
            &[1.0; 2],
            &[0.5; 2],
            &[0.5; 2],
        );
        log.unit = Some(IdColumn::Integer(&[1, 2]));
        assert!(
            slates(&log, &SlateOptions::default())
                .unwrap_err()
                .message()
                .contains("two units")
        );
    }
}
