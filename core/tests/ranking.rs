//! Contract: an answer is what the definition says, and has exactly min(k, eligible) items.
//!
//! The ranking here is written from `docs/snapshot-format.md`, "How weights and scores are
//! defined": no integers, no bitmaps, no top-k. Sums of doubles are exact for these numbers, so
//! scores must agree to the last bit.

#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "tests stop at the first surprise"
)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use proptest::prelude::*;
use support::{catalog, events, options, trained};
use tastemaker::engine::{Answer, Engine, Request};
use tastemaker::event::{Event, KindTable};
use tastemaker::json::{Value, json};
use tastemaker::model::{BatchOptions, Model, Source};
use tastemaker::profile::Profile;

const ITEMS: usize = 90;
const DAY: i64 = 86_400_000;

/// With items that the catalog does not list, items that nobody touched, and decay or none.
static MODELS: LazyLock<[Model; 2]> = LazyLock::new(|| {
    let order: Vec<usize> = (5..ITEMS).collect();
    let build = |given: Value| {
        trained(
            &events(11, 60, 70, 900),
            Some(&catalog(&order)),
            &options(&given),
        )
    };
    [
        build(json!({"neighbors": 8, "trainer": {"name": "spectral", "rank": 16}})),
        build(
            json!({"neighbors": 5, "trainer": {"name": "spectral", "rank": 16}, "half_life_days": 1, "kinds": {"wish": 1.5}}),
        ),
    ]
});

/// (item, score, source) of every place, by the definition.
fn naive(
    model: &Model,
    events: &[Event],
    request: &Request,
    keep: impl Fn(&str) -> bool,
) -> Vec<(String, f64, Source)> {
    let kinds = KindTable::from_json(&model.manifest()["kinds"]).unwrap();
    let half_life = model.manifest()["half_life_ms"].as_f64();
    let known = |e: &&Event| model.item_index(&e.item_id).is_some();
    let newest = events
        .iter()
        .filter(known)
        .map(|e| e.timestamp)
        .max()
        .unwrap_or(0);
    let now = request.now.unwrap_or(newest);
    let mut sums: BTreeMap<u32, f64> = BTreeMap::new();
    for event in events {
        let Some(item) = model.item_index(&event.item_id) else {
            continue;
        };
        let rule = kinds.get(&event.kind).unwrap();
        let mut value = rule.weight * ((event.weight - rule.neutral) / rule.scale);
        if let Some(half_life) = half_life {
            value *= libm::exp2(-((now - event.timestamp).max(0) as f64) / half_life);
        }
        sums.entry(item)
            .and_modify(|sum| *sum += value)
            .or_insert(value);
    }
    for sum in sums.values_mut() {
        *sum = sum.clamp(-4.0, 4.0);
    }
    let total: f64 = sums.values().fold(0.0, |total, x| total + x.abs());
    let room = 32_767.0 - sums.len().div_ceil(2) as f64;
    let mut scores: BTreeMap<u32, f64> = BTreeMap::new();
    if total > 0.0 {
        let mut shift = -40;
        while shift < 900 && total * libm::ldexp(1.0, shift + 1) <= room {
            shift += 1;
        }
        for (&item, &weight) in &sums {
            let whole = (weight * libm::ldexp(1.0, shift)).round_ties_even();
            for (other, edge) in model.neighbors(model.item_id(item).unwrap()).unwrap() {
                *scores.entry(other).or_default() += whole * libm::ldexp(edge, -shift);
            }
        }
    }
    let seen = |i: &u32| {
        sums.get(i)
            .is_some_and(|&x| request.exclude_seen || x < 0.0)
    };
    let mut open: Vec<(u32, f64)> = (0..model.item_count() as u32)
        .filter(|i| !seen(i) && keep(model.item_id(*i).unwrap()))
        .map(|i| (i, scores.get(&i).copied().unwrap_or(0.0)))
        .collect();
    let place = |score: f64| {
        if score > 0.0 {
            0
        } else if score == 0.0 {
            1
        } else {
            2
        }
    };
    open.sort_by(|a, b| {
        let popular = model.popularity(b.0).total_cmp(&model.popularity(a.0));
        let by_score = b.1.total_cmp(&a.1);
        let within = if place(a.1) == 1 { popular } else { by_score };
        place(a.1).cmp(&place(b.1)).then(within).then(a.0.cmp(&b.0))
    });
    open.truncate(request.k);
    open.into_iter()
        .map(|(i, score)| {
            let source = if score == 0.0 {
                Source::Popular
            } else {
                Source::Graph
            };
            (model.item_id(i).unwrap().to_owned(), score, source)
        })
        .collect()
}

fn places(answer: &Answer) -> Vec<(String, f64, Source)> {
    answer
        .items
        .iter()
        .map(|i| (String::from(&i.item_id), i.score, i.source))
        .collect()
}

fn some_event() -> impl Strategy<Value = Value> {
    let kind = prop_oneof![
        Just("view"),
        Just("save"),
        Just("dismiss"),
        Just("dislike"),
        Just("rate"),
        Just("book")
    ];
    let weight = prop_oneof![4 => Just(1.0), 1 => Just(0.0), 2 => 0.0f64..6.0, 1 => -3.0f64..0.0];
    (0..ITEMS + 4, kind, weight, -3i64..12).prop_map(|(item, kind, weight, half_days)| {
        json!({"item_id": format!("item {item}"), "kind": kind, "weight": weight, "timestamp": half_days * DAY / 2})
    })
}

fn some_ids(most: usize) -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec((0..ITEMS + 4).prop_map(|i| format!("item {i}")), 0..most)
}

/// A condition and the same thing in Rust.
fn filter(number: usize) -> (Value, fn(&Value) -> bool) {
    match number {
        0 => (json!({"price": {"$lt": 40}}), |a| {
            a["price"].as_f64().unwrap_or(0.0) < 40.0
        }),
        1 => (json!({"tags": "t0,t3"}), |a| {
            a["tags"] == json!(["t0", "t3"])
        }),
        2 => (json!({"tags": {"$in": ["t3", "t4"]}}), |a| {
            a["tags"]
                .as_array()
                .is_some_and(|t| t.contains(&json!("t3")) || t.contains(&json!("t4")))
        }),
        3 => (json!({"open": false}), |a| a["open"] == false),
        4 => (
            json!({"$or": [{"title": {"$regex": "[12]$"}}, {"tags": {"$exists": false}}]}),
            |a| {
                a["title"]
                    .as_str()
                    .is_some_and(|t| t.ends_with('1') || t.ends_with('2'))
                    || a["tags"].is_null()
            },
        ),
        5 => (json!({"since": {"$gte": 20_000, "$lt": 60_000}}), |a| {
            (20_000.0..60_000.0).contains(&a["since"].as_f64().unwrap_or(0.0))
        }),
        _ => (json!({"price": -1}), |_| false),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn an_answer_is_the_definition(
        model in 0usize..2,
        history in prop::collection::vec(some_event(), 0..40),
        k in prop_oneof![1usize..12, Just(500), 60usize..95],
        now in prop::option::of(-3i64..14),
        exclude_seen in any::<bool>(),
        allow in prop::option::weighted(0.3, some_ids(40)),
        deny in some_ids(20),
        chosen in prop::option::weighted(0.6, 0usize..7),
    ) {
        let model = &MODELS[model];
        let mut request = json!({
            "history": history, "k": k, "exclude_seen": exclude_seen, "explain": true, "deny": deny,
            "allow": allow, "now": now.map(|half_days| half_days * DAY / 2),
        });
        if let Some(number) = chosen {
            request["filter"] = filter(number).0;
        }
        let request = Request::from_json(&request).unwrap();
        let keep = |id: &str| {
            let attributes = model.attributes(id).unwrap();
            // What the catalog does not list is not recommended; its attributes are empty.
            attributes != json!({})
                && chosen.is_none_or(|number| filter(number).1(&attributes))
                && allow.as_ref().is_none_or(|allow| allow.iter().any(|a| a == id))
                && !deny.iter().any(|d| d == id)
        };
        let expected = naive(model, request.history.events(), &request, keep);
        let answer = Engine::new(model.clone()).recommend(&request).unwrap();
        prop_assert_eq!(places(&answer), expected);

        // Stated apart from the ranking: how many, each once, and reasons that add up.
        let seen: BTreeMap<&str, f64> = request.history.events().iter().map(|e| (e.item_id.as_str(), 0.0)).collect();
        if exclude_seen {
            let eligible = (0..model.item_count() as u32)
                .map(|i| model.item_id(i).unwrap())
                .filter(|id| keep(id) && !seen.contains_key(id))
                .count();
            prop_assert_eq!(answer.items.len(), k.min(eligible));
        }
        let distinct: BTreeSet<u32> = answer.items.iter().map(|i| i.item).collect();
        prop_assert_eq!(distinct.len(), answer.items.len());
        for item in &answer.items {
            let forward = item.reasons.iter().fold(0.0, |sum, r| sum + r.contribution);
            let backward = item.reasons.iter().rev().fold(0.0, |sum, r| sum + r.contribution);
            prop_assert_eq!(forward.to_bits(), item.score.to_bits());
            prop_assert_eq!(backward.to_bits(), item.score.to_bits());
            if item.score != 0.0 {
                let shares = item.reasons.iter().fold(0.0, |sum, r| sum + r.share);
                prop_assert!((shares - 1.0).abs() < 1e-9, "{}", shares);
            }
        }
        let strangers: BTreeSet<&str> = request.history.events().iter().map(|e| e.item_id.as_str())
            .chain(allow.iter().flatten().map(String::as_str))
            .chain(deny.iter().map(String::as_str))
            .filter(|id| model.item_index(id).is_none())
            .collect();
        prop_assert_eq!(answer.ignored.iter().map(String::as_str).collect::<Vec<_>>(), strangers.into_iter().collect::<Vec<_>>());
    }

    /// The same history gives the same answer: in the request, recorded in any order and twice,
    /// merged from two devices, or stored in the model and asked for in a batch.
    #[test]
    fn where_a_history_lies_does_not_matter(
        history in prop::collection::vec(some_event(), 1..25),
        cut in any::<prop::sample::Index>(),
        k in 1usize..20,
    ) {
        let model = &MODELS[1];
        let given = Request::from_json(&json!({"history": history, "k": k, "explain": true})).unwrap();
        let events = given.history.events();
        let expected = Engine::new(model.clone()).recommend(&given).unwrap();
        let asked = Request { history: Profile::new(), user_id: Some("new".to_owned()), ..given.clone() };

        let engine = Engine::new(model.clone());
        for event in events.iter().rev().chain(events) {
            engine.record("new", event).unwrap();
        }
        prop_assert_eq!(&engine.recommend(&asked).unwrap(), &expected);

        let engine = Engine::new(model.clone());
        let at = cut.index(events.len());
        for part in [&events[at..], &events[..at]] {
            let mut device = Profile::new();
            for event in part {
                device.record(event).unwrap();
            }
            let device = Profile::from_bytes(&device.to_bytes()).unwrap();
            engine.merge_profile("new", &device).unwrap();
        }
        prop_assert_eq!(&engine.recommend(&asked).unwrap(), &expected);

        let engine = Engine::new(model.clone());
        for event in &events[..at] {
            engine.record("new", event).unwrap();
        }
        let rest = Request { user_id: Some("new".to_owned()), ..given };
        prop_assert_eq!(&engine.recommend(&rest).unwrap(), &expected);
    }
}

#[test]
fn stored_users_answer_as_their_profiles_do() {
    for model in MODELS.iter() {
        let users: Vec<&str> = model.user_ids().collect();
        let engine = Engine::new(model.clone());
        for exclude_seen in [true, false] {
            let options = BatchOptions {
                k: 12,
                exclude_seen,
                ..BatchOptions::default()
            };
            let batch = model
                .recommend_users(&users, &options, &tastemaker::control::Control::new())
                .unwrap();
            for (row, user) in users.iter().enumerate() {
                let of_user = |n: &usize| batch.user_row[*n] == row as u32;
                let rows: Vec<usize> = (0..batch.item.len()).filter(of_user).collect();
                let mut request = Request::for_user(*user, 12);
                request.exclude_seen = exclude_seen;
                let by_id = engine.recommend(&request).unwrap();
                let mut request = Request {
                    user_id: None,
                    ..request
                };
                request.history = model.profile(user).unwrap();
                let by_history = engine.recommend(&request).unwrap();
                assert_eq!(by_id, by_history, "{user}");
                let found: Vec<(u32, f64)> = rows
                    .iter()
                    .map(|&n| (batch.item[n], batch.score[n]))
                    .collect();
                let expected: Vec<(u32, f64)> =
                    by_id.items.iter().map(|i| (i.item, i.score)).collect();
                assert_eq!(found, expected, "{user}");
            }
        }
    }
}
