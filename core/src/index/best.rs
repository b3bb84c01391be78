//! The best k distinct items of rows with scores.

use super::answer::Neighbor;
use super::view::View;

/// Groups scored rows by item, keeps each item's best row, and returns the `k` best by (score
/// descending, item ascending). An item's rows may come in any order.
pub(super) fn best_items(
    view: &View<'_>,
    rows: &[u32],
    scores: &[f32],
    k: usize,
    min_score: Option<f32>,
) -> Vec<Neighbor> {
    let mut found: Vec<Neighbor> = rows
        .iter()
        .zip(scores)
        .filter(|&(_, &score)| min_score.is_none_or(|least| score >= least))
        .map(|(&row, &score)| Neighbor {
            item: view.item_of(row),
            row,
            score,
        })
        .collect();
    if !view.row_starts.is_empty() {
        found.sort_unstable_by(|a, b| {
            a.item
                .cmp(&b.item)
                .then(b.score.total_cmp(&a.score))
                .then(a.row.cmp(&b.row))
        });
        found.dedup_by_key(|n| n.item);
    }
    let order = |a: &Neighbor, b: &Neighbor| {
        b.score
            .total_cmp(&a.score)
            .then(a.item.cmp(&b.item))
            .then(a.row.cmp(&b.row))
    };
    if found.len() > k {
        if let Some(last) = k.checked_sub(1) {
            found.select_nth_unstable_by(last, order);
        }
        found.truncate(k);
    }
    found.sort_unstable_by(order);
    found
}
