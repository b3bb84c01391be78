//! Training, on the calling thread.

use tastemaker::ErrorKind;
use tastemaker::catalog::Catalog;
use tastemaker::train::{TrainOptions, train as train_model};
use wasm_bindgen::prelude::*;

use crate::catalog::NativeCatalog;
use crate::control::{CancelFlag, Report, controlled};
use crate::error::{Result, thrown};
use crate::event::{Events, NativeEvents};
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
