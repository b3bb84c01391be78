//! Training, off the event loop.

use napi::bindgen_prelude::AsyncTask;
use napi_derive::napi;
use tastemaker::ErrorKind;
use tastemaker::train::{TrainOptions, train as train_model};

use crate::catalog::NativeCatalog;
use crate::control::{CancelFlag, ProgressFn, controlled};
use crate::error::{Result, thrown};
use crate::event::{Events, NativeEvents};
use crate::json;
use crate::model::NativeModel;
use crate::task::Job;

/// Trains a model on libuv's pool.
#[napi(catch_unwind, ts_return_type = "Promise<NativeModel>")]
pub fn train(
    events: NativeEvents,
    catalog: Option<&NativeCatalog>,
    options: String,
    cancel: &CancelFlag,
    #[napi(ts_arg_type = "((stage: string, done: number, total: number) => void) | undefined")]
    progress: Option<ProgressFn>,
) -> Result<AsyncTask<Job<NativeModel>>> {
    let events = Events::new(events)?;
    let options = json::parse(&options, ErrorKind::InvalidArgument)?;
    let options = TrainOptions::from_json(&options).map_err(thrown)?;
    let catalog = catalog.map(NativeCatalog::shared);
    let cancel = cancel.shared();
    Ok(AsyncTask::new(Job::new(move || {
        controlled(&cancel, progress, |control| {
            events.with(|columns| train_model(columns, catalog.as_deref(), &options, control))
        })
        .map(NativeModel::from)
    })))
}
