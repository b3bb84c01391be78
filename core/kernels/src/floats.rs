//! Products and squared distances of `f32` vectors, one query with many rows.
//!
//! As in [`crate::dot`], value `i` goes to partial sum `i mod 16` and the sixteen are folded as
//! a binary tree, so that the result for a row does not depend on how it was asked for: alone,
//! gathered by number, or in a block.

use crate::dense::padded;
use crate::dispatch::multiversion;
use crate::lanes::{Isa, LANES};

/// Rows whose sums, and cache misses, overlap.
const TOGETHER: usize = 4;

/// What is added up for a pair of values.
trait Term {
    fn of<I: Isa>(isa: I, a: I::V, b: I::V) -> I::V;
}

struct Product;

impl Term for Product {
    #[inline(always)]
    fn of<I: Isa>(isa: I, a: I::V, b: I::V) -> I::V {
        isa.mul(a, b)
    }
}

struct SquaredDifference;

impl Term for SquaredDifference {
    #[inline(always)]
    fn of<I: Isa>(isa: I, a: I::V, b: I::V) -> I::V {
        let difference = isa.sub(a, b);
        isa.mul(difference, difference)
    }
}

/// The sums of four rows. Rows that are not as wide as the query give 0.
#[inline(always)]
fn four<T: Term, I: Isa>(isa: I, query: &[f32], rows: [&[f32]; TOGETHER]) -> [f32; TOGETHER] {
    let mut sums = [isa.splat(0.0); TOGETHER];
    let width = query.len();
    let (whole, rest) = query.as_chunks::<LANES>();
    for (sum, row) in sums.iter_mut().zip(rows) {
        if row.len() == width {
            let (own, own_rest) = row.as_chunks::<LANES>();
            for (q, x) in whole.iter().zip(own) {
                *sum = isa.add(*sum, T::of(isa, isa.load(q), isa.load(x)));
            }
            if !rest.is_empty() {
                let (q, x) = (isa.load(&padded(rest)), isa.load(&padded(own_rest)));
                *sum = isa.add(*sum, T::of(isa, q, x));
            }
        }
    }
    isa.fold_four(sums)
}

#[inline(always)]
fn row_of(matrix: &[f32], width: usize, row: usize) -> &[f32] {
    let start = row.saturating_mul(width);
    matrix
        .get(start..start.saturating_add(width))
        .unwrap_or(&[])
}

#[inline(always)]
fn gathered<T: Term, I: Isa>(isa: I, query: &[f32], matrix: &[f32], ids: &[u32], out: &mut [f32]) {
    for (ids, out) in ids.chunks(TOGETHER).zip(out.chunks_mut(TOGETHER)) {
        let mut rows: [&[f32]; TOGETHER] = [&[]; TOGETHER];
        for (row, &id) in rows.iter_mut().zip(ids) {
            *row = row_of(matrix, query.len(), id as usize);
        }
        let sums = four::<T, I>(isa, query, rows);
        for (to, sum) in out.iter_mut().zip(sums) {
            *to = sum;
        }
    }
}

#[inline(always)]
fn in_block<T: Term, I: Isa>(isa: I, query: &[f32], block: &[f32], out: &mut [f32]) {
    for (n, out) in out.chunks_mut(TOGETHER).enumerate() {
        let mut rows: [&[f32]; TOGETHER] = [&[]; TOGETHER];
        for (i, row) in rows.iter_mut().enumerate() {
            *row = row_of(block, query.len(), TOGETHER * n + i);
        }
        let sums = four::<T, I>(isa, query, rows);
        for (to, sum) in out.iter_mut().zip(sums) {
            *to = sum;
        }
    }
}

multiversion! {
    /// `out[n] = dot(query, row n of block)`, with the bits of [`crate::dot`], for a row-major
    /// block as wide as `query`. Rows outside the block give 0.
    pub fn dots_block[isa](query: &[f32], block: &[f32], out: &mut [f32]) {
        in_block::<Product, _>(isa, query, block, out);
    }
}

multiversion! {
    /// The squared Euclidean distance of `a` and `b`, over the shorter of the two lengths, in
    /// the order of [`crate::dot`].
    ///
    /// ```
    /// assert_eq!(tastemaker_kernels::squared_distance(&[1.0, 2.0], &[4.0, -2.0]), 25.0);
    /// ```
    pub fn squared_distance[isa](a: &[f32], b: &[f32]) -> f32 {
        let len = a.len().min(b.len());
        let mut sum = isa.splat(0.0);
        for (x, y) in a[..len].chunks(LANES).zip(b[..len].chunks(LANES)) {
            let (x, y) = (isa.load(&padded(x)), isa.load(&padded(y)));
            sum = isa.add(sum, SquaredDifference::of(isa, x, y));
        }
        isa.fold(sum)
    }
}

multiversion! {
    /// `out[n] = squared_distance(query, row ids[n] of matrix)`, with its bits, for a row-major
    /// matrix as wide as `query`. Rows outside the matrix give 0.
    pub fn squared_distances[isa](query: &[f32], matrix: &[f32], ids: &[u32], out: &mut [f32]) {
        gathered::<SquaredDifference, _>(isa, query, matrix, ids, out);
    }
}

multiversion! {
    /// `out[n] = squared_distance(query, row n of block)`: [`squared_distances`] for rows that
    /// lie one after the other.
    pub fn squared_distances_block[isa](query: &[f32], block: &[f32], out: &mut [f32]) {
        in_block::<SquaredDifference, _>(isa, query, block, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(len: usize, seed: u32) -> Vec<f32> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / 8_388_608.0 - 1.0
        };
        (0..len).map(|_| next()).collect()
    }

    /// The definition, step by step.
    fn defined(terms: impl Iterator<Item = f32>) -> u32 {
        let mut lanes = [0f32; LANES];
        for (i, term) in terms.enumerate() {
            lanes[i % LANES] += term;
        }
        let eight: Vec<f32> = (0..8).map(|i| lanes[i] + lanes[i + 8]).collect();
        let four: Vec<f32> = (0..4).map(|i| eight[i] + eight[i + 4]).collect();
        ((four[0] + four[2]) + (four[1] + four[3])).to_bits()
    }

    fn squared(a: &[f32], b: &[f32]) -> u32 {
        defined(a.iter().zip(b).map(|(x, y)| (x - y) * (x - y)))
    }

    const WIDTHS: [usize; 7] = [1, 15, 16, 17, 50, 128, 200];

    #[test]
    fn every_copy_has_the_bits_of_the_definition() {
        for width in WIDTHS {
            let (query, matrix) = (values(width, 1), values(9 * width, 2));
            let row = |id: u32| row_of(&matrix, width, id as usize);
            let ids = [3u32, 0, 8, 8, 1, 77, 2];
            let expected = ids.map(|id| {
                if row(id).is_empty() {
                    0
                } else {
                    squared(&query, row(id))
                }
            });
            for copy in [
                squared_distances,
                squared_distances::portable,
                squared_distances::narrow,
            ] {
                let mut out = [9f32; 7];
                copy(&query, &matrix, &ids, &mut out);
                assert_eq!(out.map(f32::to_bits), expected, "width {width}");
            }
            for copy in [
                squared_distance,
                squared_distance::portable,
                squared_distance::narrow,
            ] {
                assert_eq!(copy(&query, row(3)).to_bits(), expected[0], "width {width}");
            }
        }
    }

    #[test]
    fn blocks_are_their_rows() {
        for width in WIDTHS {
            let (query, block) = (values(width, 3), values(9 * width, 4));
            let rows = || block.chunks(width);
            let mut dots: Vec<u32> = rows()
                .map(|row| defined(query.iter().zip(row).map(|(x, y)| x * y)))
                .collect();
            let mut distances: Vec<u32> = rows().map(|row| squared(&query, row)).collect();
            dots.push(0);
            distances.push(0);
            let bits = |out: [f32; 10]| out.map(f32::to_bits).to_vec();
            for copy in [dots_block, dots_block::portable, dots_block::narrow] {
                let mut out = [9f32; 10];
                copy(&query, &block, &mut out);
                assert_eq!(bits(out), dots, "width {width}");
            }
            for copy in [
                squared_distances_block,
                squared_distances_block::portable,
                squared_distances_block::narrow,
            ] {
                let mut out = [9f32; 10];
                copy(&query, &block, &mut out);
                assert_eq!(bits(out), distances, "width {width}");
            }
        }
    }

    #[test]
    fn an_empty_query_has_no_distance() {
        let mut out = [9f32; 2];
        squared_distances(&[], &[], &[0, 1], &mut out);
        assert_eq!(out, [0.0, 0.0]);
        dots_block(&[], &[1.0], &mut out);
        assert_eq!(out, [0.0, 0.0]);
        assert_eq!(squared_distance(&[1.0, 5.0], &[3.0]), 4.0);
    }
}
