//! The snapshot file: little-endian sections, 64-byte aligned, each with length and checksum.
//!
//! `docs/snapshot-format.md` is the normative description; this module is its reader and writer.
//! A snapshot is read where it lies, in a memory map or in one aligned buffer: opening it
//! verifies every byte once and copies none of the large sections. All file access of the
//! library is in `file`.

pub(crate) mod file;
mod format;
mod reader;
mod storage;
mod writer;

pub(crate) use format::Section;
pub use format::{MAGIC, VERSION};
pub(crate) use reader::Sections;
pub(crate) use storage::Storage;
pub(crate) use writer::{Piece, Pieces, Writer, join};
