//! Contract: the questions agree with each other. A score is the one that a ranking gives, items
//! like an item are what a history of it leads to, a group does not depend on the order of its
//! members, and users are as alike as a naive cosine says. Every field refuses other types.

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
use tastemaker::ErrorKind;
use tastemaker::engine::{
    Answer, Engine, GroupMember, GroupRequest, Request, ScoreRequest, SimilarRequest,
    SimilarUsersRequest,
};
use tastemaker::event::KindTable;
use tastemaker::json::{Value, json};
use tastemaker::model::Model;

static MODELS: LazyLock<[Model; 2]> = LazyLock::new(|| {
    let order: Vec<usize> = (5..90).collect();
    let build = |given: Value| {
        trained(
            &events(11, 60, 70, 900),
            Some(&catalog(&order)),
            &options(&given),
        )
    };
    [
        build(json!({"neighbors": 12, "trainer": {"name": "spectral", "rank": 16}})),
        build(
            json!({"neighbors": 7, "trainer": {"name": "spectral", "rank": 16}, "half_life_days": 2}),
        ),
    ]
});

fn item() -> impl Strategy<Value = String> {
    (0..MODELS[0].item_count() as u32).prop_map(|i| MODELS[0].item_id(i).unwrap().to_owned())
}

fn user() -> impl Strategy<Value = String> {
    let ids: Vec<String> = MODELS[0].user_ids().map(str::to_owned).collect();
    prop::sample::select(ids)
}

fn history() -> impl Strategy<Value = Vec<Value>> {
    let kind = prop_oneof![Just("view"), Just("save"), Just("dismiss"), Just("dislike")];
    let event = (item(), kind, 0i64..400_000_000, 0u8..4).prop_map(|(item, kind, time, weight)| {
        json!({"item_id": item, "kind": kind, "timestamp": time, "weight": weight})
    });
    prop::collection::vec(event, 0..12)
}

fn places(answer: &Answer) -> Vec<(&str, u64)> {
    let items = answer.items.iter();
    items
        .map(|i| (i.item_id.as_str(), i.score.to_bits()))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn a_score_is_the_one_of_the_ranking(
        which in 0usize..2, user in user(), history in history(), few in 1usize..6, from in 0usize..80,
    ) {
        let model = &MODELS[which];
        let engine = Engine::new(model.clone());
        let request = json!({
            "user_id": user, "history": history, "k": 1000, "exclude_seen": false, "explain": true,
        });
        let ranked = engine.recommend(&Request::from_json(&request).unwrap()).unwrap();
        let ids: Vec<String> = (0..model.item_count() as u32)
            .map(|i| model.item_id(i).unwrap().to_owned())
            .collect();
        let some = &ids[from..(from + few).min(ids.len())];
        for candidates in [&ids[..], some] {
            let request = json!({
                "user_id": user, "history": history, "item_ids": candidates, "explain": true,
            });
            let scores = engine.score_items(&ScoreRequest::from_json(&request).unwrap()).unwrap();
            prop_assert_eq!(scores.items.len(), candidates.len());
            for (score, id) in scores.items.iter().zip(candidates) {
                prop_assert_eq!(&score.item_id, id);
                prop_assert!(score.known);
                let parts: f64 = score.reasons.iter().map(|r| r.contribution).sum();
                prop_assert_eq!(parts, score.score);
                if let Some(place) = ranked.items.iter().find(|i| &i.item_id == id) {
                    prop_assert_eq!(place.score.to_bits(), (score.score + 0.0).to_bits());
                    prop_assert_eq!(&place.reasons, &score.reasons);
                }
            }
        }
    }

    #[test]
    fn items_like_these_follow_from_a_history_of_them(
        items in prop::collection::btree_set(item(), 1..9), k in 1usize..100,
    ) {
        let engine = Engine::new(MODELS[0].clone());
        let items: Vec<String> = items.into_iter().collect();
        let history: Vec<Value> = items.iter().map(|i| json!({"item_id": i})).collect();
        let twin = engine
            .recommend(&Request::from_json(&json!({"history": history, "k": k, "explain": true})).unwrap())
            .unwrap();
        let asked = json!({"item_ids": items, "k": k, "explain": true});
        let answer = engine.similar_items(&SimilarRequest::from_json(&asked).unwrap()).unwrap();
        prop_assert_eq!(answer, twin);
    }

    #[test]
    fn a_group_is_a_set_and_fills_up(
        which in 0usize..2, users in prop::collection::vec(user(), 1..6), history in history(),
        turn in 0usize..6, misery in any::<bool>(), k in 1usize..100,
    ) {
        let engine = Engine::new(MODELS[which].clone());
        let mut members: Vec<Value> = users.iter().map(|u| json!({"user_id": u})).collect();
        members.push(json!({"history": history}));
        let ask = |members: &[Value], k: usize| {
            let strategy = if misery { "least_misery" } else { "average" };
            let request = json!({"members": members, "strategy": strategy, "k": k, "explain": true});
            engine.recommend_group(&GroupRequest::from_json(&request).unwrap()).unwrap()
        };
        let answer = ask(&members, k);
        let by = turn % members.len();
        members.rotate_left(by);
        let turned = ask(&members, k);
        prop_assert_eq!(places(&answer), places(&turned));
        let whole = ask(&members, 1000);
        prop_assert_eq!(answer.items.len(), k.min(whole.items.len()));
        for place in &whole.items {
            let parts: f64 = place.reasons.iter().map(|r| r.contribution).sum();
            prop_assert_eq!(parts, place.score);
            for reason in &place.reasons {
                prop_assert!(reason.members.iter().all(|&m| (m as usize) < members.len()));
                prop_assert!(!reason.members.is_empty());
            }
        }
    }

    #[test]
    fn users_are_as_alike_as_a_naive_cosine_says(history in history(), k in 1usize..80) {
        let model = &MODELS[0];
        let kinds = KindTable::from_json(&model.manifest()["kinds"]).unwrap();
        let fold = |profile: &tastemaker::profile::Profile| {
            let mut sums: BTreeMap<String, f64> = BTreeMap::new();
            for event in profile.events() {
                let rule = kinds.get(&event.kind).unwrap();
                let value = rule.weight * ((event.weight - rule.neutral) / rule.scale);
                *sums.entry(event.item_id.clone()).or_default() += value;
            }
            sums.values_mut().for_each(|sum| *sum = sum.clamp(-4.0, 4.0));
            sums
        };
        let request = SimilarUsersRequest::from_json(&json!({"history": history, "k": k})).unwrap();
        let asking = fold(&request.history);
        let norm = |sums: &BTreeMap<String, f64>| sums.values().map(|x| x * x).sum::<f64>().sqrt();
        let mut expected: Vec<(String, f64)> = model
            .user_ids()
            .map(|user| {
                let other = fold(&model.profile(user).unwrap());
                let dot: f64 = asking.iter().map(|(i, x)| x * other.get(i).unwrap_or(&0.0)).sum();
                (user.to_owned(), dot / (norm(&asking) * norm(&other)))
            })
            .filter(|(_, cosine)| *cosine > 1e-12)
            .collect();
        expected.sort_by(|a, b| b.1.total_cmp(&a.1));
        let answer = Engine::new(model.clone()).similar_users(&request).unwrap();
        // Products that cancel leave nothing, or a last bit: which, depends on their order.
        let found: Vec<f64> = answer.users.iter().map(|u| u.similarity).filter(|s| *s > 1e-12).collect();
        prop_assert_eq!(found.len(), expected.len().min(k));
        for (found, (_, cosine)) in found.iter().zip(&expected) {
            prop_assert!((found - cosine).abs() < 1e-12);
        }
        let ids: BTreeSet<&str> = answer.users.iter().map(|u| u.user_id.as_str()).collect();
        prop_assert_eq!(ids.len(), answer.users.len());
    }
}

#[test]
fn erased_users_are_like_nobody() {
    let engine = Engine::new(MODELS[0].clone());
    let user = MODELS[0].user_ids().next().unwrap().to_owned();
    let ask = |request: Value| {
        let request = SimilarUsersRequest::from_json(&request).unwrap();
        let users = engine.similar_users(&request).unwrap().users;
        users.into_iter().map(|u| u.user_id).collect::<Vec<_>>()
    };
    let others = ask(json!({"user_id": user, "k": 100}));
    assert!(!others.is_empty() && !others.contains(&user));
    let gone = others[0].clone();
    engine.erase(&gone).unwrap();
    assert_eq!(ask(json!({"user_id": user, "k": 100})), others[1..]);
    // Beginning anew does not bring the training history back.
    let event = tastemaker::event::Event::new("i1", "view", 0);
    engine.record(&gone, &event).unwrap();
    assert_eq!(ask(json!({"user_id": user, "k": 100})), others[1..]);
    engine.erase(&user).unwrap();
    assert!(ask(json!({"user_id": user, "k": 100})).is_empty());
}

#[test]
fn a_request_made_by_hand_is_checked_too() {
    let engine = Engine::new(MODELS[0].clone());
    let invalid = |error: tastemaker::Error| assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    invalid(
        engine
            .similar_items(&SimilarRequest::for_item("a", 0))
            .unwrap_err(),
    );
    let group = |members, k| {
        engine
            .recommend_group(&GroupRequest::new(members, k))
            .unwrap_err()
    };
    invalid(group(Vec::new(), 5));
    invalid(group(vec![GroupMember::default()], 0));
    invalid(group(vec![GroupMember::default(); 65], 5));
    for weight in [f64::NAN, f64::INFINITY, 0.0, -1.0] {
        let member = GroupMember {
            weight,
            ..GroupMember::default()
        };
        invalid(group(vec![member], 5));
    }
    invalid(
        engine
            .similar_users(&SimilarUsersRequest::for_user("a", 0))
            .unwrap_err(),
    );
    let error = engine
        .score_items(&ScoreRequest::for_user("", Vec::new()))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidId);
    let late = Some(i64::MAX);
    let mut score = ScoreRequest::for_user("a", Vec::new());
    score.now = late;
    let mut group = GroupRequest::new(vec![GroupMember::default()], 5);
    group.now = late;
    for error in [
        engine.score_items(&score).unwrap_err(),
        engine.recommend_group(&group).unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::InvalidTimestamp);
    }
    let mut group = GroupRequest::new(vec![GroupMember::default()], 5);
    group.members[0].user_id = Some(String::new());
    let error = engine.recommend_group(&group).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidId);
    assert!(error.message().starts_with("members[0]"), "{error}");
}

#[test]
fn every_field_refuses_every_other_type() {
    /// The name of a field, and the positions in `values` of what it takes.
    type Field<'a> = (&'a str, &'a [usize]);
    type Parse = fn(&Value) -> tastemaker::Result<()>;
    let values = [
        json!(true),
        json!(7),
        json!(0.25),
        json!("text"),
        json!([1]),
        json!(["a"]),
        json!({"x": 1}),
    ];
    let similar: Parse = |v| SimilarRequest::from_json(v).map(drop);
    let score: Parse = |v| ScoreRequest::from_json(v).map(drop);
    let group: Parse = |v| GroupRequest::from_json(v).map(drop);
    let users: Parse = |v| SimilarUsersRequest::from_json(v).map(drop);
    let member: Parse = |v| GroupRequest::from_json(&json!({"members": [v]})).map(drop);
    let (whole, flag, text, texts) = (&[1usize][..], &[0][..], &[3][..], &[5][..]);
    let limits = [
        ("k", whole),
        ("filter", &[6][..]),
        ("allow", texts),
        ("deny", texts),
        ("explain", flag),
        ("trace", flag),
    ];
    let more = [
        ("now", whole),
        ("exclude_seen", flag),
        ("strategy", &[]),
        ("members", &[]),
    ];
    let heard = [("user_id", text), ("history", &[][..])];
    let cases: Vec<(Parse, Value, Vec<Field<'_>>)> = vec![
        (similar, json!({"item_id": "a"}), limits.to_vec()),
        (
            similar,
            json!({}),
            vec![("item_id", text), ("item_ids", texts)],
        ),
        (
            score,
            json!({"item_ids": ["a"]}),
            [&heard[..], &[("now", whole), ("explain", flag)]].concat(),
        ),
        (score, json!({}), vec![("item_ids", texts)]),
        (
            group,
            json!({"members": [{}]}),
            [&limits[..], &more].concat(),
        ),
        (
            member,
            json!({}),
            [&heard[..], &[("weight", &[1, 2])]].concat(),
        ),
        (users, json!({}), [&heard[..], &[("k", whole)]].concat()),
    ];
    for (parse, base, fields) in cases {
        for (name, accepted) in fields {
            for (at, value) in values.iter().enumerate() {
                let mut request = base.clone();
                request[name] = value.clone();
                let result = parse(&request);
                assert_eq!(
                    result.is_ok(),
                    accepted.contains(&at),
                    "{request}: {result:?}"
                );
                assert!(result.is_ok() || !result.unwrap_err().message().is_empty());
            }
        }
        for wrong in [
            json!([]),
            json!("text"),
            json!(5),
            json!({"no_such_name": 1}),
        ] {
            let error = parse(&wrong).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{wrong}: {error}");
        }
    }
}
