//! Bandits: definitions and requests as JSON, rewards as columns.

use std::cell::RefCell;

use napi::bindgen_prelude::{BigInt64Array, Env, Float64Array, Uint8ArraySlice, Uint32Array};
use napi_derive::napi;
use tastemaker::experiment::bandit::{Bandit, Request, Rewards, UpdateOptions};
use tastemaker::{Error, ErrorKind};

use crate::error::{Result, thrown};
use crate::event::{Ids, NativeIds, exact_integer, milliseconds};
use crate::json;
use crate::model::NativeModel;
use crate::profile::bytes;

/// A bandit: its definition and its state.
#[napi]
pub struct NativeBandit {
    inner: RefCell<Bandit>,
}

/// Rewards: a column of arms, or one a factor.
#[napi(object, object_to_js = false)]
pub struct NativeRewards {
    pub arms: Vec<NativeIds>,
    pub factors: Option<Vec<String>>,
    pub reward: Float64Array,
    pub time: Option<Float64Array>,
    pub time_bigint: Option<BigInt64Array>,
    pub context: Option<Float64Array>,
    pub arm_features: Option<Float64Array>,
}

impl From<Bandit> for NativeBandit {
    fn from(inner: Bandit) -> Self {
        Self {
            inner: RefCell::new(inner),
        }
    }
}

fn read(text: &str) -> Result<tastemaker::json::Value> {
    json::parse(text, ErrorKind::InvalidArgument)
}

#[napi]
impl NativeBandit {
    #[napi(factory, catch_unwind)]
    pub fn create(definition: String) -> Result<Self> {
        let bandit = Bandit::from_json(&read(&definition)?).map_err(thrown)?;
        Ok(bandit.into())
    }

    #[napi(factory, catch_unwind)]
    pub fn from_bytes(data: &[u8]) -> Result<Self> {
        Ok(Bandit::from_bytes(data).map_err(thrown)?.into())
    }

    #[napi(catch_unwind)]
    pub fn to_bytes<'env>(&self, env: &'env Env) -> Result<Uint8ArraySlice<'env>> {
        bytes(env, &self.inner.borrow().to_bytes())
    }

    #[napi(catch_unwind)]
    pub fn definition(&self) -> Result<String> {
        json::write(&self.inner.borrow().definition())
    }

    #[napi(catch_unwind)]
    pub fn state_version(&self) -> Result<String> {
        Ok(self.inner.borrow().state_version())
    }

    #[napi(catch_unwind)]
    pub fn choose(&self, request: String) -> Result<String> {
        let request = Request::from_json(&read(&request)?).map_err(thrown)?;
        let bandit = self.inner.borrow();
        let answer = bandit.choose(&request).map_err(thrown)?;
        json::write(&answer.to_json())
    }

    #[napi(catch_unwind)]
    pub fn propensities(&self, request: String) -> Result<String> {
        let request = Request::from_json(&read(&request)?).map_err(thrown)?;
        let bandit = self.inner.borrow();
        let answer = bandit.propensities(&request).map_err(thrown)?;
        json::write(&answer.to_json())
    }

    #[napi(catch_unwind)]
    pub fn update_one(&self, given: String) -> Result<String> {
        let given = read(&given)?;
        let updated = self.inner.borrow_mut().update_one(&given).map_err(thrown)?;
        json::write(&updated.to_json())
    }

    #[napi(catch_unwind)]
    pub fn update(&self, rewards: NativeRewards, options: String) -> Result<String> {
        let options = UpdateOptions::from_json(&read(&options)?).map_err(thrown)?;
        let factors = rewards.factors.unwrap_or_default();
        let arms = rewards.arms.into_iter();
        let arms = arms.map(|arm| Ids::new(arm, "arm"));
        let arms = arms.collect::<Result<Vec<Ids>>>()?;
        let texts: Vec<Vec<&str>> = arms.iter().map(Ids::values).collect();
        let time: Option<Vec<i64>> = match (rewards.time_bigint, rewards.time) {
            (Some(exact), _) => Some(exact.to_vec()),
            (None, Some(numbers)) => Some(numbers.iter().map(|&ms| milliseconds(ms)).collect()),
            (None, None) => None,
        };
        let mut given = Rewards::new(tastemaker::event::IdColumn::Text(&[]), &rewards.reward);
        let each = arms.iter().zip(&texts).enumerate();
        given.arms = each
            .map(|(at, (ids, texts))| (factors.get(at).map(String::as_str), ids.column(texts)))
            .collect();
        given.time = time.as_deref();
        given.context = rewards.context.as_deref();
        given.arm_features = rewards.arm_features.as_deref();
        let updated = self.inner.borrow_mut().update(&given, &options);
        json::write(&updated.map_err(thrown)?.to_json())
    }

    #[napi(catch_unwind)]
    pub fn await_rewards(&self, arm: String, count: f64, factor: Option<String>) -> Result<()> {
        let count = exact_integer(count).ok_or_else(|| {
            thrown(Error::new(
                ErrorKind::InvalidArgument,
                format!("count is {count}; it must be a whole number"),
            ))
        })?;
        let mut bandit = self.inner.borrow_mut();
        bandit
            .await_rewards(factor.as_deref(), &arm, count)
            .map_err(thrown)
    }

    #[napi(catch_unwind)]
    pub fn merge(&self, other: &NativeBandit) -> Result<()> {
        // A copy, so that one can be merged with itself.
        let other = other.inner.borrow().clone();
        self.inner.borrow_mut().merge(&other).map_err(thrown)
    }

    #[napi(catch_unwind)]
    pub fn redefine(&self, definition: String) -> Result<String> {
        let definition = read(&definition)?;
        let changed = self.inner.borrow_mut().redefine(&definition);
        json::write(&changed.map_err(thrown)?.to_json())
    }

    #[napi(catch_unwind)]
    pub fn report(&self, now: Option<f64>) -> Result<String> {
        let report = self.inner.borrow().report(now.map(milliseconds));
        json::write(&report.map_err(thrown)?.to_json())
    }
}

/// A model with bandits in the place of its own: their bytes, one after the other.
#[napi(catch_unwind)]
pub fn model_with_bandits(
    model: &NativeModel,
    data: &[u8],
    lengths: Uint32Array,
) -> Result<NativeModel> {
    let mut rest = data;
    let mut bandits = Vec::with_capacity(lengths.len());
    for &length in lengths.iter() {
        let (own, more) = rest.split_at(rest.len().min(length as usize));
        bandits.push(Bandit::from_bytes(own).map_err(thrown)?);
        rest = more;
    }
    let made = model.inner.with_bandits(&bandits);
    Ok(made.map_err(thrown)?.into())
}

/// The keys of a model's bandits.
#[napi(catch_unwind)]
pub fn model_bandits(model: &NativeModel) -> Result<Vec<String>> {
    Ok(model.inner.bandits().map(str::to_owned).collect())
}

/// A bandit of a model.
#[napi(catch_unwind)]
pub fn model_bandit(model: &NativeModel, key: String) -> Result<Option<NativeBandit>> {
    Ok(model.inner.bandit(&key).map_err(thrown)?.map(Into::into))
}
