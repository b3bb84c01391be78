//! What the examples share: reading MovieLens, and writing to a terminal.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "examples print")]
#![allow(
    clippy::disallowed_methods,
    reason = "examples look at the environment"
)]

pub mod movielens;
pub mod terminal;

/// Any error, for programs that only print it.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;
