//! Contract: `memory_mb` is compared with an estimate that is near what training takes, and what
//! does not fit is refused with that estimate. One test, so that nothing else is in the process.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    missing_docs,
    reason = "tests stop at the first surprise; the test reads what the system says of memory"
)]

use tastemaker::control::Control;
use tastemaker::event::{EventColumns, IdColumn};
use tastemaker::json::{Value as Json, json};
use tastemaker::train::{TrainOptions, train};
use tastemaker::{Error, ErrorKind, model::Model};

fn table(users: i64, items: i64, each: i64) -> (Vec<i64>, Vec<i64>) {
    let mut state = 1u64;
    let mut dice = move |n: i64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) as i64 % n
    };
    let rows = (0..users).flat_map(|user| (0..each).map(move |_| user));
    rows.map(|user| (user, (dice(items) * dice(items) / items + user * 7) % items))
        .unzip()
}

fn run(table: &(Vec<i64>, Vec<i64>), options: &Json) -> Result<Model, Error> {
    let columns = EventColumns::new(IdColumn::Integer(&table.0), IdColumn::Integer(&table.1));
    train(
        &columns,
        None,
        &TrainOptions::from_json(options)?,
        &Control::new(),
    )
}

/// The megabytes that the error names.
fn estimate(table: &(Vec<i64>, Vec<i64>), trainer: &Json) -> f64 {
    let error = run(table, &json!({"trainer": trainer, "memory_mb": 1})).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    let message = error.message();
    assert!(
        message.starts_with("options.memory_mb is 1; training"),
        "{message}"
    );
    message.rsplit(' ').next().unwrap().parse().unwrap()
}

/// `VmRSS` or `VmHWM` in megabytes, where the system is Linux.
fn resident(what: &str) -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with(what))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024.0 / 1e6)
}

#[test]
fn what_does_not_fit_is_refused_and_the_estimate_is_near_what_is_taken() {
    // First of all, as what is freed later stays with the process.
    let large = table(30_000, 20_000, 25);
    let blend = json!([{"name": "spectral", "rank": 64, "iterations": 1}, "cooccurrence"]);
    if let Some(before) = resident("VmRSS:") {
        let model = run(&large, &json!({ "trainer": blend })).unwrap();
        let taken = resident("VmHWM:").unwrap() - before;
        drop(model);
        let needed = estimate(&large, &blend);
        println!("{needed:.0} MB estimated, {taken:.0} MB taken");
        assert!((0.8..2.0).contains(&(needed / taken)), "{needed} {taken}");
    }
    // What a limit allows is trained, and the same as without it.
    let small = table(200, 300, 10);
    for trainer in [
        json!("ridge"),
        json!(["ridge", "spectral"]),
        json!("ials"),
        json!("auto"),
    ] {
        let needed = estimate(&small, &trainer);
        let free = run(&small, &json!({"trainer": trainer})).unwrap();
        let roomy = run(&small, &json!({"trainer": trainer, "memory_mb": 1000})).unwrap();
        assert_eq!(free.hash(), roomy.hash(), "{trainer}");
        run(
            &small,
            &json!({"trainer": trainer, "memory_mb": needed + 1.0}),
        )
        .unwrap();
    }
    // What choosing leaves out is reported; where nothing can be tried, something is trained.
    let report = |limit: f64| {
        let model = run(&small, &json!({"memory_mb": limit})).unwrap();
        model.manifest()["tuning"].clone()
    };
    let least = estimate(&small, &json!("auto")) + 1.0;
    assert_eq!(
        report(least)["reason"],
        "memory_mb is too small to try anything"
    );
    let some = (0..40)
        .map(|more| report(least + f64::from(more)))
        .find(|report| report["left_out_for_memory"].is_array() && report["trials"].is_array());
    assert!(some.is_some());
}
