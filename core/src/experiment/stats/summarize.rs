//! From rows to arms: rows are added up by unit, and units by arm, without rounding.
//!
//! With units, rows are dealt to parts by a hash of the unit, chunk by chunk; each part then has a
//! small table of its own. All sums are exact integers, so that neither chunks, parts, threads nor
//! the order of the rows can show.

use std::borrow::Cow;

use serde_json::{Value as Json, json};

use super::arm::{ARMS, Arm, Metric};
use super::exact::{LARGEST, Parts, from_fixed};
use super::moments::{Moments, Shape, Unit, parts_of, too_large};
use crate::control::Control;
use crate::error::{Error, ErrorKind, Result};
use crate::event::IdColumn;
use crate::fields::Fields;
use crate::parallel::Workers;

/// Rows of one task.
const CHUNK: usize = 1 << 16;
/// Parts that units are dealt to.
const PARTS: usize = 256;

/// The rows of an experiment.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Rows<'a> {
    /// The variant of each row.
    pub arm: IdColumn<'a>,
    /// The value; 0 or 1 for a proportion, the numerator for a ratio.
    pub value: &'a [f64],
    /// The unit that was assigned. Rows of one unit are added up (a proportion's unit converts
    /// if any row does). Without it, each row is a unit.
    pub unit: Option<IdColumn<'a>>,
    /// A ratio's denominator.
    pub denominator: Option<&'a [f64]>,
    /// What is known of the unit from before the experiment: the same on all of its rows.
    pub covariate: Option<&'a [f64]>,
}

impl<'a> Rows<'a> {
    /// Rows that are units.
    #[must_use]
    pub fn new(arm: IdColumn<'a>, value: &'a [f64]) -> Self {
        Self {
            arm,
            value,
            unit: None,
            denominator: None,
            covariate: None,
        }
    }
}

/// Options of [`summarize`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SummarizeOptions {
    /// What is measured.
    pub metric: Metric,
    /// The name of the arm that comes first in the summary; the others follow by their bytes.
    pub control: Option<String>,
    /// Values of units below the first of these quantiles of all units are raised to it, those
    /// above the second lowered.
    pub winsorize: Option<(f64, f64)>,
    /// Leave units out that have rows in several arms; otherwise they are an error.
    pub drop_crossovers: bool,
    /// Threads.
    pub threads: usize,
}

impl SummarizeOptions {
    /// Options with defaults.
    #[must_use]
    pub fn new(metric: Metric) -> Self {
        Self {
            metric,
            control: None,
            winsorize: None,
            drop_crossovers: false,
            threads: 1,
        }
    }

    /// Reads `{"metric", "control"?, "winsorize"?: [low, high], "crossovers"?: "refuse" | "drop",
    /// "threads"?}`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for unknown names and values out of range.
    pub fn from_json(json: &Json) -> Result<Self> {
        let names = ["metric", "control", "winsorize", "crossovers", "threads"];
        let fields = Fields::new("summarize", json, &names)?;
        let metric = Metric::read(&fields)?;
        let winsorize = match fields.get("winsorize") {
            None => None,
            Some(given) => {
                let list: Option<Vec<f64>> = given
                    .as_array()
                    .and_then(|list| list.iter().map(Json::as_f64).collect());
                match list.as_deref() {
                    Some(&[low, high])
                        if metric == Metric::Mean
                            && (0.0..=1.0).contains(&low)
                            && low < high
                            && high <= 1.0 =>
                    {
                        Some((low, high))
                    }
                    _ => {
                        return Err(fields.wrong(
                            "winsorize",
                            given,
                            "it must be two quantiles from 0 to 1, the lower one first, of the metric mean",
                        ));
                    }
                }
            }
        };
        let drop_crossovers = match fields.text("crossovers")? {
            None | Some("refuse") => false,
            Some("drop") => true,
            Some(given) => {
                return Err(fields.wrong(
                    "crossovers",
                    &given.into(),
                    "it must be one of refuse, drop",
                ));
            }
        };
        Ok(Self {
            metric,
            control: fields.text("control")?.map(str::to_owned),
            winsorize,
            drop_crossovers,
            threads: fields.whole("threads", 1, 1, 1024)? as usize,
        })
    }
}

/// What [`summarize`] found.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Summary {
    /// What is measured.
    pub metric: Metric,
    /// The arms.
    pub arms: Vec<Arm>,
    /// Rows in all.
    pub rows: u64,
    /// Units that were left out because they have rows in several arms.
    pub crossovers: u64,
    /// The bounds that values were kept within, and how many units were beyond them.
    pub winsorized: Option<(f64, f64, u64)>,
}

impl Summary {
    /// The summary as JSON; its `metric` and `arms` are what `analyze` reads.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let arms: Vec<Json> = self
            .arms
            .iter()
            .map(|arm| arm.to_json(self.metric))
            .collect();
        json!({
            "metric": self.metric.as_str(),
            "arms": arms,
            "rows": self.rows,
            "crossovers": self.crossovers,
            "winsorized": self.winsorized.map(|(low, high, units)| json!({
                "low": low, "high": high, "units": units,
            })),
        })
    }
}

/// Adds rows up to arms.
///
/// The sums are exact: any order of the rows, any number of threads and every language give the
/// same bits, and the variance keeps its digits however far from 0 the values lie. Values are
/// taken as multiples of 2⁻⁶⁴ and lie within ±2⁵⁰ (about 1.1e15), sums of a unit's rows, too.
///
/// Cost: two passes; with units a hash table of some 80 bytes a unit of one part in 256 at a time.
/// Stages of progress: `rows`, `units`.
///
/// # Errors
/// [`ErrorKind::LengthMismatch`] for columns of different lengths; [`ErrorKind::InvalidWeight`] for
/// a value that is NaN or infinite; [`ErrorKind::LimitExceeded`] for values beyond the bound, more
/// than 100 arms or 2³² rows; [`ErrorKind::InvalidId`] for an arm or a unit without a name;
/// [`ErrorKind::InvalidArgument`] for a proportion's value other than 0 and 1, a unit with several
/// covariates or in several arms, a control without rows, or a denominator that the metric does
/// not have; [`ErrorKind::Cancelled`].
///
/// ```
/// use tastemaker::control::Control;
/// use tastemaker::event::IdColumn;
/// use tastemaker::experiment::stats::{Metric, Rows, SummarizeOptions, summarize};
/// let mut rows = Rows::new(IdColumn::Text(&["a", "b", "b", "a"]), &[1.0, 2.0, 4.0, 3.0]);
/// rows.unit = Some(IdColumn::Integer(&[1, 2, 2, 3]));
/// let summary = summarize(&rows, &SummarizeOptions::new(Metric::Mean), &Control::new())?;
/// assert_eq!((summary.arms[0].n, summary.arms[0].means[0]), (2, 2.0));
/// assert_eq!((summary.arms[1].n, summary.arms[1].means[0]), (1, 6.0));
/// # Ok::<(), tastemaker::Error>(())
/// ```
pub fn summarize(
    rows: &Rows<'_>,
    options: &SummarizeOptions,
    control: &Control<'_>,
) -> Result<Summary> {
    check(rows, options.metric)?;
    let workers = Workers {
        threads: options.threads,
        control,
    };
    let shape = Shape {
        denominator: rows.denominator.is_some(),
        covariate: rows.covariate.is_some(),
    };
    let names = Names::find(&workers, rows.arm, options.control.as_deref())?;
    let work = Work {
        rows,
        options,
        shape,
        names: &names,
        workers: &workers,
    };
    let found = match rows.unit {
        None => work.rows_as_units()?,
        Some(units) => {
            let keys = keys(units)?;
            work.by_unit(&keys)?
        }
    };
    if found.crossovers > 0 && !options.drop_crossovers {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            format!(
                "{} units have rows in several arms, so that it is not known what made them do what \
                 they did; crossovers \"drop\" leaves them out",
                found.crossovers
            ),
        ));
    }
    let arms = names.texts.iter().zip(found.moments);
    let arms = arms.map(|(name, moments)| moments.arm(name.clone(), options.metric));
    Ok(Summary {
        metric: options.metric,
        arms: arms.collect::<Result<_>>()?,
        rows: rows.value.len() as u64,
        crossovers: found.crossovers,
        winsorized: found.winsorized,
    })
}

fn check(rows: &Rows<'_>, metric: Metric) -> Result<()> {
    let count = rows.value.len();
    let lengths = [
        ("arm", Some(rows.arm.len())),
        ("unit", rows.unit.map(|unit| unit.len())),
        ("denominator", rows.denominator.map(<[f64]>::len)),
        ("covariate", rows.covariate.map(<[f64]>::len)),
    ];
    for (name, length) in lengths {
        if let Some(length) = length.filter(|&length| length != count) {
            return Err(Error::new(
                ErrorKind::LengthMismatch,
                format!("{name} has {length} rows, and value {count}"),
            ));
        }
    }
    if u32::try_from(count).is_err() {
        return Err(Error::new(
            ErrorKind::LimitExceeded,
            format!("there are {count} rows; at most 2^32 - 1 can be added up at once"),
        ));
    }
    if rows.denominator.is_some() != (metric == Metric::Ratio) {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            "a ratio has a denominator, and no other metric has one",
        ));
    }
    Ok(())
}

/// The names of the arms, and how a row's is found.
struct Names<'a> {
    texts: Vec<String>,
    finder: Finder<'a>,
}

enum Finder<'a> {
    /// Integers and their arms, in the order that they came in.
    Integer(&'a [i64], Vec<(i64, u8)>),
    Text(&'a [&'a str], Vec<(&'a str, u8)>),
    /// The arm of each code.
    Code(&'a [u32], Vec<u8>),
}

/// No arm.
const NONE: u8 = u8::MAX;

impl<'a> Names<'a> {
    fn find(workers: &Workers<'_>, column: IdColumn<'a>, control: Option<&str>) -> Result<Self> {
        let chunks: Vec<usize> = (0..column.len()).step_by(CHUNK).collect();
        let distinct = |from: usize| -> Result<Vec<usize>> {
            // The first row of each value of the chunk.
            let to = column.len().min(from + CHUNK);
            let mut firsts: Vec<usize> = Vec::new();
            match column {
                IdColumn::Integer(rows) => {
                    first_rows(rows.get(from..to).unwrap_or(&[]), from, &mut firsts)?;
                }
                IdColumn::Text(rows) => {
                    first_rows(rows.get(from..to).unwrap_or(&[]), from, &mut firsts)?;
                }
                IdColumn::Dictionary { codes, .. } => {
                    first_rows(codes.get(from..to).unwrap_or(&[]), from, &mut firsts)?;
                }
            }
            Ok(firsts)
        };
        let firsts = workers.map("rows", chunks, || (), |_, from, ()| distinct(from))?;
        let mut named: Vec<(Cow<'a, str>, usize)> = Vec::new();
        for row in firsts.into_iter().flatten() {
            let text = column.get(row).unwrap_or(Cow::Borrowed(""));
            if text.is_empty() {
                return Err(Error::new(
                    ErrorKind::InvalidId,
                    format!("arm: row {row} has none"),
                ));
            }
            if !named.iter().any(|(known, _)| *known == text) {
                named.push((text, row));
            }
        }
        if named.len() > ARMS {
            return Err(too_many());
        }
        named.sort_by(|a, b| a.0.cmp(&b.0));
        if let Some(control) = control {
            let at = named.iter().position(|(text, _)| text == control);
            let Some(at) = at else {
                return Err(Error::new(
                    ErrorKind::InvalidArgument,
                    format!("control is {control:?}, and no row has this arm"),
                ));
            };
            let first = named.remove(at);
            named.insert(0, first);
        }
        let texts: Vec<String> = named.iter().map(|(text, _)| text.to_string()).collect();
        let place = |text: &str| {
            let at = texts.iter().position(|t| t == text);
            at.map_or(NONE, |at| at as u8)
        };
        let finder = match column {
            IdColumn::Integer(rows) => {
                let of = |(_, row): &(_, usize)| rows.get(*row).copied();
                let known = named
                    .iter()
                    .filter_map(of)
                    .map(|v| (v, place(&v.to_string())));
                Finder::Integer(rows, known.collect())
            }
            IdColumn::Text(rows) => {
                let of = |(_, row): &(_, usize)| rows.get(*row).copied();
                let known = named.iter().filter_map(of).map(|v| (v, place(v)));
                Finder::Text(rows, known.collect())
            }
            IdColumn::Dictionary { codes, values } => {
                Finder::Code(codes, values.iter().map(|value| place(value)).collect())
            }
        };
        Ok(Self { texts, finder })
    }

    #[inline]
    fn of(&self, row: usize) -> u8 {
        let found = match &self.finder {
            Finder::Integer(rows, known) => rows
                .get(row)
                .and_then(|value| known.iter().find(|(other, _)| other == value))
                .map(|(_, arm)| *arm),
            Finder::Text(rows, known) => rows
                .get(row)
                .and_then(|value| known.iter().find(|(other, _)| other == value))
                .map(|(_, arm)| *arm),
            Finder::Code(codes, arms) => codes
                .get(row)
                .and_then(|&code| arms.get(code as usize))
                .copied(),
        };
        found.unwrap_or(NONE)
    }
}

fn too_many() -> Error {
    Error::new(
        ErrorKind::LimitExceeded,
        format!("there are more than {ARMS} arms"),
    )
}

fn first_rows<T: PartialEq>(rows: &[T], from: usize, firsts: &mut Vec<usize>) -> Result<()> {
    for (at, value) in rows.iter().enumerate() {
        let known = firsts
            .iter()
            .any(|&first| rows.get(first - from) == Some(value));
        if !known {
            firsts.push(from + at);
            if firsts.len() > ARMS {
                return Err(too_many());
            }
        }
    }
    Ok(())
}

/// Units as integers: their own, or numbers of their texts.
fn keys(units: IdColumn<'_>) -> Result<Cow<'_, [i64]>> {
    if let IdColumn::Integer(rows) = units {
        return Ok(Cow::Borrowed(rows));
    }
    let (codes, texts) = units.encode();
    let empty = texts.iter().position(String::is_empty);
    if let Some(empty) = empty {
        let row = codes.iter().position(|&code| code as usize == empty);
        if let Some(row) = row {
            return Err(Error::new(
                ErrorKind::InvalidId,
                format!("unit: row {row} has none"),
            ));
        }
    }
    Ok(Cow::Owned(codes.into_iter().map(i64::from).collect()))
}

struct Work<'a, 'b> {
    rows: &'a Rows<'b>,
    options: &'a SummarizeOptions,
    shape: Shape,
    names: &'a Names<'b>,
    workers: &'a Workers<'a>,
}

struct Found {
    moments: Vec<Moments>,
    crossovers: u64,
    winsorized: Option<(f64, f64, u64)>,
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

    fn rows_as_units(&self) -> Result<Found> {
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

    fn by_unit(&self, keys: &[i64]) -> Result<Found> {
        // Row numbers of each chunk in the order of their parts, and where each part begins.
        let chunks: Vec<&[i64]> = keys.chunks(CHUNK).collect();
        let dealt = self.workers.map(
            "rows",
            chunks,
            || (),
            |_, chunk, ()| {
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
                let mut next = starts.clone();
                let mut order = vec![0u32; chunk.len()];
                for (row, &key) in (0u32..).zip(chunk) {
                    if let Some(at) = next.get_mut(part(key)) {
                        if let Some(slot) = order.get_mut(*at as usize) {
                            *slot = row;
                        }
                        *at += 1;
                    }
                }
                Ok((starts, order))
            },
        )?;
        let collect = self.options.winsorize.is_some();
        let parts: Vec<usize> = (0..PARTS).collect();
        let parts = self
            .workers
            .map("units", parts, Table::default, |_, part, table| {
                table.clear();
                for (chunk, (starts, order)) in dealt.iter().enumerate() {
                    let get = |i: usize| starts.get(i).copied().unwrap_or(0) as usize;
                    let rows = order.get(get(part)..get(part + 1)).unwrap_or(&[]);
                    for &row in rows {
                        let row = chunk * CHUNK + row as usize;
                        self.take(table, keys.get(row).copied().unwrap_or(0), row)?;
                    }
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
            })?;
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

    /// Adds one row to its unit.
    #[inline]
    fn take(&self, table: &mut Table, key: i64, row: usize) -> Result<()> {
        let [value, denominator, covariate] = self.row(row)?;
        let arm = self.names.of(row);
        let given = self
            .rows
            .covariate
            .map_or(0.0, |c| c.get(row).copied().unwrap_or(0.0));
        let (place, new) = table.entry(key, arm, given);
        let Some(held) = table.held.get_mut(place) else {
            return Ok(());
        };
        if !new && held.covariate != given {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!(
                    "covariate: row {row} is {given}, and another row of the same unit {}; it is \
                     known of the unit from before the experiment, so all rows say the same",
                    held.covariate
                ),
            ));
        }
        held.crossed |= held.arm != arm;
        let [sum, sum_denominator, once] = &mut held.unit;
        *once = covariate.fixed();
        let (added, over) = if self.options.metric == Metric::Proportion {
            (value.fixed().max(*sum), false)
        } else {
            sum.overflowing_add(value.fixed())
        };
        let (denominators, over_denominator) = sum_denominator.overflowing_add(denominator.fixed());
        if over || over_denominator {
            return Err(too_large(LARGEST));
        }
        (*sum, *sum_denominator) = (added, denominators);
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
                unit: [0; 3],
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
