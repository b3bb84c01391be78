//! Conditions over columns: the answers of `eval`, row by row, without making JSON.
//!
//! Every function takes the rows that are still open, `within`, and returns a subset of them, so
//! that an expensive part looks only at what the parts before it left over.

use super::eval::Groups;
use super::js::Actual;
use super::rows::{Column, Rows, bit, cut};
use super::tree::{Node, Path, Scalar, Test};
use crate::bitset::BitSet;

/// The rows of `within` for which the node holds.
pub(super) fn run(node: &Node, rows: &dyn Rows, within: &BitSet) -> BitSet {
    match node {
        Node::Never => BitSet::empty(within.len()),
        Node::All(nodes) => all(cheapest_first(nodes, rows), within, |node, open| {
            run(node, rows, open)
        }),
        Node::Any(nodes) => any(cheapest_first(nodes, rows), within, |node, open| {
            run(node, rows, open)
        }),
        Node::Not(node) => minus(within, run(node, rows, within)),
        Node::Attribute(path, test) => attribute(path, test, rows, within),
    }
}

/// Whether columns serve all of the node, as far as the names of its attributes tell.
fn in_place(node: &Node, rows: &dyn Rows) -> bool {
    match node {
        Node::Never => true,
        Node::All(nodes) | Node::Any(nodes) => nodes.iter().all(|node| in_place(node, rows)),
        Node::Not(node) => in_place(node, rows),
        Node::Attribute(path, _) => path.rest.is_empty() && rows.column(&path.first).is_some(),
    }
}

/// The nodes in the order of their cost. The order of a conjunction or disjunction does not
/// change its truth, and JSON objects do not keep the order in which they were written.
fn cheapest_first<'a>(nodes: &'a [Node], rows: &dyn Rows) -> Vec<&'a Node> {
    let (mut cheap, dear): (Vec<_>, Vec<_>) = nodes.iter().partition(|node| in_place(node, rows));
    cheap.extend(dear);
    cheap
}

fn all<T>(
    parts: impl IntoIterator<Item = T>,
    within: &BitSet,
    mut part: impl FnMut(T, &BitSet) -> BitSet,
) -> BitSet {
    let mut open = within.clone();
    for item in parts {
        if open.iter().next().is_none() {
            break;
        }
        open = part(item, &open);
    }
    open
}

fn any<T>(
    parts: impl IntoIterator<Item = T>,
    within: &BitSet,
    mut part: impl FnMut(T, &BitSet) -> BitSet,
) -> BitSet {
    let mut found = BitSet::empty(within.len());
    let mut open = within.clone();
    for item in parts {
        if open.iter().next().is_none() {
            break;
        }
        let more = part(item, &open);
        found.union(&more);
        open = minus(&open, more);
    }
    found
}

fn minus(within: &BitSet, mut taken: BitSet) -> BitSet {
    taken.invert();
    taken.intersect(within);
    taken
}

/// The rows of `within` that the predicate accepts.
fn select(within: &BitSet, mut accept: impl FnMut(usize) -> bool) -> BitSet {
    let mut found = BitSet::empty(within.len());
    within
        .iter()
        .filter(|&row| accept(row))
        .for_each(|row| found.insert(row));
    found
}

/// All of `within`, or nothing.
fn constant(within: &BitSet, truth: bool) -> BitSet {
    if truth {
        within.clone()
    } else {
        BitSet::empty(within.len())
    }
}

fn attribute(path: &Path, test: &Test, rows: &dyn Rows, within: &BitSet) -> BitSet {
    let by_value = |test: &Test, open: &BitSet| {
        select(open, |row| {
            let value = rows.value(&path.first, row);
            test.holds(path.rest_of(Actual::from(&value)), Groups::NONE)
        })
    };
    match rows.column(&path.first) {
        None => by_value(test, within),
        Some(column) if path.rest.is_empty() => cells(test, &column, within, &by_value),
        Some(Column::Tags { .. }) => by_value(test, within),
        // A scalar has no members, so every row reads as null.
        Some(_) => constant(within, test.holds(Actual::Null, Groups::NONE)),
    }
}

/// The rows whose cell fulfils the test. `by_value` is the way through JSON.
fn cells(
    test: &Test,
    column: &Column<'_>,
    within: &BitSet,
    by_value: &dyn Fn(&Test, &BitSet) -> BitSet,
) -> BitSet {
    match test {
        Test::All(tests) => all(tests, within, |test, open| {
            cells(test, column, open, by_value)
        }),
        Test::Not(test) => minus(within, cells(test, column, within, by_value)),
        _ => match *column {
            Column::Number { present, values } => numbers(test, present, values, within),
            Column::Bool { present, values } => {
                let verdict = |actual| test.holds(actual, Groups::NONE);
                let (yes, no) = (verdict(Actual::Bool(true)), verdict(Actual::Bool(false)));
                let absent = verdict(Actual::Null);
                select(within, |row| match (bit(present, row), bit(values, row)) {
                    _ if row / 64 >= values.len() => absent,
                    (false, _) => absent,
                    (true, true) => yes,
                    (true, false) => no,
                })
            }
            Column::Text {
                offsets,
                bytes,
                present,
            } => texts(test, within, |row| {
                bit(present, row)
                    .then(|| cut(offsets, bytes, row))
                    .flatten()
            }),
            Column::Tags {
                present,
                row_offsets,
                tag_ids,
                dict_offsets,
                dict_bytes,
            } => {
                let tags = Tags {
                    present,
                    row_offsets,
                    tag_ids,
                    dict_offsets,
                    dict_bytes,
                };
                tags.run(test, within)
                    .unwrap_or_else(|| by_value(test, within))
            }
        },
    }
}

fn numbers(test: &Test, present: &[u64], values: &[f64], within: &BitSet) -> BitSet {
    let absent = test.holds(Actual::Null, Groups::NONE);
    let cell = |row| {
        values
            .get(row)
            .copied()
            .filter(|x| bit(present, row) && x.is_finite())
    };
    match test {
        Test::Order(relation, operand) => select(within, |row| {
            cell(row).map_or(absent, |x| operand.compares_number(*relation, x))
        }),
        Test::Number(wanted) | Test::Is(Scalar::Number(wanted)) => {
            select(within, |row| cell(row).map_or(absent, |x| x == *wanted))
        }
        _ => select(within, |row| {
            cell(row).map_or(absent, |x| test.holds(Actual::Number(x), Groups::NONE))
        }),
    }
}

fn texts<'a>(test: &Test, within: &BitSet, cell: impl Fn(usize) -> Option<&'a [u8]>) -> BitSet {
    match test {
        // Bytes that are not UTF-8 equal no string, as null equals none.
        Test::Text(wanted) | Test::Is(Scalar::Text(wanted)) => {
            select(within, |row| cell(row) == Some(wanted.as_bytes()))
        }
        _ => {
            let absent = test.holds(Actual::Null, Groups::NONE);
            select(within, |row| {
                match cell(row).and_then(|bytes| std::str::from_utf8(bytes).ok()) {
                    Some(text) => test.holds(Actual::Text(text), Groups::NONE),
                    None => absent,
                }
            })
        }
    }
}

/// A column of arrays of strings.
struct Tags<'a> {
    present: &'a [u64],
    row_offsets: &'a [u32],
    tag_ids: &'a [u32],
    dict_offsets: &'a [u32],
    dict_bytes: &'a [u8],
}

impl<'a> Tags<'a> {
    fn row(&self, row: usize) -> Option<&'a [u32]> {
        bit(self.present, row)
            .then(|| cut(self.row_offsets, self.tag_ids, row))
            .flatten()
    }

    /// The rows whose array fulfils the test, if that can be told without JSON.
    fn run(&self, test: &Test, within: &BitSet) -> Option<BitSet> {
        let absent = test.holds(Actual::Null, Groups::NONE);
        let found = match test {
            Test::OneOf(set) => self.some(within, absent, |tag| set.contains(Actual::Text(tag))),
            Test::Element(test) => self.some(within, absent, |tag| {
                !tag.is_empty() && test.holds(Actual::Text(tag), Groups::NONE)
            }),
            Test::ElementObject(node) => self.some(within, absent, |tag| {
                !tag.is_empty() && node.holds(Actual::Text(tag), Groups::NONE)
            }),
            Test::Every(tests) => {
                let arrays = select(within, |row| self.row(row).is_some());
                all(tests, &arrays, |test, open| {
                    self.some(open, false, |tag| {
                        test.holds(Actual::Text(tag), Groups::NONE)
                    })
                })
            }
            Test::Size(test) => select(within, |row| match self.row(row) {
                Some(ids) => test.holds(Actual::Number(ids.len() as f64), Groups::NONE),
                None => absent,
            }),
            // These see no more of an array than that it is one.
            Test::Never
            | Test::Null
            | Test::Truthy(_)
            | Test::Is(_)
            | Test::Version(..)
            | Test::Exists
            | Test::Type(_)
            | Test::Group(_) => {
                let array = test.holds(Actual::Array(&[]), Groups::NONE);
                select(within, |row| {
                    if self.row(row).is_some() {
                        array
                    } else {
                        absent
                    }
                })
            }
            // These compare the array as text, as a number or as a whole; the first two are
            // split up before they come here.
            Test::All(_)
            | Test::Not(_)
            | Test::Number(_)
            | Test::Text(_)
            | Test::TextNoCase(_)
            | Test::Json(_)
            | Test::Order(..)
            | Test::Regex(_) => return None,
        };
        Some(found)
    }

    /// The rows with a tag that the predicate accepts; it is asked once for each entry of the
    /// dictionary.
    fn some(&self, within: &BitSet, absent: bool, accept: impl Fn(&str) -> bool) -> BitSet {
        let mut accepted = BitSet::empty(self.dict_offsets.len().saturating_sub(1));
        for id in 0..accepted.len() {
            let tag = cut(self.dict_offsets, self.dict_bytes, id);
            if tag
                .and_then(|bytes| std::str::from_utf8(bytes).ok())
                .is_some_and(&accept)
            {
                accepted.insert(id);
            }
        }
        select(within, |row| match self.row(row) {
            Some(ids) => ids.iter().any(|&id| accepted.contains(id as usize)),
            None => absent,
        })
    }
}
