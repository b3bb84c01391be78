//! The arms of rows: their names once, then a small number a row.

use std::borrow::Cow;

use super::arm::ARMS;
use super::summarize::CHUNK;
use crate::error::{Error, ErrorKind, Result};
use crate::event::IdColumn;
use crate::parallel::Workers;

/// The names of the arms, and how a row's is found.
pub(crate) struct Names<'a> {
    pub(crate) texts: Vec<String>,
    finder: Finder<'a>,
}

enum Finder<'a> {
    /// Integers and their arms, in the order that they came in.
    Integer(&'a [i64], Vec<(i64, u8)>),
    Text(&'a [&'a str], Vec<(&'a str, u8)>),
    /// The arm of each code.
    Code(&'a [u32], Vec<u8>),
}

/// No arm.
pub(crate) const NONE: u8 = u8::MAX;

impl<'a> Names<'a> {
    pub(crate) fn find(
        workers: &Workers<'_>,
        column: IdColumn<'a>,
        control: Option<&str>,
    ) -> Result<Self> {
        let chunks: Vec<usize> = (0..column.len()).step_by(CHUNK).collect();
        let distinct = |from: usize| -> Result<Vec<usize>> {
            // The first row of each value of the chunk.
            let to = column.len().min(from + CHUNK);
            let mut firsts: Vec<usize> = Vec::new();
            match column {
                IdColumn::Integer(rows) => {
                    first_rows(rows.get(from..to).unwrap_or(&[]), from, &mut firsts)?;
                }
                IdColumn::Text(rows) => {
                    first_rows(rows.get(from..to).unwrap_or(&[]), from, &mut firsts)?;
                }
                IdColumn::Dictionary { codes, .. } => {
                    first_rows(codes.get(from..to).unwrap_or(&[]), from, &mut firsts)?;
                }
            }
            Ok(firsts)
        };
        let firsts = workers.map("rows", chunks, || (), |_, from, ()| distinct(from))?;
        let mut named: Vec<(Cow<'a, str>, usize)> = Vec::new();
        for row in firsts.into_iter().flatten() {
            let text = column.get(row).unwrap_or(Cow::Borrowed(""));
            if text.is_empty() {
                return Err(Error::new(
                    ErrorKind::InvalidId,
                    format!("arm: row {row} has none"),
                ));
            }
            if !named.iter().any(|(known, _)| *known == text) {
                named.push((text, row));
            }
        }
        if named.len() > ARMS {
            return Err(too_many());
        }
        named.sort_by(|a, b| a.0.cmp(&b.0));
        if let Some(control) = control {
            let at = named.iter().position(|(text, _)| text == control);
            let Some(at) = at else {
                return Err(Error::new(
                    ErrorKind::InvalidArgument,
                    format!("control is {control:?}, and no row has this arm"),
                ));
            };
            let first = named.remove(at);
            named.insert(0, first);
        }
        let texts: Vec<String> = named.iter().map(|(text, _)| text.to_string()).collect();
        let place = |text: &str| {
            let at = texts.iter().position(|t| t == text);
            at.map_or(NONE, |at| at as u8)
        };
        let finder = match column {
            IdColumn::Integer(rows) => {
                let of = |(_, row): &(_, usize)| rows.get(*row).copied();
                let known = named
                    .iter()
                    .filter_map(of)
                    .map(|v| (v, place(&v.to_string())));
                Finder::Integer(rows, known.collect())
            }
            IdColumn::Text(rows) => {
                let of = |(_, row): &(_, usize)| rows.get(*row).copied();
                let known = named.iter().filter_map(of).map(|v| (v, place(v)));
                Finder::Text(rows, known.collect())
            }
            IdColumn::Dictionary { codes, values } => {
                Finder::Code(codes, values.iter().map(|value| place(value)).collect())
            }
        };
        Ok(Self { texts, finder })
    }

    #[inline]
    pub(crate) fn of(&self, row: usize) -> u8 {
        let found = match &self.finder {
            Finder::Integer(rows, known) => rows
                .get(row)
                .and_then(|value| known.iter().find(|(other, _)| other == value))
                .map(|(_, arm)| *arm),
            Finder::Text(rows, known) => rows
                .get(row)
                .and_then(|value| known.iter().find(|(other, _)| other == value))
                .map(|(_, arm)| *arm),
            Finder::Code(codes, arms) => codes
                .get(row)
                .and_then(|&code| arms.get(code as usize))
                .copied(),
        };
        found.unwrap_or(NONE)
    }
}

fn too_many() -> Error {
    Error::new(
        ErrorKind::LimitExceeded,
        format!("there are more than {ARMS} arms"),
    )
}

fn first_rows<T: PartialEq>(rows: &[T], from: usize, firsts: &mut Vec<usize>) -> Result<()> {
    for (at, value) in rows.iter().enumerate() {
        let known = firsts
            .iter()
            .any(|&first| rows.get(first - from) == Some(value));
        if !known {
            firsts.push(from + at);
            if firsts.len() > ARMS {
                return Err(too_many());
            }
        }
    }
    Ok(())
}
