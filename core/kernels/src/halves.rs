//! Half floats (IEEE 754 binary16): half the memory of `f32`.
//!
//! To widen is exact; to narrow rounds once, ties to even. Both give the bits of the processors'
//! own instructions, NaN included, and the products are added up as in [`crate::dot`].

use crate::dense::padded;
use crate::dispatch::multiversion_codes;
use crate::lanes::{Isa, LANES};

/// A half float as a float: exact. A signalling NaN becomes quiet.
#[inline(always)]
pub(crate) fn wide_of(half: u16) -> f32 {
    let sign = u32::from(half & 0x8000) << 16;
    let rest = u32::from(half & 0x7fff) << 13;
    // As if it were a float, the exponent is too low by 112; a multiplication by 2^112 mends
    // that, for subnormal halves as well, and is exact.
    let scaled = (f32::from_bits(rest) * f32::from_bits(0x7780_0000)).to_bits();
    let special = u32::from(rest >= 0x7c00 << 13).wrapping_neg() & 0x7f80_0000;
    let quiet = u32::from(rest > 0x7c00 << 13) << 22;
    f32::from_bits(sign | scaled | special | quiet)
}

/// A float as the nearest half float, ties to even; infinity from 65,520 on.
#[inline(always)]
pub(crate) fn half_of(value: f32) -> u16 {
    let bits = value.to_bits();
    let sign = (bits >> 16 & 0x8000) as u16;
    let rest = bits & 0x7fff_ffff;
    let half = if rest > 0x7f80_0000 {
        0x7e00 | (rest >> 13 & 0x3ff)
    } else if rest >= 0x4780_0000 {
        0x7c00
    } else if rest >= 0x3880_0000 {
        // Normal: 13 bits go. A carry runs into the exponent, as it should.
        (rest - 0x3800_0000 + 0xfff + (rest >> 13 & 1)) >> 13
    } else {
        // Subnormal: ½ has an ulp of 2^-24, the smallest half float, so that adding it rounds.
        (f32::from_bits(rest) + 0.5).to_bits() - 0.5f32.to_bits()
    };
    sign | half as u16
}

multiversion_codes! {
    /// Half floats, as bits, to floats: exact. Over the shorter of the two lengths.
    ///
    /// ```
    /// let mut out = [0f32; 3];
    /// tastemaker_kernels::widen_halves(&[0x3c00, 0xc000, 0x0001], &mut out);
    /// assert_eq!(out, [1.0, -2.0, 2f32.powi(-24)]);
    /// ```
    pub fn widen_halves[isa](from: &[u16], out: &mut [f32]) {
        let len = from.len().min(out.len());
        let (from, from_rest) = from[..len].as_chunks::<LANES>();
        let (to, to_rest) = out[..len].as_chunks_mut::<LANES>();
        for (to, from) in to.iter_mut().zip(from) {
            *to = isa.lanes().store(isa.widen(from));
        }
        let wide = isa.lanes().store(isa.widen(&padded(from_rest)));
        for (to, wide) in to_rest.iter_mut().zip(wide) {
            *to = wide;
        }
    }
}

multiversion_codes! {
    /// Floats to half floats, as bits: the nearest, ties to even; infinity from 65,520 on. Over
    /// the shorter of the two lengths.
    ///
    /// ```
    /// let mut out = [0u16; 3];
    /// tastemaker_kernels::narrow_halves(&[1.0, 65_520.0, 1.0 + 2f32.powi(-11)], &mut out);
    /// assert_eq!(out, [0x3c00, 0x7c00, 0x3c00]);
    /// ```
    pub fn narrow_halves[isa](from: &[f32], out: &mut [u16]) {
        let len = from.len().min(out.len());
        let (from, from_rest) = from[..len].as_chunks::<LANES>();
        let (to, to_rest) = out[..len].as_chunks_mut::<LANES>();
        for (to, from) in to.iter_mut().zip(from) {
            *to = isa.narrow(from);
        }
        for (to, half) in to_rest.iter_mut().zip(isa.narrow(&padded(from_rest))) {
            *to = half;
        }
    }
}

multiversion_codes! {
    /// `out[n] = dot(query, row n of block)`, with the bits of [`crate::dot`] over the widened
    /// row, for a row-major block of half floats as wide as `query`. Rows outside the block give
    /// 0. Four rows at a time.
    pub fn half_dots[isa](query: &[f32], block: &[u16], out: &mut [f32]) {
        let (lanes, width) = (isa.lanes(), query.len());
        let (whole, rest) = query.as_chunks::<LANES>();
        for (n, out) in out.chunks_mut(4).enumerate() {
            let mut rows: [&[u16]; 4] = [&[]; 4];
            for (i, row) in rows.iter_mut().enumerate() {
                let start = (4 * n + i).saturating_mul(width);
                *row = block.get(start..start.saturating_add(width)).unwrap_or(&[]);
            }
            let mut sums = [lanes.splat(0.0); 4];
            for (sum, row) in sums.iter_mut().zip(rows) {
                if row.len() < width {
                    continue;
                }
                let (own, own_rest) = row.as_chunks::<LANES>();
                for (q, x) in whole.iter().zip(own) {
                    *sum = lanes.add(*sum, lanes.mul(lanes.load(q), isa.widen(x)));
                }
                if !rest.is_empty() {
                    let product = lanes.mul(lanes.load(&padded(rest)), isa.widen(&padded(own_rest)));
                    *sum = lanes.add(*sum, product);
                }
            }
            for (to, sum) in out.iter_mut().zip(lanes.fold_four(sums)) {
                *to = sum;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By the definition of binary16, in `f64`.
    fn defined(half: u16) -> f64 {
        let sign = if half & 0x8000 == 0 { 1.0 } else { -1.0 };
        let (exponent, fraction) = (half >> 10 & 31, f64::from(half & 0x3ff));
        match exponent {
            0 => sign * fraction / f64::from(1 << 24),
            31 if fraction == 0.0 => sign * f64::INFINITY,
            31 => f64::NAN,
            _ => sign * (1024.0 + fraction) * f64::from(1 << exponent) / f64::from(1 << 25),
        }
    }

    #[test]
    fn every_half_float_is_widened_as_defined() {
        let step = if cfg!(miri) { 251 } else { 1 };
        let halves: Vec<u16> = (0..=u16::MAX).step_by(step).collect();
        for copy in [widen_halves, widen_halves::portable, widen_halves::narrow] {
            let mut wide = vec![7f32; halves.len()];
            copy(&halves, &mut wide);
            for (&half, &wide) in halves.iter().zip(&wide) {
                let expected = defined(half);
                if expected.is_nan() {
                    let bits = 0x7fc0_0000
                        | u32::from(half & 0x8000) << 16
                        | u32::from(half & 0x3ff) << 13;
                    assert_eq!(wide.to_bits(), bits, "{half:#x}");
                } else {
                    assert_eq!(f64::from(wide).to_bits(), expected.to_bits(), "{half:#x}");
                }
            }
        }
    }

    /// The nearest by search over all half floats: there and back, and halfway cases.
    #[test]
    fn narrowing_rounds_to_the_nearest_ties_to_even() {
        let step = if cfg!(miri) { 509 } else { 1 };
        let (mut values, mut expected) = (Vec::new(), Vec::new());
        let mut push = |value: f64, half: u16| {
            for (value, sign) in [(value, 0), (-value, 0x8000)] {
                values.push(value as f32);
                expected.push(half | sign);
            }
        };
        for half in (0..0x7c00u16).step_by(step) {
            let low = defined(half);
            // One place above the largest, the next would be 65,536.
            let high = if half == 0x7bff {
                65_536.0
            } else {
                defined(half + 1)
            };
            let middle = f64::midpoint(low, high);
            push(low, half);
            push(middle, half + (half & 1));
            push(f64::from((middle as f32).next_down()), half);
            push(f64::from((middle as f32).next_up()), half + 1);
        }
        push(f64::from(f32::MAX), 0x7c00);
        push(f64::INFINITY, 0x7c00);
        push(f64::from(f32::MIN_POSITIVE), 0);
        push(f64::from(f32::from_bits(1)), 0);
        for copy in [
            narrow_halves,
            narrow_halves::portable,
            narrow_halves::narrow,
        ] {
            let mut halves = vec![7u16; values.len()];
            copy(&values, &mut halves);
            for ((value, half), expected) in values.iter().zip(&halves).zip(&expected) {
                assert_eq!(half, expected, "{value:e}");
            }
            let nan = [
                f32::NAN,
                f32::from_bits(0xff80_0001),
                f32::from_bits(0x7fbf_ffff),
            ];
            let mut halves = [0; 3];
            copy(&nan, &mut halves);
            assert_eq!(halves, [0x7e00, 0xfe00, 0x7fff]);
        }
    }

    #[test]
    fn half_dots_are_dots_of_the_widened_rows() {
        let mut state = 3u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / 8_388_608.0 - 1.0
        };
        for width in [1, 15, 16, 50, 64, 100] {
            let query: Vec<f32> = (0..width).map(|_| next()).collect();
            let block: Vec<u16> = (0..9 * width).map(|_| half_of(next())).collect();
            let mut expected: Vec<u32> = block
                .chunks(width)
                .map(|row| row.iter().map(|&half| wide_of(half)).collect::<Vec<_>>())
                .map(|row| crate::dot(&query, &row).to_bits())
                .collect();
            expected.push(0);
            for copy in [half_dots, half_dots::portable, half_dots::narrow] {
                let mut out = [9f32; 10];
                copy(&query, &block, &mut out);
                assert_eq!(out.map(f32::to_bits).as_slice(), expected, "width {width}");
            }
        }
    }
}
