//! What a call costs on top of the same call in Rust, in each language, and what
//! WebAssembly costs on top of native code. All of them answer the same requests
//! from the same snapshot, in turns.

use std::path::Path;

use serde_json::json;
use tastemaker::engine::{Engine, Request};
use tastemaker::model::Model;

use crate::sitting::{Sitting, options, train_on};
use tastemaker_benches::peer::Peer;
use tastemaker_benches::stats::{each_us, median};
use tastemaker_benches::{Failure, figure};

/// Items an answer.
const K: u64 = 10;

/// Prints the group.
pub(crate) fn print(sitting: &Sitting) -> Result<(), Failure> {
    let gowalla = sitting.split("gowalla")?;
    let model = train_on(&gowalla.train, &options(100, sitting.threads)?)?;
    let file = sitting.scratch.join("gowalla.tm");
    model.save(&file)?;
    let users: Vec<String> = gowalla
        .train
        .distinct_users()
        .iter()
        .map(i64::to_string)
        .collect();
    let list = sitting.scratch.join("gowalla-users.txt");
    std::fs::write(&list, users.join("\n"))?;

    let python = sitting
        .python
        .as_deref()
        .ok_or("--python is needed for this group")?;
    let root = &sitting.root;
    let driver = root.join("benches/peers/overhead_driver.mjs");
    let node = root.join("bindings-node/dist/index.js");
    let (wasm, wasm_folder) = (
        root.join("bindings-wasm/dist/node.js"),
        root.join("bindings-wasm/dist"),
    );
    let script = root.join("benches/peers/overhead_driver.py");
    let in_node = Path::new("node");
    let mut languages = [
        Peer::start("python", python, &[&script, &file, &list])?,
        Peer::start("node", in_node, &[&driver, &node, &file, &list])?,
        Peer::start(
            "wasm",
            in_node,
            &[&driver, &wasm, &file, &list, &wasm_folder],
        )?,
    ];
    let rounds = rounds(sitting, &Model::open(&file)?, &users, &mut languages)?;
    let native = median(&rounds.rust);
    figure::print(
        "overhead.rust.us",
        native,
        "us",
        "Engine::recommend, k=10: the median of all users",
    );
    let note = "engine.recommend over Rust's, k=10, the ids and scores of the answer read: the median of all users";
    for (name, times) in [("python", &rounds.python), ("node", &rounds.node)] {
        let over: Vec<f64> = times
            .iter()
            .zip(&rounds.rust)
            .map(|(own, rust)| own - rust)
            .collect();
        figure::print(&format!("overhead.{name}.us"), median(&over), "us", note);
    }
    let ratios: Vec<f64> = rounds
        .wasm
        .iter()
        .zip(&rounds.rust)
        .map(|(own, rust)| own / rust)
        .collect();
    let note = "engine.recommend in WebAssembly with SIMD in Node over native Rust, k=10";
    figure::print("overhead.wasm.ratio", median(&ratios), "1", note);
    for (key, figure) in [
        ("wasm", "size.wasm.gzip_kb"),
        ("score", "size.wasm.score.gzip_kb"),
        ("js", "size.wasm.js.gzip_kb"),
    ] {
        let bytes = languages[2].number("size", key)?;
        figure::print(figure, bytes / 1e3, "kB", "gzip -9");
    }
    Ok(())
}

/// The median microseconds a call of each round.
#[derive(Default)]
struct Rounds {
    rust: Vec<f64>,
    python: Vec<f64>,
    node: Vec<f64>,
    wasm: Vec<f64>,
}

fn rounds(
    sitting: &Sitting,
    model: &Model,
    users: &[String],
    languages: &mut [Peer; 3],
) -> Result<Rounds, Failure> {
    let engine = Engine::new(model.clone());
    let requests = users
        .iter()
        .map(|user| Request::from_json(&json!({ "user_id": user, "k": K })))
        .collect::<Result<Vec<_>, _>>()?;
    let mut rounds = Rounds::default();
    // The first round warms every side up, and does not count.
    for round in 0..=sitting.runs {
        let mut items = 0;
        let times = each_us(&requests, |request| {
            items += engine
                .recommend(request)
                .map_or(0, |answer| answer.items.len());
        });
        let rust = median(&times);
        let [python, node, wasm] = languages.each_mut().map(|language| language.ask("run"));
        let mut medians = [rust, 0.0, 0.0, 0.0];
        for (middle, answer) in medians[1..].iter_mut().zip([python?, node?, wasm?]) {
            if answer["items"].as_u64() != Some(items as u64) {
                return Err(format!("{answer}: Rust served {items} items").into());
            }
            *middle = tastemaker_benches::peer::number(&answer, "p50")?;
        }
        if round > 0 {
            rounds.rust.push(medians[0]);
            rounds.python.push(medians[1]);
            rounds.node.push(medians[2]);
            rounds.wasm.push(medians[3]);
        }
    }
    Ok(rounds)
}
