//! What several contract tests share: made-up events, columns of them, and models.

#![allow(dead_code, reason = "each test file uses a part of it")]

use tastemaker::catalog::Catalog;
use tastemaker::control::Control;
use tastemaker::event::{EventColumns, IdColumn};
use tastemaker::json::json;
use tastemaker::model::Model;
use tastemaker::train::{TrainOptions, train};

/// A small generator of pseudo-random numbers: tests need no more, and repeat exactly.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % limit
    }

    pub(crate) fn shuffle<T>(&mut self, list: &mut [T]) {
        for i in (1..list.len()).rev() {
            list.swap(i, self.below(i + 1));
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) user: String,
    pub(crate) item: String,
    pub(crate) kind: &'static str,
    pub(crate) weight: f64,
    pub(crate) time: i64,
}

const KINDS: [&str; 5] = ["view", "save", "book", "dismiss", "rate"];

/// Events with popular and rare items, several kinds, weights, and repeats.
pub(crate) fn events(seed: u64, users: usize, items: usize, count: usize) -> Vec<Row> {
    let mut dice = Dice::new(seed);
    (0..count)
        .map(|_| {
            let reach = dice.below(items) + 1;
            Row {
                user: format!("u{}", dice.below(users)),
                item: format!("item {}", dice.below(reach)),
                kind: KINDS[dice.below(KINDS.len())],
                weight: [1.0, 0.5, 3.0, 4.5][dice.below(4)],
                time: dice.below(1000) as i64 * 10_000_000,
            }
        })
        .collect()
}

/// Calls `use_them` with the rows as columns.
pub(crate) fn with_columns<R>(rows: &[Row], use_them: impl FnOnce(&EventColumns<'_>) -> R) -> R {
    let users: Vec<&str> = rows.iter().map(|r| r.user.as_str()).collect();
    let items: Vec<&str> = rows.iter().map(|r| r.item.as_str()).collect();
    let kinds: Vec<&str> = rows.iter().map(|r| r.kind).collect();
    let weights: Vec<f64> = rows.iter().map(|r| r.weight).collect();
    let times: Vec<i64> = rows.iter().map(|r| r.time).collect();
    use_them(&EventColumns {
        user_id: IdColumn::Text(&users),
        item_id: IdColumn::Text(&items),
        kind: Some(IdColumn::Text(&kinds)),
        weight: Some(&weights),
        timestamp: Some(&times),
    })
}

/// A catalog of `items` items, most of them those of [`events`], in the order given.
pub(crate) fn catalog(order: &[usize]) -> Catalog {
    let schema = json!({"price": "number", "tags": "tags", "open": "bool", "title": "text", "since": "time"});
    let mut catalog = Catalog::with_schema(&schema).unwrap();
    for &i in order {
        let mut attributes =
            json!({"price": i, "title": format!("Item {}", i % 7), "since": i * 1000});
        if i % 3 > 0 {
            attributes["tags"] = json!([format!("t{}", i % 2), format!("t{}", i % 5)]);
        }
        if i % 4 > 0 {
            attributes["open"] = json!(i % 2 == 0);
        }
        catalog.add(&format!("item {i}"), &attributes).unwrap();
    }
    catalog
}

pub(crate) fn options(given: &tastemaker::json::Value) -> TrainOptions {
    TrainOptions::from_json(given).unwrap()
}

pub(crate) fn trained(rows: &[Row], catalog: Option<&Catalog>, options: &TrainOptions) -> Model {
    with_columns(rows, |columns| {
        train(columns, catalog, options, &Control::new())
    })
    .unwrap()
}

/// A model with every kind of section, as small as it gets.
pub(crate) fn tiny() -> Model {
    let order: Vec<usize> = (0..4).collect();
    let half_life = options(&json!({"half_life_days": 30, "neighbors": 3}));
    trained(&events(1, 3, 5, 14), Some(&catalog(&order)), &half_life)
}
