//! Contract: what comes as JSON is checked by name, type and range, and the message says what to
//! change. The suites of `core/conformance` leave types to each language's signatures.

#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "tests stop at the first surprise"
)]

use tastemaker::ErrorKind;
use tastemaker::engine::Request;
use tastemaker::evaluate::{CompareOptions, EvaluateOptions};
use tastemaker::json::{Value, json};
use tastemaker::model::{BatchOptions, EdgeOptions};
use tastemaker::train::TrainOptions;

/// A value of every type of JSON.
fn values() -> Vec<Value> {
    vec![
        json!(true),
        json!(7),
        json!(0.25),
        json!("text"),
        json!([1]),
        json!(["a"]),
        json!({"x": 1}),
    ]
}

type Parse = fn(&Value) -> tastemaker::Result<()>;
/// The name of a field, and the positions in [`values`] of what it takes.
type Field<'a> = (&'a str, &'a [usize]);

#[test]
fn every_field_refuses_every_other_type() {
    let request: Parse = |v| Request::from_json(v).map(drop);
    let batch: Parse = |v| BatchOptions::from_json(v).map(drop);
    let edge: Parse = |v| EdgeOptions::from_json(v).map(drop);
    let train: Parse = |v| TrainOptions::from_json(v).map(drop);
    let evaluation: Parse = |v| EvaluateOptions::from_json(v).map(drop);
    let comparison: Parse = |v| CompareOptions::from_json(v).map(drop);
    let (whole, number, flag, text) = (&[1usize][..], &[1, 2][..], &[0][..], &[3][..]);
    let cases: [(&str, Parse, &[Field<'_>]); 6] = [
        (
            "request",
            request,
            &[
                ("user_id", text),
                ("history", &[]),
                ("k", whole),
                ("now", whole),
                ("allow", &[5]),
                ("deny", &[5]),
                ("exclude_seen", flag),
                ("explain", flag),
                ("trace", flag),
                ("filter", &[6]),
            ],
        ),
        (
            "options",
            batch,
            &[
                ("k", whole),
                ("exclude_seen", flag),
                ("now", whole),
                ("threads", whole),
                ("baseline", flag),
                ("filter", &[6]),
            ],
        ),
        (
            "edge options",
            edge,
            &[("neighbors", whole), ("attributes", &[5])],
        ),
        (
            "options",
            train,
            &[
                ("neighbors", whole),
                ("trainer", &[]),
                ("seed", whole),
                ("half_life_days", number),
                ("kinds", &[6]),
                ("keep_profiles", flag),
                ("recommend_unlisted", flag),
                ("skip_invalid", flag),
                ("max_user_items", whole),
                ("max_history_items", whole),
                ("threads", whole),
                ("item_id_type", &[]),
                ("user_id_type", &[]),
            ],
        ),
        (
            "options",
            evaluation,
            &[
                ("k", &[1, 4]),
                ("threads", whole),
                ("exclude_seen", flag),
                ("auc", flag),
                ("diversity", &[5]),
                ("per_user", flag),
                ("resamples", whole),
                ("confidence", &[]),
                ("seed", whole),
                ("history_buckets", &[4]),
            ],
        ),
        (
            "options",
            comparison,
            &[
                ("k", &[1, 4]),
                ("threads", whole),
                ("exclude_seen", flag),
                ("auc", flag),
                ("diversity", &[5]),
                ("resamples", whole),
                ("confidence", &[]),
                ("permutations", whole),
                ("seed", whole),
            ],
        ),
    ];
    for (what, parse, fields) in cases {
        for (name, accepted) in fields {
            for (i, value) in values().iter().enumerate() {
                let result = parse(&json!({*name: value}));
                if accepted.contains(&i) {
                    assert!(result.is_ok(), "{what}.{name} = {value}: {result:?}");
                    continue;
                }
                let error = result.expect_err(&format!("{what}.{name} = {value}"));
                let kind = match *name {
                    "now" => ErrorKind::InvalidTimestamp,
                    "filter" => ErrorKind::InvalidCondition,
                    _ => ErrorKind::InvalidArgument,
                };
                assert_eq!(error.kind(), kind, "{what}.{name} = {value}: {error}");
                assert!(!error.message().is_empty());
            }
            assert!(
                parse(&json!({*name: null})).is_ok(),
                "{what}.{name}: null is absent"
            );
        }
        let stranger = parse(&json!({"no_such_name": 1})).unwrap_err();
        assert_eq!(stranger.kind(), ErrorKind::InvalidArgument);
        assert!(stranger.message().contains("no_such_name"), "{stranger}");
        for other in values().iter().filter(|v| !v.is_object()) {
            assert_eq!(
                parse(other).unwrap_err().kind(),
                ErrorKind::InvalidArgument,
                "{what} {other}"
            );
        }
        assert!(parse(&Value::Null).is_ok(), "{what}: null is no options");
    }
}

#[test]
fn every_field_of_an_event_refuses_every_other_type() {
    for (name, accepted, kind) in [
        ("item_id", 3, ErrorKind::InvalidArgument),
        ("kind", 3, ErrorKind::InvalidArgument),
        ("weight", 1, ErrorKind::InvalidWeight),
        ("timestamp", 1, ErrorKind::InvalidTimestamp),
    ] {
        for (i, value) in values().iter().enumerate() {
            if i == accepted || (name == "weight" && i == 2) {
                continue;
            }
            let mut event = json!({"item_id": "a"});
            event[name] = value.clone();
            let error =
                Request::from_json(&json!({"history": [{"item_id": "b"}, event]})).unwrap_err();
            assert_eq!(error.kind(), kind, "{name} = {value}: {error}");
            assert!(error.message().contains("history[1]"), "{error}");
        }
    }
    for entry in values().iter().filter(|v| !v.is_object()) {
        let error = Request::from_json(&json!({"history": [entry]})).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{entry}");
    }
    let error = Request::from_json(&json!({"history": [{"item_id": "a", "when": 1}]})).unwrap_err();
    assert!(error.message().contains("when"), "{error}");
}

#[test]
fn whole_numbers_may_be_written_as_floats_and_only_then() {
    for k in [json!(5), json!(5.0), json!(5e0)] {
        assert_eq!(Request::from_json(&json!({"k": k})).unwrap().k, 5);
    }
    for k in [
        json!(5.000_001),
        json!(-5),
        json!(0),
        json!(-0.0),
        json!(1e20),
        json!(4_294_967_296_u64),
        json!(u64::MAX),
    ] {
        assert_eq!(
            Request::from_json(&json!({"k": k})).unwrap_err().kind(),
            ErrorKind::InvalidArgument,
            "{k}"
        );
    }
    for seed in [0, 1, u64::MAX] {
        assert_eq!(
            TrainOptions::from_json(&json!({"seed": seed}))
                .unwrap()
                .seed,
            seed
        );
    }
}

#[test]
fn messages_do_not_grow_with_their_input() {
    let long = "x".repeat(100_000);
    for bad in [
        json!({"user_id": long}),
        json!({"k": long}),
        json!({&long: 1}),
        json!({"history": [{"item_id": long}]}),
        json!({"history": [{"item_id": "a", "kind": long}]}),
        json!({"filter": {&long: {"$gtt": 1}}}),
        json!({"filter": {"a": {"$regex": long}}}),
    ] {
        let error = Request::from_json(&bad).unwrap_err();
        assert!(
            error.message().len() < 2000,
            "{} bytes",
            error.message().len()
        );
    }
}
