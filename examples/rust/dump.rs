//! Prints what a snapshot recommends to each of its users, bit by bit.
//!
//! `cargo run --release --example dump -- SNAPSHOT K` prints a line a user, users in the order of
//! their ids' bytes: the id, a tab, then `item:score` pairs with commas between them, best first;
//! the score is the 16 hexadecimal digits of its bits. The other languages print the same lines.
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::io::{BufWriter, Write};

use tastemaker::control::Control;
use tastemaker::json::json;
use tastemaker::model::{BatchOptions, Model};
use tastemaker_examples::Result;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [path, k] = arguments.as_slice() else {
        return Err("usage: dump SNAPSHOT K".into());
    };
    let model = Model::open(path)?;
    let mut users: Vec<&str> = model.user_ids().collect();
    users.sort_unstable();
    let options = BatchOptions::from_json(&json!({"k": k.parse::<u64>()?}))?;
    let batch = model.recommend_users(&users, &options, &Control::new())?;

    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut rows = batch
        .user_row
        .iter()
        .zip(&batch.item)
        .zip(&batch.score)
        .peekable();
    for (row, user) in users.iter().enumerate() {
        write!(out, "{user}\t")?;
        let mut separator = "";
        while let Some(((_, &item), score)) = rows.next_if(|((user, _), _)| **user as usize == row)
        {
            let id = model.item_id(item).ok_or("an item without an id")?;
            write!(out, "{separator}{id}:{:016x}", score.to_bits())?;
            separator = ",";
        }
        writeln!(out)?;
    }
    out.flush()?;
    Ok(())
}
