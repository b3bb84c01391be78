//! Training, off the event loop.

use napi::bindgen_prelude::AsyncTask;
use napi_derive::napi;
use tastemaker::ErrorKind;
use tastemaker::train::{
    TrainOptions, UpdateOptions, train as train_model, tune as tune_trainers,
    update as update_model,
};

use crate::catalog::NativeCatalog;
use crate::control::{CancelFlag, ProgressFn, controlled};
use crate::error::{Result, thrown};
use crate::event::{Events, Ids, NativeEvents, NativeIds};
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

/// Updates a model on libuv's pool.
#[napi(catch_unwind, ts_return_type = "Promise<NativeModel>")]
pub fn update(
    model: &NativeModel,
    events: NativeEvents,
    catalog: Option<&NativeCatalog>,
    options: String,
    cancel: &CancelFlag,
    #[napi(ts_arg_type = "((stage: string, done: number, total: number) => void) | undefined")]
    progress: Option<ProgressFn>,
) -> Result<AsyncTask<Job<NativeModel>>> {
    let model = model.inner.clone();
    let events = Events::new(events)?;
    let options = json::parse(&options, ErrorKind::InvalidArgument)?;
    let options = UpdateOptions::from_json(&options).map_err(thrown)?;
    let catalog = catalog.map(NativeCatalog::shared);
    let cancel = cancel.shared();
    Ok(AsyncTask::new(Job::new(move || {
        controlled(&cancel, progress, |control| {
            events.with(|columns| {
                update_model(&model, columns, catalog.as_deref(), &options, control)
            })
        })
        .map(NativeModel::from)
    })))
}

/// Users and items to judge by, row by row.
#[napi(object, object_to_js = false)]
pub struct NativePairs {
    pub user_id: NativeIds,
    pub item_id: NativeIds,
}

/// Chooses trainers on libuv's pool; settles with the core's JSON.
#[napi(catch_unwind, ts_return_type = "Promise<string>")]
pub fn tune(
    events: NativeEvents,
    validation: Option<NativePairs>,
    catalog: Option<&NativeCatalog>,
    options: String,
    cancel: &CancelFlag,
    #[napi(ts_arg_type = "((stage: string, done: number, total: number) => void) | undefined")]
    progress: Option<ProgressFn>,
) -> Result<AsyncTask<Job<String>>> {
    let events = Events::new(events)?;
    let validation = match validation {
        None => None,
        Some(pairs) => Some((
            Ids::new(pairs.user_id, "validation.userId")?,
            Ids::new(pairs.item_id, "validation.itemId")?,
        )),
    };
    let options = json::parse(&options, ErrorKind::InvalidArgument)?;
    let options = TrainOptions::from_json(&options).map_err(thrown)?;
    let catalog = catalog.map(NativeCatalog::shared);
    let cancel = cancel.shared();
    Ok(AsyncTask::new(Job::new(move || {
        let values = validation
            .as_ref()
            .map(|(users, items)| (users.values(), items.values()));
        let pairs = match (&validation, &values) {
            (Some((users, items)), Some((user_values, item_values))) => {
                Some((users.column(user_values), items.column(item_values)))
            }
            _ => None,
        };
        let pairs = pairs.as_ref().map(|(users, items)| (users, items));
        let tuning = controlled(&cancel, progress, |control| {
            events.with(|columns| {
                tune_trainers(columns, catalog.as_deref(), &options, pairs, control)
            })
        })?;
        Ok(tuning.to_json().to_string())
    })))
}
