//! Contract: whatever the events are, every trainer gives a graph of positive finite weights, or
//! none, and no item is its own neighbour.

#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "tests stop at the first surprise"
)]

mod support;

use proptest::prelude::*;
use support::options;
use tastemaker::control::Control;
use tastemaker::event::{EventColumns, IdColumn};
use tastemaker::json::json;
use tastemaker::train::train;

const TRAINERS: [&str; 12] = [
    r#""auto""#,
    r#""spectral""#,
    r#""ridge""#,
    r#"{"name": "ridge", "lambda": 0.001, "item_exponent": -2, "user_exponent": 2}"#,
    r#"{"name": "cooccurrence", "weighting": "cosine"}"#,
    r#"{"name": "cooccurrence", "weighting": "bm25", "k1": 0}"#,
    r#"{"name": "cooccurrence", "weighting": "p3alpha", "alpha": 4}"#,
    r#"{"name": "cooccurrence", "weighting": "rp3beta", "alpha": 4, "beta": 4}"#,
    r#"{"name": "ials", "iterations": 3, "regularization": 1e-6, "regularization_exponent": 2}"#,
    r#"{"name": "ials", "iterations": 2, "alpha": 1e6, "popularity_exponent": -2}"#,
    r#"{"name": "sequence", "window": 100, "gap_half_life_days": 1e-6, "popularity_exponent": 2}"#,
    r#"["spectral", "ridge", "cooccurrence", "ials", {"name": "sequence", "weight": 1e6}]"#,
];

const KINDS: [&str; 4] = ["view", "save", "dislike", "dismiss"];
const WEIGHTS: [f64; 6] = [1.0, 0.0, 1e-42, 1e-20, 1e6, -3.0];
const TIMES: [i64; 5] = [0, 1, 86_400_000, -62_135_596_800_000, 253_402_300_799_999];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_events_give_a_graph_or_none(
        rows in prop::collection::vec((0..6i64, 0..7i64, 0..KINDS.len(), 0..WEIGHTS.len(), 0..TIMES.len()), 1..60),
        plain in any::<bool>(),
        half_life in prop::option::of(Just(1.0)),
    ) {
        let users: Vec<i64> = rows.iter().map(|r| r.0).collect();
        let items: Vec<i64> = rows.iter().map(|r| r.1).collect();
        let kinds: Vec<&str> = rows.iter().map(|r| KINDS[r.2]).collect();
        let weights: Vec<f64> = rows.iter().map(|r| WEIGHTS[r.3]).collect();
        let times: Vec<i64> = rows.iter().map(|r| TIMES[r.4]).collect();
        let mut columns = EventColumns::new(IdColumn::Integer(&users), IdColumn::Integer(&items));
        columns.timestamp = Some(&times);
        if !plain {
            columns.kind = Some(IdColumn::Text(&kinds));
            columns.weight = Some(&weights);
        }
        for trainer in TRAINERS {
            let trainer: tastemaker::json::Value = tastemaker::json::from_str(trainer).unwrap();
            let chosen = options(&json!({"trainer": trainer, "half_life_days": half_life}));
            let model = train(&columns, None, &chosen, &Control::new()).unwrap();
            for item in 0..model.item_count() as u32 {
                let id = model.item_id(item).unwrap();
                for (other, weight) in model.neighbors(id).unwrap() {
                    prop_assert!(other != item, "{trainer}");
                    prop_assert!(weight > 0.0 && weight.is_finite(), "{trainer}");
                }
            }
        }
    }
}
