//! What comes from outside: refused with a typed error, or answered as documented.

use super::*;
use crate::error::ErrorKind;
use crate::index::Precision;

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
