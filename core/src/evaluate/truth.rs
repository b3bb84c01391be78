//! The test set by user: test items, and where the history comes from.

use std::ops::Range;

use super::TestSet;
use super::options::invalid;
use crate::error::{Result, shown};
use crate::event::{
    DEFAULT_KIND, EventColumns, IdColumn, check_kind_name, check_timestamp, check_weight,
};
use crate::id::check_id;
use crate::model::Model;
use crate::profile::MAX_EVENTS;
use crate::rank::Signal;

/// The test set, users ascending by id.
pub(super) struct Truth {
    pub(super) ids: Vec<String>,
    ranges: Vec<Range<usize>>,
    /// The test items of all users, as positions in `names`.
    items: Vec<u32>,
    /// The test items by id, ascending.
    names: Vec<String>,
    /// Rows of the histories by user; `None` for a user without any.
    given: Vec<Option<Range<usize>>>,
    history: Vec<Given>,
    history_items: Vec<String>,
    history_kinds: Vec<String>,
    /// The segments by label, ascending, and the number of each user's segment.
    pub(super) segments: Vec<String>,
    pub(super) segment: Vec<Option<u32>>,
}

/// One event of a history that came with the test set.
struct Given {
    item: u32,
    kind: u32,
    weight: f32,
    timestamp: i64,
}

/// The test set in the indices of one model.
pub(super) struct Resolved<'a> {
    truth: &'a Truth,
    model: &'a Model,
    /// The index of each user in the snapshot.
    users: Vec<Option<u32>>,
    /// Test items, ascending within a user; an unknown item is `u32::MAX`.
    items: Vec<u32>,
    pub(super) unknown_items: usize,
    history_items: Vec<Option<u32>>,
    history_kinds: Vec<u8>,
}

impl Truth {
    pub(super) fn new(test: &TestSet<'_>) -> Result<Self> {
        test.check()?;
        let (user_codes, users) = checked("user_id", &test.user_id)?;
        let (item_codes, names) = checked("item_id", &test.item_id)?;
        let mut pairs: Vec<(u32, u32)> = user_codes.into_iter().zip(item_codes).collect();
        pairs.sort_unstable();
        pairs.dedup();
        let mut truth = Self {
            ids: Vec::new(),
            ranges: Vec::new(),
            items: pairs.iter().map(|pair| pair.1).collect(),
            names,
            given: Vec::new(),
            history: Vec::new(),
            history_items: Vec::new(),
            history_kinds: Vec::new(),
            segments: Vec::new(),
            segment: Vec::new(),
        };
        let mut users = users.into_iter();
        let mut start = 0;
        for group in pairs.chunk_by(|a, b| a.0 == b.0) {
            // Every distinct user has a pair, so the groups are the users.
            truth.ids.extend(users.next());
            truth.ranges.push(start..start + group.len());
            start += group.len();
        }
        truth.given = vec![None; truth.ids.len()];
        truth.segment = vec![None; truth.ids.len()];
        if let Some(history) = &test.history {
            truth.read_history(history)?;
        }
        if let Some((users, labels)) = &test.segments {
            truth.read_segments(users, labels)?;
        }
        Ok(truth)
    }

    fn read_history(&mut self, events: &EventColumns<'_>) -> Result<()> {
        let rows = events.rows().map_err(|e| e.context("history"))?;
        let (user_codes, users) = checked("history.user_id", &events.user_id)?;
        let (item_codes, items) = checked("history.item_id", &events.item_id)?;
        let (kind_codes, kinds) = match &events.kind {
            Some(column) => column.encode(),
            None => (vec![0; rows], vec![DEFAULT_KIND.to_owned()]),
        };
        for kind in &kinds {
            check_kind_name(kind).map_err(|e| e.context("history"))?;
        }
        let mut table = Vec::with_capacity(rows);
        for (row, ((user, &item), &kind)) in user_codes
            .into_iter()
            .zip(&item_codes)
            .zip(&kind_codes)
            .enumerate()
        {
            let weight = events.weight.and_then(|w| w.get(row)).copied();
            let weight = weight.unwrap_or(1.0);
            let timestamp = events.timestamp.and_then(|t| t.get(row)).copied();
            let timestamp = timestamp.unwrap_or(0);
            check_weight("weight", weight)
                .and_then(|()| check_timestamp("timestamp", timestamp))
                .map_err(|e| e.context(format_args!("history, row {row}")))?;
            // As a profile keeps it: `f32`, and no negative zero.
            let weight = weight as f32 + 0.0;
            table.push((
                user,
                Given {
                    item,
                    kind,
                    weight,
                    timestamp,
                },
            ));
        }
        // The canonical order of a profile; of two weights for one event the larger one stays.
        let key = |(user, e): &(u32, Given)| (*user, e.timestamp, e.item, e.kind);
        table.sort_unstable_by(|a, b| {
            key(a)
                .cmp(&key(b))
                .then_with(|| b.1.weight.total_cmp(&a.1.weight))
        });
        table.dedup_by(|b, a| key(a) == key(b));
        let mut start = 0;
        for group in table.chunk_by(|a, b| a.0 == b.0) {
            let end = start + group.len();
            let user = group
                .first()
                .and_then(|(user, _)| users.get(*user as usize));
            let at = user.and_then(|user| self.ids.binary_search(user).ok());
            if let Some(slot) = at.and_then(|at| self.given.get_mut(at)) {
                *slot = Some(end - group.len().min(MAX_EVENTS)..end);
            }
            start = end;
        }
        self.history = table.into_iter().map(|(_, event)| event).collect();
        self.history_items = items;
        self.history_kinds = kinds;
        Ok(())
    }

    fn read_segments(&mut self, users: &IdColumn<'_>, labels: &IdColumn<'_>) -> Result<()> {
        let (user_codes, users) = checked("segments.user_id", users)?;
        let (label_codes, labels) = checked("segment", labels)?;
        let mut of_user = vec![None; users.len()];
        for (&user, &label) in user_codes.iter().zip(&label_codes) {
            let Some(slot) = of_user.get_mut(user as usize) else {
                continue;
            };
            if slot.is_some_and(|known| known != label) {
                let name = users.get(user as usize).map_or("", String::as_str);
                return Err(invalid(format!(
                    "segments: the user {} has two segments; a user has one",
                    shown(name)
                )));
            }
            *slot = Some(label);
        }
        for (user, slot) in self.ids.iter().zip(&mut self.segment) {
            let at = users.binary_search(user).ok();
            *slot = at.and_then(|at| of_user.get(at).copied().flatten());
        }
        self.segments = labels;
        Ok(())
    }

    pub(super) fn users(&self) -> usize {
        self.ids.len()
    }

    /// How many test items a user has.
    pub(super) fn tested(&self, user: usize) -> usize {
        self.ranges.get(user).map_or(0, Range::len)
    }

    /// The same test set in the indices of a model.
    ///
    /// A user with a given history needs nothing of the snapshot; any other one needs a snapshot
    /// that holds histories.
    pub(super) fn resolve<'a>(&'a self, model: &'a Model) -> Result<Resolved<'a>> {
        if model.user_count() == 0 && self.given.iter().all(Option::is_none) {
            return Err(invalid(
                "the model holds no histories (keep_profiles was false, or it is an edge export), so there is nothing to answer from; give them as `history`",
            ));
        }
        let known: Vec<Option<u32>> = self.names.iter().map(|id| model.item_index(id)).collect();
        let index = |code: &u32| known.get(*code as usize).copied().flatten();
        let mut items: Vec<u32> = self
            .items
            .iter()
            .map(|code| index(code).unwrap_or(u32::MAX))
            .collect();
        let unknown_items = items.iter().filter(|&&item| item == u32::MAX).count();
        for range in &self.ranges {
            if let Some(items) = items.get_mut(range.clone()) {
                items.sort_unstable();
            }
        }
        let kind = |name: &String| match model.kinds().position(name) {
            Some(kind) => Ok(kind as u8),
            None => Err(crate::event::KindTable::unknown(name, model.kinds()).context("history")),
        };
        let users = self.ids.iter().zip(&self.given).map(|(id, given)| {
            if given.is_some() {
                None
            } else {
                model.users().find(id)
            }
        });
        Ok(Resolved {
            truth: self,
            model,
            users: users.collect(),
            items,
            unknown_items,
            history_items: self
                .history_items
                .iter()
                .map(|id| model.item_index(id))
                .collect(),
            history_kinds: self.history_kinds.iter().map(kind).collect::<Result<_>>()?,
        })
    }
}

impl Resolved<'_> {
    /// Replaces `out` with the history that a user is answered from.
    pub(super) fn signals(&self, user: usize, out: &mut Vec<Signal>) {
        out.clear();
        if let Some(&Some(index)) = self.users.get(user) {
            self.model.signals(index, out);
        }
        let given = self.truth.given.get(user).cloned().flatten();
        let rows = given.and_then(|range| self.truth.history.get(range));
        for event in rows.unwrap_or(&[]) {
            let item = self.history_items.get(event.item as usize).copied();
            if let Some(item) = item.flatten() {
                out.push(Signal {
                    item,
                    kind: self
                        .history_kinds
                        .get(event.kind as usize)
                        .copied()
                        .unwrap_or(Signal::NO_KIND),
                    weight: event.weight,
                    timestamp: event.timestamp,
                });
            }
        }
    }

    /// The test items of a user, ascending; an unknown one is `u32::MAX`.
    pub(super) fn items(&self, user: usize) -> &[u32] {
        self.truth
            .ranges
            .get(user)
            .and_then(|range| self.items.get(range.clone()))
            .unwrap_or(&[])
    }
}

/// Numbers the values of a column and checks each.
pub(super) fn checked(name: &str, column: &IdColumn<'_>) -> Result<(Vec<u32>, Vec<String>)> {
    let (codes, values) = column.encode();
    for value in &values {
        check_id(name, value)?;
    }
    Ok((codes, values))
}
