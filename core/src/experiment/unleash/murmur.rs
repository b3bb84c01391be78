//! MurmurHash3, the 32-bit variant for x86, by which Unleash turns an id into a number.

/// The hash of the text's UTF-8 bytes.
pub(super) fn hash(text: &str, seed: u32) -> u32 {
    const C1: u32 = 0xcc9e_2d51;
    const C2: u32 = 0x1b87_3593;
    let scramble = |k: u32| k.wrapping_mul(C1).rotate_left(15).wrapping_mul(C2);
    let bytes = text.as_bytes();
    let (blocks, tail) = bytes.as_chunks::<4>();
    let mut hash = seed;
    for block in blocks {
        hash ^= scramble(u32::from_le_bytes(*block));
        hash = hash
            .rotate_left(13)
            .wrapping_mul(5)
            .wrapping_add(0xe654_6b64);
    }
    let rest = tail
        .iter()
        .rev()
        .fold(0u32, |rest, byte| rest << 8 | u32::from(*byte));
    hash ^= scramble(rest);
    hash ^= bytes.len() as u32;
    hash ^= hash >> 16;
    hash = hash.wrapping_mul(0x85eb_ca6b);
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(0xc2b2_ae35);
    hash ^ (hash >> 16)
}

/// A number from 1 to `count` for an id in a group.
pub(super) fn normalised(id: &str, group: &str, count: u64, seed: u32) -> u64 {
    u64::from(hash(&format!("{group}:{id}"), seed)) % count.max(1) + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Published values of the algorithm, and those of Unleash's clients for `gr1:123`.
    #[test]
    fn the_hash_is_the_published_one() {
        for (text, seed, expected) in [
            ("", 0, 0),
            ("", 1, 0x514e_28b7),
            ("test", 0, 0xba6b_d213),
            ("Hello, world!", 0, 0xc036_3e43),
            (
                "The quick brown fox jumps over the lazy dog",
                0x9747_b28c,
                0x2fa8_26cd,
            ),
        ] {
            assert_eq!(hash(text, seed), expected, "{text:?}");
        }
        assert_eq!(normalised("123", "gr1", 100, 0), 73);
        assert_eq!(normalised("999", "groupX", 100, 0), 25);
    }
}
