//! Off-policy evaluation: columns and matrices to the core, reports as JSON.

use napi::bindgen_prelude::{AsyncTask, Float64Array};
use napi_derive::napi;
use tastemaker::ErrorKind;
use tastemaker::experiment::offpolicy::{
    Log, Matrix, Options, Policy, SlateLog, SlateOptions, compare, evaluate, evaluate_slates,
};

use crate::control::{CancelFlag, ProgressFn, controlled};
use crate::error::{Result, thrown};
use crate::event::{Ids, NativeIds};
use crate::json;
use crate::task::Job;

/// The values of a matrix, row by row, and how many a row has.
#[napi(object, object_to_js = false)]
pub struct NativeMatrix {
    pub values: Float64Array,
    pub columns: u32,
}

/// A log.
#[napi(object, object_to_js = false)]
pub struct NativeLog {
    pub reward: Float64Array,
    pub propensity: Float64Array,
    pub action: Option<Float64Array>,
    pub cell: Option<Float64Array>,
    pub unit: Option<NativeIds>,
    pub predicted: Option<Float64Array>,
    pub logging: Option<NativeMatrix>,
    pub predictions: Option<NativeMatrix>,
    pub features: Option<NativeMatrix>,
}

/// A policy.
#[napi(object, object_to_js = false)]
pub struct NativePolicy {
    pub probability: Option<Float64Array>,
    pub actions: Option<NativeMatrix>,
    pub predicted: Option<Float64Array>,
}

/// Slates.
#[napi(object, object_to_js = false)]
pub struct NativeSlates {
    pub slate: NativeIds,
    pub slot: Float64Array,
    pub reward: Float64Array,
    pub propensity: Float64Array,
    pub probability: Float64Array,
    pub unit: Option<NativeIds>,
}

type Grid = (Vec<f64>, usize);

fn column(given: Option<Float64Array>) -> Option<Vec<f64>> {
    given.map(|given| given.to_vec())
}

fn grid(given: Option<NativeMatrix>) -> Option<Grid> {
    given.map(|given| (given.values.to_vec(), given.columns as usize))
}

fn matrix(grid: Option<&Grid>) -> Option<Matrix<'_>> {
    grid.map(|(values, columns)| Matrix {
        values,
        columns: *columns,
    })
}

/// An owned log.
struct Owned {
    reward: Vec<f64>,
    propensity: Vec<f64>,
    action: Option<Vec<f64>>,
    cell: Option<Vec<f64>>,
    unit: Option<Ids>,
    predicted: Option<Vec<f64>>,
    logging: Option<Grid>,
    predictions: Option<Grid>,
    features: Option<Grid>,
}

impl Owned {
    fn new(log: NativeLog) -> Result<Self> {
        Ok(Self {
            reward: log.reward.to_vec(),
            propensity: log.propensity.to_vec(),
            action: column(log.action),
            cell: column(log.cell),
            unit: log.unit.map(|unit| Ids::new(unit, "unit")).transpose()?,
            predicted: column(log.predicted),
            logging: grid(log.logging),
            predictions: grid(log.predictions),
            features: grid(log.features),
        })
    }

    fn with<T>(&self, work: impl FnOnce(&Log<'_>) -> T) -> T {
        let units = self.unit.as_ref().map(Ids::values).unwrap_or_default();
        let mut log = Log::new(&self.reward, &self.propensity);
        log.action = self.action.as_deref();
        log.cell = self.cell.as_deref();
        log.unit = self.unit.as_ref().map(|unit| unit.column(&units));
        log.predicted = self.predicted.as_deref();
        log.logging = matrix(self.logging.as_ref());
        log.predictions = matrix(self.predictions.as_ref());
        log.features = matrix(self.features.as_ref());
        work(&log)
    }
}

/// An owned policy.
struct OwnedPolicy {
    probability: Option<Vec<f64>>,
    actions: Option<Grid>,
    predicted: Option<Vec<f64>>,
}

impl OwnedPolicy {
    fn new(policy: NativePolicy) -> Self {
        Self {
            probability: column(policy.probability),
            actions: grid(policy.actions),
            predicted: column(policy.predicted),
        }
    }

    fn policy(&self) -> Policy<'_> {
        let mut policy = Policy::default();
        policy.probability = self.probability.as_deref();
        policy.actions = matrix(self.actions.as_ref());
        policy.predicted = self.predicted.as_deref();
        policy
    }
}

/// The value of a policy, or the difference of two, on libuv's pool; settles with the core's JSON.
#[napi(catch_unwind, ts_return_type = "Promise<string>")]
pub fn evaluate_policy(
    log: NativeLog,
    a: NativePolicy,
    b: Option<NativePolicy>,
    options: String,
    cancel: &CancelFlag,
    #[napi(ts_arg_type = "((stage: string, done: number, total: number) => void) | undefined")]
    progress: Option<ProgressFn>,
) -> Result<AsyncTask<Job<String>>> {
    let log = Owned::new(log)?;
    let (a, b) = (OwnedPolicy::new(a), b.map(OwnedPolicy::new));
    let options = json::parse(&options, ErrorKind::InvalidArgument)?;
    let options = Options::from_json(&options).map_err(thrown)?;
    let cancel = cancel.shared();
    Ok(AsyncTask::new(Job::new(move || {
        controlled(&cancel, progress, |control| {
            log.with(|log| {
                Ok(match &b {
                    None => evaluate(log, &a.policy(), &options, control)?.to_json(),
                    Some(b) => compare(log, &a.policy(), &b.policy(), &options, control)?.to_json(),
                })
            })
        })
        .map(|report| report.to_string())
    })))
}

/// The value of a policy that fills slots, on libuv's pool; settles with the core's JSON.
#[napi(
    catch_unwind,
    js_name = "evaluateSlates",
    ts_return_type = "Promise<string>"
)]
pub fn slates(
    log: NativeSlates,
    options: String,
    cancel: &CancelFlag,
    #[napi(ts_arg_type = "((stage: string, done: number, total: number) => void) | undefined")]
    progress: Option<ProgressFn>,
) -> Result<AsyncTask<Job<String>>> {
    let slate = Ids::new(log.slate, "slate")?;
    let unit = log.unit.map(|unit| Ids::new(unit, "unit")).transpose()?;
    let columns = [log.slot, log.reward, log.propensity, log.probability].map(|c| c.to_vec());
    let options = json::parse(&options, ErrorKind::InvalidArgument)?;
    let options = SlateOptions::from_json(&options).map_err(thrown)?;
    let cancel = cancel.shared();
    Ok(AsyncTask::new(Job::new(move || {
        let report = controlled(&cancel, progress, |control| {
            let [slot, reward, propensity, probability] = &columns;
            let (slates, units) = (
                slate.values(),
                unit.as_ref().map(Ids::values).unwrap_or_default(),
            );
            let mut log =
                SlateLog::new(slate.column(&slates), slot, reward, propensity, probability);
            log.unit = unit.as_ref().map(|unit| unit.column(&units));
            evaluate_slates(&log, &options, control)
        })?;
        Ok(report.to_json().to_string())
    })))
}
