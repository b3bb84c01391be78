//! Integer kernels of serving: exact, so free of order.

use crate::dispatch::multiversion;

/// Accumulators that one step of the scan looks at together.
const BLOCK: usize = 64;

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
        for block in accumulators.chunks_mut(BLOCK) {
            let mut any = false;
            for &value in block.iter() {
                any |= value > threshold;
            }
            if any {
                for (i, &value) in block.iter().enumerate() {
                    if value > threshold {
                        threshold = found(start + i as u32, value);
                    }
                }
            }
            block.fill(0);
            start += BLOCK as u32;
        }
    }
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
