//! Which items of a history count, where a model bounds their number.
//!
//! A long history takes long to add up, so what chooses must not take as long again: a random
//! branch an item would cost what adding up a fifth of its row does. Everything here goes over the
//! items without branches that depend on what they hold.

use super::history::{Signal, Weighted};

/// Buffers of the choice.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counted {
    largest: Largest,
    times: Vec<u64>,
    weights: Vec<Weighted>,
}

impl Counted {
    /// The at most `limit` items of a folded history that say most, ascending by item: those of
    /// the largest absolute weight; of equal ones those with the newest event; of those an even
    /// draw. `signals` are those that were folded into `weights`, by item, as
    /// [`fold`](super::fold) leaves them.
    ///
    /// The draw is by a hash of the item's index, not by the index: neighbours in a catalog are
    /// often alike, and the strength of an item's row is worse than chance (ADR 0010).
    pub(crate) fn of<'a>(
        &'a mut self,
        weights: &'a [Weighted],
        signals: &[Signal],
        limit: Option<usize>,
    ) -> &'a [Weighted] {
        let Some(limit) = limit.filter(|&limit| (1..weights.len()).contains(&limit)) else {
            return weights;
        };
        let Self {
            largest,
            times,
            weights: counted,
        } = self;
        let mut room = limit;
        let least_size = largest.least(weights.iter().map(|w| (size(w), true)), &mut room);
        let (mut least_time, mut least_draw) = (0, 0);
        times.clear();
        if room == 0
            || signals
                .windows(2)
                .all(|two| two[0].timestamp == two[1].timestamp)
        {
            times.resize(weights.len(), 0);
        } else {
            newest(weights, signals, times);
            let tied = weights.iter().map(|w| size(w) == least_size);
            least_time = largest.least(times.iter().copied().zip(tied), &mut room);
        }
        if room > 0 {
            let all = weights.iter().zip(times.iter());
            let tied = all.map(|(w, &time)| {
                let tied = (size(w) == least_size) & (time == least_time);
                (drawn(w), tied)
            });
            least_draw = largest.least(tied, &mut room);
        }
        counted.clear();
        counted.extend_from_slice(weights);
        let mut kept = 0;
        for (weighted, &time) in weights.iter().zip(times.iter()) {
            let (size, draw) = (size(weighted), drawn(weighted));
            let newer = (time > least_time) | ((time == least_time) & (draw >= least_draw));
            let stays = (size > least_size) | ((size == least_size) & newer);
            counted[kept] = *weighted;
            kept += usize::from(stays);
        }
        counted.truncate(kept);
        counted
    }
}

/// The absolute weight, as an integer that orders alike.
fn size(weighted: &Weighted) -> u64 {
    weighted.weight.abs().to_bits()
}

/// The lot of an item.
fn drawn(weighted: &Weighted) -> u64 {
    u64::from(!scatter(weighted.item))
}

/// The time of the newest signal of each item, as integers that order alike.
fn newest(weights: &[Weighted], signals: &[Signal], times: &mut Vec<u64>) {
    let mut signals = signals.iter().peekable();
    times.extend(weights.iter().map(|weighted| {
        let mut newest = i64::MIN;
        while let Some(signal) = signals.next_if(|signal| signal.item <= weighted.item) {
            newest = newest.max(signal.timestamp);
        }
        newest.cast_unsigned() ^ (1 << 63)
    }));
}

/// The finalizer of MurmurHash3 (32 bits): one to one, so that no two items are equal in it.
fn scatter(item: u32) -> u32 {
    let mut hash = item;
    hash ^= hash >> 16;
    hash = hash.wrapping_mul(0x85eb_ca6b);
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(0xc2b2_ae35);
    hash ^ (hash >> 16)
}

/// Finds how large an entry must be to be among the largest.
#[derive(Clone, Debug, Default)]
struct Largest {
    values: Vec<u64>,
}

impl Largest {
    /// The smallest value that comes in, where the `room` largest of the entries that count do.
    /// `room` then is for those that are equal to it, or 0 where all of them come in, too.
    fn least(&mut self, entries: impl Iterator<Item = (u64, bool)>, room: &mut usize) -> u64 {
        let values = &mut self.values;
        values.clear();
        values.resize(entries.size_hint().0 + 1, 0);
        let mut count = 0;
        for (value, counts) in entries {
            values[count] = value;
            count += usize::from(counts);
        }
        values.truncate(count);
        // From the highest bit in which some differ on, eight bits at a time.
        loop {
            let all = values.iter().fold(!0, |all, value| all & value);
            let any = values.iter().fold(0, |any, value| any | value);
            let Some(top) = (all ^ any).checked_ilog2().filter(|_| values.len() > 1) else {
                break;
            };
            let digit = |value: u64| (value >> top.saturating_sub(7)) as u8;
            let mut counts = [0u16; 256];
            for &value in values.iter() {
                counts[usize::from(digit(value))] += 1;
            }
            let mut last = u8::MAX;
            while *room > usize::from(counts[usize::from(last)]) {
                *room -= usize::from(counts[usize::from(last)]);
                last -= 1;
            }
            let mut kept = 0;
            for at in 0..values.len() {
                values[kept] = values[at];
                kept += usize::from(digit(values[at]) == last);
            }
            values.truncate(kept);
        }
        if values.len() <= *room {
            *room = 0;
        }
        values.first().copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::KindTable;
    use crate::rank::fold;
    use crate::rank::history::tests::signal;
    use proptest::prelude::*;
    use std::cmp::Reverse;

    #[test]
    fn what_counts_is_large_then_new_then_drawn() {
        let day = 86_400_000;
        let mut signals = vec![
            signal(1, "view", 9 * day),
            signal(2, "dislike", 0),
            signal(3, "view", 2 * day),
            signal(4, "save", 0),
            signal(5, "view", day),
            signal(5, "view", 3 * day),
            signal(6, "view", 2 * day),
        ];
        let mut weights = Vec::new();
        fold(
            &mut signals,
            &KindTable::default(),
            None,
            None,
            &mut weights,
        );
        let mut counted = Counted::default();
        let mut chosen = |limit| -> Vec<u32> {
            let kept = counted.of(&weights, &signals, limit);
            kept.iter().map(|w| w.item).collect()
        };
        assert_eq!(chosen(None), [1, 2, 3, 4, 5, 6]);
        assert_eq!(chosen(Some(6)), [1, 2, 3, 4, 5, 6]);
        // Twice viewed, saved, and disliked weigh more than viewed; then the newest.
        let heavy: Vec<u32> = weights
            .iter()
            .filter(|w| w.weight.abs() > 1.0)
            .map(|w| w.item)
            .collect();
        assert_eq!(chosen(Some(heavy.len())), heavy);
        let mut next = heavy.clone();
        next.push(1);
        next.sort_unstable();
        assert_eq!(chosen(Some(heavy.len() + 1)), next);
        // 3 and 6 are equal but for the draw.
        let drawn = if scatter(3) < scatter(6) { 3 } else { 6 };
        let last = chosen(Some(5));
        assert!(last.contains(&drawn) && last.len() == 5);
        assert_eq!([scatter(0), scatter(1)], [0, 0x514e_28b7]);
    }

    proptest! {
        #[test]
        fn what_counts_is_the_first_by_sorting(
            given in prop::collection::btree_map(0u32..5000, (-3i32..4, prop_oneof![Just(0i64), -2i64..2, any::<i64>()]), 1..300),
            limit in 1usize..320,
        ) {
            let signals: Vec<Signal> = given.iter().map(|(&item, &(_, time))| signal(item, "view", time)).collect();
            let weights: Vec<Weighted> = given.iter().map(|(&item, &(weight, _))| Weighted { item, weight: f64::from(weight) / 3.0 }).collect();
            let mut order: Vec<u32> = given.keys().copied().collect();
            order.sort_by_key(|&item| {
                let (weight, time) = given[&item];
                (Reverse(weight.abs()), Reverse(time), scatter(item))
            });
            order.truncate(limit);
            order.sort_unstable();
            let mut counted = Counted::default();
            let chosen = counted.of(&weights, &signals, Some(limit));
            prop_assert_eq!(chosen.iter().map(|w| w.item).collect::<Vec<_>>(), order);
        }
    }
}
