//! Updating: what a full training would give, and how near an update comes to it.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests stop at the first surprise"
)]

use serde_json::{Value, json};
use tastemaker::ErrorKind;
use tastemaker::catalog::Catalog;
use tastemaker::control::Control;
use tastemaker::event::{EventColumns, IdColumn};
use tastemaker::model::{EdgeOptions, Model};
use tastemaker::train::{TrainOptions, UpdateOptions, train, update};

/// (user, item, time); two groups of users with tastes of their own.
type Row = (u64, u64, i64);

fn noise(seed: u64) -> u64 {
    let mut x = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x55;
    x ^= x >> 29;
    x = x.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x ^ (x >> 32)
}

fn rows(users: u64, items: u64, each: u64) -> Vec<Row> {
    let mut out = Vec::new();
    for user in 0..users {
        for n in 0..each {
            let x = noise(user * 1000 + n);
            let near = (user % 8) * items / 8 + x % (items / 6);
            // Some items are rare.
            let item = match x % 10 {
                0..8 => near % items,
                8 => x % items,
                _ => x / 16 % items * (x / 1024 % items) / items,
            };
            out.push((user, item, (x % 50_000) as i64));
        }
    }
    out
}

fn columns<T>(rows: &[Row], with: impl FnOnce(&EventColumns<'_>) -> T) -> T {
    let users: Vec<i64> = rows.iter().map(|r| r.0 as i64).collect();
    let items: Vec<i64> = rows.iter().map(|r| r.1 as i64).collect();
    let times: Vec<i64> = rows.iter().map(|r| r.2).collect();
    let mut events = EventColumns::new(IdColumn::Integer(&users), IdColumn::Integer(&items));
    events.timestamp = Some(&times);
    with(&events)
}

fn options(value: &Value) -> TrainOptions {
    TrainOptions::from_json(value).unwrap()
}

fn trained(rows: &[Row], value: &Value) -> Model {
    columns(rows, |e| {
        train(e, None, &options(value), &Control::new()).unwrap()
    })
}

fn updated(model: &Model, rows: &[Row], tolerance: f64) -> Model {
    let options = UpdateOptions {
        tolerance,
        ..UpdateOptions::default()
    };
    columns(rows, |e| {
        update(model, e, None, &options, &Control::new()).unwrap()
    })
}

/// What a snapshot says but for its updates.
fn said(model: &Model) -> Value {
    let mut manifest = model.manifest().clone();
    manifest.as_object_mut().unwrap().remove("update");
    manifest
}

fn graph(model: &Model) -> Vec<Vec<(String, f64)>> {
    (0..model.item_count() as u32)
        .map(|i| {
            let row = model.neighbors(model.item_id(i).unwrap()).unwrap();
            row.iter()
                .map(|&(j, w)| (model.item_id(j).unwrap().to_owned(), w))
                .collect()
        })
        .collect()
}

fn blend() -> Value {
    json!({
        "neighbors": 20,
        "updatable": true,
        "trainer": [
            {"name": "ridge", "support": 20, "rank": 8},
            {"name": "spectral", "weight": 0.5, "rank": 8},
        ],
    })
}

/// Every hundredth row, with new items and users among them, apart from the rest.
fn split(all: &[Row]) -> (Vec<Row>, Vec<Row>) {
    all.iter()
        .partition(|r| !noise(r.0 * 77 + r.1 * 13 + r.2 as u64).is_multiple_of(100))
}

#[test]
fn without_tolerance_it_is_a_full_training() {
    let all = rows(200, 120, 20);
    let (mut old, mut new) = split(&all);
    // A user, an item, and a row that is there already.
    old.retain(|r| r.0 != 7 && r.1 != 50);
    new.extend(all.iter().filter(|r| r.0 == 7 || r.1 == 50));
    new.sort_unstable();
    new.dedup();
    let mut both: Vec<Row> = old.iter().chain(&new).copied().collect();
    new.push(old[3]);
    both.push(old[3]);
    for trainer in [
        blend()["trainer"].clone(),
        json!("sequence"),
        json!("cooccurrence"),
        json!({"name": "ials", "factors": 8}),
    ] {
        let mut value = blend();
        value["trainer"] = trainer;
        value["half_life_days"] = json!(0.2);
        value["max_history_items"] = json!(9);
        let whole = trained(&both, &value);
        let step = updated(&trained(&old, &value), &new, 0.0);
        assert_eq!(said(&step), said(&whole));
        assert_eq!(graph(&step), graph(&whole));
        assert_eq!(step.manifest()["update"]["full"], true);
        for user in whole.user_ids() {
            assert_eq!(step.profile(user), whole.profile(user), "{user}");
        }
        for item in 0..whole.item_count() as u32 {
            assert_eq!(step.popularity(item), whole.popularity(item));
        }
    }
}

#[test]
fn a_small_change_touches_few_items_and_comes_near_a_full_training() {
    let all = rows(3000, 600, 20);
    // Half of what happened to a few items is new.
    let moved = |item: u64| item.is_multiple_of(60);
    let (old, new): (Vec<Row>, Vec<Row>) = all
        .iter()
        .partition(|r| !moved(r.1) || noise(r.0 ^ r.1 << 20).is_multiple_of(2));
    let model = trained(&old, &blend());
    let step = updated(&model, &new, 0.25);
    let whole = trained(&all, &blend());
    let report = &step.manifest()["update"];
    assert_eq!(report["full"], false, "{report}");
    let learnt = report["learnt"].as_u64().unwrap();
    assert!((5..150).contains(&learnt), "{report}");
    let into = |model: &Model| -> Vec<Vec<(String, f64)>> {
        let to_moved = |e: &(String, f64)| moved(e.0.parse().unwrap());
        let rows = graph(model).into_iter();
        rows.map(|row| row.into_iter().filter(to_moved).collect())
            .collect()
    };
    let near = distance(&into(&step), &into(&whole));
    let stale = distance(&into(&model), &into(&whole));
    assert!(near < 0.4 * stale, "{near}, without an update {stale}");
    let near = distance(&graph(&step), &graph(&whole));
    let stale = distance(&graph(&model), &graph(&whole));
    assert!(near < stale, "{near}, without an update {stale}");
    assert_eq!(updated(&model, &new, 0.25).as_bytes(), step.as_bytes());
}

/// The sum of the differences of two graphs as a share of the second.
fn distance(a: &[Vec<(String, f64)>], b: &[Vec<(String, f64)>]) -> f64 {
    let (mut apart, mut total) = (0.0, 0.0);
    for (x, y) in a.iter().zip(b) {
        let find =
            |row: &[(String, f64)], id: &str| row.iter().find(|e| e.0 == id).map_or(0.0, |e| e.1);
        total += y.iter().map(|e| e.1).sum::<f64>();
        apart += y.iter().map(|e| (e.1 - find(x, &e.0)).abs()).sum::<f64>();
        apart += x
            .iter()
            .filter(|e| find(y, &e.0) == 0.0)
            .map(|e| e.1)
            .sum::<f64>();
    }
    apart / total
}

#[test]
fn every_trainer_but_factors_learns_an_item_at_a_time() {
    let all = rows(2000, 400, 20);
    let moved = |item: u64| item.is_multiple_of(80);
    let (old, new): (Vec<Row>, Vec<Row>) = all
        .iter()
        .partition(|r| !moved(r.1) || noise(r.0 ^ r.1 << 20).is_multiple_of(2));
    for (trainer, full) in [
        (
            json!({"name": "cooccurrence", "weighting": "cosine"}),
            false,
        ),
        (json!({"name": "cooccurrence", "weighting": "bm25"}), false),
        (
            json!({"name": "cooccurrence", "weighting": "p3alpha"}),
            false,
        ),
        (json!("cooccurrence"), false),
        (json!("sequence"), false),
        (json!({"name": "ials", "factors": 4, "iterations": 2}), true),
    ] {
        // No row is cut, so that what is learnt is all there is of it.
        let value = json!({"neighbors": 400, "updatable": true, "trainer": trainer});
        let model = trained(&old, &value);
        let step = updated(&model, &new, 0.25);
        assert_eq!(step.manifest()["update"]["full"], full, "{trainer}");
        let whole = trained(&all, &value);
        let into = |model: &Model| -> Vec<Vec<(String, f64)>> {
            let to_moved = |e: &(String, f64)| moved(e.0.parse().unwrap());
            let rows = graph(model).into_iter();
            rows.map(|row| row.into_iter().filter(to_moved).collect())
                .collect()
        };
        let near = distance(&into(&step), &into(&whole));
        assert!(near < 0.001, "{trainer}: {near}");
        assert!(distance(&into(&model), &into(&whole)) > 0.1, "{trainer}");
    }
}

#[test]
fn a_new_item_has_edges_in_both_directions_at_once() {
    let all = rows(1500, 300, 20);
    let newcomer = |r: &Row| (r.0, 9999, r.2 + 1);
    let old: Vec<Row> = all.clone();
    // Forty users of one taste find it.
    let fans: Vec<Row> = all
        .iter()
        .filter(|r| r.0 % 8 == 3)
        .step_by(97)
        .take(40)
        .map(newcomer)
        .collect();
    assert!(fans.len() > 20, "{}", fans.len());
    let model = trained(&old, &blend());
    let step = updated(&model, &fans, 0.25);
    let patient = updated(&model, &fans, 1.0);
    assert_eq!(patient.manifest()["update"]["learnt"], 1);
    assert_eq!(patient.neighbors("9999"), step.neighbors("9999"));
    assert_eq!(step.manifest()["update"]["full"], false);
    let both: Vec<Row> = old.iter().chain(&fans).copied().collect();
    let whole = trained(&both, &blend());
    for (what, model) in [("update", &step), ("training", &whole)] {
        let row = model.neighbors("9999").unwrap();
        assert!(row.len() >= 10, "{what}: {row:?}");
        let near = row.iter().filter(|&&(j, _)| {
            let id: u64 = model.item_id(j).unwrap().parse().unwrap();
            (3 * 300 / 8..3 * 300 / 8 + 300 / 6).contains(&id)
        });
        assert!(near.count() * 2 > row.len(), "{what}");
        let index = model.item_index("9999").unwrap();
        let into = (0..model.item_count() as u32)
            .filter(|&i| {
                let row = model.neighbors(model.item_id(i).unwrap()).unwrap();
                row.iter().any(|&(j, _)| j == index)
            })
            .count();
        assert!(into >= 3, "{what}: {into}");
    }
    let sum = |model: &Model| -> f64 { model.neighbors("9999").unwrap().iter().map(|e| e.1).sum() };
    let ratio = sum(&step) / sum(&whole);
    assert!((0.33..3.0).contains(&ratio), "{ratio}");
}

#[test]
fn small_changes_add_up() {
    let all = rows(2000, 400, 20);
    let model = trained(&all, &blend());
    let mut step = model.clone();
    let mut learnt = 0;
    for turn in 0..6u64 {
        let new: Vec<Row> = (0..20)
            .map(|n| {
                let x = noise(turn * 50 + n + 1_000_000);
                (x % 2000, 17, 60_000 + turn as i64)
            })
            .collect();
        step = updated(&step, &new, 0.5);
        learnt += step.manifest()["update"]["learnt"].as_u64().unwrap();
    }
    assert!(learnt >= 1, "never learnt");
    assert_eq!(step.manifest()["counts"]["events"], 40_000 + 120);
    let none = updated(&step, &[], 0.5);
    assert_eq!(none.manifest()["update"]["learnt"], 0);
    assert_eq!(graph(&none), graph(&step));
}

#[test]
fn attributes_and_listing_are_kept_or_replaced() {
    let mut catalog = Catalog::new();
    for (id, price) in [("1", 5.0), ("2", 6.0), ("3", 7.0)] {
        catalog.add(id, &json!({"price": price})).unwrap();
    }
    let old = [(1, 1, 0), (1, 2, 0), (2, 1, 0), (2, 4, 0)];
    let model = columns(&old, |e| {
        train(e, Some(&catalog), &options(&blend()), &Control::new()).unwrap()
    });
    let new = [(1, 5, 1), (3, 2, 1)];
    let step = updated(&model, &new, 0.25);
    assert_eq!(step.attributes("2"), Some(json!({"price": 6.0})));
    assert_eq!(step.attributes("5"), Some(json!({})));
    let unlisted = &step.manifest()["counts"]["unlisted_items"];
    assert_eq!(unlisted, 2, "4 and 5");
    catalog.remove("3").unwrap();
    catalog.add("5", &json!({"price": 1.0})).unwrap();
    let step = columns(&new, |e| {
        update(
            &model,
            e,
            Some(&catalog),
            &UpdateOptions::default(),
            &Control::new(),
        )
        .unwrap()
    });
    assert_eq!(step.attributes("5"), Some(json!({"price": 1.0})));
    assert_eq!(
        step.item_index("3"),
        None,
        "nobody has it and nothing lists it"
    );
    assert_eq!(step.manifest()["counts"]["unlisted_items"], 1);
}

#[test]
fn threads_do_not_matter() {
    let all = rows(1000, 300, 20);
    let (old, new) = split(&all);
    let model = trained(&old, &blend());
    let at = |threads: usize| {
        let options = UpdateOptions {
            threads,
            ..UpdateOptions::default()
        };
        columns(&new, |e| {
            update(&model, e, None, &options, &Control::new()).unwrap()
        })
    };
    let one = at(1);
    for threads in [2, 7] {
        assert_eq!(at(threads).as_bytes(), one.as_bytes());
    }
}

#[test]
fn what_can_not_be_updated_is_refused() {
    let old = rows(50, 30, 5);
    let model = trained(&old, &json!({"keep_profiles": false}));
    let edge = trained(&old, &json!({}))
        .export_edge(&EdgeOptions::default())
        .unwrap();
    for model in [&model, &edge] {
        let error = columns(&old, |e| {
            update(model, e, None, &UpdateOptions::default(), &Control::new()).unwrap_err()
        });
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(error.message().contains("no histories"), "{error}");
    }
    let model = trained(&old, &json!({}));
    for tolerance in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
        let options = UpdateOptions {
            tolerance,
            ..UpdateOptions::default()
        };
        let error = columns(&old, |e| {
            update(&model, e, None, &options, &Control::new()).unwrap_err()
        });
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{tolerance}");
    }
    let model_bytes = model.as_bytes().to_vec();
    let error = EventColumns::new(IdColumn::Text(&["", "a"]), IdColumn::Text(&["x", "y"]));
    let error = update(
        &model,
        &error,
        None,
        &UpdateOptions::default(),
        &Control::new(),
    )
    .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidId);
    assert_eq!(model.as_bytes(), model_bytes);
}

#[test]
fn bandits_stay_in_a_model_that_is_updated() {
    use tastemaker::experiment::bandit::Bandit;
    let all = rows(40, 30, 6);
    let model = trained(&all[..200], &json!({"updatable": true}));
    let bandit = |key: &str| {
        Bandit::from_json(&json!({"key": key, "policy": "ucb1", "arms": ["a", "b"]})).unwrap()
    };
    let with = model
        .with_bandits(&[bandit("top"), bandit("banner")])
        .unwrap();
    let updated = |model: &Model| {
        columns(&all[200..], |events| {
            update(
                model,
                events,
                None,
                &UpdateOptions::default(),
                &Control::new(),
            )
            .unwrap()
        })
    };
    let after = updated(&with);
    assert_eq!(after.bandits().collect::<Vec<_>>(), ["banner", "top"]);
    assert_eq!(after.bandit("top").unwrap(), Some(bandit("top")));
    // Nothing else is different.
    let without = after.with_bandits(&[]).unwrap();
    assert_eq!(without.as_bytes(), updated(&model).as_bytes());
}
