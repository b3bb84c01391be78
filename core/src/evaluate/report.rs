//! What an evaluation says, as structs and as JSON.

use serde_json::{Map, Value as Json, json};

use super::judge::Judged;
use super::metrics::{Layout, Metrics};
use super::truth::Truth;

/// Metrics of the model and, beside them, of plain popularity on the same users.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Evaluation {
    /// The main cut-off: the first that was asked for.
    pub k: usize,
    /// Users with at least one test item: the averages are over them.
    pub users: usize,
    /// Those of them without a history on items that the model knows.
    pub cold_users: usize,
    /// Test pairs whose item the model does not have; they count as misses.
    pub unknown_items: usize,
    /// How the intervals were made; `None` if there are none.
    pub bootstrap: Option<Bootstrap>,
    /// The metrics at each cut-off, ascending.
    pub cutoffs: Vec<Cutoff>,
    /// The users of each segment that has any, by label.
    pub segments: Vec<Group>,
    /// The users by how many events their history has on items that the model knows.
    pub history_lengths: Vec<Group>,
    /// The values of every user, if they were asked for.
    pub per_user: Option<PerUser>,
}

/// How intervals were made.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Bootstrap {
    /// Resamples of the users.
    pub resamples: usize,
    /// The share of the resamples that an interval holds.
    pub confidence: f64,
    /// The seed of the resamples.
    pub seed: u64,
}

/// The metrics at one cut-off.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Cutoff {
    /// Places that counted.
    pub k: usize,
    /// The model.
    pub model: Summary,
    /// The baseline: items by popularity.
    pub popularity: Summary,
}

/// Metrics with their intervals.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Summary {
    /// The means over users, and what all users together have.
    pub value: Metrics,
    /// The lower ends of the intervals; `None` without resamples. Coverage and Gini coefficient
    /// have none: a resample shows fewer different users, and so fewer different items.
    pub low: Option<Metrics>,
    /// The upper ends.
    pub high: Option<Metrics>,
}

/// A part of the users.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Group {
    /// The label of the segment, or the lengths: `1-4`.
    pub label: String,
    /// How many users.
    pub users: usize,
    /// The metrics at each cut-off, ascending.
    pub cutoffs: Vec<Cutoff>,
}

/// The values of every user, as columns of one length.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PerUser {
    /// The users, ascending by id.
    pub user_id: Vec<String>,
    /// Events of the history on items that the model knows.
    pub history: Vec<u32>,
    /// Test items.
    pub tested: Vec<u32>,
    /// The segment, where there are any and the user has one.
    pub segment: Option<Vec<Option<String>>>,
    /// The metrics at each cut-off, ascending: (k, by the model, by popularity), each as columns
    /// by name.
    pub cutoffs: Vec<(usize, Columns, Columns)>,
}

/// Columns by the names of their metrics.
pub type Columns = Vec<(&'static str, Vec<f64>)>;

impl PerUser {
    pub(super) fn new(truth: &Truth, layout: &Layout, model: Judged, popularity: &Judged) -> Self {
        let width = layout.width();
        let columns = |values: &[f64], at: usize| -> Columns {
            let column = |c: usize| values.iter().skip(c).step_by(width).copied().collect();
            let named = layout.columns(at).into_iter();
            named.map(|(name, c)| (name, column(c))).collect()
        };
        let cutoffs = layout.ks.iter().enumerate().map(|(at, &k)| {
            (
                k,
                columns(&model.values, at),
                columns(&popularity.values, at),
            )
        });
        let label = |&segment: &Option<u32>| {
            segment.and_then(|at| truth.segments.get(at as usize).cloned())
        };
        let some = !truth.segments.is_empty();
        Self {
            user_id: truth.ids.clone(),
            tested: (0..truth.users()).map(|u| truth.tested(u) as u32).collect(),
            segment: some.then(|| truth.segment.iter().map(label).collect()),
            cutoffs: cutoffs.collect(),
            history: model.history,
        }
    }

    /// The columns as JSON.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let columns = |columns: &Columns| -> Json {
            let named = columns.iter();
            Json::Object(
                named
                    .map(|(name, values)| ((*name).to_owned(), json!(values)))
                    .collect(),
            )
        };
        let cutoffs = self.cutoffs.iter().map(|(k, model, popularity)| {
            json!({"k": k, "model": columns(model), "popularity": columns(popularity)})
        });
        let mut fields = Map::new();
        fields.insert("user_id".to_owned(), json!(self.user_id));
        fields.insert("history".to_owned(), json!(self.history));
        fields.insert("tested".to_owned(), json!(self.tested));
        if let Some(segment) = &self.segment {
            fields.insert("segment".to_owned(), json!(segment));
        }
        fields.insert("cutoffs".to_owned(), cutoffs.collect());
        Json::Object(fields)
    }
}

impl Evaluation {
    /// The model at the main cut-off.
    #[must_use]
    pub fn model(&self) -> Summary {
        self.main().map_or_else(Summary::none, |c| c.model)
    }

    /// Popularity at the main cut-off.
    #[must_use]
    pub fn popularity(&self) -> Summary {
        self.main().map_or_else(Summary::none, |c| c.popularity)
    }

    fn main(&self) -> Option<&Cutoff> {
        self.cutoffs.iter().find(|c| c.k == self.k)
    }

    /// The evaluation as JSON. `model` and `popularity` are those of the main cut-off.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let mut json = self.summary_json();
        if let (Some(per_user), Some(fields)) = (&self.per_user, json.as_object_mut()) {
            fields.insert("per_user".to_owned(), per_user.to_json());
        }
        json
    }

    /// The same without the values of every user, which a binding may hand over as arrays.
    #[must_use]
    pub fn summary_json(&self) -> Json {
        let groups = |groups: &[Group]| groups.iter().map(Group::to_json).collect::<Json>();
        let bootstrap = self
            .bootstrap
            .map(|b| json!({"resamples": b.resamples, "confidence": b.confidence, "seed": b.seed}));
        json!({
            "k": self.k,
            "users": self.users,
            "cold_users": self.cold_users,
            "unknown_items": self.unknown_items,
            "model": self.model().to_json(),
            "popularity": self.popularity().to_json(),
            "bootstrap": bootstrap,
            "cutoffs": self.cutoffs.iter().map(Cutoff::to_json).collect::<Json>(),
            "segments": groups(&self.segments),
            "history_lengths": groups(&self.history_lengths),
        })
    }
}

impl Summary {
    fn none() -> Self {
        Self {
            value: Metrics::default(),
            low: None,
            high: None,
        }
    }

    /// The metrics by name, and under `low` and `high` the ends of their intervals.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let mut fields = self.value.fields();
        for (name, end) in [("low", &self.low), ("high", &self.high)] {
            if let Some(end) = end {
                fields.insert(name.to_owned(), end.to_json());
            }
        }
        Json::Object(fields)
    }
}

impl Cutoff {
    /// The metrics as JSON.
    #[must_use]
    pub fn to_json(&self) -> Json {
        json!({"k": self.k, "model": self.model.to_json(), "popularity": self.popularity.to_json()})
    }
}

impl Group {
    /// The group as JSON.
    #[must_use]
    pub fn to_json(&self) -> Json {
        json!({
            "label": self.label,
            "users": self.users,
            "cutoffs": self.cutoffs.iter().map(Cutoff::to_json).collect::<Json>(),
        })
    }
}
