//! What a bandit is told to do: its policy, arms, features and limits, read strictly from JSON.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use super::features::{Model, Shape};
use crate::error::{Error, ErrorKind, Result, shown};
use crate::fields::Fields;
use crate::id::check_id;

/// The most arms, or variants of all factors together.
pub(super) const MAX_ARMS: usize = 1_000;
/// The most numbers that one set of statistics may have.
const MAX_NUMBERS: usize = 1 << 20;
/// Between the name of a factor and that of a variant, in the key of their statistics.
pub(super) const SEPARATOR: char = '\0';

/// How arms are chosen, with the options of each way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Policy {
    EpsilonGreedy {
        epsilon: f64,
        prior_mean: f64,
        prior_weight: f64,
    },
    Ucb {
        tuned: bool,
        exploration: f64,
        range: (f64, f64),
    },
    BetaThompson {
        prior: (f64, f64),
        top_two: Option<f64>,
    },
    GaussianThompson {
        prior_mean: f64,
        prior_sd: f64,
        noise_sd: f64,
        top_two: Option<f64>,
    },
    LinUcb {
        alpha: f64,
        ridge: f64,
    },
    LinearThompson {
        ridge: f64,
        noise_sd: f64,
        draws: u32,
        top_two: Option<f64>,
    },
}

impl Policy {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::EpsilonGreedy { .. } => "epsilon_greedy",
            Self::Ucb { tuned: false, .. } => "ucb1",
            Self::Ucb { tuned: true, .. } => "ucb_tuned",
            Self::BetaThompson { .. } => "beta_thompson",
            Self::GaussianThompson { .. } => "gaussian_thompson",
            Self::LinUcb { .. } => "linucb",
            Self::LinearThompson { .. } => "linear_thompson",
        }
    }

    pub(super) fn is_linear(self) -> bool {
        matches!(self, Self::LinUcb { .. } | Self::LinearThompson { .. })
    }

    /// The rewards that are taken.
    pub(super) fn range(self) -> (f64, f64) {
        match self {
            Self::BetaThompson { .. } => (0.0, 1.0),
            Self::Ucb { range, .. } => range,
            _ => (-super::state::MAX_REWARD, super::state::MAX_REWARD),
        }
    }

    fn to_json(self, model: Model, interactions: bool) -> Json {
        let mut out = match self {
            Self::EpsilonGreedy {
                epsilon,
                prior_mean,
                prior_weight,
            } => {
                json!({"epsilon": epsilon, "prior_mean": prior_mean, "prior_weight": prior_weight})
            }
            Self::Ucb {
                exploration, range, ..
            } => json!({"exploration": exploration, "range": [range.0, range.1]}),
            Self::BetaThompson { prior, top_two } => {
                json!({"prior": [prior.0, prior.1], "top_two": top_two})
            }
            Self::GaussianThompson {
                prior_mean,
                prior_sd,
                noise_sd,
                top_two,
            } => json!({
                "prior_mean": prior_mean, "prior_sd": prior_sd, "noise_sd": noise_sd,
                "top_two": top_two,
            }),
            Self::LinUcb { alpha, ridge } => json!({"alpha": alpha, "ridge": ridge}),
            Self::LinearThompson {
                ridge,
                noise_sd,
                draws,
                top_two,
            } => json!({"ridge": ridge, "noise_sd": noise_sd, "draws": draws, "top_two": top_two}),
        };
        if let Some(map) = out.as_object_mut() {
            map.retain(|_, value| !value.is_null());
            map.insert("name".to_owned(), self.name().into());
            if self.is_linear() {
                map.insert("model".to_owned(), model.as_str().into());
                map.insert("interactions".to_owned(), interactions.into());
            }
        }
        out
    }
}

/// One arm.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Arm {
    pub(super) key: String,
    pub(super) floor: f64,
    /// Its own Beta prior.
    pub(super) prior: Option<(f64, f64)>,
    /// What a choice of it stands for; given back as it is.
    pub(super) value: Json,
}

/// A content slot and its variants: places in the list of arms.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Factor {
    pub(super) key: String,
    pub(super) from: usize,
    pub(super) to: usize,
}

/// A checked definition.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Definition {
    pub(super) key: String,
    pub(super) policy: Policy,
    /// Without factors the arms, with factors the variants, factor by factor.
    pub(super) arms: Vec<Arm>,
    pub(super) factors: Vec<Factor>,
    pub(super) shape: Shape,
    floor: f64,
    /// Milliseconds after which a reward counts half.
    pub(super) half_life: Option<u64>,
    places: BTreeMap<String, usize>,
}

fn wrong(message: String) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}

impl Definition {
    pub(super) fn from_json(given: &Json) -> Result<Self> {
        if given.is_null() {
            return Err(wrong("bandit is null; it must be an object".to_owned()));
        }
        let names = [
            "key",
            "policy",
            "arms",
            "factors",
            "features",
            "floor",
            "half_life",
        ];
        let fields = Fields::new("bandit", given, &names)?;
        let key = name("bandit.key", fields.text("key")?.unwrap_or_default())?;
        let (policy, model, interactions) = policy(fields.get("policy"))?;
        let floor = fields.number("floor", 0.0, 0.0, 1.0)?;
        let half_life = match fields.get("half_life") {
            None => None,
            Some(_) => Some(fields.whole("half_life", 0, 1_000, 3_200_000_000_000)?),
        };
        let (arms, factors) = match (fields.get("arms"), fields.get("factors")) {
            (Some(list), None) => (arms("bandit.arms", list, floor, policy)?, Vec::new()),
            (None, Some(list)) => factors(list, floor, policy)?,
            _ => {
                return Err(wrong(
                    "bandit has both or neither of arms and factors; it has one of them".to_owned(),
                ));
            }
        };
        if arms.len() > MAX_ARMS {
            return Err(Error::new(
                ErrorKind::LimitExceeded,
                format!("bandit has {} arms; at most {MAX_ARMS}", arms.len()),
            ));
        }
        let features = Fields::new(
            "bandit.features",
            fields.get("features").unwrap_or(&Json::Null),
            &["context", "arm"],
        )?;
        let context = distinct("context", &features)?;
        let arm = distinct("arm", &features)?;
        if !policy.is_linear() && (!context.is_empty() || !arm.is_empty()) {
            return Err(wrong(format!(
                "bandit.features are given, but the policy {} has none; linucb and linear_thompson have",
                policy.name()
            )));
        }
        let shape = if factors.is_empty() {
            Shape::of_features(policy.is_linear(), model, interactions, context, arm)?
        } else {
            if !policy.is_linear() {
                return Err(wrong(format!(
                    "bandit.factors need the policy linucb or linear_thompson; it is {}",
                    policy.name()
                )));
            }
            if !(context.is_empty() && arm.is_empty()) {
                return Err(wrong(
                    "bandit.features are given beside factors; a model of factors has no other features"
                        .to_owned(),
                ));
            }
            let given = fields.get("policy").and_then(|policy| policy.get("model"));
            if interactions || given.is_some_and(|model| model != "shared") {
                return Err(wrong(
                    "bandit.policy has a model or interactions beside factors; their model is shared, of main effects"
                        .to_owned(),
                ));
            }
            Shape::of_factors(arms.len())
        };
        if shape.numbers_per_arm().saturating_mul(arms.len()) + shape.shared_numbers() > MAX_NUMBERS
        {
            return Err(Error::new(
                ErrorKind::LimitExceeded,
                format!(
                    "bandit: its arms and features need {} numbers an arm and {} shared ones; at most {MAX_NUMBERS} in all",
                    shape.numbers_per_arm(),
                    shape.shared_numbers()
                ),
            ));
        }
        let mut places = BTreeMap::new();
        let groups: Vec<(Option<&Factor>, usize, usize)> = if factors.is_empty() {
            vec![(None, 0, arms.len())]
        } else {
            factors.iter().map(|f| (Some(f), f.from, f.to)).collect()
        };
        for (factor, from, to) in groups {
            let list = arms.get(from..to).unwrap_or_default();
            let floors = list.iter().fold(0.0, |sum, arm| sum + arm.floor);
            if floors > 1.0 + 1e-9 {
                return Err(wrong(format!(
                    "bandit.floor: the floors of {} arms add up to {floors}; at most 1",
                    list.len()
                )));
            }
            for (at, arm) in list.iter().enumerate() {
                let key = state_key(factor.map(|f| f.key.as_str()), &arm.key);
                if places.insert(key, from + at).is_some() {
                    return Err(wrong(format!(
                        "bandit.arms has {} twice; keys are distinct",
                        shown(&arm.key)
                    )));
                }
            }
        }
        Ok(Self {
            key,
            policy,
            arms,
            factors,
            shape,
            floor,
            half_life,
            places,
        })
    }

    /// The definition with all defaults, as canonical JSON.
    pub(super) fn to_json(&self) -> Json {
        let arm = |arm: &Arm| {
            let mut out = Map::new();
            out.insert("key".to_owned(), arm.key.clone().into());
            out.insert("floor".to_owned(), arm.floor.into());
            if let Some((a, b)) = arm.prior {
                out.insert("prior".to_owned(), json!([a, b]));
            }
            if !arm.value.is_null() {
                out.insert("value".to_owned(), arm.value.clone());
            }
            Json::Object(out)
        };
        let mut out = Map::new();
        out.insert("key".to_owned(), self.key.clone().into());
        let (model, interactions) = (self.shape.model, self.shape.interactions);
        out.insert(
            "policy".to_owned(),
            self.policy.to_json(model, interactions),
        );
        if self.factors.is_empty() {
            out.insert("arms".to_owned(), self.arms.iter().map(arm).collect());
        } else {
            let factor = |factor: &Factor| {
                let list = self.arms.get(factor.from..factor.to).unwrap_or_default();
                json!({"key": factor.key, "variants": list.iter().map(arm).collect::<Vec<_>>()})
            };
            out.insert(
                "factors".to_owned(),
                self.factors.iter().map(factor).collect(),
            );
        }
        out.insert("floor".to_owned(), self.floor.into());
        if let Some(half_life) = self.half_life {
            out.insert("half_life".to_owned(), half_life.into());
        }
        if !(self.shape.context.is_empty() && self.shape.arm.is_empty()) {
            out.insert(
                "features".to_owned(),
                json!({"context": self.shape.context, "arm": self.shape.arm}),
            );
        }
        Json::Object(out)
    }

    /// What two states must share to be added up: the key, the statistics and their decay.
    pub(super) fn statistics(&self) -> (&str, &Shape, Option<u64>, bool) {
        (
            &self.key,
            &self.shape,
            self.half_life,
            self.factors.is_empty(),
        )
    }

    /// The place of an arm by the key of its statistics.
    pub(super) fn place(&self, key: &str) -> Option<usize> {
        self.places.get(key).copied()
    }

    /// Whether another definition has the same variants in the same places.
    pub(super) fn same_factors(&self, other: &Self) -> bool {
        self.factors == other.factors && self.places == other.places
    }

    /// The keys of the statistics, with the places of their arms.
    pub(super) fn places(&self) -> impl Iterator<Item = (&str, usize)> {
        self.places
            .iter()
            .map(|(key, place)| (key.as_str(), *place))
    }

    /// The key of an arm's statistics.
    pub(super) fn state_key_of(&self, place: usize) -> String {
        let factor = self
            .factors
            .iter()
            .find(|f| (f.from..f.to).contains(&place));
        let arm = self.arms.get(place).map_or("", |arm| arm.key.as_str());
        state_key(factor.map(|f| f.key.as_str()), arm)
    }
}

/// The key of the statistics of an arm, or of a variant of a factor.
pub(super) fn state_key(factor: Option<&str>, arm: &str) -> String {
    match factor {
        None => arm.to_owned(),
        Some(factor) => format!("{factor}{SEPARATOR}{arm}"),
    }
}

/// A name that can be a key.
fn name(field: &str, text: &str) -> Result<String> {
    check_id(field, text)?;
    if text.contains(SEPARATOR) {
        return Err(Error::new(
            ErrorKind::InvalidId,
            format!("{field} is {}; a key has no NUL", shown(text)),
        ));
    }
    Ok(text.to_owned())
}

/// Names of features: distinct.
fn distinct(field: &str, fields: &Fields<'_>) -> Result<Vec<String>> {
    let list = fields.texts(field)?.unwrap_or_default();
    for (at, text) in list.iter().enumerate() {
        name(&format!("bandit.features.{field}[{at}]"), text)?;
        if list.get(..at).is_some_and(|before| before.contains(text)) {
            return Err(wrong(format!(
                "bandit.features.{field} has {} twice; names are distinct",
                shown(text)
            )));
        }
    }
    Ok(list)
}

fn arms(what: &str, given: &Json, floor: f64, policy: Policy) -> Result<Vec<Arm>> {
    let list = given.as_array().filter(|list| !list.is_empty());
    let list = list.ok_or_else(|| {
        wrong(format!(
            "{what} is {}; it must be a list of at least one arm",
            shown(&given.to_string())
        ))
    })?;
    let read = |(at, given): (usize, &Json)| {
        let what = format!("{what}[{at}]");
        if let Some(key) = given.as_str() {
            return Ok(Arm {
                key: name(&what, key)?,
                floor,
                prior: None,
                value: Json::Null,
            });
        }
        let fields = Fields::new(&what, given, &["key", "floor", "prior", "value"])?;
        if fields.get("prior").is_some() && !matches!(policy, Policy::BetaThompson { .. }) {
            return Err(wrong(format!(
                "{what}.prior is given, but the policy is {}; beta_thompson has priors by arm",
                policy.name()
            )));
        }
        Ok(Arm {
            key: name(
                &format!("{what}.key"),
                fields.text("key")?.unwrap_or_default(),
            )?,
            floor: fields.number("floor", floor, 0.0, 1.0)?,
            prior: beta_prior(&fields)?,
            value: fields.get("value").cloned().unwrap_or(Json::Null),
        })
    };
    list.iter().enumerate().map(read).collect()
}

fn factors(given: &Json, floor: f64, policy: Policy) -> Result<(Vec<Arm>, Vec<Factor>)> {
    let list = given.as_array().filter(|list| !list.is_empty());
    let list = list.ok_or_else(|| {
        wrong(format!(
            "bandit.factors is {}; it must be a list of at least one factor",
            shown(&given.to_string())
        ))
    })?;
    let (mut variants, mut factors) = (Vec::new(), Vec::<Factor>::new());
    for (at, given) in list.iter().enumerate() {
        let what = format!("bandit.factors[{at}]");
        let fields = Fields::new(&what, given, &["key", "variants"])?;
        let key = name(
            &format!("{what}.key"),
            fields.text("key")?.unwrap_or_default(),
        )?;
        if factors.iter().any(|other| other.key == key) {
            return Err(wrong(format!(
                "{what}.key is {} again; keys are distinct",
                shown(&key)
            )));
        }
        let of = fields.get("variants").unwrap_or(&Json::Null);
        let from = variants.len();
        variants.extend(arms(&format!("{what}.variants"), of, floor, policy)?);
        factors.push(Factor {
            key,
            from,
            to: variants.len(),
        });
    }
    Ok((variants, factors))
}

const PRIOR_RULE: &str = "a Beta prior is [a, b], each from 0.5 to 1e6";

fn beta_prior(fields: &Fields<'_>) -> Result<Option<(f64, f64)>> {
    pair(fields, "prior", (0.5, 1e6), PRIOR_RULE)
}

fn pair(
    fields: &Fields<'_>,
    name: &str,
    (low, high): (f64, f64),
    rule: &str,
) -> Result<Option<(f64, f64)>> {
    let Some(given) = fields.get(name) else {
        return Ok(None);
    };
    let pair = match given.as_array().map(Vec::as_slice) {
        Some([a, b]) => a.as_f64().zip(b.as_f64()),
        _ => None,
    };
    pair.filter(|(a, b)| (low..=high).contains(a) && (low..=high).contains(b))
        .map(Some)
        .ok_or_else(|| fields.wrong(name, given, rule))
}

/// Reads a policy: its name, or an object with `name` and its options.
fn policy(given: Option<&Json>) -> Result<(Policy, Model, bool)> {
    const NAMES: &str = "it must be one of epsilon_greedy, ucb1, ucb_tuned, beta_thompson, gaussian_thompson, linucb, linear_thompson";
    let named;
    let given = match given {
        Some(Json::String(name)) => {
            named = json!({"name": name});
            &named
        }
        Some(given) => given,
        None => &Json::Null,
    };
    let what = "bandit.policy";
    let name = given.get("name").and_then(Json::as_str).unwrap_or_default();
    let read = |names: &[&str]| {
        let mut all = vec!["name"];
        all.extend_from_slice(names);
        Fields::new(what, given, &all)
    };
    let top_two = |fields: &Fields<'_>| -> Result<Option<f64>> {
        match fields.get("top_two") {
            None => Ok(None),
            Some(_) => Ok(Some(fields.number("top_two", 0.5, 0.0, 1.0)?)),
        }
    };
    let linear = |fields: &Fields<'_>| -> Result<(Model, bool)> {
        Ok((Model::read(fields)?, fields.bool("interactions", false)?))
    };
    const LARGE: f64 = 1e6;
    const SMALL: f64 = 1e-6;
    let policy = match name {
        "epsilon_greedy" => {
            let fields = read(&["epsilon", "prior_mean", "prior_weight"])?;
            Policy::EpsilonGreedy {
                epsilon: fields.number("epsilon", 0.1, 0.0, 1.0)?,
                prior_mean: fields.number("prior_mean", 0.0, -LARGE, LARGE)?,
                prior_weight: fields.number("prior_weight", 1.0, 0.0, LARGE)?,
            }
        }
        "ucb1" | "ucb_tuned" => {
            let fields = read(&["exploration", "range"])?;
            let rule = "it must be [low, high] with low < high, within ±1e6";
            let range = pair(&fields, "range", (-LARGE, LARGE), rule)?.unwrap_or((0.0, 1.0));
            if range.0 >= range.1 {
                let given = fields.get("range").unwrap_or(&Json::Null);
                return Err(fields.wrong("range", given, rule));
            }
            Policy::Ucb {
                tuned: name == "ucb_tuned",
                exploration: fields.number("exploration", 1.0, 0.0, 100.0)?,
                range,
            }
        }
        "beta_thompson" => {
            let fields = read(&["prior", "top_two"])?;
            Policy::BetaThompson {
                prior: beta_prior(&fields)?.unwrap_or((1.0, 1.0)),
                top_two: top_two(&fields)?,
            }
        }
        "gaussian_thompson" => {
            let fields = read(&["prior_mean", "prior_sd", "noise_sd", "top_two"])?;
            Policy::GaussianThompson {
                prior_mean: fields.number("prior_mean", 0.0, -LARGE, LARGE)?,
                prior_sd: fields.number("prior_sd", 1.0, SMALL, LARGE)?,
                noise_sd: fields.number("noise_sd", 1.0, SMALL, LARGE)?,
                top_two: top_two(&fields)?,
            }
        }
        "linucb" => {
            let fields = read(&["alpha", "ridge", "model", "interactions"])?;
            let policy = Policy::LinUcb {
                alpha: fields.number("alpha", 1.0, 0.0, 1_000.0)?,
                ridge: fields.number("ridge", 1.0, SMALL, LARGE)?,
            };
            let (model, interactions) = linear(&fields)?;
            return Ok((policy, model, interactions));
        }
        "linear_thompson" => {
            let names = [
                "ridge",
                "noise_sd",
                "draws",
                "top_two",
                "model",
                "interactions",
            ];
            let fields = read(&names)?;
            let policy = Policy::LinearThompson {
                ridge: fields.number("ridge", 1.0, SMALL, LARGE)?,
                noise_sd: fields.number("noise_sd", 1.0, SMALL, LARGE)?,
                draws: fields.whole("draws", 1_000, 100, 100_000)? as u32,
                top_two: top_two(&fields)?,
            };
            let (model, interactions) = linear(&fields)?;
            return Ok((policy, model, interactions));
        }
        _ => {
            return Err(wrong(format!(
                "bandit.policy is {}; {NAMES}",
                shown(&given.to_string())
            )));
        }
    };
    Ok((policy, Model::Disjoint, false))
}
