//! What a search looks for: a vector, an item, or examples.

use crate::error::{Error, ErrorKind, Result, shown};

use super::options::{Metric, Precision};
use super::vectors::prepare;
use super::view::View;

/// A vector, or an item that stands for its vector. Of an item with several rows it is their
/// mean, which for the cosine is scaled to length 1.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Example<'a> {
    /// A vector as long as the index's.
    Vector(&'a [f32]),
    /// The id of an item of the index.
    Item(&'a str),
}

/// How a search by examples scores an item.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Strategy {
    /// By one vector: the mean of the positive examples, plus its difference from the mean of the
    /// negative ones. As fast as a search by vector.
    #[default]
    AverageVector,
    /// By the best score `p` with a positive example and the best `n` with a negative one:
    /// `σ(p)` where `p > n`, else `−σ(n)`, with `σ(x) = (x / (1 + |x|) + 1) / 2`, which keeps the
    /// order of scores and puts them between 0 and 1. Looks at every row.
    BestScore,
}

impl Strategy {
    /// `"average_vector"` or `"best_score"`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AverageVector => "average_vector",
            Self::BestScore => "best_score",
        }
    }
}

/// What a search looks for.
///
/// Items that it names are left out of the answer.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Target<'a> {
    /// What is near one vector, or one item ("more like this").
    Near(Example<'a>),
    /// What is near the positive examples and not near the negative ones.
    Recommend {
        /// At least one.
        positive: Vec<Example<'a>>,
        /// Perhaps none.
        negative: Vec<Example<'a>>,
        /// How they are weighed up.
        strategy: Strategy,
    },
    /// What lies on the positive side of as many pairs as it can, and among those is nearest to
    /// the target: a pair counts 1 if the score with its positive example is greater, else −1,
    /// and `σ` (see [`Strategy::BestScore`]) of the score with the target is added. Without a
    /// target: the sum over the pairs of `d / (1 + |d|)` with `d = min(p − n − 2⁻²³, 0)`, so that
    /// 0 is the best. Looks at every row.
    Discover {
        /// What to be near to. Without it, only the pairs count.
        target: Option<Example<'a>>,
        /// Pairs of a positive and a negative example; at least one.
        context: Vec<(Example<'a>, Example<'a>)>,
    },
}

impl<'a> Target<'a> {
    /// What is near a vector.
    #[must_use]
    pub fn vector(vector: &'a [f32]) -> Self {
        Self::Near(Example::Vector(vector))
    }

    /// What is near an item, itself left out.
    #[must_use]
    pub fn item(id: &'a str) -> Self {
        Self::Near(Example::Item(id))
    }

    /// What is near the mean of positive examples, and away from that of negative ones.
    #[must_use]
    pub fn recommend(positive: Vec<Example<'a>>, negative: Vec<Example<'a>>) -> Self {
        Self::Recommend {
            positive,
            negative,
            strategy: Strategy::AverageVector,
        }
    }
}

/// Examples as prepared vectors.
#[derive(Default)]
pub(super) struct Resolved {
    /// What a search by one vector looks for; empty for the others.
    pub(super) vector: Vec<f32>,
    pub(super) scoring: Scoring,
    /// Items that were named, ascending.
    pub(super) named: Vec<u32>,
}

/// How the score of a row comes from its scores with examples.
#[derive(Default)]
pub(super) enum Scoring {
    #[default]
    One,
    Best {
        positive: Vec<Vec<f32>>,
        negative: Vec<Vec<f32>>,
    },
    Discover {
        target: Option<Vec<f32>>,
        context: Vec<(Vec<f32>, Vec<f32>)>,
    },
}

impl Resolved {
    /// What is near an item by its number.
    pub(super) fn item(view: &View<'_>, item: u32) -> Result<Self> {
        Ok(Self {
            vector: vector_of(view, item)?,
            ..Self::default()
        })
    }

    pub(super) fn new(view: &View<'_>, target: &Target<'_>) -> Result<Self> {
        let mut named = Vec::new();
        let mut example = |what: &str, example: &Example<'_>| one(view, what, example, &mut named);
        let (vector, scoring) = match target {
            Target::Near(near) => (example("target", near)?, Scoring::One),
            Target::Recommend {
                positive,
                negative,
                strategy,
            } => {
                if positive.is_empty() {
                    return Err(Error::new(
                        ErrorKind::InvalidArgument,
                        "target.positive is empty; it must have at least one example",
                    ));
                }
                let mut all = |what: &str, list: &[Example<'_>]| {
                    list.iter()
                        .enumerate()
                        .map(|(n, e)| example(&format!("target.{what}[{n}]"), e))
                        .collect::<Result<Vec<_>>>()
                };
                let positive = all("positive", positive)?;
                let negative = all("negative", negative)?;
                match strategy {
                    Strategy::AverageVector => (average(view, &positive, &negative)?, Scoring::One),
                    Strategy::BestScore => (Vec::new(), Scoring::Best { positive, negative }),
                }
            }
            Target::Discover { target, context } => {
                if context.is_empty() {
                    return Err(Error::new(
                        ErrorKind::InvalidArgument,
                        "target.context is empty; it must have at least one pair",
                    ));
                }
                let target = target
                    .as_ref()
                    .map(|t| example("target.target", t))
                    .transpose()?;
                let context = context
                    .iter()
                    .enumerate()
                    .map(|(n, (positive, negative))| {
                        Ok((
                            example(&format!("target.context[{n}].positive"), positive)?,
                            example(&format!("target.context[{n}].negative"), negative)?,
                        ))
                    })
                    .collect::<Result<Vec<_>>>()?;
                (Vec::new(), Scoring::Discover { target, context })
            }
        };
        named.sort_unstable();
        named.dedup();
        Ok(Self {
            vector,
            scoring,
            named,
        })
    }
}

/// A query's vector, checked and prepared.
pub(super) fn check_vector(view: &View<'_>, what: &str, vector: &[f32]) -> Result<Vec<f32>> {
    if vector.len() != view.dimension {
        return Err(Error::new(
            ErrorKind::InvalidVector,
            format!(
                "{what} has {} values; the index has vectors of {}",
                vector.len(),
                view.dimension
            ),
        ));
    }
    let mut out = vector.to_vec();
    prepare(&mut out, view.metric, false).map_err(|flaw| flaw.error(what))?;
    Ok(out)
}

fn one(
    view: &View<'_>,
    what: &str,
    example: &Example<'_>,
    named: &mut Vec<u32>,
) -> Result<Vec<f32>> {
    match example {
        Example::Vector(vector) => check_vector(view, what, vector),
        Example::Item(id) => {
            let item = view.ids.find(id).ok_or_else(|| {
                Error::new(
                    ErrorKind::UnknownItem,
                    format!("{what}: item {} is not in the index", shown(id)),
                )
            })?;
            named.push(item);
            vector_of(view, item)
        }
    }
}

/// The vector of an item, or the mean of its vectors.
fn vector_of(view: &View<'_>, item: u32) -> Result<Vec<f32>> {
    let mut rows: Vec<Vec<f32>> = view
        .rows_of(item)
        .map(|row| {
            let mut values = vec![0f32; view.dimension];
            view.decode(row, &mut values);
            values
        })
        .collect();
    match rows.len() {
        // Stored floats are of length 1 already; what was rounded is not quite.
        1 if view.metric != Metric::Cosine || !view.floats.is_empty() => {
            Ok(rows.pop().unwrap_or_default())
        }
        _ => average(view, &rows, &[]),
    }
}

/// `mean(positive)`, or `2 · mean(positive) − mean(negative)`, in `f64`, in the order given.
fn average(view: &View<'_>, positive: &[Vec<f32>], negative: &[Vec<f32>]) -> Result<Vec<f32>> {
    let mean = |rows: &[Vec<f32>], at: usize| {
        let sum: f64 = rows
            .iter()
            .map(|row| f64::from(row.get(at).copied().unwrap_or(0.0)))
            .sum();
        sum / rows.len() as f64
    };
    let mut vector: Vec<f32> = (0..view.dimension)
        .map(|at| {
            let positive = mean(positive, at);
            let value = if negative.is_empty() {
                positive
            } else {
                positive + (positive - mean(negative, at))
            };
            value as f32
        })
        .collect();
    prepare(&mut vector, view.metric, false)
        .map_err(|flaw| flaw.error("target: the average of the examples"))?;
    Ok(vector)
}

/// Whether vectors of this storage must fit half floats.
pub(super) fn in_halves(storage: Precision, metric: Metric) -> bool {
    storage == Precision::F16 && metric != Metric::Cosine
}

/// `x / (1 + |x|)`: between −1 and 1, and in the order of `x`.
fn squash(x: f32) -> f32 {
    x / (1.0 + x.abs())
}

fn sigma(x: f32) -> f32 {
    0.5 * (squash(x) + 1.0)
}

impl Scoring {
    /// The scores of rows by several examples; `score` gives the rows' scores with one.
    pub(super) fn apply(
        &self,
        rows: usize,
        score: &mut dyn FnMut(&[f32], &mut Vec<f32>),
    ) -> Vec<f32> {
        let mut some = Vec::new();
        let mut best = |list: &[Vec<f32>]| {
            let mut best = vec![f32::NEG_INFINITY; rows];
            for example in list {
                score(example, &mut some);
                for (best, &score) in best.iter_mut().zip(&some) {
                    *best = best.max(score);
                }
            }
            best
        };
        match self {
            Self::One => Vec::new(),
            Self::Best { positive, negative } => {
                let (positive, negative) = (best(positive), best(negative));
                let weigh = |(&p, &n): (&f32, &f32)| if p > n { sigma(p) } else { -sigma(n) };
                positive.iter().zip(&negative).map(weigh).collect()
            }
            Self::Discover { target, context } => {
                let mut total = match target {
                    None => vec![0f32; rows],
                    Some(target) => best(std::slice::from_ref(target))
                        .into_iter()
                        .map(sigma)
                        .collect(),
                };
                // Ranks are summed apart, so that the order of the pairs cannot matter.
                let mut ranks = vec![0i32; rows];
                for (positive, negative) in context {
                    let positive = best(std::slice::from_ref(positive));
                    let negative = best(std::slice::from_ref(negative));
                    let pairs = positive.iter().zip(&negative);
                    for ((total, rank), (p, n)) in total.iter_mut().zip(&mut ranks).zip(pairs) {
                        if target.is_some() {
                            *rank += if p > n { 1 } else { -1 };
                        } else {
                            *total += squash((p - n - f32::EPSILON).min(0.0));
                        }
                    }
                }
                for (total, rank) in total.iter_mut().zip(ranks) {
                    *total += rank as f32;
                }
                total
            }
        }
    }
}
