//! hnsw_rs, driven by the figures: hnsw-rs-driver FOLDER
//!
//! FOLDER and the commands are those of `ann_driver.py`: `build THREADS` and `search EF`, with
//! the same settings and the same answers. hnsw_rs does not say how many bytes it takes, so that
//! is 0.

use std::error::Error;
use std::io::{BufRead, Write};
use std::path::Path;
use std::time::Instant;

use hnsw_rs::prelude::{DistDot, Hnsw};

const K: usize = 10;
const M: usize = 16;
const EF_CONSTRUCTION: usize = 200;
const LEVELS: usize = 16;

/// The width and the body of a matrix in an `.npy` file.
fn npy(file: &Path, kind: &str) -> Result<(usize, Vec<u8>), Box<dyn Error>> {
    let bytes = std::fs::read(file)?;
    let length = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let (header, body) = bytes[10..].split_at(length);
    let header = std::str::from_utf8(header)?;
    let shape = header
        .split_once("'shape': (")
        .and_then(|(_, shape)| shape.split_once(')'));
    let width = shape.and_then(|(shape, _)| shape.split(',').nth(1));
    match width {
        Some(width) if header.contains(kind) => Ok((width.trim().parse()?, body.to_vec())),
        _ => Err(format!("{}: not a matrix of {kind}", file.display()).into()),
    }
}

fn floats(file: &Path) -> Result<Vec<Vec<f32>>, Box<dyn Error>> {
    let (width, body) = npy(file, "<f4")?;
    let values: Vec<f32> = body
        .as_chunks::<4>()
        .0
        .iter()
        .map(|&value| f32::from_le_bytes(value))
        .collect();
    Ok(values.chunks(width).map(<[f32]>::to_vec).collect())
}

fn rows(file: &Path) -> Result<Vec<i64>, Box<dyn Error>> {
    let (_, body) = npy(file, "<i8")?;
    Ok(body
        .as_chunks::<8>()
        .0
        .iter()
        .map(|&row| i64::from_le_bytes(row))
        .collect())
}

/// The nanoseconds that this thread has run.
fn on_core() -> Result<u64, Box<dyn Error>> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(text.split_whitespace().next().unwrap_or("").parse()?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args()
        .nth(1)
        .ok_or("usage: hnsw-rs-driver FOLDER")?;
    let folder = Path::new(&folder);
    let base = floats(&folder.join("base.npy"))?;
    let queries = floats(&folder.join("queries.npy"))?;
    let truth = rows(&folder.join("truth.npy"))?;
    let mut index: Option<Hnsw<'_, f32, DistDot>> = None;
    let mut out = std::io::stdout();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let (command, number) = line.split_once(' ').unwrap_or((&line, "0"));
        let number: usize = number.parse()?;
        match (command, &index) {
            ("build", _) => {
                index = None;
                let pool = rayon::ThreadPoolBuilder::new()
                    .num_threads(number)
                    .build()?;
                let start = Instant::now();
                let built = Hnsw::new(M, base.len(), LEVELS, EF_CONSTRUCTION, DistDot {});
                let pairs: Vec<(&Vec<f32>, usize)> = base
                    .iter()
                    .enumerate()
                    .map(|(row, values)| (values, row))
                    .collect();
                pool.install(|| built.parallel_insert(&pairs));
                let seconds = start.elapsed().as_secs_f64();
                index.insert(built).set_searching_mode(true);
                writeln!(out, "{{\"s\": {seconds}, \"bytes\": 0}}")?;
            }
            ("search", Some(index)) => {
                let start = on_core()?;
                let found: Vec<_> = queries
                    .iter()
                    .map(|query| index.search(query, K, number.max(K)))
                    .collect();
                let seconds = (on_core()? - start) as f64 / 1e9;
                let hits = found.iter().zip(truth.chunks(K)).map(|(found, truth)| {
                    let ids = found.iter().map(|n| n.d_id as i64);
                    ids.filter(|id| truth.contains(id)).count()
                });
                let recall = hits.sum::<usize>() as f64 / truth.len() as f64;
                writeln!(out, "{{\"s\": {seconds}, \"recall\": {recall}}}")?;
            }
            _ => writeln!(out, "{{\"error\": \"unknown command {command}\"}}")?,
        }
        out.flush()?;
    }
    Ok(())
}
