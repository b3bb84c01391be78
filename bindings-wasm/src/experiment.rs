//! Experiments: read once as JSON, asked by key or, for ids alone, by place.

use tastemaker::ErrorKind;
use tastemaker::experiment::{Context, Experiments, split_exact as split_ids};
use wasm_bindgen::prelude::*;

use crate::error::{Result, thrown};
use crate::event::{Ids, NativeIds};
use crate::json;

/// Compiled experiments and features.
#[wasm_bindgen]
pub struct NativeExperiments {
    inner: Experiments,
}

#[wasm_bindgen]
impl NativeExperiments {
    /// `form` is `native`, `growthbook` or `unleash`.
    pub fn create(payload: &str, form: &str) -> Result<Self> {
        let payload = json::parse(payload, ErrorKind::InvalidArgument)?;
        let read = match form {
            "growthbook" => Experiments::from_growthbook,
            "unleash" => Experiments::from_unleash,
            _ => Experiments::from_json,
        };
        let inner = read(&payload).map_err(thrown)?;
        Ok(Self { inner })
    }

    pub fn experiments(&self) -> Vec<String> {
        self.inner.experiments().map(str::to_owned).collect()
    }

    pub fn features(&self) -> Vec<String> {
        self.inner.features().map(str::to_owned).collect()
    }

    pub fn describe(&self, key: &str) -> Result<String> {
        json::write(&self.inner.describe(key).map_err(thrown)?)
    }

    pub fn assign(&self, key: &str, context: &str) -> Result<String> {
        let context = read_context(context)?;
        let assignment = self.inner.assign(key, &context).map_err(thrown)?;
        json::write(&assignment.to_json())
    }

    /// The packed assignment of an id to the experiment at a place.
    #[wasm_bindgen(js_name = assignId)]
    pub fn assign_id(&self, place: u32, id: &str) -> Result<f64> {
        let assignment = self.inner.assign_at(place as usize, id);
        Ok(assignment.map_err(thrown)?.packed())
    }

    #[wasm_bindgen(js_name = assignAll)]
    pub fn assign_all(&self, context: &str) -> Result<String> {
        let context = read_context(context)?;
        json::write(&self.inner.assign_all(&context).map_err(thrown)?.to_json())
    }

    pub fn feature(&self, key: &str, context: &str) -> Result<String> {
        let context = read_context(context)?;
        let answer = self.inner.feature(key, &context).map_err(thrown)?;
        json::write(&answer.to_json())
    }
}

fn read_context(context: &str) -> Result<Context> {
    let context = json::parse(context, ErrorKind::InvalidArgument)?;
    Context::from_json(&context).map_err(thrown)
}

/// The place of a weight for each id.
#[wasm_bindgen(js_name = splitExact)]
pub fn split_exact(ids: &NativeIds, weights: &[f64], salt: &str) -> Result<Vec<u32>> {
    let ids = Ids::new(ids, "ids")?;
    let texts = ids.texts();
    split_ids(&ids.column(&texts), weights, salt).map_err(thrown)
}
