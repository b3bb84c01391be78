//! How good a graph is for the held-out items.

use super::holdout::Holdout;
use crate::error::Result;
use crate::evaluate::metrics::{Gains, recall_and_ndcg};
use crate::model::graph::Row;
use crate::parallel::Workers;

/// Users that one task ranks for.
const USERS_A_TASK: usize = 64;

/// The metrics of one graph over the judged users.
#[derive(Clone, Debug, Default)]
pub(super) struct Verdict {
    pub(super) recall: f64,
    pub(super) ndcg: f64,
    /// What is maximised: the mean of the two.
    pub(super) score: f64,
    /// The score of each judged user, in order.
    pub(super) each: Vec<f64>,
}

impl Verdict {
    /// How much better `self` is than `other`, in standard errors of the mean paired difference.
    pub(super) fn gain_over(&self, other: &Self) -> f64 {
        let n = self.each.len().min(other.each.len());
        if n < 2 {
            return 0.0;
        }
        let differences = self.each.iter().zip(&other.each).map(|(a, b)| a - b);
        let mean = differences.clone().sum::<f64>() / n as f64;
        let square: f64 = differences.map(|d| (d - mean) * (d - mean)).sum();
        let error = (square / ((n - 1) as f64 * n as f64)).sqrt();
        if error > 0.0 { mean / error } else { 0.0 }
    }
}

/// Ranks every judged user's items by `Σ weight · row`, without those of the training matrix,
/// and compares the first `k` with what was held out.
pub(super) fn judge(
    holdout: &Holdout,
    rows: &[Row],
    k: usize,
    workers: &Workers<'_>,
) -> Result<Verdict> {
    let gains = Gains::new(k);
    let tasks: Vec<_> = holdout.users.chunks(USERS_A_TASK).collect();
    let parts = workers.map(
        "tune",
        tasks,
        || {
            (
                vec![0f32; rows.len()],
                Vec::<u32>::new(),
                Vec::<(f32, u32)>::new(),
            )
        },
        |_, users, (scores, touched, best)| {
            let mut out = Vec::with_capacity(users.len());
            for (user, range) in users {
                let (items, values) = holdout.matrix.row(*user);
                for (&item, &value) in items.iter().zip(values) {
                    for &(other, weight) in rows.get(item as usize).map_or(&[][..], Vec::as_slice) {
                        let part = value * weight;
                        // A product that underflows would list its item again and again.
                        if let Some(score) = scores.get_mut(other as usize)
                            && part > 0.0
                        {
                            if *score == 0.0 {
                                touched.push(other);
                            }
                            *score += part;
                        }
                    }
                }
                best.clear();
                for &item in touched.iter() {
                    let score = scores.get(item as usize).copied().unwrap_or(0.0);
                    if score > 0.0 && items.binary_search(&item).is_err() {
                        best.push((score, item));
                    }
                }
                for item in touched.drain(..) {
                    if let Some(score) = scores.get_mut(item as usize) {
                        *score = 0.0;
                    }
                }
                let order =
                    |a: &(f32, u32), b: &(f32, u32)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
                if best.len() > k && k > 0 {
                    best.select_nth_unstable_by(k - 1, order);
                    best.truncate(k);
                }
                best.sort_unstable_by(order);
                let truth = holdout.truth(range);
                let hits = best
                    .iter()
                    .map(|(_, item)| truth.binary_search(item).is_ok());
                out.push(recall_and_ndcg(hits, k, truth.len(), &gains));
            }
            Ok(out)
        },
    )?;
    let mut verdict = Verdict::default();
    for (recall, ndcg) in parts.into_iter().flatten() {
        verdict.recall += recall;
        verdict.ndcg += ndcg;
        verdict.each.push((recall + ndcg) / 2.0);
    }
    let users = verdict.each.len().max(1) as f64;
    verdict.recall /= users;
    verdict.ndcg /= users;
    verdict.score = (verdict.recall + verdict.ndcg) / 2.0;
    Ok(verdict)
}
