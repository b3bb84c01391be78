//! The scan of bits: how fast it is at the recalls that the figures name.

use tastemaker::index::{IndexOptions, Kind};

use super::sides::Ours;
use super::sweep::readings;
use super::{RECALLS, build, options};
use crate::sitting::Sitting;
use tastemaker_benches::Failure;
use tastemaker_benches::figure;
use tastemaker_benches::stats::timed;
use tastemaker_benches::vectors::VectorSet;

/// Queries of a pass.
const QUERIES: usize = 100;

/// Prints `ann.SET.binary.…`.
pub(super) fn print(sitting: &Sitting, set: &VectorSet) -> Result<(), Failure> {
    let options = IndexOptions {
        kind: Kind::Binary,
        ..options(sitting.threads)?
    };
    let (index, seconds) = timed(|| build(set, &options));
    let index = index?;
    let figure = format!("ann.{}.binary", set.name);
    let note = format!(
        "{} threads, from vectors to a file in memory",
        sitting.threads
    );
    figure::print(&format!("{figure}.build.s"), seconds, "s", &note);
    let mut ours = Ours::new(&index, set, false);
    ours.queries = ours.queries.head(QUERIES);
    let wanted = RECALLS.map(|(_, recall)| recall);
    let found = readings(&mut [&mut ours], &wanted, sitting.runs)?;
    for ((name, recall), own) in RECALLS.into_iter().zip(&found[0]) {
        let note = format!("{}; 8 · ef rows by their codes", own.told("ours", recall));
        figure::print(&format!("{figure}.{name}.qps"), own.qps, "1/s", &note);
    }
    Ok(())
}
