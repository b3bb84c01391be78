//! A search as JSON: what a binding passes on.

use serde_json::Value as Json;

use crate::error::{Error, ErrorKind, Result, shown};
use crate::fields::Fields;

use super::options::{SEARCH_NAMES, SearchOptions};
use super::target::{Example, Strategy, Target};

/// The names that say what is looked for.
const TARGET_NAMES: [&str; 7] = [
    "vector", "item_id", "positive", "negative", "strategy", "target", "context",
];

/// What a search looks for, and how.
///
/// ```
/// use tastemaker::{index::{SearchRequest, Target}, json::json};
/// let json = json!({"positive": ["barn", 0], "k": 5});
/// let request = SearchRequest::from_json(&json, &[&[1.0, 0.5]])?;
/// assert!(matches!(request.target, Target::Recommend { .. }));
/// assert!(SearchRequest::from_json(&json!({"k": 5}), &[]).is_err());
/// # Ok::<(), tastemaker::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct SearchRequest<'a> {
    /// What it looks for.
    pub target: Target<'a>,
    /// The rest.
    pub options: SearchOptions,
}

impl<'a> SearchRequest<'a> {
    /// A request from JSON. An example is the id of an item, or the number of a vector in
    /// `vectors`. Beside the names of [`SearchOptions::from_json`] there is one of:
    ///
    /// - `vector`: one example that is a vector;
    /// - `item_id`: an item;
    /// - `positive`, a list of examples, perhaps with `negative` and `strategy`;
    /// - `context`, a list of pairs of examples, perhaps with `target`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for an unknown name, a value out of range, or none or
    /// several of those four; and as [`SearchOptions::from_json`].
    pub fn from_json(value: &'a Json, vectors: &[&'a [f32]]) -> Result<Self> {
        let names = [&TARGET_NAMES[..], &SEARCH_NAMES].concat();
        let fields = Fields::new("search", value, &names)?;
        let refuse = |message: &str| Err(Error::new(ErrorKind::InvalidArgument, message));
        let kinds = ["vector", "item_id", "positive", "context"];
        let given: Vec<&str> = kinds
            .into_iter()
            .filter(|name| fields.get(name).is_some())
            .collect();
        let [kind] = given[..] else {
            return refuse("search: give one of vector, item_id, positive and context");
        };
        for (name, with) in [
            ("negative", "positive"),
            ("strategy", "positive"),
            ("target", "context"),
        ] {
            if fields.get(name).is_some() && kind != with {
                return Err(Error::new(
                    ErrorKind::InvalidArgument,
                    format!("search.{name} goes with {with}, which is not given"),
                ));
            }
        }
        let examples = Examples { vectors };
        let list = |name: &str| match fields.get(name) {
            None => Ok(Vec::new()),
            Some(value) => examples.list(&format!("search.{name}"), value),
        };
        let one = |name: &str| -> Result<Option<Example<'a>>> {
            fields
                .get(name)
                .map(|value| examples.one(&format!("search.{name}"), value))
                .transpose()
        };
        let target = match kind {
            "vector" | "item_id" => match (kind, one(kind)?) {
                ("vector", Some(example @ Example::Vector(_)))
                | ("item_id", Some(example @ Example::Item(_))) => Target::Near(example),
                ("vector", _) => return refuse("search.vector must be a vector"),
                _ => return refuse("search.item_id must be the id of an item"),
            },
            "positive" => Target::Recommend {
                positive: list("positive")?,
                negative: list("negative")?,
                strategy: match fields.text("strategy")? {
                    None | Some("average_vector") => Strategy::AverageVector,
                    Some("best_score") => Strategy::BestScore,
                    Some(other) => {
                        return Err(Error::new(
                            ErrorKind::InvalidArgument,
                            format!(
                                "search.strategy is {}; it must be average_vector or best_score",
                                shown(other)
                            ),
                        ));
                    }
                },
            },
            _ => Target::Discover {
                target: one("target")?,
                context: examples.pairs(fields.get("context"))?,
            },
        };
        let mut rest = value.as_object().cloned().unwrap_or_default();
        for name in TARGET_NAMES {
            rest.remove(name);
        }
        let options = SearchOptions::from_json(&Json::Object(rest))?;
        Ok(Self { target, options })
    }
}

struct Examples<'v, 'a> {
    vectors: &'v [&'a [f32]],
}

impl<'a> Examples<'_, 'a> {
    fn one(&self, what: &str, value: &'a Json) -> Result<Example<'a>> {
        if let Some(id) = value.as_str() {
            return Ok(Example::Item(id));
        }
        let number = value.as_f64().filter(|n| *n >= 0.0 && *n == n.trunc());
        number
            .and_then(|number| self.vectors.get(number as usize))
            .map(|vector| Example::Vector(vector))
            .ok_or_else(|| {
                Error::new(
                    ErrorKind::InvalidArgument,
                    format!(
                        "{what} is {}; it must be an item's id or a vector",
                        shown(&value.to_string())
                    ),
                )
            })
    }

    fn list(&self, what: &str, value: &'a Json) -> Result<Vec<Example<'a>>> {
        let Some(list) = value.as_array() else {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("{what} must be a list of items' ids and vectors"),
            ));
        };
        list.iter()
            .enumerate()
            .map(|(n, value)| self.one(&format!("{what}[{n}]"), value))
            .collect()
    }

    fn pairs(&self, value: Option<&'a Json>) -> Result<Vec<(Example<'a>, Example<'a>)>> {
        let refuse = || {
            Error::new(
                ErrorKind::InvalidArgument,
                "search.context must be a list of pairs of items' ids or vectors",
            )
        };
        let list = value.and_then(Json::as_array).ok_or_else(refuse)?;
        list.iter()
            .enumerate()
            .map(|(n, pair)| {
                let what = format!("search.context[{n}]");
                match self.list(&what, pair)?[..] {
                    [positive, negative] => Ok((positive, negative)),
                    _ => Err(refuse()),
                }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_target_has_a_form() {
        let vectors: [&[f32]; 2] = [&[1.0, 2.0], &[3.0]];
        let target = |json: Json| -> Result<String> {
            SearchRequest::from_json(&json, &vectors).map(|r| format!("{:?}", r.target))
        };
        for (json, expected) in [
            (json!({"vector": 1}), Target::vector(vectors[1])),
            (json!({"item_id": "a", "k": 3}), Target::item("a")),
            (
                json!({"positive": ["a", 0], "negative": [1.0]}),
                Target::recommend(
                    vec![Example::Item("a"), Example::Vector(vectors[0])],
                    vec![Example::Vector(vectors[1])],
                ),
            ),
            (
                json!({"context": [["a", 1]], "target": "b"}),
                Target::Discover {
                    target: Some(Example::Item("b")),
                    context: vec![(Example::Item("a"), Example::Vector(vectors[1]))],
                },
            ),
        ] {
            assert_eq!(target(json).unwrap(), format!("{expected:?}"));
        }
        let best = json!({"positive": ["a"], "strategy": "best_score", "min_score": 0.5});
        let request = SearchRequest::from_json(&best, &vectors).unwrap();
        assert_eq!(request.options.min_score, Some(0.5));
        assert!(format!("{:?}", request.target).contains("BestScore"));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for bad in [
            json!({}),
            json!(null),
            json!([]),
            json!({"vector": 0, "item_id": "a"}),
            json!({"vector": "a"}),
            json!({"vector": 2}),
            json!({"vector": -1}),
            json!({"vector": 0.5}),
            json!({"vector": [1.0]}),
            json!({"item_id": 0}),
            json!({"vector": 0, "negative": ["a"]}),
            json!({"item_id": "a", "strategy": "best_score"}),
            json!({"positive": ["a"], "strategy": "median"}),
            json!({"positive": ["a"], "target": "b"}),
            json!({"positive": "a"}),
            json!({"positive": [null]}),
            json!({"context": ["a"]}),
            json!({"context": [["a"]]}),
            json!({"context": "a"}),
            json!({"vector": 0, "k": 0}),
            json!({"vector": 0, "vectors": 1}),
        ] {
            let error = SearchRequest::from_json(&bad, &[&[1.0]]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{bad}");
        }
    }
}
