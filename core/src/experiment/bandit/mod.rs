//! Bandits: which arm next, with the exact chance of each, and what to learn from the reward.
//!
//! A [`Bandit`] is a value: a definition, read from JSON, and a state of integer sums. It is asked
//! with [`choose`](Bandit::choose), learns with [`update`](Bandit::update), and states of several
//! processes add up with [`merge`](Bandit::merge), to the same bits in any order. It may use
//! `experiment::stats` (distributions), `fields`, `event`, `id` and `error`, and knows nothing of
//! models and engines. There is no clock and no randomness in it: time and seed are given.
//!
//! # Policies
//!
//! | name | what is chosen | how the shares are found |
//! |---|---|---|
//! | `epsilon_greedy` | the highest mean, or with `epsilon` any arm | exactly |
//! | `ucb1`, `ucb_tuned` | the highest upper confidence bound | exactly: 1, or divided among equal ones |
//! | `beta_thompson` | an arm with its chance to be the best, of rewards from 0 to 1 | quadrature, to 1e-9 |
//! | `gaussian_thompson` | the same for any rewards with noise of a known deviation | quadrature, to 1e-9 |
//! | `linucb` | the highest bound of a ridge regression | exactly |
//! | `linear_thompson` | an arm with its chance to be the best under the regression | quadrature; with shared coefficients `draws` seeded draws |
//!
//! Rewards between 0 and 1 are fractions of a success to `beta_thompson`. Thompson policies take
//! `top_two`: with that chance the draw's best arm, otherwise the best arm of another draw in
//! which it is not (Russo 2020), in closed form. `floor` is a minimum share of each arm:
//! `floor + (1 − Σ floors) · share`. Equal values share equally.
//!
//! # Time
//!
//! With a `half_life`, a reward counts half after it, in steps of a quarter half-life; the time of
//! a reward is best that of its decision. A `now` before the newest reward counts as that.
//!
//! Sources: Auer, Cesa-Bianchi and Fischer 2002 (UCB); Chapelle and Li 2011, Agrawal and Goyal 2013
//! (Thompson sampling, linear too); Li et al. 2010 (LinUCB, disjoint and hybrid); Garivier and
//! Moulines 2011 (discounting); Hill et al. 2017 (factored arms of multivariate tests).

mod best;
mod bytes;
mod choose;
mod definition;
mod features;
#[cfg(test)]
mod honesty;
mod linear;
mod report;
mod state;
#[cfg(test)]
mod tests;
mod update;
mod views;

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use serde_json::{Value as Json, json};

pub use choose::{Answer, Choice, Request};
pub use report::{ArmReport, Report};
pub use update::{Rewards, UpdateOptions, Updated};

use crate::error::{Error, ErrorKind, Result, shown};
use crate::event::{MAX_TIMESTAMP, MIN_TIMESTAMP};
use definition::{Definition, Policy};
use features::Vectors;
use linear::Regression;
use state::State;
use views::{Seen, View};

/// A bandit: what it is told to do, and what it has seen.
///
/// ```
/// use tastemaker::experiment::bandit::{Bandit, Request};
/// use tastemaker::json::json;
/// let mut bandit = Bandit::from_json(&json!({
///     "key": "banner", "policy": {"name": "epsilon_greedy", "epsilon": 0.5},
///     "arms": ["blue", {"key": "red", "value": {"css": "#f00"}}],
/// }))?;
/// bandit.update_one(&json!({"arm": "red", "reward": 1}))?;
/// let request = Request::new("page-view-7");
/// let answer = bandit.choose(&request)?;
/// assert_eq!((answer.choices[0].arm, answer.choices[0].propensity), ("red", 0.75));
/// # Ok::<(), tastemaker::Error>(())
/// ```
#[derive(Debug)]
pub struct Bandit {
    definition: Definition,
    state: State,
    /// What was worked out for the last time that was asked about.
    cache: Mutex<Option<Arc<Compiled>>>,
    version: OnceLock<String>,
    normals: OnceLock<Arc<Vec<f64>>>,
}

impl Clone for Bandit {
    fn clone(&self) -> Self {
        Self::of(self.definition.clone(), self.state.clone())
    }
}

impl PartialEq for Bandit {
    fn eq(&self, other: &Self) -> bool {
        self.definition == other.definition && self.state == other.state
    }
}

/// What follows from a state at one time.
#[derive(Debug)]
struct Compiled {
    now: i64,
    seen: Vec<Seen>,
    /// Of policies that ask for no features.
    view: Option<Arc<View>>,
    regression: Option<Regression>,
    /// The shares of all arms, where they depend on nothing else.
    first: Option<Vec<u64>>,
}

/// What another definition changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Redefined {
    /// Arms that were there and still are.
    pub kept: Vec<String>,
    /// Arms that are new.
    pub added: Vec<String>,
    /// Arms that are no longer there; what they have seen is kept for their return.
    pub removed: Vec<String>,
}

impl Bandit {
    /// Reads a definition; the state is empty.
    ///
    /// ```json
    /// {
    ///   "key": "banner",
    ///   "policy": {"name": "beta_thompson", "prior": [1, 1], "top_two": 0.5},
    ///   "arms": ["blue", {"key": "red", "floor": 0.1, "prior": [2, 8], "value": {"css": "#f00"}}],
    ///   "floor": 0.05,
    ///   "half_life": 604800000
    /// }
    /// ```
    ///
    /// `policy` may be a name. In the place of `arms`, a test of several content slots has
    /// `factors: [{"key": "headline", "variants": […as arms]}, …]`. Linear policies take
    /// `features: {"context": [names], "arm": [names]}`. `half_life` is in milliseconds.
    ///
    /// Options of policies, with their defaults: `epsilon` 0.1, `prior_mean` 0, `prior_weight` 1
    /// (`epsilon_greedy`: rewards that the prior's mean counts as); `exploration` 1, `range` [0, 1]
    /// (of rewards; UCB); `prior` [1, 1], `top_two` none (`beta_thompson`); `prior_mean` 0,
    /// `prior_sd` 1, `noise_sd` 1, `top_two` none (`gaussian_thompson`); `alpha` 1 (`linucb`),
    /// `noise_sd` 1, `draws` 1,000, `top_two` none (`linear_thompson`), and both `ridge` 1,
    /// `model` `disjoint` (or `shared`, `hybrid`), `interactions` false (products of each feature
    /// of the context with each of the arm).
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] with the field, the value and the rule, floors that add up to
    /// more than 1 among them; [`ErrorKind::InvalidId`] for keys; [`ErrorKind::LimitExceeded`] for
    /// more than 1,000 arms, vectors of more than 1,000 numbers, or sums of 2²⁰ numbers in all.
    pub fn from_json(definition: &Json) -> Result<Self> {
        let definition = Definition::from_json(definition)?;
        let per_draw = views::normals_per_draw(&definition);
        if let Policy::LinearThompson { draws, .. } = definition.policy
            && per_draw.saturating_mul(draws as usize) > 1 << 23
        {
            return Err(Error::new(
                ErrorKind::LimitExceeded,
                format!(
                    "bandit.policy.draws is {draws}, of {per_draw} numbers each; at most 2^23 numbers in all"
                ),
            ));
        }
        Ok(Self::of(definition, State::default()))
    }

    fn of(definition: Definition, state: State) -> Self {
        Self {
            definition,
            state,
            cache: Mutex::new(None),
            version: OnceLock::new(),
            normals: OnceLock::new(),
        }
    }

    /// The key of the definition.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.definition.key
    }

    /// The definition with all its defaults.
    #[must_use]
    pub fn definition(&self) -> Json {
        self.definition.to_json()
    }

    /// The hash of the state, 16 hexadecimal digits: XXH3/64 of its bytes.
    #[must_use]
    pub fn state_version(&self) -> String {
        let version = self.version.get_or_init(|| {
            let bytes = bytes::state_bytes(&self.state);
            format!("{:016x}", xxhash_rust::xxh3::xxh3_64(&bytes))
        });
        version.clone()
    }

    /// Takes over what another bandit has seen. Merging is commutative, associative and exact: the
    /// parts of a stream give the state of the whole, in any order. Merging the same part twice
    /// counts it twice. The definition stays this one's; arms that only the other knows are kept
    /// as those that are no longer there.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] unless both have the same key, features, model, factors and
    /// half-life; [`ErrorKind::LimitExceeded`] for more than 2⁴⁰ rewards of an arm. Nothing changes
    /// then.
    ///
    /// ```
    /// use tastemaker::experiment::bandit::Bandit;
    /// use tastemaker::json::json;
    /// let new = || Bandit::from_json(&json!({"key": "b", "policy": "ucb1", "arms": ["x", "y"]}));
    /// let (mut here, mut there) = (new()?, new()?);
    /// here.update_one(&json!({"arm": "x", "reward": 0.1}))?;
    /// there.update_one(&json!({"arm": "x", "reward": 0.2}))?;
    /// let (mut one, mut other) = (here.clone(), there.clone());
    /// one.merge(&there)?;
    /// other.merge(&here)?;
    /// assert_eq!(one.to_bytes(), other.to_bytes());
    /// # Ok::<(), tastemaker::Error>(())
    /// ```
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        self.check_same(&other.definition)?;
        let mut state = self.state.clone();
        state.merge(&other.state)?;
        self.state = state;
        self.changed();
        Ok(())
    }

    /// Takes another definition and keeps the state, arm by arm, by key.
    ///
    /// # Errors
    /// Those of [`from_json`](Self::from_json); [`ErrorKind::InvalidArgument`] unless the key,
    /// features, model, factors and half-life stay: their sums would mean something else.
    pub fn redefine(&mut self, definition: &Json) -> Result<Redefined> {
        let new = Self::from_json(definition)?.definition;
        self.check_same(&new)?;
        if let Some(low_high) = self.outside(&new) {
            return Err(low_high);
        }
        let text = |key: &str| key.replace(definition::SEPARATOR, "/");
        let mut out = Redefined::default();
        for (key, _) in new.places() {
            let list = if self.definition.place(key).is_some() {
                &mut out.kept
            } else {
                &mut out.added
            };
            list.push(text(key));
        }
        let gone = self.definition.places();
        let gone = gone.filter(|(key, _)| new.place(key).is_none());
        out.removed = gone.map(|(key, _)| text(key)).collect();
        *self = Self::of(new, std::mem::take(&mut self.state));
        Ok(out)
    }

    /// Rewards that were taken under another policy and are outside of what this one takes.
    fn outside(&self, new: &Definition) -> Option<Error> {
        let ((low, high), (new_low, new_high)) =
            (self.definition.policy.range(), new.policy.range());
        let empty = self.state.newest.is_none();
        (!empty && (low < new_low || high > new_high)).then(|| {
            Error::new(
                ErrorKind::InvalidArgument,
                format!(
                    "bandit.policy is {}, which takes rewards from {new_low} to {new_high}; those that were seen may be from {low} to {high}",
                    new.policy.name()
                ),
            )
        })
    }

    fn check_same(&self, other: &Definition) -> Result<()> {
        let (ours, theirs) = (self.definition.statistics(), other.statistics());
        if ours == theirs && (ours.3 || self.definition.same_factors(other)) {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::InvalidArgument,
            format!(
                "bandit {} and bandit {} have states that cannot be added up: key, features, model, factors and half_life must be the same",
                shown(ours.0),
                shown(theirs.0)
            ),
        ))
    }

    /// Forgets what was worked out from the state.
    fn changed(&mut self) {
        self.cache = Mutex::new(None);
        self.version = OnceLock::new();
    }

    /// What follows from the state at a time.
    fn compiled(&self, now: Option<i64>) -> Result<Arc<Compiled>> {
        if let Some(now) = now.filter(|now| !(MIN_TIMESTAMP..=MAX_TIMESTAMP).contains(now)) {
            return Err(Error::new(
                ErrorKind::InvalidTimestamp,
                format!("now is {now}; it must be within the years 1 to 9999, in milliseconds"),
            ));
        }
        let now = now.map(|now| state::bucket(now, self.definition.half_life));
        let now = self.state.at(now);
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(compiled) = cache.as_ref().filter(|compiled| compiled.now == now) {
            return Ok(Arc::clone(compiled));
        }
        let compiled = Arc::new(self.compile(now));
        *cache = Some(Arc::clone(&compiled));
        Ok(compiled)
    }

    fn compile(&self, now: i64) -> Compiled {
        let definition = &self.definition;
        let seen = views::seen(definition, &self.state, now);
        match definition.policy {
            Policy::LinUcb { ridge, .. } | Policy::LinearThompson { ridge, .. } => {
                let keys: Vec<String> = (0..definition.arms.len())
                    .map(|place| definition.state_key_of(place))
                    .collect();
                let shape = &definition.shape;
                let regression = Regression::new(&self.state, shape, &keys, ridge, now);
                Compiled {
                    now,
                    seen,
                    view: None,
                    regression: Some(regression),
                    first: None,
                }
            }
            _ => {
                let view = views::plain(definition, &seen);
                let places: Vec<usize> = (0..definition.arms.len()).collect();
                let first = views::units(definition, &view, &places);
                Compiled {
                    now,
                    seen,
                    view: Some(Arc::new(view)),
                    regression: None,
                    first: Some(first),
                }
            }
        }
    }

    /// The policy's view of the arms in a request.
    fn view(&self, compiled: &Compiled, request: &Request) -> Result<Arc<View>> {
        let definition = &self.definition;
        let shape = &definition.shape;
        for (name, names, given) in [
            ("context", &shape.context, &request.context),
            ("arm_features", &shape.arm, &request.arm_features),
        ] {
            if given.is_some() && names.is_empty() {
                return Err(Error::new(
                    ErrorKind::InvalidArgument,
                    format!("request.{name} is given; the bandit has no such features"),
                ));
            }
        }
        if let Some(view) = &compiled.view {
            return Ok(Arc::clone(view));
        }
        let context = features::read("request.context", &shape.context, request.context.as_ref())?;
        let vectors: Vec<Vectors> = if definition.factors.is_empty() {
            let arms = self.arm_features(request)?;
            arms.iter()
                .map(|arm| shape.vectors(&context, arm))
                .collect::<Result<_>>()?
        } else {
            (0..definition.arms.len())
                .map(|place| shape.of_variant(place))
                .collect()
        };
        let Some(regression) = &compiled.regression else {
            return Err(Error::new(ErrorKind::Internal, "a policy without a view"));
        };
        let normals = || {
            let Policy::LinearThompson { draws, .. } = definition.policy else {
                return Arc::default();
            };
            let count = views::normals_per_draw(definition) * draws as usize;
            let normals = self
                .normals
                .get_or_init(|| Arc::new(views::normals(&definition.key, count)));
            Arc::clone(normals)
        };
        Ok(Arc::new(views::linear(
            definition.policy,
            regression,
            &vectors,
            normals,
        )))
    }
}

impl Redefined {
    /// As JSON.
    #[must_use]
    pub fn to_json(&self) -> Json {
        json!({"kept": self.kept, "added": self.added, "removed": self.removed})
    }
}
