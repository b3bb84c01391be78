//! The operations `decision_log` and `context_hash`.

use super::{from_hex, to_hex};
use tastemaker::Result;
use tastemaker::experiment::log::{self, Decision, DecisionLog, JoinOptions, LogOptions, Outcome};
use tastemaker::json::{Value, json};

pub(crate) fn context_hash(input: &Value) -> Result<Value> {
    Ok(json!({"hash": log::context_hash(&input["context"])}))
}

pub(crate) fn decision_log(input: &Value) -> Result<Value> {
    let options = LogOptions::from_json(&input["options"])?;
    let mut log = match input["bytes"].as_str() {
        Some(digits) => DecisionLog::from_bytes(&from_hex(digits), &options)?,
        None => DecisionLog::new(&options)?,
    };
    let mut results = Vec::new();
    for step in input["steps"].as_array().expect("a list of steps") {
        results.push(match log_step(&mut log, step) {
            Ok(result) => result,
            Err(error) => json!({"error": error.code()}),
        });
    }
    let bytes = log.to_bytes();
    assert_eq!(
        DecisionLog::from_bytes(&bytes, &options)?,
        log,
        "the bytes come back"
    );
    Ok(json!({"results": results, "bytes": to_hex(&bytes)}))
}

fn log_step(log: &mut DecisionLog, step: &Value) -> Result<Value> {
    let text = |at: usize| step[at].as_str().expect("a text");
    Ok(match text(0) {
        "record" => log.record(Decision::from_json(&step[1])?)?.into(),
        "record_outcome" => log.record_outcome(Outcome::from_json(&step[1])?)?.into(),
        "merge" => {
            let mut other = DecisionLog::new(&LogOptions::from_json(&step[2])?)?;
            for step in step[1].as_array().expect("a list of steps") {
                log_step(&mut other, step)?;
            }
            log.merge(&other)?.to_json()
        }
        "pseudonym" => log.pseudonym(text(1))?.into(),
        "erase" => log.erase(text(1))?.to_json(),
        "expire" => log.expire(step[1].as_i64().expect("a time"))?.to_json(),
        "decision" => log.decision(text(1)).map_or(Value::Null, Decision::to_json),
        "orphans" => log.orphans().map(Outcome::to_json).collect(),
        "counts" => json!([log.decisions().len(), log.outcomes().len()]),
        "table" => log.table(text(1))?.to_json(),
        "join" => log.join(&JoinOptions::from_json(&step[1])?)?.to_json(),
        unknown => panic!("the step {unknown} is not known"),
    })
}
