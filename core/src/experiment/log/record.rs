//! A decision and an outcome: what is in them, how they are read, what is refused.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use crate::error::{Error, ErrorKind, Result};
use crate::event::{check_timestamp, timestamp_from_number};
use crate::fields::Fields;
use crate::id::check_id;

/// Items of a decision at most, and experiments; slots are numbered below it.
pub(crate) const MOST: usize = 1000;

/// The name of a reward that has none.
pub(crate) const REWARD: &str = "reward";

/// What was shown to somebody, and how it was chosen.
///
/// ```
/// use tastemaker::experiment::log::Decision;
/// use tastemaker::json::json;
/// let decision = Decision::from_json(&json!({
///     "id": "d-1", "time": 1_700_000_000_000_i64, "user": "ada", "model": "a1b2",
///     "assignments": {"ranker": "new"},
///     "shown": [{"item": "mill"}, {"item": "barn", "propensity": 0.25}],
/// }))?;
/// assert_eq!(decision.shown[1].slot, 1);
/// assert_eq!(decision.shown[0].propensity, 1.0);
/// # Ok::<(), tastemaker::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Decision {
    /// The id that outcomes name; nothing else has it.
    pub id: String,
    /// When; Unix milliseconds.
    pub time: i64,
    /// Whose: an id on its way into a log, what the log keeps of it on its way out.
    pub user: Option<String>,
    /// The hash of the model that answered.
    pub model: Option<String>,
    /// A hash of what was known of the moment.
    pub context: Option<String>,
    /// The variant of each experiment.
    pub assignments: BTreeMap<String, String>,
    /// What was shown, by slot.
    pub shown: Vec<Shown>,
}

/// An item at its slot.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Shown {
    /// The item, or the arm.
    pub item: String,
    /// The slot, from 0.
    pub slot: u16,
    /// The probability with which it was put there: above 0, at most 1. 1 where nothing is drawn.
    pub propensity: f64,
}

impl Shown {
    /// An item at a slot.
    pub fn new(item: impl Into<String>, slot: u16, propensity: f64) -> Self {
        Self {
            item: item.into(),
            slot,
            propensity,
        }
    }
}

/// What came of a decision.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Outcome {
    /// The id of the decision.
    pub decision: String,
    /// When; Unix milliseconds.
    pub time: i64,
    /// Which reward: a click, a booking, money.
    pub name: String,
    /// How much.
    pub value: f64,
    /// The slot that it came of, if that is known.
    pub slot: Option<u16>,
    /// The item that it came of, if that is known.
    pub item: Option<String>,
}

pub(crate) fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}

fn time(fields: &Fields<'_>) -> Result<i64> {
    match fields.raw("time") {
        Some(value) => match value.as_i64() {
            Some(whole) => check_timestamp("time", whole).map(|()| whole),
            None => timestamp_from_number("time", value.as_f64().unwrap_or(f64::NAN)),
        },
        None => Err(Error::new(
            ErrorKind::InvalidTimestamp,
            "time is missing; it is Unix time in milliseconds",
        )),
    }
}

fn slot(fields: &Fields<'_>, default: u64) -> Result<u16> {
    Ok(fields.whole("slot", default, 0, MOST as u64 - 1)? as u16)
}

fn owned(text: Option<&str>) -> Option<String> {
    text.map(str::to_owned)
}

fn given<'a>(what: &str, json: &'a Json, names: &[&str]) -> Result<Fields<'a>> {
    if !json.is_object() {
        return Err(invalid(format!("{what} is an object")));
    }
    Fields::new("record", json, names)
}

impl Decision {
    /// A decision at a time, of nobody, with nothing shown.
    pub fn new(id: impl Into<String>, time: i64) -> Self {
        Self {
            id: id.into(),
            time,
            user: None,
            model: None,
            context: None,
            assignments: BTreeMap::new(),
            shown: Vec::new(),
        }
    }

    /// Reads `{"id", "time", "user"?, "model"?, "context"?, "assignments"?: {experiment: variant},
    /// "shown": [{"item", "slot"?, "propensity"?}]}`. A slot that is missing is the place in the
    /// list, a propensity 1. A `context` that is not a text is hashed with [`context_hash`].
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for unknown names, values of the wrong shape or out of range,
    /// two items at one slot; [`ErrorKind::InvalidId`], [`ErrorKind::InvalidTimestamp`].
    pub fn from_json(json: &Json) -> Result<Self> {
        let names = [
            "id",
            "time",
            "user",
            "model",
            "context",
            "assignments",
            "shown",
        ];
        let fields = given("a decision", json, &names)?;
        let mut decision = Self::new(fields.text("id")?.unwrap_or_default(), time(&fields)?);
        decision.user = owned(fields.text("user")?);
        decision.model = owned(fields.text("model")?);
        decision.context = match fields.get("context") {
            None => None,
            Some(Json::String(hash)) => Some(hash.clone()),
            Some(context) => Some(context_hash(context)),
        };
        if let Some(assignments) = fields.get("assignments") {
            let wrong =
                || fields.wrong("assignments", assignments, "it must be an object of texts");
            for (experiment, variant) in assignments.as_object().ok_or_else(wrong)? {
                let variant = variant.as_str().ok_or_else(wrong)?;
                let own = (experiment.clone(), variant.to_owned());
                decision.assignments.extend([own]);
            }
        }
        let list = fields
            .get("shown")
            .map_or(Some(&[][..]), |shown| shown.as_array().map(Vec::as_slice));
        let Some(list) = list else {
            let given = fields.get("shown").unwrap_or(&Json::Null);
            return Err(fields.wrong("shown", given, "it must be a list of items"));
        };
        for (place, json) in list.iter().enumerate() {
            let read = || {
                let fields = given("an item", json, &["item", "slot", "propensity"])?;
                let propensity = match fields.raw("propensity") {
                    None => 1.0,
                    Some(value) => value.as_f64().unwrap_or(f64::NAN),
                };
                let item = fields.text("item")?.unwrap_or_default();
                Ok(Shown::new(item, slot(&fields, place as u64)?, propensity))
            };
            decision
                .shown
                .push(read().map_err(|e: Error| e.context(format_args!("shown[{place}]")))?);
        }
        decision.in_order()
    }

    /// Sorts what was shown by slot, and checks everything.
    pub(crate) fn in_order(mut self) -> Result<Self> {
        self.shown.sort_by_key(|shown| shown.slot);
        self.check()?;
        Ok(self)
    }

    pub(crate) fn check(&self) -> Result<()> {
        check_id("id", &self.id)?;
        check_timestamp("time", self.time)?;
        for (name, text) in [
            ("user", &self.user),
            ("model", &self.model),
            ("context", &self.context),
        ] {
            if let Some(text) = text {
                check_id(name, text)?;
            }
        }
        for (experiment, variant) in &self.assignments {
            check_id("experiment", experiment)?;
            check_id("variant", variant)?;
        }
        if self.shown.len() > MOST || self.assignments.len() > MOST {
            return Err(Error::new(
                ErrorKind::LimitExceeded,
                format!("a decision has at most {MOST} items and {MOST} experiments"),
            ));
        }
        let mut last = None;
        for shown in &self.shown {
            check_id("item", &shown.item)?;
            if usize::from(shown.slot) >= MOST || last.is_some_and(|last| last >= shown.slot) {
                return Err(invalid(format!(
                    "slot {} is there twice, or beyond {MOST}",
                    shown.slot
                )));
            }
            last = Some(shown.slot);
            if !(shown.propensity > 0.0 && shown.propensity <= 1.0) {
                return Err(invalid(format!(
                    "propensity of slot {} is {}; the probability of what was shown is above 0 and \
                     at most 1",
                    shown.slot, shown.propensity
                )));
            }
        }
        Ok(())
    }

    /// The decision as JSON, as [`from_json`](Self::from_json) reads it.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let shown = self.shown.iter().map(
            |shown| json!({"item": shown.item, "slot": shown.slot, "propensity": shown.propensity}),
        );
        json!({
            "id": self.id,
            "time": self.time,
            "user": self.user,
            "model": self.model,
            "context": self.context,
            "assignments": self.assignments.iter()
                .map(|(experiment, variant)| (experiment.clone(), json!(variant)))
                .collect::<Map<_, _>>(),
            "shown": shown.collect::<Vec<_>>(),
        })
    }

    /// An order of all decisions with one id, for merging: which of two comes first does not
    /// matter, only that everybody finds the same.
    pub(crate) fn order(&self, other: &Self) -> Ordering {
        let key = |d: &Self| (d.time, d.user.clone(), d.model.clone(), d.context.clone());
        let assigned = || self.assignments.cmp(&other.assignments);
        let shown = || {
            let one = |a: &Shown, b: &Shown| {
                (a.slot, &a.item)
                    .cmp(&(b.slot, &b.item))
                    .then(a.propensity.total_cmp(&b.propensity))
            };
            let pairs = self.shown.iter().zip(&other.shown);
            pairs
                .map(|(a, b)| one(a, b))
                .find(|order| order.is_ne())
                .unwrap_or_else(|| self.shown.len().cmp(&other.shown.len()))
        };
        key(self)
            .cmp(&key(other))
            .then_with(assigned)
            .then_with(shown)
    }
}

impl Outcome {
    /// An outcome of a decision as a whole.
    pub fn new(
        decision: impl Into<String>,
        name: impl Into<String>,
        value: f64,
        time: i64,
    ) -> Self {
        Self {
            decision: decision.into(),
            time,
            name: name.into(),
            value,
            slot: None,
            item: None,
        }
    }

    /// Reads `{"decision", "time", "name"?, "value"?, "slot"?, "item"?}`; without a name it is
    /// `reward`, without a value 1.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for unknown names and values of the wrong shape,
    /// [`ErrorKind::InvalidWeight`] for a value that is not finite or beyond ±2⁵⁰,
    /// [`ErrorKind::InvalidId`], [`ErrorKind::InvalidTimestamp`].
    pub fn from_json(json: &Json) -> Result<Self> {
        let names = ["decision", "time", "name", "value", "slot", "item"];
        let fields = given("an outcome", json, &names)?;
        let mut outcome = Self::new(
            fields.text("decision")?.unwrap_or_default(),
            fields.text("name")?.unwrap_or(REWARD),
            match fields.raw("value") {
                None => 1.0,
                Some(value) => value.as_f64().unwrap_or(f64::NAN),
            },
            time(&fields)?,
        );
        outcome.slot = match fields.get("slot") {
            None => None,
            Some(_) => Some(slot(&fields, 0)?),
        };
        outcome.item = owned(fields.text("item")?);
        outcome.check()?;
        Ok(outcome)
    }

    pub(crate) fn check(&self) -> Result<()> {
        check_id("decision", &self.decision)?;
        check_id("name", &self.name)?;
        check_timestamp("time", self.time)?;
        if let Some(item) = &self.item {
            check_id("item", item)?;
        }
        if self.value.is_nan() || self.value.abs() >= super::super::stats::LARGEST {
            return Err(Error::new(
                ErrorKind::InvalidWeight,
                format!(
                    "value is {}; it is a finite number within ±2^50",
                    self.value
                ),
            ));
        }
        if self.slot.is_some_and(|slot| usize::from(slot) >= MOST) {
            return Err(invalid(format!(
                "slot is {}; slots are numbered from 0, below {MOST}",
                self.slot.unwrap_or(0)
            )));
        }
        Ok(())
    }

    /// The outcome as JSON, as [`from_json`](Self::from_json) reads it.
    #[must_use]
    pub fn to_json(&self) -> Json {
        json!({
            "decision": self.decision,
            "time": self.time,
            "name": self.name,
            "value": self.value,
            "slot": self.slot,
            "item": self.item,
        })
    }
}

impl Eq for Outcome {}

impl Ord for Outcome {
    fn cmp(&self, other: &Self) -> Ordering {
        let key = |o: &'_ Self| (o.time, o.slot);
        self.decision
            .cmp(&other.decision)
            .then_with(|| key(self).cmp(&key(other)))
            .then_with(|| self.name.cmp(&other.name))
            .then_with(|| self.item.cmp(&other.item))
            .then_with(|| self.value.total_cmp(&other.value))
    }
}

impl PartialOrd for Outcome {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A hash of a context: 16 hexadecimal digits that do not depend on the order of names, nor on
/// whether a number was written as 1 or 1.0. It tells equal contexts; it does not hide them.
///
/// ```
/// use tastemaker::{experiment::log::context_hash, json::json};
/// assert_eq!(context_hash(&json!({"a": 1, "b": [true]})), context_hash(&json!({"b": [true], "a": 1.0})));
/// ```
#[must_use]
pub fn context_hash(context: &Json) -> String {
    fn text(out: &mut Vec<u8>, text: &str) {
        out.extend_from_slice(&(text.len() as u64).to_le_bytes());
        out.extend_from_slice(text.as_bytes());
    }
    fn put(out: &mut Vec<u8>, value: &Json) {
        match value {
            Json::Null => out.push(b'n'),
            Json::Bool(flag) => out.push(if *flag { b't' } else { b'f' }),
            Json::Number(number) => {
                out.push(b'd');
                // Plus 0, so that the two zeros are one.
                let number = number.as_f64().unwrap_or(0.0) + 0.0;
                out.extend_from_slice(&number.to_bits().to_le_bytes());
            }
            Json::String(value) => {
                out.push(b's');
                text(out, value);
            }
            Json::Array(values) => {
                out.push(b'a');
                out.extend_from_slice(&(values.len() as u64).to_le_bytes());
                for value in values {
                    put(out, value);
                }
            }
            Json::Object(map) => {
                out.push(b'o');
                out.extend_from_slice(&(map.len() as u64).to_le_bytes());
                let mut names: Vec<&String> = map.keys().collect();
                names.sort_unstable();
                for name in names {
                    text(out, name);
                    put(out, map.get(name).unwrap_or(&Json::Null));
                }
            }
        }
    }
    let mut out = Vec::new();
    put(&mut out, context);
    format!("{:016x}", xxhash_rust::xxh3::xxh3_64(&out))
}
