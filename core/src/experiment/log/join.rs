//! Outcomes to their decisions: one row a slot, or a decision, with its reward.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::DecisionLog;
use super::columns::{Table, Values, texts};
use super::record::{Decision, Outcome, REWARD, Shown};
use crate::error::Result;
use crate::fields::Fields;
use crate::id::check_id;

/// What several outcomes of one row come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Aggregate {
    /// Their sum.
    Sum,
    /// The earliest; of two at one time, that which comes first in the order of outcomes.
    First,
    /// The largest.
    Max,
}

/// What a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Level {
    /// An item that was shown. An outcome goes to the slot that it names, or to the first slot of
    /// the item that it names; one that names neither, to the only slot, if there is one only.
    Slot,
    /// A decision, with all its outcomes; the propensity is the product of its slots'.
    Decision,
}

/// Options of [`DecisionLog::join`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct JoinOptions {
    /// The name of the outcomes that count.
    pub reward: String,
    /// Milliseconds after the decision in which an outcome counts; any time if `None`.
    pub window: Option<i64>,
    /// What several outcomes come to.
    pub aggregate: Aggregate,
    /// What a row is.
    pub level: Level,
    /// The reward of a row without outcomes.
    pub default: f64,
    /// Only decisions with this experiment, and its variant as a column.
    pub experiment: Option<String>,
}

impl Default for JoinOptions {
    fn default() -> Self {
        Self {
            reward: REWARD.to_owned(),
            window: None,
            aggregate: Aggregate::Sum,
            level: Level::Slot,
            default: 0.0,
            experiment: None,
        }
    }
}

impl JoinOptions {
    /// Reads `{"reward"?, "window"?: milliseconds, "aggregate"?: "sum" | "first" | "max",
    /// "level"?: "slot" | "decision", "default"?: number, "experiment"?}`.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) for unknown names and values out of
    /// range, [`InvalidId`](crate::ErrorKind::InvalidId).
    pub fn from_json(json: &Json) -> Result<Self> {
        let names = [
            "reward",
            "window",
            "aggregate",
            "level",
            "default",
            "experiment",
        ];
        let fields = Fields::new("join", json, &names)?;
        let choice = |name: &str, known: &[&str]| -> Result<usize> {
            let Some(given) = fields.text(name)? else {
                return Ok(0);
            };
            known.iter().position(|k| *k == given).ok_or_else(|| {
                let rule = format!("it must be one of {}", known.join(", "));
                fields.wrong(name, &given.into(), &rule)
            })
        };
        let reward = fields.text("reward")?.unwrap_or(REWARD).to_owned();
        check_id("reward", &reward)?;
        let window = match fields.get("window") {
            None => None,
            Some(_) => Some(fields.whole("window", 0, 0, 1 << 48)? as i64),
        };
        Ok(Self {
            reward,
            window,
            aggregate: match choice("aggregate", &["sum", "first", "max"])? {
                0 => Aggregate::Sum,
                1 => Aggregate::First,
                _ => Aggregate::Max,
            },
            level: match choice("level", &["slot", "decision"])? {
                0 => Level::Slot,
                _ => Level::Decision,
            },
            default: fields.number("default", 0.0, -1e15, 1e15)?,
            experiment: fields.text("experiment")?.map(str::to_owned),
        })
    }
}

/// What became of the outcomes with the name of the reward: each is in one of these.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct JoinCounts {
    /// They went into a row.
    pub matched: u64,
    /// They would have, but an earlier (or larger) one counts.
    pub superseded: u64,
    /// Before their decision: a clock went backwards, or the id is wrong.
    pub early: u64,
    /// After the window.
    pub late: u64,
    /// They name no slot or item that was shown, and several were.
    pub unplaced: u64,
    /// Their decision is not in the log.
    pub orphans: u64,
    /// Their decision is not in the experiment that was asked for.
    pub outside: u64,
}

/// Decisions with their rewards.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Joined {
    /// `decision`, `time`, `user`, `model`, `context`, `slot`, `item` (of the level `slot`),
    /// `propensity`, `reward`, `outcomes` (how many count), `variant` (of the experiment asked
    /// for).
    pub table: Table,
    /// What became of the outcomes.
    pub counts: JoinCounts,
}

impl Joined {
    /// As JSON: `{"columns", "counts"}`.
    #[must_use]
    pub fn to_json(&self) -> Json {
        json!({"columns": self.table.to_json(), "counts": self.counts.to_json()})
    }
}

impl JoinCounts {
    /// As JSON.
    #[must_use]
    pub fn to_json(&self) -> Json {
        json!({
            "matched": self.matched,
            "superseded": self.superseded,
            "early": self.early,
            "late": self.late,
            "unplaced": self.unplaced,
            "orphans": self.orphans,
            "outside": self.outside,
        })
    }
}

/// One row on its way.
struct Row<'a> {
    decision: &'a Decision,
    shown: Option<&'a Shown>,
    reward: Option<f64>,
    outcomes: u32,
}

impl DecisionLog {
    /// Joins outcomes to decisions: the columns that experiments, bandits and off-policy
    /// evaluation read, in the order of the decisions' times, ids and slots.
    ///
    /// An outcome counts if it has the name of the reward and comes at its decision's time or
    /// later, within the window. What does not count is counted in [`JoinCounts`], not lost.
    ///
    /// Cost: a sort of the decisions and one pass over both.
    ///
    /// # Errors
    /// [`LimitExceeded`](crate::ErrorKind::LimitExceeded) if rewards add up to more than ±2⁵⁰, or a
    /// product of propensities vanishes.
    pub fn join(&self, options: &JoinOptions) -> Result<Joined> {
        let mut rows: Vec<Row<'_>> = Vec::new();
        let mut first_row: BTreeMap<&str, usize> = BTreeMap::new();
        for decision in self.in_time() {
            let wanted = options.experiment.as_ref();
            if wanted.is_some_and(|name| !decision.assignments.contains_key(name)) {
                continue;
            }
            first_row.insert(&decision.id, rows.len());
            let row = |shown| Row {
                decision,
                shown,
                reward: None,
                outcomes: 0,
            };
            match options.level {
                Level::Slot => rows.extend(decision.shown.iter().map(|shown| row(Some(shown)))),
                Level::Decision => rows.push(row(None)),
            }
        }
        let mut counts = JoinCounts::default();
        for outcome in self.outcomes().filter(|o| o.name == options.reward) {
            let Some(decision) = self.decision(&outcome.decision) else {
                counts.orphans += 1;
                continue;
            };
            let Some(&first) = first_row.get(decision.id.as_str()) else {
                counts.outside += 1;
                continue;
            };
            if outcome.time < decision.time {
                counts.early += 1;
                continue;
            }
            let after = outcome.time.saturating_sub(decision.time);
            if options.window.is_some_and(|window| after > window) {
                counts.late += 1;
                continue;
            }
            let place = match options.level {
                Level::Decision => Some(0),
                Level::Slot => place(decision, outcome),
            };
            let row = place.and_then(|place| rows.get_mut(first + place));
            let Some(row) = row else {
                counts.unplaced += 1;
                continue;
            };
            let (reward, counted) = match (row.reward, options.aggregate) {
                (None, _) => (outcome.value, true),
                (Some(before), Aggregate::Sum) => (before + outcome.value, true),
                (Some(before), Aggregate::First) => (before, false),
                (Some(before), Aggregate::Max) => (before.max(outcome.value), false),
            };
            row.reward = Some(reward);
            row.outcomes += u32::from(counted);
            counts.matched += u64::from(counted);
            counts.superseded += u64::from(!counted);
        }
        let table = table(&rows, options)?;
        Ok(Joined { table, counts })
    }
}

/// The place of an outcome among what was shown.
fn place(decision: &Decision, outcome: &Outcome) -> Option<usize> {
    if outcome.slot.is_none() && outcome.item.is_none() {
        return (decision.shown.len() == 1).then_some(0);
    }
    decision.shown.iter().position(|shown| {
        outcome.slot.is_none_or(|slot| slot == shown.slot)
            && outcome.item.as_ref().is_none_or(|item| *item == shown.item)
    })
}

fn table(rows: &[Row<'_>], options: &JoinOptions) -> Result<Table> {
    let mut propensities = Vec::with_capacity(rows.len());
    let mut rewards = Vec::with_capacity(rows.len());
    for row in rows {
        let reward = row.reward.unwrap_or(options.default);
        let propensity = row.shown.map_or_else(
            || row.decision.shown.iter().fold(1.0, |p, s| p * s.propensity),
            |shown| shown.propensity,
        );
        if reward.abs() >= super::super::stats::LARGEST || propensity <= 0.0 {
            return Err(crate::error::Error::new(
                crate::error::ErrorKind::LimitExceeded,
                format!(
                    "the decision {} has a reward of {reward}, and was shown with the propensity \
                     {propensity}; rewards lie within ±2^50, and propensities above 0",
                    crate::error::shown(&row.decision.id)
                ),
            ));
        }
        rewards.push(reward);
        propensities.push(propensity);
    }
    let column =
        |f: fn(&Decision) -> Option<&str>| texts(rows.iter().map(move |row| f(row.decision)));
    let mut columns = vec![
        ("decision", column(|d| Some(&d.id))),
        (
            "time",
            Values::Time(rows.iter().map(|row| row.decision.time).collect()),
        ),
        ("user", column(|d| d.user.as_deref())),
        ("model", column(|d| d.model.as_deref())),
        ("context", column(|d| d.context.as_deref())),
    ];
    if options.level == Level::Slot {
        let shown = || rows.iter().filter_map(|row| row.shown);
        let slots = shown().map(|shown| u32::from(shown.slot));
        columns.push(("slot", Values::Whole(slots.collect())));
        columns.push((
            "item",
            texts(shown().map(|shown| Some(shown.item.as_str()))),
        ));
    }
    columns.push(("propensity", Values::Number(propensities)));
    columns.push(("reward", Values::Number(rewards)));
    let outcomes = rows.iter().map(|row| row.outcomes).collect();
    columns.push(("outcomes", Values::Whole(outcomes)));
    if let Some(experiment) = &options.experiment {
        let variant = |row: &'_ Row<'_>| row.decision.assignments.get(experiment).cloned();
        let variants: Vec<Option<String>> = rows.iter().map(variant).collect();
        columns.push(("variant", texts(variants.iter().map(Option::as_deref))));
    }
    Ok(Table::new(rows.len(), columns))
}
