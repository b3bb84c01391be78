//! Ranking metrics over split files, written from their definitions and apart
//! from the core's `evaluate`, so that each checks the other.

use std::collections::{BTreeMap, BTreeSet};

/// Means over the users who have test items.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Metrics {
    /// Hits / number of test items.
    pub recall: f64,
    /// Discounted hits / the best that the number of test items allows.
    pub ndcg: f64,
    /// The share of users with at least one hit.
    pub hit_rate: f64,
}

/// Judges ranked lists of `k` items against each user's test items.
#[must_use]
pub fn judge(
    ranked: &BTreeMap<i64, Vec<i64>>,
    truth: &BTreeMap<i64, BTreeSet<i64>>,
    k: usize,
) -> Metrics {
    let mut sum = Metrics::default();
    let mut users = 0.0;
    for (user, wanted) in truth.iter().filter(|(_, wanted)| !wanted.is_empty()) {
        users += 1.0;
        let list = ranked.get(user).map_or(&[][..], Vec::as_slice);
        let hits: Vec<usize> = (0..list.len().min(k))
            .filter(|r| wanted.contains(&list[*r]))
            .collect();
        let best: f64 = (0..wanted.len().min(k)).map(discount).sum();
        sum.recall += hits.len() as f64 / wanted.len() as f64;
        sum.ndcg += hits.iter().map(|rank| discount(*rank)).sum::<f64>() / best;
        sum.hit_rate += f64::from(!hits.is_empty());
    }
    Metrics {
        recall: sum.recall / users,
        ndcg: sum.ndcg / users,
        hit_rate: sum.hit_rate / users,
    }
}

fn discount(rank: usize) -> f64 {
    1.0 / (rank as f64 + 2.0).log2()
}

/// Each user's items as a set.
#[must_use]
pub fn by_user(users: &[i64], items: &[i64]) -> BTreeMap<i64, BTreeSet<i64>> {
    let mut sets: BTreeMap<i64, BTreeSet<i64>> = BTreeMap::new();
    for (user, item) in users.iter().zip(items) {
        sets.entry(*user).or_default().insert(*item);
    }
    sets
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{by_user, judge};

    #[test]
    fn worked_by_hand() {
        let truth = by_user(&[1, 1, 2], &[10, 11, 12]);
        let ranked = BTreeMap::from([(1, vec![10, 99, 11]), (2, vec![99, 98, 97])]);
        let metrics = judge(&ranked, &truth, 3);
        let ndcg = (1.0 + 0.5) / (1.0 + 1.0 / 3f64.log2());
        assert_eq!(metrics.recall, 0.5);
        assert_eq!(metrics.hit_rate, 0.5);
        assert!((metrics.ndcg - ndcg / 2.0).abs() < 1e-15);
        assert_eq!(judge(&ranked, &truth, 1).recall, 0.25);
    }
}
