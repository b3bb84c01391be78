//! The WebAssembly half of the npm package `tastemaker-wasm`.
//!
//! One file per core module, each of which converts types and does nothing else: options,
//! requests cross as JSON text, columns and answers as typed arrays that are copied. The
//! TypeScript façade, which the Node package has too, gives this flat interface its public shape;
//! nothing here is public.
//!
//! There is one thread and no clock. Every method takes `&self`, so that a call from inside a
//! progress callback finds the object free. Built with `panic=unwind`, a panic surfaces as an
//! exception, runs the destructors and leaves every object usable. Built with `panic=abort`, it
//! surfaces as a trap, and the instance should be thrown away. Either is an `internal` error.
#![allow(
    unsafe_code,
    reason = "wasm-bindgen generates the entry points that JavaScript calls"
)]
#![allow(unreachable_pub, reason = "an export is reached from JavaScript")]
#![allow(
    missing_docs,
    reason = "wasm-bindgen generates undocumented items beside each export"
)]

mod bandit;
mod catalog;
mod condition;
mod control;
mod engine;
mod error;
mod evaluate;
mod event;
mod experiment;
mod index;
mod json;
mod log;
mod model;
mod offpolicy;
mod profile;
mod stats;
mod train;
