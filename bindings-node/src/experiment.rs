//! Experiments: read once as JSON, asked by key or, for ids alone, by place.

use napi::bindgen_prelude::{Env, Float64Array, Uint32ArraySlice};
use napi_derive::napi;
use tastemaker::ErrorKind;
use tastemaker::experiment::{Context, Experiments, split_exact as split_ids};

use crate::error::{Result, thrown};
use crate::event::{Ids, NativeIds};
use crate::json;
use crate::model::copied;

/// Compiled experiments and features.
#[napi]
pub struct NativeExperiments {
    inner: Experiments,
}

#[napi]
impl NativeExperiments {
    /// `form` is `native`, `growthbook` or `unleash`.
    #[napi(factory, catch_unwind)]
    pub fn create(payload: String, form: String) -> Result<Self> {
        let payload = json::parse(&payload, ErrorKind::InvalidArgument)?;
        let read = match form.as_str() {
            "growthbook" => Experiments::from_growthbook,
            "unleash" => Experiments::from_unleash,
            _ => Experiments::from_json,
        };
        let inner = read(&payload).map_err(thrown)?;
        Ok(Self { inner })
    }

    #[napi(catch_unwind)]
    pub fn experiments(&self) -> Result<Vec<String>> {
        Ok(self.inner.experiments().map(str::to_owned).collect())
    }

    #[napi(catch_unwind)]
    pub fn features(&self) -> Result<Vec<String>> {
        Ok(self.inner.features().map(str::to_owned).collect())
    }

    #[napi(catch_unwind)]
    pub fn describe(&self, key: String) -> Result<String> {
        json::write(&self.inner.describe(&key).map_err(thrown)?)
    }

    #[napi(catch_unwind)]
    pub fn assign(&self, key: String, context: String) -> Result<String> {
        let context = read_context(&context)?;
        let assignment = self.inner.assign(&key, &context).map_err(thrown)?;
        json::write(&assignment.to_json())
    }

    /// The packed assignment of an id to the experiment at a place.
    #[napi(catch_unwind)]
    pub fn assign_id(&self, place: u32, id: String) -> Result<f64> {
        let assignment = self.inner.assign_at(place as usize, &id);
        Ok(assignment.map_err(thrown)?.packed())
    }

    #[napi(catch_unwind)]
    pub fn assign_all(&self, context: String) -> Result<String> {
        let context = read_context(&context)?;
        json::write(&self.inner.assign_all(&context).map_err(thrown)?.to_json())
    }

    #[napi(catch_unwind)]
    pub fn feature(&self, key: String, context: String) -> Result<String> {
        let context = read_context(&context)?;
        json::write(
            &self
                .inner
                .feature(&key, &context)
                .map_err(thrown)?
                .to_json(),
        )
    }
}

fn read_context(context: &str) -> Result<Context> {
    let context = json::parse(context, ErrorKind::InvalidArgument)?;
    Context::from_json(&context).map_err(thrown)
}

/// The place of a weight for each id.
#[napi(catch_unwind, ts_return_type = "Uint32Array")]
pub fn split_exact<'env>(
    env: &'env Env,
    ids: NativeIds,
    weights: Float64Array,
    salt: String,
) -> Result<Uint32ArraySlice<'env>> {
    let ids = Ids::new(ids, "ids")?;
    let values = ids.values();
    let arms = split_ids(&ids.column(&values), &weights, &salt).map_err(thrown)?;
    copied(Uint32ArraySlice::copy_from(env, &arms))
}
