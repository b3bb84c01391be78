//! What the suites cannot state: distributions, ramps over time, and many units at once.
#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

use super::*;
use crate::json::json;

fn native(payload: &Value) -> Experiments {
    Experiments::from_json(payload).unwrap()
}

fn two() -> Value {
    json!([{"key": "a", "weight": 0.5}, {"key": "b", "weight": 0.5}])
}

/// The χ² of counts against shares, with a bound far beyond what chance gives: 1e-6 or less.
fn check_shares(counts: &[u32], shares: &[f64]) {
    let total: u32 = counts.iter().sum();
    let chi2: f64 = counts
        .iter()
        .zip(shares)
        .map(|(count, share)| {
            let expected = share * f64::from(total);
            (f64::from(*count) - expected) * (f64::from(*count) - expected) / expected
        })
        .sum();
    assert!(chi2 < 36.0, "{counts:?} for {shares:?}: {chi2}");
}

#[test]
fn variations_get_their_shares() {
    let shares = [0.5, 0.3, 0.15, 0.05];
    let variations: Vec<Value> = shares
        .iter()
        .enumerate()
        .map(|(i, w)| json!({"key": i.to_string(), "weight": w}))
        .collect();
    let experiments = native(&json!({"experiments": {"e": {"variations": variations}}}));
    let mut counts = [0; 4];
    for i in 0..100_000 {
        let id = format!("user-{i}");
        counts[experiments.assign_id("e", &id).unwrap().variation_id()] += 1;
    }
    check_shares(&counts, &shares);
}

/// Two experiments, and coverage and variation of one, do not know of each other.
#[test]
fn decisions_are_independent() {
    let experiments = native(&json!({"experiments": {
        "e": {"variations": two(), "coverage": 0.5},
        "f": {"variations": two()},
    }}));
    let mut counts = [0; 8];
    for i in 0..80_000 {
        let id = i.to_string();
        let e = experiments.assign_id("e", &id).unwrap();
        let f = experiments.assign_id("f", &id).unwrap();
        let hashed = Hashes::of("e", &id);
        assert_eq!(e.in_experiment(), hashed.covered);
        let place = usize::from(e.in_experiment()) * 4 + hashed.arm * 2 + f.variation_id();
        counts[place] += 1;
    }
    check_shares(&counts, &[0.125; 8]);
}

/// The decision of version 3, written out.
struct Hashes {
    covered: bool,
    arm: usize,
}

impl Hashes {
    fn of(salt: &str, id: &str) -> Self {
        let bucket = |what: &str| {
            let seed = xxhash_rust::xxh3::xxh3_64(format!("tastemaker/3/{what}/{salt}").as_bytes());
            xxhash_rust::xxh3::xxh3_64_with_seed(id.as_bytes(), seed) >> 32
        };
        Self {
            covered: bucket("coverage") < 1 << 31,
            arm: usize::from(bucket("variant") >= 1 << 31),
        }
    }
}

#[test]
fn a_ramp_only_adds_users_and_moves_none() {
    let day = 86_400_000i64;
    let ramp = json!([[day, 0.01], [2 * day, 0.1], [3 * day, 0.1], [4 * day, 1.0]]);
    let experiments =
        native(&json!({"experiments": {"e": {"variations": two(), "coverage": ramp}}}));
    let at = |id: &str, now: i64| {
        let mut context = Context::new(&json!({"id": id})).unwrap();
        context.now = Some(now);
        let assignment = experiments.assign("e", &context).unwrap();
        assignment
            .in_experiment()
            .then(|| assignment.variation_id())
    };
    let mut counts = [0; 6];
    for i in 0..5_000 {
        let id = i.to_string();
        let mut before = None;
        for (step, count) in counts.iter_mut().enumerate() {
            let arm = at(&id, step as i64 * day + step as i64);
            assert!(before.is_none() || before == arm, "{id} at {step}");
            before = arm;
            *count += u32::from(arm.is_some());
        }
        // A clock that goes back gives the answer of the earlier time.
        assert_eq!(at(&id, day - 1), None);
    }
    assert_eq!(counts[0], 0);
    assert!((20..90).contains(&counts[1]), "{counts:?}");
    assert!(
        (430..570).contains(&counts[2]) && counts[3] == counts[2],
        "{counts:?}"
    );
    assert_eq!(counts[4..], [5_000, 5_000]);
}

#[test]
fn a_ramp_needs_the_time() {
    let experiments = native(&json!({"experiments": {
        "e": {"variations": two(), "coverage": [[0, 0.5]]},
    }}));
    let error = experiments.assign_id("e", "1").unwrap_err();
    assert!(
        error.message().contains("context.now is missing"),
        "{error}"
    );
}

#[test]
fn layers_exclude_and_holdouts_hold_out() {
    let experiments = native(&json!({
        "experiments": {
            "a": {"variations": two(), "layer": "l", "slice": [0, 0.3]},
            "b": {"variations": two(), "layer": "l", "slice": [0.3, 1]},
            "c": {"variations": two()},
        },
        "layers": {"l": {"holdout": 0.2}},
        "holdout": {"share": 0.1},
    }));
    let mut counts = [0; 4];
    for i in 0..40_000 {
        let context = Context::new(&json!({"id": i})).unwrap();
        let all = experiments.assign_all(&context).unwrap().assignments;
        let [a, b, c] = &all[..] else { panic!() };
        assert!(!(a.in_experiment() && b.in_experiment()));
        if a.reason() == Reason::Holdout {
            assert_eq!(
                b.reason(),
                Reason::Holdout,
                "the layer holds out of all its experiments"
            );
        }
        if c.reason() == Reason::Holdout {
            assert!(!a.in_experiment(), "the outer holdout is for all");
        }
        counts[match (a.in_experiment(), b.in_experiment()) {
            (true, _) => 0,
            (_, true) => 1,
            _ if c.in_experiment() => 2,
            _ => 3,
        }] += 1;
    }
    check_shares(&counts, &[0.9 * 0.8 * 0.3, 0.9 * 0.8 * 0.7, 0.9 * 0.2, 0.1]);
}

/// Weights that change under a running experiment: who has a sticky bucket stays, and the answer
/// says that the hash would put them elsewhere.
#[test]
fn sticky_users_stay_and_the_change_is_reported() {
    let with = |a: f64| {
        native(&json!({"experiments": {"e": {"variations": [
            {"key": "a", "weight": a}, {"key": "b", "weight": 1.0 - a},
        ]}}}))
    };
    let (before, after) = (with(0.9), with(0.1));
    let (mut moved, mut same) = (0, 0);
    for i in 0..2_000 {
        let mut context = Context::new(&json!({"id": i.to_string()})).unwrap();
        context.sticky = Some(Sticky::default());
        let first = before.assign("e", &context).unwrap();
        let [doc] = &first.sticky_updates[..] else {
            panic!()
        };
        let key = first.key();
        let mut later = context.clone();
        later.sticky.as_mut().unwrap().put(doc.clone());
        let second = after.assign("e", &later).unwrap();
        assert_eq!((second.key(), second.reason()), (key, Reason::Sticky));
        assert!(second.sticky_updates.is_empty());
        let fresh = after.assign("e", &context).unwrap();
        assert_eq!(second.moved(), fresh.key() != key);
        *if second.moved() {
            &mut moved
        } else {
            &mut same
        } += 1;
    }
    assert!(
        (1_400..1_800).contains(&moved) && same > 0,
        "{moved} {same}"
    );
}

/// A chain of prerequisites as deep as a payload likes costs no stack.
#[test]
fn deep_and_wide_prerequisites_end() {
    let parent =
        |id: usize| json!({"id": id.to_string(), "condition": {"value": true}, "gate": true});
    let mut features = Map::new();
    for i in 0..5_000 {
        // Each asks the next one twice: two to the power of the depth without a bound.
        let rules = json!([{"parentConditions": [parent(i + 1), parent(i + 1)]}]);
        features.insert(i.to_string(), json!({"defaultValue": true, "rules": rules}));
    }
    let payload = json!({"features": features});
    let experiments = Experiments::from_growthbook(&payload).unwrap();
    let context = Context::default();
    let answer = experiments.feature("0", &context).unwrap();
    assert_eq!(answer.source, "cyclicPrerequisite");
    let answer = experiments.feature("4999", &context).unwrap();
    assert_eq!(answer.source, "prerequisite");
}

#[test]
fn packed_answers_say_what_the_full_ones_say() {
    let experiments = native(&json!({"experiments": {
        "e": {"variations": two(), "coverage": 0.5},
    }}));
    for i in 0..1_000 {
        let id = i.to_string();
        let assignment = experiments.assign_id("e", &id).unwrap();
        let packed = assignment.packed();
        let number = packed as u64;
        assert_eq!(number as f64, packed, "a whole number");
        let arm = number & 0xFFFF;
        assert_eq!(arm != 0xFFFF, assignment.in_experiment());
        let reason = Reason::ALL[(number >> 16 & 31) as usize];
        assert_eq!(reason, assignment.reason());
        if let Some(bucket) = assignment.bucket() {
            assert_eq!((number >> 21) as f64 / 4_294_967_296.0, bucket);
            assert_eq!(arm as usize, assignment.variation_id());
        }
    }
}

/// The short way for an id alone is the long way of a context that has nothing else.
#[test]
fn an_id_alone_and_in_a_context_are_assigned_alike() {
    let three = json!([
        {"key": "a", "weight": 0.2}, {"key": "b", "weight": 0.0}, {"key": "c", "weight": 0.8},
    ]);
    let ours = native(&json!({"experiments": {
        "plain": {"variations": three},
        "inactive": {"variations": two(), "active": false},
        "covered": {"variations": two(), "coverage": 0.5},
        "for ids": {"variations": two(), "condition": {"id": {"$regex": "7"}}},
    }, "holdout": {"share": 0.0}}));
    let held_out = native(&json!({
        "experiments": {"held out": {"variations": two()}},
        "holdout": {"share": 0.3},
    }));
    let theirs = |key: &str, more: Value| {
        let mut experiment = json!({"key": key, "hashVersion": 2, "variations": [0, 1, 2]});
        let fields = experiment.as_object_mut().unwrap();
        fields.extend(more.as_object().unwrap().clone());
        experiment
    };
    let theirs = Experiments::from_growthbook(&json!({"experiments": [
        theirs("gaps", json!({"ranges": [[0.5, 0.7], [0.1, 0.2], [0.9, 1.0]]})),
        theirs("overlaps", json!({"ranges": [[0.5, 1.0], [0.0, 0.6], [0.4, 0.9]]})),
        theirs("partly", json!({"coverage": 0.4})),
        theirs("forced", json!({"force": 2, "hashVersion": 1})),
        theirs("unknown", json!({"hashVersion": 9})),
    ]}))
    .unwrap();
    let mut reasons = std::collections::HashSet::new();
    for all in [&ours, &held_out, &theirs] {
        for key in all.experiments() {
            for i in 0..300 {
                let id = if i == 0 { String::new() } else { i.to_string() };
                let context = Context::new(&json!({"id": id})).unwrap();
                let mut long = all.assign(key, &context).unwrap().to_json();
                let short = all.assign_id(key, &id).unwrap();
                reasons.insert(short.reason());
                let short = short.to_json();
                if id.is_empty() {
                    long["hash_value"] = short["hash_value"].clone();
                }
                assert_eq!(short, long, "{key} {id:?}");
            }
        }
    }
    assert_eq!(theirs.experiments().count(), 5);
    assert_eq!(reasons.len(), 8, "{reasons:?}");
}

/// As GrowthBook's SDKs do, which look at the ranges one after the other.
#[test]
fn the_first_of_overlapping_ranges_has_the_unit() {
    let experiments = Experiments::from_growthbook(&json!({"experiments": [{
        "key": "e", "hashVersion": 2, "variations": [0, 1, 2],
        "ranges": [[0.5, 0.8], [0.1, 0.6], [0.4, 0.9]],
    }]}))
    .unwrap();
    let mut counts = [0; 4];
    for i in 0..2_000 {
        let id = i.to_string();
        let assignment = experiments.assign_id("e", &id).unwrap();
        let arm = assignment
            .in_experiment()
            .then(|| assignment.variation_id());
        if let Some(bucket) = assignment.bucket() {
            let expected = match bucket {
                0.5..0.8 => 0,
                0.1..0.6 => 1,
                _ => 2,
            };
            assert_eq!(arm, Some(expected), "{bucket}");
        }
        counts[arm.unwrap_or(3)] += 1;
    }
    check_shares(&counts, &[0.3, 0.4, 0.1, 0.2]);
}
