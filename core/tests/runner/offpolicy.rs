//! The operations `off_policy` and `slates`.

use super::{Column, number};
use tastemaker::Result;
use tastemaker::control::Control;
use tastemaker::experiment::offpolicy::{self, Log, Matrix, Policy, SlateLog, SlateOptions};
use tastemaker::json::Value;

/// A column of numbers by its name.
fn column(table: &Value, name: &str) -> Option<Vec<f64>> {
    let list = table.get(name)?.as_array().expect("a list");
    Some(list.iter().map(number).collect())
}

/// A matrix by its name: the values of all rows, and how many a row has.
fn grid(table: &Value, name: &str) -> Option<(Vec<f64>, usize)> {
    let rows = table.get(name)?.as_array().expect("a list of rows");
    let row = |row: &Value| row.as_array().expect("a row").clone();
    let values: Vec<f64> = rows.iter().flat_map(row).map(|v| number(&v)).collect();
    let columns = rows.first().map_or(0, |first| row(first).len());
    Some((values, columns))
}

fn matrix(grid: Option<&(Vec<f64>, usize)>) -> Option<Matrix<'_>> {
    grid.map(|(values, columns)| Matrix {
        values,
        columns: *columns,
    })
}

fn with_policy<R>(given: &Value, use_it: impl FnOnce(&Policy<'_>) -> R) -> R {
    let (probability, predicted) = (column(given, "probability"), column(given, "predicted"));
    let actions = grid(given, "actions");
    let mut policy = Policy::default();
    policy.probability = probability.as_deref();
    policy.predicted = predicted.as_deref();
    policy.actions = matrix(actions.as_ref());
    use_it(&policy)
}

pub(crate) fn off_policy(input: &Value) -> Result<Value> {
    let options = offpolicy::Options::from_json(&input["options"])?;
    let given = &input["log"];
    let numbers = |name: &str| column(given, name);
    let (reward, propensity) = (numbers("reward").unwrap(), numbers("propensity").unwrap());
    let (action, cell, predicted) = (numbers("action"), numbers("cell"), numbers("predicted"));
    let [logging, predictions, features] =
        ["logging", "predictions", "features"].map(|name| grid(given, name));
    let mut log = Log::new(&reward, &propensity);
    log.action = action.as_deref();
    log.cell = cell.as_deref();
    log.predicted = predicted.as_deref();
    log.logging = matrix(logging.as_ref());
    log.predictions = matrix(predictions.as_ref());
    log.features = matrix(features.as_ref());
    let run = |log: &Log<'_>| {
        let control = Control::new();
        with_policy(&input["policy"], |a| match input.get("b") {
            None => Ok(offpolicy::evaluate(log, a, &options, &control)?.to_json()),
            Some(b) => with_policy(b, |b| {
                Ok(offpolicy::compare(log, a, b, &options, &control)?.to_json())
            }),
        })
    };
    match given.get("unit").map(Column::new) {
        None => run(&log),
        Some(units) => units.with(|unit| {
            let mut own: Log<'_> = log;
            own.unit = Some(unit);
            run(&own)
        }),
    }
}

pub(crate) fn slates(input: &Value) -> Result<Value> {
    let options = SlateOptions::from_json(&input["options"])?;
    let given = &input["log"];
    let numbers = |name: &str| column(given, name).expect("a column");
    let (slot, reward) = (numbers("slot"), numbers("reward"));
    let (propensity, probability) = (numbers("propensity"), numbers("probability"));
    let ids = Column::new(&given["slate"]);
    ids.with(|ids| {
        let log = SlateLog::new(ids, &slot, &reward, &propensity, &probability);
        let run = |log: &SlateLog<'_>| {
            Ok(offpolicy::evaluate_slates(log, &options, &Control::new())?.to_json())
        };
        match given.get("unit").map(Column::new) {
            None => run(&log),
            Some(units) => units.with(|unit| {
                let mut own: SlateLog<'_> = log;
                own.unit = Some(unit);
                run(&own)
            }),
        }
    })
}
