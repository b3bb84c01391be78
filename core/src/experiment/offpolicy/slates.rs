//! Lists of items: what a policy is worth that fills several slots at once.
//!
//! A row is one slot of one slate; rows of a slate may lie anywhere in the columns. The estimators
//! differ in what they take the reward of a slot to depend on, and pay for it with variance.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use super::super::stats::Wide;
use super::bootstrap::{Bootstrap, resampled, sums};
use super::evaluate::{judged, nothing};
use super::options::choices;
use super::report::{Estimated, Status};
use super::rows::{finite, invalid, propensity, units, whole};
use super::terms::{beyond, exact_sums, squares, too_large};
use super::words::digits;
use crate::control::Control;
use crate::error::{Error, ErrorKind, Result};
use crate::event::IdColumn;
use crate::fields::Fields;
use crate::parallel::Workers;

/// Slots of a slate at most.
const SLOTS: u32 = 1000;

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
    /// [`ErrorKind::InvalidArgument`] for unknown names and values out of range.
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
/// Those of [`evaluate`](super::evaluate); [`ErrorKind::InvalidId`] for rows without a slate;
/// [`ErrorKind::InvalidArgument`] for a slot that a slate has twice, and a slate of several units;
/// [`ErrorKind::LimitExceeded`] for slots beyond 1,000.
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

/// The rows in the order of slates and slots.
struct Slates {
    rewards: Vec<f64>,
    weights: Vec<f64>,
    /// Where each slate begins and ends.
    starts: Vec<(usize, usize)>,
    units: Option<(Vec<u32>, usize)>,
    slots: usize,
}

impl Slates {
    fn new(log: &SlateLog<'_>) -> Result<Self> {
        let rows = log.reward.len();
        let lengths = [
            ("slate", log.slate.len()),
            ("slot", log.slot.len()),
            ("propensity", log.propensity.len()),
            ("probability", log.probability.len()),
            ("unit", log.unit.map_or(rows, |unit| unit.len())),
        ];
        for (name, len) in lengths {
            if len != rows {
                return Err(Error::new(
                    ErrorKind::LengthMismatch,
                    format!("{name} has {len} rows, and reward {rows}"),
                ));
            }
        }
        if rows == 0 {
            return Err(invalid(
                "the log is empty; at least one row is needed".into(),
            ));
        }
        finite("reward", log.reward)?;
        let slots = whole("slot", log.slot)?;
        let mut weights = Vec::with_capacity(rows);
        let columns = log.propensity.iter().zip(log.probability).zip(&slots);
        for (row, ((&p, &target), &slot)) in columns.enumerate() {
            if !(p > 0.0 && p <= 1.0) {
                return Err(propensity(row, p));
            }
            if !(0.0..=1.0).contains(&target) {
                return Err(invalid(format!(
                    "probability: row {row} is {target}; a probability is a number from 0 to 1"
                )));
            }
            if slot >= SLOTS {
                return Err(Error::new(
                    ErrorKind::LimitExceeded,
                    format!(
                        "slot: row {row} is {slot}; slots are numbered from 0, and at most {SLOTS}"
                    ),
                ));
            }
            weights.push(target / p);
        }
        let (codes, texts) = log.slate.encode();
        if let Some(empty) = texts.iter().position(String::is_empty)
            && let Some(row) = codes.iter().position(|&code| code as usize == empty)
        {
            return Err(Error::new(
                ErrorKind::InvalidId,
                format!("slate: row {row} has none"),
            ));
        }
        let key = |row: u32| {
            let get = |column: &[u32]| column.get(row as usize).copied().unwrap_or(0);
            (get(&codes), get(&slots))
        };
        let mut order: Vec<u32> = (0..rows as u32).collect();
        order.sort_by_key(|&row| key(row));
        let given = log.unit.map(|unit| units(&unit)).transpose()?;
        let mut out = Self {
            rewards: Vec::with_capacity(rows),
            weights: Vec::with_capacity(rows),
            starts: Vec::new(),
            units: given.as_ref().map(|(_, count)| (Vec::new(), *count)),
            slots: 0,
        };
        let mut last: Option<u32> = None;
        for (at, &row) in order.iter().enumerate() {
            let place = row as usize;
            let unit = |row: u32| {
                let codes = given.as_ref().map(|(codes, _)| codes);
                codes.and_then(|codes| codes.get(row as usize)).copied()
            };
            match last.filter(|&last| key(last).0 == key(row).0) {
                Some(last) => {
                    if key(last) == key(row) {
                        return Err(invalid(format!(
                            "slot: rows {last} and {row} are both slot {} of one slate",
                            key(row).1
                        )));
                    }
                    if unit(last) != unit(row) {
                        return Err(invalid(format!(
                            "unit: rows {last} and {row} are of one slate, and of two units"
                        )));
                    }
                    if let Some((_, end)) = out.starts.last_mut() {
                        *end = at + 1;
                    }
                }
                None => {
                    out.starts.push((at, at + 1));
                    if let (Some((codes, _)), Some(unit)) = (&mut out.units, unit(row)) {
                        codes.push(unit);
                    }
                }
            }
            out.rewards
                .push(log.reward.get(place).copied().unwrap_or(0.0));
            out.weights.push(weights.get(place).copied().unwrap_or(0.0));
            last = Some(row);
        }
        let lengths = out.starts.iter().map(|(from, to)| to - from);
        out.slots = lengths.max().unwrap_or(0);
        Ok(out)
    }

    /// Rewards and ratios of a slate's slots.
    fn slots(&self, at: usize) -> impl Iterator<Item = (f64, f64)> {
        let (from, to) = self.starts.get(at).copied().unwrap_or((0, 0));
        let get = |column: &'_ [f64], i: usize| column.get(i).copied().unwrap_or(0.0);
        (from..to).map(move |i| (get(&self.rewards, i), get(&self.weights, i)))
    }

    fn total(&self, at: usize) -> f64 {
        self.slots(at)
            .map(|(reward, _)| reward)
            .fold(0.0, |a, b| a + b)
    }

    /// Rewards with the weights that an estimator gives them: of each slot, or of the slate.
    fn weighted(&self, estimator: SlateEstimator, at: usize, mut put: impl FnMut(usize, f64, f64)) {
        match estimator {
            SlateEstimator::IndependentIps => {
                for (slot, (reward, weight)) in self.slots(at).enumerate() {
                    put(slot, reward, weight);
                }
            }
            SlateEstimator::CascadeIps => {
                let mut product = 1.0;
                for (slot, (reward, weight)) in self.slots(at).enumerate() {
                    product *= weight;
                    put(slot, reward, product);
                }
            }
            SlateEstimator::StandardIps => {
                let product = self.slots(at).fold(1.0, |product, (_, w)| product * w);
                put(0, self.total(at), product);
            }
            SlateEstimator::PseudoInverse => {
                let weight = self.slots(at).fold(1.0, |sum, (_, w)| sum + (w - 1.0));
                put(0, self.total(at), weight);
            }
        }
    }

    fn fit(
        &self,
        workers: &Workers<'_>,
        estimator: SlateEstimator,
        normalized: bool,
    ) -> Result<SlateFit> {
        let count = self.starts.len();
        let slots = if matches!(
            estimator,
            SlateEstimator::IndependentIps | SlateEstimator::CascadeIps
        ) {
            self.slots
        } else {
            1
        };
        let mut fit = SlateFit {
            estimator,
            normalized,
            value: None,
            mean: 0.0,
            slots: Vec::new(),
        };
        if !normalized {
            let [sum] = exact_sums(workers, count, |at| [self.plain(estimator, at)])
                .map_err(|e| e.context(estimator.as_str()))?;
            fit.mean = sum.to_f64() / count as f64;
            fit.value = Some(fit.mean);
            return Ok(fit);
        }
        let n = count as f64;
        let mut value = 0.0;
        for slot in 0..slots {
            let [rewards, weights, there] = exact_sums(workers, count, |at| {
                let mut own = [0.0; 3];
                self.weighted(estimator, at, |other, reward, weight| {
                    if other == slot {
                        own = [weight * reward, weight, 1.0];
                    }
                });
                own
            })
            .map_err(|e| e.context(estimator.as_str()))?
            .map(Wide::to_f64);
            if weights <= 0.0 {
                return Ok(fit);
            }
            let own = Slot {
                value: rewards / weights,
                per_slate: weights / n,
                share: there / n,
            };
            value += own.share * own.value;
            fit.slots.push(own);
        }
        fit.value = Some(value);
        Ok(fit)
    }

    fn plain(&self, estimator: SlateEstimator, at: usize) -> f64 {
        let mut sum = 0.0;
        self.weighted(estimator, at, |_, reward, weight| sum += weight * reward);
        sum
    }

    fn standard_errors<const N: usize>(
        &self,
        workers: &Workers<'_>,
        influence: impl Fn(usize) -> [f64; N] + Sync,
    ) -> Result<[Option<f64>; N]> {
        super::terms::spread(
            workers,
            self.starts.len(),
            self.units
                .as_ref()
                .map(|(codes, count)| (codes.as_slice(), *count)),
            influence,
        )
    }

    /// The effective number of slates or slots, and the largest weight.
    fn weights(
        &self,
        workers: &Workers<'_>,
        estimator: SlateEstimator,
    ) -> Result<(Option<f64>, f64)> {
        let mut all = Vec::with_capacity(self.weights.len());
        for at in 0..self.starts.len() {
            self.weighted(estimator, at, |_, _, weight| all.push(weight));
        }
        if let Some(row) = all.iter().position(|w| beyond(*w)) {
            return Err(too_large(row, all.get(row).copied().unwrap_or(0.0)));
        }
        let max = all.iter().copied().fold(0.0, f64::max);
        if estimator == SlateEstimator::PseudoInverse {
            return Ok((None, max));
        }
        let get = |at: usize| [all.get(at).copied().unwrap_or(0.0)];
        let [sum] = exact_sums(workers, all.len(), get)?.map(Wide::to_f64);
        let [squares] = squares(workers, all.len(), get)?.map(Wide::to_f64);
        let effective = if squares > 0.0 {
            sum * sum / squares
        } else {
            0.0
        };
        Ok((Some(effective), max))
    }

    fn replicates(
        &self,
        workers: &Workers<'_>,
        options: &SlateOptions,
        fits: &[SlateFit],
    ) -> Result<Option<Vec<Vec<f64>>>> {
        let Some(bootstrap) = options.bootstrap else {
            return Ok(None);
        };
        let width = 2 + fits.iter().map(SlateFit::width).sum::<usize>();
        let units = self.units.as_ref().map(|(codes, _)| codes.as_slice());
        let found = sums(
            bootstrap,
            workers,
            self.starts.len(),
            width,
            units,
            |rows, out| {
                for at in rows {
                    let mut put = |column: usize, value: f64| {
                        if let Some(column) = out.get_mut(column) {
                            column.push(value);
                        }
                    };
                    put(0, 1.0);
                    put(1, self.total(at));
                    let mut from = 2;
                    for fit in fits {
                        if fit.normalized {
                            let mut own = vec![0.0; fit.width()];
                            self.weighted(fit.estimator, at, |slot, reward, weight| {
                                for (place, value) in
                                    [weight * reward, weight, 1.0].into_iter().enumerate()
                                {
                                    if let Some(own) = own.get_mut(3 * slot + place) {
                                        *own = value;
                                    }
                                }
                            });
                            for (place, value) in own.into_iter().enumerate() {
                                put(from + place, value);
                            }
                        } else {
                            put(from, self.plain(fit.estimator, at));
                        }
                        from += fit.width();
                    }
                }
            },
        )?;
        Ok(Some(found))
    }
}

/// One slot of a self-normalised estimate.
#[derive(Clone, Copy)]
struct Slot {
    value: f64,
    /// The mean weight of a slate.
    per_slate: f64,
    /// The share of slates that have the slot.
    share: f64,
}

struct SlateFit {
    estimator: SlateEstimator,
    normalized: bool,
    value: Option<f64>,
    mean: f64,
    slots: Vec<Slot>,
}

impl SlateFit {
    /// Columns of the bootstrap.
    fn width(&self) -> usize {
        if self.normalized {
            3 * self.slots.len()
        } else {
            1
        }
    }

    fn at_sums(&self, count: f64, sums: &[f64]) -> Option<f64> {
        if count <= 0.0 {
            return None;
        }
        if !self.normalized {
            return Some(sums.first()? / count);
        }
        let mut value = 0.0;
        for slot in sums.chunks(3) {
            let &[rewards, weights, there] = slot else {
                return None;
            };
            if weights <= 0.0 {
                return None;
            }
            value += there / count * (rewards / weights);
        }
        Some(value)
    }

    /// What a slate does to the estimate, times the number of slates.
    fn influence(&self, slates: &Slates, at: usize) -> f64 {
        if !self.normalized {
            return slates.plain(self.estimator, at) - self.mean;
        }
        let mut own: BTreeMap<usize, (f64, f64)> = BTreeMap::new();
        slates.weighted(self.estimator, at, |slot, reward, weight| {
            own.insert(slot, (reward, weight));
        });
        let mut sum = 0.0;
        for (slot, known) in self.slots.iter().enumerate() {
            match own.get(&slot) {
                Some((reward, weight)) => {
                    sum += (1.0 - known.share) * known.value;
                    sum += known.share * (weight * (reward - known.value)) / known.per_slate;
                }
                None => sum -= known.share * known.value,
            }
        }
        sum
    }
}
