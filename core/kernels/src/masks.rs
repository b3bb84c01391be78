//! Sums over the rows that two columns of a sparse matrix have in common, for many columns.

use crate::dispatch::multiversion;
use crate::lanes::{Isa, LANES};

/// Words of a mask whose sums are kept in registers together.
const BLOCK: usize = 8;
/// Words of the longest masks.
const MOST_WORDS: usize = 1 << 16;

multiversion! {
    /// Which of some columns have rows in common with one more column, and how much these weigh.
    ///
    /// Every row has a mask of `words` words, sixteen places each; a set bit says that the
    /// column at this place has the row. For the column at hand, with the rows `rows` and a
    /// weight each, `out[p]` becomes the sum of the weights of those rows whose bit `p` is set,
    /// added up in the order of the rows, for all `p` from the first place of the word of `place`
    /// on. Then `place` is set in all of the rows.
    ///
    /// Rows without a mask are left out; so are weights without a row, and masks of more than
    /// 65,536 words.
    ///
    /// ```
    /// let mut masks = [0u16; 3];
    /// let mut out = [0f32; 16];
    /// tastemaker_kernels::common_sums(&mut masks, 1, &[0, 2], &[1.0, 2.0], 5, &mut out);
    /// assert_eq!(masks, [1 << 5, 0, 1 << 5]);
    /// tastemaker_kernels::common_sums(&mut masks, 1, &[1, 2], &[1.0, 2.0], 3, &mut out);
    /// assert_eq!(out[5], 2.0);
    /// ```
    pub fn common_sums[isa](
        masks: &mut [u16],
        words: usize,
        rows: &[u32],
        weights: &[f32],
        place: usize,
        out: &mut [f32],
    ) {
        let own = place / LANES;
        if own >= words || words > MOST_WORDS {
            return;
        }
        let bit = 1u16 << (place % LANES);
        let mut first = own;
        while first < words {
            let rest = (words - first).min(BLOCK);
            let at = (first, words);
            match rest {
                1 => block::<_, 1>(isa, masks, at, rows, weights, out),
                2 => block::<_, 2>(isa, masks, at, rows, weights, out),
                3 => block::<_, 3>(isa, masks, at, rows, weights, out),
                4 => block::<_, 4>(isa, masks, at, rows, weights, out),
                5 => block::<_, 5>(isa, masks, at, rows, weights, out),
                6 => block::<_, 6>(isa, masks, at, rows, weights, out),
                7 => block::<_, 7>(isa, masks, at, rows, weights, out),
                _ => block::<_, BLOCK>(isa, masks, at, rows, weights, out),
            }
            first += rest;
        }
        for &row in rows.iter().take(weights.len()) {
            let at = index(row, words, own);
            if let Some(word) = masks.get_mut(at) {
                *word |= bit;
            }
        }
    }
}

/// Where a word of a row's mask is. The product fits 64 bits, so where `usize` has as many this
/// is a multiplication and no check.
#[inline(always)]
fn index(row: u32, words: usize, word: usize) -> usize {
    let at = u64::from(row) * words as u64 + word as u64;
    usize::try_from(at).unwrap_or(usize::MAX)
}

/// The sums of `N` words from the word `first` on.
#[inline(always)]
fn block<I: Isa, const N: usize>(
    isa: I,
    masks: &[u16],
    (first, words): (usize, usize),
    rows: &[u32],
    weights: &[f32],
    out: &mut [f32],
) {
    let mut sums = [isa.splat(0.0); N];
    for (&row, &weight) in rows.iter().zip(weights) {
        let at = index(row, words, first);
        if let Some(mask) = masks.get(at..).and_then(<[u16]>::first_chunk::<N>) {
            let weight = isa.splat(weight);
            for (sum, &bits) in sums.iter_mut().zip(mask) {
                *sum = isa.add_where(*sum, bits, weight);
            }
        }
    }
    let out = out.get_mut(first * LANES..).unwrap_or_default();
    for (to, sum) in out.chunks_mut(LANES).zip(sums) {
        for (to, from) in to.iter_mut().zip(isa.store(sum)) {
            *to = from;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_copy_adds_up_in_the_order_of_the_rows() {
        let mut state = 5u32;
        let mut next = move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state >> 8
        };
        for words in [1, 2, 7, 8, 9, 17] {
            let users = 40;
            let (mut first, mut second, mut third) = (
                vec![0u16; users * words],
                vec![0; users * words],
                vec![0; users * words],
            );
            let mut has = vec![vec![false; words * LANES]; users];
            for place in (0..words * LANES).rev() {
                let rows: Vec<u32> = (0..users as u32).filter(|_| next() % 3 == 0).collect();
                let weights: Vec<f32> = rows.iter().map(|_| next() as f32 / 8_388_608.0).collect();
                let mut expected = vec![0f32; words * LANES];
                for (&row, &weight) in rows.iter().zip(&weights) {
                    for (sum, &has) in expected.iter_mut().zip(&has[row as usize]) {
                        if has {
                            *sum += weight;
                        }
                    }
                    has[row as usize][place] = true;
                }
                let from = place / LANES * LANES;
                for (copy, masks) in [
                    (
                        common_sums as fn(&mut [u16], usize, &[u32], &[f32], usize, &mut [f32]),
                        &mut first,
                    ),
                    (common_sums::portable, &mut second),
                    (common_sums::narrow, &mut third),
                ] {
                    let mut out = vec![7f32; words * LANES];
                    copy(masks, words, &rows, &weights, place, &mut out);
                    let bits = |values: &[f32]| -> Vec<u32> {
                        values.iter().map(|v| v.to_bits()).collect()
                    };
                    assert_eq!(
                        bits(&out[from..]),
                        bits(&expected[from..]),
                        "{words} {place}"
                    );
                    assert!(out[..from].iter().all(|&v| v == 7.0));
                }
            }
        }
    }

    #[test]
    fn what_is_not_there_is_left_out() {
        let mut masks = [1u16 << 2; 3];
        let mut out = [9f32; 20];
        let rows = [0, 3, u32::MAX, 2, 1];
        common_sums(&mut masks, 1, &rows, &[1.0, 2.0, 4.0, 8.0], 1, &mut out);
        assert_eq!((out[1], out[2], out[16]), (0.0, 9.0, 9.0));
        assert_eq!(masks, [6, 4, 6]);
        common_sums(&mut masks, 1, &rows, &[1.0], 16, &mut out);
        assert_eq!(masks, [6, 4, 6], "no such place");
        common_sums(&mut masks, 1, &rows, &[1.0], 1, &mut out[..2]);
        assert_eq!(out[..2], [0.0, 1.0]);
    }
}
