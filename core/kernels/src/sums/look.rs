//! Looking through sums: which lines were touched, a bound for the best of them, and all above it.

use super::{GROUP, Line, Marks, ZEROS};
use crate::dispatch::multiversion;
use crate::lanes::{Isa, LANES};

multiversion! {
    /// The numbers of the marked lines, ascending, at the front of `touched`; how many they are.
    /// `touched` has a place for each line, and for a group more.
    pub(super) fn list_marked[isa](lines: usize, marks: &[Marks], touched: &mut [u32]) -> usize {
        let mut count = 0;
        for (n, marks) in marks.iter().enumerate() {
            let mut marked = isa.marked(&marks.0);
            let first = n * GROUP;
            // Marks beyond the last line mean nothing.
            if lines < first + GROUP {
                marked &= !(u64::MAX << (lines.saturating_sub(first) % GROUP));
            }
            if marked != 0
                && let Some(to) = touched.get_mut(count..).and_then(<[u32]>::first_chunk_mut)
            {
                isa.places(marked, first as u32, to);
                count += marked.count_ones() as usize;
            }
        }
        count
    }
}

multiversion! {
    /// Raises lane `i` of one line of `maxima`, all in turn, to lane `i` of the lines, where that
    /// lane is a member. Of four times `step` touched lines, four are looked at.
    pub(super) fn lane_maxima[isa](
        lines: &[Line],
        touched: &[u32],
        members: Option<&[u64]>,
        step: usize,
        maxima: &mut [Line],
    ) {
        let (fours, rest) = touched.as_chunks::<4>();
        let fours = fours.iter().step_by(step);
        if let Ok(four) = <&mut [Line; 4]>::try_from(&mut *maxima) {
            // The usual number: they stay in registers.
            let mut most = *four;
            for numbers in fours {
                raise(isa, &mut most, lines, numbers, members);
            }
            *four = most;
        } else {
            let places = maxima.len() / 4;
            for (n, numbers) in fours.enumerate() {
                if let Some(four) = maxima.get_mut(n % places.max(1) * 4..) {
                    raise(isa, four, lines, numbers, members);
                }
            }
        }
        raise(isa, maxima, lines, rest, members);
    }
}

/// Raises one line of maxima after the other to one line after the other.
#[inline(always)]
fn raise<I: Isa>(
    isa: I,
    most: &mut [Line],
    lines: &[Line],
    numbers: &[u32],
    members: Option<&[u64]>,
) {
    for (most, &number) in most.iter_mut().zip(numbers) {
        if let Some(line) = lines.get(number as usize) {
            let bits = members.map_or(u16::MAX, |set| lane_bits(set, number as usize));
            isa.raise(&mut most.0, &line.0, bits);
        }
    }
}

multiversion! {
    /// The sums above the threshold, and zeros left behind if `clear`.
    pub(super) fn scan[isa](
        lines: &mut [Line],
        touched: &[u32],
        members: Option<&[u64]>,
        threshold: i32,
        clear: bool,
        found: &mut dyn FnMut(u32, i32) -> i32,
    ) {
        if touched.len() == lines.len() {
            let all = 0..lines.len();
            look_at(isa, lines, all, members, threshold, clear, found);
        } else {
            let touched = touched.iter().map(|&number| number as usize);
            look_at(isa, lines, touched, members, threshold, clear, found);
        }
    }
}

/// Looks at lines in turn.
#[inline(always)]
fn look_at<I: Isa>(
    isa: I,
    lines: &mut [Line],
    mut numbers: impl Iterator<Item = usize>,
    members: Option<&[u64]>,
    mut threshold: i32,
    clear: bool,
    found: &mut dyn FnMut(u32, i32) -> i32,
) {
    loop {
        // As long as nothing is found the threshold stays what it is, in a register.
        let fixed = threshold;
        let next = numbers.find_map(|number| {
            let line = lines.get_mut(number)?;
            let above = isa.above(&line.0, fixed);
            if above == 0 && clear {
                *line = ZEROS;
            }
            (above != 0).then_some((number, above))
        });
        let Some((number, above)) = next else { break };
        if let Some(line) = lines.get_mut(number) {
            threshold = report(line, above, number, members, threshold, found);
            if clear {
                *line = ZEROS;
            }
        }
    }
}

/// Reports the members of a line among those that were above the threshold, and gives back the
/// threshold to go on with.
#[inline(always)]
fn report(
    line: &Line,
    mut above: u16,
    number: usize,
    members: Option<&[u64]>,
    mut threshold: i32,
    found: &mut dyn FnMut(u32, i32) -> i32,
) -> i32 {
    if let Some(members) = members {
        above &= lane_bits(members, number);
    }
    while above != 0 {
        let lane = above.trailing_zeros();
        above &= above - 1;
        let sum = line.0[lane as usize % LANES];
        // The threshold may have risen since the comparison.
        if sum > threshold {
            threshold = found((number * LANES) as u32 + lane, sum);
        }
    }
    threshold
}

/// The sixteen bits of a line in a set of ids.
#[inline(always)]
fn lane_bits(members: &[u64], line: usize) -> u16 {
    let per_word = 64 / LANES;
    let word = members.get(line / per_word).copied().unwrap_or(0);
    (word >> (line % per_word * LANES)) as u16
}
