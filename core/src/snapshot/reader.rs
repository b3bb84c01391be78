//! Verifies a snapshot and finds its sections.

use std::ops::Range;

use super::Storage;
use super::format::{
    ENTRY, HEADER, MAGIC, MAX_SECTIONS, OLDEST_VERSION, Section, VERSION, aligned,
};
use crate::error::{Error, ErrorKind, Result};

/// An open snapshot: its bytes, and where each section lies.
pub(crate) struct Sections {
    storage: Storage,
    version: u32,
    /// Ascending by (code, index).
    table: Vec<(u32, u32, Range<usize>)>,
}

fn corrupt(why: impl std::fmt::Display) -> Error {
    Error::new(
        ErrorKind::CorruptSnapshot,
        format!("the snapshot is damaged: {why}"),
    )
}

impl Sections {
    /// Checks the header, the table and every section's checksum. Reads each byte once.
    pub(crate) fn open(storage: Storage) -> Result<Self> {
        Self::open_with(storage, true)
    }

    /// [`Sections::open`], or without the checksums of the sections: then it reads the header and
    /// the table, and nothing else. A reader of such sections must bear any bytes in them.
    pub(crate) fn open_with(storage: Storage, verify: bool) -> Result<Self> {
        let bytes = storage.bytes();
        if bytes.get(..8) != Some(MAGIC) {
            return Err(Error::new(
                ErrorKind::NotASnapshot,
                "not a tastemaker snapshot: it does not start with TASTEMKR",
            ));
        }
        if bytes.len() < HEADER {
            return Err(corrupt("it ends within its header"));
        }
        let version = u32_at(bytes, 8)?;
        if !(OLDEST_VERSION..=VERSION).contains(&version) {
            return Err(Error::new(
                ErrorKind::UnsupportedVersion,
                format!(
                    "snapshot version {version}; this build reads {OLDEST_VERSION} to {VERSION}"
                ),
            ));
        }
        if checksum(bytes, 0..HEADER - 8)? != u64_at(bytes, HEADER - 8)? {
            return Err(corrupt("the header's checksum does not match"));
        }
        let count = u32_at(bytes, 12)? as usize;
        if u64_at(bytes, 16)? != bytes.len() as u64 {
            return Err(corrupt(format!(
                "it has {} bytes and its header says {}",
                bytes.len(),
                u64_at(bytes, 16)?
            )));
        }
        if count > MAX_SECTIONS {
            return Err(corrupt(format!("{count} sections")));
        }
        let table_end =
            aligned(HEADER + count * ENTRY).ok_or_else(|| corrupt("its table is too long"))?;
        if checksum(bytes, HEADER..table_end)? != u64_at(bytes, 24)? {
            return Err(corrupt("the section table's checksum does not match"));
        }
        let mut table = Vec::with_capacity(count);
        let mut expected = table_end;
        for n in 0..count {
            let entry = HEADER + n * ENTRY;
            let (code, index) = (u32_at(bytes, entry)?, u32_at(bytes, entry + 4)?);
            let outside = || corrupt(format!("section {code}.{index} lies outside the file"));
            let start = usize::try_from(u64_at(bytes, entry + 8)?).map_err(|_| outside())?;
            let len = usize::try_from(u64_at(bytes, entry + 16)?).map_err(|_| outside())?;
            let padded = aligned(len).ok_or_else(outside)?;
            if start != expected
                || bytes
                    .len()
                    .checked_sub(start)
                    .is_none_or(|rest| rest < padded)
            {
                return Err(outside());
            }
            if verify && checksum(bytes, start..start + padded)? != u64_at(bytes, entry + 24)? {
                return Err(corrupt(format!(
                    "the checksum of section {code}.{index} does not match"
                )));
            }
            if table
                .last()
                .is_some_and(|&(c, i, _)| (c, i) >= (code, index))
            {
                return Err(corrupt("its sections are out of order"));
            }
            table.push((code, index, start..start + len));
            expected = start + padded;
        }
        if expected != bytes.len() {
            return Err(corrupt("it has bytes after the last section"));
        }
        Ok(Self {
            storage,
            version,
            table,
        })
    }

    /// Checks the checksum of one section, for a reader that left the others unread. Absent
    /// sections are sound.
    pub(crate) fn check(&self, section: Section, index: u32) -> Result<()> {
        let key = (section as u32, index);
        let Ok(at) = self.table.binary_search_by(|(c, i, _)| (*c, *i).cmp(&key)) else {
            return Ok(());
        };
        let entry = HEADER + at * ENTRY;
        let range = self
            .table
            .get(at)
            .map_or(0..0, |(_, _, range)| range.clone());
        let end = aligned(range.end).unwrap_or(range.end);
        if checksum(self.bytes(), range.start..end)? != u64_at(self.bytes(), entry + 24)? {
            return Err(corrupt(format!(
                "the checksum of section {section:?}.{index} does not match"
            )));
        }
        Ok(())
    }

    /// The whole file.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.storage.bytes()
    }

    /// All sections, those that this build does not know among them.
    pub(crate) fn all(&self) -> impl Iterator<Item = (u32, u32, &[u8])> {
        let bytes = |range: &Range<usize>| self.bytes().get(range.clone()).unwrap_or(&[]);
        let each = self.table.iter();
        each.map(move |(code, index, range)| (*code, *index, bytes(range)))
    }

    /// The version of the format that it is written in.
    pub(crate) fn version(&self) -> u32 {
        self.version
    }

    /// A hash of the content: over the header and the table, which hold every checksum.
    pub(crate) fn hash(&self) -> u128 {
        let end = self
            .table
            .first()
            .map_or(self.bytes().len(), |(_, _, range)| range.start);
        xxhash_rust::xxh3::xxh3_128(self.bytes().get(..end).unwrap_or(&[]))
    }

    /// The range of a section; empty if the file has none of that kind.
    pub(crate) fn range(&self, section: Section, index: u32) -> Range<usize> {
        let key = (section as u32, index);
        match self.table.binary_search_by(|(c, i, _)| (*c, *i).cmp(&key)) {
            Ok(at) => self
                .table
                .get(at)
                .map_or(0..0, |(_, _, range)| range.clone()),
            Err(_) => 0..0,
        }
    }

    /// A range as elements; empty if its length does not fit the element.
    pub(crate) fn slice<T: bytemuck::AnyBitPattern>(&self, range: &Range<usize>) -> &[T] {
        self.bytes()
            .get(range.clone())
            .and_then(|bytes| bytemuck::try_cast_slice(bytes).ok())
            .unwrap_or(&[])
    }

    /// A section as elements, with an exact number of them.
    pub(crate) fn exactly<T: bytemuck::AnyBitPattern>(
        &self,
        section: Section,
        index: u32,
        len: usize,
    ) -> Result<Range<usize>> {
        let range = self.range(section, index);
        if self.slice::<T>(&range).len() != len {
            return Err(corrupt(format!(
                "section {section:?}.{index} has {} bytes, not {len} elements",
                range.len()
            )));
        }
        Ok(range)
    }
}

fn checksum(bytes: &[u8], range: Range<usize>) -> Result<u64> {
    bytes
        .get(range)
        .map(xxhash_rust::xxh3::xxh3_64)
        .ok_or_else(|| corrupt("it is cut short"))
}

fn u32_at(bytes: &[u8], at: usize) -> Result<u32> {
    let field = bytes
        .get(at..at + 4)
        .and_then(|b| b.try_into().ok())
        .ok_or_else(|| corrupt("it is cut short"))?;
    Ok(u32::from_le_bytes(field))
}

fn u64_at(bytes: &[u8], at: usize) -> Result<u64> {
    let field = bytes
        .get(at..at + 8)
        .and_then(|b| b.try_into().ok())
        .ok_or_else(|| corrupt("it is cut short"))?;
    Ok(u64::from_le_bytes(field))
}
