//! Integer kernels of serving: exact, so free of order.

use crate::dispatch::multiversion;
use crate::lanes::LANES;

/// Accumulators that one step of the scan looks at together.
const BLOCK: usize = 64;
/// Ids that are checked together: they fit the L1 cache.
const PIECE: usize = 4096;

/// Adds `factor · weights[e]` to `accumulators[ids[e]]` for every edge `e` of one graph row.
///
/// Ids outside the accumulators are skipped, so that a forged graph cannot do harm. Sums wrap;
/// the caller keeps `Σ |factor| · 65535` below 2³¹ so that they never do.
#[inline]
pub fn add_row(accumulators: &mut [i32], ids: &[u32], weights: &[u16], factor: i32) {
    for (&id, &weight) in ids.iter().zip(weights) {
        if let Some(sum) = accumulators.get_mut(id as usize) {
            *sum = sum.wrapping_add(factor.wrapping_mul(i32::from(weight)));
        }
    }
}

multiversion! {
    /// Calls `found(index, value)` for every accumulator greater than the threshold, in
    /// ascending order of index, and sets all accumulators to zero.
    ///
    /// `found` returns the threshold to go on with, so that a caller who keeps the best k can
    /// raise it. One pass over the memory: reading, comparing and clearing together.
    pub fn scan_above_and_clear[_isa](
        accumulators: &mut [i32],
        threshold: i32,
        found: &mut dyn FnMut(u32, i32) -> i32,
    ) {
        let mut threshold = threshold;
        let mut start = 0u32;
        let (blocks, tail) = accumulators.as_chunks_mut::<BLOCK>();
        for block in blocks {
            // No early exit: so that it is a handful of vector comparisons.
            let any = block.iter().fold(false, |any, &value| any | (value > threshold));
            if any {
                for (n, part) in block.as_chunks::<LANES>().0.iter().enumerate() {
                    let mut above = above(part, threshold);
                    while above != 0 {
                        let i = above.trailing_zeros();
                        above &= above - 1;
                        let value = part[i as usize % LANES];
                        // The threshold may have risen since the comparison.
                        if value > threshold {
                            threshold = found(start + (n * LANES) as u32 + i, value);
                        }
                    }
                }
            }
            *block = [0; BLOCK];
            start += BLOCK as u32;
        }
        for (i, &value) in tail.iter().enumerate() {
            if value > threshold {
                threshold = found(start + i as u32, value);
            }
        }
        tail.fill(0);
    }
}

/// A bit for each value above the threshold.
#[inline(always)]
fn above(values: &[i32; LANES], threshold: i32) -> u32 {
    values.iter().enumerate().fold(0, |bits, (i, &value)| {
        bits | u32::from(value > threshold) << i
    })
}

multiversion! {
    /// The largest id, and how many ids are not smaller than the one that follows: what a
    /// reader needs to check sorted rows that lie one after the other.
    pub fn largest_and_descents[_isa](ids: &[u32]) -> (u32, usize) {
        let followers = ids.get(1..).unwrap_or(&[]);
        let (mut largest, mut descents) = (0u32, 0usize);
        // A piece at a time, so that memory is read once; short sums fit 32 bits, which keeps the
        // vectors full.
        for (n, piece) in ids.chunks(PIECE).enumerate() {
            largest = piece.iter().fold(largest, |m, &id| m.max(id));
            let next = followers.get(n * PIECE..).unwrap_or(&[]);
            let some: u32 = piece.iter().zip(next).map(|(a, b)| u32::from(a >= b)).sum();
            descents += some as usize;
        }
        (largest, descents)
    }
}

/// Asks for the cache lines of a slice, so that a later read does not wait. Changes nothing.
#[inline]
pub fn prefetch<T>(slice: &[T]) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let start = slice.as_ptr().cast::<i8>();
        for at in (0..size_of_val(slice)).step_by(64) {
            // SAFETY: the address lies within the slice; SSE is part of x86-64.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(start.add(at)) };
        }
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = slice;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_with_foreign_ids_changes_nothing_else() {
        let mut sums = vec![0; 4];
        add_row(&mut sums, &[1, 9, u32::MAX, 3], &[7, 1, 1, 2], -3);
        assert_eq!(sums, [0, -21, 0, -6]);
    }

    #[test]
    fn descents_are_counted() {
        for copy in [
            largest_and_descents,
            largest_and_descents::portable,
            largest_and_descents::narrow,
        ] {
            assert_eq!(copy(&[]), (0, 0));
            assert_eq!(copy(&[7]), (7, 0));
            assert_eq!(copy(&[1, 5, 5, 2, 9]), (9, 2));
            let long: Vec<u32> = (0..10_000).map(|i| i % 100).collect();
            assert_eq!(copy(&long), (99, 99));
        }
    }

    #[test]
    fn scan_reports_in_order_and_clears() {
        for len in [0usize, 1, 63, 64, 65, 200] {
            let source: Vec<i32> = (0..len as i32).map(|i| (i * 37) % 23 - 11).collect();
            for scan in [
                scan_above_and_clear,
                scan_above_and_clear::portable,
                scan_above_and_clear::narrow,
            ] {
                let mut sums = source.clone();
                let mut seen = Vec::new();
                scan(&mut sums, 3, &mut |i, v| {
                    seen.push((i, v));
                    3
                });
                let expected: Vec<(u32, i32)> = source
                    .iter()
                    .enumerate()
                    .filter(|&(_, &v)| v > 3)
                    .map(|(i, &v)| (i as u32, v))
                    .collect();
                assert_eq!(seen, expected);
                assert!(sums.iter().all(|&v| v == 0));
            }
        }
    }

    #[test]
    fn a_raised_threshold_holds_from_the_next_value_on() {
        let mut sums = vec![1, 5, 4, 6, 5];
        let mut seen = Vec::new();
        scan_above_and_clear(&mut sums, 0, &mut |_, v| {
            seen.push(v);
            v
        });
        assert_eq!(seen, [1, 5, 6]);
    }
}
