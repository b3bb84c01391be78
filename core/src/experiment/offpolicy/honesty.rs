//! Do the estimators keep what they promise? Simulated logs whose truth is known.
//!
//! A log has two cells and five actions; propensities, policies and rewards are drawn anew for each
//! world, and a world's true value is a sum. What is asked is `evaluate` itself. `cargo xtask
//! honesty` runs all of it; the ordinary tests run a small part.

use super::super::stats::honesty::{Dice, Line, report, times};
use super::*;
use crate::control::Control;
use crate::event::IdColumn;

const ACTIONS: usize = 5;

/// What a simulation is like.
#[derive(Clone, Copy)]
struct World {
    rows: usize,
    /// Rows of one unit, whose rewards go together.
    of_unit: usize,
    /// The least probability of an action under the logging policy.
    floor: f64,
    estimator: Estimator,
}

const PLAIN: World = World {
    rows: 1000,
    of_unit: 1,
    floor: 0.08,
    estimator: Estimator::Ips,
};

/// The logging policy: each action at least `floor`, the rest by the cell.
fn logging(floor: f64, cell: usize) -> [f64; ACTIONS] {
    let rest = 1.0 - floor * ACTIONS as f64;
    std::array::from_fn(|a| floor + if a == cell { rest } else { 0.0 })
}

const POLICY: [[f64; ACTIONS]; 2] = [[0.1, 0.1, 0.2, 0.3, 0.3], [0.4, 0.1, 0.1, 0.2, 0.2]];

/// The chance of a reward.
fn chance(cell: usize, action: usize) -> f64 {
    0.1 + 0.12 * action as f64 + 0.1 * cell as f64
}

fn draw(dice: &mut Dice, shares: &[f64]) -> usize {
    let mut left = dice.share();
    for (at, share) in shares.iter().enumerate() {
        left -= share;
        if left < 0.0 {
            return at;
        }
    }
    shares.len() - 1
}

/// The true value of a policy: cells come in equal shares.
fn truth(policy: &[[f64; ACTIONS]; 2]) -> f64 {
    (0..2)
        .map(|cell| {
            (0..ACTIONS)
                .map(|a| 0.5 * policy[cell][a] * chance(cell, a))
                .sum::<f64>()
        })
        .sum()
}

/// The report on a log that is made for this, and what policy b gains over a.
fn look(
    world: World,
    dice: &mut Dice,
    against: Option<&[[f64; ACTIONS]; 2]>,
) -> (Estimated, Estimated) {
    let (mut reward, mut propensity) = (Vec::new(), Vec::new());
    let (mut action, mut cell, mut unit) = (Vec::new(), Vec::new(), Vec::new());
    let mut mood = 0.0;
    let mut own_cell = 0;
    for row in 0..world.rows {
        if row % world.of_unit == 0 {
            own_cell = usize::from(dice.flip(0.5));
            // Mean 0 over units, so that the truth stays.
            mood = if world.of_unit > 1 {
                0.1 * dice.normal()
            } else {
                0.0
            };
        }
        let shares = logging(world.floor, own_cell);
        let chosen = draw(dice, &shares);
        cell.push(own_cell as f64);
        action.push(chosen as f64);
        propensity.push(shares[chosen]);
        reward.push(f64::from(u8::from(dice.flip(chance(own_cell, chosen)))) + mood);
        unit.push((row / world.of_unit) as i64);
    }
    let mut log = Log::new(&reward, &propensity);
    log.action = Some(&action);
    log.cell = Some(&cell);
    if world.of_unit > 1 {
        log.unit = Some(IdColumn::Integer(&unit));
    }
    let flat: Vec<f64> = POLICY.iter().flatten().copied().collect();
    let policy = |values| {
        Policy::of_all(Matrix {
            values,
            columns: ACTIONS,
        })
    };
    let options = Options {
        estimators: vec![world.estimator],
        ..Options::default()
    };
    match against {
        None => {
            let report = evaluate(&log, &policy(&flat), &options, &Control::new()).unwrap();
            (report.estimates[0].value, report.estimates[0].gain)
        }
        Some(other) => {
            let other: Vec<f64> = other.iter().flatten().copied().collect();
            let (a, b) = (policy(&other), policy(&flat));
            let report = compare(&log, &a, &b, &options, &Control::new()).unwrap();
            (
                report.b.estimates[0].value,
                report.comparisons[0].difference,
            )
        }
    }
}

fn holds(found: &Estimated, truth: f64) -> bool {
    found.low.unwrap() <= truth && truth <= found.high.unwrap()
}

/// How often the interval of the value holds the truth.
fn coverage(name: &'static str, count: usize, seed: u64, world: World) -> Line {
    let value = truth(&POLICY);
    let rate = times(count, seed, |dice| holds(&look(world, dice, None).0, value));
    Line::exactly(name, count, rate, 0.95)
}

/// The mean of many estimates less the truth, in standard errors of that mean: within ±4.
fn bias(name: &'static str, count: usize, seed: u64, world: World) -> Line {
    let value = truth(&POLICY);
    let (mut sum, mut squares) = (0.0, 0.0);
    for at in 0..count {
        let mut dice = Dice::seeded(seed, at);
        let off = look(world, &mut dice, None).0.value.unwrap() - value;
        sum += off;
        squares += off * off;
    }
    let n = count as f64;
    let mean = sum / n;
    let error = libm::sqrt((squares / n - mean * mean) / n);
    Line::within(name, count, mean / error, -4.0, 4.0)
}

fn lines(count: usize) -> Vec<Line> {
    let of = |estimator| World { estimator, ..PLAIN };
    let crowd = |estimator| World {
        of_unit: 5,
        rows: 2000,
        estimator,
        ..PLAIN
    };
    let gain = truth(&POLICY)
        - (0..2)
            .map(|cell| {
                let shares = logging(PLAIN.floor, cell);
                (0..ACTIONS)
                    .map(|a| 0.5 * shares[a] * chance(cell, a))
                    .sum::<f64>()
            })
            .sum::<f64>();
    let other = [[0.2; ACTIONS]; 2];
    let gained = times(count, 60, |dice| {
        holds(&look(of(Estimator::Dr), dice, None).1, gain)
    });
    let differs = truth(&POLICY) - truth(&other);
    let compared = times(count, 61, |dice| {
        holds(&look(of(Estimator::Snips), dice, Some(&other)).1, differs)
    });
    vec![
        coverage(
            "off-policy coverage, ips, 1,000 rows",
            count,
            50,
            of(Estimator::Ips),
        ),
        coverage(
            "off-policy coverage, snips",
            count,
            51,
            of(Estimator::Snips),
        ),
        coverage(
            "off-policy coverage, dr, cross-fitted cells",
            count,
            52,
            of(Estimator::Dr),
        ),
        coverage("off-policy coverage, sndr", count, 53, of(Estimator::Sndr)),
        coverage("off-policy coverage, mrdr", count, 54, of(Estimator::Mrdr)),
        coverage(
            "off-policy coverage, ips, units of 5 rows",
            count,
            55,
            crowd(Estimator::Ips),
        ),
        coverage(
            "off-policy coverage, dr, units of 5 rows",
            count,
            56,
            crowd(Estimator::Dr),
        ),
        Line::exactly(
            "off-policy coverage, gain over the log, dr",
            count,
            gained,
            0.95,
        ),
        Line::exactly(
            "off-policy coverage, two policies, snips",
            count,
            compared,
            0.95,
        ),
        bias(
            "off-policy bias of ips, in standard errors",
            count,
            57,
            of(Estimator::Ips),
        ),
        bias(
            "off-policy bias of dr, in standard errors",
            count,
            58,
            of(Estimator::Dr),
        ),
        bias(
            "off-policy bias of mrdr, in standard errors",
            count,
            59,
            of(Estimator::Mrdr),
        ),
    ]
}

#[test]
fn a_small_part_holds() {
    let of = |estimator| World { estimator, ..PLAIN };
    report(&[
        coverage("off-policy coverage, ips", 400, 50, of(Estimator::Ips)),
        bias(
            "off-policy bias of dr, in standard errors",
            200,
            58,
            of(Estimator::Dr),
        ),
    ]);
}

#[test]
#[ignore = "takes minutes: cargo xtask honesty"]
fn everything_holds() {
    report(&lines(10_000));
}
