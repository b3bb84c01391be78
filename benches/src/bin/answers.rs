//! The Rust side of `cargo xtask conformance`, on MovieLens `ml-latest-small`.
//!
//! - `answers prepare DIR` writes what every language starts from: `train.json`
//!   (columns, catalog, options), `requests.jsonl` and `questions.jsonl` (`[question,
//!   request]` a line), all of them data, and `rust.tm`, the snapshot that Rust trains from the first.
//! - `answers dump SNAPSHOT DIR` prints a line a request, a line a question, then a line a user of
//!   the batch: `label TAB item:score:source,… TAB reasons`, where scores and
//!   contributions are the 16 hexadecimal digits of their bits.
//!
//! A user's last fifth of ratings is held out: the model never sees it, and the
//! requests pass it as a history.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a program that prints what it is asked for"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use serde_json::{Value, json};
use tastemaker::control::Control;
use tastemaker::engine::{
    Answer, Engine, GroupRequest, Reason, Request, ScoreRequest, SimilarRequest,
    SimilarUsersRequest,
};
use tastemaker::event::{EventColumns, IdColumn};
use tastemaker::model::{BatchOptions, Model};
use tastemaker::train::{TrainOptions, train};
use tastemaker_benches::Failure;
use tastemaker_examples::movielens::{self, Ratings};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["prepare", folder] => prepare(Path::new(folder)),
        ["dump", snapshot, folder] => dump(Path::new(snapshot), Path::new(folder)),
        _ => Err("usage: answers prepare DIR | answers dump SNAPSHOT DIR".into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

/// Row numbers of what may be learnt from, and each user's held-out rows.
fn split(ratings: &Ratings<'_>) -> (Vec<usize>, BTreeMap<String, Vec<usize>>) {
    let mut by_user: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (row, user) in ratings.user.iter().enumerate() {
        by_user.entry((*user).to_owned()).or_default().push(row);
    }
    let mut known = Vec::new();
    for rows in by_user.values_mut() {
        rows.sort_by_key(|row| (ratings.timestamp[*row], *row));
        let held = rows.split_off(rows.len() - rows.len() / 5);
        known.append(rows);
        *rows = held;
    }
    known.sort_unstable();
    (known, by_user)
}

fn prepare(folder: &Path) -> Result<(), Failure> {
    let data = movielens::folder();
    let text = std::fs::read_to_string(data.join("ratings.csv"))?;
    let ratings = Ratings::parse(&text).map_err(|why| why.to_string())?;
    let movies = std::fs::read_to_string(data.join("movies.csv"))?;
    let catalog = movielens::catalog(&movies).map_err(|why| why.to_string())?;
    let (known, held) = split(&ratings);
    let pick =
        |column: &[&str]| -> Vec<String> { known.iter().map(|r| column[*r].to_owned()).collect() };
    let options = json!({ "neighbors": 100, "half_life_days": 400 });
    let items: Vec<Value> = catalog
        .ids()
        .map(|id| json!({ "id": id, "attributes": catalog.get(id) }))
        .collect();
    let input = json!({
        "events": {
            "user_id": pick(&ratings.user),
            "item_id": pick(&ratings.movie),
            "kind": vec!["rate"; known.len()],
            "weight": known.iter().map(|r| ratings.stars[*r]).collect::<Vec<_>>(),
            "timestamp": known.iter().map(|r| ratings.timestamp[*r]).collect::<Vec<_>>(),
        },
        "catalog": { "schema": catalog.schema(), "items": items },
        "options": options,
    });
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join("train.json"), input.to_string())?;

    let users = pick(&ratings.user);
    let items = pick(&ratings.movie);
    let users: Vec<&str> = users.iter().map(String::as_str).collect();
    let items: Vec<&str> = items.iter().map(String::as_str).collect();
    let weights: Vec<f64> = known.iter().map(|r| ratings.stars[*r]).collect();
    let times: Vec<i64> = known.iter().map(|r| ratings.timestamp[*r]).collect();
    let codes = vec![0; known.len()];
    let events = EventColumns {
        user_id: IdColumn::Text(&users),
        item_id: IdColumn::Text(&items),
        kind: Some(IdColumn::Dictionary {
            codes: &codes,
            values: &["rate"],
        }),
        weight: Some(&weights),
        timestamp: Some(&times),
    };
    let options = TrainOptions::from_json(&options)?;
    let model = train(&events, Some(&catalog), &options, &Control::new())?;
    model.save(folder.join("rust.tm"))?;

    let mut lines = String::new();
    for (user, held) in &held {
        for request in requests(user, held, &ratings) {
            writeln!(lines, "{request}")?;
        }
    }
    std::fs::write(folder.join("requests.jsonl"), lines)?;
    let names: Vec<&str> = held.keys().map(String::as_str).collect();
    let mut lines = String::new();
    for (number, (user, held)) in held.iter().enumerate().step_by(3) {
        let next = names[(number + 1) % names.len()];
        for (question, request) in questions(user, next, held, &ratings) {
            writeln!(lines, "{}", json!([question, request]))?;
        }
    }
    std::fs::write(folder.join("questions.jsonl"), lines)?;
    println!(
        "{} events, {} items, {} users",
        known.len(),
        catalog.len(),
        held.len()
    );
    Ok(())
}

/// Four requests a user: the stored history; a filter and a time, with reasons;
/// a history in the request; and both histories, with a list of the denied.
fn requests(user: &str, held: &[usize], ratings: &Ratings<'_>) -> [Value; 4] {
    let history: Vec<Value> = held
        .iter()
        .map(|row| {
            json!({
                "item_id": ratings.movie[*row],
                "kind": "rate",
                "weight": ratings.stars[*row],
                "timestamp": ratings.timestamp[*row],
            })
        })
        .collect();
    let latest = held.last().map_or(0, |row| ratings.timestamp[*row]);
    let now = latest + 86_400_000 * 30;
    let deny: Vec<&str> = held
        .iter()
        .step_by(3)
        .map(|row| ratings.movie[*row])
        .collect();
    let filter = json!({ "genres": { "$in": ["Comedy", "Drama"] }, "year": { "$gte": 1980 } });
    [
        json!({ "user_id": user, "k": 20 }),
        json!({ "user_id": user, "k": 10, "now": now, "filter": filter, "explain": true }),
        json!({ "history": history, "k": 20, "explain": true }),
        json!({ "user_id": user, "history": history, "k": 30, "deny": deny,
                "exclude_seen": false, "now": now }),
    ]
}

/// The other questions, with their names, about every third user and the one after.
fn questions(
    user: &str,
    next: &str,
    held: &[usize],
    ratings: &Ratings<'_>,
) -> [(&'static str, Value); 5] {
    let movies: Vec<&str> = held.iter().map(|row| ratings.movie[*row]).collect();
    let few = &movies[..movies.len().min(3)];
    let latest = held.last().map_or(0, |row| ratings.timestamp[*row]);
    let filter = json!({ "genres": { "$in": ["Comedy", "Drama"] } });
    let members = json!([
        { "user_id": user, "weight": 2 },
        { "user_id": next },
        { "history": few.iter().map(|movie| json!({ "item_id": movie })).collect::<Vec<_>>() },
    ]);
    [
        (
            "similar_items",
            json!({ "item_ids": few, "k": 10, "filter": filter, "explain": true }),
        ),
        (
            "score_items",
            json!({ "user_id": user, "item_ids": movies, "now": latest, "explain": true }),
        ),
        (
            "recommend_group",
            json!({ "members": members, "k": 10, "now": latest, "explain": true }),
        ),
        (
            "recommend_group",
            json!({ "members": [{ "user_id": user }, { "user_id": next }], "k": 10, "strategy": "least_misery", "explain": true }),
        ),
        ("similar_users", json!({ "user_id": user, "k": 10 })),
    ]
}

fn dump(snapshot: &Path, folder: &Path) -> Result<(), Failure> {
    let model = Model::open(snapshot)?;
    let engine = Engine::new(model.clone());
    let text = std::fs::read_to_string(folder.join("requests.jsonl"))?;
    let mut out = String::new();
    let mut users: Vec<String> = Vec::new();
    for (row, line) in text.lines().enumerate() {
        let request: Value = serde_json::from_str(line)?;
        if let Some(user) = request["user_id"].as_str()
            && users.last().is_none_or(|last| last != user)
        {
            users.push(user.to_owned());
        }
        let answer = engine.recommend(&Request::from_json(&request)?)?;
        write_answer(&mut out, &row.to_string(), &answer)?;
    }
    let text = std::fs::read_to_string(folder.join("questions.jsonl"))?;
    for (row, line) in text.lines().enumerate() {
        let (question, request): (String, Value) = serde_json::from_str(line)?;
        let label = format!("{question} {row}");
        match question.as_str() {
            "similar_items" => {
                let answer = engine.similar_items(&SimilarRequest::from_json(&request)?)?;
                write_answer(&mut out, &label, &answer)?;
            }
            "recommend_group" => {
                let answer = engine.recommend_group(&GroupRequest::from_json(&request)?)?;
                write_answer(&mut out, &label, &answer)?;
            }
            "score_items" => {
                let scores = engine.score_items(&ScoreRequest::from_json(&request)?)?;
                let items = scores.items.iter().map(|item| {
                    let (known, seen) = (u8::from(item.known), u8::from(item.seen));
                    format!(
                        "{}:{:016x}:{known}{seen}",
                        item.item_id,
                        item.score.to_bits()
                    )
                });
                let items: Vec<String> = items.collect();
                let reasons = scores.items.iter().map(|item| shown(&item.reasons));
                let reasons: Vec<String> = reasons.collect();
                let (items, reasons) = (items.join(","), reasons.join(";"));
                writeln!(
                    out,
                    "{label}\t{items}\t{reasons}\t{}",
                    scores.ignored.join(",")
                )?;
            }
            _ => {
                let users = engine.similar_users(&SimilarUsersRequest::from_json(&request)?)?;
                let rows = users.users.iter();
                let rows = rows.map(|u| format!("{}:{:016x}", u.user_id, u.similarity.to_bits()));
                let rows: Vec<String> = rows.collect();
                writeln!(
                    out,
                    "{label}\t{}\t{}",
                    rows.join(","),
                    users.ignored.join(",")
                )?;
            }
        }
    }
    let users: Vec<&str> = users.iter().map(String::as_str).collect();
    let options = BatchOptions::from_json(&json!({ "k": 20, "threads": 2 }))?;
    let batch = model.recommend_users(&users, &options, &Control::new())?;
    let mut current = None;
    for ((user, item), score) in batch.user_row.iter().zip(&batch.item).zip(&batch.score) {
        if current == Some(*user) {
            out.push(',');
        } else {
            if current.is_some() {
                out.push('\n');
            }
            write!(out, "batch {}\t", users[*user as usize])?;
            current = Some(*user);
        }
        let id = model.item_id(*item).ok_or("an item without an id")?;
        write!(out, "{id}:{:016x}", score.to_bits())?;
    }
    println!("{out}");
    Ok(())
}

/// A reason is `item:contribution:share`, in an answer for a group with the members after it.
fn shown(reasons: &[Reason]) -> String {
    let reasons = reasons.iter().map(|reason| {
        let (given, share) = (reason.contribution.to_bits(), reason.share.to_bits());
        let members = reason.members.iter().map(|member| format!(":{member}"));
        let members: String = members.collect();
        format!("{}:{given:016x}:{share:016x}{members}", reason.item_id)
    });
    reasons.collect::<Vec<_>>().join(",")
}

fn write_answer(out: &mut String, label: &str, answer: &Answer) -> Result<(), Failure> {
    let items: Vec<String> = answer
        .items
        .iter()
        .map(|item| {
            format!(
                "{}:{:016x}:{}",
                item.item_id,
                item.score.to_bits(),
                item.source.as_str()
            )
        })
        .collect();
    let reasons: Vec<String> = answer
        .items
        .iter()
        .map(|item| shown(&item.reasons))
        .collect();
    writeln!(
        out,
        "{label}\t{}\t{}\t{}",
        items.join(","),
        reasons.join(";"),
        answer.ignored.join(",")
    )?;
    Ok(())
}
