//! What an answer is asked for.

use serde_json::Value as Json;

use super::parse::{self, Limits, check_asker};
use crate::condition::Condition;
use crate::error::Result;
use crate::event::KindTable;
use crate::fields::Fields;
use crate::profile::Profile;
use crate::rank::check_k;

/// A request for recommendations.
///
/// ```
/// use tastemaker::{engine::Request, json::json};
/// let request = Request::from_json(&json!({
///     "history": [{"item_id": "mill", "kind": "save"}],
///     "k": 5,
///     "filter": {"price": {"$lt": 5000}},
///     "explain": true,
/// }))?;
/// assert_eq!(request.k, 5);
/// # Ok::<(), tastemaker::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Request {
    /// Whose stored profile to answer from; nobody's if `None`.
    pub user_id: Option<String>,
    /// A history that came with the request. Beside a `user_id`, the two are joined for this
    /// answer only.
    pub history: Profile,
    /// Items wanted, at least 1; fewer come only if fewer are eligible. Default 10.
    pub k: usize,
    /// Unix milliseconds at which decay is measured; the newest event of the history if `None`.
    pub now: Option<i64>,
    /// Only items whose attributes match.
    pub filter: Option<Condition>,
    /// Only these items.
    pub allow: Option<Vec<String>>,
    /// Never these items.
    pub deny: Vec<String>,
    /// Leaves out what the history has. Items that it dismissed are always left out. Default
    /// true.
    pub exclude_seen: bool,
    /// Adds the reasons to each item. Default false.
    pub explain: bool,
    /// Adds what each stage did. Default false.
    pub trace: bool,
}

impl Default for Request {
    fn default() -> Self {
        Self {
            user_id: None,
            history: Profile::new(),
            k: 10,
            now: None,
            filter: None,
            allow: None,
            deny: Vec::new(),
            exclude_seen: true,
            explain: false,
            trace: false,
        }
    }
}

const NAMES: [&str; 10] = [
    "user_id",
    "history",
    "k",
    "now",
    "filter",
    "allow",
    "deny",
    "exclude_seen",
    "explain",
    "trace",
];

impl Request {
    /// A request for a stored user.
    pub fn for_user(user_id: impl Into<String>, k: usize) -> Self {
        Self {
            user_id: Some(user_id.into()),
            k,
            ..Self::default()
        }
    }

    /// A request from JSON: the fields of this struct by name; events of `history` have
    /// `item_id` and perhaps `kind` (default `view`), `weight` (1) and `timestamp` (0).
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for an unknown name or a value of
    /// the wrong shape, and the error of the value itself:
    /// [`InvalidId`](crate::ErrorKind::InvalidId),
    /// [`InvalidCondition`](crate::ErrorKind::InvalidCondition),
    /// [`InvalidWeight`](crate::ErrorKind::InvalidWeight),
    /// [`InvalidTimestamp`](crate::ErrorKind::InvalidTimestamp). A number that is `null` is
    /// invalid, because that is how JSON writes NaN.
    pub fn from_json(value: &Json) -> Result<Self> {
        let fields = Fields::new("request", value, &NAMES)?;
        let limits = parse::Read::new(&fields)?;
        let request = Self {
            user_id: fields.text("user_id")?.map(str::to_owned),
            history: parse::history(&fields, "request")?,
            k: limits.k,
            now: parse::now(&fields)?,
            filter: limits.filter,
            allow: limits.allow,
            deny: limits.deny,
            exclude_seen: fields.bool("exclude_seen", true)?,
            explain: limits.explain,
            trace: limits.trace,
        };
        request.check_shape()?;
        Ok(request)
    }

    fn check_shape(&self) -> Result<()> {
        check_k(self.k)?;
        parse::check_now(self.now)?;
        check_asker(self.user_id.as_deref())
    }

    /// Everything that can be checked with the model's kinds at hand.
    pub(super) fn check(&self, kinds: &KindTable) -> Result<()> {
        self.check_shape()?;
        parse::check_history(kinds, &self.history)
    }

    pub(super) fn limits(&self) -> Limits<'_> {
        Limits {
            k: self.k,
            filter: self.filter.as_ref(),
            allow: self.allow.as_deref(),
            deny: &self.deny,
            explain: self.explain,
            trace: self.trace,
        }
    }
}
