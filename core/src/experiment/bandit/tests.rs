//! What holds for all bandits.

use serde_json::{Value as Json, json};

use super::{Bandit, Request, Rewards, UpdateOptions};
use crate::ErrorKind;
use crate::event::IdColumn;

fn bandit(policy: &Json) -> Bandit {
    let features = match policy["name"].as_str() {
        Some("linucb" | "linear_thompson") => json!({"context": ["age"], "arm": ["price"]}),
        _ => Json::Null,
    };
    Bandit::from_json(&json!({
        "key": "b", "policy": policy, "arms": ["x", "y", "z"], "features": features,
    }))
    .unwrap()
}

fn policies() -> Vec<Json> {
    let linear =
        |name: &str, model: &str| json!({"name": name, "model": model, "interactions": true});
    vec![
        json!({"name": "epsilon_greedy"}),
        json!({"name": "ucb1"}),
        json!({"name": "ucb_tuned"}),
        json!({"name": "beta_thompson"}),
        json!({"name": "beta_thompson", "top_two": 0.5}),
        json!({"name": "gaussian_thompson"}),
        linear("linucb", "disjoint"),
        linear("linucb", "shared"),
        linear("linucb", "hybrid"),
        linear("linear_thompson", "disjoint"),
        linear("linear_thompson", "shared"),
        linear("linear_thompson", "hybrid"),
    ]
}

/// Rows that are hashes of their number.
fn row(at: u64) -> (String, f64, i64, f64, f64) {
    let hash = xxhash_rust::xxh3::xxh3_64(&at.to_le_bytes());
    let part = |shift: u32| f64::from((hash >> shift) as u16) / 65536.0;
    let arm = ["x", "y", "z"][(hash % 3) as usize];
    (
        arm.to_owned(),
        part(0),
        (hash >> 40) as i64,
        part(16),
        part(32),
    )
}

fn fill(bandit: &mut Bandit, rows: impl Iterator<Item = u64>) {
    let linear = bandit.definition().get("features").is_some();
    for at in rows {
        let (arm, reward, time, age, price) = row(at);
        let mut given = json!({"arm": arm, "reward": reward, "time": time});
        if linear {
            given["context"] = json!({"age": age});
            given["arm_features"] = json!([price]);
        }
        bandit.update_one(&given).unwrap();
    }
}

fn request(bandit: &Bandit, decision: &str) -> Request {
    let mut request = Request::new(decision);
    if bandit.definition().get("features").is_some() {
        request.context = Some(json!([0.3]));
        request.arm_features = Some(json!({"x": [0.1], "y": [0.5], "z": [0.9]}));
    }
    request
}

#[test]
fn any_order_and_any_parts_give_the_same_bytes() {
    for policy in policies() {
        for half_life in [Json::Null, json!(200_000)] {
            let new = || {
                let mut definition = bandit(&policy).definition();
                definition["half_life"] = half_life.clone();
                Bandit::from_json(&definition).unwrap()
            };
            let mut whole = new();
            fill(&mut whole, 0..200);
            let mut back = new();
            fill(&mut back, (0..200).rev());
            assert_eq!(whole.to_bytes(), back.to_bytes(), "{policy}");
            let mut parts: Vec<Bandit> = (0..4).map(|_| new()).collect();
            for (at, part) in parts.iter_mut().enumerate() {
                fill(part, (at as u64..200).step_by(4));
            }
            let mut joined = parts[2].clone();
            for at in [3, 0, 1] {
                joined.merge(&parts[at]).unwrap();
            }
            assert_eq!(whole.to_bytes(), joined.to_bytes(), "{policy}");
            // (2 + 3) + (0 + 1)
            let (mut a, mut b) = (parts[0].clone(), parts[2].clone());
            a.merge(&parts[1]).unwrap();
            b.merge(&parts[3]).unwrap();
            b.merge(&a).unwrap();
            assert_eq!(whole.to_bytes(), b.to_bytes(), "{policy}");
            let read = Bandit::from_bytes(&whole.to_bytes()).unwrap();
            assert_eq!(read, whole);
            assert_eq!(read.state_version(), whole.state_version());
        }
    }
}

#[test]
fn propensities_add_up_and_choices_have_theirs() {
    for policy in policies() {
        let mut bandit = bandit(&policy);
        fill(&mut bandit, 0..60);
        let mut asked = request(&bandit, "d");
        asked.slots = 3;
        asked.marginals = true;
        asked.explain = true;
        let answer = bandit.choose(&asked).unwrap();
        for choice in &answer.choices {
            let sum: f64 = choice.shares.iter().map(|(_, share)| share).sum();
            assert_eq!(sum, 1.0, "{policy}");
            let own = choice.shares.iter().find(|(arm, _)| *arm == choice.arm);
            assert_eq!(own.unwrap().1, choice.propensity);
            assert!(choice.propensity > 0.0);
        }
        let first = &answer.choices[0];
        assert_eq!(first.marginal, Some(first.propensity));
        let arms: Vec<&str> = answer.choices.iter().map(|c| c.arm).collect();
        assert_ne!(arms[0], arms[1]);
        assert_ne!(arms[1], arms[2]);
        assert_eq!(answer, bandit.choose(&asked).unwrap());
        // The marginals of one slot over all arms add up to 1.
        let mut sums = [0.0; 2];
        for at in 0..200 {
            let mut asked = request(&bandit, &format!("d{at}"));
            (asked.slots, asked.marginals) = (2, true);
            let answer = bandit.choose(&asked).unwrap();
            // Each arm in the second slot stands for itself: 1/marginal weighs it.
            sums[0] += 1.0 / answer.choices[1].marginal.unwrap();
            sums[1] += 1.0;
        }
        // E[1/m] is the number of arms that can come there.
        let ratio = sums[0] / sums[1];
        assert!(ratio < 3.8, "{policy} {ratio}");
    }
}

#[test]
fn every_cut_and_every_flipped_bit_is_refused() {
    for policy in [policies().remove(3), policies().remove(8)] {
        let mut bandit = bandit(&policy);
        fill(&mut bandit, 0..5);
        let bytes = bandit.to_bytes();
        for len in 0..bytes.len() {
            assert!(Bandit::from_bytes(&bytes[..len]).is_err(), "cut to {len}");
        }
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut bad = bytes.clone();
                bad[at] ^= 1 << bit;
                assert!(Bandit::from_bytes(&bad).is_err(), "byte {at} bit {bit}");
            }
        }
    }
}

#[test]
fn a_forged_checksum_does_not_bring_a_panic() {
    let mut bandit = bandit(&policies().remove(8));
    fill(&mut bandit, 0..5);
    let bytes = bandit.to_bytes();
    let mut refused = 0;
    for at in 16..bytes.len() - 8 {
        for value in [0x00, 0x01, 0x7f, 0x80, 0xff] {
            let mut bad = bytes.clone();
            bad[at] = value;
            let body = bad.len() - 8;
            let checksum = xxhash_rust::xxh3::xxh3_64(&bad[..body]);
            bad[body..].copy_from_slice(&checksum.to_le_bytes());
            match Bandit::from_bytes(&bad) {
                Err(error) => {
                    refused += 1;
                    assert_eq!(error.kind(), ErrorKind::CorruptBandit);
                }
                Ok(forged) => {
                    // What passes for a state gives finite answers.
                    let asked = request(&forged, "d");
                    if let Ok(answer) = forged.choose(&asked) {
                        assert!(answer.propensity > 0.0);
                        assert!(answer.propensity <= 1.0);
                    }
                    let report = forged.report(None).unwrap().to_json().to_string();
                    assert!(!report.contains("NaN"));
                }
            }
        }
    }
    assert!(refused > 500, "{refused}");
}

#[test]
fn a_refused_batch_changes_nothing() {
    let mut bandit = bandit(&json!({"name": "beta_thompson"}));
    fill(&mut bandit, 0..10);
    let before = bandit.to_bytes();
    let options = UpdateOptions::default();
    for reward in [f64::NAN, f64::INFINITY, -0.5, 1.5] {
        let arms = IdColumn::Text(&["x", "y"]);
        let error = bandit.update(&Rewards::new(arms, &[1.0, reward]), &options);
        assert_eq!(error.unwrap_err().kind(), ErrorKind::InvalidWeight);
    }
    let strange = IdColumn::Text(&["x", "w"]);
    let error = bandit.update(&Rewards::new(strange, &[1.0, 1.0]), &options);
    assert_eq!(error.unwrap_err().kind(), ErrorKind::InvalidArgument);
    assert_eq!(bandit.to_bytes(), before);
}

#[test]
fn arms_come_and_go_with_their_state() {
    let definition = |arms: &[&str]| json!({"key": "b", "policy": "beta_thompson", "arms": arms});
    let mut bandit = Bandit::from_json(&definition(&["x", "y"])).unwrap();
    bandit
        .update_one(&json!({"arm": "x", "reward": 1}))
        .unwrap();
    let changed = bandit.redefine(&definition(&["y", "z"])).unwrap();
    assert_eq!(
        changed.to_json(),
        json!({"kept": ["y"], "added": ["z"], "removed": ["x"]})
    );
    // A late reward of an arm that left.
    let updated = bandit
        .update_one(&json!({"arm": "x", "reward": 0}))
        .unwrap();
    assert_eq!((updated.accepted, updated.retired), (0, 1));
    let report = bandit.report(None).unwrap();
    let x = report.arms.iter().find(|arm| arm.arm == "x").unwrap();
    assert!(x.retired && x.rewards == 2 && x.chance_best.is_none());
    bandit.redefine(&definition(&["x", "z"])).unwrap();
    assert_eq!(bandit.report(None).unwrap().arms[0].mean, Some(0.5));
}

#[test]
fn discounting_forgets() {
    let definition = json!({
        "key": "b", "policy": "beta_thompson", "arms": ["x", "y"], "half_life": 4_000,
    });
    let mut bandit = Bandit::from_json(&definition).unwrap();
    for time in [0, 4_000, 8_000] {
        bandit
            .update_one(&json!({"arm": "x", "reward": 1, "time": time}))
            .unwrap();
    }
    assert_eq!(bandit.report(None).unwrap().arms[0].pulls, 1.75);
    assert_eq!(bandit.report(Some(12_000)).unwrap().arms[0].pulls, 0.875);
    // A clock that goes back counts as the newest reward's.
    assert_eq!(bandit.report(Some(-1)).unwrap().arms[0].pulls, 1.75);
    // 20 half-lives later nothing is left, and a reward from then is too old.
    bandit
        .update_one(&json!({"arm": "x", "reward": 0, "time": 88_000}))
        .unwrap();
    assert_eq!(bandit.report(None).unwrap().arms[0].rewards, 1);
    let late = bandit
        .update_one(&json!({"arm": "x", "reward": 1, "time": 8_000}))
        .unwrap();
    assert_eq!(late.expired, 1);
}

#[test]
fn pending_choices_widen_nothing() {
    let mut bandit = bandit(&json!({"name": "ucb1"}));
    for arm in ["x", "y", "z"] {
        bandit
            .update_one(&json!({"arm": arm, "reward": 0.5}))
            .unwrap();
    }
    let share = |bandit: &Bandit| bandit.choose(&Request::new("d")).unwrap().choices[0].propensity;
    assert!(share(&bandit) < 0.34);
    bandit.await_rewards(None, "x", 5).unwrap();
    // y and z are left, and share.
    assert_eq!(share(&bandit), 0.5);
    let settled = json!({"arm": "x", "reward": 0.5, "settle": true});
    for _ in 0..5 {
        bandit.update_one(&settled).unwrap();
    }
    assert_eq!(bandit.report(None).unwrap().arms[0].pending, 0);
}

#[test]
fn unknown_names_are_refused() {
    let mut bandit = bandit(&json!("ucb1"));
    let request = Request::from_json(&json!({"decision": "d", "colour": 1}));
    assert_eq!(request.unwrap_err().kind(), ErrorKind::InvalidArgument);
    let given = json!({"arm": "x", "reward": 1, "decision": "d"});
    let error = bandit.update_one(&given).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(UpdateOptions::from_json(&json!({"late": true})).is_err());
}

#[test]
fn one_arm_is_chosen_always() {
    for policy in policies() {
        let mut definition = bandit(&policy).definition();
        definition["arms"] = json!(["x"]);
        let bandit = Bandit::from_json(&definition).unwrap();
        let mut asked = Request::new("d");
        if definition.get("features").is_some() {
            asked.context = Some(json!([0.3]));
            asked.arm_features = Some(json!({"x": [0.1]}));
        }
        assert_eq!(bandit.choose(&asked).unwrap().propensity, 1.0, "{policy}");
    }
}
