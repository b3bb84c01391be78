//! Exact search, filters, several vectors an item, range, examples, variety, files.

use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::catalog::Catalog;
use crate::condition::Condition;
use crate::index::{Plan, Precision, Strategy};

#[test]
fn exact_search_is_the_naive_one_in_every_metric_and_storage() {
    for (dimension, rows) in [(1, 40), (3, 300), (17, 2000), (64, 1500), (130, 1100)] {
        let values = clustered(rows, dimension, 7, dimension as u64);
        let ids = numbered(rows);
        for metric in METRICS {
            for (storage, tolerance) in [
                (Precision::F32, 1e-5),
                (Precision::F16, 4e-3),
                (Precision::Int8, 0.1),
            ] {
                let index = index(
                    &ids,
                    &values,
                    dimension,
                    &IndexOptions {
                        storage,
                        ..options(metric, Kind::Exact)
                    },
                );
                let mut numbers = Numbers(99);
                for n in 0..10 {
                    let query: Vec<f32> = (0..dimension)
                        .map(|at| values[n * dimension + at] + 0.3 * numbers.normal())
                        .collect();
                    let found = index.search(&near(&query), &top(10)).unwrap();
                    let truth = naive(metric, &ids, &values, &query, 10, &|_| true);
                    assert_eq!(found.items.len(), 10);
                    let size = truth.iter().map(|t| t.1.abs()).fold(1.0, f64::max);
                    for (n, (id, score)) in found.items.iter().zip(&truth) {
                        let far = (f64::from(n.score) - score).abs() / size;
                        assert!(
                            far < tolerance,
                            "{metric:?} {storage:?} {dimension}: {id} {n:?} {score}"
                        );
                    }
                    if storage == Precision::F32 {
                        let found = ids_of(&index, &found);
                        let expected: Vec<i64> = truth.iter().map(|t| t.0).collect();
                        if dimension > 1 {
                            assert_eq!(found, expected, "{metric:?} {dimension}");
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn equal_scores_come_in_order_of_id_and_the_order_of_input_does_not_matter() {
    let mut ids = numbered(500);
    let values: Vec<f32> = ids.iter().flat_map(|id| [1.0, (id % 3) as f32]).collect();
    let first = index(&ids, &values, 2, &options(Metric::L2, Kind::Exact));
    let found = first.search(&near(&[1.0, 1.0]), &top(12)).unwrap();
    let names: Vec<&str> = found
        .items
        .iter()
        .map(|n| first.id(n.item).unwrap())
        .collect();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    assert_eq!(names, sorted);
    assert_eq!(names[0], "1");
    assert!(found.items.iter().all(|n| n.score == 0.0));

    ids.reverse();
    let reversed: Vec<f32> = values.chunks(2).rev().flatten().copied().collect();
    let second = index(&ids, &reversed, 2, &options(Metric::L2, Kind::Exact));
    assert_eq!(first.as_bytes(), second.as_bytes());
}

#[test]
fn of_several_vectors_the_best_counts() {
    // Item i has i % 4 + 1 vectors.
    let mut ids = Vec::new();
    for id in 0..400i64 {
        for _ in 0..=id % 4 {
            ids.push(id);
        }
    }
    let values = clustered(ids.len(), 8, 5, 3);
    for metric in METRICS {
        let index = index(&ids, &values, 8, &options(metric, Kind::Exact));
        assert_eq!((index.len(), index.rows()), (400, ids.len()));
        for n in 0..20 {
            let query = &values[n * 8..n * 8 + 8];
            let truth = naive(metric, &ids, &values, query, 15, &|_| true);
            let found = index.search(&near(query), &top(15)).unwrap();
            let expected: Vec<i64> = truth.iter().map(|t| t.0).collect();
            assert_eq!(ids_of(&index, &found), expected);
            let odd = index.items_of(
                &(0..400)
                    .filter(|i| i % 2 == 1)
                    .map(|i| i.to_string())
                    .collect::<Vec<_>>()
                    .iter()
                    .map(String::as_str)
                    .collect::<Vec<_>>(),
            );
            let found = index
                .search(
                    &near(query),
                    &SearchOptions {
                        items: Some(Arc::new(odd)),
                        ..top(15)
                    },
                )
                .unwrap();
            let truth = naive(metric, &ids, &values, query, 15, &|id| id % 2 == 1);
            let expected: Vec<i64> = truth.iter().map(|t| t.0).collect();
            assert_eq!(ids_of(&index, &found), expected);
        }
    }
}

#[test]
fn conditions_bitmaps_allow_and_deny_narrow_together() {
    let rows = 1000;
    let ids = numbered(rows);
    let values = clustered(rows, 16, 9, 4);
    let mut catalog = Catalog::new();
    for id in &ids {
        catalog
            .add(
                &id.to_string(),
                &json!({"price": id % 100, "kind": if id % 2 == 0 { "even" } else { "odd" }}),
            )
            .unwrap();
    }
    let names: Vec<String> = ids.iter().map(i64::to_string).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let index = VectorIndex::build_with_attributes(
        IdColumn::Text(&names),
        Vectors::new(&values, 16).unwrap(),
        &catalog,
        &IndexOptions::default(),
        &Control::new(),
    )
    .unwrap();
    assert_eq!(index.attributes("7").unwrap()["price"], 7.0);
    let query = &values[..16];
    let condition = Condition::parse(&json!({"price": {"$lt": 20}, "kind": "even"})).unwrap();
    let set = index.matching(&condition).unwrap();
    let keep = |id: i64| id % 100 < 20 && id % 2 == 0 && id != 4 && id > 100;
    let options = SearchOptions {
        filter: Some(condition),
        allow: Some(
            (101..1000)
                .map(|i| i.to_string())
                .chain(["none".to_owned()])
                .collect(),
        ),
        deny: vec!["4".to_owned(), "unknown".to_owned()],
        trace: true,
        ..top(30)
    };
    let found = index.search(&near(query), &options).unwrap();
    let truth = naive(Metric::Cosine, &ids, &values, query, 30, &keep);
    assert_eq!(
        ids_of(&index, &found),
        truth.iter().map(|t| t.0).collect::<Vec<_>>()
    );
    assert_eq!(
        found.trace.unwrap().matching,
        ids.iter().filter(|&&id| keep(id)).count()
    );
    let by_set = SearchOptions {
        items: Some(Arc::new(set)),
        filter: None,
        ..options
    };
    assert_eq!(index.search(&near(query), &by_set).unwrap(), found);
    // More than match: all that match.
    let found = index
        .search(&near(query), &SearchOptions { k: 500, ..by_set })
        .unwrap();
    assert_eq!(
        found.items.len(),
        ids.iter().filter(|&&id| keep(id)).count()
    );
}

#[test]
fn a_range_gives_all_that_is_near_enough() {
    let ids = numbered(2000);
    let values = clustered(2000, 12, 11, 5);
    for metric in METRICS {
        let index = index(&ids, &values, 12, &options(metric, Kind::Exact));
        let query = &values[120..132];
        let all = naive(metric, &ids, &values, query, 2000, &|_| true);
        // Halfway between two scores, so that rounding cannot matter.
        for n in [1, 50, 700] {
            let least = ((all[n - 1].1 + all[n].1) / 2.0) as f32;
            let search = SearchOptions {
                min_score: Some(least),
                ..top(2000)
            };
            let found = index.search(&near(query), &search).unwrap();
            assert_eq!(found.items.len(), n, "{metric:?}");
        }
    }
}

#[test]
fn items_and_examples() {
    let ids = numbered(300);
    let values = clustered(300, 6, 5, 6);
    let row = |id: usize| &values[id * 6..id * 6 + 6];
    for metric in METRICS {
        let index = index(&ids, &values, 6, &options(metric, Kind::Exact));
        let found = index.search(&Target::item("7"), &top(5)).unwrap();
        let truth = naive(metric, &ids, &values, row(7), 5, &|id| id != 7);
        assert_eq!(
            ids_of(&index, &found),
            truth.iter().map(|t| t.0).collect::<Vec<_>>()
        );

        // The average by its formula.
        let vector = |id: usize| index.vectors(&id.to_string()).unwrap();
        let mean: Vec<f32> = (0..6)
            .map(|at| {
                let p = (f64::from(vector(1)[at]) + f64::from(vector(2)[at])) / 2.0;
                (p + (p - f64::from(vector(3)[at]))) as f32
            })
            .collect();
        let target = Target::recommend(
            vec![Example::Item("1"), Example::Vector(row(2))],
            vec![Example::Item("3")],
        );
        let found = ids_of(&index, &index.search(&target, &top(8)).unwrap());
        let truth = naive(metric, &ids, &values, &mean, 8, &|id| id != 1 && id != 3);
        assert_eq!(
            found,
            truth.iter().map(|t| t.0).collect::<Vec<_>>(),
            "{metric:?}"
        );

        // The best score, by its formula.
        let target = Target::Recommend {
            positive: vec![Example::Item("1"), Example::Item("2")],
            negative: vec![Example::Item("3")],
            strategy: Strategy::BestScore,
        };
        let sigma = |x: f64| 0.5 * (x / (1.0 + x.abs()) + 1.0);
        let score = |a: usize, b: i64| naive_score(metric, row(a), row(b as usize));
        let mut truth: Vec<(i64, f64)> = ids
            .iter()
            .filter(|&&id| !(1..=3).contains(&id))
            .map(|&id| {
                let (p, n) = (score(1, id).max(score(2, id)), score(3, id));
                (id, if p > n { sigma(p) } else { -sigma(n) })
            })
            .collect();
        truth.sort_by(|a, b| b.1.total_cmp(&a.1));
        let found = index.search(&target, &top(10)).unwrap();
        for (n, (_, score)) in found.items.iter().zip(&truth) {
            assert!((f64::from(n.score) - score).abs() < 1e-5);
        }
        // Pairs: rank first, then nearness.
        let target = Target::Discover {
            target: Some(Example::Item("1")),
            context: vec![
                (Example::Item("2"), Example::Item("3")),
                (Example::Item("4"), Example::Item("5")),
            ],
        };
        let mut truth: Vec<(i64, f64)> = ids
            .iter()
            .filter(|&&id| !(1..=5).contains(&id))
            .map(|&id| {
                let sign = |p: usize, n: usize| {
                    if score(p, id) > score(n, id) {
                        1.0
                    } else {
                        -1.0
                    }
                };
                (id, sign(2, 3) + sign(4, 5) + sigma(score(1, id)))
            })
            .collect();
        truth.sort_by(|a, b| b.1.total_cmp(&a.1));
        let found = index.search(&target, &top(10)).unwrap();
        for (n, (_, score)) in found.items.iter().zip(&truth) {
            assert!((f64::from(n.score) - score).abs() < 1e-5, "{n:?} {score}");
        }
    }
}

#[test]
fn variety_follows_its_formula() {
    let ids = numbered(200);
    let values = clustered(200, 5, 4, 8);
    let index = index(&ids, &values, 5, &options(Metric::Cosine, Kind::Exact));
    let query = &values[..5];
    let search = SearchOptions {
        diversity: Some(0.6),
        candidates: Some(40),
        ..top(8)
    };
    let found = ids_of(&index, &index.search(&near(query), &search).unwrap());
    let row = |id: i64| &values[id as usize * 5..id as usize * 5 + 5];
    let mut pool = naive(Metric::Cosine, &ids, &values, query, 40, &|_| true);
    let mut chosen: Vec<i64> = Vec::new();
    while chosen.len() < 8 {
        let worth = |&(id, score): &(i64, f64)| {
            let near = chosen
                .iter()
                .map(|&c| naive_score(Metric::Cosine, row(c), row(id)))
                .fold(f64::NEG_INFINITY, f64::max);
            0.4 * score - if chosen.is_empty() { 0.0 } else { 0.6 * near }
        };
        let best = (0..pool.len())
            .max_by(|&a, &b| worth(&pool[a]).total_cmp(&worth(&pool[b])).then(b.cmp(&a)))
            .unwrap();
        chosen.push(pool.remove(best).0);
    }
    assert_eq!(found, chosen);
    let plain = SearchOptions {
        diversity: Some(0.0),
        ..top(8)
    };
    assert_eq!(
        index.search(&near(query), &plain).unwrap(),
        index.search(&near(query), &top(8)).unwrap()
    );
}

#[test]
fn a_file_gives_the_same_answers() {
    let folder = std::env::temp_dir().join(format!("tastemaker-index-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("a.tmv");
    let ids = numbered(700);
    let values = clustered(700, 20, 5, 6);
    for metric in METRICS {
        for storage in [Precision::F32, Precision::F16, Precision::Int8] {
            let options = IndexOptions {
                storage,
                ..options(metric, Kind::Auto)
            };
            let index = index(&ids, &values, 20, &options);
            index.save(&path).unwrap();
            for opened in [
                VectorIndex::open(&path).unwrap(),
                VectorIndex::open_unverified(&path).unwrap(),
                VectorIndex::from_bytes(index.as_bytes()).unwrap(),
            ] {
                assert_eq!(opened.hash(), index.hash());
                let trace = SearchOptions {
                    trace: true,
                    ..top(9)
                };
                let found = opened.search(&near(&values[..20]), &trace).unwrap();
                assert_eq!(found, index.search(&near(&values[..20]), &trace).unwrap());
                assert_eq!(found.trace.unwrap().plan, Plan::Exact);
                opened.verify().unwrap();
            }
        }
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

/// A batch looks at all rows for several questions at once, and says what each search alone says.
#[test]
fn a_batch_of_scans_is_its_searches() {
    // Few and many at once; blocks of as many rows as there can be, and of as many as bytes allow.
    batch_of_scans(2500, 19, 21);
    batch_of_scans(900, 700, 45);
}

fn batch_of_scans(rows: usize, width: usize, asked: usize) {
    let values = clustered(rows, width, 30, 12);
    let queries = clustered(asked, width, 30, 13);
    // Three rows an item, and one a row.
    for ids in [
        numbered(rows),
        (0..rows as i64).map(|row| row / 3).collect(),
    ] {
        for metric in METRICS {
            let index = index(&ids, &values, width, &options(metric, Kind::Exact));
            let half = (0..index.len()).filter(|item| item % 2 == 0);
            let few = (0..index.len()).filter(|item| item % 90 == 0);
            let set = |items: &mut dyn Iterator<Item = usize>| {
                let mut set = crate::bitset::BitSet::empty(index.len());
                items.for_each(|item| set.insert(item));
                Some(Arc::new(set))
            };
            for (items, deny, least) in [
                (None, vec![], None),
                (None, vec!["7".to_owned(), "100".to_owned()], None),
                (set(&mut half.clone()), vec![], None),
                (set(&mut few.clone()), vec![], None),
                (set(&mut std::iter::empty()), vec![], None),
                (None, vec![], Some(-40.0)),
            ] {
                let options = SearchOptions {
                    items,
                    deny,
                    min_score: least,
                    trace: true,
                    ..top(13)
                };
                let vectors = Vectors::new(&queries, width).unwrap();
                let batch = index.search_batch(&vectors, &options, 2, &Control::new());
                let single: Vec<Neighbors> = queries
                    .chunks(width)
                    .map(|query| index.search(&near(query), &options).unwrap())
                    .collect();
                assert_eq!(batch.unwrap(), single, "{metric:?}");
            }
        }
    }
}
