//! Questions from JSON, as the bindings hand them over: what to look for, with the vectors beside
//! it as they are, and the options of work on many threads.
//!
//! Pure conversion; a [`Question`] becomes a [`Target`] without a copy of a vector.

use serde_json::{Value as Json, json};

use crate::error::{Error, ErrorKind, Result, shown};
use crate::fields::Fields;

use super::answer::SearchTrace;
use super::options::SearchOptions;
use super::target::{Example, Strategy, Target};

/// An example that may stand for one of the vectors beside the question.
#[derive(Clone, Debug, PartialEq)]
enum Named {
    Vector(usize),
    Item(String),
}

#[derive(Clone, Debug, PartialEq)]
enum Form {
    Near(Named),
    Recommend(Vec<Named>, Vec<Named>, Strategy),
    Discover(Option<Named>, Vec<(Named, Named)>),
}

/// A [`Target`] in JSON. An example is a text, the id of an item, or a number, the place of a
/// vector in a list beside it. One of
/// - `{"vector": 0}` or `{"item_id": "barn"}`: [`Target::Near`];
/// - `{"positive": […], "negative"?: […], "strategy"?: "average_vector" | "best_score"}`:
///   [`Target::Recommend`];
/// - `{"context": [[positive, negative], …], "target"?: example}`: [`Target::Discover`].
///
/// ```
/// use tastemaker::{index::{Example, Question, Target}, json::json};
///
/// let question = Question::from_json(&json!({"positive": ["barn", 0]}))?;
/// let vector = [0.5, 2.0];
/// let expected = Target::recommend(vec![Example::Item("barn"), Example::Vector(&vector)], vec![]);
/// assert_eq!(question.target(&[&vector])?, expected);
/// assert!(Question::from_json(&json!({"item_id": "barn", "vector": 0})).is_err());
/// # Ok::<(), tastemaker::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Question(Form);

const NAMES: [&str; 7] = [
    "vector", "item_id", "positive", "negative", "strategy", "target", "context",
];

/// What each form of a question may have beside the name that makes it that form.
const FORMS: [(&str, &[&str]); 4] = [
    ("vector", &[]),
    ("item_id", &[]),
    ("positive", &["negative", "strategy"]),
    ("context", &["target"]),
];

fn refused(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}

fn example(what: &str, value: &Json) -> Result<Named> {
    match value {
        Json::String(id) => return Ok(Named::Item(id.clone())),
        Json::Number(number) => {
            if let Some(at) = number.as_u64() {
                return Ok(Named::Vector(at as usize));
            }
        }
        _ => {}
    }
    Err(refused(format!(
        "target.{what} is {}; an example is the id of an item, or a vector",
        shown(&value.to_string())
    )))
}

fn list<'a>(fields: &Fields<'a>, name: &str) -> Result<&'a [Json]> {
    match fields.get(name) {
        None => Ok(&[]),
        Some(value) => value
            .as_array()
            .map(Vec::as_slice)
            .ok_or_else(|| fields.wrong(name, value, "it must be a list")),
    }
}

impl Question {
    /// Reads a question.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for an unknown name, for none or several forms at once, and
    /// for what is no example.
    pub fn from_json(value: &Json) -> Result<Self> {
        let fields = Fields::new("target", value, &NAMES)?;
        let given = |name: &&str| fields.get(name).is_some();
        let mut forms = FORMS.iter().filter(|(name, _)| given(name));
        let (Some((form, more)), None) = (forms.next(), forms.next()) else {
            return Err(refused(
                "a search has one target: a vector, item_id, positive (perhaps with negative), or context (perhaps with target)",
            ));
        };
        if let Some(stranger) = NAMES
            .iter()
            .find(|name| given(name) && *name != form && !more.contains(name))
        {
            return Err(refused(format!(
                "target.{stranger} does not go with target.{form}"
            )));
        }
        let examples = |name: &str| -> Result<Vec<Named>> {
            let list = list(&fields, name)?.iter().enumerate();
            list.map(|(n, value)| example(&format!("{name}[{n}]"), value))
                .collect()
        };
        let one = |name: &str| -> Result<Option<Named>> {
            fields
                .get(name)
                .map(|value| example(name, value))
                .transpose()
        };
        let form = match *form {
            "positive" => {
                let strategy = match fields.text("strategy")? {
                    None | Some("average_vector") => Strategy::AverageVector,
                    Some("best_score") => Strategy::BestScore,
                    Some(other) => {
                        let other = Json::from(other);
                        let rule = "it must be average_vector or best_score";
                        return Err(fields.wrong("strategy", &other, rule));
                    }
                };
                Form::Recommend(examples("positive")?, examples("negative")?, strategy)
            }
            "context" => {
                let pairs = list(&fields, "context")?.iter().enumerate();
                let pairs = pairs.map(|(n, pair)| {
                    let what = format!("context[{n}]");
                    match pair.as_array().map(Vec::as_slice) {
                        Some([positive, negative]) => {
                            Ok((example(&what, positive)?, example(&what, negative)?))
                        }
                        _ => Err(refused(format!(
                            "target.{what} is {}; it must be a pair of a positive and a negative example",
                            shown(&pair.to_string())
                        ))),
                    }
                });
                let pairs = pairs.collect::<Result<_>>()?;
                Form::Discover(one("target")?, pairs)
            }
            near => Form::Near(one(near)?.unwrap_or_else(|| Named::Item(String::new()))),
        };
        match (&form, fields.get("item_id")) {
            (Form::Near(Named::Vector(_)), Some(value)) => {
                Err(fields.wrong("item_id", value, "it must be a text"))
            }
            _ => Ok(Self(form)),
        }
    }

    /// What to look for, with the vectors that the question's numbers stand for.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for a number without a vector.
    pub fn target<'a>(&'a self, vectors: &[&'a [f32]]) -> Result<Target<'a>> {
        let example = |named: &'a Named| -> Result<Example<'a>> {
            match named {
                Named::Item(id) => Ok(Example::Item(id)),
                Named::Vector(at) => match vectors.get(*at) {
                    Some(vector) => Ok(Example::Vector(vector)),
                    None => Err(refused(format!(
                        "target: there is no vector {at}; {} were given",
                        vectors.len()
                    ))),
                },
            }
        };
        let all = |list: &'a [Named]| list.iter().map(example).collect::<Result<Vec<_>>>();
        Ok(match &self.0 {
            Form::Near(near) => Target::Near(example(near)?),
            Form::Recommend(positive, negative, strategy) => Target::Recommend {
                positive: all(positive)?,
                negative: all(negative)?,
                strategy: *strategy,
            },
            Form::Discover(target, context) => Target::Discover {
                target: target.as_ref().map(example).transpose()?,
                context: context
                    .iter()
                    .map(|(positive, negative)| Ok((example(positive)?, example(negative)?)))
                    .collect::<Result<_>>()?,
            },
        })
    }
}

/// Takes `threads` out of an object of options: 1 where it is absent.
fn without_threads(value: &Json) -> Result<(Json, usize)> {
    let Json::Object(map) = value else {
        return Ok((value.clone(), 1));
    };
    let mut rest = map.clone();
    let threads = json!({"threads": rest.remove("threads")});
    let fields = Fields::new("options", &threads, &["threads"])?;
    let threads = fields.whole("threads", 1, 1, 1024)? as usize;
    Ok((Json::Object(rest), threads))
}

/// Options of [`VectorIndex::search_batch`](super::VectorIndex::search_batch) and
/// [`VectorIndex::knn_graph`](super::VectorIndex::knn_graph), in one object.
///
/// ```
/// use tastemaker::{index::BatchOptions, json::json};
/// let options = BatchOptions::from_json(&json!({"k": 5, "threads": 2}))?;
/// assert_eq!((options.search.k, options.threads), (5, 2));
/// # Ok::<(), tastemaker::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct BatchOptions {
    /// What holds for each search.
    pub search: SearchOptions,
    /// Threads, 1 to 1024. The answers do not depend on it. Default 1.
    pub threads: usize,
}

impl BatchOptions {
    /// The fields of [`SearchOptions`], and `threads`.
    ///
    /// # Errors
    /// As [`SearchOptions::from_json`].
    pub fn from_json(value: &Json) -> Result<Self> {
        let (search, threads) = without_threads(value)?;
        Ok(Self {
            search: SearchOptions::from_json(&search)?,
            threads,
        })
    }
}

/// Options of [`VectorIndex::duplicates`](super::VectorIndex::duplicates).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DuplicateOptions {
    /// From which score on two items are alike.
    pub min_score: f32,
    /// Threads, 1 to 1024. The groups do not depend on it. Default 1.
    pub threads: usize,
}

impl DuplicateOptions {
    /// `min_score`, which must be there, and `threads`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`].
    pub fn from_json(value: &Json) -> Result<Self> {
        let (rest, threads) = without_threads(value)?;
        let fields = Fields::new("options", &rest, &["min_score"])?;
        let most = f64::from(f32::MAX);
        if fields.get("min_score").is_none() {
            return Err(refused(
                "options.min_score is missing; it is the score from which on two items are alike",
            ));
        }
        Ok(Self {
            min_score: fields.number("min_score", 0.0, -most, most)? as f32,
            threads,
        })
    }
}

/// The number of threads of [`VectorIndex::update`](super::VectorIndex::update), from an object
/// with nothing but `threads`: 1 where it is absent.
///
/// # Errors
/// [`ErrorKind::InvalidArgument`].
pub fn update_threads(value: &Json) -> Result<usize> {
    let (rest, threads) = without_threads(value)?;
    Fields::new("options", &rest, &[])?;
    Ok(threads)
}

impl SearchTrace {
    /// The trace by the names of its fields.
    #[must_use]
    pub fn to_json(&self) -> Json {
        json!({
            "plan": self.plan.as_str(),
            "matching": self.matching,
            "ef": self.ef,
            "expanded": self.expanded,
            "compared": self.compared,
            "rescored": self.rescored,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_has_one_form_and_nothing_strange() {
        for bad in [
            json!(null),
            json!([]),
            json!({}),
            json!({"vector": 0, "item_id": "a"}),
            json!({"item_id": 3}),
            json!({"item_id": ["a"]}),
            json!({"vector": 0.5}),
            json!({"vector": -1}),
            json!({"vectors": 0}),
            json!({"item_id": "a", "negative": ["b"]}),
            json!({"negative": ["b"]}),
            json!({"target": "a"}),
            json!({"positive": "a"}),
            json!({"positive": ["a"], "strategy": "mean"}),
            json!({"positive": ["a"], "strategy": 1}),
            json!({"positive": ["a"], "context": [["a", "b"]]}),
            json!({"context": ["a", "b"]}),
            json!({"context": [["a"]]}),
            json!({"context": [["a", {}]]}),
        ] {
            let error = Question::from_json(&bad).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{bad}");
        }
        let question = Question::from_json(&json!({"vector": 1})).unwrap();
        let error = question.target(&[&[1.0]]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        let pairs = json!({"context": [["a", 0]], "target": 0});
        let question = Question::from_json(&pairs).unwrap();
        assert_eq!(
            question.target(&[&[1.0]]).unwrap(),
            Target::Discover {
                target: Some(Example::Vector(&[1.0])),
                context: vec![(Example::Item("a"), Example::Vector(&[1.0]))],
            }
        );
    }

    #[test]
    fn threads_stand_beside_the_options_of_a_search() {
        assert!(BatchOptions::from_json(&json!({"threads": 0})).is_err());
        assert!(BatchOptions::from_json(&json!({"thread": 1})).is_err());
        assert!(BatchOptions::from_json(&json!([])).is_err());
        assert!(DuplicateOptions::from_json(&json!({"threads": 1})).is_err());
        assert!(DuplicateOptions::from_json(&json!({"min_score": 1e39})).is_err());
        assert_eq!(update_threads(&json!({})).unwrap(), 1);
        assert!(update_threads(&json!({"k": 1})).is_err());
        assert!(update_threads(&json!({"threads": 1025})).is_err());
    }
}
