//! The byte form of a bandit: its definition and its state, to be stored, sent and merged.
//!
//! Little-endian, described in `docs/snapshot-format.md`, section "Bandits": magic `TMBN`,
//! version, length of all, the definition as JSON with its defaults, the state with its arms in
//! the order of their keys, XXH3-64 of all that. Equal bandits have equal bytes.

use super::Bandit;
use super::definition::Definition;
use super::state::{ArmState, Cell, Cells, KEPT, MAX_COUNT, State};
use crate::bytes::Reader;
use crate::error::{Error, ErrorKind, Result};
use crate::id::MAX_ID_BYTES;

const MAGIC: &[u8; 4] = b"TMBN";
const VERSION: u16 = 1;
/// Magic, version, two bytes of nothing, length.
const HEADER: usize = 16;
const CHECKSUM: usize = 8;
/// Magnitude that no sum of [`MAX_COUNT`] terms reaches.
const MOST: i128 = 1 << 121;

fn corrupt(why: &str) -> Error {
    Error::new(
        ErrorKind::CorruptBandit,
        format!("not a usable bandit: {why}"),
    )
}

fn put_cells(out: &mut Vec<u8>, cells: &Cells) {
    out.extend_from_slice(&(cells.len() as u32).to_le_bytes());
    for (bucket, cell) in cells {
        out.extend_from_slice(&bucket.to_le_bytes());
        out.extend_from_slice(&cell.count.to_le_bytes());
        for sum in &cell.sums {
            out.extend_from_slice(&sum.to_le_bytes());
        }
    }
}

/// The state alone, as it stands in the bytes.
pub(super) fn state_bytes(state: &State) -> Vec<u8> {
    let mut out = Vec::new();
    // The buckets say which one is the newest, unless no reward was kept.
    out.extend_from_slice(&state.newest.unwrap_or(i64::MIN).to_le_bytes());
    out.extend_from_slice(&(state.arms.len() as u32).to_le_bytes());
    for (key, arm) in &state.arms {
        out.extend_from_slice(&(key.len() as u16).to_le_bytes());
        out.extend_from_slice(key.as_bytes());
        out.extend_from_slice(&arm.pending.to_le_bytes());
        put_cells(&mut out, &arm.cells);
    }
    put_cells(&mut out, &state.shared);
    out
}

impl Bandit {
    /// The bandit as bytes; equal definitions and states give equal bytes in every language.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let definition = self.definition.to_json().to_string();
        let state = state_bytes(&self.state);
        let len = HEADER + 4 + definition.len() + state.len() + CHECKSUM;
        let mut out = Vec::with_capacity(len);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&[0, 0]);
        out.extend_from_slice(&(len as u64).to_le_bytes());
        out.extend_from_slice(&(definition.len() as u32).to_le_bytes());
        out.extend_from_slice(definition.as_bytes());
        out.extend_from_slice(&state);
        let checksum = xxhash_rust::xxh3::xxh3_64(&out);
        out.extend_from_slice(&checksum.to_le_bytes());
        out
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    ///
    /// # Errors
    /// [`ErrorKind::CorruptBandit`] if a byte is missing, changed or too many, or what they hold
    /// could not have been written; [`ErrorKind::UnsupportedVersion`] for a version that this
    /// build does not know.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        if bytes.get(..4) != Some(MAGIC) {
            return Err(corrupt("it does not start with TMBN"));
        }
        let mut header = Reader::new(bytes.get(4..).unwrap_or_default(), corrupt);
        let version = u16::from_le_bytes(header.array()?);
        if version != VERSION {
            return Err(Error::new(
                ErrorKind::UnsupportedVersion,
                format!("bandit version {version}; this build reads version {VERSION}"),
            ));
        }
        let [zero, other]: [u8; 2] = header.array()?;
        if zero != 0 || other != 0 {
            return Err(corrupt("its header has bytes that are not 0"));
        }
        if u64::from_le_bytes(header.array()?) != bytes.len() as u64 {
            return Err(corrupt("its length is another one"));
        }
        let body = bytes
            .len()
            .checked_sub(CHECKSUM)
            .ok_or_else(|| corrupt("it is cut short"))?;
        let (content, checksum) = bytes.split_at(body);
        if xxhash_rust::xxh3::xxh3_64(content).to_le_bytes() != *checksum {
            return Err(corrupt("its checksum does not match"));
        }
        let mut reader = Reader::new(content.get(HEADER..).unwrap_or_default(), corrupt);
        let len = u32::from_le_bytes(reader.array()?) as usize;
        let text = reader.text(len)?;
        let json: serde_json::Value = serde_json::from_str(text)
            .map_err(|e| corrupt("its definition is not JSON").with_source(e))?;
        let definition = Definition::from_json(&json)
            .map_err(|e| corrupt("its definition is not valid").with_source(e))?;
        let canonical = definition.to_json().to_string();
        if canonical != text {
            return Err(corrupt("its definition is not in canonical form"));
        }
        let state = reader.state(&definition)?;
        if !reader.rest().is_empty() {
            return Err(corrupt("it has bytes after the state"));
        }
        Ok(Self::of(definition, state))
    }
}

impl Reader<'_> {
    fn state(&mut self, definition: &Definition) -> Result<State> {
        let newest = i64::from_le_bytes(self.array()?);
        let newest = (newest != i64::MIN).then_some(newest);
        let shape = &definition.shape;
        let decays = definition.half_life.is_some();
        let mut seen = None;
        let mut arms = std::collections::BTreeMap::<String, ArmState>::new();
        for _ in 0..u32::from_le_bytes(self.array()?) {
            let len = u16::from_le_bytes(self.array()?) as usize;
            if len == 0 || len > 2 * MAX_ID_BYTES + 1 {
                return Err(corrupt("an arm's key is empty or too long"));
            }
            let key = self.text(len)?;
            if arms
                .last_key_value()
                .is_some_and(|(last, _)| last.as_str() >= key)
            {
                return Err(corrupt("its arms are not in the order of their keys"));
            }
            let pending = i64::from_le_bytes(self.array()?);
            if pending.unsigned_abs() > MAX_COUNT {
                return Err(corrupt("an arm has too many pending choices"));
            }
            let cells = self.cells(shape.numbers_per_arm(), newest, decays, &mut seen)?;
            for cell in cells.values() {
                check_diagonal(&cell.sums, 2, shape.own)?;
                if cell.sums.get(1).is_some_and(|squares| *squares < 0) {
                    return Err(corrupt("a sum of squares is negative"));
                }
            }
            arms.insert(key.to_owned(), ArmState { pending, cells });
        }
        let shared = if shape.shared > 0 {
            shape.shared_numbers()
        } else {
            0
        };
        let shared = self.cells(shared, newest, decays, &mut seen)?;
        if shape.shared == 0 && !shared.is_empty() {
            return Err(corrupt("it has shared sums, and its model has none"));
        }
        for cell in shared.values() {
            check_diagonal(&cell.sums, 0, shape.shared)?;
        }
        if seen != newest {
            return Err(corrupt("its newest time is not that of its sums"));
        }
        Ok(State {
            newest,
            arms,
            shared,
        })
    }

    fn cells(
        &mut self,
        numbers: usize,
        newest: Option<i64>,
        decays: bool,
        seen: &mut Option<i64>,
    ) -> Result<Cells> {
        let mut cells = Cells::new();
        let count = u32::from_le_bytes(self.array()?);
        if i64::from(count) > KEPT {
            return Err(corrupt("it has more sums than are kept"));
        }
        for _ in 0..count {
            let bucket = i64::from_le_bytes(self.array()?);
            let kept = newest
                .is_some_and(|newest| bucket <= newest && bucket > newest.saturating_sub(KEPT));
            if !kept || (!decays && bucket != 0) {
                return Err(corrupt("a sum is of a time that is not kept"));
            }
            if cells
                .last_key_value()
                .is_some_and(|(last, _)| *last >= bucket)
            {
                return Err(corrupt("its sums are not in the order of time"));
            }
            *seen = (*seen).max(Some(bucket));
            let count = u64::from_le_bytes(self.array()?);
            if count == 0 || count > MAX_COUNT {
                return Err(corrupt("a count is 0 or too large"));
            }
            // Taken at once, so that a forged count cannot make it allocate more than it has.
            let bytes = self.take(numbers.saturating_mul(16))?;
            let sums: Vec<i128> = bytes
                .chunks_exact(16)
                .map(|chunk| i128::from_le_bytes(chunk.try_into().unwrap_or_default()))
                .collect();
            let most = (MOST / i128::from(MAX_COUNT)).saturating_mul(i128::from(count));
            if sums
                .iter()
                .any(|sum| sum.unsigned_abs() > most.unsigned_abs())
            {
                return Err(corrupt("a sum is larger than its count allows"));
            }
            cells.insert(bucket, Cell { count, sums });
        }
        Ok(cells)
    }
}

/// The diagonal of a sum of x·xᵀ is not negative.
fn check_diagonal(sums: &[i128], skip: usize, width: usize) -> Result<()> {
    let mut at = skip;
    for row in 0..width {
        if sums.get(at).is_none_or(|sum| *sum < 0) {
            return Err(corrupt("a sum of squares is negative"));
        }
        at += width - row;
    }
    Ok(())
}
