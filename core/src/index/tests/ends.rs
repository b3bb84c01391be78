//! Where walks end, and the intrinsic dimension that says so.

use std::sync::Arc;

use super::*;
use crate::index::{Changes, Plan};

fn hnsw(metric: Metric) -> IndexOptions {
    IndexOptions {
        threads: 2,
        ..options(metric, Kind::Hnsw)
    }
}

fn dimension_of(index: &VectorIndex) -> Option<f64> {
    index.manifest()["intrinsic_dimension"].as_f64()
}

/// The same index, as one that was built before dimensions were estimated.
fn without_dimension(index: &VectorIndex) -> VectorIndex {
    let mut index = VectorIndex::from_bytes(index.as_bytes()).unwrap();
    Arc::get_mut(&mut index.inner).unwrap().layout.intrinsic = None;
    index
}

/// The mean recall of the `k` nearest, the rows that were compared on average, and at most.
fn measure(index: &VectorIndex, asked: &[f32], k: usize, ef: usize) -> (f64, f64, usize) {
    let (mut hits, mut compared, mut most) = (0, 0, 0);
    for query in asked.chunks(index.dimension()) {
        let truth = index.search(
            &near(query),
            &SearchOptions {
                exact: true,
                ..top(k)
            },
        );
        let truth = ids_of(index, &truth.unwrap());
        let options = SearchOptions {
            ef: Some(ef),
            trace: true,
            ..top(k)
        };
        let found = index.search(&near(query), &options).unwrap();
        hits += ids_of(index, &found)
            .iter()
            .filter(|id| truth.contains(id))
            .count();
        let trace = found.trace.unwrap();
        assert_eq!(trace.plan, Plan::Hnsw);
        compared += trace.compared;
        most = most.max(trace.compared);
    }
    let queries = (asked.len() / index.dimension()) as f64;
    (
        hits as f64 / (queries * k as f64),
        compared as f64 / queries,
        most,
    )
}

#[test]
fn the_dimension_is_that_of_the_space_that_the_rows_fill() {
    let mut numbers = Numbers(3);
    let rows = 8000;
    for (metric, real, least, most) in [
        (Metric::L2, 2, 1.8, 2.2),
        (Metric::L2, 6, 4.9, 6.2),
        // A sphere has a dimension less than the space around it.
        (Metric::Cosine, 4, 2.7, 3.2),
    ] {
        // Turned into a space of more dimensions, which changes nothing.
        let width = 20;
        let turns: Vec<f32> = (0..real * width).map(|_| numbers.normal()).collect();
        let mut values = Vec::with_capacity(rows * width);
        for _ in 0..rows {
            let inner: Vec<f32> = (0..real)
                .map(|_| match metric {
                    Metric::L2 => numbers.unit(),
                    _ => numbers.normal(),
                })
                .collect();
            for to in 0..width {
                let parts = inner.iter().zip(turns.chunks(width));
                values.push(parts.map(|(value, turn)| value * turn[to]).sum());
            }
        }
        let index = index(&numbered(rows), &values, width, &hnsw(metric));
        let found = dimension_of(&index).unwrap();
        assert!(least < found && found < most, "{metric:?} {real}: {found}");
        assert_eq!(dimension_of(&index.export_edge().unwrap()), Some(found));
    }
}

#[test]
fn without_neighbours_that_tell_there_is_no_dimension() {
    let values = clustered(3000, 8, 20, 5);
    let ids = numbered(3000);
    let exact = IndexOptions {
        kind: Kind::Exact,
        ..IndexOptions::default()
    };
    assert_eq!(dimension_of(&index(&ids, &values, 8, &exact)), None);
    let inner = hnsw(Metric::InnerProduct);
    assert_eq!(dimension_of(&index(&ids, &values, 8, &inner)), None);
    // Few rows, and rows that are all at one place.
    let cosine = hnsw(Metric::Cosine);
    assert_eq!(
        dimension_of(&index(&ids[..100], &values[..800], 8, &cosine)),
        None
    );
    let same = values[..8].repeat(3000);
    assert_eq!(dimension_of(&index(&ids, &same, 8, &cosine)), None);
}

#[test]
fn an_update_estimates_anew() {
    let values = clustered(6000, 8, 1, 5);
    let ids = numbered(6000);
    let old = index(&ids, &values, 8, &hnsw(Metric::L2));
    // Half of the rows move into a plane.
    let mut flat = values[..3000 * 8].to_vec();
    for row in flat.chunks_mut(8) {
        row[2..].fill(0.0);
    }
    let changes = Changes {
        ids: IdColumn::Integer(&ids[..3000]),
        vectors: Vectors::new(&flat, 8).unwrap(),
        catalog: None,
        remove: &[],
    };
    let updated = old.update(&changes, 2, &Control::new()).unwrap().index;
    let (before, after) = (dimension_of(&old).unwrap(), dimension_of(&updated).unwrap());
    assert!(after < 0.8 * before, "{before} {after}");
}

#[test]
fn walks_that_end_in_time_find_more_for_the_same_work() {
    let (rows, dimension) = (20_000, 24);
    let values = clustered(rows, dimension, 200, 17);
    let mut numbers = Numbers(8);
    let asked: Vec<f32> = values[..dimension * 400]
        .iter()
        .map(|v| v + 0.3 * numbers.normal())
        .collect();
    for metric in METRICS {
        let index = index(&numbered(rows), &values, dimension, &hnsw(metric));
        let plain = without_dimension(&index);
        for k in [1, 10] {
            let (recall, compared, most) = measure(&index, &asked, k, 20);
            let (same_recall, same, _) = measure(&plain, &asked, k, 20);
            let (long_recall, long, most_long) = measure(&plain, &asked, k, 80);
            let line = format!(
                "{metric:?} {k}: {recall} {compared} {most}; {same_recall} {same}; {long_recall} {long} {most_long}"
            );
            if metric == Metric::InnerProduct {
                assert_eq!((recall, compared), (same_recall, same), "{line}");
                continue;
            }
            assert!(recall >= same_recall && compared < 1.3 * same, "{line}");
            // What the recall of a list of four times the length takes.
            assert!(
                recall > long_recall - 0.005 && compared < 0.7 * long,
                "{line}"
            );
            assert!(most <= most_long, "{line}");
        }
    }
}
