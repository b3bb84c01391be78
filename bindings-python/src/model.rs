//! Models: trained, saved, opened, asked.
#![allow(
    clippy::needless_pass_by_value,
    reason = "pyo3 hands arguments over by value"
)]

use std::path::PathBuf;

use numpy::PyArray1;
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};
use tastemaker::ErrorKind;
use tastemaker::control::Control;
use tastemaker::model::{BatchOptions, EdgeOptions, Model as CoreModel};

use crate::bandit::Bandit;
use crate::column::Column;
use crate::control::watched;
use crate::error::{attached, detached};
use crate::ids;
use crate::index::VectorIndex;
use crate::json::{self, Purpose};
use crate::profile::Profile;

/// Below this many users, a thread that watches for signals costs more than the answer.
const FEW_USERS: usize = 256;

/// A trained model, read-only.
#[pyclass(frozen, module = "tastemaker._native")]
pub(crate) struct Model {
    pub(crate) core: CoreModel,
    /// Whether item ids were integers in training.
    pub(crate) integer_items: bool,
    integer_users: bool,
}

impl From<CoreModel> for Model {
    fn from(core: CoreModel) -> Self {
        let is_integer =
            |name: &str| core.manifest().get(name).and_then(|t| t.as_str()) == Some("integer");
        let (integer_items, integer_users) =
            (is_integer("item_id_type"), is_integer("user_id_type"));
        Self {
            core,
            integer_items,
            integer_users,
        }
    }
}

/// The columns of a batch: row of the user, item index, score, rank, source.
type BatchColumns<'py> = (
    Bound<'py, PyArray1<u32>>,
    Bound<'py, PyArray1<u32>>,
    Bound<'py, PyArray1<f64>>,
    Bound<'py, PyArray1<u32>>,
    Bound<'py, PyArray1<u8>>,
);

#[pymethods]
impl Model {
    #[staticmethod]
    fn open(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        detached(py, || CoreModel::open(path)).map(Self::from)
    }

    #[staticmethod]
    fn from_bytes(py: Python<'_>, data: &[u8]) -> PyResult<Self> {
        detached(py, || CoreModel::from_bytes(data)).map(Self::from)
    }

    fn save(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        detached(py, || self.core.save(path))
    }

    fn to_bytes<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.core.as_bytes())
    }

    fn with_bandits(&self, py: Python<'_>, bandits: Vec<PyRef<'_, Bandit>>) -> PyResult<Self> {
        let bandits: Vec<_> = bandits.iter().map(|bandit| bandit.copied()).collect();
        detached(py, || self.core.with_bandits(&bandits)).map(Self::from)
    }

    fn bandits(&self) -> Vec<&str> {
        self.core.bandits().collect()
    }

    fn bandit(&self, py: Python<'_>, key: &str) -> PyResult<Option<Bandit>> {
        Ok(attached(py, || self.core.bandit(key))?.map(Bandit::of))
    }

    fn with_index(&self, py: Python<'_>, index: PyRef<'_, VectorIndex>) -> PyResult<Self> {
        let index = index.core.clone();
        detached(py, || self.core.with_index(&index)).map(Self::from)
    }

    fn without_index(&self, py: Python<'_>) -> PyResult<Self> {
        detached(py, || self.core.without_index()).map(Self::from)
    }

    fn index(&self) -> Option<VectorIndex> {
        self.core.index().cloned().map(VectorIndex::from)
    }

    fn export_edge(&self, py: Python<'_>, options: &Bound<'_, PyAny>) -> PyResult<Self> {
        let options = json::to_json(
            options,
            Purpose {
                kind: ErrorKind::InvalidArgument,
                name: "options",
            },
        )?;
        detached(py, || {
            self.core.export_edge(&EdgeOptions::from_json(&options)?)
        })
        .map(Self::from)
    }

    fn hash(&self) -> &str {
        self.core.hash()
    }

    fn manifest<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        json::to_python(py, self.core.manifest())
    }

    fn item_count(&self) -> usize {
        self.core.item_count()
    }

    fn user_count(&self) -> usize {
        self.core.user_count()
    }

    #[getter]
    fn integer_items(&self) -> bool {
        self.integer_items
    }

    #[getter]
    fn integer_users(&self) -> bool {
        self.integer_users
    }

    /// All item ids by index: an array of 64-bit integers, or a list.
    fn item_ids<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let ids = (0..self.core.item_count() as u32).filter_map(|index| self.core.item_id(index));
        to_python(py, self.integer_items, ids)
    }

    /// The ids of the stored users, ascending by their text: integers or texts.
    fn user_ids<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        to_python(py, self.integer_users, self.core.user_ids())
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

    /// The neighbours of an item as pairs of id and weight, strongest first.
    fn neighbors<'py>(
        &self,
        py: Python<'py>,
        item_id: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Bound<'py, PyList>>> {
        let id = ids::to_text("item_id", item_id)?;
        let Some(neighbors) = attached(py, || Ok(self.core.neighbors(&id)))? else {
            return Ok(None);
        };
        let list = PyList::empty(py);
        for (index, weight) in neighbors {
            let id = ids::to_python(
                py,
                self.integer_items,
                self.core.item_id(index).unwrap_or_default(),
            )?;
            list.append((id, weight))?;
        }
        Ok(Some(list))
    }

    fn profile(&self, py: Python<'_>, user_id: &Bound<'_, PyAny>) -> PyResult<Option<Profile>> {
        let id = ids::to_text("user_id", user_id)?;
        Ok(attached(py, || Ok(self.core.profile(&id)))?.map(Profile::from))
    }

    /// Recommends to many users; `options` are the core's, by name.
    #[pyo3(signature = (users, options, progress))]
    fn recommend<'py>(
        &self,
        py: Python<'py>,
        users: PyRef<'py, Column>,
        options: &Bound<'py, PyAny>,
        progress: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<BatchColumns<'py>> {
        let options = json::to_json(
            options,
            Purpose {
                kind: ErrorKind::InvalidArgument,
                name: "options",
            },
        )?;
        let options = attached(py, || BatchOptions::from_json(&options))?;
        let users: &Column = &users;
        let work = |control: &Control<'_>| {
            users.ids("users")?;
            let texts: Vec<_> = (0..users.len()).map(|row| users.id_text(row)).collect();
            let texts: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
            self.core.recommend_users(&texts, &options, control)
        };
        let batch = if users.len() <= FEW_USERS && progress.is_none() {
            detached(py, || work(&Control::new()))?
        } else {
            watched(py, progress, work)?
        };
        let source: Vec<u8> = batch.source.iter().map(|&source| source as u8).collect();
        Ok((
            PyArray1::from_vec(py, batch.user_row),
            PyArray1::from_vec(py, batch.item),
            PyArray1::from_vec(py, batch.score),
            PyArray1::from_vec(py, batch.rank),
            PyArray1::from_vec(py, source),
        ))
    }
}

/// Ids as an array of 64-bit integers, or as a list of texts.
pub(crate) fn to_python<'py, 'a>(
    py: Python<'py>,
    integer: bool,
    texts: impl Iterator<Item = &'a str>,
) -> PyResult<Bound<'py, PyAny>> {
    let texts: Vec<&str> = texts.collect();
    if integer {
        let numbers: Option<Vec<i64>> = texts.iter().map(|id| ids::parse(true, id)).collect();
        if let Some(numbers) = numbers {
            return Ok(PyArray1::from_vec(py, numbers).into_any());
        }
    }
    PyList::new(py, texts)?.into_bound_py_any(py)
}
