//! Results in plain words, which claim what the test shows and no more.

use super::options::{Method, Request};
use super::report::{Comparison, Heterogeneity, Report, Status};
use super::test::Alternative;

/// A number with four leading digits, without the zeros that say nothing.
fn short(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let size = value.abs();
    if !(1e-4..1e9).contains(&size) {
        return format!("{value:.3e}");
    }
    let mut digits = 3usize;
    let mut bound = 10.0;
    while size >= bound && digits > 0 {
        digits -= 1;
        bound *= 10.0;
    }
    let mut bound = 1.0;
    while size < bound && digits < 8 {
        digits += 1;
        bound *= 0.1;
    }
    let text = format!("{value:.digits$}");
    if text.contains('.') {
        return text.trim_end_matches('0').trim_end_matches('.').to_owned();
    }
    text
}

fn percent(share: f64) -> String {
    format!("{} %", short(share * 100.0))
}

fn p(value: f64) -> String {
    if value < 0.0001 {
        "p < 0.0001".to_owned()
    } else {
        format!("p = {}", short(value))
    }
}

fn interval(low: Option<f64>, high: Option<f64>) -> String {
    match (low, high) {
        (Some(low), Some(high)) => format!("{} to {}", short(low), short(high)),
        (Some(low), None) => format!("{} or more", short(low)),
        (None, Some(high)) => format!("{} or less", short(high)),
        (None, None) => "anything".to_owned(),
    }
}

/// What may be said of one comparison.
pub(crate) fn comparison(request: &Request, control: &str, found: &Comparison) -> String {
    let arm = &found.arm;
    match found.status {
        Status::Ok => {}
        Status::TooFewUnits => {
            return format!("Nothing can be said of {arm}: it or {control} has too few units.");
        }
        Status::ZeroVariance => {
            return format!(
                "Nothing can be said of {arm}: all units of it and of {control} have one value \
                 each, so that the data do not show how much is chance."
            );
        }
        Status::TooEarly => {
            return format!(
                "Too early for {arm}: a sequential test starts at {} units in each arm.",
                request.min_units
            );
        }
    }
    if request.method == Method::Bayesian {
        return bayesian(request, control, found);
    }
    let range = interval(found.low, found.high);
    let looked = if request.method == Method::Sequential {
        "whenever it was looked at"
    } else {
        "if the number of units was fixed before the start and this is the only look"
    };
    let adjusted = found.p_value_adjusted.unwrap_or(1.0);
    if !found.significant {
        let sought = match request.alternative {
            Alternative::TwoSided => "differs from",
            Alternative::Greater => "is above",
            Alternative::Less => "is below",
        };
        return format!(
            "It is not shown that {arm} {sought} {control} ({}). That does not show that they are \
             alike: the data agree with a difference of {range}.",
            p(adjusted)
        );
    }
    let up = found.difference > 0.0;
    let (word, side) = (
        if up == request.increase {
            "better"
        } else {
            "worse"
        },
        if up { "above" } else { "below" },
    );
    format!(
        "{arm} is {side} {control}, which is {word}, by {} (interval {range}; {}). This holds \
         {looked}, up to a chance of {} of an error.",
        short(found.difference.abs()),
        p(adjusted),
        percent(request.alpha)
    )
}

fn bayesian(request: &Request, control: &str, found: &Comparison) -> String {
    let chance = found.chance_to_win.unwrap_or(0.5);
    format!(
        "With this prior, {} is better than {control} with a chance of {}; the difference lies \
         within {} with {}. Who chooses it loses {} a unit on average against the better of the \
         two. Chances of many looks are not corrected.",
        found.arm,
        percent(chance),
        interval(found.low, found.high),
        percent(1.0 - request.alpha),
        short(found.expected_loss.unwrap_or(0.0)),
    )
}

/// What may be said of segments.
pub(crate) fn heterogeneity(alpha: f64, found: &Heterogeneity) -> String {
    if found.p_value_adjusted <= alpha {
        format!(
            "The effect of {} differs between the segments ({}). Which of them differ is a new \
             question: test it with new data.",
            found.arm,
            p(found.p_value_adjusted)
        )
    } else {
        format!(
            "It is not shown that the effect of {} differs between the segments ({}): do not pick \
             out single ones.",
            found.arm,
            p(found.p_value_adjusted)
        )
    }
}

/// All of a report in a sentence or two.
pub(crate) fn whole(request: &Request, report: &Report) -> String {
    if report.srm.as_ref().is_some_and(|srm| srm.mismatch) {
        return "Do not use these results: the units are not split as they should be, so that \
                something is wrong with the assignment or the log."
            .to_owned();
    }
    match report.comparisons.as_slice() {
        [only] => only.verdict.clone(),
        several if request.method == Method::Bayesian => {
            let usable = several.iter().any(|c| c.status == Status::Ok);
            let best = report
                .arms
                .iter()
                .filter_map(|arm| Some((arm, arm.posterior?)))
                .max_by(|a, b| a.1.chance_to_be_best.total_cmp(&b.1.chance_to_be_best));
            match best {
                Some((arm, posterior)) if usable => format!(
                    "With this prior, {} is the best of {} arms with a chance of {}.",
                    arm.name,
                    report.arms.len(),
                    percent(posterior.chance_to_be_best)
                ),
                _ => "Nothing can be said yet.".to_owned(),
            }
        }
        several => {
            let named = |up: bool| -> Vec<&str> {
                let found = several.iter().filter(|c| c.significant);
                found
                    .filter(|c| (c.difference > 0.0) == up)
                    .map(|c| c.arm.as_str())
                    .collect()
            };
            let (above, below) = (named(true), named(false));
            if above.is_empty() && below.is_empty() {
                return format!(
                    "Of {} arms, none is shown to differ from {}.",
                    several.len(),
                    report.control
                );
            }
            let part = |names: &[&str], side: &str| {
                if names.is_empty() {
                    return String::new();
                }
                format!("{side} {}: {}. ", report.control, names.join(", "))
            };
            format!(
                "{}{}The p-values are corrected for {} comparisons ({}); the arms are not compared \
                 with one another.",
                part(&above, "Above"),
                part(&below, "Below"),
                several.len(),
                request.correction.as_str()
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_numbers() {
        for (value, text) in [
            (0.0, "0"),
            (0.1, "0.1"),
            (-0.012_345_6, "-0.01235"),
            (123.456, "123.5"),
            (99_999.4, "99999"),
            (3.0, "3"),
            (1.5e12, "1.500e12"),
            (-2e-7, "-2.000e-7"),
            (1000.0, "1000"),
        ] {
            assert_eq!(short(value), text);
        }
        assert_eq!(percent(0.05), "5 %");
        assert_eq!(p(1e-9), "p < 0.0001");
    }
}
