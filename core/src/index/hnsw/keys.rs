//! From inner products of codes to distances: `u32`, smaller is nearer.

use super::super::options::Metric;
use super::pool::key_of;

/// Half of the range: larger than the inner product of any two rows of codes, with its side.
pub(in super::super) const HALF: i32 = 1 << 30;

/// How a distance comes from an inner product.
#[derive(Clone, Copy, Debug)]
pub(in super::super) enum Keys<'a> {
    /// By the inner product alone.
    Plain,
    /// By the inner product, and that of one more dimension. Between rows, for the inner product.
    Longer { own: i32, sides: &'a [i32] },
    /// By the squared distance, exactly. Between rows, for L2.
    Squared { own: i32, sides: &'a [i32] },
    /// By an estimate of the squared distance, for a query whose codes have a step of their own.
    Estimate { factor: f32, sides: &'a [i32] },
}

/// The order of `f32` as an order of `u32`.
pub(in super::super) fn ordered(value: f32) -> u32 {
    let bits = value.to_bits();
    bits ^ (((bits as i32 >> 31) as u32) | 0x8000_0000)
}

/// The value that [`ordered`] gave this place.
pub(super) fn unordered(place: u32) -> f32 {
    let signed = if place & 0x8000_0000 == 0 {
        !place
    } else {
        place ^ 0x8000_0000
    };
    f32::from_bits(signed)
}

fn side(sides: &[i32], row: u32) -> i32 {
    sides.get(row as usize).copied().unwrap_or(0)
}

impl<'a> Keys<'a> {
    /// Between a row and others.
    pub(super) fn of_row(metric: Metric, sides: &'a [i32], row: u32) -> Self {
        let own = side(sides, row);
        match metric {
            Metric::Cosine => Self::Plain,
            Metric::InnerProduct => Self::Longer { own, sides },
            Metric::L2 => Self::Squared { own, sides },
        }
    }

    /// The distance of a row with this inner product.
    #[inline(always)]
    pub(super) fn key(&self, row: u32, dot: i32) -> u32 {
        match *self {
            Self::Plain => HALF.wrapping_sub(dot) as u32,
            Self::Longer { own, sides } => {
                let longer = own.wrapping_mul(side(sides, row));
                HALF.wrapping_sub(dot.wrapping_add(longer)) as u32
            }
            Self::Squared { own, sides } => {
                let squares = own.wrapping_add(side(sides, row));
                squares.wrapping_sub(dot.wrapping_mul(2)).max(0) as u32
            }
            Self::Estimate { factor, sides } => {
                ordered(side(sides, row) as f32 - factor * dot as f32)
            }
        }
    }
}

/// The places and rows of a step, with their inner products.
#[derive(Clone, Copy)]
pub(super) struct Step<'a> {
    pub(super) places: &'a [u32],
    pub(super) rows: &'a [u32],
    pub(super) dots: &'a [i32],
}

impl Keys<'_> {
    /// Writes the keys of what is nearer than `bound` to the front of `near`; how many.
    #[inline(always)]
    pub(super) fn nearer(&self, step: Step<'_>, bound: u64, near: &mut [u64]) -> usize {
        // One loop each: how to come to a distance is not asked row by row.
        match *self {
            Self::Plain => nearer(step, bound, near, |_, dot| Self::Plain.key(0, dot)),
            Self::Longer { own, sides } => nearer(step, bound, near, |row, dot| {
                Self::Longer { own, sides }.key(row, dot)
            }),
            Self::Squared { own, sides } => nearer(step, bound, near, |row, dot| {
                Self::Squared { own, sides }.key(row, dot)
            }),
            Self::Estimate { factor, sides } => nearer(step, bound, near, |row, dot| {
                Self::Estimate { factor, sides }.key(row, dot)
            }),
        }
    }
}

#[inline(always)]
fn nearer(
    step: Step<'_>,
    bound: u64,
    near: &mut [u64],
    distance: impl Fn(u32, i32) -> u32,
) -> usize {
    let mut count = 0;
    // Without a branch on what cannot be foreseen.
    for ((&place, &row), &dot) in step.places.iter().zip(step.rows).zip(step.dots) {
        let key = key_of(distance(row, dot), place);
        if let Some(slot) = near.get_mut(count) {
            *slot = key;
        }
        count += usize::from(key < bound);
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_the_order_of_the_distances() {
        let values = [
            f32::NEG_INFINITY,
            -2.5,
            -0.0,
            0.0,
            1e-40,
            3.0,
            f32::INFINITY,
        ];
        for pair in values.windows(2) {
            assert!(ordered(pair[0]) <= ordered(pair[1]), "{pair:?}");
            assert_eq!(unordered(ordered(pair[0])).to_bits(), pair[0].to_bits());
        }
        assert!(Keys::Plain.key(0, 264_000_000) < Keys::Plain.key(0, -264_000_000));
        let sides = [25, 4];
        let keys = Keys::of_row(Metric::L2, &sides, 0);
        // (5 - 2)² = 25 + 4 - 2 · 10
        assert_eq!(keys.key(1, 10), 9);
        let keys = Keys::of_row(Metric::InnerProduct, &sides, 0);
        assert_eq!(keys.key(1, 10), HALF as u32 - 110);
    }
}
