//! Lays a trained model out as a snapshot.

use serde_json::{Value as Json, json};

use super::ingest::Data;
use super::{Matrix, TrainOptions};
use crate::bitset::BitSet;
use crate::catalog::{Catalog, columns};
use crate::error::{Error, ErrorKind, Result};
use crate::id::IdTable;
use crate::model::graph::{self, Quantised};
use crate::model::state::State;
use crate::model::{Model, popularity};
use crate::snapshot::{Section, Writer};

pub(super) fn assemble(
    data: &Data,
    catalog: Option<&Catalog>,
    matrix: &Matrix,
    quantised: &Quantised,
    state: Option<&State>,
    reports: &[(&str, Json)],
    options: &TrainOptions,
) -> Result<Model> {
    let mut writer = Writer::default();
    let ids: Vec<&str> = data.items.iter().map(String::as_str).collect();
    add_ids(
        &mut writer,
        [Section::ItemOffsets, Section::ItemBytes, Section::ItemSlots],
        &ids,
    )?;
    graph::write(
        &mut writer,
        ids.len(),
        &quantised.offsets,
        &quantised.ids,
        &quantised.weights,
    );
    let (popularity, order) = popularity::compute(matrix);
    writer.add(Section::Popularity, 0, &popularity);
    writer.add(Section::PopularOrder, 0, &order);
    let mut active = BitSet::full(ids.len());
    if let Some(catalog) = catalog.filter(|_| !options.recommend_unlisted) {
        for (index, _) in ids
            .iter()
            .enumerate()
            .filter(|(_, id)| !catalog.contains(id))
        {
            active.remove(index);
        }
    }
    writer.add(Section::Active, 0, active.words());
    let columns = match catalog {
        Some(catalog) => columns::write(&mut writer, catalog, &ids)?,
        None => json!([]),
    };
    let profiles = if options.keep_profiles {
        add_profiles(&mut writer, data, options)?
    } else {
        Json::Null
    };
    let mut manifest = json!({
        "library": "tastemaker",
        "version": env!("CARGO_PKG_VERSION"),
        "item_id_type": options.item_id_type.as_str(),
        "user_id_type": options.user_id_type.as_str(),
        "options": options.to_json(),
        "kinds": options.kinds.to_json(),
        "half_life_ms": options.half_life_ms(),
        "counts": {
            "events": data.counts.rows,
            "rejected": data.counts.rejected,
            "duplicates": data.counts.duplicates,
            "beyond_history": data.counts.beyond_history,
            "users": data.users.len(),
            "items": data.items.len(),
            "unlisted_items": data.counts.unlisted_items,
            "interactions": matrix.entries(),
            "edges": quantised.ids.len(),
        },
        "graph": {"scale": quantised.scale},
        "columns": columns,
        "profiles": profiles,
    });
    if let Some(map) = manifest.as_object_mut() {
        if let Some(items) = options.max_history_items {
            map.insert("max_history_items".to_owned(), items.into());
        }
        for (name, report) in reports.iter().filter(|(_, report)| !report.is_null()) {
            map.insert((*name).to_owned(), report.clone());
        }
        if let Some(state) = state {
            map.insert("state".to_owned(), state.write(&mut writer));
        }
    }
    writer.add(Section::Manifest, 0, manifest.to_string().as_bytes());
    Model::from_storage(writer.finish()?)
}

fn add_ids(writer: &mut Writer, sections: [Section; 3], ids: &[&str]) -> Result<()> {
    let table = IdTable::build(ids.iter().copied())?;
    let [offsets, bytes, slots] = sections;
    writer.add(offsets, 0, &table.offsets);
    writer.add(bytes, 0, &table.bytes);
    writer.add(slots, 0, &table.slots);
    Ok(())
}

/// Writes the histories; a column in which all values are the usual one is left out.
fn add_profiles(writer: &mut Writer, data: &Data, options: &TrainOptions) -> Result<Json> {
    let users: Vec<&str> = data.users.iter().map(String::as_str).collect();
    add_ids(
        writer,
        [Section::UserOffsets, Section::UserBytes, Section::UserSlots],
        &users,
    )?;
    let starts: Option<Vec<u32>> = data
        .starts
        .iter()
        .map(|&start| u32::try_from(start).ok())
        .collect();
    let starts = starts.ok_or_else(|| {
        Error::new(
            ErrorKind::LimitExceeded,
            "more than 2^32 events in the histories",
        )
    })?;
    writer.add(Section::ProfileOffsets, 0, &starts);
    writer.add(
        Section::ProfileItems,
        0,
        &data.signals.iter().map(|s| s.item).collect::<Vec<_>>(),
    );
    let kinds: Vec<u8> = data.signals.iter().map(|s| s.kind).collect();
    let first = kinds.first().copied().unwrap_or(0);
    let one_kind = kinds.iter().all(|&kind| kind == first);
    if !one_kind {
        writer.add(Section::ProfileKinds, 0, &kinds);
    }
    if data.signals.iter().any(|s| s.weight != 1.0) {
        writer.add(
            Section::ProfileWeights,
            0,
            &data.signals.iter().map(|s| s.weight).collect::<Vec<_>>(),
        );
    }
    if data.signals.iter().any(|s| s.timestamp != 0) {
        writer.add(
            Section::ProfileTimes,
            0,
            &data.signals.iter().map(|s| s.timestamp).collect::<Vec<_>>(),
        );
    }
    let kind = (one_kind && !kinds.is_empty())
        .then(|| options.kinds.name(first as usize))
        .flatten();
    Ok(json!({"events": data.signals.len(), "kind": kind}))
}
