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
//! | [`dot`], [`dots`], [`dots_block`] | inner products of `f32` slices |
//! | [`squared_distance`], [`squared_distances`], [`squared_distances_block`] | squared Euclidean distances |
//! | [`add_scaled`] | `out += factor · x` |
//! | [`gram_tile`], [`matmul_tile`] | the two dense products of a Cholesky-QR step |
//! | [`common_sums`] | what rows that columns have in common weigh |
//! | [`short_dots`] | inner products of `i16` slices, exact |
//! | [`byte_dots`], [`byte_dots_asked`], [`byte_dots_block`], [`byte_dots_batch`] | inner products of bytes, exact |
//! | [`widen_halves`], [`narrow_halves`], [`half_dots`] | half floats |
//! | [`above`] | which integers are above a threshold |
//! | [`bit_dots_block`], [`bit_dots`], [`bit_row_dots`] | a query of four bits a value with rows of single bits |
//! | [`solve_spd`] | a small symmetric positive definite system |
//! | [`largest_and_descents`] | a check of sorted rows |
//! | [`prefetch`] | nothing: it asks for cache lines |
//! | [`Sums`] | weighted graph rows added up by item, and the sums above a threshold |

mod bits;
mod bytes;
mod codes;
mod dense;
mod dispatch;
mod floats;
mod halves;
mod integers;
mod lanes;
mod masks;
mod rows;
mod scan;
mod shorts;
mod solve;
mod sparse;
mod sums;

pub use bits::{
    BIT_LANES, BitQuery, BitRows, bit_dots, bit_dots_block, bit_row_dots, bit_words, set_bit,
};
pub use bytes::{
    ByteQuery, ByteRows, MOST_BYTE_QUERIES, MOST_BYTES, byte_dots, byte_dots_asked,
    byte_dots_batch, byte_dots_block, byte_stride,
};
pub use dense::{TILE_COLUMNS, TILE_ROWS, add_scaled, dot, dots, gram_tile, matmul_tile};
pub use floats::{dots_block, squared_distance, squared_distances, squared_distances_block};
pub use halves::{half_dots, narrow_halves, widen_halves};
pub use masks::common_sums;
pub use rows::{Ids, Rows};
pub use scan::above;
pub use shorts::short_dots;
pub use solve::{solve_spd, stride};
pub use sparse::{largest_and_descents, prefetch};
pub use sums::Sums;
