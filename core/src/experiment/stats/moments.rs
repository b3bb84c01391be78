//! Exact sums of one arm's units: what can be added in any order and in any parts.

use super::arm::{Arm, MOST, Metric};
use super::exact::{Exact, LARGEST, Parts, centered, from_fixed, mean};
use crate::error::{Error, ErrorKind, Result};

/// Which columns beside the value there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) denominator: bool,
    pub(crate) covariate: bool,
}

impl Shape {
    /// The columns in use, of value, denominator and covariate.
    fn columns(self) -> [bool; 3] {
        [true, self.denominator, self.covariate]
    }
}

/// One unit's value, denominator and covariate, as multiples of 2⁻⁶⁴.
pub(crate) type Unit = [i128; 3];

/// Sums and sums of products of the units of one arm.
#[derive(Clone)]
pub(crate) struct Moments {
    shape: Shape,
    n: u64,
    sums: Vec<Exact>,
    /// Of columns (0,0), (0,1), (0,2), (1,1), (1,2), (2,2), where both are in use.
    products: Vec<Exact>,
}

/// The pairs of columns in use.
fn pairs(shape: Shape) -> impl Iterator<Item = (usize, usize)> {
    let used = shape.columns();
    let at = move |i: usize| used.get(i).copied().unwrap_or(false);
    (0..3)
        .flat_map(|i| (i..3).map(move |j| (i, j)))
        .filter(move |&(i, j)| at(i) && at(j))
}

impl Moments {
    pub(crate) fn new(shape: Shape) -> Self {
        let columns = shape.columns().iter().filter(|&&used| used).count();
        Self {
            shape,
            n: 0,
            sums: vec![Exact::new(); columns],
            products: vec![Exact::new(); pairs(shape).count()],
        }
    }

    /// Adds one unit.
    #[inline]
    pub(crate) fn add(&mut self, parts: [Parts; 3]) {
        self.n += 1;
        let [value, denominator, covariate] = parts;
        match (self.shape.denominator, self.shape.covariate) {
            (false, false) => self.put([value], [(value, value)]),
            (true, false) => self.put(
                [value, denominator],
                [
                    (value, value),
                    (value, denominator),
                    (denominator, denominator),
                ],
            ),
            (false, true) => self.put(
                [value, covariate],
                [(value, value), (value, covariate), (covariate, covariate)],
            ),
            (true, true) => self.put(
                [value, denominator, covariate],
                [
                    (value, value),
                    (value, denominator),
                    (value, covariate),
                    (denominator, denominator),
                    (denominator, covariate),
                    (covariate, covariate),
                ],
            ),
        }
    }

    #[inline]
    fn put<const S: usize, const P: usize>(
        &mut self,
        values: [Parts; S],
        products: [(Parts, Parts); P],
    ) {
        for (sum, value) in self.sums.iter_mut().zip(values) {
            sum.add(value, Parts::ONE);
        }
        for (sum, (a, b)) in self.products.iter_mut().zip(products) {
            sum.add(a, b);
        }
    }

    /// Takes over the units of another part.
    pub(crate) fn merge(&mut self, other: Self) {
        self.n += other.n;
        for (sum, other) in self.sums.iter_mut().zip(other.sums) {
            sum.merge(other);
        }
        for (sum, other) in self.products.iter_mut().zip(other.products) {
            sum.merge(other);
        }
    }

    /// The arm.
    pub(crate) fn arm(self, name: String, metric: Metric) -> Result<Arm> {
        let n = self.n;
        if n > MOST {
            return Err(Error::new(
                ErrorKind::LimitExceeded,
                format!("the arm {name:?} has more than 2^53 units"),
            ));
        }
        let used = self.shape.columns();
        let columns: Vec<usize> = (0..3)
            .filter(|&i| used.get(i).copied().unwrap_or(false))
            .collect();
        let sums: Vec<_> = self.sums.into_iter().map(Exact::total).collect();
        let sum_of = |column: usize| {
            let at = columns.iter().position(|&c| c == column);
            at.and_then(|at| sums.get(at)).copied().unwrap_or_default()
        };
        let mut arm = Arm {
            name,
            n,
            unit: None,
            means: [0.0, 1.0, 0.0],
            covariances: [[0.0; 3]; 3],
            covariate: self.shape.covariate,
            successes: None,
        };
        for &column in &columns {
            if let Some(slot) = arm.means.get_mut(column) {
                *slot = mean(n, sum_of(column));
            }
        }
        for ((i, j), products) in pairs(self.shape).zip(self.products) {
            let freedom = n.saturating_sub(1);
            let value = if freedom == 0 {
                0.0
            } else {
                centered(n, sum_of(i), sum_of(j), products.total()) / freedom as f64
            };
            for (a, b) in [(i, j), (j, i)] {
                if let Some(slot) = arm.covariances.get_mut(a).and_then(|row| row.get_mut(b)) {
                    *slot = value;
                }
            }
        }
        if metric == Metric::Proportion {
            // Values are 0 or 1, so that the sum is a count.
            arm.successes = Some(sum_of(0).to_f64() as u64);
        }
        Ok(arm)
    }
}

/// A unit's columns as parts; refuses what became too large.
pub(crate) fn parts_of(unit: Unit) -> Result<[Parts; 3]> {
    let one = |fixed: i128| {
        let value = from_fixed(fixed);
        if value.abs() < LARGEST {
            Ok(Parts::of(value))
        } else {
            Err(too_large(value))
        }
    };
    let [value, denominator, covariate] = unit;
    Ok([one(value)?, one(denominator)?, one(covariate)?])
}

pub(crate) fn too_large(value: f64) -> Error {
    Error::new(
        ErrorKind::LimitExceeded,
        format!("a unit's values sum to {value}; they must stay within ±2^50"),
    )
}
