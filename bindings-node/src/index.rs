//! Vector indexes: built, saved, opened, searched, changed.
//!
//! Building, and work on many items, runs off the event loop; a single search is a matter of
//! microseconds and runs on it. Vectors cross as flat arrays, and examples of a question as
//! numbers that stand for them.

use std::sync::Arc;

use napi::bindgen_prelude::{
    AsyncTask, Env, Float32Array, Float32ArraySlice, Uint8ArraySlice, Uint32ArraySlice,
};
use napi_derive::napi;
use tastemaker::condition::Condition;
use tastemaker::index::{
    BatchOptions, BitSet, Changes, ClusterOptions, Clusters, DuplicateOptions, ImportedVectors,
    IndexOptions, Neighbor, Question, SearchOptions, VectorIndex, Vectors, update_threads,
};
use tastemaker::json::json;
use tastemaker::{Error, ErrorKind};

use crate::catalog::NativeCatalog;
use crate::control::{CancelFlag, ProgressFn, controlled};
use crate::error::{Result, thrown};
use crate::event::{Ids, NativeIds, exact_integer};
use crate::json;
use crate::model::{NativeModel, copied};
use crate::profile::bytes;
use crate::task::Job;

/// Rows that were read from a file.
#[napi(object, object_from_js = false)]
pub struct NativeRead<'env> {
    pub values: Float32ArraySlice<'env>,
    pub dimension: f64,
}

fn read<'env>(
    env: &'env Env,
    found: tastemaker::Result<ImportedVectors>,
) -> Result<NativeRead<'env>> {
    let found = found.map_err(thrown)?;
    Ok(NativeRead {
        values: copied(Float32ArraySlice::copy_from(env, &found.values))?,
        dimension: found.dimension as f64,
    })
}

/// The vectors of an `fvecs` file.
#[napi(catch_unwind)]
pub fn read_fvecs<'env>(env: &'env Env, bytes: &[u8]) -> Result<NativeRead<'env>> {
    read(env, ImportedVectors::from_fvecs(bytes))
}

/// The vectors of a tensor of a safetensors file.
#[napi(catch_unwind)]
pub fn read_safetensors<'env>(
    env: &'env Env,
    bytes: &[u8],
    tensor: Option<String>,
) -> Result<NativeRead<'env>> {
    read(
        env,
        ImportedVectors::from_safetensors(bytes, tensor.as_deref()),
    )
}

/// What a search may find: all items, or a set of them.
#[napi]
pub struct NativeItemSet {
    items: Option<Arc<BitSet>>,
}

impl NativeItemSet {
    fn of(items: BitSet) -> Self {
        Self {
            items: Some(Arc::new(items)),
        }
    }
}

#[napi]
impl NativeItemSet {
    /// All items, of whichever index.
    #[napi(factory, catch_unwind)]
    pub fn all() -> Self {
        Self { items: None }
    }

    #[napi(catch_unwind)]
    pub fn count(&self) -> Result<f64> {
        Ok(self.items.as_ref().map_or(0, |items| items.count()) as f64)
    }

    /// The items' numbers, ascending.
    #[napi(catch_unwind)]
    pub fn numbers<'env>(&self, env: &'env Env) -> Result<Uint32ArraySlice<'env>> {
        let numbers: Vec<u32> = match &self.items {
            None => Vec::new(),
            Some(items) => items.iter().map(|item| item as u32).collect(),
        };
        copied(Uint32ArraySlice::copy_from(env, &numbers))
    }
}

/// What one search found.
#[napi(object, object_from_js = false)]
pub struct NativeFound<'env> {
    pub item: Uint32ArraySlice<'env>,
    pub vector: Uint32ArraySlice<'env>,
    pub score: Float32ArraySlice<'env>,
    pub trace: Option<String>,
}

/// Lists of items: where each begins, and the columns of all of them. Made on another thread.
#[napi]
pub struct NativeLists {
    offsets: Vec<u32>,
    item: Vec<u32>,
    vector: Vec<u32>,
    score: Vec<f32>,
}

#[napi]
impl NativeLists {
    #[napi(catch_unwind)]
    pub fn offsets<'env>(&self, env: &'env Env) -> Result<Uint32ArraySlice<'env>> {
        copied(Uint32ArraySlice::copy_from(env, &self.offsets))
    }

    #[napi(catch_unwind)]
    pub fn item<'env>(&self, env: &'env Env) -> Result<Uint32ArraySlice<'env>> {
        copied(Uint32ArraySlice::copy_from(env, &self.item))
    }

    #[napi(catch_unwind)]
    pub fn vector<'env>(&self, env: &'env Env) -> Result<Uint32ArraySlice<'env>> {
        copied(Uint32ArraySlice::copy_from(env, &self.vector))
    }

    #[napi(catch_unwind)]
    pub fn score<'env>(&self, env: &'env Env) -> Result<Float32ArraySlice<'env>> {
        copied(Float32ArraySlice::copy_from(env, &self.score))
    }
}

/// Clusters of vectors. Made on another thread.
#[napi]
pub struct NativeClusters {
    inner: Clusters,
}

#[napi]
impl NativeClusters {
    #[napi(catch_unwind)]
    pub fn assignment<'env>(&self, env: &'env Env) -> Result<Uint32ArraySlice<'env>> {
        copied(Uint32ArraySlice::copy_from(env, &self.inner.assignment))
    }

    #[napi(catch_unwind)]
    pub fn sizes<'env>(&self, env: &'env Env) -> Result<Uint32ArraySlice<'env>> {
        copied(Uint32ArraySlice::copy_from(env, &self.inner.sizes))
    }

    #[napi(catch_unwind)]
    pub fn centroids<'env>(&self, env: &'env Env) -> Result<Float32ArraySlice<'env>> {
        copied(Float32ArraySlice::copy_from(env, &self.inner.centroids))
    }

    /// The other fields as JSON.
    #[napi(catch_unwind)]
    pub fn told(&self) -> Result<String> {
        json::write(&json!({
            "cohesion": self.inner.cohesion,
            "iterations": self.inner.iterations,
            "converged": self.inner.converged,
        }))
    }
}

/// A changed index, and what became of the changes. Made on another thread.
#[napi]
pub struct NativeUpdated {
    index: VectorIndex,
    told: String,
}

#[napi]
impl NativeUpdated {
    #[napi(catch_unwind)]
    pub fn index(&self) -> NativeVectorIndex {
        self.index.clone().into()
    }

    /// The counts as JSON.
    #[napi(catch_unwind)]
    pub fn told(&self) -> Result<String> {
        Ok(self.told.clone())
    }
}

/// An index: a handle that is shared, not copied.
#[napi]
pub struct NativeVectorIndex {
    pub(crate) inner: VectorIndex,
}

impl From<VectorIndex> for NativeVectorIndex {
    fn from(inner: VectorIndex) -> Self {
        Self { inner }
    }
}

#[napi]
impl NativeVectorIndex {
    #[napi(factory, catch_unwind)]
    pub fn open(path: String, verify: bool) -> Result<Self> {
        let opened = match verify {
            true => VectorIndex::open(path),
            false => VectorIndex::open_unverified(path),
        };
        opened.map(Self::from).map_err(thrown)
    }

    #[napi(factory, catch_unwind)]
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        VectorIndex::from_bytes(bytes)
            .map(Self::from)
            .map_err(thrown)
    }

    #[napi(catch_unwind)]
    pub fn save(&self, path: String) -> Result<()> {
        self.inner.save(path).map_err(thrown)
    }

    #[napi(catch_unwind)]
    pub fn to_bytes<'env>(&self, env: &'env Env) -> Result<Uint8ArraySlice<'env>> {
        bytes(env, self.inner.as_bytes())
    }

    #[napi(catch_unwind)]
    pub fn verify(&self) -> Result<()> {
        self.inner.verify().map_err(thrown)
    }

    #[napi(catch_unwind)]
    pub fn export_edge(&self) -> Result<Self> {
        self.inner.export_edge().map(Self::from).map_err(thrown)
    }

    #[napi(catch_unwind)]
    pub fn hash(&self) -> Result<String> {
        Ok(self.inner.hash().to_owned())
    }

    #[napi(catch_unwind)]
    pub fn manifest(&self) -> Result<String> {
        json::write(self.inner.manifest())
    }

    #[napi(catch_unwind)]
    pub fn kind(&self) -> Result<String> {
        Ok(self.inner.kind().as_str().to_owned())
    }

    #[napi(catch_unwind)]
    pub fn dimension(&self) -> Result<f64> {
        Ok(self.inner.dimension() as f64)
    }

    #[napi(catch_unwind)]
    pub fn rows(&self) -> Result<f64> {
        Ok(self.inner.rows() as f64)
    }

    #[napi(catch_unwind)]
    pub fn item_count(&self) -> Result<f64> {
        Ok(self.inner.len() as f64)
    }

    /// The ids of these items; a number that the index does not have gives an empty string.
    #[napi(catch_unwind)]
    pub fn item_ids(&self, items: &[u32]) -> Result<Vec<String>> {
        let id = |&item| self.inner.id(item).unwrap_or_default().to_owned();
        Ok(items.iter().map(id).collect())
    }

    /// The first row of each item, and the number of rows.
    #[napi(catch_unwind)]
    pub fn row_starts<'env>(&self, env: &'env Env) -> Result<Uint32ArraySlice<'env>> {
        let items = 0..self.inner.len() as u32;
        let mut starts: Vec<u32> = items.map(|item| self.inner.rows_of(item).start).collect();
        starts.push(self.inner.rows() as u32);
        copied(Uint32ArraySlice::copy_from(env, &starts))
    }

    #[napi(catch_unwind)]
    pub fn contains(&self, item_id: String) -> Result<bool> {
        Ok(self.inner.item(&item_id).is_some())
    }

    #[napi(catch_unwind)]
    pub fn vectors<'env>(
        &self,
        env: &'env Env,
        item_id: String,
    ) -> Result<Option<Float32ArraySlice<'env>>> {
        self.inner
            .vectors(&item_id)
            .map(|flat| copied(Float32ArraySlice::copy_from(env, &flat)))
            .transpose()
    }

    #[napi(catch_unwind)]
    pub fn attributes(&self, item_id: String) -> Result<Option<String>> {
        self.inner
            .attributes(&item_id)
            .map(|attributes| json::write(&attributes))
            .transpose()
    }

    #[napi(catch_unwind)]
    pub fn matching(&self, condition: String) -> Result<NativeItemSet> {
        let condition = parsed(&condition)?;
        let items = self.inner.matching(&condition).map_err(thrown)?;
        Ok(NativeItemSet::of(items))
    }

    #[napi(catch_unwind)]
    pub fn matching_in(&self, model: &NativeModel, condition: String) -> Result<NativeItemSet> {
        let items = self.inner.matching_in(&model.inner, &parsed(&condition)?);
        Ok(NativeItemSet::of(items))
    }

    #[napi(catch_unwind)]
    pub fn items_of(&self, ids: Vec<String>) -> Result<NativeItemSet> {
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        Ok(NativeItemSet::of(self.inner.items_of(&ids)))
    }

    /// One search; `question` is the core's, with the places of vectors as numbers. The vectors
    /// lie one after the other in `values`, and end at `ends`.
    #[napi(catch_unwind)]
    pub fn search<'env>(
        &self,
        env: &'env Env,
        values: &[f32],
        ends: &[u32],
        question: String,
        options: String,
        items: &NativeItemSet,
    ) -> Result<NativeFound<'env>> {
        let question = json::parse(&question, ErrorKind::InvalidArgument)?;
        let question = Question::from_json(&question).map_err(thrown)?;
        // Of what the options hold, only a filter can be too deep or too odd to be JSON.
        let options = json::parse(&options, ErrorKind::InvalidCondition)?;
        let mut options = SearchOptions::from_json(&options).map_err(thrown)?;
        options.items.clone_from(&items.items);
        let mut start = 0;
        let vectors: Vec<&[f32]> = ends
            .iter()
            .map(|&end| {
                let vector = values.get(start..end as usize).unwrap_or(&[]);
                start = end as usize;
                vector
            })
            .collect();
        let target = question.target(&vectors).map_err(thrown)?;
        let found = self.inner.search(&target, &options).map_err(thrown)?;
        let column = |value: &dyn Fn(&Neighbor) -> u32| -> Vec<u32> {
            found.items.iter().map(value).collect()
        };
        let score: Vec<f32> = found.items.iter().map(|n| n.score).collect();
        let place = |n: &Neighbor| place(&self.inner, n);
        Ok(NativeFound {
            item: copied(Uint32ArraySlice::copy_from(env, column(&|n| n.item)))?,
            vector: copied(Uint32ArraySlice::copy_from(env, column(&place)))?,
            score: copied(Float32ArraySlice::copy_from(env, &score))?,
            trace: found.trace.map(|trace| trace.to_json().to_string()),
        })
    }
}

/// Which of its item's vectors a row is.
fn place(index: &VectorIndex, found: &Neighbor) -> u32 {
    found.row - index.rows_of(found.item).start
}

fn parsed(condition: &str) -> Result<Condition> {
    let condition = json::parse(condition, ErrorKind::InvalidCondition)?;
    Condition::parse(&condition).map_err(thrown)
}

/// The dimension of vectors; 0, which the core refuses, for what is no whole number.
fn whole(dimension: f64) -> usize {
    exact_integer(dimension)
        .and_then(|n| usize::try_from(n).ok())
        .unwrap_or(0)
}

/// Builds an index on libuv's pool.
#[napi(catch_unwind, ts_return_type = "Promise<NativeVectorIndex>")]
pub fn index_build(
    ids: NativeIds,
    values: Float32Array,
    dimension: f64,
    catalog: Option<&NativeCatalog>,
    options: String,
    cancel: &CancelFlag,
    #[napi(ts_arg_type = "((stage: string, done: number, total: number) => void) | undefined")]
    progress: Option<ProgressFn>,
) -> Result<AsyncTask<Job<NativeVectorIndex>>> {
    let ids = Ids::new(ids, "ids")?;
    let values = values.to_vec();
    let options = json::parse(&options, ErrorKind::InvalidArgument)?;
    let options = IndexOptions::from_json(&options).map_err(thrown)?;
    let catalog = catalog.map(NativeCatalog::shared);
    let cancel = cancel.shared();
    Ok(AsyncTask::new(Job::new(move || {
        controlled(&cancel, progress, |control| {
            let vectors = Vectors::new(&values, whole(dimension))?;
            let texts = ids.values();
            let ids = ids.column(&texts);
            match &catalog {
                None => VectorIndex::build(ids, vectors, &options, control),
                Some(catalog) => {
                    VectorIndex::build_with_attributes(ids, vectors, catalog, &options, control)
                }
            }
        })
        .map(NativeVectorIndex::from)
    })))
}

/// Changes an index on libuv's pool.
#[napi(catch_unwind, ts_return_type = "Promise<NativeUpdated>")]
#[allow(
    clippy::too_many_arguments,
    reason = "the façade gives the arguments names"
)]
pub fn index_update(
    index: &NativeVectorIndex,
    ids: NativeIds,
    values: Float32Array,
    dimension: f64,
    remove: Vec<String>,
    catalog: Option<&NativeCatalog>,
    options: String,
    cancel: &CancelFlag,
    #[napi(ts_arg_type = "((stage: string, done: number, total: number) => void) | undefined")]
    progress: Option<ProgressFn>,
) -> Result<AsyncTask<Job<NativeUpdated>>> {
    let index = index.inner.clone();
    let ids = Ids::new(ids, "ids")?;
    let values = values.to_vec();
    let options = json::parse(&options, ErrorKind::InvalidArgument)?;
    let threads = update_threads(&options).map_err(thrown)?;
    let catalog = catalog.map(NativeCatalog::shared);
    let cancel = cancel.shared();
    Ok(AsyncTask::new(Job::new(move || {
        let updated = controlled(&cancel, progress, |control| {
            let texts = ids.values();
            let remove: Vec<&str> = remove.iter().map(String::as_str).collect();
            let changes = Changes {
                ids: ids.column(&texts),
                vectors: Vectors::new(&values, whole(dimension))?,
                catalog: catalog.as_deref(),
                remove: &remove,
            };
            index.update(&changes, threads, control)
        })?;
        let told = json!({
            "inserted": updated.inserted,
            "replaced": updated.replaced,
            "removed": updated.removed,
            "unknown": updated.unknown,
        });
        Ok(NativeUpdated {
            index: updated.index,
            told: told.to_string(),
        })
    })))
}

/// Many searches on libuv's pool.
#[napi(catch_unwind, ts_return_type = "Promise<NativeLists>")]
pub fn index_search_batch(
    index: &NativeVectorIndex,
    values: Float32Array,
    dimension: f64,
    options: String,
    items: &NativeItemSet,
    cancel: &CancelFlag,
    #[napi(ts_arg_type = "((stage: string, done: number, total: number) => void) | undefined")]
    progress: Option<ProgressFn>,
) -> Result<AsyncTask<Job<NativeLists>>> {
    let index = index.inner.clone();
    let values = values.to_vec();
    let options = batch_options(&options, items)?;
    let cancel = cancel.shared();
    Ok(AsyncTask::new(Job::new(move || {
        let lists = controlled(&cancel, progress, |control| {
            let queries = Vectors::new(&values, whole(dimension))?;
            index.search_batch(&queries, &options.search, options.threads, control)
        })?;
        let mut offsets = vec![0];
        let mut found: Vec<Neighbor> = Vec::new();
        for list in lists {
            found.extend(list.items);
            offsets.push(offset(found.len())?);
        }
        Ok(NativeLists {
            offsets,
            item: found.iter().map(|n| n.item).collect(),
            vector: found.iter().map(|n| place(&index, n)).collect(),
            score: found.iter().map(|n| n.score).collect(),
        })
    })))
}

/// The neighbours of every item, on libuv's pool.
#[napi(catch_unwind, ts_return_type = "Promise<NativeLists>")]
pub fn index_knn_graph(
    index: &NativeVectorIndex,
    options: String,
    items: &NativeItemSet,
    cancel: &CancelFlag,
    #[napi(ts_arg_type = "((stage: string, done: number, total: number) => void) | undefined")]
    progress: Option<ProgressFn>,
) -> Result<AsyncTask<Job<NativeLists>>> {
    let index = index.inner.clone();
    let options = batch_options(&options, items)?;
    let cancel = cancel.shared();
    Ok(AsyncTask::new(Job::new(move || {
        let graph = controlled(&cancel, progress, |control| {
            index.knn_graph(&options.search, options.threads, control)
        })?;
        let offsets = graph.offsets.iter().map(|&at| offset(at as usize));
        Ok(NativeLists {
            offsets: offsets.collect::<tastemaker::Result<_>>()?,
            item: graph.items,
            vector: Vec::new(),
            score: graph.scores,
        })
    })))
}

/// Groups of items that are nearly the same, on libuv's pool.
#[napi(catch_unwind, ts_return_type = "Promise<NativeLists>")]
pub fn index_duplicates(
    index: &NativeVectorIndex,
    options: String,
    cancel: &CancelFlag,
    #[napi(ts_arg_type = "((stage: string, done: number, total: number) => void) | undefined")]
    progress: Option<ProgressFn>,
) -> Result<AsyncTask<Job<NativeLists>>> {
    let index = index.inner.clone();
    let options = json::parse(&options, ErrorKind::InvalidArgument)?;
    let options = DuplicateOptions::from_json(&options).map_err(thrown)?;
    let cancel = cancel.shared();
    Ok(AsyncTask::new(Job::new(move || {
        let groups = controlled(&cancel, progress, |control| {
            index.duplicates(options.min_score, options.threads, control)
        })?;
        let mut offsets = vec![0];
        let mut item = Vec::new();
        for group in groups {
            item.extend(group);
            offsets.push(offset(item.len())?);
        }
        Ok(NativeLists {
            offsets,
            item,
            vector: Vec::new(),
            score: Vec::new(),
        })
    })))
}

/// Clusters on libuv's pool.
#[napi(catch_unwind, ts_return_type = "Promise<NativeClusters>")]
pub fn index_cluster(
    index: &NativeVectorIndex,
    options: String,
    cancel: &CancelFlag,
    #[napi(ts_arg_type = "((stage: string, done: number, total: number) => void) | undefined")]
    progress: Option<ProgressFn>,
) -> Result<AsyncTask<Job<NativeClusters>>> {
    let index = index.inner.clone();
    let options = json::parse(&options, ErrorKind::InvalidArgument)?;
    let options = ClusterOptions::from_json(&options).map_err(thrown)?;
    let cancel = cancel.shared();
    Ok(AsyncTask::new(Job::new(move || {
        controlled(&cancel, progress, |control| {
            index.cluster(&options, control)
        })
        .map(|inner| NativeClusters { inner })
    })))
}

fn batch_options(options: &str, items: &NativeItemSet) -> Result<BatchOptions> {
    let options = json::parse(options, ErrorKind::InvalidCondition)?;
    let mut options = BatchOptions::from_json(&options).map_err(thrown)?;
    options.search.items.clone_from(&items.items);
    Ok(options)
}

/// A position in the joined lists.
fn offset(at: usize) -> tastemaker::Result<u32> {
    u32::try_from(at).map_err(|_| {
        Error::new(
            ErrorKind::LimitExceeded,
            "more than 4,294,967,295 results at once",
        )
    })
}
