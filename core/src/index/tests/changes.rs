//! Updates, neighbours of all items, duplicates, clusters, the edge form.

use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::catalog::Catalog;
use crate::error::ErrorKind;
use crate::index::{Changes, ClusterOptions, Precision};

#[test]
fn after_updates_the_exact_index_is_that_of_a_fresh_build() {
    for storage in [Precision::F32, Precision::F16] {
        for metric in METRICS {
            let dimension = 9;
            let options = IndexOptions {
                storage,
                ..options(metric, Kind::Exact)
            };
            let pool = clustered(3000, dimension, 9, 21);
            let row = |n: usize| pool[n * dimension..(n + 1) * dimension].to_vec();
            let mut truth: BTreeMap<i64, Vec<f32>> =
                (0..400).map(|i| (i, row(i as usize))).collect();
            let mut current = index(
                &numbered(400),
                &pool[..400 * dimension],
                dimension,
                &options,
            );
            let mut numbers = Numbers(5);
            for round in 0..6 {
                let upserts: Vec<i64> = (0..60).map(|_| (numbers.next() % 700) as i64).collect();
                let mut upserts = upserts;
                upserts.sort_unstable();
                upserts.dedup();
                let values: Vec<f32> = upserts
                    .iter()
                    .flat_map(|_| row((numbers.next() % 3000) as usize))
                    .collect();
                let removes: Vec<String> = (0..80)
                    .map(|_| (numbers.next() % 800).to_string())
                    .collect();
                let mut removes = removes;
                removes.sort_unstable();
                removes.dedup();
                let names: Vec<&str> = removes.iter().map(String::as_str).collect();
                let before = current.clone();
                let updated = current
                    .update(
                        &Changes {
                            ids: IdColumn::Integer(&upserts),
                            vectors: Vectors::new(&values, dimension).unwrap(),
                            catalog: None,
                            remove: &names,
                        },
                        1 + round % 3,
                        &Control::new(),
                    )
                    .unwrap();
                assert_eq!(before.hash(), current.hash());
                let known = |name: &&String| truth.contains_key(&name.parse::<i64>().unwrap());
                let unknown: Vec<String> = removes.iter().filter(|n| !known(n)).cloned().collect();
                assert_eq!(updated.unknown, unknown);
                let size = truth.len();
                let gone = removes
                    .iter()
                    .filter(|n| known(n) && !upserts.contains(&n.parse().unwrap()))
                    .count();
                assert_eq!(updated.removed, gone);
                for name in &removes {
                    if !upserts.contains(&name.parse().unwrap()) {
                        truth.remove(&name.parse().unwrap());
                    }
                }
                let mut inserted = 0;
                for (n, id) in upserts.iter().enumerate() {
                    let vector = values[n * dimension..(n + 1) * dimension].to_vec();
                    inserted += usize::from(truth.insert(*id, vector).is_none());
                }
                assert_eq!(updated.inserted, inserted);
                assert_eq!(updated.replaced, upserts.len() - inserted);
                assert_eq!(truth.len(), size - gone + inserted);
                current = updated.index;
                let ids: Vec<i64> = truth.keys().copied().collect();
                let flat: Vec<f32> = truth.values().flatten().copied().collect();
                let fresh = index(&ids, &flat, dimension, &options);
                assert_eq!((current.len(), current.rows()), (ids.len(), ids.len()));
                for n in 0..20 {
                    let query = row(n * 31);
                    let a = current.search(&near(&query), &top(12)).unwrap();
                    let b = fresh.search(&near(&query), &top(12)).unwrap();
                    assert_eq!(a, b, "{metric:?} {storage:?}");
                }
            }
        }
    }
}

#[test]
fn attributes_follow_their_items() {
    let mut catalog = Catalog::new();
    for id in ["a", "b", "c"] {
        catalog.add(id, &json!({"name": id, "old": true})).unwrap();
    }
    let first = VectorIndex::build_with_attributes(
        IdColumn::Text(&["a", "b", "c"]),
        Vectors::new(&[1.0, 0.0, 0.0, 1.0, 1.0, 1.0], 2).unwrap(),
        &catalog,
        &IndexOptions::default(),
        &Control::new(),
    )
    .unwrap();
    let mut news = Catalog::new();
    news.add("b", &json!({"name": "B"})).unwrap();
    news.add("d", &json!({"name": "D"})).unwrap();
    let changes = Changes {
        ids: IdColumn::Text(&["d", "b"]),
        vectors: Vectors::new(&[0.5, 1.0, 2.0, 1.0], 2).unwrap(),
        catalog: Some(&news),
        remove: &["c"],
    };
    let second = first.update(&changes, 1, &Control::new()).unwrap().index;
    assert_eq!(
        second.attributes("a").unwrap(),
        json!({"name": "a", "old": true})
    );
    assert_eq!(second.attributes("b").unwrap(), json!({"name": "B"}));
    assert_eq!(second.attributes("c"), None);
    assert_eq!(second.attributes("d").unwrap(), json!({"name": "D"}));
}

#[test]
fn an_update_that_is_refused_changes_nothing() {
    let first = index(&[1, 2], &[1.0, 0.0, 0.0, 1.0], 2, &IndexOptions::default());
    let change = |ids: &[i64], values: &[f32], dimension: usize| {
        let changes = Changes {
            ids: IdColumn::Integer(ids),
            vectors: Vectors::new(values, dimension).unwrap(),
            catalog: None,
            remove: &["1"],
        };
        first
            .update(&changes, 1, &Control::new())
            .unwrap_err()
            .kind()
    };
    assert_eq!(change(&[3], &[1.0, f32::NAN], 2), ErrorKind::InvalidVector);
    assert_eq!(change(&[3], &[0.0, 0.0], 2), ErrorKind::InvalidVector);
    assert_eq!(change(&[3], &[1.0, 0.0, 0.0], 3), ErrorKind::InvalidVector);
    assert_eq!(change(&[3, 4], &[1.0, 0.0], 2), ErrorKind::LengthMismatch);
    assert_eq!(first.len(), 2);
    // To remove all is fine.
    let nothing = Changes {
        ids: IdColumn::Integer(&[]),
        vectors: Vectors::new(&[], 2).unwrap(),
        catalog: None,
        remove: &["1", "2", "7"],
    };
    let updated = first.update(&nothing, 1, &Control::new()).unwrap();
    assert!(updated.index.is_empty());
    assert_eq!(updated.unknown, ["7"]);
}

#[test]
fn batches_answer_as_single_searches_do() {
    let values = clustered(900, 10, 6, 31);
    let index = index(&numbered(900), &values, 10, &IndexOptions::default());
    let queries = Vectors::new(&values[..200 * 10], 10).unwrap();
    let single: Vec<Neighbors> = (0..200)
        .map(|n| {
            index
                .search(&near(&values[n * 10..n * 10 + 10]), &top(7))
                .unwrap()
        })
        .collect();
    for threads in [1, 2, 7] {
        let batch = index.search_batch(&queries, &top(7), threads, &Control::new());
        assert_eq!(batch.unwrap(), single);
    }
    let graph = index.knn_graph(&top(7), 2, &Control::new()).unwrap();
    for item in 0..900u32 {
        let id = index.id(item).unwrap().to_owned();
        let found = index.search(&Target::item(&id), &top(7)).unwrap();
        let (items, scores) = graph.neighbors(item);
        assert_eq!(
            items,
            found.items.iter().map(|n| n.item).collect::<Vec<_>>()
        );
        assert_eq!(
            scores,
            found.items.iter().map(|n| n.score).collect::<Vec<_>>()
        );
    }
    let bad = Vectors::new(&[1.0, f32::NAN], 2).unwrap();
    let e = index
        .search_batch(&bad, &top(1), 1, &Control::new())
        .unwrap_err();
    assert_eq!(e.kind(), ErrorKind::InvalidVector);
    assert!(e.message().contains("query 0"), "{e}");
}

#[test]
fn near_duplicates_are_folded() {
    // Triples around 100 directions, and 100 loners.
    let mut numbers = Numbers(1);
    let mut values = Vec::new();
    for _ in 0..100 {
        let base: Vec<f32> = (0..24).map(|_| numbers.normal()).collect();
        for _ in 0..3 {
            values.extend(base.iter().map(|v| v + 0.01 * numbers.normal()));
        }
    }
    values.extend((0..100 * 24).map(|_| numbers.normal()));
    let ids: Vec<String> = (0..400).map(|i| format!("{i:03}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let index = VectorIndex::build(
        IdColumn::Text(&ids),
        Vectors::new(&values, 24).unwrap(),
        &IndexOptions::default(),
        &Control::new(),
    )
    .unwrap();
    let groups = index.duplicates(0.99, 2, &Control::new()).unwrap();
    let expected: Vec<Vec<u32>> = (0..100)
        .map(|g| vec![g * 3, g * 3 + 1, g * 3 + 2])
        .collect();
    assert_eq!(groups, expected);
    let e = index.duplicates(f32::NAN, 1, &Control::new()).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::InvalidArgument);
}

#[test]
fn clusters_find_what_was_planted_at_any_number_of_threads() {
    let centres = 6;
    let mut numbers = Numbers(8);
    let middles: Vec<Vec<f32>> = (0..centres)
        .map(|_| (0..16).map(|_| numbers.normal()).collect())
        .collect();
    let mut values = Vec::new();
    for n in 0..3000 {
        // Lengths differ by a factor of ten; directions hardly.
        let length = 1.0 + (n % 10) as f32;
        values.extend(
            middles[n % centres]
                .iter()
                .map(|v| length * (v + 0.1 * numbers.normal())),
        );
    }
    let ids: Vec<String> = (0..3000).map(|i| format!("{i:04}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let index = VectorIndex::build(
        IdColumn::Text(&ids),
        Vectors::new(&values, 16).unwrap(),
        &options(Metric::L2, Kind::Exact),
        &Control::new(),
    )
    .unwrap();
    let with = |clusters, threads| {
        let options = ClusterOptions {
            clusters,
            threads,
            ..ClusterOptions::default()
        };
        index.cluster(&options, &Control::new())
    };
    let found = with(centres, 1).unwrap();
    assert!(found.converged);
    assert_eq!(found.sizes, [500; 6]);
    for n in 0..3000 {
        assert_eq!(found.assignment[n], found.assignment[n % centres]);
    }
    assert!(found.cohesion > 0.9);
    for threads in [2, 7] {
        assert_eq!(with(centres, threads).unwrap(), found);
    }
    assert_eq!(
        with(3001, 1).unwrap_err().kind(),
        ErrorKind::InvalidArgument
    );
    assert_eq!(with(0, 1).unwrap_err().kind(), ErrorKind::InvalidArgument);

    // Fewer directions than clusters: every cluster has a row all the same.
    let same = super::index(&numbered(20), &[1.0; 40], 2, &IndexOptions::default());
    let options = ClusterOptions {
        clusters: 5,
        ..ClusterOptions::default()
    };
    let clusters = same.cluster(&options, &Control::new()).unwrap();
    assert!(clusters.sizes.iter().all(|&size| size > 0));
    let zero = super::index(
        &[1, 2],
        &[0.0, 1.0],
        1,
        &self::options(Metric::L2, Kind::Exact),
    );
    let options = ClusterOptions {
        clusters: 1,
        ..ClusterOptions::default()
    };
    assert_eq!(
        zero.cluster(&options, &Control::new()).unwrap_err().kind(),
        ErrorKind::InvalidVector
    );
}

#[test]
fn the_edge_form_is_smaller_and_finds_nearly_the_same() {
    let values = clustered(2000, 64, 9, 77);
    for metric in METRICS {
        let index = index(&numbered(2000), &values, 64, &options(metric, Kind::Exact));
        let edge = index.export_edge().unwrap();
        assert!(edge.as_bytes().len() * 3 < index.as_bytes().len());
        assert_eq!(edge.options().storage, Precision::Int8);
        let mut same = 0;
        for n in 0..50 {
            let query = &values[n * 64..n * 64 + 64];
            let a = ids_of(&index, &index.search(&near(query), &top(10)).unwrap());
            let b = ids_of(&edge, &edge.search(&near(query), &top(10)).unwrap());
            same += a.iter().filter(|id| b.contains(id)).count();
        }
        assert!(same > 470, "{metric:?}: {same} of 500");
    }
}
