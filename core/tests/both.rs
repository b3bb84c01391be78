//! Contract: a model and a vector index in one snapshot are what they are alone, through changes
//! and files; a file that is cut, changed or forged is refused or does no harm.

#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "tests stop at the first surprise"
)]

mod samples;
mod support;

use std::path::PathBuf;

use samples::{Dice, ask_all, expected, file, samples, sections};
use support::tiny;
use tastemaker::ErrorKind;
use tastemaker::control::Control;
use tastemaker::engine::{Engine, Request};
use tastemaker::event::IdColumn;
use tastemaker::experiment::bandit::Bandit;
use tastemaker::index::{Changes, SearchOptions, Target, VectorIndex, Vectors};
use tastemaker::json::{Value, json};
use tastemaker::model::{EdgeOptions, Model};
use tastemaker::train::{UpdateOptions, update};

const FIRST_COLUMN: u32 = 63;
const MANIFEST: u32 = 1;

fn answers(model: &Model) -> Vec<String> {
    let engine = Engine::new(model.clone());
    let ask = |filter: Value| {
        let request = json!({"user_id": "u0", "k": 4, "explain": true, "filter": filter, "exclude_seen": false});
        let request = Request::from_json(&request).unwrap();
        // An answer names its model by the hash of the whole snapshot.
        engine.recommend(&request).unwrap().to_json()["items"].to_string()
    };
    let filters = [
        json!(null),
        json!({"price": {"$lt": 2}}),
        json!({"tags": {"$in": ["t1"]}}),
    ];
    let ids = (0..model.item_count() as u32).filter_map(|at| model.item_id(at));
    let attributes = ids.map(|id| model.attributes(id).unwrap().to_string());
    filters.map(ask).into_iter().chain(attributes).collect()
}

fn found(index: &VectorIndex) -> Vec<String> {
    let query: Vec<f32> = (0..index.dimension())
        .map(|at| 0.5 - at as f32 / 3.0)
        .collect();
    let ask = |options: Value| {
        let options = SearchOptions::from_json(&options).unwrap();
        match index.search(&Target::vector(&query), &options) {
            Ok(found) => format!("{found:?}"),
            Err(error) => error.code().to_owned(),
        }
    };
    let options = [
        json!({"k": 7}),
        json!({"k": 7, "exact": true}),
        json!({"k": 3, "filter": {"price": {"$gt": 6}}}),
        json!({"k": 3, "filter": {"tags": "a", "open": true}}),
    ];
    let ids = (0..index.len() as u32).filter_map(|at| index.id(at));
    let attributes = ids.map(|id| index.attributes(id).unwrap().to_string());
    options.map(ask).into_iter().chain(attributes).collect()
}

#[test]
fn each_is_what_it_is_alone() {
    let model = tiny();
    let alone = answers(&model);
    for (name, index) in samples() {
        let both = model.with_index(&index).unwrap();
        assert_ne!(both.hash(), model.hash(), "{name}");
        let from_bytes = Model::from_bytes(both.as_bytes()).unwrap();
        for both in [&both, &from_bytes] {
            assert_eq!(answers(both), alone, "{name}");
            let within = both.index().unwrap();
            assert_eq!(found(within), found(&index), "{name}");
            assert_eq!(within.hash(), index.hash(), "{name}");
            assert_eq!(within.manifest(), index.manifest(), "{name}");
            assert!(within.as_bytes() == index.as_bytes(), "{name}");
            assert!(within.clone().as_bytes() == index.as_bytes(), "{name}");
            assert_eq!(format!("{within:?}"), format!("{index:?}"), "{name}");
            within.verify().unwrap();
            let without = both.without_index().unwrap();
            assert!(without.as_bytes() == model.as_bytes(), "{name}");
            assert!(without.index().is_none());
        }
        let read = VectorIndex::from_bytes(both.as_bytes()).unwrap();
        assert_eq!(found(&read), found(&index), "{name}");
        assert!(read.as_bytes() == index.as_bytes(), "{name}");
        ask_all(&read, true);
    }
}

#[test]
fn changes_of_an_index_within_are_those_of_the_index_alone() {
    let model = tiny();
    for (name, index) in samples() {
        let both = model.with_index(&index).unwrap();
        let within = both.index().unwrap();
        let edge = index.export_edge().unwrap();
        let edge_within = within.export_edge().unwrap();
        assert!(edge_within.as_bytes() == edge.as_bytes(), "{name}");
        let row: Vec<f32> = vec![0.25; index.dimension()];
        let first = index.id(0).unwrap();
        let changes = Changes {
            ids: IdColumn::Text(&["new"]),
            vectors: Vectors::new(&row, index.dimension()).unwrap(),
            catalog: None,
            remove: &[first],
        };
        let control = Control::new();
        let updated = index.update(&changes, 1, &control).unwrap().index;
        let updated_within = within.update(&changes, 1, &control).unwrap().index;
        assert!(updated_within.as_bytes() == updated.as_bytes(), "{name}");
        let again = both.with_index(&updated_within).unwrap();
        let expected = model.with_index(&updated).unwrap();
        assert!(again.as_bytes() == expected.as_bytes(), "{name}");
        // The old one is as it was.
        assert!(
            both.index().unwrap().as_bytes() == index.as_bytes(),
            "{name}"
        );
    }
}

#[test]
fn one_index_takes_the_place_of_another_wherever_it_comes_from() {
    let model = tiny();
    let bare = support::trained(
        &support::events(2, 3, 5, 14),
        None,
        &support::options(&json!({})),
    );
    let samples = samples();
    for (first, one) in &samples {
        let of_model = model.with_index(one).unwrap();
        let of_bare = bare.with_index(one).unwrap();
        for (then, other) in &samples {
            let expected = model.with_index(other).unwrap();
            let within = bare.with_index(other).unwrap();
            for index in [
                other,
                expected.index().unwrap(),
                within.index().unwrap(),
                &VectorIndex::from_bytes(within.as_bytes()).unwrap(),
            ] {
                let replaced = of_model.with_index(index).unwrap();
                assert!(
                    replaced.as_bytes() == expected.as_bytes(),
                    "{first}, {then}"
                );
                let replaced = of_bare.with_index(index).unwrap();
                assert!(replaced.as_bytes() == within.as_bytes(), "{first}, {then}");
            }
        }
    }
}

fn path(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("tastemaker-both-{name}-{}", std::process::id()))
}

#[test]
fn files_hold_both() {
    let (whole, apart) = (path("whole"), path("apart"));
    let model = tiny();
    for (name, index) in samples() {
        let both = model.with_index(&index).unwrap();
        both.save(&whole).unwrap();
        let opened = Model::open(&whole).unwrap();
        assert_eq!(answers(&opened), answers(&model), "{name}");
        let within = opened.index().unwrap().clone();
        drop(opened);
        let unverified = VectorIndex::open_unverified(&whole).unwrap();
        unverified.verify().unwrap();
        for read in [&within, &unverified, &VectorIndex::open(&whole).unwrap()] {
            assert_eq!(read.hash(), index.hash(), "{name}");
            assert_eq!(found(read), found(&index), "{name}");
            // Before anyone has asked for the bytes, and after.
            for _ in 0..2 {
                read.save(&apart).unwrap();
                assert!(std::fs::read(&apart).unwrap() == index.as_bytes(), "{name}");
                assert!(read.as_bytes() == index.as_bytes(), "{name}");
            }
        }
        assert!(Model::open(&apart).is_err());
    }
    std::fs::remove_file(whole).unwrap();
    std::fs::remove_file(apart).unwrap();
}

#[test]
fn an_update_and_bandits_keep_the_index() {
    let all = support::events(5, 20, 12, 300);
    let model = support::trained(&all[..200], None, &support::options(&json!({})));
    let (_, index) = samples().swap_remove(0);
    let banner = json!({"key": "banner", "policy": "ucb1", "arms": ["a", "b"]});
    let banner = Bandit::from_json(&banner).unwrap();
    let both = model.with_index(&index).unwrap();
    let both = both.with_bandits(std::slice::from_ref(&banner)).unwrap();
    let other_way = model.with_bandits(std::slice::from_ref(&banner)).unwrap();
    let other_way = other_way.with_index(&index).unwrap();
    assert!(both.as_bytes() == other_way.as_bytes());
    for tolerance in [0.0, 0.2] {
        let options = UpdateOptions {
            tolerance,
            ..UpdateOptions::default()
        };
        let updated = |model: &Model| {
            support::with_columns(&all[200..], |events| {
                update(model, events, None, &options, &Control::new())
            })
            .unwrap()
        };
        let after = updated(&both);
        assert_eq!(after.bandit("banner").unwrap(), Some(banner.clone()));
        assert!(after.index().unwrap().as_bytes() == index.as_bytes());
        // Nothing else is different.
        let without = after.without_index().unwrap().with_bandits(&[]).unwrap();
        assert!(without.as_bytes() == updated(&model).as_bytes());
    }
    let edge = both.export_edge(&EdgeOptions::default()).unwrap();
    assert!(edge.index().is_none());
    let small = edge.with_index(&index.export_edge().unwrap()).unwrap();
    assert_eq!(
        small.index().unwrap().options().storage.as_str(),
        "int8",
        "{small:?}"
    );
    assert!(small.without_index().unwrap().as_bytes() == edge.as_bytes());
}

#[test]
fn every_flipped_bit_and_every_cut_is_refused() {
    for (name, index) in samples() {
        let whole = tiny().with_index(&index).unwrap();
        let mut bytes = whole.as_bytes().to_vec();
        for at in 0..bytes.len() {
            let bits = if at < 64 { 0..8 } else { at % 8..at % 8 + 1 };
            for bit in bits {
                bytes[at] ^= 1 << bit;
                let error = Model::from_bytes(&bytes).unwrap_err();
                assert_eq!(error.kind(), expected(at), "{name}, {at}: {error}");
                let error = VectorIndex::from_bytes(&bytes).unwrap_err();
                assert_eq!(error.kind(), expected(at), "{name}, {at}: {error}");
                bytes[at] ^= 1 << bit;
            }
        }
        for len in (0..bytes.len()).step_by(17) {
            let kind = if len < 8 {
                ErrorKind::NotASnapshot
            } else {
                ErrorKind::CorruptSnapshot
            };
            assert_eq!(Model::from_bytes(&bytes[..len]).unwrap_err().kind(), kind);
            let error = VectorIndex::from_bytes(&bytes[..len]).unwrap_err();
            assert_eq!(error.kind(), kind, "{name}, {len}: {error}");
        }
        assert!(Model::from_bytes(&bytes).is_ok());
    }
}

/// Opens a forged file in every way; whatever opens is asked everything, and put together anew.
fn forged(name: &str, bytes: &[u8], path: &PathBuf) -> [bool; 2] {
    let refused = |error: tastemaker::Error| {
        let kinds = [ErrorKind::CorruptSnapshot, ErrorKind::NotASnapshot];
        assert!(kinds.contains(&error.kind()), "{name}: {error}");
    };
    let model = Model::from_bytes(bytes).map_err(refused).ok();
    if let Some(model) = &model {
        let _ = model
            .without_index()
            .unwrap()
            .export_edge(&EdgeOptions::default());
        if let Some(index) = model.index() {
            ask_all(index, true);
            let again = model.with_index(index).unwrap();
            assert!(
                again.index().unwrap().as_bytes() == index.as_bytes(),
                "{name}"
            );
        }
    }
    let index = VectorIndex::from_bytes(bytes).map_err(refused).ok();
    if let Some(index) = &index {
        ask_all(index, true);
        let again = VectorIndex::from_bytes(index.as_bytes()).unwrap();
        assert_eq!(again.hash(), index.hash(), "{name}");
    }
    std::fs::write(path, bytes).unwrap();
    if let Ok(index) = VectorIndex::open_unverified(path) {
        ask_all(&index, false);
        let _ = (index.as_bytes(), index.verify(), tiny().with_index(&index));
    }
    [model.is_some(), index.is_some()]
}

#[test]
fn a_forged_number_of_the_first_column_is_refused() {
    let path = path("columns");
    let model = tiny();
    let columns = model.manifest()["columns"].as_array().unwrap().len() as u32;
    for (name, index) in samples() {
        let both = model.with_index(&index).unwrap();
        let whole = sections(both.as_bytes());
        let at = whole.iter().position(|s| s.0 == FIRST_COLUMN).unwrap();
        assert_eq!(whole[at].2, columns.to_le_bytes(), "{name}");
        let described = !index.manifest()["columns"].is_null();
        let with = |content: &[u8]| {
            let mut forgery = whole.clone();
            forgery[at].2 = content.to_vec();
            forged(name, &file(both.as_bytes(), &forgery), &path)
        };
        assert_eq!(with(&columns.to_le_bytes()), [true, true], "{name}");
        for first in 0..columns {
            // The columns of the model are not the index's, in number or in type.
            let expected = !described;
            assert_eq!(with(&first.to_le_bytes()), [expected; 2], "{name}, {first}");
        }
        for first in [columns + 1, columns + 9, 1024] {
            assert_eq!(
                with(&first.to_le_bytes()),
                [!described; 2],
                "{name}, {first}"
            );
        }
        for content in [
            1025u32.to_le_bytes().to_vec(),
            (u32::MAX - 3).to_le_bytes().to_vec(),
            u32::MAX.to_le_bytes().to_vec(),
            vec![1],
            vec![0; 8],
            vec![0; 4096],
        ] {
            assert_eq!(with(&content), [false; 2], "{name}, {content:?}");
        }
        let mut without = whole.clone();
        without.remove(at);
        let without = file(both.as_bytes(), &without);
        assert_eq!(forged(name, &without, &path), [!described; 2], "{name}");
    }
    std::fs::remove_file(path).unwrap();
}

#[test]
fn forged_contents_and_sections_do_no_harm() {
    let path = path("forged");
    let mut dice = Dice(11);
    for (name, index) in samples() {
        let both = tiny().with_index(&index).unwrap();
        let whole = sections(both.as_bytes());
        for at in 0..whole.len() {
            let label = format!("{name}, section {}.{}", whole[at].0, whole[at].1);
            let content = whole[at].2.len();
            for round in 0..6 {
                let mut forgery = whole.clone();
                match round {
                    0 => {
                        forgery.remove(at);
                    }
                    1 => forgery[at].2.truncate(content / 2),
                    2 => forgery[at].2.resize(content + 64, 255),
                    _ if content > 0 => {
                        let place = dice.below(content);
                        forgery[at].2[place] = dice.next() as u8;
                    }
                    _ => continue,
                }
                forged(&label, &file(both.as_bytes(), &forgery), &path);
            }
        }
        // Without its manifest there is no index, and without the model's no model.
        let less = |code: u32| {
            let kept = whole.iter().filter(|section| section.0 != code);
            file(both.as_bytes(), &kept.cloned().collect::<Vec<_>>())
        };
        assert_eq!(forged(name, &less(64), &path), [true, false], "{name}");
        assert!(Model::from_bytes(&less(64)).unwrap().index().is_none());
        assert_eq!(
            forged(name, &less(MANIFEST), &path),
            [false, true],
            "{name}"
        );
        let alone = VectorIndex::from_bytes(&less(MANIFEST)).unwrap();
        assert!(alone.as_bytes() == index.as_bytes(), "{name}");
    }
    std::fs::remove_file(path).unwrap();
}

#[test]
fn damage_that_nobody_looked_for_is_found_by_verify() {
    let path = path("unverified");
    let mut dice = Dice(5);
    for (name, index) in samples() {
        let both = tiny().with_index(&index).unwrap();
        let mut seen = 0;
        for _ in 0..120 {
            let mut bytes = both.as_bytes().to_vec();
            let at = dice.below(bytes.len());
            bytes[at] ^= 1 << dice.below(8);
            std::fs::write(&path, &bytes).unwrap();
            if let Ok(read) = VectorIndex::open_unverified(&path) {
                ask_all(&read, false);
                let error = read.verify().unwrap_err();
                assert_eq!(error.kind(), ErrorKind::CorruptSnapshot, "{name}, {at}");
                // It does not get lost on the way into another file.
                let put = tiny().with_index(&read).map(|both| both.hash().to_owned());
                if read.as_bytes() == index.as_bytes() {
                    assert_eq!(put.unwrap(), both.hash(), "{name}, {at}");
                } else {
                    seen += 1;
                    let error = put.unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::CorruptSnapshot, "{name}, {at}");
                    let error = VectorIndex::from_bytes(read.as_bytes()).unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::CorruptSnapshot, "{name}, {at}");
                    assert_eq!(read.hash(), index.hash(), "{name}, {at}");
                }
            }
        }
        assert!(seen > 10, "{name}: {seen}");
    }
    std::fs::remove_file(path).unwrap();
}
