//! One answer for several people.

use serde_json::Value as Json;

use super::answer::{Answer, Reason};
use super::parse::{self, Limits};
use super::recommend::{Heard, eligibility, finish, reason, resolve_history, stages};
use super::store::Store;
use crate::bitset::BitSet;
use crate::condition::Condition;
use crate::error::{Error, ErrorKind, Result};
use crate::event::KindTable;
use crate::fields::Fields;
use crate::model::Model;
use crate::profile::Profile;
use crate::rank::group::{Lowest, Member, mean};
use crate::rank::{self, Counted, Query, Ranked, Workspace, check_k, fold};

/// The most members of a group.
pub const MAX_MEMBERS: usize = 64;

const MIN_WEIGHT: f64 = 0.01;
const MAX_WEIGHT: f64 = 100.0;

/// One of the people whom an answer is for.
#[derive(Clone, Debug)]
pub struct GroupMember {
    /// Whose stored profile to use; nobody's if `None`.
    pub user_id: Option<String>,
    /// A history that came with the request, joined with the stored one for this answer only.
    pub history: Profile,
    /// How much the member counts in an average: from 0.01 to 100. Default 1.
    pub weight: f64,
}

impl Default for GroupMember {
    fn default() -> Self {
        Self {
            user_id: None,
            history: Profile::new(),
            weight: 1.0,
        }
    }
}

/// How several histories become one score.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Strategy {
    /// `average`: the mean of the members' weights, each history brought to the same absolute
    /// total first.
    #[default]
    Average,
    /// `least_misery`: the lowest of the members' scores, ties by their sum.
    LeastMisery,
}

/// A request for several people.
///
/// ```
/// use tastemaker::{engine::GroupRequest, json::json};
/// let request = GroupRequest::from_json(&json!({
///     "members": [{"user_id": "eve"}, {"history": [{"item_id": "mill"}], "weight": 2}],
///     "k": 5,
/// }))?;
/// assert_eq!(request.members[1].weight, 2.0);
/// # Ok::<(), tastemaker::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct GroupRequest {
    /// The people, 1 to [`MAX_MEMBERS`]. One who is there twice counts twice.
    pub members: Vec<GroupMember>,
    /// How their histories become one score. Default [`Strategy::Average`].
    pub strategy: Strategy,
    /// Items wanted, at least 1; fewer come only if fewer are eligible. Default 10.
    pub k: usize,
    /// Unix milliseconds at which decay is measured; for each member the newest event of the
    /// history if `None`.
    pub now: Option<i64>,
    /// Only items whose attributes match.
    pub filter: Option<Condition>,
    /// Only these items.
    pub allow: Option<Vec<String>>,
    /// Never these items.
    pub deny: Vec<String>,
    /// Leaves out what any member's history has. What any member dismissed is always left out.
    /// Default true.
    pub exclude_seen: bool,
    /// Adds the reasons to each item. Default false.
    pub explain: bool,
    /// Adds what each stage did. Default false.
    pub trace: bool,
}

const NAMES: [&str; 10] = [
    "members",
    "strategy",
    "k",
    "now",
    "filter",
    "allow",
    "deny",
    "exclude_seen",
    "explain",
    "trace",
];

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}

impl GroupRequest {
    /// A request with defaults.
    #[must_use]
    pub fn new(members: Vec<GroupMember>, k: usize) -> Self {
        Self {
            members,
            strategy: Strategy::default(),
            k,
            now: None,
            filter: None,
            allow: None,
            deny: Vec::new(),
            exclude_seen: true,
            explain: false,
            trace: false,
        }
    }

    /// A request from JSON: the fields of this struct by name; a member has `user_id`, `history`
    /// and `weight`, each of which may be absent.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for an unknown name, a value of the wrong shape or outside
    /// its range, and the error of the value itself, as for
    /// [`Request::from_json`](super::Request::from_json), with the member in front.
    pub fn from_json(value: &Json) -> Result<Self> {
        let fields = Fields::new("request", value, &NAMES)?;
        let strategy = match fields.text("strategy")? {
            None | Some("average") => Strategy::Average,
            Some("least_misery") => Strategy::LeastMisery,
            Some(other) => {
                let given = Json::from(other);
                return Err(fields.wrong("strategy", &given, "it must be average or least_misery"));
            }
        };
        let list = fields.get("members");
        let list = list.ok_or_else(|| invalid("request.members is missing; it must be a list"))?;
        let rows = list
            .as_array()
            .ok_or_else(|| fields.wrong("members", list, "it must be a list of members"))?;
        let mut members = Vec::with_capacity(rows.len().min(MAX_MEMBERS));
        for (place, row) in rows.iter().enumerate().take(MAX_MEMBERS + 1) {
            let read = member(row);
            members.push(read.map_err(|e| e.context(format_args!("request.members[{place}]")))?);
        }
        let limits = parse::Read::new(&fields)?;
        let request = Self {
            members,
            strategy,
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
        if !(1..=MAX_MEMBERS).contains(&self.members.len()) {
            let more = if self.members.len() > MAX_MEMBERS {
                "more than 64"
            } else {
                "no"
            };
            return Err(invalid(format!(
                "members has {more} entries; it must have from 1 to {MAX_MEMBERS}"
            )));
        }
        for (place, member) in self.members.iter().enumerate() {
            let within = |e: Error| e.context(format_args!("members[{place}]"));
            parse::check_asker(member.user_id.as_deref()).map_err(within)?;
            let weight = member.weight;
            if !(MIN_WEIGHT..=MAX_WEIGHT).contains(&weight) {
                return Err(within(invalid(format!(
                    "weight is {weight}; it must be a number from {MIN_WEIGHT} to {MAX_WEIGHT}"
                ))));
            }
            if self.strategy == Strategy::LeastMisery && weight != 1.0 {
                return Err(within(invalid(format!(
                    "weight is {weight}; with least_misery all members count the same, and it must be 1"
                ))));
            }
        }
        Ok(())
    }

    pub(super) fn check(&self, kinds: &KindTable) -> Result<()> {
        self.check_shape()?;
        for (place, member) in self.members.iter().enumerate() {
            parse::check_history(kinds, &member.history)
                .map_err(|e| e.context(format_args!("members[{place}]")))?;
        }
        Ok(())
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

fn member(row: &Json) -> Result<GroupMember> {
    if !row.is_object() {
        return Err(invalid("a member is an object with a user_id or a history"));
    }
    let fields = Fields::new("member", row, &["user_id", "history", "weight"])?;
    let weight = match fields.raw("weight") {
        None => 1.0,
        Some(value) => value
            .as_f64()
            .ok_or_else(|| fields.wrong("weight", value, "it must be a number"))?,
    };
    Ok(GroupMember {
        user_id: fields.text("user_id")?.map(str::to_owned),
        history: parse::history(&fields, "member")?,
        weight,
    })
}

pub(super) fn answer(
    model: &Model,
    store: &Store,
    request: &GroupRequest,
    workspace: &mut Workspace,
) -> Answer {
    let mut ignored = Vec::new();
    let mut known = 0;
    let mut counted = Counted::default();
    let mut beyond = 0;
    let mut members = Vec::with_capacity(request.members.len());
    let mut excluded = BitSet::empty(model.item_count());
    for given in &request.members {
        let signals = &mut workspace.signals;
        signals.clear();
        let user_id = given.user_id.as_deref();
        resolve_history(model, store, user_id, &given.history, signals, &mut ignored);
        known += signals.len();
        let mut weights = Vec::new();
        let half_life = model.half_life_ms();
        fold(signals, model.kinds(), half_life, request.now, &mut weights);
        for weighted in &weights {
            if request.exclude_seen || weighted.weight < 0.0 {
                excluded.insert(weighted.item as usize);
            }
        }
        let counted = counted.of(&weights, signals, model.max_history_items());
        beyond += weights.len() - counted.len();
        members.push(Member::new(counted.to_vec(), given.weight));
    }
    let heard = Heard {
        given: known + ignored.len(),
        unknown: ignored.len(),
        what: "events on unknown items",
    };
    let limits = request.limits();
    let eligible = eligibility(model, &limits, &mut ignored);

    let left_out = excluded.count();
    let mut open = excluded;
    open.invert();
    if let Some(eligible) = &eligible {
        open.intersect(eligible);
    }

    if request.strategy == Strategy::LeastMisery {
        let lowest = Lowest::new(&members);
        let (ranked, mut counts) = lowest.rank(model, request.k, &open, workspace);
        counts.excluded = left_out;
        counts.beyond = beyond;
        let reasons = |best: &Ranked| -> Vec<Reason> {
            let Some((place, fixed)) = lowest.worst_off(model, best.item) else {
                return Vec::new();
            };
            let shares = rank::explain(&model.graph(), fixed, best.item).into_iter();
            shares.map(|s| reason(model, s, vec![place])).collect()
        };
        let trace = stages(model, &limits, &heard, eligible.as_deref(), &counts);
        return finish(model, &limits, &ranked, &reasons, trace, ignored);
    }
    workspace.weights = mean(&members);
    let query = Query {
        k: request.k,
        now: None,
        // What is left out is not in `open`.
        exclude_seen: false,
        eligible: Some(&open),
        baseline: false,
    };
    let mut counts = rank::rank_weights(model, &query, workspace);
    counts.excluded = left_out;
    counts.beyond = beyond;
    let reasons = |best: &Ranked| -> Vec<Reason> {
        let shares = rank::explain(&model.graph(), workspace.fixed(), best.item);
        let from = |item: u32| {
            let places = members.iter().enumerate();
            let speaking = places.filter(|(_, member)| member.speaks_of(item));
            speaking.map(|(place, _)| place as u32).collect()
        };
        let shares = shares.into_iter();
        shares.map(|s| reason(model, s, from(s.item))).collect()
    };
    let trace = stages(model, &limits, &heard, eligible.as_deref(), &counts);
    finish(model, &limits, &workspace.ranked, &reasons, trace, ignored)
}
