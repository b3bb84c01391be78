//! Profiles in memory.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use crate::bitset::BitSet;
use crate::error::Result;
use crate::model::Model;
use crate::profile::Profile;

/// A user with recorded events, or one who was erased.
#[derive(Debug, Default)]
struct Entry {
    /// Recorded events, and the training history of the model named in `base`.
    profile: Profile,
    /// The hash of the model whose training history is merged in.
    base: String,
    /// An erased user does not get a training history back.
    erased: bool,
}

impl Entry {
    /// Takes over the training history of a model, once.
    fn rebase(&mut self, model: &Model, user_id: &str) {
        if !self.erased && self.base != model.hash() {
            if let Some(history) = model.profile(user_id) {
                self.profile.merge(&history);
            }
            self.base = model.hash().to_owned();
        }
    }
}

/// The in-memory store: users in order of their ids.
#[derive(Debug, Default)]
pub(super) struct Store {
    users: RwLock<BTreeMap<String, Entry>>,
}

/// Whose history an answer starts from.
pub(super) enum Stored {
    /// Recorded events are there.
    Profile(Profile),
    /// Nothing was recorded: the model's own history, by index, if it has one.
    Model(Option<u32>),
}

impl Store {
    pub(super) fn update(
        &self,
        model: &Model,
        user_id: &str,
        change: impl FnOnce(&mut Profile) -> Result<bool>,
    ) -> Result<bool> {
        let mut users = self.users.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = users.get_mut(user_id) {
            entry.rebase(model, user_id);
            return change(&mut entry.profile);
        }
        let mut entry = Entry::default();
        entry.rebase(model, user_id);
        let changed = change(&mut entry.profile)?;
        if changed {
            users.insert(user_id.to_owned(), entry);
        }
        Ok(changed)
    }

    pub(super) fn load(&self, model: &Model, user_id: &str) -> Stored {
        {
            let users = self.users.read().unwrap_or_else(PoisonError::into_inner);
            match users.get(user_id) {
                None => return Stored::Model(model.users().find(user_id)),
                Some(entry) if entry.erased || entry.base == model.hash() => {
                    return Stored::Profile(entry.profile.clone());
                }
                Some(_) => {}
            }
        }
        // The model was swapped since: merge its history once, for this and later answers.
        let mut users = self.users.write().unwrap_or_else(PoisonError::into_inner);
        match users.get_mut(user_id) {
            None => Stored::Model(model.users().find(user_id)),
            Some(entry) => {
                entry.rebase(model, user_id);
                Stored::Profile(entry.profile.clone())
            }
        }
    }

    pub(super) fn profile(&self, model: &Model, user_id: &str) -> Profile {
        match self.load(model, user_id) {
            Stored::Profile(profile) => profile,
            Stored::Model(_) => model.profile(user_id).unwrap_or_default(),
        }
    }

    pub(super) fn erase(&self, model: &Model, user_id: &str) -> bool {
        let in_model = model.users().find(user_id).is_some();
        let mut users = self.users.write().unwrap_or_else(PoisonError::into_inner);
        let known = match users.get(user_id) {
            Some(entry) => !entry.profile.is_empty() || (!entry.erased && in_model),
            None => in_model,
        };
        // The mark stays even where this model holds nothing: the next one may.
        users.insert(
            user_id.to_owned(),
            Entry {
                erased: true,
                ..Entry::default()
            },
        );
        known
    }

    /// The users of a model who were erased, by index.
    pub(super) fn erased(&self, model: &Model) -> BitSet {
        let users = self.users.read().unwrap_or_else(PoisonError::into_inner);
        let mut erased = BitSet::empty(model.user_count());
        for (user_id, _) in users.iter().filter(|(_, entry)| entry.erased) {
            if let Some(user) = model.users().find(user_id) {
                erased.insert(user as usize);
            }
        }
        erased
    }

    pub(super) fn len(&self) -> usize {
        let users = self.users.read().unwrap_or_else(PoisonError::into_inner);
        users
            .values()
            .filter(|entry| !entry.profile.is_empty())
            .count()
    }
}
