//! Chance without a generator: numbers by hash of a seed and of where they are used.
//!
//! Draw `at` of round `round` of stream `stream` is SplitMix64's output function (Steele, Lea &
//! Flood 2014, doi:10.1145/2660193.2660195) of a counter, so that every draw can be made on its
//! own, on any thread, and again.

use crate::error::Result;
use crate::parallel::Workers;

const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// The users of resamples.
const RESAMPLE: u64 = 0;
/// The signs of permutations.
const SIGNS: u64 = 1;

/// Rounds of one task.
const ROUNDS_A_TASK: usize = 8;

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The start of one round.
fn key(seed: u64, stream: u64, round: u64) -> u64 {
    let stream = mix(seed.wrapping_add(STEP.wrapping_mul(stream + 1)));
    mix(stream.wrapping_add(STEP.wrapping_mul(round + 1)))
}

fn draw(key: u64, at: u64) -> u64 {
    mix(key.wrapping_add(STEP.wrapping_mul(at + 1)))
}

/// A draw as one of `0..n`.
fn below(draw: u64, n: usize) -> usize {
    ((u128::from(draw) * n as u128) >> 64) as usize
}

/// Rows of equal width.
#[derive(Clone, Copy)]
pub(super) struct Table<'a> {
    pub(super) values: &'a [f64],
    pub(super) width: usize,
}

impl Table<'_> {
    fn rows(&self) -> usize {
        self.values.len() / self.width.max(1)
    }
}

/// The percentile intervals of the means of all columns, over resamples of the rows
/// (Efron 1979): (low, high) of each column.
///
/// A resample draws as many rows as there are, with replacement; its mean of a column is the sum
/// over the rows, from the first to the last, of how often the row was drawn times its value,
/// divided by the number of rows. Quantiles are linear between neighbours.
pub(super) fn intervals(
    workers: &Workers<'_>,
    stage: &str,
    table: Table<'_>,
    seed: u64,
    resamples: usize,
    confidence: f64,
) -> Result<Vec<(f64, f64)>> {
    let rows = table.rows();
    if rows == 0 || resamples == 0 {
        return Ok(vec![(0.0, 0.0); table.width]);
    }
    let rounds: Vec<usize> = (0..resamples).step_by(ROUNDS_A_TASK).collect();
    let parts = workers.map(
        stage,
        rounds,
        || vec![0u32; rows],
        |_, first, counts: &mut Vec<u32>| {
            let mut means = Vec::with_capacity(ROUNDS_A_TASK * table.width);
            for round in first..resamples.min(first + ROUNDS_A_TASK) {
                counts.fill(0);
                let key = key(seed, RESAMPLE, round as u64);
                for at in 0..rows as u64 {
                    if let Some(count) = counts.get_mut(below(draw(key, at), rows)) {
                        *count += 1;
                    }
                }
                let start = means.len();
                means.resize(start + table.width, 0.0);
                let sums = means.get_mut(start..).unwrap_or(&mut []);
                for (row, &count) in table.values.chunks_exact(table.width).zip(counts.iter()) {
                    let count = f64::from(count);
                    for (sum, value) in sums.iter_mut().zip(row) {
                        *sum += count * value;
                    }
                }
                for sum in sums {
                    *sum /= rows as f64;
                }
            }
            Ok(means)
        },
    )?;
    let means: Vec<f64> = parts.into_iter().flatten().collect();
    let mut column = Vec::with_capacity(resamples);
    let intervals = (0..table.width).map(|at| {
        column.clear();
        column.extend(means.iter().skip(at).step_by(table.width));
        column.sort_unstable_by(f64::total_cmp);
        let tail = (1.0 - confidence) / 2.0;
        (quantile(&column, tail), quantile(&column, 1.0 - tail))
    });
    Ok(intervals.collect())
}

/// The quantile of sorted values, linear between neighbours.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * sorted.len().saturating_sub(1) as f64;
    let at = place as usize;
    let low = sorted.get(at).copied().unwrap_or(0.0);
    let high = sorted.get(at + 1).copied().unwrap_or(low);
    low + (high - low) * (place - at as f64)
}

/// Two-sided p-values of the hypothesis that the sign of each row is a coin's: the share of
/// patterns of signs under which the sum of a column is at least as far from 0 as it is.
///
/// With at most `permutations` patterns in all, each is tried once, and the p-value is exact;
/// else `permutations` random ones are tried, and those as they are count as one more (Phipson &
/// Smyth 2010, doi:10.2202/1544-6115.1585). Sums that differ by rounding alone are equal.
pub(super) fn p_values(
    workers: &Workers<'_>,
    stage: &str,
    table: Table<'_>,
    seed: u64,
    permutations: usize,
) -> Result<Vec<f64>> {
    let rows = table.rows();
    let all = 1usize
        .checked_shl(rows as u32)
        .filter(|&all| rows < 63 && all <= permutations);
    let rounds = all.unwrap_or(permutations);
    let mut observed = vec![0.0; table.width];
    let mut slack = vec![0.0; table.width];
    for row in table.values.chunks_exact(table.width.max(1)) {
        for ((sum, slack), value) in observed.iter_mut().zip(&mut slack).zip(row) {
            *sum += value;
            *slack += value.abs() * 1e-12;
        }
    }
    let bounds: Vec<f64> = observed
        .iter()
        .zip(&slack)
        .map(|(o, s)| o.abs() - s)
        .collect();
    let tasks: Vec<usize> = (0..rounds).step_by(ROUNDS_A_TASK).collect();
    let parts = workers.map(
        stage,
        tasks,
        || vec![0.0; table.width],
        |_, first, sums: &mut Vec<f64>| {
            let mut reached = vec![0u32; table.width];
            for round in first..rounds.min(first + ROUNDS_A_TASK) {
                sums.fill(0.0);
                let key = key(seed, SIGNS, round as u64);
                let rows = table.values.chunks_exact(table.width.max(1) * 64);
                let rest = rows.remainder();
                for (block, values) in rows.chain(std::iter::once(rest)).enumerate() {
                    let bits = if all.is_some() {
                        round as u64
                    } else {
                        draw(key, block as u64)
                    };
                    for (i, row) in values.chunks_exact(table.width.max(1)).enumerate() {
                        let sign = if bits >> i & 1 == 1 { -1.0 } else { 1.0 };
                        for (sum, value) in sums.iter_mut().zip(row) {
                            *sum += sign * value;
                        }
                    }
                }
                for ((count, sum), bound) in reached.iter_mut().zip(sums.iter()).zip(&bounds) {
                    *count += u32::from(sum.abs() >= *bound);
                }
            }
            Ok(reached)
        },
    )?;
    let extra = usize::from(all.is_none());
    let p = (0..table.width).map(|at| {
        let reached: usize = parts
            .iter()
            .map(|part| part.get(at).copied().unwrap_or(0) as usize)
            .sum();
        (reached + extra) as f64 / (rounds + extra) as f64
    });
    Ok(p.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::Control;

    fn with_workers<R>(threads: usize, work: impl FnOnce(&Workers<'_>) -> R) -> R {
        let control = Control::new();
        work(&Workers {
            threads,
            control: &control,
        })
    }

    #[test]
    fn splitmix64_by_its_published_values() {
        // The first outputs of SplitMix64 seeded with 1234567.
        let expected = [
            6_457_827_717_110_365_317u64,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
        ];
        for (at, value) in expected.into_iter().enumerate() {
            assert_eq!(draw(1_234_567, at as u64), value);
        }
    }

    #[test]
    fn draws_cover_their_range() {
        for n in [1, 2, 3, 1000, usize::MAX] {
            assert_eq!(below(0, n), 0);
            assert_eq!(below(u64::MAX, n), n - 1);
        }
    }

    #[test]
    fn quantiles_by_hand() {
        let sorted = [1.0, 2.0, 4.0, 8.0, 16.0];
        assert_eq!(quantile(&sorted, 0.0), 1.0);
        assert_eq!(quantile(&sorted, 1.0), 16.0);
        assert_eq!(quantile(&sorted, 0.5), 4.0);
        assert_eq!(quantile(&sorted, 0.375), 3.0);
        assert_eq!(quantile(&[3.0], 0.9), 3.0);
        assert_eq!(quantile(&[], 0.9), 0.0);
    }

    #[test]
    fn threads_change_nothing() {
        let values: Vec<f64> = (0..999)
            .map(|i| f64::from(i * i % 97) / 7.0 - 6.0)
            .collect();
        let table = Table {
            values: &values,
            width: 3,
        };
        let run = |threads| {
            with_workers(threads, |workers| {
                (
                    intervals(workers, "test", table, 5, 101, 0.9).unwrap(),
                    p_values(workers, "test", table, 5, 203).unwrap(),
                )
            })
        };
        let one = run(1);
        assert_eq!(one, run(2));
        assert_eq!(one, run(7));
        assert!(one.0.iter().all(|(low, high)| low < high));
    }

    #[test]
    fn few_rows_are_tried_in_every_pattern() {
        // Of the 8 patterns of 3 equal values, 2 reach the sum.
        let table = Table {
            values: &[1.0, 1.0, 1.0],
            width: 1,
        };
        let p = with_workers(1, |w| p_values(w, "test", table, 0, 8).unwrap());
        assert_eq!(p, [0.25]);
        // One pattern too few: random ones, and the observed.
        let p = with_workers(1, |w| p_values(w, "test", table, 0, 7).unwrap());
        assert!(p[0] >= 1.0 / 8.0);
        let none = Table {
            values: &[],
            width: 2,
        };
        assert_eq!(
            with_workers(1, |w| p_values(w, "t", none, 0, 9).unwrap()),
            [1.0, 1.0]
        );
        assert_eq!(
            with_workers(1, |w| intervals(w, "t", none, 0, 9, 0.9).unwrap()),
            [(0.0, 0.0); 2]
        );
        // No difference at all is no evidence.
        let zero = Table {
            values: &[0.0; 100],
            width: 1,
        };
        assert_eq!(
            with_workers(1, |w| p_values(w, "t", zero, 0, 99).unwrap()),
            [1.0]
        );
    }
}
