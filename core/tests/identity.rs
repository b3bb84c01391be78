//! Contract: an id is its bytes, in every table and through every door.

#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "tests stop at the first surprise"
)]

mod support;

use std::collections::BTreeSet;

use proptest::prelude::*;
use support::options;
use tastemaker::catalog::Catalog;
use tastemaker::control::Control;
use tastemaker::engine::{Engine, Request};
use tastemaker::event::{Event, EventColumns, IdColumn};
use tastemaker::json::json;
use tastemaker::model::Model;
use tastemaker::train::train;

fn some_id() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{1,12}",
        any::<String>().prop_filter("not empty", |s| !s.is_empty()),
        "[a-c]{1,3}",
        "(é|e\u{301}|E|e){1,3}",
        (0u32..300).prop_map(|n| n.to_string()),
        (1usize..=1024, prop::char::range('a', 'd')).prop_map(|(n, c)| c.to_string().repeat(n)),
    ]
    .prop_filter("at most 1 KiB", |id| id.len() <= 1024)
}

proptest! {
    #[test]
    fn every_id_is_found_and_no_other(
        items in prop::collection::vec(some_id(), 1..60),
        users in prop::collection::vec(some_id(), 1..20),
        listed in prop::collection::vec(some_id(), 0..20),
        strangers in prop::collection::vec(some_id(), 1..20),
    ) {
        let pairs: Vec<(&str, &str)> = items
            .iter()
            .enumerate()
            .map(|(n, item)| (users[n % users.len()].as_str(), item.as_str()))
            .collect();
        let mut catalog = Catalog::new();
        for id in listed.iter().collect::<BTreeSet<_>>() {
            catalog.add(id, &json!({"id": id})).unwrap();
        }
        let user_column: Vec<&str> = pairs.iter().map(|p| p.0).collect();
        let item_column: Vec<&str> = pairs.iter().map(|p| p.1).collect();
        let columns = EventColumns::new(IdColumn::Text(&user_column), IdColumn::Text(&item_column));
        let few = options(&json!({"trainer": {"name": "spectral", "rank": 4}, "neighbors": 3, "recommend_unlisted": true}));
        let model = train(&columns, Some(&catalog), &few, &Control::new()).unwrap();
        let model = Model::from_bytes(model.as_bytes()).unwrap();

        let known: BTreeSet<&str> = items.iter().chain(&listed).map(String::as_str).collect();
        let numbered: Vec<&str> = (0..model.item_count() as u32).map(|i| model.item_id(i).unwrap()).collect();
        prop_assert_eq!(&numbered, &known.iter().copied().collect::<Vec<_>>());
        for (index, id) in numbered.iter().enumerate() {
            prop_assert_eq!(model.item_index(id), Some(index as u32));
            let title = catalog.get(id).unwrap_or_else(|| json!({}));
            prop_assert_eq!(model.attributes(id).unwrap(), title);
        }
        let everybody: BTreeSet<&str> = user_column.iter().copied().collect();
        prop_assert_eq!(model.user_ids().collect::<Vec<_>>(), everybody.iter().copied().collect::<Vec<_>>());
        for user in &everybody {
            let theirs: BTreeSet<&str> = pairs.iter().filter(|p| p.0 == *user).map(|p| p.1).collect();
            let profile = model.profile(user).unwrap();
            prop_assert_eq!(profile.events().iter().map(|e| e.item_id.as_str()).collect::<Vec<_>>(), theirs.into_iter().collect::<Vec<_>>());
        }
        let engine = Engine::new(model.clone());
        for stranger in strangers.iter().filter(|s| !known.contains(s.as_str())) {
            prop_assert_eq!(model.item_index(stranger), None);
            prop_assert!(model.neighbors(stranger).is_none() && model.attributes(stranger).is_none());
            prop_assert!(!engine.record("somebody", &Event::new(stranger.as_str(), "view", 0)).unwrap().known_item);
        }
        // Through JSON and back: everything is recommended once, and what is seen is not.
        let request = json!({"k": 1000, "history": [{"item_id": numbered[0]}], "deny": [numbered[numbered.len() - 1]]});
        let text = request.to_string();
        let answer = engine.recommend(&Request::from_json(&tastemaker::json::from_str(&text).unwrap()).unwrap()).unwrap();
        let shown: BTreeSet<&str> = answer.items.iter().map(|i| i.item_id.as_str()).collect();
        let left_out = [numbered[0], numbered[numbered.len() - 1]];
        let expected: BTreeSet<&str> = known.iter().copied().filter(|id| !left_out.contains(id)).collect();
        prop_assert_eq!(shown, expected, "{} {:?} {:?}", text.escape_unicode(), answer, request);
    }
}

#[test]
fn columns_that_are_no_ids_are_named_by_row() {
    let users = ["a", "", "b", "c"];
    let long = "x".repeat(1025);
    let items = ["x", "y", long.as_str(), "z"];
    let columns = EventColumns::new(IdColumn::Text(&users), IdColumn::Text(&items));
    let error = train(&columns, None, &options(&json!({})), &Control::new()).unwrap_err();
    assert_eq!(error.code(), "invalid_id");
    for part in ["2 of the rows", "row 1", "row 2"] {
        assert!(error.message().contains(part), "{error}");
    }
    assert!(error.message().len() < 1000, "{error}");
}
