//! Contracts of statistics that cases cannot state: orders, chunks and threads; a naive twin;
//! what no input may do.

#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "tests stop at the first surprise"
)]

mod support;

use std::collections::BTreeMap;

use proptest::prelude::*;
use support::Dice;
use tastemaker::control::Control;
use tastemaker::event::IdColumn;
use tastemaker::experiment::stats::{
    Metric, Request, Rows, SummarizeOptions, Summary, analyze, ask, summarize,
};
use tastemaker::json::{Value, json};

struct Table {
    arm: Vec<i64>,
    unit: Vec<i64>,
    value: Vec<f64>,
    denominator: Vec<f64>,
    covariate: Vec<f64>,
}

/// Rows of units that stay in their arm.
fn table(seed: u64, rows: usize, units: usize) -> Table {
    let mut dice = Dice::new(seed);
    let unit: Vec<i64> = (0..rows).map(|_| dice.below(units) as i64 - 7).collect();
    Table {
        arm: unit.iter().map(|u| u.rem_euclid(3)).collect(),
        value: unit
            .iter()
            .map(|_| dice.below(100_000) as f64 / 97.0 - 300.0 + 1e6)
            .collect(),
        denominator: unit.iter().map(|_| dice.below(9) as f64 + 1.0).collect(),
        covariate: unit.iter().map(|u| *u as f64 * 0.37).collect(),
        unit,
    }
}

fn summary(table: &Table, order: &[usize], threads: usize, by_unit: bool) -> Summary {
    let pick = |column: &[i64]| -> Vec<i64> { order.iter().map(|&at| column[at]).collect() };
    let of = |column: &[f64]| -> Vec<f64> { order.iter().map(|&at| column[at]).collect() };
    let (arm, unit) = (pick(&table.arm), pick(&table.unit));
    let value = of(&table.value);
    let (denominator, covariate) = (of(&table.denominator), of(&table.covariate));
    let mut rows = Rows::new(IdColumn::Integer(&arm), &value);
    rows.unit = by_unit.then_some(IdColumn::Integer(&unit));
    rows.denominator = Some(&denominator);
    rows.covariate = Some(&covariate);
    let mut options = SummarizeOptions::new(Metric::Ratio);
    options.threads = threads;
    summarize(&rows, &options, &Control::new()).unwrap()
}

#[test]
fn order_threads_and_chunks_change_nothing() {
    let table = table(5, 150_000, 40_000);
    let plain: Vec<usize> = (0..table.value.len()).collect();
    let mut back = plain.clone();
    back.reverse();
    let mut mixed = plain.clone();
    let mut dice = Dice::new(9);
    for at in (1..mixed.len()).rev() {
        mixed.swap(at, dice.below(at + 1));
    }
    for by_unit in [false, true] {
        let first = summary(&table, &plain, 1, by_unit);
        assert_eq!(first.arms.len(), 3);
        for (order, threads) in [(&plain, 2), (&back, 1), (&mixed, 7)] {
            assert_eq!(summary(&table, order, threads, by_unit), first);
        }
    }
}

#[test]
fn a_naive_twin_agrees() {
    let table = table(6, 20_000, 900);
    let order: Vec<usize> = (0..table.value.len()).collect();
    let found = summary(&table, &order, 2, true);
    let mut units: BTreeMap<i64, [f64; 4]> = BTreeMap::new();
    for row in order {
        let unit = units.entry(table.unit[row]).or_default();
        unit[0] = table.arm[row] as f64;
        unit[1] += table.value[row];
        unit[2] += table.denominator[row];
        unit[3] = table.covariate[row];
    }
    for (at, arm) in found.arms.iter().enumerate() {
        let own: Vec<&[f64; 4]> = units.values().filter(|u| u[0] == at as f64).collect();
        let n = own.len() as f64;
        assert_eq!(arm.n as usize, own.len());
        let mean = |c: usize| own.iter().map(|u| u[c + 1]).sum::<f64>() / n;
        for i in 0..3 {
            assert!((arm.means[i] / mean(i) - 1.0).abs() < 1e-12);
            for j in 0..3 {
                let sum: f64 = own
                    .iter()
                    .map(|u| (u[i + 1] - mean(i)) * (u[j + 1] - mean(j)))
                    .sum();
                let expected = sum / (n - 1.0);
                let size = (arm.covariances[i][i] * arm.covariances[j][j]).sqrt();
                assert!((arm.covariances[i][j] - expected).abs() < 1e-11 * size);
            }
        }
    }
}

#[test]
fn a_summary_is_what_an_analysis_reads() {
    let table = table(7, 9_000, 900);
    let order: Vec<usize> = (0..table.value.len()).collect();
    let summary = summary(&table, &order, 1, true).to_json();
    let request = json!({"metric": summary["metric"], "arms": summary["arms"]});
    let report = analyze(&Request::from_json(&request).unwrap()).unwrap();
    assert!(report.cuped.is_some());
    assert_eq!(report.comparisons.len(), 2);
}

/// Every number of a report, wherever it stands.
fn numbers(value: &Value, out: &mut Vec<f64>) {
    match value {
        Value::Number(n) => out.push(n.as_f64().unwrap()),
        Value::Array(list) => list.iter().for_each(|v| numbers(v, out)),
        Value::Object(map) => map.values().for_each(|v| numbers(v, out)),
        _ => {}
    }
}

fn method() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just("frequentist"), Just("sequential"), Just("bayesian")]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// JSON has no NaN: one in a report would be a null where a number belongs.
    #[test]
    fn counts_of_any_size_give_results_or_errors(
        n in proptest::array::uniform2(prop_oneof![0u64..5, 0u64..100_000, 0u64..1 << 53]),
        share in proptest::array::uniform2(0.0f64..=1.0),
        method in method(),
        increase in any::<bool>(),
    ) {
        let arm = |name: &str, n: u64, share: f64| {
            json!({"name": name, "n": n, "successes": (n as f64 * share) as u64})
        };
        let request = json!({
            "metric": "proportion",
            "method": method,
            "goal": if increase { "increase" } else { "decrease" },
            "arms": [arm("a", n[0], share[0]), arm("b", n[1], share[1])],
            "roi": {"value_per_unit": 2, "units": 100, "cost": 5},
        });
        let Ok(report) = ask("analyze", &request) else {
            prop_assert!(n[0] + n[1] > 1 << 53);
            return Ok(());
        };
        let found = &report["comparisons"][0];
        prop_assert!(found["difference"].is_number());
        if found["status"] == "ok" {
            let key = if method == "bayesian" { "chance_to_win" } else { "p_value" };
            let chance = found[key].as_f64().unwrap();
            prop_assert!((0.0..=1.0).contains(&chance), "{chance}");
            let (low, high) = (found["low"].as_f64().unwrap(), found["high"].as_f64().unwrap());
            prop_assert!(low <= high);
            prop_assert!(found["roi"]["gain"].is_number());
        } else {
            prop_assert_eq!(&found["p_value"], &Value::Null);
            prop_assert_eq!(&found["significant"], false);
        }
    }

    #[test]
    fn moments_of_any_size_give_results_or_errors(
        n in proptest::array::uniform2(0u64..1_000_000),
        mean in proptest::array::uniform2(prop_oneof![-1e3f64..1e3, any::<f64>()]),
        variance in proptest::array::uniform2(prop_oneof![Just(0.0), 0.0f64..1e3, any::<f64>()]),
        method in method(),
    ) {
        let arm = |name: &str, at: usize| {
            json!({"name": name, "n": n[at], "mean": mean[at], "variance": variance[at]})
        };
        let request = json!({"metric": "mean", "method": method, "arms": [arm("a", 0), arm("b", 1)]});
        if let Ok(report) = ask("analyze", &request) {
            let found = &report["comparisons"][0];
            prop_assert!(found["difference"].is_number());
            if found["status"] == "ok" {
                prop_assert!(found["standard_error"].is_number());
                prop_assert!(found["low"].is_number() && found["high"].is_number(), "{report}");
            }
            let mut all = Vec::new();
            numbers(&report, &mut all);
            prop_assert!(all.iter().all(|n| n.is_finite()));
        }
    }

    #[test]
    fn an_always_valid_interval_contains_the_fixed_one(
        n in 100u64..1_000_000, share in 0.01f64..0.5, lift in 0.8f64..1.2,
    ) {
        let run = |method: &str| {
            let successes = |share: f64| (n as f64 * share) as u64;
            let request = json!({"metric": "proportion", "method": method, "arms": [
                {"name": "a", "n": n, "successes": successes(share)},
                {"name": "b", "n": n, "successes": successes(share * lift)},
            ]});
            let report = ask("analyze", &request).unwrap();
            let get = |key: &str| report["comparisons"][0][key].as_f64().unwrap();
            (get("low"), get("high"), get("p_value"))
        };
        let (fixed, always) = (run("frequentist"), run("sequential"));
        prop_assert!(always.0 < fixed.0 && fixed.1 < always.1 && fixed.2 < always.2 + 1e-12);
    }
}
