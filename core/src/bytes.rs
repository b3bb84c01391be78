//! Reading the byte forms of values: little-endian numbers and texts, from the front.
//!
//! What is cut short, or no text, is an error of the value that is read; `corrupt` makes it.

use crate::error::{Error, Result};

/// The bytes that are left.
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    corrupt: fn(&str) -> Error,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8], corrupt: fn(&str) -> Error) -> Self {
        Self { bytes, corrupt }
    }

    /// What is left.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.bytes
    }

    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8]> {
        let (head, tail) = self
            .bytes
            .split_at_checked(len)
            .ok_or_else(|| (self.corrupt)("it is cut short"))?;
        self.bytes = tail;
        Ok(head)
    }

    /// The bytes of a number, for `from_le_bytes`.
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        self.take(N)?
            .try_into()
            .map_err(|_| (self.corrupt)("it is cut short"))
    }

    pub(crate) fn text(&mut self, len: usize) -> Result<&'a str> {
        std::str::from_utf8(self.take(len)?)
            .map_err(|e| (self.corrupt)("a text is not UTF-8").with_source(e))
    }
}
