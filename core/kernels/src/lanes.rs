//! Sixteen `f32` lanes on each instruction set.
//!
//! A value of a type that implements [`Isa`] is a proof that the processor has the instruction
//! set: it can be made only in [`crate::dispatch`], after detection. So the operations are safe
//! to call, and the `unsafe` of this crate's arithmetic stands in this file. An operation is
//! lane by lane, rounds once, and is the same IEEE operation everywhere; multiply and add are
//! never fused.

/// Lanes of a vector.
pub(crate) const LANES: usize = 16;

/// An instruction set, and how it computes on sixteen lanes.
pub(crate) trait Isa: Copy + crate::integers::Integers + crate::shorts::Shorts {
    /// Sixteen lanes in registers.
    type V: Copy;
    /// All lanes the same.
    fn splat(self, value: f32) -> Self::V;
    /// The lanes of an array.
    fn load(self, from: &[f32; LANES]) -> Self::V;
    /// The array of the lanes.
    fn store(self, value: Self::V) -> [f32; LANES];
    /// `a + b`.
    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a * b`.
    fn mul(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a - b`.
    fn sub(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a + b` in the lanes that have a bit, `a` in the others; `a` is not −0.
    fn add_where(self, a: Self::V, bits: u16, b: Self::V) -> Self::V;

    /// [`Isa::fold`] of four vectors.
    #[inline(always)]
    fn fold_four(self, values: [Self::V; 4]) -> [f32; 4] {
        let [a, b, c, d] = values;
        [self.fold(a), self.fold(b), self.fold(c), self.fold(d)]
    }

    /// The lanes as a fixed binary tree: 16 → 8 → 4 → 2 → 1.
    #[inline(always)]
    fn fold(self, value: Self::V) -> f32 {
        let mut lanes = self.store(value);
        let mut width = LANES / 2;
        while width > 0 {
            for i in 0..width {
                lanes[i] += lanes[i + width];
            }
            width /= 2;
        }
        lanes[0]
    }
}

/// Plain Rust: the definition, and the path of every other processor.
#[derive(Clone, Copy)]
#[cfg_attr(
    all(target_arch = "wasm32", target_feature = "simd128"),
    allow(dead_code, reason = "every kernel has the SIMD copy there")
)]
pub(crate) struct Portable;

impl Isa for Portable {
    type V = [f32; LANES];

    #[inline(always)]
    fn splat(self, value: f32) -> Self::V {
        [value; LANES]
    }

    #[inline(always)]
    fn load(self, from: &[f32; LANES]) -> Self::V {
        *from
    }

    #[inline(always)]
    fn store(self, value: Self::V) -> [f32; LANES] {
        value
    }

    #[inline(always)]
    fn add(self, a: Self::V, b: Self::V) -> Self::V {
        std::array::from_fn(|i| a[i] + b[i])
    }

    #[inline(always)]
    fn mul(self, a: Self::V, b: Self::V) -> Self::V {
        std::array::from_fn(|i| a[i] * b[i])
    }

    #[inline(always)]
    fn sub(self, a: Self::V, b: Self::V) -> Self::V {
        std::array::from_fn(|i| a[i] - b[i])
    }

    #[inline(always)]
    fn add_where(self, a: Self::V, bits: u16, b: Self::V) -> Self::V {
        // All ones or all zeros: without a branch, so in vectors. Adding 0 changes nothing.
        let kept = |i: usize| b[i].to_bits() & 0u32.wrapping_sub(u32::from(bits >> i & 1));
        std::array::from_fn(|i| a[i] + f32::from_bits(kept(i)))
    }
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
pub(crate) mod x86 {
    //! AVX2 and AVX-512.

    use super::{Isa, LANES};
    use std::arch::x86_64::{
        __m128, __m256, __m512, _mm_add_ps, _mm_movehl_ps, _mm_movelh_ps, _mm_storeu_ps,
        _mm_unpackhi_ps, _mm_unpacklo_ps, _mm256_add_ps, _mm256_and_ps, _mm256_and_si256,
        _mm256_castpd_ps, _mm256_castps256_ps128, _mm256_castsi256_ps, _mm256_cmpeq_epi32,
        _mm256_extractf128_ps, _mm256_loadu_ps, _mm256_mul_ps, _mm256_set1_epi32, _mm256_set1_ps,
        _mm256_setr_epi32, _mm256_slli_epi32, _mm256_storeu_ps, _mm256_sub_ps, _mm512_add_ps,
        _mm512_castps_pd, _mm512_castps512_ps256, _mm512_extractf64x4_pd, _mm512_loadu_ps,
        _mm512_mask_add_ps, _mm512_mul_ps, _mm512_set1_ps, _mm512_storeu_ps, _mm512_sub_ps,
    };

    /// The two halves of eight lanes added up.
    ///
    /// # Safety
    /// The processor has AVX.
    #[inline(always)]
    unsafe fn halved(value: __m256) -> __m128 {
        // SAFETY: what the caller promises.
        unsafe {
            _mm_add_ps(
                _mm256_castps256_ps128(value),
                _mm256_extractf128_ps::<1>(value),
            )
        }
    }

    /// Folds four vectors of eight lanes: 8 → 4 → 2 → 1, as [`Isa::fold`] does.
    ///
    /// # Safety
    /// The processor has AVX.
    #[inline(always)]
    unsafe fn fold_halves([a, b, c, d]: [__m256; 4]) -> [f32; 4] {
        let mut to = [0f32; 4];
        // SAFETY: what the caller promises; the array has the 16 bytes that are written.
        unsafe {
            let (a, b, c, d) = (halved(a), halved(b), halved(c), halved(d));
            // Lanes 0 and 2, and 1 and 3, of two vectors at a time.
            let ab = _mm_add_ps(_mm_unpacklo_ps(a, b), _mm_unpackhi_ps(a, b));
            let cd = _mm_add_ps(_mm_unpacklo_ps(c, d), _mm_unpackhi_ps(c, d));
            let all = _mm_add_ps(_mm_movelh_ps(ab, cd), _mm_movehl_ps(cd, ab));
            _mm_storeu_ps(to.as_mut_ptr(), all);
        }
        to
    }

    /// The two halves of sixteen lanes added up. They come by way of `f64`, because AVX-512F
    /// takes out quarters of `f32` only.
    ///
    /// # Safety
    /// The processor has AVX-512F.
    #[inline(always)]
    unsafe fn folded_once(value: __m512) -> __m256 {
        // SAFETY: what the caller promises.
        unsafe {
            let high = _mm512_extractf64x4_pd::<1>(_mm512_castps_pd(value));
            _mm256_add_ps(_mm512_castps512_ps256(value), _mm256_castpd_ps(high))
        }
    }

    /// Proof of AVX-512F.
    #[derive(Clone, Copy)]
    pub(crate) struct Avx512(());

    impl Avx512 {
        /// # Safety
        /// The processor has AVX-512F.
        #[inline(always)]
        pub(crate) unsafe fn new() -> Self {
            Self(())
        }
    }

    impl Isa for Avx512 {
        type V = __m512;

        #[inline(always)]
        fn splat(self, value: f32) -> Self::V {
            // SAFETY: `self` proves AVX-512F.
            unsafe { _mm512_set1_ps(value) }
        }

        #[inline(always)]
        fn load(self, from: &[f32; LANES]) -> Self::V {
            // SAFETY: `self` proves AVX-512F; the array has the 64 bytes that are read.
            unsafe { _mm512_loadu_ps(from.as_ptr()) }
        }

        #[inline(always)]
        fn store(self, value: Self::V) -> [f32; LANES] {
            let mut to = [0f32; LANES];
            // SAFETY: `self` proves AVX-512F; the array has the 64 bytes that are written.
            unsafe { _mm512_storeu_ps(to.as_mut_ptr(), value) };
            to
        }

        #[inline(always)]
        fn add(self, a: Self::V, b: Self::V) -> Self::V {
            // SAFETY: `self` proves AVX-512F.
            unsafe { _mm512_add_ps(a, b) }
        }

        #[inline(always)]
        fn mul(self, a: Self::V, b: Self::V) -> Self::V {
            // SAFETY: `self` proves AVX-512F.
            unsafe { _mm512_mul_ps(a, b) }
        }

        #[inline(always)]
        fn sub(self, a: Self::V, b: Self::V) -> Self::V {
            // SAFETY: `self` proves AVX-512F.
            unsafe { _mm512_sub_ps(a, b) }
        }

        #[inline(always)]
        fn fold_four(self, [a, b, c, d]: [Self::V; 4]) -> [f32; 4] {
            // SAFETY: `self` proves AVX-512F, which includes AVX.
            unsafe {
                fold_halves([
                    folded_once(a),
                    folded_once(b),
                    folded_once(c),
                    folded_once(d),
                ])
            }
        }

        #[inline(always)]
        fn add_where(self, a: Self::V, bits: u16, b: Self::V) -> Self::V {
            // SAFETY: `self` proves AVX-512F.
            unsafe { _mm512_mask_add_ps(a, bits, a, b) }
        }
    }

    /// Proof of AVX2.
    #[derive(Clone, Copy)]
    pub(crate) struct Avx2(());

    impl Avx2 {
        /// # Safety
        /// The processor has AVX2.
        #[inline(always)]
        pub(crate) unsafe fn new() -> Self {
            Self(())
        }
    }

    impl Isa for Avx2 {
        type V = (__m256, __m256);

        #[inline(always)]
        fn splat(self, value: f32) -> Self::V {
            // SAFETY: `self` proves AVX2, which includes AVX.
            unsafe { (_mm256_set1_ps(value), _mm256_set1_ps(value)) }
        }

        #[inline(always)]
        fn load(self, from: &[f32; LANES]) -> Self::V {
            // SAFETY: `self` proves AVX2; the two halves of the array are 32 bytes each.
            unsafe {
                (
                    _mm256_loadu_ps(from.as_ptr()),
                    _mm256_loadu_ps(from.as_ptr().add(LANES / 2)),
                )
            }
        }

        #[inline(always)]
        fn store(self, value: Self::V) -> [f32; LANES] {
            let mut to = [0f32; LANES];
            // SAFETY: `self` proves AVX2; the two halves of the array are 32 bytes each.
            unsafe {
                _mm256_storeu_ps(to.as_mut_ptr(), value.0);
                _mm256_storeu_ps(to.as_mut_ptr().add(LANES / 2), value.1);
            }
            to
        }

        #[inline(always)]
        fn add(self, a: Self::V, b: Self::V) -> Self::V {
            // SAFETY: `self` proves AVX2, which includes AVX.
            unsafe { (_mm256_add_ps(a.0, b.0), _mm256_add_ps(a.1, b.1)) }
        }

        #[inline(always)]
        fn mul(self, a: Self::V, b: Self::V) -> Self::V {
            // SAFETY: `self` proves AVX2, which includes AVX.
            unsafe { (_mm256_mul_ps(a.0, b.0), _mm256_mul_ps(a.1, b.1)) }
        }

        #[inline(always)]
        fn sub(self, a: Self::V, b: Self::V) -> Self::V {
            // SAFETY: `self` proves AVX2, which includes AVX.
            unsafe { (_mm256_sub_ps(a.0, b.0), _mm256_sub_ps(a.1, b.1)) }
        }

        #[inline(always)]
        fn fold_four(self, [a, b, c, d]: [Self::V; 4]) -> [f32; 4] {
            // SAFETY: `self` proves AVX2, which includes AVX.
            unsafe {
                fold_halves([
                    _mm256_add_ps(a.0, a.1),
                    _mm256_add_ps(b.0, b.1),
                    _mm256_add_ps(c.0, c.1),
                    _mm256_add_ps(d.0, d.1),
                ])
            }
        }

        #[inline(always)]
        fn add_where(self, a: Self::V, bits: u16, b: Self::V) -> Self::V {
            // SAFETY: `self` proves AVX2, which includes AVX.
            unsafe {
                let bits = _mm256_set1_epi32(i32::from(bits));
                let low = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
                let high = _mm256_slli_epi32::<8>(low);
                let add = |a, b, own| {
                    let own = _mm256_cmpeq_epi32(_mm256_and_si256(bits, own), own);
                    _mm256_add_ps(a, _mm256_and_ps(b, _mm256_castsi256_ps(own)))
                };
                (add(a.0, b.0, low), add(a.1, b.1, high))
            }
        }
    }
}

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
pub(crate) mod wasm {
    //! The SIMD of WebAssembly. A module that has it does not start where it is missing.

    use super::{Isa, LANES};
    use std::arch::wasm32::{
        f32x4_add, f32x4_mul, f32x4_splat, f32x4_sub, i32x4, i32x4_eq, i32x4_splat, v128, v128_and,
        v128_load, v128_store,
    };

    /// Lanes of one register.
    pub(crate) const PART: usize = 4;

    /// The four registers of a line.
    type Parts = [v128; LANES / PART];

    /// 128-bit SIMD, which is there wherever this is compiled.
    #[derive(Clone, Copy)]
    pub(crate) struct Simd128;

    impl Isa for Simd128 {
        type V = Parts;

        #[inline(always)]
        fn splat(self, value: f32) -> Parts {
            [f32x4_splat(value); LANES / PART]
        }

        #[inline(always)]
        fn load(self, from: &[f32; LANES]) -> Parts {
            // SAFETY: part `i` is the 16 bytes from lane `4 · i` on, which the array has.
            std::array::from_fn(|i| unsafe { v128_load(from.as_ptr().add(i * PART).cast()) })
        }

        #[inline(always)]
        fn store(self, value: Parts) -> [f32; LANES] {
            let mut to = [0f32; LANES];
            for (i, part) in value.into_iter().enumerate() {
                // SAFETY: as in `load`.
                unsafe { v128_store(to.as_mut_ptr().add(i * PART).cast(), part) };
            }
            to
        }

        #[inline(always)]
        fn add(self, a: Parts, b: Parts) -> Parts {
            std::array::from_fn(|i| f32x4_add(a[i], b[i]))
        }

        #[inline(always)]
        fn mul(self, a: Parts, b: Parts) -> Parts {
            std::array::from_fn(|i| f32x4_mul(a[i], b[i]))
        }

        #[inline(always)]
        fn sub(self, a: Parts, b: Parts) -> Parts {
            std::array::from_fn(|i| f32x4_sub(a[i], b[i]))
        }

        #[inline(always)]
        fn add_where(self, a: Parts, bits: u16, b: Parts) -> Parts {
            std::array::from_fn(|i| f32x4_add(a[i], v128_and(b[i], lanes_of(bits, i))))
        }
    }

    /// All ones in the lanes of a part that have a bit.
    #[inline(always)]
    pub(crate) fn lanes_of(bits: u16, part: usize) -> v128 {
        let own = i32x4(1, 2, 4, 8);
        let bits = i32x4_splat(i32::from(bits >> (part * PART)));
        i32x4_eq(v128_and(bits, own), own)
    }
}
