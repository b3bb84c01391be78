//! The native half of the npm package `tastemaker`.
//!
//! One file per core module, each of which converts types and does nothing else: options,
//! requests and answers cross as JSON, columns as typed arrays that are copied into memory that
//! V8 owns. The TypeScript façade in `ts/` gives this flat interface its public shape; nothing
//! here is public.
//!
//! A panic must not cross into Node, where it would end the process: every exported function is
//! marked `catch_unwind`, and [`task::Job`] catches the ones of worker threads.
#![allow(
    unreachable_pub,
    reason = "exports are public to JavaScript, not to Rust"
)]
#![cfg_attr(
    test,
    allow(dead_code, reason = "napi-derive registers no export in test builds")
)]
#![allow(
    clippy::needless_pass_by_value,
    reason = "napi hands arguments over by value"
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
mod task;
mod train;
