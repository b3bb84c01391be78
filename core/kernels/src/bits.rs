//! Vectors of bits: how many places differ.
//!
//! Compilers turn the loops of this file into the population counts that the processor has, so
//! there is nothing to write by hand.

use crate::dispatch::multiversion_codes;

/// Words that are counted together: one cache line.
const TOGETHER: usize = 8;

#[inline(always)]
fn differing<const N: usize>(a: &[u64; N], b: &[u64; N]) -> u32 {
    let mut count = 0;
    for i in 0..N {
        count += (a[i] ^ b[i]).count_ones() as u64;
    }
    count as u32
}

/// Rows of exactly `N` words.
#[inline(always)]
fn short_rows<const N: usize>(query: &[u64], rows: &[u64], out: &mut [u32]) {
    let Some(query) = query.first_chunk::<N>() else {
        return;
    };
    for (to, row) in out.iter_mut().zip(rows.as_chunks::<N>().0) {
        *to = differing(query, row);
    }
}

multiversion_codes! {
    /// `out[n]` = in how many bits the query and row `n` differ, for rows as wide as the query
    /// that lie one after the other. Results without a row are left as they are.
    ///
    /// ```
    /// let mut out = [9; 3];
    /// tastemaker_kernels::hamming_block(&[0b1011], &[0b1011, 0b0100], &mut out);
    /// assert_eq!(out, [0, 4, 9]);
    /// ```
    pub fn hamming_block[_isa](query: &[u64], rows: &[u64], out: &mut [u32]) {
        match query.len() {
            0 => {}
            1 => short_rows::<1>(query, rows, out),
            2 => short_rows::<2>(query, rows, out),
            3 => short_rows::<3>(query, rows, out),
            4 => short_rows::<4>(query, rows, out),
            6 => short_rows::<6>(query, rows, out),
            8 => short_rows::<8>(query, rows, out),
            12 => short_rows::<12>(query, rows, out),
            24 => short_rows::<24>(query, rows, out),
            width => {
                let (lines, rest) = query.as_chunks::<TOGETHER>();
                for (to, row) in out.iter_mut().zip(rows.chunks_exact(width)) {
                    let (own, own_rest) = row.as_chunks::<TOGETHER>();
                    let whole: u32 = lines.iter().zip(own).map(|(a, b)| differing(a, b)).sum();
                    let tail = rest.iter().zip(own_rest).map(|(a, b)| (a ^ b).count_ones());
                    *to = whole + tail.sum::<u32>();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_copy_counts_bit_by_bit() {
        let mut state = 1u64;
        let mut next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            state ^ state >> 29
        };
        for width in (1..=13).chain([16, 24, 25]) {
            let query: Vec<u64> = (0..width).map(|_| next()).collect();
            let mut rows: Vec<u64> = (0..5 * width).map(|_| next()).collect();
            rows.extend(query.iter().map(|word| !word));
            rows.extend(&query);
            let bit = |words: &[u64], i: usize| words[i / 64] >> (i % 64) & 1;
            let mut expected: Vec<u32> = rows
                .chunks(width)
                .map(|row| {
                    (0..64 * width)
                        .filter(|&i| bit(&query, i) != bit(row, i))
                        .count()
                })
                .map(|count| count as u32)
                .collect();
            assert_eq!(expected[5..], [64 * width as u32, 0]);
            expected.push(7);
            for copy in [
                hamming_block,
                hamming_block::portable,
                hamming_block::narrow,
            ] {
                let mut out = [7; 8];
                copy(&query, &rows, &mut out);
                assert_eq!(out.as_slice(), expected, "width {width}");
            }
        }
        hamming_block(&[], &[1], &mut [0]);
    }
}
