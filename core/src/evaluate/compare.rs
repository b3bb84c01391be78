//! Two models on the same users: differences, how sure they are, and whether they could be chance.

use serde_json::{Map, Value as Json, json};

use super::chance::{Table, intervals, p_values};
use super::judge::{Judge, Judged, means};
use super::metrics::{Layout, Metrics};
use super::truth::Truth;
use super::{Bootstrap, CompareOptions, TestSet};
use crate::control::Control;
use crate::error::Result;
use crate::model::Model;
use crate::parallel::Workers;

/// Two models, metric by metric.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Comparison {
    /// The main cut-off: the first that was asked for.
    pub k: usize,
    /// Users with at least one test item: both models are measured on all of them.
    pub users: usize,
    /// How the intervals were made; `None` if there are none.
    pub bootstrap: Option<Bootstrap>,
    /// Patterns of signs behind the p-values; 0 if there are none.
    pub permutations: usize,
    /// The metrics at each cut-off, ascending: (k, metrics).
    pub cutoffs: Vec<(usize, Vec<Difference>)>,
}

/// One metric of two models.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Difference {
    /// The name of the metric.
    pub metric: &'static str,
    /// The first model.
    pub a: f64,
    /// The second model.
    pub b: f64,
    /// b − a: above 0 the second model has more.
    pub difference: f64,
    /// The lower end of the difference's interval; `None` without resamples, and for coverage and
    /// Gini coefficient, which are not means over users.
    pub low: Option<f64>,
    /// The upper end.
    pub high: Option<f64>,
    /// How often chance alone gives a difference as large, in either direction, if it does not
    /// matter for a user which model answers; `None` as for `low`, or without permutations.
    pub p_value: Option<f64>,
    /// Users for whom the first model has more.
    pub users_a: Option<usize>,
    /// Users for whom the second model has more. Only these and `users_a` speak for a
    /// difference: their sum is the effective number of users.
    pub users_b: Option<usize>,
}

/// Measures two models on the same test pairs, user by user.
///
/// The interval is the bootstrap's, over users; the p-value is that of a paired randomisation
/// test, which swaps the models for users by chance (sign flips; Smucker, Allan & Carterette
/// 2007, doi:10.1145/1321440.1321528). It is not corrected for looking at many metrics. Both
/// models must know the users' histories, or `test.history` gives them. Novelty and popularity
/// are those of each model's own items. Stages of progress: `model a`, `model b`, `intervals`,
/// `p-values`.
///
/// Cost: as [`evaluate`](super::evaluate), and `permutations` × users × metrics additions.
///
/// # Errors
/// As [`evaluate`](super::evaluate).
pub fn compare(
    model_a: &Model,
    model_b: &Model,
    test: &TestSet<'_>,
    options: &CompareOptions,
    control: &Control<'_>,
) -> Result<Comparison> {
    options.validate()?;
    let truth = Truth::new(test)?;
    let layout = Layout::new(&options.k, !options.diversity.is_empty(), options.auc);
    let judge = Judge {
        layout: &layout,
        exclude_seen: options.exclude_seen,
        diversity: &options.diversity,
        threads: options.threads,
        control,
    };
    let a = judge.judge("model a", model_a, &truth, false)?;
    let b = judge.judge("model b", model_b, &truth, false)?;
    let pairs = a.values.iter().zip(&b.values);
    let values: Vec<f64> = pairs.map(|(&a, &b)| apart(a, b)).collect();
    let table = Table {
        values: &values,
        width: layout.width(),
    };
    let workers = Workers {
        threads: options.threads,
        control,
    };
    let bounds = match options.resamples {
        0 => None,
        resamples => Some(intervals(
            &workers,
            "intervals",
            table,
            options.seed,
            resamples,
            options.confidence,
        )?),
    };
    let p_values = match options.permutations {
        0 => None,
        permutations => Some(p_values(
            &workers,
            "p-values",
            table,
            options.seed,
            permutations,
        )?),
    };
    let found = Found {
        layout: &layout,
        values: &values,
        means: means(&values, layout.width()),
        bounds,
        p_values,
    };
    let cutoffs = layout.ks.iter().enumerate();
    let cutoffs = cutoffs.map(|(at, &k)| (k, found.differences(at, &a, &b)));
    Ok(Comparison {
        k: options.k.first().copied().unwrap_or(0),
        users: truth.users(),
        bootstrap: (options.resamples > 0).then_some(Bootstrap {
            resamples: options.resamples,
            confidence: options.confidence,
            seed: options.seed,
        }),
        permutations: options.permutations,
        cutoffs: cutoffs.collect(),
    })
}

/// b − a, or 0 where rounding alone can be the difference: two lists with the same items in
/// another order have the same novelty, but not always the same sum.
fn apart(a: f64, b: f64) -> f64 {
    let difference = b - a;
    if difference.abs() <= 1e-12 * a.abs().max(b.abs()) {
        return 0.0;
    }
    difference
}

/// What is known about the differences of all columns.
struct Found<'a> {
    layout: &'a Layout,
    values: &'a [f64],
    means: Vec<f64>,
    bounds: Option<Vec<(f64, f64)>>,
    p_values: Option<Vec<f64>>,
}

impl Found<'_> {
    fn differences(&self, at: usize, a: &Judged, b: &Judged) -> Vec<Difference> {
        let of = |judged: &Judged| -> Metrics {
            judged
                .metrics(self.layout)
                .get(at)
                .copied()
                .unwrap_or_default()
        };
        let columns = self.layout.columns(at);
        let (a, b) = (of(a).named(), of(b).named());
        let both = a.into_iter().zip(b);
        let difference = both.map(|((metric, a), (_, b))| {
            let column = columns.iter().find(|(name, _)| *name == metric);
            let column = column.map(|(_, column)| *column);
            let bounds = column.and_then(|c| self.bounds.as_ref()?.get(c));
            let values = column.map(|c| self.values.iter().skip(c).step_by(self.layout.width()));
            let count = |more: fn(f64) -> bool| {
                let values = values.clone()?;
                Some(values.filter(|&&value| more(value)).count())
            };
            let mean = column.and_then(|c| self.means.get(c).copied());
            Difference {
                metric,
                a,
                b,
                difference: mean.unwrap_or(b - a),
                low: bounds.map(|b| b.0),
                high: bounds.map(|b| b.1),
                p_value: column.and_then(|c| self.p_values.as_ref()?.get(c).copied()),
                users_a: count(|d| d < 0.0),
                users_b: count(|d| d > 0.0),
            }
        });
        difference.collect()
    }
}

impl Comparison {
    /// The metrics at the main cut-off.
    #[must_use]
    pub fn metrics(&self) -> &[Difference] {
        let main = self.cutoffs.iter().find(|(k, _)| *k == self.k);
        main.map_or(&[], |(_, metrics)| metrics)
    }

    /// The comparison as JSON. `metrics` are those of the main cut-off.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let metrics = |list: &[Difference]| -> Json {
            let named = list.iter().map(|d| (d.metric.to_owned(), d.to_json()));
            Json::Object(named.collect())
        };
        let cutoffs = self.cutoffs.iter();
        let cutoffs = cutoffs.map(|(k, list)| json!({"k": k, "metrics": metrics(list)}));
        let bootstrap = self
            .bootstrap
            .map(|b| json!({"resamples": b.resamples, "confidence": b.confidence, "seed": b.seed}));
        json!({
            "k": self.k,
            "users": self.users,
            "metrics": metrics(self.metrics()),
            "bootstrap": bootstrap,
            "permutations": self.permutations,
            "cutoffs": cutoffs.collect::<Json>(),
        })
    }
}

impl Difference {
    /// The difference as JSON, without what is not known.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let mut fields = Map::new();
        let mut put = |name: &str, value: Option<Json>| {
            if let Some(value) = value {
                fields.insert(name.to_owned(), value);
            }
        };
        put("a", Some(self.a.into()));
        put("b", Some(self.b.into()));
        put("difference", Some(self.difference.into()));
        put("low", self.low.map(Json::from));
        put("high", self.high.map(Json::from));
        put("p_value", self.p_value.map(Json::from));
        put("users_a", self.users_a.map(Json::from));
        put("users_b", self.users_b.map(Json::from));
        Json::Object(fields)
    }
}
