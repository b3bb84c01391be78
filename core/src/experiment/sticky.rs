//! Sticky buckets: what variants a user already has, as values that the caller keeps. The form
//! is GrowthBook's, so that stored documents stay good.

use crate::error::{Error, ErrorKind, Result, shown};
use crate::fields::Fields;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What one value of one attribute has been assigned to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StickyDoc {
    /// The attribute: `"id"`.
    pub attribute_name: String,
    /// Its value, as text: `"user-1"`.
    pub attribute_value: String,
    /// From `experiment__version` to the key of a variation.
    pub assignments: BTreeMap<String, String>,
}

impl StickyDoc {
    /// GrowthBook's JSON: `{"attributeName", "attributeValue", "assignments"}`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let assignments: Map<String, Value> = self
            .assignments
            .iter()
            .map(|(key, variation)| (key.clone(), variation.as_str().into()))
            .collect();
        serde_json::json!({
            "attributeName": self.attribute_name,
            "attributeValue": self.attribute_value,
            "assignments": assignments,
        })
    }
}

/// The sticky documents that a caller gives with a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sticky {
    docs: Vec<StickyDoc>,
}

impl Sticky {
    /// Reads a list of documents. If two are about the same value, the later one counts.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for what is not a list of documents.
    pub fn from_json(value: &Value) -> Result<Self> {
        let list = value.as_array().ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidArgument,
                format!(
                    "sticky is {}; it must be a list of documents",
                    shown(&value.to_string())
                ),
            )
        })?;
        let mut sticky = Self::default();
        for (i, value) in list.iter().enumerate() {
            let what = format!("sticky[{i}]");
            let fields = Fields::new(
                &what,
                value,
                &["attributeName", "attributeValue", "assignments"],
            )?;
            let text = |name: &str| fields.text(name).map(|t| t.unwrap_or("").to_owned());
            let mut assignments = BTreeMap::new();
            for (key, variation) in fields
                .get("assignments")
                .and_then(Value::as_object)
                .into_iter()
                .flatten()
            {
                let variation = variation
                    .as_str()
                    .ok_or_else(|| fields.wrong(key, variation, "a variation's key is a text"))?;
                assignments.insert(key.clone(), variation.to_owned());
            }
            sticky.put(StickyDoc {
                attribute_name: text("attributeName")?,
                attribute_value: text("attributeValue")?,
                assignments,
            });
        }
        Ok(sticky)
    }

    /// The document of a value, if there is one.
    #[must_use]
    pub fn get(&self, attribute_name: &str, attribute_value: &str) -> Option<&StickyDoc> {
        self.docs.iter().find(|doc| {
            doc.attribute_name == attribute_name && doc.attribute_value == attribute_value
        })
    }

    /// All documents, in the order in which they came.
    #[must_use]
    pub fn docs(&self) -> &[StickyDoc] {
        &self.docs
    }

    pub(super) fn into_docs(self) -> Vec<StickyDoc> {
        self.docs
    }

    /// Puts a document in the place of the one about the same value.
    pub fn put(&mut self, doc: StickyDoc) {
        let known = self.docs.iter_mut().find(|known| {
            known.attribute_name == doc.attribute_name
                && known.attribute_value == doc.attribute_value
        });
        match known {
            Some(known) => *known = doc,
            None => self.docs.push(doc),
        }
    }
}
