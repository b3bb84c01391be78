//! The choice of a threshold of the weights, from one pass over the rows.
//!
//! Candidates are powers of √2 from 1 to the largest weight, and none. Rows are counted by the
//! candidates that their weight lies between, so that one pass has the mean and the variance of
//! every candidate.

use super::super::stats::{Exact, Parts, normal_quantile};
use super::options::{Estimator, ThresholdRule};
use super::terms::{Weighted, beyond, too_large};
use crate::error::Result;

/// Sums of the rows whose weights lie between two candidates: of what a row adds if its weight
/// stays, of its square, of what it adds at a threshold of 1, of the square, and of the excess.
struct Between {
    own: Exact,
    own_squares: Exact,
    unit: Exact,
    unit_squares: Exact,
    cross: Exact,
    weights: Exact,
    rows: u64,
}

/// The candidates above which weights are cut, ascending; the last is infinite.
fn candidates(largest: f64) -> Vec<f64> {
    let mut out = Vec::new();
    let mut half = 0;
    loop {
        let odd = if half % 2 == 1 {
            std::f64::consts::SQRT_2
        } else {
            1.0
        };
        let at = libm::ldexp(odd, half / 2);
        if at >= largest || half > 200 {
            out.push(f64::INFINITY);
            return out;
        }
        out.push(at);
        half += 1;
    }
}

/// The threshold of `clipped_ips` or `switch_dr`; infinite for none.
pub(crate) fn choose(
    weighted: &Weighted<'_>,
    estimator: Estimator,
    rule: ThresholdRule,
    alpha: f64,
) -> Result<f64> {
    let rows = weighted.log.rows();
    let largest = weighted.weights.iter().copied().fold(0.0, f64::max);
    let candidates = candidates(largest);
    let new = |_| Between {
        own: Exact::new(),
        own_squares: Exact::new(),
        unit: Exact::new(),
        unit_squares: Exact::new(),
        cross: Exact::new(),
        weights: Exact::new(),
        rows: 0,
    };
    let mut between: Vec<Between> = candidates.iter().map(new).collect();
    // What rows add whatever the threshold: v̂, of switch_dr.
    let (mut fixed, mut fixed_squares) = (Exact::new(), Exact::new());
    let mut most: f64 = 0.0;
    for row in 0..rows {
        let (w, r) = (weighted.weight(row), weighted.log.reward(row));
        let (q, v) = if estimator == Estimator::SwitchDr {
            weighted.predictions(estimator, row)
        } else {
            (0.0, 0.0)
        };
        let gain = r - q;
        let kept = w * gain;
        if beyond(kept) || beyond(v) {
            return Err(too_large(row, kept));
        }
        most = most.max(gain.abs());
        let at = candidates.partition_point(|&c| c < w);
        if let Some(sums) = between.get_mut(at) {
            let (kept, gain, w, v) = (Parts::of(kept), Parts::of(gain), Parts::of(w), Parts::of(v));
            sums.own.add(kept, Parts::ONE);
            sums.own_squares.add(kept, kept);
            sums.unit.add(gain, Parts::ONE);
            sums.unit_squares.add(gain, gain);
            sums.cross.add(kept, v);
            sums.weights.add(w, Parts::ONE);
            sums.rows += 1;
            fixed.add(v, Parts::ONE);
            fixed_squares.add(v, v);
        }
    }
    let n = rows as f64;
    let mut below = [0.0; 3];
    let mut tail: Vec<[f64; 4]> = Vec::new();
    let mut kept: Vec<[f64; 3]> = Vec::new();
    for sums in between {
        let parts = [sums.own, sums.own_squares, sums.cross].map(|s| s.total().to_f64());
        for (sum, part) in below.iter_mut().zip(parts) {
            *sum += part;
        }
        kept.push(below);
        let [unit, squares, weights] =
            [sums.unit, sums.unit_squares, sums.weights].map(|s| s.total().to_f64());
        tail.push([unit, squares, weights, sums.rows as f64]);
    }
    let mut above = [0.0; 4];
    for part in tail.iter_mut().rev() {
        let own = *part;
        *part = above;
        for (sum, own) in above.iter_mut().zip(own) {
            *sum += own;
        }
    }
    let (fixed, fixed_squares) = (fixed.total().to_f64(), fixed_squares.total().to_f64());
    let looks = candidates
        .iter()
        .zip(kept.iter().zip(&tail))
        .map(|(&threshold, (kept, above))| {
            let ([own, squares, cross], [unit, unit_squares, weights, count]) = (*kept, *above);
            // Weights above the threshold are cut down to it, or their rows left to the model.
            let cut = if estimator == Estimator::ClippedIps && threshold.is_finite() {
                threshold
            } else {
                0.0
            };
            let sum = fixed + own + cut * unit;
            let square = fixed_squares + 2.0 * cross + squares + cut * cut * unit_squares;
            let mean = sum / n;
            let variance = (square / n - mean * mean).max(0.0);
            Look {
                threshold,
                mean,
                standard_error: libm::sqrt(variance / n),
                bias: most * (weights - cut * count) / n,
            }
        });
    let looks: Vec<Look> = looks.collect();
    Ok(match rule {
        ThresholdRule::Slope => slope(&looks, alpha),
        ThresholdRule::MseBound => smallest_bound(&looks),
    })
}

struct Look {
    threshold: f64,
    mean: f64,
    standard_error: f64,
    /// A bound of the bias.
    bias: f64,
}

/// From the highest threshold (no bias) down, as long as all intervals so far have a point in
/// common.
fn slope(looks: &[Look], alpha: f64) -> f64 {
    let z = normal_quantile(1.0 - alpha / 2.0);
    let (mut low, mut high, mut width) = (f64::NEG_INFINITY, f64::INFINITY, f64::INFINITY);
    let mut best = f64::INFINITY;
    for look in looks.iter().rev() {
        width = look.standard_error.min(width);
        let reach = 2.0 * z * width;
        low = low.max(look.mean - reach);
        high = high.min(look.mean + reach);
        if low > high {
            break;
        }
        best = look.threshold;
    }
    best
}

fn smallest_bound(looks: &[Look]) -> f64 {
    let mut best = (f64::INFINITY, f64::INFINITY);
    for look in looks.iter().rev() {
        let bound = look.standard_error * look.standard_error + look.bias * look.bias;
        if bound < best.0 {
            best = (bound, look.threshold);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_reach_to_the_largest_weight() {
        assert_eq!(candidates(0.5), [f64::INFINITY]);
        assert_eq!(
            candidates(2.0),
            [1.0, std::f64::consts::SQRT_2, f64::INFINITY]
        );
        assert_eq!(candidates(3.0).len(), 5);
        assert!(candidates(1e300).len() < 300);
    }

    fn look(threshold: f64, mean: f64, standard_error: f64) -> Look {
        Look {
            threshold,
            mean,
            standard_error,
            bias: 0.0,
        }
    }

    #[test]
    fn slope_stops_where_the_bias_shows() {
        let none = f64::INFINITY;
        // By hand, z = 1.96: intervals 5 ± 3.92, 4 ± 1.96, 2.5 ± 0.39 meet; 1 ± 0.04 does not.
        let looks = [
            look(1.0, 1.0, 0.01),
            look(2.0, 2.5, 0.1),
            look(4.0, 4.0, 0.5),
            look(none, 5.0, 1.0),
        ];
        assert_eq!(slope(&looks, 0.05), 2.0);
        assert_eq!(slope(&looks[3..], 0.05), none);
    }
}
