//! "How much would this person like these?": scores of given items.

use serde_json::{Value as Json, json};

use super::answer::Reason;
use super::parse;
use super::recommend::{own_reasons, resolve_history};
use super::store::Store;
use crate::error::{Error, ErrorKind, Result};
use crate::event::KindTable;
use crate::fields::Fields;
use crate::model::Model;
use crate::profile::Profile;
use crate::rank::{self, Workspace};

/// A request for the scores of given items.
///
/// ```
/// use tastemaker::{engine::ScoreRequest, json::json};
/// let request = ScoreRequest::from_json(&json!({"user_id": "eve", "item_ids": ["mill", "barn"]}))?;
/// assert_eq!(request.item_ids.len(), 2);
/// # Ok::<(), tastemaker::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ScoreRequest {
    /// Whose stored profile to answer from; nobody's if `None`.
    pub user_id: Option<String>,
    /// A history that came with the request. Beside a `user_id`, the two are joined for this
    /// answer only.
    pub history: Profile,
    /// The items to score, in any order, with repeats; none is fine too.
    pub item_ids: Vec<String>,
    /// Unix milliseconds at which decay is measured; the newest event of the history if `None`.
    pub now: Option<i64>,
    /// Adds the reasons to each item. Default false.
    pub explain: bool,
}

/// The scores for a request.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Scores {
    /// One for each item of the request, in its order.
    pub items: Vec<Score>,
    /// Ids in the history that the model does not have, ascending: they played no part.
    pub ignored: Vec<String>,
    /// The hash of the model that answered.
    pub model: String,
}

/// The score of one item.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Score {
    /// The id as it was given.
    pub item_id: String,
    /// Whether the model has the item. One that it does not have scores 0.
    pub known: bool,
    /// Whether the history has the item.
    pub seen: bool,
    /// The bits that [`recommend`](super::Engine::recommend) would give: exactly the sum of the
    /// reasons' contributions, also where that would leave the item out.
    pub score: f64,
    /// Why, largest part first; empty unless the request asked for it.
    pub reasons: Vec<Reason>,
}

impl Scores {
    /// The scores as JSON, the same in every language.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let items = self.items.iter().map(|item| {
            let reasons: Vec<Json> = item.reasons.iter().map(Reason::to_json).collect();
            json!({
                "item_id": item.item_id,
                "known": item.known,
                "seen": item.seen,
                "score": item.score,
                "reasons": reasons,
            })
        });
        json!({"items": items.collect::<Vec<_>>(), "ignored": self.ignored, "model": self.model})
    }
}

const NAMES: [&str; 5] = ["user_id", "history", "item_ids", "now", "explain"];

impl ScoreRequest {
    /// A request for a stored user.
    pub fn for_user(user_id: impl Into<String>, item_ids: Vec<String>) -> Self {
        Self {
            user_id: Some(user_id.into()),
            history: Profile::new(),
            item_ids,
            now: None,
            explain: false,
        }
    }

    /// A request from JSON: the fields of this struct by name. `item_ids` must be there.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for an unknown name or a value of the wrong shape;
    /// [`ErrorKind::InvalidId`], [`ErrorKind::InvalidWeight`] and
    /// [`ErrorKind::InvalidTimestamp`] as for [`Request::from_json`](super::Request::from_json).
    pub fn from_json(value: &Json) -> Result<Self> {
        let fields = Fields::new("request", value, &NAMES)?;
        let item_ids = fields.texts("item_ids")?.ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidArgument,
                "request.item_ids is missing; it must be a list of texts",
            )
        })?;
        let request = Self {
            user_id: fields.text("user_id")?.map(str::to_owned),
            history: parse::history(&fields, "request")?,
            item_ids,
            now: parse::now(&fields)?,
            explain: fields.bool("explain", false)?,
        };
        request.check_shape()?;
        Ok(request)
    }

    fn check_shape(&self) -> Result<()> {
        parse::check_now(self.now)?;
        parse::check_asker(self.user_id.as_deref())
    }

    pub(super) fn check(&self, kinds: &KindTable) -> Result<()> {
        self.check_shape()?;
        parse::check_history(kinds, &self.history)
    }
}

pub(super) fn answer(
    model: &Model,
    store: &Store,
    request: &ScoreRequest,
    workspace: &mut Workspace,
) -> Scores {
    let mut ignored = Vec::new();
    workspace.signals.clear();
    let user_id = request.user_id.as_deref();
    let signals = &mut workspace.signals;
    resolve_history(
        model,
        store,
        user_id,
        &request.history,
        signals,
        &mut ignored,
    );
    let candidates: Vec<Option<u32>> = request
        .item_ids
        .iter()
        .map(|id| model.item_index(id))
        .collect();
    let scored = rank::score(model, request.now, &candidates, workspace);
    let items = request
        .item_ids
        .iter()
        .zip(candidates)
        .zip(scored)
        .map(|((item_id, item), scored)| Score {
            item_id: item_id.clone(),
            known: item.is_some(),
            seen: scored.seen,
            score: scored.score,
            reasons: match item {
                Some(item) if request.explain => own_reasons(model, workspace, item),
                _ => Vec::new(),
            },
        })
        .collect();
    ignored.sort_unstable();
    ignored.dedup();
    Scores {
        items,
        ignored,
        model: model.hash().to_owned(),
    }
}
