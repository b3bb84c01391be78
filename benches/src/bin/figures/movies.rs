//! How good the lists are on ratings with times, by default options: MovieLens `ml-latest-small`,
//! the last five ratings of each user held out, those above the middle to be found.

use std::fmt::Write as _;

use serde_json::json;
use tastemaker::control::Control;
use tastemaker::evaluate::{SplitOptions, split};
use tastemaker::event::{EventColumns, IdColumn};
use tastemaker::model::Model;
use tastemaker::train::{TrainOptions, train};
use tastemaker_examples::movielens::Ratings;

use crate::quality::{borrowed, measure, texts};
use crate::sitting::{Sitting, setting};
use tastemaker_benches::data::{Pairs, Split};
use tastemaker_benches::figure::{self, Better, Rival};
use tastemaker_benches::{Failure, peer};

/// Stars that speak for a movie.
const LIKED: f64 = 2.5;

/// Prints the figures.
pub(crate) fn print(sitting: &Sitting) -> Result<(), Failure> {
    let file = sitting.data.join("ml-latest-small/ratings.csv");
    let text = std::fs::read_to_string(&file).map_err(|e| format!("{}: {e}", file.display()))?;
    let ratings = Ratings::parse(&text).map_err(|why| why.to_string())?;
    let number = |names: &[&str]| names.iter().map(|name| name.parse()).collect();
    let users: Result<Vec<i64>, _> = number(&ratings.user);
    let items: Result<Vec<i64>, _> = number(&ratings.movie);
    let (users, items) = (users?, items?);
    let (user_texts, item_texts) = (texts(&users), texts(&items));
    let (user_texts, item_texts) = (borrowed(&user_texts), borrowed(&item_texts));
    let kinds = vec!["rate"; users.len()];
    let columns = |rows: &[u32]| Columns {
        users: rows.iter().map(|&row| user_texts[row as usize]).collect(),
        items: rows.iter().map(|&row| item_texts[row as usize]).collect(),
        stars: rows
            .iter()
            .map(|&row| ratings.stars[row as usize])
            .collect(),
        times: rows
            .iter()
            .map(|&row| ratings.timestamp[row as usize])
            .collect(),
    };
    let all: Vec<u32> = (0..users.len() as u32).collect();
    let options = SplitOptions::from_json(&json!({"method": "leave_last_out", "n": 5}))?;
    let parts = split(&columns(&all).events(&kinds), &options)?;
    let learnt = columns(&parts.train);
    let options = TrainOptions::from_json(&json!({ "threads": sitting.threads }))?;
    let model = train(&learnt.events(&kinds), None, &options, &Control::new())?;
    let model = Model::from_bytes(model.as_bytes())?;

    let liked = |rows: &[u32]| -> Pairs {
        let rows = rows.iter().map(|&row| row as usize);
        let (users, items) = rows
            .filter(|&row| ratings.stars[row] > LIKED)
            .map(|row| (users[row], items[row]))
            .unzip();
        Pairs { users, items }
    };
    let set = Split {
        folder: sitting.scratch.join("ml-latest-small"),
        train: liked(&parts.train),
        test: liked(&parts.test),
    };
    let tuning = &model.manifest()["tuning"];
    let chosen = tuning["chosen"].as_u64().unwrap_or(0) as usize;
    let note = format!(
        "default options (K=100), ratings and times; the last five of each user held out, those \
         above {LIKED} to be found; chosen on events of train held out by {}: {}",
        tuning["protocol"].as_str().unwrap_or("nothing"),
        tuning["trials"][chosen]["trainer"].as_str().unwrap_or("")
    );
    let name = "ml-latest-small.train-only";
    crate::tuned::lines(sitting, &model, &set, name, "ml-latest-small", &note)?;
    peers(sitting, &model, &set, name)
}

struct Columns<'a> {
    users: Vec<&'a str>,
    items: Vec<&'a str>,
    stars: Vec<f64>,
    times: Vec<i64>,
}

impl Columns<'_> {
    fn events<'b>(&'b self, kinds: &'b [&'b str]) -> EventColumns<'b> {
        EventColumns {
            user_id: IdColumn::Text(&self.users),
            item_id: IdColumn::Text(&self.items),
            kind: Some(IdColumn::Text(&kinds[..self.users.len()])),
            weight: Some(&self.stars),
            timestamp: Some(&self.times),
        }
    }
}

/// The peers get the liked movies of train as files.
fn peers(sitting: &Sitting, model: &Model, set: &Split, name: &str) -> Result<(), Failure> {
    if sitting.peers.is_none() {
        return Ok(());
    }
    std::fs::create_dir_all(&set.folder)?;
    for (file, pairs) in [("train.txt", &set.train), ("test.txt", &set.test)] {
        let mut text = String::new();
        for (user, item) in pairs.users.iter().zip(&pairs.items) {
            writeln!(text, "{user} {item}")?;
        }
        std::fs::write(set.folder.join(file), text)?;
    }
    let served = measure(model, set, 20, false, sitting.threads)?;
    for peer_name in ["als-64", "cosine"] {
        let Some(mut peer) = sitting.implicit(set, peer_name, sitting.threads)? else {
            return Ok(());
        };
        peer.ask("fit")?;
        let test = set.folder.join("test.txt");
        let answer = peer.ask(&format!("quality {}", test.display()))?;
        for (metric, value) in [("recall", served.recall), ("ndcg", served.ndcg)] {
            let rival = Rival {
                name: &format!("implicit-{peer_name}"),
                value: peer::number(&answer, metric)?,
                better: Better::Higher,
                setting: setting(peer_name),
            };
            let figure = format!("quality.{name}.{metric}@20");
            figure::print_with(&figure, value, "1", "", &rival);
        }
    }
    Ok(())
}
