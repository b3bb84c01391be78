//! From a request to a report.

use super::arm::{Arm, Metric};
use super::estimate::{Cuped, Estimate, of_stratum, over_strata};
use super::multiple::{Correction, adjust};
use super::options::{Method, Prior, Request, Roi};
use super::posterior::{
    Posterior, best_of, chance_above, difference_quantile, expected_loss, ratio_quantile,
};
use super::report::{
    ArmPosterior, ArmReport, Comparison, Heterogeneity, Report, Return, Segment, Status,
};
use super::special::chi_square_sf;
use super::srm::{LEVEL, sample_ratio};
use super::test::{Alternative, Judge, compare, mixture_for, relative};
use super::words;
use crate::error::{Error, ErrorKind, Result};

/// Compares arms with a control.
///
/// *Frequentist*: proportions by a normal test with Agresti & Caffo's adjustment, means by
/// Welch's t-test, ratios by the delta method and Welch's degrees of freedom. *Sequential*: the
/// same estimates, with p-values and intervals that hold at all times together (mixture of
/// normals; Waudby-Smith et al. 2024). They rest on the central limit theorem from `min_units`
/// on: with values of which a few make the sum, winsorise or wait longer. *Bayesian*: Beta
/// posteriors of plain proportions, normal ones of all else; exact up to quadrature.
///
/// CUPED is used if the arms have a covariate, strata if they are given. Intervals are each at
/// 1 − `alpha`, p-values are corrected for the number of arms. Deterministic; cost: microseconds,
/// for Bayesian proportions some milliseconds a comparison.
///
/// # Errors
/// [`ErrorKind::LimitExceeded`] if the arms of a stratum or of the whole have more than 2⁵³ units,
/// or numbers so large that an estimate overflows. Too few units or no variance are no errors but
/// a [`Status`].
///
/// ```
/// use tastemaker::experiment::stats::{Request, analyze};
/// use tastemaker::json::json;
/// let request = Request::from_json(&json!({"metric": "proportion", "arms": [
///     {"name": "control", "n": 10_000, "successes": 500},
///     {"name": "new", "n": 10_000, "successes": 600},
/// ]}))?;
/// let report = analyze(&request)?;
/// assert!(report.comparisons[0].significant);
/// assert!(report.verdict.starts_with("new is above control"));
/// # Ok::<(), tastemaker::Error>(())
/// ```
pub fn analyze(request: &Request) -> Result<Report> {
    let (estimates, theta) = whole(request, request.cuped);
    finite(&estimates)?;
    let control = request.arms().get(request.control);
    let control = control.map(|arm| arm.name.clone()).unwrap_or_default();
    let mut comparisons = compared(request, &estimates);
    correct(
        request.correction,
        request.alpha,
        &mut comparisons.iter_mut().collect::<Vec<_>>(),
    )?;
    let posteriors = posteriors(request, &estimates);
    let arms = arm_reports(request, &estimates, posteriors.as_deref());
    let cuped = theta.map(|theta| Cuped {
        theta,
        variance_reduction: reduction(request, &estimates),
    });
    let srm = match &request.shares {
        None => None,
        Some(shares) => {
            let counts: Vec<u64> = estimates.iter().map(|e| e.n).collect();
            Some(sample_ratio(&counts, shares, LEVEL)?)
        }
    };
    match &posteriors {
        Some(posteriors) => believe(request, posteriors, &mut comparisons),
        None if request.method == Method::Bayesian => {
            // One arm without a posterior leaves none to be compared with the rest.
            let few = estimates.iter().any(|e| !e.is_usable());
            for found in comparisons.iter_mut().filter(|c| c.status == Status::Ok) {
                found.standard_error = None;
                found.status = if few {
                    Status::TooFewUnits
                } else {
                    Status::ZeroVariance
                };
            }
        }
        None => {}
    }
    let (segments, heterogeneity) = by_segment(request, &control)?;
    for found in &mut comparisons {
        found.roi = request.roi.map(|roi| worth(roi, found));
        found.verdict = words::comparison(request, &control, found);
    }
    let mut report = Report {
        metric: request.metric,
        method: request.method,
        alpha: request.alpha,
        control,
        arms,
        comparisons,
        cuped,
        srm,
        segments,
        heterogeneity,
        warnings: warnings(request, &estimates),
        verdict: String::new(),
    };
    report.verdict = words::whole(request, &report);
    Ok(report)
}

/// The estimates of all arms over all strata, and CUPED's slope where there is one stratum.
fn whole(request: &Request, cuped: bool) -> (Vec<Estimate>, Option<f64>) {
    let adjusted = request.strata.len() == 1;
    let mut theta = None;
    let strata: Vec<Vec<Estimate>> = request
        .strata
        .iter()
        .map(|group| {
            let (estimates, found) = of_stratum(request.metric, &group.arms, cuped, adjusted);
            theta = found;
            estimates
        })
        .collect();
    if let [_] = strata.as_slice() {
        let only = strata.into_iter().next().unwrap_or_default();
        return (only, theta);
    }
    let weights: Vec<f64> = request
        .strata
        .iter()
        .map(|group| {
            let units: f64 = group.arms.iter().map(|arm| arm.n as f64).sum();
            group.weight.unwrap_or(units)
        })
        .collect();
    let sum: f64 = weights.iter().sum();
    let weights: Vec<f64> = weights
        .iter()
        .map(|weight| if sum > 0.0 { weight / sum } else { 0.0 })
        .collect();
    (over_strata(&weights, &strata), None)
}

fn finite(estimates: &[Estimate]) -> Result<()> {
    let units = estimates
        .iter()
        .try_fold(0u64, |sum, e| sum.checked_add(e.n))
        .filter(|&sum| sum <= super::arm::MOST);
    // Far within the range of f64, so that no product of four overflows.
    let good = |e: &Estimate| e.centre.abs() < 1e70 && e.value.abs() < 1e70 && e.variance() < 1e140;
    if units.is_none() || !estimates.iter().all(good) {
        return Err(Error::new(
            ErrorKind::LimitExceeded,
            "the arms' units or moments are too large to be compared",
        ));
    }
    Ok(())
}

fn judge(request: &Request) -> Judge {
    match request.method {
        Method::Sequential => Judge::Always(mixture_for(request.tuning_units, request.alpha)),
        _ => Judge::Fixed,
    }
}

/// Every arm beside the control, not corrected and without words.
fn compared(request: &Request, estimates: &[Estimate]) -> Vec<Comparison> {
    let Some(control) = estimates.get(request.control) else {
        return Vec::new();
    };
    let others = request.arms().iter().zip(estimates).enumerate();
    let others = others.filter(|(at, _)| *at != request.control);
    others
        .map(|(_, (arm, estimate))| one(request, control, arm, estimate))
        .collect()
}

fn one(request: &Request, control: &Estimate, arm: &Arm, estimate: &Estimate) -> Comparison {
    let difference = estimate.value - control.value;
    let mut out = Comparison {
        arm: arm.name.clone(),
        status: Status::Ok,
        difference,
        standard_error: None,
        low: None,
        high: None,
        relative: (control.value > 0.0).then(|| difference / control.value),
        relative_low: None,
        relative_high: None,
        p_value: None,
        p_value_adjusted: None,
        significant: false,
        chance_to_win: None,
        expected_loss: None,
        roi: None,
        verdict: String::new(),
    };
    if !(control.is_usable() && estimate.is_usable()) {
        out.status = Status::TooFewUnits;
        return out;
    }
    if request.method == Method::Sequential && control.n.min(estimate.n) < request.min_units {
        out.status = Status::TooEarly;
        return out;
    }
    let found = compare(
        judge(request),
        request.alternative,
        request.alpha,
        control,
        estimate,
    );
    let Some(found) = found else {
        out.status = Status::ZeroVariance;
        return out;
    };
    out.standard_error = Some(found.standard_error);
    if request.method == Method::Bayesian {
        return out;
    }
    (out.low, out.high, out.p_value) = (found.low, found.high, Some(found.p_value));
    let ends = relative(
        request.relative,
        found.reach,
        (control.centre, control.variance()),
        (estimate.centre, estimate.variance()),
    );
    if let (Some((low, high)), Some(_)) = (ends, out.relative) {
        out.relative_low = (request.alternative != Alternative::Less).then_some(low);
        out.relative_high = (request.alternative != Alternative::Greater).then_some(high);
    }
    out
}

/// Corrects the p-values of comparisons for their number.
fn correct(correction: Correction, alpha: f64, all: &mut [&mut Comparison]) -> Result<()> {
    let p_values: Vec<f64> = all.iter().filter_map(|c| c.p_value).collect();
    let mut adjusted = adjust(&p_values, correction)?.into_iter();
    for found in all.iter_mut().filter(|c| c.p_value.is_some()) {
        found.p_value_adjusted = adjusted.next();
        found.significant = found.p_value_adjusted.is_some_and(|p| p <= alpha);
    }
    Ok(())
}

fn posteriors(request: &Request, estimates: &[Estimate]) -> Option<Vec<Posterior>> {
    let good = |e: &Estimate| e.is_usable() && e.variance() > 0.0;
    if request.method != Method::Bayesian || !estimates.iter().all(good) {
        return None;
    }
    let plain = request.strata.len() == 1 && !(request.cuped && with_covariate(request));
    let posterior = |(arm, estimate): (&Arm, &Estimate)| match (request.prior, arm.successes) {
        (Prior::Beta(alpha, beta), Some(successes)) if plain => Posterior::Beta {
            a: alpha + successes as f64,
            b: beta + (arm.n - successes) as f64,
        },
        (Prior::Normal(mean, Some(variance)), _) => {
            let (own, prior) = (1.0 / estimate.variance(), 1.0 / variance);
            Posterior::Normal {
                mean: (estimate.centre * own + mean * prior) / (own + prior),
                sd: libm::sqrt(1.0 / (own + prior)),
            }
        }
        _ => Posterior::Normal {
            mean: estimate.centre,
            sd: libm::sqrt(estimate.variance()),
        },
    };
    Some(
        request
            .arms()
            .iter()
            .zip(estimates)
            .map(posterior)
            .collect(),
    )
}

fn with_covariate(request: &Request) -> bool {
    request.arms().iter().all(|arm| arm.covariate)
}

fn arm_reports(
    request: &Request,
    estimates: &[Estimate],
    posteriors: Option<&[Posterior]>,
) -> Vec<ArmReport> {
    let best =
        posteriors.map(|all| best_of(&all.iter().map(|p| toward(request, *p)).collect::<Vec<_>>()));
    let arms = request.arms().iter().zip(estimates).enumerate();
    arms.map(|(at, (arm, estimate))| {
        let posterior = posteriors
            .and_then(|all| all.get(at))
            .zip(best.as_ref().and_then(|best| best.get(at)));
        ArmReport {
            name: arm.name.clone(),
            n: estimate.n,
            estimate: estimate.value,
            standard_error: estimate
                .is_usable()
                .then(|| libm::sqrt(estimate.variance())),
            posterior: posterior.map(|(posterior, &(chance, loss))| ArmPosterior {
                mean: posterior.mean(),
                low: posterior.quantile(0.5 * request.alpha),
                high: posterior.quantile(1.0 - 0.5 * request.alpha),
                chance_to_be_best: chance,
                expected_loss: loss,
            }),
        }
    })
    .collect()
}

/// The posterior of what is to grow: mirrored if less is better.
fn toward(request: &Request, posterior: Posterior) -> Posterior {
    match posterior {
        _ if request.increase => posterior,
        Posterior::Beta { a, b } => Posterior::Beta { a: b, b: a },
        Posterior::Normal { mean, sd } => Posterior::Normal { mean: -mean, sd },
    }
}

/// Fills in what the posteriors say of each comparison.
fn believe(request: &Request, posteriors: &[Posterior], comparisons: &mut [Comparison]) {
    let Some(&control) = posteriors.get(request.control) else {
        return;
    };
    let others = posteriors.iter().enumerate();
    let others = others.filter(|(at, _)| *at != request.control);
    let tail = 0.5 * request.alpha;
    for (found, (_, &arm)) in comparisons.iter_mut().zip(others) {
        if found.status != Status::Ok {
            continue;
        }
        let (a, b) = (toward(request, control), toward(request, arm));
        found.chance_to_win = Some(chance_above(a, b));
        found.expected_loss = Some(expected_loss(a, b));
        found.low = Some(difference_quantile(control, arm, tail));
        found.high = Some(difference_quantile(control, arm, 1.0 - tail));
        let ends = match (control, arm) {
            (Posterior::Normal { mean: ma, sd: sa }, Posterior::Normal { mean: mb, sd: sb }) => {
                let reach = -super::special::normal_quantile(tail);
                relative(request.relative, reach, (ma, sa * sa), (mb, sb * sb))
            }
            _ => Some((
                ratio_quantile(control, arm, tail) - 1.0,
                ratio_quantile(control, arm, 1.0 - tail) - 1.0,
            )),
        };
        if let (Some((low, high)), Some(_)) = (ends, found.relative) {
            (found.relative_low, found.relative_high) = (Some(low), Some(high));
        }
    }
}

/// What CUPED took off the variance of the first comparison.
fn reduction(request: &Request, with: &[Estimate]) -> f64 {
    let (without, _) = whole(request, false);
    let variance = |estimates: &[Estimate]| {
        let other = usize::from(request.control == 0);
        [request.control, other]
            .iter()
            .filter_map(|&at| estimates.get(at))
            .map(Estimate::variance)
            .sum::<f64>()
    };
    let plain = variance(&without);
    if plain > 0.0 {
        1.0 - variance(with) / plain
    } else {
        0.0
    }
}

fn worth(roi: Roi, found: &Comparison) -> Return {
    let of = |difference: f64| difference * roi.value * roi.units - roi.cost;
    let (low, high) = (found.low.map(of), found.high.map(of));
    // A negative value turns the ends around.
    let (low, high) = if roi.value < 0.0 {
        (high, low)
    } else {
        (low, high)
    };
    let gain = of(found.difference);
    Return {
        gain,
        low,
        high,
        ratio: (roi.cost > 0.0).then(|| gain / roi.cost),
    }
}

/// All segments, corrected together, and whether they differ.
fn by_segment(request: &Request, control: &str) -> Result<(Vec<Segment>, Vec<Heterogeneity>)> {
    let mut segments = Vec::new();
    for group in &request.segments {
        let (estimates, _) = of_stratum(request.metric, &group.arms, request.cuped, true);
        finite(&estimates)?;
        segments.extend(
            compared(request, &estimates)
                .into_iter()
                .map(|comparison| Segment {
                    segment: group.name.clone(),
                    comparison,
                }),
        );
    }
    // Holm, whatever was asked for the arms: a search through segments makes many claims.
    let mut all: Vec<&mut Comparison> = segments.iter_mut().map(|s| &mut s.comparison).collect();
    correct(Correction::Holm, request.alpha, &mut all)?;
    for segment in &mut segments {
        let words = words::comparison(request, control, &segment.comparison);
        segment.comparison.verdict = format!("{}: {words}", segment.segment);
    }
    let mut heterogeneity = Vec::new();
    // Cochran's test is for one look.
    if request.method == Method::Frequentist && request.segments.len() > 1 {
        for arm in request.arms() {
            heterogeneity.extend(cochran(&arm.name, &segments));
        }
    }
    let p_values: Vec<f64> = heterogeneity.iter().map(|h| h.p_value).collect();
    for (found, p) in heterogeneity
        .iter_mut()
        .zip(adjust(&p_values, Correction::Holm)?)
    {
        found.p_value_adjusted = p;
        found.verdict = words::heterogeneity(request.alpha, found);
    }
    Ok((segments, heterogeneity))
}

/// Cochran 1954: do the differences of one arm vary more than chance lets them?
fn cochran(arm: &str, segments: &[Segment]) -> Option<Heterogeneity> {
    let found = segments
        .iter()
        .map(|s| &s.comparison)
        .filter(|c| c.arm == arm);
    let found: Vec<(f64, f64)> = found
        .filter_map(|c| Some((c.difference, c.standard_error?)))
        .collect();
    if found.len() < 2 {
        return None;
    }
    let weight = |se: f64| 1.0 / (se * se);
    let whole: f64 = found.iter().map(|&(_, se)| weight(se)).sum();
    let mean = found.iter().map(|&(d, se)| weight(se) * d).sum::<f64>() / whole;
    let q: f64 = found
        .iter()
        .map(|&(d, se)| weight(se) * (d - mean) * (d - mean))
        .sum();
    let freedom = (found.len() - 1) as f64;
    Some(Heterogeneity {
        arm: arm.to_owned(),
        q,
        freedom,
        p_value: chi_square_sf(q, freedom),
        p_value_adjusted: 1.0,
        verdict: String::new(),
    })
}

fn warnings(request: &Request, estimates: &[Estimate]) -> Vec<String> {
    let mut out = Vec::new();
    let arms = request.arms().iter().zip(estimates);
    for (arm, estimate) in arms {
        if !estimate.is_usable() {
            out.push(format!("{} has too few units for a variance.", arm.name));
        } else if request.metric == Metric::Proportion {
            let successes: u64 = request
                .strata
                .iter()
                .flat_map(|group| &group.arms)
                .filter(|other| other.name == arm.name)
                .filter_map(|other| other.successes)
                .sum();
            if successes.min(estimate.n.saturating_sub(successes)) < 5 {
                out.push(format!(
                    "{} has fewer than 5 conversions, or fewer than 5 units without: intervals are \
                     rough.",
                    arm.name
                ));
            }
        }
    }
    if request.metric != Metric::Proportion && estimates.iter().any(|e| (2..30).contains(&e.n)) {
        out.push(
            "An arm has fewer than 30 units: the test supposes values that are about normal."
                .to_owned(),
        );
    }
    if request.method == Method::Sequential {
        out.push(
            "The sequential test rests on the central limit theorem: winsorise values of which a \
             few make the sum."
                .to_owned(),
        );
    }
    out
}
