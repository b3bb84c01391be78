//! A user's history as a value.
//!
//! A profile lives in JavaScript as its bytes, not as an object of this module: the garbage
//! collector then takes it away like any other value, and it can be stored or sent as it is.

use serde::Serialize;
use tastemaker::event::Event;
use tastemaker::profile::Profile;
use wasm_bindgen::prelude::*;

use crate::error::{Result, thrown};
use crate::event::event;
use crate::json;

/// One event as JavaScript sees it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EventView<'a> {
    item_id: &'a str,
    kind: &'a str,
    weight: f64,
    timestamp: i64,
}

impl<'a> From<&'a Event> for EventView<'a> {
    fn from(event: &'a Event) -> Self {
        Self {
            item_id: &event.item_id,
            kind: &event.kind,
            weight: event.weight,
            timestamp: event.timestamp,
        }
    }
}

/// The bytes of an empty profile.
#[wasm_bindgen(js_name = profileEmpty)]
pub fn profile_empty() -> Vec<u8> {
    Profile::new().to_bytes()
}

/// Checks that these are the bytes of a profile; gives the number of its events.
#[wasm_bindgen(js_name = profileLength)]
pub fn profile_length(profile: &[u8]) -> Result<usize> {
    Ok(read(profile)?.len())
}

/// Adds an event; gives the new bytes if that changed the profile.
#[wasm_bindgen(js_name = profileRecord)]
pub fn profile_record(
    profile: &[u8],
    item_id: &str,
    kind: Option<String>,
    weight: Option<f64>,
    timestamp: Option<f64>,
) -> Result<Option<Vec<u8>>> {
    let mut profile = read(profile)?;
    let event = event(item_id, kind, weight, timestamp);
    let changed = profile.record(&event).map_err(thrown)?;
    Ok(changed.then(|| profile.to_bytes()))
}

/// Takes over the events of another profile; gives the new bytes if that changed this one.
#[wasm_bindgen(js_name = profileMerge)]
pub fn profile_merge(profile: &[u8], other: &[u8]) -> Result<Option<Vec<u8>>> {
    let mut profile = read(profile)?;
    let changed = profile.merge(&read(other)?);
    Ok(changed.then(|| profile.to_bytes()))
}

/// Removes every event on an item; gives the new bytes if there were any.
#[wasm_bindgen(js_name = profileForgetItem)]
pub fn profile_forget_item(profile: &[u8], item_id: &str) -> Result<Option<Vec<u8>>> {
    let mut profile = read(profile)?;
    let changed = profile.forget_item(item_id) > 0;
    Ok(changed.then(|| profile.to_bytes()))
}

/// The events as JSON, in canonical order.
#[wasm_bindgen(js_name = profileEvents)]
pub fn profile_events(profile: &[u8]) -> Result<String> {
    let profile = read(profile)?;
    json::write(
        &profile
            .events()
            .iter()
            .map(EventView::from)
            .collect::<Vec<_>>(),
    )
}

fn read(bytes: &[u8]) -> Result<Profile> {
    Profile::from_bytes(bytes).map_err(thrown)
}
