//! Changes: a new index from an old one, while searches in the old one go on.

use std::collections::BTreeSet;

use crate::catalog::Catalog;
use crate::control::Control;
use crate::error::Result;
use crate::event::IdColumn;
use crate::rank::check_threads;

use super::VectorIndex;
use super::vectors::Vectors;

/// What changes in an index.
#[derive(Clone, Copy, Debug)]
pub struct Changes<'a> {
    /// The ids of `vectors`, one a row. Ids that the index has get these vectors in place of all
    /// they had; others are new items. Rows that share an id are one item.
    pub ids: IdColumn<'a>,
    /// The vectors.
    pub vectors: Vectors<'a>,
    /// Attributes of the items in `ids`, in place of those they had. Without it, items keep what
    /// they have.
    pub catalog: Option<&'a Catalog>,
    /// The ids of items to take out; an id that is also in `ids` is put in again. Ids that the
    /// index does not have are reported.
    pub remove: &'a [&'a str],
}

/// A changed index, and what became of the changes.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Updated {
    /// The new index.
    pub index: VectorIndex,
    /// Items that were new.
    pub inserted: usize,
    /// Items whose vectors were replaced.
    pub replaced: usize,
    /// Items that were taken out.
    pub removed: usize,
    /// Ids to remove that the index did not have, in the order given.
    pub unknown: Vec<String>,
}

/// The old attributes, with those of the new catalog's items in their place.
fn joined(old: Option<Catalog>, new: &Catalog) -> Result<Catalog> {
    let mut all = old.unwrap_or_default();
    for id in new.ids() {
        let attributes = new.get(id).unwrap_or_default();
        if all.contains(id) {
            all.replace(id, &attributes)?;
        } else {
            all.add(id, &attributes)?;
        }
    }
    Ok(all)
}

impl VectorIndex {
    /// A new index with the changes made. The old one stays as it is, and so do searches in it:
    /// readers go on with their clone until they take the new one.
    ///
    /// Rows that stay keep their vectors and codes. The new index is compact: nothing of what was
    /// removed is left in it. Costs a copy of the index and the work for the changes, so make
    /// many changes in one call.
    ///
    /// # Errors
    /// As [`VectorIndex::build`]; the old index is not touched.
    pub fn update(
        &self,
        changes: &Changes<'_>,
        threads: usize,
        control: &Control<'_>,
    ) -> Result<Updated> {
        check_threads(threads)?;
        let inner = &self.inner;
        let view = inner.view();
        let mut gone = BTreeSet::new();
        let mut unknown = Vec::new();
        for id in changes.remove {
            match view.ids.find(id) {
                Some(item) => {
                    gone.insert(item);
                }
                None => unknown.push((*id).to_owned()),
            }
        }
        let (codes, texts) = changes.ids.encode();
        let mut used = vec![false; texts.len()];
        for &code in &codes {
            if let Some(used) = used.get_mut(code as usize) {
                *used = true;
            }
        }
        let mut replaced = BTreeSet::new();
        let mut inserted = 0;
        for (id, _) in texts.iter().zip(&used).filter(|(_, used)| **used) {
            match view.ids.find(id) {
                Some(item) => {
                    replaced.insert(item);
                }
                None => inserted += 1,
            }
        }
        let removed = gone.difference(&replaced).count();
        let mut ids: Vec<String> = Vec::new();
        let mut values = Vec::new();
        let mut row_values = vec![0f32; view.dimension];
        for item in (0..view.items as u32).filter(|i| !gone.contains(i) && !replaced.contains(i)) {
            for row in view.rows_of(item) {
                view.decode(row, &mut row_values);
                values.extend_from_slice(&row_values);
                ids.push(view.ids.get(item).unwrap_or("").to_owned());
            }
        }
        for row in 0..changes.vectors.rows() {
            changes.vectors.copy_row(row, &mut row_values);
            values.extend_from_slice(&row_values);
            ids.push(changes.ids.get(row).unwrap_or_default().into_owned());
        }
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let mut options = self.options().clone();
        options.threads = threads;
        let vectors = Vectors::new(&values, view.dimension)?;
        let kept: Vec<&str> = view.ids.iter().collect();
        let catalog = match (inner.thaw(&kept)?, changes.catalog) {
            (None, None) => None,
            (Some(old), None) => Some(old),
            (old, Some(new)) => Some(joined(old, new)?),
        };
        let ids = IdColumn::Text(&ids);
        let index = match &catalog {
            None => VectorIndex::build(ids, vectors, &options, control)?,
            Some(c) => VectorIndex::build_with_attributes(ids, vectors, c, &options, control)?,
        };
        Ok(Updated {
            index,
            inserted,
            replaced: replaced.len(),
            removed,
            unknown,
        })
    }
}
