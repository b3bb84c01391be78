//! Ranking metrics on held-out events, on the calling thread; and how to hold events out.

use tastemaker::ErrorKind;
use tastemaker::evaluate::{
    CompareOptions, EvaluateOptions, SplitOptions, TestSet, compare as compare_models,
    evaluate as evaluate_model, split as split_events,
};
use wasm_bindgen::prelude::*;

use crate::control::{CancelFlag, Report, controlled};
use crate::error::{Result, thrown};
use crate::event::{Events, Ids, NativeEvents, NativeIds};
use crate::json;
use crate::model::NativeModel;

#[wasm_bindgen]
extern "C" {
    /// A test set: pairs, and perhaps histories and segments.
    pub type NativeTest;

    #[wasm_bindgen(method, getter, structural, js_name = userId)]
    fn user_id(this: &NativeTest) -> NativeIds;

    #[wasm_bindgen(method, getter, structural, js_name = itemId)]
    fn item_id(this: &NativeTest) -> NativeIds;

    #[wasm_bindgen(method, getter, structural)]
    fn history(this: &NativeTest) -> Option<NativeEvents>;

    #[wasm_bindgen(method, getter, structural, js_name = segmentUserId)]
    fn segment_user_id(this: &NativeTest) -> Option<NativeIds>;

    #[wasm_bindgen(method, getter, structural)]
    fn segment(this: &NativeTest) -> Option<NativeIds>;
}

/// An owned test set, to be borrowed by [`Test::with`].
struct Test {
    users: Ids,
    items: Ids,
    history: Option<Events>,
    segments: Option<(Ids, Ids)>,
}

impl Test {
    fn new(test: &NativeTest) -> Result<Self> {
        let segments = match (test.segment_user_id(), test.segment()) {
            (Some(users), Some(labels)) => Some((
                Ids::new(&users, "segments.userId")?,
                Ids::new(&labels, "segments.segment")?,
            )),
            _ => None,
        };
        Ok(Self {
            users: Ids::new(&test.user_id(), "userId")?,
            items: Ids::new(&test.item_id(), "itemId")?,
            history: test.history().map(|h| Events::new(&h)).transpose()?,
            segments,
        })
    }

    /// Lends the test set to `work` in the core's form.
    fn with<T>(&self, work: impl FnOnce(&TestSet<'_>) -> T) -> T {
        let (users, items) = (self.users.texts(), self.items.texts());
        let mut test = TestSet::new(self.users.column(&users), self.items.column(&items));
        let texts = self
            .segments
            .as_ref()
            .map(|(users, labels)| (users.texts(), labels.texts()));
        if let (Some((users, labels)), Some((user_texts, label_texts))) = (&self.segments, &texts) {
            test.segments = Some((users.column(user_texts), labels.column(label_texts)));
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

/// Evaluates a model; returns the core's JSON.
#[wasm_bindgen]
pub fn evaluate(
    model: &NativeModel,
    test: &NativeTest,
    options: &str,
    cancel: &CancelFlag,
    report: Option<Report>,
) -> Result<String> {
    let test = Test::new(test)?;
    let options = json::parse(options, ErrorKind::InvalidArgument)?;
    let options = EvaluateOptions::from_json(&options).map_err(thrown)?;
    let evaluation = controlled(cancel, report, |control| {
        test.with(|test| evaluate_model(&model.inner, test, &options, control))
    });
    json::write(&evaluation.map_err(thrown)?.to_json())
}

/// Compares two models; returns the core's JSON.
#[wasm_bindgen]
pub fn compare(
    model_a: &NativeModel,
    model_b: &NativeModel,
    test: &NativeTest,
    options: &str,
    cancel: &CancelFlag,
    report: Option<Report>,
) -> Result<String> {
    let test = Test::new(test)?;
    let options = json::parse(options, ErrorKind::InvalidArgument)?;
    let options = CompareOptions::from_json(&options).map_err(thrown)?;
    let comparison = controlled(cancel, report, |control| {
        test.with(|test| compare_models(&model_a.inner, &model_b.inner, test, &options, control))
    });
    json::write(&comparison.map_err(thrown)?.to_json())
}

/// Divides events: how many rows are for training, testing, history and none of these, then the
/// rows.
#[wasm_bindgen]
pub fn split(events: &NativeEvents, options: &str) -> Result<Vec<u32>> {
    let events = Events::new(events)?;
    let options = json::parse(options, ErrorKind::InvalidArgument)?;
    let options = SplitOptions::from_json(&options).map_err(thrown)?;
    let split = events
        .with(|columns| split_events(columns, &options))
        .map_err(thrown)?;
    let parts = [split.train, split.test, split.history, split.left_out];
    let mut flat: Vec<u32> = parts.iter().map(|rows| rows.len() as u32).collect();
    flat.extend(parts.iter().flatten());
    Ok(flat)
}
