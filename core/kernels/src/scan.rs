//! Which of many integer scores are above a threshold: the end of a scan.

use crate::dispatch::multiversion;
use crate::lanes::LANES;

multiversion! {
    /// Calls `found` with the place and the value of each value above the threshold, ascending
    /// by place. What it returns is the threshold from the next value on, so that a scan that
    /// keeps the best can raise it.
    ///
    /// ```
    /// let (mut most, mut seen) = (2, Vec::new());
    /// tastemaker_kernels::above(&[1, 5, 4, 7], most, &mut |place, value| {
    ///     seen.push((place, value));
    ///     most = most.max(value);
    ///     most
    /// });
    /// assert_eq!(seen, [(1, 5), (3, 7)]);
    /// ```
    pub fn above[isa](values: &[i32], threshold: i32, found: &mut dyn FnMut(usize, i32) -> i32) {
        let mut threshold = threshold;
        let (lines, rest) = values.as_chunks::<LANES>();
        for (n, line) in lines.iter().enumerate() {
            let mut bits = isa.above(line, threshold);
            while bits != 0 {
                let i = bits.trailing_zeros() as usize;
                bits &= bits - 1;
                if let Some(&value) = line.get(i)
                    && value > threshold
                {
                    threshold = found(n * LANES + i, value);
                }
            }
        }
        for (i, &value) in rest.iter().enumerate() {
            if value > threshold {
                threshold = found(lines.len() * LANES + i, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_copy_finds_what_a_loop_finds() {
        let mut state = 9u32;
        let values: Vec<i32> = (0..100)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 16) as i32 - 32_768
            })
            .collect();
        for raised in [false, true] {
            let (mut expected, mut most) = (Vec::new(), 1000);
            for (place, &value) in values.iter().enumerate() {
                if value > most {
                    expected.push((place, value));
                    most = if raised { value } else { most };
                }
            }
            for copy in [above, above::portable, above::narrow] {
                let mut seen = Vec::new();
                copy(&values, 1000, &mut |place, value| {
                    seen.push((place, value));
                    if raised { value } else { 1000 }
                });
                assert_eq!(seen, expected);
            }
        }
        above(&[i32::MAX; 20], i32::MAX, &mut |_, _| unreachable!());
    }
}
