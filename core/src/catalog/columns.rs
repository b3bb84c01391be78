//! The catalog inside a snapshot: one typed column an attribute, read in place.

use serde_json::{Map, Value as Json, json};

use super::{AttributeType, Catalog, MAX_ATTRIBUTES, Value, check_name};
use crate::condition::{Column, Rows};
use crate::error::{Error, ErrorKind, Result};
use crate::snapshot::{Section, Sections, Writer};

/// The name and type of a column; its position in the list is its section index.
#[derive(Clone, Debug)]
pub(crate) struct ColumnInfo {
    pub(crate) name: String,
    pub(crate) kind: AttributeType,
}

/// Writes the attributes of `ids` (ascending, all items of the model) as columns; `chosen`
/// limits them. Returns the list for the manifest.
pub(crate) fn write(writer: &mut Writer, catalog: &Catalog, ids: &[&str]) -> Result<Json> {
    let mut list = Vec::new();
    for (index, (name, kind)) in catalog.types().iter().enumerate() {
        list.push(json!({"name": name, "type": kind.as_str()}));
        let values: Vec<Option<&Value>> = ids
            .iter()
            .map(|id| catalog.record(id).and_then(|r| r.get(name)))
            .collect();
        write_column(writer, index as u32, *kind, &values)
            .map_err(|e| e.context(format!("attribute {name}")))?;
    }
    Ok(Json::Array(list))
}

fn write_column(
    writer: &mut Writer,
    index: u32,
    kind: AttributeType,
    values: &[Option<&Value>],
) -> Result<()> {
    let mut present = vec![0u64; values.len().div_ceil(64)];
    for (row, _) in values.iter().enumerate().filter(|(_, v)| v.is_some()) {
        set(&mut present, row);
    }
    writer.add(Section::ColumnPresent, index, &present);
    match kind {
        AttributeType::Number | AttributeType::Time => {
            let numbers: Vec<f64> = values
                .iter()
                .map(|v| match v {
                    Some(Value::Number(n)) => *n,
                    Some(Value::Time(t)) => *t as f64,
                    _ => 0.0,
                })
                .collect();
            writer.add(Section::ColumnNumbers, index, &numbers);
        }
        AttributeType::Bool => {
            let mut bits = vec![0u64; values.len().div_ceil(64)];
            for (row, _) in values
                .iter()
                .enumerate()
                .filter(|(_, v)| matches!(v, Some(Value::Bool(true))))
            {
                set(&mut bits, row);
            }
            writer.add(Section::ColumnBools, index, &bits);
        }
        AttributeType::Text => {
            let texts = values.iter().map(|v| {
                if let Some(Value::Text(t)) = v {
                    t.as_str()
                } else {
                    ""
                }
            });
            let (offsets, bytes) = concatenate(texts)?;
            writer.add(Section::ColumnTextOffsets, index, &offsets);
            writer.add(Section::ColumnTextBytes, index, &bytes);
        }
        AttributeType::Tags => {
            let tags = |v: &Option<&Value>| -> Vec<String> {
                if let Some(Value::Tags(tags)) = v {
                    tags.clone()
                } else {
                    Vec::new()
                }
            };
            let mut dictionary: Vec<String> = values.iter().flat_map(tags).collect();
            dictionary.sort_unstable();
            dictionary.dedup();
            let mut rows = vec![0u32];
            let mut ids: Vec<u32> = Vec::new();
            for value in values {
                for tag in tags(value) {
                    if let Ok(id) = dictionary.binary_search(&tag) {
                        ids.push(id as u32);
                    }
                }
                rows.push(u32::try_from(ids.len()).map_err(|_| too_large())?);
            }
            let (offsets, bytes) = concatenate(dictionary.iter().map(String::as_str))?;
            writer.add(Section::ColumnTagRows, index, &rows);
            writer.add(Section::ColumnTagIds, index, &ids);
            writer.add(Section::ColumnTagOffsets, index, &offsets);
            writer.add(Section::ColumnTagBytes, index, &bytes);
        }
        AttributeType::Place => {
            let places: Vec<f64> = values
                .iter()
                .flat_map(|v| {
                    if let Some(Value::Place { lat, lon }) = v {
                        [*lat, *lon]
                    } else {
                        [0.0, 0.0]
                    }
                })
                .collect();
            writer.add(Section::ColumnPlaces, index, &places);
        }
    }
    Ok(())
}

fn too_large() -> Error {
    Error::new(ErrorKind::LimitExceeded, "more than 4 GiB in one column")
}

fn set(bits: &mut [u64], row: usize) {
    if let Some(word) = bits.get_mut(row / 64) {
        *word |= 1 << (row % 64);
    }
}

fn concatenate<'a>(texts: impl Iterator<Item = &'a str>) -> Result<(Vec<u32>, Vec<u8>)> {
    let mut offsets = vec![0u32];
    let mut bytes = Vec::new();
    for text in texts {
        bytes.extend_from_slice(text.as_bytes());
        offsets.push(u32::try_from(bytes.len()).map_err(|_| too_large())?);
    }
    Ok((offsets, bytes))
}

/// Reads the list of columns from a manifest and checks every section against it.
pub(crate) fn open(sections: &Sections, list: &Json, items: usize) -> Result<Vec<ColumnInfo>> {
    let corrupt = |what: String| {
        Error::new(
            ErrorKind::CorruptSnapshot,
            format!("the snapshot is damaged: {what}"),
        )
    };
    let mut columns = Vec::new();
    let list = match list {
        Json::Null => &[][..],
        Json::Array(list) => list.as_slice(),
        _ => return Err(corrupt("its columns are not a list".to_owned())),
    };
    if list.len() > MAX_ATTRIBUTES {
        return Err(corrupt(format!(
            "{} columns; the limit is {MAX_ATTRIBUTES}",
            list.len()
        )));
    }
    for (index, entry) in list.iter().enumerate() {
        let name = entry.get("name").and_then(Json::as_str);
        let kind = entry
            .get("type")
            .and_then(Json::as_str)
            .and_then(AttributeType::parse);
        let (Some(name), Some(kind)) = (name, kind) else {
            return Err(corrupt(format!("column {index} has no name or type")));
        };
        if check_name(name).is_err() || columns.iter().any(|c: &ColumnInfo| c.name == name) {
            return Err(corrupt(format!("the name of column {index}")));
        }
        let index = index as u32;
        let words = items.div_ceil(64);
        sections.exactly::<u64>(Section::ColumnPresent, index, words)?;
        match kind {
            AttributeType::Number | AttributeType::Time => {
                sections.exactly::<f64>(Section::ColumnNumbers, index, items)?;
            }
            AttributeType::Bool => {
                sections.exactly::<u64>(Section::ColumnBools, index, words)?;
            }
            AttributeType::Place => {
                sections.exactly::<f64>(Section::ColumnPlaces, index, items * 2)?;
            }
            AttributeType::Text => {
                let offsets =
                    sections.exactly::<u32>(Section::ColumnTextOffsets, index, items + 1)?;
                let bytes = sections.range(Section::ColumnTextBytes, index);
                check_texts(sections.slice(&offsets), sections.slice(&bytes))
                    .ok_or_else(|| corrupt(format!("the texts of column {index}")))?;
            }
            AttributeType::Tags => {
                let rows = sections.exactly::<u32>(Section::ColumnTagRows, index, items + 1)?;
                let ids: &[u32] = sections.slice(&sections.range(Section::ColumnTagIds, index));
                let rows: &[u32] = sections.slice(&rows);
                let offsets: &[u32] =
                    sections.slice(&sections.range(Section::ColumnTagOffsets, index));
                let bytes: &[u8] = sections.slice(&sections.range(Section::ColumnTagBytes, index));
                let tags = offsets.len().saturating_sub(1);
                let sound = rows.first() == Some(&0)
                    && rows.last().is_some_and(|&end| end as usize == ids.len())
                    && rows.is_sorted()
                    && ids.iter().all(|&id| (id as usize) < tags)
                    && check_texts(offsets, bytes).is_some();
                if !sound {
                    return Err(corrupt(format!("the tags of column {index}")));
                }
            }
        }
        columns.push(ColumnInfo {
            name: name.to_owned(),
            kind,
        });
    }
    Ok(columns)
}

fn check_texts(offsets: &[u32], bytes: &[u8]) -> Option<()> {
    let text = std::str::from_utf8(bytes).ok()?;
    let sound = offsets.first() == Some(&0)
        && offsets
            .last()
            .is_some_and(|&end| end as usize == bytes.len())
        && offsets.is_sorted()
        && offsets.iter().all(|&o| text.is_char_boundary(o as usize));
    sound.then_some(())
}

/// The columns of an open snapshot.
#[derive(Clone, Copy)]
pub(crate) struct Columns<'a> {
    pub(crate) sections: &'a Sections,
    pub(crate) columns: &'a [ColumnInfo],
    pub(crate) items: usize,
}

impl<'a> Columns<'a> {
    fn slice<T: bytemuck::AnyBitPattern>(&self, section: Section, index: usize) -> &'a [T] {
        self.sections
            .slice(&self.sections.range(section, index as u32))
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|c| c.name == name)
    }

    fn present(&self, index: usize, row: usize) -> bool {
        self.slice::<u64>(Section::ColumnPresent, index)
            .get(row / 64)
            .is_some_and(|w| w >> (row % 64) & 1 == 1)
    }

    fn typed(&self, index: usize, row: usize) -> Option<Value> {
        if !self.present(index, row) {
            return None;
        }
        let text = |offsets: &[u32], bytes: &[u8], at: usize| -> Option<String> {
            let range = *offsets.get(at)? as usize..*offsets.get(at + 1)? as usize;
            std::str::from_utf8(bytes.get(range)?)
                .ok()
                .map(str::to_owned)
        };
        match self.columns.get(index)?.kind {
            AttributeType::Number => Some(Value::Number(
                *self.slice(Section::ColumnNumbers, index).get(row)?,
            )),
            AttributeType::Time => Some(Value::Time(
                *self.slice::<f64>(Section::ColumnNumbers, index).get(row)? as i64,
            )),
            AttributeType::Bool => {
                let word: u64 = *self.slice(Section::ColumnBools, index).get(row / 64)?;
                Some(Value::Bool(word >> (row % 64) & 1 == 1))
            }
            AttributeType::Text => text(
                self.slice(Section::ColumnTextOffsets, index),
                self.slice(Section::ColumnTextBytes, index),
                row,
            )
            .map(Value::Text),
            AttributeType::Tags => {
                let rows: &[u32] = self.slice(Section::ColumnTagRows, index);
                let range = *rows.get(row)? as usize..*rows.get(row + 1)? as usize;
                let ids: &[u32] = self.slice::<u32>(Section::ColumnTagIds, index).get(range)?;
                let offsets: &[u32] = self.slice(Section::ColumnTagOffsets, index);
                let bytes: &[u8] = self.slice(Section::ColumnTagBytes, index);
                Some(Value::Tags(
                    ids.iter()
                        .filter_map(|&id| text(offsets, bytes, id as usize))
                        .collect(),
                ))
            }
            AttributeType::Place => {
                let places: &[f64] = self.slice(Section::ColumnPlaces, index);
                Some(Value::Place {
                    lat: *places.get(row * 2)?,
                    lon: *places.get(row * 2 + 1)?,
                })
            }
        }
    }

    /// All attributes of an item as a JSON object.
    pub(crate) fn object(&self, row: usize) -> Json {
        let mut fields = Map::new();
        for (index, column) in self.columns.iter().enumerate() {
            if let Some(value) = self.typed(index, row) {
                fields.insert(column.name.clone(), value.to_json());
            }
        }
        Json::Object(fields)
    }

    /// The editable form again, for `export_edge`; `chosen` limits the attributes.
    pub(crate) fn thaw(&self, ids: &[&str], chosen: Option<&[String]>) -> Result<Catalog> {
        let keep = |name: &str| chosen.is_none_or(|list| list.iter().any(|c| c == name));
        let schema: Map<String, Json> = self
            .columns
            .iter()
            .filter(|c| keep(&c.name))
            .map(|c| (c.name.clone(), Json::from(c.kind.as_str())))
            .collect();
        let mut catalog = Catalog::with_schema(&Json::Object(schema))?;
        for (row, id) in ids.iter().enumerate() {
            let Json::Object(mut fields) = self.object(row) else {
                continue;
            };
            fields.retain(|name, _| keep(name));
            catalog.add(id, &Json::Object(fields))?;
        }
        Ok(catalog)
    }
}

impl Rows for Columns<'_> {
    fn len(&self) -> usize {
        self.items
    }

    fn column(&self, name: &str) -> Option<Column<'_>> {
        let index = self.position(name)?;
        let present = self.slice(Section::ColumnPresent, index);
        Some(match self.columns.get(index)?.kind {
            AttributeType::Number | AttributeType::Time => Column::Number {
                present,
                values: self.slice(Section::ColumnNumbers, index),
            },
            AttributeType::Bool => Column::Bool {
                present,
                values: self.slice(Section::ColumnBools, index),
            },
            AttributeType::Text => Column::Text {
                present,
                offsets: self.slice(Section::ColumnTextOffsets, index),
                bytes: self.slice(Section::ColumnTextBytes, index),
            },
            AttributeType::Tags => Column::Tags {
                present,
                row_offsets: self.slice(Section::ColumnTagRows, index),
                tag_ids: self.slice(Section::ColumnTagIds, index),
                dict_offsets: self.slice(Section::ColumnTagOffsets, index),
                dict_bytes: self.slice(Section::ColumnTagBytes, index),
            },
            AttributeType::Place => return None,
        })
    }

    fn value(&self, name: &str, row: usize) -> Json {
        self.position(name)
            .and_then(|index| self.typed(index, row))
            .map_or(Json::Null, |v| v.to_json())
    }
}
