//! Several histories, one ranking: the mean of the members' weights, or the lowest of their
//! scores.
//!
//! Each member's weights are brought to the same absolute total, 1, and to integers; from there
//! all sums are integers, so that the order of the members cannot change a bit.

use std::cmp::Reverse;

use super::history::{FixedPoint, Weighted};
use super::{Counts, Ranked, Workspace};
use crate::bitset::BitSet;
use crate::model::{Model, Source};

/// A member's part of the mean is a multiple of `2^-40`. With 64 members of a weight up to 100
/// the sums stay below `2^53`, so that `f64` holds them exactly.
const MEAN_BITS: i32 = 40;

/// For the lowest score, a member's weights are multiples of `2^-14`. Their absolute sum is `2^14`
/// and half a unit for each of at most 2,048 items: a score stays within `i32`.
const MEMBER_BITS: i32 = 14;

/// The most items whose weights a mean keeps: the largest. More would leave less than a unit of
/// the integer weights to each.
const MEAN_ITEMS: usize = 16_384;

/// What one member of a group brings.
#[derive(Debug)]
pub(crate) struct Member {
    /// What counts of the folded history, ascending by item.
    weights: Vec<Weighted>,
    /// The sum of its absolute weights.
    total: f64,
    weight: f64,
}

impl Member {
    pub(crate) fn new(weights: Vec<Weighted>, weight: f64) -> Self {
        Self {
            total: weights.iter().map(|w| w.weight.abs()).sum(),
            weights,
            weight,
        }
    }

    fn says_something(&self) -> bool {
        self.total > 0.0
    }

    /// A weight over the absolute total, times the member's weight, as a multiple of `2^-bits`.
    fn portion(&self, weight: f64, bits: i32) -> i64 {
        libm::rint(libm::ldexp(weight / self.total * self.weight, bits)) as i64
    }

    /// The portions of all items; none for a member who says nothing.
    fn portions(&self, bits: i32) -> impl Iterator<Item = (u32, i64)> + '_ {
        let said = self.weights.iter().filter(|_| self.says_something());
        said.map(move |w| (w.item, self.portion(w.weight, bits)))
    }

    /// Whether the member has a part in the mean weight of an item.
    pub(crate) fn speaks_of(&self, item: u32) -> bool {
        let at = self.weights.binary_search_by_key(&item, |w| w.item);
        let weight = at.ok().and_then(|at| self.weights.get(at));
        self.says_something() && weight.is_some_and(|w| self.portion(w.weight, MEAN_BITS) != 0)
    }
}

/// The weighted mean of the members' weights, ascending by item. Members who say nothing do not
/// count.
pub(crate) fn mean(members: &[Member]) -> Vec<Weighted> {
    let counted = || members.iter().filter(|member| member.says_something());
    let heft = |weight: f64| libm::rint(libm::ldexp(weight, MEAN_BITS)) as i64;
    let whole: i64 = counted().map(|member| heft(member.weight)).sum();
    let mut parts: Vec<(u32, i64)> = counted().flat_map(|m| m.portions(MEAN_BITS)).collect();
    parts.sort_unstable();
    parts.dedup_by(|next, kept| {
        let same = next.0 == kept.0;
        if same {
            kept.1 += next.1;
        }
        same
    });
    if parts.len() > MEAN_ITEMS {
        parts.sort_unstable_by_key(|&(item, part)| (Reverse(part.abs()), item));
        parts.truncate(MEAN_ITEMS);
        parts.sort_unstable();
    }
    parts
        .into_iter()
        .map(|(item, part)| Weighted {
            item,
            weight: part as f64 / whole as f64,
        })
        .collect()
}

/// What the members' scores say of an item.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Told {
    /// The lowest of the scores that are not 0, if there are any, and how many those are.
    low: i32,
    count: u32,
    sum: i64,
}

impl Told {
    /// One more score that is not 0.
    fn hear(&mut self, score: i32) {
        self.low = if self.count == 0 {
            score
        } else {
            self.low.min(score)
        };
        self.count += 1;
        self.sum += i64::from(score);
    }

    /// The lowest score of so many members.
    fn lowest_of(self, members: u32) -> i32 {
        if self.count < members {
            self.low.min(0)
        } else {
            self.low
        }
    }
}

/// The members' weights as integers, for the lowest of their scores.
pub(crate) struct Lowest {
    /// Who says something, and what.
    members: Vec<(u32, FixedPoint)>,
}

impl Lowest {
    pub(crate) fn new(members: &[Member]) -> Self {
        let members = members.iter().enumerate();
        let members = members
            .filter(|(_, member)| member.says_something())
            .map(|(place, member)| {
                let parts = member.portions(MEMBER_BITS).filter(|&(_, q)| q != 0);
                let items = parts.map(|(item, q)| (item, q as i32)).collect();
                (place as u32, FixedPoint::of(items, MEMBER_BITS))
            })
            .collect();
        Self { members }
    }

    /// The items that some member's score comes from.
    pub(crate) fn items(&self) -> usize {
        let mut items: Vec<u32> = self
            .members
            .iter()
            .flat_map(|(_, fixed)| fixed.items.iter().map(|&(item, _)| item))
            .collect();
        items.sort_unstable();
        items.dedup();
        items.len()
    }

    /// The best `k` of `open` by the lowest of the members' scores (ties: by their sum, then the
    /// lower index): first those that nobody's history speaks against and somebody's speaks for;
    /// then popular items of which no history says anything; then the others.
    pub(crate) fn rank(
        &self,
        model: &Model,
        k: usize,
        open: &BitSet,
        workspace: &mut Workspace,
    ) -> (Vec<Ranked>, Counts) {
        let graph = model.graph();
        let items = model.item_count();
        let k = k.min(items);
        let unit = graph.unit() * libm::ldexp(1.0, -MEMBER_BITS);
        let Workspace { sums, told, .. } = workspace;
        told.clear();
        told.resize(items, Told::default());
        for (_, fixed) in &self.members {
            sums.resize(items);
            sums.add_rows(graph.rows(), &fixed.items);
            sums.take_above(i32::MIN, None, &mut |item, score| {
                if score != 0
                    && let Some(told) = told.get_mut(item as usize)
                {
                    told.hear(score);
                }
                i32::MIN
            });
        }
        let mut liked = Vec::new();
        let mut against = Vec::new();
        let all = self.members.len() as u32;
        for (item, told) in told.iter().enumerate() {
            if told.count > 0 && open.contains(item) {
                let low = told.lowest_of(all);
                let place = (Reverse(low), Reverse(told.sum), item as u32);
                if low < 0 { &mut against } else { &mut liked }.push(place);
            }
        }
        let mut ranked = Vec::new();
        let graph_items = |ranked: &mut Vec<Ranked>, places: &mut Vec<_>| {
            places.sort_unstable();
            let room = k - ranked.len();
            let best = places.iter().take(room);
            ranked.extend(
                best.map(|&(Reverse(low), _, item): &(_, Reverse<i64>, _)| Ranked {
                    item,
                    score: f64::from(low) * unit,
                    source: Source::Graph,
                }),
            );
        };
        let mut counts = Counts {
            history: self.items(),
            ..Counts::default()
        };
        graph_items(&mut ranked, &mut liked);
        counts.graph = ranked.len();
        let silent = |item: u32| {
            let told = told.get(item as usize);
            open.contains(item as usize) && told.is_some_and(|told| told.count == 0)
        };
        let popular = model.popular_order().iter().filter(|&&item| silent(item));
        ranked.extend(popular.take(k - ranked.len()).map(|&item| Ranked {
            item,
            score: 0.0,
            source: Source::Popular,
        }));
        counts.popular = ranked.len() - counts.graph;
        let before = ranked.len();
        graph_items(&mut ranked, &mut against);
        counts.pushed_away = ranked.len() - before;
        (ranked, counts)
    }

    /// The member whose score of an item is the lowest, the first of them, and the weights that
    /// it comes from.
    pub(crate) fn worst_off(&self, model: &Model, item: u32) -> Option<(u32, &FixedPoint)> {
        let graph = model.graph();
        let score = |fixed: &FixedPoint| -> i64 {
            let parts = fixed.items.iter();
            parts
                .map(|&(from, q)| i64::from(q) * i64::from(graph.weight(from, item)))
                .sum()
        };
        self.members
            .iter()
            .min_by_key(|(_, fixed)| score(fixed))
            .map(|(place, fixed)| (*place, fixed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(weights: &[(u32, f64)], weight: f64) -> Member {
        let weights = weights.iter();
        let weights = weights.map(|&(item, weight)| Weighted { item, weight });
        Member::new(weights.collect(), weight)
    }

    fn pairs(mean: Vec<Weighted>) -> Vec<(u32, f64)> {
        mean.into_iter().map(|w| (w.item, w.weight)).collect()
    }

    #[test]
    fn a_mean_by_hand() {
        let long = member(&[(1, 1.0), (2, 1.0), (3, 2.0)], 1.0);
        let short = member(&[(3, -4.0)], 3.0);
        let silent = member(&[(9, 0.0)], 50.0);
        let expected = [(1, 0.0625), (2, 0.0625), (3, 0.125 - 0.75)];
        assert_eq!(pairs(mean(&[long, silent, short])), expected);
        assert_eq!(pairs(mean(&[])), []);
    }

    #[test]
    fn the_order_of_members_is_nothing() {
        let mut forward: Vec<Member> = (1..60u32)
            .map(|n| {
                let items = [(n % 5, 0.7), (5 + n % 7, 0.1), (20, 0.3)];
                member(&items, 0.1 * f64::from(n))
            })
            .collect();
        let there = pairs(mean(&forward));
        forward.reverse();
        assert_eq!(pairs(mean(&forward)), there);
    }

    #[test]
    fn of_very_many_items_the_largest_stay() {
        let members: Vec<Member> = (0..20u32)
            .map(|n| {
                let items: Vec<(u32, f64)> = (0..2048).map(|i| (n * 2048 + i, 1.0)).collect();
                member(&items, if n == 13 { 1.0 } else { 0.5 })
            })
            .collect();
        let kept = mean(&members);
        assert_eq!(kept.len(), MEAN_ITEMS);
        assert!(kept.is_sorted_by_key(|w| w.item));
        // The heavy member's items all stay; of the others' the lower indices.
        assert_eq!(kept.iter().filter(|w| w.item / 2048 == 13).count(), 2048);
        assert_eq!(kept.iter().filter(|w| w.item < 7 * 2048).count(), 7 * 2048);
        let mut fixed = FixedPoint::default();
        fixed.set(&kept);
        assert_eq!(fixed.items.len(), MEAN_ITEMS);
    }

    #[test]
    fn the_integers_of_a_member_keep_a_score_within_i32() {
        let weights: Vec<(u32, f64)> = (0..2048).map(|i| (i, 1.5 + f64::from(i % 7))).collect();
        for count in [1, 3, 2047, 2048] {
            let lowest = Lowest::new(&[member(&weights[..count], 1.0)]);
            let (_, fixed) = &lowest.members[0];
            let sum: i64 = fixed.items.iter().map(|&(_, q)| i64::from(q.abs())).sum();
            assert!(sum * 65_535 <= i64::from(i32::MAX), "{count}: {sum}");
        }
    }
}
