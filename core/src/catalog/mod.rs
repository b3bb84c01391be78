//! What can be recommended: items with typed attributes.
//!
//! [`Catalog`] is the editable form, one record an item. Training freezes it into typed columns
//! in the snapshot (`columns`), over which filters run and from which answers take titles.
//! The type of an attribute is declared in a schema or taken from its first value, and then
//! holds for every item: a wrong value is refused when it comes in, not when a filter meets it.

pub(crate) mod columns;
mod value;

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

pub use value::{AttributeType, Value};

use crate::error::{Error, ErrorKind, Result, shown};
use crate::id::check_id;

/// The most attributes that a catalog defines.
pub const MAX_ATTRIBUTES: usize = 1024;
/// The longest name of an attribute, in bytes.
pub const MAX_NAME_BYTES: usize = 128;

pub(crate) type Record = BTreeMap<String, Value>;

/// Items and their attributes, open to change.
///
/// ```
/// use tastemaker::{catalog::Catalog, json::json};
/// let mut catalog = Catalog::with_schema(&json!({"opened": "time"}))?;
/// catalog.add("venue-1", &json!({"title": "Old Mill", "styles": ["rustic", "barn"], "price": 4200}))?;
/// catalog.replace("venue-1", &json!({"title": "Old Mill", "price": 3900, "opened": 1_500_000_000_000_i64}))?;
/// assert_eq!(catalog.get("venue-1").unwrap()["price"], json!(3900.0));
/// assert_eq!(catalog.schema()["styles"], "tags");
/// catalog.remove("venue-1")?;
/// assert!(catalog.is_empty());
/// # Ok::<(), tastemaker::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Catalog {
    schema: BTreeMap<String, AttributeType>,
    items: BTreeMap<String, Record>,
}

impl Catalog {
    /// A catalog without items, whose attributes' types come from their first values.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A catalog with declared types: an object of name → `text`, `tags`, `number`, `bool`,
    /// `time` or `place`. Attributes that it does not name may still come; times must be
    /// declared, because JSON has no type of its own for them.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidAttribute`] for an unusable name or an unknown type.
    pub fn with_schema(schema: &Json) -> Result<Self> {
        let fields = schema.as_object().ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidAttribute,
                "schema: expected an object of attribute name to type",
            )
        })?;
        let mut catalog = Self::new();
        for (name, kind) in fields {
            check_name(name)?;
            let kind = kind.as_str().and_then(AttributeType::parse).ok_or_else(|| {
                Error::new(
                    ErrorKind::InvalidAttribute,
                    format!("schema.{name} is {}; a type is text, tags, number, bool, time or place", shown(&kind.to_string())),
                )
            })?;
            catalog.define(name, kind)?;
        }
        Ok(catalog)
    }

    fn define(&mut self, name: &str, kind: AttributeType) -> Result<()> {
        if self.schema.len() >= MAX_ATTRIBUTES && !self.schema.contains_key(name) {
            return Err(Error::new(
                ErrorKind::LimitExceeded,
                format!(
                    "attribute {}: a catalog has at most {MAX_ATTRIBUTES} attributes",
                    shown(name)
                ),
            ));
        }
        self.schema.insert(name.to_owned(), kind);
        Ok(())
    }

    /// Adds an item with the attributes of a JSON object; `null` means absent.
    ///
    /// # Errors
    /// [`ErrorKind::DuplicateItem`] if the item is there, [`ErrorKind::InvalidId`],
    /// [`ErrorKind::InvalidAttribute`] if a value does not have its attribute's type. The
    /// catalog is then as it was.
    pub fn add(&mut self, id: &str, attributes: &Json) -> Result<()> {
        if self.items.contains_key(id) {
            return Err(Error::new(
                ErrorKind::DuplicateItem,
                format!(
                    "item {} is in the catalog already; use replace to change it",
                    shown(id)
                ),
            ));
        }
        self.put(id, attributes)
    }

    /// Gives an item new attributes in place of all its old ones.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownItem`] if the item is not there; else as [`Catalog::add`].
    pub fn replace(&mut self, id: &str, attributes: &Json) -> Result<()> {
        self.known(id)?;
        self.put(id, attributes)
    }

    /// Removes an item.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownItem`] if the item is not there.
    pub fn remove(&mut self, id: &str) -> Result<()> {
        self.known(id)?;
        self.items.remove(id);
        Ok(())
    }

    fn known(&self, id: &str) -> Result<()> {
        if self.items.contains_key(id) {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::UnknownItem,
            format!("item {} is not in the catalog", shown(id)),
        ))
    }

    fn put(&mut self, id: &str, attributes: &Json) -> Result<()> {
        check_id("item_id", id)?;
        let fields = attributes.as_object().ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidAttribute,
                format!("item {}: attributes must be an object", shown(id)),
            )
        })?;
        let mut record = Record::new();
        let mut new_types = Vec::new();
        for (name, value) in fields {
            let context = |e: Error| e.context(format!("item {}", shown(id)));
            check_name(name).map_err(context)?;
            if value.is_null() {
                continue;
            }
            let kind = match self.schema.get(name) {
                Some(kind) => *kind,
                None => {
                    let kind = AttributeType::infer(name, value).map_err(context)?;
                    new_types.push((name.clone(), kind));
                    kind
                }
            };
            record.insert(
                name.clone(),
                Value::from_json(name, kind, value).map_err(context)?,
            );
        }
        if self.schema.len() + new_types.len() > MAX_ATTRIBUTES {
            return Err(Error::new(
                ErrorKind::LimitExceeded,
                format!(
                    "item {}: a catalog has at most {MAX_ATTRIBUTES} attributes",
                    shown(id)
                ),
            ));
        }
        for (name, kind) in new_types {
            self.define(&name, kind)?;
        }
        self.items.insert(id.to_owned(), record);
        Ok(())
    }

    /// The attributes of an item as a JSON object.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<Json> {
        let record = self.items.get(id)?;
        Some(Json::Object(
            record
                .iter()
                .map(|(name, value)| (name.clone(), value.to_json()))
                .collect(),
        ))
    }

    /// True if the item is in the catalog.
    #[must_use]
    pub fn contains(&self, id: &str) -> bool {
        self.items.contains_key(id)
    }

    /// The ids of all items, ascending by their bytes.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.items.keys().map(String::as_str)
    }

    /// The number of items.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// True if there are no items.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The attributes and their types, declared or inferred, as [`Catalog::with_schema`] takes
    /// them.
    #[must_use]
    pub fn schema(&self) -> Json {
        let fields: Map<String, Json> = self
            .schema
            .iter()
            .map(|(name, kind)| (name.clone(), Json::from(kind.as_str())))
            .collect();
        Json::Object(fields)
    }

    pub(crate) fn types(&self) -> &BTreeMap<String, AttributeType> {
        &self.schema
    }

    pub(crate) fn record(&self, id: &str) -> Option<&Record> {
        self.items.get(id)
    }
}

fn check_name(name: &str) -> Result<()> {
    let rule = if name.is_empty() {
        "a name is not empty"
    } else if name.len() > MAX_NAME_BYTES {
        "a name has at most 128 bytes"
    } else if name.starts_with('$') || name.contains('.') {
        "a name does not start with $ and has no dot, because conditions use them"
    } else {
        return Ok(());
    };
    Err(Error::new(
        ErrorKind::InvalidAttribute,
        format!("attribute {}: {rule}", shown(name)),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_refused_item_leaves_the_catalog_and_its_schema_as_they_were() {
        let mut catalog = Catalog::new();
        catalog.add("a", &json!({"price": 1})).unwrap();
        let before = catalog.clone();
        for (id, attributes, kind) in [
            ("a", json!({}), ErrorKind::DuplicateItem),
            ("", json!({}), ErrorKind::InvalidId),
            (
                "b",
                json!({"new": true, "price": "cheap"}),
                ErrorKind::InvalidAttribute,
            ),
            ("b", json!({"a.b": 1}), ErrorKind::InvalidAttribute),
            ("b", json!({"$a": 1}), ErrorKind::InvalidAttribute),
            ("b", json!({"": 1}), ErrorKind::InvalidAttribute),
            ("b", json!([1]), ErrorKind::InvalidAttribute),
            ("b", json!({"x": {"deep": 1}}), ErrorKind::InvalidAttribute),
            ("b", json!({"x": ["a", 1]}), ErrorKind::InvalidAttribute),
        ] {
            assert_eq!(
                catalog.add(id, &attributes).unwrap_err().kind(),
                kind,
                "{attributes}"
            );
        }
        assert_eq!(
            catalog.replace("b", &json!({})).unwrap_err().kind(),
            ErrorKind::UnknownItem
        );
        assert_eq!(
            catalog.remove("b").unwrap_err().kind(),
            ErrorKind::UnknownItem
        );
        assert_eq!(catalog, before);
    }

    #[test]
    fn values_come_back_as_json() {
        let mut catalog = Catalog::with_schema(&json!({"at": "time", "where": "place"})).unwrap();
        let attributes = json!({
            "title": "日本", "tags": ["b", "a", "b"], "price": 1.5, "open": false,
            "at": 1000, "where": {"lat": 52.5, "lon": -13.25},
        });
        catalog.add("a", &attributes).unwrap();
        let back = catalog.get("a").unwrap();
        assert_eq!(back["tags"], attributes["tags"]);
        assert_eq!(back["where"], attributes["where"]);
        assert_eq!(back["at"].as_f64(), Some(1000.0));
        assert_eq!(catalog.schema()["title"], "text");
    }
}
