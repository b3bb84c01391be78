//! How much of what an item was learnt from has changed.
//!
//! Let `c_ij = Σ_u x_ui · x_uj / d_u` be the normalised co-occurrence matrix, where `d_u` is the
//! sum of the user's row. The row of item `i` sums to its degree `d_i`. A user whose row goes
//! from `x` to `y` changes the row of `i` by at most
//!
//! `|y_i − x_i| + min(x_i, y_i) · Σ_j |y_j / d_y − x_j / d_x|`
//!
//! in the sum of absolute values. Summed over the users that have new events and divided by
//! `d_i`, that bounds the share of the row that is not as it was. It costs the entries of those
//! users, and not their pairs.

use super::join::Joined;
use crate::rank::{Weighted, fold};
use crate::train::{Matrix, TrainOptions};

/// See the module.
pub(super) struct Change {
    /// By item: the share of its row, infinite for what has nothing of before.
    pub(super) items: Vec<f64>,
    /// The share of the whole.
    pub(super) all: f64,
}

pub(super) fn measure(joined: &Joined, matrix: &Matrix, options: &TrainOptions) -> Change {
    let mut items = vec![0f64; matrix.items()];
    let newest = joined.data.signals.iter().map(|s| s.timestamp).max();
    let (mut signals, mut weights, mut after) = (Vec::new(), Vec::new(), Vec::new());
    for (user, before) in joined.before.iter().enumerate() {
        let Some(before) = before else { continue };
        signals.clear();
        signals.extend_from_slice(before);
        crate::train::matrix::newest_items(&mut signals, options.max_user_items);
        // Age alone takes as much from all, which is no change: both sides count from now.
        fold(
            &mut signals,
            &options.kinds,
            options.half_life_ms(),
            newest,
            &mut weights,
        );
        weights.retain(|w| w.weight as f32 > 0.0);
        after.clear();
        let (indices, values) = matrix.row(user as u32);
        let pairs = indices.iter().zip(values);
        after.extend(pairs.map(|(&item, &value)| Weighted {
            item,
            weight: f64::from(value),
        }));
        add(&weights, &after, &mut items);
    }
    let degree = |item: usize| -> f64 {
        let (_, values) = matrix.column(item as u32);
        values.iter().fold(0.0, |sum, &v| sum + f64::from(v))
    };
    let (mut changed, mut total) = (0.0, 0.0);
    for (item, share) in items.iter_mut().enumerate() {
        let degree = degree(item);
        changed += *share;
        total += degree;
        if *share > 0.0 {
            *share = if degree > 0.0 {
                *share / degree
            } else {
                f64::INFINITY
            };
        }
    }
    Change {
        items,
        all: if total > 0.0 { changed / total } else { 0.0 },
    }
}

/// Adds what one user changes. Both rows ascend by item.
fn add(before: &[Weighted], after: &[Weighted], items: &mut [f64]) {
    let sum = |row: &[Weighted]| row.iter().fold(0.0, |sum, w| sum + w.weight);
    let share = |total: f64| if total > 0.0 { 1.0 / total } else { 0.0 };
    let (was, is) = (share(sum(before)), share(sum(after)));
    let mut moved = 0.0;
    each(before, after, |_, x, y| moved += (y * is - x * was).abs());
    each(before, after, |item, x, y| {
        if let Some(slot) = items.get_mut(item as usize) {
            *slot += (y - x).abs() + x.min(y) * moved;
        }
    });
}

/// Calls `with` for each item of either row: the item, its weight before and after.
fn each(before: &[Weighted], after: &[Weighted], mut with: impl FnMut(u32, f64, f64)) {
    let (mut a, mut b) = (before.iter().peekable(), after.iter().peekable());
    loop {
        match (a.peek(), b.peek()) {
            (None, None) => return,
            (Some(x), Some(y)) if x.item == y.item => {
                with(x.item, x.weight, y.weight);
                a.next();
                b.next();
            }
            (Some(x), y) if y.is_none_or(|y| x.item < y.item) => {
                with(x.item, x.weight, 0.0);
                a.next();
            }
            (_, Some(y)) => {
                with(y.item, 0.0, y.weight);
                b.next();
            }
            (Some(_), None) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(entries: &[(u32, f64)]) -> Vec<Weighted> {
        let weighted = |&(item, weight): &(u32, f64)| Weighted { item, weight };
        entries.iter().map(weighted).collect()
    }

    /// The row of the normalised co-occurrence matrix that one user makes, the long way.
    fn outer(entries: &[(u32, f64)], items: usize) -> Vec<Vec<f64>> {
        let mut out = vec![vec![0.0; items]; items];
        let total: f64 = entries.iter().map(|e| e.1).sum();
        for &(i, x) in entries {
            for &(j, y) in entries {
                out[i as usize][j as usize] = x * y / total;
            }
        }
        out
    }

    #[test]
    fn it_bounds_the_change_of_each_row() {
        type Row<'a> = &'a [(u32, f64)];
        let cases: [(Row<'_>, Row<'_>); 6] = [
            (&[(0, 1.0), (2, 1.0)], &[(0, 1.0), (1, 1.0), (2, 1.0)]),
            (&[], &[(3, 2.0), (4, 1.0)]),
            (&[(1, 4.0)], &[]),
            (
                &[(0, 1.0), (1, 2.0), (4, 3.0)],
                &[(0, 1.0), (1, 2.5), (4, 3.0)],
            ),
            (&[(0, 1.0)], &[(4, 1.0)]),
            (&[(2, 1.0)], &[(2, 1.0)]),
        ];
        for (before, after) in cases {
            let mut bound = vec![0.0; 5];
            add(&row(before), &row(after), &mut bound);
            let (was, is) = (outer(before, 5), outer(after, 5));
            for i in 0..5 {
                let exact: f64 = (0..5).map(|j| (is[i][j] - was[i][j]).abs()).sum();
                assert!(exact <= bound[i] + 1e-12, "{before:?} {after:?} {i}");
                assert!(bound[i] <= 2.0 * exact + 1e-12, "{before:?} {after:?} {i}");
            }
        }
    }
}
