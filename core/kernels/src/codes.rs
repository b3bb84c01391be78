//! Lines of stored codes on each instruction set: bytes and half floats.
//!
//! The proof types of `lanes` say nothing of the instructions that multiply bytes and widen half
//! floats, so this file has its own for x86-64. Integer sums wrap and are the same on all; what
//! is computed with the widened floats goes through [`Isa`] and its fixed order.

use crate::bits::{BIT_LANES, PLANES, level_sum};
use crate::halves::{half_of, wide_of};
use crate::lanes::{Isa, LANES, Portable};

/// Bytes of a line: one cache line, and one AVX-512 register.
pub(crate) const LINE: usize = 64;

/// What every processor that has no copy of its own runs.
#[cfg(not(any(
    all(target_arch = "aarch64", not(miri)),
    all(target_arch = "wasm32", target_feature = "simd128")
)))]
pub(crate) use crate::lanes::Portable as Other;
#[cfg(all(target_arch = "aarch64", not(miri)))]
pub(crate) use neon::Neon as Other;

/// An instruction set, and how it reads lines of codes.
pub(crate) trait Codes: Copy {
    /// How it computes on `f32`.
    type Lanes: Isa;
    /// Sums of products, some number of them.
    type Sums: Copy;
    /// The lanes.
    fn lanes(self) -> Self::Lanes;
    /// All zero.
    fn nothing(self) -> Self::Sums;
    /// Adds the products of a query's line with a row's, where byte `c` stands for `c − 128`;
    /// but see [`Codes::excess`]. Wraps.
    fn add_line(self, sums: Self::Sums, query: &[i8; LINE], row: &[u8; LINE]) -> Self::Sums;
    /// Two sums as one; wraps.
    fn join(self, a: Self::Sums, b: Self::Sums) -> Self::Sums;
    /// The totals of four sums; wraps.
    fn totals(self, sums: [Self::Sums; 4]) -> [i32; 4];
    /// By how much a total is too high, for a query with this sum of values: copies that
    /// multiply by `c` itself leave the 128 to the end.
    #[inline(always)]
    fn excess(self, sum: i32) -> i32 {
        sum.wrapping_mul(128)
    }
    /// Sixteen half floats as floats.
    #[inline(always)]
    fn widen(self, from: &[u16; LANES]) -> <Self::Lanes as Isa>::V {
        self.lanes().load(&from.map(wide_of))
    }
    /// Sixteen floats as half floats, ties to even.
    #[inline(always)]
    fn narrow(self, from: &[f32; LANES]) -> [u16; LANES] {
        from.map(half_of)
    }
    /// For each row of a group that stands word by word: the sum of the levels whose planes these
    /// are, over the row's bits.
    #[inline(always)]
    fn bit_sums(self, group: &[[u64; BIT_LANES]], planes: &[[u64; PLANES]]) -> [i32; BIT_LANES] {
        let mut counts = [[0u64; PLANES]; BIT_LANES];
        for (rows, planes) in group.iter().zip(planes) {
            for (counts, row) in counts.iter_mut().zip(rows) {
                for (count, plane) in counts.iter_mut().zip(planes) {
                    *count += u64::from((row & plane).count_ones());
                }
            }
        }
        counts.map(level_sum)
    }
}

impl Codes for Portable {
    type Lanes = Self;
    type Sums = i32;

    #[inline(always)]
    fn lanes(self) -> Self {
        self
    }

    #[inline(always)]
    fn nothing(self) -> i32 {
        0
    }

    #[inline(always)]
    fn add_line(self, sums: i32, query: &[i8; LINE], row: &[u8; LINE]) -> i32 {
        // 64 products stay far below 2³¹.
        let line: i32 = query
            .iter()
            .zip(row)
            .map(|(&q, &c)| i32::from(q) * i32::from(c))
            .sum();
        sums.wrapping_add(line)
    }

    #[inline(always)]
    fn join(self, a: i32, b: i32) -> i32 {
        a.wrapping_add(b)
    }

    #[inline(always)]
    fn totals(self, sums: [i32; 4]) -> [i32; 4] {
        sums
    }
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
pub(crate) mod x86 {
    //! AVX-512 with VNNI, and AVX2 with F16C.

    use super::{BIT_LANES, Codes, LANES, LINE, PLANES};
    use crate::lanes::x86::{Avx2, Avx512};
    use std::arch::x86_64::{
        __m128i, __m256, __m256i, __m512, __m512i, _MM_FROUND_TO_NEAREST_INT, _mm_add_epi32,
        _mm_loadu_si128, _mm_storeu_si128, _mm256_add_epi32, _mm256_castsi256_si128,
        _mm256_cvtepi8_epi16, _mm256_cvtepu8_epi16, _mm256_cvtph_ps, _mm256_cvtps_ph,
        _mm256_extracti128_si256, _mm256_loadu_ps, _mm256_loadu_si256, _mm256_madd_epi16,
        _mm256_setzero_si256, _mm256_storeu_si256, _mm256_unpackhi_epi32, _mm256_unpackhi_epi64,
        _mm256_unpacklo_epi32, _mm256_unpacklo_epi64, _mm512_add_epi32, _mm512_add_epi64,
        _mm512_and_si512, _mm512_castsi512_si256, _mm512_cvtepi64_epi32, _mm512_cvtph_ps,
        _mm512_cvtps_ph, _mm512_dpbusd_epi32, _mm512_extracti64x4_epi64, _mm512_loadu_ps,
        _mm512_loadu_si512, _mm512_popcnt_epi64, _mm512_set1_epi64, _mm512_setzero_si512,
        _mm512_slli_epi64, _mm512_sub_epi64,
    };

    /// Proof of AVX-512 F, BW, VL, DQ, VNNI and VPOPCNTDQ: Ice Lake and Zen 4 on.
    #[derive(Clone, Copy)]
    pub(crate) struct Vnni(Avx512);

    impl Vnni {
        /// # Safety
        /// The processor has AVX-512 F, BW, VL, DQ, VNNI and VPOPCNTDQ.
        #[inline(always)]
        pub(crate) unsafe fn new() -> Self {
            // SAFETY: what the caller promises.
            Self(unsafe { Avx512::new() })
        }
    }

    /// Neighbours of two registers added up, by twos: the sums of `a` and of `b` in turn.
    ///
    /// # Safety
    /// The processor has AVX2.
    #[inline(always)]
    unsafe fn pair(a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: what the caller promises.
        unsafe { _mm256_add_epi32(_mm256_unpacklo_epi32(a, b), _mm256_unpackhi_epi32(a, b)) }
    }

    /// Four registers of eight sums as four totals.
    ///
    /// # Safety
    /// The processor has AVX2.
    #[inline(always)]
    unsafe fn totals([a, b, c, d]: [__m256i; 4]) -> [i32; 4] {
        let mut to = [0i32; 4];
        // SAFETY: what the caller promises; the array has the 16 bytes that are written.
        unsafe {
            let (ab, cd) = (pair(a, b), pair(c, d));
            let all =
                _mm256_add_epi32(_mm256_unpacklo_epi64(ab, cd), _mm256_unpackhi_epi64(ab, cd));
            let high: __m128i = _mm256_extracti128_si256::<1>(all);
            let four = _mm_add_epi32(_mm256_castsi256_si128(all), high);
            _mm_storeu_si128(to.as_mut_ptr().cast(), four);
        }
        to
    }

    /// The two halves of a register added up.
    ///
    /// # Safety
    /// The processor has AVX-512F.
    #[inline(always)]
    unsafe fn halved(sums: __m512i) -> __m256i {
        // SAFETY: what the caller promises.
        unsafe {
            let high = _mm512_extracti64x4_epi64::<1>(sums);
            _mm256_add_epi32(_mm512_castsi512_si256(sums), high)
        }
    }

    /// Sixteen products of bytes, two to a sum.
    ///
    /// # Safety
    /// The processor has AVX2; 16 bytes can be read from both.
    #[inline(always)]
    unsafe fn products(query: *const i8, row: *const u8) -> __m256i {
        // SAFETY: what the caller promises.
        unsafe {
            let query = _mm_loadu_si128(query.cast());
            let row = _mm_loadu_si128(row.cast());
            _mm256_madd_epi16(_mm256_cvtepi8_epi16(query), _mm256_cvtepu8_epi16(row))
        }
    }

    impl Codes for Vnni {
        type Lanes = Avx512;
        type Sums = __m512i;

        #[inline(always)]
        fn lanes(self) -> Avx512 {
            self.0
        }

        #[inline(always)]
        fn nothing(self) -> __m512i {
            // SAFETY: `self` proves AVX-512F.
            unsafe { _mm512_setzero_si512() }
        }

        #[inline(always)]
        fn add_line(self, sums: __m512i, query: &[i8; LINE], row: &[u8; LINE]) -> __m512i {
            // SAFETY: `self` proves AVX-512F and VNNI; both arrays have the 64 bytes that are
            // read.
            unsafe {
                let query = _mm512_loadu_si512(query.as_ptr().cast());
                let row = _mm512_loadu_si512(row.as_ptr().cast());
                _mm512_dpbusd_epi32(sums, row, query)
            }
        }

        #[inline(always)]
        fn join(self, a: __m512i, b: __m512i) -> __m512i {
            // SAFETY: `self` proves AVX-512F.
            unsafe { _mm512_add_epi32(a, b) }
        }

        #[inline(always)]
        fn totals(self, [a, b, c, d]: [__m512i; 4]) -> [i32; 4] {
            // SAFETY: `self` proves AVX-512F, which includes AVX2.
            unsafe { totals([halved(a), halved(b), halved(c), halved(d)]) }
        }

        #[inline(always)]
        fn widen(self, from: &[u16; LANES]) -> __m512 {
            // SAFETY: `self` proves AVX-512F; the array has the 32 bytes that are read.
            unsafe { _mm512_cvtph_ps(_mm256_loadu_si256(from.as_ptr().cast())) }
        }

        #[inline(always)]
        fn narrow(self, from: &[f32; LANES]) -> [u16; LANES] {
            let mut to = [0u16; LANES];
            // SAFETY: `self` proves AVX-512F; 64 bytes are read and 32 written.
            unsafe {
                let halves = _mm512_cvtps_ph::<{ _MM_FROUND_TO_NEAREST_INT }>(_mm512_loadu_ps(
                    from.as_ptr(),
                ));
                _mm256_storeu_si256(to.as_mut_ptr().cast(), halves);
            }
            to
        }

        #[inline(always)]
        fn bit_sums(
            self,
            group: &[[u64; BIT_LANES]],
            planes: &[[u64; PLANES]],
        ) -> [i32; BIT_LANES] {
            let mut to = [0i32; BIT_LANES];
            // SAFETY: `self` proves AVX-512F and VPOPCNTDQ; 64 bytes of a group's word are read,
            // and 32 written.
            unsafe {
                let mut counts = [_mm512_setzero_si512(); PLANES];
                for (rows, planes) in group.iter().zip(planes) {
                    let rows = _mm512_loadu_si512(rows.as_ptr().cast());
                    for (count, &plane) in counts.iter_mut().zip(planes) {
                        let common = _mm512_and_si512(rows, _mm512_set1_epi64(plane as i64));
                        *count = _mm512_add_epi64(*count, _mm512_popcnt_epi64(common));
                    }
                }
                let [one, two, four, eight] = counts;
                let low = _mm512_add_epi64(one, _mm512_slli_epi64::<1>(two));
                let high = _mm512_sub_epi64(four, _mm512_slli_epi64::<1>(eight));
                let sums = _mm512_add_epi64(low, _mm512_slli_epi64::<2>(high));
                _mm256_storeu_si256(to.as_mut_ptr().cast(), _mm512_cvtepi64_epi32(sums));
            }
            to
        }
    }

    /// Proof of AVX2 and F16C: Haswell and Zen on.
    #[derive(Clone, Copy)]
    pub(crate) struct Avx2F16c(Avx2);

    impl Avx2F16c {
        /// # Safety
        /// The processor has AVX2 and F16C.
        #[inline(always)]
        pub(crate) unsafe fn new() -> Self {
            // SAFETY: what the caller promises.
            Self(unsafe { Avx2::new() })
        }
    }

    impl Codes for Avx2F16c {
        type Lanes = Avx2;
        type Sums = __m256i;

        #[inline(always)]
        fn lanes(self) -> Avx2 {
            self.0
        }

        #[inline(always)]
        fn nothing(self) -> __m256i {
            // SAFETY: `self` proves AVX2.
            unsafe { _mm256_setzero_si256() }
        }

        #[inline(always)]
        fn add_line(self, sums: __m256i, query: &[i8; LINE], row: &[u8; LINE]) -> __m256i {
            // By way of 16 bits: the instruction that multiplies bytes saturates.
            let (query, row) = (query.as_ptr(), row.as_ptr());
            // SAFETY: `self` proves AVX2; both arrays have four times 16 bytes.
            unsafe {
                let first = products(query, row);
                let second = products(query.add(16), row.add(16));
                let third = products(query.add(32), row.add(32));
                let fourth = products(query.add(48), row.add(48));
                let low = _mm256_add_epi32(first, second);
                _mm256_add_epi32(sums, _mm256_add_epi32(low, _mm256_add_epi32(third, fourth)))
            }
        }

        #[inline(always)]
        fn join(self, a: __m256i, b: __m256i) -> __m256i {
            // SAFETY: `self` proves AVX2.
            unsafe { _mm256_add_epi32(a, b) }
        }

        #[inline(always)]
        fn totals(self, sums: [__m256i; 4]) -> [i32; 4] {
            // SAFETY: `self` proves AVX2.
            unsafe { totals(sums) }
        }

        #[inline(always)]
        fn widen(self, from: &[u16; LANES]) -> (__m256, __m256) {
            let from = from.as_ptr();
            // SAFETY: `self` proves F16C; the two halves of the array are 16 bytes each.
            unsafe {
                (
                    _mm256_cvtph_ps(_mm_loadu_si128(from.cast())),
                    _mm256_cvtph_ps(_mm_loadu_si128(from.add(LANES / 2).cast())),
                )
            }
        }

        #[inline(always)]
        fn narrow(self, from: &[f32; LANES]) -> [u16; LANES] {
            let mut to = [0u16; LANES];
            // SAFETY: `self` proves F16C; the halves are 32 bytes to read, 16 to write, each.
            unsafe {
                for at in [0, LANES / 2] {
                    let half = _mm256_loadu_ps(from.as_ptr().add(at));
                    let half = _mm256_cvtps_ph::<{ _MM_FROUND_TO_NEAREST_INT }>(half);
                    _mm_storeu_si128(to.as_mut_ptr().add(at).cast(), half);
                }
            }
            to
        }
    }
}

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod wasm {
    //! The SIMD of WebAssembly.

    use super::{Codes, LINE};
    use crate::lanes::wasm::Simd128;
    use std::arch::wasm32::{
        i16x8_extend_high_i8x16, i16x8_extend_high_u8x16, i16x8_extend_low_i8x16,
        i16x8_extend_low_u8x16, i32x4_add, i32x4_dot_i16x8, i32x4_extract_lane, i32x4_shuffle,
        i32x4_splat, v128, v128_load,
    };

    /// Neighbours of two registers added up, by twos.
    #[inline(always)]
    fn pair(a: v128, b: v128) -> v128 {
        i32x4_add(
            i32x4_shuffle::<0, 4, 1, 5>(a, b),
            i32x4_shuffle::<2, 6, 3, 7>(a, b),
        )
    }

    impl Codes for Simd128 {
        type Lanes = Self;
        type Sums = v128;

        #[inline(always)]
        fn lanes(self) -> Self {
            self
        }

        #[inline(always)]
        fn nothing(self) -> v128 {
            i32x4_splat(0)
        }

        #[inline(always)]
        fn add_line(self, mut sums: v128, query: &[i8; LINE], row: &[u8; LINE]) -> v128 {
            for at in [0, 16, 32, 48] {
                // SAFETY: both arrays have the 16 bytes from `at` on.
                let (query, row) = unsafe {
                    (
                        v128_load(query.as_ptr().add(at).cast()),
                        v128_load(row.as_ptr().add(at).cast()),
                    )
                };
                let low =
                    i32x4_dot_i16x8(i16x8_extend_low_i8x16(query), i16x8_extend_low_u8x16(row));
                let high =
                    i32x4_dot_i16x8(i16x8_extend_high_i8x16(query), i16x8_extend_high_u8x16(row));
                sums = i32x4_add(sums, i32x4_add(low, high));
            }
            sums
        }

        #[inline(always)]
        fn join(self, a: v128, b: v128) -> v128 {
            i32x4_add(a, b)
        }

        #[inline(always)]
        fn totals(self, [a, b, c, d]: [v128; 4]) -> [i32; 4] {
            let (ab, cd) = (pair(a, b), pair(c, d));
            let all = i32x4_add(
                i32x4_shuffle::<0, 1, 4, 5>(ab, cd),
                i32x4_shuffle::<2, 3, 6, 7>(ab, cd),
            );
            [
                i32x4_extract_lane::<0>(all),
                i32x4_extract_lane::<1>(all),
                i32x4_extract_lane::<2>(all),
                i32x4_extract_lane::<3>(all),
            ]
        }
    }
}

#[cfg(all(target_arch = "aarch64", not(miri)))]
pub(crate) mod neon {
    //! NEON, which every AArch64 processor has. Floats take the portable path, which compilers
    //! turn into NEON by themselves.

    use super::{Codes, LINE};
    use crate::lanes::Portable;
    use std::arch::aarch64::{
        int32x4_t, vaddq_s32, vdupq_n_s32, vdupq_n_u8, veorq_u8, vget_low_s8, vld1q_s8, vld1q_u8,
        vmull_high_s8, vmull_s8, vpadalq_s16, vpaddq_s32, vreinterpretq_s8_u8, vst1q_s32,
    };

    /// NEON is part of the architecture.
    #[derive(Clone, Copy)]
    pub(crate) struct Neon;

    impl Codes for Neon {
        type Lanes = Portable;
        type Sums = (int32x4_t, int32x4_t);

        #[inline(always)]
        fn lanes(self) -> Portable {
            Portable
        }

        #[inline(always)]
        fn nothing(self) -> Self::Sums {
            // SAFETY: NEON is part of AArch64.
            unsafe { (vdupq_n_s32(0), vdupq_n_s32(0)) }
        }

        #[inline(always)]
        fn add_line(
            self,
            (mut low, mut high): Self::Sums,
            query: &[i8; LINE],
            row: &[u8; LINE],
        ) -> Self::Sums {
            for at in [0, 16, 32, 48] {
                // SAFETY: NEON is part of AArch64; both arrays have the 16 bytes from `at` on.
                unsafe {
                    let query = vld1q_s8(query.as_ptr().add(at));
                    let row = veorq_u8(vld1q_u8(row.as_ptr().add(at)), vdupq_n_u8(128));
                    let row = vreinterpretq_s8_u8(row);
                    low = vpadalq_s16(low, vmull_s8(vget_low_s8(query), vget_low_s8(row)));
                    high = vpadalq_s16(high, vmull_high_s8(query, row));
                }
            }
            (low, high)
        }

        #[inline(always)]
        fn join(self, a: Self::Sums, b: Self::Sums) -> Self::Sums {
            // SAFETY: NEON is part of AArch64.
            unsafe { (vaddq_s32(a.0, b.0), vaddq_s32(a.1, b.1)) }
        }

        #[inline(always)]
        fn totals(self, [a, b, c, d]: [Self::Sums; 4]) -> [i32; 4] {
            let mut to = [0i32; 4];
            // SAFETY: NEON is part of AArch64; the array has the 16 bytes that are written.
            unsafe {
                let ab = vpaddq_s32(vaddq_s32(a.0, a.1), vaddq_s32(b.0, b.1));
                let cd = vpaddq_s32(vaddq_s32(c.0, c.1), vaddq_s32(d.0, d.1));
                vst1q_s32(to.as_mut_ptr(), vpaddq_s32(ab, cd));
            }
            to
        }

        /// The rows are made signed before they are multiplied.
        #[inline(always)]
        fn excess(self, _sum: i32) -> i32 {
            0
        }
    }
}
