//! Lays sections out and writes their header.

use std::collections::BTreeMap;

use super::Storage;
use super::format::{ENTRY, HEADER, MAGIC, Section, VERSION, aligned};
use crate::error::{Error, ErrorKind, Result};

/// Collects sections and joins them into one file's bytes.
///
/// Equal sections give equal bytes: the order of the file is that of (section, index), not of
/// the calls.
#[derive(Default)]
pub(crate) struct Writer {
    sections: BTreeMap<(u32, u32), Vec<u8>>,
}

impl Writer {
    /// Adds a section; `index` tells columns of one kind apart.
    pub(crate) fn add<T: bytemuck::NoUninit>(&mut self, section: Section, index: u32, data: &[T]) {
        self.sections
            .insert((section as u32, index), bytemuck::cast_slice(data).to_vec());
    }

    /// The finished file.
    pub(crate) fn finish(self) -> Result<Storage> {
        let sections = self.sections.iter();
        join(
            &sections
                .map(|(&key, data)| (key, Piece::new(data)))
                .collect(),
            VERSION,
        )
    }
}

/// A section of a file to be.
#[derive(Clone, Copy)]
pub(crate) struct Piece<'a> {
    /// With its padding, or without.
    pub(crate) data: &'a [u8],
    pub(crate) len: usize,
    /// That of another file, from which the section comes as it is, damage and all.
    pub(super) checksum: Option<u64>,
}

impl<'a> Piece<'a> {
    /// A new section.
    pub(crate) fn new(data: &'a [u8]) -> Self {
        Self {
            data,
            len: data.len(),
            checksum: None,
        }
    }
}

/// Sections by (code, index).
pub(crate) type Pieces<'a> = BTreeMap<(u32, u32), Piece<'a>>;

fn too_large() -> Error {
    Error::new(
        ErrorKind::LimitExceeded,
        "the snapshot is larger than this machine can address",
    )
}

/// The file of these sections, of a version whose sections they are.
pub(crate) fn join(pieces: &Pieces<'_>, version: u32) -> Result<Storage> {
    let mut end = table_end(pieces.len())?;
    for piece in pieces.values() {
        end = after(end, piece.len)?;
    }
    let mut file = Storage::zeroed(end);
    let bytes = file.bytes_mut();
    let mut entries = Vec::with_capacity(pieces.len());
    let mut at = table_end(pieces.len())?;
    for (&(code, index), piece) in pieces {
        let end = after(at, piece.len)?;
        put(bytes, at, piece.data);
        let sum = || bytes.get(at..end).map_or(0, xxhash_rust::xxh3::xxh3_64);
        let checksum = piece.checksum.unwrap_or_else(sum);
        entries.push((code, index, piece.len, checksum));
        at = end;
    }
    let (head, _) = head(entries.into_iter(), version)?;
    put(bytes, 0, &head);
    Ok(file)
}

/// The header and the table of a file, and the file's length: of sections in their order, each its
/// code, index, length and checksum.
pub(super) fn head(
    sections: impl ExactSizeIterator<Item = (u32, u32, usize, u64)>,
    version: u32,
) -> Result<(Vec<u8>, usize)> {
    let count = sections.len();
    let table_end = table_end(count)?;
    let mut bytes = vec![0; table_end];
    let mut at = table_end;
    for (n, (code, index, len, checksum)) in sections.enumerate() {
        let entry = HEADER + n * ENTRY;
        put(&mut bytes, entry, &code.to_le_bytes());
        put(&mut bytes, entry + 4, &index.to_le_bytes());
        put(&mut bytes, entry + 8, &(at as u64).to_le_bytes());
        put(&mut bytes, entry + 16, &(len as u64).to_le_bytes());
        put(&mut bytes, entry + 24, &checksum.to_le_bytes());
        at = after(at, len)?;
    }
    put(&mut bytes, 0, MAGIC);
    put(&mut bytes, 8, &version.to_le_bytes());
    put(&mut bytes, 12, &(count as u32).to_le_bytes());
    put(&mut bytes, 16, &(at as u64).to_le_bytes());
    let sum = |bytes: &[u8], range| bytes.get(range).map_or(0, xxhash_rust::xxh3::xxh3_64);
    let table = sum(&bytes, HEADER..table_end);
    put(&mut bytes, 24, &table.to_le_bytes());
    let header = sum(&bytes, 0..HEADER - 8);
    put(&mut bytes, HEADER - 8, &header.to_le_bytes());
    Ok((bytes, at))
}

/// Where the first section starts.
fn table_end(sections: usize) -> Result<usize> {
    aligned(HEADER + sections * ENTRY).ok_or_else(too_large)
}

/// Where a section of this length, padded, ends.
fn after(start: usize, len: usize) -> Result<usize> {
    start
        .checked_add(len)
        .and_then(aligned)
        .ok_or_else(too_large)
}

fn put(bytes: &mut [u8], at: usize, data: &[u8]) {
    if let Some(target) = bytes.get_mut(at..at + data.len()) {
        target.copy_from_slice(data);
    }
}
