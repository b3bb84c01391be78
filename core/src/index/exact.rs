//! The flat scan: every row, or every row that may match, and never a wrong answer.
//!
//! The codes of all rows go past once, in blocks that stay in the cache. Their inner products
//! with the query give estimates whose distance from the true score has a bound (Cauchy and
//! Schwarz, with the lengths of what coding lost). Rows that the bound cannot rule out are scored
//! from the stored vectors. So the answer is that of scoring every row, for a quarter of the
//! memory traffic.

use tastemaker_kernels::{
    ByteQuery, MOST_BYTE_QUERIES, byte_dots, byte_dots_batch, byte_dots_block, byte_stride,
};

use crate::bitset::BitSet;

use super::view::{Asked, View};

/// The most rows of a block.
const BLOCK: usize = 1024;
/// The most bytes of a block for several questions, which stays in the second cache while groups of
/// them look at it.
const BLOCK_BYTES: usize = 256 * 1024;
/// The most questions of [`scan_many`] at once.
pub(super) const MOST_QUESTIONS: usize = 32;
/// Candidates are thinned out when there are this many times more than wanted.
const SLACK: usize = 4;
/// Below one row in this many, only matching rows are looked at: a row that is fetched alone costs
/// three that lie one after the other.
pub(super) const SPARSE: usize = 3;

/// Buffers of a scan.
#[derive(Default)]
pub(super) struct Buffers {
    dots: Vec<i32>,
    estimates: Vec<f32>,
    ids: Vec<u32>,
    kept: Candidates,
}

impl Buffers {
    /// The rows that the last scan found.
    pub(super) fn found(&self) -> &[u32] {
        &self.kept.rows
    }
}

/// Rows that may be among the best, ascending, with their estimates.
#[derive(Default)]
pub(super) struct Candidates {
    rows: Vec<u32>,
    estimates: Vec<f32>,
    order: Vec<f32>,
    /// Rows below this estimate are out.
    floor: f32,
    limit: usize,
    k: usize,
}

impl Candidates {
    fn reset(&mut self, k: usize, floor: f32) {
        self.rows.clear();
        self.estimates.clear();
        self.floor = floor;
        self.k = k;
        self.limit = k.saturating_mul(SLACK).max(256);
    }

    fn push(&mut self, view: &View<'_>, asked: &Asked, row: u32, estimate: f32) {
        self.rows.push(row);
        self.estimates.push(estimate);
        if self.rows.len() >= self.limit {
            self.thin(view, asked);
            // Where many cannot be told apart, wait longer for the next time.
            self.limit = self.limit.max(self.rows.len().saturating_mul(2));
        }
    }

    /// Raises the floor by what is known now, and drops what is below it.
    fn thin(&mut self, view: &View<'_>, asked: &Asked) {
        self.order.clear();
        if view.row_starts.is_empty() {
            self.order.extend_from_slice(&self.estimates);
        } else {
            // The best row of each item: an item's rows stand together.
            let mut last = None;
            for (&row, &estimate) in self.rows.iter().zip(&self.estimates) {
                let item = view.item_of(row);
                match self.order.last_mut() {
                    Some(best) if last == Some(item) => *best = best.max(estimate),
                    _ => self.order.push(estimate),
                }
                last = Some(item);
            }
        }
        if self.order.len() < self.k {
            return;
        }
        let (_, &mut kth, _) = self
            .order
            .select_nth_unstable_by(self.k - 1, |a, b| b.total_cmp(a));
        self.floor = self.floor.max(asked.floor(view, kth));
        let floor = self.floor;
        let mut kept = 0;
        for at in 0..self.rows.len() {
            if self.estimates[at] >= floor {
                self.rows[kept] = self.rows[at];
                self.estimates[kept] = self.estimates[at];
                kept += 1;
            }
        }
        self.rows.truncate(kept);
        self.estimates.truncate(kept);
    }
}

/// The rows among which the `k` best items are, ascending; `allowed` are the rows that may
/// match, `least` the score that they must have.
pub(super) fn scan<'b>(
    view: &View<'_>,
    asked: &Asked,
    allowed: Option<&BitSet>,
    k: usize,
    least: Option<f32>,
    buffers: &'b mut Buffers,
) -> &'b [u32] {
    let floor = least.map_or(f32::NEG_INFINITY, |least| asked.floor_of_score(view, least));
    buffers.kept.reset(k, floor);
    match allowed {
        Some(allowed) if allowed.count() < view.rows / SPARSE => {
            let mut rows = allowed.iter();
            loop {
                buffers.ids.clear();
                buffers
                    .ids
                    .extend(rows.by_ref().take(BLOCK).map(|row| row as u32));
                if buffers.ids.is_empty() {
                    break;
                }
                buffers.dots.resize(buffers.ids.len(), 0);
                byte_dots(&asked.bytes, view.codes, &buffers.ids, &mut buffers.dots);
                for (&row, &dot) in buffers.ids.iter().zip(&buffers.dots) {
                    let estimate = asked.estimate(view, dot, row);
                    if estimate >= buffers.kept.floor {
                        buffers.kept.push(view, asked, row, estimate);
                    }
                }
            }
        }
        _ => {
            for first in (0..view.rows).step_by(BLOCK) {
                let block = view.codes.block(first, BLOCK);
                buffers.dots.resize(block.len(), 0);
                byte_dots_block(&asked.bytes, block, &mut buffers.dots);
                asked.estimates(view, &buffers.dots, first, &mut buffers.estimates);
                keep(
                    view,
                    asked,
                    first,
                    &buffers.estimates,
                    allowed,
                    &mut buffers.kept,
                );
            }
        }
    }
    buffers.kept.thin(view, asked);
    &buffers.kept.rows
}

/// A question of [`scan_many`]: what is asked, the rows that may match, and how many items.
pub(super) struct Question<'a> {
    pub(super) asked: &'a Asked,
    pub(super) allowed: Option<&'a BitSet>,
    pub(super) k: usize,
}

/// Whether so many rows match that a scan looks at all of them, and not at each that matches.
pub(super) fn looks_at_all(view: &View<'_>, allowed: Option<&BitSet>) -> bool {
    allowed.is_none_or(|allowed| allowed.count() >= view.rows / SPARSE)
}

/// [`scan`] for several questions at once, at most [`MOST_QUESTIONS`], for which
/// [`looks_at_all`]: a block comes from memory once for all of them. What is found is in the
/// buffers, see [`Buffers::found`].
pub(super) fn scan_many(
    view: &View<'_>,
    questions: &[Question<'_>],
    least: Option<f32>,
    buffers: &mut [Buffers],
    dots: &mut Vec<i32>,
) {
    let queries: Vec<&ByteQuery> = questions.iter().map(|q| &q.asked.bytes).collect();
    for (question, buffers) in questions.iter().zip(buffers.iter_mut()) {
        let floor = least.map_or(f32::NEG_INFINITY, |least| {
            question.asked.floor_of_score(view, least)
        });
        buffers.kept.reset(question.k, floor);
    }
    let rows = (BLOCK_BYTES / byte_stride(view.dimension).max(1)).clamp(64, BLOCK);
    for first in (0..view.rows).step_by(rows) {
        let block = view.codes.block(first, rows);
        let groups = queries.chunks(MOST_BYTE_QUERIES);
        let asking = questions.chunks(MOST_BYTE_QUERIES);
        let own = buffers.chunks_mut(MOST_BYTE_QUERIES);
        for ((queries, questions), buffers) in groups.zip(asking).zip(own) {
            dots.clear();
            dots.resize(queries.len() * block.len(), 0);
            byte_dots_batch(queries, block, dots);
            let own = dots.chunks(block.len().max(1));
            for ((question, buffers), dots) in questions.iter().zip(buffers).zip(own) {
                let Buffers {
                    estimates, kept, ..
                } = buffers;
                question.asked.estimates(view, dots, first, estimates);
                keep(
                    view,
                    question.asked,
                    first,
                    estimates,
                    question.allowed,
                    kept,
                );
            }
        }
    }
    for (question, buffers) in questions.iter().zip(buffers) {
        buffers.kept.thin(view, question.asked);
    }
}

/// Keeps what is above the floor of a block's estimates.
fn keep(
    view: &View<'_>,
    asked: &Asked,
    first: usize,
    estimates: &[f32],
    allowed: Option<&BitSet>,
    kept: &mut Candidates,
) {
    for (part, some) in estimates.chunks(16).enumerate() {
        // Most parts have nothing: one comparison of vectors, without a branch for each row.
        let floor = kept.floor;
        if !some.iter().fold(false, |any, &e| any | (e >= floor)) {
            continue;
        }
        for (at, &estimate) in some.iter().enumerate() {
            let row = first + part * 16 + at;
            if estimate >= kept.floor && allowed.is_none_or(|set| set.contains(row)) {
                kept.push(view, asked, row as u32, estimate);
            }
        }
    }
}
