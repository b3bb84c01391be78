//! Sixteen `i32` lanes, and sixty-four marks, on each instruction set.
//!
//! Written by hand, because compilers turn a bit a lane into long detours. Integers: every copy
//! gives the same.

use crate::lanes::{LANES, Portable};

/// The integer operations of an instruction set; see [`crate::lanes::Isa`].
pub(crate) trait Integers: Copy {
    /// A bit for each mark that is not zero.
    fn marked(self, marks: &[u8; 64]) -> u64;
    /// A bit for each lane above the threshold.
    fn above(self, line: &[i32; LANES], threshold: i32) -> u16;
    /// Raises each lane of `most` that has a bit to the lane of `line`.
    fn raise(self, most: &mut [i32; LANES], line: &[i32; LANES], bits: u16);
    /// The places of the bits, ascending, counted from `first`, at the front of `to`; what stands
    /// behind them is anything.
    fn places(self, bits: u64, first: u32, to: &mut [u32; 64]);
}

impl Integers for Portable {
    #[inline(always)]
    fn marked(self, marks: &[u8; 64]) -> u64 {
        let bit = |bits, (i, &mark): (usize, &u8)| bits | u64::from(mark != 0) << i;
        marks.iter().enumerate().fold(0, bit)
    }

    #[inline(always)]
    fn above(self, line: &[i32; LANES], threshold: i32) -> u16 {
        let bit = |bits, (i, &sum): (usize, &i32)| bits | u16::from(sum > threshold) << i;
        line.iter().enumerate().fold(0, bit)
    }

    #[inline(always)]
    fn raise(self, most: &mut [i32; LANES], line: &[i32; LANES], bits: u16) {
        for (i, (most, &sum)) in most.iter_mut().zip(line).enumerate() {
            // The smallest number where there is no bit: without a branch, so in vectors.
            let kept = if bits >> i & 1 == 1 { sum } else { i32::MIN };
            *most = (*most).max(kept);
        }
    }

    #[inline(always)]
    fn places(self, bits: u64, first: u32, to: &mut [u32; 64]) {
        places(bits, first, to);
    }
}

/// Sixteen places at a time without a branch for each bit, because nobody can foresee them.
#[inline(always)]
fn places(mut bits: u64, first: u32, to: &mut [u32; 64]) {
    let (some, _) = to.as_chunks_mut::<LANES>();
    for places in some {
        if bits == 0 {
            break;
        }
        for place in places {
            *place = first.wrapping_add(bits.trailing_zeros());
            bits &= bits.wrapping_sub(1);
        }
    }
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
mod x86 {
    //! AVX2 and AVX-512.

    use super::{Integers, LANES, places};
    use crate::lanes::x86::{Avx2, Avx512};
    use std::arch::x86_64::{
        __m256i, _mm256_and_si256, _mm256_blendv_epi8, _mm256_castsi256_ps, _mm256_cmpeq_epi8,
        _mm256_cmpeq_epi32, _mm256_cmpgt_epi32, _mm256_loadu_si256, _mm256_max_epi32,
        _mm256_movemask_epi8, _mm256_movemask_ps, _mm256_set1_epi32, _mm256_setr_epi32,
        _mm256_setzero_si256, _mm256_storeu_si256, _mm512_add_epi32, _mm512_cmpgt_epi32_mask,
        _mm512_loadu_si512, _mm512_mask_max_epi32, _mm512_maskz_compress_epi32, _mm512_set1_epi32,
        _mm512_setr_epi32, _mm512_storeu_si512, _mm512_test_epi8_mask,
    };

    impl Integers for Avx512 {
        #[inline(always)]
        fn marked(self, marks: &[u8; 64]) -> u64 {
            // SAFETY: `self` proves AVX-512F and BW; 64 bytes are read.
            unsafe {
                let marks = _mm512_loadu_si512(marks.as_ptr().cast());
                _mm512_test_epi8_mask(marks, marks)
            }
        }

        #[inline(always)]
        fn above(self, line: &[i32; LANES], threshold: i32) -> u16 {
            // SAFETY: `self` proves AVX-512F; the line has the 64 bytes that are read.
            unsafe {
                let line = _mm512_loadu_si512(line.as_ptr().cast());
                _mm512_cmpgt_epi32_mask(line, _mm512_set1_epi32(threshold))
            }
        }

        #[inline(always)]
        fn raise(self, most: &mut [i32; LANES], line: &[i32; LANES], bits: u16) {
            // SAFETY: `self` proves AVX-512F; both lines have the 64 bytes that are touched.
            unsafe {
                let line = _mm512_loadu_si512(line.as_ptr().cast());
                let old = _mm512_loadu_si512(most.as_ptr().cast());
                let new = _mm512_mask_max_epi32(old, bits, old, line);
                _mm512_storeu_si512(most.as_mut_ptr().cast(), new);
            }
        }

        #[inline(always)]
        fn places(self, bits: u64, first: u32, to: &mut [u32; 64]) {
            let mut at = 0;
            for part in 0..4 {
                let mask = (bits >> (part * LANES)) as u16;
                let first = first.wrapping_add((part * LANES) as u32) as i32;
                // SAFETY: `self` proves AVX-512F; `at` is at most 48, as at most sixteen bits of
                // each of three parts came before, so that the 64 bytes lie within `to`.
                unsafe {
                    let lanes =
                        _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
                    let places = _mm512_add_epi32(lanes, _mm512_set1_epi32(first));
                    let packed = _mm512_maskz_compress_epi32(mask, places);
                    _mm512_storeu_si512(to.as_mut_ptr().add(at).cast(), packed);
                }
                at += mask.count_ones() as usize;
            }
        }
    }

    /// Half a line, and the sums above a threshold in it.
    ///
    /// # Safety
    /// The processor has AVX2; 32 bytes can be read.
    #[inline(always)]
    unsafe fn above_half(half: *const i32, threshold: __m256i) -> u16 {
        // SAFETY: what the caller promises.
        unsafe {
            let above = _mm256_cmpgt_epi32(_mm256_loadu_si256(half.cast()), threshold);
            _mm256_movemask_ps(_mm256_castsi256_ps(above)) as u16
        }
    }

    /// Raises half a line, where the low eight of `bits` are set.
    ///
    /// # Safety
    /// The processor has AVX2; 32 bytes can be read from both, and written to `most`.
    #[inline(always)]
    unsafe fn raise_half(most: *mut i32, half: *const i32, bits: i32) {
        // SAFETY: what the caller promises.
        unsafe {
            let one_a_lane = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
            let own = _mm256_and_si256(_mm256_set1_epi32(bits), one_a_lane);
            let old = _mm256_loadu_si256(most.cast());
            let new = _mm256_max_epi32(old, _mm256_loadu_si256(half.cast()));
            let new = _mm256_blendv_epi8(old, new, _mm256_cmpeq_epi32(own, one_a_lane));
            _mm256_storeu_si256(most.cast(), new);
        }
    }

    impl Integers for Avx2 {
        #[inline(always)]
        fn marked(self, marks: &[u8; 64]) -> u64 {
            // SAFETY: `self` proves AVX2; the two halves are 32 bytes each.
            unsafe {
                let zero = |at: usize| {
                    let half = _mm256_loadu_si256(marks.as_ptr().add(at).cast());
                    _mm256_movemask_epi8(_mm256_cmpeq_epi8(half, _mm256_setzero_si256())) as u32
                };
                !(u64::from(zero(0)) | u64::from(zero(32)) << 32)
            }
        }

        #[inline(always)]
        fn above(self, line: &[i32; LANES], threshold: i32) -> u16 {
            // SAFETY: `self` proves AVX2; the two halves of the line are 32 bytes each.
            unsafe {
                let threshold = _mm256_set1_epi32(threshold);
                above_half(line.as_ptr(), threshold)
                    | above_half(line.as_ptr().add(LANES / 2), threshold) << (LANES / 2)
            }
        }

        #[inline(always)]
        fn raise(self, most: &mut [i32; LANES], line: &[i32; LANES], bits: u16) {
            let bits = i32::from(bits);
            let (to, from) = (most.as_mut_ptr(), line.as_ptr());
            // SAFETY: `self` proves AVX2; the two halves of both lines are 32 bytes each.
            unsafe {
                raise_half(to, from, bits);
                raise_half(to.add(LANES / 2), from.add(LANES / 2), bits >> (LANES / 2));
            }
        }

        #[inline(always)]
        fn places(self, bits: u64, first: u32, to: &mut [u32; 64]) {
            places(bits, first, to);
        }
    }
}

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod wasm {
    //! The SIMD of WebAssembly.

    use super::{Integers, LANES, places};
    use crate::lanes::wasm::{PART, Simd128, lanes_of};
    use std::arch::wasm32::{
        i8x16_bitmask, i8x16_narrow_i16x8, i8x16_splat, i16x8_narrow_i32x4, i32x4_gt, i32x4_max,
        i32x4_splat, u8x16_ne, v128, v128_bitselect, v128_load, v128_store,
    };

    /// One register of a line.
    #[inline(always)]
    fn part(line: &[i32; LANES], i: usize) -> v128 {
        // SAFETY: callers ask for parts below 4 only: the 16 bytes from lane `4 · i` on.
        unsafe { v128_load(line.as_ptr().add(i % PART * PART).cast()) }
    }

    impl Integers for Simd128 {
        #[inline(always)]
        fn marked(self, marks: &[u8; 64]) -> u64 {
            let mut bits = 0;
            let (parts, _) = marks.as_chunks::<16>();
            for (i, part) in parts.iter().enumerate() {
                // SAFETY: the part has the 16 bytes that are read.
                let part = unsafe { v128_load(part.as_ptr().cast()) };
                bits |= u64::from(i8x16_bitmask(u8x16_ne(part, i8x16_splat(0)))) << (16 * i);
            }
            bits
        }

        #[inline(always)]
        fn above(self, line: &[i32; LANES], threshold: i32) -> u16 {
            let threshold = i32x4_splat(threshold);
            let above = |i| i32x4_gt(part(line, i), threshold);
            // All ones and all zeros stay what they are in fewer bits.
            let low = i16x8_narrow_i32x4(above(0), above(1));
            let high = i16x8_narrow_i32x4(above(2), above(3));
            i8x16_bitmask(i8x16_narrow_i16x8(low, high))
        }

        #[inline(always)]
        fn raise(self, most: &mut [i32; LANES], line: &[i32; LANES], bits: u16) {
            for i in 0..LANES / PART {
                let old = part(most, i);
                let new = i32x4_max(old, part(line, i));
                let new = v128_bitselect(new, old, lanes_of(bits, i));
                // SAFETY: the 16 bytes from lane `4 · i` on.
                unsafe { v128_store(most.as_mut_ptr().add(i * PART).cast(), new) };
            }
        }

        #[inline(always)]
        fn places(self, bits: u64, first: u32, to: &mut [u32; 64]) {
            places(bits, first, to);
        }
    }
}
