//! The nearest candidates of a walk, in order.

use crate::bitset::BitSet;

use super::stop::{Reach, Stop};

/// At most `limit` candidates, nearest first. A key holds the distance above the place above one
/// bit: whether its neighbours were looked at. So the order is total, and equal on every machine.
#[derive(Debug, Default)]
pub(super) struct Pool {
    keys: Vec<u64>,
    limit: usize,
    stop: Stop,
    /// Keys at or above this one are too far, see [`Stop`].
    far: u64,
    /// No candidate before this one is open.
    first: usize,
}

const DONE: u64 = 1;
/// From so many candidates on, and so many times what is new, it is faster to move them in blocks.
const MANY: usize = 128;
const FEWER: usize = 8;

/// The key of an open candidate.
#[inline(always)]
pub(super) fn key_of(distance: u32, place: u32) -> u64 {
    u64::from(distance) << 32 | u64::from(place << 1)
}

pub(super) fn place_of(key: u64) -> u32 {
    (key as u32) >> 1
}

pub(super) fn distance_of(key: u64) -> u32 {
    (key >> 32) as u32
}

impl Pool {
    pub(super) fn reset(&mut self, reach: Reach) {
        self.keys.clear();
        self.limit = reach.limit.max(1);
        self.keys.reserve(self.limit);
        self.stop = reach.stop;
        self.far = u64::MAX;
        self.first = 0;
    }

    pub(super) fn keys(&self) -> &[u64] {
        &self.keys
    }

    /// Candidates at or above this distance are not worth a place.
    #[inline(always)]
    pub(super) fn bound(&self) -> u64 {
        if self.keys.len() < self.limit {
            self.far
        } else {
            let last = self.keys.last().copied().unwrap_or(u64::MAX);
            last.min(self.far)
        }
    }

    /// Puts candidates in their places, as far as they are near enough; `new` is sorted by the
    /// way. Each place comes once.
    #[inline(always)]
    pub(super) fn offer(&mut self, new: &mut [u64]) {
        if new.is_empty() {
            return;
        }
        new.sort_unstable();
        // Merged from the end, where there is room, until all that is new has its place.
        let (mut old, mut left) = (self.keys.len(), new.len());
        let mut at = old + left;
        self.keys.resize(at, 0);
        let keys = self.keys.as_mut_slice();
        // Few among many: what lies between two of them moves as a whole.
        if old >= MANY && old / FEWER >= left {
            while let Some(&fresh) = left.checked_sub(1).and_then(|last| new.get(last)) {
                let end = old;
                old = keys
                    .get(..end)
                    .unwrap_or(&[])
                    .partition_point(|&kept| kept < fresh);
                keys.copy_within(old..end, old + left);
                left -= 1;
                at = old + left;
                if let Some(slot) = keys.get_mut(at) {
                    *slot = fresh;
                }
            }
        }
        // Which of both comes next can hardly be foreseen, so there is no branch on it.
        while left > 0 && old > 0 {
            let (kept, fresh) = (keys[old - 1], new[left - 1]);
            let is_new = fresh > kept;
            at -= 1;
            keys[at] = if is_new { fresh } else { kept };
            left -= usize::from(is_new);
            old -= usize::from(!is_new);
        }
        if left > 0 {
            at = 0;
            if let (Some(to), Some(from)) = (keys.get_mut(..left), new.get(..left)) {
                to.copy_from_slice(from);
            }
        }
        self.keys.truncate(self.limit);
        self.first = self.first.min(at);
        if self.stop.concerns(at) {
            self.far = self.stop.far(&self.keys);
        }
    }

    /// The nearest open candidate that is not too far; it is then done.
    #[inline(always)]
    pub(super) fn pop(&mut self) -> Option<u32> {
        let open = self.keys.get_mut(self.first..)?;
        let at = open.iter().position(|key| key & DONE == 0);
        match at.and_then(|at| Some((at, open.get_mut(at)?))) {
            Some((at, key)) if *key < self.far => {
                *key |= DONE;
                self.first += at + 1;
                Some(place_of(*key))
            }
            // None will come nearer by itself.
            _ => {
                self.first = self.keys.len();
                None
            }
        }
    }

    /// The next open candidates, without taking them.
    pub(super) fn open(&self) -> impl Iterator<Item = u32> + '_ {
        self.keys
            .get(self.first..)
            .unwrap_or(&[])
            .iter()
            .take_while(|&&key| key < self.far)
            .filter(|&key| key & DONE == 0)
            .map(|&key| place_of(key))
    }
}

/// The places that a walk came to, as bits; clearing costs what was set, at most all.
#[derive(Debug, Default)]
pub(super) struct Seen {
    words: Vec<u64>,
    set: Vec<u32>,
}

impl Seen {
    pub(super) fn reset(&mut self, places: usize) {
        // To clear all is a pass over memory; to clear what was set, a jump each.
        if self.set.len() > self.words.len() / 8 {
            self.words.fill(0);
        } else {
            for &place in &self.set {
                if let Some(word) = self.words.get_mut(place as usize / 64) {
                    *word = 0;
                }
            }
        }
        self.set.clear();
        let words = places.div_ceil(64);
        if self.words.len() < words {
            self.words.resize(words, 0);
        }
    }

    /// Marks the first `count` of some places, and puts those that are new behind `places`, which
    /// has room. Places beyond the last are never new. Whether one is new can hardly be foreseen,
    /// so there is no branch on it.
    #[inline(always)]
    pub(super) fn insert_all(&mut self, some: &[u32], places: &mut Vec<u32>) {
        let first = places.len();
        places.resize(first + some.len(), 0);
        let mut count = 0;
        if let Some(out) = places.get_mut(first..) {
            for &place in some {
                let bit = 1u64 << (place % 64);
                let mut new = 0;
                if let Some(word) = self.words.get_mut(place as usize / 64) {
                    new = usize::from(*word & bit == 0);
                    *word |= bit;
                }
                if let Some(slot) = out.get_mut(count) {
                    *slot = place;
                }
                count += new;
            }
        }
        places.truncate(first + count);
        self.set
            .extend_from_slice(places.get(first..).unwrap_or(&[]));
    }

    /// [`Seen::insert_all`] of those that match; how many match, new or not.
    #[inline(always)]
    pub(super) fn insert_matching(
        &mut self,
        some: &[u32],
        allowed: &BitSet,
        places: &mut Vec<u32>,
    ) -> usize {
        let first = places.len();
        places.resize(first + some.len(), 0);
        let (mut count, mut matching) = (0, 0);
        if let Some(out) = places.get_mut(first..) {
            let words = allowed.words();
            for &place in some {
                let at = place as usize / 64;
                let mut new = 0;
                if let (Some(seen), Some(allowed)) = (self.words.get_mut(at), words.get(at)) {
                    let matches = allowed >> (place % 64) & 1;
                    new = matches & !(*seen >> (place % 64));
                    *seen |= matches << (place % 64);
                    matching += matches as usize;
                }
                if let Some(slot) = out.get_mut(count) {
                    *slot = place;
                }
                count += new as usize;
            }
        }
        places.truncate(first + count);
        self.set
            .extend_from_slice(places.get(first..).unwrap_or(&[]));
        matching
    }

    /// Whether a place is new; places beyond the last never are.
    #[inline(always)]
    pub(super) fn insert(&mut self, place: u32) -> bool {
        let Some(word) = self.words.get_mut(place as usize / 64) else {
            return false;
        };
        let bit = 1u64 << (place % 64);
        let new = *word & bit == 0;
        if new {
            *word |= bit;
            self.set.push(place);
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_pool_is_a_sorted_list_cut_short(
            first in prop::collection::vec(0u32..50, 0..300),
            batches in prop::collection::vec((prop::collection::vec(0u32..50, 0..6), any::<bool>()), 1..60),
            limit in prop_oneof![1usize..20, 150usize..350],
        ) {
            let mut pool = Pool::default();
            pool.reset(Reach::all_of(limit));
            let mut list: Vec<(u32, u32, bool)> = Vec::new();
            let mut place = 0;
            for (distances, pop) in std::iter::once((first, false)).chain(batches) {
                let mut new = Vec::new();
                for distance in distances {
                    new.push(key_of(distance, place));
                    list.push((distance, place, false));
                    place += 1;
                }
                new.reverse();
                pool.offer(&mut new);
                list.sort_unstable();
                list.truncate(limit);
                if pop {
                    let open = list.iter_mut().find(|c| !c.2);
                    let expected = open.map(|c| {
                        c.2 = true;
                        c.1
                    });
                    prop_assert_eq!(pool.pop(), expected);
                }
                let found: Vec<(u32, u32)> = pool.keys().iter().map(|&k| (distance_of(k), place_of(k))).collect();
                let expected: Vec<(u32, u32)> = list.iter().map(|c| (c.0, c.1)).collect();
                prop_assert_eq!(found, expected);
                let open: Vec<u32> = pool.open().collect();
                let expected: Vec<u32> = list.iter().filter(|c| !c.2).map(|c| c.1).collect();
                prop_assert_eq!(open, expected);
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_too_far_is_neither_taken_nor_wanted(
            batches in prop::collection::vec(prop::collection::vec(0u32..1000, 0..8), 1..40),
            limit in 1usize..40,
            rank in 1usize..10,
        ) {
            // Ten times the squared distance of the last that is wanted is too far.
            let stop = Stop::new(rank, 100 * rank, 4.0, 0.0, 0.0);
            let mut pool = Pool::default();
            pool.reset(Reach {
                stop,
                ..Reach::all_of(limit)
            });
            let mut list: Vec<(u32, u32, bool)> = Vec::new();
            let mut place = 0;
            for distances in batches {
                let bound = pool.bound();
                let mut new = Vec::new();
                for distance in distances {
                    // As a walk does.
                    if key_of(distance, place) < bound {
                        new.push(key_of(distance, place));
                        list.push((distance, place, false));
                    }
                    place += 1;
                }
                pool.offer(&mut new);
                list.sort_unstable();
                list.truncate(limit);
                let far = list.get(rank - 1).map_or(u32::MAX, |wanted| 10 * wanted.0);
                let full = list.len() == limit;
                let last = list.last().filter(|_| full).map_or(u32::MAX, |last| last.0);
                let bound = pool.bound();
                let beyond = far.min(last).checked_add(1).map_or(u64::MAX, |d| key_of(d, 0));
                prop_assert!(beyond >= bound);
                prop_assert!(far >= last || key_of(far, u32::MAX >> 1) < bound);
                let open = list.iter_mut().find(|c| !c.2).filter(|c| c.0 <= far);
                let next = open.as_ref().map(|c| c.1);
                prop_assert_eq!(pool.open().next(), next);
                let expected = open.map(|c| {
                    c.2 = true;
                    c.1
                });
                prop_assert_eq!(pool.pop(), expected);
            }
        }
    }

    #[test]
    fn places_are_new_once() {
        let mut seen = Seen::default();
        for _ in 0..3 {
            seen.reset(130);
            assert!(seen.insert(129) && seen.insert(0) && !seen.insert(129));
            let mut places = vec![7];
            seen.insert_all(&[0, 5, 129, 64, 5, u32::MAX], &mut places);
            assert_eq!(places, [7, 5, 64]);
            assert!(!seen.insert(1 << 20));
        }
        seen.reset(64);
        assert!(seen.insert(63));
        let mut allowed = BitSet::empty(64);
        for place in [3, 5, 63] {
            allowed.insert(place);
        }
        let mut places = vec![9];
        let some = [5, 4, 63, 5, 3, 64, u32::MAX];
        assert_eq!(seen.insert_matching(&some, &allowed, &mut places), 4);
        assert_eq!(places, [9, 5, 3]);
        assert!(seen.insert(4) && !seen.insert(3));
    }
}
