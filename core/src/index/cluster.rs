//! Spherical k-means: items with vectors in the same direction, for segments.
//!
//! Dhillon and Modha (2001). The start is k-means++ (Arthur and Vassilvitskii, 2007), drawn by a
//! hash of the seed. Sums run in blocks of rows whose size does not depend on the number of
//! threads, so the clusters do not either.

use serde_json::Value as Json;
use tastemaker_kernels::dots_block;

use crate::control::Control;
use crate::error::{Error, ErrorKind, Result};
use crate::fields::Fields;
use crate::parallel::Workers;
use crate::rank::check_threads;

use super::VectorIndex;
use super::options::Metric;
use super::vectors::prepare;
use super::view::View;

/// Rows of a task.
const CHUNK: usize = 1024;
/// The most clusters.
pub const MAX_CLUSTERS: usize = 65_536;

/// Options of [`VectorIndex::cluster`].
///
/// ```
/// use tastemaker::{index::ClusterOptions, json::json};
/// assert_eq!(ClusterOptions::from_json(&json!({"clusters": 5}))?.clusters, 5);
/// # Ok::<(), tastemaker::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ClusterOptions {
    /// How many clusters, 1 to 65,536 and at most the number of rows. Default 8.
    pub clusters: usize,
    /// The most rounds, 1 to 10,000; it stops before where no row changes its cluster. Default 25.
    pub iterations: usize,
    /// Seed of the start. Default 0.
    pub seed: u64,
    /// Threads, 1 to 1024. The clusters do not depend on it. Default 1.
    pub threads: usize,
}

impl Default for ClusterOptions {
    fn default() -> Self {
        Self {
            clusters: 8,
            iterations: 25,
            seed: 0,
            threads: 1,
        }
    }
}

impl ClusterOptions {
    /// The defaults, changed by the fields of a JSON object.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for an unknown name or a value out of range.
    pub fn from_json(value: &Json) -> Result<Self> {
        let names = ["clusters", "iterations", "seed", "threads"];
        let fields = Fields::new("options", value, &names)?;
        let d = Self::default();
        Ok(Self {
            clusters: fields.whole("clusters", d.clusters as u64, 1, MAX_CLUSTERS as u64)? as usize,
            iterations: fields.whole("iterations", d.iterations as u64, 1, 10_000)? as usize,
            seed: fields.whole("seed", d.seed, 0, u64::MAX)?,
            threads: fields.whole("threads", d.threads as u64, 1, 1024)? as usize,
        })
    }

    /// Checks every range.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`].
    pub fn validate(&self) -> Result<()> {
        check_threads(self.threads)?;
        let wrong = |name: &str, value: usize, most: usize| {
            Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("options.{name} is {value}; it must be a whole number from 1 to {most}"),
            ))
        };
        if !(1..=MAX_CLUSTERS).contains(&self.clusters) {
            return wrong("clusters", self.clusters, MAX_CLUSTERS);
        }
        if !(1..=10_000).contains(&self.iterations) {
            return wrong("iterations", self.iterations, 10_000);
        }
        Ok(())
    }
}

/// Clusters of rows.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Clusters {
    /// The cluster of each row; of an item's rows, that of the first is the item's.
    pub assignment: Vec<u32>,
    /// The centres, one after the other, each of length 1.
    pub centroids: Vec<f32>,
    /// How many rows each cluster has.
    pub sizes: Vec<u32>,
    /// The mean cosine of a row and its centre.
    pub cohesion: f64,
    /// Rounds that were run.
    pub iterations: usize,
    /// Whether it stopped because no row changed its cluster.
    pub converged: bool,
}

impl VectorIndex {
    /// Clusters of rows by direction (spherical k-means). Each cluster has at least one row.
    ///
    /// Costs rows · clusters · dimension a round. Deterministic for a seed, at any number of
    /// threads.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for options, and if there are more clusters than rows;
    /// [`ErrorKind::InvalidVector`] for a row of zeros, which has no direction;
    /// [`ErrorKind::Cancelled`].
    pub fn cluster(&self, options: &ClusterOptions, control: &Control<'_>) -> Result<Clusters> {
        options.validate()?;
        let view = self.inner.view();
        if options.clusters > view.rows {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!(
                    "options.clusters is {}; the index has {} rows",
                    options.clusters, view.rows
                ),
            ));
        }
        let workers = Workers {
            threads: options.threads,
            control,
        };
        let rows = directions(&view, &workers)?;
        let width = view.dimension;
        let mut centroids = start(&rows, width, options, &workers)?;
        let mut assignment = vec![u32::MAX; view.rows];
        let mut scores = vec![0f32; view.rows];
        let (mut iterations, mut converged) = (0, false);
        while iterations < options.iterations && !converged {
            iterations += 1;
            converged = !assign(
                &rows,
                width,
                &centroids,
                &mut assignment,
                &mut scores,
                &workers,
            )?;
            fill_empty(options.clusters, &mut assignment, &mut scores);
            if !converged {
                centroids = means(&rows, width, &assignment, &centroids, &workers)?;
            }
        }
        let mut sizes = vec![0u32; options.clusters];
        for &cluster in &assignment {
            if let Some(size) = sizes.get_mut(cluster as usize) {
                *size += 1;
            }
        }
        let total: f64 = assignment
            .iter()
            .zip(rows.chunks_exact(width))
            .map(|(&cluster, row)| {
                let start = cluster as usize * width;
                let centre = centroids.get(start..start + width).unwrap_or(&[]);
                f64::from(tastemaker_kernels::dot(row, centre))
            })
            .sum();
        Ok(Clusters {
            assignment,
            centroids,
            sizes,
            cohesion: total / view.rows as f64,
            iterations,
            converged,
        })
    }
}

/// All rows at length 1.
fn directions(view: &View<'_>, workers: &Workers<'_>) -> Result<Vec<f32>> {
    let width = view.dimension;
    let mut rows = vec![0f32; view.rows * width];
    workers.fill("vectors", &mut rows, CHUNK * width, |chunk, part| {
        for (n, out) in part.chunks_exact_mut(width).enumerate() {
            let row = (chunk * CHUNK + n) as u32;
            view.decode(row, out);
            prepare(out, Metric::Cosine, false).map_err(|flaw| {
                let id = view.ids.get(view.item_of(row)).unwrap_or("");
                flaw.error(&format!("the vector of {}", crate::error::shown(id)))
            })?;
        }
        Ok(())
    })?;
    Ok(rows)
}

/// A number from 0 to 1 for a step of the start.
fn draw(seed: u64, step: usize) -> f64 {
    let mut bytes = [0u8; 16];
    let (low, high) = bytes.split_at_mut(8);
    low.copy_from_slice(&seed.to_le_bytes());
    high.copy_from_slice(&(step as u64).to_le_bytes());
    let hash = xxhash_rust::xxh3::xxh3_64(&bytes);
    (hash >> 11) as f64 / (1u64 << 53) as f64
}

/// k-means++: each next centre is a row, drawn by how far it is from those before.
fn start(
    rows: &[f32],
    width: usize,
    options: &ClusterOptions,
    workers: &Workers<'_>,
) -> Result<Vec<f32>> {
    let count = rows.len() / width;
    let row = |at: usize| rows.get(at * width..at * width + width).unwrap_or(&[]);
    let first = ((draw(options.seed, 0) * count as f64) as usize).min(count.saturating_sub(1));
    let mut chosen = vec![first];
    let mut far = vec![f32::INFINITY; count];
    for step in 1..options.clusters {
        let last = row(chosen.last().copied().unwrap_or(0));
        workers.fill("start", &mut far, CHUNK, |chunk, far| {
            let first = chunk * CHUNK * width;
            let block = rows.get(first..first + far.len() * width).unwrap_or(&[]);
            let mut dots = vec![0f32; far.len()];
            dots_block(last, block, &mut dots);
            for (far, dot) in far.iter_mut().zip(dots) {
                *far = far.min((1.0 - dot).max(0.0));
            }
            Ok(())
        })?;
        for &at in &chosen {
            if let Some(far) = far.get_mut(at) {
                *far = 0.0;
            }
        }
        let total: f64 = far.iter().map(|&far| f64::from(far)).sum();
        let mut left = draw(options.seed, step) * total;
        let mut next = None;
        for (at, &far) in far.iter().enumerate() {
            if far > 0.0 {
                next = Some(at);
                left -= f64::from(far);
                if left <= 0.0 {
                    break;
                }
            }
        }
        // Fewer distinct rows than clusters: the first row that is no centre yet.
        let next = next.or_else(|| (0..count).find(|at| !chosen.contains(at)));
        chosen.push(next.unwrap_or(0));
    }
    Ok(chosen.into_iter().flat_map(row).copied().collect())
}

/// Gives each row to its nearest centre, the first among equals; whether any row moved.
fn assign(
    rows: &[f32],
    width: usize,
    centroids: &[f32],
    assignment: &mut [u32],
    scores: &mut [f32],
    workers: &Workers<'_>,
) -> Result<bool> {
    let clusters = centroids.len() / width;
    let tasks: Vec<_> = rows
        .chunks(CHUNK * width)
        .zip(assignment.chunks_mut(CHUNK).zip(scores.chunks_mut(CHUNK)))
        .collect();
    let moved = workers.map(
        "cluster",
        tasks,
        || vec![0f32; clusters],
        |_, (rows, (assignment, scores)), dots| {
            let mut moved = false;
            for ((row, own), best) in rows.chunks_exact(width).zip(assignment).zip(scores) {
                dots_block(row, centroids, dots);
                let mut nearest = (0u32, f32::NEG_INFINITY);
                for (cluster, &dot) in dots.iter().enumerate() {
                    if dot > nearest.1 {
                        nearest = (cluster as u32, dot);
                    }
                }
                moved |= *own != nearest.0;
                (*own, *best) = nearest;
            }
            Ok(moved)
        },
    )?;
    Ok(moved.into_iter().any(|moved| moved))
}

/// A cluster without rows gets the row that is farthest from its own centre, from a cluster that
/// has more than one.
fn fill_empty(clusters: usize, assignment: &mut [u32], scores: &mut [f32]) {
    let mut sizes = vec![0usize; clusters];
    for &cluster in assignment.iter() {
        if let Some(size) = sizes.get_mut(cluster as usize) {
            *size += 1;
        }
    }
    for empty in 0..clusters {
        if sizes.get(empty).is_some_and(|&size| size > 0) {
            continue;
        }
        let from = (0..assignment.len())
            .filter(|&row| {
                let own = assignment.get(row).map_or(0, |&c| c as usize);
                sizes.get(own).is_some_and(|&size| size > 1)
            })
            .min_by(|&a, &b| {
                let score = |at: usize| scores.get(at).copied().unwrap_or(0.0);
                score(a).total_cmp(&score(b))
            });
        let Some(row) = from else { return };
        if let (Some(own), Some(score)) = (assignment.get_mut(row), scores.get_mut(row)) {
            if let Some(size) = sizes.get_mut(*own as usize) {
                *size -= 1;
            }
            *own = empty as u32;
            *score = 1.0;
        }
        if let Some(size) = sizes.get_mut(empty) {
            *size = 1;
        }
    }
}

/// The mean direction of each cluster. Where the rows cancel out, the centre stays.
fn means(
    rows: &[f32],
    width: usize,
    assignment: &[u32],
    old: &[f32],
    workers: &Workers<'_>,
) -> Result<Vec<f32>> {
    // The rows of each cluster, in order: sums that depend on nothing else.
    let mut order: Vec<u32> = (0..assignment.len() as u32).collect();
    order.sort_by_key(|&row| assignment.get(row as usize).copied().unwrap_or(0));
    let mut new = old.to_vec();
    let own = |row: &u32| assignment.get(*row as usize).copied().unwrap_or(0);
    workers.fill("centres", &mut new, width, |cluster, centre| {
        let first = order.partition_point(|row| (own(row) as usize) < cluster);
        let mut sums = vec![0f64; width];
        for &row in order.get(first..).unwrap_or(&[]) {
            if own(&row) as usize != cluster {
                break;
            }
            let start = row as usize * width;
            for (sum, &value) in sums
                .iter_mut()
                .zip(rows.get(start..start + width).unwrap_or(&[]))
            {
                *sum += f64::from(value);
            }
        }
        let length = sums.iter().map(|s| s * s).sum::<f64>().sqrt();
        if length > 0.0 {
            for (to, sum) in centre.iter_mut().zip(sums) {
                *to = (sum / length) as f32;
            }
        }
        Ok(())
    })?;
    Ok(new)
}
