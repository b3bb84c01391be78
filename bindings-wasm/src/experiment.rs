//! Experiments: read once as JSON, asked by key or, for ids alone, by place.

use std::cell::RefCell;
use std::rc::Rc;

use tastemaker::experiment::{Context, Experiments, split_exact as split_ids};
use tastemaker::{Error, ErrorKind};
use wasm_bindgen::prelude::*;

use crate::error::{Result, thrown};
use crate::event::{Ids, NativeIds};
use crate::json;

/// Compiled experiments and features.
#[wasm_bindgen]
pub struct NativeExperiments {
    inner: Rc<Experiments>,
    slot: u32,
}

thread_local! {
    /// What is open on this thread, by slots, as in the Node package.
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
        let inner = Rc::new(read(&payload).map_err(thrown)?);
        let slot = take_slot(&inner);
        Ok(Self { inner, slot })
    }

    /// Where [`assign_id`] finds it.
    pub fn slot(&self) -> u32 {
        self.slot
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

/// The packed assignment of an id to the experiment at a place.
#[wasm_bindgen(js_name = assignId)]
pub fn assign_id(slot: u32, place: u32, id: &str) -> Result<f64> {
    packed(slot, place, id)
}

/// The place of a weight for each id.
#[wasm_bindgen(js_name = splitExact)]
pub fn split_exact(ids: &NativeIds, weights: &[f64], salt: &str) -> Result<Vec<u32>> {
    let ids = Ids::new(ids, "ids")?;
    let texts = ids.texts();
    split_ids(&ids.column(&texts), weights, salt).map_err(thrown)
}
