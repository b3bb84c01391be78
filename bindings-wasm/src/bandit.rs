//! Bandits: definitions and requests as JSON, rewards as columns.

use std::cell::RefCell;

use tastemaker::experiment::bandit::{Bandit, Request, Rewards, UpdateOptions};
use tastemaker::{Error, ErrorKind};
use wasm_bindgen::prelude::*;

use crate::error::{Result, thrown};
use crate::event::{Ids, NativeIds, exact_integer, milliseconds};
use crate::json;
use crate::model::NativeModel;

/// A bandit: its definition and its state.
#[wasm_bindgen]
pub struct NativeBandit {
    inner: RefCell<Bandit>,
}

#[wasm_bindgen]
extern "C" {
    /// Rewards: a column of arms, or one a factor.
    pub type NativeRewards;

    #[wasm_bindgen(method, getter, structural)]
    fn arms(this: &NativeRewards) -> Vec<NativeIds>;

    #[wasm_bindgen(method, getter, structural)]
    fn factors(this: &NativeRewards) -> Option<Vec<String>>;

    #[wasm_bindgen(method, getter, structural)]
    fn reward(this: &NativeRewards) -> Vec<f64>;

    #[wasm_bindgen(method, getter, structural)]
    fn time(this: &NativeRewards) -> Option<Vec<f64>>;

    #[wasm_bindgen(method, getter, structural, js_name = timeBigint)]
    fn time_bigint(this: &NativeRewards) -> Option<Vec<i64>>;

    #[wasm_bindgen(method, getter, structural)]
    fn context(this: &NativeRewards) -> Option<Vec<f64>>;

    #[wasm_bindgen(method, getter, structural, js_name = armFeatures)]
    fn arm_features(this: &NativeRewards) -> Option<Vec<f64>>;
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

#[wasm_bindgen]
impl NativeBandit {
    pub fn create(definition: &str) -> Result<Self> {
        let bandit = Bandit::from_json(&read(definition)?).map_err(thrown)?;
        Ok(bandit.into())
    }

    #[wasm_bindgen(js_name = fromBytes)]
    pub fn from_bytes(data: &[u8]) -> Result<Self> {
        Ok(Bandit::from_bytes(data).map_err(thrown)?.into())
    }

    #[wasm_bindgen(js_name = toBytes)]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.inner.borrow().to_bytes()
    }

    pub fn definition(&self) -> Result<String> {
        json::write(&self.inner.borrow().definition())
    }

    #[wasm_bindgen(js_name = stateVersion)]
    pub fn state_version(&self) -> String {
        self.inner.borrow().state_version()
    }

    pub fn choose(&self, request: &str) -> Result<String> {
        let request = Request::from_json(&read(request)?).map_err(thrown)?;
        let bandit = self.inner.borrow();
        let answer = bandit.choose(&request).map_err(thrown)?;
        json::write(&answer.to_json())
    }

    pub fn propensities(&self, request: &str) -> Result<String> {
        let request = Request::from_json(&read(request)?).map_err(thrown)?;
        let bandit = self.inner.borrow();
        let answer = bandit.propensities(&request).map_err(thrown)?;
        json::write(&answer.to_json())
    }

    #[wasm_bindgen(js_name = updateOne)]
    pub fn update_one(&self, given: &str) -> Result<String> {
        let given = read(given)?;
        let updated = self.inner.borrow_mut().update_one(&given).map_err(thrown)?;
        json::write(&updated.to_json())
    }

    pub fn update(&self, rewards: &NativeRewards, options: &str) -> Result<String> {
        let options = UpdateOptions::from_json(&read(options)?).map_err(thrown)?;
        let factors = rewards.factors().unwrap_or_default();
        let arms = rewards.arms();
        let arms = arms.iter().map(|arm| Ids::new(arm, "arm"));
        let arms = arms.collect::<Result<Vec<Ids>>>()?;
        let texts: Vec<Vec<&str>> = arms.iter().map(Ids::texts).collect();
        let time = rewards.time_bigint().or_else(|| {
            let numbers = rewards.time()?;
            Some(numbers.into_iter().map(milliseconds).collect())
        });
        let (reward, context, arm_features) =
            (rewards.reward(), rewards.context(), rewards.arm_features());
        let mut given = Rewards::new(tastemaker::event::IdColumn::Text(&[]), &reward);
        let each = arms.iter().zip(&texts).enumerate();
        given.arms = each
            .map(|(at, (ids, texts))| (factors.get(at).map(String::as_str), ids.column(texts)))
            .collect();
        given.time = time.as_deref();
        given.context = context.as_deref();
        given.arm_features = arm_features.as_deref();
        let updated = self.inner.borrow_mut().update(&given, &options);
        json::write(&updated.map_err(thrown)?.to_json())
    }

    #[wasm_bindgen(js_name = awaitRewards)]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "wasm-bindgen has no optional reference"
    )]
    pub fn await_rewards(&self, arm: &str, count: f64, factor: Option<String>) -> Result<()> {
        let count = exact_integer(count).ok_or_else(|| {
            thrown(Error::new(
                ErrorKind::InvalidArgument,
                format!("count is {count}; it must be a whole number"),
            ))
        })?;
        let mut bandit = self.inner.borrow_mut();
        bandit
            .await_rewards(factor.as_deref(), arm, count)
            .map_err(thrown)
    }

    pub fn merge(&self, other: &NativeBandit) -> Result<()> {
        // A copy, so that one can be merged with itself.
        let other = other.inner.borrow().clone();
        self.inner.borrow_mut().merge(&other).map_err(thrown)
    }

    pub fn redefine(&self, definition: &str) -> Result<String> {
        let definition = read(definition)?;
        let changed = self.inner.borrow_mut().redefine(&definition);
        json::write(&changed.map_err(thrown)?.to_json())
    }

    pub fn report(&self, now: Option<f64>) -> Result<String> {
        let report = self.inner.borrow().report(now.map(milliseconds));
        json::write(&report.map_err(thrown)?.to_json())
    }
}

/// A model with bandits in the place of its own: their bytes, one after the other.
#[wasm_bindgen(js_name = modelWithBandits)]
pub fn model_with_bandits(
    model: &NativeModel,
    data: &[u8],
    lengths: &[u32],
) -> Result<NativeModel> {
    let mut rest = data;
    let mut bandits = Vec::with_capacity(lengths.len());
    for &length in lengths {
        let (own, more) = rest.split_at(rest.len().min(length as usize));
        bandits.push(Bandit::from_bytes(own).map_err(thrown)?);
        rest = more;
    }
    let made = model.inner.with_bandits(&bandits);
    Ok(made.map_err(thrown)?.into())
}

/// The keys of a model's bandits.
#[wasm_bindgen(js_name = modelBandits)]
pub fn model_bandits(model: &NativeModel) -> Vec<String> {
    model.inner.bandits().map(str::to_owned).collect()
}

/// A bandit of a model.
#[wasm_bindgen(js_name = modelBandit)]
pub fn model_bandit(model: &NativeModel, key: &str) -> Result<Option<NativeBandit>> {
    Ok(model.inner.bandit(key).map_err(thrown)?.map(Into::into))
}
