//! `auto`: trainers chosen by trying them, the same choice everywhere, and sense on any data.

#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "tests stop at the first surprise"
)]

use serde_json::{Value as Json, json};
use tastemaker::control::Control;
use tastemaker::evaluate::{EvaluateOptions, TestSet, evaluate};
use tastemaker::event::{EventColumns, IdColumn};
use tastemaker::model::Model;
use tastemaker::train::{Plan, TrainOptions, train, tune};

struct Table {
    users: Vec<i64>,
    items: Vec<i64>,
    times: Vec<i64>,
}

/// A generator of numbers below `n`, the same everywhere.
fn numbers(mut state: u64) -> impl FnMut(u64) -> u64 {
    move |n| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) % n
    }
}

/// Users of four tastes: most of what they touch is of their taste's items.
fn tastes(users: i64) -> Table {
    let mut next = numbers(7);
    let mut table = Table {
        users: Vec::new(),
        items: Vec::new(),
        times: Vec::new(),
    };
    for user in 0..users {
        let mut seen = std::collections::BTreeSet::new();
        for step in 0..14 {
            let taste = if next(10) < 8 {
                user % 4
            } else {
                next(4) as i64
            };
            let item = taste * 25 + (next(25) * next(25) / 25) as i64;
            if seen.insert(item) {
                table.users.push(user);
                table.items.push(item);
                table.times.push(step * 1000 + user);
            }
        }
    }
    table
}

fn trained(table: &Table, timed: bool, options: &Json) -> Model {
    let mut columns = EventColumns::new(
        IdColumn::Integer(&table.users),
        IdColumn::Integer(&table.items),
    );
    if timed {
        columns.timestamp = Some(&table.times);
    }
    let options = TrainOptions::from_json(options).unwrap();
    train(&columns, None, &options, &Control::new()).unwrap()
}

#[test]
fn the_choice_is_the_same_at_any_number_of_threads_and_in_any_order_of_rows() {
    let table = tastes(200);
    let one = trained(&table, true, &json!({}));
    assert_eq!(
        one.hash(),
        trained(&table, true, &json!({"threads": 3})).hash()
    );
    let reversed = Table {
        users: table.users.iter().rev().copied().collect(),
        items: table.items.iter().rev().copied().collect(),
        times: table.times.iter().rev().copied().collect(),
    };
    assert_eq!(one.hash(), trained(&reversed, true, &json!({})).hash());
}

#[test]
fn the_manifest_says_what_was_tried_and_training_that_again_gives_the_same_graph() {
    let table = tastes(200);
    let model = trained(&table, false, &json!({}));
    let report = &model.manifest()["tuning"];
    assert_eq!(report["protocol"], "random");
    assert_eq!(report["users"], 200);
    let trials = report["trials"].as_array().unwrap();
    assert!(trials.len() >= 8);
    let score = |trial: &Json| trial["ndcg"].as_f64().unwrap() + trial["recall"].as_f64().unwrap();
    let chosen = &trials[report["chosen"].as_u64().unwrap() as usize];
    assert!(score(chosen) >= score(&trials[0]));
    let trainer = model.manifest()["options"]["trainer"].clone();
    assert!(trainer.is_array());
    let again = trained(&table, false, &json!({ "trainer": trainer }));
    for item in ["0", "30", "99"] {
        assert_eq!(model.neighbors(item), again.neighbors(item));
    }
    assert!(again.manifest()["tuning"].is_null());
    assert_eq!(
        trained(&table, true, &json!({})).manifest()["tuning"]["protocol"],
        "time"
    );
}

#[test]
fn what_is_chosen_beats_popularity_on_events_that_nobody_saw() {
    let table = tastes(400);
    let (mut kept, mut users, mut items) = (
        Table {
            users: Vec::new(),
            items: Vec::new(),
            times: Vec::new(),
        },
        Vec::new(),
        Vec::new(),
    );
    for row in 0..table.users.len() {
        if row % 5 == 4 {
            users.push(table.users[row]);
            items.push(table.items[row]);
        } else {
            kept.users.push(table.users[row]);
            kept.items.push(table.items[row]);
            kept.times.push(table.times[row]);
        }
    }
    let model = trained(&kept, false, &json!({}));
    let (users, items) = (IdColumn::Integer(&users), IdColumn::Integer(&items));
    let result = evaluate(
        &model,
        &TestSet::new(users, items),
        &EvaluateOptions::from_json(&json!({"k": 10})).unwrap(),
        &Control::new(),
    )
    .unwrap()
    .to_json();
    let (ours, popular) = (&result["model"]["ndcg"], &result["popularity"]["ndcg"]);
    assert!(
        ours.as_f64().unwrap() > 1.2 * popular.as_f64().unwrap(),
        "{ours} {popular}"
    );
}

#[test]
fn odd_data_gets_a_model_that_answers() {
    let everything: Vec<(i64, i64)> = (0..100).flat_map(|u| (0..8).map(move |i| (u, i))).collect();
    let nobody: Vec<(i64, i64)> = (0..100)
        .flat_map(|u| (0..3).map(move |i| (u, u * 3 + i)))
        .collect();
    let one: Vec<(i64, i64)> = (0..100).map(|u| (u, 1)).collect();
    let single = vec![(1, 1)];
    let mut bot: Vec<(i64, i64)> = (0..120)
        .flat_map(|u| (0..5).map(move |i| (u, (u + i * 7) % 90)))
        .collect();
    bot.extend((0..90).map(|i| (1000, i)));
    for (name, pairs) in [
        ("everybody has everything", everything),
        ("nobody overlaps", nobody),
        ("one item", one),
        ("one event", single),
        ("a bot", bot),
    ] {
        let table = Table {
            users: pairs.iter().map(|p| p.0).collect(),
            items: pairs.iter().map(|p| p.1).collect(),
            times: (0..pairs.len() as i64).collect(),
        };
        for timed in [false, true] {
            let model = trained(&table, timed, &json!({"neighbors": 5}));
            assert!(model.manifest()["options"]["trainer"].is_array(), "{name}");
            let engine = tastemaker::engine::Engine::new(model.clone());
            let request = json!({"history": [{"item_id": "1"}], "k": 3, "exclude_seen": false});
            let request = tastemaker::engine::Request::from_json(&request).unwrap();
            let answer = engine.recommend(&request).unwrap();
            assert_eq!(answer.items.len(), model.item_count().min(3), "{name}");
            assert!(answer.items.iter().all(|item| item.score.is_finite()));
        }
    }
}

#[test]
fn a_small_budget_looks_at_a_part_of_the_users_and_none_at_nobody() {
    let table = tastes(1500);
    let small = trained(&table, false, &json!({"tune": {"budget_s": 0.02}}));
    let share = small.manifest()["tuning"]["share_of_users"].as_f64();
    assert!(share.is_none_or(|share| share < 1.0), "{share:?}");
    let none = trained(&table, false, &json!({"tune": {"budget_s": 0}}));
    assert!(none.manifest()["tuning"]["protocol"].is_null());
    assert_eq!(none.manifest()["tuning"]["reason"], "the budget is 0");
}

#[test]
fn pairs_of_the_caller_decide() {
    // In the given pairs, taste is turned round: what follows popularity alone is best.
    let table = tastes(300);
    let columns = EventColumns::new(
        IdColumn::Integer(&table.users),
        IdColumn::Integer(&table.items),
    );
    let users: Vec<i64> = (0..300).collect();
    let items: Vec<i64> = (0..300).map(|u| ((u + 1) % 4) * 25).collect();
    let (users, items) = (IdColumn::Integer(&users), IdColumn::Integer(&items));
    let options = TrainOptions::default();
    let tuning = tune(
        &columns,
        None,
        &options,
        Some((&users, &items)),
        &Control::new(),
    )
    .unwrap();
    assert_eq!(tuning.report["protocol"], "given");
    assert!(matches!(tuning.trainer, Plan::Blend(_)));
    // Pairs that are among the events say nothing new, and strangers are left out.
    let users = IdColumn::Integer(&table.users);
    let items = IdColumn::Integer(&table.items);
    let tuning = tune(
        &columns,
        None,
        &options,
        Some((&users, &items)),
        &Control::new(),
    )
    .unwrap();
    assert!(tuning.report["protocol"].is_null());
    let short = IdColumn::Integer(&[1]);
    let error = tune(
        &columns,
        None,
        &options,
        Some((&users, &short)),
        &Control::new(),
    );
    assert_eq!(error.unwrap_err().code(), "length_mismatch");
}

#[test]
fn wrong_options_are_refused() {
    for bad in [
        json!({"tune": {"validation": "yesterday"}}),
        json!({"tune": {"k": 0}}),
        json!({"tune": {"users": 10}}),
        json!({"tune": {"budget_s": -1}}),
        json!({"tune": {"trials": 3}}),
        json!({"tune": "fast"}),
    ] {
        let error = TrainOptions::from_json(&bad).unwrap_err();
        assert_eq!(error.code(), "invalid_argument", "{bad}");
        assert!(error.message().contains("options.tune"), "{error}");
    }
}
