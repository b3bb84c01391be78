//! Trains on MovieLens and writes two snapshots: the whole one, and one for the browser.
//!
//! `cargo run --release --example movielens -- FOLDER` writes `FOLDER/movies.tm` and
//! `FOLDER/movies-edge.tm`.
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::path::PathBuf;

use tastemaker::control::Control;
use tastemaker::json::json;
use tastemaker::model::EdgeOptions;
use tastemaker::train::{TrainOptions, train};
use tastemaker_examples::movielens::{Ratings, catalog, folder};
use tastemaker_examples::{Result, terminal};

fn main() -> Result<()> {
    let target = std::env::args()
        .nth(1)
        .map(PathBuf::from)
        .ok_or("usage: movielens FOLDER")?;
    let movies = catalog(&std::fs::read_to_string(folder().join("movies.csv"))?)?;
    let text = std::fs::read_to_string(folder().join("ratings.csv"))?;
    let ratings = Ratings::parse(&text)?;

    let control = Control::new().with_progress(&terminal::progress);
    let model = train(
        &ratings.events(),
        Some(&movies),
        &TrainOptions::default(),
        &control,
    )?;
    terminal::progress_done();

    let edge = model.export_edge(&EdgeOptions::from_json(&json!({
        "neighbors": 32, "attributes": ["title", "year", "genres"],
    }))?)?;
    std::fs::create_dir_all(&target)?;
    for (name, model) in [("movies.tm", &model), ("movies-edge.tm", &edge)] {
        let path = target.join(name);
        model.save(&path)?;
        println!("{} {} KB", path.display(), model.as_bytes().len() / 1024);
    }
    Ok(())
}
