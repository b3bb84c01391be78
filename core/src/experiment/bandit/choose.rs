//! From a request to choices with the exact chance of each.
//!
//! The shares of the arms become whole multiples of 2⁻³² that add up to 1, and a hash of the seed,
//! the unit, the decision and the slot, 32 bits of it, falls into one of them. So the propensity
//! in an answer is the probability that the choice was made with, to the last bit.

use std::borrow::Cow;

use serde_json::{Map, Value as Json, json};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::Bandit;
use super::definition::Definition;
use super::features;
use super::views::{Method, View, WHOLE, units};
use crate::error::{Error, ErrorKind, Result, shown};
use crate::event::timestamp_from_number;
use crate::fields::Fields;
use crate::id::{MAX_ID_BYTES, check_id};

/// The most ways to fill the slots that marginal propensities are added up over.
const MOST_WAYS: usize = 1_000;

/// A question to a bandit.
///
/// ```
/// use tastemaker::experiment::bandit::Request;
/// let request = Request::new("page-view-1");
/// assert_eq!(request.slots, 1);
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Request {
    /// The id of the decision: with the seed and the unit it is what the choice depends on.
    pub decision: String,
    /// Who is decided about; may be empty.
    pub unit: String,
    /// A seed of the caller's.
    pub seed: u64,
    /// The time that rewards are discounted to, in milliseconds; the newest reward's if absent or
    /// earlier.
    pub now: Option<i64>,
    /// The arms that may be chosen; all if absent.
    pub arms: Option<Vec<String>>,
    /// How many different arms to choose.
    pub slots: usize,
    /// Features of the context, in the definition's order; checked when asked.
    pub context: Option<Json>,
    /// Features of the arms, by arm.
    pub arm_features: Option<Json>,
    /// Whether to work out the chance of each choice over all ways to fill the slots before it.
    pub marginals: bool,
    /// Whether the answer lists the shares of all arms in each slot.
    pub explain: bool,
}

impl Request {
    /// A request for one arm.
    #[must_use]
    pub fn new(decision: impl Into<String>) -> Self {
        Self {
            decision: decision.into(),
            unit: String::new(),
            seed: 0,
            now: None,
            arms: None,
            slots: 1,
            context: None,
            arm_features: None,
            marginals: false,
            explain: false,
        }
    }

    /// Reads `{"decision", "unit"?, "seed"?, "now"?, "arms"?, "slots"?, "context"?,
    /// "arm_features"?, "marginals"?, "explain"?}`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for unknown names and values out of range,
    /// [`ErrorKind::InvalidTimestamp`] for `now`.
    pub fn from_json(given: &Json) -> Result<Self> {
        let names = [
            "decision",
            "unit",
            "seed",
            "now",
            "arms",
            "slots",
            "context",
            "arm_features",
            "marginals",
            "explain",
        ];
        let fields = Fields::new("request", given, &names)?;
        Ok(Self {
            decision: fields.text("decision")?.unwrap_or_default().to_owned(),
            unit: fields.text("unit")?.unwrap_or_default().to_owned(),
            seed: fields.whole("seed", 0, 0, 9_007_199_254_740_991)?,
            now: time(&fields, "now")?,
            arms: fields.texts("arms")?,
            slots: fields.whole("slots", 1, 1, super::definition::MAX_ARMS as u64)? as usize,
            context: fields.get("context").cloned(),
            arm_features: fields.get("arm_features").cloned(),
            marginals: fields.bool("marginals", false)?,
            explain: fields.bool("explain", false)?,
        })
    }
}

/// A time among the fields of an object.
pub(super) fn time(fields: &Fields<'_>, name: &str) -> Result<Option<i64>> {
    let Some(value) = fields.get(name) else {
        return Ok(None);
    };
    let number = value
        .as_f64()
        .ok_or_else(|| fields.wrong(name, value, "it must be a number of milliseconds"))?;
    timestamp_from_number(name, number).map(Some)
}

/// One choice.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Choice<'a> {
    /// The factor, of a bandit that has them.
    pub factor: Option<&'a str>,
    /// The key of the arm, or of the factor's variant.
    pub arm: &'a str,
    /// What the definition says the arm stands for.
    pub value: &'a Json,
    /// The chance that it was chosen with, given the choices before it.
    pub propensity: f64,
    /// The chance that it comes to this slot at all, if it was asked for.
    pub marginal: Option<f64>,
    /// The standard error of the propensity as the policy's, where shares are drawn; the chance
    /// that the choice was made with is exact all the same.
    pub standard_error: f64,
    /// The shares of all arms in this slot, if they were asked for.
    pub shares: Vec<(&'a str, f64)>,
}

/// What a bandit answers: what a decision log needs.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Answer<'a> {
    /// The key of the bandit.
    pub bandit: &'a str,
    /// The policy's name.
    pub policy: &'static str,
    /// The decision, as asked.
    pub decision: &'a str,
    /// The unit, as asked.
    pub unit: &'a str,
    /// The seed, as asked.
    pub seed: u64,
    /// The hash of the state that the answer comes from.
    pub state_version: String,
    /// How the shares were worked out: `exact`, `quadrature` or `monte_carlo`.
    pub method: &'static str,
    /// One a slot, or one a factor.
    pub choices: Vec<Choice<'a>>,
    /// The chance of all choices together: the product of theirs.
    pub propensity: f64,
}

impl Answer<'_> {
    /// The answer as JSON.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let choice = |(slot, choice): (usize, &Choice<'_>)| {
            let mut out = Map::new();
            out.insert("slot".to_owned(), slot.into());
            out.insert("factor".to_owned(), choice.factor.into());
            out.insert("arm".to_owned(), choice.arm.into());
            out.insert("value".to_owned(), choice.value.clone());
            out.insert("propensity".to_owned(), choice.propensity.into());
            out.insert("marginal".to_owned(), choice.marginal.into());
            out.insert("standard_error".to_owned(), choice.standard_error.into());
            let share = |(arm, share): &(&str, f64)| json!({"arm": arm, "propensity": share});
            let shares: Vec<Json> = choice.shares.iter().map(share).collect();
            let shares = if shares.is_empty() {
                Json::Null
            } else {
                shares.into()
            };
            out.insert("shares".to_owned(), shares);
            Json::Object(out)
        };
        let choices: Vec<Json> = self.choices.iter().enumerate().map(choice).collect();
        json!({
            "bandit": self.bandit,
            "policy": self.policy,
            "decision": self.decision,
            "unit": self.unit,
            "seed": self.seed,
            "state_version": self.state_version,
            "method": self.method,
            "choices": choices,
            "propensity": self.propensity,
        })
    }
}

/// A number of whole units as a share; exact.
fn share(units: u64) -> f64 {
    units as f64 / WHOLE as f64
}

/// The arm whose range a bucket falls into.
fn fall(units: &[u64], bucket: u64) -> usize {
    let mut end = 0;
    for (at, unit) in units.iter().enumerate() {
        end += unit;
        if bucket < end {
            return at;
        }
    }
    units.iter().rposition(|unit| *unit > 0).unwrap_or(0)
}

/// 32 bits a slot from the seed, the unit and the decision.
struct Dice {
    seed: u64,
    data: Vec<u8>,
}

impl Dice {
    fn new(bandit: &str, request: &Request) -> Self {
        let seed = xxh3_64(format!("tastemaker/3/bandit/{}/{bandit}", request.seed).as_bytes());
        let mut data = Vec::with_capacity(request.unit.len() + request.decision.len() + 8);
        data.extend_from_slice(&(request.unit.len() as u32).to_le_bytes());
        data.extend_from_slice(request.unit.as_bytes());
        data.extend_from_slice(request.decision.as_bytes());
        Self { seed, data }
    }

    fn bucket(&mut self, slot: usize) -> u64 {
        let len = self.data.len();
        self.data.extend_from_slice(&(slot as u32).to_le_bytes());
        let hash = xxh3_64_with_seed(&self.data, self.seed);
        self.data.truncate(len);
        hash >> 32
    }
}

/// The places of the arms that a request allows, in the definition's order.
fn eligible(definition: &Definition, request: &Request) -> Result<Vec<usize>> {
    let Some(given) = &request.arms else {
        return Ok((0..definition.arms.len()).collect());
    };
    if !definition.factors.is_empty() {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            "request.arms is given; a bandit of factors chooses among all variants",
        ));
    }
    let mut allowed = vec![false; definition.arms.len()];
    for key in given {
        let place = definition
            .place(key)
            .and_then(|place| allowed.get_mut(place));
        *place.ok_or_else(|| unknown_arm("request.arms", key))? = true;
    }
    let places: Vec<usize> = (0..allowed.len())
        .filter(|&at| allowed.get(at).copied().unwrap_or(false))
        .collect();
    if places.is_empty() {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            "request.arms is empty; one arm at least",
        ));
    }
    Ok(places)
}

pub(super) fn unknown_arm(what: &str, key: &str) -> Error {
    Error::new(
        ErrorKind::InvalidArgument,
        format!("{what} has {}, which is no arm of the bandit", shown(key)),
    )
}

impl Bandit {
    /// Chooses, and says with what chance.
    ///
    /// The choice depends on the definition, the state, the request's seed, unit, decision,
    /// features and arms, and on nothing else: asked again, it is the same. Each slot is filled
    /// by the policy from the arms that are left, so that a slot's propensity is the chance given
    /// the slots before it, and the answer's propensity their product. Factors are decided
    /// independently.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidId`] for a decision that is empty or too long (or a unit that is too
    /// long); [`ErrorKind::InvalidArgument`] for unknown arms, more slots than arms, missing or
    /// unknown features; [`ErrorKind::LengthMismatch`] for too few or too many features;
    /// [`ErrorKind::InvalidWeight`] for features that are not numbers within ±1,000;
    /// [`ErrorKind::LimitExceeded`] for marginals over more than 1,000 ways to fill the slots.
    ///
    /// # Cost
    /// Without features, the shares of all arms are kept until the state changes: some 0.2 µs.
    /// With an arm's own coefficients a triangular solve an arm, and 20–50 µs of quadrature
    /// for Thompson sampling; with shared ones `draws` × arms × width multiplications.
    ///
    /// ```
    /// use tastemaker::experiment::bandit::{Bandit, Request};
    /// use tastemaker::json::json;
    /// let bandit = Bandit::from_json(&json!({
    ///     "key": "banner", "policy": "beta_thompson", "arms": ["blue", "red"],
    /// }))?;
    /// let request = Request::new("view-1");
    /// let answer = bandit.choose(&request)?;
    /// assert_eq!(answer.choices[0].propensity, 0.5);
    /// # Ok::<(), tastemaker::Error>(())
    /// ```
    pub fn choose<'a>(&'a self, request: &'a Request) -> Result<Answer<'a>> {
        check_id("request.decision", &request.decision)?;
        if request.unit.len() > MAX_ID_BYTES {
            check_id("request.unit", &request.unit)?;
        }
        self.answer(request, true)
    }

    /// The shares of all arms, slot by slot, along the choices that [`choose`](Self::choose)
    /// makes; in a request without a decision, those of the first slot only.
    ///
    /// # Errors
    /// As [`choose`](Self::choose); [`ErrorKind::InvalidArgument`] for several slots without a
    /// decision.
    pub fn propensities<'a>(&'a self, request: &'a Request) -> Result<Answer<'a>> {
        if request.decision.is_empty() && request.slots > 1 {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!(
                    "request.slots is {}, and decision is missing; later slots depend on the choices in earlier ones",
                    request.slots
                ),
            ));
        }
        let mut answer = self.answer(request, false)?;
        if request.decision.is_empty() {
            // Nothing was chosen.
            answer.propensity = 1.0;
        }
        Ok(answer)
    }

    fn answer<'a>(&'a self, request: &'a Request, choosing: bool) -> Result<Answer<'a>> {
        let definition = &self.definition;
        let places = eligible(definition, request)?;
        if request.slots > places.len() || (request.slots > 1 && !definition.factors.is_empty()) {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!(
                    "request.slots is {}; {} arms can be chosen from, and a bandit of factors has a slot a factor",
                    request.slots,
                    places.len()
                ),
            ));
        }
        let explain = request.explain || !choosing;
        let compiled = self.compiled(request.now)?;
        let view = self.view(&compiled, request)?;
        let method = view.method(definition.policy);
        let mut dice = Dice::new(&definition.key, request);
        let mut choices = Vec::with_capacity(request.slots.max(definition.factors.len()));
        let mut fill = |slot: usize, places: &[usize], units: &[u64], factor: Option<&'a str>| {
            let at = fall(units, dice.bucket(slot));
            let place = places.get(at).copied().unwrap_or(0);
            let propensity = share(units.get(at).copied().unwrap_or(0));
            let shares = if explain {
                let each = places.iter().zip(units);
                each.map(|(&place, &unit)| (self.name(place), share(unit)))
                    .collect()
            } else {
                Vec::new()
            };
            choices.push(Choice {
                factor,
                arm: self.name(place),
                value: definition
                    .arms
                    .get(place)
                    .map_or(&Json::Null, |arm| &arm.value),
                propensity,
                marginal: None,
                standard_error: match method {
                    Method::MonteCarlo(draws) => {
                        libm::sqrt(propensity * (1.0 - propensity) / f64::from(draws))
                    }
                    _ => 0.0,
                },
                shares,
            });
            place
        };
        if definition.factors.is_empty() {
            let mut left = places.clone();
            for slot in 0..request.slots {
                let whole = left.len() == definition.arms.len();
                let units = match &compiled.first {
                    Some(first) if whole => Cow::Borrowed(first),
                    _ => Cow::Owned(units(definition, &view, &left)),
                };
                let chosen = fill(slot, &left, &units, None);
                left.retain(|&place| place != chosen);
            }
        } else {
            for (slot, factor) in definition.factors.iter().enumerate() {
                let places: Vec<usize> = (factor.from..factor.to).collect();
                let units = units(definition, &view, &places);
                fill(slot, &places, &units, Some(&factor.key));
            }
        }
        if request.marginals {
            let marginals = self.marginals(&view, &places, &choices)?;
            for (choice, marginal) in choices.iter_mut().zip(marginals) {
                choice.marginal = Some(marginal);
            }
        }
        let propensity = choices
            .iter()
            .fold(1.0, |all, choice| all * choice.propensity);
        Ok(Answer {
            bandit: &definition.key,
            policy: definition.policy.name(),
            decision: &request.decision,
            unit: &request.unit,
            seed: request.seed,
            state_version: self.state_version(),
            method: match method {
                Method::Exact => "exact",
                Method::Quadrature => "quadrature",
                Method::MonteCarlo(_) => "monte_carlo",
            },
            choices,
            propensity,
        })
    }

    fn name(&self, place: usize) -> &str {
        self.definition
            .arms
            .get(place)
            .map_or("", |arm| arm.key.as_str())
    }

    /// For each slot, the chance that its choice comes there, over all ways to fill the slots
    /// before it.
    fn marginals(&self, view: &View, places: &[usize], choices: &[Choice<'_>]) -> Result<Vec<f64>> {
        if !self.definition.factors.is_empty() {
            // Factors do not depend on each other.
            return Ok(choices.iter().map(|choice| choice.propensity).collect());
        }
        let mut ways = 1usize;
        for slot in 0..choices.len().saturating_sub(1) {
            ways = ways.saturating_mul(places.len() - slot);
        }
        if ways > MOST_WAYS {
            return Err(Error::new(
                ErrorKind::LimitExceeded,
                format!(
                    "request.marginals: {ways} ways to fill the slots before the last; at most {MOST_WAYS}"
                ),
            ));
        }
        let wanted: Vec<usize> = choices
            .iter()
            .filter_map(|choice| self.definition.place(choice.arm))
            .collect();
        let mut out = vec![0.0; choices.len()];
        self.walk(view, places, &wanted, 0, 1.0, &mut out);
        Ok(out)
    }

    fn walk(
        &self,
        view: &View,
        left: &[usize],
        wanted: &[usize],
        slot: usize,
        chance: f64,
        out: &mut [f64],
    ) {
        let units = units(&self.definition, view, left);
        for (&place, &unit) in left.iter().zip(&units) {
            if unit == 0 {
                continue;
            }
            let here = chance * share(unit);
            if wanted.get(slot) == Some(&place)
                && let Some(sum) = out.get_mut(slot)
            {
                *sum += here;
            }
            if slot + 1 < out.len() {
                let rest: Vec<usize> = left.iter().copied().filter(|&p| p != place).collect();
                self.walk(view, &rest, wanted, slot + 1, here, out);
            }
        }
    }

    /// The features of each arm in a request.
    pub(super) fn arm_features(&self, request: &Request) -> Result<Vec<Vec<f64>>> {
        let names = &self.definition.shape.arm;
        let by_arm = match &request.arm_features {
            None => None,
            Some(Json::Object(map)) => Some(map),
            Some(other) => {
                return Err(Error::new(
                    ErrorKind::InvalidArgument,
                    format!(
                        "request.arm_features is {}; it must be an object by arm",
                        shown(&other.to_string())
                    ),
                ));
            }
        };
        if let Some(stranger) =
            by_arm.and_then(|map| map.keys().find(|key| self.definition.place(key).is_none()))
        {
            return Err(unknown_arm("request.arm_features", stranger));
        }
        let allowed = |key: &String| request.arms.as_ref().is_none_or(|arms| arms.contains(key));
        let each = self.definition.arms.iter().map(|arm| {
            let given = by_arm.and_then(|map| map.get(&arm.key));
            if given.is_none() && !allowed(&arm.key) {
                return Ok(vec![0.0; names.len()]);
            }
            let what = format!("request.arm_features.{}", shown(&arm.key));
            features::read(&what, names, given)
        });
        each.collect()
    }
}
