//! Training histories inside a snapshot: events by user, with constant columns left out.

use std::ops::Range;

use serde_json::Value as Json;
use tastemaker_kernels::Ids;

use super::graph::rows_ascend;
use super::{Model, section_ranges};
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Event, KindTable};
use crate::profile::Profile;
use crate::rank::Signal;
use crate::snapshot::{Section, Sections};

/// Where the columns of the stored histories lie.
pub(crate) struct Layout {
    offsets: Range<usize>,
    items: Range<usize>,
    kinds: Range<usize>,
    weights: Range<usize>,
    times: Range<usize>,
    /// The kind of every event, where there is no column of kinds.
    kind: u8,
}

pub(super) fn open(
    sections: &Sections,
    manifest: &Json,
    users: usize,
    items: usize,
    kinds: &KindTable,
) -> Result<Layout> {
    let corrupt = |what: &str| {
        Error::new(
            ErrorKind::CorruptSnapshot,
            format!("the snapshot is damaged: profiles: {what}"),
        )
    };
    let [offsets, item_range, kind_range] = section_ranges(
        sections,
        [
            Section::ProfileOffsets,
            Section::ProfileItems,
            Section::ProfileKinds,
        ],
    );
    let weights = sections.range(Section::ProfileWeights, 0);
    let times = sections.range(Section::ProfileTimes, 0);
    let starts: &[u32] = sections.slice(&offsets);
    let event_items: &[u32] = sections.slice(&item_range);
    let event_kinds: &[u8] = sections.slice(&kind_range);
    let events = event_items.len();
    if users == 0 && starts.is_empty() && events == 0 {
        return Ok(Layout {
            offsets,
            items: item_range,
            kinds: kind_range,
            weights,
            times,
            kind: 0,
        });
    }
    let shape = starts.len() == users + 1
        && starts.first() == Some(&0)
        && starts.last().is_some_and(|&end| end as usize == events)
        && starts.is_sorted();
    if !shape {
        return Err(corrupt("rows"));
    }
    let kind = manifest
        .get("profiles")
        .and_then(|p| p.get("kind"))
        .and_then(Json::as_str);
    let kind = match kind {
        Some(name) => kinds
            .position(name)
            .ok_or_else(|| corrupt("unknown kind"))?,
        None => 0,
    };
    let known = event_kinds.iter().all(|&k| (k as usize) < kinds.len());
    if !known || !(event_kinds.is_empty() || event_kinds.len() == events) {
        return Err(corrupt("kinds"));
    }
    let event_weights: &[f32] = sections.slice(&weights);
    if !(weights.is_empty() || event_weights.len() == events)
        || event_weights.iter().any(|w| !w.is_finite())
    {
        return Err(corrupt("weights"));
    }
    let event_times: &[i64] = sections.slice(&times);
    let range = crate::event::MIN_TIMESTAMP..=crate::event::MAX_TIMESTAMP;
    if !(times.is_empty() || event_times.len() == events)
        || event_times.iter().any(|t| !range.contains(t))
    {
        return Err(corrupt("times"));
    }
    let identity = |at: usize| {
        (
            event_times.get(at).copied().unwrap_or(0),
            event_items.get(at).copied().unwrap_or(0),
            event_kinds.get(at).copied().unwrap_or(0),
        )
    };
    // Without times and kinds the order is that of the items, which is quick to check.
    let canonical = if event_times.is_empty() && event_kinds.is_empty() {
        rows_ascend(starts, Ids::Wide(event_items), items)
    } else {
        let in_order = starts.windows(2).all(|range| match *range {
            [start, end] => {
                (start as usize + 1..end as usize).all(|at| identity(at - 1) < identity(at))
            }
            _ => true,
        });
        in_order && event_items.iter().all(|&item| (item as usize) < items)
    };
    if !canonical {
        return Err(corrupt(
            "events out of order, or on items that are not there",
        ));
    }
    Ok(Layout {
        offsets,
        items: item_range,
        kinds: kind_range,
        weights,
        times,
        kind: kind as u8,
    })
}

impl Model {
    /// Appends the stored events of a user, in canonical order. False if the user is unknown.
    pub(crate) fn signals(&self, user: u32, out: &mut Vec<Signal>) -> bool {
        let layout = &self.inner.profiles;
        let sections = &self.inner.sections;
        let offsets: &[u32] = sections.slice(&layout.offsets);
        let (Some(&start), Some(&end)) =
            (offsets.get(user as usize), offsets.get(user as usize + 1))
        else {
            return false;
        };
        let items: &[u32] = sections.slice(&layout.items);
        let kinds: &[u8] = sections.slice(&layout.kinds);
        let weights: &[f32] = sections.slice(&layout.weights);
        let times: &[i64] = sections.slice(&layout.times);
        let range = start as usize..end as usize;
        let items = items.get(range.clone()).unwrap_or(&[]);
        out.extend(items.iter().zip(range).map(|(&item, at)| Signal {
            item,
            kind: kinds.get(at).copied().unwrap_or(layout.kind),
            weight: weights.get(at).copied().unwrap_or(1.0),
            timestamp: times.get(at).copied().unwrap_or(0),
        }));
        true
    }

    /// The training history of a user; `None` if the snapshot does not hold the user.
    #[must_use]
    pub fn profile(&self, user_id: &str) -> Option<Profile> {
        let mut signals = Vec::new();
        if !self.signals(self.users().find(user_id)?, &mut signals) {
            return None;
        }
        let events = signals.iter().filter_map(|signal| {
            Some(Event {
                item_id: self.item_id(signal.item)?.to_owned(),
                kind: self.kinds().name(signal.kind as usize)?.to_owned(),
                weight: f64::from(signal.weight),
                timestamp: signal.timestamp,
            })
        });
        Some(Profile::from_valid(events.collect()))
    }
}
