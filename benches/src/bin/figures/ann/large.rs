//! What takes minutes: a million vectors, vectors of 1,536 values, and the scan of memory.

use std::hint::black_box;

use tastemaker::index::{IndexOptions, Kind, Precision, VectorIndex};

use super::sides::Ours;
use super::{build, line, one, options, start};
use crate::sitting::Sitting;
use tastemaker_benches::figure::{self, Better};
use tastemaker_benches::stats::{median, timed, timed_on_core};
use tastemaker_benches::vectors::VectorSet;
use tastemaker_benches::{Failure, peer};
use tastemaker_kernels::prefetch;

/// How often memory is read in a round: the time of a core comes in steps of some milliseconds, which
/// is what one reading takes.
const READS: u32 = 32;

/// How far ahead of a sum memory is asked for, in chunks of 512 bytes.
const FAR: usize = 16;

/// Prints the group.
pub(crate) fn print(sitting: &Sitting) -> Result<(), Failure> {
    bandwidth(sitting)?;
    let shape = (50_000, 1536);
    let wide = VectorSet::clustered("clustered-1536", shape, 500, 500, &sitting.scratch)?;
    one(sitting, &wide, false)?;
    million(sitting)
}

/// Prints `ann.exact-800k.…`: the scan's share of what memory gives.
fn bandwidth(sitting: &Sitting) -> Result<(), Failure> {
    let set = VectorSet::clustered("clustered-800k", (800_000, 128), 8000, 8, &sitting.scratch)?;
    let given = IndexOptions {
        kind: Kind::Exact,
        storage: Precision::Int8,
        ..options(sitting.threads)?
    };
    let index = build(&set, &given)?;
    let words: Vec<u64> = (0..800_000 * 16).collect();
    let (mut scan, mut read) = (Vec::new(), Vec::new());
    let ours = Ours::new(&index, &set, false);
    for _ in 0..sitting.runs {
        let (answers, seconds) = ours.answers(&ours.options)?;
        scan.push(seconds / answers.len() as f64);
        let (sums, seconds) = timed_on_core(|| {
            (0..READS)
                .map(|_| sum(black_box(&words)))
                .fold(0, u64::wrapping_add)
        });
        black_box(sums);
        read.push(seconds / f64::from(READS));
    }
    let bytes = (800_000 * 128) as f64;
    let (scanned, read) = (bytes / median(&scan) / 1e9, bytes / median(&read) / 1e9);
    figure::print(
        "ann.exact-800k.qps",
        1.0 / median(&scan),
        "1/s",
        "800,000 × 128, 8-bit storage, one query a call",
    );
    let note = format!("{scanned:.1} of {read:.1} GB/s, which adding up as many words reads");
    figure::print("ann.exact-800k.bandwidth_share", scanned / read, "1", &note);
    Ok(())
}

/// The sum of words in as many parts as registers hold, so that nothing but memory is waited for,
/// which is asked for far ahead: a processor by itself looks no further than a page.
fn sum(words: &[u64]) -> u64 {
    let mut parts = [0u64; 16];
    let (chunks, _) = words.as_chunks::<64>();
    for (n, words) in chunks.iter().enumerate() {
        if let Some(later) = chunks.get(n + FAR) {
            prefetch(later);
        }
        for words in words.as_chunks::<16>().0 {
            for (part, word) in parts.iter_mut().zip(words) {
                *part = part.wrapping_add(*word);
            }
        }
    }
    parts.iter().fold(0, |sum, &part| sum.wrapping_add(part))
}

/// Prints `ann.clustered-1m.…`.
fn million(sitting: &Sitting) -> Result<(), Failure> {
    let shape = (1_000_000, 128);
    let set = VectorSet::clustered("clustered-1m", shape, 10_000, 500, &sitting.scratch)?;
    let mut peers = start(sitting, &set, &["hnswlib"])?;
    let given = options(sitting.threads)?;
    let small = VectorSet::clustered("clustered-100k", (100_000, 128), 1000, 8, &sitting.scratch)?;
    let (built, tenth) = timed(|| build(&small, &given));
    drop(built?);
    let (index, seconds) = timed(|| build(&set, &given));
    let index = index?;
    let mut theirs = Vec::new();
    for peer in &mut peers {
        theirs.push(peer::number(
            &peer.peer.ask(&format!("build {}", sitting.threads))?,
            "s",
        )?);
    }
    let note = format!(
        "{} threads, one build; 100,000 of the same kind take {tenth:.2} s",
        sitting.threads
    );
    line(
        "ann.clustered-1m.build.s",
        seconds,
        "s",
        &note,
        Better::Lower,
        "hnswlib",
        &theirs,
    );
    super::speeds(sitting, &set, &index, &mut peers)?;
    let bytes = index.as_bytes().len() as f64;
    figure::print(
        "ann.clustered-1m.mb",
        bytes / 1e6,
        "MB",
        "the file, which is what it takes in memory",
    );
    let file = sitting.scratch.join("clustered-1m.index");
    index.save(&file)?;
    drop(index);
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..sitting.runs.max(5) {
        let (opened, seconds) = timed(|| VectorIndex::open_unverified(&file));
        drop(opened?);
        times[0].push(seconds * 1e3);
        let (opened, seconds) = timed(|| VectorIndex::open(&file));
        drop(opened?);
        times[1].push(seconds * 1e3);
    }
    std::fs::remove_file(&file)?;
    let [quick, verified] = times.map(|times| median(&times));
    figure::print(
        "ann.clustered-1m.open.ms",
        quick,
        "ms",
        "from the memory map; what is searched is verified when it is asked for",
    );
    figure::print(
        "ann.clustered-1m.open_verified.ms",
        verified,
        "ms",
        "with every byte verified",
    );
    Ok(())
}
