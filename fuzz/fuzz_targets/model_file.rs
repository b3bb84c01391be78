//! A model from a file: opened, and asked for lists, scores, neighbours and reasons; an index in
//! it is asked everything, put in again and taken out.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tastemaker::engine::{Engine, Request};
use tastemaker::json::json;
use tastemaker::model::{EdgeOptions, Model};

fuzz_target!(|bytes: &[u8]| {
    let _ = Model::from_bytes(bytes);
    let mut sealed = bytes.to_vec();
    tastemaker_fuzz::seal(&mut sealed);
    let Ok(model) = Model::from_bytes(&sealed) else {
        return;
    };
    let id = |item| model.item_id(item).unwrap_or("").to_owned();
    let (first, last) = (id(0), id((model.item_count() as u32).saturating_sub(1)));
    let _ = (
        model.neighbors(&first),
        model.neighbors(&last),
        model.export_edge(&EdgeOptions::default()),
    );
    if let Some(index) = model.index() {
        tastemaker_fuzz::ask_index(index, true);
        if let Ok(again) = model.with_index(index) {
            let bytes = again.index().map(|again| again.as_bytes());
            assert!(bytes == Some(index.as_bytes()));
        }
        let _ = model.without_index();
    }
    let engine = Engine::new(model);
    for request in [
        json!({"k": 5}),
        json!({"k": 3, "user_id": "ann", "explain": true, "trace": true}),
        json!({"k": 20, "history": [{"item_id": first}, {"item_id": last, "kind": "dismiss", "timestamp": 5}]}),
        json!({"k": 4, "history": [{"item_id": last}], "filter": {"price": {"$gt": 5}}, "exclude_seen": false}),
    ] {
        if let Ok(request) = Request::from_json(&request)
            && let Ok(answer) = engine.recommend(&request)
        {
            assert!(answer.items.iter().all(|item| item.score.is_finite()));
        }
    }
});
