//! Bandits that travel in a snapshot: each a section of its own, their keys in the manifest.
//!
//! A section is what [`Bandit::to_bytes`] writes, and is read when it is asked for. Answers to
//! requests do not look at them.

use serde_json::Value as Json;

use super::Model;
use crate::error::{Error, ErrorKind, Result, shown};
use crate::experiment::bandit::Bandit;
use crate::snapshot::{Piece, Pieces, Section, Sections, join};

/// The name in the manifest.
const NAME: &str = "bandits";
/// The most bandits of one snapshot.
const MOST: usize = 1_000;

/// The keys in the manifest of sections that are there, or why they are not usable.
pub(super) fn check(sections: &Sections, manifest: &Json) -> Result<Vec<String>> {
    let corrupt = || {
        Error::new(
            ErrorKind::CorruptSnapshot,
            "the snapshot is damaged: its bandits",
        )
    };
    let Some(given) = manifest.get(NAME) else {
        return Ok(Vec::new());
    };
    let keys: Option<Vec<String>> =
        given
            .as_array()
            .filter(|list| list.len() <= MOST)
            .and_then(|list| {
                list.iter()
                    .map(|key| key.as_str().map(str::to_owned))
                    .collect()
            });
    let keys = keys.ok_or_else(corrupt)?;
    let sorted = keys.iter().zip(keys.iter().skip(1)).all(|(a, b)| a < b);
    let there = (0..keys.len() as u32).all(|at| !sections.range(Section::Bandit, at).is_empty());
    if sorted && there {
        Ok(keys)
    } else {
        Err(corrupt())
    }
}

impl Model {
    /// The same model with these bandits in the place of those that it has: a snapshot of its own,
    /// with another hash. A vector index stays in it. Updating keeps the bandits; training and the
    /// edge export make snapshots without bandits.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for two bandits with one key, [`ErrorKind::LimitExceeded`]
    /// for more than 1,000.
    ///
    /// # Cost
    /// A copy of the snapshot.
    ///
    /// ```
    /// use tastemaker::event::{EventColumns, IdColumn};
    /// use tastemaker::experiment::bandit::Bandit;
    /// use tastemaker::{control::Control, json::json, model::Model, train::{TrainOptions, train}};
    /// let events = EventColumns::new(IdColumn::Text(&["ann"]), IdColumn::Text(&["mill"]));
    /// let model = train(&events, None, &TrainOptions::default(), &Control::new())?;
    /// let banner = Bandit::from_json(&json!({"key": "banner", "policy": "ucb1", "arms": ["a", "b"]}))?;
    /// let model = model.with_bandits(&[banner.clone()])?;
    /// let opened = Model::from_bytes(model.as_bytes())?;
    /// assert_eq!(opened.bandits().collect::<Vec<_>>(), ["banner"]);
    /// assert_eq!(opened.bandit("banner")?, Some(banner));
    /// # Ok::<(), tastemaker::Error>(())
    /// ```
    pub fn with_bandits(&self, bandits: &[Bandit]) -> Result<Self> {
        if bandits.len() > MOST {
            return Err(Error::new(
                ErrorKind::LimitExceeded,
                format!("{} bandits; at most {MOST} in a snapshot", bandits.len()),
            ));
        }
        let mut sorted: Vec<&Bandit> = bandits.iter().collect();
        sorted.sort_by(|a, b| a.key().cmp(b.key()));
        for pair in sorted.windows(2) {
            if let [a, b] = pair
                && a.key() == b.key()
            {
                return Err(Error::new(
                    ErrorKind::InvalidArgument,
                    format!("bandits: {} comes twice", shown(a.key())),
                ));
            }
        }
        let bytes: Vec<Vec<u8>> = sorted.iter().map(|bandit| bandit.to_bytes()).collect();
        let stored = sorted.iter().map(|bandit| bandit.key());
        self.storing(stored.zip(bytes.iter().map(Vec::as_slice)).collect())
    }

    /// The same model with the bandits of another, as they are stored there.
    pub(crate) fn with_bandits_of(self, other: &Self) -> Result<Self> {
        if other.inner.bandits.is_empty() {
            return Ok(self);
        }
        let sections = &other.inner.sections;
        let stored = (0..).map(|at| sections.slice(&sections.range(Section::Bandit, at)));
        let keys = other.inner.bandits.iter().map(String::as_str);
        self.storing(keys.zip(stored).collect())
    }

    /// The same model with these bandits: key, ascending, and bytes.
    fn storing(&self, bandits: Vec<(&str, &[u8])>) -> Result<Self> {
        let mut manifest = self.manifest().clone();
        if let Some(fields) = manifest.as_object_mut() {
            fields.remove(NAME);
            if !bandits.is_empty() {
                let keys: Json = bandits.iter().map(|(key, _)| *key).collect();
                fields.insert(NAME.to_owned(), keys);
            }
        }
        let manifest = manifest.to_string();
        let kept = self.inner.sections.pieces();
        let mut pieces: Pieces<'_> = kept
            .filter(|((code, _), _)| *code != Section::Bandit as u32)
            .collect();
        pieces.insert(
            (Section::Manifest as u32, 0),
            Piece::new(manifest.as_bytes()),
        );
        for (at, (_, bytes)) in (0..).zip(bandits) {
            pieces.insert((Section::Bandit as u32, at), Piece::new(bytes));
        }
        Self::from_storage(join(&pieces, self.inner.sections.version())?)
    }

    /// The keys of the bandits, ascending.
    pub fn bandits(&self) -> impl ExactSizeIterator<Item = &str> {
        self.inner.bandits.iter().map(String::as_str)
    }

    /// A bandit of the snapshot, as it was stored; none of another key.
    ///
    /// # Errors
    /// [`ErrorKind::CorruptBandit`] if what is there was not written by
    /// [`with_bandits`](Self::with_bandits), [`ErrorKind::UnsupportedVersion`] for a bandit of a
    /// later version.
    pub fn bandit(&self, key: &str) -> Result<Option<Bandit>> {
        let Ok(at) = self
            .inner
            .bandits
            .binary_search_by(|own| own.as_str().cmp(key))
        else {
            return Ok(None);
        };
        let sections = &self.inner.sections;
        let range = sections.range(Section::Bandit, at as u32);
        let bandit = Bandit::from_bytes(sections.slice(&range))?;
        if bandit.key() != key {
            return Err(Error::new(
                ErrorKind::CorruptBandit,
                format!(
                    "the bandit {} is stored as {}",
                    shown(bandit.key()),
                    shown(key)
                ),
            ));
        }
        Ok(Some(bandit))
    }
}
