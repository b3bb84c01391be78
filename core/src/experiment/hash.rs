//! From a salt and a unit to a bucket, and from shares to integer ranges of buckets.
//!
//! | version | bucket of the unit `u` under the salt `s` | buckets |
//! |---|---|---|
//! | 1 | FNV-1a/32 of `u + s`, modulo 1,000 | 1,000 |
//! | 2 | FNV-1a/32 of the decimal digits of the FNV-1a/32 of `s + u`, modulo 10,000 | 10,000 |
//! | 3 | the upper 32 bits of XXH3/64 of the UTF-8 bytes of `u`, its seed the XXH3/64 of the bytes of `s` | 2³² |
//!
//! 1 and 2 are GrowthBook's, so that whoever moves here keeps every user where they were; FNV
//! takes the UTF-16 units of the text, as GrowthBook's JavaScript SDK does (SDKs of other
//! languages hash UTF-8 bytes or code points, and differ from it outside ASCII). 3 is the default
//! for new experiments. With a salt of its own for each decision (`tastemaker/3/layer/…`,
//! `…/holdout/…`, `…/coverage/…`, `…/variant/…`), decisions are independent of one another.
//!
//! GrowthBook compares `bucket / 1000` (or `/ 10000`) with shares that are 64-bit floats. Here a
//! share becomes the smallest bucket `k` for which that comparison holds, once; comparing `k`
//! afterwards gives the same answers with integers alone.

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// How a unit becomes a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HashVersion {
    /// GrowthBook's first: 1,000 buckets.
    V1,
    /// GrowthBook's second: 10,000 buckets.
    V2,
    /// The default here: 2³² buckets.
    V3,
}

impl HashVersion {
    /// The version of this number, if there is one.
    ///
    /// ```
    /// use tastemaker::experiment::hash::HashVersion;
    /// assert_eq!(HashVersion::from_number(2), Some(HashVersion::V2));
    /// assert_eq!(HashVersion::from_number(99), None);
    /// ```
    #[must_use]
    pub const fn from_number(number: u64) -> Option<Self> {
        match number {
            1 => Some(Self::V1),
            2 => Some(Self::V2),
            3 => Some(Self::V3),
            _ => None,
        }
    }

    /// How many buckets there are.
    #[must_use]
    pub const fn buckets(self) -> u64 {
        match self {
            Self::V1 => 1_000,
            Self::V2 => 10_000,
            Self::V3 => 1 << 32,
        }
    }
}

/// The bucket of a unit: below [`HashVersion::buckets`].
///
/// It costs one pass over the two texts, some nanoseconds for usual ids.
///
/// ```
/// use tastemaker::experiment::hash::{HashVersion, bucket};
/// assert_eq!(bucket(HashVersion::V1, "", "a"), 220);
/// assert_eq!(bucket(HashVersion::V2, "seed", "a"), 505);
/// ```
#[must_use]
pub fn bucket(version: HashVersion, salt: &str, unit: &str) -> u32 {
    match version {
        HashVersion::V1 => fnv(fnv(FNV_START, unit), salt) % 1_000,
        HashVersion::V2 => {
            let first = fnv(fnv(FNV_START, salt), unit);
            fnv_decimal(first) % 10_000
        }
        HashVersion::V3 => seeded(seed(salt), unit),
    }
}

/// The seed of version 3 for a salt, to be kept where many units are hashed with it.
pub(super) fn seed(salt: &str) -> u64 {
    xxh3_64(salt.as_bytes())
}

/// The bucket of version 3 under a seed.
pub(super) fn seeded(seed: u64, unit: &str) -> u32 {
    (xxh3_64_with_seed(unit.as_bytes(), seed) >> 32) as u32
}

const FNV_START: u32 = 0x811c_9dc5;
const FNV_PRIME: u32 = 0x0100_0193;

fn fnv(hash: u32, text: &str) -> u32 {
    let step = |hash: u32, unit: u32| (hash ^ unit).wrapping_mul(FNV_PRIME);
    if text.is_ascii() {
        text.bytes()
            .fold(hash, |hash, byte| step(hash, u32::from(byte)))
    } else {
        text.encode_utf16()
            .fold(hash, |hash, unit| step(hash, u32::from(unit)))
    }
}

/// FNV of the decimal digits of a number.
fn fnv_decimal(number: u32) -> u32 {
    let mut digits = [0u8; 10];
    let mut rest = number;
    let mut count = 0;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
        count += 1;
        if rest == 0 {
            break;
        }
    }
    digits
        .iter()
        .skip(digits.len() - count)
        .fold(FNV_START, |hash, &digit| {
            (hash ^ u32::from(digit)).wrapping_mul(FNV_PRIME)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values that the FNV authors publish for 32-bit FNV-1a.
    #[test]
    fn fnv_is_the_published_one() {
        for (text, hash) in [
            ("", 0x811c_9dc5),
            ("a", 0xe40c_292c),
            ("foobar", 0xbf9c_f968),
        ] {
            assert_eq!(fnv(FNV_START, text), hash, "{text:?}");
        }
        assert_eq!(fnv_decimal(0), fnv(FNV_START, "0"));
        assert_eq!(fnv_decimal(u32::MAX), fnv(FNV_START, "4294967295"));
        assert_eq!(fnv_decimal(1_000_000), fnv(FNV_START, "1000000"));
    }

    /// From Python: `xxhash.xxh3_64_intdigest(u, xxhash.xxh3_64_intdigest(s)) >> 32`.
    #[test]
    fn version_3_is_xxh3_with_a_seed() {
        for (salt, unit, bucket_of_it) in V3_VECTORS {
            assert_eq!(bucket(HashVersion::V3, salt, unit), bucket_of_it);
        }
    }

    const V3_VECTORS: [(&str, &str, u32); 4] = [
        ("", "", 1_093_603_957),
        ("button", "user-1", 1_260_535_861),
        ("tastemaker/3/variant/button", "user-1", 2_020_002_174),
        ("größe", "ünïcode ✓", 671_321_126),
    ];
}
