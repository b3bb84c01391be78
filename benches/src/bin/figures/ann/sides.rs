//! The sides of a comparison: our index, and a peer in a process of its own.

use std::hint::black_box;

use tastemaker::control::Control;
use tastemaker::index::{Neighbors, SearchOptions, Target, VectorIndex, Vectors};

use super::sweep::{Outcome, Side};
use tastemaker_benches::Failure;
use tastemaker_benches::peer::{Peer, number};
use tastemaker_benches::stats::timed_on_core;
use tastemaker_benches::vectors::{K, Matrix, VectorSet, recall};

/// Our index, asked query by query, or for all of them at once; on one thread.
pub(super) struct Ours<'a> {
    pub(super) index: &'a VectorIndex,
    pub(super) queries: Matrix,
    pub(super) truth: &'a [u32],
    pub(super) batch: bool,
    pub(super) options: SearchOptions,
}

impl<'a> Ours<'a> {
    /// All queries of a set, with default options.
    pub(super) fn new(index: &'a VectorIndex, set: &'a VectorSet, batch: bool) -> Self {
        let options = SearchOptions::top(K);
        Self {
            index,
            queries: set.queries.clone(),
            truth: &set.truth,
            batch,
            options,
        }
    }

    /// What was found, and the seconds of a core.
    pub(super) fn answers(
        &self,
        options: &SearchOptions,
    ) -> Result<(Vec<Neighbors>, f64), Failure> {
        if self.batch {
            let queries = Vectors::new(&self.queries.values, self.queries.width)?;
            let (answers, seconds) = timed_on_core(|| {
                self.index
                    .search_batch(&queries, options, 1, &Control::new())
            });
            return Ok((answers?, seconds));
        }
        let (answers, seconds) = timed_on_core(|| {
            self.queries
                .values
                .chunks(self.queries.width)
                .map(|query| {
                    self.index
                        .search(&Target::vector(black_box(query)), options)
                })
                .collect::<Result<Vec<_>, _>>()
        });
        Ok((answers?, seconds))
    }

    /// The rows of the set that were found, from the ids, which are their numbers.
    pub(super) fn rows(&self, answers: &[Neighbors]) -> Result<Vec<u32>, Failure> {
        let mut rows = vec![u32::MAX; answers.len() * K];
        for (answer, rows) in answers.iter().zip(rows.chunks_mut(K)) {
            for (neighbor, row) in answer.items.iter().zip(rows) {
                *row = self
                    .index
                    .id(neighbor.item)
                    .ok_or("no such item")?
                    .parse()?;
            }
        }
        Ok(rows)
    }
}

impl Side for Ours<'_> {
    fn run(&mut self, ef: usize) -> Result<Outcome, Failure> {
        let options = SearchOptions {
            ef: Some(ef),
            ..self.options.clone()
        };
        let (answers, seconds) = self.answers(&options)?;
        let recall = recall(&self.rows(&answers)?, &self.truth[..answers.len() * K]);
        Ok(Outcome {
            recall,
            qps: answers.len() as f64 / seconds,
        })
    }
}

/// A library in a process of its own.
pub(super) struct Theirs {
    pub(super) name: &'static str,
    pub(super) peer: Peer,
    /// Queries of the set.
    pub(super) queries: usize,
}

impl Theirs {
    /// What a command gives that answers `queries` queries.
    pub(super) fn outcome(&mut self, command: &str, queries: usize) -> Result<Outcome, Failure> {
        let answer = self.peer.ask(command)?;
        let recall = number(&answer, "recall")?;
        Ok(Outcome {
            recall,
            qps: queries as f64 / number(&answer, "s")?,
        })
    }
}

/// All queries in one call, which is the faster way in for a library that is called from Python.
impl Side for Theirs {
    fn run(&mut self, ef: usize) -> Result<Outcome, Failure> {
        self.outcome(&format!("search {ef}"), self.queries)
    }
}
