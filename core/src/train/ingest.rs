//! Columns of events, checked, numbered, sorted and without duplicates.

use crate::catalog::Catalog;
use crate::control::Control;
use crate::error::{Error, ErrorKind, Result};
use crate::event::{
    DEFAULT_KIND, EventColumns, IdColumn, KindTable, check_timestamp, check_weight,
};
use crate::id::check_id;
use crate::profile::MAX_EVENTS;
use crate::rank::Signal;

use super::TrainOptions;

/// Rows that an error names before it only counts.
const NAMED_ROWS: usize = 5;

/// Events ready for training.
#[derive(Default)]
pub(crate) struct Data {
    /// Ascending; the events' users.
    pub(crate) users: Vec<String>,
    /// Ascending; the events' items and the catalog's.
    pub(crate) items: Vec<String>,
    /// By user, each in canonical order, the newest [`MAX_EVENTS`] of a user.
    pub(crate) signals: Vec<Signal>,
    /// Where each user's signals start; one more at the end.
    pub(crate) starts: Vec<usize>,
    pub(crate) counts: Counts,
}

/// What became of the rows.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) rows: usize,
    pub(crate) rejected: usize,
    pub(crate) duplicates: usize,
    pub(crate) beyond_history: usize,
    pub(crate) unlisted_items: usize,
}

/// Which rows are bad and why.
#[derive(Default)]
pub(crate) struct Rejects {
    pub(crate) count: usize,
    pub(crate) first: Vec<(usize, Error)>,
}

impl Rejects {
    pub(crate) fn add(&mut self, row: usize, error: Error) {
        self.count += 1;
        if self.first.len() < NAMED_ROWS {
            self.first.push((row, error));
        }
    }

    fn into_error(self) -> Option<Error> {
        let kind = self.first.first()?.1.kind();
        let named: Vec<String> = self
            .first
            .iter()
            .map(|(row, e)| format!("row {row}: {}", e.message()))
            .collect();
        let more = match self.count - named.len() {
            0 => String::new(),
            more => format!("; and {more} more"),
        };
        Some(Error::new(
            kind,
            format!(
                "{} of the rows are invalid: {}{more}",
                self.count,
                named.join("; ")
            ),
        ))
    }
}

struct Row {
    user: u32,
    signal: Signal,
}

/// Checks the distinct values of a column: for each code its error, if it has one.
fn verdicts(
    column: &IdColumn<'_>,
    check: impl Fn(&str) -> Result<()>,
) -> (Vec<u32>, Vec<String>, Vec<bool>) {
    let (codes, values) = column.encode();
    let good = values.iter().map(|value| check(value).is_ok()).collect();
    (codes, values, good)
}

pub(super) fn ingest(
    events: &EventColumns<'_>,
    catalog: Option<&Catalog>,
    options: &TrainOptions,
    control: &Control<'_>,
) -> Result<Data> {
    let rows = events.rows()?;
    if rows == 0 && catalog.is_none_or(Catalog::is_empty) {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            "events: there are no rows and no catalog; a model needs items",
        ));
    }
    let check_kind = |name: &str| match options.kinds.position(name) {
        Some(_) => Ok(()),
        None => Err(KindTable::unknown(name, &options.kinds)),
    };
    let (user_codes, user_names, user_good) =
        verdicts(&events.user_id, |id| check_id("user_id", id));
    control.check()?;
    let (item_codes, item_names, item_good) =
        verdicts(&events.item_id, |id| check_id("item_id", id));
    control.check()?;
    let kinds = events.kind.map(|column| verdicts(&column, check_kind));
    if kinds.is_none() && rows > 0 {
        check_kind(DEFAULT_KIND)?;
    }
    let default_kind = options.kinds.position(DEFAULT_KIND).unwrap_or(0) as u8;

    let mut rejects = Rejects::default();
    let mut table: Vec<Row> = Vec::with_capacity(rows);
    for row in 0..rows {
        let code = |codes: &[u32]| codes.get(row).copied().unwrap_or(0);
        let good = |flags: &[bool], code: u32| flags.get(code as usize).copied().unwrap_or(false);
        let name =
            |names: &[String], code: u32| names.get(code as usize).cloned().unwrap_or_default();
        let (user, item) = (code(&user_codes), code(&item_codes));
        let weight = events
            .weight
            .and_then(|w| w.get(row))
            .copied()
            .unwrap_or(1.0);
        let timestamp = events
            .timestamp
            .and_then(|t| t.get(row))
            .copied()
            .unwrap_or(0);
        let mut kind = default_kind;
        let checked = if !good(&user_good, user) {
            check_id("user_id", &name(&user_names, user))
        } else if !good(&item_good, item) {
            check_id("item_id", &name(&item_names, item))
        } else if let Some((codes, names, flags)) = &kinds {
            let code = code(codes);
            if good(flags, code) {
                kind = names
                    .get(code as usize)
                    .and_then(|n| options.kinds.position(n))
                    .unwrap_or(0) as u8;
                Ok(())
            } else {
                check_kind(&name(names, code))
            }
        } else {
            Ok(())
        };
        let checked = checked
            .and_then(|()| check_weight("weight", weight))
            .and_then(|()| check_timestamp("timestamp", timestamp));
        match checked {
            Ok(()) => {
                // As a profile keeps it: `f32`, and no negative zero.
                let weight = weight as f32 + 0.0;
                table.push(Row {
                    user,
                    signal: Signal {
                        item,
                        kind,
                        weight,
                        timestamp,
                    },
                });
            }
            Err(error) => rejects.add(row, error),
        }
    }
    let mut counts = Counts {
        rows,
        rejected: rejects.count,
        ..Counts::default()
    };
    if !options.skip_invalid
        && let Some(error) = rejects.into_error()
    {
        return Err(error);
    }

    control.check()?;
    sort(&mut table);
    let before = table.len();
    table.dedup_by(|b, a| key(a) == key(b));
    counts.duplicates = before - table.len();

    let (items, item_map) = join_items(item_names, &table, catalog);
    counts.unlisted_items =
        catalog.map_or(0, |c| items.iter().filter(|id| !c.contains(id)).count());
    let mut data = Data {
        users: Vec::new(),
        items,
        signals: Vec::with_capacity(table.len()),
        starts: vec![0],
        counts,
    };
    let mut user_names = user_names.into_iter().enumerate();
    for group in table.chunk_by(|a, b| a.user == b.user) {
        let newest = group.len().saturating_sub(MAX_EVENTS);
        data.counts.beyond_history += newest;
        data.signals.extend(group.iter().skip(newest).map(|row| {
            let item = item_map.get(row.signal.item as usize).copied().unwrap_or(0);
            Signal { item, ..row.signal }
        }));
        data.starts.push(data.signals.len());
        let user = group.first().map_or(0, |row| row.user as usize);
        data.users.extend(
            user_names
                .by_ref()
                .find(|(code, _)| *code == user)
                .map(|(_, name)| name),
        );
    }
    Ok(data)
}

/// An event's identity. Codes ascend with their texts, so this is the order of profiles.
fn key(row: &Row) -> (u32, i64, u32, u8) {
    (
        row.user,
        row.signal.timestamp,
        row.signal.item,
        row.signal.kind,
    )
}

fn sort(table: &mut [Row]) {
    // Of two weights for one event the larger one stays, as in a profile.
    table.sort_unstable_by(|a, b| {
        key(a)
            .cmp(&key(b))
            .then_with(|| b.signal.weight.total_cmp(&a.signal.weight))
    });
}

/// The items of the model, and the map from the events' codes to them.
fn join_items(
    names: Vec<String>,
    table: &[Row],
    catalog: Option<&Catalog>,
) -> (Vec<String>, Vec<u32>) {
    let mut used = vec![false; names.len()];
    for row in table {
        if let Some(flag) = used.get_mut(row.signal.item as usize) {
            *flag = true;
        }
    }
    let mut map = vec![0u32; names.len()];
    let mut items: Vec<String> = Vec::new();
    let mut listed = catalog.into_iter().flat_map(Catalog::ids).peekable();
    for (code, name) in names
        .into_iter()
        .enumerate()
        .filter(|(code, _)| used.get(*code) == Some(&true))
    {
        while let Some(id) = listed.next_if(|id| *id < name.as_str()) {
            items.push(id.to_owned());
        }
        listed.next_if(|id| *id == name.as_str());
        if let Some(slot) = map.get_mut(code) {
            *slot = items.len() as u32;
        }
        items.push(name);
    }
    items.extend(listed.map(str::to_owned));
    (items, map)
}
