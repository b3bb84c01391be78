//! Who watches what next: `ml-latest-small` in the order of time, all ratings as views; the last
//! film of each user for the test, and, for less noise, each of the last ten. With and without the trainer that looks at the order.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tastemaker::control::Control;
use tastemaker::evaluate::{EvaluateOptions, TestSet, evaluate};
use tastemaker::event::{EventColumns, IdColumn};
use tastemaker::train::{TrainOptions, train};

use crate::sitting::Sitting;
use tastemaker_benches::figure::{self, Better, Rival};
use tastemaker_benches::{Failure, peer};

/// User, film, seconds.
type Rating = (i64, i64, i64);

/// What both sides have, and what one has more. Its weight was chosen on the last film but one,
/// the last being left out altogether.
const OFF: &str = r#"[{"name": "ridge"}, {"name": "spectral", "weight": 2}]"#;
const ON: &str = r#"[{"name": "ridge"}, {"name": "spectral", "weight": 2}, {"name": "sequence", "weight": 0.5}]"#;

/// The last films of each user that are predicted, each from what came before it.
const LAST: usize = 10;
const METRICS: [&str; 3] = ["hit_rate", "ndcg", "mrr"];

/// Prints the figures.
pub(crate) fn print(sitting: &Sitting) -> Result<(), Failure> {
    let file = sitting.data.join("ml-latest-small/ratings.csv");
    let ratings = read(&std::fs::read_to_string(file)?)?;
    let plans: [Value; 2] = [serde_json::from_str(OFF)?, serde_json::from_str(ON)?];
    // By how many films after the test film there are; for off and on; by metric.
    let mut found = Vec::new();
    for back in 0..LAST {
        let (past, next) = split(&ratings, back);
        let mut values = [[0.0; METRICS.len()]; 2];
        for (plan, values) in plans.iter().zip(&mut values) {
            let result = judge(&past, &next, plan, sitting.threads)?;
            for (metric, value) in METRICS.iter().zip(values) {
                *value = peer::number(&result["model"], metric)?;
            }
        }
        found.push(values);
    }
    for (group, films, note) in [
        ("next-item", 1, "the last film of each of 671 users"),
        (
            "next-item.last-10",
            LAST,
            "each of the last 10 films of 671 users from those before",
        ),
    ] {
        for (at, metric) in METRICS.iter().enumerate() {
            let mean = |side: usize| {
                let values = found.iter().take(films).map(|values| values[side][at]);
                values.sum::<f64>() / films as f64
            };
            let rival = Rival {
                name: "without sequence",
                value: mean(0),
                better: Better::Higher,
                setting: "our own blend of ridge 1 and spectral 2",
            };
            figure::print_with(
                &format!("quality.ml-latest-small.{group}.{metric}@20"),
                mean(1),
                "1",
                &format!("blend of ridge 1, spectral 2 and sequence 0.5, K=100; {note}"),
                &rival,
            );
        }
    }
    Ok(())
}

fn read(text: &str) -> Result<Vec<Rating>, Failure> {
    let mut ratings = Vec::new();
    for line in text.lines().skip(1).filter(|line| !line.is_empty()) {
        let fields: Vec<&str> = line.split(',').collect();
        let [user, film, _, time] = fields[..] else {
            return Err(format!("{line:?} is not a rating").into());
        };
        ratings.push((user.parse()?, film.parse()?, time.trim().parse()?));
    }
    Ok(ratings)
}

/// For each user, the film after which `back` others follow, and all before it: by time, then by
/// the film's number.
fn split(ratings: &[Rating], back: usize) -> (Vec<Rating>, Vec<Rating>) {
    let mut users: BTreeMap<i64, Vec<Rating>> = BTreeMap::new();
    for rating in ratings {
        users.entry(rating.0).or_default().push(*rating);
    }
    let (mut past, mut last) = (Vec::new(), Vec::new());
    for mut own in users.into_values() {
        own.sort_by_key(|&(_, film, time)| (time, film));
        own.truncate(own.len().saturating_sub(back));
        last.extend(own.pop());
        past.extend(own);
    }
    (past, last)
}

fn judge(
    past: &[Rating],
    last: &[Rating],
    trainer: &Value,
    threads: u64,
) -> Result<Value, Failure> {
    let column =
        |rows: &[Rating], of: fn(&Rating) -> i64| -> Vec<i64> { rows.iter().map(of).collect() };
    let (users, films) = (column(past, |r| r.0), column(past, |r| r.1));
    let times = column(past, |r| r.2 * 1000);
    let mut events = EventColumns::new(IdColumn::Integer(&users), IdColumn::Integer(&films));
    events.timestamp = Some(&times);
    let options = TrainOptions::from_json(&json!({"trainer": trainer, "threads": threads}))?;
    let model = train(&events, None, &options, &Control::new())?;
    let (users, films) = (column(last, |r| r.0), column(last, |r| r.1));
    let options =
        EvaluateOptions::from_json(&json!({"k": 20, "threads": threads, "resamples": 0}))?;
    let test = TestSet::new(IdColumn::Integer(&users), IdColumn::Integer(&films));
    Ok(evaluate(&model, &test, &options, &Control::new())?.to_json())
}

#[cfg(test)]
mod tests {
    use super::{read, split};

    #[test]
    fn the_last_of_each_user_is_held_out() {
        let rows =
            read("userId,movieId,rating,timestamp\n1,5,3.0,20\n1,4,2.5,10\n2,9,1,7\n1,3,2,20\n")
                .unwrap();
        let (past, last) = split(&rows, 0);
        assert_eq!(past, [(1, 4, 10), (1, 3, 20)]);
        assert_eq!(last, [(1, 5, 20), (2, 9, 7)]);
        let (past, last) = split(&rows, 1);
        assert_eq!(past, [(1, 4, 10)]);
        assert_eq!(last, [(1, 3, 20)]);
        assert!(read("head\n1,2\n").is_err());
    }
}
