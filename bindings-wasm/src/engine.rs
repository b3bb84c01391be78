//! The engine: events in, answers out.

use serde::Serialize;
use tastemaker::ErrorKind;
use tastemaker::engine::{
    Answer, BatchReport, Engine, GroupRequest, Reason, Request, ScoreRequest, Scores,
    SimilarRequest, SimilarUsers, SimilarUsersRequest, Stage,
};
use tastemaker::json::Value;
use tastemaker::model::Model;
use tastemaker::profile::Profile;
use wasm_bindgen::prelude::*;

use crate::error::{Result, thrown};
use crate::event::{Events, NativeEvents, event};
use crate::json;
use crate::model::NativeModel;

/// An engine, with its store of profiles in memory.
#[wasm_bindgen]
pub struct NativeEngine {
    inner: Engine,
}

/// What an answer says besides its items.
#[derive(Serialize)]
struct RestView<'a> {
    ignored: &'a [String],
    /// For each reason in turn, in an answer for a group.
    #[serde(skip_serializing_if = "Option::is_none")]
    members: Option<Vec<&'a [u32]>>,
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
struct UsersView<'a> {
    users: Vec<UserView<'a>>,
    ignored: &'a [String],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UserView<'a> {
    user_id: &'a str,
    similarity: f64,
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

#[wasm_bindgen]
impl NativeEngine {
    pub fn create(model: &NativeModel) -> Self {
        Self {
            inner: Engine::new(model.inner.clone()),
        }
    }

    pub fn model(&self) -> NativeModel {
        NativeModel::from(self.inner.model())
    }

    pub fn swap(&self, model: &NativeModel) {
        self.inner.swap(model.inner.clone());
    }

    /// Bit 0: the profile changed; bit 1: the model knows the item.
    pub fn record(
        &self,
        user_id: &str,
        item_id: &str,
        kind: Option<String>,
        weight: Option<f64>,
        timestamp: Option<f64>,
    ) -> Result<u32> {
        let event = event(item_id, kind, weight, timestamp);
        let recorded = self.inner.record(user_id, &event).map_err(thrown)?;
        Ok(u32::from(recorded.changed) | u32::from(recorded.known_item) << 1)
    }

    #[wasm_bindgen(js_name = recordBatch)]
    pub fn record_batch(&self, events: &NativeEvents, skip_invalid: bool) -> Result<String> {
        let report = Events::new(events)?
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
    pub fn recommend(
        &self,
        request: &str,
        whole: &mut [u32],
        real: &mut [f64],
    ) -> Result<Option<String>> {
        let request = Request::from_json(&parse(request)?).map_err(thrown)?;
        let answer = self.inner.recommend(&request).map_err(thrown)?;
        self.write_answer(&answer, whole, real)
    }

    /// Crosses as `recommend` does.
    #[wasm_bindgen(js_name = similarItems)]
    pub fn similar_items(
        &self,
        request: &str,
        whole: &mut [u32],
        real: &mut [f64],
    ) -> Result<Option<String>> {
        let request = SimilarRequest::from_json(&parse(request)?).map_err(thrown)?;
        let answer = self.inner.similar_items(&request).map_err(thrown)?;
        self.write_answer(&answer, whole, real)
    }

    /// Crosses as `recommend` does; the members of the reasons come back as JSON.
    #[wasm_bindgen(js_name = recommendGroup)]
    pub fn recommend_group(
        &self,
        request: &str,
        whole: &mut [u32],
        real: &mut [f64],
    ) -> Result<Option<String>> {
        let request = GroupRequest::from_json(&parse(request)?).map_err(thrown)?;
        let answer = self.inner.recommend_group(&request).map_err(thrown)?;
        self.write_answer(&answer, whole, real)
    }

    /// Crosses as `recommend` does. In place of a source: bit 0 if the model has the item, bit 1 if
    /// the history has it.
    #[wasm_bindgen(js_name = scoreItems)]
    pub fn score_items(
        &self,
        request: &str,
        whole: &mut [u32],
        real: &mut [f64],
    ) -> Result<Option<String>> {
        let request = ScoreRequest::from_json(&parse(request)?).map_err(thrown)?;
        let answer = self.inner.score_items(&request).map_err(thrown)?;
        self.write_scores(&answer, whole, real)
    }

    /// Takes and gives JSON.
    #[wasm_bindgen(js_name = similarUsers)]
    pub fn similar_users(&self, request: &str) -> Result<String> {
        let request = SimilarUsersRequest::from_json(&parse(request)?).map_err(thrown)?;
        let answer = self.inner.similar_users(&request).map_err(thrown)?;
        write_users(&answer)
    }

    /// The bytes of a user's profile.
    pub fn profile(&self, user_id: &str) -> Result<Vec<u8>> {
        Ok(self.inner.profile(user_id).map_err(thrown)?.to_bytes())
    }

    #[wasm_bindgen(js_name = mergeProfile)]
    pub fn merge_profile(&self, user_id: &str, profile: &[u8]) -> Result<bool> {
        let profile = Profile::from_bytes(profile).map_err(thrown)?;
        self.inner.merge_profile(user_id, &profile).map_err(thrown)
    }

    pub fn erase(&self, user_id: &str) -> Result<bool> {
        self.inner.erase(user_id).map_err(thrown)
    }

    #[wasm_bindgen(js_name = userCount)]
    pub fn user_count(&self) -> usize {
        self.inner.user_count()
    }
}

impl NativeEngine {
    fn write_answer(
        &self,
        answer: &Answer,
        whole: &mut [u32],
        real: &mut [f64],
    ) -> Result<Option<String>> {
        let rows = answer.items.iter().map(|item| Row {
            item: item.item,
            mark: item.source as u32,
            score: item.score,
            reasons: &item.reasons,
        });
        write_rows(rows, &self.inner.model(), whole, real);
        let members = members(answer.items.iter().map(|item| item.reasons.as_slice()));
        write_rest(&answer.ignored, members, answer.trace.as_deref())
    }

    fn write_scores(
        &self,
        scores: &Scores,
        whole: &mut [u32],
        real: &mut [f64],
    ) -> Result<Option<String>> {
        let model = self.inner.model();
        let rows = scores.items.iter().map(|item| Row {
            item: model.item_index(&item.item_id).unwrap_or(u32::MAX),
            mark: u32::from(item.known) | u32::from(item.seen) << 1,
            score: item.score,
            reasons: &item.reasons,
        });
        write_rows(rows, &model, whole, real);
        write_rest(&scores.ignored, None, None)
    }
}

fn write_users(answer: &SimilarUsers) -> Result<String> {
    let users = answer.users.iter().map(|user| UserView {
        user_id: &user.user_id,
        similarity: user.similarity,
    });
    json::write(&UsersView {
        users: users.collect(),
        ignored: &answer.ignored,
    })
}

/// Reads a request. Of what it holds, only a filter can be too deep or too odd to be JSON.
fn parse(request: &str) -> Result<Value> {
    json::parse(request, ErrorKind::InvalidCondition)
}

/// One row of the arrays that an answer is written into.
struct Row<'a> {
    item: u32,
    mark: u32,
    score: f64,
    reasons: &'a [Reason],
}

fn write_rows<'a>(
    rows: impl ExactSizeIterator<Item = Row<'a>> + Clone,
    model: &Model,
    whole: &mut [u32],
    real: &mut [f64],
) {
    let items = rows.len();
    let reasons: usize = rows.clone().map(|row| row.reasons.len()).sum();
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
    for row in rows.clone() {
        end += row.reasons.len() as u32;
        put(row.item);
        put(row.mark);
        put(end);
        put_real(row.score);
    }
    for reason in rows.flat_map(|row| row.reasons) {
        put(model.item_index(&reason.item_id).unwrap_or(u32::MAX));
        put_real(reason.contribution);
        put_real(reason.share);
    }
}

/// The members of each reason, where there are any.
fn members<'a>(reasons: impl Iterator<Item = &'a [Reason]>) -> Option<Vec<&'a [u32]>> {
    let all: Vec<&[u32]> = reasons.flatten().map(|r| r.members.as_slice()).collect();
    all.iter().any(|members| !members.is_empty()).then_some(all)
}

fn write_rest(
    ignored: &[String],
    members: Option<Vec<&[u32]>>,
    trace: Option<&[Stage]>,
) -> Result<Option<String>> {
    if ignored.is_empty() && members.is_none() && trace.is_none() {
        return Ok(None);
    }
    let trace = trace.map(|stages| {
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
        ignored,
        members,
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
