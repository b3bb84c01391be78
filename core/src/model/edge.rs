//! A smaller snapshot for the browser: fewer neighbours, chosen attributes, no histories.

use serde_json::{Value as Json, json};

use super::Model;
use super::graph::{self, Row};
use crate::bitset::BitSet;
use crate::catalog::columns;
use crate::error::{Error, ErrorKind, Result, shown};
use crate::fields::Fields;
use crate::id::IdTable;
use crate::snapshot::{Section, Writer};

/// What [`Model::export_edge`] keeps.
#[derive(Clone, Debug, PartialEq)]
pub struct EdgeOptions {
    /// Neighbours an item, 1 to 4096. Default 32.
    pub neighbors: usize,
    /// The attributes to keep; all of them if `None`.
    pub attributes: Option<Vec<String>>,
}

impl Default for EdgeOptions {
    fn default() -> Self {
        Self {
            neighbors: 32,
            attributes: None,
        }
    }
}

impl EdgeOptions {
    /// Options from a JSON object: `{"neighbors": 32, "attributes": ["title"]}`.
    ///
    /// # Errors
    /// [`crate::ErrorKind::InvalidArgument`] for an unknown name or a value out of range.
    pub fn from_json(value: &Json) -> Result<Self> {
        let fields = Fields::new("edge options", value, &["neighbors", "attributes"])?;
        Ok(Self {
            neighbors: fields.whole("neighbors", 32, 1, 4096)? as usize,
            attributes: fields.texts("attributes")?,
        })
    }
}

impl Model {
    /// A model for the browser: the strongest neighbours of each item, the chosen attributes,
    /// and never anybody's history. Bandits and a vector index stay behind; the index's own
    /// [`export_edge`](crate::index::VectorIndex::export_edge) can be added by
    /// [`Model::with_index`].
    ///
    /// Weights keep their values, so the scores of the items that stay reachable are sums of
    /// the same parts. Cost: one pass over the graph.
    ///
    /// # Errors
    /// [`crate::ErrorKind::InvalidArgument`] for options out of range, and for an attribute that
    /// the model does not have.
    pub fn export_edge(&self, options: &EdgeOptions) -> Result<Model> {
        EdgeOptions::from_json(&json!({"neighbors": options.neighbors}))?;
        for name in options.attributes.iter().flatten() {
            if !self.inner.columns.iter().any(|column| column.name == *name) {
                let rule = format!(
                    "edge options.attributes: the catalog has no attribute {}",
                    shown(name)
                );
                return Err(Error::new(ErrorKind::InvalidArgument, rule));
            }
        }
        let graph = self.graph();
        let ids: Vec<&str> = self.items().iter().collect();
        let mut offsets = vec![0u32];
        let (mut neighbours, mut weights) = (Vec::new(), Vec::new());
        for item in 0..self.item_count() as u32 {
            let (row_ids, row_weights) = graph.row(item);
            let mut row: Row = row_ids
                .iter()
                .zip(row_weights.iter().map(|&w| f32::from(w)))
                .collect();
            graph::strongest(&mut row, options.neighbors);
            row.sort_unstable_by_key(|&(id, _)| id);
            for (id, weight) in row {
                neighbours.push(id);
                weights.push(weight as u16);
            }
            offsets.push(neighbours.len() as u32);
        }
        let catalog = self.columns().thaw(&ids, options.attributes.as_deref())?;
        let mut writer = Writer::default();
        let columns = columns::write(&mut writer, &catalog, &ids)?;
        let table = IdTable::build(ids.iter().copied())?;
        writer.add(Section::ItemOffsets, 0, &table.offsets);
        writer.add(Section::ItemBytes, 0, &table.bytes);
        writer.add(Section::ItemSlots, 0, &table.slots);
        graph::write(&mut writer, ids.len(), &offsets, &neighbours, &weights);
        writer.add::<f32>(
            Section::Popularity,
            0,
            self.inner.sections.slice(&self.inner.popularity),
        );
        writer.add(Section::PopularOrder, 0, self.popular_order());
        let active = self
            .active()
            .cloned()
            .unwrap_or_else(|| BitSet::full(self.item_count()));
        writer.add(Section::Active, 0, active.words());

        let mut manifest = self.manifest().clone();
        if let Some(fields) = manifest.as_object_mut() {
            // What was tried, and what updates need, is of no use in a browser.
            fields.remove("tuning");
            fields.remove("update");
            fields.remove("state");
            fields.remove("bandits");
            fields.insert("columns".to_owned(), columns);
            fields.insert("profiles".to_owned(), Json::Null);
            fields.insert(
                "edge".to_owned(),
                json!({"of": self.hash(), "neighbors": options.neighbors}),
            );
        }
        writer.add(Section::Manifest, 0, manifest.to_string().as_bytes());
        Model::from_storage(writer.finish()?)
    }
}
