//! What the figures and the benches share: data, metrics, statistics, and the
//! processes of peers that are measured beside ours.
//!
//! Nothing here is published. Times are taken only in this package.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "benches measure time, read their environment and print their figures"
)]

pub mod data;
pub mod figure;
pub mod metrics;
pub mod peer;
pub mod stats;
pub mod vectors;

/// What a figure returns when it cannot be made.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;
