//! Estimates beside sums by hand and a naive twin; what is refused, and what cannot show.

use super::*;
use crate::ErrorKind;
use crate::control::Control;
use crate::event::IdColumn;
use crate::experiment::stats::LARGEST;

fn run(log: &Log<'_>, policy: &Policy<'_>, options: &Options) -> crate::Result<Report> {
    evaluate(log, policy, options, &Control::new())
}

fn only(estimators: &[Estimator]) -> Options {
    Options {
        estimators: estimators.to_vec(),
        ..Options::default()
    }
}

/// A log with contexts, made by a generator that the library does not have.
struct Made {
    reward: Vec<f64>,
    propensity: Vec<f64>,
    action: Vec<f64>,
    cell: Vec<f64>,
    policy: Vec<f64>,
}

fn made(rows: usize) -> Made {
    let mut state = 12345u64;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f64 / (1u64 << 31) as f64
    };
    let mut log = Made {
        reward: Vec::new(),
        propensity: Vec::new(),
        action: Vec::new(),
        cell: Vec::new(),
        policy: vec![0.7, 0.2, 0.1, 0.0, 0.5, 0.5],
    };
    let logging = [[0.2, 0.5, 0.3], [0.6, 0.2, 0.2]];
    for _ in 0..rows {
        let cell = usize::from(next() < 0.4);
        let draw = next();
        let [a, b, _] = logging[cell];
        let action = usize::from(draw >= a) + usize::from(draw >= a + b);
        log.cell.push(cell as f64);
        log.action.push(action as f64);
        log.propensity.push(logging[cell][action]);
        log.reward
            .push(f64::from(u8::from(next() < 0.2 + 0.2 * action as f64)) + cell as f64);
    }
    log
}

impl Made {
    fn log(&self) -> Log<'_> {
        let mut log = Log::new(&self.reward, &self.propensity);
        log.action = Some(&self.action);
        log.cell = Some(&self.cell);
        log
    }

    fn policy(&self) -> Policy<'_> {
        Policy::of_all(Matrix {
            values: &self.policy,
            columns: 3,
        })
    }

    fn weight(&self, row: usize) -> f64 {
        let at = self.cell[row] as usize * 3 + self.action[row] as usize;
        self.policy[at] / self.propensity[row]
    }
}

fn close(found: Option<f64>, wanted: f64) {
    let found = found.unwrap();
    assert!(
        (found - wanted).abs() <= 1e-12 * wanted.abs().max(1.0),
        "{found} {wanted}"
    );
}

#[test]
fn weighted_estimates_are_those_of_plain_sums() {
    let made = made(2000);
    let options = Options {
        clip: Some(1.5),
        ..only(&[Estimator::Ips, Estimator::Snips, Estimator::ClippedIps])
    };
    let report = run(&made.log(), &made.policy(), &options).unwrap();
    let n = 2000.0;
    let rows = 0..2000;
    let w = |row: usize| made.weight(row);
    let mean = |f: &dyn Fn(usize) -> f64| rows.clone().map(f).sum::<f64>() / n;
    let spread = |f: &dyn Fn(usize) -> f64| {
        let centre = mean(f);
        let squares: f64 = rows
            .clone()
            .map(|row| {
                let off = f(row) - centre;
                off * off
            })
            .sum();
        (squares / (n - 1.0) / n).sqrt()
    };
    let ips = |row: usize| w(row) * made.reward[row];
    let found = report.estimate(Estimator::Ips).unwrap();
    close(found.value.value, mean(&ips));
    close(found.value.standard_error, spread(&ips));
    close(found.gain.value, mean(&|row| ips(row) - made.reward[row]));
    close(
        found.gain.standard_error,
        spread(&|row| ips(row) - made.reward[row]),
    );
    let (weights, snips) = (mean(&w), mean(&ips) / mean(&w));
    let found = report.estimate(Estimator::Snips).unwrap();
    close(found.value.value, snips);
    close(
        found.value.standard_error,
        spread(&|row| w(row) * (made.reward[row] - snips) / weights),
    );
    let clipped = |row: usize| w(row).min(1.5) * made.reward[row];
    let found = report.estimate(Estimator::ClippedIps).unwrap();
    close(found.value.value, mean(&clipped));
    close(
        found.above_threshold,
        mean(&|row| f64::from(u8::from(w(row) > 1.5))),
    );
    let squares: f64 = rows.clone().map(|row| w(row) * w(row)).sum();
    close(
        Some(report.weights.effective_sample_size),
        weights * n * weights * n / squares,
    );
    close(Some(report.weights.mean), weights);
}

#[test]
fn doubly_robust_estimates_are_those_of_plain_sums() {
    let made = made(500);
    let q = [0.1, 0.4, 0.9, 1.0, 1.5, 1.2];
    let mut log = made.log();
    log.predictions = Some(Matrix {
        values: &q,
        columns: 3,
    });
    let options = Options {
        switch: Some(1.2),
        ..only(&[
            Estimator::Dm,
            Estimator::Dr,
            Estimator::Sndr,
            Estimator::SwitchDr,
        ])
    };
    let report = run(&log, &made.policy(), &options).unwrap();
    let cell = |row: usize| made.cell[row] as usize * 3;
    let logged = |row: usize| q[cell(row) + made.action[row] as usize];
    let mean_q = |row: usize| {
        (0..3)
            .map(|a| made.policy[cell(row) + a] * q[cell(row) + a])
            .sum()
    };
    let mean = |f: &dyn Fn(usize) -> f64| (0..500).map(f).sum::<f64>() / 500.0;
    let dm = mean(&mean_q);
    let rest = |row: usize| made.weight(row) * (made.reward[row] - logged(row));
    let value = |e| report.estimate(e).unwrap().value.value;
    close(value(Estimator::Dm), dm);
    close(value(Estimator::Dr), dm + mean(&rest));
    close(
        value(Estimator::Sndr),
        dm + mean(&rest) / mean(&|row| made.weight(row)),
    );
    let low = |row: usize| {
        if made.weight(row) <= 1.2 {
            rest(row)
        } else {
            0.0
        }
    };
    close(value(Estimator::SwitchDr), dm + mean(&low));

    // The same predictions as two columns.
    let (own, means): (Vec<f64>, Vec<f64>) = (0..500).map(|row| (logged(row), mean_q(row))).unzip();
    let mut columns = made.log();
    columns.predicted = Some(&own);
    let mut policy = made.policy();
    policy.predicted = Some(&means);
    let again = run(&columns, &policy, &options).unwrap();
    close(again.estimates[1].value.value, dm + mean(&rest));
    close(
        again.estimates[1].value.standard_error,
        report.estimates[1].value.standard_error.unwrap(),
    );
}

#[test]
fn order_and_threads_do_not_show() {
    let made = made(3000);
    let options = Options {
        estimators: vec![Estimator::Ips, Estimator::Snips, Estimator::ClippedIps],
        ..Options::default()
    };
    let one = run(&made.log(), &made.policy(), &options).unwrap();
    let back = Made {
        reward: made.reward.iter().rev().copied().collect(),
        propensity: made.propensity.iter().rev().copied().collect(),
        action: made.action.iter().rev().copied().collect(),
        cell: made.cell.iter().rev().copied().collect(),
        policy: made.policy.clone(),
    };
    assert_eq!(run(&back.log(), &back.policy(), &options).unwrap(), one);
    let all = Options {
        bootstrap: Some(Bootstrap::new(50)),
        ..Options::default()
    };
    let many = Options {
        threads: 3,
        ..all.clone()
    };
    let one = run(&made.log(), &made.policy(), &all).unwrap();
    assert_eq!(one.estimates.len(), 8);
    assert_eq!(run(&made.log(), &made.policy(), &many).unwrap(), one);
}

#[test]
fn a_policy_that_is_the_logging_policy_gains_nothing() {
    let made = made(1000);
    let logging = [0.2, 0.5, 0.3, 0.6, 0.2, 0.2];
    let policy = Policy::of_all(Matrix {
        values: &logging,
        columns: 3,
    });
    let mut log = made.log();
    log.logging = policy.actions;
    let report = run(&log, &policy, &Options::default()).unwrap();
    for e in [Estimator::Ips, Estimator::Snips, Estimator::ClippedIps] {
        let found = report.estimate(e).unwrap();
        assert_eq!(found.value.value, report.logged.value);
        assert_eq!(found.gain.value, Some(0.0));
        assert_eq!(found.gain.status, Status::ZeroVariance);
    }
    assert_eq!(report.weights.effective_sample_size, 1000.0);
    assert_eq!(report.support.unsupported, Some(0.0));
    assert!(report.warnings.is_empty(), "{:?}", report.warnings);
}

#[test]
fn units_widen_what_copies_would_narrow() {
    let made = made(400);
    let twice = |column: &[f64]| -> Vec<f64> { column.iter().flat_map(|&v| [v, v]).collect() };
    let (reward, propensity, action, cell) = (
        twice(&made.reward),
        twice(&made.propensity),
        twice(&made.action),
        twice(&made.cell),
    );
    let unit: Vec<i64> = (0..800).map(|row| row / 2).collect();
    let mut log = Log::new(&reward, &propensity);
    log.action = Some(&action);
    log.cell = Some(&cell);
    log.unit = Some(IdColumn::Integer(&unit));
    let options = only(&[Estimator::Ips, Estimator::Snips]);
    let copies = run(&log, &made.policy(), &options).unwrap();
    let once = run(&made.log(), &made.policy(), &options).unwrap();
    assert_eq!((copies.rows, copies.units), (800, 400));
    for (copy, own) in copies.estimates.iter().zip(&once.estimates) {
        close(copy.value.value, own.value.value.unwrap());
        close(copy.value.standard_error, own.value.standard_error.unwrap());
    }
}

#[test]
fn replay_is_the_mean_of_matches() {
    let log = Log::new(&[1.0, 0.0, 1.0, 1.0], &[0.25; 4]);
    let policy = Policy::of_logged(&[1.0, 0.0, 0.0, 1.0]);
    let report = run(&log, &policy, &only(&[Estimator::Replay])).unwrap();
    assert_eq!(report.estimates[0].value.value, Some(1.0));
    assert!(!report.warnings.iter().any(|w| w.contains("replay")));
    let log = Log::new(&[1.0, 0.0, 1.0, 1.0], &[0.25, 0.5, 0.25, 0.25]);
    let report = run(&log, &policy, &only(&[Estimator::Replay])).unwrap();
    assert!(report.warnings.iter().any(|w| w.contains("replay")));
    let half = Policy::of_logged(&[1.0, 0.0, 0.5, 1.0]);
    let error = run(&log, &half, &only(&[Estimator::Replay])).unwrap_err();
    assert!(error.message().contains("row 2"), "{error}");
}

#[test]
fn odd_logs_have_a_stated_result() {
    let one = run(
        &Log::new(&[0.3], &[0.5]),
        &Policy::of_logged(&[0.5]),
        &Options::default(),
    )
    .unwrap();
    assert_eq!(one.logged.status, Status::TooFewUnits);
    assert_eq!(one.estimates[0].value.value, Some(0.3));
    assert_eq!(one.estimates[0].value.low, None);
    let none = run(
        &Log::new(&[0.3, 0.4], &[0.5; 2]),
        &Policy::of_logged(&[0.0; 2]),
        &Options::default(),
    );
    let none = none.unwrap();
    assert!(
        none.estimates
            .iter()
            .all(|e| e.value.status == Status::NoOverlap)
    );
    assert!(none.verdict.contains("says nothing"), "{}", none.verdict);
    let same = run(
        &Log::new(&[2.0; 3], &[0.5; 3]),
        &Policy::of_logged(&[0.5; 3]),
        &Options::default(),
    );
    assert_eq!(
        same.unwrap().estimates[0].value.status,
        Status::ZeroVariance
    );
    let json = none.to_json().to_string();
    assert!(!json.contains("NaN") && !json.contains("inf"), "{json}");
}

#[test]
fn what_is_wrong_is_named() {
    let refuse =
        |reward: &[f64], propensity: &[f64], policy: &[f64], kind: ErrorKind, words: &str| {
            let error = run(
                &Log::new(reward, propensity),
                &Policy::of_logged(policy),
                &Options::default(),
            );
            let error = error.unwrap_err();
            assert_eq!(error.kind(), kind, "{error}");
            assert!(error.message().contains(words), "{error} has no {words}");
        };
    let invalid = ErrorKind::InvalidArgument;
    refuse(&[], &[], &[], invalid, "empty");
    refuse(
        &[1.0; 2],
        &[0.5],
        &[0.5; 2],
        ErrorKind::LengthMismatch,
        "propensity has 1",
    );
    refuse(
        &[1.0; 2],
        &[0.5; 2],
        &[0.5; 3],
        ErrorKind::LengthMismatch,
        "policy has 3",
    );
    refuse(
        &[1.0, f64::NAN],
        &[0.5; 2],
        &[0.5; 2],
        ErrorKind::InvalidWeight,
        "row 1 is NaN",
    );
    refuse(
        &[1.0, LARGEST],
        &[0.5; 2],
        &[0.5; 2],
        ErrorKind::LimitExceeded,
        "row 1",
    );
    for bad in [0.0, -0.1, 1.5, f64::NAN, f64::INFINITY] {
        refuse(
            &[1.0; 2],
            &[0.5, bad],
            &[0.5; 2],
            invalid,
            "propensity: row 1",
        );
    }
    for bad in [-0.1, 1.0000001, f64::NAN] {
        refuse(&[1.0; 2], &[0.5; 2], &[0.5, bad], invalid, "policy: row 1");
    }
    refuse(
        &[1.0; 2],
        &[1e-300, 0.5],
        &[0.5; 2],
        ErrorKind::LimitExceeded,
        "row 0",
    );
    refuse(
        &[1e10; 2],
        &[1e-8, 0.5],
        &[0.5; 2],
        ErrorKind::LimitExceeded,
        "row 0",
    );

    let made = made(10);
    let refuse = |log: &Log<'_>, policy: &Policy<'_>, options: &Options, words: &str| {
        let error = run(log, policy, options).unwrap_err();
        assert!(error.message().contains(words), "{error} has no {words}");
    };
    let matrix = |values| Policy::of_all(Matrix { values, columns: 3 });
    let all = Options::default();
    refuse(
        &made.log(),
        &matrix(&[0.5, 0.5, 0.1, 0.0, 0.5, 0.5]),
        &all,
        "row 0 add up to 1.1",
    );
    refuse(
        &made.log(),
        &matrix(&[0.5, 0.5, 0.0]),
        &all,
        "rows of policy",
    );
    refuse(&made.log(), &matrix(&[0.5, 0.5]), &all, "columns");
    refuse(
        &made.log(),
        &Policy::of_all(Matrix {
            values: &[1.0, 1.0],
            columns: 1,
        }),
        &all,
        "columns of policy",
    );
    refuse(&made.log(), &Policy::default(), &all, "not both");
    let logged = Policy::of_logged(&[0.5; 10]);
    refuse(
        &made.log(),
        &logged,
        &only(&[Estimator::Dr]),
        "probabilities of all actions",
    );
    let mut log = made.log();
    log.action = None;
    refuse(&log, &made.policy(), &all, "column action");
    let half = [0.5; 10];
    log.action = Some(&half);
    refuse(&log, &made.policy(), &all, "action: row 0");
    let mut log = made.log();
    let logging = [0.2, 0.5, 0.3, 0.6, 0.4, 0.0];
    log.logging = Some(Matrix {
        values: &logging,
        columns: 3,
    });
    refuse(&log, &made.policy(), &all, "action 2");
}

#[test]
fn what_is_not_supported_can_be_left_out() {
    let log = Log::new(&[1.0, 1.0, 1.0, 0.0], &[0.5, 0.0, f64::NAN, 0.5]);
    let policy = Policy::of_logged(&[0.5, 0.5, 0.0, 0.5]);
    let options = Options {
        ignore_unsupported: true,
        ..Options::default()
    };
    let report = run(&log, &policy, &options).unwrap();
    assert_eq!(report.support.rows_without_propensity, 2);
    assert_eq!(report.support.rows_lost, 1);
    assert_eq!(report.estimates[0].value.value, Some(0.25));
    assert!(report.warnings.iter().any(|w| w.contains("no propensity")));
    assert!(run(&log, &policy, &Options::default()).is_err());
}

#[test]
fn a_given_model_and_none_of_its_own() {
    let made = made(50);
    let mut log = made.log();
    let q = [0.0; 6];
    log.predictions = Some(Matrix {
        values: &q,
        columns: 3,
    });
    let report = run(&log, &made.policy(), &Options::default()).unwrap();
    assert!(report.model.is_none() && report.estimate(Estimator::Mrdr).is_none());
    assert!(run(&log, &made.policy(), &only(&[Estimator::Mrdr])).is_err());
    // A model of zeros makes dr ips.
    let value = |e| report.estimate(e).unwrap().value.value.unwrap();
    close(Some(value(Estimator::Dr)), value(Estimator::Ips));
}

#[test]
fn cell_means_are_drawn_to_those_of_their_actions() {
    // One fold, by hand: two cells, one action, rewards 1 1 and 0; shrinkage 1.
    let (reward, cell) = ([1.0, 1.0, 0.0], [0.0, 0.0, 1.0]);
    let mut log = Log::new(&reward, &[1.0; 3]);
    log.action = Some(&[0.0; 3]);
    log.cell = Some(&cell);
    let policy = Policy::of_all(Matrix {
        values: &[1.0, 1.0],
        columns: 1,
    });
    let options = Options {
        folds: 1,
        shrinkage: Some(1.0),
        ..only(&[Estimator::Dm])
    };
    // The action's mean is (2 + 2/3) / 4 = 2/3; the cells' (2 + 2/3) / 3 and (2/3) / 2.
    let report = run(&log, &policy, &options).unwrap();
    close(
        report.estimates[0].value.value,
        (2.0 * (8.0 / 9.0) + 1.0 / 3.0) / 3.0,
    );
}

#[test]
fn ridge_finds_a_plane_that_is_there() {
    let n = 400;
    let x: Vec<f64> = (0..n)
        .flat_map(|i| [f64::from(i % 17), f64::from(i % 5) * 0.1])
        .collect();
    let action: Vec<f64> = (0..n).map(|i| f64::from(i % 3)).collect();
    let value = |i: usize, a: f64| 1.0 + a * x[2 * i] - 3.0 * x[2 * i + 1];
    let reward: Vec<f64> = (0..n as usize).map(|i| value(i, action[i])).collect();
    let propensity = vec![1.0 / 3.0; n as usize];
    let mut log = Log::new(&reward, &propensity);
    log.action = Some(&action);
    log.features = Some(Matrix {
        values: &x,
        columns: 2,
    });
    let policy = Policy::of_all(Matrix {
        values: &[0.0, 0.0, 1.0],
        columns: 3,
    });
    let options = Options {
        regularization: 1e-6,
        ..only(&[Estimator::Dm])
    };
    let report = run(&log, &policy, &options).unwrap();
    let truth = (0..n as usize).map(|i| value(i, 2.0)).sum::<f64>() / f64::from(n);
    assert!((report.estimates[0].value.value.unwrap() - truth).abs() < 1e-6);
    assert!(report.model.unwrap().squared_error < 1e-9);
    assert_eq!(report.model.unwrap().kind, RewardModel::Ridge);
}

#[test]
fn comparisons_are_of_the_same_rows() {
    let made = made(800);
    let other = [0.1, 0.2, 0.7, 0.3, 0.3, 0.4];
    let other = Policy::of_all(Matrix {
        values: &other,
        columns: 3,
    });
    let options = Options {
        bootstrap: Some(Bootstrap::new(100)),
        ..Options::default()
    };
    let run = |a: &Policy<'_>, b: &Policy<'_>| {
        compare(&made.log(), a, b, &options, &Control::new()).unwrap()
    };
    let (one, two) = (run(&made.policy(), &other), run(&other, &made.policy()));
    assert_eq!(one.comparisons.len(), 8);
    for (one, two) in one.comparisons.iter().zip(&two.comparisons) {
        close(one.difference.value, -two.difference.value.unwrap());
        close(
            one.difference.standard_error,
            two.difference.standard_error.unwrap(),
        );
        assert_eq!(one.p_value, two.p_value);
    }
    let same = run(&other, &other);
    assert!(
        same.comparisons
            .iter()
            .all(|c| c.difference.value == Some(0.0))
    );
    // Beside the logging policy, a comparison is a gain.
    let logging = [0.2, 0.5, 0.3, 0.6, 0.2, 0.2];
    let logging = Policy::of_all(Matrix {
        values: &logging,
        columns: 3,
    });
    let gain = run(&logging, &other);
    close(
        gain.comparisons[0].difference.value,
        gain.b.estimates[0].gain.value.unwrap(),
    );
    let (a, b) = (gain.comparisons[0].difference, gain.b.estimates[0].gain);
    close(a.standard_error, b.standard_error.unwrap());
    close(a.bootstrap.map(|r| r.low), b.bootstrap.unwrap().low);
}

#[test]
fn the_bootstrap_agrees_with_influences() {
    let made = made(4000);
    let options = Options {
        bootstrap: Some(Bootstrap::new(400)),
        ..Options::default()
    };
    let report = run(&made.log(), &made.policy(), &options).unwrap();
    for found in &report.estimates {
        let (own, again) = (
            found.value.standard_error.unwrap(),
            found.value.bootstrap.unwrap(),
        );
        assert!((again.standard_error / own - 1.0).abs() < 0.15, "{found:?}");
        assert!(again.low < found.value.value.unwrap() && again.high > found.value.value.unwrap());
    }
}
