//! Ranking metrics on held-out events, on the calling thread.

use tastemaker::ErrorKind;
use tastemaker::evaluate::{EvaluateOptions, evaluate as evaluate_model};
use wasm_bindgen::prelude::*;

use crate::control::{CancelFlag, Report, controlled};
use crate::error::{Result, thrown};
use crate::event::{Ids, NativeIds};
use crate::json;
use crate::model::NativeModel;

/// Evaluates a model; returns the core's JSON.
#[wasm_bindgen]
pub fn evaluate(
    model: &NativeModel,
    user_id: &NativeIds,
    item_id: &NativeIds,
    options: &str,
    cancel: &CancelFlag,
    report: Option<Report>,
) -> Result<String> {
    let users = Ids::new(user_id, "userId")?;
    let items = Ids::new(item_id, "itemId")?;
    let options = json::parse(options, ErrorKind::InvalidArgument)?;
    let options = EvaluateOptions::from_json(&options).map_err(thrown)?;
    let (user_texts, item_texts) = (users.texts(), items.texts());
    let evaluation = controlled(cancel, report, |control| {
        evaluate_model(
            &model.inner,
            &users.column(&user_texts),
            &items.column(&item_texts),
            &options,
            control,
        )
    });
    json::write(&evaluation.map_err(thrown)?.to_json())
}
