//! Ranking metrics on held-out events, off the event loop; and how to hold events out.

use napi::bindgen_prelude::{AsyncTask, Env, Uint32ArraySlice};
use napi_derive::napi;
use tastemaker::ErrorKind;
use tastemaker::evaluate::{
    CompareOptions, EvaluateOptions, SplitOptions, TestSet, compare as compare_models,
    evaluate as evaluate_model, split as split_events,
};

use crate::control::{CancelFlag, ProgressFn, controlled};
use crate::error::{Result, thrown};
use crate::event::{Events, Ids, NativeEvents, NativeIds};
use crate::json;
use crate::model::{NativeModel, copied};
use crate::task::Job;

/// A test set: pairs, and perhaps histories and segments.
#[napi(object, object_to_js = false)]
pub struct NativeTest {
    pub user_id: NativeIds,
    pub item_id: NativeIds,
    pub history: Option<NativeEvents>,
    pub segment_user_id: Option<NativeIds>,
    pub segment: Option<NativeIds>,
}

/// An owned test set, to be borrowed by [`Test::with`].
struct Test {
    users: Ids,
    items: Ids,
    history: Option<Events>,
    segments: Option<(Ids, Ids)>,
}

impl Test {
    fn new(test: NativeTest) -> Result<Self> {
        let segments = match (test.segment_user_id, test.segment) {
            (Some(users), Some(labels)) => Some((
                Ids::new(users, "segments.userId")?,
                Ids::new(labels, "segments.segment")?,
            )),
            _ => None,
        };
        Ok(Self {
            users: Ids::new(test.user_id, "userId")?,
            items: Ids::new(test.item_id, "itemId")?,
            history: test.history.map(Events::new).transpose()?,
            segments,
        })
    }

    /// Lends the test set to `work` in the core's form.
    fn with<T>(&self, work: impl FnOnce(&TestSet<'_>) -> T) -> T {
        let (users, items) = (self.users.values(), self.items.values());
        let mut test = TestSet::new(self.users.column(&users), self.items.column(&items));
        let values = self
            .segments
            .as_ref()
            .map(|(users, labels)| (users.values(), labels.values()));
        if let (Some((users, labels)), Some((user_values, label_values))) =
            (&self.segments, &values)
        {
            test.segments = Some((users.column(user_values), labels.column(label_values)));
        }
        match &self.history {
            None => work(&test),
            Some(history) => history.with(|events| {
                work(&TestSet {
                    history: Some(*events),
                    ..test
                })
            }),
        }
    }
}

/// Evaluates a model on libuv's pool; settles with the core's JSON.
#[napi(catch_unwind, ts_return_type = "Promise<string>")]
pub fn evaluate(
    model: &NativeModel,
    test: NativeTest,
    options: String,
    cancel: &CancelFlag,
    #[napi(ts_arg_type = "((stage: string, done: number, total: number) => void) | undefined")]
    progress: Option<ProgressFn>,
) -> Result<AsyncTask<Job<String>>> {
    let model = model.inner.clone();
    let test = Test::new(test)?;
    let options = json::parse(&options, ErrorKind::InvalidArgument)?;
    let options = EvaluateOptions::from_json(&options).map_err(thrown)?;
    let cancel = cancel.shared();
    Ok(AsyncTask::new(Job::new(move || {
        let evaluation = controlled(&cancel, progress, |control| {
            test.with(|test| evaluate_model(&model, test, &options, control))
        })?;
        Ok(evaluation.to_json().to_string())
    })))
}

/// Compares two models on libuv's pool; settles with the core's JSON.
#[napi(catch_unwind, ts_return_type = "Promise<string>")]
pub fn compare(
    model_a: &NativeModel,
    model_b: &NativeModel,
    test: NativeTest,
    options: String,
    cancel: &CancelFlag,
    #[napi(ts_arg_type = "((stage: string, done: number, total: number) => void) | undefined")]
    progress: Option<ProgressFn>,
) -> Result<AsyncTask<Job<String>>> {
    let (a, b) = (model_a.inner.clone(), model_b.inner.clone());
    let test = Test::new(test)?;
    let options = json::parse(&options, ErrorKind::InvalidArgument)?;
    let options = CompareOptions::from_json(&options).map_err(thrown)?;
    let cancel = cancel.shared();
    Ok(AsyncTask::new(Job::new(move || {
        let comparison = controlled(&cancel, progress, |control| {
            test.with(|test| compare_models(&a, &b, test, &options, control))
        })?;
        Ok(comparison.to_json().to_string())
    })))
}

/// Divides events: how many rows are for training, testing, history and none of these, then the
/// rows.
#[napi(catch_unwind, ts_return_type = "Uint32Array")]
pub fn split<'env>(
    env: &'env Env,
    events: NativeEvents,
    options: String,
) -> Result<Uint32ArraySlice<'env>> {
    let events = Events::new(events)?;
    let options = json::parse(&options, ErrorKind::InvalidArgument)?;
    let options = SplitOptions::from_json(&options).map_err(thrown)?;
    let split = events
        .with(|columns| split_events(columns, &options))
        .map_err(thrown)?;
    let parts = [split.train, split.test, split.history, split.left_out];
    let mut flat: Vec<u32> = parts.iter().map(|rows| rows.len() as u32).collect();
    flat.extend(parts.iter().flatten());
    copied(Uint32ArraySlice::copy_from(env, &flat))
}
