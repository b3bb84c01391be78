//! Ranking metrics, averaged over users.

use serde_json::{Value as Json, json};

use crate::bitset::BitSet;

/// Means over the users of a test set, each from 0 to 1, at a cut-off `k`.
///
/// With hits at ranks `r` (from 1) among the first `k`, and `t` test items of the user:
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Metrics {
    /// hits / t.
    pub recall: f64,
    /// Σ 1/log₂(r + 1), divided by the same sum over the first min(k, t) ranks.
    pub ndcg: f64,
    /// 1 if there is a hit.
    pub hit_rate: f64,
    /// hits / k.
    pub precision: f64,
    /// Mean average precision: Σ over hits of precision at r, divided by min(k, t).
    pub map: f64,
    /// Mean reciprocal rank: 1 / rank of the first hit.
    pub mrr: f64,
    /// The share of all items that were recommended to somebody.
    pub coverage: f64,
}

impl Metrics {
    /// The metrics as JSON.
    #[must_use]
    pub fn to_json(&self) -> Json {
        json!({
            "recall": self.recall,
            "ndcg": self.ndcg,
            "hit_rate": self.hit_rate,
            "precision": self.precision,
            "map": self.map,
            "mrr": self.mrr,
            "coverage": self.coverage,
        })
    }
}

pub(super) struct Sum {
    total: Metrics,
    users: usize,
    shown: BitSet,
}

impl Sum {
    pub(super) fn new(items: usize) -> Self {
        Self {
            total: Metrics::default(),
            users: 0,
            shown: BitSet::empty(items),
        }
    }

    /// Adds one user: the answer in order, the test items ascending.
    pub(super) fn add(&mut self, answer: &[u32], truth: &[u32], k: usize) {
        self.users += 1;
        if truth.is_empty() {
            return;
        }
        let gain = |rank: usize| 1.0 / libm::log2(rank as f64 + 1.0);
        let (mut hits, mut dcg, mut precisions, mut first) = (0usize, 0.0, 0.0, 0usize);
        for (i, item) in answer.iter().take(k).enumerate() {
            self.shown.insert(*item as usize);
            if truth.binary_search(item).is_ok() {
                let rank = i + 1;
                hits += 1;
                dcg += gain(rank);
                precisions += hits as f64 / rank as f64;
                if first == 0 {
                    first = rank;
                }
            }
        }
        let reachable = k.min(truth.len());
        let ideal: f64 = (1..=reachable).map(gain).sum();
        self.total.recall += hits as f64 / truth.len() as f64;
        self.total.ndcg += dcg / ideal;
        self.total.hit_rate += f64::from(u8::from(hits > 0));
        self.total.precision += hits as f64 / k as f64;
        self.total.map += precisions / reachable as f64;
        self.total.mrr += if first > 0 { 1.0 / first as f64 } else { 0.0 };
    }

    pub(super) fn mean(&self) -> Metrics {
        let users = self.users.max(1) as f64;
        Metrics {
            recall: self.total.recall / users,
            ndcg: self.total.ndcg / users,
            hit_rate: self.total.hit_rate / users,
            precision: self.total.precision / users,
            map: self.total.map / users,
            mrr: self.total.mrr / users,
            coverage: self.shown.count() as f64 / self.shown.len().max(1) as f64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_user_by_hand() {
        let mut sum = Sum::new(10);
        // Hits at ranks 2 and 4 of 4, three test items.
        sum.add(&[9, 1, 8, 2], &[1, 2, 7], 4);
        let m = sum.mean();
        // 1/log2(3) and 1/log2(5).
        let (two, four) = (0.630_929_753_571_457_4, 0.430_676_558_073_393_06);
        assert!((m.recall - 2.0 / 3.0).abs() < 1e-12);
        assert!((m.ndcg - (two + four) / (1.0 + two + 0.5)).abs() < 1e-12);
        assert!((m.precision - 0.5).abs() < 1e-12);
        assert!((m.map - (0.5 + 0.5) / 3.0).abs() < 1e-12);
        assert!((m.mrr - 0.5).abs() < 1e-12);
        assert!((m.hit_rate - 1.0).abs() < 1e-12);
        assert!((m.coverage - 0.4).abs() < 1e-12);
    }

    #[test]
    fn no_users_and_no_items_are_zero_not_nan() {
        assert_eq!(Sum::new(0).mean(), Metrics::default());
        let mut sum = Sum::new(3);
        sum.add(&[0], &[], 5);
        assert_eq!(sum.mean().ndcg, 0.0);
    }
}
