//! Adds rows up, by unit and by arm.
//!
//! With units, rows are dealt to parts by a hash of the unit, chunk by chunk; each part then has a
//! small table of its own. All sums are exact integers, so that neither chunks, parts, threads nor
//! the order of the rows can show.

use super::arm::Metric;
use super::exact::{LARGEST, Parts, from_fixed};
use super::moments::{Moments, Shape, Unit, parts_of, too_large};
use super::names::Names;
use super::summarize::{CHUNK, Rows, SummarizeOptions};
use crate::error::{Error, ErrorKind, Result};
use crate::parallel::Workers;

/// Parts that units are dealt to.
const PARTS: usize = 256;

/// What the work needs.
pub(crate) struct Work<'a, 'b> {
    pub(crate) rows: &'a Rows<'b>,
    pub(crate) options: &'a SummarizeOptions,
    pub(crate) shape: Shape,
    pub(crate) names: &'a Names<'b>,
    pub(crate) workers: &'a Workers<'a>,
}

pub(crate) struct Found {
    pub(crate) moments: Vec<Moments>,
    pub(crate) crossovers: u64,
    pub(crate) winsorized: Option<(f64, f64, u64)>,
}

/// One row on its way to its part.
#[derive(Clone, Copy, Default)]
struct Row {
    key: i64,
    value: f64,
    arm: u8,
}

/// A chunk's rows in the order of their parts.
struct Dealt {
    /// Where each part begins.
    starts: Vec<u32>,
    rows: Vec<Row>,
    denominators: Vec<f64>,
    covariates: Vec<f64>,
}

fn given(column: Option<&[f64]>, row: usize) -> f64 {
    column.and_then(|c| c.get(row)).copied().unwrap_or(0.0)
}

/// One unit while it is added up.
struct Held {
    key: i64,
    arm: u8,
    crossed: bool,
    unit: Unit,
    /// The covariate as it was given: all rows must have the same.
    covariate: f64,
}

impl Work<'_, '_> {
    /// The value of a row, or what is wrong with it.
    #[inline]
    fn value(&self, name: &str, column: &[f64], row: usize) -> Result<Parts> {
        let value = column.get(row).copied().unwrap_or(f64::NAN);
        if value.abs() < LARGEST {
            return Ok(Parts::of(value));
        }
        Err(self.refused(name, value, row))
    }

    #[cold]
    fn refused(&self, name: &str, value: f64, row: usize) -> Error {
        if value.is_finite() {
            return Error::new(
                ErrorKind::LimitExceeded,
                format!("{name}: row {row} is {value}; values lie within ±2^50"),
            );
        }
        Error::new(
            ErrorKind::InvalidWeight,
            format!("{name}: row {row} is {value}; values are finite numbers"),
        )
    }

    #[inline]
    fn row(&self, row: usize) -> Result<[Parts; 3]> {
        const ZERO: Parts = Parts {
            mantissa: 0,
            exponent: -64,
        };
        let value = self.value("value", self.rows.value, row)?;
        if self.options.metric == Metric::Proportion {
            let given = self.rows.value.get(row).copied().unwrap_or(0.0);
            if given != 0.0 && given != 1.0 {
                return Err(Error::new(
                    ErrorKind::InvalidArgument,
                    format!("value: row {row} is {given}; a proportion's values are 0 and 1"),
                ));
            }
        }
        let denominator = match self.rows.denominator {
            None => ZERO,
            Some(column) => self.value("denominator", column, row)?,
        };
        let covariate = match self.rows.covariate {
            None => ZERO,
            Some(column) => self.value("covariate", column, row)?,
        };
        Ok([value, denominator, covariate])
    }

    fn none(&self) -> Vec<Moments> {
        vec![Moments::new(self.shape); self.names.texts.len()]
    }

    fn joined(&self, parts: Vec<Vec<Moments>>) -> Vec<Moments> {
        let mut all = self.none();
        for part in parts {
            for (sum, part) in all.iter_mut().zip(part) {
                sum.merge(part);
            }
        }
        all
    }

    pub(crate) fn rows_as_units(&self) -> Result<Found> {
        let count = self.rows.value.len();
        if self.options.winsorize.is_some() {
            let mut units = Vec::with_capacity(count);
            for row in 0..count {
                let [value, denominator, covariate] = self.row(row)?;
                let unit = [value.fixed(), denominator.fixed(), covariate.fixed()];
                units.push((self.names.of(row), unit));
            }
            return self.winsorized(units, 0);
        }
        let chunks: Vec<usize> = (0..count).step_by(CHUNK).collect();
        let parts = self.workers.map(
            "units",
            chunks,
            || (),
            |_, from, ()| {
                let mut moments = self.none();
                for row in from..count.min(from + CHUNK) {
                    let parts = self.row(row)?;
                    if let Some(sum) = moments.get_mut(usize::from(self.names.of(row))) {
                        sum.add(parts);
                    }
                }
                Ok(moments)
            },
        )?;
        Ok(Found {
            moments: self.joined(parts),
            crossovers: 0,
            winsorized: None,
        })
    }

    pub(crate) fn by_unit(&self, keys: &[i64]) -> Result<Found> {
        let chunks: Vec<(usize, &[i64])> = (0..).step_by(CHUNK).zip(keys.chunks(CHUNK)).collect();
        let deal = |_, (from, chunk), starts: &mut Vec<u32>| self.deal(from, chunk, starts);
        let dealt = self.workers.map("rows", chunks, Vec::new, deal)?;
        let collect = self.options.winsorize.is_some();
        let parts: Vec<usize> = (0..PARTS).collect();
        let add = |_, part: usize, table: &mut Table| {
            table.clear();
            for chunk in &dealt {
                self.take(table, chunk, part)?;
            }
            let mut moments = self.none();
            let mut units = Vec::new();
            let mut crossovers = 0;
            for held in &table.held {
                if held.crossed {
                    crossovers += 1;
                } else if collect {
                    units.push((held.arm, held.unit));
                } else if let Some(sum) = moments.get_mut(usize::from(held.arm)) {
                    sum.add(parts_of(held.unit)?);
                }
            }
            Ok((moments, units, crossovers))
        };
        let parts = self.workers.map("units", parts, Table::default, add)?;
        let crossovers = parts.iter().map(|(_, _, crossovers)| crossovers).sum();
        if collect {
            let units = parts.into_iter().flat_map(|(_, units, _)| units).collect();
            return self.winsorized(units, crossovers);
        }
        let moments = parts.into_iter().map(|(moments, _, _)| moments).collect();
        Ok(Found {
            moments: self.joined(moments),
            crossovers,
            winsorized: None,
        })
    }

    /// Checks the rows of one chunk, and copies them in the order of their parts.
    fn deal(&self, from: usize, chunk: &[i64], next: &mut Vec<u32>) -> Result<Dealt> {
        let mut starts = vec![0u32; PARTS + 1];
        for &key in chunk {
            if let Some(count) = starts.get_mut(part(key) + 1) {
                *count += 1;
            }
        }
        let mut sum = 0;
        for start in &mut starts {
            sum += *start;
            *start = sum;
        }
        next.clone_from(&starts);
        let len = |used: bool| if used { chunk.len() } else { 0 };
        let mut dealt = Dealt {
            starts,
            rows: vec![Row::default(); chunk.len()],
            denominators: vec![0.0; len(self.shape.denominator)],
            covariates: vec![0.0; len(self.shape.covariate)],
        };
        for (row, &key) in (from..).zip(chunk) {
            self.row(row)?;
            let Some(place) = next.get_mut(part(key)) else {
                continue;
            };
            let at = *place as usize;
            *place += 1;
            if let Some(slot) = dealt.rows.get_mut(at) {
                *slot = Row {
                    key,
                    value: given(Some(self.rows.value), row),
                    arm: self.names.of(row),
                };
            }
            if let Some(slot) = dealt.denominators.get_mut(at) {
                *slot = given(self.rows.denominator, row);
            }
            if let Some(slot) = dealt.covariates.get_mut(at) {
                *slot = given(self.rows.covariate, row);
            }
        }
        Ok(dealt)
    }

    /// Adds one part's rows of a chunk to their units.
    fn take(&self, table: &mut Table, chunk: &Dealt, part: usize) -> Result<()> {
        let get = |i: usize| chunk.starts.get(i).copied().unwrap_or(0) as usize;
        let (from, to) = (get(part), get(part + 1));
        let once = self.options.metric == Metric::Proportion;
        for (at, row) in (from..to).zip(chunk.rows.get(from..to).unwrap_or(&[])) {
            let covariate = chunk.covariates.get(at).copied().unwrap_or(0.0);
            let (place, new) = table.entry(row.key, row.arm, covariate);
            let Some(held) = table.held.get_mut(place) else {
                continue;
            };
            if !new && held.covariate != covariate {
                return Err(Error::new(
                    ErrorKind::InvalidArgument,
                    format!(
                        "covariate: the rows of one unit say {} and {covariate}; it is known of \
                         the unit from before the experiment, so all rows say the same",
                        held.covariate
                    ),
                ));
            }
            held.crossed |= held.arm != row.arm;
            let value = Parts::of(row.value).fixed();
            let [sum, denominators, _] = &mut held.unit;
            let added = if once {
                Some(value.max(*sum))
            } else {
                sum.checked_add(value)
            };
            *sum = added.ok_or_else(|| too_large(LARGEST))?;
            if let Some(&denominator) = chunk.denominators.get(at) {
                let added = denominators.checked_add(Parts::of(denominator).fixed());
                *denominators = added.ok_or_else(|| too_large(LARGEST))?;
            }
        }
        Ok(())
    }

    /// Keeps the values of all units within two of their quantiles, and adds them up.
    fn winsorized(&self, mut units: Vec<(u8, Unit)>, crossovers: u64) -> Result<Found> {
        let (low, high) = self.options.winsorize.unwrap_or((0.0, 1.0));
        let mut values: Vec<i128> = units.iter().map(|(_, [value, _, _])| *value).collect();
        let mut bound = |share: f64| {
            // The smallest value that at least this share of the units does not exceed.
            let rank = libm::ceil(share * values.len() as f64) as usize;
            let at = rank.saturating_sub(1).min(values.len().saturating_sub(1));
            if values.is_empty() {
                return 0;
            }
            *values.select_nth_unstable(at).1
        };
        let (low, high) = (bound(low), bound(high));
        let mut beyond = 0;
        let mut moments = self.none();
        for (arm, unit) in &mut units {
            let [value, _, _] = unit;
            let kept = (*value).clamp(low.min(high), high);
            beyond += u64::from(kept != *value);
            *value = kept;
            if let Some(sum) = moments.get_mut(usize::from(*arm)) {
                sum.add(parts_of(*unit)?);
            }
        }
        Ok(Found {
            moments,
            crossovers,
            winsorized: Some((from_fixed(low), from_fixed(high), beyond)),
        })
    }
}

/// The odd multiplier of Fibonacci hashing (Knuth, volume 3, 6.4).
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

#[inline]
fn hashed(key: i64) -> u64 {
    let h = (key as u64).wrapping_mul(SPREAD);
    h ^ h >> 32
}

#[inline]
fn part(key: i64) -> usize {
    (hashed(key).wrapping_mul(SPREAD) >> 56) as usize
}

/// Open addressing from a unit to its sums.
#[derive(Default)]
struct Table {
    /// 1 + the place in `held`, or 0.
    slots: Vec<u32>,
    held: Vec<Held>,
}

impl Table {
    fn clear(&mut self) {
        self.slots.fill(0);
        self.held.clear();
        if self.slots.is_empty() {
            self.slots.resize(1 << 10, 0);
        }
    }

    #[inline]
    fn slot(&self, key: i64) -> usize {
        let mask = self.slots.len() - 1;
        let mut at = hashed(key) as usize & mask;
        while let Some(&slot) = self.slots.get(at) {
            let there = self.held.get((slot as usize).wrapping_sub(1));
            if slot == 0 || there.is_some_and(|held| held.key == key) {
                break;
            }
            at = (at + 1) & mask;
        }
        at
    }

    /// The place of a key's unit in `held`, and whether it is new.
    #[inline]
    fn entry(&mut self, key: i64, arm: u8, covariate: f64) -> (usize, bool) {
        let mut at = self.slot(key);
        let mut place = self.slots.get(at).copied().unwrap_or(0) as usize;
        let new = place == 0;
        if new {
            if self.held.len() * 2 >= self.slots.len() {
                self.grow();
                at = self.slot(key);
            }
            self.held.push(Held {
                key,
                arm,
                crossed: false,
                unit: [0, 0, Parts::of(covariate).fixed()],
                covariate,
            });
            place = self.held.len();
            if let Some(slot) = self.slots.get_mut(at) {
                *slot = place as u32;
            }
        }
        (place - 1, new)
    }

    fn grow(&mut self) {
        let size = self.slots.len() * 2;
        self.slots.clear();
        self.slots.resize(size, 0);
        for place in 0..self.held.len() {
            let key = self.held.get(place).map_or(0, |held| held.key);
            // The slots before it are found through `held`, which has it already: probe for an
            // empty slot instead.
            let mask = size - 1;
            let mut at = hashed(key) as usize & mask;
            while self.slots.get(at).is_some_and(|&slot| slot != 0) {
                at = (at + 1) & mask;
            }
            if let Some(slot) = self.slots.get_mut(at) {
                *slot = place as u32 + 1;
            }
        }
    }
}
