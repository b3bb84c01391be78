//! The operation `bandit`: a bandit, and what its steps give.

use super::{Suites, from_hex, number, to_hex};
use tastemaker::Result;
use tastemaker::event::IdColumn;
use tastemaker::experiment::bandit::{self, Bandit, Rewards, UpdateOptions};
use tastemaker::json::{Value, json};
use tastemaker::model::Model;

/// A bandit from its definition or its bytes, after its steps, and what they gave.
fn played(suites: &Suites, input: &Value) -> Result<(Bandit, Vec<Value>)> {
    let mut bandit = match input["bytes"].as_str() {
        Some(digits) => Bandit::from_bytes(&from_hex(digits))?,
        None => Bandit::from_json(&input["definition"])?,
    };
    let steps = input["steps"].as_array().into_iter().flatten();
    let results = steps.map(|step| match bandit_step(suites, &mut bandit, step) {
        Ok(result) => result,
        Err(error) => json!({"error": error.code()}),
    });
    let results = results.collect();
    Ok((bandit, results))
}

pub(crate) fn bandit(suites: &Suites, input: &Value) -> Result<Value> {
    Ok(json!({"results": played(suites, input)?.1}))
}

fn bandit_step(suites: &Suites, bandit: &mut Bandit, step: &Value) -> Result<Value> {
    Ok(match step[0].as_str().expect("a text") {
        "choose" => bandit
            .choose(&bandit::Request::from_json(&step[1])?)?
            .to_json(),
        "propensities" => bandit
            .propensities(&bandit::Request::from_json(&step[1])?)?
            .to_json(),
        "update_one" => bandit.update_one(&step[1])?.to_json(),
        "update" => rewards(bandit, &step[1], &step[2])?,
        "await_rewards" => {
            let (arm, count) = (step[2].as_str().expect("an arm"), step[3].as_i64());
            bandit.await_rewards(step[1].as_str(), arm, count.expect("a count"))?;
            Value::Null
        }
        "merge" => {
            bandit.merge(&played(suites, &step[1])?.0)?;
            Value::Null
        }
        "redefine" => bandit.redefine(&step[1])?.to_json(),
        "report" => bandit.report(step[1].as_i64())?.to_json(),
        "bytes" => {
            let bytes = bandit.to_bytes();
            assert_eq!(&Bandit::from_bytes(&bytes)?, bandit, "the bytes come back");
            to_hex(&bytes).into()
        }
        "in_model" => {
            let others = step[2].as_array().into_iter().flatten();
            let others = others.map(|other| Ok(played(suites, other)?.0));
            let mut all = others.collect::<Result<Vec<Bandit>>>()?;
            all.push(bandit.clone());
            let model = suites.model(&step[1])?.with_bandits(&all)?;
            let model = Model::from_bytes(model.as_bytes())?;
            let stored = model.bandit(bandit.key())?.expect("it was stored");
            json!({
                "hash": model.hash(),
                "bandits": model.bandits().collect::<Vec<_>>(),
                "bytes": to_hex(&stored.to_bytes()),
            })
        }
        "definition" => bandit.definition(),
        "state_version" => bandit.state_version().into(),
        unknown => panic!("the step {unknown} is not known"),
    })
}

/// Rewards as columns; rows of features are lists.
fn rewards(bandit: &mut Bandit, given: &Value, options: &Value) -> Result<Value> {
    let list = |name: &str| given.get(name).map(|v| v.as_array().expect("a list"));
    let rows = |name: &str| -> Option<Vec<f64>> {
        let rows = list(name)?.iter();
        Some(
            rows.flat_map(|row| row.as_array().expect("a row"))
                .map(number)
                .collect(),
        )
    };
    let reward: Vec<f64> = list("reward")
        .expect("rewards")
        .iter()
        .map(number)
        .collect();
    let time: Option<Vec<i64>> =
        list("time").map(|times| times.iter().map(|t| t.as_i64().expect("a time")).collect());
    let (context, arm_features) = (rows("context"), rows("arm_features"));
    type Rows<'a> = (Option<&'a str>, Vec<String>, Vec<i64>);
    let column = |name, column: &Value| -> Rows<'_> {
        let rows = column.as_array().expect("a column");
        let texts = rows.iter().filter_map(|id| Some(id.as_str()?.to_owned()));
        (
            name,
            texts.collect(),
            rows.iter().filter_map(Value::as_i64).collect(),
        )
    };
    let columns: Vec<Rows<'_>> = match &given["arm"] {
        Value::Object(factors) => factors
            .iter()
            .map(|(name, rows)| column(Some(name.as_str()), rows))
            .collect(),
        rows => vec![column(None, rows)],
    };
    let texts: Vec<Vec<&str>> = columns
        .iter()
        .map(|(_, texts, _)| texts.iter().map(String::as_str).collect())
        .collect();
    let mut rows = Rewards::new(IdColumn::Text(&[]), &reward);
    let arms = columns.iter().zip(&texts);
    rows.arms = arms
        .map(|((name, _, integers), texts)| match integers.as_slice() {
            [] => (*name, IdColumn::Text(texts)),
            integers => (*name, IdColumn::Integer(integers)),
        })
        .collect();
    rows.time = time.as_deref();
    rows.context = context.as_deref();
    rows.arm_features = arm_features.as_deref();
    Ok(bandit
        .update(&rows, &UpdateOptions::from_json(options)?)?
        .to_json())
}
