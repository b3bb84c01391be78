//! The operation `index`: from an index of a case to what one question gives.

use std::sync::Arc;

use super::{Column, Suites, catalog, number};
use tastemaker::Result;
use tastemaker::condition::Condition;
use tastemaker::control::Control;
use tastemaker::event::IdColumn;
use tastemaker::index::{
    BatchOptions, Changes, ClusterOptions, DuplicateOptions, IndexOptions, Neighbor, Question,
    SearchOptions, VectorIndex, Vectors, update_threads,
};
use tastemaker::json::{Value, json};
use tastemaker::model::Model;

use super::ops::mutated;

pub(crate) fn run(suites: &Suites, suite: &Value, input: &Value) -> Result<Value> {
    let mut index = opened(suites, suite, input)?;
    if input["edge"] == true {
        index = index.export_edge()?;
    }
    let mut result = json!({});
    for change in input["update"].as_array().into_iter().flatten() {
        (index, result) = changed(&index, change)?;
    }
    let answer = ask(suites, &index, input)?;
    let fields = answer.as_object().expect("an object").clone();
    result.as_object_mut().expect("an object").extend(fields);
    Ok(result)
}

/// The index of `snapshot`, or of `index`: a name of the suite, or the index itself.
pub(crate) fn opened(suites: &Suites, suite: &Value, input: &Value) -> Result<VectorIndex> {
    if let Some(snapshot) = input["snapshot"].as_str() {
        return VectorIndex::from_bytes(&mutated(suites.bytes(snapshot), &input["mutate"]));
    }
    let given = match input["index"].as_str() {
        Some(name) => &suite["indexes"][name],
        None => &input["index"],
    };
    let options = IndexOptions::from_json(&given["options"])?;
    if !given["made"].is_null() {
        let (ids, rows) = made(&given["made"]);
        let vectors = Vectors::new(&rows.flat, rows.width)?;
        return VectorIndex::build(IdColumn::Integer(&ids), vectors, &options, &Control::new());
    }
    let rows = Rows::new(&given["vectors"]);
    let ids = Column::new(&given["ids"]);
    ids.with(|ids| {
        let vectors = Vectors::new(&rows.flat, rows.width)?;
        match &given["catalog"] {
            Value::Null => VectorIndex::build(ids, vectors, &options, &Control::new()),
            held => {
                let held = catalog(held)?;
                VectorIndex::build_with_attributes(ids, vectors, &held, &options, &Control::new())
            }
        }
    })
}

/// Ids and rows by the formula of the suites.
fn made(shape: &Value) -> (Vec<i64>, Rows) {
    let whole = |name: &str| shape[name].as_u64().expect("a number") as u32;
    let (rows, width, seed) = (whole("rows"), whole("width"), whole("seed"));
    let mix = |seed: u32, a: u32, b: u32| {
        let h = seed ^ a.wrapping_mul(0x9e37_79b1) ^ b.wrapping_mul(0x85eb_ca77);
        let h = (h ^ h >> 15).wrapping_mul(0x2c1b_3c6d);
        let h = (h ^ h >> 12).wrapping_mul(0x297a_2d39);
        ((h ^ h >> 15) & 255) as f32
    };
    let group = |row: u32| row % whole("groups");
    let value = |row, at| 4.0 * mix(seed, group(row), at) + mix(seed + 1, row, at) - 637.0;
    let values = |row| (0..width).map(move |at| value(row, at) / 64.0);
    let rows_made = Rows {
        flat: (0..rows).flat_map(values).collect(),
        width: width as usize,
    };
    ((0..i64::from(rows)).collect(), rows_made)
}

/// Rows of numbers as one flat list.
struct Rows {
    flat: Vec<f32>,
    width: usize,
}

impl Rows {
    fn new(rows: &Value) -> Self {
        let rows: Vec<Vec<f32>> = rows.as_array().into_iter().flatten().map(vector).collect();
        Self {
            width: rows.first().map_or(1, Vec::len),
            flat: rows.concat(),
        }
    }
}

fn vector(row: &Value) -> Vec<f32> {
    let row = row.as_array().expect("a vector").iter();
    row.map(|value| number(value) as f32).collect()
}

fn changed(index: &VectorIndex, change: &Value) -> Result<(VectorIndex, Value)> {
    let rows = Rows::new(&change["vectors"]);
    let catalog = match &change["catalog"] {
        Value::Null => None,
        given => Some(catalog(given)?),
    };
    let threads = update_threads(&change["options"])?;
    let remove: Vec<String> = texts(&change["remove"]);
    let remove: Vec<&str> = remove.iter().map(String::as_str).collect();
    let update = |ids: IdColumn<'_>| {
        let changes = Changes {
            ids,
            vectors: Vectors::new(&rows.flat, rows.width)?,
            catalog: catalog.as_ref(),
            remove: &remove,
        };
        index.update(&changes, threads, &Control::new())
    };
    let updated = match &change["ids"] {
        Value::Null => update(IdColumn::Text(&[])),
        ids => Column::new(ids).with(update),
    }?;
    let told = json!({
        "inserted": updated.inserted,
        "replaced": updated.replaced,
        "removed": updated.removed,
        "unknown": updated.unknown,
    });
    Ok((updated.index, told))
}

/// Ids as texts; a case may have integers.
fn texts(list: &Value) -> Vec<String> {
    let list = list.as_array().into_iter().flatten();
    list.map(|id| match id.as_str() {
        Some(text) => text.to_owned(),
        None => id.to_string(),
    })
    .collect()
}

pub(crate) fn ask(suites: &Suites, index: &VectorIndex, input: &Value) -> Result<Value> {
    let ask = &input["ask"];
    let name = |item: u32| index.id(item).expect("an item has an id");
    let names = |items: &[u32]| items.iter().map(|&item| name(item)).collect::<Vec<_>>();
    Ok(match ask[0].as_str().expect("a question") {
        "describe" => json!({
            "items": index.len(),
            "rows": index.rows(),
            "dimension": index.dimension(),
            "metric": index.options().metric.as_str(),
            "kind": index.kind().as_str(),
            "storage": index.options().storage.as_str(),
            "item_ids": names(&(0..index.len() as u32).collect::<Vec<_>>()),
            "hash": index.hash(),
        }),
        "vectors" => {
            let found = index.vectors(ask[1].as_str().expect("an id"));
            json!({"vectors": found.map(|flat| {
                flat.chunks(index.dimension()).map(<[f32]>::to_vec).collect::<Vec<_>>()
            })})
        }
        "attributes" => {
            json!({"attributes": index.attributes(ask[1].as_str().expect("an id"))})
        }
        "matching" => {
            let items = index.matching(&Condition::parse(&ask[1])?)?;
            let items: Vec<u32> = items.iter().map(|item| item as u32).collect();
            json!({"item_ids": names(&items)})
        }
        "search" => search(suites, index, input)?,
        "search_batch" => {
            let rows = Rows::new(&ask[1]);
            let vectors = Vectors::new(&rows.flat, rows.width)?;
            let options = BatchOptions::from_json(&ask[2])?;
            let control = Control::new();
            let found = index.search_batch(&vectors, &options.search, options.threads, &control)?;
            let query = |(n, one): (usize, &tastemaker::index::Neighbors)| vec![n; one.items.len()];
            let ranks = found.iter().flat_map(|one| 1..=one.items.len());
            let query = found.iter().enumerate().flat_map(query);
            let items: Vec<Neighbor> = found.iter().flat_map(|one| one.items.clone()).collect();
            let mut result = columns(index, &items);
            result["query"] = json!(query.collect::<Vec<_>>());
            result["rank"] = json!(ranks.collect::<Vec<_>>());
            result
        }
        "knn_graph" => {
            let options = BatchOptions::from_json(&ask[1])?;
            let graph = index.knn_graph(&options.search, options.threads, &Control::new())?;
            let items = 0..index.len() as u32;
            let degree = |item: u32| graph.neighbors(item).0.len();
            json!({
                "item_id": items.clone().flat_map(|i| vec![name(i); degree(i)]).collect::<Vec<_>>(),
                "neighbor_id": names(&graph.items),
                "score": graph.scores,
                "rank": items.flat_map(|i| 1..=degree(i)).collect::<Vec<_>>(),
            })
        }
        "duplicates" => {
            let options = DuplicateOptions::from_json(&ask[1])?;
            let groups = index.duplicates(options.min_score, options.threads, &Control::new())?;
            json!({"groups": groups.iter().map(|group| names(group)).collect::<Vec<_>>()})
        }
        "cluster" => {
            let found = index.cluster(&ClusterOptions::from_json(&ask[1])?, &Control::new())?;
            let centroids = found.centroids.chunks(index.dimension());
            json!({
                "assignment": found.assignment,
                "sizes": found.sizes,
                "centroids": centroids.map(<[f32]>::to_vec).collect::<Vec<_>>(),
                "cohesion": found.cohesion,
                "iterations": found.iterations,
                "converged": found.converged,
            })
        }
        unknown => panic!("the question {unknown} is not known"),
    })
}

fn search(suites: &Suites, index: &VectorIndex, input: &Value) -> Result<Value> {
    let mut options = SearchOptions::from_json(&input["ask"][2])?;
    let items = &input["items"];
    options.items = match (items["ids"].as_array(), &items["matching"]) {
        (Some(_), _) => {
            let ids = texts(&items["ids"]);
            let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            Some(index.items_of(&ids))
        }
        (None, Value::Null) => None,
        (None, condition) => {
            let condition = Condition::parse(condition)?;
            Some(match items["model"].as_str() {
                None => index.matching(&condition)?,
                Some(file) => {
                    index.matching_in(&Model::from_bytes(&suites.bytes(file))?, &condition)
                }
            })
        }
    }
    .map(Arc::new);
    let mut vectors = Vec::new();
    let question = taken(&input["ask"][1], &mut vectors);
    let question = Question::from_json(&question)?;
    let vectors: Vec<&[f32]> = vectors.iter().map(Vec::as_slice).collect();
    let found = index.search(&question.target(&vectors)?, &options)?;
    let mut result = columns(index, &found.items);
    if let Some(trace) = found.trace {
        result["trace"] = trace.to_json();
    }
    Ok(result)
}

/// A target with its vectors taken out, and their places left in.
fn taken(target: &Value, vectors: &mut Vec<Vec<f32>>) -> Value {
    let mut one = |given: &Value| match given.as_array() {
        None => given.clone(),
        Some(_) => {
            vectors.push(vector(given));
            json!(vectors.len() - 1)
        }
    };
    let mut result = target.clone();
    for (name, given) in result.as_object_mut().expect("a target") {
        *given = match (name.as_str(), given.as_array()) {
            ("vector" | "target", _) => one(given),
            ("positive" | "negative", Some(list)) => list.iter().map(&mut one).collect(),
            ("context", Some(pairs)) => pairs
                .iter()
                .map(|pair| {
                    pair.as_array()
                        .expect("a pair")
                        .iter()
                        .map(&mut one)
                        .collect::<Value>()
                })
                .collect(),
            _ => continue,
        };
    }
    result
}

fn columns(index: &VectorIndex, found: &[Neighbor]) -> Value {
    let id = |n: &Neighbor| index.id(n.item).expect("an item has an id").to_owned();
    json!({
        "item_id": found.iter().map(id).collect::<Vec<_>>(),
        "score": found.iter().map(|n| n.score).collect::<Vec<_>>(),
        "rank": (1..=found.len()).collect::<Vec<_>>(),
        "vector": found.iter().map(|n| n.row - index.rows_of(n.item).start).collect::<Vec<_>>(),
    })
}
