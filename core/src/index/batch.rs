//! Many questions at once, and the neighbours of every item.

use crate::control::Control;
use crate::error::Result;
use crate::parallel::Workers;
use crate::rank::check_threads;

use super::VectorIndex;
use super::answer::Neighbors;
use super::options::SearchOptions;
use super::search::{Allowed, Scratch};
use super::target::{Resolved, check_vector};
use super::vectors::Vectors;

/// Queries of a task.
const CHUNK: usize = 64;

/// The nearest items of every item.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct KnnGraph {
    /// Where each item's neighbours start in the other two; one more than there are items.
    pub offsets: Vec<u64>,
    /// The neighbours' numbers, the nearest first.
    pub items: Vec<u32>,
    /// Their scores.
    pub scores: Vec<f32>,
}

impl KnnGraph {
    /// The neighbours of an item and their scores.
    #[must_use]
    pub fn neighbors(&self, item: u32) -> (&[u32], &[f32]) {
        let at = |n: usize| self.offsets.get(n).map_or(0, |&at| at as usize);
        let range = at(item as usize)..at(item as usize + 1);
        (
            self.items.get(range.clone()).unwrap_or(&[]),
            self.scores.get(range).unwrap_or(&[]),
        )
    }
}

impl VectorIndex {
    /// Answers many queries, on `threads` threads, and several of them interleaved on each. The
    /// answers are those of [`VectorIndex::search`].
    ///
    /// # Errors
    /// As [`VectorIndex::search`], with the row of the query;
    /// [`ErrorKind::InvalidArgument`](crate::ErrorKind::InvalidArgument) for `threads` outside 1
    /// to 1024, [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled).
    pub fn search_batch(
        &self,
        queries: &Vectors<'_>,
        options: &SearchOptions,
        threads: usize,
        control: &Control<'_>,
    ) -> Result<Vec<Neighbors>> {
        check_threads(threads)?;
        options.validate()?;
        let view = self.inner.view();
        let allowed = Allowed::new(&self.inner, &view, options, &[])?;
        let workers = Workers { threads, control };
        let rows: Vec<usize> = (0..queries.rows()).collect();
        let answers = workers.map(
            "search",
            rows.chunks(CHUNK).collect(),
            Scratch::default,
            |_, rows, scratch| {
                let mut query = vec![0f32; queries.dimension()];
                let mut answers = Vec::with_capacity(rows.len());
                for &row in rows {
                    queries.copy_row(row, &mut query);
                    let resolved = Resolved {
                        vector: check_vector(&view, &format!("query {row}"), &query)?,
                        ..Resolved::default()
                    };
                    answers.push(
                        self.inner
                            .answer(&view, &resolved, &allowed, options, scratch)?,
                    );
                }
                Ok(answers)
            },
        )?;
        Ok(answers.into_iter().flatten().collect())
    }

    /// The `options.k` nearest items of every item, itself left out; the other options hold for
    /// each search, as does what [`VectorIndex::search`] says of items with several vectors.
    ///
    /// # Errors
    /// As [`VectorIndex::search_batch`].
    pub fn knn_graph(
        &self,
        options: &SearchOptions,
        threads: usize,
        control: &Control<'_>,
    ) -> Result<KnnGraph> {
        check_threads(threads)?;
        options.validate()?;
        let view = self.inner.view();
        let allowed = Allowed::new(&self.inner, &view, options, &[])?;
        let workers = Workers { threads, control };
        let items: Vec<u32> = (0..self.len() as u32).collect();
        let lists = workers.map(
            "neighbors",
            items.chunks(CHUNK).collect(),
            Scratch::default,
            |_, items, scratch| {
                let mut lists = Vec::with_capacity(items.len());
                for &item in items {
                    let resolved = Resolved::item(&view, item)?;
                    let own = allowed.without(item);
                    let answer = self
                        .inner
                        .answer(&view, &resolved, &own, options, scratch)?;
                    lists.push(answer.items);
                }
                Ok(lists)
            },
        )?;
        let mut graph = KnnGraph {
            offsets: vec![0],
            items: Vec::new(),
            scores: Vec::new(),
        };
        for list in lists.into_iter().flatten() {
            graph.items.extend(list.iter().map(|n| n.item));
            graph.scores.extend(list.iter().map(|n| n.score));
            graph.offsets.push(graph.items.len() as u64);
        }
        Ok(graph)
    }
}
