//! From shares, which are 64-bit floats, to ranges of buckets, which are integers: once, when a
//! definition is read.

use crate::error::{Error, ErrorKind, Result};
use serde_json::Value;

/// The buckets from `start` up to, but without, `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) start: u64,
    pub(super) end: u64,
}

impl Range {
    #[inline]
    pub(super) fn has(self, bucket: u32) -> bool {
        let bucket = u64::from(bucket);
        (self.start <= bucket) & (bucket < self.end)
    }

    /// The buckets `k` with `from <= k / buckets < to`, the division and the comparisons as
    /// 64-bit floats: what GrowthBook's SDKs compare for each user.
    pub(super) fn compared(from: f64, to: f64, buckets: u64) -> Self {
        let place = |k: u64| k as f64 / buckets as f64;
        Self {
            // Written so that a bound that is not a number leaves nothing in.
            start: first(buckets, |k| place(k) >= from),
            end: if to.is_nan() {
                0
            } else {
                first(buckets, |k| place(k) >= to)
            },
        }
    }

    /// The buckets `k` with `k / buckets <= share`: a rollout of GrowthBook's.
    pub(super) fn up_to(share: f64, buckets: u64) -> Self {
        let end = if share.is_nan() {
            0
        } else {
            first(buckets, |k| k as f64 / buckets as f64 > share)
        };
        Self { start: 0, end }
    }

    /// The nearest bucket bounds of two shares from 0 to 1: `floor(share · buckets + 1/2)`.
    /// `buckets` is a power of two, so the product is exact.
    pub(super) fn nearest(from: f64, to: f64, buckets: u64) -> Self {
        let bound = |share: f64| (share * buckets as f64 + 0.5).floor() as u64;
        Self {
            start: bound(from).min(buckets),
            end: bound(to).min(buckets),
        }
    }
}

/// The first of `0..count` that fulfils a predicate which, once true, stays true; `count` if
/// none does.
fn first(count: u64, holds: impl Fn(u64) -> bool) -> u64 {
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}

/// The ranges of GrowthBook's `getBucketRanges`: coverage is cut to 0..1; weights that are
/// missing, too few or do not add up to 0.99 to 1.01 are equal.
pub(super) fn growthbook_ranges(
    variations: usize,
    coverage: f64,
    weights: Option<&[f64]>,
) -> Vec<(f64, f64)> {
    let coverage = coverage.clamp(0.0, 1.0);
    let equal = equal_weights(variations);
    let usable = weights.filter(|weights| {
        let total: f64 = weights.iter().sum();
        weights.len() == variations && (0.99..=1.01).contains(&total)
    });
    let mut start = 0.0;
    usable
        .unwrap_or(&equal)
        .iter()
        .map(|weight| {
            let from = start;
            start += weight;
            (from, from + coverage * weight)
        })
        .collect()
}

/// GrowthBook's `getEqualWeights`.
pub(super) fn equal_weights(count: usize) -> Vec<f64> {
    vec![1.0 / count as f64; count]
}

/// How far the sum of weights may be from 1.
const SUM_TOLERANCE: f64 = 1e-9;

/// The bounds between variants: `0, w₀, w₀ + w₁, …, 1`, the last exactly 1.
///
/// # Errors
/// `InvalidArgument` for a weight that is not from 0 to 1, or a sum that is not 1.
pub(super) fn bounds(what: &str, weights: &[f64]) -> Result<Vec<f64>> {
    let wrong = |message: String| Err(Error::new(ErrorKind::InvalidArgument, message));
    for (i, weight) in weights.iter().enumerate() {
        if !(0.0..=1.0).contains(weight) {
            return wrong(format!(
                "{what}[{i}] is {weight}; a weight must be from 0 to 1"
            ));
        }
    }
    let mut bounds = Vec::with_capacity(weights.len() + 1);
    bounds.push(0.0);
    let mut sum = 0.0f64;
    for weight in weights {
        sum += weight;
        bounds.push(sum.min(1.0));
    }
    if (sum - 1.0).abs() > SUM_TOLERANCE {
        return wrong(format!(
            "{what} add up to {sum}; they must add up to 1 (within {SUM_TOLERANCE})"
        ));
    }
    // Every bucket belongs to a variant; what is left out is left out by the coverage.
    if let Some(last) = bounds.last_mut() {
        *last = 1.0;
    }
    Ok(bounds)
}

/// A number of a foreign payload, as JavaScript compares it: null is 0, what is no number is NaN.
pub(super) fn loose(value: Option<&Value>) -> f64 {
    match value {
        Some(Value::Null) => 0.0,
        Some(value) => value.as_f64().unwrap_or(f64::NAN),
        None => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integer_ranges_are_the_float_comparisons() {
        let shares = [
            -1.0,
            0.0,
            1e-9,
            0.001,
            0.1,
            0.25,
            0.3,
            0.333_333_33,
            0.4999,
            0.5,
            0.7,
            0.999_9,
            1.0,
            2.0,
            f64::NAN,
            f64::INFINITY,
            0.1 + 0.2,
            0.57,
            0.29,
        ];
        for buckets in [1_000u64, 10_000] {
            for from in shares {
                for to in shares {
                    let range = Range::compared(from, to, buckets);
                    for k in 0..buckets as u32 {
                        let n = f64::from(k) / buckets as f64;
                        assert_eq!(range.has(k), n >= from && n < to, "{from} {n} {to}");
                    }
                }
                let range = Range::up_to(from, buckets);
                for k in 0..buckets as u32 {
                    assert_eq!(range.has(k), f64::from(k) / buckets as f64 <= from);
                }
            }
        }
    }

    #[test]
    fn equal_weights_are_growthbooks() {
        assert!(equal_weights(0).is_empty());
        assert_eq!(equal_weights(1), [1.0]);
        assert_eq!(equal_weights(4), [0.25; 4]);
    }

    #[test]
    fn bounds_cover_all_buckets() {
        let bounds = bounds("weights", &[0.1; 10]).unwrap();
        assert_eq!(bounds.len(), 11);
        assert_eq!((bounds[0], bounds[10]), (0.0, 1.0));
        let range = Range::nearest(bounds[9], bounds[10], 1 << 32);
        assert!(range.has(u32::MAX) && !range.has(0));
    }

    #[test]
    fn wrong_weights_are_refused() {
        for weights in [
            &[0.5, 0.4][..],
            &[0.5, 0.6],
            &[-0.1, 1.1],
            &[f64::NAN, 1.0],
            &[f64::INFINITY, 0.0],
            &[0.5, 0.5 + 2e-9],
            &[],
        ] {
            let error = bounds("weights", weights).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{weights:?}");
        }
        assert!(bounds("weights", &[0.5, 0.5 + 5e-10]).is_ok());
    }
}
