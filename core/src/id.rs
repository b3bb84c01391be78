//! External string ids and their dense `u32` indices.
//!
//! An id is any non-empty UTF-8 text of at most 1 KiB, taken as it is: no trimming, no case
//! folding, no Unicode normalisation. Inside a model, ids are numbered in ascending order of
//! their bytes, so that an index depends on the set of ids only, never on the order in which
//! events arrived (`docs/adr/0004-ids.md`). Look-up is one hash and, on average, less than two
//! probes in a table that lies in the snapshot.

mod short;

use crate::error::{Error, ErrorKind, Result, shown};
pub use short::Id;

/// The longest id, in bytes.
pub const MAX_ID_BYTES: usize = 1024;

/// Checks an id that came from outside; `field` names it in the error.
///
/// # Errors
/// [`ErrorKind::InvalidId`] if it is empty or longer than [`MAX_ID_BYTES`].
pub fn check_id(field: &str, id: &str) -> Result<()> {
    if id.is_empty() {
        return Err(Error::new(
            ErrorKind::InvalidId,
            format!("{field} is empty; an id has 1 to {MAX_ID_BYTES} bytes"),
        ));
    }
    if id.len() > MAX_ID_BYTES {
        return Err(Error::new(
            ErrorKind::InvalidId,
            format!(
                "{field} {} is too long; an id has 1 to {MAX_ID_BYTES} bytes",
                shown(id)
            ),
        ));
    }
    Ok(())
}

/// The hash that the look-up tables use: XXH3-64 of the id's bytes, seed 0.
fn hash(id: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(id)
}

/// The three sections of an id table, ready to be written.
pub(crate) struct IdTable {
    pub(crate) offsets: Vec<u32>,
    pub(crate) bytes: Vec<u8>,
    pub(crate) slots: Vec<u32>,
}

impl IdTable {
    /// Builds the table of ids that are already sorted and distinct.
    pub(crate) fn build<'a>(ids: impl ExactSizeIterator<Item = &'a str> + Clone) -> Result<Self> {
        let too_large = || {
            Error::new(
                ErrorKind::LimitExceeded,
                "ids: more than 4 GiB of text or 2^31 ids in one table",
            )
        };
        if ids.len() > i32::MAX as usize {
            return Err(too_large());
        }
        let mut offsets = Vec::with_capacity(ids.len() + 1);
        let mut bytes = Vec::new();
        offsets.push(0);
        for id in ids.clone() {
            bytes.extend_from_slice(id.as_bytes());
            offsets.push(u32::try_from(bytes.len()).map_err(|_| too_large())?);
        }
        let size = (ids.len().max(1) * 2).next_power_of_two();
        let mut slots = vec![0u32; size];
        for (index, id) in ids.enumerate() {
            let mut slot = hash(id.as_bytes()) as usize & (size - 1);
            while slots[slot] != 0 {
                slot = (slot + 1) & (size - 1);
            }
            slots[slot] = index as u32 + 1;
        }
        Ok(Self {
            offsets,
            bytes,
            slots,
        })
    }
}

/// A read-only view of an id table in a snapshot. Safe on any bytes: a damaged table finds
/// nothing, or a wrong index, but never reads outside.
#[derive(Clone, Copy)]
pub(crate) struct Ids<'a> {
    pub(crate) offsets: &'a [u32],
    pub(crate) bytes: &'a [u8],
    pub(crate) slots: &'a [u32],
}

impl<'a> Ids<'a> {
    pub(crate) fn len(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    pub(crate) fn get(&self, index: u32) -> Option<&'a str> {
        std::str::from_utf8(self.raw(index)?).ok()
    }

    /// The bytes of an id, which opening has checked.
    pub(crate) fn raw(&self, index: u32) -> Option<&'a [u8]> {
        let start = *self.offsets.get(index as usize)?;
        let end = *self.offsets.get(index as usize + 1)?;
        self.bytes.get(start as usize..end as usize)
    }

    /// Asks for the text of an id, which may lie anywhere, before it is read.
    pub(crate) fn prefetch(&self, index: u32) {
        tastemaker_kernels::prefetch(self.raw(index).unwrap_or(&[]));
    }

    pub(crate) fn find(&self, id: &str) -> Option<u32> {
        if !self.slots.len().is_power_of_two() {
            return None;
        }
        let mask = self.slots.len() - 1;
        let mut slot = hash(id.as_bytes()) as usize & mask;
        // The bound matters only for a forged table without an empty slot.
        for _ in 0..self.slots.len() {
            let index = (*self.slots.get(slot)?).checked_sub(1)?;
            if self.raw(index) == Some(id.as_bytes()) {
                return Some(index);
            }
            slot = (slot + 1) & mask;
        }
        None
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = &'a str> + 'a {
        (0..self.len() as u32).filter_map(move |i| self.get(i))
    }

    /// Every id is found where its hash leads, and the table has nothing else. The ids are
    /// distinct, so it is enough to meet the right index before an empty slot.
    fn each_is_found(&self) -> bool {
        let used = self.slots.iter().filter(|&&slot| slot != 0).count();
        let mask = self.slots.len() - 1;
        let found = |index: u32| {
            let mut slot = hash(self.raw(index).unwrap_or(&[])) as usize & mask;
            loop {
                match self.slots.get(slot) {
                    Some(&entry) if entry == index + 1 => return true,
                    Some(0) | None => return false,
                    Some(_) => slot = (slot + 1) & mask,
                }
            }
        };
        // Fewer entries than slots: every walk ends at an empty one at the latest.
        used == self.len() && used < self.slots.len() && (0..used as u32).all(found)
    }

    /// What the snapshot reader checks before anybody looks an id up.
    pub(crate) fn check(&self) -> bool {
        let ordered = self.offsets.windows(2).all(|w| w[0] < w[1]);
        let whole = self.offsets.first() == Some(&0)
            && self
                .offsets
                .last()
                .is_some_and(|&end| end as usize == self.bytes.len());
        let Ok(text) = std::str::from_utf8(self.bytes) else {
            return false;
        };
        let characters = self
            .offsets
            .iter()
            .all(|&o| text.is_char_boundary(o as usize));
        let sorted = (1..self.len() as u32).all(|i| self.raw(i - 1) < self.raw(i));
        let slots = ordered
            && self.slots.len().is_power_of_two()
            && self.slots.len() > self.len()
            && self.each_is_found();
        ordered && whole && characters && sorted && slots
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_ids(ids: &[&str], test: impl FnOnce(Ids<'_>)) {
        let table = IdTable::build(ids.iter().copied()).unwrap();
        test(Ids {
            offsets: &table.offsets,
            bytes: &table.bytes,
            slots: &table.slots,
        });
    }

    #[test]
    fn every_id_finds_its_index_and_strangers_find_none() {
        let mut ids: Vec<String> = (0..1000).map(|i| format!("item-{i}")).collect();
        ids.push("日本".into());
        ids.push("e\u{301}".into());
        ids.push("é".into());
        ids.sort();
        let refs: Vec<&str> = ids.iter().map(String::as_str).collect();
        with_ids(&refs, |table| {
            assert!(table.check());
            for (i, id) in refs.iter().enumerate() {
                assert_eq!(table.find(id), Some(i as u32));
                assert_eq!(table.get(i as u32), Some(*id));
            }
            for stranger in ["", "item-1000", "ITEM-1", " item-1", "日"] {
                assert_eq!(table.find(stranger), None);
            }
            assert_eq!(table.get(refs.len() as u32), None);
        });
    }

    #[test]
    fn a_table_without_an_empty_slot_ends() {
        let ids = Ids {
            offsets: &[0, 1],
            bytes: b"a",
            slots: &[1, 1, 1, 1],
        };
        assert_eq!(ids.find("b"), None);
    }

    #[test]
    fn empty_table() {
        with_ids(&[], |table| {
            assert!(table.check());
            assert_eq!(table.find("a"), None);
        });
    }

    #[test]
    fn bounds_of_an_id() {
        assert!(check_id("item_id", "a").is_ok());
        assert!(check_id("item_id", &"a".repeat(1024)).is_ok());
        for bad in [String::new(), "a".repeat(1025), "é".repeat(513)] {
            assert_eq!(
                check_id("item_id", &bad).unwrap_err().kind(),
                ErrorKind::InvalidId
            );
        }
    }
}
