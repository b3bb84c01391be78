//! Popularity: how much positive evidence an item has, and the order that follows.

use crate::train::Matrix;

/// The summed positive evidence of each item, and all items, most popular first (ties: lower
/// index first). Items without events stand at the end, so that a top-up can always go on.
pub(crate) fn compute(matrix: &Matrix) -> (Vec<f32>, Vec<u32>) {
    let popularity: Vec<f32> = (0..matrix.items() as u32)
        .map(|item| matrix.column(item).1.iter().fold(0f32, |sum, v| sum + v))
        .collect();
    let mut order: Vec<u32> = (0..popularity.len() as u32).collect();
    let value = |item: u32| popularity.get(item as usize).copied().unwrap_or(0.0);
    order.sort_unstable_by(|&a, &b| value(b).total_cmp(&value(a)).then(a.cmp(&b)));
    (popularity, order)
}
