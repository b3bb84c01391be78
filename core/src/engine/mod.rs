//! The façade: a model, a store of profiles, and the answers that join them.
//!
//! `record` puts an event into the user's profile; the next `recommend` sees it, because every
//! answer is computed from the history. The model can be swapped while requests run: each
//! request works on the model it began with.

mod answer;
mod ask;
mod group;
mod parse;
mod recommend;
mod request;
mod score;
mod similar;
mod store;
mod users;

use std::sync::{Mutex, PoisonError, RwLock};

pub use answer::{Answer, Reason, Recommendation, Stage};
pub use group::{GroupMember, GroupRequest, MAX_MEMBERS, Strategy};
pub use request::Request;
pub use score::{Score, ScoreRequest, Scores};
pub use similar::SimilarRequest;
pub use users::{SimilarUser, SimilarUsers, SimilarUsersRequest};

use crate::error::Result;
use crate::event::{Event, EventColumns, KindTable};
use crate::id::check_id;
use crate::model::Model;
use crate::profile::Profile;
use crate::rank::Workspace;
use store::Store;

/// What [`Engine::record`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recorded {
    /// Whether the profile changed; a repeated event does not change it.
    pub changed: bool,
    /// Whether the model has the item. An unknown item is kept: the next model may have it.
    pub known_item: bool,
}

/// What [`Engine::record_batch`] did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BatchReport {
    /// Events that changed a profile.
    pub accepted: u64,
    /// Valid events that changed nothing: repeats, and events older than a full history.
    pub duplicates: u64,
    /// Rows that were left out, with their reasons.
    pub rejected: Vec<Rejected>,
}

/// One row that [`Engine::record_batch`] left out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rejected {
    /// The row, from 0.
    pub row: usize,
    /// The stable code of the error.
    pub code: &'static str,
    /// What was wrong.
    pub message: String,
}

/// A model and its users.
///
/// All methods take `&self` and may be called from any number of threads.
///
/// ```
/// use tastemaker::event::{Event, EventColumns, IdColumn};
/// use tastemaker::{control::Control, engine::{Engine, Request}, json::json, train::{TrainOptions, train}};
/// let events = EventColumns::new(
///     IdColumn::Text(&["ann", "ann", "bob", "bob", "eve"]),
///     IdColumn::Text(&["mill", "barn", "mill", "barn", "loft"]),
/// );
/// let engine = Engine::new(train(&events, None, &TrainOptions::default(), &Control::new())?);
/// engine.record("new", &Event::new("barn", "view", 1_700_000_000_000))?;
/// let request = Request::from_json(&json!({"user_id": "new", "k": 2, "explain": true}))?;
/// let answer = engine.recommend(&request)?;
/// assert_eq!(answer.items[0].item_id, "mill");
/// assert_eq!(answer.items[0].reasons[0].item_id, "barn");
/// assert_eq!(answer.items[1].source.as_str(), "popular");
/// # Ok::<(), tastemaker::Error>(())
/// ```
#[derive(Debug)]
pub struct Engine {
    model: RwLock<Model>,
    store: Store,
    /// Buffers of requests that are over, for the next ones.
    workspaces: Mutex<Vec<Workspace>>,
}

impl Engine {
    /// An engine without recorded events. Users start from the training histories that the
    /// model holds.
    #[must_use]
    pub fn new(model: Model) -> Self {
        Self {
            model: RwLock::new(model),
            store: Store::default(),
            workspaces: Mutex::new(Vec::new()),
        }
    }

    /// The model in use.
    #[must_use]
    pub fn model(&self) -> Model {
        self.model
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Uses another model from the next request on. Recorded events stay.
    pub fn swap(&self, model: Model) {
        *self.model.write().unwrap_or_else(PoisonError::into_inner) = model;
    }

    /// Adds an event to a user's profile; the next answer takes it into account.
    ///
    /// # Errors
    /// [`crate::ErrorKind::InvalidId`], [`crate::ErrorKind::UnknownKind`],
    /// [`crate::ErrorKind::InvalidWeight`], [`crate::ErrorKind::InvalidTimestamp`]; nothing is
    /// changed then.
    pub fn record(&self, user_id: &str, event: &Event) -> Result<Recorded> {
        let model = self.model();
        self.record_with(&model, user_id, event)
    }

    fn record_with(&self, model: &Model, user_id: &str, event: &Event) -> Result<Recorded> {
        check_id("user_id", user_id)?;
        event.check()?;
        check_kind(model.kinds(), &event.kind)?;
        let changed = self
            .store
            .update(model, user_id, |profile| profile.record(event))?;
        Ok(Recorded {
            changed,
            known_item: model.item_index(&event.item_id).is_some(),
        })
    }

    /// Adds many events. With `skip_invalid`, bad rows are left out and reported; without it, a
    /// bad row is an error that names it, and nothing is recorded.
    ///
    /// # Errors
    /// As [`Engine::record`], with the row in front; [`crate::ErrorKind::LengthMismatch`].
    pub fn record_batch(
        &self,
        events: &EventColumns<'_>,
        skip_invalid: bool,
    ) -> Result<BatchReport> {
        let model = self.model();
        let rows = events.rows()?;
        let mut report = BatchReport::default();
        let mut valid = Vec::new();
        for row in 0..rows {
            let (user_id, event) = events.event(row);
            let checked = check_id("user_id", &user_id)
                .and_then(|()| event.check())
                .and_then(|()| check_kind(model.kinds(), &event.kind));
            match checked {
                Ok(()) => valid.push((user_id, event)),
                Err(error) if skip_invalid => {
                    report.rejected.push(Rejected {
                        row,
                        code: error.code(),
                        message: error.message().to_owned(),
                    });
                }
                Err(error) => return Err(error.context(format_args!("row {row}"))),
            }
        }
        for (user_id, event) in &valid {
            if self.record_with(&model, user_id, event)?.changed {
                report.accepted += 1;
            } else {
                report.duplicates += 1;
            }
        }
        Ok(report)
    }

    /// Lends buffers of an earlier request.
    fn with_workspace<R>(&self, work: impl FnOnce(&mut Workspace) -> R) -> R {
        let pool = || {
            self.workspaces
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        let mut workspace = pool().pop().unwrap_or_default();
        let result = work(&mut workspace);
        let mut pool = pool();
        if pool.len() < 64 {
            pool.push(workspace);
        }
        result
    }

    /// A user's profile: the training history that the model holds and all recorded events.
    /// Empty for an unknown user.
    ///
    /// # Errors
    /// [`crate::ErrorKind::InvalidId`].
    pub fn profile(&self, user_id: &str) -> Result<Profile> {
        check_id("user_id", user_id)?;
        Ok(self.store.profile(&self.model(), user_id))
    }

    /// Takes over all events of a profile, for example one that a browser kept. Returns whether
    /// the stored one changed. Kinds that the model does not know are kept and count as nothing.
    ///
    /// # Errors
    /// [`crate::ErrorKind::InvalidId`].
    pub fn merge_profile(&self, user_id: &str, profile: &Profile) -> Result<bool> {
        check_id("user_id", user_id)?;
        self.store
            .update(&self.model(), user_id, |known| Ok(known.merge(profile)))
    }

    /// Forgets a user: recorded events, and from then on the training history in the model too.
    /// Returns whether there was anything to forget. The user can begin anew.
    ///
    /// # Errors
    /// [`crate::ErrorKind::InvalidId`].
    pub fn erase(&self, user_id: &str) -> Result<bool> {
        check_id("user_id", user_id)?;
        Ok(self.store.erase(&self.model(), user_id))
    }

    /// The number of users with recorded events.
    #[must_use]
    pub fn user_count(&self) -> usize {
        self.store.len()
    }
}

pub(crate) fn check_kind(kinds: &KindTable, kind: &str) -> Result<()> {
    match kinds.position(kind) {
        Some(_) => Ok(()),
        None => Err(KindTable::unknown(kind, kinds)),
    }
}
