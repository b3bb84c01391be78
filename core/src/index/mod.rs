//! Nearest neighbours of vectors: exact or by a graph, filtered, deterministic, searched where
//! they lie in a file.
//!
//! A [`VectorIndex`] holds items with one or several vectors, and perhaps attributes. It is
//! immutable and cheap to clone; a change makes a new index, and searches in the old one go on.
//! The module is pure (files are touched by `save` and `open` alone), and may use the columns of
//! `catalog`, `condition`, `id`, `snapshot` and the kernels.
//!
//! Searches look at 8-bit codes first, in integers, and score the few best from the stored
//! vectors in one fixed order of arithmetic. So an index has the same bytes at any number of
//! threads, and a search the same answer on every processor.
//!
//! | cost | of 100,000 rows with 128 values |
//! |---|---|
//! | memory | a row: its vector (512 bytes in `f32`), its codes (128 bytes), its links (128 bytes for m = 16) |

mod answer;
mod batch;
mod best;
mod binary;
mod build;
mod cluster;
mod diverse;
mod duplicates;
mod edge;
mod exact;
mod file;
mod hnsw;
mod import;
mod options;
pub(crate) mod part;
mod quantize;
mod request;
mod search;
mod sketch;
mod target;
#[cfg(test)]
mod tests;
mod update;
mod vectors;
mod view;

use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use serde_json::Value as Json;
use tastemaker_kernels::ByteRows;

pub use answer::{Neighbor, Neighbors, Plan, SearchTrace};
pub use batch::KnnGraph;
pub use cluster::{ClusterOptions, Clusters, MAX_CLUSTERS};
pub use import::ImportedVectors;
pub use options::{
    IndexOptions, Kind, MAX_COMPONENT, MAX_DIMENSION, MAX_EF, MAX_K, MAX_ROWS, Metric, Precision,
    SearchOptions,
};
pub use request::{BatchOptions, DuplicateOptions, Question, update_threads};
pub use target::{Example, Strategy, Target};
pub use update::{Changes, Updated};
pub use vectors::Vectors;

pub use crate::bitset::BitSet;
use crate::catalog::Catalog;
use crate::catalog::columns::Columns;
use crate::condition::Condition;
use crate::error::{Error, ErrorKind, Result};
use crate::model::Model;
use crate::snapshot::{Sections, Storage, VERSION, file as files, join};
use file::Layout;
use search::Scratch;
use view::View;

/// Scratch buffers that are kept for the next search.
const KEPT: usize = 64;

/// What is shared by the clones of an index.
pub(crate) struct Inner {
    layout: Layout,
    hash: String,
    /// The length of a file of the index alone.
    len: usize,
    /// Of an index in the file of a model: a file of its own, once somebody asks for it.
    apart: Option<OnceLock<Storage>>,
    scratch: Mutex<Vec<Scratch>>,
}

impl Inner {
    fn view(&self) -> View<'_> {
        let layout = &self.layout;
        let sections = &layout.sections;
        let codes: &[u8] = sections.slice(&layout.codes);
        View {
            metric: layout.options.metric,
            dimension: layout.dimension,
            rows: layout.rows,
            items: layout.items,
            ids: layout.ids(),
            row_starts: sections.slice(&layout.row_starts),
            scale: &layout.scale,
            bounds: layout.bounds,
            floats: sections.slice(&layout.floats),
            halves: sections.slice(&layout.halves),
            codes: ByteRows::new(codes, layout.dimension).unwrap_or_default(),
            sides: sections.slice(&layout.sides),
            graph: layout.levels.as_ref().map(|levels| levels.view(sections)),
            intrinsic: layout.intrinsic,
            twins: [0, 1, 2].map(|n| sections.slice(&layout.twins[n])),
            bits: layout.bits(),
            sketches: layout.sketches(),
        }
    }

    /// The items whose attributes match.
    fn matching(&self, condition: &Condition) -> Result<BitSet> {
        if self.layout.columns.is_empty() {
            return Err(Error::new(
                ErrorKind::InvalidCondition,
                "search.filter: the index has no attributes; build it with some, or give items",
            ));
        }
        Ok(condition.matches_rows(&self.columns()))
    }

    fn columns(&self) -> Columns<'_> {
        Columns {
            sections: &self.layout.sections,
            columns: &self.layout.columns,
            items: self.layout.items,
        }
    }

    /// The sections, written into a file of their own.
    fn written(&self) -> Result<Storage> {
        join(&self.layout.sections.pieces().collect(), VERSION)
    }

    /// The attributes in their editable form, for items with these ids.
    fn thaw(&self, ids: &[&str]) -> Result<Option<Catalog>> {
        if self.layout.columns.is_empty() {
            return Ok(None);
        }
        self.columns().thaw(ids, None).map(Some)
    }

    fn take(&self) -> Scratch {
        let mut kept = self.scratch.lock().unwrap_or_else(PoisonError::into_inner);
        kept.pop().unwrap_or_default()
    }

    fn give(&self, scratch: Scratch) {
        let mut kept = self.scratch.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < KEPT {
            kept.push(scratch);
        }
    }
}

/// Items with vectors, ready to be searched.
///
/// ```
/// use tastemaker::control::Control;
/// use tastemaker::event::IdColumn;
/// use tastemaker::index::{IndexOptions, SearchOptions, Target, VectorIndex, Vectors};
///
/// let ids = IdColumn::Text(&["barn", "mill", "loft"]);
/// let vectors = Vectors::new(&[1.0, 0.1, 0.9, 0.2, 0.0, 1.0], 2)?;
/// let index = VectorIndex::build(ids, vectors, &IndexOptions::default(), &Control::new())?;
///
/// let found = index.search(&Target::vector(&[1.0, 0.0]), &SearchOptions::top(2))?;
/// assert_eq!(index.id(found.items[0].item), Some("barn"));
/// let alike = index.search(&Target::item("barn"), &SearchOptions::top(1))?;
/// assert_eq!(index.id(alike.items[0].item), Some("mill"));
/// # Ok::<(), tastemaker::Error>(())
/// ```
#[derive(Clone)]
pub struct VectorIndex {
    inner: Arc<Inner>,
}

impl VectorIndex {
    fn from_storage(storage: Storage, verify: bool) -> Result<Self> {
        Self::of(&Sections::open_with(storage, verify)?, verify)
    }

    /// The index in an open file, its own or a model's.
    pub(crate) fn of(sections: &Sections, verify: bool) -> Result<Self> {
        let part = part::of(sections)?;
        let (hash, len) = match &part {
            None => (sections.hash(), sections.bytes().len()),
            Some(part) => {
                let (head, len) = part.head()?;
                (xxhash_rust::xxh3::xxh3_128(&head), len)
            }
        };
        let apart = part.as_ref().map(|_| OnceLock::new());
        let layout = Layout::open(part.unwrap_or_else(|| sections.clone()), verify)?;
        Ok(Self {
            inner: Arc::new(Inner {
                layout,
                hash: format!("{hash:032x}"),
                len,
                apart,
                scratch: Mutex::default(),
            }),
        })
    }

    /// Opens a file where it lies, by memory map, and verifies every byte once. Time grows with
    /// the size: about a tenth of a second a gigabyte. The file may be that of a model with an
    /// index, as [`Model::with_index`] makes it: this is then the index alone.
    ///
    /// # Errors
    /// [`ErrorKind::Io`], [`ErrorKind::NotASnapshot`], [`ErrorKind::UnsupportedVersion`],
    /// [`ErrorKind::CorruptSnapshot`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_path(path.as_ref(), true)
    }

    /// Opens a file of your own without reading it through: the header, the list of sections and
    /// the manifest are verified, the rest is read when a search comes to it. Takes a millisecond
    /// or less at any size. A damaged file then gives wrong answers, never a crash;
    /// [`VectorIndex::verify`] finds the damage.
    ///
    /// # Errors
    /// As [`VectorIndex::open`].
    pub fn open_unverified(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_path(path.as_ref(), false)
    }

    fn open_path(path: &Path, verify: bool) -> Result<Self> {
        Self::from_storage(files::open(path, verify)?, verify).map_err(|e| match e.kind() {
            ErrorKind::Io => e,
            _ => e.context(path.display()),
        })
    }

    /// Opens an index from bytes, which are copied once into aligned memory, and verifies them.
    ///
    /// # Errors
    /// As [`VectorIndex::open`], without `Io`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Self::from_storage(Storage::copy(bytes), true)
    }

    /// Writes the index: to a temporary file in the same folder, synced, then renamed.
    ///
    /// # Errors
    /// [`ErrorKind::Io`]; a file that was there stays as it was.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        match &self.inner.apart {
            // Nobody needs the bytes once they are in the file.
            Some(apart) if apart.get().is_none() => {
                files::replace(path, self.inner.written()?.bytes())
            }
            _ => files::replace(path, self.as_bytes()),
        }
    }

    /// The bytes that [`VectorIndex::save`] writes: a file of the index alone.
    ///
    /// Of an index in the snapshot of a model ([`Model::index`]), they are those of the index that
    /// was put in. The first call copies them out of the snapshot, and the copy stays as long as
    /// the index does.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.inner.apart {
            None => self.inner.layout.sections.bytes(),
            // What lies in memory already, and more beside it, is not too large.
            Some(apart) => apart
                .get_or_init(|| self.inner.written().unwrap_or_else(|_| Storage::zeroed(0)))
                .bytes(),
        }
    }

    /// The sections, as they stand in a file of the index alone.
    pub(crate) fn sections(&self) -> &Sections {
        &self.inner.layout.sections
    }

    /// Whether the index lists attributes.
    pub(crate) fn has_attributes(&self) -> bool {
        !self.inner.layout.columns.is_empty()
    }

    /// The hash of the content, 32 hexadecimal digits: equal for equal bytes, whether the index has
    /// a file of its own or is in the snapshot of a model.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.inner.hash
    }

    /// How the index was made: options, counts, bounds, attributes.
    #[must_use]
    pub fn manifest(&self) -> &Json {
        &self.inner.layout.manifest
    }

    /// The options that it was built with.
    #[must_use]
    pub fn options(&self) -> &IndexOptions {
        &self.inner.layout.options
    }

    /// How it finds neighbours: exact or HNSW.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.inner.layout.kind
    }

    /// The values of a vector.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.inner.layout.dimension
    }

    /// The number of items.
    #[must_use]
    pub fn len(&self) -> usize {
        self.inner.layout.items
    }

    /// True if there are no items.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of vectors: that of the items, or more where items have several.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.inner.layout.rows
    }

    /// The id of an item by its number: `0..len()`, ascending by the ids' bytes.
    #[must_use]
    pub fn id(&self, item: u32) -> Option<&str> {
        self.inner.layout.ids().get(item)
    }

    /// The number of an item by its id.
    #[must_use]
    pub fn item(&self, id: &str) -> Option<u32> {
        self.inner.layout.ids().find(id)
    }

    /// The rows of an item by its number; empty for a number beyond.
    #[must_use]
    pub fn rows_of(&self, item: u32) -> std::ops::Range<u32> {
        if item as usize >= self.len() {
            return 0..0;
        }
        self.inner.view().rows_of(item)
    }

    /// The vectors of an item as the index has them, one after the other: of length 1 for the
    /// cosine, rounded where the storage rounds. `None` for an unknown id.
    #[must_use]
    pub fn vectors(&self, id: &str) -> Option<Vec<f32>> {
        let view = self.inner.view();
        let rows = view.rows_of(view.ids.find(id)?);
        let mut out = vec![0f32; rows.len() * view.dimension];
        for (row, out) in rows.zip(out.chunks_mut(view.dimension)) {
            view.decode(row, out);
        }
        Some(out)
    }

    /// The attributes of an item as a JSON object; `None` for an unknown id.
    #[must_use]
    pub fn attributes(&self, id: &str) -> Option<Json> {
        let item = self.item(id)?;
        Some(self.inner.columns().object(item as usize))
    }

    /// The items whose attributes match a condition, one bit an item: for
    /// [`SearchOptions::items`] of many searches.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidCondition`] if the index has no attributes.
    pub fn matching(&self, condition: &Condition) -> Result<BitSet> {
        self.inner.matching(condition)
    }

    /// The items that a model has, under the same ids, and whose attributes there match. One
    /// look-up an item.
    #[must_use]
    pub fn matching_in(&self, model: &Model, condition: &Condition) -> BitSet {
        let matching = condition.matches_rows(&model.columns());
        let mut items = BitSet::empty(self.len());
        for (item, id) in self.inner.layout.ids().iter().enumerate() {
            let known = model.item_index(id);
            if known.is_some_and(|index| matching.contains(index as usize)) {
                items.insert(item);
            }
        }
        items
    }

    /// The items with these ids, one bit an item. Unknown ids are left out.
    #[must_use]
    pub fn items_of(&self, ids: &[&str]) -> BitSet {
        let mut items = BitSet::empty(self.len());
        for item in ids.iter().filter_map(|id| self.item(id)) {
            items.insert(item as usize);
        }
        items
    }

    /// Verifies every byte of an index that was opened without that; in the file of a model, the
    /// checksums of the model's sections, too.
    ///
    /// # Errors
    /// [`ErrorKind::CorruptSnapshot`].
    pub fn verify(&self) -> Result<()> {
        Self::of(&self.sections().verified()?, true).map(|_| ())
    }
}

impl std::fmt::Debug for VectorIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VectorIndex")
            .field("items", &self.len())
            .field("rows", &self.rows())
            .field("dimension", &self.dimension())
            .field("metric", &self.options().metric.as_str())
            .field("kind", &self.kind().as_str())
            .field("bytes", &self.inner.len)
            .finish()
    }
}
