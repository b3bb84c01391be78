//! The index against a naive search, written from the definitions in `f64`.

mod basics;
mod binary;
mod changes;
mod ends;
mod graph;
mod hostile;
mod sketches;

use super::{Example, IndexOptions, Kind, Metric, Neighbors, SearchOptions, Target};
use super::{VectorIndex, Vectors};
use crate::control::Control;
use crate::event::IdColumn;

/// Numbers that look random, from nothing but their place.
pub(super) struct Numbers(pub(super) u64);

impl Numbers {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Between −1 and 1.
    pub(super) fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1 << 23) as f32 - 1.0
    }

    /// Nearly normal.
    pub(super) fn normal(&mut self) -> f32 {
        (0..6).map(|_| self.unit()).sum::<f32>() / 1.5
    }
}

/// Rows around some centres.
pub(super) fn clustered(rows: usize, dimension: usize, centres: usize, seed: u64) -> Vec<f32> {
    let mut numbers = Numbers(seed);
    let middles: Vec<f32> = (0..centres * dimension).map(|_| numbers.normal()).collect();
    let mut out = Vec::with_capacity(rows * dimension);
    for _ in 0..rows {
        let centre = numbers.next() as usize % centres;
        for at in 0..dimension {
            out.push(middles[centre * dimension + at] + 0.4 * numbers.normal());
        }
    }
    out
}

pub(super) fn index(
    ids: &[i64],
    values: &[f32],
    dimension: usize,
    options: &IndexOptions,
) -> VectorIndex {
    let vectors = Vectors::new(values, dimension).unwrap();
    VectorIndex::build(IdColumn::Integer(ids), vectors, options, &Control::new()).unwrap()
}

pub(super) fn numbered(rows: usize) -> Vec<i64> {
    (0..rows as i64).collect()
}

pub(super) fn options(metric: Metric, kind: Kind) -> IndexOptions {
    IndexOptions {
        metric,
        kind,
        ..IndexOptions::default()
    }
}

/// The score by its definition.
pub(super) fn naive_score(metric: Metric, a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        a.iter()
            .zip(b)
            .map(|(&x, &y)| f64::from(x) * f64::from(y))
            .sum()
    };
    match metric {
        Metric::Cosine => dot(a, b) / (dot(a, a).sqrt() * dot(b, b).sqrt()),
        Metric::InnerProduct => dot(a, b),
        Metric::L2 => -a
            .iter()
            .zip(b)
            .map(|(&x, &y)| (f64::from(x) - f64::from(y)) * (f64::from(x) - f64::from(y)))
            .sum::<f64>(),
    }
}

/// The best `k` ids, one row after the other.
pub(super) fn naive(
    metric: Metric,
    ids: &[i64],
    values: &[f32],
    query: &[f32],
    k: usize,
    keep: &dyn Fn(i64) -> bool,
) -> Vec<(i64, f64)> {
    let mut best: std::collections::BTreeMap<i64, f64> = std::collections::BTreeMap::new();
    for (&id, row) in ids.iter().zip(values.chunks(query.len())) {
        if keep(id) {
            let score = naive_score(metric, query, row);
            let entry = best.entry(id).or_insert(f64::NEG_INFINITY);
            *entry = entry.max(score);
        }
    }
    let mut all: Vec<(i64, f64)> = best.into_iter().collect();
    all.sort_by(|a, b| b.1.total_cmp(&a.1));
    all.truncate(k);
    all
}

pub(super) fn ids_of(index: &VectorIndex, found: &Neighbors) -> Vec<i64> {
    found
        .items
        .iter()
        .map(|n| index.id(n.item).unwrap().parse().unwrap())
        .collect()
}

/// Which share of the true ids was found.
pub(super) fn recall(found: &[i64], truth: &[(i64, f64)]) -> f64 {
    let hits = truth.iter().filter(|(id, _)| found.contains(id)).count();
    hits as f64 / truth.len().max(1) as f64
}

pub(super) fn near<'a>(query: &'a [f32]) -> Target<'a> {
    Target::Near(Example::Vector(query))
}

pub(super) fn top(k: usize) -> SearchOptions {
    SearchOptions::top(k)
}

pub(super) const METRICS: [Metric; 3] = [Metric::Cosine, Metric::InnerProduct, Metric::L2];
