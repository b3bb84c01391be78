//! How many units, how small an effect, with what chance: before an experiment and in the middle.

use serde_json::{Value as Json, json};

use super::arm::{ARMS, MOST, Metric, read_arms};
use super::estimate::of_stratum;
use super::special::rising_root;
use super::srm::read_shares;
use super::test::{Judge, mixture_for, needed, power_at};
use crate::error::{Error, ErrorKind, Result};
use crate::fields::Fields;

/// A plan: what is known of the metric, and two of units, effect and power.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanRequest {
    proportion: bool,
    /// The control's share or mean, and its variance a unit.
    baseline: f64,
    variance: f64,
    /// What CUPED leaves of the variance.
    left: f64,
    /// The absolute effect.
    effect: Option<f64>,
    power: f64,
    /// The level of one comparison.
    alpha: f64,
    one_sided: bool,
    down: bool,
    shares: Vec<f64>,
    sequential: bool,
    tuning_units: f64,
    units: Option<f64>,
    so_far: Option<u64>,
}

/// What a plan comes to.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Plan {
    /// Units of all arms that find the effect with the power; `None` without an effect, or if no
    /// number of units does.
    pub units: Option<u64>,
    /// The same by arm.
    pub units_by_arm: Option<Vec<u64>>,
    /// Units still missing, where arms were given.
    pub units_to_go: Option<u64>,
    /// The chance to find the effect with the units given.
    pub power: Option<f64>,
    /// The smallest effect that the units given find with the power, absolute; `None` if there is
    /// none.
    pub minimum_effect: Option<f64>,
    /// The same by the baseline; `None` if that is not above 0.
    pub minimum_effect_relative: Option<f64>,
    /// The standard errors that a difference must exceed.
    pub threshold: Option<f64>,
}

const NAMES: [&str; 15] = [
    "metric",
    "baseline",
    "variance",
    "variance_reduction",
    "arms",
    "effect",
    "effect_kind",
    "units",
    "power",
    "alpha",
    "alternative",
    "shares",
    "method",
    "tuning_units",
    "goal",
];

impl PlanRequest {
    /// Reads a request.
    ///
    /// | name | what | default |
    /// |---|---|---|
    /// | `metric` | `proportion`, `mean`, `ratio` | needed |
    /// | `baseline` | the control's share, mean or ratio | needed, or `arms` |
    /// | `variance` | of one unit, of a mean or ratio (of a ratio: n times its squared standard error) | needed, or `arms` |
    /// | `arms` | two arms in the middle of an experiment: baseline and variance are theirs; the difference between them is not looked at | none |
    /// | `variance_reduction` | what CUPED takes off, 0 to below 1 | 0 |
    /// | `effect`, `effect_kind` | the difference to find, `relative` or `absolute`; not 0 | none, `relative` |
    /// | `units` | of all arms | none |
    /// | `power` | 0.01 to 0.9999 | 0.8 |
    /// | `alpha`, `alternative` | as in an analysis | 0.05, `two_sided` |
    /// | `shares` | of the arms, the control first; for more than two, alpha is divided by the comparisons | 1, 1 |
    /// | `method` | `frequentist`; or `sequential`: what one look at the end would find | `frequentist` |
    /// | `tuning_units` | as in an analysis | 5,000 |
    /// | `goal` | `increase`, `decrease`: the direction of the smallest effect | `increase` |
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for what is not in this table, or out of range.
    pub fn from_json(json: &Json) -> Result<Self> {
        let fields = Fields::new("plan", json, &NAMES)?;
        let metric = Metric::read(&fields)?;
        let proportion = metric == Metric::Proportion;
        let missing = |name: &str, rule: &str| fields.wrong(name, &Json::Null, rule);
        let (mut so_far, baseline, variance);
        so_far = None;
        let left = 1.0 - fields.number("variance_reduction", 0.0, 0.0, 0.999_999)?;
        if let Some(given) = fields.get("arms") {
            for name in ["baseline", "variance"] {
                if let Some(value) = fields.get(name) {
                    return Err(fields.wrong(name, value, "the arms say it"));
                }
            }
            let arms = read_arms("plan.arms", metric, Some(given))?;
            let (estimates, _) = of_stratum(metric, &arms, false, false);
            let Some((control, first)) = arms.first().zip(estimates.first()) else {
                return Err(missing("arms", "two arms are needed"));
            };
            if let Some(at) = estimates.iter().position(|e| !e.is_usable()) {
                let name = arms.get(at).map_or("", |arm| arm.name.as_str());
                return Err(fields.wrong(
                    "arms",
                    &name.into(),
                    "it has too few units for a variance",
                ));
            }
            baseline = first.value;
            // Pooled over the arms, and blind to their difference.
            let (mut sum, mut freedom) = (0.0, 0.0);
            for (arm, estimate) in arms.iter().zip(&estimates) {
                let n = arm.n as f64;
                sum += estimate.variance() * n * (n - 1.0);
                freedom += n - 1.0;
            }
            variance = sum / freedom;
            let units = arms
                .iter()
                .try_fold(0u64, |sum, arm| sum.checked_add(arm.n));
            so_far = Some(units.unwrap_or(MOST));
            if !(variance > 0.0 && variance.is_finite()) {
                return Err(fields.wrong(
                    "arms",
                    &control.name.clone().into(),
                    "the arms have no variance",
                ));
            }
        } else {
            if fields.get("baseline").is_none() {
                return Err(missing("baseline", "it is needed, or arms"));
            }
            if proportion {
                baseline = fields.number("baseline", 0.0, 1e-9, 1.0 - 1e-9)?;
                if let Some(value) = fields.get("variance") {
                    return Err(fields.wrong("variance", value, "a proportion's is known"));
                }
                variance = baseline * (1.0 - baseline);
            } else {
                baseline = fields.number("baseline", 0.0, -1e15, 1e15)?;
                if fields.get("variance").is_none() {
                    return Err(missing("variance", "it is needed, or arms"));
                }
                variance = fields.number("variance", 1.0, 1e-30, 1e30)?;
            }
        }
        let relative = match fields.text("effect_kind")? {
            None | Some("relative") => true,
            Some("absolute") => false,
            Some(given) => {
                return Err(fields.wrong(
                    "effect_kind",
                    &given.into(),
                    "it must be one of relative, absolute",
                ));
            }
        };
        let effect = match fields.get("effect") {
            None => None,
            Some(given) => {
                let effect = fields.number("effect", 0.0, -1e15, 1e15)?;
                let effect = if relative {
                    effect * baseline.abs()
                } else {
                    effect
                };
                let share = baseline + effect;
                if effect == 0.0 || proportion && !(0.0..=1.0).contains(&share) {
                    return Err(fields.wrong(
                        "effect",
                        given,
                        "it must not come to 0, and a share stays within 0 to 1",
                    ));
                }
                Some(effect)
            }
        };
        let units = match fields.get("units") {
            None => None,
            Some(_) => Some(fields.whole("units", 0, 2, MOST)? as f64),
        };
        if effect.is_none() && units.is_none() {
            return Err(missing("effect", "it is needed, or units, or both"));
        }
        let one_sided = match fields.text("alternative")? {
            None | Some("two_sided") => false,
            Some("greater" | "less") => true,
            Some(given) => {
                return Err(fields.wrong(
                    "alternative",
                    &given.into(),
                    "it must be one of two_sided, greater, less",
                ));
            }
        };
        let down = match fields.text("goal")? {
            None | Some("increase") => fields.text("alternative")? == Some("less"),
            Some("decrease") => true,
            Some(given) => {
                return Err(fields.wrong(
                    "goal",
                    &given.into(),
                    "it must be one of increase, decrease",
                ));
            }
        };
        let sequential = match fields.text("method")? {
            None | Some("frequentist") => false,
            Some("sequential") => true,
            Some(given) => {
                return Err(fields.wrong(
                    "method",
                    &given.into(),
                    "it must be one of frequentist, sequential",
                ));
            }
        };
        let shares = read_shares(&fields, "shares")?.unwrap_or_else(|| vec![1.0, 1.0]);
        if shares.len() < 2 || shares.len() > ARMS {
            let rule = format!("there must be 2 to {ARMS} of them");
            return Err(fields.wrong("shares", &shares.len().into(), &rule));
        }
        let comparisons = (shares.len() - 1) as f64;
        Ok(Self {
            proportion,
            baseline,
            variance,
            left,
            effect,
            power: fields.number("power", 0.8, 0.01, 0.9999)?,
            alpha: fields.number("alpha", 0.05, 1e-9, 0.5)? / comparisons,
            one_sided,
            down,
            shares,
            sequential,
            tuning_units: fields.number("tuning_units", 5000.0, 1.0, 1e12)?,
            units,
            so_far,
        })
    }

    /// Variances a unit of control and arm, where the arm is this much away.
    fn variances(&self, effect: f64) -> (f64, f64) {
        let own = self.variance * self.left;
        if self.proportion {
            let share = (self.baseline + effect).clamp(0.0, 1.0);
            (own, share * (1.0 - share) * self.left)
        } else {
            (own, own)
        }
    }

    /// The shares of the control and of the smallest arm.
    fn split(&self) -> (f64, f64) {
        let whole: f64 = self.shares.iter().sum();
        let control = self.shares.first().copied().unwrap_or(1.0);
        let others = self.shares.iter().skip(1);
        let smallest = others.copied().fold(f64::INFINITY, f64::min);
        (control / whole, smallest / whole)
    }

    fn standard_error(&self, units: f64, effect: f64) -> f64 {
        let ((va, vb), (wa, wb)) = (self.variances(effect), self.split());
        libm::sqrt(va / (units * wa) + vb / (units * wb))
    }

    fn reach(&self, units: f64) -> f64 {
        let judge = if self.sequential {
            Judge::Always(mixture_for(self.tuning_units, self.alpha))
        } else {
            Judge::Fixed
        };
        let (wa, wb) = self.split();
        judge.reach(units * (wa + wb), f64::INFINITY, self.alpha, self.one_sided)
    }

    fn power(&self, units: f64, effect: f64) -> f64 {
        let z = effect.abs() / self.standard_error(units, effect);
        power_at(z, self.reach(units), self.one_sided)
    }

    /// Units of all arms, not rounded.
    fn units_for(&self, effect: f64) -> Option<f64> {
        let most = MOST as f64;
        let enough = |units: f64| {
            let z = effect.abs() / self.standard_error(units, effect);
            z - needed(self.power, self.reach(units), self.one_sided)
        };
        if enough(most) < 0.0 {
            return None;
        }
        Some(if self.sequential {
            // In the logarithm, because the number may lie anywhere.
            let ln = rising_root(libm::log(2.0), libm::log(most), |ln| enough(libm::exp(ln)));
            libm::exp(ln)
        } else {
            let z = needed(self.power, self.reach(1.0), self.one_sided);
            let one = self.standard_error(1.0, effect) / effect;
            (z * z * one * one).max(2.0)
        })
    }

    fn minimum_effect(&self, units: f64) -> Option<f64> {
        let z = needed(self.power, self.reach(units), self.one_sided);
        let sign = if self.down { -1.0 } else { 1.0 };
        if !self.proportion {
            return Some(sign * z * self.standard_error(units, 0.0));
        }
        let room = if self.down {
            self.baseline
        } else {
            1.0 - self.baseline
        };
        let apart = |size: f64| size - z * self.standard_error(units, sign * size);
        (apart(room) >= 0.0).then(|| sign * rising_root(0.0, room, apart))
    }
}

/// Says how many units find an effect, with what chance some units find it, and what the smallest
/// effect is that they find.
///
/// Normal approximation with the variance of each arm; for shares the arm's own. Power counts
/// both tails. For the sequential method it is the chance to find the effect by a look at exactly
/// that many units, which repeated looks only raise. In the middle of an experiment (`arms`) the
/// plan takes baseline and variance from the data and stays blind to the difference: a power at
/// the difference that was observed says nothing that its p-value does not.
///
/// # Errors
/// [`ErrorKind::LimitExceeded`] where numbers overflow.
///
/// ```
/// use tastemaker::experiment::stats::{PlanRequest, plan};
/// use tastemaker::json::json;
/// let request = PlanRequest::from_json(&json!({"metric": "proportion", "baseline": 0.05, "effect": 0.1}))?;
/// assert_eq!(plan(&request)?.units, Some(62_462));
/// # Ok::<(), tastemaker::Error>(())
/// ```
pub fn plan(request: &PlanRequest) -> Result<Plan> {
    let units = request.effect.and_then(|effect| request.units_for(effect));
    let whole: f64 = request.shares.iter().sum();
    let by_arm: Option<Vec<u64>> = units.map(|units| {
        let of = |share: &f64| libm::ceil(units * share / whole) as u64;
        request.shares.iter().map(of).collect()
    });
    let total = by_arm.as_ref().map(|arms| arms.iter().sum::<u64>());
    let minimum = request
        .units
        .and_then(|units| request.minimum_effect(units));
    let out = Plan {
        units: total,
        units_by_arm: by_arm,
        units_to_go: total
            .zip(request.so_far)
            .map(|(n, so_far)| n.saturating_sub(so_far)),
        power: request
            .units
            .zip(request.effect)
            .map(|(units, effect)| request.power(units, effect)),
        minimum_effect: minimum,
        minimum_effect_relative: minimum
            .filter(|_| request.baseline > 0.0)
            .map(|effect| effect / request.baseline),
        threshold: request.units.map(|units| request.reach(units)),
    };
    let numbers = [out.power, out.minimum_effect, out.minimum_effect_relative];
    if numbers.iter().flatten().any(|v| !v.is_finite()) {
        return Err(Error::new(
            ErrorKind::LimitExceeded,
            "the plan's numbers are too large",
        ));
    }
    Ok(out)
}

impl Plan {
    /// The plan as JSON; what does not apply is `null`.
    #[must_use]
    pub fn to_json(&self) -> Json {
        json!({
            "units": self.units,
            "units_by_arm": self.units_by_arm,
            "units_to_go": self.units_to_go,
            "power": self.power,
            "minimum_effect": self.minimum_effect,
            "minimum_effect_relative": self.minimum_effect_relative,
            "threshold": self.threshold,
        })
    }
}
