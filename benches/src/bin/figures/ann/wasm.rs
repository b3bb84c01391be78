//! The same file, searched in WebAssembly and in Node, as a share of what Rust does.

use std::path::Path;

use tastemaker::index::VectorIndex;

use super::sides::Ours;
use super::sweep::Side;
use crate::sitting::Sitting;
use tastemaker_benches::peer::{Peer, number};
use tastemaker_benches::stats::median;
use tastemaker_benches::vectors::{K, VectorSet, recall};
use tastemaker_benches::{Failure, figure};

/// The width of search.
const EF: usize = 64;

/// Prints `ann.SET.wasm.share` and `ann.SET.node.share`.
pub(super) fn print(
    sitting: &Sitting,
    set: &VectorSet,
    index: &VectorIndex,
) -> Result<(), Failure> {
    let file = sitting.scratch.join("ann.index");
    index.save(&file)?;
    let driver = sitting.root.join("benches/peers/ann_driver.mjs");
    let queries = set.folder.join("queries.npy");
    let packages = [
        ("wasm", "bindings-wasm/dist/node.js"),
        ("node", "bindings-node/dist/index.js"),
    ];
    let mut native = Ours::new(index, set, false);
    for (name, module) in packages {
        let module = sitting.root.join(module);
        let arguments = [&driver, &module, &file, &queries];
        let mut peer = Peer::start(name, Path::new("node"), &arguments)?;
        let (mut ours, mut theirs, mut found) = (Vec::new(), Vec::new(), 0.0);
        // The first rounds let the engine compile, and do not count.
        for round in 0..sitting.runs + 2 {
            let outcome = native.run(EF)?;
            let answer = peer.ask(&format!("search {EF}"))?;
            let count = set.queries.rows() as f64;
            if round >= 2 {
                ours.push(outcome.qps);
                theirs.push(count / number(&answer, "s")?);
            }
            let rows = answer["found"]
                .as_array()
                .ok_or("no list of what was found")?;
            let mut list = vec![u32::MAX; rows.len() * K];
            for (row, list) in rows.iter().zip(list.chunks_mut(K)) {
                for (item, to) in row.as_array().into_iter().flatten().zip(list) {
                    *to = u32::try_from(item.as_u64().ok_or("an id is no number")?)?;
                }
            }
            found = recall(&list, &set.truth);
            if (found - outcome.recall).abs() > 0.0 {
                return Err(format!("{name} finds {found}, and Rust {}", outcome.recall).into());
            }
        }
        let note = format!(
            "{:.0} of {:.0} searches a second at ef {EF}, recall {found:.4}, the same answers",
            median(&theirs),
            median(&ours)
        );
        let share = median(&theirs) / median(&ours);
        figure::print(&format!("ann.{}.{name}.share", set.name), share, "1", &note);
    }
    std::fs::remove_file(file)?;
    Ok(())
}
