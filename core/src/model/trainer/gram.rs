//! The ridge trainer's systems: how much any two items of a support, and the target, have in
//! common, `Σ_u ω_u · x_ua · x_ub`.
//!
//! Three ways, which add up the same products in the same order, that of the users. Small
//! catalogs have the whole Gram matrix in memory. Else the items of a system are walked one after
//! the other, and each finds which earlier ones its users have: by a mask a user, with one bit an
//! item, where a user's entries are all the same (events of one kind, none repeated, no decay);
//! by a list a user where they are not.

use super::pairs::{powers, sum};
use crate::error::Result;
use crate::parallel::Workers;
use crate::train::Matrix;
use tastemaker_kernels::{common_sums, prefetch, stride};

/// Catalogs up to this size get the whole Gram matrix in memory (items² · 4 bytes), which is
/// faster where everything meets everything.
const DENSE_ITEMS: usize = 6_000;
/// Rows of the dense Gram that one task fills.
const ROWS_A_TASK: usize = 16;
/// Bits of a word of a mask.
const WORD: usize = 16;
/// How many columns ahead memory is asked for.
const AHEAD: usize = 3;
const NONE: u32 = u32::MAX;

/// The parts that do not depend on λ: see the module.
pub(super) struct Gram<'a> {
    matrix: &'a Matrix,
    /// `ω_u · (1 / mean entry)²`.
    user_weight: Vec<f32>,
    diagonal: Vec<f32>,
    pairs: Pairs,
}

/// How pairs of items are looked up.
enum Pairs {
    /// The upper triangle, row-major.
    Dense(Vec<f32>),
    /// `ω_u · x²` of each entry, by item: a user's entries are all the same.
    Even(Vec<f32>),
    /// By lists.
    Any,
}

/// What one thread needs.
#[derive(Default)]
pub(super) struct Scratch {
    /// A bit for each place that a user has; zero between systems.
    masks: Vec<u16>,
    /// The entries of each user; empty between systems.
    lists: Vec<List>,
    /// The users with entries.
    touched: Vec<u32>,
    entries: Vec<(u32, f32)>,
    /// `s` of the support, then of the target.
    pub(super) scales: Vec<f32>,
    /// The upper triangle of `A`, and its right side, without `s` and λ.
    pub(super) system: Vec<f32>,
    pub(super) work: Vec<f32>,
    pub(super) solution: Vec<f32>,
}

/// Where the entries of a user are, and how many there are.
#[derive(Clone, Copy, Default)]
struct List {
    start: u32,
    len: u32,
}

impl<'a> Gram<'a> {
    pub(super) fn new(
        matrix: &'a Matrix,
        user_exponent: f64,
        workers: &Workers<'_>,
    ) -> Result<Self> {
        let degrees: Vec<f64> = (0..matrix.users() as u32)
            .map(|user| sum(matrix.row(user).1))
            .collect();
        let active = degrees.iter().filter(|&&d| d > 0.0).count().max(1) as f64;
        let total: f64 = degrees.iter().fold(0.0, |a, b| a + b);
        // λ means the same whatever the unit of the weights.
        let mean_entry = total / matrix.entries().max(1) as f64;
        let mean_degree = total / active;
        let scaled: Vec<f64> = degrees.iter().map(|d| d / mean_degree).collect();
        let square = (mean_entry * mean_entry) as f32;
        let mut user_weight = powers(&scaled, -user_exponent);
        for weight in &mut user_weight {
            *weight /= square;
        }
        let mut gram = Self {
            matrix,
            user_weight,
            diagonal: Vec::new(),
            pairs: Pairs::Any,
        };
        gram.diagonal = (0..matrix.items() as u32)
            .map(|item| {
                let (users, values) = matrix.column(item);
                users
                    .iter()
                    .zip(values)
                    .fold(0f32, |sum, (&user, &x)| sum + (gram.weight(user) * x) * x)
            })
            .collect();
        if matrix.items() <= DENSE_ITEMS {
            gram.pairs = Pairs::Dense(gram.fill(workers)?);
        } else if (0..matrix.users() as u32).all(|user| same(matrix.row(user).1)) {
            gram.pairs = Pairs::Even(gram.even());
        }
        Ok(gram)
    }

    fn weight(&self, user: u32) -> f32 {
        self.user_weight.get(user as usize).copied().unwrap_or(0.0)
    }

    /// The whole upper triangle. Each sum is over the users in ascending order, and each product
    /// is `(ω · x_a) · x_b` with `a < b`, as everywhere: the same bits.
    fn fill(&self, workers: &Workers<'_>) -> Result<Vec<f32>> {
        let items = self.matrix.items();
        let mut out = vec![0f32; items * items];
        let quiet = workers.control.quiet();
        let quiet = Workers {
            threads: workers.threads,
            control: &quiet,
        };
        quiet.fill(
            "graph",
            &mut out,
            ROWS_A_TASK * items.max(1),
            |task, part| {
                for (i, row) in part.chunks_exact_mut(items).enumerate() {
                    let item = (task * ROWS_A_TASK + i) as u32;
                    let (users, values) = self.matrix.column(item);
                    for (&user, &x) in users.iter().zip(values) {
                        let factor = self.weight(user) * x;
                        let (others, weights) = self.matrix.row(user);
                        let first = others.partition_point(|&other| other <= item);
                        for (&other, &y) in others.iter().zip(weights).skip(first) {
                            if let Some(sum) = row.get_mut(other as usize) {
                                *sum += factor * y;
                            }
                        }
                    }
                }
                Ok(())
            },
        )?;
        Ok(out)
    }

    /// `ω_u · x²` of each entry, by item.
    fn even(&self) -> Vec<f32> {
        let mut out = Vec::with_capacity(self.matrix.entries());
        for item in 0..self.matrix.items() as u32 {
            let (users, values) = self.matrix.column(item);
            let pairs = users.iter().zip(values);
            out.extend(pairs.map(|(&user, &x)| (self.weight(user) * x) * x));
        }
        out
    }

    /// `A_ii` without scales.
    pub(super) fn diagonal(&self, item: u32) -> f32 {
        self.diagonal.get(item as usize).copied().unwrap_or(0.0)
    }

    /// Sets up the system of `target` on `support` (ascending, without the target) in
    /// `scratch.system`: the upper triangle for the support, and the target in the last column.
    pub(super) fn collect(&self, target: u32, support: &[u32], scratch: &mut Scratch) {
        let n = support.len();
        let width = stride(n);
        scratch.system.clear();
        scratch.system.resize(n * width, 0.0);
        match &self.pairs {
            Pairs::Dense(dense) => self.look_up(dense, target, support, &mut scratch.system),
            Pairs::Even(weights) => self.by_masks(weights, target, support, scratch),
            Pairs::Any => self.by_lists(target, support, scratch),
        }
        let rows = scratch.system.chunks_exact_mut(width).zip(support);
        for (place, (row, &item)) in rows.enumerate() {
            if let Some(value) = row.get_mut(place) {
                *value = self.diagonal.get(item as usize).copied().unwrap_or(0.0);
            }
        }
    }

    fn look_up(&self, dense: &[f32], target: u32, support: &[u32], system: &mut [f32]) {
        let items = self.matrix.items();
        let at = |low: u32, high: u32| {
            let at = low as usize * items + high as usize;
            dense.get(at).copied().unwrap_or(0.0)
        };
        let rows = system.chunks_exact_mut(stride(support.len()));
        for (place, (row, &item)) in rows.zip(support).enumerate() {
            for (value, &other) in row.iter_mut().zip(support).skip(place + 1) {
                *value = at(item, other);
            }
            if let Some(value) = row.get_mut(support.len()) {
                *value = at(item.min(target), item.max(target));
            }
        }
    }

    /// By the masks of the users: the target first, then the support from its end.
    fn by_masks(&self, weights: &[f32], target: u32, support: &[u32], scratch: &mut Scratch) {
        let n = support.len();
        let width = stride(n);
        let words = width / WORD;
        let masks = &mut scratch.masks;
        let len = self.matrix.users() * words;
        if masks.len() < len {
            masks.resize(len, 0);
        }
        // Where the columns are, looked up for all of them together: the cache misses overlap.
        let mut columns: Vec<(&[u32], &[f32])> = Vec::with_capacity(n + 1);
        columns.extend(support.iter().chain([&target]).map(|&item| {
            let (users, _) = self.matrix.column(item);
            let weights = weights.get(self.matrix.column_start(item)..);
            (
                users,
                weights.and_then(|w| w.get(..users.len())).unwrap_or(&[]),
            )
        }));
        let mut system = scratch.system.chunks_exact_mut(width).rev();
        for (place, (users, weights)) in columns.iter().enumerate().rev() {
            if let Some((users, weights)) = columns.get(place.wrapping_sub(AHEAD)) {
                prefetch(users);
                prefetch(weights);
            }
            // The target comes first: it sets its bits and asks for no sums.
            let row = if place < n { system.next() } else { None };
            common_sums(masks, words, users, weights, place, row.unwrap_or_default());
        }
        for (place, (users, _)) in columns.iter().enumerate() {
            for &user in *users {
                if let Some(mask) = masks.get_mut(user as usize * words + place / WORD) {
                    *mask = 0;
                }
            }
        }
    }

    /// By lists of what the users have: the target first, then the support from its end.
    fn by_lists(&self, target: u32, support: &[u32], scratch: &mut Scratch) {
        let n = support.len();
        let Scratch {
            lists,
            touched,
            entries,
            system,
            ..
        } = scratch;
        lists.resize(self.matrix.users(), List::default());
        touched.clear();
        for &item in support.iter().chain([&target]) {
            for &user in self.matrix.column(item).0 {
                if let Some(list) = lists.get_mut(user as usize) {
                    if list.len == 0 {
                        touched.push(user);
                    }
                    list.len += 1;
                }
            }
        }
        let mut end = 0;
        for &user in touched.iter() {
            if let Some(list) = lists.get_mut(user as usize) {
                // Who has one item only has no pair.
                list.start = if list.len > 1 { end } else { NONE };
                end += list.len;
                list.len = 0;
            }
        }
        entries.resize(end as usize, (0, 0.0));
        let mut add = |place: usize, item: u32, row: &mut [f32]| {
            let (users, values) = self.matrix.column(item);
            for (&user, &x) in users.iter().zip(values) {
                let Some(list) = lists.get_mut(user as usize) else {
                    continue;
                };
                if list.start == NONE {
                    continue;
                }
                let factor = self.weight(user) * x;
                let list_end = (list.start + list.len) as usize;
                for &(other, y) in entries.get(list.start as usize..list_end).unwrap_or(&[]) {
                    if let Some(sum) = row.get_mut(other as usize) {
                        *sum += factor * y;
                    }
                }
                if let Some(entry) = entries.get_mut(list_end) {
                    *entry = (place as u32, x);
                }
                list.len += 1;
            }
        };
        add(n, target, &mut []);
        let rows = system.chunks_exact_mut(stride(n)).zip(support);
        for (place, (row, &item)) in rows.enumerate().rev() {
            add(place, item, row);
        }
        for &user in touched.iter() {
            if let Some(list) = lists.get_mut(user as usize) {
                *list = List::default();
            }
        }
    }
}

/// True if all values are the same.
fn same(values: &[f32]) -> bool {
    values.windows(2).all(|pair| pair.first() == pair.last())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::Control;
    use crate::rank::Signal;
    use crate::train::TrainOptions;

    const ITEMS: usize = 70;
    const USERS: usize = 90;

    /// Each user has each item with a chance of 1 to 4; `weight` by user and item.
    fn matrix(weight: impl Fn(usize, u32) -> f32) -> Matrix {
        let mut state = 9u32;
        let (mut signals, mut starts) = (Vec::new(), vec![0]);
        for user in 0..USERS {
            for item in 0..ITEMS as u32 {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                if state >> 30 == 0 && user != 7 {
                    signals.push(Signal {
                        item,
                        kind: 0,
                        weight: weight(user, item),
                        timestamp: 0,
                    });
                }
            }
            starts.push(signals.len());
        }
        Matrix::build(&signals, &starts, ITEMS, &TrainOptions::default())
    }

    /// What is read of a system, of each support in turn.
    fn systems(gram: &Gram<'_>) -> Vec<Vec<f32>> {
        let mut scratch = Scratch::default();
        let supports: [(u32, Vec<u32>); 7] = [
            (0, (1..70).collect()),
            (69, (0..69).collect()),
            (30, (0..70).filter(|&item| item != 30).collect()),
            (5, vec![]),
            (5, vec![9]),
            (20, (3..18).collect()),
            (20, (10..70).filter(|item| item % 3 == 0).collect()),
        ];
        let read = |(target, support): &(u32, Vec<u32>)| {
            gram.collect(*target, support, &mut scratch);
            let n = support.len();
            let rows = scratch.system.chunks(stride(n)).enumerate();
            rows.flat_map(|(place, row)| row[place..=n].to_vec())
                .collect()
        };
        supports.iter().map(read).collect()
    }

    #[test]
    fn all_ways_add_up_the_same() {
        let control = Control::new();
        let workers = Workers {
            threads: 1,
            control: &control,
        };
        let even = matrix(|user, _| 1.0 + (user % 3) as f32 / 3.0);
        let uneven = matrix(|user, item| 0.3 + ((user as u32 + item) % 7) as f32 / 7.0);
        for (matrix, even) in [(even, true), (uneven, false)] {
            let mut gram = Gram::new(&matrix, 0.5, &workers).unwrap();
            assert!(matches!(gram.pairs, Pairs::Dense(_)));
            let dense = systems(&gram);
            // A naive twin of one of them: the sixth.
            let (mut at, n) = (0, 15);
            for a in 3..18u32 {
                for b in (a..18).chain([20]) {
                    let product = |user: u32| {
                        let (items, values) = matrix.row(user);
                        let value = |item| items.binary_search(&item).map_or(0.0, |i| values[i]);
                        f64::from(gram.weight(user)) * f64::from(value(a)) * f64::from(value(b))
                    };
                    let sum: f64 = (0..USERS as u32).map(product).sum();
                    assert!((f64::from(dense[5][at]) - sum).abs() < 1e-4);
                    at += 1;
                }
            }
            assert_eq!(at, n * (n + 3) / 2);
            assert_eq!((0..USERS as u32).all(|user| same(matrix.row(user).1)), even);
            let mut ways = vec![Pairs::Any];
            if even {
                ways.push(Pairs::Even(gram.even()));
            }
            for pairs in ways {
                gram.pairs = pairs;
                for (found, expected) in systems(&gram).iter().zip(&dense) {
                    assert_eq!(found.len(), expected.len());
                    for (a, b) in found.iter().zip(expected) {
                        assert!((a - b).abs() <= 1e-6 * b.abs(), "{a} {b}");
                        assert!(!even || a.to_bits() == b.to_bits(), "{a} {b}");
                    }
                }
            }
        }
    }
}
