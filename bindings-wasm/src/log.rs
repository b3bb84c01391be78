//! Decision logs: records as JSON, tables as columns.

use std::cell::RefCell;

use tastemaker::ErrorKind;
use tastemaker::experiment::log::{
    self, Decision, DecisionLog, JoinOptions, LogOptions, Outcome, Table, Values,
};
use wasm_bindgen::prelude::*;

use crate::error::{Result, thrown};
use crate::event::milliseconds;
use crate::json;

#[wasm_bindgen]
extern "C" {
    /// A column: codes into texts, times or numbers, or small whole numbers.
    #[wasm_bindgen(js_name = Object)]
    pub type NativeColumn;

    #[wasm_bindgen(constructor, js_class = "Object")]
    fn new() -> NativeColumn;

    #[wasm_bindgen(method, setter, structural)]
    fn set_name(this: &NativeColumn, name: &str);

    #[wasm_bindgen(method, setter, structural)]
    fn set_codes(this: &NativeColumn, codes: Vec<u32>);

    #[wasm_bindgen(method, setter, structural)]
    fn set_texts(this: &NativeColumn, texts: Vec<String>);

    #[wasm_bindgen(method, setter, structural)]
    fn set_numbers(this: &NativeColumn, numbers: Vec<f64>);

    #[wasm_bindgen(method, setter, structural)]
    fn set_whole(this: &NativeColumn, whole: Vec<u32>);

    /// A table that a join made, and what became of the outcomes, as JSON.
    #[wasm_bindgen(js_name = Object)]
    pub type NativeJoined;

    #[wasm_bindgen(constructor, js_class = "Object")]
    fn joined() -> NativeJoined;

    #[wasm_bindgen(method, setter, structural)]
    fn set_columns(this: &NativeJoined, columns: Vec<NativeColumn>);

    #[wasm_bindgen(method, setter, structural)]
    fn set_counts(this: &NativeJoined, counts: &str);
}

/// Decisions and outcomes.
#[wasm_bindgen]
pub struct NativeDecisionLog {
    inner: RefCell<DecisionLog>,
}

fn options(given: &str) -> Result<LogOptions> {
    let given = json::parse(given, ErrorKind::InvalidArgument)?;
    LogOptions::from_json(&given).map_err(thrown)
}

fn columns(table: Table) -> Vec<NativeColumn> {
    let column = |column: log::Column| {
        let out = NativeColumn::new();
        out.set_name(column.name);
        match column.values {
            Values::Text { codes, texts } => {
                out.set_codes(codes);
                out.set_texts(texts);
            }
            // Times lie between the years 1 and 9999, within what f64 holds exactly.
            Values::Time(values) => {
                out.set_numbers(values.into_iter().map(|ms| ms as f64).collect());
            }
            Values::Number(values) => out.set_numbers(values),
            Values::Whole(values) => out.set_whole(values),
            _ => {}
        }
        out
    };
    table.columns.into_iter().map(column).collect()
}

#[wasm_bindgen]
impl NativeDecisionLog {
    pub fn create(given: &str) -> Result<Self> {
        let inner = DecisionLog::new(&options(given)?).map_err(thrown)?;
        Ok(Self {
            inner: RefCell::new(inner),
        })
    }

    #[wasm_bindgen(js_name = fromBytes)]
    pub fn from_bytes(bytes: &[u8], given: &str) -> Result<Self> {
        let inner = DecisionLog::from_bytes(bytes, &options(given)?).map_err(thrown)?;
        Ok(Self {
            inner: RefCell::new(inner),
        })
    }

    #[wasm_bindgen(js_name = toBytes)]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.inner.borrow().to_bytes()
    }

    pub fn record(&self, given: &str) -> Result<bool> {
        let given = json::parse(given, ErrorKind::InvalidArgument)?;
        let decision = Decision::from_json(&given).map_err(thrown)?;
        self.inner.borrow_mut().record(decision).map_err(thrown)
    }

    #[wasm_bindgen(js_name = recordOutcome)]
    pub fn record_outcome(&self, given: &str) -> Result<bool> {
        let given = json::parse(given, ErrorKind::InvalidArgument)?;
        let outcome = Outcome::from_json(&given).map_err(thrown)?;
        self.inner
            .borrow_mut()
            .record_outcome(outcome)
            .map_err(thrown)
    }

    /// Takes over another log, from its bytes.
    pub fn merge(&self, other: &[u8]) -> Result<String> {
        let other = DecisionLog::from_bytes(other, &LogOptions::default()).map_err(thrown)?;
        let merged = self.inner.borrow_mut().merge(&other).map_err(thrown)?;
        json::write(&merged.to_json())
    }

    pub fn pseudonym(&self, user: &str) -> Result<String> {
        self.inner.borrow().pseudonym(user).map_err(thrown)
    }

    pub fn erase(&self, user: &str) -> Result<String> {
        let removed = self.inner.borrow_mut().erase(user).map_err(thrown)?;
        json::write(&removed.to_json())
    }

    pub fn expire(&self, before: f64) -> Result<String> {
        let before = milliseconds(before);
        let removed = self.inner.borrow_mut().expire(before).map_err(thrown)?;
        json::write(&removed.to_json())
    }

    pub fn decision(&self, id: &str) -> Option<String> {
        let log = self.inner.borrow();
        log.decision(id).map(|found| found.to_json().to_string())
    }

    pub fn orphans(&self) -> String {
        let log = self.inner.borrow();
        let orphans: Vec<_> = log.orphans().map(Outcome::to_json).collect();
        tastemaker::json::Value::from(orphans).to_string()
    }

    pub fn counts(&self) -> Vec<u32> {
        let log = self.inner.borrow();
        vec![log.decisions().len() as u32, log.outcomes().len() as u32]
    }

    pub fn table(&self, name: &str) -> Result<Vec<NativeColumn>> {
        Ok(columns(self.inner.borrow().table(name).map_err(thrown)?))
    }

    pub fn join(&self, given: &str) -> Result<NativeJoined> {
        let given = json::parse(given, ErrorKind::InvalidArgument)?;
        let options = JoinOptions::from_json(&given).map_err(thrown)?;
        let joined = self.inner.borrow().join(&options).map_err(thrown)?;
        let out = NativeJoined::joined();
        out.set_counts(&joined.counts.to_json().to_string());
        out.set_columns(columns(joined.table));
        Ok(out)
    }
}

/// The hash of a context.
#[wasm_bindgen(js_name = contextHash)]
pub fn context_hash(context: &str) -> Result<String> {
    let context = json::parse(context, ErrorKind::InvalidArgument)?;
    Ok(log::context_hash(&context))
}
