//! From ids and vectors to an index.

use serde_json::json;
use tastemaker_kernels::narrow_halves;

use crate::catalog::Catalog;
use crate::control::Control;
use crate::error::{Error, ErrorKind, Result};
use crate::event::IdColumn;
use crate::id::check_id;
use crate::parallel::Workers;

use super::VectorIndex;
use super::binary;
use super::file::{self, Links, Parts};
use super::hnsw;
use super::options::{IndexOptions, Kind, Metric, Precision};
use super::quantize::Scale;
use super::sketch::{self, Sketches};
use super::target::in_halves;
use super::vectors::Vectors;
use super::view::stride;

/// Up to this many rows, `auto` is exact.
const MOST_EXACT: usize = 4096;

/// Rows in the order of the index: ascending by id, those of one id as they came.
pub(super) struct Ordered {
    /// The distinct ids, ascending.
    pub(super) ids: Vec<String>,
    /// Which row of the input each row is.
    pub(super) order: Vec<u32>,
    /// Where each item's rows start.
    pub(super) starts: Vec<u32>,
}

impl Ordered {
    pub(super) fn new(ids: &IdColumn<'_>, rows: usize) -> Result<Self> {
        if ids.len() != rows {
            return Err(Error::new(
                ErrorKind::LengthMismatch,
                format!(
                    "{} ids for {rows} vectors; each vector has one id",
                    ids.len()
                ),
            ));
        }
        let (codes, texts) = ids.encode();
        let mut starts = vec![0u32; texts.len() + 1];
        for &code in &codes {
            if let Some(count) = starts.get_mut(code as usize + 1) {
                *count += 1;
            }
        }
        for (id, text) in texts.iter().enumerate() {
            if starts.get(id + 1).is_some_and(|&count| count > 0) {
                check_id("id", text).map_err(|e| {
                    let row = codes.iter().position(|&code| code as usize == id);
                    e.context(format!("row {}", row.unwrap_or(0)))
                })?;
            }
        }
        let mut sum = 0;
        for start in &mut starts {
            sum += *start;
            *start = sum;
        }
        let mut next = starts.clone();
        let mut order = vec![0u32; rows];
        for (row, &code) in codes.iter().enumerate() {
            if let Some(at) = next.get_mut(code as usize) {
                if let Some(slot) = order.get_mut(*at as usize) {
                    *slot = row as u32;
                }
                *at += 1;
            }
        }
        Ok(Self {
            ids: texts,
            order,
            starts,
        })
    }
}

/// Rows as they are stored.
pub(super) struct Stored {
    pub(super) floats: Vec<f32>,
    pub(super) halves: Vec<u16>,
    pub(super) codes: Vec<u8>,
    pub(super) sides: Vec<i32>,
}

/// What distances between rows are made of.
#[derive(Clone, Copy)]
pub(super) struct SpaceOf<'a> {
    pub(super) metric: Metric,
    pub(super) dimension: usize,
    pub(super) codes: &'a [u8],
    pub(super) sides: &'a [i32],
    pub(super) sketches: Option<Sketches<'a>>,
}

/// A hash for each row, from the id, the place among the id's rows, and the seed.
pub(super) fn hashes(ids: &[&str], starts: &[u32], seed: u64) -> Vec<u64> {
    let mut hashes = Vec::with_capacity(starts.last().map_or(0, |&end| end as usize));
    for (id, range) in ids.iter().zip(starts.windows(2)) {
        let rows = range.last().copied().unwrap_or(0) - range.first().copied().unwrap_or(0);
        for nth in 0..u64::from(rows) {
            let seed = seed.wrapping_add(nth.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            hashes.push(xxhash_rust::xxh3::xxh3_64_with_seed(id.as_bytes(), seed));
        }
    }
    hashes
}

/// The codes' own part of the distance, see [`super::view::View::sides`], and for the inner
/// product the square of the length to which shorter rows are lengthened: `usual`, where it is
/// known, so that rows that stay in an update keep their side; else that of nine rows in ten.
///
/// Lengthening all rows to the longest one (Bachrach et al. 2014) makes inner products and
/// distances agree, but the lengths then drown the directions: where they differ by a factor of
/// two, half of the neighbours are lost. A graph on the inner product alone (Morozov and Babenko
/// 2018) finds those, but no way between short rows, where a filter asks for them. Lengthening
/// nine in ten and leaving the longest finds nearly as much of the one, and most of the other
/// where vectors lie in clusters.
pub(super) fn sides(
    codes: &[u8],
    stride: usize,
    dimension: usize,
    metric: Metric,
    usual: i32,
) -> (Vec<i32>, i32) {
    let square = |row: &[u8]| -> i32 {
        row.iter()
            .take(dimension)
            .map(|&c| (i32::from(c) - 128) * (i32::from(c) - 128))
            .sum()
    };
    match metric {
        Metric::Cosine => (Vec::new(), 0),
        Metric::L2 => (codes.chunks_exact(stride).map(square).collect(), 0),
        Metric::InnerProduct => {
            let squares: Vec<i32> = codes.chunks_exact(stride).map(square).collect();
            let usual = if usual > 0 {
                usual
            } else {
                of_nine_in_ten(&squares)
            };
            let side =
                |square: i32| f64::from((usual - square).max(0)).sqrt().round_ties_even() as i32;
            (squares.into_iter().map(side).collect(), usual)
        }
    }
}

/// What nine values in ten do not exceed; 0 of nothing.
fn of_nine_in_ten(squares: &[i32]) -> i32 {
    let mut sorted = squares.to_vec();
    match (sorted.len() * 9).div_ceil(10).checked_sub(1) {
        Some(at) => *sorted.select_nth_unstable(at).1,
        None => 0,
    }
}

impl VectorIndex {
    /// Builds an index of vectors with ids. Rows that share an id are one item with several
    /// vectors: the nearest counts.
    ///
    /// The bytes depend on the set of (id, vector), their order among rows of the same id, and
    /// the options; not on the order of different ids, nor on the number of threads.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for options, [`ErrorKind::LengthMismatch`] for other numbers
    /// of ids and vectors, [`ErrorKind::InvalidId`], [`ErrorKind::InvalidVector`] with the rows,
    /// [`ErrorKind::LimitExceeded`] above `memory_mb`, [`ErrorKind::Cancelled`].
    pub fn build(
        ids: IdColumn<'_>,
        vectors: Vectors<'_>,
        options: &IndexOptions,
        control: &Control<'_>,
    ) -> Result<Self> {
        build(&ids, &vectors, None, options, control)
    }

    /// [`VectorIndex::build`], with the attributes of the items that a catalog has, for filters.
    ///
    /// # Errors
    /// As [`VectorIndex::build`].
    pub fn build_with_attributes(
        ids: IdColumn<'_>,
        vectors: Vectors<'_>,
        catalog: &Catalog,
        options: &IndexOptions,
        control: &Control<'_>,
    ) -> Result<Self> {
        build(&ids, &vectors, Some(catalog), options, control)
    }
}

fn build(
    ids: &IdColumn<'_>,
    vectors: &Vectors<'_>,
    catalog: Option<&Catalog>,
    options: &IndexOptions,
    control: &Control<'_>,
) -> Result<VectorIndex> {
    options.validate()?;
    let (rows, dimension) = (vectors.rows(), vectors.dimension());
    let kind = match options.kind {
        Kind::Auto if rows <= MOST_EXACT => Kind::Exact,
        Kind::Auto => Kind::Hnsw,
        kind => kind,
    };
    check_memory(rows, dimension, kind, options)?;
    let ordered = Ordered::new(ids, rows)?;
    let workers = Workers {
        threads: options.threads,
        control,
    };
    let halves = in_halves(options.storage, options.metric);
    let floats = vectors.prepared(&ordered.order, options.metric, halves, &workers)?;
    let scale = Scale::fit(&floats, dimension, options.metric, &workers)?;
    let stored_ids: Vec<&str> = ordered.ids.iter().map(String::as_str).collect();
    let (codes, bounds) = scale.encode(&floats, dimension, stride(dimension), &workers)?;
    let (sides, usual) = sides(&codes, stride(dimension), dimension, options.metric, 0);
    let stored = Stored {
        sides,
        halves: match options.storage {
            Precision::F16 => {
                let mut halves = vec![0u16; floats.len()];
                narrow_halves(&floats, &mut halves);
                halves
            }
            _ => Vec::new(),
        },
        floats: match options.storage {
            Precision::F32 => floats,
            _ => Vec::new(),
        },
        codes,
    };
    let hashes = hashes(&stored_ids, &ordered.starts, options.seed);
    let sketches = sketch::Stored::of_kind(kind, &stored.codes, dimension, &workers)?;
    let graph = match kind {
        Kind::Hnsw => Some(hnsw::build(
            &hnsw::Inputs {
                space: SpaceOf {
                    metric: options.metric,
                    dimension,
                    codes: &stored.codes,
                    sides: &stored.sides,
                    sketches: sketches.as_ref().and_then(sketch::Stored::borrowed),
                },
                m: options.m,
                ef: options.ef_construction,
                late: false,
                hashes: &hashes,
            },
            &workers,
        )?),
        _ => None,
    };
    let bits = binary::Stored::of_kind(kind, &stored.codes, dimension, options.metric, &workers)?;
    let storage = file::write(&Parts {
        options,
        bits: bits.as_ref().map(binary::Stored::borrowed),
        sketches: sketches.as_ref().and_then(sketch::Stored::borrowed),
        graph: graph.as_ref().map_or(Links::None, Links::Built),
        kind,
        dimension,
        ids: &stored_ids,
        row_starts: &ordered.starts,
        scale: &scale,
        bounds,
        floats: &stored.floats,
        halves: &stored.halves,
        codes: &stored.codes,
        sides: &stored.sides,
        catalog,
        usual,
        extra: json!({}),
    })?;
    VectorIndex::from_storage(storage, true)
}

/// The bytes of an index's vectors and graph, without ids and attributes.
fn bytes(rows: usize, dimension: usize, kind: Kind, options: &IndexOptions) -> u64 {
    let values = match options.storage {
        Precision::F32 => 4 * dimension,
        Precision::F16 => 2 * dimension,
        Precision::Int8 => 0,
    };
    let links = match kind {
        Kind::Exact => 0,
        Kind::Binary => dimension.div_ceil(64) * 8 + 8,
        // Level 0, and all above it together.
        _ => {
            let sketch = match sketch::has(kind, dimension) {
                true => 8 * sketch::words(dimension),
                false => 0,
            };
            8 * options.m + 4 * options.m / (options.m - 1).max(1) + 4 + sketch
        }
    };
    let side = if options.metric == Metric::Cosine {
        0
    } else {
        4
    };
    rows as u64 * (values + stride(dimension) + links + side) as u64
}

fn check_memory(rows: usize, dimension: usize, kind: Kind, options: &IndexOptions) -> Result<()> {
    let needed = bytes(rows, dimension, kind, options);
    match options.memory_mb {
        Some(most) if needed > most.saturating_mul(1_000_000) => Err(Error::new(
            ErrorKind::LimitExceeded,
            format!(
                "the index would take {} MB and options.memory_mb is {most}; storage f16 or int8 takes less, and so does a smaller m",
                needed.div_ceil(1_000_000)
            ),
        )),
        _ => Ok(()),
    }
}
