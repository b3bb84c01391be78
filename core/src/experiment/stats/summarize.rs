//! From rows to arms: rows are added up by unit, and units by arm, without rounding.
//!
//! This file says what goes in and what comes out; `names.rs` finds the arms, `units.rs` adds up.

use std::borrow::Cow;

use serde_json::{Value as Json, json};

use super::arm::{Arm, Metric};
use super::moments::Shape;
use super::names::Names;
use super::units::Work;
use crate::control::Control;
use crate::error::{Error, ErrorKind, Result};
use crate::event::IdColumn;
use crate::fields::Fields;
use crate::parallel::Workers;

/// Rows of one task.
pub(crate) const CHUNK: usize = 1 << 16;

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
