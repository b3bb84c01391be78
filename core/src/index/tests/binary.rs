//! The scan of bits: what it finds, what it promises, and how its files change.

use std::sync::Arc;

use super::*;
use crate::bitset::BitSet;
use crate::index::{Changes, Plan, Precision};

const ROWS: usize = 3000;
const WIDTH: usize = 70;

fn traced(k: usize, ef: usize) -> SearchOptions {
    SearchOptions {
        ef: Some(ef),
        trace: true,
        ..top(k)
    }
}

/// The mean recall over some rows, moved a little; every search must have gone by bits.
fn mean_recall(index: &VectorIndex, values: &[f32], metric: Metric, ef: usize) -> f64 {
    let mut numbers = Numbers(9);
    let ids = numbered(values.len() / WIDTH);
    let queries = 60;
    let found = (0..queries).map(|n| {
        let row = &values[n * 31 * WIDTH..][..WIDTH];
        let query: Vec<f32> = row.iter().map(|v| v + 0.3 * numbers.normal()).collect();
        let found = index.search(&near(&query), &traced(10, ef)).unwrap();
        assert_eq!(found.trace.unwrap().plan, Plan::Binary);
        let truth = naive(metric, &ids, values, &query, 10, &|_| true);
        recall(&ids_of(index, &found), &truth)
    });
    found.sum::<f64>() / f64::from(queries as u32)
}

#[test]
fn bits_find_most_of_the_nearest_in_every_metric_and_storage() {
    let values = clustered(ROWS, WIDTH, 100, 3);
    // Without clusters, bits alone would find a few in a hundred of rows of 70 values.
    let mut numbers = Numbers(4);
    let even: Vec<f32> = (0..ROWS * WIDTH).map(|_| numbers.normal()).collect();
    for metric in METRICS {
        for storage in [Precision::F32, Precision::F16, Precision::Int8] {
            let options = IndexOptions {
                storage,
                ..options(metric, Kind::Binary)
            };
            let index = index(&numbered(ROWS), &values, WIDTH, &options);
            let found = mean_recall(&index, &values, metric, 15);
            assert!(found > 0.97, "{metric:?} {storage:?}: {found}");
        }
        let index = index(
            &numbered(ROWS),
            &even,
            WIDTH,
            &options(metric, Kind::Binary),
        );
        let (few, many) = [15, 60]
            .map(|ef| mean_recall(&index, &even, metric, ef))
            .into();
        assert!(few > 0.75 && many > 0.97, "{metric:?}: {few} {many}");
    }
}

/// Rows far from the origin: without thresholds, all of their signs would be alike.
#[test]
fn a_common_offset_hides_nothing() {
    let mut values = clustered(ROWS, WIDTH, 100, 5);
    for row in values.chunks_mut(WIDTH) {
        for (at, value) in row.iter_mut().enumerate() {
            *value += if at % 2 == 0 { 6.0 } else { -4.0 };
        }
    }
    for metric in METRICS {
        let index = index(
            &numbered(ROWS),
            &values,
            WIDTH,
            &options(metric, Kind::Binary),
        );
        let found = mean_recall(&index, &values, metric, 30);
        assert!(found > 0.9, "{metric:?}: {found}");
    }
}

#[test]
fn exactly_k_come_at_every_selectivity() {
    let values = clustered(ROWS, WIDTH, 20, 6);
    let index = index(
        &numbered(ROWS),
        &values,
        WIDTH,
        &options(Metric::L2, Kind::Binary),
    );
    let query = &values[..WIDTH];
    for (one_in, plan) in [
        (1, Plan::Binary),
        (2, Plan::Binary),
        (17, Plan::Binary),
        (40, Plan::Exact),
        (1000, Plan::Exact),
        (ROWS, Plan::Exact),
    ] {
        let mut items = BitSet::empty(ROWS);
        for item in (0..ROWS).filter(|item| item % one_in == 0) {
            items.insert(item);
        }
        let matching = items.count();
        let options = SearchOptions {
            items: Some(Arc::new(items)),
            ..traced(9, 9)
        };
        let found = index.search(&near(query), &options).unwrap();
        assert_eq!(found.items.len(), matching.min(9), "one in {one_in}");
        assert_eq!(found.trace.unwrap().plan, plan, "one in {one_in}");
        assert!(
            found
                .items
                .iter()
                .all(|n| (n.item as usize).is_multiple_of(one_in))
        );
        assert_eq!(index.id(found.items[0].item), Some("0"));
    }
}

/// An item with more rows than candidates that crowd all others out.
#[test]
fn many_rows_of_one_item_leave_room_for_others() {
    let mut values = clustered(ROWS, WIDTH, 200, 7);
    let (first, rest) = values.split_at_mut(WIDTH);
    for row in rest.chunks_mut(WIDTH).take(999) {
        row.copy_from_slice(first);
    }
    let ids: Vec<i64> = (0..ROWS as i64).map(|row| (row - 999).max(0)).collect();
    let query = values[..WIDTH].to_vec();
    for metric in METRICS {
        let index = index(&ids, &values, WIDTH, &options(metric, Kind::Binary));
        let found = index.search(&near(&query), &traced(5, 5)).unwrap();
        assert_eq!(found.items.len(), 5, "{metric:?}");
        assert_eq!(found.trace.unwrap().plan, Plan::Exact, "{metric:?}");
    }
}

#[test]
fn equal_rows_and_rows_of_zeros_are_found() {
    let values = vec![0.0; 300 * 3];
    let index = index(
        &numbered(300),
        &values,
        3,
        &options(Metric::L2, Kind::Binary),
    );
    for query in [[0.0; 3], [1e15, -1e15, 1e-30]] {
        let found = index.search(&near(&query), &traced(3, 3)).unwrap();
        assert_eq!(ids_of(&index, &found), [0, 1, 10], "by the text of the id");
    }
}

#[test]
fn threads_change_no_byte_and_an_update_is_a_build() {
    let values = clustered(2500, WIDTH, 50, 8);
    let ids = numbered(2500);
    let build = |rows: std::ops::Range<usize>, threads| {
        let options = IndexOptions {
            threads,
            ..options(Metric::InnerProduct, Kind::Binary)
        };
        let part = &values[rows.start * WIDTH..rows.end * WIDTH];
        index(&ids[rows], part, WIDTH, &options)
    };
    let whole = build(0..2500, 1);
    for threads in [2, 7] {
        assert!(whole.as_bytes() == build(0..2500, threads).as_bytes());
    }
    let gone: Vec<String> = (0..200).map(|id: i64| id.to_string()).collect();
    let gone: Vec<&str> = gone.iter().map(String::as_str).collect();
    let part = build(0..2000, 1);
    let changes = Changes {
        ids: IdColumn::Integer(&ids[2000..]),
        vectors: Vectors::new(&values[2000 * WIDTH..], WIDTH).unwrap(),
        catalog: None,
        remove: &gone,
    };
    let updated = part.update(&changes, 2, &Control::new()).unwrap().index;
    assert!(updated.as_bytes() == build(200..2500, 1).as_bytes());

    let again = VectorIndex::from_bytes(whole.as_bytes()).unwrap();
    let edge = whole.export_edge().unwrap();
    assert_eq!((again.kind(), edge.kind()), (Kind::Binary, Kind::Binary));
    let query = &values[77 * WIDTH..78 * WIDTH];
    let answer = |index: &VectorIndex| index.search(&near(query), &traced(10, 20)).unwrap();
    assert_eq!(answer(&whole).items, answer(&again).items);
    let shared = recall(&ids_of(&edge, &answer(&edge)), &{
        let found = answer(&whole);
        ids_of(&whole, &found)
            .iter()
            .map(|&id| (id, 0.0))
            .collect::<Vec<_>>()
    });
    assert!(shared >= 0.9, "{shared}");
}
