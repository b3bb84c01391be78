//! Vector indexes: opened, searched, built, changed, on the calling thread.
//!
//! Vectors cross as flat arrays, and examples of a question as numbers that stand for them.

use std::sync::Arc;

use tastemaker::catalog::Catalog;
use tastemaker::condition::Condition;
use tastemaker::index::{
    BatchOptions, BitSet, Changes, ClusterOptions, Clusters, DuplicateOptions, ImportedVectors,
    IndexOptions, Neighbor, Question, SearchOptions, VectorIndex, Vectors, update_threads,
};
use tastemaker::json::json;
use tastemaker::{Error, ErrorKind};
use wasm_bindgen::prelude::*;

use crate::catalog::NativeCatalog;
use crate::control::{CancelFlag, Report, controlled};
use crate::error::{Result, thrown};
use crate::event::{Ids, NativeIds, exact_integer};
use crate::json;
use crate::model::{NativeModel, no_files};

/// Rows that were read from a file.
#[wasm_bindgen]
pub struct NativeRead {
    inner: ImportedVectors,
}

#[wasm_bindgen]
impl NativeRead {
    #[wasm_bindgen(getter)]
    pub fn values(&self) -> Vec<f32> {
        self.inner.values.clone()
    }

    #[wasm_bindgen(getter)]
    pub fn dimension(&self) -> usize {
        self.inner.dimension
    }
}

/// The vectors of an `fvecs` file.
#[wasm_bindgen(js_name = readFvecs)]
pub fn read_fvecs(bytes: &[u8]) -> Result<NativeRead> {
    ImportedVectors::from_fvecs(bytes)
        .map(|inner| NativeRead { inner })
        .map_err(thrown)
}

/// The vectors of a tensor of a safetensors file.
#[wasm_bindgen(js_name = readSafetensors)]
#[expect(
    clippy::needless_pass_by_value,
    reason = "wasm-bindgen hands optional texts over by value"
)]
pub fn read_safetensors(bytes: &[u8], tensor: Option<String>) -> Result<NativeRead> {
    ImportedVectors::from_safetensors(bytes, tensor.as_deref())
        .map(|inner| NativeRead { inner })
        .map_err(thrown)
}

/// What a search may find: all items, or a set of them.
#[wasm_bindgen]
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

#[wasm_bindgen]
impl NativeItemSet {
    /// All items, of whichever index.
    pub fn all() -> Self {
        Self { items: None }
    }

    pub fn count(&self) -> usize {
        self.items.as_ref().map_or(0, |items| items.count())
    }

    /// The items' numbers, ascending.
    pub fn numbers(&self) -> Vec<u32> {
        match &self.items {
            None => Vec::new(),
            Some(items) => items.iter().map(|item| item as u32).collect(),
        }
    }
}

#[wasm_bindgen]
extern "C" {
    /// What one search found: a plain object, each column in JavaScript's memory.
    #[wasm_bindgen(js_name = Object)]
    pub type NativeFound;

    #[wasm_bindgen(constructor, js_class = "Object")]
    fn new() -> NativeFound;

    #[wasm_bindgen(method, setter, structural)]
    fn set_item(this: &NativeFound, rows: Vec<u32>);

    #[wasm_bindgen(method, setter, structural)]
    fn set_vector(this: &NativeFound, rows: Vec<u32>);

    #[wasm_bindgen(method, setter, structural)]
    fn set_score(this: &NativeFound, rows: Vec<f32>);

    #[wasm_bindgen(method, setter, structural)]
    fn set_trace(this: &NativeFound, trace: &str);
}

/// Lists of items: where each begins, and the columns of all of them.
#[wasm_bindgen]
pub struct NativeLists {
    offsets: Vec<u32>,
    item: Vec<u32>,
    vector: Vec<u32>,
    score: Vec<f32>,
}

#[wasm_bindgen]
impl NativeLists {
    pub fn offsets(&self) -> Vec<u32> {
        self.offsets.clone()
    }

    pub fn item(&self) -> Vec<u32> {
        self.item.clone()
    }

    pub fn vector(&self) -> Vec<u32> {
        self.vector.clone()
    }

    pub fn score(&self) -> Vec<f32> {
        self.score.clone()
    }
}

/// Clusters of vectors.
#[wasm_bindgen]
pub struct NativeClusters {
    inner: Clusters,
}

#[wasm_bindgen]
impl NativeClusters {
    pub fn assignment(&self) -> Vec<u32> {
        self.inner.assignment.clone()
    }

    pub fn sizes(&self) -> Vec<u32> {
        self.inner.sizes.clone()
    }

    pub fn centroids(&self) -> Vec<f32> {
        self.inner.centroids.clone()
    }

    /// The other fields as JSON.
    pub fn told(&self) -> Result<String> {
        json::write(&json!({
            "cohesion": self.inner.cohesion,
            "iterations": self.inner.iterations,
            "converged": self.inner.converged,
        }))
    }
}

/// A changed index, and what became of the changes.
#[wasm_bindgen]
pub struct NativeUpdated {
    index: VectorIndex,
    told: String,
}

#[wasm_bindgen]
impl NativeUpdated {
    pub fn index(&self) -> NativeVectorIndex {
        self.index.clone().into()
    }

    /// The counts as JSON.
    pub fn told(&self) -> String {
        self.told.clone()
    }
}

/// An index: a handle in the module's memory, shared and not copied.
#[wasm_bindgen]
pub struct NativeVectorIndex {
    pub(crate) inner: VectorIndex,
}

impl From<VectorIndex> for NativeVectorIndex {
    fn from(inner: VectorIndex) -> Self {
        Self { inner }
    }
}

#[wasm_bindgen]
impl NativeVectorIndex {
    /// Fails with `io`: there are no files here.
    pub fn open(path: &str, _verify: bool) -> Result<Self> {
        Err(no_files(path))
    }

    /// Fails with `io`: there are no files here.
    pub fn save(&self, path: &str) -> Result<()> {
        Err(no_files(path))
    }

    #[wasm_bindgen(js_name = fromBytes)]
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        VectorIndex::from_bytes(bytes)
            .map(Self::from)
            .map_err(thrown)
    }

    #[wasm_bindgen(js_name = toBytes)]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.inner.as_bytes().to_vec()
    }

    pub fn verify(&self) -> Result<()> {
        self.inner.verify().map_err(thrown)
    }

    #[wasm_bindgen(js_name = exportEdge)]
    pub fn export_edge(&self) -> Result<Self> {
        self.inner.export_edge().map(Self::from).map_err(thrown)
    }

    pub fn hash(&self) -> String {
        self.inner.hash().to_owned()
    }

    pub fn manifest(&self) -> Result<String> {
        json::write(self.inner.manifest())
    }

    pub fn kind(&self) -> String {
        self.inner.kind().as_str().to_owned()
    }

    pub fn dimension(&self) -> usize {
        self.inner.dimension()
    }

    pub fn rows(&self) -> usize {
        self.inner.rows()
    }

    #[wasm_bindgen(js_name = itemCount)]
    pub fn item_count(&self) -> usize {
        self.inner.len()
    }

    /// The ids of these items; a number that the index does not have gives an empty string.
    #[wasm_bindgen(js_name = itemIds)]
    pub fn item_ids(&self, items: &[u32]) -> Vec<String> {
        let id = |&item| self.inner.id(item).unwrap_or_default().to_owned();
        items.iter().map(id).collect()
    }

    /// The first row of each item, and the number of rows.
    #[wasm_bindgen(js_name = rowStarts)]
    pub fn row_starts(&self) -> Vec<u32> {
        let items = 0..self.inner.len() as u32;
        let mut starts: Vec<u32> = items.map(|item| self.inner.rows_of(item).start).collect();
        starts.push(self.inner.rows() as u32);
        starts
    }

    pub fn contains(&self, item_id: &str) -> bool {
        self.inner.item(item_id).is_some()
    }

    pub fn vectors(&self, item_id: &str) -> Option<Vec<f32>> {
        self.inner.vectors(item_id)
    }

    pub fn attributes(&self, item_id: &str) -> Result<Option<String>> {
        self.inner
            .attributes(item_id)
            .map(|attributes| json::write(&attributes))
            .transpose()
    }

    pub fn matching(&self, condition: &str) -> Result<NativeItemSet> {
        let condition = parsed(condition)?;
        let items = self.inner.matching(&condition).map_err(thrown)?;
        Ok(NativeItemSet::of(items))
    }

    #[wasm_bindgen(js_name = matchingIn)]
    pub fn matching_in(&self, model: &NativeModel, condition: &str) -> Result<NativeItemSet> {
        let items = self.inner.matching_in(&model.inner, &parsed(condition)?);
        Ok(NativeItemSet::of(items))
    }

    #[wasm_bindgen(js_name = itemsOf)]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "wasm-bindgen hands lists over by value"
    )]
    pub fn items_of(&self, ids: Vec<String>) -> NativeItemSet {
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        NativeItemSet::of(self.inner.items_of(&ids))
    }

    /// One search; `question` is the core's, with the places of vectors as numbers. The vectors
    /// lie one after the other in `values`, and end at `ends`.
    pub fn search(
        &self,
        values: &[f32],
        ends: &[u32],
        question: &str,
        options: &str,
        items: &NativeItemSet,
    ) -> Result<NativeFound> {
        let question = json::parse(question, ErrorKind::InvalidArgument)?;
        let question = Question::from_json(&question).map_err(thrown)?;
        // Of what the options hold, only a filter can be too deep or too odd to be JSON.
        let options = json::parse(options, ErrorKind::InvalidCondition)?;
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
        let columns = NativeFound::new();
        columns.set_item(found.items.iter().map(|n| n.item).collect());
        columns.set_vector(found.items.iter().map(|n| place(&self.inner, n)).collect());
        columns.set_score(found.items.iter().map(|n| n.score).collect());
        if let Some(trace) = found.trace {
            columns.set_trace(&trace.to_json().to_string());
        }
        Ok(columns)
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

/// Builds an index.
#[wasm_bindgen(js_name = indexBuild)]
pub fn index_build(
    ids: &NativeIds,
    values: &[f32],
    dimension: f64,
    options: &str,
    cancel: &CancelFlag,
    report: Option<Report>,
) -> Result<NativeVectorIndex> {
    build(ids, values, dimension, None, options, cancel, report)
}

/// The same with a catalog: wasm-bindgen has no optional reference.
#[wasm_bindgen(js_name = indexBuildWithCatalog)]
pub fn index_build_with_catalog(
    ids: &NativeIds,
    values: &[f32],
    dimension: f64,
    catalog: &NativeCatalog,
    options: &str,
    cancel: &CancelFlag,
    report: Option<Report>,
) -> Result<NativeVectorIndex> {
    // A copy, because a progress function may change the catalog.
    let catalog = catalog.inner.borrow().clone();
    build(
        ids,
        values,
        dimension,
        Some(&catalog),
        options,
        cancel,
        report,
    )
}

fn build(
    ids: &NativeIds,
    values: &[f32],
    dimension: f64,
    catalog: Option<&Catalog>,
    options: &str,
    cancel: &CancelFlag,
    report: Option<Report>,
) -> Result<NativeVectorIndex> {
    let ids = Ids::new(ids, "ids")?;
    let options = json::parse(options, ErrorKind::InvalidArgument)?;
    let options = IndexOptions::from_json(&options).map_err(thrown)?;
    controlled(cancel, report, |control| {
        let vectors = Vectors::new(values, whole(dimension))?;
        let texts = ids.texts();
        let ids = ids.column(&texts);
        match catalog {
            None => VectorIndex::build(ids, vectors, &options, control),
            Some(catalog) => {
                VectorIndex::build_with_attributes(ids, vectors, catalog, &options, control)
            }
        }
    })
    .map(NativeVectorIndex::from)
    .map_err(thrown)
}

/// Changes an index.
#[wasm_bindgen(js_name = indexUpdate)]
#[expect(
    clippy::too_many_arguments,
    reason = "the façade gives the arguments names"
)]
#[expect(
    clippy::needless_pass_by_value,
    reason = "wasm-bindgen hands lists over by value"
)]
pub fn index_update(
    index: &NativeVectorIndex,
    ids: &NativeIds,
    values: &[f32],
    dimension: f64,
    remove: Vec<String>,
    options: &str,
    cancel: &CancelFlag,
    report: Option<Report>,
) -> Result<NativeUpdated> {
    let rows = (values, dimension);
    update(index, ids, rows, &remove, None, options, cancel, report)
}

/// The same with a catalog.
#[wasm_bindgen(js_name = indexUpdateWithCatalog)]
#[expect(
    clippy::too_many_arguments,
    reason = "the façade gives the arguments names"
)]
#[expect(
    clippy::needless_pass_by_value,
    reason = "wasm-bindgen hands lists over by value"
)]
pub fn index_update_with_catalog(
    index: &NativeVectorIndex,
    ids: &NativeIds,
    values: &[f32],
    dimension: f64,
    remove: Vec<String>,
    catalog: &NativeCatalog,
    options: &str,
    cancel: &CancelFlag,
    report: Option<Report>,
) -> Result<NativeUpdated> {
    let catalog = catalog.inner.borrow().clone();
    let rows = (values, dimension);
    update(
        index,
        ids,
        rows,
        &remove,
        Some(&catalog),
        options,
        cancel,
        report,
    )
}

#[expect(
    clippy::too_many_arguments,
    reason = "the façade gives the arguments names"
)]
fn update(
    index: &NativeVectorIndex,
    ids: &NativeIds,
    (values, dimension): (&[f32], f64),
    remove: &[String],
    catalog: Option<&Catalog>,
    options: &str,
    cancel: &CancelFlag,
    report: Option<Report>,
) -> Result<NativeUpdated> {
    let ids = Ids::new(ids, "ids")?;
    let options = json::parse(options, ErrorKind::InvalidArgument)?;
    let threads = update_threads(&options).map_err(thrown)?;
    let updated = controlled(cancel, report, |control| {
        let texts = ids.texts();
        let remove: Vec<&str> = remove.iter().map(String::as_str).collect();
        let changes = Changes {
            ids: ids.column(&texts),
            vectors: Vectors::new(values, whole(dimension))?,
            catalog,
            remove: &remove,
        };
        index.inner.update(&changes, threads, control)
    })
    .map_err(thrown)?;
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
}

/// Many searches.
#[wasm_bindgen(js_name = indexSearchBatch)]
pub fn index_search_batch(
    index: &NativeVectorIndex,
    values: &[f32],
    dimension: f64,
    options: &str,
    items: &NativeItemSet,
    cancel: &CancelFlag,
    report: Option<Report>,
) -> Result<NativeLists> {
    let options = batch_options(options, items)?;
    let lists = controlled(cancel, report, |control| {
        let queries = Vectors::new(values, whole(dimension))?;
        let index = &index.inner;
        index.search_batch(&queries, &options.search, options.threads, control)
    });
    let mut offsets = vec![0];
    let mut found: Vec<Neighbor> = Vec::new();
    for list in lists.map_err(thrown)? {
        found.extend(list.items);
        offsets.push(offset(found.len())?);
    }
    Ok(NativeLists {
        offsets,
        item: found.iter().map(|n| n.item).collect(),
        vector: found.iter().map(|n| place(&index.inner, n)).collect(),
        score: found.iter().map(|n| n.score).collect(),
    })
}

/// The neighbours of every item.
#[wasm_bindgen(js_name = indexKnnGraph)]
pub fn index_knn_graph(
    index: &NativeVectorIndex,
    options: &str,
    items: &NativeItemSet,
    cancel: &CancelFlag,
    report: Option<Report>,
) -> Result<NativeLists> {
    let options = batch_options(options, items)?;
    let graph = controlled(cancel, report, |control| {
        let index = &index.inner;
        index.knn_graph(&options.search, options.threads, control)
    })
    .map_err(thrown)?;
    let offsets = graph.offsets.iter().map(|&at| offset(at as usize));
    Ok(NativeLists {
        offsets: offsets.collect::<Result<_>>()?,
        item: graph.items,
        vector: Vec::new(),
        score: graph.scores,
    })
}

/// Groups of items that are nearly the same.
#[wasm_bindgen(js_name = indexDuplicates)]
pub fn index_duplicates(
    index: &NativeVectorIndex,
    options: &str,
    cancel: &CancelFlag,
    report: Option<Report>,
) -> Result<NativeLists> {
    let options = json::parse(options, ErrorKind::InvalidArgument)?;
    let options = DuplicateOptions::from_json(&options).map_err(thrown)?;
    let groups = controlled(cancel, report, |control| {
        let index = &index.inner;
        index.duplicates(options.min_score, options.threads, control)
    });
    let mut offsets = vec![0];
    let mut item = Vec::new();
    for group in groups.map_err(thrown)? {
        item.extend(group);
        offsets.push(offset(item.len())?);
    }
    Ok(NativeLists {
        offsets,
        item,
        vector: Vec::new(),
        score: Vec::new(),
    })
}

/// Clusters.
#[wasm_bindgen(js_name = indexCluster)]
pub fn index_cluster(
    index: &NativeVectorIndex,
    options: &str,
    cancel: &CancelFlag,
    report: Option<Report>,
) -> Result<NativeClusters> {
    let options = json::parse(options, ErrorKind::InvalidArgument)?;
    let options = ClusterOptions::from_json(&options).map_err(thrown)?;
    controlled(cancel, report, |control| {
        index.inner.cluster(&options, control)
    })
    .map(|inner| NativeClusters { inner })
    .map_err(thrown)
}

fn batch_options(options: &str, items: &NativeItemSet) -> Result<BatchOptions> {
    let options = json::parse(options, ErrorKind::InvalidCondition)?;
    let mut options = BatchOptions::from_json(&options).map_err(thrown)?;
    options.search.items.clone_from(&items.items);
    Ok(options)
}

/// A position in the joined lists.
fn offset(at: usize) -> Result<u32> {
    u32::try_from(at).map_err(|_| {
        thrown(Error::new(
            ErrorKind::LimitExceeded,
            "more than 4,294,967,295 results at once",
        ))
    })
}
