//! Which of many candidates become neighbours.

use tastemaker_kernels::{ByteQuery, ByteRows, byte_dots};

use super::super::options::Metric;
use super::super::sketch::{SketchQuery, Sketches};
use super::graph::Layer;
use super::keys::Keys;

/// What distances between rows need.
#[derive(Clone, Copy)]
pub(super) struct Space<'a> {
    pub(super) metric: Metric,
    pub(super) dimension: usize,
    pub(super) codes: ByteRows<'a>,
    pub(super) sides: &'a [i32],
    pub(super) sketches: Option<Sketches<'a>>,
}

/// Buffers of pruning.
#[derive(Default)]
pub(super) struct Pruner {
    query: ByteQuery,
    rows: Vec<u32>,
    dots: Vec<i32>,
    /// Distance and place of what was chosen, nearest first.
    pub(super) kept: Vec<(u32, u32)>,
    passed: Vec<(u32, u32)>,
}

impl Space<'_> {
    /// Prepares a row as a query.
    pub(super) fn ask(&self, row: u32, query: &mut ByteQuery) {
        query.set_row(self.codes.row(row), self.dimension);
    }

    /// Prepares a row as a query of sketches.
    pub(super) fn ask_sketches(&self, row: u32, values: &mut Vec<i8>, query: &mut SketchQuery) {
        if let Some(sketches) = &self.sketches {
            let codes = self.codes.row(row).iter().take(self.dimension);
            values.clear();
            values.extend(codes.map(|&code| (code ^ 128) as i8));
            query.set(sketches, values, 1.0);
        }
    }

    /// The key of a row at the same place as this one.
    pub(super) fn zero(&self, row: u32) -> f64 {
        let codes = self.codes.row(row).iter().take(self.dimension);
        let square = codes.map(|&code| (i32::from(code) - 128).pow(2)).sum();
        f64::from(self.keys(row).key(row, square))
    }

    pub(super) fn keys(&self, row: u32) -> Keys<'_> {
        Keys::of_row(self.metric, self.sides, row)
    }
}

impl Pruner {
    /// The distances of a row's candidates, sorted.
    pub(super) fn measure(
        &mut self,
        space: &Space<'_>,
        layer: &Layer<'_>,
        place: u32,
        candidates: &[u32],
        out: &mut Vec<(u32, u32)>,
    ) {
        let row = layer.row(place);
        space.ask(row, &mut self.query);
        self.rows.clear();
        self.rows
            .extend(candidates.iter().map(|&place| layer.row(place)));
        self.dots.clear();
        self.dots.resize(self.rows.len(), 0);
        byte_dots(&self.query, space.codes, &self.rows, &mut self.dots);
        let keys = space.keys(row);
        out.clear();
        for ((&place, &row), &dot) in candidates.iter().zip(&self.rows).zip(&self.dots) {
            out.push((keys.key(row, dot), place));
        }
        out.sort_unstable();
    }

    /// Chooses at most `most` of the candidates (sorted, without the row itself): each that is
    /// nearer to the row than to all chosen before, so that they lie in different directions; and
    /// if those are fewer than `least`, the nearest of the others. The result is in `kept`.
    pub(super) fn prune(
        &mut self,
        space: &Space<'_>,
        layer: &Layer<'_>,
        candidates: &[(u32, u32)],
        most: usize,
        least: usize,
    ) {
        self.complete(space, layer, &[], candidates, most, least);
        self.kept.sort_unstable();
    }

    /// [`Pruner::prune`], where some were chosen before: they stay, and stand first.
    pub(super) fn complete(
        &mut self,
        space: &Space<'_>,
        layer: &Layer<'_>,
        before: &[u32],
        candidates: &[(u32, u32)],
        most: usize,
        least: usize,
    ) {
        self.kept.clear();
        self.passed.clear();
        self.rows.clear();
        self.kept.extend(before.iter().map(|&place| (0, place)));
        self.rows
            .extend(before.iter().map(|&place| layer.row(place)));
        for &(distance, place) in candidates {
            if self.kept.len() >= most {
                break;
            }
            let row = layer.row(place);
            let mut crowded = false;
            if !self.rows.is_empty() {
                space.ask(row, &mut self.query);
                self.dots.clear();
                self.dots.resize(self.rows.len(), 0);
                byte_dots(&self.query, space.codes, &self.rows, &mut self.dots);
                let keys = space.keys(row);
                crowded = self
                    .rows
                    .iter()
                    .zip(&self.dots)
                    .any(|(&other, &dot)| keys.key(other, dot) < distance);
            }
            if crowded {
                self.passed.push((distance, place));
            } else {
                self.kept.push((distance, place));
                self.rows.push(row);
            }
        }
        if self.kept.len() < least {
            let more = least - self.kept.len();
            self.kept.extend(self.passed.iter().take(more));
        }
    }
}
