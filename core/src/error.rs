//! The one error type of the library.
//!
//! An [`Error`] is opaque: it has an [`ErrorKind`] that programs match on, a message that names
//! the field, the value and the rule, and possibly a source. Every kind has a stable code
//! ([`ErrorKind::code`]); the same code reaches Python (`err.code` and the class), Node and the
//! browser (`err.code`). The table that maps codes to classes is data:
//! `core/conformance/errors.json`, and each language checks itself against it.

use std::error::Error as StdError;
use std::fmt;

/// The result of every fallible call of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident => $code:literal,)*) => {
        /// What went wrong, as a closed set of stable codes.
        ///
        /// New kinds may be added in a minor release; a code never changes its meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum ErrorKind {
            $($(#[$doc])* $name,)*
        }

        impl ErrorKind {
            /// All kinds, in the order of their declaration.
            pub const ALL: &'static [ErrorKind] = &[$(ErrorKind::$name,)*];

            /// The stable, snake_case code that all languages share.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self {
                    $(ErrorKind::$name => $code,)*
                }
            }
        }
    };
}

kinds! {
    /// An option or argument is outside its documented range.
    InvalidArgument => "invalid_argument",
    /// An id is empty or longer than 1 KiB.
    InvalidId => "invalid_id",
    /// A weight is NaN, infinite or beyond ±1e6.
    InvalidWeight => "invalid_weight",
    /// A timestamp is not a whole number of milliseconds between the years 1 and 9999.
    InvalidTimestamp => "invalid_timestamp",
    /// An event kind that the model does not define.
    UnknownKind => "unknown_kind",
    /// Columns of one table have different lengths.
    LengthMismatch => "length_mismatch",
    /// A filter is not a valid condition.
    InvalidCondition => "invalid_condition",
    /// A catalog attribute has an unusable name, value or type.
    InvalidAttribute => "invalid_attribute",
    /// A vector has a value that is not finite or too large, another length than it must, or no
    /// direction where one is needed.
    InvalidVector => "invalid_vector",
    /// An item was added that the catalog already has.
    DuplicateItem => "duplicate_item",
    /// An operation needs an item that the catalog does not have.
    UnknownItem => "unknown_item",
    /// The bytes are not a tastemaker snapshot at all.
    NotASnapshot => "not_a_snapshot",
    /// A snapshot of a format version that this build does not read.
    UnsupportedVersion => "unsupported_version",
    /// A snapshot that is truncated, damaged or inconsistent.
    CorruptSnapshot => "corrupt_snapshot",
    /// Bytes that are not a valid profile.
    CorruptProfile => "corrupt_profile",
    /// Bytes that are not a valid bandit.
    CorruptBandit => "corrupt_bandit",
    /// Bytes that are not a valid decision log.
    CorruptLog => "corrupt_log",
    /// The caller cancelled the work.
    Cancelled => "cancelled",
    /// The operating system refused to read or write a file.
    Io => "io",
    /// The input exceeds a documented limit.
    LimitExceeded => "limit_exceeded",
    /// A defect of this library; please report it.
    Internal => "internal",
}

/// An error with a stable code and a message that says what to change.
///
/// ```
/// use tastemaker::{ErrorKind, event::Event, profile::Profile};
/// let err = Profile::new().record(&Event::new("", "view", 0)).unwrap_err();
/// assert_eq!(err.kind(), ErrorKind::InvalidId);
/// assert_eq!(err.code(), "invalid_id");
/// ```
pub struct Error {
    kind: ErrorKind,
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error of this kind. The message should name the field, the value and the rule.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            source: None,
        }
    }

    /// Attaches the error that caused this one.
    #[must_use]
    pub fn with_source(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }

    /// Puts `context` before the message, for example the row of a batch.
    #[must_use]
    pub fn context(mut self, context: impl fmt::Display) -> Self {
        self.message = format!("{context}: {}", self.message);
        self
    }

    /// The kind to match on.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The stable code of the kind.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.kind.code()
    }

    /// The message alone, without the code.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.code(), self.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source
            .as_deref()
            .map(|s| s as &(dyn StdError + 'static))
    }
}

/// Shortens a value for a message, so that a hostile input cannot fill a log.
pub(crate) fn shown(value: &str) -> String {
    const LIMIT: usize = 64;
    if value.len() <= LIMIT {
        return format!("{value:?}");
    }
    let cut = (0..=LIMIT)
        .rev()
        .find(|&i| value.is_char_boundary(i))
        .unwrap_or(0);
    format!("{:?}… ({} bytes)", &value[..cut], value.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_snake_case() {
        let mut codes: Vec<_> = ErrorKind::ALL.iter().map(|k| k.code()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), ErrorKind::ALL.len());
        assert!(
            codes
                .iter()
                .all(|c| c.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'))
        );
    }

    #[test]
    fn shown_cuts_at_a_character_boundary() {
        let long = "é".repeat(100);
        let text = shown(&long);
        assert!(text.contains("(200 bytes)"), "{text}");
    }
}
