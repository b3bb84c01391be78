//! tastemaker

#[cfg(target_endian = "big")]
compile_error!("tastemaker reads snapshots in place and needs a little-endian target");

pub use serde_json as json;

mod bitset;
pub mod catalog;
pub mod condition;
pub mod control;
pub mod engine;
mod error;
pub mod evaluate;
pub mod event;
mod fields;
pub mod id;
pub mod model;
mod parallel;
pub mod profile;
mod rank;
pub mod snapshot;
pub mod train;

pub use bitset::BitSet;
pub use error::{Error, ErrorKind, Result};
