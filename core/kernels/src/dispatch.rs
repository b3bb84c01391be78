//! One body, several instruction sets.
//!
//! [`multiversion!`] turns a kernel's body, generic over [`Isa`](crate::lanes::Isa), into a
//! function that picks at run time the copy for the widest instruction set of the processor.
//! The body fixes every operation and their order, so the copies differ in speed only.

/// Declares `$name(args) -> ret` with one body, in which `$isa` is the instruction set at hand.
macro_rules! multiversion {
    (
        $(#[$doc:meta])*
        $vis:vis fn $name:ident[$isa:ident]($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)? $body:block
    ) => {
        $(#[$doc])*
        #[inline]
        $vis fn $name($($arg: $ty),*) $(-> $ret)? {
            #[cfg(all(target_arch = "x86_64", not(miri)))]
            {
                use crate::lanes::x86::{Avx2, Avx512};

                #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
                fn avx512($($arg: $ty),*) $(-> $ret)? {
                    // SAFETY: this function runs only where AVX-512F is.
                    $name::body(unsafe { Avx512::new() }, $($arg),*)
                }

                #[target_feature(enable = "avx2")]
                fn avx2($($arg: $ty),*) $(-> $ret)? {
                    // SAFETY: this function runs only where AVX2 is.
                    $name::body(unsafe { Avx2::new() }, $($arg),*)
                }

                if std::arch::is_x86_feature_detected!("avx512f")
                    && std::arch::is_x86_feature_detected!("avx512bw")
                    && std::arch::is_x86_feature_detected!("avx512vl")
                    && std::arch::is_x86_feature_detected!("avx512dq")
                {
                    // SAFETY: the four features that `avx512` enables were detected just above.
                    return unsafe { avx512($($arg),*) };
                }
                if std::arch::is_x86_feature_detected!("avx2") {
                    // SAFETY: `avx2` enables AVX2 only, which was detected just above.
                    return unsafe { avx2($($arg),*) };
                }
            }
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            {
                $name::body(crate::lanes::wasm::Simd128, $($arg),*)
            }
            #[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
            {
                $name::body(crate::lanes::Portable, $($arg),*)
            }
        }

        pub(crate) mod $name {
            //! The body of the kernel, and the ways in for tests.
            #[allow(unused_imports, clippy::wildcard_imports)]
            use super::*;

            #[inline(always)]
            pub(super) fn body<I: crate::lanes::Isa>($isa: I, $($arg: $ty),*) $(-> $ret)? $body

            /// Plain Rust, for tests that compare with it.
            #[cfg(test)]
            pub(crate) fn portable($($arg: $ty),*) $(-> $ret)? {
                body(crate::lanes::Portable, $($arg),*)
            }

            /// The AVX2 copy where there is AVX2, else plain Rust.
            #[cfg(test)]
            pub(crate) fn narrow($($arg: $ty),*) $(-> $ret)? {
                #[cfg(all(target_arch = "x86_64", not(miri)))]
                if std::arch::is_x86_feature_detected!("avx2") {
                    // SAFETY: AVX2 was detected just above.
                    return body(unsafe { crate::lanes::x86::Avx2::new() }, $($arg),*);
                }
                body(crate::lanes::Portable, $($arg),*)
            }
        }
    };
}

pub(crate) use multiversion;
