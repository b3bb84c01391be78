//! Statistics of experiments: requests and reports as JSON, rows as columns.

use napi::bindgen_prelude::{AsyncTask, Float64Array};
use napi_derive::napi;
use tastemaker::ErrorKind;
use tastemaker::experiment::stats::{Rows, SummarizeOptions, ask, summarize as summarize_rows};

use crate::control::{CancelFlag, ProgressFn, controlled};
use crate::error::{Result, thrown};
use crate::event::{Ids, NativeIds};
use crate::json;
use crate::task::Job;

/// The rows of an experiment.
#[napi(object, object_to_js = false)]
pub struct NativeRows {
    pub arm: NativeIds,
    pub value: Float64Array,
    pub unit: Option<NativeIds>,
    pub denominator: Option<Float64Array>,
    pub covariate: Option<Float64Array>,
}

/// The answer to a question by its name, as the core's JSON.
#[napi(catch_unwind)]
pub fn stats_ask(question: String, request: String) -> Result<String> {
    let request = json::parse(&request, ErrorKind::InvalidArgument)?;
    let answer = ask(&question, &request).map_err(thrown)?;
    json::write(&answer)
}

/// Adds rows up to arms on libuv's pool; settles with the core's JSON.
#[napi(catch_unwind, ts_return_type = "Promise<string>")]
pub fn summarize(
    rows: NativeRows,
    options: String,
    cancel: &CancelFlag,
    #[napi(ts_arg_type = "((stage: string, done: number, total: number) => void) | undefined")]
    progress: Option<ProgressFn>,
) -> Result<AsyncTask<Job<String>>> {
    let arm = Ids::new(rows.arm, "arm")?;
    let unit = rows.unit.map(|unit| Ids::new(unit, "unit")).transpose()?;
    let value = rows.value.to_vec();
    let denominator = rows.denominator.map(|column| column.to_vec());
    let covariate = rows.covariate.map(|column| column.to_vec());
    let options = json::parse(&options, ErrorKind::InvalidArgument)?;
    let options = SummarizeOptions::from_json(&options).map_err(thrown)?;
    let cancel = cancel.shared();
    Ok(AsyncTask::new(Job::new(move || {
        let summary = controlled(&cancel, progress, |control| {
            let (arms, units) = (
                arm.values(),
                unit.as_ref().map(Ids::values).unwrap_or_default(),
            );
            let mut rows = Rows::new(arm.column(&arms), &value);
            rows.unit = unit.as_ref().map(|unit| unit.column(&units));
            rows.denominator = denominator.as_deref();
            rows.covariate = covariate.as_deref();
            summarize_rows(&rows, &options, control)
        })?;
        Ok(summary.to_json().to_string())
    })))
}
