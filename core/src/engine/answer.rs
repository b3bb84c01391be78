//! Answers that are ranked items, and their form as JSON.

use serde_json::{Value as Json, json};

use crate::id::Id;
use crate::model::Source;

/// The items for a request, in order.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Answer {
    /// The items, best first.
    pub items: Vec<Recommendation>,
    /// Ids in the histories or items given, in `allow` or `deny`, that the model does not have,
    /// ascending: they played no part.
    pub ignored: Vec<String>,
    /// The hash of the model that answered.
    pub model: String,
    /// What each stage did, if the request asked for it.
    pub trace: Option<Vec<Stage>>,
}

/// One recommended item.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Recommendation {
    /// The index of the item in the model.
    pub item: u32,
    /// The id of the item.
    pub item_id: Id,
    /// The score: exactly the sum of the reasons' contributions. 0 for popular items, negative
    /// for items that a history speaks against and that only fill an answer up.
    pub score: f64,
    /// Where the item came from.
    pub source: Source,
    /// Why, largest part first; empty unless the request asked for it, and where no history item
    /// has a part.
    pub reasons: Vec<Reason>,
}

/// What one history item gave to a score.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Reason {
    /// The history item.
    pub item_id: Id,
    /// Its part of the score; the parts add up to the score exactly.
    pub contribution: f64,
    /// The part as a share of the score.
    pub share: f64,
    /// In an answer for a group: the members whom it comes from, by their place in the request,
    /// from 0. Empty in other answers.
    pub members: Vec<u32>,
}

impl Reason {
    pub(super) fn to_json(&self) -> Json {
        let mut reason = json!({
            "item_id": self.item_id.as_str(),
            "contribution": self.contribution,
            "share": self.share,
        });
        if !self.members.is_empty()
            && let Some(fields) = reason.as_object_mut()
        {
            fields.insert("members".to_owned(), self.members.clone().into());
        }
        reason
    }
}

/// One stage of the pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stage {
    /// `history`, `eligibility`, `graph` or `top_up`.
    pub stage: &'static str,
    /// How many came in.
    pub input: usize,
    /// How many went out.
    pub output: usize,
    /// Why the others did not.
    pub note: String,
}

impl Answer {
    /// The answer as JSON, the same in every language.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let items: Vec<Json> = self
            .items
            .iter()
            .enumerate()
            .map(|(i, item)| {
                let reasons: Vec<Json> = item.reasons.iter().map(Reason::to_json).collect();
                json!({
                    "item_id": item.item_id.as_str(),
                    "rank": i + 1,
                    "score": item.score,
                    "source": item.source.as_str(),
                    "reasons": reasons,
                })
            })
            .collect();
        let mut answer = json!({"items": items, "ignored": self.ignored, "model": self.model});
        if let (Some(trace), Some(fields)) = (&self.trace, answer.as_object_mut()) {
            let stages: Vec<Json> = trace
                .iter()
                .map(|s| json!({"stage": s.stage, "input": s.input, "output": s.output, "note": s.note}))
                .collect();
            fields.insert("trace".to_owned(), Json::Array(stages));
        }
        answer
    }
}
