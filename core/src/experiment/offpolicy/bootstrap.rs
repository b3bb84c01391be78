//! The Poisson bootstrap: how often a row, or a unit, counts in a replicate is a hash of its number,
//! the replicate and a seed, so that nothing has to be drawn in order (Hanley & MacGibbon 2006;
//! Chamandy, Muralidharan, Najmi & Naidu 2012).
//!
//! A statistic is a function of sums of columns. Sums are taken chunk by chunk in eight lanes, and
//! chunks are added in their order: the number of threads changes no bit.

use crate::error::Result;
use crate::fields::Fields;
use crate::parallel::Workers;

/// Rows of one task.
const CHUNK: usize = 1 << 14;
const LANES: usize = 8;

/// How often, and from which seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Bootstrap {
    /// Replicates, 20 to 100,000; the ends of a 95 % interval need some 1,000.
    pub replicates: u32,
    /// The seed.
    pub seed: u64,
}

impl Bootstrap {
    /// So many replicates, with the seed 0.
    #[must_use]
    pub fn new(replicates: u32) -> Self {
        Self {
            replicates,
            seed: 0,
        }
    }

    pub(crate) fn read(fields: &Fields<'_>) -> Result<Option<Self>> {
        let seed = fields.whole("seed", 0, 0, (1 << 53) - 1)?;
        let replicates = fields.whole("replicates", 0, 0, 100_000)? as u32;
        if (1..20).contains(&replicates) {
            return Err(fields.wrong(
                "replicates",
                &replicates.into(),
                "it must be 0 for none, or 20 to 100000",
            ));
        }
        Ok((replicates > 0).then_some(Self { replicates, seed }))
    }
}

/// What the replicates say of one statistic.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Resampled {
    /// The standard deviation of the replicates.
    pub standard_error: f64,
    /// Their quantile alpha / 2.
    pub low: f64,
    /// Their quantile 1 − alpha / 2.
    pub high: f64,
    /// Replicates in which the statistic exists.
    pub replicates: u32,
}

/// 2³² times the chances of at most 0, 1, … of a Poisson distribution with mean 1, rounded down.
const POISSON: [u32; 12] = [
    1_580_030_168,
    3_160_060_337,
    3_950_075_421,
    4_213_413_783,
    4_279_248_373,
    4_292_415_291,
    4_294_609_777,
    4_294_923_276,
    4_294_962_463,
    4_294_966_817,
    4_294_967_252,
    4_294_967_292,
];

#[inline]
fn mixed(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

#[inline]
fn poisson(draw: u32) -> u32 {
    POISSON.iter().map(|&bound| u32::from(draw >= bound)).sum()
}

/// The two counts of a unit in the replicates 2 `pair` and 2 `pair` + 1.
#[inline]
fn counts(key: u64, pair: u64) -> [u32; 2] {
    let draw = mixed(key.wrapping_add((pair + 1).wrapping_mul(GOLDEN)));
    [poisson(draw as u32), poisson((draw >> 32) as u32)]
}

fn dot(counts: &[f64], column: &[f64]) -> f64 {
    let mut lanes = [0.0f64; LANES];
    for (counts, values) in counts.chunks(LANES).zip(column.chunks(LANES)) {
        for ((lane, count), value) in lanes.iter_mut().zip(counts).zip(values) {
            *lane += count * value;
        }
    }
    let [a, b, c, d, e, f, g, h] = lanes;
    ((a + b) + (c + d)) + ((e + f) + (g + h))
}

/// The sums of `width` columns in every replicate. `fill` writes the columns of some rows, one
/// after the other; `units` says which rows count together.
pub(crate) fn sums(
    bootstrap: Bootstrap,
    workers: &Workers<'_>,
    rows: usize,
    width: usize,
    units: Option<&[u32]>,
    fill: impl Fn(std::ops::Range<usize>, &mut [Vec<f64>]) + Sync,
) -> Result<Vec<Vec<f64>>> {
    let replicates = bootstrap.replicates as usize;
    let chunks: Vec<usize> = (0..rows).step_by(CHUNK).collect();
    let scratch = || (vec![Vec::with_capacity(CHUNK); width], vec![Vec::new(); 2]);
    let seed = mixed(bootstrap.seed ^ GOLDEN);
    let parts = workers.map("bootstrap", chunks, scratch, |_, from, (columns, drawn)| {
        let range = from..rows.min(from + CHUNK);
        for column in columns.iter_mut() {
            column.clear();
        }
        fill(range.clone(), columns);
        let key = |row: usize| {
            let unit = units.map_or(row as u64, |units| {
                units.get(row).copied().unwrap_or(0).into()
            });
            mixed(seed ^ unit.wrapping_mul(GOLDEN))
        };
        let keys: Vec<u64> = range.map(key).collect();
        let mut out = vec![vec![0.0; width]; replicates];
        for (pair, two) in out.chunks_mut(2).enumerate() {
            for column in drawn.iter_mut() {
                column.clear();
            }
            if let [even, odd] = drawn.as_mut_slice() {
                for &key in &keys {
                    let [a, b] = counts(key, pair as u64);
                    even.push(f64::from(a));
                    odd.push(f64::from(b));
                }
            }
            for (sums, drawn) in two.iter_mut().zip(drawn.iter()) {
                for (sum, column) in sums.iter_mut().zip(columns.iter()) {
                    *sum = dot(drawn, column);
                }
            }
        }
        Ok(out)
    })?;
    let mut total = vec![vec![0.0; width]; replicates];
    for part in parts {
        for (sums, own) in total.iter_mut().zip(part) {
            for (sum, own) in sums.iter_mut().zip(own) {
                *sum += own;
            }
        }
    }
    Ok(total)
}

/// Mean, spread and percentiles of a statistic; `None` where fewer than 20 replicates have it.
pub(crate) fn resampled(mut values: Vec<f64>, alpha: f64) -> Option<Resampled> {
    if values.len() < 20 {
        return None;
    }
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|v| (v - mean) * (v - mean)).sum();
    values.sort_unstable_by(f64::total_cmp);
    // Between the two order statistics about (n − 1) p, as NumPy's default.
    let quantile = |p: f64| {
        let at = p * (n - 1.0);
        let below = libm::floor(at);
        let get = |i: f64| values.get(i as usize).copied().unwrap_or(0.0);
        let (low, high) = (get(below), get((below + 1.0).min(n - 1.0)));
        low + (high - low) * (at - below)
    };
    Some(Resampled {
        standard_error: libm::sqrt(squares / (n - 1.0)),
        low: quantile(alpha / 2.0),
        high: quantile(1.0 - alpha / 2.0),
        replicates: values.len() as u32,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::Control;

    #[test]
    fn thresholds_are_those_of_the_distribution() {
        let (mut chance, mut sum) = (libm::exp(-1.0), 0.0);
        for (k, &bound) in POISSON.iter().enumerate() {
            sum += chance;
            chance /= (k + 1) as f64;
            let exact = sum * 4_294_967_296.0;
            assert!(
                (exact - f64::from(bound)).abs() <= 2.0,
                "{k} {exact} {bound}"
            );
        }
        assert_eq!(poisson(0), 0);
        assert_eq!(poisson(u32::MAX), 12);
    }

    #[test]
    fn counts_have_mean_and_variance_one_and_rows_are_independent() {
        let n = 20_000u64;
        let (mut sum, mut squares, mut both) = (0.0, 0.0, 0.0);
        for row in 0..n {
            let key = mixed(mixed(GOLDEN) ^ row.wrapping_mul(GOLDEN));
            let [a, b] = counts(key, row % 50).map(f64::from);
            sum += a + b;
            squares += (a - 1.0) * (a - 1.0) + (b - 1.0) * (b - 1.0);
            both += (a - 1.0) * (b - 1.0);
        }
        let n = n as f64;
        assert!((sum / (2.0 * n) - 1.0).abs() < 4.0 / (2.0 * n).sqrt());
        assert!((squares / (2.0 * n) - 1.0).abs() < 4.0 * (3.0 / (2.0 * n)).sqrt());
        assert!((both / n).abs() < 4.0 / n.sqrt());
    }

    #[test]
    fn threads_change_no_bit_and_units_count_together() {
        let values: Vec<f64> = (0..50_000).map(|i| f64::from(i % 97) * 0.1).collect();
        let units: Vec<u32> = (0..50_000).map(|i| i / 2).collect();
        let control = Control::new();
        let run = |threads, units: Option<&[u32]>| {
            let workers = Workers {
                threads,
                control: &control,
            };
            sums(
                Bootstrap::new(21),
                &workers,
                values.len(),
                2,
                units,
                |rows, columns| {
                    for row in rows {
                        columns[0].push(1.0);
                        columns[1].push(if row % 2 == 0 {
                            values[row]
                        } else {
                            -values[row - 1]
                        });
                    }
                },
            )
            .unwrap()
        };
        assert_eq!(run(1, None), run(3, None));
        assert_eq!(run(1, None).len(), 21);
        // Pairs that cancel out do so in every replicate if they count together.
        assert!(run(2, Some(&units)).iter().all(|sums| sums[1].abs() < 1e-6));
        assert!(run(2, None).iter().any(|sums| sums[1].abs() > 1.0));
    }

    #[test]
    fn percentiles() {
        let found = resampled((0..=100).map(f64::from).collect(), 0.1).unwrap();
        assert_eq!((found.low, found.high), (5.0, 95.0));
        assert_eq!(resampled(vec![1.0; 19], 0.1), None);
    }
}
