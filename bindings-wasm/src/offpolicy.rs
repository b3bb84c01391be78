//! Off-policy evaluation: columns and matrices to the core, reports as JSON.

use tastemaker::ErrorKind;
use tastemaker::experiment::offpolicy::{
    Log, Matrix, Options, Policy, SlateLog, SlateOptions, compare, evaluate, evaluate_slates,
};
use wasm_bindgen::prelude::*;

use crate::control::{CancelFlag, Report, controlled};
use crate::error::{Result, thrown};
use crate::event::{Ids, NativeIds};
use crate::json;

#[wasm_bindgen]
extern "C" {
    /// The values of a matrix, row by row, and how many a row has.
    pub type NativeMatrix;

    #[wasm_bindgen(method, getter, structural)]
    fn values(this: &NativeMatrix) -> Vec<f64>;

    #[wasm_bindgen(method, getter, structural)]
    fn columns(this: &NativeMatrix) -> u32;

    /// A log.
    pub type NativeLog;

    #[wasm_bindgen(method, getter, structural)]
    fn reward(this: &NativeLog) -> Vec<f64>;

    #[wasm_bindgen(method, getter, structural)]
    fn propensity(this: &NativeLog) -> Vec<f64>;

    #[wasm_bindgen(method, getter, structural)]
    fn action(this: &NativeLog) -> Option<Vec<f64>>;

    #[wasm_bindgen(method, getter, structural)]
    fn cell(this: &NativeLog) -> Option<Vec<f64>>;

    #[wasm_bindgen(method, getter, structural)]
    fn unit(this: &NativeLog) -> Option<NativeIds>;

    #[wasm_bindgen(method, getter, structural)]
    fn predicted(this: &NativeLog) -> Option<Vec<f64>>;

    #[wasm_bindgen(method, getter, structural)]
    fn logging(this: &NativeLog) -> Option<NativeMatrix>;

    #[wasm_bindgen(method, getter, structural)]
    fn predictions(this: &NativeLog) -> Option<NativeMatrix>;

    #[wasm_bindgen(method, getter, structural)]
    fn features(this: &NativeLog) -> Option<NativeMatrix>;

    /// A policy.
    pub type NativePolicy;

    #[wasm_bindgen(method, getter, structural)]
    fn probability(this: &NativePolicy) -> Option<Vec<f64>>;

    #[wasm_bindgen(method, getter, structural)]
    fn actions(this: &NativePolicy) -> Option<NativeMatrix>;

    #[wasm_bindgen(method, getter, structural)]
    fn predicted(this: &NativePolicy) -> Option<Vec<f64>>;

    /// Slates.
    pub type NativeSlates;

    #[wasm_bindgen(method, getter, structural)]
    fn slate(this: &NativeSlates) -> NativeIds;

    #[wasm_bindgen(method, getter, structural)]
    fn slot(this: &NativeSlates) -> Vec<f64>;

    #[wasm_bindgen(method, getter, structural)]
    fn reward(this: &NativeSlates) -> Vec<f64>;

    #[wasm_bindgen(method, getter, structural)]
    fn propensity(this: &NativeSlates) -> Vec<f64>;

    #[wasm_bindgen(method, getter, structural)]
    fn probability(this: &NativeSlates) -> Vec<f64>;

    #[wasm_bindgen(method, getter, structural)]
    fn unit(this: &NativeSlates) -> Option<NativeIds>;
}

type Grid = (Vec<f64>, usize);

fn grid(given: Option<NativeMatrix>) -> Option<Grid> {
    given.map(|given| (given.values(), given.columns() as usize))
}

fn matrix(grid: Option<&Grid>) -> Option<Matrix<'_>> {
    grid.map(|(values, columns)| Matrix {
        values,
        columns: *columns,
    })
}

/// Lends a log to `work` in the core's form.
fn with_log<T>(given: &NativeLog, work: impl FnOnce(&Log<'_>) -> T) -> Result<T> {
    let unit = given.unit();
    let unit = unit.map(|unit| Ids::new(&unit, "unit")).transpose()?;
    let units = unit.as_ref().map(Ids::texts).unwrap_or_default();
    let (reward, propensity) = (given.reward(), given.propensity());
    let (action, cell, predicted) = (given.action(), given.cell(), given.predicted());
    let [logging, predictions, features] =
        [given.logging(), given.predictions(), given.features()].map(grid);
    let mut log = Log::new(&reward, &propensity);
    log.action = action.as_deref();
    log.cell = cell.as_deref();
    log.unit = unit.as_ref().map(|unit| unit.column(&units));
    log.predicted = predicted.as_deref();
    log.logging = matrix(logging.as_ref());
    log.predictions = matrix(predictions.as_ref());
    log.features = matrix(features.as_ref());
    Ok(work(&log))
}

/// Lends a policy to `work` in the core's form.
fn with_policy<T>(given: &NativePolicy, work: impl FnOnce(&Policy<'_>) -> T) -> T {
    let (probability, predicted) = (given.probability(), given.predicted());
    let actions = grid(given.actions());
    let mut policy = Policy::default();
    policy.probability = probability.as_deref();
    policy.predicted = predicted.as_deref();
    policy.actions = matrix(actions.as_ref());
    work(&policy)
}

/// The value of a policy, or the difference of two; returns the core's JSON.
#[expect(
    clippy::needless_pass_by_value,
    reason = "wasm-bindgen hands optional objects over by value"
)]
#[wasm_bindgen(js_name = evaluatePolicy)]
pub fn evaluate_policy(
    log: &NativeLog,
    a: &NativePolicy,
    b: Option<NativePolicy>,
    options: &str,
    cancel: &CancelFlag,
    report: Option<Report>,
) -> Result<String> {
    let options = json::parse(options, ErrorKind::InvalidArgument)?;
    let options = Options::from_json(&options).map_err(thrown)?;
    let found = controlled(cancel, report, |control| {
        with_log(log, |log| {
            with_policy(a, |a| match &b {
                None => Ok(evaluate(log, a, &options, control)?.to_json()),
                Some(b) => with_policy(b, |b| Ok(compare(log, a, b, &options, control)?.to_json())),
            })
        })
    });
    json::write(&found?.map_err(thrown)?)
}

/// The value of a policy that fills slots; returns the core's JSON.
#[wasm_bindgen(js_name = evaluateSlates)]
pub fn slates(
    log: &NativeSlates,
    options: &str,
    cancel: &CancelFlag,
    report: Option<Report>,
) -> Result<String> {
    let slate = Ids::new(&log.slate(), "slate")?;
    let unit = log.unit();
    let unit = unit.map(|unit| Ids::new(&unit, "unit")).transpose()?;
    let columns = [
        log.slot(),
        log.reward(),
        log.propensity(),
        log.probability(),
    ];
    let options = json::parse(options, ErrorKind::InvalidArgument)?;
    let options = SlateOptions::from_json(&options).map_err(thrown)?;
    let found = controlled(cancel, report, |control| {
        let [slot, reward, propensity, probability] = &columns;
        let (slates, units) = (
            slate.texts(),
            unit.as_ref().map(Ids::texts).unwrap_or_default(),
        );
        let mut log = SlateLog::new(slate.column(&slates), slot, reward, propensity, probability);
        log.unit = unit.as_ref().map(|unit| unit.column(&units));
        evaluate_slates(&log, &options, control)
    });
    json::write(&found.map_err(thrown)?.to_json())
}
