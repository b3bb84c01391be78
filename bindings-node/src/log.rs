//! Decision logs: records as JSON, tables as columns.

use napi::bindgen_prelude::{Float64Array, Uint8Array, Uint32Array};
use napi_derive::napi;
use tastemaker::ErrorKind;
use tastemaker::experiment::log::{
    self, Decision, DecisionLog, JoinOptions, LogOptions, Outcome, Table, Values,
};

use crate::error::{Result, thrown};
use crate::event::milliseconds;
use crate::json;

/// A column: codes into texts, times or numbers, or small whole numbers.
#[napi(object, object_from_js = false)]
pub struct NativeColumn {
    pub name: String,
    pub codes: Option<Uint32Array>,
    pub texts: Option<Vec<String>>,
    pub numbers: Option<Float64Array>,
    pub whole: Option<Uint32Array>,
}

/// A table that a join made, and what became of the outcomes, as JSON.
#[napi(object, object_from_js = false)]
pub struct NativeJoined {
    pub columns: Vec<NativeColumn>,
    pub counts: String,
}

/// Decisions and outcomes.
#[napi]
pub struct NativeDecisionLog {
    inner: DecisionLog,
}

fn options(given: &str) -> Result<LogOptions> {
    let given = json::parse(given, ErrorKind::InvalidArgument)?;
    LogOptions::from_json(&given).map_err(thrown)
}

fn columns(table: Table) -> Vec<NativeColumn> {
    let column = |column: log::Column| {
        let mut out = NativeColumn {
            name: column.name.to_owned(),
            codes: None,
            texts: None,
            numbers: None,
            whole: None,
        };
        match column.values {
            Values::Text { codes, texts } => {
                (out.codes, out.texts) = (Some(codes.into()), Some(texts));
            }
            Values::Time(values) => {
                // Times lie between the years 1 and 9999, within what f64 holds exactly.
                let values: Vec<f64> = values.into_iter().map(|ms| ms as f64).collect();
                out.numbers = Some(values.into());
            }
            Values::Number(values) => out.numbers = Some(values.into()),
            Values::Whole(values) => out.whole = Some(values.into()),
            _ => {}
        }
        out
    };
    table.columns.into_iter().map(column).collect()
}

#[napi]
impl NativeDecisionLog {
    /// An empty log.
    #[napi(factory, catch_unwind)]
    pub fn create(given: String) -> Result<Self> {
        let inner = DecisionLog::new(&options(&given)?).map_err(thrown)?;
        Ok(Self { inner })
    }

    /// A log from its bytes.
    #[napi(factory, catch_unwind)]
    pub fn from_bytes(bytes: Uint8Array, given: String) -> Result<Self> {
        let inner = DecisionLog::from_bytes(&bytes, &options(&given)?).map_err(thrown)?;
        Ok(Self { inner })
    }

    /// The bytes.
    #[napi(catch_unwind)]
    pub fn to_bytes(&self) -> Uint8Array {
        self.inner.to_bytes().into()
    }

    /// Adds a decision.
    #[napi(catch_unwind)]
    pub fn record(&mut self, given: String) -> Result<bool> {
        let given = json::parse(&given, ErrorKind::InvalidArgument)?;
        let decision = Decision::from_json(&given).map_err(thrown)?;
        self.inner.record(decision).map_err(thrown)
    }

    /// Adds an outcome.
    #[napi(catch_unwind)]
    pub fn record_outcome(&mut self, given: String) -> Result<bool> {
        let given = json::parse(&given, ErrorKind::InvalidArgument)?;
        let outcome = Outcome::from_json(&given).map_err(thrown)?;
        self.inner.record_outcome(outcome).map_err(thrown)
    }

    /// Takes over another log, from its bytes: one that is merged into itself must not be borrowed
    /// twice.
    #[napi(catch_unwind)]
    pub fn merge(&mut self, other: Uint8Array) -> Result<String> {
        let other = DecisionLog::from_bytes(&other, &LogOptions::default()).map_err(thrown)?;
        let merged = self.inner.merge(&other).map_err(thrown)?;
        Ok(merged.to_json().to_string())
    }

    /// What is kept of a user.
    #[napi(catch_unwind)]
    pub fn pseudonym(&self, user: String) -> Result<String> {
        self.inner.pseudonym(&user).map_err(thrown)
    }

    /// Removes a user's decisions.
    #[napi(catch_unwind)]
    pub fn erase(&mut self, user: String) -> Result<String> {
        let removed = self.inner.erase(&user).map_err(thrown)?;
        Ok(removed.to_json().to_string())
    }

    /// Removes what is older.
    #[napi(catch_unwind)]
    pub fn expire(&mut self, before: f64) -> Result<String> {
        let removed = self.inner.expire(milliseconds(before)).map_err(thrown)?;
        Ok(removed.to_json().to_string())
    }

    /// A decision as JSON.
    #[napi(catch_unwind)]
    pub fn decision(&self, id: String) -> Option<String> {
        let found = self.inner.decision(&id);
        found.map(|found| found.to_json().to_string())
    }

    /// Outcomes without a decision, as JSON.
    #[napi(catch_unwind)]
    pub fn orphans(&self) -> String {
        let orphans: Vec<_> = self.inner.orphans().map(Outcome::to_json).collect();
        tastemaker::json::Value::from(orphans).to_string()
    }

    /// How many decisions and outcomes there are.
    #[napi(catch_unwind)]
    pub fn counts(&self) -> Vec<u32> {
        vec![
            self.inner.decisions().len() as u32,
            self.inner.outcomes().len() as u32,
        ]
    }

    /// A table.
    #[napi(catch_unwind)]
    pub fn table(&self, name: String) -> Result<Vec<NativeColumn>> {
        Ok(columns(self.inner.table(&name).map_err(thrown)?))
    }

    /// Outcomes joined to decisions.
    #[napi(catch_unwind)]
    pub fn join(&self, given: String) -> Result<NativeJoined> {
        let given = json::parse(&given, ErrorKind::InvalidArgument)?;
        let options = JoinOptions::from_json(&given).map_err(thrown)?;
        let joined = self.inner.join(&options).map_err(thrown)?;
        Ok(NativeJoined {
            counts: joined.counts.to_json().to_string(),
            columns: columns(joined.table),
        })
    }
}

/// The hash of a context.
#[napi(catch_unwind)]
pub fn context_hash(context: String) -> Result<String> {
    let context = json::parse(&context, ErrorKind::InvalidArgument)?;
    Ok(log::context_hash(&context))
}
