//! Options of training: defaults, ranges, JSON.

use serde_json::{Value as Json, json};

use crate::error::{Error, ErrorKind, Result};
use crate::event::KindTable;
use crate::fields::Fields;
use crate::rank::check_threads;

use super::{Plan, TuneOptions};

/// How the caller's ids looked; recorded so that a binding can give them back alike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum IdType {
    /// Texts.
    #[default]
    Text,
    /// Integers, kept as decimal text.
    Integer,
}

impl IdType {
    /// `"string"` or `"integer"`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "string",
            Self::Integer => "integer",
        }
    }
}

/// Options of [`super::train`]. All but `threads` and `memory_mb` are recorded in the snapshot's manifest.
///
/// ```
/// use tastemaker::{json::json, train::TrainOptions};
/// let options = TrainOptions::from_json(&json!({"neighbors": 50, "kinds": {"view": 0.5}}))?;
/// assert_eq!(options.neighbors, 50);
/// assert!(TrainOptions::from_json(&json!({"neighbours": 50})).is_err());
/// # Ok::<(), tastemaker::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct TrainOptions {
    /// Neighbours kept for each item, 1 to 4096. Default 100.
    pub neighbors: usize,
    /// What makes the graph. Default: the library chooses.
    pub trainer: Plan,
    /// How the library chooses, where it does.
    pub tune: TuneOptions,
    /// What popularity counts on top of what the trainers make of it, −2 to 2: the weight of every
    /// edge into an item is multiplied by its degree (the sum of its entries in the matrix) to this
    /// power. Below 0 items of the long tail come forward, above 0 popular ones; trainers are
    /// tuned as if it were 0. Default 0.
    pub popularity_exponent: f64,
    /// Seed of the random start of the subspace iteration. Default 0.
    pub seed: u64,
    /// After how many days an event counts half, or `None` for no decay. Default `None`.
    pub half_life_days: Option<f64>,
    /// The kinds of events and their weights.
    pub kinds: KindTable,
    /// Puts the training histories into the snapshot, so that it can answer by user id.
    /// Default true.
    pub keep_profiles: bool,
    /// Keeps in the snapshot what [`super::update`] needs to learn only what changed: a number
    /// an item, and the bases of the trainers' subspaces, a byte a number. Default false.
    pub updatable: bool,
    /// Recommends items that a given catalog does not list. Default false.
    pub recommend_unlisted: bool,
    /// Leaves invalid rows out instead of failing. Default false.
    pub skip_invalid: bool,
    /// The newest items of a user that training looks at, 1 to 2048. Default 2048.
    pub max_user_items: usize,
    /// The most items of a history that an answer adds up, 1 to 2048, or `None` for all of them:
    /// those of the largest weight; of equal ones those with the newest event; of those an even
    /// draw, the same in all answers of a model. The others stay seen. It bounds the time of an answer
    /// to people with long histories and does not change training; what it costs is in ADR 0010.
    /// Default `None`.
    pub max_history_items: Option<usize>,
    /// What training may take of memory, in MB (millions of bytes), or `None` for no limit; 1 to
    /// 1e9. Default `None`. It is compared with an estimate, before the trainers begin, which
    /// does not count the caller's own columns, nor what `updatable` adds. `auto` leaves out trainers that would not fit;
    /// where nothing fits, training fails with [`ErrorKind::LimitExceeded`].
    pub memory_mb: Option<u64>,
    /// Threads, 1 to 1024. The result does not depend on it. Default 1.
    pub threads: usize,
    /// How the caller's item ids looked.
    pub item_id_type: IdType,
    /// How the caller's user ids looked.
    pub user_id_type: IdType,
}

impl Default for TrainOptions {
    fn default() -> Self {
        Self {
            neighbors: 100,
            trainer: Plan::Auto,
            tune: TuneOptions::default(),
            popularity_exponent: 0.0,
            seed: 0,
            half_life_days: None,
            kinds: KindTable::default(),
            keep_profiles: true,
            updatable: false,
            recommend_unlisted: false,
            skip_invalid: false,
            max_user_items: 2048,
            max_history_items: None,
            memory_mb: None,
            threads: 1,
            item_id_type: IdType::Text,
            user_id_type: IdType::Text,
        }
    }
}

const MOST_MEMORY_MB: u64 = 1_000_000_000;

const NAMES: [&str; 17] = [
    "neighbors",
    "trainer",
    "tune",
    "popularity_exponent",
    "seed",
    "half_life_days",
    "kinds",
    "keep_profiles",
    "updatable",
    "recommend_unlisted",
    "skip_invalid",
    "max_user_items",
    "max_history_items",
    "memory_mb",
    "threads",
    "item_id_type",
    "user_id_type",
];

impl TrainOptions {
    /// The defaults, changed by the fields of a JSON object. `kinds` sets and adds kinds; the
    /// built-in ones stay.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for an unknown name or a value out of range.
    pub fn from_json(value: &Json) -> Result<Self> {
        let fields = Fields::new("options", value, &NAMES)?;
        let d = Self::default();
        let id_type = |name: &str| match fields.text(name)? {
            None | Some("string") => Ok(IdType::Text),
            Some("integer") => Ok(IdType::Integer),
            Some(_) => Err(fields.wrong(
                name,
                fields.get(name).unwrap_or(&Json::Null),
                "it must be string or integer",
            )),
        };
        Ok(Self {
            neighbors: fields.whole("neighbors", d.neighbors as u64, 1, 4096)? as usize,
            trainer: fields
                .get("trainer")
                .map_or(Ok(d.trainer), Plan::from_json)?,
            tune: fields
                .get("tune")
                .map_or(Ok(d.tune), TuneOptions::from_json)?,
            popularity_exponent: fields.number(
                "popularity_exponent",
                d.popularity_exponent,
                -2.0,
                2.0,
            )?,
            seed: fields.whole("seed", d.seed, 0, u64::MAX)?,
            half_life_days: match fields.get("half_life_days") {
                None => None,
                Some(_) => Some(fields.number("half_life_days", 0.0, 1e-6, 1e6)?),
            },
            kinds: fields
                .get("kinds")
                .map_or(Ok(d.kinds), KindTable::from_json)?,
            keep_profiles: fields.bool("keep_profiles", d.keep_profiles)?,
            updatable: fields.bool("updatable", d.updatable)?,
            recommend_unlisted: fields.bool("recommend_unlisted", d.recommend_unlisted)?,
            skip_invalid: fields.bool("skip_invalid", d.skip_invalid)?,
            max_user_items: fields.whole("max_user_items", d.max_user_items as u64, 1, 2048)?
                as usize,
            max_history_items: match fields.get("max_history_items") {
                None => None,
                Some(_) => Some(fields.whole("max_history_items", 1, 1, 2048)? as usize),
            },
            memory_mb: match fields.get("memory_mb") {
                None => None,
                Some(_) => Some(fields.whole("memory_mb", 1, 1, MOST_MEMORY_MB)?),
            },
            threads: fields.whole("threads", d.threads as u64, 1, 1024)? as usize,
            item_id_type: id_type("item_id_type")?,
            user_id_type: id_type("user_id_type")?,
        })
    }

    /// The options that the manifest records: all but `threads`, `memory_mb`, `tune`, `kinds` and the
    /// types of ids, which stand there on their own or not at all.
    #[must_use]
    pub fn to_json(&self) -> Json {
        json!({
            "neighbors": self.neighbors,
            "trainer": self.trainer.to_json(),
            "popularity_exponent": self.popularity_exponent,
            "seed": self.seed,
            "half_life_days": self.half_life_days,
            "keep_profiles": self.keep_profiles,
            "updatable": self.updatable,
            "recommend_unlisted": self.recommend_unlisted,
            "skip_invalid": self.skip_invalid,
            "max_user_items": self.max_user_items,
            "max_history_items": self.max_history_items,
        })
    }

    /// What [`TrainOptions::to_json`] gives, with `tune` and `memory_mb`: for showing defaults.
    #[doc(hidden)]
    #[must_use]
    pub fn defaults_json(&self) -> Json {
        let mut options = self.to_json();
        if let Some(map) = options.as_object_mut() {
            map.insert("tune".to_owned(), self.tune.to_json());
            map.insert("memory_mb".to_owned(), self.memory_mb.into());
        }
        options
    }

    /// Checks every range.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`].
    pub fn validate(&self) -> Result<()> {
        check_threads(self.threads)?;
        Self::from_json(&self.to_json())?;
        TuneOptions::from_json(&self.tune.to_json())?;
        Self::from_json(&json!({"memory_mb": self.memory_mb}))?;
        let finite = |number: Option<f64>| number.is_none_or(f64::is_finite);
        if !finite(self.half_life_days) || !finite(Some(self.popularity_exponent)) {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                "options: a number is not finite",
            ));
        }
        Ok(())
    }

    pub(crate) fn half_life_ms(&self) -> Option<f64> {
        self.half_life_days
            .map(|days| (days * 86_400_000.0).max(1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_survive_json() {
        let options = TrainOptions {
            neighbors: 7,
            half_life_days: Some(30.0),
            ..TrainOptions::default()
        };
        assert_eq!(
            TrainOptions::from_json(&options.to_json()).unwrap(),
            options
        );
    }

    #[test]
    fn every_number_has_a_range() {
        for bad in [
            json!({"neighbors": 0}),
            json!({"neighbors": 5000}),
            json!({"neighbors": 1.5}),
            json!({"neighbors": "many"}),
            json!({"trainer": "best"}),
            json!({"trainer": []}),
            json!({"trainer": 3}),
            json!({"trainer": {"name": "spectral", "rank": 0}}),
            json!({"trainer": {"name": "spectral", "alpha": -1}}),
            json!({"trainer": {"name": "ridge", "lambda": 0}}),
            json!({"trainer": {"name": "ridge", "weight": -1}}),
            json!({"popularity_exponent": 2.5}),
            json!({"popularity_exponent": "-1"}),
            json!({"seed": -1}),
            json!({"half_life_days": 0}),
            json!({"threads": 0}),
            json!({"max_user_items": 0}),
            json!({"max_history_items": 0}),
            json!({"max_history_items": 2049}),
            json!({"memory_mb": 0}),
            json!({"memory_mb": 1.5}),
            json!({"memory_mb": 1e10}),
            json!({"keep_profiles": 1}),
            json!({"item_id_type": "uuid"}),
            json!({"colour": "red"}),
            json!([]),
        ] {
            assert_eq!(
                TrainOptions::from_json(&bad).unwrap_err().kind(),
                ErrorKind::InvalidArgument,
                "{bad}"
            );
        }
        for options in [
            TrainOptions {
                half_life_days: Some(f64::NAN),
                ..TrainOptions::default()
            },
            TrainOptions {
                popularity_exponent: f64::NAN,
                ..TrainOptions::default()
            },
        ] {
            assert!(options.validate().is_err());
        }
    }
}
