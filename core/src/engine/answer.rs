//! From a request to an answer: the pipeline in the order in which it runs.

use std::borrow::Cow;

use serde_json::{Value as Json, json};

use super::Request;
use super::store::{Store, Stored};
use crate::bitset::BitSet;
use crate::error::Result;
use crate::model::{Model, Source};
use crate::profile::Profile;
use crate::rank::{self, Query, Signal, Workspace};

/// The items for a request, in order.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Answer {
    /// The items, best first.
    pub items: Vec<Recommendation>,
    /// Ids in the history, `allow` or `deny` that the model does not have, ascending: they
    /// played no part.
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
    pub item_id: String,
    /// The score: exactly the sum of the reasons' contributions. 0 for popular items, negative
    /// for items that the history speaks against and that only fill an answer up.
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
    pub item_id: String,
    /// Its part of the score; the parts add up to the score exactly.
    pub contribution: f64,
    /// The part as a share of the score.
    pub share: f64,
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
                let reasons: Vec<Json> = item
                    .reasons
                    .iter()
                    .map(|r| json!({"item_id": r.item_id, "contribution": r.contribution, "share": r.share}))
                    .collect();
                json!({
                    "item_id": item.item_id,
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

pub(super) fn answer(
    model: &Model,
    store: &Store,
    request: &Request,
    workspace: &mut Workspace,
) -> Result<Answer> {
    let mut ignored = Vec::new();
    workspace.signals.clear();
    resolve_history(model, store, request, &mut workspace.signals, &mut ignored);
    let events = workspace.signals.len() + ignored.len();

    let eligible = eligibility(model, request, &mut ignored);
    let query = Query {
        k: request.k,
        now: request.now,
        exclude_seen: request.exclude_seen,
        eligible: eligible.as_deref(),
        baseline: false,
    };
    let known_events = workspace.signals.len();
    let counts = rank::rank(model, &query, workspace);

    let graph = model.graph();
    let ids = model.items();
    for best in &workspace.ranked {
        ids.prefetch(best.item);
    }
    let name = |item: u32| ids.get(item).unwrap_or_default().to_owned();
    let items = workspace
        .ranked
        .iter()
        .map(|best| {
            let shares = if request.explain {
                rank::explain(&graph, workspace.fixed(), best.item)
            } else {
                Vec::new()
            };
            let reasons = shares
                .into_iter()
                .map(|s| Reason {
                    item_id: name(s.item),
                    contribution: s.contribution,
                    share: s.share,
                })
                .collect();
            Recommendation {
                item: best.item,
                item_id: name(best.item),
                score: best.score,
                source: best.source,
                reasons,
            }
        })
        .collect();

    let trace = request.trace.then(|| {
        let all = model.item_count();
        let allowed = eligible.as_deref().map_or(all, BitSet::count);
        let stage = |stage, input, output, note: String| Stage {
            stage,
            input,
            output,
            note,
        };
        vec![
            stage(
                "history",
                events,
                counts.history,
                format!("{} events on unknown items", events - known_events),
            ),
            stage(
                "eligibility",
                all,
                allowed,
                format!("{} more are in the history and left out", counts.excluded),
            ),
            stage(
                "graph",
                allowed,
                counts.graph,
                format!("the best {} with a positive score", request.k),
            ),
            stage(
                "top_up",
                request.k.saturating_sub(counts.graph),
                counts.popular + counts.pushed_away,
                format!(
                    "{} popular, {} that the history speaks against",
                    counts.popular, counts.pushed_away
                ),
            ),
        ]
    });
    ignored.sort_unstable();
    ignored.dedup();
    Ok(Answer {
        items,
        ignored,
        model: model.hash().to_owned(),
        trace,
    })
}

/// The user's stored history and the request's, joined, with the model's indices.
fn resolve_history(
    model: &Model,
    store: &Store,
    request: &Request,
    signals: &mut Vec<Signal>,
    ignored: &mut Vec<String>,
) {
    let stored = request
        .user_id
        .as_ref()
        .map_or(Stored::Model(None), |user_id| store.load(model, user_id));
    let mut resolve = |profile: &Profile| {
        for event in profile.events() {
            match model.item_index(&event.item_id) {
                Some(item) => signals.push(Signal {
                    item,
                    kind: model
                        .kinds()
                        .position(&event.kind)
                        .map_or(Signal::NO_KIND, |kind| kind as u8),
                    weight: event.weight as f32,
                    timestamp: event.timestamp,
                }),
                None => ignored.push(event.item_id.clone()),
            }
        }
    };
    match stored {
        Stored::Profile(profile) if request.history.is_empty() => resolve(&profile),
        Stored::Profile(mut profile) => {
            profile.merge(&request.history);
            resolve(&profile);
        }
        // The history lies in the model by index already.
        Stored::Model(Some(user)) if request.history.is_empty() => {
            model.signals(user, signals);
        }
        Stored::Model(Some(_)) => {
            let known = request
                .user_id
                .as_ref()
                .and_then(|user_id| model.profile(user_id));
            let mut profile = known.unwrap_or_default();
            profile.merge(&request.history);
            resolve(&profile);
        }
        Stored::Model(None) => resolve(&request.history),
    }
}

fn eligibility<'a>(
    model: &'a Model,
    request: &Request,
    ignored: &mut Vec<String>,
) -> Option<Cow<'a, BitSet>> {
    let eligible = model.eligible(request.filter.as_ref());
    if request.allow.is_none() && request.deny.is_empty() {
        return eligible;
    }
    let mut resolve = |ids: &[String]| {
        let mut set = BitSet::empty(model.item_count());
        for id in ids {
            match model.item_index(id) {
                Some(item) => set.insert(item as usize),
                None => ignored.push(id.clone()),
            }
        }
        set
    };
    let mut set = eligible.map_or_else(|| BitSet::full(model.item_count()), Cow::into_owned);
    if let Some(allow) = &request.allow {
        set.intersect(&resolve(allow));
    }
    let mut denied = resolve(&request.deny);
    denied.invert();
    set.intersect(&denied);
    Some(Cow::Owned(set))
}
