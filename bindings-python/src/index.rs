//! Vector indexes: built, saved, opened, searched, changed.
#![allow(
    clippy::needless_pass_by_value,
    reason = "pyo3 hands arguments over by value"
)]

use std::path::PathBuf;
use std::sync::Arc;

use numpy::{
    PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray2, PyUntypedArrayMethods,
};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use tastemaker::condition::Condition;
use tastemaker::control::Control;
use tastemaker::event::IdColumn;
use tastemaker::index::{
    BatchOptions, BitSet, Changes, ClusterOptions, DuplicateOptions, ImportedVectors, IndexOptions,
    Neighbor, Question, SearchOptions, VectorIndex as CoreIndex, Vectors, update_threads,
};
use tastemaker::json::Value;
use tastemaker::{Error, ErrorKind, Result};

use crate::catalog::Catalog;
use crate::column::Column;
use crate::control::watched;
use crate::error::{attached, detached, invalid};
use crate::event::Ids;
use crate::ids;
use crate::json::{self, Purpose};
use crate::model::{Model, to_python};

/// Below this many queries, a thread that watches for signals costs more than the answer.
const FEW_QUERIES: usize = 16;

const OPTIONS: Purpose<'_> = Purpose {
    kind: ErrorKind::InvalidArgument,
    name: "options",
};

/// A matrix as the façade prepares it: rows one after the other, of floats, or of half floats as
/// their bits.
#[derive(FromPyObject)]
pub(crate) enum Matrix<'py> {
    Floats(PyReadonlyArray2<'py, f32>),
    Halves(PyReadonlyArray2<'py, u16>),
}

impl Matrix<'_> {
    /// The core's view, without a copy.
    fn view(&self) -> Result<Vectors<'_>> {
        let flat = |_| Error::new(ErrorKind::Internal, "the vectors are not contiguous");
        match self {
            Self::Floats(values) => {
                let dimension = values.shape()[1];
                Vectors::new(values.as_slice().map_err(flat)?, dimension)
            }
            Self::Halves(values) => {
                let dimension = values.shape()[1];
                Vectors::from_halves(values.as_slice().map_err(flat)?, dimension)
            }
        }
    }
}

/// The rows of an `fvecs` file, or of a tensor of a safetensors file, as a matrix.
#[pyfunction]
#[pyo3(signature = (data, form, tensor=None))]
pub(crate) fn read_vectors<'py>(
    py: Python<'py>,
    data: &[u8],
    form: &str,
    tensor: Option<&str>,
) -> PyResult<Bound<'py, PyArray2<f32>>> {
    let read = detached(py, || match form {
        "fvecs" => ImportedVectors::from_fvecs(data),
        _ => ImportedVectors::from_safetensors(data, tensor),
    })?;
    let shape = [read.values.len() / read.dimension.max(1), read.dimension];
    PyArray1::from_vec(py, read.values).reshape(shape)
}

/// Items of an index: what a search may find.
#[pyclass(frozen, module = "tastemaker._native")]
pub(crate) struct ItemSet {
    items: Arc<BitSet>,
}

impl From<BitSet> for ItemSet {
    fn from(items: BitSet) -> Self {
        Self {
            items: Arc::new(items),
        }
    }
}

impl ItemSet {
    fn joined(
        &self,
        py: Python<'_>,
        other: &Self,
        join: impl FnOnce(&mut BitSet, &BitSet),
    ) -> PyResult<Self> {
        if self.items.len() != other.items.len() {
            let message = format!(
                "sets over {} and {} items do not go together: they are of two indexes",
                self.items.len(),
                other.items.len()
            );
            return Err(invalid(py, ErrorKind::LengthMismatch, message));
        }
        let mut items = BitSet::clone(&self.items);
        join(&mut items, &other.items);
        Ok(items.into())
    }
}

#[pymethods]
impl ItemSet {
    fn count(&self) -> usize {
        self.items.count()
    }

    /// The items' numbers, ascending.
    fn numbers<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<u32>> {
        PyArray1::from_vec(py, self.items.iter().map(|item| item as u32).collect())
    }

    fn both(&self, py: Python<'_>, other: &Self) -> PyResult<Self> {
        self.joined(py, other, BitSet::intersect)
    }

    fn either(&self, py: Python<'_>, other: &Self) -> PyResult<Self> {
        self.joined(py, other, BitSet::union)
    }

    fn others(&self) -> Self {
        let mut items = BitSet::clone(&self.items);
        items.invert();
        items.into()
    }
}

type Numbers<'py> = Bound<'py, PyArray1<u32>>;
type Scores<'py> = Bound<'py, PyArray1<f32>>;
/// Item numbers, which of an item's vectors was nearest, scores, and the trace.
type Found<'py> = (
    Numbers<'py>,
    Numbers<'py>,
    Scores<'py>,
    Option<Bound<'py, PyAny>>,
);
/// Where each list starts, and item numbers, vectors and scores of all of them.
type Lists<'py> = (
    Bound<'py, PyArray1<u64>>,
    Numbers<'py>,
    Numbers<'py>,
    Scores<'py>,
);

/// An immutable index of vectors.
#[pyclass(frozen, module = "tastemaker._native")]
pub(crate) struct VectorIndex {
    pub(crate) core: CoreIndex,
    integer: bool,
}

impl From<CoreIndex> for VectorIndex {
    fn from(core: CoreIndex) -> Self {
        let integer = core.options().item_id_type.as_str() == "integer";
        Self { core, integer }
    }
}

impl VectorIndex {
    /// Which of its item's vectors a row is.
    fn place(&self, found: &Neighbor) -> u32 {
        found.row - self.core.rows_of(found.item).start
    }

    fn chosen(
        py: Python<'_>,
        options: &Bound<'_, PyAny>,
        items: Option<&ItemSet>,
    ) -> PyResult<BatchOptions> {
        let options = json::to_json(options, OPTIONS)?;
        let mut options = attached(py, || BatchOptions::from_json(&options))?;
        options.search.items = items.map(|set| Arc::clone(&set.items));
        Ok(options)
    }
}

#[pymethods]
impl VectorIndex {
    #[staticmethod]
    fn build(
        py: Python<'_>,
        ids: PyRef<'_, Column>,
        vectors: Matrix<'_>,
        catalog: Option<PyRef<'_, Catalog>>,
        options: &Bound<'_, PyAny>,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let options = json::to_json(options, OPTIONS)?;
        let options = attached(py, || IndexOptions::from_json(&options))?;
        let catalog: Option<Arc<_>> = catalog.map(|catalog| catalog.shared());
        let vectors = attached(py, || vectors.view())?;
        let ids: &Column = &ids;
        let core = watched(py, progress, |control| {
            let ids = ids.ids("ids")?;
            let ids = Ids::new(&ids);
            match &catalog {
                None => CoreIndex::build(ids.column(), vectors, &options, control),
                Some(catalog) => CoreIndex::build_with_attributes(
                    ids.column(),
                    vectors,
                    catalog,
                    &options,
                    control,
                ),
            }
        })?;
        Ok(core.into())
    }

    #[staticmethod]
    fn open(py: Python<'_>, path: PathBuf, verify: bool) -> PyResult<Self> {
        detached(py, || match verify {
            true => CoreIndex::open(path),
            false => CoreIndex::open_unverified(path),
        })
        .map(Self::from)
    }

    #[staticmethod]
    fn from_bytes(py: Python<'_>, data: &[u8]) -> PyResult<Self> {
        detached(py, || CoreIndex::from_bytes(data)).map(Self::from)
    }

    fn save(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        detached(py, || self.core.save(path))
    }

    fn to_bytes<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.core.as_bytes())
    }

    fn verify(&self, py: Python<'_>) -> PyResult<()> {
        detached(py, || self.core.verify())
    }

    fn export_edge(&self, py: Python<'_>) -> PyResult<Self> {
        detached(py, || self.core.export_edge()).map(Self::from)
    }

    fn hash(&self) -> &str {
        self.core.hash()
    }

    fn manifest<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        json::to_python(py, self.core.manifest())
    }

    fn kind(&self) -> &'static str {
        self.core.kind().as_str()
    }

    fn dimension(&self) -> usize {
        self.core.dimension()
    }

    fn rows(&self) -> usize {
        self.core.rows()
    }

    fn __len__(&self) -> usize {
        self.core.len()
    }

    /// The ids of these items, or of all: an array of 64-bit integers, or a list.
    fn item_ids<'py>(
        &self,
        py: Python<'py>,
        items: Option<PyReadonlyArray1<'py, u32>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let id = |item: u32| self.core.id(item);
        match items {
            None => to_python(py, self.integer, (0..self.core.len() as u32).filter_map(id)),
            Some(items) => {
                let items = items.as_array();
                to_python(py, self.integer, items.iter().copied().filter_map(id))
            }
        }
    }

    /// The first row of each item, and the number of rows.
    fn row_starts<'py>(&self, py: Python<'py>) -> Numbers<'py> {
        let mut starts: Vec<u32> = (0..self.core.len() as u32)
            .map(|item| self.core.rows_of(item).start)
            .collect();
        starts.push(self.core.rows() as u32);
        PyArray1::from_vec(py, starts)
    }

    fn __contains__(&self, item_id: &Bound<'_, PyAny>) -> PyResult<bool> {
        let id = ids::to_text("item_id", item_id)?;
        Ok(self.core.item(&id).is_some())
    }

    fn vectors<'py>(
        &self,
        py: Python<'py>,
        item_id: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Bound<'py, PyArray2<f32>>>> {
        let id = ids::to_text("item_id", item_id)?;
        let found = attached(py, || Ok(self.core.vectors(&id)))?;
        let dimension = self.core.dimension();
        let rows = |flat: Vec<f32>| {
            let rows = flat.len() / dimension;
            PyArray1::from_vec(py, flat).reshape([rows, dimension])
        };
        found.map(rows).transpose()
    }

    fn attributes<'py>(
        &self,
        py: Python<'py>,
        item_id: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let id = ids::to_text("item_id", item_id)?;
        let attributes = attached(py, || Ok(self.core.attributes(&id)))?;
        attributes
            .map(|attributes| json::to_python(py, &attributes))
            .transpose()
    }

    /// The items whose attributes match, here or in a model.
    fn matching(
        &self,
        py: Python<'_>,
        condition: &Bound<'_, PyAny>,
        model: Option<PyRef<'_, Model>>,
    ) -> PyResult<ItemSet> {
        let purpose = Purpose {
            kind: ErrorKind::InvalidCondition,
            name: "condition",
        };
        let condition = json::to_json(condition, purpose)?;
        let model = model.map(|model| model.core.clone());
        detached(py, || {
            let condition = Condition::parse(&condition)?;
            match model {
                None => self.core.matching(&condition),
                Some(model) => Ok(self.core.matching_in(&model, &condition)),
            }
        })
        .map(ItemSet::from)
    }

    /// The items with these ids; unknown ones are left out.
    fn items_of(&self, py: Python<'_>, ids: PyRef<'_, Column>) -> PyResult<ItemSet> {
        let ids: &Column = &ids;
        detached(py, || {
            ids.ids("ids")?;
            let texts: Vec<_> = (0..ids.len()).map(|row| ids.id_text(row)).collect();
            let texts: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
            Ok(self.core.items_of(&texts))
        })
        .map(ItemSet::from)
    }

    /// The items that are marked, in the order of their numbers.
    fn masked(&self, py: Python<'_>, mask: PyReadonlyArray1<'_, bool>) -> PyResult<ItemSet> {
        let mask = mask.as_array();
        if mask.len() != self.core.len() {
            let message = format!(
                "the mask has {} values; the index has {} items",
                mask.len(),
                self.core.len()
            );
            return Err(invalid(py, ErrorKind::LengthMismatch, message));
        }
        let mut items = BitSet::empty(mask.len());
        for (item, _) in mask.iter().enumerate().filter(|(_, marked)| **marked) {
            items.insert(item);
        }
        Ok(items.into())
    }

    /// One search; `question` is the core's, with the places of `vectors` as numbers.
    fn search<'py>(
        &self,
        py: Python<'py>,
        vectors: Vec<PyReadonlyArray1<'py, f32>>,
        question: &Bound<'py, PyAny>,
        options: &Bound<'py, PyAny>,
        items: Option<PyRef<'py, ItemSet>>,
    ) -> PyResult<Found<'py>> {
        let target = Purpose {
            kind: ErrorKind::InvalidArgument,
            name: "target",
        };
        let question = json::to_json(question, target)?;
        let options = json::to_json(options, OPTIONS)?;
        let items = items.map(|set| Arc::clone(&set.items));
        let vectors: Vec<&[f32]> = vectors
            .iter()
            .map(|vector| vector.as_slice().map_err(PyErr::from))
            .collect::<PyResult<_>>()?;
        let found = detached(py, || {
            let question = Question::from_json(&question)?;
            let mut options = SearchOptions::from_json(&options)?;
            options.items = items;
            self.core.search(&question.target(&vectors)?, &options)
        })?;
        let trace = found
            .trace
            .map(|trace| json::to_python(py, &trace.to_json()));
        let found = &found.items;
        Ok((
            PyArray1::from_vec(py, found.iter().map(|n| n.item).collect()),
            PyArray1::from_vec(py, found.iter().map(|n| self.place(n)).collect()),
            PyArray1::from_vec(py, found.iter().map(|n| n.score).collect()),
            trace.transpose()?,
        ))
    }

    /// One search a row.
    fn search_batch<'py>(
        &self,
        py: Python<'py>,
        queries: Matrix<'py>,
        options: &Bound<'py, PyAny>,
        items: Option<PyRef<'py, ItemSet>>,
        progress: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Lists<'py>> {
        let options = Self::chosen(py, options, items.as_deref())?;
        let queries = attached(py, || queries.view())?;
        let work = |control: &Control<'_>| {
            self.core
                .search_batch(&queries, &options.search, options.threads, control)
        };
        let lists = if queries.rows() <= FEW_QUERIES && progress.is_none() {
            detached(py, || work(&Control::new()))?
        } else {
            watched(py, progress, work)?
        };
        let mut offsets = vec![0u64];
        let mut found: Vec<Neighbor> = Vec::new();
        for list in lists {
            found.extend(list.items);
            offsets.push(found.len() as u64);
        }
        Ok((
            PyArray1::from_vec(py, offsets),
            PyArray1::from_vec(py, found.iter().map(|n| n.item).collect()),
            PyArray1::from_vec(py, found.iter().map(|n| self.place(n)).collect()),
            PyArray1::from_vec(py, found.iter().map(|n| n.score).collect()),
        ))
    }

    /// Where each item's neighbours start, their numbers, their scores.
    fn knn_graph<'py>(
        &self,
        py: Python<'py>,
        options: &Bound<'py, PyAny>,
        items: Option<PyRef<'py, ItemSet>>,
        progress: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<(Bound<'py, PyArray1<u64>>, Numbers<'py>, Scores<'py>)> {
        let options = Self::chosen(py, options, items.as_deref())?;
        let graph = watched(py, progress, |control| {
            self.core
                .knn_graph(&options.search, options.threads, control)
        })?;
        Ok((
            PyArray1::from_vec(py, graph.offsets),
            PyArray1::from_vec(py, graph.items),
            PyArray1::from_vec(py, graph.scores),
        ))
    }

    /// Groups of item numbers.
    fn duplicates<'py>(
        &self,
        py: Python<'py>,
        options: &Bound<'py, PyAny>,
        progress: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Vec<Numbers<'py>>> {
        let options = json::to_json(options, OPTIONS)?;
        let options = attached(py, || DuplicateOptions::from_json(&options))?;
        let groups = watched(py, progress, |control| {
            self.core
                .duplicates(options.min_score, options.threads, control)
        })?;
        let array = |group| PyArray1::from_vec(py, group);
        Ok(groups.into_iter().map(array).collect())
    }

    /// The fields of the core's clusters.
    fn cluster<'py>(
        &self,
        py: Python<'py>,
        options: &Bound<'py, PyAny>,
        progress: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let options = json::to_json(options, OPTIONS)?;
        let options = attached(py, || ClusterOptions::from_json(&options))?;
        let found = watched(py, progress, |control| self.core.cluster(&options, control))?;
        let fields = PyDict::new(py);
        let shape = [found.sizes.len(), self.core.dimension()];
        let centroids = PyArray1::from_vec(py, found.centroids).reshape(shape)?;
        fields.set_item("assignment", PyArray1::from_vec(py, found.assignment))?;
        fields.set_item("sizes", PyArray1::from_vec(py, found.sizes))?;
        fields.set_item("centroids", centroids)?;
        fields.set_item("cohesion", found.cohesion)?;
        fields.set_item("iterations", found.iterations)?;
        fields.set_item("converged", found.converged)?;
        Ok(fields)
    }

    /// A new index with changes, and what became of them: inserted, replaced, removed, unknown.
    #[expect(
        clippy::too_many_arguments,
        reason = "the façade gives the arguments names"
    )]
    fn update<'py>(
        &self,
        py: Python<'py>,
        ids: Option<PyRef<'py, Column>>,
        vectors: Matrix<'py>,
        remove: PyRef<'py, Column>,
        catalog: Option<PyRef<'py, Catalog>>,
        options: &Bound<'py, PyAny>,
        progress: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<(Self, usize, usize, usize, Vec<String>)> {
        let options: Value = json::to_json(options, OPTIONS)?;
        let threads = attached(py, || update_threads(&options))?;
        let catalog: Option<Arc<_>> = catalog.map(|catalog| catalog.shared());
        let vectors = attached(py, || vectors.view())?;
        let (ids, remove): (Option<&Column>, &Column) = (ids.as_deref(), &remove);
        let updated = watched(py, progress, |control| {
            let ids = ids.map(|ids| ids.ids("ids")).transpose()?;
            let ids = ids.as_ref().map(|ids| Ids::new(ids));
            remove.ids("remove")?;
            let gone: Vec<_> = (0..remove.len()).map(|row| remove.id_text(row)).collect();
            let gone: Vec<&str> = gone.iter().map(AsRef::as_ref).collect();
            let changes = Changes {
                ids: ids.as_ref().map_or(IdColumn::Text(&[]), Ids::column),
                vectors,
                catalog: catalog.as_deref(),
                remove: &gone,
            };
            self.core.update(&changes, threads, control)
        })?;
        Ok((
            updated.index.into(),
            updated.inserted,
            updated.replaced,
            updated.removed,
            updated.unknown,
        ))
    }
}
