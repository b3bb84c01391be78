//! Experiments: read once as JSON, asked by key or, for ids alone, by place.

use std::cell::RefCell;
use std::rc::Rc;

use napi::bindgen_prelude::{Env, Float64Array, Latin1String, Uint32ArraySlice};
use napi_derive::napi;
use tastemaker::experiment::{Context, Experiments, split_exact as split_ids};

use tastemaker::{Error, ErrorKind};

use crate::error::{Result, thrown};
use crate::event::{Ids, NativeIds};
use crate::json;
use crate::model::copied;

/// Compiled experiments and features.
#[napi]
pub struct NativeExperiments {
    inner: Rc<Experiments>,
    slot: u32,
}

thread_local! {
    /// What is open on this thread, by slots: to find it so takes a third of the time that it
    /// takes to find the native half of an object.
    static OPEN: RefCell<Vec<Option<Rc<Experiments>>>> = const { RefCell::new(Vec::new()) };
}

/// The first free slot, filled.
fn take_slot(experiments: &Rc<Experiments>) -> u32 {
    OPEN.with_borrow_mut(|open| {
        let free = open.iter().position(Option::is_none);
        let slot = free.unwrap_or(open.len());
        if slot == open.len() {
            open.push(None);
        }
        open[slot] = Some(Rc::clone(experiments));
        slot as u32
    })
}

impl Drop for NativeExperiments {
    fn drop(&mut self) {
        // The list is gone when the thread ends first.
        let _ = OPEN.try_with(|open| open.borrow_mut()[self.slot as usize] = None);
    }
}

fn packed(slot: u32, place: u32, id: &str) -> Result<f64> {
    OPEN.with_borrow(|open| {
        let experiments = open.get(slot as usize).and_then(Option::as_ref);
        let experiments = experiments.ok_or_else(|| {
            thrown(Error::new(
                ErrorKind::Internal,
                "no experiments are open there",
            ))
        })?;
        let assignment = experiments.assign_at(place as usize, id).map_err(thrown)?;
        Ok(assignment.packed())
    })
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
        let inner = Rc::new(read(&payload).map_err(thrown)?);
        let slot = take_slot(&inner);
        Ok(Self { inner, slot })
    }

    /// Where [`assign_id`] finds it.
    #[napi(catch_unwind)]
    pub fn slot(&self) -> Result<u32> {
        Ok(self.slot)
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

/// The packed assignment of an id to the experiment at a place.
#[napi(catch_unwind)]
pub fn assign_id(slot: u32, place: u32, id: String) -> Result<f64> {
    packed(slot, place, &id)
}

/// [`assign_id`] for ASCII text, which crosses faster.
#[napi(catch_unwind, ts_args_type = "slot: number, place: number, id: string")]
pub fn assign_ascii_id(slot: u32, place: u32, id: Latin1String) -> Result<f64> {
    let text = std::str::from_utf8(&id)
        .map_err(|_| thrown(Error::new(ErrorKind::Internal, "the id is not ASCII")))?;
    packed(slot, place, text)
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
