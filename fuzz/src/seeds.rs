//! Small files to begin with: every kind of section is in one of them.

use tastemaker::event::Event;
use tastemaker::experiment::bandit::Bandit;
use tastemaker::experiment::log::{DecisionLog, LogOptions};
use tastemaker::json::{self, json};
use tastemaker::model::EdgeOptions;
use tastemaker::profile::Profile;

#[path = "../../core/tests/support/mod.rs"]
mod support;

/// The target, the name and the bytes of each seed.
pub fn seeds() -> Vec<(&'static str, String, Vec<u8>)> {
    let mut seeds = Vec::new();
    for (name, index) in crate::samples::samples() {
        let name = name.replace(' ', "-");
        seeds.push(("index_file", name, index.as_bytes().to_vec()));
    }
    let model = support::tiny();
    seeds.push(("model_file", "whole".to_owned(), model.as_bytes().to_vec()));
    if let Ok(edge) = model.export_edge(&EdgeOptions::default()) {
        seeds.push(("model_file", "edge".to_owned(), edge.as_bytes().to_vec()));
    }
    for (which, name, bytes) in small() {
        let bytes = [&[which], bytes.as_slice()].concat();
        seeds.push(("small_bytes", name.to_owned(), bytes));
    }
    seeds
}

fn small() -> Vec<(u8, &'static str, Vec<u8>)> {
    let mut small = vec![
        (
            3,
            "fvecs",
            [2u32.to_le_bytes(), [0; 4], [0, 0, 128, 63]].concat(),
        ),
        (4, "safetensors", {
            let head = br#"{"a":{"dtype":"F16","shape":[1,2],"data_offsets":[0,4]}}"#;
            [&(head.len() as u64).to_le_bytes()[..], head, &[0; 4]].concat()
        }),
    ];
    let mut profile = Profile::new();
    for (item, kind, time) in [("barn", "view", 5), ("mill", "rate", 7)] {
        let event = Event::new(item, kind, time).with_weight(2.5);
        let _ = profile.record(&event);
    }
    small.push((0, "profile", profile.to_bytes()));
    if let Ok(log) = DecisionLog::new(&LogOptions::default()) {
        small.push((1, "log", log.to_bytes()));
    }
    for (name, definition) in [
        (
            "beta",
            json!({"key": "hero", "policy": "beta_thompson", "arms": ["a", "b"]}),
        ),
        (
            "linear",
            json!({"key": "hero", "policy": "linucb", "arms": ["a", "b"], "features": {"context": ["x"]}}),
        ),
    ] {
        if let Ok(bandit) = Bandit::from_json(&definition) {
            small.push((2, name, bandit.to_bytes()));
        }
    }
    for (name, value) in [
        (
            "condition",
            json!({"$or": [{"price": {"$lt": 5}}, {"tags": {"$in": ["a"]}}, {"x": {"$regex": "^a.b$"}}]}),
        ),
        (
            "request",
            json!({"user_id": "ann", "k": 5, "history": [{"item_id": "b"}], "filter": {"a": 1}}),
        ),
        (
            "options",
            json!({"trainer": "ridge", "neighbors": 10, "half_life_days": 3.5}),
        ),
    ] {
        small.push((5, name, json::to_vec(&value).unwrap_or_default()));
    }
    small
}
