//! Which trainers make the graph; their options are in a file each.

mod cooccurrence;
mod ials;
mod ridge;
mod sequence;
mod spectral;

pub use cooccurrence::{CooccurrenceOptions, Weighting};
pub use ials::IalsOptions;
pub use ridge::RidgeOptions;
pub use sequence::SequenceOptions;
pub use spectral::SpectralOptions;

use serde_json::{Value as Json, json};

use crate::error::{Error, ErrorKind, Result, shown};

/// The trainers of a blend, at most.
const MOST: usize = 16;

/// What makes the graph.
///
/// In JSON: `"auto"`, the name of a trainer, an object `{"name", …its options}`, or a list of
/// them with a `weight` each (default 1), whose weighted sum makes the graph.
///
/// ```
/// use tastemaker::{json::json, train::Plan};
/// let plan = Plan::from_json(&json!([{"name": "ridge"}, {"name": "spectral", "weight": 2}]))?;
/// assert!(matches!(plan, Plan::Blend(parts) if parts.len() == 2));
/// # Ok::<(), tastemaker::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Plan {
    /// The library chooses: by trying on held-out events where there are enough of them.
    #[default]
    Auto,
    /// A weighted sum of these.
    Blend(Vec<Component>),
}

/// A trainer and what it counts in a blend.
#[derive(Clone, Debug, PartialEq)]
pub struct Component {
    /// From 0 to 1e6.
    pub weight: f64,
    /// The trainer.
    pub trainer: TrainerOptions,
}

impl Plan {
    /// One trainer.
    #[must_use]
    pub fn of(trainer: TrainerOptions) -> Self {
        Self::Blend(vec![Component {
            weight: 1.0,
            trainer,
        }])
    }

    /// Reads what [`Plan`] describes.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`].
    pub fn from_json(value: &Json) -> Result<Self> {
        match value {
            Json::String(name) if name == "auto" => Ok(Self::Auto),
            Json::Array(list) if list.is_empty() || list.len() > MOST => Err(Error::new(
                ErrorKind::InvalidArgument,
                format!(
                    "options.trainer has {} parts; it must have 1 to {MOST}",
                    list.len()
                ),
            )),
            Json::Array(list) => {
                let parts: Result<Vec<Component>> = list
                    .iter()
                    .enumerate()
                    .map(|(i, part)| Component::from_json(part, &format!("options.trainer[{i}]")))
                    .collect();
                Ok(Self::Blend(parts?))
            }
            one => Ok(Self::Blend(vec![Component::from_json(
                one,
                "options.trainer",
            )?])),
        }
    }

    /// Whether the order of time may matter.
    pub(super) fn looks_at_time(&self) -> bool {
        match self {
            Self::Auto => true,
            Self::Blend(parts) => parts
                .iter()
                .any(|part| matches!(part.trainer, TrainerOptions::Sequence(_))),
        }
    }

    /// What [`Plan::from_json`] reads, with every option.
    #[must_use]
    pub fn to_json(&self) -> Json {
        match self {
            Self::Auto => json!("auto"),
            Self::Blend(parts) => parts.iter().map(Component::to_json).collect(),
        }
    }
}

const NAMES: &str = "auto, spectral, ridge, cooccurrence, ials, sequence";

impl Component {
    fn from_json(value: &Json, what: &str) -> Result<Self> {
        let empty = json!({});
        let (name, object) = match value {
            Json::String(name) => (name.as_str(), &empty),
            Json::Object(map) => (map.get("name").and_then(Json::as_str).unwrap_or(""), value),
            _ => ("", value),
        };
        let trainer = match name {
            "spectral" => TrainerOptions::Spectral(SpectralOptions::from_json(object, what)?),
            "ridge" => TrainerOptions::Ridge(RidgeOptions::from_json(object, what)?),
            "ials" => TrainerOptions::Ials(IalsOptions::from_json(object, what)?),
            "sequence" => TrainerOptions::Sequence(SequenceOptions::from_json(object, what)?),
            "cooccurrence" => {
                TrainerOptions::Cooccurrence(CooccurrenceOptions::from_json(object, what)?)
            }
            _ => {
                return Err(Error::new(
                    ErrorKind::InvalidArgument,
                    format!(
                        "{what} is {}; it must name one of {NAMES}",
                        shown(&value.to_string())
                    ),
                ));
            }
        };
        let weight = match object.get("weight") {
            None | Some(Json::Null) => 1.0,
            Some(weight) => weight
                .as_f64()
                .filter(|w| (0.0..=1e6).contains(w))
                .ok_or_else(|| {
                    Error::new(
                        ErrorKind::InvalidArgument,
                        format!(
                            "{what}.weight is {}; it must be a number from 0 to 1e6",
                            shown(&weight.to_string())
                        ),
                    )
                })?,
        };
        Ok(Self { weight, trainer })
    }

    fn to_json(&self) -> Json {
        let mut object = self.trainer.to_json();
        if let Some(map) = object.as_object_mut() {
            map.insert("name".to_owned(), self.trainer.name().into());
            map.insert("weight".to_owned(), self.weight.into());
        }
        object
    }
}

impl TrainerOptions {
    /// The trainer's name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Spectral(_) => "spectral",
            Self::Ridge(_) => "ridge",
            Self::Cooccurrence(_) => "cooccurrence",
            Self::Ials(_) => "ials",
            Self::Sequence(_) => "sequence",
        }
    }

    /// The trainer and its main settings, for people.
    pub(crate) fn label(&self) -> String {
        match self {
            Self::Spectral(o) => format!(
                "spectral(rank={}, alpha={}, popularity_exponent={})",
                o.rank, o.alpha, o.popularity_exponent
            ),
            Self::Ridge(o) => format!(
                "ridge(lambda={}, support={}, user_exponent={}, popularity_exponent={})",
                o.lambda, o.support, o.user_exponent, o.popularity_exponent
            ),
            Self::Cooccurrence(_) | Self::Ials(_) | Self::Sequence(_) => self.name().to_owned(),
        }
    }

    fn to_json(&self) -> Json {
        match self {
            Self::Spectral(options) => options.to_json(),
            Self::Ridge(options) => options.to_json(),
            Self::Cooccurrence(options) => options.to_json(),
            Self::Ials(options) => options.to_json(),
            Self::Sequence(options) => options.to_json(),
        }
    }
}

/// One trainer with its options.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum TrainerOptions {
    /// Graph filter: co-occurrence and the leading subspace.
    Spectral(SpectralOptions),
    /// Regression of each item on its strongest candidates.
    Ridge(RidgeOptions),
    /// Counts of items that meet, weighted in one of several ways.
    Cooccurrence(CooccurrenceOptions),
    /// Factors of users and items, by alternating least squares.
    Ials(IalsOptions),
    /// What comes after what.
    Sequence(SequenceOptions),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(value: &Json) -> Vec<(&'static str, f64)> {
        match Plan::from_json(value).unwrap() {
            Plan::Auto => vec![("auto", 0.0)],
            Plan::Blend(parts) => parts
                .iter()
                .map(|part| (part.trainer.name(), part.weight))
                .collect(),
        }
    }

    #[test]
    fn a_plan_is_a_name_an_object_or_a_list() {
        assert_eq!(parts(&json!("auto")), [("auto", 0.0)]);
        assert_eq!(parts(&json!("ridge")), [("ridge", 1.0)]);
        assert_eq!(
            parts(&json!({"name": "spectral", "weight": null})),
            [("spectral", 1.0)]
        );
        assert_eq!(
            parts(&json!(["ridge", {"name": "spectral", "weight": 2}])),
            [("ridge", 1.0), ("spectral", 2.0)]
        );
        assert_eq!(parts(&json!(vec!["ridge"; 16])).len(), 16);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (bad, message) in [
            (
                json!("best"),
                "; it must name one of auto, spectral, ridge, cooccurrence",
            ),
            (json!(["auto"]), "options.trainer[0] is "),
            (
                json!([]),
                "options.trainer has 0 parts; it must have 1 to 16",
            ),
            (json!(vec!["ridge"; 17]), "options.trainer has 17 parts"),
            (
                json!(["ridge", {"name": "ridge", "weight": -1}]),
                "options.trainer[1].weight is \"-1\"",
            ),
            (
                json!({"name": "spectral", "lambda": 1}),
                "options.trainer.\"lambda\" is not known",
            ),
            (
                json!({"name": "ridge", "lambda": 0}),
                "options.trainer.lambda is \"0\"",
            ),
        ] {
            let error = Plan::from_json(&bad).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument);
            assert!(error.message().contains(message), "{bad}: {error}");
        }
    }

    #[test]
    fn a_plan_survives_json() {
        for plan in [
            Plan::Auto,
            Plan::of(TrainerOptions::Ridge(RidgeOptions {
                lambda: 3.5,
                ..RidgeOptions::default()
            })),
            Plan::from_json(
                &json!([{"name": "spectral", "rank": 9}, {"name": "ridge", "weight": 0.1}]),
            )
            .unwrap(),
        ] {
            assert_eq!(Plan::from_json(&plan.to_json()).unwrap(), plan);
        }
    }
}
