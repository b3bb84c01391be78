//! "Who is like this person?": the users whose training histories are most alike.

use serde_json::{Value as Json, json};

use super::parse;
use super::recommend::resolve_history;
use super::store::Store;
use crate::error::Result;
use crate::event::KindTable;
use crate::fields::Fields;
use crate::model::Model;
use crate::profile::Profile;
use crate::rank::alike::{cosine, scale, square};
use crate::rank::{Weighted, Workspace, check_k, fold};

/// A request for users who are like one.
///
/// ```
/// use tastemaker::{engine::SimilarUsersRequest, json::json};
/// let request = SimilarUsersRequest::from_json(&json!({"user_id": "eve", "k": 3}))?;
/// assert_eq!(request.k, 3);
/// # Ok::<(), tastemaker::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct SimilarUsersRequest {
    /// Whose stored profile to compare; nobody's if `None`. The user is not in the answer.
    pub user_id: Option<String>,
    /// A history that came with the request. Beside a `user_id`, the two are joined for this
    /// answer only.
    pub history: Profile,
    /// Users wanted, at least 1; fewer come if fewer are alike at all. Default 10.
    pub k: usize,
}

/// The users for a request.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SimilarUsers {
    /// The users, most alike first; ties by the order of their ids.
    pub users: Vec<SimilarUser>,
    /// Ids in the history that the model does not have, ascending: they played no part.
    pub ignored: Vec<String>,
    /// The hash of the model that answered.
    pub model: String,
}

/// One user of an answer.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SimilarUser {
    /// The user.
    pub user_id: String,
    /// The cosine of the two histories, above 0 and at most 1.
    pub similarity: f64,
}

impl SimilarUsers {
    /// The answer as JSON, the same in every language.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let users = self.users.iter();
        let users = users.map(|u| json!({"user_id": u.user_id, "similarity": u.similarity}));
        json!({"users": users.collect::<Vec<_>>(), "ignored": self.ignored, "model": self.model})
    }
}

impl SimilarUsersRequest {
    /// A request for a stored user.
    pub fn for_user(user_id: impl Into<String>, k: usize) -> Self {
        Self {
            user_id: Some(user_id.into()),
            history: Profile::new(),
            k,
        }
    }

    /// A request from JSON: the fields of this struct by name.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for an unknown name or a value of
    /// the wrong shape, and those of a history as for
    /// [`Request::from_json`](super::Request::from_json).
    pub fn from_json(value: &Json) -> Result<Self> {
        let fields = Fields::new("request", value, &["user_id", "history", "k"])?;
        let request = Self {
            user_id: fields.text("user_id")?.map(str::to_owned),
            history: parse::history(&fields, "request")?,
            k: parse::k(&fields)?,
        };
        request.check_shape()?;
        Ok(request)
    }

    fn check_shape(&self) -> Result<()> {
        check_k(self.k)?;
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
    request: &SimilarUsersRequest,
    workspace: &mut Workspace,
) -> SimilarUsers {
    let mut ignored = Vec::new();
    let user_id = request.user_id.as_deref();
    let Workspace {
        signals, weights, ..
    } = workspace;
    signals.clear();
    resolve_history(
        model,
        store,
        user_id,
        &request.history,
        signals,
        &mut ignored,
    );
    fold(signals, model.kinds(), model.half_life_ms(), None, weights);
    let mut found: Vec<(f64, u32)> = Vec::new();
    if scale(weights) {
        let mut asking = vec![0.0; model.item_count()];
        for weighted in weights.iter() {
            if let Some(slot) = asking.get_mut(weighted.item as usize) {
                *slot = weighted.weight;
            }
        }
        let asking_square = square(weights);
        let mut left_out = store.erased(model);
        if let Some(user) = user_id.and_then(|user_id| model.users().find(user_id)) {
            left_out.insert(user as usize);
        }
        let mut other: Vec<Weighted> = Vec::new();
        for user in (0..model.user_count() as u32).filter(|&u| !left_out.contains(u as usize)) {
            signals.clear();
            model.signals(user, signals);
            let shared = |item: u32| asking.get(item as usize).is_some_and(|&w| w != 0.0);
            if !signals.iter().any(|signal| shared(signal.item)) {
                continue;
            }
            fold(
                signals,
                model.kinds(),
                model.half_life_ms(),
                None,
                &mut other,
            );
            scale(&mut other);
            if let Some(similarity) = cosine(&asking, asking_square, &other) {
                found.push((similarity, user));
            }
        }
    }
    let order = |a: &(f64, u32), b: &(f64, u32)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
    if found.len() > request.k {
        found.select_nth_unstable_by(request.k - 1, order);
        found.truncate(request.k);
    }
    found.sort_unstable_by(order);
    ignored.sort_unstable();
    ignored.dedup();
    let users = found.into_iter().map(|(similarity, user)| SimilarUser {
        user_id: model.users().get(user).unwrap_or_default().to_owned(),
        similarity,
    });
    SimilarUsers {
        users: users.collect(),
        ignored,
        model: model.hash().to_owned(),
    }
}
