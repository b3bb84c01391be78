//! The scan of bits: one bit a value of every row, then a closer look at those that seem nearest.
//!
//! A row is known by the sides of the thresholds on which its codes lie. With `x` a row less the
//! thresholds, `s` its signs and `u` the query less the thresholds, `x·u` is nearly
//! `s·u · (x·x / s·x)`, which is right on average over all turns of the space (Gao and Long,
//! "RaBitQ", SIGMOD 2024). The query has 15 levels a value, so that `s·u` is a count of bits. All
//! of it comes from the codes, in integers and single operations of `f32`.

use tastemaker_kernels::{BIT_LANES, BitQuery, bit_dots, bit_dots_block, bit_words, set_bit};

use crate::bitset::BitSet;
use crate::error::Result;
use crate::parallel::Workers;
use crate::rank::TopK;

use super::hnsw;
use super::options::{Kind, Metric};
use super::view::{Asked, View, stride};

/// Rows of a block; a multiple of [`BIT_LANES`].
const BLOCK: usize = 1024;
/// Below one row in this many, matching rows are looked at one by one.
const SPARSE: usize = 16;
/// The levels of a query go from −7 to 7.
const MOST_LEVEL: f64 = 7.0;
/// Steps beyond this could make an estimate that is no number.
const MOST_STEP: f64 = 1e25;
/// The codes of 128 stand for zero.
const ZERO: i32 = 128;

/// What is stored of the bits of all rows.
#[derive(Default)]
pub(super) struct Stored {
    /// The codes that divide the rows, one a value.
    pub(super) thresholds: Vec<u8>,
    /// The bits, in groups of [`BIT_LANES`] rows.
    pub(super) bits: Vec<u64>,
    /// `x·x / s·x` of each row; twice that for L2.
    pub(super) scales: Vec<f32>,
    /// The row's part of the score that does not depend on its bits.
    pub(super) offsets: Vec<f32>,
}

/// The words that the bits of so many rows take.
pub(super) fn words(rows: usize, dimension: usize) -> usize {
    rows.div_ceil(BIT_LANES) * BIT_LANES * bit_words(dimension)
}

impl Stored {
    /// The bits of an index of this kind, if it has some.
    pub(super) fn of_kind(
        kind: Kind,
        codes: &[u8],
        dimension: usize,
        metric: Metric,
        workers: &Workers<'_>,
    ) -> Result<Option<Self>> {
        match kind {
            Kind::Binary => {
                Self::of(codes, stride(dimension), dimension, metric, workers).map(Some)
            }
            _ => Ok(None),
        }
    }

    pub(super) fn borrowed(&self) -> Bits<'_> {
        Bits {
            thresholds: &self.thresholds,
            bits: &self.bits,
            scales: &self.scales,
            offsets: &self.offsets,
        }
    }

    /// The bits of codes that stand `stride` bytes apart.
    fn of(
        codes: &[u8],
        stride: usize,
        dimension: usize,
        metric: Metric,
        workers: &Workers<'_>,
    ) -> Result<Self> {
        let rows = codes.len() / stride;
        let thresholds = thresholds(codes, stride, dimension, workers)?;
        let words = words(BLOCK, dimension);
        let mut stored = Self {
            bits: vec![0; self::words(rows, dimension)],
            scales: vec![0.0; rows],
            offsets: vec![0.0; rows],
            thresholds,
        };
        let tasks: Vec<_> = codes
            .chunks(BLOCK * stride)
            .zip(stored.bits.chunks_mut(words))
            .zip(stored.scales.chunks_mut(BLOCK))
            .zip(stored.offsets.chunks_mut(BLOCK))
            .collect();
        let thresholds = &stored.thresholds;
        workers.map(
            "bits",
            tasks,
            || (),
            |_, (((codes, bits), scales), offsets), ()| {
                let numbers = scales.iter_mut().zip(offsets);
                for (row, (codes, (scale, offset))) in
                    codes.chunks_exact(stride).zip(numbers).enumerate()
                {
                    let Apart { square, sum, with } = apart(codes, thresholds, |at| {
                        set_bit(bits, bit_words(dimension), row, at);
                    });
                    let ratio = square as f64 / sum.max(1) as f64;
                    (*scale, *offset) = match metric {
                        Metric::L2 => ((2.0 * ratio) as f32, -square as f32),
                        Metric::Cosine | Metric::InnerProduct => (ratio as f32, with as f32),
                    };
                }
                Ok(())
            },
        )?;
        Ok(stored)
    }
}

/// A row of codes beside the thresholds, in sums over its values.
pub(super) struct Apart {
    /// Of the squares of what is between them.
    pub(super) square: i64,
    /// Of that, without sign.
    pub(super) sum: i64,
    /// Of the products of what both stand for.
    pub(super) with: i64,
}

/// Compares a row with the thresholds; `bit` is told the values that are above.
pub(super) fn apart(codes: &[u8], thresholds: &[u8], mut bit: impl FnMut(usize)) -> Apart {
    let (mut square, mut sum, mut with) = (0, 0, 0);
    for (at, (&code, &threshold)) in codes.iter().zip(thresholds).enumerate() {
        let (code, threshold) = (i64::from(code) - 128, i64::from(threshold) - 128);
        let x = code - threshold;
        square += x * x;
        sum += x.abs();
        with += code * threshold;
        if x > 0 {
            bit(at);
        }
    }
    Apart { square, sum, with }
}

/// The mean code of each value, rounded to the nearest, halves up.
pub(super) fn thresholds(
    codes: &[u8],
    stride: usize,
    dimension: usize,
    workers: &Workers<'_>,
) -> Result<Vec<u8>> {
    let rows = (codes.len() / stride) as u64;
    let parts = workers.map(
        "thresholds",
        codes.chunks(BLOCK * stride).collect(),
        || (),
        |_, codes: &[u8], ()| {
            let mut sums = vec![0u64; dimension];
            for row in codes.chunks_exact(stride) {
                for (sum, &code) in sums.iter_mut().zip(row) {
                    *sum += u64::from(code);
                }
            }
            Ok(sums)
        },
    )?;
    let mut sums = vec![0u64; dimension];
    for part in parts {
        for (sum, part) in sums.iter_mut().zip(part) {
            *sum += part;
        }
    }
    let mean = |sum: u64| match rows {
        0 => ZERO as u8,
        rows => ((2 * sum + rows) / (2 * rows)) as u8,
    };
    Ok(sums.into_iter().map(mean).collect())
}

/// [`Stored`], as it lies in a file.
#[derive(Clone, Copy)]
pub(super) struct Bits<'a> {
    pub(super) thresholds: &'a [u8],
    pub(super) bits: &'a [u64],
    pub(super) scales: &'a [f32],
    pub(super) offsets: &'a [f32],
}

/// Buffers of a scan.
#[derive(Default)]
pub(super) struct Buffers {
    query: BitQuery,
    dots: Vec<i32>,
    keys: Vec<i32>,
    ids: Vec<u32>,
    best: TopK,
    found: Vec<u32>,
}

/// The order of `f32` as an order of `i32`.
fn ordered(value: f32) -> i32 {
    (hnsw::ordered(value) ^ 1 << 31) as i32
}

/// How estimates come from counts.
struct Estimate {
    /// The sum of the query's levels.
    sum: i32,
    /// What one level stands for.
    step: f32,
}

impl Estimate {
    /// Sets the query's levels.
    fn set(bits: &Bits<'_>, asked: &Asked, row_step: f32, query: &mut BitQuery) -> Self {
        let apart = |(&value, &threshold): (&f32, &u8)| {
            f64::from(value) / f64::from(row_step) - f64::from(i32::from(threshold) - ZERO)
        };
        let values = || asked.relative().iter().zip(bits.thresholds).map(apart);
        let most = values().fold(0f64, |most, value| most.max(value.abs()));
        let step = if most > 0.0 { most / MOST_LEVEL } else { 1.0 };
        let level = |value: f64| libm::rint(value / step) as i8;
        let levels: Vec<i8> = values().map(level).collect();
        query.set(&levels);
        Self {
            sum: levels.iter().map(|&level| i32::from(level)).sum(),
            step: step.min(MOST_STEP) as f32,
        }
    }

    /// The key of a row: larger is nearer.
    #[inline(always)]
    fn key(&self, dot: i32, scale: f32, offset: f32) -> i32 {
        let signed = 2 * dot - self.sum;
        ordered(scale * (signed as f32 * self.step) + offset)
    }
}

/// The `wanted` rows that seem nearest, the nearest first; `allowed` are the rows that may match.
pub(super) fn scan<'b>(
    view: &View<'_>,
    bits: &Bits<'_>,
    asked: &Asked,
    allowed: Option<&BitSet>,
    wanted: usize,
    buffers: &'b mut Buffers,
) -> &'b [u32] {
    let Buffers {
        query,
        dots,
        keys,
        ids,
        best,
        found,
    } = buffers;
    let estimate = Estimate::set(bits, asked, view.scale.step, query);
    best.reset(wanted);
    match allowed {
        Some(allowed) if allowed.count() < view.rows / SPARSE => {
            let mut rows = allowed.iter().take_while(|&row| row < view.rows);
            loop {
                ids.clear();
                ids.extend(rows.by_ref().take(BLOCK).map(|row| row as u32));
                if ids.is_empty() {
                    break;
                }
                dots.clear();
                dots.resize(ids.len(), 0);
                bit_dots(query, bits.bits, ids, dots);
                for (&row, &dot) in ids.iter().zip(dots.iter()) {
                    let at = row as usize;
                    if let (Some(&scale), Some(&offset)) =
                        (bits.scales.get(at), bits.offsets.get(at))
                    {
                        let key = estimate.key(dot, scale, offset);
                        if key > best.threshold() {
                            best.push(row, key);
                        }
                    }
                }
            }
        }
        _ => {
            let words = words(BLOCK, view.dimension);
            let numbers = bits.scales.chunks(BLOCK).zip(bits.offsets.chunks(BLOCK));
            for (block, (groups, (scales, offsets))) in
                bits.bits.chunks(words).zip(numbers).enumerate()
            {
                dots.clear();
                dots.resize(scales.len(), 0);
                bit_dots_block(query, groups, dots);
                keys.clear();
                let numbers = scales.iter().zip(offsets).zip(dots.iter());
                keys.extend(numbers.map(|((&s, &o), &dot)| estimate.key(dot, s, o)));
                keep(block * BLOCK, keys, allowed, best);
            }
        }
    }
    found.clear();
    found.extend(best.finish().map(|(row, _)| row));
    found
}

/// Keeps what is above the threshold of a block's keys.
fn keep(first: usize, keys: &[i32], allowed: Option<&BitSet>, best: &mut TopK) {
    for (part, some) in keys.chunks(16).enumerate() {
        // Most parts have nothing: one comparison of vectors, without a branch for each row.
        let threshold = best.threshold();
        if !some.iter().fold(false, |any, &key| any | (key > threshold)) {
            continue;
        }
        for (at, &key) in some.iter().enumerate() {
            let row = first + part * 16 + at;
            if key > best.threshold() && allowed.is_none_or(|set| set.contains(row)) {
                best.push(row as u32, key);
            }
        }
    }
}

/// Those of some rows that the codes say are nearest, `wanted` of them, the nearest first.
pub(super) fn refine(
    view: &View<'_>,
    asked: &Asked,
    rows: &mut Vec<u32>,
    wanted: usize,
    buffers: &mut Buffers,
) {
    let Buffers { dots, best, .. } = buffers;
    rows.sort_unstable();
    dots.clear();
    dots.resize(rows.len(), 0);
    tastemaker_kernels::byte_dots(&asked.bytes, view.codes, rows, dots);
    best.reset(wanted);
    for (&row, &dot) in rows.iter().zip(dots.iter()) {
        let key = ordered(asked.estimate(view, dot, row));
        if key > best.threshold() {
            best.push(row, key);
        }
    }
    rows.clear();
    rows.extend(best.finish().map(|(row, _)| row));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_the_order_of_the_numbers() {
        let values = [f32::NEG_INFINITY, -2.5, -1e-40, 0.0, 1e-40, 3.0, f32::MAX];
        for pair in values.windows(2) {
            assert!(ordered(pair[0]) < ordered(pair[1]), "{pair:?}");
        }
    }
}
