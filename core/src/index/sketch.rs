//! Sketches: one bit a value of every row of a graph, so that a walk over long vectors need not
//! look at most of them.
//!
//! A row of codes is a kilobyte and more, and a walk needs the exact distance only of rows that
//! are near enough to become candidates. A sketch of a few cache lines says how large an inner
//! product can be: with `y` a row less the thresholds, `s` its signs and `u` a query less them,
//! `u·y` is nearly `s·u · (y·y / s·y)`, and the error is, over all turns of the space, that of a
//! known spread (Gao and Long, "RaBitQ", SIGMOD 2024). Rows whose distance is too large even when
//! the estimate is off by [`SPREADS`] are left out. All of it comes from the codes, in integers
//! and single operations of `f32`.

use tastemaker_kernels::{BitQuery, BitRows, bit_words};

use crate::error::Result;
use crate::parallel::Workers;

use super::binary::{Apart, apart, thresholds};
use super::options::Kind;
use super::quantize::rounded;
use super::view::stride;

/// From so many values on, the rows of a graph have sketches.
pub(super) const LEAST: usize = 512;
/// Words of a sketch before its bits: two numbers each.
pub(super) const HEAD: usize = 2;
/// By how many spreads an estimate may be too low.
const SPREADS: f32 = 1.5;
/// Words of a cache line.
const LINE: usize = 8;
/// Rows of a task.
const TASK: usize = 1024;
/// The levels of a query go from −7 to 7.
const MOST_LEVEL: f32 = 7.0;
/// A query's step is at least this part of the rows'.
const MOST_RATIO: f64 = 1e10;
/// Larger than any inner product of codes.
const MOST_DOT: f32 = 3e8;

/// The words of a sketch.
pub(super) const fn words(dimension: usize) -> usize {
    (HEAD + bit_words(dimension)).next_multiple_of(LINE)
}

/// Whether an index of this kind has sketches.
pub(super) fn has(kind: Kind, dimension: usize) -> bool {
    kind == Kind::Hnsw && dimension >= LEAST
}

/// The sketches of all rows.
pub(super) struct Stored {
    thresholds: Vec<u8>,
    words: Vec<u64>,
}

impl Stored {
    /// The sketches of an index of this kind, if it has some.
    pub(super) fn of_kind(
        kind: Kind,
        codes: &[u8],
        dimension: usize,
        workers: &Workers<'_>,
    ) -> Result<Option<Self>> {
        if !has(kind, dimension) || codes.is_empty() {
            return Ok(None);
        }
        let stride = stride(dimension);
        let thresholds = thresholds(codes, stride, dimension, workers)?;
        let own = apart(&thresholds, &thresholds, |_| {}).with;
        let each = words(dimension);
        let mut words = vec![0; codes.len() / stride * each];
        let tasks: Vec<_> = codes
            .chunks(TASK * stride)
            .zip(words.chunks_mut(TASK * each))
            .collect();
        workers.map(
            "sketches",
            tasks,
            || (),
            |_, (codes, words), ()| {
                let rows = codes.chunks_exact(stride);
                for (codes, words) in rows.zip(words.chunks_exact_mut(each)) {
                    sketch(codes, &thresholds, own, words);
                }
                Ok(())
            },
        )?;
        Ok(Some(Self { thresholds, words }))
    }

    pub(super) fn borrowed(&self) -> Option<Sketches<'_>> {
        Sketches::new(&self.thresholds, &self.words)
    }
}

/// Writes the sketch of a row; `own` is the square of what the thresholds stand for.
fn sketch(codes: &[u8], thresholds: &[u8], own: i64, words: &mut [u64]) {
    let Apart { square, sum, with } = apart(codes, thresholds, |at| {
        if let Some(word) = words.get_mut(HEAD + at / 64) {
            *word |= 1 << (at % 64);
        }
    });
    let with = with - own;
    let (width, square, sum) = (thresholds.len() as f64, square as f64, sum as f64);
    // Without a length there is no direction to be wrong about.
    let (scale, spread) = if sum > 0.0 {
        let lost = (width * square / (sum * sum) - 1.0).max(0.0);
        (
            square / sum,
            (square * lost / (width - 1.0).max(1.0)).sqrt(),
        )
    } else {
        (0.0, 0.0)
    };
    let pair = |low: f32, high: f32| u64::from(high.to_bits()) << 32 | u64::from(low.to_bits());
    if let [first, second, ..] = words {
        *first = pair(scale as f32, spread as f32);
        *second = pair(with as f32, 0.0);
    }
}

/// [`Stored`], as it lies in a file.
#[derive(Clone, Copy)]
pub(super) struct Sketches<'a> {
    pub(super) thresholds: &'a [u8],
    pub(super) words: &'a [u64],
    pub(super) rows: BitRows<'a>,
}

impl<'a> Sketches<'a> {
    pub(super) fn new(thresholds: &'a [u8], words: &'a [u64]) -> Option<Self> {
        let each = self::words(thresholds.len());
        Some(Self {
            thresholds,
            words,
            rows: BitRows::new(words, each, HEAD)?,
        })
    }

    /// Whether all numbers of all sketches are numbers.
    pub(super) fn check(&self) -> bool {
        let each = words(self.thresholds.len());
        self.words.chunks_exact(each).all(|words| {
            let numbers = words.iter().take(HEAD);
            let mut halves = numbers.flat_map(|&word| halves(word));
            halves.all(f32::is_finite)
        })
    }
}

/// The length of a vector, its squares summed in eight lanes.
fn length(values: &[f32]) -> f32 {
    const LANES: usize = 8;
    let mut sums = [0f32; LANES];
    for eight in values.chunks(LANES) {
        for (sum, value) in sums.iter_mut().zip(eight) {
            *sum += value * value;
        }
    }
    sums.iter().sum::<f32>().sqrt()
}

/// The numbers of a word.
#[inline(always)]
fn halves(word: u64) -> [f32; 2] {
    [word as u32, (word >> 32) as u32].map(f32::from_bits)
}

/// A query, as sketches are compared with it.
#[derive(Default)]
pub(super) struct SketchQuery {
    pub(super) bits: BitQuery,
    values: Vec<f32>,
    levels: Vec<i8>,
    /// The sum of the levels.
    sum: i32,
    /// What one level stands for.
    step: f32,
    /// The rows' step in the query's.
    ratio: f32,
    /// The inner product with the thresholds.
    base: f32,
    /// How far an estimate may be off, for a row's spread of 1.
    reach: f32,
}

impl SketchQuery {
    /// Sets the query to its codes; `ratio` is what a step of the rows' codes is in its steps.
    pub(super) fn set(&mut self, sketches: &Sketches<'_>, codes: &[i8], ratio: f64) {
        let ratio = ratio.min(MOST_RATIO) as f32;
        let thresholds = sketches.thresholds.iter();
        let pairs = codes
            .iter()
            .zip(thresholds)
            .map(|(&code, &threshold)| (i32::from(code), i32::from(threshold) - 128));
        let values = pairs.clone();
        self.values.clear();
        self.values
            .extend(values.map(|(code, threshold)| code as f32 - ratio * threshold as f32));
        let most = self.values.iter().fold(0f32, |most, v| most.max(v.abs()));
        self.step = if most > 0.0 { most / MOST_LEVEL } else { 1.0 };
        let step = self.step;
        self.levels.clear();
        self.levels
            .extend(self.values.iter().map(|v| rounded(v / step) as i8));
        self.bits.set(&self.levels);
        self.sum = self.levels.iter().map(|&level| i32::from(level)).sum();
        self.base = pairs.map(|(code, threshold)| code * threshold).sum::<i32>() as f32;
        self.ratio = ratio;
        self.reach = SPREADS * length(&self.values);
    }

    /// The most that the inner product of codes may be with a row, whose sum of levels is `dot`.
    #[inline(always)]
    pub(super) fn most(&self, sketch: &[u64], dot: i32) -> i32 {
        let (Some(&first), Some(&second)) = (sketch.first(), sketch.get(1)) else {
            return i32::MIN / 4;
        };
        let ([scale, spread], [with, _]) = (halves(first), halves(second));
        let signed = 2 * dot - self.sum;
        let near = scale * (signed as f32 * self.step) + (self.ratio * with + self.base);
        (near + self.reach * spread).clamp(-MOST_DOT, MOST_DOT) as i32
    }
}
