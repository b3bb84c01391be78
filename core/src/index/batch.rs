//! Many questions at once, and the neighbours of every item.

use crate::control::Control;
use crate::error::Result;
use crate::parallel::Workers;
use crate::rank::check_threads;

use super::answer::Neighbors;
use super::exact;
use super::hnsw::{self, Walk, Work};
use super::options::SearchOptions;
use super::search::{Allowed, Route, Scratch, finish_scan};
use super::target::{Resolved, Scoring, check_vector};
use super::vectors::Vectors;
use super::view::{Asked, View};
use super::{Inner, VectorIndex};

/// Queries of a task.
const CHUNK: usize = 64;
/// Walks whose steps take turns.
const TURNS: usize = 8;

/// Buffers of a thread.
#[derive(Default)]
struct Turns {
    scratch: Scratch,
    asked: Vec<Asked>,
    walks: Vec<Walk>,
    scans: Vec<exact::Buffers>,
    dots: Vec<i32>,
}

/// Answers several questions: those that look at all rows many at once, the others a few.
fn answer_many(
    inner: &Inner,
    view: &View<'_>,
    questions: &[(Resolved, Allowed)],
    options: &SearchOptions,
    turns: &mut Turns,
    answers: &mut Vec<Neighbors>,
) -> Result<()> {
    let scanned = |(resolved, allowed): &(Resolved, Allowed)| {
        let route = Route::choose(inner, view, allowed, options, wanted(options, allowed));
        matches!(resolved.scoring, Scoring::One)
            && route.graph.is_none()
            && route.bits.is_none()
            && allowed.matching > 0
            && exact::looks_at_all(view, allowed.rows.as_deref())
    };
    for alike in questions.chunk_by(|a, b| scanned(a) == scanned(b)) {
        if alike.first().is_some_and(scanned) {
            for questions in alike.chunks(exact::MOST_QUESTIONS) {
                scan_together(view, questions, options, turns, answers);
            }
        } else {
            for questions in alike.chunks(TURNS) {
                take_turns(inner, view, questions, options, turns, answers)?;
            }
        }
    }
    Ok(())
}

/// How many rows a question is after: what is dropped may be among the best.
fn wanted(options: &SearchOptions, allowed: &Allowed) -> usize {
    options.wanted().saturating_add(allowed.dropped.len())
}

/// Answers questions that look at all rows.
fn scan_together(
    view: &View<'_>,
    questions: &[(Resolved, Allowed)],
    options: &SearchOptions,
    turns: &mut Turns,
    answers: &mut Vec<Neighbors>,
) {
    let Turns {
        scratch,
        asked,
        scans,
        dots,
        ..
    } = turns;
    let count = questions.len();
    asked.resize_with(asked.len().max(count), Asked::default);
    scans.resize_with(scans.len().max(count), exact::Buffers::default);
    for ((resolved, _), asked) in questions.iter().zip(asked.iter_mut()) {
        asked.set(view, &resolved.vector);
    }
    let asks: Vec<exact::Question<'_>> = questions
        .iter()
        .zip(asked.iter())
        .map(|((_, allowed), asked)| exact::Question {
            asked,
            allowed: allowed.rows.as_deref(),
            k: wanted(options, allowed),
        })
        .collect();
    exact::scan_many(view, &asks, options.min_score, scans, dots);
    for (((_, allowed), asked), scan) in questions.iter().zip(asked.iter_mut()).zip(&*scans) {
        std::mem::swap(&mut scratch.asked, asked);
        answers.push(finish_scan(view, allowed, options, scan.found(), scratch));
    }
}

/// Answers at most [`TURNS`] questions: those that go through the graph without a filter in turns.
fn take_turns(
    inner: &Inner,
    view: &View<'_>,
    questions: &[(Resolved, Allowed)],
    options: &SearchOptions,
    turns: &mut Turns,
    answers: &mut Vec<Neighbors>,
) -> Result<()> {
    let Turns {
        scratch,
        asked,
        walks,
        ..
    } = turns;
    let routes = questions.iter().map(|(_, allowed)| {
        Route::choose(inner, view, allowed, options, wanted(options, allowed)).graph
    });
    let graph = routes.flatten().reduce(|a, b| (a.0, a.1.max(b.1)));
    let open = questions.iter().all(|(_, allowed)| allowed.rows.is_none());
    let (Some((graph, ef)), true) = (graph, open) else {
        for (resolved, allowed) in questions {
            answers.push(inner.answer(view, resolved, allowed, options, scratch)?);
        }
        return Ok(());
    };
    asked.resize_with(asked.len().max(TURNS), Asked::default);
    walks.resize_with(TURNS, Walk::default);
    for ((resolved, _), asked) in questions.iter().zip(asked.iter_mut()) {
        asked.set(view, &resolved.vector);
    }
    let work: Vec<Work<'_>> = asked
        .iter()
        .zip(questions)
        .map(|(asked, (_, allowed))| asked.work(view, ef, wanted(options, allowed)))
        .collect();
    let walks = walks.get_mut(..questions.len()).unwrap_or(&mut []);
    hnsw::walk_many(&graph, view.codes, &work, walks);
    let walked = asked.iter_mut().zip(walks);
    for ((_, allowed), (asked, walk)) in questions.iter().zip(walked) {
        std::mem::swap(&mut scratch.asked, asked);
        std::mem::swap(&mut scratch.walk, walk);
        answers.push(inner.finish_walk(view, allowed, options, ef, scratch));
    }
    Ok(())
}

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
            Turns::default,
            |_, rows, turns| {
                let mut query = vec![0f32; queries.dimension()];
                let mut questions = Vec::with_capacity(rows.len());
                for &row in rows {
                    queries.copy_row(row, &mut query);
                    let resolved = Resolved {
                        vector: check_vector(&view, &format!("query {row}"), &query)?,
                        ..Resolved::default()
                    };
                    questions.push((resolved, allowed.clone()));
                }
                let mut answers = Vec::with_capacity(rows.len());
                answer_many(&self.inner, &view, &questions, options, turns, &mut answers)?;
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
            Turns::default,
            |_, items, turns| {
                let mut questions = Vec::with_capacity(items.len());
                for &item in items {
                    questions.push((Resolved::item(&view, item)?, allowed.without(item)));
                }
                let mut answers = Vec::with_capacity(items.len());
                answer_many(&self.inner, &view, &questions, options, turns, &mut answers)?;
                Ok(answers)
            },
        )?;
        let mut graph = KnnGraph {
            offsets: vec![0],
            items: Vec::new(),
            scores: Vec::new(),
        };
        for Neighbors { items: list, .. } in lists.into_iter().flatten() {
            graph.items.extend(list.iter().map(|n| n.item));
            graph.scores.extend(list.iter().map(|n| n.score));
            graph.offsets.push(graph.items.len() as u64);
        }
        Ok(graph)
    }
}
