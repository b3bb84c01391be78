//! The best k of a stream of (item, score), by (score descending, item ascending).

/// A bounded collector. Items must come in ascending order; then a score that equals the k-th
/// best loses against it, and the threshold can be that score itself.
#[derive(Debug, Default)]
pub(crate) struct TopK {
    k: usize,
    /// `score (biased) << 32 | !item`: the natural order of `u64`, descending, is the ranking's.
    keys: Vec<u64>,
    threshold: i32,
}

fn pack(item: u32, score: i32) -> u64 {
    u64::from(score as u32 ^ 0x8000_0000) << 32 | u64::from(!item)
}

fn unpack(key: u64) -> (u32, i32) {
    (!(key as u32), ((key >> 32) as u32 ^ 0x8000_0000) as i32)
}

impl TopK {
    pub(crate) fn reset(&mut self, k: usize) {
        self.k = k;
        self.keys.clear();
        self.threshold = i32::MIN;
    }

    /// Scores at or below this cannot enter any more.
    pub(crate) fn threshold(&self) -> i32 {
        self.threshold
    }

    pub(crate) fn push(&mut self, item: u32, score: i32) {
        self.keys.push(pack(item, score));
        // Room for twice k, so that a selection is paid for by at least k pushes.
        if self.keys.len() >= self.k.saturating_mul(2).max(64) {
            self.shrink();
        }
    }

    fn shrink(&mut self) {
        if self.k == 0 || self.keys.len() < self.k {
            return;
        }
        let (_, last, _) = self
            .keys
            .select_nth_unstable_by(self.k - 1, |a, b| b.cmp(a));
        self.threshold = unpack(*last).1;
        self.keys.truncate(self.k);
    }

    /// The best, in order.
    pub(crate) fn finish(&mut self) -> impl Iterator<Item = (u32, i32)> + '_ {
        self.shrink();
        self.keys.truncate(self.k);
        self.keys.sort_unstable_by(|a, b| b.cmp(a));
        self.keys.iter().map(|&key| unpack(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn equals_sorting_everything(scores in prop::collection::vec(-5i32..5, 0..500), k in 1usize..80) {
            let mut best = TopK::default();
            best.reset(k);
            for (item, &score) in scores.iter().enumerate() {
                if score > best.threshold() {
                    best.push(item as u32, score);
                }
            }
            let mut expected: Vec<(u32, i32)> = scores.iter().enumerate().map(|(i, &s)| (i as u32, s)).collect();
            expected.sort_by_key(|&(item, score)| (-score, item));
            expected.truncate(k);
            prop_assert_eq!(best.finish().collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn keys_keep_extremes() {
        for pair in [(0, i32::MIN), (u32::MAX, i32::MAX), (7, 0), (7, -1)] {
            assert_eq!(unpack(pack(pair.0, pair.1)), pair);
        }
    }
}
