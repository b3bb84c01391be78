//! A user's history as a value.
//!
//! A profile lives in JavaScript as its bytes, not as a native object: Node frees native objects
//! only between turns of the event loop, so that a loop over many users would grow.

use napi::bindgen_prelude::{Env, Uint8ArraySlice};
use napi_derive::napi;
use serde::Serialize;
use tastemaker::event::{DEFAULT_KIND, Event};
use tastemaker::profile::Profile;

use crate::error::{Code, Result, thrown};
use crate::event::milliseconds;
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

/// The bytes of an empty profile.
#[napi(catch_unwind)]
pub fn profile_empty(env: &Env) -> Result<Uint8ArraySlice<'_>> {
    bytes(env, &Profile::new().to_bytes())
}

/// Checks that these are the bytes of a profile; gives the number of its events.
#[napi(catch_unwind)]
pub fn profile_length(profile: &[u8]) -> Result<f64> {
    Ok(read(profile)?.len() as f64)
}

/// Adds an event; gives the new bytes if that changed the profile.
#[napi(catch_unwind)]
pub fn profile_record<'env>(
    env: &'env Env,
    profile: &[u8],
    item_id: String,
    kind: Option<String>,
    weight: Option<f64>,
    timestamp: Option<f64>,
) -> Result<Option<Uint8ArraySlice<'env>>> {
    let mut profile = read(profile)?;
    let changed = profile
        .record(&event(item_id, kind, weight, timestamp))
        .map_err(thrown)?;
    changed_bytes(env, changed, &profile)
}

/// Takes over the events of another profile; gives the new bytes if that changed this one.
#[napi(catch_unwind)]
pub fn profile_merge<'env>(
    env: &'env Env,
    profile: &[u8],
    other: &[u8],
) -> Result<Option<Uint8ArraySlice<'env>>> {
    let mut profile = read(profile)?;
    let changed = profile.merge(&read(other)?);
    changed_bytes(env, changed, &profile)
}

/// Removes every event on an item; gives the new bytes if there were any.
#[napi(catch_unwind)]
pub fn profile_forget_item<'env>(
    env: &'env Env,
    profile: &[u8],
    item_id: String,
) -> Result<Option<Uint8ArraySlice<'env>>> {
    let mut profile = read(profile)?;
    let changed = profile.forget_item(&item_id) > 0;
    changed_bytes(env, changed, &profile)
}

/// The events, as JSON.
#[napi(catch_unwind)]
pub fn profile_events(profile: &[u8]) -> Result<String> {
    let profile = read(profile)?;
    let events = profile.events().iter().map(|event| EventView {
        item_id: &event.item_id,
        kind: &event.kind,
        weight: event.weight,
        timestamp: event.timestamp,
    });
    json::write(&events.collect::<Vec<_>>())
}

/// An event with the core's defaults where JavaScript gave nothing.
pub(crate) fn event(
    item_id: String,
    kind: Option<String>,
    weight: Option<f64>,
    timestamp: Option<f64>,
) -> Event {
    let kind = kind.unwrap_or_else(|| DEFAULT_KIND.to_owned());
    let event = Event::new(item_id, kind, timestamp.map_or(0, milliseconds));
    match weight {
        None => event,
        Some(weight) => event.with_weight(weight),
    }
}

/// Copies bytes into memory that V8 owns.
pub(crate) fn bytes<'env>(env: &'env Env, bytes: &[u8]) -> Result<Uint8ArraySlice<'env>> {
    Uint8ArraySlice::copy_from(env, bytes)
        .map_err(|error| napi::Error::new(Code::from(error.status), error.reason.clone()))
}

fn read(bytes: &[u8]) -> Result<Profile> {
    Profile::from_bytes(bytes).map_err(thrown)
}

fn changed_bytes<'env>(
    env: &'env Env,
    changed: bool,
    profile: &Profile,
) -> Result<Option<Uint8ArraySlice<'env>>> {
    changed.then(|| bytes(env, &profile.to_bytes())).transpose()
}
