//! What the targets share: files whose checksums are right whatever else they say, so that a
//! fuzzer gets past them.

#![allow(
    clippy::unwrap_used,
    reason = "seeds are made of small data that is known to be good"
)]

use std::path::PathBuf;

use xxhash_rust::xxh3::xxh3_64;

/// The index's samples and questions, as the tests of damage use them.
#[path = "../../core/tests/samples/mod.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod samples;

pub use seeds::seeds;

mod seeds;

const HEADER: usize = 64;
const ENTRY: usize = 32;

/// Asks an index everything that there is to ask.
pub fn ask_index(index: &tastemaker::index::VectorIndex, verified: bool) {
    samples::ask_all(index, verified);
}

fn word(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

fn put(bytes: &mut [u8], at: usize, value: u64) {
    if let Some(to) = bytes.get_mut(at..at + 8) {
        to.copy_from_slice(&value.to_le_bytes());
    }
}

/// Makes the magic, the version, the length and every checksum of a file right: of the header, of
/// the table, and of the sections that lie within.
pub fn seal(bytes: &mut [u8]) {
    if bytes.len() < HEADER {
        return;
    }
    bytes[..8].copy_from_slice(b"TASTEMKR");
    let version = 1 + u32::from(bytes[8].is_multiple_of(2));
    bytes[8..12].copy_from_slice(&version.to_le_bytes());
    let len = bytes.len() as u64;
    put(bytes, 16, len);
    let count = u32::from_le_bytes([bytes[12], bytes[13], bytes[14], bytes[15]]) as usize;
    let end = count
        .saturating_mul(ENTRY)
        .saturating_add(HEADER)
        .next_multiple_of(64);
    if let Some(table) = bytes.get(HEADER..end) {
        let sums: Vec<(usize, u64)> = (HEADER..HEADER + count * ENTRY)
            .step_by(ENTRY)
            .filter_map(|entry| {
                let start = usize::try_from(word(bytes, entry + 8)?).ok()?;
                let len = usize::try_from(word(bytes, entry + 16)?).ok()?;
                let end = start.checked_add(len)?.checked_next_multiple_of(64)?;
                Some((entry + 24, xxh3_64(bytes.get(start..end)?)))
            })
            .collect();
        debug_assert!(table.len() + HEADER == end);
        for (at, sum) in sums {
            put(bytes, at, sum);
        }
        let table = xxh3_64(&bytes[HEADER..end]);
        put(bytes, 24, table);
    }
    let header = xxh3_64(&bytes[..56]);
    put(bytes, 56, header);
}

/// A file of this process that a target may overwrite, in memory where there is such a folder.
pub fn scratch(name: &str) -> PathBuf {
    let shared = PathBuf::from("/dev/shm");
    let folder = if shared.is_dir() {
        shared
    } else {
        std::env::temp_dir()
    };
    folder.join(format!("tastemaker-fuzz-{name}-{}", std::process::id()))
}
