//! What a bandit has seen: integer sums, so that no order and no division of the rewards changes
//! a bit.
//!
//! A reward is a multiple of 2⁻⁴⁰, and so is each product that a sum takes in (rounded to the
//! nearest, halves upwards); the sums are 128-bit integers. With a half-life, sums are kept by
//! buckets of time, four to a half-life, and a bucket's weight halves every four buckets: weights
//! are made when the sums are read, so that a late reward changes the same sums as a timely one.
//! Buckets that are 80 or more older than the newest (20 half-lives, a weight below a millionth)
//! are dropped. Whether one is dropped depends on the newest bucket alone; so merging is
//! commutative, associative and exact.

use std::collections::BTreeMap;

use super::features::{Vectors, triangle};
use crate::error::{Error, ErrorKind, Result};

/// The largest reward, in both directions.
pub(super) const MAX_REWARD: f64 = 1e6;
/// The most rewards of one arm in one bucket: with it no sum overflows.
pub(super) const MAX_COUNT: u64 = 1 << 40;
/// Buckets of time in a half-life.
const PER_HALF_LIFE: i128 = 4;
/// Buckets that are kept, the newest one included.
pub(super) const KEPT: i64 = 80;
const UNIT: f64 = 1_099_511_627_776.0;
/// Fixed-point digits of a sum.
const DIGITS: u32 = 40;

/// Sums of one arm, or shared ones, in one bucket of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) count: u64,
    pub(super) sums: Vec<i128>,
}

/// Cells by their bucket.
pub(super) type Cells = BTreeMap<i64, Cell>;

/// One arm's part of the state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ArmState {
    /// Choices whose reward is still to come; below 0 in a part of a state that settled choices
    /// of another one.
    pub(super) pending: i64,
    pub(super) cells: Cells,
}

/// The state of a bandit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    /// The newest bucket that has a reward.
    pub(super) newest: Option<i64>,
    pub(super) arms: BTreeMap<String, ArmState>,
    pub(super) shared: Cells,
}

/// A reward as the nearest multiple of 2⁻⁴⁰.
pub(super) fn to_fixed(reward: f64) -> i64 {
    libm::floor(reward * UNIT + 0.5) as i64
}

/// A sum as a float.
pub(super) fn from_fixed(sum: i128) -> f64 {
    sum as f64 / UNIT
}

fn rounded(product: i128, digits: u32) -> i128 {
    (product + (1 << (digits - 1))) >> digits
}

/// The bucket of a time.
pub(super) fn bucket(time: i64, half_life: Option<u64>) -> i64 {
    match half_life {
        None => 0,
        Some(span) => (i128::from(time) * PER_HALF_LIFE).div_euclid(i128::from(span)) as i64,
    }
}

/// The weight of a bucket at another that is not older.
pub(super) fn weight(bucket: i64, now: i64) -> f64 {
    const QUARTERS: [f64; 4] = [
        1.0,
        0.840_896_415_253_714_5,
        std::f64::consts::FRAC_1_SQRT_2,
        0.594_603_557_501_360_5,
    ];
    let age = now.saturating_sub(bucket).clamp(0, 100_000);
    let part = QUARTERS.get((age % 4) as usize).copied().unwrap_or(1.0);
    libm::ldexp(part, -((age / 4) as i32))
}

pub(super) fn too_many(what: &str) -> Error {
    Error::new(
        ErrorKind::LimitExceeded,
        format!("{what}: more than 2^40 in one sum"),
    )
}

/// The sums of cells, weighted by age.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Weighted {
    pub(super) count: f64,
    /// The sums, in the order of a cell.
    pub(super) sums: Vec<f64>,
    /// Squared deviations from the weighted mean reward; of an arm's cells.
    pub(super) deviations: f64,
}

/// Adds cells up, the oldest first.
pub(super) fn weighted(cells: &Cells, width: usize, now: i64) -> Weighted {
    let mut out = Weighted {
        count: 0.0,
        sums: vec![0.0; width],
        deviations: 0.0,
    };
    for (&at, cell) in cells {
        let weight = weight(at, now);
        out.count += weight * cell.count as f64;
        for (sum, &part) in out.sums.iter_mut().zip(&cell.sums) {
            *sum += weight * from_fixed(part);
        }
    }
    if out.count > 0.0 {
        let mean = out.sums.first().copied().unwrap_or(0.0) / out.count;
        for (&at, cell) in cells {
            let n = cell.count as f64;
            let (own, inside) = moments(cell);
            let apart = own - mean;
            out.deviations += weight(at, now) * (inside + n * apart * apart);
        }
    }
    out
}

/// The mean of a cell's rewards, and their squared deviations from it.
fn moments(cell: &Cell) -> (f64, f64) {
    let (sum, squares) = match *cell.sums.as_slice() {
        [sum, squares, ..] => (sum, squares),
        _ => return (0.0, 0.0),
    };
    let n = i128::from(cell.count.max(1));
    // About the whole centre C = ⌊S/n⌋: Q − C(S + R) with the rest R = S − nC, the product in two
    // parts so that it fits.
    let centre = sum.div_euclid(n);
    let rest = sum - n * centre;
    let other = sum + rest;
    let high = centre * (other >> DIGITS);
    let low = (centre * (other & ((1 << DIGITS) - 1))) >> DIGITS;
    let about = from_fixed(squares - high - low);
    let off = from_fixed(rest);
    let mean = from_fixed(sum) / cell.count.max(1) as f64;
    (mean, (about - off * off / n as f64).max(0.0))
}

/// One reward, checked and in integers.
pub(super) struct Reward<'a> {
    /// The keys of the arm's statistics; several for a combination.
    pub(super) keys: &'a [&'a str],
    pub(super) bucket: i64,
    pub(super) reward: i64,
    pub(super) vectors: &'a Vectors,
    /// Whether a pending choice is settled.
    pub(super) settle: bool,
}

impl State {
    /// The bucket that answers are given at: that of `now`, and never one before the newest.
    pub(super) fn at(&self, now: Option<i64>) -> i64 {
        let newest = self.newest.unwrap_or(i64::MIN);
        now.unwrap_or(newest).max(newest)
    }

    /// Whether a bucket is too old to be kept.
    fn is_old(&self, bucket: i64) -> bool {
        self.newest
            .is_some_and(|newest| bucket <= newest.saturating_sub(KEPT))
    }

    fn drop_old(&mut self) {
        let Some(newest) = self.newest else { return };
        let first = newest.saturating_sub(KEPT).saturating_add(1);
        self.shared = self.shared.split_off(&first);
        for arm in self.arms.values_mut() {
            arm.cells = arm.cells.split_off(&first);
        }
    }

    /// Adds a reward; false if it is too old to count.
    pub(super) fn add(&mut self, given: &Reward<'_>) -> Result<bool> {
        let vectors = given.vectors;
        let r = i128::from(given.reward);
        for key in given.keys {
            let arm = self.arms.entry((*key).to_owned()).or_default();
            if given.settle {
                arm.pending -= 1;
            }
        }
        if self.is_old(given.bucket) {
            return Ok(false);
        }
        if self.newest.is_none_or(|newest| given.bucket > newest) {
            self.newest = Some(given.bucket);
            self.drop_old();
        }
        let (d, p) = (vectors.own.len(), vectors.shared.len());
        for key in given.keys {
            let arm = self.arms.entry((*key).to_owned()).or_default();
            let cell = arm.cells.entry(given.bucket).or_insert_with(|| Cell {
                count: 0,
                sums: vec![0; 2 + triangle(d) + d + d * p],
            });
            if cell.count >= MAX_COUNT {
                return Err(too_many("rewards of an arm"));
            }
            cell.count += 1;
            let mut sums = cell.sums.iter_mut();
            let mut add = |part: i128| {
                if let Some(sum) = sums.next() {
                    *sum += part;
                }
            };
            add(r);
            add(rounded(r * r, DIGITS));
            products(&vectors.own, &mut add);
            for &x in &vectors.own {
                add(rounded(i128::from(x) * r, 32));
            }
            for &x in &vectors.own {
                for &z in &vectors.shared {
                    add(rounded(i128::from(x) * i128::from(z), 24));
                }
            }
        }
        if p > 0 {
            let cell = self.shared.entry(given.bucket).or_insert_with(|| Cell {
                count: 0,
                sums: vec![0; triangle(p) + p],
            });
            if cell.count >= MAX_COUNT {
                return Err(too_many("rewards of all arms"));
            }
            cell.count += 1;
            let mut sums = cell.sums.iter_mut();
            let mut add = |part: i128| {
                if let Some(sum) = sums.next() {
                    *sum += part;
                }
            };
            products(&vectors.shared, &mut add);
            for &z in &vectors.shared {
                add(rounded(i128::from(z) * r, 32));
            }
        }
        Ok(true)
    }

    /// Notes choices whose rewards are to come, or with a negative number takes them back.
    pub(super) fn await_rewards(&mut self, key: &str, count: i64) -> Result<()> {
        let arm = self.arms.entry(key.to_owned()).or_default();
        let pending = arm.pending.saturating_add(count);
        if pending.unsigned_abs() > MAX_COUNT {
            return Err(too_many("pending choices"));
        }
        arm.pending = pending;
        Ok(())
    }

    /// Takes over another state.
    pub(super) fn merge(&mut self, other: &Self) -> Result<()> {
        for (key, theirs) in &other.arms {
            let ours = self.arms.entry(key.clone()).or_default();
            let pending = ours.pending.saturating_add(theirs.pending);
            if pending.unsigned_abs() > MAX_COUNT {
                return Err(too_many("pending choices"));
            }
            ours.pending = pending;
            join(&mut ours.cells, &theirs.cells)?;
        }
        join(&mut self.shared, &other.shared)?;
        self.newest = self.newest.max(other.newest);
        self.drop_old();
        Ok(())
    }
}

/// Hands out the upper triangle of x·xᵀ, row by row.
fn products(x: &[i64], add: &mut impl FnMut(i128)) {
    for (at, &a) in x.iter().enumerate() {
        for &b in x.iter().skip(at) {
            add(rounded(i128::from(a) * i128::from(b), 24));
        }
    }
}

fn join(ours: &mut Cells, theirs: &Cells) -> Result<()> {
    for (&at, cell) in theirs {
        match ours.entry(at) {
            std::collections::btree_map::Entry::Vacant(empty) => {
                empty.insert(cell.clone());
            }
            std::collections::btree_map::Entry::Occupied(mut there) => {
                let there = there.get_mut();
                let count = there.count + cell.count;
                if count > MAX_COUNT {
                    return Err(too_many("rewards of an arm"));
                }
                there.count = count;
                for (sum, part) in there.sums.iter_mut().zip(&cell.sums) {
                    *sum += part;
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_halve_every_four_buckets() {
        for (age, expected) in [(0, 1.0), (4, 0.5), (8, 0.25), (2, 0.5f64.sqrt())] {
            assert!((weight(100 - age, 100) - expected).abs() < 1e-16, "{age}");
        }
        assert_eq!(weight(5, 3), 1.0);
        assert_eq!(weight(i64::MIN, i64::MAX), 0.0);
    }

    #[test]
    fn times_before_the_epoch_have_buckets_too() {
        assert_eq!(bucket(-1, Some(4_000)), -1);
        assert_eq!(bucket(999, Some(4_000)), 0);
        assert_eq!(bucket(1_000, Some(4_000)), 1);
        assert_eq!(bucket(-1, None), 0);
    }

    #[test]
    fn deviations_keep_their_digits_far_from_zero() {
        let mut state = State::default();
        // By hand: 999,998 + {0, 1, 2} deviate by 2 in all.
        for value in [999_998.0, 999_999.0, 1_000_000.0] {
            let reward = Reward {
                keys: &["a"],
                bucket: 0,
                reward: to_fixed(value),
                vectors: &Vectors::default(),
                settle: false,
            };
            state.add(&reward).unwrap();
        }
        let sums = weighted(&state.arms["a"].cells, 2, 0);
        assert_eq!((sums.count, sums.sums[0]), (3.0, 2_999_997.0));
        assert!((sums.deviations - 2.0).abs() < 1e-10, "{}", sums.deviations);
    }

    #[test]
    fn the_largest_sums_fit() {
        let largest = to_fixed(MAX_REWARD);
        let square = rounded(i128::from(largest) * i128::from(largest), DIGITS);
        assert!(square.checked_mul(i128::from(MAX_COUNT)).is_some());
        let feature = i128::from(super::super::features::to_fixed(1_000.0));
        assert!(
            rounded(feature * feature, 24)
                .checked_mul(i128::from(MAX_COUNT))
                .is_some()
        );
        let crossed = rounded(feature * i128::from(largest), 32);
        assert!(crossed.checked_mul(i128::from(MAX_COUNT)).is_some());
    }
}
