//! How long an assignment takes, in Rust and in Node, beside GrowthBook's SDK.

use std::hint::black_box;
use std::path::Path;

use serde_json::json;
use tastemaker::experiment::{Context, Experiments};

use crate::sitting::Sitting;
use tastemaker_benches::figure::{self, Better, Rival};
use tastemaker_benches::peer::{Peer, number};
use tastemaker_benches::stats::{median, timed};
use tastemaker_benches::{Failure, figure::print as line};

/// Users a round.
const USERS: usize = 20_000;

/// Prints the group.
pub(crate) fn print(sitting: &Sitting) -> Result<(), Failure> {
    let halves = json!([{"key": "control", "weight": 0.5}, {"key": "treatment", "weight": 0.5}]);
    let one = Experiments::from_json(&json!({"experiments": {"button": {"variations": halves}}}))?;
    let hundred: serde_json::Map<_, _> = (0..100)
        .map(|i| (format!("experiment-{i:02}"), json!({"variations": halves})))
        .collect();
    let hundred = Experiments::from_json(&json!({"experiments": hundred}))?;
    let ids: Vec<String> = (0..USERS).map(|i| format!("user-{i}")).collect();
    let contexts = ids
        .iter()
        .take(USERS / 20)
        .map(|id| Context::new(&json!({"id": id, "country": "NZ"})))
        .collect::<Result<Vec<_>, _>>()?;
    let driver = sitting.root.join("benches/peers/assign_driver.mjs");
    let package = sitting.root.join("bindings-node/dist/index.js");
    let mut arguments = vec![driver, package];
    arguments.extend(sitting.npm_peers.clone());
    let mut node = Peer::start("node", Path::new("node"), &arguments)?;

    let mut times: [Vec<f64>; 6] = Default::default();
    // The first rounds warm every side up, and do not count.
    for round in 0..sitting.runs.max(5) + 2 {
        let mut sum = 0;
        let (result, seconds) = timed(|| {
            for id in &ids {
                sum += one.assign_id("button", black_box(id))?.variation_id();
            }
            Ok::<_, tastemaker::Error>(())
        });
        result?;
        let (result, by_context) = timed(|| {
            for context in &contexts {
                sum += one.assign("button", black_box(context))?.variation_id();
            }
            Ok::<_, tastemaker::Error>(())
        });
        result?;
        let (result, all) = timed(|| {
            for context in &contexts {
                sum += hundred.assign_all(black_box(context))?.assignments.len();
            }
            Ok::<_, tastemaker::Error>(())
        });
        result?;
        black_box(sum);
        let answer = node.ask("run")?;
        if round < 2 {
            continue;
        }
        let users = contexts.len() as f64;
        times[0].push(seconds / USERS as f64 * 1e9);
        times[1].push(by_context / users * 1e9);
        times[2].push(all / users * 1e6);
        times[3].push(number(&answer, "ours")?);
        if sitting.npm_peers.is_some() {
            times[4].push(number(&answer, "theirs")?);
            times[5].push(number(&answer, "client")?);
        }
    }
    let [by_id, by_context, all, node, theirs, client] = times.map(|times| median(&times));
    let note = "Experiments::assign_id: two variations, ids of 6 to 10 bytes";
    line("assign.rust.ns", by_id, "ns", note);
    let note = "Experiments::assign with attributes as JSON: two variations";
    line("assign.rust.context.ns", by_context, "ns", note);
    let note = "Experiments::assign_all of 100 experiments, one user, attributes as JSON";
    line("assign.rust.100.us", all, "us", note);
    let note = "experiments.assignId: two variations, every field of the answer made";
    if sitting.npm_peers.is_none() {
        line("assign.node.ns", node, "ns", note);
        return Ok(());
    }
    let rival = |value, setting| Rival {
        name: "growthbook-js",
        value,
        better: Better::Lower,
        setting,
    };
    let setting = "@growthbook/growthbook 1.8.0, new GrowthBook({attributes}).run(experiment) a user, \
                   hash version 2, no callbacks, NODE_ENV=production";
    figure::print_with("assign.node.ns", node, "ns", note, &rival(theirs, setting));
    let setting = "@growthbook/growthbook 1.8.0, one GrowthBookClient, \
                   runInlineExperiment(experiment, {attributes}), NODE_ENV=production";
    let note = "the same, beside the SDK's client for servers";
    figure::print_with(
        "assign.node.client.ns",
        node,
        "ns",
        note,
        &rival(client, setting),
    );
    Ok(())
}
