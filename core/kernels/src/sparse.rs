//! Sorted rows of ids: their check, and asking for them early.

use crate::dispatch::multiversion;
use crate::rows::{Id, Ids};

/// Ids that are checked together: they fit the L1 cache.
const PIECE: usize = 4096;

multiversion! {
    /// The largest id, and how many ids are not smaller than the one that follows: what a
    /// reader needs to check sorted rows that lie one after the other.
    pub fn largest_and_descents[_isa](ids: Ids<'_>) -> (u32, usize) {
        match ids {
            Ids::Narrow(ids) => largest_and_descents_of(ids),
            Ids::Wide(ids) => largest_and_descents_of(ids),
        }
    }
}

#[inline(always)]
fn largest_and_descents_of<T: Id>(ids: &[T]) -> (u32, usize) {
    let followers = ids.get(1..).unwrap_or(&[]);
    let (mut largest, mut descents) = (None, 0usize);
    // A piece at a time, so that memory is read once; short sums fit 32 bits, which keeps the
    // vectors full.
    for (n, piece) in ids.chunks(PIECE).enumerate() {
        largest = largest.max(piece.iter().copied().reduce(Ord::max));
        let next = followers.get(n * PIECE..).unwrap_or(&[]);
        let some: u32 = piece.iter().zip(next).map(|(a, b)| u32::from(a >= b)).sum();
        descents += some as usize;
    }
    (largest.map_or(0, |id| id.index() as u32), descents)
}

/// Asks for the cache lines of a slice, so that a later read does not wait. Changes nothing.
#[inline]
pub fn prefetch<T>(slice: &[T]) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let start = slice.as_ptr().cast::<i8>();
        for at in (0..size_of_val(slice)).step_by(64) {
            // SAFETY: the address lies within the slice; SSE is part of x86-64.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(start.add(at)) };
        }
        // The last line, where the slice does not start at one.
        if let Some(last) = slice.last() {
            // SAFETY: as above.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(last).cast()) };
        }
    }
    #[cfg(target_arch = "wasm32")]
    {
        // There is no instruction that asks; a read whose value nobody waits for is as good.
        let start = slice.as_ptr().cast::<u8>();
        for at in (0..size_of_val(slice)).step_by(64) {
            // SAFETY: the address lies within the slice, and every byte of it is initialised.
            unsafe { start.add(at).read_volatile() };
        }
    }
    #[cfg(not(any(all(target_arch = "x86_64", not(miri)), target_arch = "wasm32")))]
    let _ = slice;
}

/// [`prefetch`] of what is one cache line where it lies at one.
#[inline(always)]
pub(crate) fn prefetch_line(line: &[u8; 64]) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: the address is that of the line; SSE is part of x86-64.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast()) };
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    prefetch(line);
}

/// Asks for the cache line so many bytes behind the start of a slice, where there is an instruction
/// for it. Whether the slice has so many is not looked at: that would cost what asking saves.
#[inline(always)]
pub(crate) fn prefetch_near<T>(slice: &[T], bytes: usize) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let at = slice.as_ptr().cast::<i8>().wrapping_add(bytes);
        // SAFETY: the instruction is a hint that never faults, whatever the address; SSE is part
        // of x86-64.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(at) };
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = (slice, bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descents_are_counted() {
        for copy in [
            largest_and_descents,
            largest_and_descents::portable,
            largest_and_descents::narrow,
        ] {
            for (ids, expected) in [
                (vec![], (0, 0)),
                (vec![7], (7, 0)),
                (vec![1, 5, 5, 2, 9], (9, 2)),
                (vec![65_535, 0, 65_535, 65_535], (65_535, 2)),
                ((0..10_000).map(|i| i % 100).collect(), (99, 99)),
            ] {
                let narrow: Vec<u16> = ids.iter().map(|&id| id as u16).collect();
                assert_eq!(copy(Ids::Wide(&ids)), expected);
                assert_eq!(copy(Ids::Narrow(&narrow)), expected);
            }
            assert_eq!(copy(Ids::Wide(&[u32::MAX, 65_536])), (u32::MAX, 1));
        }
    }
}
