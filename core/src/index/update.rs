//! Changes: a new index from an old one, while searches in the old one go on.

use std::collections::BTreeSet;

use serde_json::json;
use tastemaker_kernels::narrow_halves;

use crate::catalog::Catalog;
use crate::control::Control;
use crate::error::{Error, ErrorKind, Result};
use crate::event::IdColumn;
use crate::parallel::Workers;
use crate::rank::check_threads;

use super::VectorIndex;
use super::binary;
use super::build::{Ordered, SpaceOf, Stored, hashes, sides};
use super::file::{self, Links, Parts};
use super::hnsw;
use super::options::{Kind, Precision};
use super::quantize::{Bounds, Scale};
use super::sketch;
use super::target::in_halves;
use super::vectors::Vectors;
use super::view::{View, stride};

/// What changes in an index.
#[derive(Clone, Copy, Debug)]
pub struct Changes<'a> {
    /// The ids of `vectors`, one a row. Ids that the index has get these vectors in place of all
    /// they had; others are new items. Rows that share an id are one item.
    pub ids: IdColumn<'a>,
    /// The vectors.
    pub vectors: Vectors<'a>,
    /// Attributes of the items in `ids`, in place of those they had. Without it, items keep what
    /// they have.
    pub catalog: Option<&'a Catalog>,
    /// The ids of items to take out; an id that is also in `ids` is put in again. Ids that the
    /// index does not have are reported.
    pub remove: &'a [&'a str],
}

/// A changed index, and what became of the changes.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Updated {
    /// The new index.
    pub index: VectorIndex,
    /// Items that were new.
    pub inserted: usize,
    /// Items whose vectors were replaced.
    pub replaced: usize,
    /// Items that were taken out.
    pub removed: usize,
    /// Ids to remove that the index did not have, in the order given.
    pub unknown: Vec<String>,
}

/// The old attributes, with those of the new catalog's items in their place.
fn joined(old: Option<Catalog>, new: &Catalog) -> Result<Catalog> {
    let mut all = old.unwrap_or_default();
    for id in new.ids() {
        let attributes = new.get(id).unwrap_or_default();
        if all.contains(id) {
            all.replace(id, &attributes)?;
        } else {
            all.add(id, &attributes)?;
        }
    }
    Ok(all)
}

/// Where a row of the new index comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// A row of the old index.
    Old(u32),
    /// A row of the changes, in the order of their ids.
    New(u32),
}

/// The rows of the new index.
struct Merged {
    ids: Vec<String>,
    starts: Vec<u32>,
    sources: Vec<Source>,
    inserted: usize,
    replaced: usize,
}

/// Joins what stays of the old items with the new ones, ascending by id.
fn merge(view: &View<'_>, new: &Ordered, gone: &BTreeSet<u32>) -> Merged {
    let mut merged = Merged {
        ids: Vec::new(),
        starts: vec![0],
        sources: Vec::new(),
        inserted: 0,
        replaced: 0,
    };
    let mut news = new.ids.iter().zip(new.starts.windows(2)).peekable();
    let mut olds = (0..view.items as u32).peekable();
    loop {
        let old = olds
            .peek()
            .map(|&item| (item, view.ids.get(item).unwrap_or("")));
        let order = match (old, news.peek()) {
            (None, None) => break,
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some((_, old)), Some((new, _))) => old.cmp(new.as_str()),
        };
        if let (Some((item, id)), true) = (old, order.is_le()) {
            olds.next();
            if order.is_lt() && !gone.contains(&item) {
                merged.ids.push(id.to_owned());
                merged.sources.extend(view.rows_of(item).map(Source::Old));
                merged.starts.push(merged.sources.len() as u32);
            }
        }
        if order.is_ge()
            && let Some((id, range)) = news.next()
        {
            let (first, end) = (range.first().copied(), range.last().copied());
            let rows = first.unwrap_or(0)..end.unwrap_or(0);
            // An id of a dictionary that no row uses.
            if rows.is_empty() {
                continue;
            }
            if order.is_eq() {
                merged.replaced += 1;
            } else {
                merged.inserted += 1;
            }
            merged.ids.push(id.clone());
            merged.sources.extend(rows.map(Source::New));
            merged.starts.push(merged.sources.len() as u32);
        }
    }
    merged
}

/// The rows of both in their new order.
fn gather<T: Copy>(sources: &[Source], old: &[T], new: &[T], width: usize) -> Vec<T> {
    let mut out = Vec::with_capacity(sources.len() * width);
    for source in sources {
        let (from, row) = match *source {
            Source::Old(row) => (old, row),
            Source::New(row) => (new, row),
        };
        let start = row as usize * width;
        out.extend_from_slice(from.get(start..start + width).unwrap_or(&[]));
    }
    out
}

impl VectorIndex {
    /// A new index with the changes made. The old one stays as it is, and so do searches in it:
    /// readers go on with their clone until they take the new one.
    ///
    /// Rows that stay keep their vectors. The new index is compact: nothing of what was removed is
    /// left in it. Costs a copy of the index and the work for the changes, so make many changes
    /// in one call.
    ///
    /// # Errors
    /// As [`VectorIndex::build`], and [`ErrorKind::InvalidVector`] for vectors of another
    /// dimension; the old index is not touched.
    pub fn update(
        &self,
        changes: &Changes<'_>,
        threads: usize,
        control: &Control<'_>,
    ) -> Result<Updated> {
        check_threads(threads)?;
        let inner = &self.inner;
        let layout = &inner.layout;
        let view = inner.view();
        let width = view.dimension;
        let workers = Workers { threads, control };
        if changes.vectors.rows() > 0 && changes.vectors.dimension() != width {
            return Err(Error::new(
                ErrorKind::InvalidVector,
                format!(
                    "the vectors have {} values; the index has vectors of {width}",
                    changes.vectors.dimension()
                ),
            ));
        }
        let mut gone = BTreeSet::new();
        let mut unknown = Vec::new();
        for id in changes.remove {
            match view.ids.find(id) {
                Some(item) => {
                    gone.insert(item);
                }
                None => unknown.push((*id).to_owned()),
            }
        }
        let new = Ordered::new(&changes.ids, changes.vectors.rows())?;
        let merged = merge(&view, &new, &gone);
        let options = &layout.options;
        let halves = in_halves(options.storage, options.metric);
        let new_floats = changes
            .vectors
            .prepared(&new.order, options.metric, halves, &workers)?;
        let recoded = recode(
            &view,
            layout.kind,
            options.storage,
            &merged.sources,
            &new_floats,
            &workers,
        )?;
        // Another step makes other lengths.
        let usual = match recoded.scale == *view.scale {
            true => layout.usual,
            false => 0,
        };
        let (sides, usual) = sides(&recoded.codes, stride(width), width, options.metric, usual);
        let stored = Stored {
            sides,
            halves: match options.storage {
                Precision::F16 => {
                    let mut halves = vec![0u16; new_floats.len()];
                    narrow_halves(&new_floats, &mut halves);
                    gather(&merged.sources, view.halves, &halves, width)
                }
                _ => Vec::new(),
            },
            floats: match options.storage {
                Precision::F32 => gather(&merged.sources, view.floats, &new_floats, width),
                _ => Vec::new(),
            },
            codes: recoded.codes,
        };
        let kept: Vec<&str> = view.ids.iter().collect();
        let catalog = match (inner.thaw(&kept)?, changes.catalog) {
            (old, None) => old,
            (old, Some(new)) => Some(joined(old, new)?),
        };
        let ids: Vec<&str> = merged.ids.iter().map(String::as_str).collect();
        let hashes = hashes(&ids, &merged.starts, options.seed);
        let sketches = sketch::Stored::of_kind(layout.kind, &stored.codes, width, &workers)?;
        let inputs = hnsw::Inputs {
            space: SpaceOf {
                metric: options.metric,
                dimension: width,
                codes: &stored.codes,
                sides: &stored.sides,
                sketches: sketches.as_ref().and_then(sketch::Stored::borrowed),
            },
            m: options.m,
            ef: options.ef_construction,
            late: false,
            hashes: &hashes,
        };
        let stayed_rows = merged
            .sources
            .iter()
            .filter(|source| matches!(source, Source::Old(_)))
            .count();
        let graph = match view.graph {
            None => None,
            // Where most is new, to begin anew costs less.
            Some(_) if stayed_rows < merged.sources.len() / 2 => {
                Some(hnsw::build(&inputs, &workers)?)
            }
            Some(old) => {
                let inputs = hnsw::Inputs {
                    late: true,
                    ..inputs
                };
                Some(hnsw::update(&inputs, &old, &merged.sources, &workers)?)
            }
        };
        let bits =
            binary::Stored::of_kind(layout.kind, &stored.codes, width, options.metric, &workers)?;
        let storage = file::write(&Parts {
            options,
            bits: bits.as_ref().map(binary::Stored::borrowed),
            sketches: sketches.as_ref().and_then(sketch::Stored::borrowed),
            graph: graph.as_ref().map_or(Links::None, Links::Built),
            kind: layout.kind,
            dimension: width,
            ids: &ids,
            row_starts: &merged.starts,
            scale: &recoded.scale,
            bounds: recoded.bounds,
            floats: &stored.floats,
            halves: &stored.halves,
            codes: &stored.codes,
            sides: &stored.sides,
            catalog: catalog.as_ref(),
            usual,
            extra: json!({}),
        })?;
        let stayed = merged.ids.len() - merged.inserted - merged.replaced;
        Ok(Updated {
            index: VectorIndex::from_storage(storage, true)?,
            inserted: merged.inserted,
            replaced: merged.replaced,
            removed: view.items - merged.replaced - stayed,
            unknown,
        })
    }
}

struct Recoded {
    scale: Scale,
    bounds: Bounds,
    codes: Vec<u8>,
}

/// The codes of all rows. Where there is a graph, or nothing but codes, rows that stay keep
/// theirs, as long as the new rows fit the scale; else a scale is fitted anew.
fn recode(
    view: &View<'_>,
    kind: Kind,
    storage: Precision,
    sources: &[Source],
    new_floats: &[f32],
    workers: &Workers<'_>,
) -> Result<Recoded> {
    let (width, stride) = (view.dimension, stride(view.dimension));
    let mut relative = vec![0f32; width];
    let mut fits = view.rows > 0;
    for row in new_floats.chunks_exact(width) {
        view.scale.relative(row, &mut relative);
        fits &= relative.iter().all(|v| v.abs() <= 127.5 * view.scale.step);
    }
    if fits && (kind == Kind::Hnsw || storage == Precision::Int8) {
        let (codes, bounds) = view.scale.encode(new_floats, width, stride, workers)?;
        return Ok(Recoded {
            scale: view.scale.clone(),
            bounds: Bounds {
                error: bounds.error.max(view.bounds.error),
                length: bounds.length.max(view.bounds.length),
            },
            codes: gather(sources, view.codes.bytes(), &codes, stride),
        });
    }
    // What the codes say where there is nothing else.
    let mut old = vec![0f32; view.rows * width];
    for (row, out) in old.chunks_exact_mut(width).enumerate() {
        view.decode(row as u32, out);
    }
    let floats = gather(sources, &old, new_floats, width);
    let scale = Scale::fit(&floats, width, view.metric, workers)?;
    let (codes, mut bounds) = scale.encode(&floats, width, stride, workers)?;
    if storage == Precision::Int8 {
        // The rows were rounded before.
        bounds.error += view.bounds.error;
        bounds.length += view.bounds.error;
    }
    Ok(Recoded {
        scale,
        bounds,
        codes,
    })
}
