//! Vectors as they come in: one flat array, checked row by row.

use crate::error::{Error, ErrorKind, Result};
use crate::parallel::Workers;

use super::options::{MAX_COMPONENT, MAX_DIMENSION, MAX_ROWS, Metric};

/// The largest finite half float.
const MAX_HALF: f32 = 65_504.0;
/// Rows that a task checks.
const CHUNK: usize = 1024;
/// Bad rows that an error names.
const NAMED: usize = 5;

#[derive(Clone, Copy, Debug)]
enum Values<'a> {
    Floats(&'a [f32]),
    Halves(&'a [u16]),
}

/// Rows of equal length, one after the other, borrowed.
///
/// ```
/// use tastemaker::index::Vectors;
/// let vectors = Vectors::new(&[1.0, 0.0, 0.0, 1.0], 2)?;
/// assert_eq!(vectors.rows(), 2);
/// assert!(Vectors::new(&[1.0, 0.0, 0.0], 2).is_err());
/// # Ok::<(), tastemaker::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Vectors<'a> {
    values: Values<'a>,
    dimension: usize,
}

impl<'a> Vectors<'a> {
    /// Rows of `dimension` floats.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] if the dimension is not from 1 to [`MAX_DIMENSION`],
    /// [`ErrorKind::LengthMismatch`] if the values are no whole number of rows,
    /// [`ErrorKind::LimitExceeded`] beyond [`MAX_ROWS`] rows.
    pub fn new(values: &'a [f32], dimension: usize) -> Result<Self> {
        check_shape(values.len(), dimension)?;
        let values = Values::Floats(values);
        Ok(Self { values, dimension })
    }

    /// Rows of `dimension` half floats (IEEE 754 binary16), given as their bits.
    ///
    /// # Errors
    /// As [`Vectors::new`].
    pub fn from_halves(values: &'a [u16], dimension: usize) -> Result<Self> {
        check_shape(values.len(), dimension)?;
        let values = Values::Halves(values);
        Ok(Self { values, dimension })
    }

    /// The number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        let values = match self.values {
            Values::Floats(values) => values.len(),
            Values::Halves(values) => values.len(),
        };
        values / self.dimension
    }

    /// The values of a row.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// Copies a row; leaves `out` as it is where there is no such row.
    pub(crate) fn copy_row(&self, row: usize, out: &mut [f32]) {
        let start = row.saturating_mul(self.dimension);
        let range = start..start.saturating_add(self.dimension);
        match self.values {
            Values::Floats(values) => {
                if let Some(row) = values.get(range) {
                    for (to, from) in out.iter_mut().zip(row) {
                        *to = *from;
                    }
                }
            }
            Values::Halves(values) => {
                if let Some(row) = values.get(range) {
                    tastemaker_kernels::widen_halves(row, out);
                }
            }
        }
    }

    /// The rows that `order` names, checked, and scaled to length 1 for the cosine.
    pub(super) fn prepared(
        &self,
        order: &[u32],
        metric: Metric,
        halves: bool,
        workers: &Workers<'_>,
    ) -> Result<Vec<f32>> {
        let width = self.dimension;
        let mut out = vec![0f32; order.len() * width];
        let tasks: Vec<(&[u32], &mut [f32])> = order
            .chunks(CHUNK)
            .zip(out.chunks_mut(CHUNK * width))
            .collect();
        let bad = workers.map(
            "vectors",
            tasks,
            || (),
            |_, (order, out), ()| {
                let mut bad = Vec::new();
                for (&row, out) in order.iter().zip(out.chunks_exact_mut(width)) {
                    self.copy_row(row as usize, out);
                    if let Err(flaw) = prepare(out, metric, halves) {
                        bad.push((row, flaw));
                    }
                }
                Ok(bad)
            },
        )?;
        let mut bad: Vec<(u32, Flaw)> = bad.into_iter().flatten().collect();
        bad.sort_unstable_by_key(|(row, _)| *row);
        match bad.first() {
            None => Ok(out),
            Some((_, flaw)) => {
                let rows: Vec<String> = bad
                    .iter()
                    .take(NAMED)
                    .map(|(row, _)| row.to_string())
                    .collect();
                let more = match bad.len().saturating_sub(NAMED) {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                };
                let word = if bad.len() == 1 { "row" } else { "rows" };
                Err(flaw.error(&format!("vectors: {word} {}{more}", rows.join(", "))))
            }
        }
    }
}

fn check_shape(values: usize, dimension: usize) -> Result<()> {
    if !(1..=MAX_DIMENSION).contains(&dimension) {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            format!("the dimension is {dimension}; it must be from 1 to {MAX_DIMENSION}"),
        ));
    }
    if !values.is_multiple_of(dimension) {
        return Err(Error::new(
            ErrorKind::LengthMismatch,
            format!("{values} values are no whole number of vectors of {dimension} values"),
        ));
    }
    if values / dimension > MAX_ROWS {
        return Err(Error::new(
            ErrorKind::LimitExceeded,
            format!("{} vectors; the limit is {MAX_ROWS}", values / dimension),
        ));
    }
    Ok(())
}

/// What is wrong with a vector.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Flaw {
    Value(usize, f32),
    Half(usize, f32),
    NoDirection,
}

impl Flaw {
    pub(super) fn error(self, what: &str) -> Error {
        let why = match self {
            Self::Value(at, value) => {
                format!("value {at} is {value}; it must be finite and within ±1e15")
            }
            Self::Half(at, value) => {
                format!("value {at} is {value}; with f16 storage it must be within ±65504")
            }
            Self::NoDirection => "all values are 0, which has no direction for the cosine".into(),
        };
        Error::new(ErrorKind::InvalidVector, format!("{what}: {why}"))
    }
}

/// Checks a vector and, for the cosine, scales it to length 1. A negative zero becomes zero, so
/// that equal vectors have equal bytes.
pub(super) fn prepare(values: &mut [f32], metric: Metric, halves: bool) -> Result<(), Flaw> {
    let sound = |v: f32| v.abs() <= MAX_COMPONENT;
    if let Some((at, &value)) = values.iter().enumerate().find(|&(_, &v)| !sound(v)) {
        return Err(Flaw::Value(at, value));
    }
    for value in values.iter_mut() {
        *value += 0.0;
    }
    if metric == Metric::Cosine {
        // In `f64`, one after the other: no overflow, and easy to repeat anywhere.
        let square: f64 = values.iter().map(|&v| f64::from(v) * f64::from(v)).sum();
        if square == 0.0 {
            return Err(Flaw::NoDirection);
        }
        let length = square.sqrt();
        for value in values.iter_mut() {
            *value = (f64::from(*value) / length) as f32;
        }
    } else if halves
        && let Some((at, &value)) = values
            .iter()
            .enumerate()
            .find(|&(_, &v)| v.abs() > MAX_HALF)
    {
        return Err(Flaw::Half(at, value));
    }
    Ok(())
}
