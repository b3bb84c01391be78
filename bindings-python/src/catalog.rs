//! Catalogs: items and their attributes.
#![allow(
    clippy::needless_pass_by_value,
    reason = "pyo3 hands arguments over by value"
)]

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;
use pyo3::types::PyDict;
use tastemaker::json::{Map, Value};
use tastemaker::{ErrorKind, Result, catalog};

use crate::column::Column;
use crate::data::Data;
use crate::error::{attached, detached};
use crate::ids;
use crate::json::{self, Purpose};

const ATTRIBUTES: Purpose<'_> = Purpose {
    kind: ErrorKind::InvalidAttribute,
    name: "attributes",
};

/// Items with typed attributes, open to change.
#[pyclass(frozen, module = "tastemaker._native")]
pub(crate) struct Catalog {
    /// Shared with a training run that has begun; a change then copies.
    items: Mutex<Arc<catalog::Catalog>>,
}

impl Catalog {
    fn lock(&self) -> MutexGuard<'_, Arc<catalog::Catalog>> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The items as they are now.
    pub(crate) fn shared(&self) -> Arc<catalog::Catalog> {
        Arc::clone(&self.lock())
    }

    fn change(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut catalog::Catalog) -> Result<()>,
    ) -> PyResult<()> {
        let mut items = self.lock();
        attached(py, || work(Arc::make_mut(&mut items)))
    }
}

#[pymethods]
impl Catalog {
    /// An empty catalog; `schema` maps attribute names to `text`, `tags`, `number`, `bool`,
    /// `time` or `place`.
    #[new]
    #[pyo3(signature = (schema=None))]
    fn new(py: Python<'_>, schema: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        let items = match schema {
            None => catalog::Catalog::new(),
            Some(schema) => {
                let schema = json::to_json(
                    schema,
                    Purpose {
                        name: "schema",
                        ..ATTRIBUTES
                    },
                )?;
                attached(py, || catalog::Catalog::with_schema(&schema))?
            }
        };
        Ok(Self {
            items: Mutex::new(Arc::new(items)),
        })
    }

    /// A catalog from a column of ids and columns of attributes.
    #[staticmethod]
    fn from_columns(
        py: Python<'_>,
        ids: PyRef<'_, Column>,
        attributes: &Bound<'_, PyDict>,
    ) -> PyResult<Self> {
        let columns = attributes
            .iter()
            .map(|(name, column)| Ok((name.extract::<String>()?, column.extract::<Py<Column>>()?)))
            .collect::<PyResult<Vec<_>>>()?;
        let columns: Vec<(&str, &Column)> = columns
            .iter()
            .map(|(name, column)| (name.as_str(), column.get()))
            .collect();
        let ids: &Column = &ids;
        let items = detached(py, || {
            ids.ids("item_id")?;
            for (name, column) in &columns {
                if column.len() != ids.len() {
                    let message = format!(
                        "{name} has {} rows and item_id has {}",
                        column.len(),
                        ids.len()
                    );
                    return Err(tastemaker::Error::new(ErrorKind::LengthMismatch, message));
                }
            }
            let times = columns
                .iter()
                .filter(|(_, column)| matches!(column.data, Data::Time(_)));
            let schema: Map<_, _> = times
                .map(|(name, _)| ((*name).to_owned(), Value::from("time")))
                .collect();
            let mut items = catalog::Catalog::with_schema(&Value::Object(schema))?;
            for row in 0..ids.len() {
                let present = columns
                    .iter()
                    .map(|(name, column)| ((*name).to_owned(), column.value(row)));
                let attributes: Map<_, _> = present.filter(|(_, value)| !value.is_null()).collect();
                items
                    .add(&ids.id_text(row), &Value::Object(attributes))
                    .map_err(|error| error.context(format!("row {row}")))?;
            }
            Ok(items)
        })?;
        Ok(Self {
            items: Mutex::new(Arc::new(items)),
        })
    }

    fn add(
        &self,
        py: Python<'_>,
        item_id: &Bound<'_, PyAny>,
        attributes: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let (id, attributes) = (
            ids::to_text("item_id", item_id)?,
            json::to_json(attributes, ATTRIBUTES)?,
        );
        self.change(py, |items| items.add(&id, &attributes))
    }

    fn replace(
        &self,
        py: Python<'_>,
        item_id: &Bound<'_, PyAny>,
        attributes: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let (id, attributes) = (
            ids::to_text("item_id", item_id)?,
            json::to_json(attributes, ATTRIBUTES)?,
        );
        self.change(py, |items| items.replace(&id, &attributes))
    }

    fn remove(&self, py: Python<'_>, item_id: &Bound<'_, PyAny>) -> PyResult<()> {
        let id = ids::to_text("item_id", item_id)?;
        self.change(py, |items| items.remove(&id))
    }

    fn get<'py>(
        &self,
        py: Python<'py>,
        item_id: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let attributes = self.shared().get(&ids::to_text("item_id", item_id)?);
        attributes
            .map(|attributes| json::to_python(py, &attributes))
            .transpose()
    }

    fn ids(&self) -> Vec<String> {
        self.shared().ids().map(str::to_owned).collect()
    }

    fn schema<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        json::to_python(py, &self.shared().schema())
    }

    fn __len__(&self) -> usize {
        self.shared().len()
    }

    fn __contains__(&self, item_id: &Bound<'_, PyAny>) -> PyResult<bool> {
        Ok(self.shared().contains(&ids::to_text("item_id", item_id)?))
    }
}
