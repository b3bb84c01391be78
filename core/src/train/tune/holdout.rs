//! What is held out of the training events to judge trainers by.

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::super::TrainOptions;
use super::super::ingest::Data;
use super::super::matrix::Matrix;
use super::Validation;
use crate::rank::{Signal, fold};

/// The share of a user's items that is held out.
const SHARE: f64 = 0.2;

/// A training matrix without some events, and the items that those events were about.
pub(super) struct Holdout {
    pub(super) matrix: Matrix,
    /// Users to judge by, ascending, and where their held-out items lie in `items`.
    pub(super) users: Vec<(u32, std::ops::Range<usize>)>,
    /// The held-out items, ascending within a user.
    items: Vec<u32>,
    /// Whether there are times that differ within a user's history.
    pub(super) timed: bool,
    /// By time, by chance, or as given.
    pub(super) protocol: &'static str,
}

impl Holdout {
    /// Holds out [`SHARE`] of the items of every user that `part` lets through, at least one
    /// where there are two: the newest, or those with the smallest hashes. Users that `part`
    /// does not let through are left out altogether.
    pub(super) fn inside(data: &Data, options: &TrainOptions, part: impl Fn(&str) -> bool) -> Self {
        let timed = timed(data);
        let by_time = match options.tune.validation {
            Validation::Auto => timed,
            Validation::Time => true,
            Validation::Random => false,
        };
        let mut signals: Vec<Signal> = Vec::with_capacity(data.signals.len());
        let mut starts = vec![0];
        let (mut users, mut items) = (Vec::new(), Vec::new());
        let (mut scratch, mut weights) = (Vec::new(), Vec::new());
        for (user, range) in data.starts.windows(2).enumerate() {
            let name = data.users.get(user).map_or("", String::as_str);
            if let [start, end] = *range
                && part(name)
            {
                let own = data.signals.get(start..end).unwrap_or(&[]);
                scratch.clear();
                scratch.extend_from_slice(own);
                fold(&mut scratch, &options.kinds, None, None, &mut weights);
                // (order key, item) of the items with positive evidence.
                let mut liked: Vec<(u64, u32)> = weights
                    .iter()
                    .filter(|w| w.weight > 0.0)
                    .map(|w| {
                        (
                            order(data, own, name, w.item, by_time, options.seed),
                            w.item,
                        )
                    })
                    .collect();
                liked.sort_unstable();
                let count = ((liked.len() as f64 * SHARE).round() as usize).max(1);
                let first = items.len();
                if liked.len() >= 2 {
                    items.extend(liked.iter().rev().take(count).map(|&(_, item)| item));
                }
                let held = items.get_mut(first..).unwrap_or(&mut []);
                held.sort_unstable();
                signals.extend(own.iter().filter(|s| held.binary_search(&s.item).is_err()));
                if !held.is_empty() {
                    users.push((user as u32, first..items.len()));
                }
            }
            starts.push(signals.len());
        }
        let mut holdout = Self {
            matrix: Matrix::build(&signals, &starts, data.items.len(), options),
            users,
            items,
            timed,
            protocol: if by_time { "time" } else { "random" },
        };
        holdout.thin(data, options.tune.users, options.seed);
        holdout
    }

    /// Judges by events that the caller gives: nothing is held out of training.
    pub(super) fn given(data: &Data, options: &TrainOptions, mut truth: Vec<(u32, u32)>) -> Self {
        let matrix = Matrix::build(&data.signals, &data.starts, data.items.len(), options);
        truth.sort_unstable();
        truth.dedup();
        truth.retain(|&(user, item)| matrix.row(user).0.binary_search(&item).is_err());
        let mut users = Vec::new();
        for group in truth.chunk_by(|a, b| a.0 == b.0) {
            let first = users
                .last()
                .map_or(0, |(_, range): &(u32, std::ops::Range<usize>)| range.end);
            if let Some(&(user, _)) = group.first() {
                users.push((user, first..first + group.len()));
            }
        }
        let mut holdout = Self {
            matrix,
            users,
            items: truth.into_iter().map(|(_, item)| item).collect(),
            timed: timed(data),
            protocol: "given",
        };
        holdout.thin(data, options.tune.users, options.seed);
        holdout
    }

    /// Keeps `judged` users to judge by, chosen by hash.
    fn thin(&mut self, data: &Data, judged: usize, seed: u64) {
        if self.users.len() <= judged {
            return;
        }
        let key = |user: u32| {
            let name = data.users.get(user as usize).map_or("", String::as_str);
            (xxh3_64_with_seed(name.as_bytes(), seed ^ 0x7475_6e65), user)
        };
        self.users.sort_by_cached_key(|(user, _)| key(*user));
        self.users.truncate(judged);
        self.users.sort_by_key(|(user, _)| *user);
    }

    pub(super) fn truth(&self, range: &std::ops::Range<usize>) -> &[u32] {
        self.items.get(range.clone()).unwrap_or(&[])
    }
}

fn timed(data: &Data) -> bool {
    data.starts.windows(2).any(|range| {
        let [start, end] = *range else { return false };
        let times = data.signals.get(start..end).unwrap_or(&[]);
        times.first().map(|s| s.timestamp) != times.last().map(|s| s.timestamp)
    })
}

/// The larger, the sooner an item is held out.
fn order(data: &Data, own: &[Signal], user: &str, item: u32, by_time: bool, seed: u64) -> u64 {
    if by_time {
        let newest = own
            .iter()
            .filter(|s| s.item == item)
            .map(|s| s.timestamp)
            .max()
            .unwrap_or(0);
        return newest as u64 ^ 1 << 63;
    }
    let name = data.items.get(item as usize).map_or("", String::as_str);
    let pair = xxh3_64_with_seed(name.as_bytes(), xxh3_64_with_seed(user.as_bytes(), seed));
    xxh3_64_with_seed(&pair.to_le_bytes(), seed)
}
