//! The user × item matrix of positive evidence, by rows and by columns.

use super::TrainOptions;
use super::paths::Paths;
use crate::rank::{Signal, fold};

/// A sparse matrix with positive entries, compressed by users and by items.
pub(crate) struct Matrix {
    by_user: Compressed,
    by_item: Compressed,
    paths: Paths,
}

#[derive(Default)]
struct Compressed {
    starts: Vec<usize>,
    indices: Vec<u32>,
    values: Vec<f32>,
}

impl Compressed {
    fn start(&self, at: u32) -> usize {
        self.starts.get(at as usize).copied().unwrap_or(usize::MAX)
    }

    fn row(&self, at: u32) -> (&[u32], &[f32]) {
        let at = at as usize;
        let (Some(&start), Some(&end)) = (self.starts.get(at), self.starts.get(at + 1)) else {
            return (&[], &[]);
        };
        (
            self.indices.get(start..end).unwrap_or(&[]),
            self.values.get(start..end).unwrap_or(&[]),
        )
    }
}

impl Matrix {
    /// Folds each user's events into one entry an item; what is not positive is left out. Decay
    /// counts from the newest event of all.
    pub(crate) fn build(
        all: &[Signal],
        starts: &[usize],
        items: usize,
        options: &TrainOptions,
    ) -> Self {
        let newest = all.iter().map(|s| s.timestamp).max();
        let mut by_user = Compressed {
            starts: vec![0],
            ..Compressed::default()
        };
        let mut paths = Paths::default();
        // Without times there is no order; where nothing looks at it, it need not be found.
        let oldest = all.iter().map(|s| s.timestamp).min();
        let ordered = oldest != newest && options.trainer.looks_at_time();
        let (mut signals, mut weights) = (Vec::new(), Vec::new());
        for range in starts.windows(2) {
            signals.clear();
            if let [start, end] = *range {
                signals.extend_from_slice(all.get(start..end).unwrap_or(&[]));
            }
            newest_items(&mut signals, options.max_user_items);
            fold(
                &mut signals,
                &options.kinds,
                options.half_life_ms(),
                newest,
                &mut weights,
            );
            for weighted in weights.iter().filter(|w| w.weight as f32 > 0.0) {
                by_user.indices.push(weighted.item);
                by_user.values.push(weighted.weight as f32);
            }
            let first = by_user.starts.last().copied().unwrap_or(0);
            by_user.starts.push(by_user.indices.len());
            if ordered {
                let kept = by_user.indices.get(first..).unwrap_or(&[]);
                paths.add(&mut signals, kept, newest, options);
            }
        }
        paths.finish(items);
        let by_item = transpose(&by_user, items);
        Self {
            by_user,
            by_item,
            paths,
        }
    }

    pub(crate) fn users(&self) -> usize {
        self.by_user.starts.len() - 1
    }

    pub(crate) fn items(&self) -> usize {
        self.by_item.starts.len() - 1
    }

    pub(crate) fn entries(&self) -> usize {
        self.by_user.indices.len()
    }

    /// The order of time; no steps if nothing asked for it or there are no times.
    pub(crate) fn paths(&self) -> &Paths {
        &self.paths
    }

    /// Where the entries of a user, and of an item, are among all of them.
    pub(crate) fn row_start(&self, user: u32) -> usize {
        self.by_user.start(user)
    }

    pub(crate) fn column_start(&self, item: u32) -> usize {
        self.by_item.start(item)
    }

    /// The items of a user, ascending, and their values.
    pub(crate) fn row(&self, user: u32) -> (&[u32], &[f32]) {
        self.by_user.row(user)
    }

    /// The users of an item, ascending, and their values.
    pub(crate) fn column(&self, item: u32) -> (&[u32], &[f32]) {
        self.by_item.row(item)
    }
}

/// Keeps the signals on the `limit` items that were touched last.
pub(super) fn newest_items(signals: &mut Vec<Signal>, limit: usize) {
    if signals.len() <= limit {
        return;
    }
    let mut items: Vec<(i64, u32)> = signals.iter().map(|s| (s.timestamp, s.item)).collect();
    items.sort_unstable_by(|a, b| a.1.cmp(&b.1).then(b.0.cmp(&a.0)));
    items.dedup_by_key(|entry| entry.1);
    if items.len() <= limit {
        return;
    }
    items.sort_unstable_by(|a, b| b.cmp(a));
    let mut kept: Vec<u32> = items.iter().take(limit).map(|&(_, item)| item).collect();
    kept.sort_unstable();
    signals.retain(|s| kept.binary_search(&s.item).is_ok());
}

fn transpose(rows: &Compressed, columns: usize) -> Compressed {
    let mut starts = vec![0usize; columns + 1];
    for &column in &rows.indices {
        if let Some(count) = starts.get_mut(column as usize + 1) {
            *count += 1;
        }
    }
    let mut sum = 0;
    for start in &mut starts {
        sum += *start;
        *start = sum;
    }
    let mut next = starts.clone();
    let mut out = Compressed {
        starts,
        indices: vec![0; rows.indices.len()],
        values: vec![0.0; rows.values.len()],
    };
    for row in 0..rows.starts.len().saturating_sub(1) as u32 {
        let (indices, values) = rows.row(row);
        for (&column, &value) in indices.iter().zip(values) {
            let Some(slot) = next.get_mut(column as usize) else {
                continue;
            };
            if let (Some(index), Some(entry)) =
                (out.indices.get_mut(*slot), out.values.get_mut(*slot))
            {
                *index = row;
                *entry = value;
            }
            *slot += 1;
        }
    }
    out
}
