//! Rewards come in: one, or many as columns. All are checked before the first one counts.

use serde_json::{Value as Json, json};

use super::Bandit;
use super::choose::{time, unknown_arm};
use super::definition::state_key;
use super::features::{self, Vectors, length};
use super::state::{MAX_COUNT, Reward, bucket, to_fixed, too_many};
use crate::error::{Error, ErrorKind, Result, shown};
use crate::event::{IdColumn, MAX_TIMESTAMP, MIN_TIMESTAMP};
use crate::fields::Fields;

/// Rewards as columns.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Rewards<'a> {
    /// The arm of each row; for a bandit of factors one column a factor, by name.
    pub arms: Vec<(Option<&'a str>, IdColumn<'a>)>,
    /// The reward of each row.
    pub reward: &'a [f64],
    /// When the arm was chosen, in milliseconds; needed if there is a half-life.
    pub time: Option<&'a [i64]>,
    /// The features of the context that was chosen in, row after row.
    pub context: Option<&'a [f64]>,
    /// The features of the arm that was chosen, row after row.
    pub arm_features: Option<&'a [f64]>,
}

impl<'a> Rewards<'a> {
    /// Rewards of arms.
    #[must_use]
    pub fn new(arm: IdColumn<'a>, reward: &'a [f64]) -> Self {
        Self {
            arms: vec![(None, arm)],
            reward,
            time: None,
            context: None,
            arm_features: None,
        }
    }
}

/// Options of [`Bandit::update`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct UpdateOptions {
    /// Each row is the reward of a choice that was pending, and is so no longer.
    pub settle: bool,
    /// The time at which rewards come; a later one of a row is refused.
    pub now: Option<i64>,
}

impl UpdateOptions {
    /// Reads `{"settle"?, "now"?}`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for unknown names and values of another type,
    /// [`ErrorKind::InvalidTimestamp`] for `now`.
    pub fn from_json(given: &Json) -> Result<Self> {
        let fields = Fields::new("update", given, &["settle", "now"])?;
        Ok(Self {
            settle: fields.bool("settle", false)?,
            now: time(&fields, "now")?,
        })
    }
}

/// What an update did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Updated {
    /// Rewards that count now.
    pub accepted: u64,
    /// Rewards of arms that the definition no longer has: they are kept for its return.
    pub retired: u64,
    /// Rewards that are 20 half-lives and more older than the newest one, and weigh nothing.
    pub expired: u64,
}

impl Updated {
    /// As JSON.
    #[must_use]
    pub fn to_json(&self) -> Json {
        json!({"accepted": self.accepted, "retired": self.retired, "expired": self.expired})
    }
}

/// The keys of the statistics of a column's rows.
struct Keys {
    codes: Vec<u32>,
    /// The key of each code, and the place of its arm; none if the definition no longer has it.
    keys: Vec<(String, Option<usize>)>,
}

impl Keys {
    fn get(&self, row: usize) -> Option<&(String, Option<usize>)> {
        self.keys.get(*self.codes.get(row)? as usize)
    }
}

fn row_error(row: usize, error: Error) -> Error {
    error.context(format!("row {row}"))
}

impl Bandit {
    /// Takes rewards in. Their order does not matter, nor how they are divided into updates.
    ///
    /// A bandit does not know decisions: that each one is rewarded once is for whoever joins
    /// decisions and outcomes. Nothing changes if any row is refused.
    ///
    /// # Errors
    /// [`ErrorKind::LengthMismatch`] for columns of different lengths; [`ErrorKind::InvalidWeight`]
    /// for a reward that is no number or outside of the policy's range, and likewise a feature;
    /// [`ErrorKind::InvalidArgument`] for an unknown arm, a column that is missing or that the
    /// bandit has no use for; [`ErrorKind::InvalidTimestamp`] for a time out of range or after
    /// `now`; [`ErrorKind::LimitExceeded`] for more than 2⁴⁰ rewards of an arm.
    ///
    /// # Cost
    /// Some 0.1 µs a row; of a linear model a multiplication of integers for each number of its
    /// sums.
    ///
    /// ```
    /// use tastemaker::event::IdColumn;
    /// use tastemaker::experiment::bandit::{Bandit, Rewards, UpdateOptions};
    /// use tastemaker::json::json;
    /// let definition = json!({"key": "b", "policy": "beta_thompson", "arms": ["blue", "red"]});
    /// let mut bandit = Bandit::from_json(&definition)?;
    /// let arms = IdColumn::Text(&["red", "blue", "red"]);
    /// bandit.update(&Rewards::new(arms, &[1.0, 0.0, 1.0]), &UpdateOptions::default())?;
    /// assert_eq!(bandit.report(None)?.arms[1].mean, Some(1.0));
    /// # Ok::<(), tastemaker::Error>(())
    /// ```
    pub fn update(&mut self, rewards: &Rewards<'_>, options: &UpdateOptions) -> Result<Updated> {
        let rows = rewards.reward.len();
        self.check_columns(rewards)?;
        let keys = self.row_keys(rewards)?;
        let shape = &self.definition.shape;
        let (context, arm) = (shape.context.len(), shape.arm.len());
        let part = |column: Option<&[f64]>, width: usize, row: usize| -> Vec<f64> {
            let column = column.and_then(|c| c.get(row * width..(row + 1) * width));
            column.unwrap_or_default().to_vec()
        };
        let (low, high) = self.definition.policy.range();
        let linear = self.definition.policy.is_linear();
        let mut vectors: Vec<Vectors> = Vec::new();
        let mut buckets = Vec::with_capacity(rows);
        for (row, &reward) in rewards.reward.iter().enumerate() {
            if !(low..=high).contains(&reward) {
                return Err(Error::new(
                    ErrorKind::InvalidWeight,
                    format!(
                        "row {row}: reward is {reward}; rewards of {} are from {low} to {high}",
                        self.definition.policy.name()
                    ),
                ));
            }
            let time = rewards.time.and_then(|times| times.get(row)).copied();
            buckets.push(
                self.bucket_of(time, options.now)
                    .map_err(|e| row_error(row, e))?,
            );
            if linear {
                let names = part(rewards.context, context, row);
                let own = part(rewards.arm_features, arm, row);
                for (what, list) in [("context", &names), ("arm_features", &own)] {
                    for value in list {
                        features::check(what, *value).map_err(|e| row_error(row, e))?;
                    }
                }
                let found = if self.definition.factors.is_empty() {
                    shape.vectors(&names, &own).map_err(|e| row_error(row, e))?
                } else {
                    let places: Vec<usize> = keys
                        .iter()
                        .filter_map(|column| column.get(row)?.1)
                        .collect();
                    shape.of_places(&places)
                };
                vectors.push(found);
            }
        }
        let is_retired = |row: usize| {
            let mut columns = keys.iter().filter_map(|column| column.get(row));
            columns.any(|(_, place)| place.is_none())
        };
        if !self.definition.factors.is_empty()
            && let Some(row) = (0..rows).find(|&row| is_retired(row))
        {
            return Err(row_error(
                row,
                Error::new(
                    ErrorKind::InvalidArgument,
                    "a variant is no longer there, and a model of factors has no place for it",
                ),
            ));
        }
        self.check_room(&keys, &buckets, rows as u64)?;
        let none = Vectors::default();
        let mut done = Updated::default();
        self.changed();
        for (row, &reward) in rewards.reward.iter().enumerate() {
            let row_keys: Vec<&str> = keys
                .iter()
                .filter_map(|column| Some(column.get(row)?.0.as_str()))
                .collect();
            let kept = self.state.add(&Reward {
                keys: &row_keys,
                bucket: buckets.get(row).copied().unwrap_or(0),
                reward: to_fixed(reward),
                vectors: vectors.get(row).unwrap_or(&none),
                settle: options.settle,
            })?;
            if !kept {
                done.expired += 1;
            } else if is_retired(row) {
                done.retired += 1;
            } else {
                done.accepted += 1;
            }
        }
        Ok(done)
    }

    /// Takes one reward in: `{"arm", "reward", "time"?, "context"?, "arm_features"?, "settle"?,
    /// "now"?}`, with `arm` an object by factor if the bandit has factors, and features as objects
    /// by name or lists in the definition's order.
    ///
    /// # Errors
    /// As [`update`](Self::update).
    pub fn update_one(&mut self, given: &Json) -> Result<Updated> {
        let names = [
            "arm",
            "reward",
            "time",
            "context",
            "arm_features",
            "settle",
            "now",
        ];
        let fields = Fields::new("update", given, &names)?;
        let arm = fields.get("arm").unwrap_or(&Json::Null);
        let missing = || fields.wrong("arm", arm, "it must be a text, or an object by factor");
        let texts: Vec<(Option<&str>, [&str; 1])> = match arm {
            Json::String(key) => vec![(None, [key.as_str()])],
            Json::Object(map) => {
                let each = map
                    .iter()
                    .map(|(factor, variant)| Some((Some(factor.as_str()), [variant.as_str()?])));
                each.collect::<Option<_>>().ok_or_else(missing)?
            }
            _ => return Err(missing()),
        };
        let given_reward = fields.get("reward").unwrap_or(&Json::Null);
        let reward = match given_reward {
            Json::Bool(flag) => Some(f64::from(u8::from(*flag))),
            other => other.as_f64(),
        };
        let reward =
            reward.ok_or_else(|| fields.wrong("reward", given_reward, "it must be a number"))?;
        let shape = &self.definition.shape;
        let context = features::read("update.context", &shape.context, fields.get("context"))?;
        let own = features::read(
            "update.arm_features",
            &shape.arm,
            fields.get("arm_features"),
        )?;
        let time_given = time(&fields, "time")?.map(|time| [time]);
        let rewards = Rewards {
            arms: texts
                .iter()
                .map(|(factor, key)| (*factor, IdColumn::Text(key)))
                .collect(),
            reward: &[reward],
            time: time_given.as_ref().map(<[i64; 1]>::as_slice),
            context: (!context.is_empty()).then_some(context.as_slice()),
            arm_features: (!own.is_empty()).then_some(own.as_slice()),
        };
        let options = UpdateOptions {
            settle: fields.bool("settle", false)?,
            now: time(&fields, "now")?,
        };
        self.update(&rewards, &options)
    }

    /// Notes `count` choices of an arm (or of a factor's variant) whose rewards are still to come;
    /// a negative count takes them back. They are kept beside the rewards and merge with them.
    ///
    /// Only upper confidence bounds look at them: a pending choice counts as a choice, so that a
    /// batch does not go to one arm. Thompson sampling spreads a batch by itself, and epsilon-greedy
    /// and linear policies wait for the rewards. A choice whose reward will never come is an update
    /// with the reward 0, if that is what it means, or taken back here.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for an unknown arm; [`ErrorKind::LimitExceeded`] beyond
    /// ±2⁴⁰ pending choices of an arm.
    pub fn await_rewards(&mut self, factor: Option<&str>, arm: &str, count: i64) -> Result<()> {
        let key = state_key(factor, arm);
        if self.definition.place(&key).is_none() && !self.state.arms.contains_key(&key) {
            return Err(unknown_arm("arm", arm));
        }
        self.changed();
        self.state.await_rewards(&key, count)
    }

    fn bucket_of(&self, time: Option<i64>, now: Option<i64>) -> Result<i64> {
        let wrong = |message: String| Error::new(ErrorKind::InvalidTimestamp, message);
        if let Some(time) = time {
            if !(MIN_TIMESTAMP..=MAX_TIMESTAMP).contains(&time) {
                return Err(wrong(format!(
                    "time is {time}; it must be within the years 1 to 9999, in milliseconds"
                )));
            }
            if let Some(now) = now.filter(|now| time > *now) {
                return Err(wrong(format!(
                    "time is {time}, which is after now, {now}; it would make all other rewards old"
                )));
            }
        } else if self.definition.half_life.is_some() {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                "time is missing; rewards with a half-life have one",
            ));
        }
        Ok(bucket(time.unwrap_or(0), self.definition.half_life))
    }

    fn check_columns(&self, rewards: &Rewards<'_>) -> Result<()> {
        let rows = rewards.reward.len();
        let shape = &self.definition.shape;
        let mismatch = |name: &str, length: usize| {
            Err(Error::new(
                ErrorKind::LengthMismatch,
                format!("{name} has {length} rows, and reward {rows}"),
            ))
        };
        for (name, column) in &rewards.arms {
            if column.len() != rows {
                return mismatch(name.unwrap_or("arm"), column.len());
            }
        }
        if let Some(times) = rewards.time
            && times.len() != rows
        {
            return mismatch("time", times.len());
        }
        for (name, column, width) in [
            ("context", rewards.context, shape.context.len()),
            ("arm_features", rewards.arm_features, shape.arm.len()),
        ] {
            match column {
                None if width > 0 => {
                    return Err(Error::new(
                        ErrorKind::InvalidArgument,
                        format!("{name} is missing; a row has {width} numbers"),
                    ));
                }
                Some(column) if column.len() != rows.saturating_mul(width) => {
                    return Err(length(name, column.len(), rows.saturating_mul(width)));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The key of the statistics of each row, by column.
    fn row_keys(&self, rewards: &Rewards<'_>) -> Result<Vec<Keys>> {
        let factors = &self.definition.factors;
        let expected: Vec<Option<&str>> = if factors.is_empty() {
            vec![None]
        } else {
            factors.iter().map(|f| Some(f.key.as_str())).collect()
        };
        if let Some((stranger, _)) = rewards.arms.iter().find(|(n, _)| !expected.contains(n)) {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                match stranger {
                    Some(name) => format!("arm has the factor {}, which is not known", shown(name)),
                    None => "arm is a column; a bandit of factors has one a factor".to_owned(),
                },
            ));
        }
        let each = expected.iter().map(|factor| {
            let mut found = rewards.arms.iter().filter(|(name, _)| name == factor);
            let (Some((_, column)), None) = (found.next(), found.next()) else {
                return Err(Error::new(
                    ErrorKind::InvalidArgument,
                    format!(
                        "arm: {} must come once",
                        factor.map_or_else(|| "a column".to_owned(), shown)
                    ),
                ));
            };
            let (codes, texts) = column.encode();
            let key = |text: &String| {
                let key = state_key(*factor, text);
                let place = self.definition.place(&key);
                (place.is_some() || self.state.arms.contains_key(&key)).then_some((key, place))
            };
            let known: Vec<Option<(String, Option<usize>)>> = texts.iter().map(key).collect();
            if let Some(at) = known.iter().position(Option::is_none) {
                let row = codes.iter().position(|&code| code as usize == at);
                let text = texts.get(at).map_or("", String::as_str);
                return Err(row_error(row.unwrap_or(0), unknown_arm("arm", text)));
            }
            Ok(Keys {
                codes,
                keys: known.into_iter().flatten().collect(),
            })
        });
        each.collect()
    }

    fn check_room(&self, keys: &[Keys], buckets: &[i64], rows: u64) -> Result<()> {
        let full = |count: u64| count.saturating_add(rows) > MAX_COUNT;
        for column in keys {
            for (row, bucket) in buckets.iter().enumerate() {
                if let Some((key, _)) = column.get(row)
                    && let Some(arm) = self.state.arms.get(key)
                    && (arm.cells.get(bucket).is_some_and(|cell| full(cell.count))
                        || full(arm.pending.unsigned_abs()))
                {
                    return Err(too_many(&format!("rewards of {}", shown(key))));
                }
            }
        }
        let shared = buckets.iter().filter_map(|at| self.state.shared.get(at));
        if shared.clone().any(|cell| full(cell.count)) {
            return Err(too_many("rewards of all arms"));
        }
        Ok(())
    }
}
