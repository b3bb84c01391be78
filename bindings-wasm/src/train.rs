//! Training, on the calling thread.

use tastemaker::ErrorKind;
use tastemaker::catalog::Catalog;
use tastemaker::train::{
    TrainOptions, UpdateOptions, train as train_model, tune as tune_trainers,
    update as update_model,
};
use wasm_bindgen::prelude::*;

use crate::catalog::NativeCatalog;
use crate::control::{CancelFlag, Report, controlled};
use crate::error::{Result, thrown};
use crate::event::{Events, Ids, NativeEvents, NativeIds};
use crate::json;
use crate::model::NativeModel;

/// Trains a model.
#[wasm_bindgen]
pub fn train(
    events: &NativeEvents,
    options: &str,
    cancel: &CancelFlag,
    report: Option<Report>,
) -> Result<NativeModel> {
    run(events, None, options, cancel, report)
}

/// The same with a catalog: wasm-bindgen has no optional reference.
#[wasm_bindgen(js_name = trainWithCatalog)]
pub fn train_with_catalog(
    events: &NativeEvents,
    catalog: &NativeCatalog,
    options: &str,
    cancel: &CancelFlag,
    report: Option<Report>,
) -> Result<NativeModel> {
    // A copy, because a progress function may change the catalog.
    let catalog = catalog.inner.borrow().clone();
    run(events, Some(&catalog), options, cancel, report)
}

fn run(
    events: &NativeEvents,
    catalog: Option<&Catalog>,
    options: &str,
    cancel: &CancelFlag,
    report: Option<Report>,
) -> Result<NativeModel> {
    let events = Events::new(events)?;
    let options = json::parse(options, ErrorKind::InvalidArgument)?;
    let options = TrainOptions::from_json(&options).map_err(thrown)?;
    controlled(cancel, report, |control| {
        events.with(|columns| train_model(columns, catalog, &options, control))
    })
    .map(NativeModel::from)
    .map_err(thrown)
}

/// Updates a model.
#[wasm_bindgen]
pub fn update(
    model: &NativeModel,
    events: &NativeEvents,
    options: &str,
    cancel: &CancelFlag,
    report: Option<Report>,
) -> Result<NativeModel> {
    renew(model, events, None, options, cancel, report)
}

/// The same with a catalog.
#[wasm_bindgen(js_name = updateWithCatalog)]
pub fn update_with_catalog(
    model: &NativeModel,
    events: &NativeEvents,
    catalog: &NativeCatalog,
    options: &str,
    cancel: &CancelFlag,
    report: Option<Report>,
) -> Result<NativeModel> {
    let catalog = catalog.inner.borrow().clone();
    renew(model, events, Some(&catalog), options, cancel, report)
}

fn renew(
    model: &NativeModel,
    events: &NativeEvents,
    catalog: Option<&Catalog>,
    options: &str,
    cancel: &CancelFlag,
    report: Option<Report>,
) -> Result<NativeModel> {
    let events = Events::new(events)?;
    let options = json::parse(options, ErrorKind::InvalidArgument)?;
    let options = UpdateOptions::from_json(&options).map_err(thrown)?;
    controlled(cancel, report, |control| {
        events.with(|columns| update_model(&model.inner, columns, catalog, &options, control))
    })
    .map(NativeModel::from)
    .map_err(thrown)
}

#[wasm_bindgen]
extern "C" {
    /// Users and items to judge by, row by row.
    pub type NativePairs;

    #[wasm_bindgen(method, getter, structural, js_name = userId)]
    fn user_id(this: &NativePairs) -> NativeIds;

    #[wasm_bindgen(method, getter, structural, js_name = itemId)]
    fn item_id(this: &NativePairs) -> NativeIds;
}

/// Chooses trainers; returns the core's JSON.
#[wasm_bindgen]
pub fn tune(
    events: &NativeEvents,
    validation: Option<NativePairs>,
    options: &str,
    cancel: &CancelFlag,
    report: Option<Report>,
) -> Result<String> {
    choose(events, validation, None, options, cancel, report)
}

/// The same with a catalog.
#[wasm_bindgen(js_name = tuneWithCatalog)]
pub fn tune_with_catalog(
    events: &NativeEvents,
    validation: Option<NativePairs>,
    catalog: &NativeCatalog,
    options: &str,
    cancel: &CancelFlag,
    report: Option<Report>,
) -> Result<String> {
    let catalog = catalog.inner.borrow().clone();
    choose(events, validation, Some(&catalog), options, cancel, report)
}

fn choose(
    events: &NativeEvents,
    validation: Option<NativePairs>,
    catalog: Option<&Catalog>,
    options: &str,
    cancel: &CancelFlag,
    report: Option<Report>,
) -> Result<String> {
    let events = Events::new(events)?;
    let validation = match validation {
        None => None,
        Some(pairs) => Some((
            Ids::new(&pairs.user_id(), "validation.userId")?,
            Ids::new(&pairs.item_id(), "validation.itemId")?,
        )),
    };
    let texts = validation
        .as_ref()
        .map(|(users, items)| (users.texts(), items.texts()));
    let pairs = match (&validation, &texts) {
        (Some((users, items)), Some((user_texts, item_texts))) => {
            Some((users.column(user_texts), items.column(item_texts)))
        }
        _ => None,
    };
    let pairs = pairs.as_ref().map(|(users, items)| (users, items));
    let options = json::parse(options, ErrorKind::InvalidArgument)?;
    let options = TrainOptions::from_json(&options).map_err(thrown)?;
    let tuning = controlled(cancel, report, |control| {
        events.with(|columns| tune_trainers(columns, catalog, &options, pairs, control))
    });
    json::write(&tuning.map_err(thrown)?.to_json())
}
