//! Options of an index and of a search: defaults, ranges, JSON.

use serde_json::{Value as Json, json};

use crate::bitset::BitSet;
use crate::condition::Condition;
use crate::error::{Error, ErrorKind, Result};
use crate::fields::Fields;
use crate::rank::{check_k, check_threads};
use crate::train::IdType;

/// The most values that a vector has.
pub const MAX_DIMENSION: usize = 16_384;
/// The most rows of an index.
pub const MAX_ROWS: usize = 1 << 30;
/// The largest absolute value of a component.
pub const MAX_COMPONENT: f32 = 1e15;
/// The most results of one search.
pub const MAX_K: usize = 1_000_000;
/// The longest list of candidates of one search.
pub const MAX_EF: usize = 1_000_000;

/// What makes two vectors near. A score is larger for nearer vectors in each of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Metric {
    /// The cosine of the angle, −1 to 1. Vectors are scaled to length 1 when they come in.
    #[default]
    Cosine,
    /// The inner product.
    InnerProduct,
    /// Minus the squared Euclidean distance.
    L2,
}

impl Metric {
    /// `"cosine"`, `"inner_product"` or `"l2"`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cosine => "cosine",
            Self::InnerProduct => "inner_product",
            Self::L2 => "l2",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Cosine, Self::InnerProduct, Self::L2]
            .into_iter()
            .find(|m| m.as_str() == text)
    }
}

/// How an index finds neighbours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// [`Kind::Exact`] for up to 4,096 rows, where looking at all of them is as fast;
    /// [`Kind::Hnsw`] beyond.
    #[default]
    Auto,
    /// Looks at every row: always the true neighbours.
    Exact,
    /// A hierarchical navigable small world graph (Malkov and Yashunin, 2016): looks at some
    /// hundred rows and finds most of the true neighbours.
    Hnsw,
    /// Looks at one bit a value of every row, then at the codes of eight times `ef` rows, and
    /// scores the best of those. For long vectors: a bit a value is all that it reads of most
    /// rows, and there is no graph to build.
    Binary,
}

impl Kind {
    /// `"auto"`, `"exact"`, `"hnsw"` or `"binary"`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Exact => "exact",
            Self::Hnsw => "hnsw",
            Self::Binary => "binary",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Auto, Self::Exact, Self::Hnsw, Self::Binary]
            .into_iter()
            .find(|k| k.as_str() == text)
    }
}

/// In which form the vectors are kept for the final scores. Beside it, every index has the
/// vectors in 8 bits, which searches look at first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Precision {
    /// 4 bytes a value.
    #[default]
    F32,
    /// 2 bytes a value: IEEE 754 half precision. A value beyond ±65,504 is refused.
    F16,
    /// No bytes: scores come from the 8-bit form.
    Int8,
}

impl Precision {
    /// `"f32"`, `"f16"` or `"int8"`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Int8 => "int8",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::F32, Self::F16, Self::Int8]
            .into_iter()
            .find(|p| p.as_str() == text)
    }
}

/// Options of [`VectorIndex::build`](super::VectorIndex::build). All but `threads` and
/// `memory_mb` are recorded in the index.
///
/// ```
/// use tastemaker::{index::{IndexOptions, Metric}, json::json};
/// let options = IndexOptions::from_json(&json!({"metric": "l2", "m": 24}))?;
/// assert_eq!((options.metric, options.m), (Metric::L2, 24));
/// assert!(IndexOptions::from_json(&json!({"M": 24})).is_err());
/// # Ok::<(), tastemaker::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct IndexOptions {
    /// What makes vectors near. Default cosine.
    pub metric: Metric,
    /// How neighbours are found. Default: by the number of rows.
    pub kind: Kind,
    /// In which form the vectors are kept. Default `f32`. With `int8`, the few vectors that reach
    /// more than four times as far as 99 of 100 are cut.
    pub storage: Precision,
    /// Neighbours of a row in the graph's upper levels; up to twice as many in level 0. 4 to 64.
    /// Default 16.
    pub m: usize,
    /// Candidates that are looked at to find the neighbours of a new row, `m` to 4096. Default
    /// 128.
    pub ef_construction: usize,
    /// Candidates of a search that does not say how many, 1 to 1,000,000. More find more true
    /// neighbours and take longer. Default 64.
    pub ef: usize,
    /// Seed of the rows' levels and of their order of insertion. Default 0.
    pub seed: u64,
    /// Threads, 1 to 1024. The index does not depend on it. Default 1.
    pub threads: usize,
    /// What the index may take of memory, in MB (millions of bytes), 1 to 1e9, or `None` for no
    /// limit. Checked before the work begins. Default `None`.
    pub memory_mb: Option<u64>,
    /// How the caller's ids looked; recorded so that a binding can give them back alike.
    pub item_id_type: IdType,
}

impl Default for IndexOptions {
    fn default() -> Self {
        Self {
            metric: Metric::Cosine,
            kind: Kind::Auto,
            storage: Precision::F32,
            m: 16,
            ef_construction: 128,
            ef: 64,
            seed: 0,
            threads: 1,
            memory_mb: None,
            item_id_type: IdType::Text,
        }
    }
}

const NAMES: [&str; 10] = [
    "metric",
    "kind",
    "storage",
    "m",
    "ef_construction",
    "ef",
    "seed",
    "threads",
    "memory_mb",
    "item_id_type",
];

fn choice<T>(
    fields: &Fields<'_>,
    name: &str,
    default: T,
    parse: impl Fn(&str) -> Option<T>,
    rule: &str,
) -> Result<T> {
    match fields.get(name) {
        None => Ok(default),
        Some(value) => value
            .as_str()
            .and_then(parse)
            .ok_or_else(|| fields.wrong(name, value, rule)),
    }
}

impl IndexOptions {
    /// The defaults, changed by the fields of a JSON object.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for an unknown name or a value out of range.
    pub fn from_json(value: &Json) -> Result<Self> {
        let fields = Fields::new("options", value, &NAMES)?;
        let d = Self::default();
        let options = Self {
            metric: choice(
                &fields,
                "metric",
                d.metric,
                Metric::parse,
                "it must be cosine, inner_product or l2",
            )?,
            kind: choice(
                &fields,
                "kind",
                d.kind,
                Kind::parse,
                "it must be auto, exact, hnsw or binary",
            )?,
            storage: choice(
                &fields,
                "storage",
                d.storage,
                Precision::parse,
                "it must be f32, f16 or int8",
            )?,
            m: fields.whole("m", d.m as u64, 4, 64)? as usize,
            ef_construction: fields.whole("ef_construction", d.ef_construction as u64, 4, 4096)?
                as usize,
            ef: fields.whole("ef", d.ef as u64, 1, MAX_EF as u64)? as usize,
            seed: fields.whole("seed", d.seed, 0, u64::MAX)?,
            threads: fields.whole("threads", d.threads as u64, 1, 1024)? as usize,
            memory_mb: match fields.get("memory_mb") {
                None => None,
                Some(_) => Some(fields.whole("memory_mb", 1, 1, 1_000_000_000)?),
            },
            item_id_type: choice(
                &fields,
                "item_id_type",
                d.item_id_type,
                |text| match text {
                    "string" => Some(IdType::Text),
                    "integer" => Some(IdType::Integer),
                    _ => None,
                },
                "it must be string or integer",
            )?,
        };
        if options.ef_construction < options.m {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!(
                    "options.ef_construction is {}; it must be at least m, which is {}",
                    options.ef_construction, options.m
                ),
            ));
        }
        Ok(options)
    }

    /// The options that the index records: all but `threads` and `memory_mb`.
    #[must_use]
    pub fn to_json(&self) -> Json {
        json!({
            "metric": self.metric.as_str(),
            "kind": self.kind.as_str(),
            "storage": self.storage.as_str(),
            "m": self.m,
            "ef_construction": self.ef_construction,
            "ef": self.ef,
            "seed": self.seed,
            "item_id_type": self.item_id_type.as_str(),
        })
    }

    /// Checks every range.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`].
    pub fn validate(&self) -> Result<()> {
        check_threads(self.threads)?;
        Self::from_json(&json!({"memory_mb": self.memory_mb}))?;
        Self::from_json(&self.to_json()).map(|_| ())
    }
}

/// What a search asks for, beside the vector.
///
/// ```
/// use tastemaker::{index::SearchOptions, json::json};
/// let options = SearchOptions::from_json(&json!({"k": 5, "filter": {"price": {"$lt": 100}}}))?;
/// assert_eq!(options.k, 5);
/// assert!(SearchOptions::from_json(&json!({"k": 0})).is_err());
/// # Ok::<(), tastemaker::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct SearchOptions {
    /// Items wanted, 1 to 1,000,000; fewer come only if fewer match. Default 10.
    pub k: usize,
    /// About how many candidates a search in the graph keeps, 1 to 1,000,000; raised to `k` where
    /// it is less. A search ends as far away as this many candidates would usually reach, so one
    /// with few vectors around it looks at fewer, and one with many at more, up to four times as
    /// many; not so for the inner product, where it keeps as many as are said here. With [`Kind::Binary`], one in eight of the rows that it looks at closely. `None` for
    /// the index's own.
    pub ef: Option<usize>,
    /// Looks at every row, whatever the index is. Default false.
    pub exact: bool,
    /// Only items whose attributes match; the index must have attributes. A condition is
    /// evaluated for all items at each search: where it comes again and again, keep the result of
    /// [`VectorIndex::matching`](super::VectorIndex::matching) in `items`.
    pub filter: Option<Condition>,
    /// Only these items, one bit an item of the index. Shared by searches.
    pub items: Option<std::sync::Arc<BitSet>>,
    /// Only these items, by id. Unknown ids match nothing.
    pub allow: Option<Vec<String>>,
    /// Never these items.
    pub deny: Vec<String>,
    /// Only items with at least this score: search by range. Finite.
    pub min_score: Option<f32>,
    /// Trades nearness for variety by maximal marginal relevance (Carbonell and Goldstein, 1998):
    /// 0 to 1, how much nearness to items chosen before counts against an item. `None`, or 0, for
    /// nearness alone.
    pub diversity: Option<f32>,
    /// How many of the nearest `diversity` chooses from, `k` to 1,000,000. `None` for
    /// 4 · `k`.
    pub candidates: Option<usize>,
    /// Adds the plan that was chosen, and what it looked at. Default false.
    pub trace: bool,
}

impl Default for SearchOptions {
    fn default() -> Self {
        Self {
            k: 10,
            ef: None,
            exact: false,
            filter: None,
            items: None,
            allow: None,
            deny: Vec::new(),
            min_score: None,
            diversity: None,
            candidates: None,
            trace: false,
        }
    }
}

const SEARCH_NAMES: [&str; 10] = [
    "k",
    "ef",
    "exact",
    "filter",
    "allow",
    "deny",
    "min_score",
    "diversity",
    "candidates",
    "trace",
];

impl SearchOptions {
    /// The defaults with another `k`.
    #[must_use]
    pub fn top(k: usize) -> Self {
        Self {
            k,
            ..Self::default()
        }
    }

    /// Options from JSON: the fields of this struct by name, all but `items`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for an unknown name or a value out of range,
    /// [`ErrorKind::InvalidCondition`] for the filter, [`ErrorKind::InvalidId`] for an id.
    pub fn from_json(value: &Json) -> Result<Self> {
        let fields = Fields::new("search", value, &SEARCH_NAMES)?;
        let d = Self::default();
        let number = |name: &str, min: f64, max: f64| match fields.get(name) {
            None => Ok(None),
            Some(_) => fields
                .number(name, 0.0, min, max)
                .map(|number| Some(number as f32)),
        };
        let whole = |name: &str, max: usize| match fields.get(name) {
            None => Ok(None),
            Some(_) => fields
                .whole(name, 1, 1, max as u64)
                .map(|number| Some(number as usize)),
        };
        let options = Self {
            k: fields.whole("k", d.k as u64, 1, MAX_K as u64)? as usize,
            ef: whole("ef", MAX_EF)?,
            exact: fields.bool("exact", d.exact)?,
            filter: match fields.get("filter") {
                None => None,
                Some(filter) => Some(Condition::parse(filter)?),
            },
            items: None,
            allow: fields.texts("allow")?,
            deny: fields.texts("deny")?.unwrap_or_default(),
            min_score: number("min_score", -f64::from(f32::MAX), f64::from(f32::MAX))?,
            diversity: number("diversity", 0.0, 1.0)?,
            candidates: whole("candidates", MAX_K)?,
            trace: fields.bool("trace", d.trace)?,
        };
        options.validate()?;
        Ok(options)
    }

    /// How many nearest items the answer is made from.
    pub(super) fn wanted(&self) -> usize {
        match self.diversity {
            Some(share) if share > 0.0 => self
                .candidates
                .unwrap_or(self.k.saturating_mul(4))
                .max(self.k),
            _ => self.k,
        }
    }

    /// Checks every range.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`], [`ErrorKind::InvalidId`].
    pub fn validate(&self) -> Result<()> {
        check_k(self.k)?;
        let wrong = |name: &str, value: String, rule: &str| {
            Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("search.{name} is {value}; {rule}"),
            ))
        };
        if self.k > MAX_K {
            return wrong("k", self.k.to_string(), "it must be from 1 to 1000000");
        }
        if let Some(ef) = self.ef.filter(|ef| !(1..=MAX_EF).contains(ef)) {
            return wrong("ef", ef.to_string(), "it must be from 1 to 1000000");
        }
        if let Some(score) = self.min_score.filter(|score| !score.is_finite()) {
            return wrong("min_score", score.to_string(), "it must be finite");
        }
        if let Some(share) = self.diversity.filter(|share| !(0.0..=1.0).contains(share)) {
            return wrong("diversity", share.to_string(), "it must be from 0 to 1");
        }
        if let Some(candidates) = self
            .candidates
            .filter(|n| !(self.k.min(MAX_K)..=MAX_K).contains(n))
        {
            return wrong(
                "candidates",
                candidates.to_string(),
                "it must be from k to 1000000",
            );
        }
        let ids = self.allow.iter().flatten().chain(&self.deny);
        for id in ids {
            crate::id::check_id("search: an id of allow or deny", id)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_survive_json() {
        let options = IndexOptions {
            metric: Metric::InnerProduct,
            kind: Kind::Hnsw,
            storage: Precision::F16,
            m: 8,
            ef_construction: 50,
            ef: 33,
            seed: u64::MAX,
            ..IndexOptions::default()
        };
        assert_eq!(
            IndexOptions::from_json(&options.to_json()).unwrap(),
            options
        );
    }

    #[test]
    fn every_field_has_a_range() {
        for bad in [
            json!({"metric": "euclid"}),
            json!({"metric": 1}),
            json!({"kind": "ivf"}),
            json!({"storage": "f64"}),
            json!({"m": 3}),
            json!({"m": 65}),
            json!({"m": 16.5}),
            json!({"ef_construction": 4097}),
            json!({"ef_construction": 12}),
            json!({"ef": 0}),
            json!({"seed": -1}),
            json!({"threads": 0}),
            json!({"memory_mb": 0}),
            json!({"dimension": 3}),
            json!([]),
        ] {
            let err = IndexOptions::from_json(&bad).unwrap_err();
            assert_eq!(err.kind(), ErrorKind::InvalidArgument, "{bad}");
        }
        for bad in [
            json!({"k": 0}),
            json!({"k": 1_000_001}),
            json!({"ef": 0}),
            json!({"min_score": "near"}),
            json!({"min_score": 1e39}),
            json!({"diversity": 1.5}),
            json!({"k": 10, "candidates": 9}),
            json!({"items": []}),
            json!({"exact": 1}),
        ] {
            let err = SearchOptions::from_json(&bad).unwrap_err();
            assert_eq!(err.kind(), ErrorKind::InvalidArgument, "{bad}");
        }
        let direct = SearchOptions {
            min_score: Some(f32::NAN),
            ..SearchOptions::default()
        };
        assert!(direct.validate().is_err());
        let empty = SearchOptions::from_json(&json!({"deny": [""]})).unwrap_err();
        assert_eq!(empty.kind(), ErrorKind::InvalidId);
        let wrong = SearchOptions::from_json(&json!({"filter": {"a": {"$x": 1}}})).unwrap_err();
        assert_eq!(wrong.kind(), ErrorKind::InvalidCondition);
    }
}
