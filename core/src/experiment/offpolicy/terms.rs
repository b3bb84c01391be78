//! What each estimator adds up, row by row, and the estimate that comes of the sums.
//!
//! Every estimate is mean(m) + Σ a / Σ b. That gives its influence function, which has the
//! standard error; the difference of two estimates has the difference of their influences.

use super::super::stats::{Exact, LARGEST, Parts, Wide, from_fixed};
use super::model::Predicted;
use super::options::Estimator;
use super::rows::Checked;
use crate::error::{Error, ErrorKind, Result};
use crate::parallel::Workers;

/// Rows of one task.
pub(crate) const CHUNK: usize = 1 << 16;

/// A policy beside the log.
pub(crate) struct Weighted<'a> {
    pub(crate) log: &'a Checked<'a>,
    /// π(a|x) / μ(a|x) of each row.
    pub(crate) weights: Vec<f64>,
    pub(crate) predicted: Option<Predicted<'a>>,
    pub(crate) more_robust: Option<Predicted<'a>>,
}

/// An estimator with its threshold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Way {
    pub(crate) estimator: Estimator,
    /// Infinite where there is none.
    pub(crate) threshold: f64,
}

/// A row's part of mean(m) + Σ a / Σ b.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Term {
    pub(crate) m: f64,
    pub(crate) a: f64,
    pub(crate) b: f64,
}

impl Weighted<'_> {
    #[inline]
    pub(crate) fn weight(&self, row: usize) -> f64 {
        self.weights.get(row).copied().unwrap_or(0.0)
    }

    /// q̂ of the logged action, and its mean over the policy's.
    #[inline]
    pub(crate) fn predictions(&self, estimator: Estimator, row: usize) -> (f64, f64) {
        let from = if estimator == Estimator::Mrdr {
            self.more_robust.as_ref()
        } else {
            self.predicted.as_ref()
        };
        from.map_or((0.0, 0.0), |from| {
            let get = |values: &[f64]| values.get(row).copied().unwrap_or(0.0);
            (get(&from.logged), get(&from.mean))
        })
    }

    #[inline]
    pub(crate) fn term(&self, way: Way, row: usize) -> Term {
        let (w, r) = (self.weight(row), self.log.reward(row));
        let mean = |m: f64| Term {
            m,
            ..Term::default()
        };
        match way.estimator {
            Estimator::Ips => mean(w * r),
            Estimator::ClippedIps => mean(w.min(way.threshold) * r),
            Estimator::Snips | Estimator::Replay => Term {
                m: 0.0,
                a: w * r,
                b: w,
            },
            Estimator::Dm => mean(self.predictions(way.estimator, row).1),
            Estimator::Dr | Estimator::Mrdr => {
                let (q, v) = self.predictions(way.estimator, row);
                mean(v + w * (r - q))
            }
            Estimator::SwitchDr => {
                let (q, v) = self.predictions(way.estimator, row);
                let w = if w <= way.threshold { w } else { 0.0 };
                mean(v + w * (r - q))
            }
            Estimator::Sndr => {
                let (q, v) = self.predictions(way.estimator, row);
                Term {
                    m: v,
                    a: w * (r - q),
                    b: w,
                }
            }
        }
    }

    /// Adds an estimator up; `None` where no row has weight, so that there is no estimate.
    pub(crate) fn fit(&self, workers: &Workers<'_>, way: Way) -> Result<Option<Fit>> {
        let rows = self.log.rows();
        let divided = matches!(
            way.estimator,
            Estimator::Snips | Estimator::Sndr | Estimator::Replay
        );
        let sums = exact_sums(workers, rows, |row| {
            let term = self.term(way, row);
            if divided {
                [term.m, term.a, term.b]
            } else {
                [term.m, 0.0, 0.0]
            }
        })
        .map_err(|e| e.context(way.estimator.as_str()))?;
        let [m, a, b] = sums.map(Wide::to_f64);
        let n = rows as f64;
        if divided && b <= 0.0 {
            return Ok(None);
        }
        Ok(Some(Fit {
            way,
            mean: m / n,
            ratio: if divided { a / b } else { 0.0 },
            per_row: if divided { b / n } else { 1.0 },
        }))
    }
}

/// Exact sums of three columns.
pub(crate) fn exact_sums<const N: usize>(
    workers: &Workers<'_>,
    rows: usize,
    values: impl Fn(usize) -> [f64; N] + Sync,
) -> Result<[Wide; N]> {
    let chunks: Vec<usize> = (0..rows).step_by(CHUNK).collect();
    let parts = workers.map(
        "sums",
        chunks,
        || (),
        |_, from, ()| {
            let mut sums: [Exact; N] = std::array::from_fn(|_| Exact::new());
            for row in from..rows.min(from + CHUNK) {
                for (sum, value) in sums.iter_mut().zip(values(row)) {
                    if beyond(value) {
                        return Err(too_large(row, value));
                    }
                    if value != 0.0 {
                        sum.add(Parts::of(value), Parts::ONE);
                    }
                }
            }
            Ok(sums.map(Exact::total))
        },
    )?;
    let mut out = [Wide::default(); N];
    for part in parts {
        for (sum, part) in out.iter_mut().zip(part) {
            sum.add(&part);
        }
    }
    Ok(out)
}

/// Whether a value is not a number that exact sums take.
#[inline]
pub(crate) fn beyond(value: f64) -> bool {
    value.is_nan() || value.abs() >= LARGEST
}

#[cold]
pub(crate) fn too_large(row: usize, value: f64) -> Error {
    Error::new(
        ErrorKind::LimitExceeded,
        format!("row {row} adds {value}; sums are of values within ±2^50"),
    )
}

/// An estimate, and what its influence function needs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Fit {
    pub(crate) way: Way,
    mean: f64,
    ratio: f64,
    per_row: f64,
}

impl Fit {
    pub(crate) fn value(&self) -> f64 {
        self.mean + self.ratio
    }

    /// What a row does to the estimate, times the number of rows.
    #[inline]
    pub(crate) fn influence(&self, term: Term) -> f64 {
        (term.m - self.mean) + (term.a - self.ratio * term.b) / self.per_row
    }
}

/// Standard errors from influences, of `N` statistics in one pass; `None` below two units.
pub(crate) fn standard_errors<const N: usize>(
    workers: &Workers<'_>,
    log: &Checked<'_>,
    influence: impl Fn(usize) -> [f64; N] + Sync,
) -> Result<[Option<f64>; N]> {
    let units = log.units.as_ref();
    let units = units.map(|(codes, count)| (codes.as_slice(), *count));
    spread(workers, log.rows(), units, influence)
}

/// Standard errors of rows. The influences of one unit are added up first, so that its rows may be
/// as alike as they like.
pub(crate) fn spread<const N: usize>(
    workers: &Workers<'_>,
    rows: usize,
    units: Option<(&[u32], usize)>,
    influence: impl Fn(usize) -> [f64; N] + Sync,
) -> Result<[Option<f64>; N]> {
    let count = units.map_or(rows, |(_, count)| count);
    if count < 2 {
        return Ok([None; N]);
    }
    let squares = match units {
        None => squares(workers, rows, influence)?,
        Some((codes, count)) => {
            let mut sums = vec![[0i128; N]; count];
            for (row, &code) in codes.iter().enumerate() {
                let own = sums.get_mut(code as usize).into_iter().flatten();
                for (sum, value) in own.zip(influence(row)) {
                    if beyond(value) {
                        return Err(too_large(row, value));
                    }
                    *sum = sum.saturating_add(Parts::of(value).fixed());
                }
            }
            let of = |unit: usize| sums.get(unit).copied().unwrap_or([0; N]).map(from_fixed);
            squares(workers, count, of)?
        }
    };
    let (n, u) = (rows as f64, count as f64);
    Ok(squares.map(|sum| Some(libm::sqrt(sum.to_f64() * (u / (u - 1.0))) / n)))
}

/// Exact sums of squares.
pub(crate) fn squares<const N: usize>(
    workers: &Workers<'_>,
    rows: usize,
    values: impl Fn(usize) -> [f64; N] + Sync,
) -> Result<[Wide; N]> {
    let chunks: Vec<usize> = (0..rows).step_by(CHUNK).collect();
    let parts = workers.map(
        "spread",
        chunks,
        || (),
        |_, from, ()| {
            let mut sums: [Exact; N] = std::array::from_fn(|_| Exact::new());
            for row in from..rows.min(from + CHUNK) {
                for (sum, value) in sums.iter_mut().zip(values(row)) {
                    if beyond(value) {
                        return Err(too_large(row, value));
                    }
                    let parts = Parts::of(value);
                    sum.add(parts, parts);
                }
            }
            Ok(sums.map(Exact::total))
        },
    )?;
    let mut out = [Wide::default(); N];
    for part in parts {
        for (sum, part) in out.iter_mut().zip(part) {
            sum.add(&part);
        }
    }
    Ok(out)
}
