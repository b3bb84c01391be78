//! The smaller form for browsers and edge runtimes: codes and graph, without the vectors.

use serde_json::json;

use crate::error::Result;

use super::VectorIndex;
use super::file::{self, Links, Parts};
use super::options::{IndexOptions, Precision};

impl VectorIndex {
    /// The same index with 8-bit vectors: a byte a value instead of five, the same graph, the
    /// same items and attributes. Scores then come from the 8-bit form; see
    /// [`Precision::Int8`].
    ///
    /// # Errors
    /// [`ErrorKind::LimitExceeded`](crate::ErrorKind::LimitExceeded) beyond what the machine can
    /// address.
    pub fn export_edge(&self) -> Result<Self> {
        let layout = &self.inner.layout;
        let view = self.inner.view();
        let ids: Vec<&str> = view.ids.iter().collect();
        let options = IndexOptions {
            storage: Precision::Int8,
            ..layout.options.clone()
        };
        let catalog = self.inner.thaw(&ids)?;
        let starts: Vec<u32> = match view.row_starts {
            [] => (0..=view.rows as u32).collect(),
            starts => starts.to_vec(),
        };
        let storage = file::write(&Parts {
            options: &options,
            bits: view.bits,
            sketches: view.sketches,
            graph: Links::Copied(layout),
            kind: layout.kind,
            dimension: view.dimension,
            ids: &ids,
            row_starts: &starts,
            scale: view.scale,
            bounds: view.bounds,
            floats: &[],
            halves: &[],
            codes: layout.sections.slice(&layout.codes),
            sides: view.sides,
            catalog: catalog.as_ref(),
            usual: layout.usual,
            extra: json!({"edge": {"of": self.hash()}}),
        })?;
        Self::from_storage(storage, true)
    }
}
