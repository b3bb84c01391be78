//! Where a walk ends before its list is done.
//!
//! A list of one length for all is too long for a query with few rows around it, and too short for
//! one with many at nearly the same distance. So a walk ends where the nearest candidate that is
//! open lies some times as far away as the `k`-th nearest that it found (Al-Jazzazi and others,
//! "Distance Adaptive Beam Search for Provably Accurate Graph-Based Nearest Neighbor Search",
//! 2025). How many times follows from the length that was asked for: as far as the list would
//! reach for a usual query, if the number of rows within a distance grows with the power of it
//! that is the [intrinsic dimension](super::spread) of the vectors.

use super::keys::{ordered, unordered};
use super::pool::distance_of;

/// The most that a squared distance may grow: beyond, no candidate is too far.
const MOST_GROWTH: f64 = 1e9;

/// The distance at which a walk ends, relative to what it found.
#[derive(Clone, Copy, Debug, Default)]
pub(in super::super) struct Stop {
    /// The candidate that is wanted, from 1; 0 for a walk that does its list.
    rank: usize,
    /// The key of a row at distance 0.
    zero: f64,
    /// Squared distances below this one are not told apart.
    least: f64,
    /// How many times the squared distance of the candidate is too far.
    grow: f64,
    /// Whether keys are in the order of `f32`.
    floats: bool,
}

/// How far a walk goes.
#[derive(Clone, Copy, Debug, Default)]
pub(in super::super) struct Reach {
    /// The candidates that it keeps usually, and the most.
    pub(in super::super) usual: usize,
    pub(in super::super) limit: usize,
    pub(in super::super) stop: Stop,
}

impl Reach {
    /// Until every one of at most so many candidates is done.
    pub(in super::super) fn all_of(limit: usize) -> Self {
        Self {
            usual: limit,
            limit,
            stop: Stop::default(),
        }
    }
}

impl Stop {
    /// For a walk whose list has usually `ef` candidates and from which `rank` are wanted, among
    /// rows of this intrinsic dimension. A key less `zero` grows as the squared distance does;
    /// `least` is in its unit.
    pub(in super::super) fn new(
        rank: usize,
        ef: usize,
        dimension: f64,
        zero: f64,
        least: f64,
    ) -> Self {
        let longer = (ef.max(rank) as f64 / rank.max(1) as f64).max(1.0);
        Self {
            rank: rank.max(1),
            zero,
            least,
            grow: libm::pow(longer, 2.0 / dimension).min(MOST_GROWTH),
            floats: false,
        }
    }

    /// The same where keys are in the order of `f32`.
    pub(in super::super) fn of_floats(self) -> Self {
        Self {
            floats: true,
            ..self
        }
    }

    /// Whether the bound depends on a candidate at `at` or behind it.
    #[inline(always)]
    pub(super) fn concerns(&self, at: usize) -> bool {
        at < self.rank
    }

    /// Keys at or above this one are too far, where the candidates are these.
    #[inline]
    pub(super) fn far(&self, keys: &[u64]) -> u64 {
        let Some(&key) = self.rank.checked_sub(1).and_then(|at| keys.get(at)) else {
            return u64::MAX;
        };
        let distance = distance_of(key);
        let value = match self.floats {
            true => f64::from(unordered(distance)),
            false => f64::from(distance),
        };
        let far = (value - self.zero).max(self.least) * self.grow + self.zero;
        let far = match self.floats {
            true => ordered(far as f32),
            false => far as u32,
        };
        // What is as far is not too far.
        match far.max(distance).checked_add(1) {
            Some(beyond) => u64::from(beyond) << 32,
            None => u64::MAX,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::pool::key_of;
    use super::*;

    fn keys(distances: &[u32]) -> Vec<u64> {
        distances.iter().map(|&d| key_of(d, 7)).collect()
    }

    #[test]
    fn a_walk_ends_at_a_multiple_of_the_distance_of_the_last_that_is_wanted() {
        // Four times as many candidates reach twice as far in the plane: 4 times the square.
        let stop = Stop::new(2, 8, 2.0, 1000.0, 0.0);
        let far = stop.far(&keys(&[1010, 1100, 1200]));
        assert!(key_of(1400, u32::MAX >> 1) < far && key_of(1401, 0) >= far);
        assert!(stop.concerns(1) && !stop.concerns(2));
        // Until there are as many as are wanted, nothing is too far.
        assert_eq!(stop.far(&keys(&[1010])), u64::MAX);
        assert_eq!(Stop::default().far(&keys(&[1])), u64::MAX);
        assert!(!Stop::default().concerns(0));
        // Distances that codes cannot tell apart.
        let far = Stop::new(1, 4, 4.0, 1000.0, 30.0).far(&keys(&[990]));
        assert!(key_of(1060, 0) < far && key_of(1061, 0) >= far);
    }

    #[test]
    fn keys_of_floats_and_extremes() {
        let stop = Stop::new(1, 16, 4.0, -8.0, 0.0).of_floats();
        // A squared distance of 2 grows to 8.
        let far = stop.far(&keys(&[ordered(-6.0)]));
        assert!(key_of(ordered(0.0), 0) < far && key_of(ordered(0.001), 0) >= far);
        for stop in [
            Stop::new(1, usize::MAX, 1e-3, 0.0, 0.0),
            Stop::new(usize::MAX, 1, 1e30, -1e300, 1e300),
            Stop::new(0, 0, 5.0, f64::from(u32::MAX), 1e18),
            Stop::new(1, 2, 5.0, f64::INFINITY, f64::NAN).of_floats(),
        ] {
            for distance in [0, 1 << 30, u32::MAX] {
                let keys = keys(&[distance]);
                // What was found is never too far itself.
                assert!(stop.far(&keys) > keys[0]);
            }
        }
    }
}
