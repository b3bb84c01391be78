//! Ids in answers, without an allocation for each.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;

/// The longest text that is kept in place.
const SHORT: usize = 22;

/// A text as answers carry it: up to 22 bytes lie in the value itself, which is as large as a
/// `String`.
///
/// An answer names tens of items, and most ids are short; to allocate each would take longer than
/// to find the items. It reads like a `str`.
///
/// ```
/// use tastemaker::id::Id;
/// let id = Id::from("barn");
/// assert_eq!(id, "barn");
/// assert_eq!(id.len(), 4);
/// assert_eq!(format!("{id}, {id:?}"), "barn, \"barn\"");
/// assert_eq!(String::from(id), "barn".to_owned());
/// ```
#[derive(Clone)]
pub struct Id(Text);

#[derive(Clone)]
enum Text {
    Short { len: u8, bytes: [u8; SHORT] },
    Long(Box<str>),
}

impl Id {
    /// The id whose bytes are given, empty if they are not UTF-8. Short ones are checked when
    /// they are read.
    pub(crate) fn of_bytes(bytes: &[u8]) -> Self {
        let mut short = [0; SHORT];
        Self(match short.get_mut(..bytes.len()) {
            Some(target) => {
                target.copy_from_slice(bytes);
                Text::Short {
                    len: bytes.len() as u8,
                    bytes: short,
                }
            }
            None => Text::Long(std::str::from_utf8(bytes).unwrap_or_default().into()),
        })
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Text::Short { len, bytes } => bytes
                .get(..*len as usize)
                .and_then(|bytes| std::str::from_utf8(bytes).ok())
                .unwrap_or_default(),
            Text::Long(text) => text,
        }
    }
}

impl Default for Id {
    fn default() -> Self {
        Self::of_bytes(&[])
    }
}

impl From<&str> for Id {
    fn from(text: &str) -> Self {
        Self::of_bytes(text.as_bytes())
    }
}

impl From<Id> for String {
    fn from(id: Id) -> Self {
        match id.0 {
            Text::Long(text) => text.into(),
            Text::Short { .. } => id.as_str().to_owned(),
        }
    }
}

impl From<&Id> for String {
    fn from(id: &Id) -> Self {
        id.as_str().to_owned()
    }
}

impl Deref for Id {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Id {
    fn as_ref(&self) -> &str {
        self
    }
}

impl Borrow<str> for Id {
    fn borrow(&self) -> &str {
        self
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl PartialEq for Id {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Id {}

impl PartialOrd for Id {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Id {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl Hash for Id {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl PartialEq<str> for Id {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Id {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl PartialEq<String> for Id {
    fn eq(&self, other: &String) -> bool {
        self.as_str() == other
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn it_is_the_text_whatever_its_length() {
        for length in [0, 1, 21, 22, 23, 24, 300, 1024] {
            for text in ["x".repeat(length), "日".repeat(length / 3)] {
                let id = Id::from(text.as_str());
                assert_eq!(id, text);
                assert_eq!(id.clone().to_string(), text);
                assert_eq!(String::from(&id), text);
                assert_eq!(String::from(id.clone()), text);
                assert_eq!(format!("{id:?}"), format!("{text:?}"));
                assert_eq!(Id::of_bytes(text.as_bytes()), id);
            }
        }
        assert_eq!(Id::default(), "");
    }

    #[test]
    fn order_and_look_up_are_those_of_texts() {
        let texts = ["b", "a", "é", "aaaaaaaaaaaaaaaaaaaaaaaaaaaa", "B", ""];
        let ids: BTreeSet<Id> = texts.into_iter().map(Id::from).collect();
        let sorted: BTreeSet<&str> = texts.into_iter().collect();
        assert!(ids.iter().map(Id::as_str).eq(sorted));
        assert!(texts.iter().all(|text| ids.contains(*text)));
    }

    #[test]
    fn bytes_that_are_no_text_are_empty() {
        for length in [1, 22, 23] {
            assert_eq!(Id::of_bytes(&vec![0xff; length]), "");
        }
    }
}
