//! Statistics of experiments: requests and reports as JSON, rows as columns.

use tastemaker::ErrorKind;
use tastemaker::experiment::stats::{Rows, SummarizeOptions, ask, summarize as summarize_rows};
use wasm_bindgen::prelude::*;

use crate::control::{CancelFlag, Report, controlled};
use crate::error::{Result, thrown};
use crate::event::{Ids, NativeIds};
use crate::json;

#[wasm_bindgen]
extern "C" {
    /// The rows of an experiment.
    pub type NativeRows;

    #[wasm_bindgen(method, getter, structural)]
    fn arm(this: &NativeRows) -> NativeIds;

    #[wasm_bindgen(method, getter, structural)]
    fn value(this: &NativeRows) -> Vec<f64>;

    #[wasm_bindgen(method, getter, structural)]
    fn unit(this: &NativeRows) -> Option<NativeIds>;

    #[wasm_bindgen(method, getter, structural)]
    fn denominator(this: &NativeRows) -> Option<Vec<f64>>;

    #[wasm_bindgen(method, getter, structural)]
    fn covariate(this: &NativeRows) -> Option<Vec<f64>>;
}

/// The answer to a question by its name, as the core's JSON.
#[wasm_bindgen(js_name = statsAsk)]
pub fn stats_ask(question: &str, request: &str) -> Result<String> {
    let request = json::parse(request, ErrorKind::InvalidArgument)?;
    let answer = ask(question, &request).map_err(thrown)?;
    json::write(&answer)
}

/// Adds rows up to arms; returns the core's JSON.
#[wasm_bindgen]
pub fn summarize(
    rows: &NativeRows,
    options: &str,
    cancel: &CancelFlag,
    report: Option<Report>,
) -> Result<String> {
    let arm = Ids::new(&rows.arm(), "arm")?;
    let unit = rows
        .unit()
        .map(|unit| Ids::new(&unit, "unit"))
        .transpose()?;
    let (value, denominator, covariate) = (rows.value(), rows.denominator(), rows.covariate());
    let options = json::parse(options, ErrorKind::InvalidArgument)?;
    let options = SummarizeOptions::from_json(&options).map_err(thrown)?;
    let summary = controlled(cancel, report, |control| {
        let (arms, units) = (
            arm.texts(),
            unit.as_ref().map(Ids::texts).unwrap_or_default(),
        );
        let mut rows = Rows::new(arm.column(&arms), &value);
        rows.unit = unit.as_ref().map(|unit| unit.column(&units));
        rows.denominator = denominator.as_deref();
        rows.covariate = covariate.as_deref();
        summarize_rows(&rows, &options, control)
    });
    json::write(&summary.map_err(thrown)?.to_json())
}
