//! The engine: events in, answers out.

use napi::bindgen_prelude::{Env, Uint8ArraySlice};
use napi_derive::napi;
use serde::Serialize;
use tastemaker::ErrorKind;
use tastemaker::engine::{Answer, BatchReport, Engine, Request};
use tastemaker::model::Model;
use tastemaker::profile::Profile;

use crate::error::{Result, thrown};
use crate::event::{Events, NativeEvents};
use crate::json;
use crate::model::NativeModel;
use crate::profile::{bytes, event};

/// An engine, with its store of profiles in memory.
#[napi]
pub struct NativeEngine {
    inner: Engine,
}

/// What an answer says besides its items.
#[derive(Serialize)]
struct RestView<'a> {
    ignored: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<Vec<StageView<'a>>>,
}

#[derive(Serialize)]
struct StageView<'a> {
    stage: &'a str,
    input: u64,
    output: u64,
    note: &'a str,
}

#[derive(Serialize)]
struct ReportView<'a> {
    accepted: u64,
    duplicates: u64,
    rejected: Vec<RejectedView<'a>>,
}

#[derive(Serialize)]
struct RejectedView<'a> {
    row: usize,
    code: &'a str,
    message: &'a str,
}

/// The elements of the caller's array, to be written; under a name, because the macro takes a
/// literal `&mut` for a native object.
type Wholes<'a> = &'a mut [u32];
type Reals<'a> = &'a mut [f64];

#[napi]
impl NativeEngine {
    #[napi(factory, catch_unwind)]
    pub fn create(model: &NativeModel) -> Result<Self> {
        Ok(Self {
            inner: Engine::new(model.inner.clone()),
        })
    }

    #[napi(catch_unwind)]
    pub fn model(&self) -> Result<NativeModel> {
        Ok(NativeModel::from(self.inner.model()))
    }

    #[napi(catch_unwind)]
    pub fn swap(&self, model: &NativeModel) -> Result<()> {
        self.inner.swap(model.inner.clone());
        Ok(())
    }

    /// Bit 0: the profile changed; bit 1: the model knows the item.
    #[napi(catch_unwind)]
    pub fn record(
        &self,
        user_id: String,
        item_id: String,
        kind: Option<String>,
        weight: Option<f64>,
        timestamp: Option<f64>,
    ) -> Result<u32> {
        let event = event(item_id, kind, weight, timestamp);
        let recorded = self.inner.record(&user_id, &event).map_err(thrown)?;
        Ok(u32::from(recorded.changed) | u32::from(recorded.known_item) << 1)
    }

    #[napi(catch_unwind)]
    pub fn record_batch(&self, events: NativeEvents, skip_invalid: bool) -> Result<String> {
        let events = Events::new(events)?;
        let report = events
            .with(|columns| self.inner.record_batch(columns, skip_invalid))
            .map_err(thrown)?;
        write_report(&report)
    }

    /// Takes the request as JSON and writes the answer into the caller's arrays, which costs a
    /// fraction of what building objects here would. What has no place there comes back as JSON.
    ///
    /// `whole` gets the number of items `n` and of reasons `m`; for each item its index, its
    /// source and the end of its reasons; then for each reason the index of its item. `real` gets
    /// `n` scores; then for each reason its contribution and its share. Where an array is shorter
    /// than that, only the two numbers are written: the caller asks again with longer ones.
    #[napi(catch_unwind)]
    pub fn recommend(
        &self,
        request: String,
        #[napi(ts_arg_type = "Uint32Array")] whole: Wholes<'_>,
        #[napi(ts_arg_type = "Float64Array")] real: Reals<'_>,
    ) -> Result<Option<String>> {
        // Of what a request holds, only a filter can be too deep or too odd to be JSON.
        let request = json::parse(&request, ErrorKind::InvalidCondition)?;
        let request = Request::from_json(&request).map_err(thrown)?;
        let answer = self.inner.recommend(&request).map_err(thrown)?;
        write_items(&answer, &self.inner.model(), whole, real);
        write_rest(&answer)
    }

    #[napi(catch_unwind)]
    pub fn profile<'env>(&self, env: &'env Env, user_id: String) -> Result<Uint8ArraySlice<'env>> {
        let profile = self.inner.profile(&user_id).map_err(thrown)?;
        bytes(env, &profile.to_bytes())
    }

    #[napi(catch_unwind)]
    pub fn merge_profile(&self, user_id: String, profile: &[u8]) -> Result<bool> {
        let profile = Profile::from_bytes(profile).map_err(thrown)?;
        self.inner.merge_profile(&user_id, &profile).map_err(thrown)
    }

    #[napi(catch_unwind)]
    pub fn erase(&self, user_id: String) -> Result<bool> {
        self.inner.erase(&user_id).map_err(thrown)
    }

    #[napi(catch_unwind)]
    pub fn user_count(&self) -> Result<f64> {
        Ok(self.inner.user_count() as f64)
    }
}

fn write_items(answer: &Answer, model: &Model, whole: &mut [u32], real: &mut [f64]) {
    let items = answer.items.len();
    let reasons: usize = answer.items.iter().map(|item| item.reasons.len()).sum();
    let fits = whole.len() >= 2 + 3 * items + reasons && real.len() >= items + 2 * reasons;
    let mut whole = whole.iter_mut();
    let mut real = real.iter_mut();
    let mut put = |value: u32| whole.next().map(|slot| *slot = value);
    let mut put_real = |value: f64| real.next().map(|slot| *slot = value);
    put(items as u32);
    put(reasons as u32);
    if !fits {
        return;
    }
    let mut end = 0;
    for item in &answer.items {
        end += item.reasons.len() as u32;
        put(item.item);
        put(item.source as u32);
        put(end);
        put_real(item.score);
    }
    for reason in answer.items.iter().flat_map(|item| &item.reasons) {
        put(model.item_index(&reason.item_id).unwrap_or(u32::MAX));
        put_real(reason.contribution);
        put_real(reason.share);
    }
}

fn write_rest(answer: &Answer) -> Result<Option<String>> {
    if answer.ignored.is_empty() && answer.trace.is_none() {
        return Ok(None);
    }
    let trace = answer.trace.as_ref().map(|stages| {
        stages
            .iter()
            .map(|stage| StageView {
                stage: stage.stage,
                input: stage.input as u64,
                output: stage.output as u64,
                note: &stage.note,
            })
            .collect()
    });
    json::write(&RestView {
        ignored: &answer.ignored,
        trace,
    })
    .map(Some)
}

fn write_report(report: &BatchReport) -> Result<String> {
    let rejected = report.rejected.iter().map(|row| RejectedView {
        row: row.row,
        code: row.code,
        message: &row.message,
    });
    json::write(&ReportView {
        accepted: report.accepted,
        duplicates: report.duplicates,
        rejected: rejected.collect(),
    })
}
