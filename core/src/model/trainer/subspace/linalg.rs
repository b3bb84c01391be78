//! Cholesky-QR of a tall matrix, the same bits at any number of threads.
//!
//! `C = XᵀX` is summed in blocks of rows whose size depends on the shape only; the blocks are
//! `f32` inside and joined in `f64`, in order. `C = LLᵀ`, and `X ← X·L^-ᵀ`.

use super::STAGE;
use crate::error::Result;
use crate::parallel::Workers;
use tastemaker_kernels::{TILE_COLUMNS, TILE_ROWS, gram_tile, matmul_tile};

/// Rows that are summed in `f32` before they are joined in `f64`; they fit the L2 cache.
const ROWS_A_TILE: usize = 128;
/// At most this many partial sums, so that they stay small for many rows.
const PARTIALS: usize = 32;
/// Products up to which `C` is summed in `f64` throughout: small data, where every direction
/// counts and the time does not.
const SMALL: usize = 50_000_000;
/// A direction whose squared length falls below this share of its column's is noise, and is
/// dropped: where `C` was summed in `f32` tiles, and where it was not.
const NOISE: f64 = 1e-5;
const NOISE_SMALL: f64 = 1e-11;

/// Makes the columns of `x` (row-major, `columns` wide) orthonormal; dependent ones become zero.
pub(super) fn orthonormalise(x: &mut [f32], columns: usize, workers: &Workers<'_>) -> Result<()> {
    if columns == 0 || x.is_empty() {
        return Ok(());
    }
    let small = (x.len() / columns).saturating_mul(columns * columns) <= SMALL;
    let inverse = if small {
        inverse_factor(gram_small(x, columns), columns, NOISE_SMALL)
    } else {
        inverse_factor(gram(x, columns, workers)?, columns, NOISE)
    };
    times(x, columns, &pack(&inverse, columns, false), workers)
}

/// `S`, upper triangular and row-major, such that `Sᵀ (XᵀX + shift · I) S = I`.
pub(in super::super) fn whitener(
    x: &[f32],
    columns: usize,
    shift: f64,
    workers: &Workers<'_>,
) -> Result<Vec<f64>> {
    let small = (x.len() / columns.max(1)).saturating_mul(columns * columns) <= SMALL;
    let mut c = if small {
        gram_small(x, columns)
    } else {
        gram(x, columns, workers)?
    };
    for i in 0..columns {
        if let Some(value) = c.get_mut(i * columns + i) {
            *value += shift;
        }
    }
    Ok(inverse_factor(c, columns, 0.0))
}

/// `X ← X · S`, or `X ← X · Sᵀ`.
pub(in super::super) fn transform(
    x: &mut [f32],
    columns: usize,
    s: &[f64],
    transposed: bool,
    workers: &Workers<'_>,
) -> Result<()> {
    if columns == 0 || x.is_empty() {
        return Ok(());
    }
    let packed = if transposed {
        let mut turned = vec![0f64; columns * columns];
        for (i, row) in s.chunks_exact(columns).enumerate() {
            for (target, &value) in turned.chunks_exact_mut(columns).zip(row) {
                if let Some(to) = target.get_mut(i) {
                    *to = value;
                }
            }
        }
        pack(&turned, columns, true)
    } else {
        pack(s, columns, false)
    };
    times(x, columns, &packed, workers)
}

/// `X ← X · S` for a packed `S`.
fn times(x: &mut [f32], columns: usize, packed: &[Vec<f32>], workers: &Workers<'_>) -> Result<()> {
    workers.fill(STAGE, x, ROWS_A_TILE * columns, |_, part| {
        let mut result = vec![0f32; TILE_ROWS * columns];
        for rows in part.chunks_mut(TILE_ROWS * columns) {
            for (block, right) in packed.iter().enumerate() {
                let first = block * TILE_COLUMNS;
                let tile = matmul_tile(rows, columns, right, right.len() / TILE_COLUMNS);
                for (target, values) in result.chunks_exact_mut(columns).zip(&tile) {
                    for (to, from) in target.iter_mut().skip(first).zip(values) {
                        *to = *from;
                    }
                }
            }
            let len = rows.len();
            rows.copy_from_slice(result.get(..len).unwrap_or(&[]));
        }
        Ok(())
    })
}

/// `XᵀX`: the upper triangle, row-major, in `f64`.
fn gram_small(x: &[f32], columns: usize) -> Vec<f64> {
    let mut sum = vec![0f64; columns * columns];
    for row in x.chunks_exact(columns) {
        for (i, (target, &a)) in sum.chunks_exact_mut(columns).zip(row).enumerate() {
            for (to, &b) in target.iter_mut().zip(row).skip(i) {
                *to += f64::from(a) * f64::from(b);
            }
        }
    }
    sum
}

/// `XᵀX`: the upper triangle, row-major, in tiles.
fn gram(x: &[f32], columns: usize, workers: &Workers<'_>) -> Result<Vec<f64>> {
    let rows = x.len() / columns;
    let block = rows
        .div_ceil(PARTIALS)
        .max(4096)
        .next_multiple_of(ROWS_A_TILE);
    let tasks: Vec<&[f32]> = x.chunks(block * columns).collect();
    let partials = workers.map(
        STAGE,
        tasks,
        || (),
        |_, part, ()| {
            let mut sum = vec![0f64; columns * columns];
            for rows in part.chunks(ROWS_A_TILE * columns) {
                for i in (0..columns).step_by(TILE_ROWS) {
                    for j in (i / TILE_COLUMNS * TILE_COLUMNS..columns).step_by(TILE_COLUMNS) {
                        let tile = gram_tile(rows, columns, i, j);
                        for (target, values) in sum.chunks_exact_mut(columns).skip(i).zip(&tile) {
                            for (to, from) in target.iter_mut().skip(j).zip(values) {
                                *to += f64::from(*from);
                            }
                        }
                    }
                }
            }
            Ok(sum)
        },
    )?;
    let mut parts = partials.into_iter();
    let mut total = parts.next().unwrap_or_else(|| vec![0.0; columns * columns]);
    for part in parts {
        for (to, from) in total.iter_mut().zip(&part) {
            *to += from;
        }
    }
    Ok(total)
}

/// The inverse of the upper factor `U` of `C = UᵀU`, upper triangular, row-major. A dependent
/// column gets a zero row and column.
fn inverse_factor(mut c: Vec<f64>, n: usize, noise: f64) -> Vec<f64> {
    let diagonal: Vec<f64> = (0..n)
        .map(|i| c.get(i * n + i).copied().unwrap_or(0.0))
        .collect();
    // Right-looking Cholesky on the upper triangle: row p is scaled, then taken out of the rest.
    for p in 0..n {
        let (head, tail) = c.split_at_mut((p + 1) * n);
        let Some(row) = head.get_mut(p * n..) else {
            continue;
        };
        let pivot = row.get(p).copied().unwrap_or(0.0);
        let whole = diagonal.get(p).copied().unwrap_or(0.0);
        let scale = if pivot > whole * noise && pivot > 0.0 {
            1.0 / pivot.sqrt()
        } else {
            0.0
        };
        for value in row.iter_mut().skip(p) {
            *value *= scale;
        }
        for (q, target) in tail.chunks_exact_mut(n).enumerate() {
            let q = p + 1 + q;
            let factor = row.get(q).copied().unwrap_or(0.0);
            if factor != 0.0 {
                for (to, from) in target.iter_mut().zip(row.iter()).skip(q) {
                    *to -= factor * from;
                }
            }
        }
    }
    // Back substitution, a row at a time from the last: V = U^-1, upper triangular.
    let mut inverse = vec![0f64; n * n];
    for i in (0..n).rev() {
        let pivot = c.get(i * n + i).copied().unwrap_or(0.0);
        if pivot <= 0.0 {
            continue;
        }
        let (head, tail) = inverse.split_at_mut((i + 1) * n);
        let Some(row) = head.get_mut(i * n..) else {
            continue;
        };
        if let Some(one) = row.get_mut(i) {
            *one = 1.0;
        }
        for (l, below) in tail.chunks_exact(n).enumerate() {
            let l = i + 1 + l;
            let factor = c.get(i * n + l).copied().unwrap_or(0.0);
            if factor != 0.0 {
                for (to, from) in row.iter_mut().zip(below).skip(l) {
                    *to -= factor * from;
                }
            }
        }
        for value in row.iter_mut() {
            *value /= pivot;
        }
    }
    inverse
}

/// A factor in blocks of [`TILE_COLUMNS`] columns, each cut below its last row that is not zero
/// in an upper triangle, unless it is `full`.
fn pack(factor: &[f64], n: usize, full: bool) -> Vec<Vec<f32>> {
    (0..n)
        .step_by(TILE_COLUMNS)
        .map(|first| {
            let depth = if full { n } else { n.min(first + TILE_COLUMNS) };
            let mut block = vec![0f32; depth * TILE_COLUMNS];
            for (target, row) in block
                .chunks_exact_mut(TILE_COLUMNS)
                .zip(factor.chunks_exact(n))
            {
                for (to, from) in target.iter_mut().zip(row.iter().skip(first)) {
                    *to = *from as f32;
                }
            }
            block
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::Control;

    fn random(rows: usize, columns: usize) -> Vec<f32> {
        let mut state = 7u32;
        (0..rows * columns)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) as f32 / 8_388_608.0 - 1.0
            })
            .collect()
    }

    fn orthonormal(x: &[f32], columns: usize) -> f64 {
        let mut worst = 0f64;
        for a in 0..columns {
            for b in 0..columns {
                let product: f64 = x
                    .chunks_exact(columns)
                    .map(|r| f64::from(r[a]) * f64::from(r[b]))
                    .sum();
                let expected = if a == b { 1.0 } else { 0.0 };
                worst = worst.max((product - expected).abs());
            }
        }
        worst
    }

    #[test]
    fn columns_become_orthonormal_and_span_the_same_space() {
        let control = Control::new();
        for (rows, columns) in [(200, 7), (300, 40), (9000, 70), (40_000, 70), (70, 64)] {
            let workers = Workers {
                threads: 1,
                control: &control,
            };
            let original = random(rows, columns);
            let mut x = original.clone();
            orthonormalise(&mut x, columns, &workers).unwrap();
            let tolerance = 1e-4;
            assert!(
                orthonormal(&x, columns) < tolerance,
                "{rows} {columns} {}",
                orthonormal(&x, columns)
            );
            // A column of the original equals its own projection on the new ones.
            let column: Vec<f64> = original
                .chunks_exact(columns)
                .map(|r| f64::from(r[0]))
                .collect();
            let mut rest = column.clone();
            for c in 0..columns {
                let part: f64 = x
                    .chunks_exact(columns)
                    .zip(&column)
                    .map(|(r, v)| f64::from(r[c]) * v)
                    .sum();
                for (v, r) in rest.iter_mut().zip(x.chunks_exact(columns)) {
                    *v -= part * f64::from(r[c]);
                }
            }
            let left: f64 =
                rest.iter().map(|v| v * v).sum::<f64>() / column.iter().map(|v| v * v).sum::<f64>();
            assert!(left < 1e-4, "{rows} {columns} {left}");
            for threads in [2, 5] {
                let mut again = original.clone();
                orthonormalise(
                    &mut again,
                    columns,
                    &Workers {
                        threads,
                        control: &control,
                    },
                )
                .unwrap();
                assert!(
                    again
                        .iter()
                        .zip(&x)
                        .all(|(a, b)| a.to_bits() == b.to_bits())
                );
            }
        }
    }

    #[test]
    fn dependent_columns_become_zero() {
        let mut x = random(100, 4);
        for row in x.chunks_exact_mut(4) {
            row[2] = row[0] - 2.0 * row[1];
        }
        let control = Control::new();
        orthonormalise(
            &mut x,
            4,
            &Workers {
                threads: 1,
                control: &control,
            },
        )
        .unwrap();
        assert!(x.chunks_exact(4).all(|r| r[2] == 0.0));
        let norms: Vec<f64> = (0..4)
            .map(|c| {
                x.chunks_exact(4)
                    .map(|r| f64::from(r[c]) * f64::from(r[c]))
                    .sum()
            })
            .collect();
        assert!((norms[3] - 1.0).abs() < 1e-4);
    }
}
