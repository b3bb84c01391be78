//! The chance of each of several independent arms to be the best, by quadrature.
//!
//! P(i is best) = ∫ fᵢ(x) Πⱼ≠ᵢ Fⱼ(x) dx. Only the stretch where the maximum can lie is looked at,
//! in panels of 16 Gauss–Legendre points that are as wide as the narrowest belief there allows.
//! Within a panel a distribution function is its value at the panel's start and the integral of
//! the density up to each point, so that a point costs one exponential an arm. Shares are
//! integrated over the angle φ with p = sin² φ, in which a Beta belief is nearly normal and its
//! spread hardly depends on p.
//!
//! The chances are off by less than 1e-9 for counts up to 1e7; the tests compare with closed
//! sums, the conformance cases with SciPy. Cost: some 30 µs for 10 arms alike.

use std::f64::consts::FRAC_PI_2;

use super::super::stats::posterior::Posterior;
use super::super::stats::special::{GAUSS, beta_cdf, beta_density, normal_cdf};

const POINTS: usize = 16;
/// How far a belief reaches, in its spreads; of a normal one 1e-15 lies beyond.
const REACH: f64 = 8.0;
/// The same for a Beta belief: in φ it may be half of a normal one.
const REACH_OF_SHARE: f64 = 12.0;
/// The widest panel, in spreads.
const PANEL: f64 = 2.0;

/// Points on [−1, 1], ascending, with their weights.
const RULE: ([f64; POINTS], [f64; POINTS]) = rule();
/// `INTEGRALS[m][i]`: the integral from −1 to point m of the polynomial that is 1 at point i and 0
/// at the others.
const INTEGRALS: [[f64; POINTS]; POINTS] = integrals();

const fn rule() -> ([f64; POINTS], [f64; POINTS]) {
    let (mut x, mut w) = ([0.0; POINTS], [0.0; POINTS]);
    let mut i = 0;
    while i < POINTS / 2 {
        let (at, weight) = GAUSS[i];
        (x[POINTS / 2 + i], w[POINTS / 2 + i]) = (at, weight);
        (x[POINTS / 2 - 1 - i], w[POINTS / 2 - 1 - i]) = (-at, weight);
        i += 1;
    }
    (x, w)
}

/// The Legendre polynomials 0 to 16 at x.
const fn legendre(x: f64) -> [f64; POINTS + 1] {
    let mut p = [1.0; POINTS + 1];
    p[1] = x;
    let mut k = 1;
    while k < POINTS {
        let n = k as f64;
        p[k + 1] = ((2.0 * n + 1.0) * x * p[k] - n * p[k - 1]) / (n + 1.0);
        k += 1;
    }
    p
}

const fn integrals() -> [[f64; POINTS]; POINTS] {
    let (x, w) = rule();
    let mut out = [[0.0; POINTS]; POINTS];
    let mut m = 0;
    while m < POINTS {
        let at = legendre(x[m]);
        let mut i = 0;
        while i < POINTS {
            let own = legendre(x[i]);
            // ∫ P₀ = x + 1, ∫ Pₖ = (Pₖ₊₁ − Pₖ₋₁)/(2k + 1)
            let mut sum = 0.5 * (x[m] + 1.0);
            let mut k = 1;
            while k < POINTS {
                sum += 0.5 * own[k] * (at[k + 1] - at[k - 1]);
                k += 1;
            }
            out[m][i] = w[i] * sum;
            i += 1;
        }
        m += 1;
    }
    out
}

/// A belief over the variable that is integrated over.
struct Curve {
    centre: f64,
    spread: f64,
    low: f64,
    high: f64,
    form: Form,
}

enum Form {
    /// exp(scale − ((x − mean)/sd)²/2)
    Normal { mean: f64, sd: f64 },
    /// density · exp(sine · ln(sin φ / sin φ₀) + cosine · ln(cos φ / cos φ₀))
    Beta {
        a: f64,
        b: f64,
        density: f64,
        sine: f64,
        cosine: f64,
        ln_sin: f64,
        ln_cos: f64,
    },
}

impl Curve {
    fn of(belief: Posterior) -> Self {
        match belief {
            Posterior::Normal { mean, sd } => {
                let sd = sd.max(1e-150).max(mean.abs() * 1e-13);
                Self {
                    centre: mean,
                    spread: sd,
                    low: mean - REACH * sd,
                    high: mean + REACH * sd,
                    form: Form::Normal { mean, sd },
                }
            }
            Posterior::Beta { a, b } => {
                let n = a + b;
                let centre = libm::asin(libm::sqrt(a / n).min(1.0));
                let spread = 0.5 / libm::sqrt(n);
                let (sin, cos) = (libm::sin(centre), libm::cos(centre));
                // dp = 2 sin φ cos φ dφ
                let density = beta_density(a, b, sin * sin, cos * cos) * 2.0 * sin * cos;
                Self {
                    centre,
                    spread,
                    low: (centre - REACH_OF_SHARE * spread).max(0.0),
                    high: (centre + REACH_OF_SHARE * spread).min(FRAC_PI_2),
                    form: Form::Beta {
                        a,
                        b,
                        density,
                        sine: 2.0 * a - 1.0,
                        cosine: 2.0 * b - 1.0,
                        ln_sin: libm::log(sin),
                        ln_cos: libm::log(cos),
                    },
                }
            }
        }
    }

    /// Whether its density has a power of sin φ or cos φ that is not whole.
    fn is_rough(&self) -> bool {
        match self.form {
            Form::Normal { .. } => false,
            Form::Beta { sine, cosine, .. } => {
                sine != libm::trunc(sine) || cosine != libm::trunc(cosine)
            }
        }
    }

    fn density(&self, x: f64, ln_sin: f64, ln_cos: f64) -> f64 {
        match &self.form {
            Form::Normal { mean, sd } => {
                let z = (x - mean) / sd;
                libm::exp(-0.5 * z * z - 0.918_938_533_204_672_8) / sd
            }
            Form::Beta {
                density,
                sine,
                cosine,
                ln_sin: s0,
                ln_cos: c0,
                ..
            } => density * libm::exp(sine * (ln_sin - s0) + cosine * (ln_cos - c0)),
        }
    }

    fn below(&self, x: f64) -> f64 {
        if x <= self.low {
            return 0.0;
        }
        if x >= self.high {
            return 1.0;
        }
        match self.form {
            Form::Normal { mean, sd } => normal_cdf((x - mean) / sd),
            Form::Beta { a, b, .. } => {
                let (sin, cos) = (libm::sin(x), libm::cos(x));
                beta_cdf(a, b, sin * sin, cos * cos).0
            }
        }
    }
}

/// The chance of each arm to be the best; the beliefs are all Beta or all normal.
pub(super) fn chances(beliefs: &[Posterior]) -> Vec<f64> {
    if beliefs.len() < 2 {
        return vec![1.0; beliefs.len()];
    }
    let shares = matches!(beliefs.first(), Some(Posterior::Beta { .. }));
    let curves: Vec<Curve> = beliefs.iter().map(|&belief| Curve::of(belief)).collect();
    let start = curves.iter().fold(f64::NEG_INFINITY, |at, c| at.max(c.low));
    let end = curves
        .iter()
        .fold(f64::NEG_INFINITY, |at, c| at.max(c.high));
    let active: Vec<usize> = (0..curves.len())
        .filter(|&i| curves.get(i).is_some_and(|c| c.high > start))
        .collect();
    let curves: Vec<&Curve> = active.iter().filter_map(|&i| curves.get(i)).collect();
    let mut out = vec![0.0; beliefs.len()];
    if let [only] = *active.as_slice() {
        if let Some(chance) = out.get_mut(only) {
            *chance = 1.0;
        }
        return out;
    }
    let sums = integrate(&curves, start, end, shares);
    let total = sums.iter().fold(0.0, |sum, part| sum + part);
    for (&at, sum) in active.iter().zip(&sums) {
        if let Some(chance) = out.get_mut(at) {
            *chance = sum / total;
        }
    }
    out
}

fn integrate(curves: &[&Curve], start: f64, end: f64, shares: bool) -> Vec<f64> {
    let count = curves.len();
    let mut at_start: Vec<f64> = curves.iter().map(|curve| curve.below(start)).collect();
    let mut sums = vec![0.0; count];
    let mut densities = vec![[0.0f64; POINTS]; count];
    let mut below = vec![[0.0f64; POINTS]; count];
    let rough = shares && curves.iter().any(|curve| curve.is_rough());
    let mut from = start;
    while from < end {
        let mut to = next(curves, from, end);
        if rough {
            to = graded(from, to);
        }
        let (middle, half) = (0.5 * (from + to), 0.5 * (to - from));
        let mut points = [(0.0, 0.0, 0.0); POINTS];
        for (point, x) in points.iter_mut().zip(RULE.0) {
            let x = middle + half * x;
            *point = if shares {
                (x, libm::log(libm::sin(x)), libm::log(libm::cos(x)))
            } else {
                (x, 0.0, 0.0)
            };
        }
        let each = curves.iter().zip(&mut densities).zip(&mut below);
        for (((curve, f), up), first) in each.zip(&mut at_start) {
            if from >= curve.high {
                (*f, *up) = ([0.0; POINTS], [1.0; POINTS]);
                *first = 1.0;
                continue;
            }
            for (value, (x, ln_sin, ln_cos)) in f.iter_mut().zip(points) {
                *value = curve.density(x, ln_sin, ln_cos);
            }
            for (value, row) in up.iter_mut().zip(&INTEGRALS) {
                let part = row.iter().zip(&*f).fold(0.0, |sum, (a, b)| sum + a * b);
                *value = (*first + half * part).clamp(0.0, 1.0);
            }
            let all = RULE.1.iter().zip(&*f).fold(0.0, |sum, (a, b)| sum + a * b);
            *first = (*first + half * all).min(1.0);
        }
        collect(&densities, &below, half, &mut sums);
        from = to;
    }
    sums
}

/// Adds a panel's part of the integrals: fᵢ times the product of the other Fⱼ, which is what
/// comes before i times what comes after.
fn collect(f: &[[f64; POINTS]], below: &[[f64; POINTS]], half: f64, sums: &mut [f64]) {
    let mut before = vec![[1.0f64; POINTS]; f.len()];
    let mut running = [1.0f64; POINTS];
    for (place, own) in before.iter_mut().zip(below) {
        *place = running;
        for (product, value) in running.iter_mut().zip(own) {
            *product *= value;
        }
    }
    let mut after = [1.0f64; POINTS];
    let each = sums.iter_mut().zip(f).zip(&before).zip(below).rev();
    for (((sum, f), before), own) in each {
        let mut part = 0.0;
        for (((weight, f), before), after) in RULE.1.iter().zip(f).zip(before).zip(&after) {
            part += weight * f * before * after;
        }
        *sum += half * part;
        for (product, value) in after.iter_mut().zip(own) {
            *product *= value;
        }
    }
}

/// Panels shrink towards 0 and 1, where a density with a power that is not whole has no
/// derivatives: by a factor of four, to a millionth.
fn graded(from: f64, to: f64) -> f64 {
    const LEAST: f64 = 1e-6;
    let start = if from > 0.0 { 4.0 * from } else { LEAST * to };
    let left = FRAC_PI_2 - from;
    let end = if left > LEAST * (to - from) {
        FRAC_PI_2 - 0.25 * left
    } else {
        to
    };
    to.min(start).min(end)
}

/// The end of the panel that starts at `from`: as far as the narrowest belief there allows. All
/// beliefs begin before the first panel, so their number is some 20 for each doubling between the
/// narrowest spread and the widest.
fn next(curves: &[&Curve], from: f64, end: f64) -> f64 {
    let mut to = end;
    for curve in curves.iter().filter(|curve| from < curve.high) {
        // Far from its centre a belief falls fast.
        let z = ((from - curve.centre) / curve.spread).abs();
        let width = if z > 5.0 { 0.5 * PANEL } else { PANEL };
        to = to.min(from + width * curve.spread).min(curve.high);
    }
    if to > from { to } else { end }
}

#[cfg(test)]
mod tests {
    use super::super::super::stats::posterior::{best_of, chance_above};
    use super::*;

    fn beta(a: f64, b: f64) -> Posterior {
        Posterior::Beta { a, b }
    }

    fn normal(mean: f64, sd: f64) -> Posterior {
        Posterior::Normal { mean, sd }
    }

    fn near(found: &[f64], expected: &[f64]) {
        for (a, b) in found.iter().zip(expected) {
            assert!((a - b).abs() < 1e-9, "{found:?} {expected:?}");
        }
        let sum: f64 = found.iter().sum();
        assert!((sum - 1.0).abs() < 1e-12);
    }

    /// Against the quadrature of the statistics, which takes other panels and other functions.
    #[test]
    fn as_another_quadrature() {
        let cases: &[&[Posterior]] = &[
            &[beta(1.0, 1.0), beta(1.0, 1.0), beta(1.0, 1.0)],
            &[beta(0.5, 0.5), beta(0.5, 3.0), beta(7.0, 0.5)],
            &[beta(1.0, 100.0), beta(2.0, 300.0), beta(40.0, 9_000.0)],
            &[beta(5_000.0, 95_000.0), beta(1.0, 1.0), beta(3.0, 50.0)],
            &[beta(1e6, 1e6), beta(1.001e6, 1e6), beta(20.0, 20.0)],
            &[normal(0.0, 1.0), normal(0.0, 1.0), normal(0.0, 1.0)],
            &[normal(0.0, 1e-3), normal(0.1, 1.0), normal(-3.0, 2.0)],
            &[normal(100.0, 0.1), normal(100.1, 0.5), normal(50.0, 1.0)],
        ];
        for beliefs in cases {
            let expected: Vec<f64> = best_of(beliefs).iter().map(|b| b.0).collect();
            near(&chances(beliefs), &expected);
        }
    }

    /// P(B > A) for A ~ Beta(a, 1) and B ~ Beta(b, 1), whose distribution functions are powers:
    /// b/(a + b), whatever the powers.
    #[test]
    fn powers_that_are_not_whole() {
        for (a, b) in [
            (0.5, 0.7),
            (1.3, 2.9),
            (0.61, 11.2),
            (1.01, 1.02),
            (30.3, 30.7),
        ] {
            near(
                &chances(&[beta(a, 1.0), beta(b, 1.0)]),
                &[a / (a + b), b / (a + b)],
            );
            // Seen from the other end, the lower one wins.
            near(
                &chances(&[beta(1.0, a), beta(1.0, b)]),
                &[b / (a + b), a / (a + b)],
            );
        }
    }

    #[test]
    fn two_normals_have_a_closed_form() {
        for (a, b) in [
            (normal(0.0, 1.0), normal(0.3, 2.0)),
            (normal(5.0, 1e-4), normal(5.0003, 3e-4)),
            (normal(0.0, 1e-6), normal(0.0, 100.0)),
            (normal(-1e6, 3.0), normal(-1e6 - 2.0, 0.5)),
        ] {
            let above = chance_above(a, b);
            near(&chances(&[a, b]), &[1.0 - above, above]);
        }
    }

    #[test]
    fn many_arms_alike_share_alike() {
        let chances = chances(&[beta(3.0, 8.0); 200]);
        near(&chances, &[1.0 / 200.0; 200]);
    }

    #[test]
    fn what_cannot_win_has_no_chance() {
        let found = chances(&[beta(1e6, 1.0), beta(1.0, 1e6), beta(0.5, 1e5)]);
        assert_eq!(found, [1.0, 0.0, 0.0]);
    }
}
