//! What comes before the sums: weights, the choice of estimators, and what a log cannot say.

use super::model::{fitted, possible};
use super::options::{Estimator, Options};
use super::report::Support;
use super::rows::{Checked, CheckedPolicy, SUM, invalid, propensity};
use super::terms::{beyond, too_large};
use crate::error::{Error, ErrorKind, Result};

pub(crate) fn uniform(log: &Checked<'_>) -> bool {
    let mut known = log.log.propensity.iter().filter(|p| !p.is_nan());
    let first = known.next();
    known.all(|p| Some(p) == first)
}

/// π / μ of each row; a row without a propensity has no weight.
pub(crate) fn weights(log: &Checked<'_>, policy: &CheckedPolicy<'_>) -> Result<Vec<f64>> {
    let mut out = Vec::with_capacity(log.rows());
    for (row, (&p, &target)) in log
        .log
        .propensity
        .iter()
        .zip(&*policy.probability)
        .enumerate()
    {
        let weight = if p > 0.0 { target / p } else { 0.0 };
        if beyond(weight) {
            return Err(too_large(row, weight).context(format_args!("the weight {target} / {p}")));
        }
        out.push(weight);
    }
    Ok(out)
}

/// The weights of the fit of `mrdr`, with mean 1: w (1 − μ) / μ. Where all are 0 (a log without
/// chance), every row counts the same.
pub(crate) fn robust_weights(log: &Checked<'_>, weights: &[f64]) -> Option<Vec<f64>> {
    let one = |(&w, &p): (&f64, &f64)| if w > 0.0 { w * (1.0 - p) / p } else { 0.0 };
    let mut own: Vec<f64> = weights.iter().zip(log.log.propensity).map(one).collect();
    let sum: f64 = own.iter().sum();
    if !(sum > 0.0 && sum.is_finite()) {
        return None;
    }
    let scale = own.len() as f64 / sum;
    for weight in &mut own {
        *weight *= scale;
    }
    Some(own)
}

/// The estimators of a report: those that were asked for, or all that can be had.
pub(crate) fn chosen(
    log: &Checked<'_>,
    policy: &CheckedPolicy<'_>,
    options: &Options,
) -> Result<Vec<Estimator>> {
    let asked = |e: &Estimator| {
        if options.estimators.is_empty() {
            let predicts = !e.predicts() || possible(log, policy);
            let fits = *e != Estimator::Mrdr || fitted(log);
            predicts && fits && *e != Estimator::Replay
        } else {
            options.estimators.contains(e)
        }
    };
    let chosen: Vec<Estimator> = Estimator::ALL.into_iter().filter(asked).collect();
    if chosen.contains(&Estimator::Mrdr) && !fitted(log) {
        return Err(invalid(
            "mrdr fits a model of its own; it has no use for predicted rewards".into(),
        ));
    }
    if chosen.contains(&Estimator::Replay) {
        let probabilities = policy.probability.iter();
        if let Some(row) = probabilities
            .into_iter()
            .position(|&p| p != 0.0 && p != 1.0)
        {
            let p = policy.probability.get(row).copied().unwrap_or(0.0);
            return Err(invalid(format!(
                "policy: row {row} is {p}; replay needs a policy without chance, of 0 and 1"
            )));
        }
    }
    Ok(chosen)
}

/// What the log cannot say about a policy; refuses it unless that is to be ignored.
pub(crate) fn support(
    name: &str,
    log: &Checked<'_>,
    policy: &CheckedPolicy<'_>,
    options: &Options,
) -> Result<Support> {
    let (mut without, mut lost) = (0, 0);
    for (&p, &target) in log.log.propensity.iter().zip(&*policy.probability) {
        let missing = p == 0.0 || p.is_nan();
        without += u64::from(missing);
        lost += u64::from(missing && target > 0.0);
    }
    let unsupported = match (log.logging, policy.actions) {
        (Some(logging), Some(actions)) => {
            if logging.columns != actions.columns {
                return Err(Error::new(
                    ErrorKind::LengthMismatch,
                    format!(
                        "logging has {} columns, and {name} {}",
                        logging.columns, actions.columns
                    ),
                ));
            }
            let (own, theirs) = (log.places("logging", logging)?, log.places(name, actions)?);
            let mut sum = 0.0;
            for row in 0..log.rows() {
                let (own, theirs) = (own.of(row), theirs.of(row));
                let (mut mass, mut first) = (0.0, None);
                for (action, (&p, &target)) in
                    logging.row(own).iter().zip(actions.row(theirs)).enumerate()
                {
                    if p == 0.0 && target > 0.0 {
                        mass += target;
                        first.get_or_insert(action);
                    }
                }
                if let Some(action) = first.filter(|_| !options.ignore_unsupported) {
                    return Err(invalid(format!(
                        "{name}: in row {row} it may take action {action}, which the logging policy \
                         never takes there: the log says nothing of it; unsupported \"ignore\" \
                         estimates the rest"
                    )));
                }
                sum += mass;
            }
            Some(sum / log.rows() as f64)
        }
        _ => None,
    };
    if let Some(logging) = log.logging {
        log.needs_actions("logging", logging.columns)?;
        let own = log.places("logging", logging)?;
        for (row, &given) in log.log.propensity.iter().enumerate() {
            let known = logging.at(own.of(row), log.action(row));
            if given > 0.0 && (given - known).abs() > SUM {
                return Err(propensity(row, given).context(format_args!(
                    "logging has {known} for the action of row {row}"
                )));
            }
        }
    }
    Ok(Support {
        rows_without_propensity: without,
        rows_lost: lost,
        unsupported,
    })
}
