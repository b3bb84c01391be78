//! Contract: long work says where it stands, and stops wherever it is told to.

#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "tests stop at the first surprise"
)]

mod support;

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use support::{catalog, events, options, tiny, trained, with_columns};
use tastemaker::control::{Control, Progress};
use tastemaker::evaluate::{EvaluateOptions, TestSet, evaluate};
use tastemaker::event::IdColumn;
use tastemaker::json::json;
use tastemaker::model::{BatchOptions, Model};
use tastemaker::train::train;
use tastemaker::{ErrorKind, Result};

/// Training with two threads or one, on data with several tasks a loop.
fn run(threads: usize, control: &Control<'_>) -> Result<Model> {
    let order: Vec<usize> = (0..200).collect();
    let options = options(
        &json!({"trainer": {"name": "spectral", "rank": 70, "iterations": 2}, "neighbors": 10, "threads": threads}),
    );
    with_columns(&events(13, 1100, 300, 6000), |columns| {
        train(columns, Some(&catalog(&order)), &options, control)
    })
}

#[test]
fn progress_rises_to_its_end_in_every_stage() {
    for threads in [1, 3] {
        let reports: Mutex<Vec<(String, u64, u64)>> = Mutex::default();
        let report = |p: Progress<'_>| {
            reports
                .lock()
                .unwrap()
                .push((p.stage.to_owned(), p.done, p.total));
        };
        run(threads, &Control::new().with_progress(&report)).unwrap();
        let reports = reports.into_inner().unwrap();
        let mut stages: Vec<&str> = reports.iter().map(|r| r.0.as_str()).collect();
        stages.dedup();
        assert_eq!(
            stages,
            ["events", "subspace", "graph", "snapshot"],
            "{threads} threads"
        );
        for stage in stages {
            let of_stage = || reports.iter().filter(|r| r.0 == stage);
            assert!(of_stage().all(|r| r.1 <= r.2 && r.2 > 0), "{stage}");
            assert!(of_stage().any(|r| r.1 == r.2), "{stage} ends");
            let totals: BTreeSet<u64> = of_stage().map(|r| r.2).collect();
            assert_eq!(totals.len(), 1, "{stage}: {totals:?}");
            if threads == 1 {
                assert!(of_stage().is_sorted_by_key(|r| r.1), "{stage}");
            }
        }
    }
}

#[test]
fn cancelling_before_the_start_stops_at_once() {
    let flag = AtomicBool::new(true);
    for threads in [1, 2] {
        let error = run(threads, &Control::new().with_cancel(&flag)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled);
    }
}

#[test]
fn cancelling_at_any_report_stops_the_training() {
    for threads in [1, 2] {
        let total = AtomicUsize::new(0);
        let count = |_: Progress<'_>| {
            total.fetch_add(1, Ordering::Relaxed);
        };
        let whole = run(threads, &Control::new().with_progress(&count)).unwrap();
        let total = total.load(Ordering::Relaxed);
        assert!(total > 10, "{total} reports");
        let mut late = 0;
        for stop_at in (0..total).step_by((total / 25).max(1)) {
            let flag = AtomicBool::new(false);
            let seen = AtomicUsize::new(0);
            let stop = |_: Progress<'_>| {
                if seen.fetch_add(1, Ordering::Relaxed) == stop_at {
                    flag.store(true, Ordering::Relaxed);
                }
            };
            match run(
                threads,
                &Control::new().with_progress(&stop).with_cancel(&flag),
            ) {
                Err(error) => assert_eq!(error.kind(), ErrorKind::Cancelled),
                // Only when the last pieces of work were being done already.
                Ok(model) => {
                    late += 1;
                    assert_eq!(model.hash(), whole.hash());
                }
            }
        }
        assert!(late <= 2, "{late} of about 25 ran to their end");
    }
}

#[test]
fn cancelling_in_every_stage_stops_the_training() {
    for stage in ["events", "subspace", "graph", "snapshot"] {
        let flag = AtomicBool::new(false);
        let stop = |p: Progress<'_>| {
            if p.stage == stage {
                flag.store(true, Ordering::Relaxed);
            }
        };
        let error = run(2, &Control::new().with_progress(&stop).with_cancel(&flag)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled, "{stage}");
    }
}

#[test]
fn batches_and_evaluations_can_be_cancelled() {
    let flag = AtomicBool::new(true);
    let control = Control::new().with_cancel(&flag);
    let model = tiny();
    let error = model
        .recommend_users(&["u0"], &BatchOptions::default(), &control)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    let (users, items) = (IdColumn::Text(&["u0"]), IdColumn::Text(&["item 1"]));
    let error = evaluate(
        &model,
        &TestSet::new(users, items),
        &EvaluateOptions::default(),
        &control,
    )
    .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
}

#[test]
fn an_evaluation_reports_all_of_its_stages() {
    let model = trained(&events(1, 20, 20, 200), None, &options(&json!({})));
    let stages: Mutex<Vec<(String, bool)>> = Mutex::default();
    let report = |p: Progress<'_>| {
        stages
            .lock()
            .unwrap()
            .push((p.stage.to_owned(), p.done == p.total));
    };
    let (users, items) = (IdColumn::Text(&["u0"]), IdColumn::Text(&["item 1"]));
    let control = Control::new().with_progress(&report);
    evaluate(
        &model,
        &TestSet::new(users, items),
        &EvaluateOptions::default(),
        &control,
    )
    .unwrap();
    let stages = stages.into_inner().unwrap();
    for stage in ["model", "popularity", "intervals"] {
        assert!(stages.contains(&(stage.to_owned(), true)), "{stages:?}");
    }
}
