//! Do the tests keep what they promise? Simulated experiments without and with a difference.
//!
//! `cargo xtask honesty` runs all of it on 10,000 experiments a line and more, and prints rates
//! beside their bands; the ordinary tests run a small part. The generator is seeded, so that every
//! run prints the same. What is asked are the functions behind `analyze`, after every observation
//! where a test promises to hold under peeking.

mod data;

use super::arm::{Arm, Metric};
use super::estimate::{Estimate, of_stratum};
use super::multiple::{Correction, adjust};
use super::posterior::{Posterior, difference_quantile};
use super::special::rising_root;
use super::srm::sample_ratio;
use super::test::{Alternative, Judge, Relative, compare, mixture_for, relative};
pub(crate) use data::{Dice, times};
use data::{Kind, Running, pair, shares};

const ALPHA: f64 = 0.05;
/// Two-sided 99 % of a normal distribution.
const BAND: f64 = 2.575_829_303_548_9;
/// As the defaults of a request.
const TUNING: f64 = 5000.0;
const MIN_UNITS: u64 = 100;

/// One line of the report.
pub(crate) struct Line {
    name: &'static str,
    count: usize,
    rate: f64,
    low: f64,
    high: f64,
}

impl Line {
    /// A rate that should be exactly this: its 99 % binomial band.
    pub(crate) fn exactly(name: &'static str, count: usize, rate: f64, target: f64) -> Self {
        let half = BAND * (target * (1.0 - target) / count as f64).sqrt();
        Self {
            name,
            count,
            rate,
            low: target - half,
            high: target + half,
        }
    }

    pub(crate) fn within(name: &'static str, count: usize, rate: f64, low: f64, high: f64) -> Self {
        Self {
            name,
            count,
            rate,
            low,
            high,
        }
    }

    fn holds(&self) -> bool {
        (self.low..=self.high).contains(&self.rate)
    }
}

/// Prints the lines and stops at those that are outside.
pub(crate) fn report(lines: &[Line]) {
    println!("{:64} {:>8} {:>8}   band", "what", "times", "rate");
    for line in lines {
        println!(
            "{:64} {:>8} {:>8.5}   {:.5} to {:.5}  {}",
            line.name,
            line.count,
            line.rate,
            line.low,
            line.high,
            if line.holds() { "holds" } else { "OUTSIDE" }
        );
    }
    let outside: Vec<&str> = lines
        .iter()
        .filter(|l| !l.holds())
        .map(|l| l.name)
        .collect();
    assert!(outside.is_empty(), "outside of their bands: {outside:?}");
}

fn two(kind: Kind, dice: &mut Dice, n: u64, lift: f64) -> [Estimate; 2] {
    let arms = [kind.arm(dice, n, 1.0), kind.arm(dice, n, lift)];
    pair(kind.metric(), &arms, true)
}

/// How often a single look finds a difference that is not there.
fn false_alarms(count: usize, seed: u64, kind: Kind, n: u64, alternative: Alternative) -> f64 {
    times(count, seed, |dice| {
        let [a, b] = two(kind, dice, n, 1.0);
        compare(Judge::Fixed, alternative, ALPHA, &a, &b).is_some_and(|f| f.p_value <= ALPHA)
    })
}

/// How often the interval of the difference holds the truth.
fn coverage(count: usize, seed: u64, kind: Kind, n: u64, lift: f64) -> f64 {
    times(count, seed, |dice| {
        let [a, b] = two(kind, dice, n, lift);
        let found = compare(Judge::Fixed, Alternative::TwoSided, ALPHA, &a, &b).unwrap();
        (found.low.unwrap()..=found.high.unwrap()).contains(&kind.truth(lift))
    })
}

/// How often Fieller's interval of the relative difference holds the truth.
fn relative_coverage(count: usize, seed: u64, kind: Kind, n: u64, lift: f64) -> f64 {
    times(count, seed, |dice| {
        let [a, b] = two(kind, dice, n, lift);
        let found = compare(Judge::Fixed, Alternative::TwoSided, ALPHA, &a, &b).unwrap();
        let of = |e: &Estimate| (e.centre, e.variance());
        let ends = relative(Relative::Fieller, found.reach, of(&a), of(&b));
        ends.is_some_and(|(low, high)| (low..=high).contains(&(lift - 1.0)))
    })
}

/// How often a test is significant at any of all looks, one after each of `units` observations,
/// which come to the arms by chance; or, with a difference, how often the interval ever fails.
fn peeking(
    count: usize,
    seed: u64,
    kind: Kind,
    units: u64,
    lift: f64,
    judge: Judge,
    alternative: Alternative,
) -> f64 {
    let truth = kind.truth(lift);
    let one_sided = alternative != Alternative::TwoSided;
    times(count, seed, |dice| {
        let mut running = [Running::new(), Running::new()];
        let mut successes = [0u64; 2];
        for _ in 0..units {
            let at = usize::from(dice.flip(0.5));
            let values = kind.unit(dice, if at == 1 { lift } else { 1.0 });
            match kind {
                Kind::Share(_) => {
                    running[at].n += 1;
                    successes[at] += u64::from(values[0] > 0.0);
                }
                _ => running[at].add(values),
            }
            if running[0].n.min(running[1].n) < MIN_UNITS {
                continue;
            }
            let arms = match kind {
                Kind::Share(_) => [0, 1].map(|i: usize| shares(running[i].n, successes[i])),
                _ => [0, 1].map(|i: usize| running[i].arm(matches!(kind, Kind::Known))),
            };
            let [a, b] = pair(kind.metric(), &arms, true);
            let Some(found) = quick(judge, alternative, &a, &b, truth, one_sided) else {
                continue;
            };
            if found {
                return true;
            }
        }
        false
    })
}

/// Whether the interval misses the truth, which for no difference is significance. One-sided
/// intervals need a root, so that the p-value is asked for instead.
fn quick(
    judge: Judge,
    alternative: Alternative,
    a: &Estimate,
    b: &Estimate,
    truth: f64,
    one_sided: bool,
) -> Option<bool> {
    let units = (a.n + b.n) as f64;
    if one_sided && matches!(judge, Judge::Always(_)) {
        let found = judge.p_value(
            (b.centre - a.centre) / (a.variance() + b.variance()).sqrt(),
            units,
            f64::INFINITY,
            alternative,
        );
        return Some(found <= ALPHA);
    }
    let variance = a.variance() + b.variance();
    if variance <= 0.0 {
        return None;
    }
    // The quantile of t is that of the normal from 100 units an arm on, but for 2 %: the fixed
    // test is only here to show what peeking does to it.
    let reach = judge.reach(units, f64::INFINITY, ALPHA, false);
    Some((b.centre - a.centre - truth).abs() >= reach * variance.sqrt())
}

fn always() -> Judge {
    Judge::Always(mixture_for(TUNING, ALPHA))
}

/// Lines on single looks.
fn fixed(count: usize) -> Vec<Line> {
    let two_sided = Alternative::TwoSided;
    let alarms = |name, seed, kind, n, alternative| {
        Line::exactly(
            name,
            count,
            false_alarms(count, seed, kind, n, alternative),
            ALPHA,
        )
    };
    let covers = |name, seed, kind, n, lift| {
        Line::exactly(
            name,
            count,
            coverage(count, seed, kind, n, lift),
            1.0 - ALPHA,
        )
    };
    vec![
        alarms(
            "A/A, shares of 10 %, 2,000 units an arm",
            1,
            Kind::Share(0.1),
            2000,
            two_sided,
        ),
        alarms(
            "A/A, shares of 10 %, greater",
            2,
            Kind::Share(0.1),
            2000,
            Alternative::Greater,
        ),
        alarms(
            "A/A, shares of 10 %, less",
            3,
            Kind::Share(0.1),
            2000,
            Alternative::Less,
        ),
        alarms(
            "A/A, exponential means, 500 units an arm",
            4,
            Kind::Waiting,
            500,
            two_sided,
        ),
        alarms(
            "A/A, skewed money, 1,000 units an arm",
            5,
            Kind::Money,
            1000,
            two_sided,
        ),
        alarms(
            "A/A, ratios by the delta method, 500 units an arm",
            6,
            Kind::Clicks,
            500,
            two_sided,
        ),
        alarms(
            "A/A, CUPED, 200 units an arm",
            7,
            Kind::Known,
            200,
            two_sided,
        ),
        alarms(
            "A/A, exponential means, 2,000 units an arm, greater",
            8,
            Kind::Waiting,
            2000,
            Alternative::Greater,
        ),
        covers(
            "coverage, shares of 10 and 12 %",
            9,
            Kind::Share(0.1),
            2000,
            1.2,
        ),
        covers("coverage, exponential means", 10, Kind::Waiting, 500, 1.1),
        covers("coverage, ratios", 11, Kind::Clicks, 500, 1.1),
        covers("coverage, CUPED", 12, Kind::Known, 200, 1.02),
        Line::exactly(
            "coverage of the relative difference (Fieller), shares",
            count,
            relative_coverage(count, 13, Kind::Share(0.1), 2000, 1.2),
            0.95,
        ),
        Line::exactly(
            "coverage of the relative difference (Fieller), means",
            count,
            relative_coverage(count, 14, Kind::Waiting, 500, 1.1),
            0.95,
        ),
    ]
}

/// Lines on several arms, the split, beliefs and CUPED.
fn others(count: usize) -> Vec<Line> {
    let holm = times(count, 20, |dice| {
        let arms: Vec<Arm> = (0..4)
            .map(|_| Kind::Share(0.2).arm(dice, 1000, 1.0))
            .collect();
        let found = of_stratum(Metric::Proportion, &arms, false, true).0;
        let p_values: Vec<f64> = found[1..]
            .iter()
            .map(|b| {
                compare(Judge::Fixed, Alternative::TwoSided, ALPHA, &found[0], b)
                    .unwrap()
                    .p_value
            })
            .collect();
        let adjusted = adjust(&p_values, Correction::Holm).unwrap();
        adjusted.iter().any(|&p| p <= ALPHA)
    });
    let split = times(count, 21, |dice| {
        let mut counts = [0u64; 3];
        for _ in 0..3000 {
            let x = dice.share();
            counts[usize::from(x > 0.5) + usize::from(x > 0.8)] += 1;
        }
        sample_ratio(&counts, &[0.5, 0.3, 0.2], ALPHA)
            .unwrap()
            .mismatch
    });
    let watched = times(count, 22, |dice| {
        let mut counts = [0u64; 2];
        (0..10_000).any(|_| {
            counts[usize::from(dice.flip(0.5))] += 1;
            sample_ratio(&counts, &[1.0, 1.0], ALPHA)
                .unwrap()
                .p_value_any_time
                <= ALPHA
        })
    });
    // A truth drawn from the prior lies in the credible interval as often as that says.
    let beliefs = count / 10;
    let credible = times(beliefs, 23, |dice| {
        // Beta(2, 20) by its quantiles.
        let prior = Posterior::Beta { a: 2.0, b: 20.0 };
        let mut arm = || {
            let p = prior.quantile(dice.share());
            let successes = (0..200).filter(|_| dice.flip(p)).count() as f64;
            (
                p,
                Posterior::Beta {
                    a: 2.0 + successes,
                    b: 20.0 + 200.0 - successes,
                },
            )
        };
        let ((p, a), (q, b)) = (arm(), arm());
        let [low, high] = [0.025, 0.975].map(|share| difference_quantile(a, b, share));
        (low..=high).contains(&(q - p))
    });
    // Both variances of the same experiments.
    let mut sums = [Running::new(), Running::new()];
    for at in 0..count {
        let mut dice = Dice(24 << 32 | at as u64);
        let arms = [0, 1].map(|_| Kind::Known.arm(&mut dice, 200, 1.0));
        let apart = |cuped| {
            let [a, b] = pair(Metric::Mean, &arms, cuped);
            b.value - a.value
        };
        sums[0].add([apart(false), 0.0, 0.0]);
        sums[1].add([apart(true), 0.0, 0.0]);
    }
    let ratio = sums[1].sums[0][0] / sums[0].sums[0][0];
    // ln of the ratio of two variances with correlation √(1 − ρ²): sd 2ρ/√count.
    let half = BAND * 2.0 * 0.6 / (count as f64).sqrt();
    let target: f64 = 1.0 - 0.6 * 0.6;
    vec![
        Line::within(
            "A/A/A/A, Holm: any false alarm",
            count,
            holm,
            0.0,
            Line::exactly("", count, 0.0, ALPHA).high,
        ),
        Line::exactly(
            "the split of 3,000 units: false alarms at 0.05",
            count,
            split,
            ALPHA,
        ),
        Line::within(
            "the split, looked at after each of 10,000 units",
            count,
            watched,
            0.0,
            ALPHA,
        ),
        Line::exactly(
            "credible intervals, truths drawn from the prior",
            beliefs,
            credible,
            0.95,
        ),
        Line::within(
            "CUPED: variance left, which is 1 - 0.6^2",
            count,
            ratio,
            target * libm::exp(-half),
            target * libm::exp(half),
        ),
    ]
}

/// Lines on looks after every observation.
fn peeked(count: usize, units: u64) -> Vec<Line> {
    let run = |name, seed, kind, lift, judge, alternative| {
        let rate = peeking(count, seed, kind, units, lift, judge, alternative);
        Line::within(name, count, rate, 0.0, ALPHA)
    };
    let two_sided = Alternative::TwoSided;
    let mut lines = vec![
        run(
            "peeking, A/A, shares of 0.5 %",
            30,
            Kind::Share(0.005),
            1.0,
            always(),
            two_sided,
        ),
        run(
            "peeking, A/A, shares of 2 %",
            31,
            Kind::Share(0.02),
            1.0,
            always(),
            two_sided,
        ),
        run(
            "peeking, A/A, shares of 10 %",
            32,
            Kind::Share(0.1),
            1.0,
            always(),
            two_sided,
        ),
        run(
            "peeking, A/A, shares of 50 %",
            33,
            Kind::Share(0.5),
            1.0,
            always(),
            two_sided,
        ),
        run(
            "peeking, A/A, shares of 10 %, greater",
            34,
            Kind::Share(0.1),
            1.0,
            always(),
            Alternative::Greater,
        ),
        run(
            "peeking, A/A, exponential means",
            35,
            Kind::Waiting,
            1.0,
            always(),
            two_sided,
        ),
        run(
            "peeking, A/A, skewed money",
            36,
            Kind::Money,
            1.0,
            always(),
            two_sided,
        ),
        run(
            "peeking, A/A, ratios",
            37,
            Kind::Clicks,
            1.0,
            always(),
            two_sided,
        ),
        run(
            "peeking, A/A, CUPED",
            38,
            Kind::Known,
            1.0,
            always(),
            two_sided,
        ),
        run(
            "confidence sequence ever misses, shares of 10 and 13 %",
            39,
            Kind::Share(0.1),
            1.3,
            always(),
            two_sided,
        ),
        run(
            "confidence sequence ever misses, exponential means + 20 %",
            40,
            Kind::Waiting,
            1.2,
            always(),
            two_sided,
        ),
    ];
    // What it is for: the same looks with a test that is made for one.
    let naive = peeking(
        count / 10,
        41,
        Kind::Share(0.1),
        units,
        1.0,
        Judge::Fixed,
        two_sided,
    );
    lines.push(Line::within(
        "for comparison: peeking with the fixed test",
        count / 10,
        naive,
        0.2,
        1.0,
    ));
    lines
}

#[test]
fn a_small_part_holds() {
    report(&fixed(1000)[..4]);
    report(&peeked(100, 1500)[2..3]);
}

#[test]
#[ignore = "takes minutes: cargo xtask honesty"]
fn everything_holds() {
    let mut lines = fixed(20_000);
    lines.extend(others(10_000));
    lines.extend(peeked(10_000, 10_000));
    report(&lines);
    // The generator itself, by the median of what it draws.
    let mut dice = Dice(1);
    let median = rising_root(0.0, 1.0, |x| {
        let mut own = Dice(1);
        (0..10_000).filter(|_| own.share() < x).count() as f64 - 5000.0
    });
    assert!((median - 0.5).abs() < 0.02 && dice.share() > 0.0);
}
