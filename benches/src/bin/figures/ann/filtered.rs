//! Searches among a part of the vectors, from a half to ten of 100,000.
//!
//! The parts are drawn by a hash (`uncorrelated`), or are those that lie farthest in one
//! direction (`correlated`): there most queries have no match nearby, and the graph leads away
//! from what matches.

use std::sync::Arc;

use tastemaker::index::VectorIndex;

use super::sides::{Ours, Theirs};
use super::sweep::{Outcome, Side};
use super::{compare, sweep};
use crate::sitting::Sitting;
use tastemaker_benches::Failure;
use tastemaker_benches::figure;
use tastemaker_benches::vectors::{K, Matrix, VectorSet, hash, nearest, write_mask, write_rows};

/// How many of 10,000 vectors match, and the name of it.
const SHARES: [(&str, usize); 5] = [
    ("50%", 5000),
    ("10%", 1000),
    ("1%", 100),
    ("0.1%", 10),
    ("0.01%", 1),
];
/// The recall at which speeds are read.
const RECALL: f64 = 0.95;
/// Queries of a pass.
const QUERIES: usize = 200;

/// The peers with a filter: hnswlib's is a function of Python, called for each vector it meets.
const PEERS: [&str; 2] = ["faiss", "hnswlib"];

struct Filtered<'a> {
    theirs: &'a mut Theirs,
    queries: usize,
}

impl Side for Filtered<'_> {
    fn run(&mut self, ef: usize) -> Result<Outcome, Failure> {
        self.theirs
            .outcome(&format!("filtered {ef} {}", self.queries), self.queries)
    }
}

/// Prints `ann.SET.filtered.SHARE[.correlated].qps`.
pub(super) fn print(
    sitting: &Sitting,
    set: &VectorSet,
    index: &VectorIndex,
    peers: &mut [Theirs],
) -> Result<(), Failure> {
    let queries = set.queries.head(QUERIES);
    for correlated in [false, true] {
        for (name, share) in SHARES {
            let mask = mask(&set.base, share, correlated);
            let truth = nearest(&set.base, &queries, Some(&mask));
            let (mask_file, truth_file) =
                (set.folder.join("mask.npy"), set.folder.join("masked.npy"));
            write_mask(&mask_file, &mask)?;
            write_rows(&truth_file, &truth, K)?;
            let ids: Vec<String> = (0..mask.len())
                .filter(|&row| mask[row])
                .map(|row| row.to_string())
                .collect();
            let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            let mut ours = Ours::new(index, set, false);
            ours.queries = queries.clone();
            ours.truth = &truth;
            ours.options.items = Some(Arc::new(index.items_of(&ids)));
            let traced = tastemaker::index::SearchOptions {
                trace: true,
                ..ours.options.clone()
            };
            let plan = ours.answers(&traced)?.0[0]
                .trace
                .map_or("", |trace| trace.plan.as_str());
            let mut sides: Vec<&mut dyn Side> = vec![&mut ours];
            let mut theirs: Vec<Filtered<'_>> = Vec::new();
            for peer in peers.iter_mut().filter(|peer| PEERS.contains(&peer.name)) {
                peer.peer.ask(&format!(
                    "mask {} {}",
                    mask_file.display(),
                    truth_file.display()
                ))?;
                // Its filter takes milliseconds a query.
                let queries = if peer.name == "hnswlib" { 20 } else { QUERIES };
                theirs.push(Filtered {
                    theirs: peer,
                    queries,
                });
            }
            let names: Vec<&str> = theirs.iter().map(|side| side.theirs.name).collect();
            for side in &mut theirs {
                sides.push(side);
            }
            let found = sweep::readings(&mut sides, &[RECALL], sitting.runs)?;
            let kind = if correlated { ".correlated" } else { "" };
            let figure = format!("ann.{}.filtered.{name}{kind}.qps", set.name);
            let own = found[0][0];
            let told = format!("{}, plan {plan}", own.told("ours", RECALL));
            figure::print(&figure, own.qps, "1/s", &told);
            for (name, theirs) in names.iter().zip(&found[1..]) {
                compare(&figure, &own, &theirs[0], name, RECALL);
            }
        }
    }
    Ok(())
}

/// Which rows match: `share` of 10,000.
fn mask(base: &Matrix, share: usize, correlated: bool) -> Vec<bool> {
    let rows = base.rows();
    let key = |row: usize| -> f64 {
        if correlated {
            let direction = |at: usize| hash(11, 0, at as u64) as f64 / u64::MAX as f64 - 0.5;
            base.row(row)
                .iter()
                .enumerate()
                .map(|(at, &value)| f64::from(value) * direction(at))
                .sum()
        } else {
            hash(12, row as u64, 0) as f64
        }
    };
    let keys: Vec<f64> = (0..rows).map(key).collect();
    let mut order: Vec<usize> = (0..rows).collect();
    order.sort_by(|&a, &b| keys[b].total_cmp(&keys[a]));
    let mut mask = vec![false; rows];
    for row in order.into_iter().take(rows * share / 10_000) {
        mask[row] = true;
    }
    mask
}
