//! The model: opening, saving, reading and batches of recommendations.

use napi::bindgen_prelude::{Env, Float64ArraySlice, Uint8ArraySlice, Uint32ArraySlice};
use napi_derive::napi;
use serde::Serialize;
use tastemaker::ErrorKind;
use tastemaker::control::Control;
use tastemaker::model::{BatchOptions, EdgeOptions, Model};

use crate::error::{Result, thrown};
use crate::index::NativeVectorIndex;
use crate::json;
use crate::profile::bytes;

/// A model: a handle to a snapshot that is shared, not copied.
#[napi]
pub struct NativeModel {
    pub(crate) inner: Model,
}

impl From<Model> for NativeModel {
    fn from(inner: Model) -> Self {
        Self { inner }
    }
}

/// The columns of a batch, each in memory that V8 owns.
#[napi(object, object_from_js = false)]
pub struct NativeBatch<'env> {
    pub user_row: Uint32ArraySlice<'env>,
    pub item: Uint32ArraySlice<'env>,
    pub score: Float64ArraySlice<'env>,
    pub rank: Uint32ArraySlice<'env>,
    pub source: Uint8ArraySlice<'env>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NeighborView<'a> {
    item_id: &'a str,
    weight: f64,
}

#[napi]
impl NativeModel {
    #[napi(factory, catch_unwind)]
    pub fn open(path: String) -> Result<Self> {
        Model::open(path).map(Self::from).map_err(thrown)
    }

    #[napi(factory, catch_unwind)]
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Model::from_bytes(bytes).map(Self::from).map_err(thrown)
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
    pub fn export_edge(&self, options: String) -> Result<Self> {
        let options = json::parse(&options, ErrorKind::InvalidArgument)?;
        let options = EdgeOptions::from_json(&options).map_err(thrown)?;
        self.inner
            .export_edge(&options)
            .map(Self::from)
            .map_err(thrown)
    }

    #[napi(catch_unwind)]
    pub fn with_index(&self, index: &NativeVectorIndex) -> Result<Self> {
        let made = self.inner.with_index(&index.inner);
        made.map(Self::from).map_err(thrown)
    }

    #[napi(catch_unwind)]
    pub fn without_index(&self) -> Result<Self> {
        self.inner.without_index().map(Self::from).map_err(thrown)
    }

    #[napi(catch_unwind)]
    pub fn index(&self) -> Result<Option<NativeVectorIndex>> {
        Ok(self.inner.index().cloned().map(Into::into))
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
    pub fn item_count(&self) -> Result<f64> {
        Ok(self.inner.item_count() as f64)
    }

    #[napi(catch_unwind)]
    pub fn user_count(&self) -> Result<f64> {
        Ok(self.inner.user_count() as f64)
    }

    #[napi(catch_unwind)]
    pub fn user_ids(&self) -> Result<Vec<String>> {
        Ok(self.inner.user_ids().map(str::to_owned).collect())
    }

    /// The ids of these items; an index that the model does not have gives an empty string.
    #[napi(catch_unwind)]
    pub fn item_ids(&self, indices: &[u32]) -> Result<Vec<String>> {
        let id = |&index| self.inner.item_id(index).unwrap_or_default().to_owned();
        Ok(indices.iter().map(id).collect())
    }

    #[napi(catch_unwind)]
    pub fn attributes(&self, item_id: String) -> Result<Option<String>> {
        self.inner
            .attributes(&item_id)
            .map(|attributes| json::write(&attributes))
            .transpose()
    }

    #[napi(catch_unwind)]
    pub fn neighbors(&self, item_id: String) -> Result<Option<String>> {
        let Some(row) = self.inner.neighbors(&item_id) else {
            return Ok(None);
        };
        let row: Vec<_> = row
            .iter()
            .map(|&(index, weight)| NeighborView {
                item_id: self.inner.item_id(index).unwrap_or_default(),
                weight,
            })
            .collect();
        json::write(&row).map(Some)
    }

    #[napi(catch_unwind)]
    pub fn profile<'env>(
        &self,
        env: &'env Env,
        user_id: String,
    ) -> Result<Option<Uint8ArraySlice<'env>>> {
        self.inner
            .profile(&user_id)
            .map(|profile| bytes(env, &profile.to_bytes()))
            .transpose()
    }

    #[napi(catch_unwind)]
    pub fn recommend<'env>(
        &self,
        env: &'env Env,
        users: Vec<String>,
        options: String,
    ) -> Result<NativeBatch<'env>> {
        // Of what the options hold, only a filter can be too deep or too odd to be JSON.
        let options = json::parse(&options, ErrorKind::InvalidCondition)?;
        let options = BatchOptions::from_json(&options).map_err(thrown)?;
        let users: Vec<&str> = users.iter().map(String::as_str).collect();
        let batch = self
            .inner
            .recommend_users(&users, &options, &Control::new())
            .map_err(thrown)?;
        let source: Vec<u8> = batch.source.iter().map(|&source| source as u8).collect();
        Ok(NativeBatch {
            user_row: copied(Uint32ArraySlice::copy_from(env, &batch.user_row))?,
            item: copied(Uint32ArraySlice::copy_from(env, &batch.item))?,
            score: copied(Float64ArraySlice::copy_from(env, &batch.score))?,
            rank: copied(Uint32ArraySlice::copy_from(env, &batch.rank))?,
            source: bytes(env, &source)?,
        })
    }
}

/// Gives what copying an array into V8 reports the shape of this crate's errors.
pub(crate) fn copied<T>(result: napi::Result<T>) -> Result<T> {
    result.map_err(|error| {
        napi::Error::new(crate::error::Code::from(error.status), error.reason.clone())
    })
}
