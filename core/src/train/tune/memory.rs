//! How much memory training takes: an estimate from counts, so that it is the same everywhere.
//!
//! It counts what is alive at the worst moment: the events, the matrix, and either what the
//! trainers hold together or the snapshot that is being laid out. The caller's own columns are
//! not in it. It leans to the high side: rows are counted as full as the data lets them be.

use crate::error::{Error, ErrorKind, Result};
use crate::train::ingest::Data;
use crate::train::{Component, Matrix, TrainOptions, TrainerOptions};

/// What is there whatever the data.
const BASE: f64 = 2e6;
/// Catalogs up to this size have a dense Gram matrix for each way to weigh users.
const DENSE_ITEMS: usize = 6_000;
/// Bytes of a sparse entry (index and value, by users and by items), of an event while it is
/// sorted and after, of a step of a path with its place, of an edge, of an id beside its text.
const ENTRY: f64 = 16.0;
const SIGNAL: f64 = 24.0;
const STEP: f64 = 40.0;
const EDGE: f64 = 8.0;
const ID: f64 = 48.0;

/// Counts of the data.
pub(crate) struct Footprint {
    users: f64,
    items: usize,
    /// Events, ids and matrix, which stay from the beginning to the end.
    held: f64,
    /// What tuning keeps beside: a second matrix.
    second: f64,
    /// By item: with how many others it can share a row, at most.
    reach: Vec<usize>,
    signals: f64,
    threads: f64,
    /// Whether neighbours are chosen after the trainers, by popularity too.
    wide: bool,
}

impl Footprint {
    pub(crate) fn of(data: &Data, matrix: &Matrix, options: &TrainOptions) -> Self {
        let entries = matrix.entries() as f64;
        let (users, items) = (matrix.users() as f64, matrix.items());
        let steps = if matrix.paths().is_empty() {
            0.0
        } else {
            entries
        };
        let text: usize = data.users.iter().chain(&data.items).map(String::len).sum();
        let second = entries * ENTRY + steps * STEP + (users + items as f64) * 8.0;
        let reach = (0..items as u32).map(|item| {
            let others = matrix.column(item).0.iter();
            let met: usize = others.map(|&user| matrix.row(user).0.len() - 1).sum();
            met.min(items - 1)
        });
        let signals = data.signals.len() as f64;
        Self {
            users,
            items,
            held: signals * SIGNAL + (users + items as f64) * ID + text as f64 + second,
            second,
            reach: reach.collect(),
            signals,
            threads: options.threads as f64,
            wide: options.popularity_exponent != 0.0,
        }
    }

    /// The edges of all rows that keep `width` neighbours.
    fn edges(&self, width: usize) -> f64 {
        self.reach
            .iter()
            .map(|&reach| reach.min(width) as f64)
            .sum()
    }

    /// Bytes at the worst moment of learning these trainers together, `width` neighbours each.
    fn learning(&self, trainers: &[&TrainerOptions], width: usize) -> f64 {
        let items = self.items as f64;
        let mut sum = items * 24.0;
        let mut transient = 0f64;
        let mut bases: Vec<(usize, usize)> = Vec::new();
        let mut grams: Vec<u64> = Vec::new();
        let mut scratch = items * 8.0;
        for trainer in trainers {
            let basis = match trainer {
                TrainerOptions::Spectral(o) => Some((o.rank, o.iterations)),
                TrainerOptions::Ridge(o) => Some((o.rank, o.iterations)),
                TrainerOptions::Ials(o) => {
                    let k = o.factors.min(self.items) as f64;
                    transient = transient.max((self.users + items) * k * 8.0);
                    sum += items * k * 8.0;
                    None
                }
                TrainerOptions::Cooccurrence(_) | TrainerOptions::Sequence(_) => None,
            };
            if let Some((rank, iterations)) = basis
                && !bases.contains(&(rank, iterations))
            {
                bases.push((rank, iterations));
                let k = (rank as f64).min(items).min(self.users + 8.0);
                sum += items * k * 4.0;
                transient = transient.max((self.users + items) * k.min(64.0) * 4.0 + k * k * 16.0);
            }
            let mut kept = width;
            if let TrainerOptions::Ridge(o) = trainer {
                kept = kept.min(o.support);
                let size = o.support as f64;
                scratch = scratch.max(items * 8.0 + self.users * 8.0 + size * size * 12.0);
                if self.items <= DENSE_ITEMS && !grams.contains(&o.user_exponent.to_bits()) {
                    grams.push(o.user_exponent.to_bits());
                    sum += items * items * 4.0;
                }
                // The rows are turned round: for a while there are two of them.
                transient = transient.max(self.edges(kept) * EDGE);
            }
            sum += self.edges(kept) * EDGE + items * 24.0;
        }
        sum + transient.max(scratch * self.threads)
    }

    /// Bytes of laying out the snapshot: the rows as they are quantised, then the sections and
    /// the file.
    fn layout(&self, neighbors: usize) -> f64 {
        let graph = self.edges(neighbors);
        let sections = graph * 6.0 + self.signals * 17.0 + (self.users + self.items as f64) * 32.0;
        (graph * (EDGE + 6.0)).max(2.0 * sections + graph * 6.0)
    }

    /// Megabytes for training these parts.
    pub(crate) fn training(&self, parts: &[Component], neighbors: usize) -> f64 {
        let trainers: Vec<&TrainerOptions> = parts.iter().map(|part| &part.trainer).collect();
        let plain = parts.len() == 1 && !self.wide;
        let (wider, merged) = if plain { (1, 1.0) } else { (super::WIDER, 2.0) };
        let learning =
            self.learning(&trainers, neighbors * wider) + merged * self.edges(neighbors) * EDGE;
        (BASE + self.held + learning.max(self.layout(neighbors))) / 1e6
    }

    /// Megabytes for trying all of `trainers`, and training what they may become.
    pub(crate) fn tuning(&self, trainers: &[TrainerOptions], neighbors: usize) -> f64 {
        let trainers: Vec<&TrainerOptions> = trainers.iter().collect();
        let learning = self.learning(&trainers, neighbors * super::WIDER)
            + 2.0 * self.edges(neighbors) * EDGE
            + self.second
            + self.signals * SIGNAL;
        (BASE + self.held + learning.max(self.layout(neighbors))) / 1e6
    }
}

/// Refuses what needs more than the caller allows.
pub(crate) fn check(needed: f64, options: &TrainOptions) -> Result<()> {
    match options.memory_mb {
        Some(allowed) if needed > allowed as f64 => Err(Error::new(
            ErrorKind::LimitExceeded,
            format!(
                "options.memory_mb is {allowed}; training these events needs about {needed:.0}"
            ),
        )),
        _ => Ok(()),
    }
}
