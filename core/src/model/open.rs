//! From verified sections to a model: every index checked against what it points into.

use serde_json::Value as Json;

use super::{Inner, bandits, index, profiles, section_ranges, state};
use crate::bitset::BitSet;
use crate::catalog::columns;
use crate::error::{Error, ErrorKind, Result};
use crate::event::KindTable;
use crate::id::Ids;
use crate::model::graph::Layout;
use crate::profile::MAX_EVENTS;
use crate::snapshot::{Section, Sections};

fn corrupt(why: &str) -> Error {
    Error::new(
        ErrorKind::CorruptSnapshot,
        format!("the snapshot is damaged: {why}"),
    )
}

pub(super) fn open(sections: Sections) -> Result<Inner> {
    let range = |section| sections.range(section, 0);
    if range(Section::Manifest).is_empty() && !range(Section::IndexManifest).is_empty() {
        return Err(Error::new(
            ErrorKind::NotASnapshot,
            "the file holds a vector index and no model",
        ));
    }
    let manifest: Json =
        serde_json::from_slice(sections.slice(&sections.range(Section::Manifest, 0)))
            .map_err(|e| corrupt("its manifest is not JSON").with_source(e))?;
    let kinds = KindTable::exactly(manifest.get("kinds").unwrap_or(&Json::Null))
        .map_err(|e| corrupt("its kinds").with_source(e))?;
    let half_life_ms = match manifest.get("half_life_ms") {
        None | Some(Json::Null) => None,
        Some(value) => Some(
            value
                .as_f64()
                .filter(|ms| *ms >= 1.0)
                .ok_or_else(|| corrupt("its half-life"))?,
        ),
    };
    let max_history_items = match manifest.get("max_history_items") {
        None | Some(Json::Null) => None,
        Some(value) => Some(
            value
                .as_u64()
                .filter(|items| (1..=MAX_EVENTS as u64).contains(items))
                .ok_or_else(|| corrupt("its limit of items in a history"))? as usize,
        ),
    };
    let scale = manifest
        .get("graph")
        .and_then(|g| g.get("scale"))
        .and_then(Json::as_i64)
        .filter(|s| (-64..=64).contains(s))
        .ok_or_else(|| corrupt("the graph's scale"))? as i32;

    let item_ids = section_ranges(
        &sections,
        [Section::ItemOffsets, Section::ItemBytes, Section::ItemSlots],
    );
    let items = check_ids(&sections, &item_ids).ok_or_else(|| corrupt("the table of items"))?;
    let mut user_ids = section_ranges(
        &sections,
        [Section::UserOffsets, Section::UserBytes, Section::UserSlots],
    );
    let users = if user_ids.iter().all(std::ops::Range::is_empty) {
        user_ids = [0..0, 0..0, 0..0];
        0
    } else {
        check_ids(&sections, &user_ids).ok_or_else(|| corrupt("the table of users"))?
    };

    let graph = Layout::open(&sections, items, scale).ok_or_else(|| corrupt("the graph"))?;

    let popularity = sections.exactly::<f32>(Section::Popularity, 0, items)?;
    let values: &[f32] = sections.slice(&popularity);
    if !values.iter().all(|v| v.is_finite() && v.is_sign_positive()) {
        return Err(corrupt("the popularity of an item"));
    }
    let popular_order = sections.exactly::<u32>(Section::PopularOrder, 0, items)?;
    let mut listed = BitSet::empty(items);
    for &item in sections.slice::<u32>(&popular_order) {
        listed.insert(item as usize);
    }
    if listed.count() != items {
        return Err(corrupt("the order by popularity"));
    }
    let active = sections.exactly::<u64>(Section::Active, 0, items.div_ceil(64))?;
    let active = BitSet::from_words(sections.slice(&active), items);
    let active = (active.count() < items).then_some(active);

    let columns = columns::open(
        &sections,
        manifest.get("columns").unwrap_or(&Json::Null),
        items,
    )?;
    let profiles = profiles::open(&sections, &manifest, users, items, &kinds)?;
    state::check(&sections, &manifest, items)?;
    let bandits = bandits::check(&sections, &manifest)?;
    let index = index::check(&sections, &columns)?;
    let hash = format!("{:032x}", sections.hash());
    Ok(Inner {
        sections,
        manifest,
        hash,
        kinds,
        half_life_ms,
        max_history_items,
        columns,
        active,
        items,
        item_ids,
        user_ids,
        graph,
        popularity,
        popular_order,
        profiles,
        bandits,
        index,
    })
}

fn check_ids(sections: &Sections, ranges: &[std::ops::Range<usize>; 3]) -> Option<usize> {
    let [offsets, bytes, slots] = ranges;
    let ids = Ids {
        offsets: sections.slice(offsets),
        bytes: sections.slice(bytes),
        slots: sections.slice(slots),
    };
    ids.check().then(|| ids.len())
}
