//! The index in the file of a model: which of the sections are its own.
//!
//! The index's sections have codes of their own but for its attributes, which are columns as the
//! model's are. They come behind those; where they begin is a section, so that all others, the
//! index's manifest among them, are what they are in a file of the index alone.

use crate::catalog::MAX_ATTRIBUTES;
use crate::error::Result;
use crate::snapshot::{Section, Sections};

use super::file::corrupt;

/// The codes that belong to an index, in whatever file.
const OWN: std::ops::RangeInclusive<u32> = Section::IndexFirstColumn as u32..=127;
/// The codes of columns, of a model's and of an index's.
const COLUMNS: std::ops::RangeInclusive<u32> =
    Section::ColumnPresent as u32..=Section::ColumnPlaces as u32;

/// Whether a section is one of a model with so many columns, and not of an index beside it.
pub(crate) fn of_model(code: u32, index: u32, columns: u32) -> bool {
    !OWN.contains(&code) && (index < columns || !COLUMNS.contains(&code))
}

/// The index that a section of an index gets in the file of a model with so many columns; `None`
/// for what is none of an index.
pub(crate) fn placed(code: u32, index: u32, columns: u32) -> Option<u32> {
    if COLUMNS.contains(&code) {
        return index.checked_add(columns);
    }
    let own = OWN.contains(&code) && code != Section::IndexFirstColumn as u32;
    own.then_some(index)
}

/// The number of the index's first column.
pub(crate) fn first_column(sections: &Sections) -> Result<u32> {
    sections.check(Section::IndexFirstColumn, 0)?;
    let range = sections.range(Section::IndexFirstColumn, 0);
    if range.is_empty() {
        return Ok(0);
    }
    match sections.slice::<u32>(&range) {
        [first] if *first as usize <= MAX_ATTRIBUTES => Ok(*first),
        _ => Err(corrupt("the number of its first column")),
    }
}

/// The sections of the index in the file of a model, as they stand in a file of their own; `None`
/// if the file is the index's own.
pub(super) fn of(sections: &Sections) -> Result<Option<Sections>> {
    let first = first_column(sections)?;
    if first == 0 && sections.range(Section::Manifest, 0).is_empty() {
        return Ok(None);
    }
    Ok(Some(sections.part(|entry| {
        if COLUMNS.contains(&entry.code) {
            return entry.index.checked_sub(first);
        }
        placed(entry.code, entry.index, 0)
    })))
}
