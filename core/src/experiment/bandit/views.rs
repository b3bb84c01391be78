//! What a policy thinks of the arms, and the share that each gets: exact, before any draw.

use super::super::stats::posterior::Posterior;
use super::super::stats::special::normal_quantile;
use super::best::chances;
use super::definition::{Definition, Policy};
use super::features::Vectors;
use super::linear::{Regression, Score};
use super::state::{ArmState, State, Weighted, weighted};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// The granularity of propensities: they are whole multiples of 1 over this.
pub(super) const WHOLE: u64 = 1 << 32;

/// How good the shares are as the policy's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Exact,
    Quadrature,
    MonteCarlo(u32),
}

/// A policy's view of all arms.
#[derive(Clone, Debug)]
pub(super) enum View {
    /// The arm with the highest value; equal ones share.
    Highest(Vec<f64>),
    /// Independent beliefs.
    Beliefs(Vec<Posterior>),
    /// Joint draws of the arms' values, draw by draw.
    Draws { values: Vec<f64>, arms: usize },
}

/// The sums of one arm as of a bucket.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) sums: Weighted,
    pub(super) pending: f64,
    /// Rewards that are still kept, whatever their age.
    pub(super) rewards: u64,
}

impl Seen {
    pub(super) fn of(arm: Option<&ArmState>, now: i64) -> Self {
        let empty = ArmState::default();
        let arm = arm.unwrap_or(&empty);
        Self {
            sums: weighted(&arm.cells, 2, now),
            pending: arm.pending.max(0) as f64,
            rewards: arm.cells.values().map(|cell| cell.count).sum(),
        }
    }

    pub(super) fn sum(&self) -> f64 {
        self.sums.sums.first().copied().unwrap_or(0.0)
    }

    pub(super) fn mean(&self) -> f64 {
        self.sum() / self.sums.count
    }
}

/// All arms of a definition, as seen.
pub(super) fn seen(definition: &Definition, state: &State, now: i64) -> Vec<Seen> {
    let places = 0..definition.arms.len();
    places
        .map(|place| Seen::of(state.arms.get(&definition.state_key_of(place)), now))
        .collect()
}

/// The view of a policy without features.
pub(super) fn plain(definition: &Definition, seen: &[Seen]) -> View {
    match definition.policy {
        Policy::EpsilonGreedy {
            prior_mean,
            prior_weight,
            ..
        } => View::Highest(
            seen.iter()
                .map(|arm| shrunk(arm, prior_mean, prior_weight))
                .collect(),
        ),
        Policy::Ucb {
            tuned,
            exploration,
            range,
        } => View::Highest(ucb(seen, tuned, exploration, range)),
        Policy::BetaThompson { prior, .. } => {
            let each = definition.arms.iter().zip(seen);
            View::Beliefs(
                each.map(|(arm, seen)| beta(arm.prior.unwrap_or(prior), seen))
                    .collect(),
            )
        }
        Policy::GaussianThompson {
            prior_mean,
            prior_sd,
            noise_sd,
            ..
        } => View::Beliefs(
            seen.iter()
                .map(|arm| normal(arm, prior_mean, prior_sd, noise_sd))
                .collect(),
        ),
        // They have features; see `linear`.
        Policy::LinUcb { .. } | Policy::LinearThompson { .. } => View::Highest(Vec::new()),
    }
}

/// The mean that starts at the prior's; of an arm without either it is the best.
pub(super) fn shrunk(arm: &Seen, prior_mean: f64, prior_weight: f64) -> f64 {
    let weight = prior_weight + arm.sums.count;
    if weight > 0.0 {
        (prior_weight * prior_mean + arm.sum()) / weight
    } else {
        f64::INFINITY
    }
}

pub(super) fn beta((a, b): (f64, f64), arm: &Seen) -> Posterior {
    let successes = arm.sum().max(0.0);
    Posterior::Beta {
        a: a + successes,
        b: b + (arm.sums.count - successes).max(0.0),
    }
}

pub(super) fn normal(arm: &Seen, prior_mean: f64, prior_sd: f64, noise_sd: f64) -> Posterior {
    let before = 1.0 / (prior_sd * prior_sd);
    let noise = noise_sd * noise_sd;
    let precision = before + arm.sums.count / noise;
    Posterior::Normal {
        mean: (prior_mean * before + arm.sum() / noise) / precision,
        sd: libm::sqrt(1.0 / precision),
    }
}

/// Upper confidence bounds (Auer, Cesa-Bianchi and Fischer 2002), of discounted counts where there
/// is a half-life (Garivier and Moulines 2011). Pending choices count as choices.
fn ucb(seen: &[Seen], tuned: bool, exploration: f64, (low, high): (f64, f64)) -> Vec<f64> {
    let chosen = |arm: &Seen| arm.sums.count + arm.pending;
    let all = seen.iter().fold(0.0, |sum, arm| sum + chosen(arm));
    let log = libm::log(all.max(1.0));
    let width = high - low;
    let bound = |arm: &Seen| {
        let n = chosen(arm);
        if n <= 0.0 {
            return f64::INFINITY;
        }
        let count = arm.sums.count;
        // Nothing is known of an arm whose choices are all pending: the best is hoped for.
        let mean = if count > 0.0 { arm.mean() } else { high };
        let per = log / n;
        let factor = if tuned {
            let variance = if count > 0.0 {
                arm.sums.deviations / count / (width * width)
            } else {
                0.25
            };
            per * (variance + libm::sqrt(2.0 * per)).min(0.25)
        } else {
            2.0 * per
        };
        mean + exploration * width * libm::sqrt(factor)
    };
    seen.iter().map(bound).collect()
}

/// The view of a linear policy under the arms' vectors.
pub(super) fn linear(
    policy: Policy,
    regression: &Regression,
    vectors: &[Vectors],
    normals: impl FnOnce() -> std::sync::Arc<Vec<f64>>,
) -> View {
    let scores: Vec<Score> = vectors
        .iter()
        .enumerate()
        .map(|(place, vectors)| regression.score(place, vectors))
        .collect();
    match policy {
        Policy::LinearThompson { noise_sd, .. } => {
            if scores.iter().all(|score| score.shared.is_empty()) {
                let belief = |score: &Score| Posterior::Normal {
                    mean: score.mean,
                    sd: noise_sd * score.deviation(),
                };
                return View::Beliefs(scores.iter().map(belief).collect());
            }
            drawn(&scores, noise_sd, &normals())
        }
        Policy::LinUcb { alpha, .. } => View::Highest(
            scores
                .iter()
                .map(|score| score.mean + alpha * score.deviation())
                .collect(),
        ),
        _ => View::Highest(Vec::new()),
    }
}

/// Normals that a draw of all arms' values takes: along the shared directions, and one an arm if
/// arms have coefficients of their own.
pub(super) fn normals_per_draw(definition: &Definition) -> usize {
    let shape = &definition.shape;
    let own = if shape.own > 0 {
        definition.arms.len()
    } else {
        0
    };
    shape.shared + own
}

/// Standard normals from a hash of their numbers: the same for every request, so that a policy's
/// shares depend on the state and the features alone.
pub(super) fn normals(key: &str, count: usize) -> Vec<f64> {
    let seed = xxh3_64(format!("tastemaker/3/bandit-draws/{key}").as_bytes());
    let normal = |at: usize| {
        let hash = xxh3_64_with_seed(&(at as u64).to_le_bytes(), seed);
        normal_quantile(((hash >> 11) as f64 + 0.5) / 9_007_199_254_740_992.0)
    };
    (0..count).map(normal).collect()
}

fn drawn(scores: &[Score], noise_sd: f64, normals: &[f64]) -> View {
    let shared = scores.first().map_or(0, |score| score.shared.len());
    let own = if scores.iter().any(|score| score.own > 0.0) {
        scores.len()
    } else {
        0
    };
    let per_draw = shared + own;
    let mut values = Vec::with_capacity(normals.len() / per_draw.max(1) * scores.len());
    for draw in normals.chunks_exact(per_draw.max(1)) {
        let (directions, alone) = draw.split_at(shared.min(draw.len()));
        for (place, score) in scores.iter().enumerate() {
            let mut apart = 0.0;
            for (a, b) in score.shared.iter().zip(directions) {
                apart += a * b;
            }
            apart += score.own * alone.get(place).copied().unwrap_or(0.0);
            values.push(score.mean + noise_sd * apart);
        }
    }
    View::Draws {
        values,
        arms: scores.len(),
    }
}

impl View {
    pub(super) fn method(&self, policy: Policy) -> Method {
        match (self, policy) {
            (Self::Highest(_), _) => Method::Exact,
            (Self::Beliefs(_), _) => Method::Quadrature,
            (Self::Draws { .. }, Policy::LinearThompson { draws, .. }) => Method::MonteCarlo(draws),
            (Self::Draws { .. }, _) => Method::Exact,
        }
    }

    /// The share of each of some arms, before floors.
    pub(super) fn shares(&self, places: &[usize]) -> Vec<f64> {
        match self {
            Self::Highest(values) => highest(places, |place| {
                values.get(place).copied().unwrap_or(f64::NEG_INFINITY)
            }),
            Self::Beliefs(beliefs) => {
                let chosen: Vec<Posterior> = places
                    .iter()
                    .filter_map(|&place| beliefs.get(place).copied())
                    .collect();
                chances(&chosen)
            }
            Self::Draws { values, arms } => {
                let mut sums = vec![0.0; places.len()];
                let draws = values.chunks_exact((*arms).max(1));
                let count = draws.len() as f64;
                for draw in draws {
                    let value =
                        |place: usize| draw.get(place).copied().unwrap_or(f64::NEG_INFINITY);
                    let best = places
                        .iter()
                        .fold(f64::NEG_INFINITY, |best, &place| best.max(value(place)));
                    let ties = places.iter().filter(|&&place| value(place) == best).count();
                    for (sum, &place) in sums.iter_mut().zip(places) {
                        if value(place) == best {
                            *sum += 1.0 / ties as f64;
                        }
                    }
                }
                sums.iter().map(|sum| sum / count).collect()
            }
        }
    }
}

/// All to the highest value; equal ones share.
fn highest(places: &[usize], value: impl Fn(usize) -> f64) -> Vec<f64> {
    let best = places
        .iter()
        .fold(f64::NEG_INFINITY, |best, &place| best.max(value(place)));
    let ties = places.iter().filter(|&&place| value(place) == best).count();
    let share = |&place: &usize| {
        if value(place) == best {
            1.0 / ties as f64
        } else {
            0.0
        }
    };
    places.iter().map(share).collect()
}

/// Top-two Thompson sampling (Russo 2020): the leader with chance β, else the best of another
/// draw in which it is not the leader. In closed form, of the chances to be the best.
fn top_two(chances: &[f64], beta: f64) -> Vec<f64> {
    if chances.len() < 2 {
        return chances.to_vec();
    }
    // 1 − αⱼ as a sum of the others keeps its digits.
    let rest: Vec<f64> = (0..chances.len())
        .map(|j| {
            let others = chances.iter().enumerate().filter(|(i, _)| *i != j);
            others.fold(0.0, |sum, (_, chance)| sum + chance)
        })
        .collect();
    let mut out = Vec::with_capacity(chances.len());
    for (i, &own) in chances.iter().enumerate() {
        let mut sum = 0.0;
        let mut stays = 0.0;
        for (j, (&leader, &rest)) in chances.iter().zip(&rest).enumerate() {
            if rest <= 0.0 {
                // No other arm is ever the best: the leader stays.
                if i == j {
                    stays = leader;
                }
            } else if i != j {
                sum += leader * (own / rest);
            }
        }
        out.push(beta * own + (1.0 - beta) * (sum + stays));
    }
    out
}

/// The shares of some arms under a policy with its floors, in multiples of 2⁻³².
pub(super) fn units(definition: &Definition, view: &View, places: &[usize]) -> Vec<u64> {
    let mut shares = view.shares(places);
    match definition.policy {
        Policy::EpsilonGreedy { epsilon, .. } => {
            let each = epsilon / places.len() as f64;
            for share in &mut shares {
                *share = each + (1.0 - epsilon) * *share;
            }
        }
        Policy::BetaThompson { top_two: two, .. }
        | Policy::GaussianThompson { top_two: two, .. }
        | Policy::LinearThompson { top_two: two, .. } => {
            if let Some(beta) = two {
                shares = top_two(&shares, beta);
            }
        }
        Policy::Ucb { .. } | Policy::LinUcb { .. } => {}
    }
    let floor = |place: &usize| definition.arms.get(*place).map_or(0.0, |arm| arm.floor);
    let floors = places.iter().fold(0.0, |sum, place| sum + floor(place));
    if floors > 0.0 {
        let left = (1.0 - floors).max(0.0);
        for (share, place) in shares.iter_mut().zip(places) {
            *share = floor(place) + left * *share;
        }
    }
    whole(&shares)
}

/// Shares as whole numbers that add up to 2³²: rounded down, and what is left to the largest
/// remainders, the earlier arm first.
fn whole(shares: &[f64]) -> Vec<u64> {
    let total = shares.iter().fold(0.0, |sum, share| sum + share);
    let share_of = |share: &f64| {
        if total > 0.0 && total.is_finite() {
            share / total
        } else {
            1.0 / shares.len() as f64
        }
    };
    let exact: Vec<f64> = shares
        .iter()
        .map(|share| share_of(share) * WHOLE as f64)
        .collect();
    let mut units: Vec<u64> = exact
        .iter()
        .map(|share| (libm::floor(*share) as u64).min(WHOLE))
        .collect();
    let mut order: Vec<(f64, usize)> = exact
        .iter()
        .zip(&units)
        .enumerate()
        .map(|(at, (share, whole))| (share - *whole as f64, at))
        .collect();
    order.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let given: u64 = units.iter().sum();
    for (_, at) in order
        .iter()
        .cycle()
        .take(WHOLE.saturating_sub(given) as usize)
    {
        if let Some(unit) = units.get_mut(*at) {
            *unit += 1;
        }
    }
    // Rounding of the total can have given a few too many.
    let mut over = given.saturating_sub(WHOLE);
    while over > 0 {
        let Some(most) = units.iter_mut().max() else {
            break;
        };
        let less = over.min(*most);
        *most -= less;
        over -= less;
    }
    units
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up_to_the_whole() {
        for shares in [
            vec![1.0],
            vec![1.0 / 3.0; 3],
            vec![0.1; 10],
            vec![0.0, 1.0, 0.0],
            vec![1e-12, 1.0 - 1e-12],
            vec![0.7, 0.2, 0.1 + 1e-13],
        ] {
            let units = whole(&shares);
            assert_eq!(units.iter().sum::<u64>(), WHOLE, "{shares:?}");
            for (unit, share) in units.iter().zip(&shares) {
                assert!((*unit as f64 - share * WHOLE as f64).abs() <= 1.0);
            }
        }
        assert_eq!(
            whole(&[1.0 / 3.0; 3]),
            [1_431_655_766, 1_431_655_765, 1_431_655_765]
        );
    }

    #[test]
    fn top_two_by_hand() {
        // β = 1/2, chances 1/2, 1/4, 1/4: the first is second choice when another leads:
        // 2 · 1/4 · (1/2)/(3/4) = 1/3.
        let found = top_two(&[0.5, 0.25, 0.25], 0.5);
        assert!((found[0] - (0.25 + 0.5 / 3.0)).abs() < 1e-15, "{found:?}");
        assert!((found.iter().sum::<f64>() - 1.0).abs() < 1e-15);
        assert_eq!(top_two(&[1.0, 0.0], 0.5), [1.0, 0.0]);
        assert_eq!(top_two(&[1.0], 0.5), [1.0]);
    }
}
