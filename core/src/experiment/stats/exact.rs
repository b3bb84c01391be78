//! Sums without rounding, so that no order of rows and no division of them changes a bit.
//!
//! A number is taken as a multiple of 2⁻⁶⁴ below 2⁵⁰; a product of two is then a multiple of
//! 2⁻¹²⁸, and a sum of products is an integer of some 300 bits. One addition into a bucket a row;
//! the buckets go into the wide integer now and then.

const LIMBS: usize = 6;
/// The weight of a wide integer's lowest bit is 2 to the minus this.
const LOWEST: i32 = 128;
/// Exponents of products: −128 to −128 + BUCKETS − 1.
const BUCKETS: usize = 128;
/// A bucket holds |m₁ · m₂| < 2¹⁰⁶ this often without overflow.
const ROOM: u32 = 1 << 20;

/// A value as mantissa and exponent: v = mantissa · 2^exponent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Parts {
    pub(crate) mantissa: i64,
    pub(crate) exponent: i32,
}

/// The largest value that is taken, in both directions (2⁵⁰, about 1.1e15).
pub(crate) const LARGEST: f64 = 1_125_899_906_842_624.0;

impl Parts {
    pub(crate) const ONE: Self = Self {
        mantissa: 1,
        exponent: 0,
    };

    /// A value below [`LARGEST`]; what is finer than 2⁻⁶⁴ is cut off.
    #[inline]
    pub(crate) fn of(value: f64) -> Self {
        let bits = value.to_bits();
        let field = (bits >> 52 & 0x7FF) as i32;
        let magnitude = (bits & ((1 << 52) - 1)) | u64::from(field != 0) << 52;
        let exponent = field.max(1) - 1075;
        // Below −64 − 63 all bits are cut.
        let (magnitude, exponent) = if exponent < -64 {
            (
                magnitude.checked_shr((-64 - exponent) as u32).unwrap_or(0),
                -64,
            )
        } else {
            (magnitude, exponent)
        };
        let mantissa = magnitude as i64;
        Self {
            mantissa: if value < 0.0 { -mantissa } else { mantissa },
            exponent,
        }
    }

    /// The value as a multiple of 2⁻⁶⁴.
    #[inline]
    pub(crate) fn fixed(self) -> i128 {
        i128::from(self.mantissa) << (self.exponent + 64).clamp(0, 63)
    }
}

/// A multiple of 2⁻⁶⁴ as the nearest `f64`.
pub(crate) fn from_fixed(fixed: i128) -> f64 {
    // Both factors are exact, and the conversion rounds once.
    fixed as f64 * (1.0 / 18_446_744_073_709_551_616.0)
}

/// A sum of values or of products.
#[derive(Clone)]
pub(crate) struct Exact {
    buckets: Vec<i128>,
    pending: u32,
    total: Wide,
}

impl Exact {
    pub(crate) fn new() -> Self {
        Self {
            buckets: vec![0; BUCKETS],
            pending: 0,
            total: Wide::default(),
        }
    }

    /// Adds a · b.
    #[inline]
    pub(crate) fn add(&mut self, a: Parts, b: Parts) {
        let bucket = (a.exponent + b.exponent + LOWEST) as usize;
        // A value of one has the exponent 0, all others at most −3: the sum is below BUCKETS − 128.
        if let Some(sum) = self.buckets.get_mut(bucket) {
            *sum += i128::from(a.mantissa) * i128::from(b.mantissa);
        }
        self.pending += 1;
        if self.pending == ROOM {
            self.settle();
        }
    }

    fn settle(&mut self) {
        for (at, sum) in self.buckets.iter_mut().enumerate() {
            if *sum != 0 {
                self.total
                    .add(&Wide::from_i128(*sum).shifted_left(at as u32));
                *sum = 0;
            }
        }
        self.pending = 0;
    }

    /// Takes over another sum.
    pub(crate) fn merge(&mut self, mut other: Self) {
        other.settle();
        self.total.add(&other.total);
    }

    /// The sum.
    pub(crate) fn total(mut self) -> Wide {
        self.settle();
        self.total
    }
}

/// A signed integer of 384 bits, times 2⁻¹²⁸.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wide([u64; LIMBS]);

impl Wide {
    fn from_i128(value: i128) -> Self {
        let mut limbs = [if value < 0 { u64::MAX } else { 0 }; LIMBS];
        for (limb, shift) in limbs.iter_mut().zip([0, 64]) {
            *limb = (value >> shift) as u64;
        }
        Self(limbs)
    }

    /// n · a · b.
    fn product(n: u64, a: Parts, b: Parts) -> Self {
        let product = i128::from(a.mantissa) * i128::from(b.mantissa);
        let shift = (a.exponent + b.exponent + LOWEST).max(0) as u32;
        Self::from_i128(product).times(n).shifted_left(shift)
    }

    fn is_negative(&self) -> bool {
        self.0.last().is_some_and(|limb| limb >> 63 == 1)
    }

    fn negated(mut self) -> Self {
        let mut carry = true;
        for limb in &mut self.0 {
            let (sum, over) = (!*limb).overflowing_add(u64::from(carry));
            (*limb, carry) = (sum, over);
        }
        self
    }

    pub(crate) fn add(&mut self, other: &Self) {
        let mut carry = 0u128;
        for (limb, other) in self.0.iter_mut().zip(other.0) {
            let sum = u128::from(*limb) + u128::from(other) + carry;
            *limb = sum as u64;
            carry = sum >> 64;
        }
    }

    fn subtract(&mut self, other: &Self) {
        self.add(&other.negated());
    }

    /// Times an unsigned factor; the caller sees to the room.
    fn times(self, factor: u64) -> Self {
        if self.is_negative() {
            return self.negated().times(factor).negated();
        }
        let mut out = self;
        let mut carry = 0u128;
        for limb in &mut out.0 {
            let product = u128::from(*limb) * u128::from(factor) + carry;
            *limb = product as u64;
            carry = product >> 64;
        }
        out
    }

    /// Times a value. The sum must be a multiple of 2⁻⁶⁴ (a sum of values), so that nothing is cut.
    fn times_value(self, value: Parts) -> Self {
        let product = self.times(value.mantissa.unsigned_abs());
        let product = if value.mantissa < 0 {
            product.negated()
        } else {
            product
        };
        if value.exponent >= 0 {
            product.shifted_left(value.exponent as u32)
        } else {
            product.shifted_right(value.exponent.unsigned_abs())
        }
    }

    fn shifted_left(self, bits: u32) -> Self {
        let (whole, part) = ((bits / 64) as usize, bits % 64);
        let mut out = [0u64; LIMBS];
        for (at, limb) in out.iter_mut().enumerate().skip(whole) {
            let from = |i: usize| self.0.get(i).copied().unwrap_or(0);
            *limb = from(at - whole) << part;
            if part > 0 && at > whole {
                *limb |= from(at - whole - 1) >> (64 - part);
            }
        }
        Self(out)
    }

    fn shifted_right(self, bits: u32) -> Self {
        let sign = if self.is_negative() { u64::MAX } else { 0 };
        let (whole, part) = ((bits / 64) as usize, bits % 64);
        let from = |i: usize| self.0.get(i).copied().unwrap_or(sign);
        let mut out = [0u64; LIMBS];
        for (at, limb) in out.iter_mut().enumerate() {
            *limb = from(at + whole) >> part;
            if part > 0 {
                *limb |= from(at + whole + 1) << (64 - part);
            }
        }
        Self(out)
    }

    /// The nearest `f64`, ties to even.
    pub(crate) fn to_f64(self) -> f64 {
        if self.is_negative() {
            return -self.negated().to_f64();
        }
        let Some(top) = self.0.iter().rposition(|&limb| limb != 0) else {
            return 0.0;
        };
        let get = |i: Option<usize>| i.and_then(|i| self.0.get(i)).copied().unwrap_or(0);
        let high = u128::from(get(Some(top))) << 64 | u128::from(get(top.checked_sub(1)));
        let shift = high.leading_zeros();
        // 128 leading bits, of which the last one also stands for all below.
        let third = get(top.checked_sub(2));
        let filled = if shift == 0 {
            high
        } else {
            high << shift | u128::from(third) >> (64 - shift)
        };
        let below = if shift == 0 { third } else { third << shift };
        let rest = below != 0
            || self
                .0
                .iter()
                .take(top.saturating_sub(2))
                .any(|&limb| limb != 0);
        let rounded = (filled | u128::from(rest)) as f64;
        let exponent = top as i32 * 64 - 64 - shift as i32 - LOWEST;
        rounded * libm::ldexp(1.0, exponent)
    }
}

/// (n − 1) times the covariance of two columns, from n, their sums and the sum of their products:
/// rounded once, however far from zero the values lie.
pub(crate) fn centered(n: u64, sum_a: Wide, sum_b: Wide, products: Wide) -> f64 {
    // About any centre c, d: Σab − cΣb − dΣa + ncd. The residue is corrected below.
    let (c, d) = (mean(n, sum_a), mean(n, sum_b));
    let (pc, pd) = (Parts::of(c), Parts::of(d));
    let mut out = products;
    out.subtract(&sum_b.times_value(pc));
    out.subtract(&sum_a.times_value(pd));
    out.add(&Wide::product(n, pc, pd));
    // The centres are rounded means: Σ(a−c)(b−d) = n·cov + n(ā−c)(b̄−d).
    let mut off_a = sum_a;
    off_a.subtract(&Wide::product(n, pc, Parts::ONE));
    let mut off_b = sum_b;
    off_b.subtract(&Wide::product(n, pd, Parts::ONE));
    out.to_f64() - off_a.to_f64() * off_b.to_f64() / n as f64
}

/// The mean, rounded.
pub(crate) fn mean(n: u64, sum: Wide) -> f64 {
    if n == 0 { 0.0 } else { sum.to_f64() / n as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(values: &[f64]) -> Wide {
        let mut sum = Exact::new();
        for &v in values {
            sum.add(Parts::of(v), Parts::ONE);
        }
        sum.total()
    }

    fn products(a: &[f64], b: &[f64]) -> Wide {
        let mut sum = Exact::new();
        for (&a, &b) in a.iter().zip(b) {
            sum.add(Parts::of(a), Parts::of(b));
        }
        sum.total()
    }

    #[test]
    fn values_come_back() {
        for v in [
            0.0,
            1.0,
            -1.0,
            0.1,
            -1e-9,
            1e15,
            -1e15,
            123.456,
            5e-20,
            1.0 / 3.0,
            6e-20,
        ] {
            let parts = Parts::of(v);
            let back = from_fixed(parts.fixed());
            assert!((back - v).abs() <= 5.5e-20, "{v} {back}");
            if v.abs() > 1e-3 {
                assert_eq!(back, v);
                assert_eq!(sum(&[v]).to_f64(), v);
                assert_eq!(products(&[v], &[v]).to_f64(), v * v);
            }
        }
        assert_eq!(Parts::of(5e-324).mantissa, 0);
        assert_eq!(Parts::of(-0.0), Parts::of(0.0));
    }

    #[test]
    fn nothing_is_lost() {
        // What a plain sum loses altogether.
        assert_eq!(sum(&[1e15, 1e-3, -1e15]).to_f64(), 1e-3);
        assert_eq!(sum(&[1e15, 0.1, 0.2, -1e15, -0.1, -0.2]).to_f64(), 0.0);
        // By hand: the values 1e9 + {0, 1, 2} have the variance 1.
        let values = [1e9, 1e9 + 1.0, 1e9 + 2.0];
        let s = sum(&values);
        assert_eq!(centered(3, s, s, products(&values, &values)), 2.0);
        let thirds = [0.1, 0.1, 0.1];
        let s = sum(&thirds);
        assert_eq!(centered(3, s, s, products(&thirds, &thirds)), 0.0);
    }

    #[test]
    fn any_order_and_any_parts_give_the_same_sum() {
        let values: Vec<f64> = (0..5000)
            .map(|i| f64::from(i * i % 977 - 400) * 1.37e-5 + f64::from(i % 7) * 1e11)
            .collect();
        let whole = products(&values, &values);
        let mut back = values.clone();
        back.reverse();
        assert_eq!(products(&back, &back), whole);
        let mut parts = Exact::new();
        for chunk in values.chunks(77) {
            let mut part = Exact::new();
            for &v in chunk {
                part.add(Parts::of(v), Parts::of(v));
            }
            parts.merge(part);
        }
        assert_eq!(parts.total(), whole);
    }

    #[test]
    fn ties_go_to_even() {
        let one = |bits: u32| Wide::from_i128(1).shifted_left(bits);
        let mut v = one(200);
        v.add(&one(200 - 53));
        assert_eq!(v.to_f64(), libm::ldexp(1.0, 72));
        v.add(&one(0));
        assert!(v.to_f64() > libm::ldexp(1.0, 72));
        assert_eq!(v.negated().to_f64(), -v.to_f64());
        assert_eq!(one(300).shifted_right(299), one(1));
        assert_eq!(one(300).negated().shifted_right(299), one(1).negated());
    }
}
