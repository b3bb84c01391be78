//! Contract: searches go on while an index is changed. Each sees one version of it, whole: no
//! item that this version does not have, as many as were asked for, and the true scores.

#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "tests stop at the first surprise"
)]

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tastemaker::control::Control;
use tastemaker::event::IdColumn;
use tastemaker::index::{Changes, IndexOptions, Kind, SearchOptions, Target, VectorIndex, Vectors};

const WIDTH: usize = 8;
const ITEMS: i64 = 300;
const VERSIONS: i64 = 12;
const READERS: usize = 8;

/// The vector of an item in a version: another one each time that it is put in.
fn vector(item: i64, version: i64) -> [f32; WIDTH] {
    std::array::from_fn(|at| {
        let mixed = (item * 31 + version * 17 + at as i64 * 7).rem_euclid(101);
        mixed as f32 / 50.0 - 1.0
    })
}

/// Which items a version has, and since when each has its vector: `(item, since)`.
fn content(version: i64) -> Vec<(i64, i64)> {
    (0..ITEMS)
        .filter_map(|item| {
            // Version v takes out the items of v mod 7, and puts in those of (v + 3) mod 7 anew.
            let mut state = Some(0);
            for v in 1..=version {
                if item % 7 == v % 7 {
                    state = None;
                }
                if item % 7 == (v + 3) % 7 {
                    state = Some(v);
                }
            }
            state.map(|since| (item, since))
        })
        .collect()
}

fn check(index: &VectorIndex, version: i64, query: &[f32]) {
    let known = content(version);
    assert_eq!(index.len(), known.len(), "version {version}");
    let found = index
        .search(&Target::vector(query), &SearchOptions::top(20))
        .unwrap();
    assert_eq!(found.items.len(), 20);
    let mut seen = BTreeSet::new();
    let mut before = f32::INFINITY;
    for neighbor in &found.items {
        let id: i64 = index.id(neighbor.item).unwrap().parse().unwrap();
        let own = known.iter().find(|&&(item, _)| item == id);
        assert!(own.is_some(), "item {id} is not in version {version}");
        let &(_, since) = own.unwrap();
        assert!(seen.insert(id), "item {id} twice");
        let own = vector(id, since);
        let distance: f64 = own
            .iter()
            .zip(query)
            .map(|(&a, &b)| (f64::from(a) - f64::from(b)) * (f64::from(a) - f64::from(b)))
            .sum();
        // The score of L2 falls with the distance; which of the two forms it has is not at stake.
        let scores = [-distance, -distance.sqrt()];
        let near = scores
            .iter()
            .any(|s| (s - f64::from(neighbor.score)).abs() < 1e-4);
        assert!(
            near,
            "item {id} of version {version}: {} for {distance}",
            neighbor.score
        );
        assert!(neighbor.score <= before);
        before = neighbor.score;
    }
}

fn run(kind: Kind) {
    let all = content(0);
    let ids: Vec<i64> = all.iter().map(|&(item, _)| item).collect();
    let values: Vec<f32> = ids.iter().flat_map(|&item| vector(item, 0)).collect();
    let options = IndexOptions {
        metric: tastemaker::index::Metric::L2,
        kind,
        m: 8,
        ef_construction: 64,
        ..IndexOptions::default()
    };
    let vectors = Vectors::new(&values, WIDTH).unwrap();
    let control = Control::new();
    let first = VectorIndex::build(IdColumn::Integer(&ids), vectors, &options, &control).unwrap();
    let current = Mutex::new((first, 0i64));
    let (done, searches) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for reader in 0..READERS {
            let (current, done, searches) = (&current, &done, &searches);
            scope.spawn(move || {
                let mut round = 0;
                loop {
                    let last = done.load(Ordering::Acquire);
                    let (index, version) = current.lock().unwrap().clone();
                    for _ in 0..3 {
                        let query = vector(1000 + reader as i64, round);
                        check(&index, version, &query);
                        round += 1;
                        searches.fetch_add(1, Ordering::Relaxed);
                    }
                    if last {
                        return;
                    }
                }
            });
        }
        for version in 1..=VERSIONS {
            let old = current.lock().unwrap().0.clone();
            let new: Vec<i64> = (0..ITEMS).filter(|i| i % 7 == (version + 3) % 7).collect();
            let values: Vec<f32> = new.iter().flat_map(|&item| vector(item, version)).collect();
            let gone: Vec<String> = (0..ITEMS)
                .filter(|i| i % 7 == version % 7)
                .map(|i| i.to_string())
                .collect();
            let gone: Vec<&str> = gone.iter().map(String::as_str).collect();
            let changes = Changes {
                ids: IdColumn::Integer(&new),
                vectors: Vectors::new(&values, WIDTH).unwrap(),
                catalog: None,
                remove: &gone,
            };
            let updated = old.update(&changes, 1, &Control::new()).unwrap();
            assert_eq!(updated.inserted + updated.replaced, new.len());
            *current.lock().unwrap() = (updated.index, version);
        }
        done.store(true, Ordering::Release);
    });
    assert!(searches.load(Ordering::Relaxed) >= READERS * 3);
    let (index, version) = current.into_inner().unwrap();
    check(&index, version, &vector(5, 5));
    assert!(version == VERSIONS);
}

#[test]
fn searches_see_whole_versions_of_an_exact_index() {
    run(Kind::Exact);
}

#[test]
fn searches_see_whole_versions_of_a_graph() {
    run(Kind::Hnsw);
}
