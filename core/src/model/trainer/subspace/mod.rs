//! The leading right singular subspace of `R̃`, by randomised subspace iteration.
//!
//! Halko, Martinsson and Tropp, "Finding structure with randomness", SIAM Review 2011: start
//! from random signs, multiply by `G = R̃ᵀR̃`, orthonormalise, repeat. Only the projector on
//! the subspace is needed, so no eigenproblem is solved.

mod basis;
pub(super) mod linalg;

pub(crate) use basis::Basis;
pub(super) use basis::Products;

use super::pairs::Degrees;
use crate::error::Result;
use crate::parallel::Workers;
use crate::train::Matrix;

/// Columns that are multiplied together: two slabs of them stay in the cache.
const SLAB: usize = 64;
/// The name of the stage in progress reports.
const STAGE: &str = "subspace";
/// Rows of a slab that one task fills.
const ROWS_A_TASK: usize = 512;

/// Columns beyond the number of directions that the data can have.
const OVERSAMPLING: usize = 8;

/// Which subspace.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wish {
    /// Dimension; none if 0.
    pub(crate) rank: usize,
    pub(crate) iterations: usize,
    pub(crate) seed: u64,
}

/// An orthonormal basis, row-major, `items × rank`. Directions that the data does not have are
/// zero columns.
fn leading(
    matrix: &Matrix,
    degrees: &Degrees,
    rank: usize,
    iterations: usize,
    seed: u64,
    workers: &Workers<'_>,
) -> Result<Vec<f32>> {
    // Many short loops make one stage; its progress is counted here and not in them.
    let quiet = workers.control.quiet();
    let quiet = Workers {
        threads: workers.threads,
        control: &quiet,
    };
    let total = (iterations * (rank.div_ceil(SLAB) + 1)) as u64;
    let mut done = 0;
    let mut step = || {
        done += 1;
        workers.control.report(STAGE, done, total);
    };
    let mut basis = start(matrix.items(), rank, seed);
    for _ in 0..iterations {
        multiply(matrix, degrees, &mut basis, rank, &quiet, &mut step)?;
        linalg::orthonormalise(&mut basis, rank, &quiet)?;
        step();
    }
    Ok(basis)
}

/// Where the iteration starts. Where the subspace may be the whole space, that is the unit
/// vectors, which lose nothing; else values in (−1, 1) by a hash of (seed, item, column), the
/// same in any order of filling. (Signs alone would be singular for a small rank too often.)
pub(super) fn start(items: usize, rank: usize, seed: u64) -> Vec<f32> {
    let mut out = vec![0f32; items * rank];
    for (item, row) in out.chunks_exact_mut(rank).enumerate() {
        for (column, value) in row.iter_mut().enumerate() {
            *value = if rank >= items {
                f32::from(u8::from(item == column))
            } else {
                let key = (item as u64) << 32 | column as u64;
                let bits = xxhash_rust::xxh3::xxh3_64_with_seed(&key.to_le_bytes(), seed);
                // The upper 24 bits, odd, so that the values are symmetric and never zero.
                ((bits >> 39) as f32 * 2.0 + 1.0) / 33_554_432.0 - 1.0
            };
        }
    }
    out
}

/// `basis ← G · basis`, slab by slab; `step` is called after each.
fn multiply(
    matrix: &Matrix,
    degrees: &Degrees,
    basis: &mut [f32],
    rank: usize,
    workers: &Workers<'_>,
    step: &mut impl FnMut(),
) -> Result<()> {
    let mut items = vec![0f32; matrix.items() * SLAB.min(rank)];
    let mut users = vec![0f32; matrix.users() * SLAB.min(rank)];
    for first in (0..rank).step_by(SLAB) {
        let width = SLAB.min(rank - first);
        let (Some(items), Some(users)) = (
            items.get_mut(..matrix.items() * width),
            users.get_mut(..matrix.users() * width),
        ) else {
            continue;
        };
        for (item, (slab, row)) in items
            .chunks_exact_mut(width)
            .zip(basis.chunks_exact(rank))
            .enumerate()
        {
            let scale = degrees.item_root_inverse(item as u32);
            for (to, from) in slab.iter_mut().zip(row.get(first..).unwrap_or(&[])) {
                *to = from * scale;
            }
        }
        let source: &[f32] = items;
        workers.fill(STAGE, users, ROWS_A_TASK * width, |task, part| {
            for (i, out) in part.chunks_exact_mut(width).enumerate() {
                let user = (task * ROWS_A_TASK + i) as u32;
                let (indices, values) = matrix.row(user);
                gather(
                    out,
                    source,
                    width,
                    indices,
                    values,
                    degrees.user_inverse(user),
                );
            }
            Ok(())
        })?;
        let source: &[f32] = users;
        workers.fill(STAGE, items, ROWS_A_TASK * width, |task, part| {
            for (i, out) in part.chunks_exact_mut(width).enumerate() {
                let item = (task * ROWS_A_TASK + i) as u32;
                let (indices, values) = matrix.column(item);
                gather(
                    out,
                    source,
                    width,
                    indices,
                    values,
                    degrees.item_root_inverse(item),
                );
            }
            Ok(())
        })?;
        for (slab, row) in items.chunks_exact(width).zip(basis.chunks_exact_mut(rank)) {
            if let Some(target) = row.get_mut(first..first + width) {
                target.copy_from_slice(slab);
            }
        }
        step();
    }
    Ok(())
}

/// `out = scale · Σ value · source[index]`, in the order of the indices.
fn gather(
    out: &mut [f32],
    source: &[f32],
    width: usize,
    indices: &[u32],
    values: &[f32],
    scale: f32,
) {
    out.fill(0.0);
    for (&index, &value) in indices.iter().zip(values) {
        let start = index as usize * width;
        if let Some(row) = source.get(start..start + width) {
            tastemaker_kernels::add_scaled(out, row, value);
        }
    }
    for value in out.iter_mut() {
        *value *= scale;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_is_balanced_and_depends_on_the_seed() {
        let a = start(500, 70, 0);
        assert_eq!(a.len(), 35_000);
        let sum: f32 = a.iter().sum();
        assert!(sum.abs() < 500.0, "{sum}");
        let squares: f32 = a.iter().map(|v| v * v).sum();
        assert!((squares / 35_000.0 - 1.0 / 3.0).abs() < 0.01);
        assert!(a.iter().all(|v| v.abs() < 1.0 && *v != 0.0));
        assert_ne!(a, start(500, 70, 1));
        assert_eq!(start(2, 2, 7), [1.0, 0.0, 0.0, 1.0]);
    }
}
