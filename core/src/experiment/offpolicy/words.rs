//! Warnings and verdicts in plain words, which never claim more than an interval does.

use super::options::Estimator;
use super::report::{Estimated, PolicyComparison, Report, Status};

/// Fewer rows of equal weight than this are too few for an interval that rests on many.
const FEW: f64 = 100.0;

/// The estimators in the order in which they are believed.
const BELIEVED: [Estimator; 9] = [
    Estimator::Dr,
    Estimator::Mrdr,
    Estimator::Sndr,
    Estimator::Snips,
    Estimator::Ips,
    Estimator::SwitchDr,
    Estimator::ClippedIps,
    Estimator::Replay,
    Estimator::Dm,
];

/// A number with four digits that count.
pub(crate) fn digits(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return format!("{value}");
    }
    let exponent = libm::floor(libm::log10(value.abs())) as i32;
    if !(-6..15).contains(&exponent) {
        return format!("{value:.3e}");
    }
    format!("{value:.*}", (3 - exponent).max(0) as usize)
}

/// A share in percent, without zeros at the end.
fn percent(share: f64) -> String {
    let text = digits(100.0 * share);
    if text.contains('.') && !text.contains('e') {
        let short = text.trim_end_matches('0').trim_end_matches('.');
        return short.to_owned();
    }
    text
}

pub(crate) fn warnings(report: &Report, uniform: bool) -> Vec<String> {
    let w = &report.weights;
    let mut out = Vec::new();
    if w.effective_sample_size < FEW && w.max > 0.0 {
        out.push(format!(
            "the weights leave an effective sample of {} rows: intervals rest on a few rows, and are \
             too short if large weights are still missing",
            digits(w.effective_sample_size)
        ));
    }
    if w.max == 0.0 {
        out.push("the policy takes none of the logged actions: nothing can be weighed".to_owned());
    }
    if let Some(error) = w.mean_standard_error
        && (w.mean - 1.0).abs() > (4.0 * error).max(1e-9)
        && w.max > 0.0
    {
        out.push(format!(
            "the weights average {}, and 1 is expected: the propensities are not those of the logged \
             actions, or the log lacks actions that the policy takes",
            digits(w.mean)
        ));
    }
    if w.largest_share > 0.1 && report.rows > 10 {
        out.push(format!(
            "one row has {} % of all weight",
            percent(w.largest_share)
        ));
    }
    let support = &report.support;
    if support.rows_without_propensity > 0 {
        out.push(format!(
            "{} rows have no propensity, {} of them with an action that the policy may take: they \
             have no weight",
            support.rows_without_propensity, support.rows_lost
        ));
    }
    if let Some(mass) = support.unsupported.filter(|&mass| mass > 0.0) {
        out.push(format!(
            "{} % of the policy's actions are never taken by the logging policy: what they would \
             bring is left out, or guessed by a model",
            percent(mass)
        ));
    }
    let has = |e| {
        report
            .estimates
            .iter()
            .any(|estimate| estimate.estimator == e)
    };
    if has(Estimator::Replay) && !uniform {
        out.push("replay takes actions as drawn uniformly, and the propensities differ".to_owned());
    }
    out
}

fn interval(estimated: &Estimated, alpha: f64) -> Option<String> {
    let (low, high) = (estimated.low?, estimated.high?);
    Some(format!(
        "{} % from {} to {}",
        percent(1.0 - alpha),
        digits(low),
        digits(high)
    ))
}

/// What a difference shows.
fn shown(what: [&str; 3], gain: &Estimated, alpha: f64) -> String {
    match (gain.value, gain.low, gain.high, interval(gain, alpha)) {
        (Some(value), Some(low), Some(high), Some(interval)) => {
            let [better, worse, open] = what;
            let head = if low > 0.0 {
                better
            } else if high < 0.0 {
                worse
            } else {
                open
            };
            format!("{head}: by {} ({interval})", digits(value))
        }
        _ => "there is no interval, so that nothing is shown".to_owned(),
    }
}

pub(crate) fn verdict(report: &Report) -> String {
    let usable = |e: &&Estimator| {
        let found = report.estimate(**e);
        found.is_some_and(|found| found.value.status != Status::NoOverlap)
    };
    let first = BELIEVED
        .iter()
        .find(usable)
        .and_then(|e| report.estimate(*e));
    let (Some(first), Some(logged)) = (first, report.logged.value) else {
        return "The log says nothing of this policy.".to_owned();
    };
    if report.weights.max == 0.0 && first.estimator != Estimator::Dm {
        return "The policy takes none of the logged actions: the log says nothing of it."
            .to_owned();
    }
    let value = first.value.value.map(digits).unwrap_or_default();
    let more = shown(
        [
            "it is better",
            "it is worse",
            "that it differs is not shown",
        ],
        &first.gain,
        report.alpha,
    );
    format!(
        "By {}, the policy is worth {value} a row, and the log has {}; {more}.{}",
        first.estimator.as_str(),
        digits(logged),
        if report.warnings.is_empty() {
            ""
        } else {
            " Read the warnings first."
        }
    )
}

pub(crate) fn compared(comparisons: &[PolicyComparison], alpha: f64) -> String {
    let find = |e: &Estimator| {
        let mut all = comparisons.iter();
        all.find(|c| c.estimator == *e && c.difference.status != Status::NoOverlap)
    };
    match BELIEVED.iter().find_map(find) {
        None => "The log says nothing of these policies.".to_owned(),
        Some(found) => {
            let what = [
                "b is better than a",
                "b is worse than a",
                "that they differ is not shown",
            ];
            let more = shown(what, &found.difference, alpha);
            format!("By {}, {more}.", found.estimator.as_str())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_digits_that_count() {
        for (value, text) in [
            (0.0, "0"),
            (0.004_552_88, "0.004553"),
            (1234.5678, "1235"),
            (-2.0, "-2.000"),
            (1e-9, "1.000e-9"),
        ] {
            assert_eq!(digits(value), text);
        }
        for (share, text) in [(0.95, "95"), (0.999, "99.9"), (1.0, "100"), (0.0, "0")] {
            assert_eq!(percent(share), text);
        }
    }
}
