//! Which trainers make the graph, and their options.

use serde_json::{Value as Json, json};

use crate::error::{Error, ErrorKind, Result, shown};
use crate::fields::Fields;

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

    /// What [`Plan::from_json`] reads, with every option.
    #[must_use]
    pub fn to_json(&self) -> Json {
        match self {
            Self::Auto => json!("auto"),
            Self::Blend(parts) => parts.iter().map(Component::to_json).collect(),
        }
    }
}

const NAMES: &str = "auto, spectral, ridge";

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
        }
    }

    fn to_json(&self) -> Json {
        match self {
            Self::Spectral(options) => options.to_json(),
            Self::Ridge(options) => options.to_json(),
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
}

/// Options of the spectral trainer.
#[derive(Clone, Debug, PartialEq)]
pub struct SpectralOptions {
    /// Dimension of the subspace, 1 to 2048; limited by the data. Default 256.
    pub rank: usize,
    /// What the subspace counts beside plain co-occurrence, 0 to 100. Default 0.4.
    pub alpha: f64,
    /// Steps of the subspace iteration, 1 to 20. Default 6.
    pub iterations: usize,
    /// Candidates scored for each item, 1 to 100,000. Default 400.
    pub candidates: usize,
    /// How much a neighbour's popularity counts against the item's, −2 to 2. Default 0.5.
    pub popularity_exponent: f64,
}

impl Default for SpectralOptions {
    fn default() -> Self {
        Self {
            rank: 256,
            alpha: 0.4,
            iterations: 6,
            candidates: 400,
            popularity_exponent: 0.5,
        }
    }
}

impl SpectralOptions {
    fn from_json(value: &Json, what: &str) -> Result<Self> {
        let names = [
            "name",
            "weight",
            "rank",
            "alpha",
            "iterations",
            "candidates",
            "popularity_exponent",
        ];
        let fields = Fields::new(what, value, &names)?;
        let d = Self::default();
        Ok(Self {
            rank: fields.whole("rank", d.rank as u64, 1, 2048)? as usize,
            alpha: fields.number("alpha", d.alpha, 0.0, 100.0)?,
            iterations: fields.whole("iterations", d.iterations as u64, 1, 20)? as usize,
            candidates: fields.whole("candidates", d.candidates as u64, 1, 100_000)? as usize,
            popularity_exponent: fields.number(
                "popularity_exponent",
                d.popularity_exponent,
                -2.0,
                2.0,
            )?,
        })
    }

    fn to_json(&self) -> Json {
        json!({
            "rank": self.rank,
            "alpha": self.alpha,
            "iterations": self.iterations,
            "candidates": self.candidates,
            "popularity_exponent": self.popularity_exponent,
        })
    }
}

/// Options of the ridge trainer.
#[derive(Clone, Debug, PartialEq)]
pub struct RidgeOptions {
    /// Strength of the ridge, in events of average weight, 1e-3 to 1e9. Default 20.
    pub lambda: f64,
    /// Items that each item is regressed on, 1 to 1000. Default 100.
    pub support: usize,
    /// How much a long history counts less, −2 to 2. Default 0.24.
    pub user_exponent: f64,
    /// How much a popular item is scaled down in the regression, −2 to 2. Default 0.25.
    pub item_exponent: f64,
    /// How much the popularity of an item counts in the edges to it, −2 to 2. Default 0.25.
    pub popularity_exponent: f64,
    /// Dimension of the subspace that helps to choose the support. Default 256.
    pub rank: usize,
    /// What the subspace counts in that choice, 0 to 100. Default 0.4.
    pub alpha: f64,
    /// Steps of the subspace iteration, 1 to 20. Default 6.
    pub iterations: usize,
    /// Candidates for the support, 1 to 100,000. Default 400.
    pub candidates: usize,
}

impl Default for RidgeOptions {
    fn default() -> Self {
        Self {
            lambda: 20.0,
            support: 100,
            user_exponent: 0.24,
            item_exponent: 0.25,
            popularity_exponent: 0.25,
            rank: 256,
            alpha: 0.4,
            iterations: 6,
            candidates: 400,
        }
    }
}

impl RidgeOptions {
    fn from_json(value: &Json, what: &str) -> Result<Self> {
        let names = [
            "name",
            "weight",
            "lambda",
            "support",
            "user_exponent",
            "item_exponent",
            "popularity_exponent",
            "rank",
            "alpha",
            "iterations",
            "candidates",
        ];
        let fields = Fields::new(what, value, &names)?;
        let d = Self::default();
        let exponent = |name, default| fields.number(name, default, -2.0, 2.0);
        Ok(Self {
            lambda: fields.number("lambda", d.lambda, 1e-3, 1e9)?,
            support: fields.whole("support", d.support as u64, 1, 1000)? as usize,
            user_exponent: exponent("user_exponent", d.user_exponent)?,
            item_exponent: exponent("item_exponent", d.item_exponent)?,
            popularity_exponent: exponent("popularity_exponent", d.popularity_exponent)?,
            rank: fields.whole("rank", d.rank as u64, 1, 2048)? as usize,
            alpha: fields.number("alpha", d.alpha, 0.0, 100.0)?,
            iterations: fields.whole("iterations", d.iterations as u64, 1, 20)? as usize,
            candidates: fields.whole("candidates", d.candidates as u64, 1, 100_000)? as usize,
        })
    }

    fn to_json(&self) -> Json {
        json!({
            "lambda": self.lambda,
            "support": self.support,
            "user_exponent": self.user_exponent,
            "item_exponent": self.item_exponent,
            "popularity_exponent": self.popularity_exponent,
            "rank": self.rank,
            "alpha": self.alpha,
            "iterations": self.iterations,
            "candidates": self.candidates,
        })
    }
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
            (json!("best"), "; it must name one of auto, spectral, ridge"),
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
