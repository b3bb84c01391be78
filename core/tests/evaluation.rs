//! Contracts of evaluation that cases cannot state: threads, order of rows, given histories, and
//! what a split promises on any events.

#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "tests stop at the first surprise"
)]

mod support;

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use support::{Dice, Row, catalog, events, options, trained, with_columns};
use tastemaker::control::{Control, Progress};
use tastemaker::evaluate::{
    CompareOptions, EvaluateOptions, Split, SplitOptions, TestSet, compare, evaluate, split,
};
use tastemaker::json::{Value, json};
use tastemaker::model::Model;
use tastemaker::{ErrorKind, Result};

fn models() -> (Model, Model, Vec<Row>, Vec<Row>) {
    let order: Vec<usize> = (0..120).collect();
    let log = events(5, 300, 120, 4000);
    let parts = divide(&log, &json!({"method": "random", "share": 0.3}));
    let of = |rows: &[u32]| -> Vec<Row> { rows.iter().map(|&r| log[r as usize].clone()).collect() };
    let (train, test) = (of(&parts.train), of(&parts.test));
    let model = |given: &Value| trained(&train, Some(&catalog(&order)), &options(given));
    let a = model(&json!({"neighbors": 10}));
    let b = model(&json!({"neighbors": 30, "half_life_days": 20}));
    (a, b, train, test)
}

fn divide(rows: &[Row], given: &Value) -> Split {
    let options = SplitOptions::from_json(given).unwrap();
    with_columns(rows, |columns| split(columns, &options)).unwrap()
}

fn measured(model: &Model, test: &[Row], options: &Value, history: Option<&[Row]>) -> Value {
    let options = EvaluateOptions::from_json(options).unwrap();
    with_columns(test, |columns| {
        let pairs = TestSet::new(columns.user_id, columns.item_id);
        let run = |test: &TestSet<'_>| evaluate(model, test, &options, &Control::new());
        match history {
            None => run(&pairs),
            Some(rows) => with_columns(rows, |history| {
                run(&TestSet {
                    history: Some(*history),
                    ..pairs
                })
            }),
        }
    })
    .unwrap()
    .to_json()
}

#[test]
fn threads_and_the_order_of_rows_change_nothing() {
    let (a, b, _, mut test) = models();
    let all = |threads: usize| {
        json!({
            "k": [20, 5, 100], "threads": threads, "auc": true, "diversity": ["tags", "open"],
            "per_user": true, "resamples": 50,
        })
    };
    let one = measured(&a, &test, &all(1), None);
    let compared = |threads: usize, test: &[Row]| {
        let options = json!({"k": [20, 5], "threads": threads, "auc": true, "resamples": 50, "permutations": 99});
        let options = CompareOptions::from_json(&options).unwrap();
        with_columns(test, |columns| {
            let test = TestSet::new(columns.user_id, columns.item_id);
            compare(&a, &b, &test, &options, &Control::new())
        })
        .unwrap()
        .to_json()
    };
    let both = compared(1, &test);
    assert!(one["users"].as_u64().unwrap() > 200, "several tasks");
    assert_ne!(both["metrics"]["ndcg"]["difference"], 0.0);
    Dice::new(3).shuffle(&mut test);
    for threads in [2, 5] {
        assert_eq!(measured(&a, &test, &all(threads), None), one);
        assert_eq!(compared(threads, &test), both);
    }
}

#[test]
fn a_given_history_and_the_same_one_in_the_snapshot_give_the_same() {
    let (a, _, train, test) = models();
    let given = json!({"per_user": true, "resamples": 0, "auc": true});
    let stored = measured(&a, &test, &given, None);
    let mut given_rows = train.clone();
    given_rows.extend(train.iter().take(50).cloned());
    Dice::new(8).shuffle(&mut given_rows);
    assert_eq!(measured(&a, &test, &given, Some(&given_rows)), stored);
    let edge = a.export_edge(&tastemaker::model::EdgeOptions {
        neighbors: 4096,
        ..Default::default()
    });
    // The edge export holds the same graph when it keeps all neighbours, and no histories. Users
    // without rows in the history are cold in both.
    let edge = edge.unwrap();
    assert_eq!(edge.user_count(), 0);
    let from_edge = measured(&edge, &test, &given, Some(&given_rows));
    assert_eq!(
        from_edge["per_user"]["history"],
        stored["per_user"]["history"]
    );
}

#[test]
fn progress_rises_and_every_stage_can_be_cancelled() {
    let (a, b, _, test) = models();
    let run = |control: &Control<'_>| -> Result<()> {
        with_columns(&test, |columns| {
            let test = TestSet::new(columns.user_id, columns.item_id);
            evaluate(&a, &test, &EvaluateOptions::default(), control)?;
            compare(&a, &b, &test, &CompareOptions::default(), control).map(drop)
        })
    };
    let reports: Mutex<Vec<(String, u64, u64)>> = Mutex::default();
    let listen = |p: Progress<'_>| {
        let mut all = reports.lock().unwrap();
        all.push((p.stage.to_owned(), p.done, p.total));
    };
    run(&Control::new().with_progress(&listen)).unwrap();
    let reports = reports.into_inner().unwrap();
    let stages = [
        "model",
        "popularity",
        "intervals",
        "model a",
        "model b",
        "p-values",
    ];
    for stage in stages {
        let of: Vec<&(String, u64, u64)> = reports.iter().filter(|r| r.0 == stage).collect();
        let last = of
            .last()
            .unwrap_or_else(|| panic!("{stage} is not reported"));
        assert_eq!(last.1, last.2, "{stage}");
        let stop = AtomicBool::new(false);
        let cancel = |p: Progress<'_>| {
            if p.stage == stage {
                stop.store(true, Ordering::Relaxed);
            }
        };
        let control = Control::new().with_progress(&cancel).with_cancel(&stop);
        assert_eq!(
            run(&control).unwrap_err().kind(),
            ErrorKind::Cancelled,
            "{stage}"
        );
    }
}

#[test]
fn every_split_keeps_its_promises() {
    for (seed, users, items, count) in [
        (1, 30, 20, 400),
        (2, 5, 200, 300),
        (3, 100, 3, 50),
        (4, 1, 1, 1),
    ] {
        let log = events(seed, users, items, count);
        for given in [
            json!({"method": "leave_last_out", "n": 2}),
            json!({"method": "time", "share": 0.3}),
            json!({"method": "random", "share": 0.4}),
            json!({"method": "cold_user", "share": 0.3}),
            json!({"method": "cold_item", "share": 0.3}),
        ] {
            let parts = divide(&log, &given);
            let mut rows: Vec<u32> = [&parts.train, &parts.test, &parts.history, &parts.left_out]
                .into_iter()
                .flatten()
                .copied()
                .collect();
            rows.sort_unstable();
            assert_eq!(rows, (0..log.len() as u32).collect::<Vec<_>>(), "{given}");
            let pairs = |rows: &[u32]| -> BTreeSet<(&str, &str)> {
                let pair =
                    |&r: &u32| (log[r as usize].user.as_str(), log[r as usize].item.as_str());
                rows.iter().map(pair).collect()
            };
            let tested = pairs(&parts.test);
            for known in [&parts.train, &parts.history] {
                assert!(pairs(known).is_disjoint(&tested), "{given}");
            }
            // A shuffled log divides into the same events.
            let mut shuffled: Vec<u32> = (0..log.len() as u32).collect();
            Dice::new(seed).shuffle(&mut shuffled);
            let other: Vec<Row> = shuffled.iter().map(|&r| log[r as usize].clone()).collect();
            let again = divide(&other, &given);
            let back = |rows: &[u32]| -> Vec<u32> {
                let mut rows: Vec<u32> = rows.iter().map(|&r| shuffled[r as usize]).collect();
                rows.sort_unstable();
                rows
            };
            assert_eq!(back(&again.train), parts.train, "{given}");
            assert_eq!(back(&again.test), parts.test, "{given}");
        }
    }
}
