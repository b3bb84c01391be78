//! From an arm's moments to an estimate with its variance: delta method, CUPED, strata.

use super::arm::{Arm, Metric};

/// An estimate of one arm.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Estimate {
    pub(crate) n: u64,
    /// The plain estimate: share, mean or ratio, after CUPED and strata where these are used.
    pub(crate) value: f64,
    /// What tests and intervals are centred at.
    pub(crate) centre: f64,
    /// Independent parts of the variance of `centre`, with their degrees of freedom.
    pub(crate) parts: Vec<(f64, f64)>,
}

impl Estimate {
    pub(crate) fn variance(&self) -> f64 {
        self.parts.iter().map(|(variance, _)| variance).sum()
    }

    /// Whether there are units enough for a variance.
    pub(crate) fn is_usable(&self) -> bool {
        !self.parts.is_empty()
    }
}

/// What CUPED found.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Cuped {
    /// The slope of the value on the covariate, pooled over the arms.
    pub theta: f64,
    /// The share of the difference's variance that is gone (1 − ρ² is left), of the first arm
    /// against the control.
    pub variance_reduction: f64,
}

/// How much of a unit's linearised value each of its columns makes: (weights, variance of it).
/// A mean is its value; a ratio R = N/D is (value − R · denominator) / D (delta method).
fn linear(metric: Metric, arm: &Arm) -> [f64; 3] {
    match metric {
        Metric::Proportion | Metric::Mean => [1.0, 0.0, 0.0],
        Metric::Ratio => {
            let [value, denominator, _] = arm.means;
            [1.0 / denominator, -value / denominator / denominator, 0.0]
        }
    }
}

fn form(weights: [f64; 3], arm: &Arm) -> f64 {
    let mut sum = 0.0;
    for (a, row) in weights.iter().zip(&arm.covariances) {
        for (b, covariance) in weights.iter().zip(row) {
            sum += a * b * covariance;
        }
    }
    sum
}

/// The covariance of the linearised value with the covariate.
fn with_covariate(weights: [f64; 3], arm: &Arm) -> f64 {
    weights
        .iter()
        .zip(&arm.covariances)
        .map(|(weight, row)| weight * row.last().copied().unwrap_or(0.0))
        .sum()
}

fn plain(metric: Metric, arm: &Arm) -> f64 {
    let [value, denominator, _] = arm.means;
    if metric == Metric::Ratio {
        value / denominator
    } else {
        value
    }
}

/// The estimates of the arms of one stratum.
///
/// With a covariate and `cuped`, the slope is that of all arms together, and each estimate is
/// moved to where it would be had the arm the covariate's mean over all units (Deng, Xu, Kohavi &
/// Walker 2013, doi:10.1145/2433396.2433413). `exact_proportion` says that a proportion is tested
/// by Agresti & Caffo's adjustment, one success and one failure more (2000,
/// doi:10.1080/00031305.2000.10474560), so that no conversions at all are no certainty.
pub(crate) fn of_stratum(
    metric: Metric,
    arms: &[Arm],
    cuped: bool,
    adjusted: bool,
) -> (Vec<Estimate>, Option<f64>) {
    let usable = |arm: &Arm| arm.n > 1 && (metric != Metric::Ratio || arm.means[1] != 0.0);
    let cuped = cuped && arms.iter().all(|arm| arm.covariate);
    let mut theta = None;
    let mut centre = 0.0;
    if cuped {
        let (mut joint, mut spread, mut sum, mut units) = (0.0, 0.0, 0.0, 0.0);
        for arm in arms.iter().filter(|arm| usable(arm)) {
            let freedom = (arm.n - 1) as f64;
            joint += freedom * with_covariate(linear(metric, arm), arm);
            spread += freedom * arm.covariances[2][2];
            sum += arm.n as f64 * arm.means[2];
            units += arm.n as f64;
        }
        // A covariate that never varies explains nothing.
        if spread > 0.0 {
            theta = Some(joint / spread);
            centre = sum / units;
        }
    }
    let estimates = arms.iter().map(|arm| {
        let n = arm.n as f64;
        if !usable(arm) {
            let value = if arm.n > 0 && arm.means[1] != 0.0 {
                plain(metric, arm)
            } else {
                0.0
            };
            return Estimate {
                n: arm.n,
                value,
                centre: value,
                parts: Vec::new(),
            };
        }
        let value = plain(metric, arm);
        if let Some(theta) = theta {
            let mut weights = linear(metric, arm);
            weights[2] = -theta;
            let value = value - theta * (arm.means[2] - centre);
            return Estimate {
                n: arm.n,
                value,
                centre: value,
                parts: vec![(form(weights, arm).max(0.0) / n, n - 1.0)],
            };
        }
        if let (true, Some(successes)) = (adjusted, arm.successes) {
            let n = n + 2.0;
            let share = (successes as f64 + 1.0) / n;
            return Estimate {
                n: arm.n,
                value,
                centre: share,
                parts: vec![(share * (1.0 - share) / n, f64::INFINITY)],
            };
        }
        Estimate {
            n: arm.n,
            value,
            centre: value,
            parts: vec![(form(linear(metric, arm), arm).max(0.0) / n, n - 1.0)],
        }
    });
    (estimates.collect(), theta)
}

/// One estimate an arm of several strata, each weighted by its share of all units, or by given
/// weights (post-stratification: Miratrix, Sekhon & Yu 2013, doi:10.1111/j.1467-9868.2012.01048.x).
pub(crate) fn over_strata(weights: &[f64], strata: &[Vec<Estimate>]) -> Vec<Estimate> {
    let arms = strata.first().map_or(0, Vec::len);
    let one = |arm: usize| {
        let mut out = Estimate {
            n: 0,
            value: 0.0,
            centre: 0.0,
            parts: Vec::new(),
        };
        let mut usable = true;
        for (&weight, stratum) in weights.iter().zip(strata) {
            let Some(part) = stratum.get(arm) else {
                continue;
            };
            out.n += part.n;
            if weight == 0.0 {
                continue;
            }
            usable &= part.is_usable();
            out.value += weight * part.value;
            out.centre += weight * part.centre;
            let moved = part.parts.iter().map(|(v, f)| (v * weight * weight, *f));
            out.parts.extend(moved);
        }
        if !usable {
            out.parts.clear();
        }
        out
    };
    (0..arms).map(one).collect()
}
