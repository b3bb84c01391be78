//! The vectors of the items in a subspace, as products of two of them need them.
//!
//! What fits the cache is kept as `f32`. Beyond, a vector is kept as `i16` values times its own
//! scale, with a length of almost 2¹⁵: half the memory, which is what the time of the products
//! depends on, and exact sums. Rounding moves a product by about 10⁻⁵ of the two lengths.

use super::{OVERSAMPLING, STAGE, Wish, leading};
use crate::error::Result;
use crate::model::state::Packed;
use crate::model::trainer::pairs::Degrees;
use crate::parallel::Workers;
use crate::train::Matrix;
use tastemaker_kernels::{dot, dots, short_dots};

/// Values up to which they are kept as they are.
const SMALL: usize = 1 << 18;
/// The length of a rounded vector. Rounding can add half a unit to each value; the product of
/// two lengths stays far below 2³¹.
const LENGTH: f32 = 32_000.0;
/// Values in a row are a multiple of this.
const WIDE: usize = 32;
/// Rows that one task rounds.
const ROWS_A_TASK: usize = 1024;
/// Added and taken away again, it rounds what is small against it to whole numbers, half to even.
const ROUND: f32 = 12_582_912.0;

/// Vectors of the items, row-major.
pub(crate) struct Basis {
    pub(crate) wish: Wish,
    /// The length of the vectors.
    pub(crate) rank: usize,
    /// Values in a row.
    width: usize,
    values: Values,
}

enum Values {
    Exact(Vec<f32>),
    Rounded {
        values: Vec<i16>,
        /// By item; 0 where there is no vector.
        scales: Vec<f32>,
    },
    /// As a snapshot keeps them, for the few products of an update.
    Bytes(Packed),
}

/// What a thread needs.
#[derive(Default)]
pub(in super::super) struct Products(Vec<i32>);

impl Basis {
    /// An orthonormal basis of the subspace.
    pub(in super::super) fn find(
        matrix: &Matrix,
        degrees: &Degrees,
        wish: Wish,
        workers: &Workers<'_>,
    ) -> Result<Self> {
        // There are no more directions than users; a few columns more than directions make sure
        // that none is missed.
        let rank = wish
            .rank
            .min(matrix.items())
            .min(matrix.users() + OVERSAMPLING);
        let values = if rank > 0 && matrix.users() > 0 {
            leading(matrix, degrees, rank, wish.iterations, wish.seed, workers)?
        } else {
            Vec::new()
        };
        Self::keep(wish, values, rank, workers)
    }

    /// A basis that was found elsewhere.
    pub(in super::super) fn of(
        values: Vec<f32>,
        rank: usize,
        workers: &Workers<'_>,
    ) -> Result<Self> {
        let wish = Wish {
            rank,
            iterations: 0,
            seed: 0,
        };
        Self::keep(wish, values, rank, workers)
    }

    /// A basis that a snapshot kept.
    pub(crate) fn kept(packed: Packed, seed: u64) -> Self {
        let wish = Wish {
            rank: packed.wish,
            iterations: packed.iterations,
            seed,
        };
        Self {
            wish,
            rank: packed.rank,
            width: packed.rank,
            values: Values::Bytes(packed),
        }
    }

    /// The basis as a snapshot keeps it.
    pub(crate) fn pack(self, items: usize) -> Packed {
        let mut packed = Packed::new(self.rank, self.wish.rank, self.wish.iterations);
        if let Values::Bytes(kept) = self.values {
            return kept;
        }
        let mut vector = Vec::new();
        for item in 0..items as u32 {
            vector.clear();
            self.unpack(item, &mut vector);
            packed.push(&vector);
        }
        packed
    }

    /// Appends the vector of an item; zeros if there is none.
    fn unpack(&self, item: u32, out: &mut Vec<f32>) {
        let start = item as usize * self.width;
        let row = start..start + self.rank;
        let end = out.len() + self.rank;
        match &self.values {
            Values::Exact(values) => out.extend_from_slice(values.get(row).unwrap_or(&[])),
            Values::Rounded { values, scales } => {
                let scale = scales.get(item as usize).copied().unwrap_or(0.0);
                let row = values.get(row).unwrap_or(&[]);
                out.extend(row.iter().map(|&v| f32::from(v) * scale));
            }
            Values::Bytes(packed) => {
                let (row, scale) = packed.row(item);
                out.extend(row.iter().map(|&v| f32::from(v) * scale));
            }
        }
        out.resize(end, 0.0);
    }

    /// The weighted mean of the vectors of some items, as long as they are in the mean: where an
    /// item stands that the basis does not know.
    pub(in super::super) fn place(&self, others: &[(u32, f32)]) -> Vec<f32> {
        let (mut mean, mut vector) = (vec![0f32; self.rank], Vec::new());
        let (mut total, mut length) = (0f64, 0f64);
        for &(other, weight) in others {
            vector.clear();
            self.unpack(other, &mut vector);
            tastemaker_kernels::add_scaled(&mut mean, &vector, weight);
            total += f64::from(weight);
            length += f64::from(weight) * f64::from(dot(&vector, &vector)).sqrt();
        }
        let scale = length / (total * f64::from(dot(&mean, &mean)).sqrt());
        let scale = if scale.is_finite() { scale as f32 } else { 0.0 };
        for value in &mut mean {
            *value *= scale;
        }
        mean
    }

    /// Replaces the vector of an item.
    pub(in super::super) fn set(&mut self, item: u32, vector: &[f32]) {
        let start = item as usize * self.width;
        let row = start..start + self.width;
        match &mut self.values {
            Values::Exact(values) => {
                if let Some(row) = values.get_mut(row).filter(|r| r.len() == vector.len()) {
                    row.copy_from_slice(vector);
                }
            }
            Values::Rounded { values, scales } => {
                let at = scales.get_mut(item as usize);
                if let (Some(scale), Some(row)) = (at, values.get_mut(row)) {
                    *scale = scale_of(vector);
                    round_row(vector, *scale, row);
                }
            }
            Values::Bytes(packed) => packed.set(item, vector),
        }
    }

    fn keep(wish: Wish, values: Vec<f32>, rank: usize, workers: &Workers<'_>) -> Result<Self> {
        if values.len() > SMALL {
            return Self::round(wish, &values, rank, workers);
        }
        Ok(Self {
            wish,
            rank,
            width: rank,
            values: Values::Exact(values),
        })
    }

    fn round(wish: Wish, from: &[f32], rank: usize, workers: &Workers<'_>) -> Result<Self> {
        let width = rank.next_multiple_of(WIDE);
        let items = from.len().checked_div(rank).unwrap_or(0);
        let mut scales = vec![0f32; items];
        for (scale, row) in scales.iter_mut().zip(from.chunks_exact(rank.max(1))) {
            *scale = scale_of(row);
        }
        let mut values = vec![0i16; items * width];
        let quiet = workers.control.quiet();
        let quiet = Workers {
            threads: workers.threads,
            control: &quiet,
        };
        quiet.fill(STAGE, &mut values, ROWS_A_TASK * width, |task, part| {
            let first = task * ROWS_A_TASK;
            let rows = from.chunks_exact(rank.max(1)).zip(&scales).skip(first);
            for (to, (row, &scale)) in part.chunks_exact_mut(width.max(1)).zip(rows) {
                round_row(row, scale, to);
            }
            Ok(())
        })?;
        Ok(Self {
            wish,
            rank,
            width,
            values: Values::Rounded { values, scales },
        })
    }

    /// `q_i · q_j` of `item` with each of `others`; zeros without a subspace.
    pub(in super::super) fn products(
        &self,
        item: u32,
        others: &[u32],
        scratch: &mut Products,
        out: &mut Vec<f32>,
    ) {
        out.clear();
        out.resize(others.len(), 0.0);
        let start = item as usize * self.width;
        let row = start..start + self.width;
        match &self.values {
            Values::Exact(values) => {
                let vector = values.get(row).unwrap_or(&[]);
                if !vector.is_empty() {
                    dots(vector, values, others, out);
                }
            }
            Values::Bytes(packed) => {
                let (own, scale) = packed.row(item);
                for (to, &other) in out.iter_mut().zip(others) {
                    let (row, there) = packed.row(other);
                    let products = own
                        .iter()
                        .zip(row)
                        .map(|(&a, &b)| i32::from(a) * i32::from(b));
                    *to = products.sum::<i32>() as f32 * (scale * there);
                }
            }
            Values::Rounded { values, scales } => {
                let sums = &mut scratch.0;
                sums.clear();
                sums.resize(others.len(), 0);
                short_dots(values.get(row).unwrap_or(&[]), values, others, sums);
                let scale = |item: u32| scales.get(item as usize).copied().unwrap_or(0.0);
                let own = scale(item);
                for ((to, &sum), &other) in out.iter_mut().zip(sums.iter()).zip(others) {
                    *to = sum as f32 * (own * scale(other));
                }
            }
        }
    }
}

/// What a value of 1 stands for in a rounded vector.
fn scale_of(vector: &[f32]) -> f32 {
    let length = dot(vector, vector).sqrt();
    if length.is_normal() {
        length / LENGTH
    } else {
        0.0
    }
}

fn round_row(vector: &[f32], scale: f32, out: &mut [i16]) {
    out.fill(0);
    if scale > 0.0 {
        let factor = 1.0 / scale;
        for (to, from) in out.iter_mut().zip(vector) {
            *to = ((from * factor + ROUND) - ROUND) as i16;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::Control;

    #[test]
    fn products_are_those_of_the_vectors() {
        let control = Control::new();
        let workers = Workers {
            threads: 1,
            control: &control,
        };
        for rank in [1, 31, 32, 33, 256] {
            let mut values = super::super::start(40, rank, 3);
            // One direction only, lengths far apart, and nothing at all.
            for (at, value) in values.iter_mut().enumerate() {
                match at / rank {
                    3 | 4 if at % rank > 0 => *value = 0.0,
                    5 => *value *= 1e-12,
                    6 => *value *= 1e12,
                    7 => *value = 0.0,
                    8 => *value = f32::NAN,
                    _ => {}
                }
            }
            let wish = Basis::of(Vec::new(), 0, &workers).unwrap().wish;
            let basis = Basis::round(wish, &values, rank, &workers).unwrap();
            let all: Vec<u32> = (0..41).collect();
            let (mut scratch, mut out) = (Products::default(), Vec::new());
            for item in 0..40 {
                basis.products(item as u32, &all, &mut scratch, &mut out);
                for (other, found) in out.iter().enumerate() {
                    if [7, 8, 40].contains(&item) || [7, 8, 40].contains(&other) {
                        assert_eq!(found.to_bits(), 0);
                        continue;
                    }
                    let row = |item: usize| &values[item * rank..(item + 1) * rank];
                    let exact: f64 = row(item)
                        .iter()
                        .zip(row(other))
                        .map(|(&a, &b)| f64::from(a) * f64::from(b))
                        .sum();
                    let length = |item: usize| {
                        let square: f64 =
                            row(item).iter().map(|&v| f64::from(v) * f64::from(v)).sum();
                        square.sqrt()
                    };
                    let error = (f64::from(*found) - exact).abs();
                    let bound = 1e-4 * length(item) * length(other);
                    assert!(error <= bound, "{rank}: {item} {other}: {error} {bound}");
                }
            }
        }
        let nothing = Basis::of(Vec::new(), 0, &workers).unwrap();
        let mut out = vec![1.0];
        nothing.products(0, &[0, 1], &mut Products::default(), &mut out);
        assert_eq!(out, [0.0, 0.0]);
        let exact = Basis::of(vec![2.0, 1.0, 3.0, 0.5], 2, &workers).unwrap();
        exact.products(1, &[0, 1, 2], &mut Products::default(), &mut out);
        assert_eq!(out, [6.5, 9.25, 0.0]);
    }
}
