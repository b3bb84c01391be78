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

/// Rows that reach this many times as far as 99 of 100 rows are cut.
const FAR: f32 = 4.0;

/// The mean of the rows whose `reach` is at most `most`; of all where there is none.
fn mean(
    floats: &[f32],
    dimension: usize,
    reach: &[f32],
    most: f32,
    workers: &Workers<'_>,
) -> Result<Vec<f32>> {
    let parts = workers.map(
        "centre",
        floats.chunks(CHUNK * dimension).collect(),
        || (),
        |chunk, rows, ()| {
            let (mut sums, mut count) = (vec![0f64; dimension], 0usize);
            for (at, row) in rows.chunks_exact(dimension).enumerate() {
                if reach.get(chunk * CHUNK + at).is_some_and(|&r| r > most) {
                    continue;
                }
                count += 1;
                for (sum, &value) in sums.iter_mut().zip(row) {
                    *sum += f64::from(value);
                }
            }
            Ok((sums, count))
        },
    )?;
    let (mut sums, mut count) = (vec![0f64; dimension], 0usize);
    for (part, rows) in parts {
        count += rows;
        for (sum, part) in sums.iter_mut().zip(part) {
            *sum += part;
        }
    }
    let count = count.max(1) as f64;
    Ok(sums.iter().map(|sum| (sum / count) as f32).collect())
}

/// The largest reach, and the most that codes reach: [`FAR`] times that of 99 of 100 rows.
fn limits(reach: &[f32]) -> (f32, f32) {
    let largest = reach.iter().copied().fold(0f32, f32::max);
    let Some(at) = (reach.len() * 99).div_ceil(100).checked_sub(1) else {
        return (largest, largest);
    };
    let mut sorted = reach.to_vec();
    let (_, &mut usual, _) = sorted.select_nth_unstable_by(at, f32::total_cmp);
    // Where nearly all are zero, the others are what there is to tell apart.
    let most = if usual > 0.0 { usual * FAR } else { largest };
    (largest, most)
}

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
pub(super) fn rounded(value: f32) -> f32 {
    // From 2^23 on, neighbouring floats are whole numbers apart, so the sum rounds.
    const SHIFT: f32 = 1.5 * 8_388_608.0;
    let value = value.clamp(-MOST, MOST);
    (value + SHIFT) - SHIFT
}

impl Scale {
    /// The scale that fits these rows: all of them, unless a few are far away from the rest.
    ///
    /// One vector that is a thousand times as long as the others would leave one code for all of
    /// those. So the step reaches at most [`FAR`] times as far as 99 of 100 rows do, rows beyond
    /// are cut to the ends of the codes, and the mean is without them.
    pub(super) fn fit(
        floats: &[f32],
        dimension: usize,
        metric: Metric,
        workers: &Workers<'_>,
    ) -> Result<Self> {
        let mut scale = Self {
            centre: Vec::new(),
            step: 1.0,
        };
        if metric == Metric::L2 && !floats.is_empty() {
            scale.centre = mean(floats, dimension, &[], f32::INFINITY, workers)?;
        }
        let mut reach = scale.reach(floats, dimension, workers)?;
        let (mut largest, mut most) = limits(&reach);
        if !scale.centre.is_empty() && largest > most {
            scale.centre = mean(floats, dimension, &reach, most, workers)?;
            reach = scale.reach(floats, dimension, workers)?;
            (largest, most) = limits(&reach);
        }
        scale.step = (largest.min(most) / MOST).max(f32::MIN_POSITIVE);
        Ok(scale)
    }

    /// The largest absolute value of each row, relative to the centre.
    fn reach(&self, floats: &[f32], dimension: usize, workers: &Workers<'_>) -> Result<Vec<f32>> {
        let mut reach = vec![0f32; floats.len() / dimension];
        let tasks: Vec<(&[f32], &mut [f32])> = floats
            .chunks(CHUNK * dimension)
            .zip(reach.chunks_mut(CHUNK))
            .collect();
        workers.map(
            "scale",
            tasks,
            || vec![0f32; dimension],
            |_, (rows, reach), relative| {
                for (row, reach) in rows.chunks_exact(dimension).zip(reach) {
                    self.relative(row, relative);
                    *reach = relative.iter().fold(0f32, |most, v| most.max(v.abs()));
                }
                Ok(())
            },
        )?;
        Ok(reach)
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
