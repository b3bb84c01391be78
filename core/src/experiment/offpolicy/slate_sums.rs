//! The sums of slates: rows in order, what each estimator weighs, and influences.

use std::collections::BTreeMap;

use super::super::stats::Wide;
use super::bootstrap::sums;
use super::rows::{finite, invalid, propensity, units, whole};
use super::slates::{SlateEstimator, SlateLog, SlateOptions};
use super::terms::{beyond, exact_sums, spread, squares, too_large};
use crate::error::{Error, ErrorKind, Result};
use crate::parallel::Workers;

/// Slots of a slate at most.
const SLOTS: u32 = 1000;

/// The rows in the order of slates and slots.
pub(crate) struct Slates {
    rewards: Vec<f64>,
    weights: Vec<f64>,
    /// Where each slate begins and ends.
    pub(crate) starts: Vec<(usize, usize)>,
    pub(crate) units: Option<(Vec<u32>, usize)>,
    pub(crate) slots: usize,
}

impl Slates {
    pub(crate) fn new(log: &SlateLog<'_>) -> Result<Self> {
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

    pub(crate) fn total(&self, at: usize) -> f64 {
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

    pub(crate) fn fit(
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

    pub(crate) fn standard_errors<const N: usize>(
        &self,
        workers: &Workers<'_>,
        influence: impl Fn(usize) -> [f64; N] + Sync,
    ) -> Result<[Option<f64>; N]> {
        spread(
            workers,
            self.starts.len(),
            self.units
                .as_ref()
                .map(|(codes, count)| (codes.as_slice(), *count)),
            influence,
        )
    }

    /// The effective number of slates or slots, and the largest weight.
    pub(crate) fn weights(
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

    pub(crate) fn replicates(
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

pub(crate) struct SlateFit {
    pub(crate) estimator: SlateEstimator,
    normalized: bool,
    pub(crate) value: Option<f64>,
    mean: f64,
    slots: Vec<Slot>,
}

impl SlateFit {
    /// Columns of the bootstrap.
    pub(crate) fn width(&self) -> usize {
        if self.normalized {
            3 * self.slots.len()
        } else {
            1
        }
    }

    pub(crate) fn at_sums(&self, count: f64, sums: &[f64]) -> Option<f64> {
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
    pub(crate) fn influence(&self, slates: &Slates, at: usize) -> f64 {
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
