//! The catalog: items and their typed attributes.

use std::sync::Arc;

use napi_derive::napi;
use tastemaker::ErrorKind;
use tastemaker::catalog::Catalog;

use crate::error::{Result, thrown};
use crate::json;

/// A catalog; a running training holds its own view, so that later changes do not reach it.
#[napi]
pub struct NativeCatalog {
    inner: Arc<Catalog>,
}

#[napi]
impl NativeCatalog {
    #[napi(factory, catch_unwind)]
    pub fn create(schema: Option<String>) -> Result<Self> {
        let catalog = match schema {
            None => Catalog::new(),
            Some(schema) => {
                let schema = json::parse(&schema, ErrorKind::InvalidArgument)?;
                Catalog::with_schema(&schema).map_err(thrown)?
            }
        };
        Ok(Self {
            inner: Arc::new(catalog),
        })
    }

    #[napi(catch_unwind)]
    pub fn add(&mut self, id: String, attributes: String) -> Result<()> {
        let attributes = json::parse(&attributes, ErrorKind::InvalidAttribute)?;
        Arc::make_mut(&mut self.inner)
            .add(&id, &attributes)
            .map_err(thrown)
    }

    #[napi(catch_unwind)]
    pub fn replace(&mut self, id: String, attributes: String) -> Result<()> {
        let attributes = json::parse(&attributes, ErrorKind::InvalidAttribute)?;
        Arc::make_mut(&mut self.inner)
            .replace(&id, &attributes)
            .map_err(thrown)
    }

    #[napi(catch_unwind)]
    pub fn remove(&mut self, id: String) -> Result<()> {
        Arc::make_mut(&mut self.inner).remove(&id).map_err(thrown)
    }

    #[napi(catch_unwind)]
    pub fn get(&self, id: String) -> Result<Option<String>> {
        self.inner
            .get(&id)
            .map(|attributes| json::write(&attributes))
            .transpose()
    }

    #[napi(catch_unwind)]
    pub fn contains(&self, id: String) -> Result<bool> {
        Ok(self.inner.contains(&id))
    }

    #[napi(catch_unwind)]
    pub fn ids(&self) -> Result<Vec<String>> {
        Ok(self.inner.ids().map(str::to_owned).collect())
    }

    #[napi(catch_unwind)]
    pub fn length(&self) -> Result<f64> {
        Ok(self.inner.len() as f64)
    }

    #[napi(catch_unwind)]
    pub fn schema(&self) -> Result<String> {
        json::write(&self.inner.schema())
    }
}

impl NativeCatalog {
    pub(crate) fn shared(&self) -> Arc<Catalog> {
        Arc::clone(&self.inner)
    }
}
