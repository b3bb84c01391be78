//! The ridge trainer beside EASE, the regression on all other items at once, where that fits:
//! EASE's weights are a dense matrix of items by items.
//!
//! Ours learns with its default options, and serves from the saved graph of 100 neighbours. EASE
//! gets the λ of a grid that does best on the test set, which favours EASE.

use serde_json::json;
use tastemaker::model::Model;
use tastemaker::train::{Plan, TrainOptions};

use crate::quality::{learn_by, measure};
use crate::sitting::Sitting;
use tastemaker_benches::figure::{self, Better, Rival};
use tastemaker_benches::{Failure, peer, peer::Peer};

const STRENGTHS: [u32; 5] = [100, 200, 500, 1000, 2000];
const K: usize = 20;

/// Prints `quality.ml-1m.ridge.…`.
pub(crate) fn print(sitting: &Sitting) -> Result<(), Failure> {
    let split = sitting.split("ml-1m")?;
    let options = TrainOptions {
        trainer: Plan::from_json(&json!("ridge"))?,
        threads: usize::try_from(sitting.threads)?,
        ..TrainOptions::default()
    };
    let model = learn_by(&split, &options)?;
    // What is measured is the file: written, and read again.
    let model = Model::from_bytes(model.as_bytes())?;
    let ours = measure(&model, &split, K, false, sitting.threads)?;
    let best = match &sitting.peers {
        Some(python) => Some(ease(sitting, python, &split.folder)?),
        None => None,
    };
    for (metric, value) in [("recall", ours.recall), ("ndcg", ours.ndcg)] {
        let figure = format!("quality.ml-1m.ridge.{metric}@{K}");
        let note = "the trainer ridge alone, its default options, K=100";
        let Some((strength, theirs)) = &best else {
            figure::print(&figure, value, "1", note);
            continue;
        };
        let setting = format!(
            "NumPy, f64, λ = {strength}: the best NDCG on the test set of λ in \
             {STRENGTHS:?}"
        );
        let rival = Rival {
            name: "ease",
            value: peer::number(theirs, metric)?,
            better: Better::Higher,
            setting: &setting,
        };
        figure::print_with(&figure, value, "1", note, &rival);
    }
    Ok(())
}

/// The best λ, and what it gives.
fn ease(
    sitting: &Sitting,
    python: &std::path::Path,
    folder: &std::path::Path,
) -> Result<(u32, serde_json::Value), Failure> {
    let driver = sitting.root.join("benches/peers/ease_driver.py");
    let arguments = [
        driver.into_os_string(),
        folder.join("train.txt").into_os_string(),
    ];
    let mut peer = Peer::start("ease", python, &arguments)?;
    let test = folder.join("test.txt");
    let mut best: Option<(f64, u32, serde_json::Value)> = None;
    for strength in STRENGTHS {
        let found = peer.ask(&format!("quality {} {strength}", test.display()))?;
        let ndcg = peer::number(&found, "ndcg")?;
        if best.as_ref().is_none_or(|best| ndcg > best.0) {
            best = Some((ndcg, strength, found));
        }
    }
    let (_, strength, found) = best.ok_or("no λ to try")?;
    Ok((strength, found))
}
