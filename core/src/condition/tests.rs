//! The public vectors, the rules of strict reading, the bounds, and the proof by example that
//! columns answer as JSON does.

use super::*;
use crate::error::ErrorKind;
use serde_json::json;

mod strategy;

fn vectors() -> Vec<Value> {
    let text = include_str!("../../conformance/conditions.json");
    let suite: Value = serde_json::from_str(text).unwrap();
    suite["cases"].as_array().unwrap().clone()
}

fn answer(condition: &Condition, input: &Value) -> bool {
    match input.get("groups").and_then(Value::as_object) {
        Some(groups) => condition.matches_with_groups(&input["attributes"], groups),
        None => condition.matches(&input["attributes"]),
    }
}

#[test]
fn lenient_reading_passes_all_public_vectors() {
    let cases = vectors();
    assert_eq!(cases.len(), 248);
    for case in &cases {
        let input = &case["input"];
        let condition = Condition::parse_lenient(&input["condition"]).unwrap();
        assert_eq!(
            json!(answer(&condition, input)),
            case["expect"]["result"],
            "{}",
            case["name"]
        );
    }
}

#[test]
fn strict_reading_refuses_only_the_vectors_with_mistakes() {
    let mut refused = Vec::new();
    for case in &vectors() {
        let input = &case["input"];
        match Condition::parse(&input["condition"]) {
            Ok(condition) => {
                let expected = &case["expect"]["result"];
                assert_eq!(
                    &json!(answer(&condition, input)),
                    expected,
                    "{}",
                    case["name"]
                );
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::InvalidCondition);
                refused.push(case["name"].as_str().unwrap().to_owned());
            }
        }
    }
    let expected = [
        "$in - not array",
        "$nin - not array",
        "$ini - not array",
        "$nini - not array",
        "unknown operator - pass",
        "$regex invalid - pass",
        "$regex invalid - fail",
    ];
    assert_eq!(refused, expected);
}

#[test]
fn strict_reading_names_the_path_and_the_rule() {
    let deep_key = "k".repeat(100);
    for (condition, start) in [
        (json!(5), "$: 5 is not a condition"),
        (json!([]), "$: an array is not a condition"),
        (
            json!({ "price": { "$gtt": 5 } }),
            "$.price.$gtt: unknown operator \"$gtt\"",
        ),
        (json!({ "$xor": [] }), "$.$xor: unknown operator"),
        (
            json!({ "$gt": 5 }),
            "$.$gt: the operator $gt belongs inside an attribute",
        ),
        (
            json!({ "$and": {} }),
            "$.$and: an object is not an array of conditions",
        ),
        (json!({ "$or": [{}, 7] }), "$.$or[1]: 7 is not a condition"),
        (json!({ "$not": null }), "$.$not: null is not a condition"),
        (
            json!({ "a": { "$in": "x" } }),
            "$.a.$in: \"x\" is not an array",
        ),
        (
            json!({ "a": { "$in": [1, []] } }),
            "$.a.$in[1]: an array is not a scalar",
        ),
        (
            json!({ "a": { "$eq": {} } }),
            "$.a.$eq: an object is not a scalar",
        ),
        (
            json!({ "a": { "$lt": true } }),
            "$.a.$lt: true is not a number or a string",
        ),
        (
            json!({ "a": { "$exists": 1 } }),
            "$.a.$exists: 1 is not a boolean",
        ),
        (
            json!({ "a": { "$type": "text" } }),
            "$.a.$type: \"text\" is not a type",
        ),
        (
            json!({ "a": { "$size": "3" } }),
            "$.a.$size: \"3\" is not a number",
        ),
        (
            json!({ "a": { "$vgt": [] } }),
            "$.a.$vgt: an array is not a version",
        ),
        (
            json!({ "a": { "$inGroup": 1 } }),
            "$.a.$inGroup: 1 is not a string",
        ),
        (
            json!({ "a": { "$elemMatch": 1 } }),
            "$.a.$elemMatch: 1 is not a condition",
        ),
        (
            json!({ "a": { "$all": [{ "$no": 1 }] } }),
            "$.a.$all[0].$no: unknown operator",
        ),
        (
            json!({ "a": { "$regex": "(?=x)" } }),
            "$.a.$regex: \"(?=x)\" is not a regular expression",
        ),
        (
            json!({ "a": { "$gt": 1, "b": 2 } }),
            "$.a: an object mixes operators",
        ),
        (json!({ deep_key: { "$no": 1 } }), "$[\"kkkkk"),
    ] {
        let error = Condition::parse(&condition).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidCondition);
        assert!(error.message().starts_with(start), "{condition}: {error}");
        assert!(Condition::parse_lenient(&condition).is_ok(), "{condition}");
    }
}

#[test]
fn bounds_hold_in_both_readings() {
    let nested = |levels: usize| (1..levels).fold(json!({}), |inner, _| json!({ "$not": inner }));
    let listed = |count: usize| json!({ "a": { "$in": vec![0; count] } });
    let patterns = |count: usize| json!({ "$and": vec![json!({ "a": { "$regex": "x" } }); count] });
    let pattern = |bytes: usize| json!({ "a": { "$regex": "x".repeat(bytes) } });
    for parse in [Condition::parse, Condition::parse_lenient] {
        for (fits, exceeds) in [
            (nested(MAX_DEPTH), nested(MAX_DEPTH + 1)),
            (listed(MAX_NODES - 3), listed(MAX_NODES - 2)),
            (patterns(MAX_PATTERNS), patterns(MAX_PATTERNS + 1)),
            (pattern(MAX_PATTERN_BYTES), pattern(MAX_PATTERN_BYTES + 1)),
        ] {
            parse(&fits).unwrap();
            let error = parse(&exceeds).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidCondition);
            assert!(error.message().len() < 1000, "{}", error.message().len());
        }
    }
    let bomb = json!({ "a": { "$regex": "((x{99}){99}){99}" } });
    assert!(Condition::parse(&bomb).is_err());
    assert!(
        !Condition::parse_lenient(&bomb)
            .unwrap()
            .matches(&json!({ "a": "x" }))
    );
}

/// What the vectors leave open, and the module documentation settles.
#[test]
fn open_questions_are_settled() {
    for (condition, attributes, expected) in [
        (json!({ "$nor": [] }), json!({}), false),
        (json!({ "a": "null" }), json!({}), false),
        (json!({ "a": { "$regex": "." } }), json!({}), false),
        (json!({ "a": { "$ne": 1 } }), json!({}), true),
        (json!({ "a": 0 }), json!({}), true),
        (json!({ "a": { "$eq": 0 } }), json!({}), false),
        (json!({ "a": "b,c" }), json!({ "a": ["b", "c"] }), true),
        (json!({ "a": { "$regex": "^1" } }), json!({ "a": 12 }), true),
        (
            json!({ "a": { "x": 1, "y": 2 } }),
            json!({ "a": { "y": 2.0, "x": 1 } }),
            true,
        ),
        (json!({ "a.1.b": 2 }), json!({ "a": [0, { "b": 2 }] }), true),
        (json!({ "a.length": 2 }), json!({ "a": [0, 0] }), true),
        (
            json!({ "a": { "$exists": true } }),
            json!({ "a": null }),
            false,
        ),
        (json!({ "a": { "$all": [] } }), json!({ "a": [] }), true),
        (json!({ "a": { "$all": [] } }), json!({}), false),
        (
            json!({ "a": { "$elemMatch": { "$lt": 1 } } }),
            json!({ "a": [0] }),
            false,
        ),
        (
            json!({ "a": { "$elemMatch": {} } }),
            json!({ "a": [1] }),
            true,
        ),
        (json!({ "a": { "$in": [-0.0] } }), json!({ "a": 0 }), true),
        (
            json!({ "a": { "$not": { "$gt": "x" } } }),
            json!({ "a": 5 }),
            true,
        ),
    ] {
        let compiled = Condition::parse(&condition).unwrap();
        assert_eq!(
            compiled.matches(&attributes),
            expected,
            "{condition} {attributes}"
        );
    }
    let null_group = Map::from_iter([("g".to_owned(), json!(7))]);
    let outsider = Condition::parse(&json!({ "a": { "$notInGroup": "g" } })).unwrap();
    assert!(outsider.matches_with_groups(&json!({ "a": 7 }), &null_group));
    assert!(outsider.matches(&json!(null)) && outsider.matches(&json!(["x"])));
}
