//! The index as sections of a file: written, opened, checked. `docs/index-format.md` is the
//! normative description.

use std::ops::{Range, RangeInclusive};

use serde_json::{Value as Json, json};

use crate::catalog::Catalog;
use crate::catalog::columns::{self, ColumnInfo};
use crate::error::{Error, ErrorKind, Result};
use crate::id::{IdTable, Ids};
use crate::snapshot::{Section, Sections, Storage, Writer};

use super::binary::{self, Bits};
use super::hnsw;
use super::options::{
    IndexOptions, Kind, MAX_COMPONENT, MAX_DIMENSION, MAX_ROWS, Metric, Precision,
};
use super::quantize::{Bounds, Scale};
use super::sketch::{self, Sketches};
use super::view::stride;

/// The largest step: two components apart, in 127 steps, rounded up. So what codes stand for is
/// finite, as are sums of its products.
const MOST_STEP: f32 = 2.0 * MAX_COMPONENT / 126.0;

/// Where the graph comes from.
#[derive(Clone, Copy)]
pub(super) enum Links<'a> {
    /// There is none.
    None,
    /// From a build or an update.
    Built(&'a hnsw::Built),
    /// From another file, as it is.
    Copied(&'a Layout),
}

/// The range of intrinsic dimensions.
const INTRINSIC: RangeInclusive<f64> = 0.01..=1e6;

impl Links<'_> {
    /// The intrinsic dimension of its rows, to a hundredth.
    fn dimension(&self) -> Option<f64> {
        match self {
            Self::None => None,
            Self::Built(graph) => graph.dimension.map(|d| {
                let rounded = libm::round(100.0 * d) / 100.0;
                rounded.clamp(*INTRINSIC.start(), *INTRINSIC.end())
            }),
            Self::Copied(layout) => layout.intrinsic,
        }
    }

    fn write(&self, writer: &mut Writer) -> usize {
        match self {
            Self::None => 0,
            Self::Built(graph) => {
                graph.write(writer);
                graph.height()
            }
            Self::Copied(layout) => {
                let height = layout.height;
                let levels = 0..=height as u32;
                let sections = [
                    Section::IndexLinks,
                    Section::IndexLevelRows,
                    Section::IndexLevelDown,
                    Section::IndexLevelLinks,
                    Section::IndexTwinFirsts,
                    Section::IndexTwinStarts,
                    Section::IndexTwinRows,
                ];
                for (level, section) in levels.flat_map(|l| sections.map(|s| (l, s))) {
                    let range = layout.sections.range(section, level);
                    if !range.is_empty() {
                        writer.add(section, level, layout.sections.slice::<u32>(&range));
                    }
                }
                height
            }
        }
    }
}

/// What an index consists of, before it is written.
pub(super) struct Parts<'a> {
    pub(super) options: &'a IndexOptions,
    pub(super) graph: Links<'a>,
    /// What `auto` came to.
    pub(super) kind: Kind,
    pub(super) dimension: usize,
    /// The distinct ids, ascending.
    pub(super) ids: &'a [&'a str],
    /// Where each item's rows start.
    pub(super) row_starts: &'a [u32],
    pub(super) scale: &'a Scale,
    pub(super) bounds: Bounds,
    /// One of the two, or neither.
    pub(super) floats: &'a [f32],
    pub(super) halves: &'a [u16],
    pub(super) codes: &'a [u8],
    pub(super) sides: &'a [i32],
    /// Only of the kind `binary`.
    pub(super) bits: Option<Bits<'a>>,
    /// Only of a graph of long rows.
    pub(super) sketches: Option<Sketches<'a>>,
    pub(super) catalog: Option<&'a Catalog>,
    /// See [`super::build::sides`].
    pub(super) usual: i32,
    /// What the manifest says beside.
    pub(super) extra: Json,
}

pub(super) fn corrupt(why: impl std::fmt::Display) -> Error {
    Error::new(
        ErrorKind::CorruptSnapshot,
        format!("the index is damaged: {why}"),
    )
}

/// Writes an index.
pub(super) fn write(parts: &Parts<'_>) -> Result<Storage> {
    let mut writer = Writer::default();
    let columns = match parts.catalog {
        None => Json::Null,
        Some(catalog) => columns::write(&mut writer, catalog, parts.ids)?,
    };
    let height = parts.graph.write(&mut writer);
    let rows = parts.row_starts.last().copied().unwrap_or(0) as usize;
    let mut manifest = json!({
        "library": "tastemaker",
        "version": env!("CARGO_PKG_VERSION"),
        "options": parts.options.to_json(),
        "kind": parts.kind.as_str(),
        "dimension": parts.dimension,
        "rows": rows,
        "items": parts.ids.len(),
        "levels": height,
        "usual": parts.usual,
        "step": parts.scale.step,
        "bounds": {"error": parts.bounds.error, "length": parts.bounds.length},
        "columns": columns,
    });
    if let Some(dimension) = parts.graph.dimension() {
        manifest["intrinsic_dimension"] = json!(dimension);
    }
    if let (Some(to), Json::Object(extra)) = (manifest.as_object_mut(), &parts.extra) {
        to.extend(extra.clone());
    }
    let manifest = serde_json::to_vec(&manifest)
        .map_err(|e| Error::new(ErrorKind::Internal, "the manifest").with_source(e))?;
    writer.add(Section::IndexManifest, 0, &manifest);
    let table = IdTable::build(parts.ids.iter().copied())?;
    writer.add(Section::IndexIdOffsets, 0, &table.offsets);
    writer.add(Section::IndexIdBytes, 0, &table.bytes);
    writer.add(Section::IndexIdSlots, 0, &table.slots);
    if rows != parts.ids.len() {
        writer.add(Section::IndexRowStarts, 0, parts.row_starts);
    }
    if !parts.scale.centre.is_empty() {
        writer.add(Section::IndexCentre, 0, &parts.scale.centre);
    }
    if !parts.floats.is_empty() {
        writer.add(Section::IndexFloats, 0, parts.floats);
    }
    if !parts.halves.is_empty() {
        writer.add(Section::IndexHalves, 0, parts.halves);
    }
    writer.add(Section::IndexCodes, 0, parts.codes);
    if !parts.sides.is_empty() {
        writer.add(Section::IndexSides, 0, parts.sides);
    }
    if let Some(bits) = parts.bits {
        writer.add(Section::IndexBits, 0, bits.bits);
        writer.add(Section::IndexThresholds, 0, bits.thresholds);
        writer.add(Section::IndexBitScales, 0, bits.scales);
        writer.add(Section::IndexBitOffsets, 0, bits.offsets);
    }
    if let Some(sketches) = parts.sketches {
        writer.add(Section::IndexThresholds, 0, sketches.thresholds);
        writer.add(Section::IndexSketches, 0, sketches.words);
    }
    writer.finish()
}

/// What is read from an open file once, and where its large sections lie.
pub(super) struct Layout {
    pub(super) sections: Sections,
    pub(super) manifest: Json,
    pub(super) options: IndexOptions,
    pub(super) kind: Kind,
    pub(super) dimension: usize,
    pub(super) rows: usize,
    pub(super) items: usize,
    pub(super) scale: Scale,
    pub(super) bounds: Bounds,
    pub(super) ids: [Range<usize>; 3],
    pub(super) row_starts: Range<usize>,
    pub(super) floats: Range<usize>,
    pub(super) halves: Range<usize>,
    pub(super) codes: Range<usize>,
    pub(super) sides: Range<usize>,
    pub(super) columns: Vec<ColumnInfo>,
    /// See [`super::build::sides`].
    pub(super) usual: i32,
    /// Levels above 0.
    pub(super) height: usize,
    pub(super) levels: Option<hnsw::Levels>,
    /// The intrinsic dimension of the graph's rows, where it is known.
    pub(super) intrinsic: Option<f64>,
    /// Rows that stand for others, where those start, and they.
    pub(super) twins: [Range<usize>; 3],
    /// Thresholds, bits, scales and offsets; empty unless the kind is `binary`.
    bits: [Range<usize>; 4],
    /// Thresholds and sketches; empty where there are none.
    sketches: [Range<usize>; 2],
}

impl Layout {
    /// Finds the sections. With `verify`, checks all that they say; without, only the manifest
    /// and the lengths, so that the time does not depend on the size.
    pub(super) fn open(sections: Sections, verify: bool) -> Result<Self> {
        let range = sections.range(Section::IndexManifest, 0);
        if range.is_empty() {
            return Err(Error::new(
                ErrorKind::NotASnapshot,
                "the file holds no vector index",
            ));
        }
        if !verify {
            sections.check(Section::IndexManifest, 0)?;
            sections.check(Section::IndexCentre, 0)?;
        }
        let manifest: Json = serde_json::from_slice(sections.slice(&range))
            .map_err(|e| corrupt("its manifest is not JSON").with_source(e))?;
        let whole = |name: &str, min: usize, max: usize| {
            manifest
                .get(name)
                .and_then(Json::as_u64)
                .and_then(|n| usize::try_from(n).ok())
                .filter(|n| (min..=max).contains(n))
                .ok_or_else(|| corrupt(format!("its {name}")))
        };
        let dimension = whole("dimension", 1, MAX_DIMENSION)?;
        let rows = whole("rows", 0, MAX_ROWS)?;
        let items = whole("items", 0, rows)?;
        let options = IndexOptions::from_json(manifest.get("options").unwrap_or(&Json::Null))
            .map_err(|e| corrupt("its options").with_source(e))?;
        let kind = manifest
            .get("kind")
            .and_then(Json::as_str)
            .and_then(Kind::parse)
            .filter(|kind| *kind != Kind::Auto)
            .ok_or_else(|| corrupt("its kind"))?;
        let step = manifest
            .get("step")
            .and_then(Json::as_f64)
            .map(|step| step as f32)
            .filter(|step| (f32::MIN_POSITIVE..=MOST_STEP).contains(step))
            .ok_or_else(|| corrupt("its step"))?;
        let bound = |name: &str| {
            manifest
                .get("bounds")
                .and_then(|bounds| bounds.get(name))
                .and_then(Json::as_f64)
                .filter(|bound| bound.is_finite() && *bound >= 0.0)
                .ok_or_else(|| corrupt(format!("its bound of {name}")))
        };
        let bounds = Bounds {
            error: bound("error")?,
            length: bound("length")?,
        };

        let ids = [
            Section::IndexIdOffsets,
            Section::IndexIdBytes,
            Section::IndexIdSlots,
        ]
        .map(|section| sections.range(section, 0));
        sections.exactly::<u32>(Section::IndexIdOffsets, 0, items + 1)?;
        let row_starts = if rows == items {
            0..0
        } else {
            sections.exactly::<u32>(Section::IndexRowStarts, 0, items + 1)?
        };
        let centre = if options.metric == Metric::L2 && rows > 0 {
            sections.exactly::<f32>(Section::IndexCentre, 0, dimension)?
        } else {
            0..0
        };
        let centre: Vec<f32> = sections.slice(&centre).to_vec();
        if !centre.iter().all(|v| v.abs() <= MAX_COMPONENT) {
            return Err(corrupt("its centre"));
        }
        let stored = |precision: Precision| match options.storage == precision {
            true => rows * dimension,
            false => 0,
        };
        let floats = sections.exactly::<f32>(Section::IndexFloats, 0, stored(Precision::F32))?;
        let halves = sections.exactly::<u16>(Section::IndexHalves, 0, stored(Precision::F16))?;
        let codes = sections.exactly::<u8>(Section::IndexCodes, 0, rows * stride(dimension))?;
        let with_sides = match options.metric {
            Metric::Cosine => 0,
            Metric::InnerProduct | Metric::L2 => rows,
        };
        let sides = sections.exactly::<i32>(Section::IndexSides, 0, with_sides)?;
        let columns = columns::open(
            &sections,
            manifest.get("columns").unwrap_or(&Json::Null),
            items,
        )?;
        let height = whole("levels", 0, hnsw::MAX_LEVELS)?;
        let levels = match kind {
            Kind::Hnsw => Some(
                hnsw::Levels::open(&sections, rows, options.m, height)
                    .ok_or_else(|| corrupt("the lengths of its graph"))?,
            ),
            _ => None,
        };
        let twins = [
            Section::IndexTwinFirsts,
            Section::IndexTwinStarts,
            Section::IndexTwinRows,
        ]
        .map(|section| sections.range(section, 0));
        let bits = match kind {
            Kind::Binary => [
                sections.exactly::<u8>(Section::IndexThresholds, 0, dimension)?,
                sections.exactly::<u64>(Section::IndexBits, 0, binary::words(rows, dimension))?,
                sections.exactly::<f32>(Section::IndexBitScales, 0, rows)?,
                sections.exactly::<f32>(Section::IndexBitOffsets, 0, rows)?,
            ],
            _ => [0..0, 0..0, 0..0, 0..0],
        };
        // An index of before they were invented has none.
        let sketches = match sketch::has(kind, dimension)
            && !sections.range(Section::IndexSketches, 0).is_empty()
        {
            true => [
                sections.exactly::<u8>(Section::IndexThresholds, 0, dimension)?,
                sections.exactly::<u64>(
                    Section::IndexSketches,
                    0,
                    rows * sketch::words(dimension),
                )?,
            ],
            false => [0..0, 0..0],
        };
        // An index of before it was estimated has none.
        let intrinsic = match manifest.get("intrinsic_dimension") {
            None => None,
            Some(value) => Some(
                value
                    .as_f64()
                    .filter(|d| INTRINSIC.contains(d))
                    .ok_or_else(|| corrupt("its intrinsic dimension"))?,
            ),
        };
        let usual = whole("usual", 0, i32::MAX as usize)? as i32;
        let layout = Self {
            usual,
            height,
            levels,
            intrinsic,
            twins,
            bits,
            sketches,
            scale: Scale { centre, step },
            manifest,
            options,
            kind,
            dimension,
            rows,
            items,
            bounds,
            ids,
            row_starts,
            floats,
            halves,
            codes,
            sides,
            columns,
            sections,
        };
        if verify {
            layout.check()?;
        }
        Ok(layout)
    }

    pub(super) fn ids(&self) -> Ids<'_> {
        let [offsets, bytes, slots] = &self.ids;
        Ids {
            offsets: self.sections.slice(offsets),
            bytes: self.sections.slice(bytes),
            slots: self.sections.slice(slots),
        }
    }

    pub(super) fn bits(&self) -> Option<Bits<'_>> {
        let [thresholds, bits, scales, offsets] = &self.bits;
        (self.kind == Kind::Binary).then(|| Bits {
            thresholds: self.sections.slice(thresholds),
            bits: self.sections.slice(bits),
            scales: self.sections.slice(scales),
            offsets: self.sections.slice(offsets),
        })
    }

    pub(super) fn sketches(&self) -> Option<Sketches<'_>> {
        let [thresholds, words] = &self.sketches;
        if words.is_empty() {
            return None;
        }
        Sketches::new(self.sections.slice(thresholds), self.sections.slice(words))
    }

    /// Everything that a search relies on, beyond lengths.
    fn check(&self) -> Result<()> {
        if !self.ids().check() {
            return Err(corrupt("the table of items"));
        }
        if !self.row_starts.is_empty() {
            let starts: &[u32] = self.sections.slice(&self.row_starts);
            let whole = starts.first() == Some(&0)
                && starts.last().is_some_and(|&end| end as usize == self.rows)
                && starts.windows(2).all(|w| w[0] < w[1]);
            if !whole {
                return Err(corrupt("the rows of its items"));
            }
        }
        if let Some(levels) = &self.levels
            && !levels.check(&self.sections, self.rows)
        {
            return Err(corrupt("a link of its graph"));
        }
        let [firsts, starts, others] = &self.twins;
        let firsts: &[u32] = self.sections.slice(firsts);
        let starts: &[u32] = self.sections.slice(starts);
        let others: &[u32] = self.sections.slice(others);
        let whole = if firsts.is_empty() {
            starts.is_empty() && others.is_empty()
        } else {
            starts.len() == firsts.len() + 1
                && starts.first() == Some(&0)
                && starts
                    .last()
                    .is_some_and(|&end| end as usize == others.len())
                && starts.is_sorted()
                && firsts.windows(2).all(|w| w[0] < w[1])
                && firsts
                    .iter()
                    .chain(others)
                    .all(|&row| (row as usize) < self.rows)
        };
        if !whole {
            return Err(corrupt("its twins"));
        }
        if let Some(bits) = self.bits()
            && !bits
                .scales
                .iter()
                .chain(bits.offsets)
                .all(|v| v.is_finite())
        {
            return Err(corrupt("a number of its bits"));
        }
        if self.sketches().is_some_and(|sketches| !sketches.check()) {
            return Err(corrupt("a number of its sketches"));
        }
        let floats: &[f32] = self.sections.slice(&self.floats);
        if !floats.iter().all(|v| v.abs() <= MAX_COMPONENT) {
            return Err(corrupt("a vector has a value beyond ±1e15"));
        }
        let halves: &[u16] = self.sections.slice(&self.halves);
        if !halves.iter().all(|h| h & 0x7c00 != 0x7c00) {
            return Err(corrupt("a vector has a value that is not finite"));
        }
        Ok(())
    }
}
