//! What comes from outside: refused with a typed error, or answered as documented.

use super::*;
use crate::error::ErrorKind;
use crate::event::EventColumns;
use crate::index::Precision;
use crate::model::Model;
use crate::train::{TrainOptions, train};

fn refused(
    ids: &[i64],
    values: &[f32],
    dimension: usize,
    options: &IndexOptions,
) -> (ErrorKind, String) {
    let vectors = match Vectors::new(values, dimension) {
        Ok(vectors) => vectors,
        Err(e) => return (e.kind(), e.message().to_owned()),
    };
    let e =
        VectorIndex::build(IdColumn::Integer(ids), vectors, options, &Control::new()).unwrap_err();
    (e.kind(), e.message().to_owned())
}

#[test]
fn bad_vectors_are_refused_with_their_rows() {
    let cosine = options(Metric::Cosine, Kind::Auto);
    let l2 = options(Metric::L2, Kind::Auto);
    let halves = IndexOptions {
        storage: Precision::F16,
        ..l2.clone()
    };
    let inf = f32::INFINITY;
    for (ids, values, dimension, options, kind, part) in [
        (
            vec![],
            vec![],
            0,
            &cosine,
            ErrorKind::InvalidArgument,
            "dimension is 0",
        ),
        (
            vec![],
            vec![],
            20_000,
            &cosine,
            ErrorKind::InvalidArgument,
            "16384",
        ),
        (
            vec![1],
            vec![1.0; 3],
            2,
            &cosine,
            ErrorKind::LengthMismatch,
            "3 values",
        ),
        (
            vec![1],
            vec![1.0; 4],
            2,
            &cosine,
            ErrorKind::LengthMismatch,
            "1 ids for 2",
        ),
        (
            vec![1, 2],
            vec![1.0, 0.0, f32::NAN, 1.0],
            2,
            &cosine,
            ErrorKind::InvalidVector,
            "row 1",
        ),
        (
            vec![1, 2],
            vec![1.0, -inf, inf, 1.0],
            2,
            &l2,
            ErrorKind::InvalidVector,
            "rows 0, 1: value 1",
        ),
        (
            vec![1],
            vec![1.0, 2e15],
            2,
            &l2,
            ErrorKind::InvalidVector,
            "row 0",
        ),
        (
            vec![1, 2],
            vec![1.0, 0.0, 0.0, -0.0],
            2,
            &cosine,
            ErrorKind::InvalidVector,
            "row 1: all values are 0",
        ),
        (
            vec![1],
            vec![1.0, 7e4],
            2,
            &halves,
            ErrorKind::InvalidVector,
            "65504",
        ),
    ] {
        let (found, message) = refused(&ids, &values, dimension, options);
        assert_eq!(found, kind, "{message}");
        assert!(message.contains(part), "{message}");
    }
    let many: Vec<f32> = vec![f32::NAN; 20];
    let (_, message) = refused(&numbered(20), &many, 1, &l2);
    assert!(
        message.contains("rows 0, 1, 2, 3, 4 and 15 more"),
        "{message}"
    );
    // Halves are no limit for unit vectors.
    let unit = IndexOptions {
        storage: Precision::F16,
        ..cosine.clone()
    };
    assert_eq!(index(&[1], &[7e4, 1.0], 2, &unit).len(), 1);
    let ids = IdColumn::Text(&["a", ""]);
    let two = Vectors::new(&[1.0, 1.0], 1).unwrap();
    let e = VectorIndex::build(ids, two, &cosine, &Control::new()).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::InvalidId);
    assert!(e.message().contains("row 1"), "{e}");
    let budget = IndexOptions {
        memory_mb: Some(1),
        ..l2
    };
    let (kind, message) = refused(&numbered(2000), &vec![1.0; 2000 * 200], 200, &budget);
    assert_eq!(kind, ErrorKind::LimitExceeded, "{message}");
}

#[test]
fn bad_queries_are_refused() {
    for metric in METRICS {
        let index = index(
            &[1, 2, 3],
            &[1.0, 0.0, 0.0, 1.0, 1.0, 1.0],
            2,
            &options(metric, Kind::Auto),
        );
        let kind = |target: &Target<'_>| index.search(target, &top(1)).unwrap_err().kind();
        assert_eq!(kind(&near(&[1.0])), ErrorKind::InvalidVector);
        assert_eq!(kind(&near(&[])), ErrorKind::InvalidVector);
        assert_eq!(kind(&near(&[1.0, f32::NAN])), ErrorKind::InvalidVector);
        assert_eq!(kind(&near(&[1.0, f32::INFINITY])), ErrorKind::InvalidVector);
        assert_eq!(kind(&Target::item("9")), ErrorKind::UnknownItem);
        assert_eq!(
            kind(&Target::recommend(vec![], vec![])),
            ErrorKind::InvalidArgument
        );
        let empty = Target::Discover {
            target: None,
            context: vec![],
        };
        assert_eq!(kind(&empty), ErrorKind::InvalidArgument);
        let zero = index.search(&near(&[0.0, 0.0]), &top(3));
        match metric {
            Metric::Cosine => assert_eq!(zero.unwrap_err().kind(), ErrorKind::InvalidVector),
            _ => assert_eq!(zero.unwrap().items.len(), 3),
        }
        let none = SearchOptions::top(0);
        assert_eq!(
            index.search(&near(&[1.0, 0.0]), &none).unwrap_err().kind(),
            ErrorKind::InvalidArgument
        );
        let other = SearchOptions {
            items: Some(std::sync::Arc::new(crate::BitSet::full(4))),
            ..top(1)
        };
        assert_eq!(
            index.search(&near(&[1.0, 0.0]), &other).unwrap_err().kind(),
            ErrorKind::LengthMismatch
        );
        let nothing = SearchOptions {
            items: Some(std::sync::Arc::new(crate::BitSet::empty(3))),
            ..top(1)
        };
        assert!(
            index
                .search(&near(&[1.0, 0.0]), &nothing)
                .unwrap()
                .items
                .is_empty()
        );
    }
}

#[test]
fn an_empty_index_answers_nothing() {
    for metric in METRICS {
        for kind in [Kind::Auto, Kind::Exact, Kind::Hnsw] {
            let index = index(&[], &[], 4, &options(metric, kind));
            assert!(index.is_empty());
            let found = index.search(&near(&[1.0, 0.0, 0.0, 0.0]), &top(5)).unwrap();
            assert!(found.items.is_empty());
            let again = VectorIndex::from_bytes(index.as_bytes()).unwrap();
            assert_eq!(again.dimension(), 4);
        }
    }
}

#[test]
fn huge_and_tiny_values_have_finite_scores() {
    let values = [1e15f32, -1e15, 1e-30, 1e-38, -1e15, 1e15, 0.0, 1e-45];
    for metric in METRICS {
        for kind in [Kind::Exact, Kind::Hnsw] {
            let index = index(&[1, 2, 3, 4], &values, 2, &options(metric, kind));
            for query in [[1e15f32, 1e15], [1e-38, 0.0], [-1e15, 1.0]] {
                let found = index.search(&near(&query), &top(4)).unwrap();
                assert_eq!(found.items.len(), 4, "{metric:?}");
                assert!(found.items.iter().all(|n| n.score.is_finite()), "{found:?}");
            }
        }
    }
}

#[test]
fn a_damaged_file_is_refused_and_unverified_it_does_no_harm() {
    let values = clustered(700, 4, 9, 41);
    let mut ids = numbered(700);
    // Several rows an item, and twins.
    ids[1] = ids[0];
    let mut values = values;
    values.copy_within(0..4, 40);
    for metric in METRICS {
        let options = IndexOptions {
            m: 4,
            ..options(metric, Kind::Hnsw)
        };
        let index = index(&ids, &values, 4, &options);
        let bytes = index.as_bytes();
        let search = SearchOptions {
            ef: Some(12),
            ..top(3)
        };
        let mut opened = 0;
        for at in (0..bytes.len()).step_by(41) {
            let mut damaged = bytes.to_vec();
            damaged[at] ^= 1 << (at % 8);
            let e = VectorIndex::from_bytes(&damaged).unwrap_err();
            let kinds = [
                ErrorKind::CorruptSnapshot,
                ErrorKind::NotASnapshot,
                ErrorKind::UnsupportedVersion,
            ];
            assert!(kinds.contains(&e.kind()), "{at}: {e:?}");
            let storage = crate::snapshot::Storage::copy(&damaged);
            if let Ok(index) = VectorIndex::from_storage(storage, false) {
                opened += 1;
                let _ = index.search(&near(&values[..4]), &search);
                let mut half = crate::BitSet::full(index.len());
                (0..index.len())
                    .step_by(2)
                    .for_each(|item| half.remove(item));
                let filtered = SearchOptions {
                    items: Some(std::sync::Arc::new(half)),
                    ..search.clone()
                };
                let _ = index.search(&near(&values[..4]), &filtered);
                let _ = index.search(&Target::item("5"), &search);
            }
        }
        assert!(opened > 100);
        for end in (0..bytes.len()).step_by(997) {
            assert!(VectorIndex::from_bytes(&bytes[..end]).is_err());
        }
    }
}

#[test]
fn searches_go_on_while_the_index_changes() {
    use std::sync::RwLock;
    use std::sync::atomic::{AtomicBool, Ordering};
    let values = clustered(3000, 8, 20, 43);
    let ids = numbered(3000);
    let first = index(&ids, &values, 8, &options(Metric::L2, Kind::Hnsw));
    let current = RwLock::new(first.clone());
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for thread in 0..8usize {
            let (current, stop, values) = (&current, &stop, &values);
            scope.spawn(move || {
                let mut n = thread;
                while !stop.load(Ordering::Relaxed) {
                    let index = current.read().unwrap().clone();
                    let query = &values[n % 3000 * 8..n % 3000 * 8 + 8];
                    let found = index.search(&near(query), &top(5)).unwrap();
                    assert_eq!(found.items.len(), 5);
                    // Each answer is of one index, whole: its ids are known, its scores are true.
                    for near in &found.items {
                        let id = index.id(near.item).unwrap();
                        let vector = index.vectors(id).unwrap();
                        let truth = naive_score(Metric::L2, query, &vector);
                        assert!((f64::from(near.score) - truth).abs() < 1e-3);
                    }
                    n += 8;
                }
            });
        }
        for round in 0..6i64 {
            let gone: Vec<String> = (round * 50..round * 50 + 50)
                .map(|i| i.to_string())
                .collect();
            let gone: Vec<&str> = gone.iter().map(String::as_str).collect();
            let new: Vec<i64> = (0..50).map(|i| 5000 + round * 50 + i).collect();
            let changes = crate::index::Changes {
                ids: IdColumn::Integer(&new),
                vectors: Vectors::new(&values[..50 * 8], 8).unwrap(),
                catalog: None,
                remove: &gone,
            };
            let before = current.read().unwrap().clone();
            let next = before.update(&changes, 1, &Control::new()).unwrap().index;
            *current.write().unwrap() = next;
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert_eq!(current.read().unwrap().len(), 3000);
    assert!(first.item("0").is_some());
}

#[test]
fn files_of_one_kind_are_not_taken_for_the_other() {
    let ids = IdColumn::Text(&["a", "b"]);
    let vectors = Vectors::new(&[1.0, 0.0, 0.0, 1.0], 2).unwrap();
    let index =
        VectorIndex::build(ids, vectors, &IndexOptions::default(), &Control::new()).unwrap();
    let error = Model::from_bytes(index.as_bytes()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotASnapshot, "{error}");
    let events = EventColumns::new(ids, IdColumn::Text(&["x", "y"]));
    let model = train(&events, None, &TrainOptions::default(), &Control::new()).unwrap();
    let error = VectorIndex::from_bytes(model.as_bytes()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotASnapshot, "{error}");
}
