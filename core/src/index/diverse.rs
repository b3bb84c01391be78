//! Variety in an answer: maximal marginal relevance (Carbonell and Goldstein, 1998).

use super::answer::Neighbor;
use super::view::View;

/// Chooses `k` of the candidates one after the other: each time the one with the most of
/// `(1 − share) · score − share · (the best score with one that was chosen before)`, and among
/// equals the one that stands first. Costs `k` scores for each candidate.
pub(super) fn diversify(
    view: &View<'_>,
    candidates: Vec<Neighbor>,
    k: usize,
    share: f32,
) -> Vec<Neighbor> {
    let mut left = candidates;
    let mut nearest = vec![f32::NEG_INFINITY; left.len()];
    let mut chosen: Vec<Neighbor> = Vec::new();
    let (mut vector, mut row, mut scores) = (vec![0f32; view.dimension], Vec::new(), Vec::new());
    while chosen.len() < k && !left.is_empty() {
        let worth = |(n, near): (&Neighbor, &f32)| {
            let near = if chosen.is_empty() { 0.0 } else { *near };
            (1.0 - share) * n.score - share * near
        };
        let mut best = (0, f32::NEG_INFINITY);
        for (at, worth) in left.iter().zip(&nearest).map(worth).enumerate() {
            if worth > best.1 {
                best = (at, worth);
            }
        }
        let next = left.remove(best.0);
        nearest.remove(best.0);
        view.decode(next.row, &mut vector);
        let rows: Vec<u32> = left.iter().map(|n| n.row).collect();
        view.score(&vector, &rows, &mut row, &mut scores);
        for (near, &score) in nearest.iter_mut().zip(&scores) {
            *near = near.max(score);
        }
        chosen.push(next);
    }
    chosen
}
