//! What `analyze` is asked.

use serde_json::Value as Json;

use super::arm::{Arm, Metric, read_arms};
use super::multiple::Correction;
use super::srm::read_shares;
use super::test::{Alternative, Relative};
use crate::error::{Error, ErrorKind, Result};
use crate::fields::Fields;

/// Segments or strata at most.
const GROUPS: usize = 1000;

/// The way to look at the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Method {
    /// One look, at a number of units that was fixed before the start.
    Frequentist,
    /// Any number of looks, at any time: always-valid p-values and confidence sequences.
    Sequential,
    /// Chances and expected losses, given a prior.
    Bayesian,
}

impl Method {
    /// The name in requests and reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Frequentist => "frequentist",
            Self::Sequential => "sequential",
            Self::Bayesian => "bayesian",
        }
    }
}

/// What is believed before the data.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Prior {
    /// Pseudo-conversions and pseudo-failures of each arm.
    Beta(f64, f64),
    /// Mean and variance of each arm's mean; no variance is no prior.
    Normal(f64, Option<f64>),
}

/// What a unit of the metric is worth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Roi {
    pub(crate) value: f64,
    pub(crate) units: f64,
    pub(crate) cost: f64,
}

/// A part of the units, with all arms.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) weight: Option<f64>,
    pub(crate) arms: Vec<Arm>,
}

/// An experiment and how to look at it; [`Request::from_json`] reads it.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    pub(crate) metric: Metric,
    pub(crate) method: Method,
    pub(crate) alternative: Alternative,
    pub(crate) alpha: f64,
    pub(crate) correction: Correction,
    pub(crate) relative: Relative,
    pub(crate) cuped: bool,
    pub(crate) prior: Prior,
    pub(crate) tuning_units: f64,
    pub(crate) min_units: u64,
    pub(crate) shares: Option<Vec<f64>>,
    pub(crate) increase: bool,
    pub(crate) roi: Option<Roi>,
    /// The place of the control.
    pub(crate) control: usize,
    /// One, or the strata.
    pub(crate) strata: Vec<Group>,
    pub(crate) segments: Vec<Group>,
}

const NAMES: [&str; 19] = [
    "metric",
    "arms",
    "strata",
    "segments",
    "control",
    "method",
    "alternative",
    "alpha",
    "correction",
    "relative",
    "cuped",
    "prior",
    "tuning_units",
    "min_units",
    "shares",
    "goal",
    "roi",
    "unit",
    "randomization_unit",
];

impl Request {
    /// Reads a request.
    ///
    /// | name | what | default |
    /// |---|---|---|
    /// | `metric` | `proportion`, `mean`, `ratio` | needed |
    /// | `arms` | a list of [`Arm`]s; or `strata`: `[{"name", "arms", "weight"?}]` | needed |
    /// | `control` | the name of the arm that the others are compared with | the first |
    /// | `method` | `frequentist`, `sequential`, `bayesian` | `frequentist` |
    /// | `alternative` | `two_sided`, `greater`, `less` | `two_sided` |
    /// | `alpha` | the level, above 0 to 0.5 | 0.05 |
    /// | `correction` | of several arms' p-values: `holm`, `benjamini_hochberg`, `none` | `holm` |
    /// | `relative` | interval of the relative difference: `fieller`, `delta` | `fieller` |
    /// | `cuped` | use the covariate | true |
    /// | `prior` | `{"alpha", "beta"}` of shares, 0.5 or more each; `{"mean", "variance"}` else | 1, 1; none |
    /// | `tuning_units` | where confidence sequences are tightest, in units of both arms | 5,000 |
    /// | `min_units` | units of an arm before a sequential test says anything | 100 |
    /// | `shares` | what the split should be, for the check of it | no check |
    /// | `goal` | `increase`, `decrease`: what is better | `increase` |
    /// | `roi` | `{"value_per_unit", "units", "cost"?}` | none |
    /// | `segments` | `[{"name", "arms"}]` | none |
    /// | `unit`, `randomization_unit` | what was counted, and what was assigned | none |
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for what is not in this table or out of range, arms of
    /// different units, and units other than those that were assigned unless the metric is a ratio;
    /// [`ErrorKind::LimitExceeded`] where a moment overflows.
    pub fn from_json(json: &Json) -> Result<Self> {
        let fields = Fields::new("analyze", json, &NAMES)?;
        let metric = Metric::read(&fields)?;
        let choice = |name: &str, names: &[&str]| -> Result<usize> {
            let Some(given) = fields.text(name)? else {
                return Ok(0);
            };
            names.iter().position(|n| *n == given).ok_or_else(|| {
                let rule = format!("it must be one of {}", names.join(", "));
                fields.wrong(name, &given.into(), &rule)
            })
        };
        let method = match choice("method", &["frequentist", "sequential", "bayesian"])? {
            0 => Method::Frequentist,
            1 => Method::Sequential,
            _ => Method::Bayesian,
        };
        let alternative = match choice("alternative", &["two_sided", "greater", "less"])? {
            0 => Alternative::TwoSided,
            1 => Alternative::Greater,
            _ => Alternative::Less,
        };
        if method == Method::Bayesian && alternative != Alternative::TwoSided {
            return Err(fields.wrong(
                "alternative",
                fields.raw("alternative").unwrap_or(&Json::Null),
                "the bayesian method has none: chance_to_win is of one side already",
            ));
        }
        let strata = groups(&fields, "strata", metric)?;
        let strata = match (fields.get("arms"), strata.is_empty()) {
            (arms @ Some(_), true) => vec![Group {
                name: String::new(),
                weight: None,
                arms: read_arms("arms", metric, arms)?,
            }],
            (None, false) => strata,
            _ => {
                return Err(Error::new(
                    ErrorKind::InvalidArgument,
                    "arms are needed, or strata, and not both",
                ));
            }
        };
        let first: &[Arm] = strata.first().map_or(&[], |group| group.arms.as_slice());
        let mut segments = groups(&fields, "segments", metric)?;
        for segment in &mut segments {
            segment.arms = in_order(first, &segment.arms, &segment.name)?;
        }
        if method == Method::Bayesian && !segments.is_empty() {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                "segments are guarded by corrected p-values, which the method bayesian has not",
            ));
        }
        let control = match fields.text("control")? {
            None => 0,
            Some(name) => first
                .iter()
                .position(|arm| arm.name == name)
                .ok_or_else(|| {
                    fields.wrong("control", &name.into(), "it must be the name of an arm")
                })?,
        };
        let shares = read_shares(&fields, "shares")?;
        if let Some(shares) = shares.as_ref().filter(|s| s.len() != first.len()) {
            let given = shares.len().into();
            let rule = format!("there must be a share for each of the {} arms", first.len());
            return Err(fields.wrong("shares", &given, &rule));
        }
        check_units(&fields, metric)?;
        Ok(Self {
            metric,
            method,
            alternative,
            alpha: fields.number("alpha", 0.05, 1e-9, 0.5)?,
            correction: Correction::read(&fields, "correction")?,
            relative: match choice("relative", &["fieller", "delta"])? {
                0 => Relative::Fieller,
                _ => Relative::Delta,
            },
            cuped: fields.bool("cuped", true)?,
            prior: prior(&fields, metric)?,
            tuning_units: fields.number("tuning_units", 5000.0, 1.0, 1e12)?,
            min_units: fields.whole("min_units", 100, 2, 1 << 40)?,
            shares,
            increase: choice("goal", &["increase", "decrease"])? == 0,
            roi: roi(&fields)?,
            control,
            strata,
            segments,
        })
    }

    /// The names of the arms, in the order given.
    pub(crate) fn arms(&self) -> &[Arm] {
        self.strata.first().map_or(&[], |group| &group.arms)
    }
}

/// A metric of sessions says nothing for certain where users were assigned: a user's sessions are
/// alike, and a test that takes them as independent finds differences that are not there.
fn check_units(fields: &Fields<'_>, metric: Metric) -> Result<()> {
    let (unit, assigned) = (fields.text("unit")?, fields.text("randomization_unit")?);
    match (unit, assigned) {
        (Some(unit), Some(assigned)) if unit != assigned && metric != Metric::Ratio => Err(fields
            .wrong(
                "unit",
                &unit.into(),
                &format!(
                    "{assigned:?} was assigned, and units of another kind are not independent: sum \
                     up by {assigned:?}, and use the metric ratio for values per {unit:?}"
                ),
            )),
        _ => Ok(()),
    }
}

fn prior(fields: &Fields<'_>, metric: Metric) -> Result<Prior> {
    let given = fields.get("prior").unwrap_or(&Json::Null);
    if metric == Metric::Proportion {
        let prior = Fields::new("prior", given, &["alpha", "beta"])?;
        return Ok(Prior::Beta(
            prior.number("alpha", 1.0, 0.5, 1e9)?,
            prior.number("beta", 1.0, 0.5, 1e9)?,
        ));
    }
    let prior = Fields::new("prior", given, &["mean", "variance"])?;
    let mean = prior.number("mean", 0.0, -1e15, 1e15)?;
    let variance = match prior.get("variance") {
        None => None,
        Some(_) => Some(prior.number("variance", 1.0, 1e-15, 1e30)?),
    };
    Ok(Prior::Normal(mean, variance))
}

fn roi(fields: &Fields<'_>) -> Result<Option<Roi>> {
    let Some(given) = fields.get("roi") else {
        return Ok(None);
    };
    let roi = Fields::new("roi", given, &["value_per_unit", "units", "cost"])?;
    for name in ["value_per_unit", "units"] {
        if roi.get(name).is_none() {
            return Err(roi.wrong(name, &Json::Null, "it is needed, a number"));
        }
    }
    Ok(Some(Roi {
        value: roi.number("value_per_unit", 0.0, -1e15, 1e15)?,
        units: roi.number("units", 0.0, 0.0, 1e15)?,
        cost: roi.number("cost", 0.0, 0.0, 1e18)?,
    }))
}

/// Strata or segments.
fn groups(fields: &Fields<'_>, name: &str, metric: Metric) -> Result<Vec<Group>> {
    let Some(given) = fields.get(name) else {
        return Ok(Vec::new());
    };
    let wrong = |rule: &str| fields.wrong(name, given, rule);
    let list = given
        .as_array()
        .filter(|list| !list.is_empty() && list.len() <= GROUPS)
        .ok_or_else(|| wrong(&format!("it must be a list of 1 to {GROUPS} groups")))?;
    let mut groups: Vec<Group> = Vec::with_capacity(list.len());
    for (at, json) in list.iter().enumerate() {
        let what = format!("{name}[{at}]");
        let known: &[&str] = if name == "strata" {
            &["name", "arms", "weight"]
        } else {
            &["name", "arms"]
        };
        let group = Fields::new(&what, json, known)?;
        let label = group.text("name")?.unwrap_or_default().to_owned();
        if label.is_empty() || groups.iter().any(|other| other.name == label) {
            return Err(group.wrong(
                "name",
                &label.into(),
                "it must be a text that no other group has",
            ));
        }
        let weight = match group.get("weight") {
            None => None,
            Some(_) => Some(group.number("weight", 1.0, 0.0, 1e15)?),
        };
        let mut arms = read_arms(&format!("{what}.arms"), metric, group.get("arms"))?;
        if let Some(first) = groups.first() {
            arms = in_order(&first.arms, &arms, &label)?;
            if first.weight.is_some() != weight.is_some() {
                return Err(wrong("all strata have a weight, or none has"));
            }
        }
        groups.push(Group {
            name: label,
            weight,
            arms,
        });
    }
    Ok(groups)
}

/// The arms in the order of the first group's.
fn in_order(first: &[Arm], arms: &[Arm], group: &str) -> Result<Vec<Arm>> {
    let wrong = |message: String| Error::new(ErrorKind::InvalidArgument, message);
    if first.len() != arms.len() {
        return Err(wrong(format!(
            "{group:?} has {} arms, and the others {}",
            arms.len(),
            first.len()
        )));
    }
    let find = |wanted: &Arm| {
        let arm = arms.iter().find(|arm| arm.name == wanted.name);
        let arm = arm.ok_or_else(|| wrong(format!("{group:?} has no arm {:?}", wanted.name)))?;
        if arm.unit != wanted.unit || arm.covariate != wanted.covariate {
            return Err(wrong(format!(
                "{group:?}: the arm {:?} has another unit, or another covariate, than elsewhere",
                wanted.name
            )));
        }
        Ok(arm.clone())
    };
    first.iter().map(find).collect()
}
