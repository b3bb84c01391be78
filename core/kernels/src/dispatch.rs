//! One body, several instruction sets.
//!
//! [`multiversion!`] turns a kernel's body, generic over [`Isa`](crate::lanes::Isa), into a
//! function that picks at run time the copy for the widest instruction set of the processor.
//! The body fixes every operation and their order, so the copies differ in speed only.

/// Declares `$name(args) -> ret` with one body, in which `$isa` is the instruction set at hand:
/// an [`Isa`](crate::lanes::Isa).
macro_rules! multiversion {
    ($($kernel:tt)*) => {
        crate::dispatch::versions! {
            [crate::lanes::Isa]
            [crate::lanes::x86::Avx512: "avx512f,avx512bw,avx512vl,avx512dq",
                "avx512f", "avx512bw", "avx512vl", "avx512dq"]
            [crate::lanes::x86::Avx2: "avx2", "avx2"]
            [crate::lanes::Portable]
            $($kernel)*
        }
    };
}

/// The same for kernels over stored codes: `$isa` is a [`Codes`](crate::codes::Codes).
macro_rules! multiversion_codes {
    ($($kernel:tt)*) => {
        crate::dispatch::versions! {
            [crate::codes::Codes]
            [crate::codes::x86::Vnni:
                "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx512vpopcntdq,popcnt",
                "avx512f", "avx512bw", "avx512vl", "avx512dq", "avx512vnni", "avx512vpopcntdq",
                "popcnt"]
            [crate::codes::x86::Avx2F16c: "avx2,f16c,popcnt", "avx2", "f16c", "popcnt"]
            [crate::codes::Other]
            $($kernel)*
        }
    };
}

/// What the macros above share: the trait, the wide and the narrow x86-64 type with the features
/// that they prove, and the type of every processor that has no copy of its own.
macro_rules! versions {
    (
        [$trait:path]
        [$wide:path: $wide_features:tt, $($wide_feature:tt),+]
        [$narrow:path: $narrow_features:tt, $($narrow_feature:tt),+]
        [$other:path]
        $(#[$doc:meta])*
        $vis:vis fn $name:ident[$isa:ident]($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)? $body:block
    ) => {
        $(#[$doc])*
        #[inline]
        $vis fn $name($($arg: $ty),*) $(-> $ret)? {
            #[cfg(all(target_arch = "x86_64", not(miri)))]
            {
                use $wide as Wide;
                use $narrow as Narrow;

                #[target_feature(enable = $wide_features)]
                fn wide($($arg: $ty),*) $(-> $ret)? {
                    // SAFETY: this function runs only where the features it enables are, and
                    // the type stands for these.
                    $name::body(unsafe { Wide::new() }, $($arg),*)
                }

                #[target_feature(enable = $narrow_features)]
                fn narrow($($arg: $ty),*) $(-> $ret)? {
                    // SAFETY: as above.
                    $name::body(unsafe { Narrow::new() }, $($arg),*)
                }

                if $(std::arch::is_x86_feature_detected!($wide_feature))&&+ {
                    // SAFETY: the features that `wide` enables were detected just above.
                    return unsafe { wide($($arg),*) };
                }
                if $(std::arch::is_x86_feature_detected!($narrow_feature))&&+ {
                    // SAFETY: the features that `narrow` enables were detected just above.
                    return unsafe { narrow($($arg),*) };
                }
            }
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            {
                $name::body(crate::lanes::wasm::Simd128, $($arg),*)
            }
            #[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
            {
                $name::body($other, $($arg),*)
            }
        }

        pub(crate) mod $name {
            //! The body of the kernel, and the ways in for tests.
            #[allow(unused_imports, clippy::wildcard_imports)]
            use super::*;

            #[inline(always)]
            pub(super) fn body<I: $trait>($isa: I, $($arg: $ty),*) $(-> $ret)? $body

            /// Plain Rust, for tests that compare with it.
            #[cfg(test)]
            pub(crate) fn portable($($arg: $ty),*) $(-> $ret)? {
                body(crate::lanes::Portable, $($arg),*)
            }

            /// The narrow x86-64 copy where the processor has its features, else plain Rust.
            #[cfg(test)]
            pub(crate) fn narrow($($arg: $ty),*) $(-> $ret)? {
                #[cfg(all(target_arch = "x86_64", not(miri)))]
                if $(std::arch::is_x86_feature_detected!($narrow_feature))&&+ {
                    use $narrow as Narrow;
                    // SAFETY: its features were detected just above.
                    return body(unsafe { Narrow::new() }, $($arg),*);
                }
                body(crate::lanes::Portable, $($arg),*)
            }
        }
    };
}

pub(crate) use {multiversion, multiversion_codes, versions};
