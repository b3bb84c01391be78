//! Merges in any order, joins by their rules, erased users, bytes of strangers.

use super::*;
use crate::json::json;

const KEY: &str = "a secret that nobody knows";

fn new() -> DecisionLog {
    DecisionLog::new(&LogOptions::with_key(KEY)).unwrap()
}

fn decision(given: &Json) -> Decision {
    Decision::from_json(given).unwrap()
}

fn outcome(given: &Json) -> Outcome {
    Outcome::from_json(given).unwrap()
}

fn sample() -> DecisionLog {
    let mut log = new();
    for given in [
        json!({"id": "a", "time": 1000, "user": "ada", "model": "m1", "context": {"k": 1},
               "assignments": {"ranker": "new", "button": "red"},
               "shown": [{"item": "mill", "propensity": 0.5}, {"item": "barn", "propensity": 0.25}]}),
        json!({"id": "b", "time": 900, "user": "bo", "shown": [{"item": "mill", "slot": 4}]}),
        json!({"id": "日本", "time": -5, "shown": []}),
    ] {
        assert!(log.record(decision(&given)).unwrap());
    }
    for given in [
        json!({"decision": "a", "time": 1500, "slot": 1, "value": 2}),
        json!({"decision": "a", "time": 1400, "item": "mill"}),
        json!({"decision": "b", "time": 800}),
        json!({"decision": "gone", "time": 800, "name": "sale", "value": -1.5}),
    ] {
        assert!(log.record_outcome(outcome(&given)).unwrap());
    }
    log
}

#[test]
fn bytes_come_back_and_every_change_of_them_is_refused() {
    let log = sample();
    let bytes = log.to_bytes();
    let options = LogOptions::with_key(KEY);
    assert_eq!(DecisionLog::from_bytes(&bytes, &options).unwrap(), log);
    let unkeyed = DecisionLog::from_bytes(&bytes, &LogOptions::default()).unwrap();
    assert_eq!(unkeyed.to_bytes(), bytes);
    assert!(!String::from_utf8_lossy(&bytes).contains("ada"));
    let empty = new();
    assert_eq!(
        DecisionLog::from_bytes(&empty.to_bytes(), &options).unwrap(),
        empty
    );
    for len in 0..bytes.len() {
        assert!(DecisionLog::from_bytes(&bytes[..len], &options).is_err());
    }
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut bad = bytes.clone();
            bad[at] ^= 1 << bit;
            assert!(
                DecisionLog::from_bytes(&bad, &options).is_err(),
                "byte {at} bit {bit}"
            );
        }
    }
    let mut long = bytes.clone();
    long.push(0);
    assert!(DecisionLog::from_bytes(&long, &options).is_err());
}

/// Any change under a valid checksum is refused, or is another log with the bytes given.
#[test]
fn forged_checksums_let_nothing_in_that_is_not_canonical() {
    let bytes = sample().to_bytes();
    let content = &bytes[..bytes.len() - 8];
    let mut accepted = 0;
    for at in 6..content.len() {
        for change in [1u8, 0x80, 0xff] {
            let mut bad = content.to_vec();
            bad[at] ^= change;
            let checksum = xxhash_rust::xxh3::xxh3_64(&bad);
            bad.extend_from_slice(&checksum.to_le_bytes());
            match DecisionLog::from_bytes(&bad, &LogOptions::default()) {
                Ok(log) => {
                    accepted += 1;
                    assert_eq!(log.to_bytes(), bad, "byte {at}");
                }
                Err(error) => assert!(
                    matches!(
                        error.kind(),
                        ErrorKind::CorruptLog | ErrorKind::InvalidArgument
                    ),
                    "{error}"
                ),
            }
        }
    }
    // Times and values can be anything.
    assert!(accepted > 20);
}

#[test]
fn pseudonyms_are_hmac() {
    let mut log = new();
    // RFC 4231, test case 1, cut to 128 bits.
    let key = Key::new(&"\u{b}".repeat(20)).unwrap();
    assert_eq!(
        key.pseudonym("Hi There"),
        "b0344c61d8db38535ca8afceaf0bf12b"
    );
    let other = DecisionLog::new(&LogOptions::with_key("another secret, as long")).unwrap();
    assert_ne!(
        log.pseudonym("ada").unwrap(),
        other.pseudonym("ada").unwrap()
    );
    assert_eq!(log.merge(&sample()).unwrap().decisions, 3);
    let error = log.merge(&{
        let mut other = other;
        other
            .record(decision(&json!({"id": "z", "time": 0, "user": "ada"})))
            .unwrap();
        other
    });
    assert!(error.unwrap_err().message().contains("different keys"));
    assert!(DecisionLog::new(&LogOptions::with_key("short")).is_err());
    let mut none = DecisionLog::new(&LogOptions::default()).unwrap();
    let named = decision(&json!({"id": "z", "time": 0, "user": "ada"}));
    assert!(
        none.record(named.clone())
            .unwrap_err()
            .message()
            .contains("key")
    );
    assert_eq!(none.decisions().len(), 0);
    let raw = LogOptions {
        raw_users: true,
        ..LogOptions::default()
    };
    let mut raw = DecisionLog::new(&raw).unwrap();
    raw.record(named).unwrap();
    assert_eq!(raw.decision("z").unwrap().user.as_deref(), Some("ada"));
    assert!(raw.merge(&log).is_err());
    let wrong = LogOptions::with_key("yet another secret of length");
    let error = DecisionLog::from_bytes(&log.to_bytes(), &wrong).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
}

#[test]
fn merging_is_free_of_order_and_reports_conflicts() {
    let record = |log: &mut DecisionLog, given: &Json| log.record(decision(given)).unwrap();
    let (mut a, mut b, mut c) = (new(), new(), sample());
    record(
        &mut a,
        &json!({"id": "x", "time": 5, "shown": [{"item": "i", "propensity": 0.5}]}),
    );
    record(
        &mut b,
        &json!({"id": "x", "time": 5, "shown": [{"item": "i", "propensity": 0.25}]}),
    );
    record(&mut b, &json!({"id": "y", "time": 6}));
    record(&mut c, &json!({"id": "y", "time": 6}));
    a.record_outcome(outcome(&json!({"decision": "x", "time": 7})))
        .unwrap();
    b.record_outcome(outcome(&json!({"decision": "x", "time": 7})))
        .unwrap();
    let join = |logs: &[&DecisionLog]| {
        let mut all = new();
        let merged: Vec<Merged> = logs.iter().map(|log| all.merge(log).unwrap()).collect();
        (all.to_bytes(), merged)
    };
    let (bytes, merged) = join(&[&a, &b, &c]);
    assert_eq!(merged[1].conflicts, ["x"]);
    assert_eq!((merged[1].decisions, merged[1].outcomes), (1, 0));
    assert!(merged[2].conflicts.is_empty());
    for order in [
        [&a, &c, &b],
        [&b, &a, &c],
        [&b, &c, &a],
        [&c, &a, &b],
        [&c, &b, &a],
    ] {
        assert_eq!(join(&order).0, bytes);
    }
    assert_eq!(join(&[&a, &b, &c, &c, &a]).0, bytes);
    let error = a
        .record(decision(&json!({"id": "x", "time": 6})))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
}

#[test]
fn outcomes_join_by_their_rules() {
    let log = sample();
    let joined = log.join(&JoinOptions::default()).unwrap();
    let columns = joined.table.to_json();
    assert_eq!(columns["decision"], json!(["b", "a", "a"]));
    assert_eq!(columns["slot"], json!([4, 0, 1]));
    assert_eq!(columns["reward"], json!([0.0, 1.0, 2.0]));
    assert_eq!(columns["propensity"], json!([1.0, 0.5, 0.25]));
    let counts = joined.counts;
    assert_eq!((counts.matched, counts.early, counts.orphans), (2, 1, 0));
    let ask = |given: Json| log.join(&JoinOptions::from_json(&given).unwrap()).unwrap();
    let late = ask(json!({"window": 400}));
    assert_eq!((late.counts.matched, late.counts.late), (1, 1));
    assert_eq!(ask(json!({"window": 500})).counts.matched, 2);
    let whole = ask(json!({"level": "decision"}));
    assert_eq!(whole.table.to_json()["reward"], json!([0.0, 0.0, 3.0]));
    assert_eq!(
        whole.table.to_json()["propensity"],
        json!([1.0, 1.0, 0.125])
    );
    assert_eq!(whole.table.to_json()["outcomes"], json!([0, 0, 2]));
    let first = ask(json!({"level": "decision", "aggregate": "first", "default": -1}));
    assert_eq!(first.table.to_json()["reward"], json!([-1.0, -1.0, 1.0]));
    assert_eq!((first.counts.matched, first.counts.superseded), (1, 1));
    let max = ask(json!({"level": "decision", "aggregate": "max"}));
    assert_eq!(max.table.to_json()["reward"], json!([0.0, 0.0, 2.0]));
    let one = ask(json!({"experiment": "ranker"}));
    assert_eq!(one.table.to_json()["variant"], json!(["new", "new"]));
    assert_eq!(one.counts.outside, 1);
    assert_eq!(ask(json!({"reward": "sale"})).counts.orphans, 1);
    assert_eq!(log.orphans().count(), 1);
}

#[test]
fn an_outcome_without_a_place_is_counted() {
    let mut log = sample();
    for given in [
        json!({"decision": "a", "time": 1500}),
        json!({"decision": "a", "time": 1500, "item": "tower"}),
        json!({"decision": "a", "time": 1500, "item": "mill", "slot": 1}),
        json!({"decision": "b", "time": 1500}),
    ] {
        log.record_outcome(outcome(&given)).unwrap();
    }
    let joined = log.join(&JoinOptions::default()).unwrap();
    assert_eq!((joined.counts.unplaced, joined.counts.matched), (3, 3));
    // The same outcome again changes nothing.
    assert!(
        !log.record_outcome(outcome(&json!({"decision": "b", "time": 1500})))
            .unwrap()
    );
}

#[test]
fn users_and_the_past_are_removed_with_what_came_of_them() {
    let mut log = sample();
    assert_eq!(
        log.erase("ada").unwrap(),
        Removed {
            decisions: 1,
            outcomes: 2
        }
    );
    assert_eq!(log.erase("ada").unwrap(), Removed::default());
    assert!(log.decision("a").is_none());
    let mut log = sample();
    // "b" and the oldest go, with the outcome of "b" and the orphan.
    assert_eq!(
        log.expire(1000).unwrap(),
        Removed {
            decisions: 2,
            outcomes: 2
        }
    );
    assert_eq!(log.outcomes().len(), 2);
    let mut unkeyed = DecisionLog::from_bytes(&log.to_bytes(), &LogOptions::default()).unwrap();
    assert!(unkeyed.erase("ada").is_err());
}

#[test]
fn tables_have_rows_in_time() {
    let log = sample();
    let decisions = log.table("decisions").unwrap().to_json();
    assert_eq!(decisions["decision"], json!(["日本", "b", "a"]));
    assert_eq!(decisions["model"], json!([null, null, "m1"]));
    assert_eq!(
        log.table("assignments").unwrap().to_json()["experiment"],
        json!(["button", "ranker"])
    );
    assert_eq!(
        log.table("outcomes").unwrap().to_json()["slot"],
        json!([null, 1, null, null])
    );
    assert_eq!(log.table("shown").unwrap().rows, 3);
    assert!(log.table("users").is_err());
}

#[test]
fn what_is_wrong_is_refused() {
    let refuse = |given: Json, kind: ErrorKind, words: &str| {
        let error = Decision::from_json(&given).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.message().contains(words), "{error} has no {words}");
    };
    let invalid = ErrorKind::InvalidArgument;
    refuse(json!([]), invalid, "an object");
    refuse(json!({"time": 1}), ErrorKind::InvalidId, "id");
    refuse(json!({"id": "a"}), ErrorKind::InvalidTimestamp, "time");
    refuse(
        json!({"id": "a", "time": 1.5}),
        ErrorKind::InvalidTimestamp,
        "1.5",
    );
    refuse(
        json!({"id": "a", "time": 1, "users": "b"}),
        invalid,
        "users",
    );
    refuse(
        json!({"id": "a", "time": 1, "user": ""}),
        ErrorKind::InvalidId,
        "user",
    );
    for bad in [json!(0), json!(1.1), json!(-0.5), json!(null), json!("x")] {
        let shown = json!({"id": "a", "time": 1, "shown": [{"item": "i"}, {"item": "j", "propensity": bad}]});
        refuse(shown, invalid, "propensity of slot 1");
    }
    let twice = json!({"id": "a", "time": 1, "shown": [{"item": "i", "slot": 1}, {"item": "j"}]});
    refuse(twice, invalid, "slot 1 is there twice");
    refuse(
        json!({"id": "a", "time": 1, "assignments": {"e": 1}}),
        invalid,
        "texts",
    );
    for bad in [json!(null), json!(1e300), json!("x")] {
        let error =
            Outcome::from_json(&json!({"decision": "a", "time": 1, "value": bad})).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidWeight);
    }
}
