//! One function an operation: from a case's input to what its `expect` is compared with.

use super::{Column, Suites, from_hex, number, to_hex, trained, tuned, with_columns};
use super::{bandits, decisions, offpolicy};
use tastemaker::Result;
use tastemaker::catalog::Catalog;
use tastemaker::condition::Condition;
use tastemaker::control::Control;
use tastemaker::engine::{
    Engine, GroupRequest, Request, ScoreRequest, SimilarRequest, SimilarUsersRequest,
};
use tastemaker::evaluate::{
    CompareOptions, EvaluateOptions, SplitOptions, TestSet, compare, evaluate, split,
};
use tastemaker::event::{Event, IdColumn};
use tastemaker::experiment::stats::{self, Rows, SummarizeOptions, summarize};
use tastemaker::experiment::{Context, Experiments, split_exact};
use tastemaker::json::{Map, Value, json};
use tastemaker::model::{BatchOptions, Model};
use tastemaker::profile::Profile;

pub(crate) fn run(suites: &Suites, suite: &Value, case: &Value) -> Result<Value> {
    let input = &case["input"];
    match case["op"].as_str().expect("an operation") {
        "condition" => condition(suite, input),
        op @ ("recommend" | "similar_items" | "score_items" | "recommend_group"
        | "similar_users") => question(suites, op, input),
        "profile" => profile(input),
        "open" => open(suites, input),
        "catalog" => catalog(input),
        "train" => Ok(train(&trained(input)?)),
        "tune" => tuned(input),
        "model" => model(suites, input),
        "batch" => batch(suites, input),
        "evaluate" => evaluation(suites, input),
        "compare" => comparison(suites, input),
        "split" => divide(input),
        "engine" => engine(suites, input),
        "stats" => stats::ask(
            input["question"].as_str().expect("a question"),
            &input["request"],
        ),
        "summarize" => summary(input),
        "experiment" => experiment(input),
        "split_exact" => exact_split(input),
        "bandit" => bandits::bandit(suites, input),
        "off_policy" => offpolicy::off_policy(input),
        "slates" => offpolicy::slates(input),
        "decision_log" => decisions::decision_log(input),
        "context_hash" => decisions::context_hash(input),
        "index" => super::index::run(suites, suite, input),
        "both" => super::both::run(suites, suite, input),
        unknown => panic!("the operation {unknown} is not known"),
    }
}

fn condition(suite: &Value, input: &Value) -> Result<Value> {
    let lenient = input.get("lenient").unwrap_or(&suite["lenient"]) == true;
    let condition = if lenient {
        Condition::parse_lenient(&input["condition"])?
    } else {
        Condition::parse(&input["condition"])?
    };
    let attributes = &input["attributes"];
    Ok(json!({"result": match input["groups"].as_object() {
        Some(groups) => condition.matches_with_groups(attributes, groups),
        None => condition.matches(attributes),
    }}))
}

fn event(given: &Value) -> Event {
    let item_id = given["item_id"].as_str().expect("an item_id");
    let kind = given
        .get("kind")
        .map_or("view", |k| k.as_str().expect("a kind"));
    let timestamp = given
        .get("timestamp")
        .map_or(0, |t| t.as_i64().expect("a time"));
    Event::new(item_id, kind, timestamp).with_weight(given.get("weight").map_or(1.0, number))
}

/// A question to a new engine, after the events that a case records.
fn question(suites: &Suites, op: &str, input: &Value) -> Result<Value> {
    let engine = Engine::new(suites.model(input)?);
    for given in input["record"].as_array().into_iter().flatten() {
        engine.record(given["user_id"].as_str().expect("a user_id"), &event(given))?;
    }
    ask(&engine, op, &input["request"])
}

fn ask(engine: &Engine, op: &str, request: &Value) -> Result<Value> {
    Ok(match op {
        "recommend" => engine.recommend(&Request::from_json(request)?)?.to_json(),
        "similar_items" => engine
            .similar_items(&SimilarRequest::from_json(request)?)?
            .to_json(),
        "score_items" => engine
            .score_items(&ScoreRequest::from_json(request)?)?
            .to_json(),
        "recommend_group" => engine
            .recommend_group(&GroupRequest::from_json(request)?)?
            .to_json(),
        "similar_users" => engine
            .similar_users(&SimilarUsersRequest::from_json(request)?)?
            .to_json(),
        unknown => panic!("the step {unknown} is not known"),
    })
}

fn profile(input: &Value) -> Result<Value> {
    let build = |mut profile: Profile, events: &Value| -> Result<Profile> {
        for given in events.as_array().into_iter().flatten() {
            profile.record(&event(given))?;
        }
        Ok(profile)
    };
    let start = match input["bytes"].as_str() {
        Some(digits) => Profile::from_bytes(&from_hex(digits))?,
        None => Profile::new(),
    };
    let mut profile = build(start, &input["events"])?;
    let mut merged = Vec::new();
    for other in input["merge"].as_array().into_iter().flatten() {
        merged.push(profile.merge(&build(Profile::new(), other)?));
    }
    let forget = input["forget"].as_array().into_iter().flatten();
    let forgotten: Vec<usize> = forget
        .map(|item| profile.forget_item(item.as_str().expect("an id")))
        .collect();
    let events: Vec<Value> = profile
        .events()
        .iter()
        .map(|e| json!({"item_id": e.item_id, "kind": e.kind, "weight": e.weight, "timestamp": e.timestamp}))
        .collect();
    let bytes = profile.to_bytes();
    assert_eq!(Profile::from_bytes(&bytes)?, profile, "the bytes come back");
    Ok(json!({
        "merged": merged,
        "forgotten": forgotten,
        "events": events,
        "bytes": to_hex(&bytes),
        "len": profile.len(),
    }))
}

fn open(suites: &Suites, input: &Value) -> Result<Value> {
    let bytes = suites.bytes(input["snapshot"].as_str().expect("a snapshot"));
    Ok(shape(&Model::from_bytes(&mutated(
        bytes,
        &input["mutate"],
    ))?))
}

/// Bytes with what `mutate` does to them.
pub(crate) fn mutated(mut bytes: Vec<u8>, mutate: &Value) -> Vec<u8> {
    let place = |value: &Value| value.as_u64().expect("a position") as usize;
    for (name, mutation) in mutate.as_object().into_iter().flatten() {
        match name.as_str() {
            "truncate" => bytes.truncate(place(mutation)),
            "flip" => bytes[place(&mutation[0])] ^= 1 << place(&mutation[1]),
            "set" => bytes[place(&mutation[0])] = place(&mutation[1]) as u8,
            "append" => bytes.extend(from_hex(mutation.as_str().expect("digits"))),
            unknown => panic!("the mutation {unknown} is not known"),
        }
    }
    bytes
}

fn shape(model: &Model) -> Value {
    json!({
        "item_count": model.item_count(),
        "user_count": model.user_count(),
        "hash": model.hash(),
    })
}

fn catalog(input: &Value) -> Result<Value> {
    let mut catalog = match &input["schema"] {
        Value::Null => Catalog::new(),
        schema => Catalog::with_schema(schema)?,
    };
    for step in input["ops"].as_array().into_iter().flatten() {
        let id = step[1].as_str().expect("an id");
        match step[0].as_str().expect("a name") {
            "add" => catalog.add(id, &step[2])?,
            "replace" => catalog.replace(id, &step[2])?,
            "remove" => catalog.remove(id)?,
            unknown => panic!("the change {unknown} is not known"),
        }
    }
    let items: Map<String, Value> = catalog
        .ids()
        .map(|id| (id.to_owned(), catalog.get(id).expect("it has its ids")))
        .collect();
    Ok(json!({"items": items, "schema": catalog.schema()}))
}

fn train(model: &Model) -> Value {
    let mut result = shape(model);
    result["manifest"] = model.manifest().clone();
    result
}

fn model(suites: &Suites, input: &Value) -> Result<Value> {
    let model = suites.model(input)?;
    let each = |list: &Value, read: &dyn Fn(&str) -> Value| -> Value {
        let ids = list.as_array().into_iter().flatten();
        let ids = ids.map(|id| id.as_str().expect("an id"));
        ids.map(|id| (id.to_owned(), read(id)))
            .collect::<Map<_, _>>()
            .into()
    };
    let name = |index: u32| model.item_id(index).expect("a neighbour is an item");
    let mut result = train(&model);
    result["neighbors"] = each(&input["neighbors"], &|id| {
        let row = model.neighbors(id);
        row.map_or(Value::Null, |row| {
            row.into_iter()
                .map(|(index, weight)| json!({"item_id": name(index), "weight": weight}))
                .collect()
        })
    });
    result["attributes"] = each(&input["attributes"], &|id| {
        model.attributes(id).unwrap_or(Value::Null)
    });
    result["profiles"] = each(&input["profiles"], &|id| {
        model
            .profile(id)
            .map_or(Value::Null, |p| to_hex(&p.to_bytes()).into())
    });
    Ok(result)
}

fn batch(suites: &Suites, input: &Value) -> Result<Value> {
    let model = suites.model(input)?;
    let users: Vec<&str> = input["users"]
        .as_array()
        .expect("a list of users")
        .iter()
        .map(|user| user.as_str().expect("an id"))
        .collect();
    let options = BatchOptions::from_json(&input["options"])?;
    let batch = model.recommend_users(&users, &options, &Control::new())?;
    let user = |row: &u32| users[*row as usize];
    let item = |index: &u32| model.item_id(*index).expect("an answer is an item");
    Ok(json!({
        "user_id": batch.user_row.iter().map(user).collect::<Vec<_>>(),
        "item_id": batch.item.iter().map(item).collect::<Vec<_>>(),
        "score": batch.score,
        "rank": batch.rank,
        "source": batch.source.iter().map(|s| s.as_str()).collect::<Vec<_>>(),
    }))
}

fn evaluation(suites: &Suites, input: &Value) -> Result<Value> {
    let model = suites.model(input)?;
    let options = EvaluateOptions::from_json(&input["options"])?;
    with_test(input, |test| {
        Ok(evaluate(&model, test, &options, &Control::new())?.to_json())
    })
}

fn comparison(suites: &Suites, input: &Value) -> Result<Value> {
    let (a, b) = (suites.model(&input["a"])?, suites.model(&input["b"])?);
    let options = CompareOptions::from_json(&input["options"])?;
    with_test(input, |test| {
        Ok(compare(&a, &b, test, &options, &Control::new())?.to_json())
    })
}

fn divide(input: &Value) -> Result<Value> {
    let options = SplitOptions::from_json(&input["options"])?;
    let split = with_columns(&input["events"], |events| split(events, &options))?;
    Ok(json!({
        "train": split.train,
        "test": split.test,
        "history": split.history,
        "left_out": split.left_out,
    }))
}

fn summary(input: &Value) -> Result<Value> {
    let options = SummarizeOptions::from_json(&input["options"])?;
    let rows = &input["rows"];
    let numbers = |name: &str| -> Option<Vec<f64>> {
        let list = rows.get(name)?.as_array().expect("a list");
        Some(list.iter().map(number).collect())
    };
    let value = numbers("value").expect("values");
    let (denominator, covariate) = (numbers("denominator"), numbers("covariate"));
    let arms = Column::new(&rows["arm"]);
    let units = rows.get("unit").map(Column::new);
    arms.with(|arms| {
        let run = |unit: Option<IdColumn<'_>>| {
            let mut rows = Rows::new(arms, &value);
            rows.unit = unit;
            rows.denominator = denominator.as_deref();
            rows.covariate = covariate.as_deref();
            Ok(summarize(&rows, &options, &Control::new())?.to_json())
        };
        match &units {
            None => run(None),
            Some(units) => units.with(|units| run(Some(units))),
        }
    })
}

/// Calls `use_it` with the test set of a case: its pairs, histories and segments.
fn with_test<R>(input: &Value, use_it: impl FnOnce(&TestSet<'_>) -> Result<R>) -> Result<R> {
    let users = Column::new(&input["test"]["user_id"]);
    let items = Column::new(&input["test"]["item_id"]);
    let segments = input.get("segments").map(|segments| {
        (
            Column::new(&segments["user_id"]),
            Column::new(&segments["segment"]),
        )
    });
    users.with(|users| {
        items.with(|items| {
            let test = TestSet::new(users, items);
            let with_segments = |test: TestSet<'_>| match &segments {
                None => use_it(&test),
                Some((users, labels)) => users.with(|users| {
                    labels.with(|labels| {
                        use_it(&TestSet {
                            segments: Some((users, labels)),
                            ..test
                        })
                    })
                }),
            };
            match input.get("history") {
                None => with_segments(test),
                Some(history) => with_columns(history, |columns| {
                    with_segments(TestSet {
                        history: Some(*columns),
                        ..test
                    })
                }),
            }
        })
    })
}

fn engine(suites: &Suites, input: &Value) -> Result<Value> {
    let engine = Engine::new(suites.model(input)?);
    let steps = input["steps"].as_array().expect("a list of steps").iter();
    let results = steps.map(|step| match run_step(suites, &engine, step) {
        Ok(result) => result,
        Err(error) => json!({"error": error.code()}),
    });
    Ok(json!({"results": results.collect::<Vec<_>>()}))
}

fn run_step(suites: &Suites, engine: &Engine, step: &Value) -> Result<Value> {
    let text = |at: usize| step[at].as_str().expect("a text");
    Ok(match text(0) {
        "record" => {
            let recorded = engine.record(text(1), &event(&step[2]))?;
            json!({"changed": recorded.changed, "known_item": recorded.known_item})
        }
        "record_batch" => {
            let skip_invalid = step[2] == true;
            let report = with_columns(&step[1], |c| engine.record_batch(c, skip_invalid))?;
            let rejected: Vec<Value> = report
                .rejected
                .iter()
                .map(|r| json!({"row": r.row, "code": r.code}))
                .collect();
            json!({
                "accepted": report.accepted,
                "duplicates": report.duplicates,
                "rejected": rejected,
            })
        }
        "merge_profile" => {
            let profile = Profile::from_bytes(&from_hex(text(2)))?;
            engine.merge_profile(text(1), &profile)?.into()
        }
        "erase" => engine.erase(text(1))?.into(),
        "profile" => to_hex(&engine.profile(text(1))?.to_bytes()).into(),
        "user_count" => engine.user_count().into(),
        "swap" => {
            engine.swap(suites.model(&step[1])?);
            Value::Null
        }
        op => ask(engine, op, &step[1])?,
    })
}

fn experiment(input: &Value) -> Result<Value> {
    let payload = &input["payload"];
    let experiments = match input["format"].as_str() {
        None => Experiments::from_json(payload)?,
        Some("growthbook") => Experiments::from_growthbook(payload)?,
        Some("unleash") => Experiments::from_unleash(payload)?,
        Some(unknown) => panic!("the format {unknown} is not known"),
    };
    let ask = &input["ask"];
    let text = |at: usize| ask[at].as_str().expect("a text");
    Ok(match text(0) {
        "assign" => experiments
            .assign(text(1), &Context::from_json(&ask[2])?)?
            .to_json(),
        "assign_id" => experiments.assign_id(text(1), text(2))?.to_json(),
        "assign_all" => experiments
            .assign_all(&Context::from_json(&ask[1])?)?
            .to_json(),
        "feature" => experiments
            .feature(text(1), &Context::from_json(&ask[2])?)?
            .to_json(),
        "describe" => experiments.describe(text(1))?,
        "keys" => json!({
            "experiments": experiments.experiments().collect::<Vec<_>>(),
            "features": experiments.features().collect::<Vec<_>>(),
        }),
        unknown => panic!("the question {unknown} is not known"),
    })
}

fn exact_split(input: &Value) -> Result<Value> {
    let ids = Column::new(&input["ids"]);
    let weights = input["weights"].as_array().expect("weights");
    let weights: Vec<f64> = weights.iter().map(number).collect();
    let salt = input["salt"].as_str().expect("a salt");
    let arms = ids.with(|ids| split_exact(&ids, &weights, salt))?;
    Ok(json!({"arms": arms}))
}
