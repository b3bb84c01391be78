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

    /// Takes a section over from another file, whatever it holds.
    pub(crate) fn copy(&mut self, code: u32, index: u32, data: &[u8]) {
        self.sections.insert((code, index), data.to_vec());
    }

    /// The finished file.
    pub(crate) fn finish(self) -> Result<Storage> {
        self.finish_as(VERSION)
    }

    /// The finished file, of a version whose sections these are.
    pub(crate) fn finish_as(self, version: u32) -> Result<Storage> {
        let too_large = || {
            Error::new(
                ErrorKind::LimitExceeded,
                "the snapshot is larger than this machine can address",
            )
        };
        let table_end = aligned(HEADER + self.sections.len() * ENTRY).ok_or_else(too_large)?;
        let mut end = table_end;
        for data in self.sections.values() {
            end = aligned(end.checked_add(data.len()).ok_or_else(too_large)?)
                .ok_or_else(too_large)?;
        }
        let mut file = Storage::zeroed(end);
        let bytes = file.bytes_mut();
        let mut at = table_end;
        for (n, ((section, index), data)) in self.sections.iter().enumerate() {
            let padded = aligned(data.len()).ok_or_else(too_large)?;
            put(bytes, at, data);
            let checksum = bytes
                .get(at..at + padded)
                .map_or(0, xxhash_rust::xxh3::xxh3_64);
            let entry = HEADER + n * ENTRY;
            put(bytes, entry, &section.to_le_bytes());
            put(bytes, entry + 4, &index.to_le_bytes());
            put(bytes, entry + 8, &(at as u64).to_le_bytes());
            put(bytes, entry + 16, &(data.len() as u64).to_le_bytes());
            put(bytes, entry + 24, &checksum.to_le_bytes());
            at += padded;
        }
        put(bytes, 0, MAGIC);
        put(bytes, 8, &version.to_le_bytes());
        put(bytes, 12, &(self.sections.len() as u32).to_le_bytes());
        put(bytes, 16, &(end as u64).to_le_bytes());
        let table = bytes
            .get(HEADER..table_end)
            .map_or(0, xxhash_rust::xxh3::xxh3_64);
        put(bytes, 24, &table.to_le_bytes());
        let header = bytes
            .get(..HEADER - 8)
            .map_or(0, xxhash_rust::xxh3::xxh3_64);
        put(bytes, HEADER - 8, &header.to_le_bytes());
        Ok(file)
    }
}

fn put(bytes: &mut [u8], at: usize, data: &[u8]) {
    if let Some(target) = bytes.get_mut(at..at + data.len()) {
        target.copy_from_slice(data);
    }
}
