//! One body, several instruction sets.
//!
//! [`multiversion!`] turns a kernel's body into a function that picks, at run time, the copy
//! compiled for the widest instruction set of the processor. The copies are the same Rust code;
//! the compiler may vectorise them differently but, without fused multiply-add and with the
//! order of operations fixed by the body, not change a bit of the result.

/// Declares `$name(args) -> ret` with one `#[inline(always)]` body and per-ISA copies of it.
macro_rules! multiversion {
    (
        $(#[$doc:meta])*
        pub fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)? $body:block
    ) => {
        $(#[$doc])*
        #[inline]
        #[allow(clippy::too_many_arguments)]
        pub fn $name($($arg: $ty),*) $(-> $ret)? {
            #[inline(always)]
            #[allow(clippy::too_many_arguments)]
            fn body($($arg: $ty),*) $(-> $ret)? $body

            #[cfg(all(target_arch = "x86_64", not(miri)))]
            {
                #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
                #[allow(clippy::too_many_arguments)]
                fn avx512($($arg: $ty),*) $(-> $ret)? {
                    body($($arg),*)
                }

                #[target_feature(enable = "avx2")]
                #[allow(clippy::too_many_arguments)]
                fn avx2($($arg: $ty),*) $(-> $ret)? {
                    body($($arg),*)
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
            body($($arg),*)
        }

        #[cfg(test)]
        pub(crate) mod $name {
            //! The body compiled for the baseline, for tests that compare the copies with it.
            #[allow(unused_imports, clippy::wildcard_imports)]
            use super::*;

            #[allow(clippy::too_many_arguments)]
            pub(crate) fn baseline($($arg: $ty),*) $(-> $ret)? $body
        }
    };
}

pub(crate) use multiversion;
