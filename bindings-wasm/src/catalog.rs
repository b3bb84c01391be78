//! The catalog: items and their typed attributes.

use std::cell::RefCell;
use std::panic::AssertUnwindSafe;

use tastemaker::ErrorKind;
use tastemaker::catalog::Catalog;
use wasm_bindgen::prelude::*;

use crate::error::{Result, thrown};
use crate::json;

/// A catalog. Should a call panic, the cell is free again and the catalog is what the call left.
#[wasm_bindgen]
pub struct NativeCatalog {
    pub(crate) inner: AssertUnwindSafe<RefCell<Catalog>>,
}

#[wasm_bindgen]
impl NativeCatalog {
    pub fn create(schema: Option<String>) -> Result<Self> {
        let catalog = match schema {
            None => Catalog::new(),
            Some(schema) => {
                let schema = json::parse(&schema, ErrorKind::InvalidArgument)?;
                Catalog::with_schema(&schema).map_err(thrown)?
            }
        };
        Ok(Self {
            inner: AssertUnwindSafe(RefCell::new(catalog)),
        })
    }

    pub fn add(&self, id: &str, attributes: &str) -> Result<()> {
        let attributes = json::parse(attributes, ErrorKind::InvalidAttribute)?;
        self.inner.borrow_mut().add(id, &attributes).map_err(thrown)
    }

    pub fn replace(&self, id: &str, attributes: &str) -> Result<()> {
        let attributes = json::parse(attributes, ErrorKind::InvalidAttribute)?;
        self.inner
            .borrow_mut()
            .replace(id, &attributes)
            .map_err(thrown)
    }

    pub fn remove(&self, id: &str) -> Result<()> {
        self.inner.borrow_mut().remove(id).map_err(thrown)
    }

    pub fn get(&self, id: &str) -> Result<Option<String>> {
        self.inner
            .borrow()
            .get(id)
            .map(|attributes| json::write(&attributes))
            .transpose()
    }

    pub fn contains(&self, id: &str) -> bool {
        self.inner.borrow().contains(id)
    }

    pub fn ids(&self) -> Vec<String> {
        self.inner.borrow().ids().map(str::to_owned).collect()
    }

    pub fn length(&self) -> usize {
        self.inner.borrow().len()
    }

    pub fn schema(&self) -> Result<String> {
        json::write(&self.inner.borrow().schema())
    }
}
