//! Are arms chosen as often as is said? Simulated decisions, and beliefs drawn one by one.
//!
//! `cargo xtask honesty` runs all of it and prints rates beside their bands, which hold for all lines
//! and arms together with 99 %; the ordinary tests run a small part. The generator is seeded, so that every run
//! prints the same.

use serde_json::{Value as Json, json};

use super::super::stats::honesty::Dice;
use super::super::stats::special::normal_quantile;
use super::{Bandit, Request};

impl Dice {
    /// Marsaglia and Tsang 2000; a ≥ 1.
    fn gamma(&mut self, a: f64) -> f64 {
        let d = a - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let x = self.normal();
            let v = 1.0 + c * x;
            if v > 0.0 {
                let v = v * v * v;
                if libm::log(self.share()) < 0.5 * x * x + d - d * v + d * libm::log(v) {
                    return d * v;
                }
            }
        }
    }

    fn beta(&mut self, a: f64, b: f64) -> f64 {
        let x = self.gamma(a);
        x / (x + self.gamma(b))
    }
}

/// Rates that a run compares: 17 lines of four arms at most.
const COMPARED: f64 = 68.0;

/// How often each arm came, beside the chance that it should have.
fn compare(name: &str, chances: &[f64], counts: &[f64], bad: &mut Vec<String>) {
    let all: f64 = counts.iter().sum();
    let reach = -normal_quantile(0.005 / COMPARED);
    let mut words = String::new();
    for (chance, count) in chances.iter().zip(counts) {
        let half = reach * (chance * (1.0 - chance) / all).sqrt() + 1e-9;
        let rate = count / all;
        words += &format!(" {rate:.4} ({:.4} ± {half:.4})", *chance);
        if (rate - chance).abs() > half {
            bad.push(format!("{name}: {rate}, not {chance} ± {half}"));
        }
    }
    println!("{name:54} {all:>8} {words}");
}

fn learned(policy: &Json, factors: bool) -> Bandit {
    let linear = policy["name"]
        .as_str()
        .is_some_and(|name| name.contains("lin"));
    let mut definition = json!({"key": "h", "policy": policy});
    if factors {
        definition["factors"] = json!([
            {"key": "f", "variants": ["a", "b"]}, {"key": "g", "variants": ["c", "d", "e"]},
        ]);
    } else {
        definition["arms"] = json!(["a", "b", "c", "d"]);
        if linear {
            definition["features"] = json!({"context": ["u"]});
        }
    }
    let mut bandit = Bandit::from_json(&definition).unwrap();
    let mut dice = Dice(5);
    for _ in 0..40 {
        let place = (dice.share() * 4.0) as usize;
        let context = dice.share();
        let arm = ["a", "b", "c", "d"][place];
        let chance = 0.2 + 0.15 * place as f64;
        let reward = f64::from(u8::from(dice.share() < chance));
        let given = if factors {
            let (f, g) = (["a", "b"][place % 2], ["c", "d", "e"][place % 3]);
            json!({"arm": {"f": f, "g": g}, "reward": reward})
        } else if linear {
            json!({"arm": arm, "reward": reward, "context": [context]})
        } else {
            json!({"arm": arm, "reward": reward})
        };
        bandit.update_one(&given).unwrap();
    }
    bandit
}

/// The shares that are told, and how often each arm comes, by slot.
fn choices(name: &str, bandit: &Bandit, request: &Request, count: usize, bad: &mut Vec<String>) {
    let mut asked = request.clone();
    asked.explain = true;
    let mut seen: Vec<(Vec<f64>, Vec<f64>)> = Vec::new();
    for at in 0..count {
        asked.decision = format!("view-{at}");
        asked.unit = format!("user-{}", at % 97);
        let answer = bandit.choose(&asked).unwrap();
        for (slot, choice) in answer.choices.iter().enumerate() {
            // Later slots of a ranking have their own shares each time.
            if choice.factor.is_none() && slot > 0 {
                continue;
            }
            if seen.len() <= slot {
                let shares = choice.shares.iter().map(|(_, share)| *share).collect();
                seen.push((shares, vec![0.0; choice.shares.len()]));
            }
            let place = choice.shares.iter().position(|(arm, _)| *arm == choice.arm);
            seen[slot].1[place.unwrap()] += 1.0;
        }
    }
    for (shares, counts) in seen {
        compare(name, &shares, &counts, bad);
    }
}

/// The second slot's marginal chances beside how often each arm comes there.
fn second_slot(name: &str, bandit: &Bandit, count: usize, bad: &mut Vec<String>) {
    let mut chances = [0.0; 4];
    let mut counts = [0.0; 4];
    let mut request = Request::new("");
    (request.slots, request.marginals) = (2, true);
    for at in 0..count {
        request.decision = format!("view-{at}");
        let answer = bandit.choose(&request).unwrap();
        let place = ["a", "b", "c", "d"]
            .iter()
            .position(|arm| *arm == answer.choices[1].arm);
        chances[place.unwrap()] = answer.choices[1].marginal.unwrap();
        counts[place.unwrap()] += 1.0;
    }
    compare(name, &chances, &counts, bad);
}

/// The shares of Thompson sampling beside draws of the beliefs themselves.
fn draws(bandit: &Bandit, beta: bool, count: usize, bad: &mut Vec<String>) {
    let report = bandit.report(None).unwrap();
    let mut dice = Dice(9);
    let mut counts = [0.0; 4];
    for _ in 0..count {
        let mut best = (f64::NEG_INFINITY, 0);
        for (at, arm) in report.arms.iter().enumerate() {
            let (n, sum) = (arm.pulls, arm.pulls * arm.mean.unwrap());
            let value = if beta {
                dice.beta(1.0 + sum, 1.0 + n - sum)
            } else {
                // Prior N(0, 1), noise 1.
                sum / (1.0 + n) + dice.normal() / (1.0 + n).sqrt()
            };
            if value > best.0 {
                best = (value, at);
            }
        }
        counts[best.1] += 1.0;
    }
    let request = Request::new("");
    let answer = bandit.propensities(&request).unwrap();
    let shares: Vec<f64> = answer.choices[0].shares.iter().map(|(_, s)| *s).collect();
    let name = format!("{}: draws of the beliefs", answer.policy);
    compare(&name, &shares, &counts, bad);
}

/// Whether rewards weighed by 1/propensity are right on average while the bandit learns: the mean
/// of arm a, whatever the arms that were chosen.
fn weighing(count: usize, bad: &mut Vec<String>) {
    let truth = 0.3;
    let mut estimates = Vec::new();
    for run in 0..count {
        let definition = json!({
            "key": format!("run {run}"), "policy": "beta_thompson", "arms": ["a", "b", "c"],
            "floor": 0.05,
        });
        let mut bandit = Bandit::from_json(&definition).unwrap();
        let mut dice = Dice(run as u64);
        let mut sum = 0.0;
        for at in 0..200 {
            let request = Request::new(format!("view-{at}"));
            let (arm, propensity) = {
                let answer = bandit.choose(&request).unwrap();
                (answer.choices[0].arm.to_owned(), answer.propensity)
            };
            let chance = if arm == "a" { truth } else { 0.35 };
            let reward = f64::from(u8::from(dice.share() < chance));
            if arm == "a" {
                sum += reward / propensity;
            }
            bandit
                .update_one(&json!({"arm": arm, "reward": reward}))
                .unwrap();
        }
        estimates.push(sum / 200.0);
    }
    let n = estimates.len() as f64;
    let mean = estimates.iter().sum::<f64>() / n;
    let variance = estimates
        .iter()
        .map(|e| (e - mean) * (e - mean))
        .sum::<f64>()
        / (n - 1.0);
    let half = -normal_quantile(0.005 / COMPARED) * (variance / n).sqrt();
    println!(
        "{:54} {count:>8}  {mean:.4} ({truth:.4} ± {half:.4})",
        "rewards weighed by 1/propensity, while it learns"
    );
    if (mean - truth).abs() > half {
        bad.push(format!("weighing: {mean}, not {truth} ± {half}"));
    }
}

fn all(count: usize) {
    let mut bad = Vec::new();
    println!("{:54} {:>8}  rate (share ± band) an arm", "what", "times");
    for policy in [
        json!({"name": "epsilon_greedy", "epsilon": 0.3}),
        json!({"name": "beta_thompson"}),
        json!({"name": "beta_thompson", "top_two": 0.5}),
        json!({"name": "gaussian_thompson"}),
    ] {
        let name = policy["name"].as_str().unwrap().to_owned();
        let bandit = learned(&policy, false);
        choices(&name, &bandit, &Request::new(""), count, &mut bad);
        second_slot(
            &format!("{name}, second slot"),
            &bandit,
            count / 10,
            &mut bad,
        );
    }
    for model in ["disjoint", "shared"] {
        let policy = json!({"name": "linear_thompson", "model": model, "noise_sd": 0.5});
        let bandit = learned(&policy, false);
        let mut request = Request::new("");
        request.context = Some(json!([0.4]));
        let name = format!("linear_thompson, {model}");
        choices(&name, &bandit, &request, count / 10, &mut bad);
    }
    let bandit = learned(&json!({"name": "linear_thompson", "noise_sd": 0.5}), true);
    choices(
        "linear_thompson, factors",
        &bandit,
        &Request::new(""),
        count / 10,
        &mut bad,
    );
    for (policy, beta) in [("beta_thompson", true), ("gaussian_thompson", false)] {
        let bandit = learned(&json!({"name": policy}), false);
        draws(&bandit, beta, count * 10, &mut bad);
    }
    weighing(count / 20, &mut bad);
    assert!(bad.is_empty(), "outside of their bands: {bad:#?}");
}

#[test]
fn a_small_part_holds() {
    all(4_000);
}

#[test]
#[ignore = "takes a minute: cargo xtask honesty"]
fn everything_holds() {
    all(100_000);
}
