//! Verifies a snapshot and finds its sections.

use std::ops::Range;
use std::sync::Arc;

use super::format::{
    ENTRY, HEADER, MAGIC, MAX_SECTIONS, OLDEST_VERSION, Section, VERSION, aligned,
};
use super::{Piece, Storage};
use crate::error::{Error, ErrorKind, Result};

/// A section of an open snapshot.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) code: u32,
    pub(crate) index: u32,
    pub(crate) range: Range<usize>,
    /// Of its bytes and their padding, as the table says.
    pub(crate) checksum: u64,
}

/// An open snapshot, or a part of one: the bytes, and where each section lies. A clone shares the
/// bytes.
#[derive(Clone)]
pub(crate) struct Sections {
    storage: Arc<Storage>,
    version: u32,
    /// Ascending by (code, index).
    table: Arc<[Entry]>,
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
        Self::open_shared(Arc::new(storage), verify)
    }

    fn open_shared(storage: Arc<Storage>, verify: bool) -> Result<Self> {
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
            let sum = u64_at(bytes, entry + 24)?;
            if verify && checksum(bytes, start..start + padded)? != sum {
                return Err(corrupt(format!(
                    "the checksum of section {code}.{index} does not match"
                )));
            }
            if table
                .last()
                .is_some_and(|last: &Entry| (last.code, last.index) >= (code, index))
            {
                return Err(corrupt("its sections are out of order"));
            }
            table.push(Entry {
                code,
                index,
                range: start..start + len,
                checksum: sum,
            });
            expected = start + padded;
        }
        if expected != bytes.len() {
            return Err(corrupt("it has bytes after the last section"));
        }
        Ok(Self {
            storage,
            version,
            table: table.into(),
        })
    }

    /// The same bytes, every one of them verified.
    pub(crate) fn verified(&self) -> Result<Self> {
        Self::open_shared(Arc::clone(&self.storage), true)
    }

    /// Some of the sections, each under the index that `place` gives it; the bytes are shared. The
    /// order of the sections must stay.
    pub(crate) fn part(&self, place: impl Fn(&Entry) -> Option<u32>) -> Self {
        let entry = |entry: &Entry| {
            place(entry).map(|index| Entry {
                index,
                ..entry.clone()
            })
        };
        Self {
            storage: Arc::clone(&self.storage),
            version: VERSION,
            table: self.table.iter().filter_map(entry).collect(),
        }
    }

    fn find(&self, section: Section, index: u32) -> Option<&Entry> {
        let key = (section as u32, index);
        let at = self
            .table
            .binary_search_by(|entry| (entry.code, entry.index).cmp(&key))
            .ok()?;
        self.table.get(at)
    }

    /// Checks the checksum of one section, for a reader that left the others unread. Absent
    /// sections are sound.
    pub(crate) fn check(&self, section: Section, index: u32) -> Result<()> {
        let Some(entry) = self.find(section, index) else {
            return Ok(());
        };
        let end = aligned(entry.range.end).unwrap_or(entry.range.end);
        if checksum(self.bytes(), entry.range.start..end)? != entry.checksum {
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

    /// All sections, those that this build does not know among them, as they are: by (code, index).
    pub(crate) fn pieces(&self) -> impl Iterator<Item = ((u32, u32), Piece<'_>)> {
        let piece = |entry: &Entry| {
            let end = aligned(entry.range.end).unwrap_or(entry.range.end);
            Piece {
                data: self.bytes().get(entry.range.start..end).unwrap_or(&[]),
                len: entry.range.len(),
                checksum: Some(entry.checksum),
            }
        };
        let each = self.table.iter();
        each.map(move |entry| ((entry.code, entry.index), piece(entry)))
    }

    /// What a file of these sections alone would start with, and its length.
    pub(crate) fn head(&self) -> Result<(Vec<u8>, usize)> {
        let each = self.table.iter();
        super::writer::head(
            each.map(|entry| (entry.code, entry.index, entry.range.len(), entry.checksum)),
            self.version,
        )
    }

    /// The version of the format that it is written in.
    pub(crate) fn version(&self) -> u32 {
        self.version
    }

    /// A hash of the content: over the header and the table, which hold every checksum.
    pub(crate) fn hash(&self) -> u128 {
        let first = self.table.first();
        let end = first.map_or(self.bytes().len(), |entry| entry.range.start);
        xxhash_rust::xxh3::xxh3_128(self.bytes().get(..end).unwrap_or(&[]))
    }

    /// The range of a section; empty if the file has none of that kind.
    pub(crate) fn range(&self, section: Section, index: u32) -> Range<usize> {
        self.find(section, index)
            .map_or(0..0, |entry| entry.range.clone())
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
