//! The model: opening, reading and batches of recommendations.

use serde::Serialize;
use tastemaker::control::Control;
use tastemaker::model::{BatchOptions, EdgeOptions, Model};
use tastemaker::{Error, ErrorKind};
use wasm_bindgen::prelude::*;

use crate::error::{Result, Thrown, thrown};
use crate::index::NativeVectorIndex;
use crate::json;

/// A model: a handle to a snapshot in the module's memory, shared and not copied.
#[wasm_bindgen]
pub struct NativeModel {
    pub(crate) inner: Model,
}

impl From<Model> for NativeModel {
    fn from(inner: Model) -> Self {
        Self { inner }
    }
}

#[wasm_bindgen]
extern "C" {
    /// The columns of a batch: a plain object, each column in JavaScript's memory.
    #[wasm_bindgen(js_name = Object)]
    pub type NativeBatch;

    #[wasm_bindgen(constructor, js_class = "Object")]
    fn new() -> NativeBatch;

    #[wasm_bindgen(method, setter, structural, js_name = userRow)]
    fn set_user_row(this: &NativeBatch, rows: Vec<u32>);

    #[wasm_bindgen(method, setter, structural)]
    fn set_item(this: &NativeBatch, rows: Vec<u32>);

    #[wasm_bindgen(method, setter, structural)]
    fn set_score(this: &NativeBatch, rows: Vec<f64>);

    #[wasm_bindgen(method, setter, structural)]
    fn set_rank(this: &NativeBatch, rows: Vec<u32>);

    #[wasm_bindgen(method, setter, structural)]
    fn set_source(this: &NativeBatch, rows: Vec<u8>);
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NeighborView<'a> {
    item_id: &'a str,
    weight: f64,
}

#[wasm_bindgen]
impl NativeModel {
    /// Fails with `io`: there are no files here.
    pub fn open(path: &str) -> Result<Self> {
        Err(no_files(path))
    }

    /// Fails with `io`: there are no files here.
    pub fn save(&self, path: &str) -> Result<()> {
        Err(no_files(path))
    }

    #[wasm_bindgen(js_name = fromBytes)]
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Model::from_bytes(bytes).map(Self::from).map_err(thrown)
    }

    #[wasm_bindgen(js_name = toBytes)]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.inner.as_bytes().to_vec()
    }

    #[wasm_bindgen(js_name = exportEdge)]
    pub fn export_edge(&self, options: &str) -> Result<Self> {
        let options = json::parse(options, ErrorKind::InvalidArgument)?;
        let options = EdgeOptions::from_json(&options).map_err(thrown)?;
        self.inner
            .export_edge(&options)
            .map(Self::from)
            .map_err(thrown)
    }

    #[wasm_bindgen(js_name = withIndex)]
    pub fn with_index(&self, index: &NativeVectorIndex) -> Result<Self> {
        let made = self.inner.with_index(&index.inner);
        made.map(Self::from).map_err(thrown)
    }

    #[wasm_bindgen(js_name = withoutIndex)]
    pub fn without_index(&self) -> Result<Self> {
        self.inner.without_index().map(Self::from).map_err(thrown)
    }

    pub fn index(&self) -> Option<NativeVectorIndex> {
        self.inner.index().cloned().map(Into::into)
    }

    pub fn hash(&self) -> String {
        self.inner.hash().to_owned()
    }

    pub fn manifest(&self) -> Result<String> {
        json::write(self.inner.manifest())
    }

    #[wasm_bindgen(js_name = itemCount)]
    pub fn item_count(&self) -> usize {
        self.inner.item_count()
    }

    #[wasm_bindgen(js_name = userCount)]
    pub fn user_count(&self) -> usize {
        self.inner.user_count()
    }

    #[wasm_bindgen(js_name = userIds)]
    pub fn user_ids(&self) -> Vec<String> {
        self.inner.user_ids().map(str::to_owned).collect()
    }

    /// The ids of these items; an index that the model does not have gives an empty string.
    #[wasm_bindgen(js_name = itemIds)]
    pub fn item_ids(&self, indices: &[u32]) -> Vec<String> {
        let id = |&index| self.inner.item_id(index).unwrap_or_default().to_owned();
        indices.iter().map(id).collect()
    }

    pub fn attributes(&self, item_id: &str) -> Result<Option<String>> {
        self.inner
            .attributes(item_id)
            .map(|attributes| json::write(&attributes))
            .transpose()
    }

    pub fn neighbors(&self, item_id: &str) -> Result<Option<String>> {
        let Some(row) = self.inner.neighbors(item_id) else {
            return Ok(None);
        };
        let view = |&(index, weight): &(u32, f64)| NeighborView {
            item_id: self.inner.item_id(index).unwrap_or_default(),
            weight,
        };
        json::write(&row.iter().map(view).collect::<Vec<_>>()).map(Some)
    }

    /// The bytes of a stored training profile.
    pub fn profile(&self, user_id: &str) -> Option<Vec<u8>> {
        self.inner
            .profile(user_id)
            .map(|profile| profile.to_bytes())
    }

    #[expect(
        clippy::needless_pass_by_value,
        reason = "wasm-bindgen hands lists over by value"
    )]
    pub fn recommend(&self, users: Vec<String>, options: &str) -> Result<NativeBatch> {
        let options = json::parse(options, ErrorKind::InvalidArgument)?;
        let options = BatchOptions::from_json(&options).map_err(thrown)?;
        let users: Vec<&str> = users.iter().map(String::as_str).collect();
        let batch = self
            .inner
            .recommend_users(&users, &options, &Control::new())
            .map_err(thrown)?;
        let columns = NativeBatch::new();
        columns.set_source(batch.source.iter().map(|&source| source as u8).collect());
        columns.set_user_row(batch.user_row);
        columns.set_item(batch.item);
        columns.set_score(batch.score);
        columns.set_rank(batch.rank);
        Ok(columns)
    }
}

/// What working with a file fails with.
pub(crate) fn no_files(path: &str) -> Thrown {
    thrown(Error::new(
        ErrorKind::Io,
        format!(
            "{path:?}: there are no files here; a snapshot is opened from its bytes, and given as bytes"
        ),
    ))
}
