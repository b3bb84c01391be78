//! A fixed-size set of item indices, one bit each: the form in which filters are combined.

/// A set over `0..len`, stored as 64-bit words. Bits at and beyond `len` are always zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BitSet {
    words: Vec<u64>,
    len: usize,
}

impl BitSet {
    /// The empty set over `0..len`.
    #[must_use]
    pub fn empty(len: usize) -> Self {
        Self {
            words: vec![0; len.div_ceil(64)],
            len,
        }
    }

    /// The full set over `0..len`.
    #[must_use]
    pub fn full(len: usize) -> Self {
        let mut set = Self {
            words: vec![u64::MAX; len.div_ceil(64)],
            len,
        };
        set.trim();
        set
    }

    /// The set whose words are given, over `0..len`; missing words count as zero.
    pub(crate) fn from_words(words: &[u64], len: usize) -> Self {
        let mut set = Self {
            words: words.to_vec(),
            len,
        };
        set.words.resize(len.div_ceil(64), 0);
        set.trim();
        set
    }

    /// The words, lowest indices first.
    pub(crate) fn words(&self) -> &[u64] {
        &self.words
    }

    fn trim(&mut self) {
        let tail = self.len % 64;
        if tail != 0
            && let Some(last) = self.words.last_mut()
        {
            *last &= (1 << tail) - 1;
        }
    }

    /// The size of the universe, not the number of members.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// True if the universe has no elements.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// True if `index` is a member; false beyond the universe.
    #[must_use]
    #[inline]
    pub fn contains(&self, index: usize) -> bool {
        self.words
            .get(index / 64)
            .is_some_and(|w| w >> (index % 64) & 1 == 1)
    }

    /// Adds `index`; does nothing beyond the universe.
    #[inline]
    pub fn insert(&mut self, index: usize) {
        if index < self.len
            && let Some(word) = self.words.get_mut(index / 64)
        {
            *word |= 1 << (index % 64);
        }
    }

    /// Removes `index`; does nothing beyond the universe.
    #[inline]
    pub fn remove(&mut self, index: usize) {
        if let Some(word) = self.words.get_mut(index / 64) {
            *word &= !(1 << (index % 64));
        }
    }

    /// The number of members.
    #[must_use]
    pub fn count(&self) -> usize {
        self.words.iter().map(|w| w.count_ones() as usize).sum()
    }

    /// Keeps only what `other` also has. Sets over different universes share the smaller one.
    pub fn intersect(&mut self, other: &BitSet) {
        for (i, word) in self.words.iter_mut().enumerate() {
            *word &= other.words.get(i).copied().unwrap_or(0);
        }
    }

    /// Adds what `other` has, within this set's universe.
    pub fn union(&mut self, other: &BitSet) {
        for (word, more) in self.words.iter_mut().zip(&other.words) {
            *word |= more;
        }
        self.trim();
    }

    /// Replaces the set by its complement.
    pub fn invert(&mut self) {
        for word in &mut self.words {
            *word = !*word;
        }
        self.trim();
    }

    /// The members, ascending.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.words.iter().enumerate().flat_map(|(i, &word)| {
            let mut rest = word;
            std::iter::from_fn(move || {
                if rest == 0 {
                    return None;
                }
                let bit = rest.trailing_zeros() as usize;
                rest &= rest - 1;
                Some(i * 64 + bit)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_beyond_the_universe_stay_zero() {
        for len in [0, 1, 63, 64, 65, 130] {
            let mut set = BitSet::full(len);
            assert_eq!(set.count(), len);
            set.insert(len);
            set.insert(len + 1000);
            assert_eq!(set.count(), len);
            assert_eq!(set.iter().collect::<Vec<_>>(), (0..len).collect::<Vec<_>>());
            set.invert();
            assert_eq!(set.count(), 0);
        }
    }

    #[test]
    fn set_algebra_matches_the_definition() {
        let mut a = BitSet::empty(100);
        let mut b = BitSet::empty(100);
        (0..100).filter(|i| i % 3 == 0).for_each(|i| a.insert(i));
        (0..100).filter(|i| i % 5 == 0).for_each(|i| b.insert(i));
        let mut both = a.clone();
        both.intersect(&b);
        assert!(both.iter().eq((0..100).filter(|i| i % 15 == 0)));
        a.union(&b);
        assert!(a.iter().eq((0..100).filter(|i| i % 3 == 0 || i % 5 == 0)));
    }
}
