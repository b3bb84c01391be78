//! The operation `both`: a model with an index in its snapshot, changed step by step, and asked.

use super::{Suites, index};
use tastemaker::Result;
use tastemaker::engine::{Engine, Request};
use tastemaker::experiment::bandit::Bandit;
use tastemaker::index::VectorIndex;
use tastemaker::json::{Map, Value, json};
use tastemaker::model::{EdgeOptions, Model};

pub(crate) fn run(suites: &Suites, suite: &Value, input: &Value) -> Result<Value> {
    let mut model = suites.model(input)?;
    for step in input["steps"].as_array().into_iter().flatten() {
        model = changed(suites, suite, &model, step)?;
    }
    let model = Model::from_bytes(model.as_bytes())?;
    if let Some(index) = model.index() {
        let alone = VectorIndex::from_bytes(model.as_bytes())?;
        assert!(
            index.as_bytes() == alone.as_bytes(),
            "the index of the file"
        );
        let again = VectorIndex::from_bytes(index.as_bytes())?;
        assert_eq!(again.hash(), index.hash(), "the index's own file");
        assert!(again.as_bytes() == index.as_bytes());
    }
    let mut result = json!({
        "item_count": model.item_count(),
        "hash": model.hash(),
        "index": model.index().map(VectorIndex::hash),
        "bandits": model.bandits().collect::<Vec<_>>(),
    });
    let ids = input["attributes"].as_array().into_iter().flatten();
    let attributes = ids.map(|id| {
        let id = id.as_str().expect("an id");
        (id.to_owned(), model.attributes(id).unwrap_or(Value::Null))
    });
    result["attributes"] = attributes.collect::<Map<_, _>>().into();
    if input["ask"].is_array() {
        let index = model.index().expect("an index to ask");
        result["asked"] = index::ask(suites, index, input)?;
    }
    if input["request"].is_object() {
        let request = Request::from_json(&input["request"])?;
        result["answer"] = Engine::new(model).recommend(&request)?.to_json();
    }
    Ok(result)
}

fn changed(suites: &Suites, suite: &Value, model: &Model, step: &Value) -> Result<Model> {
    match step[0].as_str().expect("a step") {
        "with_index" => model.with_index(&index::opened(suites, suite, &step[1])?),
        "without_index" => model.without_index(),
        "with_bandits" => {
            let given = step[1].as_array().expect("bandits").iter();
            let bandits: Result<Vec<Bandit>> = given.map(Bandit::from_json).collect();
            model.with_bandits(&bandits?)
        }
        "export_edge" => model.export_edge(&EdgeOptions::from_json(&step[1])?),
        "update" => super::updated(model, &step[1]),
        unknown => panic!("the step {unknown} is not known"),
    }
}
