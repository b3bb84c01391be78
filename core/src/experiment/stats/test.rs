//! The tests themselves: from two estimates to a difference, its interval and its p-value.

use super::estimate::Estimate;
use super::special::{
    normal_cdf, normal_quantile, rising_root, t_sf, t_two_sided, t_two_sided_quantile,
};

/// What a test looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Alternative {
    /// The arm differs from the control, in either direction.
    TwoSided,
    /// The arm is above the control.
    Greater,
    /// The arm is below the control.
    Less,
}

/// How a difference is judged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Judge {
    /// Once, at a number of units that was fixed before: Welch's t-test, or the normal test of
    /// proportions.
    Fixed,
    /// At any time and any number of times: the normal mixture with this variance (ρ²).
    Always(f64),
}

/// What a test found of the absolute difference.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Found {
    pub(crate) standard_error: f64,
    pub(crate) p_value: f64,
    /// Ends of the interval; `None` where it is open.
    pub(crate) low: Option<f64>,
    pub(crate) high: Option<f64>,
    /// Half the interval, in standard errors.
    pub(crate) reach: f64,
}

/// The variance of the mixture that makes confidence sequences tightest near `units` units in
/// all, at level `alpha` (Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas 2024, "Time-uniform
/// central limit theory and asymptotic confidence sequences", appendix B.2).
pub(crate) fn mixture_for(units: f64, alpha: f64) -> f64 {
    let two = -2.0 * libm::log(alpha);
    (two + libm::log(two + 1.0)) / units
}

/// ln of the evidence against no difference at `z` standard errors: a likelihood ratio with a
/// normal mixture (two-sided), or with its positive half (one-sided). x = n ρ².
fn ln_evidence(z: f64, x: f64, one_sided: bool) -> f64 {
    let even = 0.5 * z * z * x / (x + 1.0) - 0.5 * libm::log1p(x);
    if one_sided {
        even + libm::log(2.0 * normal_cdf(z * libm::sqrt(x / (x + 1.0))))
    } else {
        even
    }
}

impl Judge {
    /// How many standard errors an interval reaches, at level `alpha` on each side that is closed.
    pub(crate) fn reach(self, units: f64, freedom: f64, alpha: f64, one_sided: bool) -> f64 {
        match self {
            Self::Fixed => {
                t_two_sided_quantile(if one_sided { 2.0 * alpha } else { alpha }, freedom)
            }
            Self::Always(rho) => {
                let x = units * rho;
                let two =
                    libm::sqrt(2.0 * (x + 1.0) / x * (0.5 * libm::log1p(x) - libm::log(alpha)));
                if one_sided {
                    let bound = -libm::log(alpha);
                    rising_root(0.0, two, |z| ln_evidence(z, x, true) - bound)
                } else {
                    two
                }
            }
        }
    }

    pub(crate) fn p_value(self, z: f64, units: f64, freedom: f64, alternative: Alternative) -> f64 {
        let sided = match alternative {
            Alternative::TwoSided => None,
            Alternative::Greater => Some(z),
            Alternative::Less => Some(-z),
        };
        match (self, sided) {
            (Self::Fixed, None) => t_two_sided(z, freedom),
            (Self::Fixed, Some(z)) if freedom == f64::INFINITY => normal_cdf(-z),
            (Self::Fixed, Some(z)) => t_sf(z, freedom),
            (Self::Always(rho), sided) => {
                let ln = ln_evidence(sided.unwrap_or(z), units * rho, sided.is_some());
                libm::exp(-ln).min(1.0)
            }
        }
    }
}

/// The degrees of freedom of a sum of independent variances (Welch 1947; Satterthwaite 1946).
pub(crate) fn freedom(parts: impl Iterator<Item = (f64, f64)>) -> f64 {
    let (mut sum, mut squares) = (0.0, 0.0);
    for (variance, freedom) in parts {
        sum += variance;
        squares += variance * variance / freedom;
    }
    if squares > 0.0 {
        sum * sum / squares
    } else {
        f64::INFINITY
    }
}

/// Compares `b` with the control `a`; `None` if there is no variance at all to compare by.
pub(crate) fn compare(
    judge: Judge,
    alternative: Alternative,
    alpha: f64,
    a: &Estimate,
    b: &Estimate,
) -> Option<Found> {
    let parts = || a.parts.iter().chain(&b.parts).copied();
    let variance: f64 = parts().map(|(variance, _)| variance).sum();
    if !(variance > 0.0 && variance.is_finite()) {
        return None;
    }
    let standard_error = libm::sqrt(variance);
    let freedom = freedom(parts());
    let difference = b.centre - a.centre;
    let units = (a.n + b.n) as f64;
    let one_sided = alternative != Alternative::TwoSided;
    let reach = judge.reach(units, freedom, alpha, one_sided);
    let end = |sign: f64| difference + sign * reach * standard_error;
    Some(Found {
        standard_error,
        p_value: judge.p_value(difference / standard_error, units, freedom, alternative),
        low: (alternative != Alternative::Less).then(|| end(-1.0)),
        high: (alternative != Alternative::Greater).then(|| end(1.0)),
        reach,
    })
}

/// How the interval of a relative difference is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Relative {
    /// Fieller's theorem (1954): the ratios that the test of `b − r·a` does not refuse. It agrees
    /// with the absolute interval on whether there is a difference.
    Fieller,
    /// The delta method: symmetric, and too short where the control is near zero.
    Delta,
}

/// The ends of the relative difference b/a − 1 at `reach` standard errors; `None` where the
/// control is not surely above zero, so that the interval would have no end.
pub(crate) fn relative(
    method: Relative,
    reach: f64,
    a: (f64, f64),
    b: (f64, f64),
) -> Option<(f64, f64)> {
    let ((a, va), (b, vb)) = (a, b);
    if a <= 0.0 {
        return None;
    }
    match method {
        Relative::Delta => {
            let ratio = b / a;
            let half = reach * libm::sqrt(vb + ratio * ratio * va) / a;
            Some((ratio - half - 1.0, ratio + half - 1.0))
        }
        Relative::Fieller => {
            let square = reach * reach;
            let lead = a * a - square * va;
            if lead <= 0.0 {
                return None;
            }
            // (ab)² − lead · (b² − z² vb), without the difference of large numbers.
            let under = square * (a * a * vb + b * b * va - square * va * vb);
            let root = libm::sqrt(under.max(0.0));
            // Less 1, in the same fraction.
            let middle = a * (b - a) + square * va;
            Some(((middle - root) / lead, (middle + root) / lead))
        }
    }
}

/// The chance that a difference of `z` standard errors is found.
pub(crate) fn power_at(z: f64, reach: f64, one_sided: bool) -> f64 {
    let up = normal_cdf(z - reach);
    if one_sided {
        up
    } else {
        up + normal_cdf(-z - reach)
    }
}

/// How many standard errors a difference must be to be found with chance `power`.
pub(crate) fn needed(power: f64, reach: f64, one_sided: bool) -> f64 {
    let one = reach + normal_quantile(power);
    if one_sided {
        return one;
    }
    // The other tail helps a little: less is needed, and never more than `one`.
    if power_at(0.0, reach, false) >= power {
        return 0.0;
    }
    rising_root(0.0, one.max(1e-9) * (1.0 + 1e-9), |z| {
        power_at(z, reach, false) - power
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fieller_agrees_with_the_test_on_zero() {
        for b in [0.8, 0.95, 1.0, 1.05, 1.39, 1.4, 1.7] {
            let (va, vb) = (0.01, 0.03);
            let (low, high) = relative(Relative::Fieller, 1.96, (1.0, va), (b, vb)).unwrap();
            let inside = (b - 1.0f64).abs() < 1.96 * libm::sqrt(va + vb);
            assert_eq!(low < 0.0 && high > 0.0, inside, "{b}");
            // Each end r solves |b − (1 + r) a| = z · se.
            for r in [low + 1.0, high + 1.0] {
                let z = (b - r).abs() / libm::sqrt(vb + r * r * va);
                assert!((z - 1.96).abs() < 1e-12);
            }
        }
        assert_eq!(
            relative(Relative::Fieller, 1.96, (0.1, 0.01), (1.0, 0.01)),
            None
        );
        assert_eq!(
            relative(Relative::Delta, 1.96, (-1.0, 0.01), (1.0, 0.01)),
            None
        );
    }

    #[test]
    fn an_always_valid_interval_ends_where_its_p_value_is_alpha() {
        for units in [100.0, 5_000.0, 1e6] {
            let judge = Judge::Always(mixture_for(5_000.0, 0.05));
            for (one, alternative) in [(false, Alternative::TwoSided), (true, Alternative::Greater)]
            {
                let reach = judge.reach(units, 10.0, 0.05, one);
                let p = judge.p_value(reach, units, 10.0, alternative);
                assert!((p - 0.05).abs() < 1e-12, "{units} {p}");
            }
        }
        // Near the number it is made for, some 3 standard errors instead of 1.96.
        let reach = Judge::Always(mixture_for(5_000.0, 0.05)).reach(5_000.0, 1.0, 0.05, false);
        assert!((2.9..3.2).contains(&reach), "{reach}");
    }

    #[test]
    fn power_and_what_is_needed_are_inverse() {
        for one_sided in [false, true] {
            for power in [0.06, 0.5, 0.8, 0.99] {
                let z = needed(power, 1.96, one_sided);
                assert!((power_at(z, 1.96, one_sided) - power).abs() < 1e-12);
            }
        }
    }
}
