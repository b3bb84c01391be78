//! Made-up units: a generator, kinds of data with known truths, and running moments.

use super::super::arm::{Arm, Metric};
use super::super::estimate::{Estimate, of_stratum};
use super::super::special::normal_quantile;

/// SplitMix64 (Steele, Lea & Flood 2014).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// The generator of one experiment of several.
    pub(crate) fn seeded(seed: u64, experiment: usize) -> Self {
        let mut dice = Self(seed << 32 ^ experiment as u64);
        dice.next();
        Self(dice.next())
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Above 0 and below 1.
    pub(crate) fn share(&mut self) -> f64 {
        ((self.next() >> 12) as f64 + 0.5) / (1u64 << 52) as f64
    }

    pub(crate) fn normal(&mut self) -> f64 {
        normal_quantile(self.share())
    }

    pub(crate) fn flip(&mut self, share: f64) -> bool {
        self.share() < share
    }
}

/// How many of `count` experiments come out true; each has a generator of its own.
pub(crate) fn times(count: usize, seed: u64, experiment: impl Fn(&mut Dice) -> bool + Sync) -> f64 {
    let threads = 4;
    let run = |from: usize| {
        let own = (from..count).step_by(threads);
        own.filter(|&at| experiment(&mut Dice::seeded(seed, at)))
            .count()
    };
    let run = &run;
    let found: usize = std::thread::scope(|scope| {
        let parts: Vec<_> = (0..threads)
            .map(|from| scope.spawn(move || run(from)))
            .collect();
        parts.into_iter().map(|part| part.join().unwrap()).sum()
    });
    found as f64 / count as f64
}

/// Running moments of value, denominator and covariate (Welford 1962).
#[derive(Clone)]
pub(super) struct Running {
    pub(super) n: u64,
    means: [f64; 3],
    pub(super) sums: [[f64; 3]; 3],
}

impl Running {
    pub(super) fn new() -> Self {
        Self {
            n: 0,
            means: [0.0; 3],
            sums: [[0.0; 3]; 3],
        }
    }

    pub(super) fn add(&mut self, values: [f64; 3]) {
        self.n += 1;
        let before: Vec<f64> = values.iter().zip(self.means).map(|(v, m)| v - m).collect();
        for (mean, off) in self.means.iter_mut().zip(&before) {
            *mean += off / self.n as f64;
        }
        for (i, row) in self.sums.iter_mut().enumerate() {
            for (j, sum) in row.iter_mut().enumerate() {
                *sum += before[i] * (values[j] - self.means[j]);
            }
        }
    }

    pub(super) fn arm(&self, covariate: bool) -> Arm {
        let over = |s: f64| s / (self.n.max(2) - 1) as f64;
        let [value, denominator, own] = self.means;
        Arm {
            name: String::new(),
            n: self.n,
            unit: None,
            means: [value, denominator, own],
            covariances: self.sums.map(|row| row.map(over)),
            covariate,
            successes: None,
        }
    }
}

pub(super) fn shares(n: u64, successes: u64) -> Arm {
    let (units, own) = (n as f64, successes as f64);
    let mut covariances = [[0.0; 3]; 3];
    covariances[0][0] = own * (units - own) / (units * (units - 1.0));
    Arm {
        name: String::new(),
        n,
        unit: None,
        means: [own / units, 1.0, 0.0],
        covariances,
        covariate: false,
        successes: Some(successes),
    }
}

pub(super) fn pair(metric: Metric, arms: &[Arm; 2], cuped: bool) -> [Estimate; 2] {
    let mut found = of_stratum(metric, arms, cuped, true).0.into_iter();
    [found.next().unwrap(), found.next().unwrap()]
}

/// The kinds of data, each with its true difference from the control.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Share(f64),
    /// Exponential waiting times: skewed.
    Waiting,
    /// Money: a few buy, and of them a few buy much (skewness 8).
    Money,
    /// Sums of clicks over sums of views.
    Clicks,
    /// A normal value, of which the covariate knows ρ = 0.6.
    Known,
}

impl Kind {
    pub(super) fn metric(self) -> Metric {
        match self {
            Self::Share(_) => Metric::Proportion,
            Self::Clicks => Metric::Ratio,
            _ => Metric::Mean,
        }
    }

    /// One unit's columns; `lift` multiplies the mean.
    pub(super) fn unit(self, dice: &mut Dice, lift: f64) -> [f64; 3] {
        match self {
            Self::Share(p) => [f64::from(u8::from(dice.flip(p * lift))), 1.0, 0.0],
            Self::Waiting => [-libm::log(dice.share()) * lift, 1.0, 0.0],
            Self::Money => {
                let buys = dice.flip(0.3);
                let spent = libm::exp(0.8 * dice.normal());
                [if buys { spent * lift } else { 0.0 }, 1.0, 0.0]
            }
            Self::Clicks => {
                // A unit's own rate, and its own number of views.
                let views = 1.0 + libm::floor(-6.0 * libm::log(dice.share()));
                let rate = 0.1 + 0.2 * dice.share();
                let clicks = (0..views as usize)
                    .filter(|_| dice.flip(rate * lift))
                    .count();
                [clicks as f64, views, 0.0]
            }
            Self::Known => {
                let known = dice.normal();
                let value = 10.0 * lift + 0.6 * known + 0.8 * dice.normal();
                [value, 1.0, known]
            }
        }
    }

    pub(super) fn arm(self, dice: &mut Dice, n: u64, lift: f64) -> Arm {
        let mut running = Running::new();
        for _ in 0..n {
            running.add(self.unit(dice, lift));
        }
        match self {
            Self::Share(_) => shares(n, (running.means[0] * n as f64).round() as u64),
            _ => running.arm(matches!(self, Self::Known)),
        }
    }

    /// The true difference of two arms.
    pub(super) fn truth(self, lift: f64) -> f64 {
        let one = match self {
            Self::Share(p) => p,
            Self::Waiting => 1.0,
            Self::Money => 0.3 * libm::exp(0.32),
            Self::Clicks => 0.2,
            Self::Known => 10.0,
        };
        one * (lift - 1.0)
    }
}
