//! "More like this": what follows from items alone.

use serde_json::Value as Json;

use super::answer::Answer;
use super::parse::{self, Limits};
use super::recommend::{Heard, eligibility, finish, own_reasons, stages};
use crate::condition::Condition;
use crate::error::{Error, ErrorKind, Result};
use crate::fields::Fields;
use crate::id::check_id;
use crate::model::Model;
use crate::profile::MAX_EVENTS;
use crate::rank::{self, Query, Ranked, Weighted, Workspace, check_k};

/// A request for items like some items.
///
/// ```
/// use tastemaker::{engine::SimilarRequest, json::json};
/// let request = SimilarRequest::from_json(&json!({"item_ids": ["mill", "barn"], "k": 5}))?;
/// assert_eq!(request.item_ids.len(), 2);
/// # Ok::<(), tastemaker::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct SimilarRequest {
    /// The items, 1 to 2,048; the order and repeats do not matter. Those that the model does not
    /// have play no part.
    pub item_ids: Vec<String>,
    /// Items wanted, at least 1; fewer come only if fewer are eligible. Default 10.
    pub k: usize,
    /// Only items whose attributes match.
    pub filter: Option<Condition>,
    /// Only these items.
    pub allow: Option<Vec<String>>,
    /// Never these items.
    pub deny: Vec<String>,
    /// Adds the reasons to each item. Default false.
    pub explain: bool,
    /// Adds what each stage did. Default false.
    pub trace: bool,
}

const NAMES: [&str; 8] = [
    "item_id", "item_ids", "k", "filter", "allow", "deny", "explain", "trace",
];

impl SimilarRequest {
    /// A request for `k` items like one item.
    pub fn for_item(item_id: impl Into<String>, k: usize) -> Self {
        Self {
            item_ids: vec![item_id.into()],
            k,
            filter: None,
            allow: None,
            deny: Vec::new(),
            explain: false,
            trace: false,
        }
    }

    /// A request from JSON: the fields of this struct by name, and `item_id` in place of
    /// `item_ids` for one item.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for an unknown name, a value of the wrong shape, no item,
    /// or both of `item_id` and `item_ids`; [`ErrorKind::InvalidId`];
    /// [`ErrorKind::InvalidCondition`].
    pub fn from_json(value: &Json) -> Result<Self> {
        let fields = Fields::new("request", value, &NAMES)?;
        let item_ids = match (fields.text("item_id")?, fields.texts("item_ids")?) {
            (Some(one), None) => vec![one.to_owned()],
            (None, Some(several)) => several,
            (given, _) => {
                let how = given.map_or("neither is given", |_| "both are given");
                return Err(Error::new(
                    ErrorKind::InvalidArgument,
                    format!("request.item_id, request.item_ids: {how}; it must be one of the two"),
                ));
            }
        };
        let limits = parse::Read::new(&fields)?;
        let request = Self {
            item_ids,
            k: limits.k,
            filter: limits.filter,
            allow: limits.allow,
            deny: limits.deny,
            explain: limits.explain,
            trace: limits.trace,
        };
        request.check()?;
        Ok(request)
    }

    pub(super) fn check(&self) -> Result<()> {
        check_k(self.k)?;
        if !(1..=MAX_EVENTS).contains(&self.item_ids.len()) {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!(
                    "item_ids has {} items; it must have from 1 to {MAX_EVENTS}",
                    self.item_ids.len()
                ),
            ));
        }
        let mut ids = self.item_ids.iter();
        ids.try_for_each(|item_id| check_id("item_id", item_id))
    }

    fn limits(&self) -> Limits<'_> {
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

pub(super) fn answer(model: &Model, request: &SimilarRequest, workspace: &mut Workspace) -> Answer {
    let mut ids: Vec<&str> = request.item_ids.iter().map(String::as_str).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut ignored = Vec::new();
    workspace.weights.clear();
    // Indices ascend as ids do, so that the weights come in their order.
    for &id in &ids {
        match model.item_index(id) {
            Some(item) => workspace.weights.push(Weighted { item, weight: 1.0 }),
            None => ignored.push(id.to_owned()),
        }
    }
    let heard = Heard {
        given: ids.len(),
        unknown: ignored.len(),
        what: "unknown items",
    };
    let limits = request.limits();
    let eligible = eligibility(model, &limits, &mut ignored);
    let query = Query {
        k: request.k,
        now: None,
        exclude_seen: true,
        eligible: eligible.as_deref(),
        baseline: false,
    };
    let counts = rank::rank_weights(model, &query, workspace);
    let reasons = |best: &Ranked| own_reasons(model, workspace, best.item);
    let trace = stages(model, &limits, &heard, eligible.as_deref(), &counts);
    finish(model, &limits, &workspace.ranked, &reasons, trace, ignored)
}
