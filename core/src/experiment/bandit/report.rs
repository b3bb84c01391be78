//! How the arms stand.

use serde_json::{Map, Value as Json, json};

use super::super::stats::posterior::Posterior;
use super::super::stats::special::normal_quantile;
use super::Bandit;
use super::best::chances;
use super::definition::{Policy, SEPARATOR};
use super::views::{Seen, View, beta, normal};
use crate::error::Result;

/// Outside of an interval, on both sides together.
const OUTSIDE: f64 = 0.05;

/// One arm's standing.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ArmReport {
    /// The factor, of a bandit that has them.
    pub factor: Option<String>,
    /// The key of the arm, or of the factor's variant.
    pub arm: String,
    /// Rewards, each weighted by its age.
    pub pulls: f64,
    /// Rewards that are kept, whatever their age.
    pub rewards: u64,
    /// Choices whose rewards are still to come.
    pub pending: i64,
    /// The mean of the rewards, weighted by their age; none without rewards.
    pub mean: Option<f64>,
    /// Where the arm's true mean is with 95 % probability: of the posterior for Thompson sampling
    /// without features, of Beta(1, 1) and the rewards for upper confidence bounds, and otherwise
    /// by the normal distribution of the mean, from two rewards on.
    pub interval: Option<(f64, f64)>,
    /// The probability that the arm is the best of those that the definition has; none where that
    /// depends on features.
    pub chance_best: Option<f64>,
    /// Whether the definition no longer has the arm.
    pub retired: bool,
}

/// How the arms stand.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Report {
    /// The key of the bandit.
    pub bandit: String,
    /// The policy's name.
    pub policy: &'static str,
    /// The hash of the state.
    pub state_version: String,
    /// Those of the definition in its order, then those that it no longer has by key.
    pub arms: Vec<ArmReport>,
}

impl Report {
    /// The report as JSON.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let arm = |arm: &ArmReport| {
            let mut out = Map::new();
            out.insert("factor".to_owned(), arm.factor.clone().into());
            out.insert("arm".to_owned(), arm.arm.clone().into());
            out.insert("pulls".to_owned(), arm.pulls.into());
            out.insert("rewards".to_owned(), arm.rewards.into());
            out.insert("pending".to_owned(), arm.pending.into());
            out.insert("mean".to_owned(), arm.mean.into());
            let interval = arm.interval.map(|(low, high)| json!([low, high]));
            out.insert("interval".to_owned(), interval.unwrap_or(Json::Null));
            out.insert("chance_best".to_owned(), arm.chance_best.into());
            out.insert("retired".to_owned(), arm.retired.into());
            Json::Object(out)
        };
        json!({
            "bandit": self.bandit,
            "policy": self.policy,
            "state_version": self.state_version,
            "arms": self.arms.iter().map(arm).collect::<Vec<_>>(),
        })
    }
}

/// The belief about one arm, and the factor that brings it back to rewards.
fn belief(policy: Policy, own_prior: Option<(f64, f64)>, arm: &Seen) -> Option<Posterior> {
    match policy {
        Policy::BetaThompson { prior, .. } => Some(beta(own_prior.unwrap_or(prior), arm)),
        Policy::GaussianThompson {
            prior_mean,
            prior_sd,
            noise_sd,
            ..
        } => Some(normal(arm, prior_mean, prior_sd, noise_sd)),
        Policy::Ucb {
            range: (low, high), ..
        } => {
            let n = arm.sums.count;
            let successes = ((arm.sum() - n * low) / (high - low)).clamp(0.0, n);
            Some(Posterior::Beta {
                a: 1.0 + successes,
                b: 1.0 + (n - successes),
            })
        }
        _ => {
            let n = arm.sums.count;
            (n >= 2.0).then(|| Posterior::Normal {
                mean: arm.mean(),
                sd: libm::sqrt(arm.sums.deviations / (n - 1.0) / n),
            })
        }
    }
}

fn interval(policy: Policy, belief: Posterior) -> (f64, f64) {
    let (low, high) = match belief {
        Posterior::Normal { mean, sd } => {
            let reach = -normal_quantile(0.5 * OUTSIDE) * sd;
            (mean - reach, mean + reach)
        }
        beta => (
            beta.quantile(0.5 * OUTSIDE),
            beta.quantile(1.0 - 0.5 * OUTSIDE),
        ),
    };
    match policy {
        Policy::Ucb {
            range: (from, to), ..
        } => (from + (to - from) * low, from + (to - from) * high),
        _ => (low, high),
    }
}

impl Bandit {
    /// How the arms stand at a time; at that of the newest reward without one.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidTimestamp`](crate::ErrorKind::InvalidTimestamp) for a time beyond the
    /// years 1 to 9999.
    ///
    /// # Cost
    /// That of a choice, and of two quantiles an arm.
    pub fn report(&self, now: Option<i64>) -> Result<Report> {
        let definition = &self.definition;
        let policy = definition.policy;
        let compiled = self.compiled(now)?;
        let beliefs: Vec<Option<Posterior>> = definition
            .arms
            .iter()
            .zip(&compiled.seen)
            .map(|(arm, seen)| belief(policy, arm.prior, seen))
            .collect();
        let best = self.chances_to_be_best(&compiled, &beliefs)?;
        let mut arms = Vec::with_capacity(self.state.arms.len().max(definition.arms.len()));
        let each = definition.arms.iter().zip(&compiled.seen).enumerate();
        for ((place, (arm, seen)), belief) in each.zip(&beliefs) {
            let factor = definition
                .factors
                .iter()
                .find(|factor| (factor.from..factor.to).contains(&place));
            let pending = self.state.arms.get(&definition.state_key_of(place));
            arms.push(ArmReport {
                factor: factor.map(|factor| factor.key.clone()),
                arm: arm.key.clone(),
                pulls: seen.sums.count,
                rewards: seen.rewards,
                pending: pending.map_or(0, |arm| arm.pending),
                mean: (seen.sums.count > 0.0).then(|| seen.mean()),
                interval: belief.map(|belief| interval(policy, belief)),
                chance_best: best.as_ref().and_then(|best| best.get(place).copied()),
                retired: false,
            });
        }
        for (key, arm) in &self.state.arms {
            if definition.place(key).is_some() {
                continue;
            }
            let seen = Seen::of(Some(arm), compiled.now);
            let (factor, name) = match key.split_once(SEPARATOR) {
                Some((factor, name)) => (Some(factor.to_owned()), name),
                None => (None, key.as_str()),
            };
            arms.push(ArmReport {
                factor,
                arm: name.to_owned(),
                pulls: seen.sums.count,
                rewards: seen.rewards,
                pending: arm.pending,
                mean: (seen.sums.count > 0.0).then(|| seen.mean()),
                interval: belief(policy, None, &seen).map(|belief| interval(policy, belief)),
                chance_best: None,
                retired: true,
            });
        }
        Ok(Report {
            bandit: definition.key.clone(),
            policy: policy.name(),
            state_version: self.state_version(),
            arms,
        })
    }

    fn chances_to_be_best(
        &self,
        compiled: &super::Compiled,
        beliefs: &[Option<Posterior>],
    ) -> Result<Option<Vec<f64>>> {
        let definition = &self.definition;
        if !definition.policy.is_linear() {
            let all: Option<Vec<Posterior>> = beliefs.iter().copied().collect();
            return Ok(all.map(|all| chances(&all)));
        }
        if definition.factors.is_empty() {
            return Ok(None);
        }
        // Without floors and other explorations: the draws themselves, factor by factor.
        let view = self.view(compiled, &super::Request::new("report"))?;
        if matches!(*view, View::Highest(_)) {
            return Ok(None);
        }
        let mut out = Vec::with_capacity(definition.arms.len());
        for factor in &definition.factors {
            let places: Vec<usize> = (factor.from..factor.to).collect();
            out.extend(view.shares(&places));
        }
        Ok(Some(out))
    }
}
