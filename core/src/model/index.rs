//! A vector index that travels in a snapshot: its sections beside the model's.
//!
//! Answers to requests do not look at it. `docs/index-format.md` says how the two share a file.

use super::Model;
use crate::catalog::columns::ColumnInfo;
use crate::error::{Error, ErrorKind, Result};
use crate::index::{VectorIndex, part};
use crate::snapshot::{Piece, Pieces, Section, Sections, join};

/// The index of a model with these columns, every byte of it checked; `None` if there is none.
pub(super) fn check(sections: &Sections, columns: &[ColumnInfo]) -> Result<Option<VectorIndex>> {
    if sections.range(Section::IndexManifest, 0).is_empty() {
        return Ok(None);
    }
    let index = VectorIndex::of(sections, true)?;
    if index.has_attributes() && (part::first_column(sections)? as usize) < columns.len() {
        return Err(Error::new(
            ErrorKind::CorruptSnapshot,
            "the snapshot is damaged: the columns of its index are the model's",
        ));
    }
    Ok(Some(index))
}

impl Model {
    /// The same model with a vector index in its snapshot, in the place of the one that it has: a
    /// snapshot of its own, with another hash. One file then holds what both answer from.
    ///
    /// The items of the two need not be the same, and each keeps its attributes. Answers of the
    /// model do not change. Updating keeps the index; training and the edge export make snapshots
    /// without one: add [`VectorIndex::export_edge`] to an edge export with this method.
    ///
    /// # Errors
    /// [`ErrorKind::CorruptSnapshot`] for an index that was opened without a check and is damaged,
    /// [`ErrorKind::LimitExceeded`] beyond what the machine can address.
    ///
    /// # Cost
    /// A copy of the model's bytes and of the index's, which are then verified.
    ///
    /// ```
    /// use tastemaker::event::{EventColumns, IdColumn};
    /// use tastemaker::index::{IndexOptions, SearchOptions, Target, VectorIndex, Vectors};
    /// use tastemaker::{control::Control, model::Model, train::{TrainOptions, train}};
    /// let events = EventColumns::new(IdColumn::Text(&["ann"]), IdColumn::Text(&["mill"]));
    /// let model = train(&events, None, &TrainOptions::default(), &Control::new())?;
    /// let vectors = Vectors::new(&[1.0, 0.1, 0.9, 0.2], 2)?;
    /// let ids = IdColumn::Text(&["mill", "loft"]);
    /// let index = VectorIndex::build(ids, vectors, &IndexOptions::default(), &Control::new())?;
    ///
    /// let both = Model::from_bytes(model.with_index(&index)?.as_bytes())?;
    /// let found = both.index().unwrap().search(&Target::item("mill"), &SearchOptions::top(1))?;
    /// assert_eq!(both.index().unwrap().id(found.items[0].item), Some("loft"));
    /// assert_eq!(both.index().unwrap().as_bytes(), index.as_bytes());
    /// assert_eq!(both.without_index()?.hash(), model.hash());
    /// # Ok::<(), tastemaker::Error>(())
    /// ```
    pub fn with_index(&self, index: &VectorIndex) -> Result<Self> {
        self.joined(Some(index.sections()))
    }

    /// The same model without the vector index in its snapshot.
    ///
    /// # Errors
    /// As [`Model::with_index`].
    ///
    /// # Cost
    /// A copy of the model's bytes; nothing if there is no index.
    pub fn without_index(&self) -> Result<Self> {
        match self.inner.index {
            None => Ok(self.clone()),
            Some(_) => self.joined(None),
        }
    }

    /// The vector index in the snapshot, where it lies: nothing is copied, and a clone of it keeps
    /// the snapshot's memory.
    #[must_use]
    pub fn index(&self) -> Option<&VectorIndex> {
        self.inner.index.as_ref()
    }

    /// The same model with the index of another, if that has one.
    pub(crate) fn with_index_of(self, other: &Self) -> Result<Self> {
        match other.index() {
            None => Ok(self),
            Some(index) => self.with_index(index),
        }
    }

    fn joined(&self, index: Option<&Sections>) -> Result<Self> {
        // A catalog has 1,024 attributes at most.
        let columns = self.inner.columns.len() as u32;
        let first = columns.to_le_bytes();
        let own = self.inner.sections.pieces();
        let mut pieces: Pieces<'_> = own
            .filter(|&((code, at), _)| part::of_model(code, at, columns))
            .collect();
        if let Some(index) = index {
            for ((code, at), piece) in index.pieces() {
                if let Some(at) = part::placed(code, at, columns) {
                    pieces.insert((code, at), piece);
                }
            }
            if columns > 0 {
                pieces.insert((Section::IndexFirstColumn as u32, 0), Piece::new(&first));
            }
        }
        Self::from_storage(join(&pieces, self.inner.sections.version())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::Control;
    use crate::event::{EventColumns, IdColumn};
    use crate::index::{IndexOptions, Vectors};
    use crate::train::{TrainOptions, train};

    #[test]
    fn the_index_lies_in_the_memory_of_the_model() {
        let ids = IdColumn::Text(&["a", "b", "c"]);
        let events = EventColumns::new(ids, ids);
        let model = train(&events, None, &TrainOptions::default(), &Control::new()).unwrap();
        let vectors = Vectors::new(&[1.0, 0.0, 0.0, 1.0, 1.0, 1.0], 2).unwrap();
        let options = IndexOptions::default();
        let index = VectorIndex::build(ids, vectors, &options, &Control::new()).unwrap();
        let both = model.with_index(&index).unwrap();
        let within = both.index().unwrap();
        let start = |bytes: &[u8]| bytes.as_ptr() as usize;
        let file = start(both.as_bytes())..start(both.as_bytes()) + both.as_bytes().len();
        let lies = |index: &VectorIndex| {
            let sections = index.sections();
            file.contains(&start(
                sections.slice::<u8>(&sections.range(Section::IndexCodes, 0)),
            ))
        };
        assert!(lies(within));
        assert!(!lies(&index));
        // The file of the index alone is made once, and the index stays where it is.
        let copied = within.as_bytes();
        assert!(!file.contains(&start(copied)));
        assert_eq!(start(copied), start(within.clone().as_bytes()));
        assert!(lies(within));
    }
}
