//! Which events to train on, and which to test on.
//!
//! A split is a pure function of the events and a seed: the order of the rows and repeats of rows
//! change nothing, and draws are hashes of ids, so that a user or an item keeps its draw when
//! others come and go.

mod options;

use std::ops::Range;

pub use options::{SplitMethod, SplitOptions};

use super::options::invalid;
use super::truth::checked;
use crate::error::Result;
use crate::event::{EventColumns, check_timestamp};

/// Row numbers, each list ascending; no row is in two lists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Split {
    /// Rows to train on.
    pub train: Vec<u32>,
    /// Rows to test on.
    pub test: Vec<u32>,
    /// Rows to answer from when testing: the histories of [`SplitMethod::ColdUser`].
    pub history: Vec<u32>,
    /// Rows that [`SplitMethod::Time`] leaves out: events after the cut on items that the user
    /// had before it. They say nothing about new items, and they are not to be learnt from.
    pub left_out: Vec<u32>,
}

/// Divides events into rows to train on and rows to test on.
///
/// What is drawn or held out is always a user's whole item, with all its events, because an item
/// of the history is not recommended, and would count as a miss. The first event on an item is
/// when the user came to it; equal times are in order of the items' ids.
///
/// - [`SplitMethod::LeaveLastOut`]: the `n` items that a user came to last are tested. At least
///   one item of each user is trained on, so a user with one item is not tested.
/// - [`SplitMethod::Time`]: rows at or after `at` are tested, those on items that the user had
///   before are left out, and all others are trained on. Without `at`, it is the time of the row
///   with which the last `share` of the rows begins (rounded to whole rows, half to even); rows
///   of that time are all tested.
/// - [`SplitMethod::Random`]: of each user's items the `share` (rounded, half to even) with the
///   smallest hash of (seed, user, item) is tested, and at least one is trained on.
/// - [`SplitMethod::ColdUser`]: of the users the `share` (rounded) with the smallest hash of
///   (seed, user). Of the items of each, from the first on, `history_share` (rounded down) is
///   given as history, at least one is tested, and none is trained on. Without timestamps the
///   order of the items is that of the hash.
/// - [`SplitMethod::ColdItem`]: of the items the `share` (rounded) with the smallest hash of
///   (seed, item); all their rows are tested.
///
/// The test may be empty: few users, few items, or a time after all events. Evaluated, an empty
/// test gives zeros over 0 users.
///
/// Cost: some sorts of the rows.
///
/// # Errors
/// [`crate::ErrorKind::LengthMismatch`], [`crate::ErrorKind::InvalidId`], [`crate::ErrorKind::InvalidTimestamp`];
/// [`crate::ErrorKind::InvalidArgument`] for options out of range, and for `LeaveLastOut` and `Time`
/// without timestamps.
///
/// ```
/// use tastemaker::evaluate::{SplitMethod, SplitOptions, split};
/// use tastemaker::event::{EventColumns, IdColumn};
/// let mut events = EventColumns::new(
///     IdColumn::Text(&["ann", "ann", "ann", "bob"]),
///     IdColumn::Text(&["mill", "barn", "mill", "mill"]),
/// );
/// events.timestamp = Some(&[1, 2, 3, 4]);
/// let parts = split(&events, &SplitOptions::new(SplitMethod::LeaveLastOut { n: 1 }))?;
/// assert_eq!((parts.train, parts.test), (vec![0, 2, 3], vec![1]));
/// # Ok::<(), tastemaker::Error>(())
/// ```
pub fn split(events: &EventColumns<'_>, options: &SplitOptions) -> Result<Split> {
    options.validate()?;
    let log = Log::new(events)?;
    let needs_time = match options.method {
        SplitMethod::LeaveLastOut { .. } => Some("leave_last_out"),
        SplitMethod::Time { .. } => Some("time"),
        _ => None,
    };
    if let Some(name) = needs_time.filter(|_| events.timestamp.is_none() && log.rows > 0) {
        return Err(invalid(format!(
            "the method {name} needs the column timestamp; random, cold_user and cold_item do not"
        )));
    }
    let seed = options.seed;
    Ok(match options.method {
        SplitMethod::LeaveLastOut { n } => log.by_user(|mut items| {
            items.sort_unstable_by_key(|item| item.came);
            let tested = n.min(items.len() - 1);
            let from = items.len() - tested;
            mark(
                &items,
                |at| if at < from { Part::Train } else { Part::Test },
            )
        }),
        SplitMethod::Random { share } => log.by_user(|mut items| {
            items.sort_unstable_by_key(|item| {
                (log.hash(seed, Some(item.user), Some(item.item)), item.item)
            });
            let tested = rounded(share, items.len()).min(items.len() - 1);
            mark(
                &items,
                |at| if at < tested { Part::Test } else { Part::Train },
            )
        }),
        SplitMethod::ColdUser {
            share,
            history_share,
        } => {
            let cold = drawn(share, log.users.len(), |user| {
                log.hash(seed, Some(user), None)
            });
            log.by_user(|mut items| {
                let first = items.first().map_or(0, |item| item.user);
                if cold.get(first as usize) != Some(&true) {
                    return mark(&items, |_| Part::Train);
                }
                if events.timestamp.is_some() {
                    items.sort_unstable_by_key(|item| item.came);
                } else {
                    items.sort_unstable_by_key(|item| {
                        (log.hash(seed, Some(item.user), Some(item.item)), item.item)
                    });
                }
                let given = (history_share * items.len() as f64) as usize;
                let given = given.min(items.len() - 1);
                mark(&items, |at| {
                    if at < given {
                        Part::History
                    } else {
                        Part::Test
                    }
                })
            })
        }
        SplitMethod::ColdItem { share } => {
            let cold = drawn(share, log.items.len(), |item| {
                log.hash(seed, None, Some(item))
            });
            log.collect(|row| {
                let item = log.item_of.get(row).copied().unwrap_or(0);
                match cold.get(item as usize) {
                    Some(true) => Part::Test,
                    _ => Part::Train,
                }
            })
        }
        SplitMethod::Time { at, share } => {
            let at = at.unwrap_or_else(|| log.time_of_last(share));
            // Whether a user had an item before the cut is whether they came to it before.
            let mut split = log.by_user(|items| {
                items
                    .into_iter()
                    .map(|item| {
                        let new = item.came.0 >= at;
                        (item.rows, if new { Part::Test } else { Part::Train })
                    })
                    .collect()
            });
            let time = |row: u32| log.times.get(row as usize).copied().unwrap_or(0);
            let (train, left_out) = split.train.iter().partition(|&&row| time(row) < at);
            split.train = train;
            split.left_out = left_out;
            split
        }
    })
}

/// What becomes of a row.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Train,
    Test,
    History,
}

/// One item of one user.
struct UserItem {
    user: u32,
    item: u32,
    /// The time of the first event, and the item, which decides between equal times.
    came: (i64, u32),
    /// Where its rows are in `Log::order`.
    rows: Range<usize>,
}

fn mark(items: &[UserItem], of: impl Fn(usize) -> Part) -> Vec<(Range<usize>, Part)> {
    let items = items.iter().enumerate();
    items
        .map(|(at, item)| (item.rows.clone(), of(at)))
        .collect()
}

/// The events by user and item.
struct Log {
    rows: usize,
    users: Vec<String>,
    items: Vec<String>,
    item_of: Vec<u32>,
    times: Vec<i64>,
    /// Row numbers by (user, item).
    order: Vec<u32>,
    pairs: Vec<(u32, u32)>,
}

impl Log {
    fn new(events: &EventColumns<'_>) -> Result<Self> {
        let rows = events.rows()?;
        let (user_of, users) = checked("user_id", &events.user_id)?;
        let (item_of, items) = checked("item_id", &events.item_id)?;
        let times = match events.timestamp {
            Some(times) => times.to_vec(),
            None => vec![0; rows],
        };
        for (row, &time) in times.iter().enumerate() {
            check_timestamp("timestamp", time).map_err(|e| e.context(format_args!("row {row}")))?;
        }
        let pairs: Vec<(u32, u32)> = user_of.into_iter().zip(item_of.iter().copied()).collect();
        let mut order: Vec<u32> = (0..rows as u32).collect();
        let pair = |row: u32| pairs.get(row as usize).copied().unwrap_or_default();
        order.sort_unstable_by_key(|&row| (pair(row), row));
        Ok(Self {
            rows,
            users,
            items,
            item_of,
            times,
            order,
            pairs,
        })
    }

    /// Asks for the items of each user, which are never none, what becomes of them.
    fn by_user(&self, decide: impl Fn(Vec<UserItem>) -> Vec<(Range<usize>, Part)>) -> Split {
        let pair = |row: &u32| self.pairs.get(*row as usize).copied().unwrap_or_default();
        let time = |row: &u32| self.times.get(*row as usize).copied().unwrap_or(0);
        let mut parts = vec![Part::Train; self.rows];
        let mut start = 0;
        for user_rows in self.order.chunk_by(|a, b| pair(a).0 == pair(b).0) {
            let mut items = Vec::new();
            for rows in user_rows.chunk_by(|a, b| pair(a) == pair(b)) {
                let (user, item) = rows.first().map(pair).unwrap_or_default();
                let first = rows.iter().map(time).min().unwrap_or(0);
                items.push(UserItem {
                    user,
                    item,
                    came: (first, item),
                    rows: start..start + rows.len(),
                });
                start += rows.len();
            }
            for (range, part) in decide(items) {
                for &row in self.order.get(range).unwrap_or(&[]) {
                    if let Some(slot) = parts.get_mut(row as usize) {
                        *slot = part;
                    }
                }
            }
        }
        self.collect(|row| parts.get(row).copied().unwrap_or(Part::Train))
    }

    fn collect(&self, of: impl Fn(usize) -> Part) -> Split {
        let mut split = Split::default();
        for row in 0..self.rows {
            match of(row) {
                Part::Train => split.train.push(row as u32),
                Part::Test => split.test.push(row as u32),
                Part::History => split.history.push(row as u32),
            }
        }
        split
    }

    /// XXH3 of the ids, with a byte between them that no text has.
    fn hash(&self, seed: u64, user: Option<u32>, item: Option<u32>) -> u64 {
        let text = |names: &'_ [String], at: Option<u32>| -> Vec<u8> {
            let name = at.and_then(|at| names.get(at as usize));
            name.map(|name| name.as_bytes().to_vec())
                .unwrap_or_default()
        };
        let mut bytes = text(&self.users, user);
        bytes.push(0xFF);
        bytes.extend(text(&self.items, item));
        xxhash_rust::xxh3::xxh3_64_with_seed(&bytes, seed)
    }

    /// The time of the first of the last `share` of the rows; beyond all times for none.
    fn time_of_last(&self, share: f64) -> i64 {
        let mut times = self.times.clone();
        times.sort_unstable();
        let from = times.len() - rounded(share, times.len());
        times.get(from).copied().unwrap_or(i64::MAX)
    }
}

/// A share of `n`, rounded to a whole number, half to even.
fn rounded(share: f64, n: usize) -> usize {
    (libm::rint(share * n as f64) as usize).min(n)
}

/// Marks the share of `0..n` with the smallest hashes.
fn drawn(share: f64, n: usize, hash: impl Fn(u32) -> u64) -> Vec<bool> {
    let mut order: Vec<(u64, u32)> = (0..n as u32).map(|at| (hash(at), at)).collect();
    order.sort_unstable();
    let mut marks = vec![false; n];
    for &(_, at) in order.iter().take(rounded(share, n)) {
        if let Some(mark) = marks.get_mut(at as usize) {
            *mark = true;
        }
    }
    marks
}
