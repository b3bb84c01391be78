//! Contract: a model is a function of the set of events, the catalog and the options. Neither
//! the number of threads nor any order changes a byte.

#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "tests stop at the first surprise"
)]

mod support;

use support::{Dice, Row, catalog, events, options, trained, with_columns};
use tastemaker::catalog::Catalog;
use tastemaker::control::Control;
use tastemaker::event::{EventColumns, IdColumn};
use tastemaker::json::{Value, json};
use tastemaker::model::{BatchOptions, Model};
use tastemaker::train::{TrainOptions, train};

/// Large enough that every parallel loop has several tasks.
fn data() -> Vec<Row> {
    events(7, 1300, 400, 12_000)
}

fn settings(threads: usize) -> TrainOptions {
    options(
        &json!({"trainer": {"name": "spectral", "rank": 80, "candidates": 60}, "neighbors": 20, "half_life_days": 50, "threads": threads}),
    )
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    let rows = data();
    let order: Vec<usize> = (0..300).collect();
    let catalog = catalog(&order);
    let one = trained(&rows, Some(&catalog), &settings(1));
    assert!(one.manifest()["counts"]["edges"].as_u64().unwrap() > 4000);
    for threads in [2, 3, 7, 64] {
        let many = trained(&rows, Some(&catalog), &settings(threads));
        assert!(one.as_bytes() == many.as_bytes(), "{threads} threads");
    }
}

/// Alone and in a blend.
const TRAINERS: [&str; 5] = ["spectral", "ridge", "cooccurrence", "ials", "sequence"];

#[test]
fn every_trainer_gives_the_same_bytes_at_any_number_of_threads() {
    let rows = data();
    let plans = TRAINERS.iter().map(|name| json!(name));
    for plan in plans.chain([json!(TRAINERS), json!("auto")]) {
        let settings = |threads: usize| {
            options(&json!({"trainer": plan, "neighbors": 20, "threads": threads}))
        };
        let one = trained(&rows, None, &settings(1));
        assert!(one.manifest()["counts"]["edges"].as_u64().unwrap() > 4000);
        for threads in [2, 5] {
            let many = trained(&rows, None, &settings(threads));
            assert!(
                one.as_bytes() == many.as_bytes(),
                "{plan}, {threads} threads"
            );
        }
    }
}

/// Where the sums of the subspace are split into blocks, the blocks do not depend on threads.
#[test]
fn any_number_of_threads_gives_the_same_bytes_for_many_items() {
    let rows = events(8, 2000, 16_000, 24_000);
    let order: Vec<usize> = (0..9000).collect();
    let catalog = catalog(&order);
    let settings = |threads: usize| {
        options(
            &json!({"trainer": {"name": "spectral", "rank": 80, "candidates": 8, "iterations": 2}, "neighbors": 5, "threads": threads}),
        )
    };
    let one = trained(&rows, Some(&catalog), &settings(1));
    assert!(one.item_count() > 9000);
    for threads in [2, 7] {
        let many = trained(&rows, Some(&catalog), &settings(threads));
        assert!(one.as_bytes() == many.as_bytes(), "{threads} threads");
    }
}

#[test]
fn any_order_of_rows_and_of_the_catalog_gives_the_same_bytes() {
    let mut rows = data();
    let mut order: Vec<usize> = (0..450).collect();
    let first = trained(&rows, Some(&catalog(&order)), &settings(2));
    let mut dice = Dice::new(5);
    for _ in 0..3 {
        dice.shuffle(&mut rows);
        dice.shuffle(&mut order);
        let again = trained(&rows, Some(&catalog(&order)), &settings(2));
        assert!(first.as_bytes() == again.as_bytes());
    }
}

#[test]
fn the_history_of_a_catalog_does_not_show() {
    let rows = events(3, 20, 12, 80);
    let plain = catalog(&[0, 1, 2]);
    let mut changed = Catalog::with_schema(&plain.schema()).unwrap();
    for id in ["item 9", "item 2", "item 1", "item 0"] {
        changed.add(id, &json!({"price": -1})).unwrap();
    }
    changed.remove("item 9").unwrap();
    for id in ["item 0", "item 1", "item 2"] {
        changed.replace(id, &plain.get(id).unwrap()).unwrap();
    }
    let (a, b) = (
        trained(&rows, Some(&plain), &settings(1)),
        trained(&rows, Some(&changed), &settings(1)),
    );
    assert!(a.as_bytes() == b.as_bytes());
}

#[test]
fn events_delivered_twice_change_nothing_but_their_count() {
    let rows = data();
    let doubled: Vec<Row> = rows.iter().chain(&rows).cloned().collect();
    let (a, b) = (
        trained(&rows, None, &settings(2)),
        trained(&doubled, None, &settings(2)),
    );
    let without_counts = |model: &Model| {
        let mut manifest = model.manifest().clone();
        for field in ["events", "duplicates"] {
            manifest["counts"][field] = Value::Null;
        }
        manifest
    };
    assert_eq!(without_counts(&a), without_counts(&b));
    let all: Vec<String> = a.user_ids().map(str::to_owned).collect();
    assert_eq!(answers(&a, &all, 1), answers(&b, &all, 1));
    for id in ["item 0", "item 17", "item 399"] {
        assert_eq!(a.neighbors(id), b.neighbors(id));
    }
}

#[test]
fn text_integer_and_dictionary_columns_give_the_same_model() {
    let mut dice = Dice::new(2);
    let users: Vec<i64> = (0..600).map(|_| dice.below(40) as i64 - 20).collect();
    let items: Vec<i64> = (0..600).map(|_| dice.below(90) as i64 * 7).collect();
    let texts = |numbers: &[i64]| -> Vec<String> { numbers.iter().map(i64::to_string).collect() };
    let (user_texts, item_texts) = (texts(&users), texts(&items));
    let user_refs: Vec<&str> = user_texts.iter().map(String::as_str).collect();
    let item_refs: Vec<&str> = item_texts.iter().map(String::as_str).collect();
    // A dictionary in no order, with values that no row uses and one value twice.
    let mut values: Vec<String> = (0..95).rev().map(|i| (i * 7).to_string()).collect();
    values.push(values[3].clone());
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    let code = |text: &str| values.iter().rposition(|v| *v == text).unwrap() as u32;
    let codes: Vec<u32> = item_refs.iter().map(|text| code(text)).collect();
    let build = |user_id, item_id| {
        let columns = EventColumns::new(user_id, item_id);
        train(&columns, None, &settings(1), &Control::new()).unwrap()
    };
    let text = build(IdColumn::Text(&user_refs), IdColumn::Text(&item_refs));
    let integer = build(IdColumn::Integer(&users), IdColumn::Integer(&items));
    let dictionary = build(
        IdColumn::Text(&user_refs),
        IdColumn::Dictionary {
            codes: &codes,
            values: &values,
        },
    );
    assert!(text.as_bytes() == integer.as_bytes());
    assert!(text.as_bytes() == dictionary.as_bytes());
}

fn answers(model: &Model, users: &[String], threads: usize) -> Vec<(u32, u32, u64)> {
    let users: Vec<&str> = users.iter().map(String::as_str).collect();
    let options = BatchOptions {
        threads,
        k: 15,
        ..BatchOptions::default()
    };
    let batch = model
        .recommend_users(&users, &options, &Control::new())
        .unwrap();
    let scores = batch.score.iter().map(|s| s.to_bits());
    batch
        .user_row
        .iter()
        .zip(&batch.item)
        .zip(scores)
        .map(|((u, i), s)| (*u, *i, s))
        .collect()
}

#[test]
fn batches_do_not_depend_on_the_number_of_threads() {
    let model = trained(&data(), None, &settings(2));
    let users: Vec<String> = (0..1400).map(|i| format!("u{}", i % 1350)).collect();
    let one = answers(&model, &users, 1);
    assert_eq!(one.len(), 1400 * 15);
    for threads in [2, 7] {
        assert_eq!(one, answers(&model, &users, threads));
    }
}

#[test]
fn bytes_files_and_edge_exports_round_trip() {
    let model = trained(
        &events(9, 30, 20, 300),
        Some(&catalog(&[1, 2, 30])),
        &settings(1),
    );
    let again = Model::from_bytes(model.as_bytes()).unwrap();
    assert_eq!(model.hash(), again.hash());
    assert_eq!(model.manifest(), again.manifest());
    let edge = |model: &Model| {
        model
            .export_edge(&tastemaker::model::EdgeOptions::default())
            .unwrap()
    };
    assert!(edge(&model).as_bytes() == edge(&again).as_bytes());
    assert!(edge(&model).as_bytes().len() < model.as_bytes().len());
    with_columns(&[], |none| {
        let catalog = catalog(&[0]);
        train(none, Some(&catalog), &settings(1), &Control::new()).unwrap();
    });
}
