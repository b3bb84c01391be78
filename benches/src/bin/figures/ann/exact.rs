//! The scan of all vectors, beside faiss's flat index.

use tastemaker::index::{IndexOptions, Kind};

use super::sides::{Ours, Theirs};
use super::{build, options};
use crate::sitting::Sitting;
use tastemaker_benches::Failure;
use tastemaker_benches::figure::{self, Better, Rival};
use tastemaker_benches::stats::median;
use tastemaker_benches::vectors::{K, VectorSet, recall};

/// Queries of a pass.
const QUERIES: usize = 100;

/// Prints `ann.SET.exact.qps` and `ann.SET.exact.batch.qps`.
pub(super) fn print(
    sitting: &Sitting,
    set: &VectorSet,
    peers: &mut [Theirs],
) -> Result<(), Failure> {
    let options = IndexOptions {
        kind: Kind::Exact,
        ..options(sitting.threads)?
    };
    let index = build(set, &options)?;
    for (mode, command) in [("", "flat"), (".batch", "flat-batch")] {
        let mut ours = Ours::new(&index, set, !mode.is_empty());
        ours.queries = ours.queries.head(QUERIES);
        let (mut own, mut theirs, mut found) = (Vec::new(), Vec::new(), 0.0);
        for _ in 0..sitting.runs {
            let (answers, seconds) = ours.answers(&ours.options)?;
            own.push(answers.len() as f64 / seconds);
            found = recall(&ours.rows(&answers)?, &set.truth[..answers.len() * K]);
            for peer in peers.iter_mut().filter(|peer| peer.name == "faiss") {
                theirs.push(peer.outcome(&format!("{command} {QUERIES}"), QUERIES)?.qps);
            }
        }
        let figure = format!("ann.{}.exact{mode}.qps", set.name);
        let note = format!("recall {found:.4}: 8-bit codes, then the best from the floats");
        if theirs.is_empty() {
            figure::print(&figure, median(&own), "1/s", &note);
            continue;
        }
        let rival = Rival {
            name: "faiss-flat",
            value: median(&theirs),
            better: Better::Higher,
            setting: if mode.is_empty() {
                "faiss-cpu 1.15.1, IndexFlatIP, one query a call"
            } else {
                "faiss-cpu 1.15.1, IndexFlatIP, 100 queries in one call"
            },
        };
        figure::print_with(&figure, median(&own), "1/s", &note, &rival);
    }
    Ok(())
}
