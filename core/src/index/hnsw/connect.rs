//! Nobody is left out: every place of a level can be reached from the level above.
//!
//! Choosing neighbours by direction drops links to rows that lie alone, and what a change brings
//! in lies alone at first. A row that nobody links to cannot be found; so one of its own
//! neighbours, which can be reached, links back to it, if need be in place of its last link.

use super::graph::NO_LINK;
use super::layers::Filled;

/// A link that is given up may cut off another; after so many rounds the rest stays.
const ROUNDS: usize = 4;

/// Links places of a level that cannot be reached from `from`. `places` are all that count.
pub(super) fn connect(filled: &mut Filled, from: &[u32], places: &[u32]) {
    for _ in 0..ROUNDS {
        let mut reached = Reached::new(filled);
        reached.spread(filled, from);
        let mut all = true;
        for &place in places {
            if reached.has(place) {
                continue;
            }
            all = false;
            let own = filled.of(place).iter().copied().filter(|&p| reached.has(p));
            let room = |p: &u32| filled.of(*p).len() < filled.width;
            let by = own.clone().find(room).or_else(|| own.clone().next());
            if let Some(by) = by
                .or_else(|| from.first().copied())
                .filter(|&by| by != place)
            {
                let mut links = filled.of(by).to_vec();
                links.truncate(filled.width.saturating_sub(1));
                links.push(place);
                filled.set(by, links.into_iter());
            }
            // What it links to can be reached through it.
            reached.spread(filled, &[place]);
        }
        if all {
            return;
        }
    }
}

/// The places that were reached, as bits.
struct Reached {
    words: Vec<u64>,
    open: Vec<u32>,
}

impl Reached {
    fn new(filled: &Filled) -> Self {
        Self {
            words: vec![0; filled.layer().len().div_ceil(64)],
            open: Vec::new(),
        }
    }

    fn has(&self, place: u32) -> bool {
        let word = self.words.get(place as usize / 64);
        word.is_some_and(|word| word >> (place % 64) & 1 == 1)
    }

    fn add(&mut self, place: u32) {
        if let Some(word) = self.words.get_mut(place as usize / 64) {
            let bit = 1u64 << (place % 64);
            if *word & bit == 0 {
                *word |= bit;
                self.open.push(place);
            }
        }
    }

    fn spread(&mut self, filled: &Filled, from: &[u32]) {
        for &place in from {
            self.add(place);
        }
        while let Some(place) = self.open.pop() {
            for &link in filled.layer().links(place) {
                if link == NO_LINK {
                    break;
                }
                self.add(link);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_was_cut_off_is_linked_by_a_neighbour() {
        // 0 and 1 know each other and are full; 2 knows 1, 3 knows 2; nobody knows 4.
        let mut filled = Filled::new(Vec::new(), Vec::new(), 5, 2);
        filled.set(0, [1, 0].into_iter());
        filled.set(1, [0, 1].into_iter());
        filled.set(2, [1].into_iter());
        filled.set(3, [2].into_iter());
        connect(&mut filled, &[0], &[0, 1, 2, 3, 4]);
        let mut reached = Reached::new(&filled);
        reached.spread(&filled, &[0]);
        assert!((0..5).all(|place| reached.has(place)));
        assert_eq!(filled.of(1), [0, 2]);
        assert_eq!(filled.of(2), [1, 3]);
    }
}
