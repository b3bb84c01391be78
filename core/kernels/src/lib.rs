//! The numerical kernels of tastemaker: the one crate where `unsafe` is normal.
//!
//! Every kernel is written once, over a **fixed number of lanes** (`lanes`), and compiled again
//! for each instruction set (`dispatch`). The lanes, their order and the tree that folds them
//! are part of the kernel's definition, and no kernel uses a fused multiply-add, so that the
//! result has the same bits on baseline x86-64, AVX2, AVX-512 and wasm, with or without SIMD.
//! Other processors run the portable copy. Lengths are checked once, at the door.
//!
//! | kernel | what it computes |
//! |---|---|
//! | [`dot`], [`dots`] | inner products of `f32` slices |
//! | [`add_scaled`] | `out += factor · x` |
//! | [`gram_tile`], [`matmul_tile`] | the two dense products of a Cholesky-QR step |
//! | [`solve_spd`] | a small symmetric positive definite system |
//! | [`add_row`] | one weighted graph row into integer accumulators |
//! | [`largest_and_descents`] | a check of sorted rows |
//! | [`prefetch`] | nothing: it asks for cache lines |
//! | [`scan_above_and_clear`] | accumulators above a threshold, and zeros left behind |

mod dense;
mod dispatch;
mod lanes;
mod solve;
mod sparse;

pub use dense::{TILE_COLUMNS, TILE_ROWS, add_scaled, dot, dots, gram_tile, matmul_tile};
pub use solve::{solve_spd, stride};
pub use sparse::{add_row, largest_and_descents, prefetch, scan_above_and_clear};
