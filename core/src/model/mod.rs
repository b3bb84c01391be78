//! The model: one read-only snapshot, and everything that can be read from it.
//!
//! A [`Model`] is a handle on verified bytes in memory or in a memory map; cloning it is
//! cloning a pointer, and it is shared between threads freely. It holds the items and their
//! attributes ([`crate::catalog`]), the item graph (`graph`), popularity, the kinds of events
//! and, unless they were left out, the training histories. Bandits and a vector index may travel
//! in it.

mod bandits;
mod batch;
mod edge;
pub(crate) mod graph;
mod index;
mod open;
pub(crate) mod popularity;
mod profiles;
pub(crate) mod state;
pub(crate) mod trainer;

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value as Json;

pub use batch::{Batch, BatchOptions};
pub use edge::EdgeOptions;

use crate::bitset::BitSet;
use crate::catalog::columns::{ColumnInfo, Columns};
use crate::error::{ErrorKind, Result};
use crate::event::KindTable;
use crate::id::Ids;
use crate::index::VectorIndex;
use crate::snapshot::{Section, Sections, Storage, file};
use graph::Graph;

/// Where an answer's item came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
#[repr(u8)]
pub enum Source {
    /// The item graph: at least one history item speaks for, or only against, the item.
    Graph = 0,
    /// Popularity: the history says nothing about the item, or there is none.
    Popular = 1,
}

impl Source {
    /// `"graph"` or `"popular"`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Graph => "graph",
            Self::Popular => "popular",
        }
    }
}

/// What is read from the manifest once, and where the large sections lie.
pub(crate) struct Inner {
    sections: Sections,
    manifest: Json,
    hash: String,
    kinds: KindTable,
    half_life_ms: Option<f64>,
    max_history_items: Option<usize>,
    columns: Vec<ColumnInfo>,
    /// Items that may be recommended; `None` if all may.
    active: Option<BitSet>,
    items: usize,
    item_ids: [Range<usize>; 3],
    user_ids: [Range<usize>; 3],
    graph: graph::Layout,
    popularity: Range<usize>,
    popular_order: Range<usize>,
    profiles: profiles::Layout,
    /// The keys of the bandits, ascending.
    bandits: Vec<String>,
    index: Option<VectorIndex>,
}

/// A trained model, ready to answer.
///
/// ```
/// use tastemaker::event::{EventColumns, IdColumn};
/// use tastemaker::{control::Control, model::Model, train::{TrainOptions, train}};
/// let events = EventColumns::new(
///     IdColumn::Text(&["ann", "ann", "bob", "bob", "eve"]),
///     IdColumn::Text(&["mill", "barn", "mill", "barn", "mill"]),
/// );
/// let model = train(&events, None, &TrainOptions::default(), &Control::new())?;
/// let again = Model::from_bytes(model.as_bytes())?;
/// assert_eq!(again.hash(), model.hash());
/// assert_eq!(model.neighbors("mill").unwrap().len(), 1);
/// # Ok::<(), tastemaker::Error>(())
/// ```
#[derive(Clone)]
pub struct Model {
    inner: Arc<Inner>,
}

impl Model {
    /// Opens a snapshot file where it lies, by memory map, and verifies every byte once.
    ///
    /// Cost: one pass over the file (some milliseconds for 25 MB); memory is the page cache's.
    /// Replace a snapshot by renaming a new file over it, as [`Model::save`] does; do not write
    /// into a file that is open. A vector index in the snapshot is verified with it; see
    /// [`Model::index`].
    ///
    /// # Errors
    /// [`ErrorKind::Io`], [`ErrorKind::NotASnapshot`], [`ErrorKind::UnsupportedVersion`],
    /// [`ErrorKind::CorruptSnapshot`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        Self::from_storage(file::open(path, true)?).map_err(|e| match e.kind() {
            ErrorKind::Io => e,
            _ => e.context(path.display()),
        })
    }

    /// Opens a snapshot from bytes, which are copied once into aligned memory.
    ///
    /// # Errors
    /// As [`Model::open`], without `Io`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Self::from_storage(Storage::copy(bytes))
    }

    pub(crate) fn from_storage(storage: Storage) -> Result<Self> {
        Ok(Self {
            inner: Arc::new(open::open(Sections::open(storage)?)?),
        })
    }

    /// Writes the snapshot: to a temporary file in the same folder, synced, then renamed.
    ///
    /// # Errors
    /// [`ErrorKind::Io`]; a file that was there stays as it was.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        file::replace(path.as_ref(), self.as_bytes())
    }

    /// The snapshot's bytes: what [`Model::save`] writes and [`Model::from_bytes`] reads.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.inner.sections.bytes()
    }

    /// The hash of the content, 32 hexadecimal digits: equal for equal bytes.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.inner.hash
    }

    /// How the model was made: options, counts, kinds, types of ids.
    #[must_use]
    pub fn manifest(&self) -> &Json {
        &self.inner.manifest
    }

    /// The number of items.
    #[must_use]
    pub fn item_count(&self) -> usize {
        self.inner.items
    }

    /// The number of users whose training histories the snapshot holds.
    #[must_use]
    pub fn user_count(&self) -> usize {
        self.users().len()
    }

    fn ids(&self, ranges: &[Range<usize>; 3]) -> Ids<'_> {
        let [offsets, bytes, slots] = ranges;
        let sections = &self.inner.sections;
        Ids {
            offsets: sections.slice(offsets),
            bytes: sections.slice(bytes),
            slots: sections.slice(slots),
        }
    }

    pub(crate) fn items(&self) -> Ids<'_> {
        self.ids(&self.inner.item_ids)
    }

    pub(crate) fn users(&self) -> Ids<'_> {
        self.ids(&self.inner.user_ids)
    }

    /// The id of an item by its index: `0..item_count()`, ascending by the ids' bytes.
    #[must_use]
    pub fn item_id(&self, index: u32) -> Option<&str> {
        self.items().get(index)
    }

    /// The index of an item by its id.
    #[must_use]
    pub fn item_index(&self, id: &str) -> Option<u32> {
        self.items().find(id)
    }

    /// The ids of the users whose training histories the snapshot holds, ascending.
    pub fn user_ids(&self) -> impl Iterator<Item = &str> {
        self.users().iter()
    }

    /// The summed positive evidence on an item in training; 0 for an unknown index.
    #[must_use]
    pub fn popularity(&self, index: u32) -> f64 {
        let all: &[f32] = self.inner.sections.slice(&self.inner.popularity);
        all.get(index as usize).copied().map_or(0.0, f64::from)
    }

    pub(crate) fn popular_order(&self) -> &[u32] {
        self.inner.sections.slice(&self.inner.popular_order)
    }

    /// The attributes of an item as a JSON object; `None` if the model does not have the item.
    #[must_use]
    pub fn attributes(&self, item_id: &str) -> Option<Json> {
        self.item_index(item_id)
            .map(|index| self.columns().object(index as usize))
    }

    pub(crate) fn columns(&self) -> Columns<'_> {
        Columns {
            sections: &self.inner.sections,
            columns: &self.inner.columns,
            items: self.inner.items,
        }
    }

    /// The neighbours of an item in the graph, as (index, weight), strongest first.
    #[must_use]
    pub fn neighbors(&self, item_id: &str) -> Option<Vec<(u32, f64)>> {
        let index = self.item_index(item_id)?;
        let graph = self.graph();
        let (ids, weights) = graph.row(index);
        let mut row: Vec<(u32, f64)> = ids
            .iter()
            .zip(weights)
            .map(|(id, &w)| (id, f64::from(w) * graph.unit()))
            .collect();
        row.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        Some(row)
    }

    pub(crate) fn graph(&self) -> Graph<'_> {
        self.inner.graph.view(&self.inner.sections)
    }

    pub(crate) fn kinds(&self) -> &KindTable {
        &self.inner.kinds
    }

    pub(crate) fn half_life_ms(&self) -> Option<f64> {
        self.inner.half_life_ms
    }

    pub(crate) fn max_history_items(&self) -> Option<usize> {
        self.inner.max_history_items
    }

    pub(crate) fn active(&self) -> Option<&BitSet> {
        self.inner.active.as_ref()
    }
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Model")
            .field("items", &self.item_count())
            .field("users", &self.user_count())
            .field("bytes", &self.as_bytes().len())
            .field("hash", &self.hash())
            .finish()
    }
}

pub(crate) fn section_ranges(sections: &Sections, kinds: [Section; 3]) -> [Range<usize>; 3] {
    kinds.map(|kind| sections.range(kind, 0))
}
