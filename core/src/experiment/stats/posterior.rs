//! Posteriors and what is asked of them, by quadrature that gives the same bits everywhere.
//!
//! Integrals run over panels that follow the posteriors' spread, 16 Gauss–Legendre points each. A
//! share is integrated over the angle φ with p = sin² φ, where a Beta density with parameters of
//! 1/2 and more is bounded.

use std::f64::consts::FRAC_PI_2;

use super::special::{beta_cdf, beta_density, integrate, normal_cdf, normal_density, rising_root};

/// The belief about one arm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Posterior {
    Beta { a: f64, b: f64 },
    Normal { mean: f64, sd: f64 },
}

/// Where panels end, in standard deviations from the mean: far enough for a skewed tail.
const ENDS: [f64; 10] = [0.7, 1.5, 2.5, 4.0, 6.0, 9.0, 14.0, 22.0, 34.0, 50.0];

impl Posterior {
    pub(crate) fn mean(self) -> f64 {
        match self {
            Self::Beta { a, b } => a / (a + b),
            Self::Normal { mean, .. } => mean,
        }
    }

    fn sd(self) -> f64 {
        match self {
            Self::Beta { a, b } => {
                let n = a + b;
                libm::sqrt(a / n * (b / n) / (n + 1.0))
            }
            Self::Normal { sd, .. } => sd,
        }
    }

    /// (P(θ ≤ x), P(θ > x)).
    fn split(self, x: f64) -> (f64, f64) {
        match self {
            Self::Beta { a, b } => beta_cdf(a, b, x, 1.0 - x),
            Self::Normal { mean, sd } => {
                let z = (x - mean) / sd;
                (normal_cdf(z), normal_cdf(-z))
            }
        }
    }

    fn density(self, x: f64) -> f64 {
        match self {
            Self::Beta { a, b } => beta_density(a, b, x, 1.0 - x),
            Self::Normal { mean, sd } => normal_density((x - mean) / sd) / sd,
        }
    }

    /// The ends of this posterior's panels.
    fn ends(self) -> impl Iterator<Item = f64> {
        let (mean, sd) = (self.mean(), self.sd());
        let (low, high) = match self {
            Self::Beta { .. } => (0.0, 1.0),
            Self::Normal { .. } => (f64::NEG_INFINITY, f64::INFINITY),
        };
        let around = ENDS
            .into_iter()
            .flat_map(move |k| [mean - k * sd, mean + k * sd]);
        around
            .chain([mean, low, high])
            .map(move |x| x.clamp(low, high))
            .filter(|x| x.is_finite())
    }

    /// The quantile of one posterior.
    pub(crate) fn quantile(self, p: f64) -> f64 {
        let (low, high) = self.bounds();
        rising_root(low, high, |x| {
            let (below, above) = self.split(x);
            // The smaller of the two keeps its digits.
            if p <= 0.5 {
                below - p
            } else {
                (1.0 - p) - above
            }
        })
    }

    fn bounds(self) -> (f64, f64) {
        match self {
            Self::Beta { .. } => (0.0, 1.0),
            Self::Normal { mean, sd } => (mean - 40.0 * sd, mean + 40.0 * sd),
        }
    }
}

/// The integral of `f` over all panels; `shares` says whether x is a share.
fn over(mut ends: Vec<f64>, shares: bool, mut f: impl FnMut(f64) -> f64) -> f64 {
    ends.sort_unstable_by(f64::total_cmp);
    ends.dedup();
    let angle = |x: f64| {
        if x <= 0.0 {
            0.0
        } else if x >= 1.0 {
            FRAC_PI_2
        } else {
            libm::asin(libm::sqrt(x))
        }
    };
    let mut sum = 0.0;
    for (&low, &high) in ends.iter().zip(ends.iter().skip(1)) {
        sum += if shares {
            integrate(angle(low), angle(high), |phi| {
                let (sine, cosine) = (libm::sin(phi), libm::cos(phi));
                2.0 * sine * cosine * f(sine * sine)
            })
        } else {
            integrate(low, high, &mut f)
        };
    }
    sum
}

fn are_shares(posterior: Posterior) -> bool {
    matches!(posterior, Posterior::Beta { .. })
}

/// The chance that `b` is above `a`.
pub(crate) fn chance_above(a: Posterior, b: Posterior) -> f64 {
    if let (Posterior::Normal { mean: ma, sd: sa }, Posterior::Normal { mean: mb, sd: sb }) = (a, b)
    {
        return normal_cdf((mb - ma) / libm::sqrt(sa * sa + sb * sb));
    }
    let chance = over(a.ends().chain(b.ends()).collect(), are_shares(a), |x| {
        times(b.density(x), || a.split(x).0)
    });
    chance.min(1.0)
}

/// The expectation of max(a − b, 0): what is lost by choosing b.
pub(crate) fn expected_loss(a: Posterior, b: Posterior) -> f64 {
    if let (Posterior::Normal { mean: ma, sd: sa }, Posterior::Normal { mean: mb, sd: sb }) = (a, b)
    {
        let sd = libm::sqrt(sa * sa + sb * sb);
        let z = (mb - ma) / sd;
        return (sd * (normal_density(z) - z * normal_cdf(-z))).max(0.0);
    }
    over(a.ends().chain(b.ends()).collect(), are_shares(a), |x| {
        times(b.split(x).0, || a.split(x).1)
    })
}

/// The quantile of b − a.
pub(crate) fn difference_quantile(a: Posterior, b: Posterior, p: f64) -> f64 {
    if let (Posterior::Normal { mean: ma, sd: sa }, Posterior::Normal { mean: mb, sd: sb }) = (a, b)
    {
        let z = super::special::normal_quantile(p);
        return mb - ma + z * libm::sqrt(sa * sa + sb * sb);
    }
    // P(b − a ≤ d) = ∫ f_a(x) F_b(x + d) dx
    let below = |d: f64| {
        let moved = b.ends().map(|x| (x - d).clamp(0.0, 1.0));
        over(a.ends().chain(moved).collect(), true, |x| {
            times(a.density(x), || b.split(x + d).0)
        })
    };
    let above = |d: f64| {
        let moved = b.ends().map(|x| (x - d).clamp(0.0, 1.0));
        over(a.ends().chain(moved).collect(), true, |x| {
            times(a.density(x), || b.split(x + d).1)
        })
    };
    around(b.mean() - a.mean(), spread(a, b), (-1.0, 1.0), |d| {
        if p <= 0.5 {
            below(d) - p
        } else {
            (1.0 - p) - above(d)
        }
    })
}

/// The quantile of b/a, for shares.
pub(crate) fn ratio_quantile(a: Posterior, b: Posterior, p: f64) -> f64 {
    // P(b ≤ r a) = ∫ f_a(x) F_b(r x) dx
    let side = |r: f64, upper: bool| {
        let moved = b.ends().map(|x| (x / r).clamp(0.0, 1.0));
        over(a.ends().chain(moved).collect(), true, |x| {
            times(a.density(x), || {
                let (below, above) = b.split(r * x);
                if upper { above } else { below }
            })
        })
    };
    let ratio = b.mean() / a.mean();
    let relative = a.sd() / a.mean() + b.sd() / b.mean();
    around(ratio, ratio * relative, (1e-300, 1e300), |r| {
        if p <= 0.5 {
            side(r, false) - p
        } else {
            (1.0 - p) - side(r, true)
        }
    })
}

fn spread(a: Posterior, b: Posterior) -> f64 {
    libm::sqrt(a.sd() * a.sd() + b.sd() * b.sd())
}

/// A root of a rising function, sought near a guess first.
fn around(guess: f64, width: f64, ends: (f64, f64), mut f: impl FnMut(f64) -> f64) -> f64 {
    let (mut low, mut high) = (guess, guess);
    let mut step = 2.0 * width;
    let down = f(guess) > 0.0;
    for _ in 0..1100 {
        if down {
            // Where the end is 0 and belongs to no ratio, quarters lead there.
            let next = low - step;
            (high, low) = (
                low,
                if next > ends.0 {
                    next
                } else {
                    if ends.0 < 0.0 {
                        ends.0
                    } else {
                        ends.0.max(0.25 * low)
                    }
                },
            );
            if f(low) <= 0.0 || low <= ends.0 {
                break;
            }
        } else {
            (low, high) = (high, (high + step).min(ends.1));
            if f(high) >= 0.0 || high >= ends.1 {
                break;
            }
        }
        step *= 2.0;
    }
    rising_root(low, high, f)
}

/// first · second, where the second is not asked for what vanishes anyway.
fn times(first: f64, second: impl FnOnce() -> f64) -> f64 {
    if first < 1e-30 { 0.0 } else { first * second() }
}

/// For each arm: the chance that it is the best, and what is lost on average by choosing it
/// instead of the best.
pub(crate) fn best_of(arms: &[Posterior]) -> Vec<(f64, f64)> {
    let shares = arms.first().is_some_and(|&arm| are_shares(arm));
    let ends: Vec<f64> = arms.iter().flat_map(|arm| arm.ends()).collect();
    let one = |(at, &arm): (usize, &Posterior)| {
        let others = || arms.iter().enumerate().filter(move |(i, _)| *i != at);
        let chance = over(ends.clone(), shares, |x| {
            times(arm.density(x), || {
                others().fold(1.0, |product, (_, other)| product * other.split(x).0)
            })
        });
        let loss = over(ends.clone(), shares, |x| {
            times(arm.split(x).0, || {
                // 1 − Π Fⱼ without cancellation.
                others().fold(0.0, |any, (_, other)| {
                    let above = other.split(x).1;
                    any + above - any * above
                })
            })
        });
        (chance.min(1.0), loss)
    };
    arms.iter().enumerate().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beta(a: f64, b: f64) -> Posterior {
        Posterior::Beta { a, b }
    }

    fn near(a: f64, b: f64, tolerance: f64) {
        assert!((a - b).abs() <= tolerance * b.abs(), "{a} {b}");
    }

    /// P(B > A) by Miller's sum (2015), for whole parameters of B.
    fn by_sum(a: (f64, f64), b: (u32, f64)) -> f64 {
        let ln_beta = |p: f64, q: f64| libm::lgamma(p) + libm::lgamma(q) - libm::lgamma(p + q);
        let terms = (0..b.0).map(|i| {
            let i = f64::from(i);
            libm::exp(
                ln_beta(a.0 + i, a.1 + b.1)
                    - libm::log(b.1 + i)
                    - ln_beta(1.0 + i, b.1)
                    - ln_beta(a.0, a.1),
            )
        });
        terms.sum()
    }

    #[test]
    fn chances_by_a_closed_sum() {
        for (a, b) in [
            ((1.0, 1.0), (1, 1.0)),
            ((50.0, 52.0), (52, 50.0)),
            ((11.0, 991.0), (25, 977.0)),
            ((0.5, 0.5), (3, 7.0)),
            ((101.0, 9_901.0), (131, 9_871.0)),
        ] {
            let chance = chance_above(beta(a.0, a.1), beta(f64::from(b.0), b.1));
            near(chance, by_sum(a, b), 1e-10);
        }
    }

    #[test]
    fn losses_of_two_arms_differ_by_the_means() {
        for (a, b) in [
            (beta(50.0, 52.0), beta(52.0, 50.0)),
            (beta(1.0, 30.0), beta(1.0, 1.0)),
            (beta(4_001.0, 96_001.0), beta(4_103.0, 95_899.0)),
        ] {
            let apart = expected_loss(a, b) - expected_loss(b, a);
            assert!((apart - (a.mean() - b.mean())).abs() < 1e-13);
            let best = best_of(&[a, b]);
            near(best[1].0, chance_above(a, b), 1e-11);
            near(best[1].1, expected_loss(a, b), 1e-11);
        }
        let normal = |mean, sd| Posterior::Normal { mean, sd };
        let arms = [normal(1.0, 0.2), normal(1.1, 0.1), normal(0.9, 0.4)];
        let best = best_of(&arms);
        near(best.iter().map(|b| b.0).sum(), 1.0, 1e-12);
        let two = best_of(&arms[..2]);
        near(two[1].0, chance_above(arms[0], arms[1]), 1e-11);
        near(two[1].1, expected_loss(arms[0], arms[1]), 1e-10);
    }

    #[test]
    fn quantiles_of_even_beliefs() {
        // Two uniform shares: b − a has a triangle's distribution, b/a half its mass below 1.
        let even = beta(1.0, 1.0);
        near(difference_quantile(even, even, 0.125), -0.5, 1e-12);
        near(difference_quantile(even, even, 0.875), 0.5, 1e-12);
        near(ratio_quantile(even, even, 0.25), 0.5, 1e-12);
        near(ratio_quantile(even, even, 0.75), 2.0, 1e-12);
        near(beta(2.0, 1.0).quantile(0.25), 0.5, 1e-12);
    }
}
