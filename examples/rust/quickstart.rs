//! The main job, end to end, on MovieLens: train, recommend with reasons, record a click and see
//! what it changes, filter, save, reopen, and get the same answers to the last bit.
//!
//! `cargo run --release --example quickstart`
#![allow(clippy::print_stdout, reason = "an example prints")]
#![allow(
    clippy::disallowed_methods,
    reason = "an example shows how long things take"
)]

use std::collections::HashMap;
use std::time::Instant;

use tastemaker::control::Control;
use tastemaker::engine::{Answer, Engine, Recommendation, Request};
use tastemaker::event::Event;
use tastemaker::json::{Value, json};
use tastemaker::model::{BatchOptions, Model};
use tastemaker::profile::Profile;
use tastemaker::train::{TrainOptions, train};
use tastemaker_examples::Result;
use tastemaker_examples::movielens::{Ratings, catalog, folder};
use tastemaker_examples::terminal::{self, Style, grouped};

/// Somebody in the data set who has rated twenty movies, and likes science fiction.
const USER: &str = "337";

fn main() -> Result<()> {
    let style = Style::detect();

    // The catalog and the events.
    let movies = catalog(&std::fs::read_to_string(folder().join("movies.csv"))?)?;
    let text = std::fs::read_to_string(folder().join("ratings.csv"))?;
    let ratings = Ratings::parse(&text)?;
    println!(
        "{}  {} ratings, {} movies",
        style.bold("MovieLens"),
        grouped(ratings.len()),
        grouped(movies.len())
    );

    // One call trains.
    let start = Instant::now();
    let options = TrainOptions {
        threads: 2,
        ..TrainOptions::default()
    };
    let control = Control::new().with_progress(&terminal::progress);
    let model = train(&ratings.events(), Some(&movies), &options, &control)?;
    terminal::progress_done();
    println!(
        "{}  {:.1} s; {} people; a snapshot of {} KB",
        style.bold("trained"),
        start.elapsed().as_secs_f64(),
        grouped(model.user_count()),
        grouped(model.as_bytes().len() / 1024)
    );

    // An engine answers from the model and from histories.
    let engine = Engine::new(model.clone());
    let liked = favourites(&engine.profile(USER)?);
    style.heading(format!("Person {USER} gave most stars to"));
    for (movie, stars) in liked.iter().take(4) {
        println!(
            "   {} {}",
            title(&model, movie),
            style.dim(stars_text(*stars))
        );
    }

    let ask = json!({"user_id": USER, "k": 8, "explain": true});
    let start = Instant::now();
    let before = engine.recommend(&Request::from_json(&ask)?)?;
    let micros = start.elapsed().as_micros();
    style.heading(format!("What to see now, and why ({micros} µs)"));
    show(&model, &style, &before, &liked, None);

    // A click counts at once: there is nothing to train.
    let clicked = before
        .items
        .get(2)
        .map(|item| item.item_id.clone())
        .ok_or("no answer")?;
    engine.record(USER, &Event::new(&clicked, "click", 1_476_662_400_000))?;
    let after = engine.recommend(&Request::from_json(&ask)?)?;
    style.heading(format!("After a click on {}", title(&model, &clicked)));
    show(&model, &style, &after, &liked, Some(&before));

    // Only what fits.
    let family = json!({
        "user_id": USER, "k": 4, "explain": true,
        "filter": {"genres": {"$in": ["Animation"]}, "year": {"$gte": 2000}},
    });
    style.heading("Animation since 2000");
    show(
        &model,
        &style,
        &engine.recommend(&Request::from_json(&family)?)?,
        &liked,
        None,
    );

    // One file holds the model; it answers alike wherever it is opened.
    let path =
        std::env::temp_dir().join(format!("tastemaker-quickstart-{}.tm", std::process::id()));
    model.save(&path)?;
    let start = Instant::now();
    let reopened = Model::open(&path)?;
    let opened = start.elapsed();
    let compared = compare(&model, &reopened)?;
    std::fs::remove_file(&path)?;
    style.heading("Saved and reopened");
    println!(
        "   opened in {:.1} ms, hash {}",
        opened.as_secs_f64() * 1e3,
        reopened.hash()
    );
    println!(
        "   {} {} recommendations: the same items, order and score bits",
        style.green("✓"),
        grouped(compared)
    );
    Ok(())
}

/// The movies with the most stars, newest first among equals.
fn favourites(profile: &Profile) -> Vec<(String, f64)> {
    let mut rated: Vec<_> = profile
        .events()
        .iter()
        .rev()
        .map(|event| (event.item_id.clone(), event.weight))
        .collect();
    rated.sort_by(|a, b| b.1.total_cmp(&a.1));
    rated
}

/// A list of recommendations; beside another list, with what has changed.
fn show(
    model: &Model,
    style: &Style,
    answer: &Answer,
    liked: &[(String, f64)],
    before: Option<&Answer>,
) {
    let stars: HashMap<&str, f64> = liked
        .iter()
        .map(|(id, stars)| (id.as_str(), *stars))
        .collect();
    for (at, item) in answer.items.iter().enumerate() {
        let moved = match before {
            None => String::new(),
            Some(before) => movement(style, before, at, item),
        };
        let genres = match model.attributes(&item.item_id) {
            Some(attributes) => genres(&attributes),
            None => String::new(),
        };
        println!(
            "{:>2} {} {}{moved}",
            at + 1,
            style.bold(title(model, &item.item_id)),
            style.dim(genres)
        );
        println!("     {}", style.dim(because(model, item, &stars)));
    }
}

/// How an item's place changed.
fn movement(style: &Style, before: &Answer, at: usize, item: &Recommendation) -> String {
    match before
        .items
        .iter()
        .position(|other| other.item_id == item.item_id)
    {
        None => style.green("  new"),
        Some(was) if was > at => style.green(format!("  ↑ {}", was - at)),
        Some(was) if was < at => style.dim(format!("  ↓ {}", at - was)),
        Some(_) => String::new(),
    }
}

/// The strongest reasons, with their shares of the score.
fn because(model: &Model, item: &Recommendation, stars: &HashMap<&str, f64>) -> String {
    let reasons: Vec<String> = item
        .reasons
        .iter()
        .filter(|reason| reason.contribution > 0.0)
        .take(2)
        .map(|reason| {
            let did = match stars.get(reason.item_id.as_str()) {
                Some(stars) => format!(
                    "rated {} {}",
                    title(model, &reason.item_id),
                    stars_text(*stars)
                ),
                None => format!("clicked {}", title(model, &reason.item_id)),
            };
            format!("{did} ({:.0} %)", reason.share * 100.0)
        })
        .collect();
    match reasons.as_slice() {
        [] => format!("from the {} items", item.source.as_str()),
        some => format!("because you {}", some.join(" and ")),
    }
}

/// The title and year of a movie.
fn title(model: &Model, id: &str) -> String {
    let attributes = model.attributes(id).unwrap_or_default();
    let name = attributes["title"].as_str().unwrap_or(id);
    match attributes["year"].as_f64() {
        Some(year) => format!("{name} ({year})"),
        None => name.to_owned(),
    }
}

fn genres(attributes: &Value) -> String {
    let tags = attributes["genres"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    tags.iter()
        .filter_map(Value::as_str)
        .collect::<Vec<_>>()
        .join(" · ")
}

fn stars_text(stars: f64) -> String {
    format!("★ {stars}")
}

/// Asks two models for everybody's recommendations; how many there are, if they are equal.
fn compare(left: &Model, right: &Model) -> Result<usize> {
    let users: Vec<&str> = left.user_ids().collect();
    let options = BatchOptions {
        k: 20,
        threads: 2,
        ..BatchOptions::default()
    };
    let one = left.recommend_users(&users, &options, &Control::new())?;
    let other = right.recommend_users(&users, &options, &Control::new())?;
    let bits = |scores: &[f64]| {
        scores
            .iter()
            .map(|score| score.to_bits())
            .collect::<Vec<_>>()
    };
    if one.item != other.item || bits(&one.score) != bits(&other.score) || one.rank != other.rank {
        return Err("the reopened snapshot answers differently".into());
    }
    Ok(one.score.len())
}
