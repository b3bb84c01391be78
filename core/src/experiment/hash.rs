//! From a salt and a unit to a bucket. The [module documentation](super) has the table of
//! versions.

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// How a unit becomes a bucket, with the part of the work that does not depend on the unit done.
#[derive(Clone, Debug)]
pub(super) enum Hasher {
    /// GrowthBook's first: the salt comes after the unit.
    V1 { salt: String },
    /// GrowthBook's second: the salt comes first.
    V2 { state: u32 },
    /// The default here.
    V3 { seed: u64 },
    /// A version that this library does not know: no bucket.
    Unknown,
}

/// The buckets of version 3.
pub(super) const BUCKETS_3: u64 = 1 << 32;

impl Hasher {
    /// The hasher of a GrowthBook version, 1 or 2.
    pub(super) fn growthbook(version: Option<u64>, salt: &str) -> Self {
        match version {
            Some(1) => Self::V1 {
                salt: salt.to_owned(),
            },
            Some(2) => Self::V2 {
                state: fnv(FNV_START, salt),
            },
            _ => Self::Unknown,
        }
    }

    /// Version 3; `what` keeps the decisions about one experiment apart.
    pub(super) fn version_3(what: &str, salt: &str) -> Self {
        let seed = xxh3_64(format!("tastemaker/3/{what}/{salt}").as_bytes());
        Self::V3 { seed }
    }

    /// The bucket of a unit, below [`buckets`](Self::buckets).
    #[inline]
    pub(super) fn bucket(&self, unit: &str) -> Option<u32> {
        match self {
            Self::V1 { salt } => Some(fnv(fnv(FNV_START, unit), salt) % 1_000),
            Self::V2 { state } => Some(fnv_decimal(fnv(*state, unit)) % 10_000),
            Self::V3 { seed } => Some((xxh3_64_with_seed(unit.as_bytes(), *seed) >> 32) as u32),
            Self::Unknown => None,
        }
    }

    pub(super) fn buckets(&self) -> u64 {
        match self {
            Self::V1 { .. } => 1_000,
            Self::V2 { .. } => 10_000,
            Self::V3 { .. } => BUCKETS_3,
            Self::Unknown => 1,
        }
    }

    pub(super) fn version(&self) -> Option<u32> {
        match self {
            Self::V1 { .. } => Some(1),
            Self::V2 { .. } => Some(2),
            Self::V3 { .. } => Some(3),
            Self::Unknown => None,
        }
    }
}

const FNV_START: u32 = 0x811c_9dc5;
const FNV_PRIME: u32 = 0x0100_0193;

/// 32-bit FNV-1a over UTF-16 units.
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
    let mut divisor = 1;
    while number / divisor >= 10 {
        divisor *= 10;
    }
    let mut hash = FNV_START;
    while divisor > 0 {
        let digit = u32::from(b'0') + number / divisor % 10;
        hash = (hash ^ digit).wrapping_mul(FNV_PRIME);
        divisor /= 10;
    }
    hash
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
        for number in [0, 9, 10, 1_000_000, 999_999_999, u32::MAX] {
            assert_eq!(
                fnv_decimal(number),
                fnv(FNV_START, &number.to_string()),
                "{number}"
            );
        }
    }

    /// From Python: `xxhash.xxh3_64_intdigest(u, xxhash.xxh3_64_intdigest(s)) >> 32`, with
    /// `s = "tastemaker/3/variant/" + salt`.
    #[test]
    fn version_3_is_xxh3_with_a_seed() {
        for (salt, unit, expected) in VECTORS {
            let hasher = Hasher::version_3("variant", salt);
            assert_eq!(hasher.bucket(unit), Some(expected), "{salt:?} {unit:?}");
        }
    }

    const VECTORS: [(&str, &str, u32); 3] = [
        ("", "", 2_930_851_912),
        ("button", "user-1", 2_020_002_174),
        ("größe", "ünïcode ✓", 360_271_163),
    ];
}
