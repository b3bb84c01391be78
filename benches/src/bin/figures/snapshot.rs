//! How large a snapshot is, and how long it takes to open.

use serde_json::json;
use tastemaker::model::{EdgeOptions, Model};
use tastemaker::train::TrainOptions;

use crate::sitting::{Sitting, options, train_on};
use tastemaker_benches::Failure;
use tastemaker_benches::figure;
use tastemaker_benches::stats::{median, timed};

/// Prints the group.
pub(crate) fn print(sitting: &Sitting) -> Result<(), Failure> {
    let gowalla = sitting.split("gowalla")?;
    let full = train_on(&gowalla.train, &options(100, sitting.threads)?)?;
    let bare = TrainOptions::from_json(&json!({
        "neighbors": 100,
        "trainer": "spectral",
        "threads": sitting.threads,
        "keep_profiles": false,
        "user_id_type": "integer",
        "item_id_type": "integer",
    }))?;
    let bare = train_on(&gowalla.train, &bare)?;
    let items = full.item_count() as f64;
    let users = full.user_count() as f64;
    let size = |model: &Model| model.as_bytes().len() as f64;

    let file = sitting.scratch.join("gowalla.tm");
    full.save(&file)?;
    let mut times = Vec::new();
    for _ in 0..sitting.runs.max(5) * 4 {
        let (model, seconds) = timed(|| Model::open(&file));
        if model?.item_count() != full.item_count() {
            return Err("the opened snapshot has another number of items".into());
        }
        times.push(seconds * 1e3);
    }
    let note = "Model::open of a cached file, checksums verified; K=100, with training profiles";
    figure::print("snapshot.gowalla.open.ms", median(&times), "ms", note);
    let note = "K=100; graph, ids and popularity";
    figure::print(
        "snapshot.gowalla.bytes_per_item",
        size(&bare) / items,
        "B",
        note,
    );
    let note = "the stored training profile, with the user's id";
    figure::print(
        "snapshot.gowalla.bytes_per_user",
        (size(&full) - size(&bare)) / users,
        "B",
        note,
    );
    let edge = full.export_edge(&EdgeOptions::from_json(&json!({ "neighbors": 32 }))?)?;
    let note = "export_edge with 32 neighbours";
    figure::print(
        "snapshot.gowalla.edge.bytes_per_item",
        size(&edge) / items,
        "B",
        note,
    );
    let note = "all of the file, K=100, with training profiles";
    figure::print("snapshot.gowalla.mb", size(&full) / 1e6, "MB", note);
    Ok(())
}
