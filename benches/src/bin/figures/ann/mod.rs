//! Vector search beside hnswlib, faiss, usearch and hnsw_rs, on one thread each.
//!
//! A real set (`glove-100k`, 50 dimensions) and a made one (`clustered-100k`, 128 dimensions).
//! Each side is measured at a list of widths of search (`ef`), and what stands in a line is its
//! speed where it reaches the recall that the line names, interpolated between the two widths
//! around it. Searches are timed by the seconds that a core spends, so that a busy machine
//! disturbs less; builds by the clock on the wall. `ann-large` has the sets that take minutes to build.

mod binary;
mod exact;
mod filtered;
mod large;
mod sides;
mod sweep;
mod wasm;

use std::path::PathBuf;

use tastemaker::control::Control;
use tastemaker::event::IdColumn;
use tastemaker::index::{IndexOptions, Kind, VectorIndex, Vectors};

use crate::sitting::Sitting;
use sides::{Ours, Theirs};
use sweep::{Reading, readings};
use tastemaker_benches::figure::{self, Better, Rival};
use tastemaker_benches::peer::Peer;
use tastemaker_benches::stats::{median, timed};
use tastemaker_benches::vectors::VectorSet;
use tastemaker_benches::{Failure, peer};

pub(crate) use large::print as print_large;

/// Recalls at which speeds are compared, as the figures name them.
const RECALLS: [(&str, f64); 3] = [("r95", 0.95), ("r99", 0.99), ("r998", 0.998)];
/// The libraries beside ours.
const PEERS: [&str; 4] = ["hnswlib", "faiss", "usearch", "hnsw_rs"];

/// Prints the group.
pub(crate) fn print(sitting: &Sitting) -> Result<(), Failure> {
    let glove = VectorSet::read(&sitting.data, "glove-100k", &sitting.scratch)?;
    one(sitting, &glove, true)?;
    let shape = (100_000, 128);
    let clustered = VectorSet::clustered("clustered-100k", shape, 1000, 1000, &sitting.scratch)?;
    let (index, mut peers) = one(sitting, &clustered, true)?;
    filtered::print(sitting, &clustered, &index, &mut peers)?;
    wasm::print(sitting, &clustered, &index)
}

/// How a library is set up, in words.
fn setting(name: &str) -> &'static str {
    match name {
        "hnswlib" => {
            "hnswlib 0.8.0 built for this processor, inner product of unit vectors, M=16, ef_construction=200, queries in one call"
        }
        "faiss" => {
            "faiss-cpu 1.15.1, IndexHNSWFlat(M=16, efConstruction=200), inner product, queries in one call"
        }
        "usearch" => {
            "usearch 2.26.6, bf16, connectivity=16, expansion_add=200, inner product, queries in one call"
        }
        "hnsw_rs" => {
            "hnsw_rs 0.3.5, simdeez, DistDot, M=16, ef_construction=200, 16 levels, one query a call"
        }
        _ => "",
    }
}

/// Builds the peer that is a Rust program, in its own folder.
fn build_hnsw_rs(sitting: &Sitting) -> Result<PathBuf, Failure> {
    let folder = sitting.root.join("benches/peers/hnsw_rs");
    let target = sitting.root.join("target/hnsw_rs");
    let status = std::process::Command::new("cargo")
        .args(["build", "--release", "--locked", "--quiet", "--target-dir"])
        .arg(&target)
        .current_dir(&folder)
        .status()?;
    if !status.success() {
        return Err(format!("{status}: cargo build in {}", folder.display()).into());
    }
    Ok(target.join("release/hnsw-rs-driver"))
}

/// Starts the peers that were asked for.
fn start(
    sitting: &Sitting,
    set: &VectorSet,
    names: &[&'static str],
) -> Result<Vec<Theirs>, Failure> {
    let Some(python) = &sitting.peers else {
        return Ok(Vec::new());
    };
    let driver = sitting.root.join("benches/peers/ann_driver.py");
    let start = |name: &&'static str| {
        if *name == "hnsw_rs" {
            let program = build_hnsw_rs(sitting)?;
            return Ok(Theirs {
                name,
                peer: Peer::start(name, &program, std::slice::from_ref(&set.folder))?,
                queries: set.queries.rows(),
            });
        }
        let arguments = [
            driver.clone().into_os_string(),
            (*name).into(),
            set.folder.clone().into(),
        ];
        Ok(Theirs {
            name,
            peer: Peer::start(name, python, &arguments)?,
            queries: set.queries.rows(),
        })
    };
    names.iter().map(start).collect()
}

/// The options of the figures, where they are not about one: our defaults with a graph.
fn options(threads: u64) -> Result<IndexOptions, Failure> {
    let threads = usize::try_from(threads)?;
    Ok(IndexOptions {
        kind: Kind::Hnsw,
        threads,
        ..IndexOptions::default()
    })
}

fn build(set: &VectorSet, options: &IndexOptions) -> Result<VectorIndex, Failure> {
    let ids: Vec<i64> = (0..set.base.rows()).map(|row| row as i64).collect();
    let vectors = Vectors::new(&set.base.values, set.base.width)?;
    Ok(VectorIndex::build(
        IdColumn::Integer(&ids),
        vectors,
        options,
        &Control::new(),
    )?)
}

/// Builds all sides, and prints what one set gives; returns what was built.
fn one(
    sitting: &Sitting,
    set: &VectorSet,
    again: bool,
) -> Result<(VectorIndex, Vec<Theirs>), Failure> {
    // hnsw_rs takes many minutes where others take one.
    let names = if again { &PEERS[..] } else { &PEERS[..3] };
    let mut peers = start(sitting, set, names)?;
    let options = options(sitting.threads)?;
    let (mut ours, mut theirs, mut bytes) = (Vec::new(), Vec::new(), 0.0);
    let mut index = None;
    for round in 0..if again { sitting.runs } else { 1 } {
        let (built, seconds) = timed(|| build(set, &options));
        index = Some(built?);
        ours.push(seconds);
        for side in &mut peers {
            // The others are built once, to be searched.
            if side.name == "hnswlib" || round == 0 {
                let answer = side.peer.ask(&format!("build {}", sitting.threads))?;
                if side.name == "hnswlib" {
                    theirs.push(peer::number(&answer, "s")?);
                    bytes = peer::number(&answer, "bytes")?;
                }
            }
        }
    }
    let index = index.ok_or("--runs must be at least 1")?;
    let note = format!(
        "m={}, ef_construction={}, {} threads",
        options.m, options.ef_construction, sitting.threads
    );
    let own_bytes = index.as_bytes().len() as f64 / index.rows() as f64;
    let figure = format!("ann.{}", set.name);
    line(
        &format!("{figure}.build.s"),
        median(&ours),
        "s",
        &note,
        Better::Lower,
        "hnswlib",
        &theirs,
    );
    let note = "the file over its vectors: floats, codes, links and ids";
    line(
        &format!("{figure}.bytes_per_vector"),
        own_bytes,
        "B",
        note,
        Better::Lower,
        "hnswlib",
        &[bytes],
    );
    speeds(sitting, set, &index, &mut peers)?;
    exact::print(sitting, set, &mut peers)?;
    binary::print(sitting, set)?;
    Ok((index, peers))
}

/// Prints a line with a peer's median, or without where it was not measured.
fn line(
    figure: &str,
    value: f64,
    unit: &str,
    note: &str,
    better: Better,
    name: &str,
    theirs: &[f64],
) {
    let theirs = median(theirs);
    if theirs.is_nan() || theirs == 0.0 {
        return figure::print(figure, value, unit, note);
    }
    let rival = Rival {
        name,
        value: theirs,
        better,
        setting: setting(name),
    };
    figure::print_with(figure, value, unit, note, &rival);
}

/// Prints `ann.SET.single.…` and `ann.SET.batch.…`.
fn speeds(
    sitting: &Sitting,
    set: &VectorSet,
    index: &VectorIndex,
    peers: &mut [Theirs],
) -> Result<(), Failure> {
    let mut single = Ours::new(index, set, false);
    let mut batch = Ours::new(index, set, true);
    let mut sides: Vec<&mut dyn sweep::Side> = vec![&mut single, &mut batch];
    for peer in peers {
        sides.push(peer);
    }
    let found = readings(&mut sides, &RECALLS.map(|(_, recall)| recall), sitting.runs)?;
    let (ours, theirs) = found.split_at(2);
    for (mode, ours) in ["single", "batch"].into_iter().zip(ours) {
        for (at, (name, recall)) in RECALLS.into_iter().enumerate() {
            let figure = format!("ann.{}.{mode}.{name}.qps", set.name);
            let own = &ours[at];
            if theirs.is_empty() {
                figure::print(&figure, own.qps, "1/s", &own.told("ours", recall));
            }
            for (name, theirs) in PEERS.into_iter().zip(theirs) {
                compare(&figure, own, &theirs[at], name, recall);
            }
        }
    }
    Ok(())
}

/// Prints a speed of ours at a recall beside theirs; without a ratio where a side does not reach it.
fn compare(figure: &str, ours: &Reading, theirs: &Reading, name: &str, recall: f64) {
    let note = format!(
        "{}; {}",
        ours.told("ours", recall),
        theirs.told(name, recall)
    );
    if !theirs.reached || !ours.reached {
        return figure::print(figure, ours.qps, "1/s", &note);
    }
    let rival = Rival {
        name,
        value: theirs.qps,
        better: Better::Higher,
        setting: setting(name),
    };
    figure::print_with(figure, ours.qps, "1/s", &note, &rival);
}
