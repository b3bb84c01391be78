//! Vectors as codes: one byte a value, with one scale for the whole index.
//!
//! A code `c` stands for `centre + (c − 128) · scale`. The centre is the mean of the vectors for
//! L2, where only differences matter, and zero for the other metrics. One scale makes inner
//! products of codes comparable between rows, in integers, which every processor computes alike.

use crate::error::Result;
use crate::parallel::Workers;

use super::options::Metric;

/// Rows of a task.
const CHUNK: usize = 1024;
/// Codes go from 128 − 127 to 128 + 127.
const MOST: f32 = 127.0;

/// How vectors became codes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Scale {
    /// The mean, or nothing for zero.
    pub(super) centre: Vec<f32>,
    /// What one step of a code stands for; positive and finite.
    pub(super) step: f32,
}

/// How far codes are from vectors: bounds over all rows, rounded up.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Bounds {
    /// The largest distance of a row from its codes' meaning.
    pub(super) error: f64,
    /// The largest length of a row, relative to the centre.
    pub(super) length: f64,
}

/// The nearest whole number, ties to even, within ±127. What `round_ties_even` gives, which
/// without SSE 4.1 is a call for each value.
fn rounded(value: f32) -> f32 {
    // From 2^23 on, neighbouring floats are whole numbers apart, so the sum rounds.
    const SHIFT: f32 = 1.5 * 8_388_608.0;
    let value = value.clamp(-MOST, MOST);
    (value + SHIFT) - SHIFT
}

impl Scale {
    /// The scale that fits these rows.
    pub(super) fn fit(
        floats: &[f32],
        dimension: usize,
        metric: Metric,
        workers: &Workers<'_>,
    ) -> Result<Self> {
        let mut centre = Vec::new();
        if metric == Metric::L2 && !floats.is_empty() {
            let parts = workers.map(
                "centre",
                floats.chunks(CHUNK * dimension).collect(),
                || (),
                |_, rows, ()| {
                    let mut sums = vec![0f64; dimension];
                    for row in rows.chunks_exact(dimension) {
                        for (sum, &value) in sums.iter_mut().zip(row) {
                            *sum += f64::from(value);
                        }
                    }
                    Ok(sums)
                },
            )?;
            let rows = (floats.len() / dimension) as f64;
            let mut sums = vec![0f64; dimension];
            for part in parts {
                for (sum, part) in sums.iter_mut().zip(part) {
                    *sum += part;
                }
            }
            centre = sums.iter().map(|sum| (sum / rows) as f32).collect();
        }
        let mut scale = Self { centre, step: 1.0 };
        let largest = workers.map(
            "scale",
            floats.chunks(CHUNK * dimension).collect(),
            || vec![0f32; dimension],
            |_, rows, relative| {
                let mut most = 0f32;
                for row in rows.chunks_exact(dimension) {
                    scale.relative(row, relative);
                    most = relative.iter().fold(most, |most, v| most.max(v.abs()));
                }
                Ok(most)
            },
        )?;
        let largest = largest.into_iter().fold(0f32, f32::max);
        scale.step = (largest / MOST).max(f32::MIN_POSITIVE);
        Ok(scale)
    }

    /// `row − centre`.
    pub(super) fn relative(&self, row: &[f32], out: &mut [f32]) {
        if self.centre.is_empty() {
            for (to, from) in out.iter_mut().zip(row) {
                *to = *from;
            }
        } else {
            for ((to, from), centre) in out.iter_mut().zip(row).zip(&self.centre) {
                *to = from - centre;
            }
        }
    }

    /// The codes of a row as signed values.
    fn code(&self, relative: f32) -> f32 {
        rounded(relative / self.step)
    }

    /// All rows as codes, `stride` bytes apart, and what that loses.
    pub(super) fn encode(
        &self,
        floats: &[f32],
        dimension: usize,
        stride: usize,
        workers: &Workers<'_>,
    ) -> Result<(Vec<u8>, Bounds)> {
        let mut codes = vec![128u8; floats.len() / dimension * stride];
        let tasks: Vec<(&[f32], &mut [u8])> = floats
            .chunks(CHUNK * dimension)
            .zip(codes.chunks_mut(CHUNK * stride))
            .collect();
        let bounds = workers.map(
            "codes",
            tasks,
            || vec![0f32; dimension],
            |_, (rows, codes), relative| {
                let mut bounds = Bounds::default();
                for (row, codes) in rows
                    .chunks_exact(dimension)
                    .zip(codes.chunks_exact_mut(stride))
                {
                    self.relative(row, relative);
                    let row = self.encode_row(relative, codes);
                    bounds.error = bounds.error.max(row.error);
                    bounds.length = bounds.length.max(row.length);
                }
                Ok(bounds)
            },
        )?;
        let all = bounds.iter().fold(Bounds::default(), |all, part| Bounds {
            error: all.error.max(part.error),
            length: all.length.max(part.length),
        });
        Ok((codes, all))
    }

    /// One row, relative to the centre, as codes.
    pub(super) fn encode_row(&self, relative: &[f32], codes: &mut [u8]) -> Bounds {
        let (mut error, mut length) = (0f64, 0f64);
        for (to, &value) in codes.iter_mut().zip(relative) {
            let code = self.code(value);
            *to = (code as i32 + 128) as u8;
            let lost = f64::from(value) - f64::from(code) * f64::from(self.step);
            error += lost * lost;
            length += f64::from(value) * f64::from(value);
        }
        Bounds {
            error: error.sqrt(),
            length: length.sqrt(),
        }
    }

    /// What a row of codes stands for.
    pub(super) fn decode(&self, codes: &[u8], out: &mut [f32]) {
        for (to, &code) in out.iter_mut().zip(codes) {
            *to = (f32::from(code) - 128.0) * self.step;
        }
        for (to, centre) in out.iter_mut().zip(&self.centre) {
            *to += centre;
        }
    }
}

/// A query as signed codes with a step of its own, so that it loses as little as it can.
#[derive(Clone, Debug, Default)]
pub(super) struct QueryCodes {
    pub(super) codes: Vec<i8>,
    pub(super) step: f32,
    /// The distance of the query from its codes' meaning.
    pub(super) error: f64,
    /// The length of the query, relative to the centre.
    pub(super) length: f64,
}

impl QueryCodes {
    /// The codes of a query that is relative to the centre.
    pub(super) fn set(&mut self, relative: &[f32]) {
        let most = relative.iter().fold(0f32, |most, v| most.max(v.abs()));
        self.step = (most / MOST).max(f32::MIN_POSITIVE);
        self.codes.clear();
        let (mut error, mut length) = (0f64, 0f64);
        for &value in relative {
            let code = rounded(value / self.step);
            self.codes.push(code as i8);
            let lost = f64::from(value) - f64::from(code) * f64::from(self.step);
            error += lost * lost;
            length += f64::from(value) * f64::from(value);
        }
        self.error = error.sqrt();
        self.length = length.sqrt();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_is_to_the_nearest_and_ties_to_even() {
        for n in -2600..=2600i32 {
            let value = n as f32 / 20.0;
            assert_eq!(
                rounded(value),
                value.round_ties_even().clamp(-127.0, 127.0),
                "{value}"
            );
        }
        for value in [0.5, 1.5, 2.5, -0.5, 126.5, 0.499_999_97, -126.500_01, 1e30] {
            assert_eq!(
                rounded(value),
                value.round_ties_even().clamp(-127.0, 127.0),
                "{value}"
            );
        }
    }
}
