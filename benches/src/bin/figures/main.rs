//! `figures GROUP --data DIR`: prints one JSON object a line.
//!
//! `cargo xtask figures` builds and starts this; it also prepares the programs
//! named by the other options.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "it prints figures and measures time"
)]

mod ann;
mod bandits;
mod ease;
mod experiments;
mod ials;
mod million;
mod movies;
mod next_item;
mod offpolicy;
mod overhead;
mod quality;
mod recommend;
mod sitting;
mod snapshot;
mod stats;
mod train;
mod trials;
mod tuned;
mod update;

use std::process::ExitCode;

use crate::sitting::Sitting;
use tastemaker_benches::Failure;

const GROUPS: [&str; 12] = [
    "quality",
    "train",
    "trials",
    "recommend",
    "overhead",
    "snapshot",
    "stats",
    "experiments",
    "bandits",
    "offpolicy",
    "ann",
    "ann-large",
];

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Failure> {
    let (group, sitting) = Sitting::from_arguments(std::env::args().skip(1))?;
    match group.as_str() {
        "quality" => {
            quality::print(&sitting)?;
            tuned::print(&sitting)?;
            ials::quality(&sitting)?;
            ease::print(&sitting)?;
            next_item::print(&sitting)
        }
        "quality.ml-latest-small" => movies::print(&sitting),
        "train" => {
            train::print(&sitting)?;
            update::print(&sitting)?;
            ials::time(&sitting)
        }
        "trials" => trials::print(&sitting),
        "recommend" => recommend::print(&sitting),
        "overhead" => overhead::print(&sitting),
        "snapshot" => snapshot::print(&sitting),
        "stats" => stats::print(&sitting),
        "experiments" => experiments::print(&sitting),
        "bandits" => bandits::print(&sitting),
        "offpolicy" => offpolicy::print(&sitting),
        "ann" => ann::print(&sitting),
        "ann-large" => ann::print_large(&sitting),
        set if set.starts_with("trials.") => {
            trials::one(&sitting, set.trim_start_matches("trials."))
        }
        other => Err(format!("no group {other:?}: one of {}", GROUPS.join(" ")).into()),
    }
}
