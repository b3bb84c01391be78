//! An open index as slices, and what is computed from a row.

use tastemaker_kernels::{
    ByteQuery, ByteRows, byte_stride, dot, dots, half_dots, prefetch, squared_distance,
    squared_distances, widen_halves,
};

use crate::bitset::BitSet;
use crate::id::Ids;

use super::binary::Bits;
use super::hnsw::{Graph, HALF, Keys, Reach, Stop, Work};
use super::options::Metric;
use super::quantize::{Bounds, QueryCodes, Scale};
use super::sketch::{SketchQuery, Sketches};

/// The most candidates that a walk keeps, in times of `ef`.
const LONGER: usize = 4;

/// The sections of an index, borrowed.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) metric: Metric,
    pub(super) dimension: usize,
    pub(super) rows: usize,
    pub(super) items: usize,
    pub(super) ids: Ids<'a>,
    /// Where each item's rows start; empty where each has one.
    pub(super) row_starts: &'a [u32],
    pub(super) scale: &'a Scale,
    pub(super) bounds: Bounds,
    /// The vectors in 32 bits; empty in another storage.
    pub(super) floats: &'a [f32],
    /// The vectors in 16 bits; empty in another storage.
    pub(super) halves: &'a [u16],
    pub(super) codes: ByteRows<'a>,
    /// L2: the squared length of the row's codes. Inner product: the code of the dimension that
    /// makes all rows equally long. Cosine: empty.
    pub(super) sides: &'a [i32],
    pub(super) graph: Option<Graph<'a>>,
    /// The intrinsic dimension of the graph's rows, where it is known.
    pub(super) intrinsic: Option<f64>,
    /// Rows that stand in the graph for others with the same codes, where those start, and they.
    pub(super) twins: [&'a [u32]; 3],
    /// One bit a value; only of the kind `binary`.
    pub(super) bits: Option<Bits<'a>>,
    /// Only of a graph of long rows.
    pub(super) sketches: Option<Sketches<'a>>,
}

impl<'a> View<'a> {
    /// The rows for which a row stands in the graph, without itself.
    pub(super) fn twins_of(&self, row: u32) -> &'a [u32] {
        let [firsts, starts, others] = self.twins;
        let Ok(at) = firsts.binary_search(&row) else {
            return &[];
        };
        let (Some(&start), Some(&end)) = (starts.get(at), starts.get(at + 1)) else {
            return &[];
        };
        others.get(start as usize..end as usize).unwrap_or(&[])
    }

    /// Rows of the graph that match, or stand for one that does.
    pub(super) fn standing_for(&self, allowed: &BitSet) -> Option<BitSet> {
        let [firsts, ..] = self.twins;
        if firsts.is_empty() {
            return None;
        }
        let mut set = allowed.clone();
        for &first in firsts {
            let twins = self.twins_of(first);
            if twins.iter().any(|&row| allowed.contains(row as usize)) {
                set.insert(first as usize);
            }
            // Who does not stand in the graph is no place to start from.
            for &row in twins {
                set.remove(row as usize);
            }
        }
        Some(set)
    }

    /// The item of a row.
    pub(super) fn item_of(&self, row: u32) -> u32 {
        if self.row_starts.is_empty() {
            return row;
        }
        let after = self.row_starts.partition_point(|&start| start <= row);
        after.saturating_sub(1) as u32
    }

    /// The rows of an item.
    pub(super) fn rows_of(&self, item: u32) -> std::ops::Range<u32> {
        if self.row_starts.is_empty() {
            return item..item.saturating_add(1).min(self.rows as u32).max(item);
        }
        // Not beyond the rows: a file that was opened without a check may say anything.
        let at = |n: usize| {
            self.row_starts
                .get(n)
                .map_or(0, |&at| at.min(self.rows as u32))
        };
        let item = item as usize;
        at(item)..at(item + 1).max(at(item))
    }

    /// A set of items as a set of rows.
    pub(super) fn rows_in(&self, items: &BitSet) -> BitSet {
        if self.row_starts.is_empty() {
            let mut rows = BitSet::full(self.rows);
            rows.intersect(items);
            return rows;
        }
        let mut rows = BitSet::empty(self.rows);
        for item in items.iter().take_while(|&item| item < self.items) {
            for row in self.rows_of(item as u32) {
                rows.insert(row as usize);
            }
        }
        rows
    }

    /// Asks for the lines of a row's vector.
    pub(super) fn prefetch(&self, row: u32) {
        let start = (row as usize).saturating_mul(self.dimension);
        let range = start..start.saturating_add(self.dimension);
        if let Some(row) = self.floats.get(range.clone()) {
            prefetch(row);
        } else if let Some(row) = self.halves.get(range) {
            prefetch(row);
        }
    }

    /// A row's vector as it is stored, or as its codes say.
    pub(super) fn decode(&self, row: u32, out: &mut [f32]) {
        let start = (row as usize).saturating_mul(self.dimension);
        let range = start..start.saturating_add(self.dimension);
        if let Some(row) = self.floats.get(range.clone()) {
            out.copy_from_slice(row);
        } else if let Some(row) = self.halves.get(range) {
            widen_halves(row, out);
        } else {
            self.scale.decode(self.codes.row(row), out);
        }
    }

    /// The scores of rows from the stored vectors, in the canonical order of arithmetic.
    pub(super) fn score(
        &self,
        query: &[f32],
        rows: &[u32],
        row: &mut Vec<f32>,
        out: &mut Vec<f32>,
    ) {
        out.clear();
        out.resize(rows.len(), 0.0);
        row.clear();
        row.resize(self.dimension, 0.0);
        let width = self.dimension;
        if !self.floats.is_empty() {
            match self.metric {
                Metric::L2 => squared_distances(query, self.floats, rows, out),
                _ => dots(query, self.floats, rows, out),
            }
        } else if !self.halves.is_empty() {
            for (&id, to) in rows.iter().zip(out.iter_mut()) {
                let start = (id as usize).saturating_mul(width);
                let half = self
                    .halves
                    .get(start..start.saturating_add(width))
                    .unwrap_or(&[]);
                if self.metric == Metric::L2 {
                    widen_halves(half, row);
                    *to = squared_distance(query, row);
                } else {
                    half_dots(query, half, std::slice::from_mut(to));
                }
            }
        } else {
            for (&id, to) in rows.iter().zip(out.iter_mut()) {
                self.scale.decode(self.codes.row(id), row);
                *to = match self.metric {
                    Metric::L2 => squared_distance(query, row),
                    Metric::InnerProduct => dot(query, row),
                    // Codes are not of length 1 any more.
                    Metric::Cosine => {
                        let square = dot(row, row);
                        if square > 0.0 {
                            dot(query, row) / square.sqrt()
                        } else {
                            0.0
                        }
                    }
                };
            }
        }
        if self.metric == Metric::L2 {
            for score in out.iter_mut() {
                // Never a negative zero: an exact match scores 0.
                *score = 0.0 - *score;
            }
        }
    }
}

/// A query in every form that the engines need.
#[derive(Default)]
pub(super) struct Asked {
    /// The query itself; of length 1 for the cosine.
    pub(super) floats: Vec<f32>,
    relative: Vec<f32>,
    codes: QueryCodes,
    pub(super) bytes: ByteQuery,
    sketched: SketchQuery,
    /// An estimate is `factor · dot − side`, larger for nearer rows; without sides, the dot.
    factor: f32,
    /// What one step of an estimate is in the score; for L2 in the squared distance.
    unit: f64,
    /// How far an estimate can be from the truth: in the score, or for L2 in the distance.
    margin: f64,
    /// For L2: the squared length of the query's codes' meaning.
    square: f64,
}

impl Asked {
    /// The query less the centre.
    pub(super) fn relative(&self) -> &[f32] {
        &self.relative
    }

    /// Prepares a query that was checked and, for the cosine, scaled.
    pub(super) fn set(&mut self, view: &View<'_>, query: &[f32]) {
        self.floats.clear();
        self.floats.extend_from_slice(query);
        self.relative.clear();
        self.relative.resize(query.len(), 0.0);
        view.scale.relative(query, &mut self.relative);
        self.codes.set(&self.relative);
        self.bytes.set(&self.codes.codes);
        let (row_step, step) = (f64::from(view.scale.step), f64::from(self.codes.step));
        if let Some(sketches) = &view.sketches {
            self.sketched
                .set(sketches, &self.codes.codes, row_step / step);
        }
        let bounds = view.bounds;
        // The canonical sums round: sixteen partial sums of width / 16 terms, and a tree.
        let terms = view.dimension as f64 / 16.0 + 8.0;
        let rounding = terms * 1.2e-7;
        match view.metric {
            Metric::L2 => {
                self.unit = row_step * row_step;
                self.factor = (2.0 * step / row_step) as f32;
                let square: f64 = self
                    .codes
                    .codes
                    .iter()
                    .map(|&c| f64::from(c) * f64::from(c))
                    .sum();
                self.square = square * step * step;
                let far = self.codes.length + bounds.length;
                self.margin = bounds.error + self.codes.error + far * rounding;
            }
            Metric::Cosine | Metric::InnerProduct => {
                self.unit = row_step * step;
                self.factor = 1.0;
                self.margin = self.codes.length * bounds.error
                    + self.codes.error * (bounds.length + bounds.error)
                    + self.codes.length * bounds.length * rounding;
            }
        }
    }

    /// Estimates from inner products of codes; `sides` are those of the same rows, or empty.
    pub(super) fn estimates(
        &self,
        view: &View<'_>,
        dots: &[i32],
        first: usize,
        out: &mut Vec<f32>,
    ) {
        out.clear();
        if view.metric == Metric::L2 {
            let sides = view.sides.get(first..).unwrap_or(&[]);
            let estimate = |(&dot, &side): (&i32, &i32)| self.factor * dot as f32 - side as f32;
            out.extend(dots.iter().zip(sides).map(estimate));
        } else {
            out.extend(dots.iter().map(|&dot| dot as f32));
        }
    }

    /// What a walk needs that keeps `ef` candidates and from which `items` are wanted.
    pub(super) fn work<'a>(&'a self, view: &View<'a>, ef: usize, items: usize) -> Work<'a> {
        Work {
            query: &self.bytes,
            keys: self.keys(view),
            sketch: view.sketches.map(|sketches| (sketches, &self.sketched)),
            reach: self.reach(view, ef, items),
        }
    }

    /// How far such a walk goes.
    fn reach(&self, view: &View<'_>, ef: usize, items: usize) -> Reach {
        let Some(dimension) = view.intrinsic else {
            return Reach::all_of(ef);
        };
        // Of items with several rows, as many rows as so many items have.
        let rows = (items as u64 * view.rows as u64).div_ceil(view.items.max(1) as u64);
        let rows = usize::try_from(rows).unwrap_or(usize::MAX);
        // What rounding to codes does to a squared distance, usually.
        let step = f64::from(view.scale.step);
        let lost = self.codes.error * self.codes.error;
        let rounded = view.dimension as f64 * step * step / 12.0 + lost;
        let stop = match view.metric {
            // A squared distance is 2 − 2 times the cosine.
            Metric::Cosine => {
                let zero = f64::from(HALF) - 1.0 / self.unit;
                Stop::new(rows, ef, dimension, zero, rounded / 2.0 / self.unit)
            }
            Metric::L2 => {
                let zero = -self.square / self.unit;
                Stop::new(rows, ef, dimension, zero, rounded / self.unit).of_floats()
            }
            Metric::InnerProduct => return Reach::all_of(ef),
        };
        Reach {
            usual: ef,
            limit: ef.saturating_mul(LONGER),
            stop,
        }
    }

    /// How the graph's distances come from inner products with this query.
    fn keys<'a>(&self, view: &View<'a>) -> Keys<'a> {
        match view.metric {
            Metric::L2 => Keys::Estimate {
                factor: self.factor,
                sides: view.sides,
            },
            _ => Keys::Plain,
        }
    }

    /// The estimate of one row.
    #[inline]
    pub(super) fn estimate(&self, view: &View<'_>, dot: i32, row: u32) -> f32 {
        if view.metric == Metric::L2 {
            let side = view.sides.get(row as usize).copied().unwrap_or(i32::MAX);
            self.factor * dot as f32 - side as f32
        } else {
            dot as f32
        }
    }

    /// Rows below this estimate have a score below every row at or above `estimate`, or, with
    /// `score`, below that score.
    pub(super) fn floor(&self, view: &View<'_>, estimate: f32) -> f32 {
        let estimate = f64::from(estimate);
        let floor = if view.metric == Metric::L2 {
            let near = (self.square - estimate * self.unit).max(0.0).sqrt();
            let far = near + 2.0 * self.margin;
            (self.square - far * far) / self.unit
        } else {
            estimate - 2.0 * self.margin / self.unit
        };
        lower(floor)
    }

    /// Rows below this estimate have a score below `score`.
    pub(super) fn floor_of_score(&self, view: &View<'_>, score: f32) -> f32 {
        let score = f64::from(score);
        let floor = if view.metric == Metric::L2 {
            let far = (-score).max(0.0).sqrt() + self.margin;
            (self.square - far * far) / self.unit
        } else {
            (score - self.margin) / self.unit
        };
        lower(floor)
    }
}

/// A bound a little lower, so that the rounding of estimates to `f32` cannot matter.
fn lower(bound: f64) -> f32 {
    let slack = bound.abs() * 1e-6 + 1.0;
    let bound = bound - slack;
    if bound.is_nan() {
        f32::NEG_INFINITY
    } else {
        bound as f32
    }
}

/// The bytes from one row of codes to the next.
pub(super) fn stride(dimension: usize) -> usize {
    byte_stride(dimension)
}
