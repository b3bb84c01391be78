//! Inner products of `i16` vectors: half the memory of `f32`, and exact.
//!
//! Integers, so every instruction set gives the same in whatever order it adds up.

use crate::dispatch::multiversion;
use crate::lanes::Portable;

/// Values that are multiplied together.
const WIDE: usize = 32;

/// Sixteen `i32` sums of products of `i16`; see [`crate::lanes::Isa`].
pub(crate) trait Shorts: Copy {
    /// Sixteen sums in registers.
    type Sums: Copy;
    /// All zero.
    fn nothing(self) -> Self::Sums;
    /// Adds the products of neighbours, two to a sum; wraps.
    fn add_products(self, sums: Self::Sums, a: &[i16; WIDE], b: &[i16; WIDE]) -> Self::Sums;
    /// The sum of the sums; wraps.
    fn total(self, sums: Self::Sums) -> i32;
}

impl Shorts for Portable {
    type Sums = [i32; WIDE / 2];

    #[inline(always)]
    fn nothing(self) -> Self::Sums {
        [0; WIDE / 2]
    }

    #[inline(always)]
    fn add_products(self, sums: Self::Sums, a: &[i16; WIDE], b: &[i16; WIDE]) -> Self::Sums {
        let product = |i: usize| i32::from(a[i]) * i32::from(b[i]);
        std::array::from_fn(|i| {
            sums[i].wrapping_add(product(2 * i).wrapping_add(product(2 * i + 1)))
        })
    }

    #[inline(always)]
    fn total(self, sums: Self::Sums) -> i32 {
        sums.iter().fold(0, |sum, &part| sum.wrapping_add(part))
    }
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
mod x86 {
    //! AVX2 and AVX-512.

    use super::{Shorts, WIDE};
    use crate::lanes::x86::{Avx2, Avx512};
    use std::arch::x86_64::{
        __m256i, __m512i, _mm256_add_epi32, _mm256_loadu_si256, _mm256_madd_epi16,
        _mm256_setzero_si256, _mm256_storeu_si256, _mm512_add_epi32, _mm512_loadu_si512,
        _mm512_madd_epi16, _mm512_reduce_add_epi32, _mm512_setzero_si512,
    };

    impl Shorts for Avx512 {
        type Sums = __m512i;

        #[inline(always)]
        fn nothing(self) -> Self::Sums {
            // SAFETY: `self` proves AVX-512F.
            unsafe { _mm512_setzero_si512() }
        }

        #[inline(always)]
        fn add_products(self, sums: Self::Sums, a: &[i16; WIDE], b: &[i16; WIDE]) -> Self::Sums {
            // SAFETY: `self` proves AVX-512F and BW; both arrays have the 64 bytes that are read.
            unsafe {
                let a = _mm512_loadu_si512(a.as_ptr().cast());
                let b = _mm512_loadu_si512(b.as_ptr().cast());
                _mm512_add_epi32(sums, _mm512_madd_epi16(a, b))
            }
        }

        #[inline(always)]
        fn total(self, sums: Self::Sums) -> i32 {
            // SAFETY: `self` proves AVX-512F.
            unsafe { _mm512_reduce_add_epi32(sums) }
        }
    }

    impl Shorts for Avx2 {
        type Sums = (__m256i, __m256i);

        #[inline(always)]
        fn nothing(self) -> Self::Sums {
            // SAFETY: `self` proves AVX2, which includes AVX.
            unsafe { (_mm256_setzero_si256(), _mm256_setzero_si256()) }
        }

        #[inline(always)]
        fn add_products(self, sums: Self::Sums, a: &[i16; WIDE], b: &[i16; WIDE]) -> Self::Sums {
            // SAFETY: `self` proves AVX2; the two halves of both arrays are 32 bytes each.
            unsafe {
                let half = |sum, at: usize| {
                    let a = _mm256_loadu_si256(a.as_ptr().add(at).cast());
                    let b = _mm256_loadu_si256(b.as_ptr().add(at).cast());
                    _mm256_add_epi32(sum, _mm256_madd_epi16(a, b))
                };
                (half(sums.0, 0), half(sums.1, WIDE / 2))
            }
        }

        #[inline(always)]
        fn total(self, sums: Self::Sums) -> i32 {
            let mut lanes = [0i32; 8];
            // SAFETY: `self` proves AVX2; the array has the 32 bytes that are written.
            unsafe {
                let sum = _mm256_add_epi32(sums.0, sums.1);
                _mm256_storeu_si256(lanes.as_mut_ptr().cast(), sum);
            }
            lanes.iter().fold(0, |sum, &part| sum.wrapping_add(part))
        }
    }
}

multiversion! {
    /// `out[n]` = the inner product of `query` and row `ids[n]` of a row-major matrix as wide as
    /// `query`, a multiple of 32 values. Rows outside the matrix give 0; so does any other width.
    ///
    /// The sum wraps beyond 32 bits. It fits if the Euclidean lengths of the two vectors multiply
    /// to less than 2³¹.
    ///
    /// ```
    /// let mut matrix = [0i16; 64];
    /// (matrix[0], matrix[32]) = (3, -7);
    /// let mut query = [0i16; 32];
    /// query[0] = 1000;
    /// let mut out = [9; 3];
    /// tastemaker_kernels::short_dots(&query, &matrix, &[1, 0, 2], &mut out);
    /// assert_eq!(out, [-7000, 3000, 0]);
    /// ```
    pub fn short_dots[isa](query: &[i16], matrix: &[i16], ids: &[u32], out: &mut [i32]) {
        let width = query.len();
        let (query, rest) = query.as_chunks::<WIDE>();
        if !rest.is_empty() {
            out.fill(0);
            return;
        }
        let row = |id: u32| -> &[[i16; WIDE]] {
            let start = (id as usize).saturating_mul(width);
            let row = matrix.get(start..start.saturating_add(width)).unwrap_or(&[]);
            row.as_chunks::<WIDE>().0
        };
        // Four rows at a time, so that their cache misses overlap.
        for (ids, out) in ids.chunks(4).zip(out.chunks_mut(4)) {
            let rows: [&[[i16; WIDE]]; 4] =
                std::array::from_fn(|i| ids.get(i).map_or(&[][..], |&id| row(id)));
            let mut sums = [isa.nothing(); 4];
            if let [Some(a), Some(b), Some(c), Some(d)] =
                rows.map(|row| row.get(..query.len()))
            {
                for (at, q) in query.iter().enumerate() {
                    sums[0] = isa.add_products(sums[0], q, &a[at]);
                    sums[1] = isa.add_products(sums[1], q, &b[at]);
                    sums[2] = isa.add_products(sums[2], q, &c[at]);
                    sums[3] = isa.add_products(sums[3], q, &d[at]);
                }
            } else {
                for (sum, row) in sums.iter_mut().zip(rows) {
                    for (q, part) in query.iter().zip(row) {
                        *sum = isa.add_products(*sum, q, part);
                    }
                }
            }
            for (to, sum) in out.iter_mut().zip(sums) {
                *to = isa.total(sum);
            }
        }
    }
}

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod wasm {
    //! The SIMD of WebAssembly.

    use super::{Shorts, WIDE};
    use crate::lanes::wasm::Simd128;
    use std::arch::wasm32::{
        i32x4_add, i32x4_dot_i16x8, i32x4_extract_lane, i32x4_splat, v128, v128_load,
    };

    /// Values of one register.
    const PART: usize = 8;

    impl Shorts for Simd128 {
        type Sums = [v128; WIDE / PART];

        #[inline(always)]
        fn nothing(self) -> Self::Sums {
            [i32x4_splat(0); WIDE / PART]
        }

        #[inline(always)]
        fn add_products(self, sums: Self::Sums, a: &[i16; WIDE], b: &[i16; WIDE]) -> Self::Sums {
            std::array::from_fn(|i| {
                // SAFETY: the 16 bytes from value `8 · i` on, which both arrays have.
                let (a, b) = unsafe {
                    (
                        v128_load(a.as_ptr().add(i * PART).cast()),
                        v128_load(b.as_ptr().add(i * PART).cast()),
                    )
                };
                i32x4_add(sums[i], i32x4_dot_i16x8(a, b))
            })
        }

        #[inline(always)]
        fn total(self, sums: Self::Sums) -> i32 {
            let [a, b, c, d] = sums;
            let sum = i32x4_add(i32x4_add(a, b), i32x4_add(c, d));
            i32x4_extract_lane::<0>(sum)
                .wrapping_add(i32x4_extract_lane::<1>(sum))
                .wrapping_add(i32x4_extract_lane::<2>(sum))
                .wrapping_add(i32x4_extract_lane::<3>(sum))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_copy_is_exact() {
        let mut state = 1u32;
        let mut values = |len: usize| -> Vec<i16> {
            let mut next = || {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 16) as i16 / 8
            };
            (0..len).map(|_| next()).collect()
        };
        for width in [0, 32, 64, 96, 256] {
            let matrix = values(9 * width);
            let query = values(width);
            let ids = [3, 0, 8, 8, 1, 77, 2];
            let expected = ids.map(|id| {
                let row = matrix.get(id * width..(id + 1) * width).unwrap_or(&[]);
                let pairs = query.iter().zip(row);
                let sum: i64 = pairs.map(|(&a, &b)| i64::from(a) * i64::from(b)).sum();
                sum as i32
            });
            let ids = ids.map(|id| id as u32);
            for copy in [short_dots, short_dots::portable, short_dots::narrow] {
                let mut out = [9; 7];
                copy(&query, &matrix, &ids, &mut out);
                assert_eq!(out, expected, "width {width}");
            }
        }
    }

    #[test]
    fn the_largest_products_wrap_alike() {
        let all = [i16::MIN; 96];
        for copy in [short_dots, short_dots::portable, short_dots::narrow] {
            let mut out = [9; 2];
            copy(&all, &all, &[0, 1], &mut out);
            assert_eq!(out, [(96i64 << 30) as i32, 0]);
            copy(&all[..33], &all, &[0, 1], &mut out);
            assert_eq!(out, [0, 0], "not a multiple of 32");
        }
    }
}
