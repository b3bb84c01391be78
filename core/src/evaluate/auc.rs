//! The area under the ROC curve, from the scores of all items.

use tastemaker_kernels::Sums;

use crate::bitset::BitSet;
use crate::model::Model;
use crate::rank::{Query, Weighted, Workspace};

/// Buffers of one thread.
#[derive(Default)]
pub(super) struct Auc {
    sums: Sums,
    /// Items that the history has and that are not shown, then the test items, too.
    out: Vec<u32>,
    /// The keys of the test items, ascending.
    tested: Vec<u64>,
}

/// The order of a full ranking: by score, and among scores of 0 by popularity.
fn key(score: i32, class: u32) -> u64 {
    let low = if score == 0 { class } else { 0 };
    u64::from(score as u32 ^ 0x8000_0000) << 32 | u64::from(low)
}

/// The items by popularity, for [`Auc::of`].
pub(super) struct Classes {
    /// The class of each item: higher is more popular, equal is equal.
    of: Vec<u32>,
    /// How many items that may be shown are in classes below each, and at the end in all.
    below: Vec<u64>,
}

impl Classes {
    pub(super) fn new(model: &Model, eligible: Option<&BitSet>) -> Self {
        let mut of = vec![0u32; model.item_count()];
        let mut below = vec![0];
        let mut count = 0;
        let mut last = None;
        // From the least popular on.
        for &item in model.popular_order().iter().rev() {
            let popularity = model.popularity(item);
            if last.is_some_and(|last| last != popularity) {
                below.push(count);
            }
            last = Some(popularity);
            count += u64::from(eligible.is_none_or(|set| set.contains(item as usize)));
            if let Some(slot) = of.get_mut(item as usize) {
                *slot = below.len() as u32 - 1;
            }
        }
        below.push(count);
        Self { of, below }
    }

    fn class(&self, item: u32) -> u32 {
        self.of.get(item as usize).copied().unwrap_or(0)
    }

    fn below(&self, class: u32) -> u64 {
        self.below.get(class as usize).copied().unwrap_or(0)
    }

    fn all(&self) -> u64 {
        self.below.last().copied().unwrap_or(0)
    }
}

impl Auc {
    /// The AUC of a user whose ranking was made last in `workspace`; `truth` is ascending, and
    /// `classes` are those of the items that the query may show.
    pub(super) fn of(
        &mut self,
        model: &Model,
        query: &Query<'_>,
        workspace: &Workspace,
        classes: &Classes,
        truth: &[u32],
    ) -> f64 {
        let items = model.item_count();
        self.sums.resize(items);
        let history = &workspace.fixed().items;
        self.sums.add_rows(model.graph().rows(), history);
        let hidden = |w: &&Weighted| query.exclude_seen || w.weight < 0.0;
        let hidden = workspace.weights.iter().filter(hidden).map(|w| w.item);
        self.out.clear();
        self.out.extend(hidden);
        let value = self.count(items, query, classes, truth);
        self.sums.clear();
        value
    }

    /// Counts the pairs without looking at every item for every user: first as if all items that
    /// may be shown had the score 0, by their classes; then those that have another score, or
    /// that are no others, are taken out, and the former put in again with the score they have.
    fn count(&mut self, items: usize, query: &Query<'_>, classes: &Classes, truth: &[u32]) -> f64 {
        let Self { sums, out, tested } = self;
        let eligible = |item: u32| {
            (item as usize) < items && query.eligible.is_none_or(|set| set.contains(item as usize))
        };
        tested.clear();
        let shown = truth
            .iter()
            .filter(|item| eligible(**item) && !out.contains(item));
        tested.extend(shown.map(|&item| key(sums.get(item), classes.class(item))));
        tested.sort_unstable();
        // Items that are no others: tested, or left out.
        out.extend(truth);
        out.retain(|&item| eligible(item));
        out.sort_unstable();
        out.dedup();

        // Twice the number of pairs in which the test item stands before: a tie counts once.
        let pairs = |other: u64| {
            let equal = tested.partition_point(|&test| test < other);
            let ties = tested
                .iter()
                .skip(equal)
                .take_while(|&&t| t == other)
                .count();
            (2 * (tested.len() - equal) - ties) as i64
        };
        let zero = |item: u32| key(0, classes.class(item));
        let mut wins = 0i64;
        for &test in tested.iter() {
            let (low, high) = match (test >> 32).cmp(&(key(0, 0) >> 32)) {
                std::cmp::Ordering::Less => (0, 0),
                std::cmp::Ordering::Greater => (classes.all(), classes.all()),
                std::cmp::Ordering::Equal => {
                    let class = test as u32;
                    (classes.below(class), classes.below(class + 1))
                }
            };
            wins += (low + high) as i64;
        }
        let mut gone = out.iter().peekable();
        let members = query.eligible.map(BitSet::words);
        sums.above(i32::MIN, members, &mut |item, sum| {
            while gone.next_if(|&&gone| gone < item).is_some() {}
            if sum != 0 && gone.peek() != Some(&&item) {
                wins += pairs(key(sum, 0)) - pairs(zero(item));
            }
            i32::MIN
        });
        wins -= out.iter().map(|&item| pairs(zero(item))).sum::<i64>();
        let tests = truth.len().max(1) as u64;
        let others = classes.all() - out.len() as u64;
        if others == 0 {
            return tested.len() as f64 / (2 * tests) as f64;
        }
        wins as f64 / (2 * others * tests) as f64
    }
}
