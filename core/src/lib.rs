//! Personalization that you embed: train on events and a catalog, save one snapshot, and answer
//! "what should this person see now?" with the same bits in Rust, Python, Node and the browser.
//!
//! ```
//! use tastemaker::event::{Event, EventColumns, IdColumn};
//! use tastemaker::{catalog::Catalog, control::Control, engine::{Engine, Request}};
//! use tastemaker::{json::json, train::{TrainOptions, train}};
//!
//! let mut catalog = Catalog::new();
//! for (id, title, price) in [("mill", "Old Mill", 4200), ("barn", "Red Barn", 2900), ("loft", "Loft 9", 5100)] {
//!     catalog.add(id, &json!({"title": title, "price": price}))?;
//! }
//! let events = EventColumns::new(
//!     IdColumn::Text(&["ann", "ann", "bob", "bob", "eve"]),
//!     IdColumn::Text(&["mill", "barn", "mill", "barn", "loft"]),
//! );
//! let model = train(&events, Some(&catalog), &TrainOptions::default(), &Control::new())?;
//!
//! let engine = Engine::new(model);
//! engine.record("new user", &Event::new("mill", "save", 1_700_000_000_000))?;
//! let request = json!({"user_id": "new user", "k": 1, "filter": {"price": {"$lt": 3000}}, "explain": true});
//! let answer = engine.recommend(&Request::from_json(&request)?)?;
//! assert_eq!(answer.items[0].item_id, "barn");
//! assert_eq!(answer.items[0].reasons[0].item_id, "mill");
//! # Ok::<(), tastemaker::Error>(())
//! ```
//!
//! # The parts
//!
//! | module | what it is for |
//! |---|---|
//! | [`event`], [`catalog`] | what goes in: events with kinds and weights, items with typed attributes |
//! | [`train`] | from events and a catalog to a model |
//! | [`model`] | the read-only snapshot: open, save, read, batch recommendations, edge export |
//! | [`profile`] | a user: one bounded history that merges and travels |
//! | [`engine`] | a model and its users: record, ask, explain, erase |
//! | [`condition`] | the predicate language of filters |
//! | [`evaluate`] | ranking metrics beside a baseline |
//! | [`experiment`] | who gets which variant; tests and bandits |
//! | [`index`] | nearest neighbours of vectors, filtered and deterministic |
//! | [`control`] | progress and cancellation |
//! | [`id`], [`snapshot`] | limits of ids, and numbers of the file format |
//!
//! # What holds everywhere
//!
//! - **Same bits.** Training gives the same bytes at any number of threads and in any order of
//!   the rows; an answer has the same ids and score bits in every language and on every
//!   instruction set.
//! - **Pure.** No clock, no randomness, no environment, no global state, no output: time, seeds,
//!   threads, progress and cancellation are arguments. Files are touched by [`model::Model::open`]
//!   and [`model::Model::save`] alone.
//! - **No panic on any input.** What comes from outside is checked; an [`Error`] names the field,
//!   the value and the rule, and carries a stable code.

#[cfg(target_endian = "big")]
compile_error!("tastemaker reads snapshots in place and needs a little-endian target");

/// The JSON library whose values this crate takes and gives, re-exported.
pub use serde_json as json;

mod bitset;
mod bytes;
pub mod catalog;
pub mod condition;
pub mod control;
pub mod engine;
mod error;
pub mod evaluate;
pub mod event;
pub mod experiment;
mod fields;
pub mod id;
pub mod index;
pub mod model;
mod parallel;
pub mod profile;
mod rank;
pub mod snapshot;
pub mod train;

pub use bitset::BitSet;
pub use error::{Error, ErrorKind, Result};
