//! Criterion benches of what a service does most: train, open, record, recommend.
//! The data are made here, so that the benches run without a data folder.

#![allow(clippy::expect_used, reason = "the inputs are made here")]
#![allow(
    missing_docs,
    reason = "criterion's macros write undocumented functions"
)]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use serde_json::json;
use tastemaker::control::Control;
use tastemaker::engine::{Engine, Request};
use tastemaker::event::{Event, EventColumns, IdColumn};
use tastemaker::model::Model;
use tastemaker::train::{TrainOptions, train};

const USERS: u64 = 2_000;
const ITEMS: u64 = 3_000;
const EVENTS_A_USER: u64 = 30;

/// Pairs with tastes: most of a user's items come from one of twenty clusters.
fn pairs() -> (Vec<i64>, Vec<i64>) {
    let mut state = 1_u64;
    let mut next = |limit: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % limit
    };
    let (mut users, mut items) = (Vec::new(), Vec::new());
    for user in 0..USERS {
        let cluster = user % 20;
        for _ in 0..EVENTS_A_USER {
            let item = if next(4) > 0 {
                next(ITEMS / 20) * 20 + cluster
            } else {
                next(ITEMS)
            };
            users.push(user.cast_signed());
            items.push(item.cast_signed());
        }
    }
    (users, items)
}

fn model() -> Model {
    let (users, items) = pairs();
    let columns = EventColumns::new(IdColumn::Integer(&users), IdColumn::Integer(&items));
    let options = TrainOptions::from_json(&json!({ "trainer": {"name": "spectral", "rank": 64} }))
        .expect("valid options");
    train(&columns, None, &options, &Control::new()).expect("valid events")
}

fn training(criterion: &mut Criterion) {
    let (users, items) = pairs();
    let columns = EventColumns::new(IdColumn::Integer(&users), IdColumn::Integer(&items));
    let options = TrainOptions::from_json(&json!({ "trainer": {"name": "spectral", "rank": 64} }))
        .expect("valid options");
    let mut group = criterion.benchmark_group("train");
    group.sample_size(10);
    group.bench_function("60k events", |bencher| {
        bencher.iter(|| train(&columns, None, &options, &Control::new()));
    });
    group.finish();
}

fn opening(criterion: &mut Criterion) {
    let model = model();
    let bytes = model.as_bytes();
    criterion.bench_function("open from bytes", |bencher| {
        bencher.iter(|| Model::from_bytes(black_box(bytes)));
    });
}

fn serving(criterion: &mut Criterion) {
    let engine = Engine::new(model());
    let request = |fields| Request::from_json(&fields).expect("a valid request");
    let requests = [
        ("stored user", request(json!({ "user_id": "7", "k": 20 }))),
        (
            "explained",
            request(json!({ "user_id": "7", "k": 20, "explain": true })),
        ),
        ("stranger", request(json!({ "user_id": "nobody", "k": 20 }))),
        (
            "history",
            request(json!({ "history": [{ "item_id": "7" }, { "item_id": "27" }], "k": 20 })),
        ),
    ];
    let mut group = criterion.benchmark_group("recommend");
    for (name, request) in &requests {
        group.bench_function(*name, |bencher| {
            bencher.iter(|| engine.recommend(black_box(request)));
        });
    }
    group.finish();
    let event = |timestamp| Event {
        item_id: "7".to_owned(),
        kind: "view".to_owned(),
        weight: 1.0,
        timestamp,
    };
    let mut clock = 0;
    criterion.bench_function("record", |bencher| {
        bencher.iter_batched(
            || {
                clock += 1;
                event(clock)
            },
            |event| engine.record("7", &event),
            BatchSize::SmallInput,
        );
    });
}

criterion_group!(benches, training, opening, serving);
criterion_main!(benches);
