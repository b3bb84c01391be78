//! Ranking metrics on held-out events, off the event loop.

use napi::bindgen_prelude::AsyncTask;
use napi_derive::napi;
use tastemaker::ErrorKind;
use tastemaker::evaluate::{EvaluateOptions, evaluate as evaluate_model};

use crate::control::{CancelFlag, ProgressFn, controlled};
use crate::error::{Result, thrown};
use crate::event::{Ids, NativeIds};
use crate::json;
use crate::model::NativeModel;
use crate::task::Job;

/// Evaluates a model on libuv's pool; settles with the core's JSON.
#[napi(catch_unwind, ts_return_type = "Promise<string>")]
pub fn evaluate(
    model: &NativeModel,
    user_id: NativeIds,
    item_id: NativeIds,
    options: String,
    cancel: &CancelFlag,
    #[napi(ts_arg_type = "((stage: string, done: number, total: number) => void) | undefined")]
    progress: Option<ProgressFn>,
) -> Result<AsyncTask<Job<String>>> {
    let model = model.inner.clone();
    let users = Ids::new(user_id, "userId")?;
    let items = Ids::new(item_id, "itemId")?;
    let options = json::parse(&options, ErrorKind::InvalidArgument)?;
    let options = EvaluateOptions::from_json(&options).map_err(thrown)?;
    let cancel = cancel.shared();
    Ok(AsyncTask::new(Job::new(move || {
        let (user_values, item_values) = (users.values(), items.values());
        let evaluation = controlled(&cancel, progress, |control| {
            evaluate_model(
                &model,
                &users.column(&user_values),
                &items.column(&item_values),
                &options,
                control,
            )
        })?;
        Ok(evaluation.to_json().to_string())
    })))
}
