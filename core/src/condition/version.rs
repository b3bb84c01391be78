//! Order of versions, as the vectors define it: semantic versioning with padding.
//!
//! A version is written as one string whose order is the order of versions: numbers are padded
//! with blanks to five places, and a release (three parts) gets a last part `~`, which is after
//! every letter, so that `1.0.0` comes after `1.0.0-beta`. Build information after `+` and a
//! leading `v` do not count, and `-` separates parts just as `.` does.

use super::js::{Actual, number_text};

/// Numbers up to this many digits are ordered by value.
const PLACES: usize = 5;

/// The sort key of a value's version. What is neither a number nor text is version `0`.
pub(super) fn key(value: Actual<'_>) -> String {
    match value {
        Actual::Text("") => text_key("0"),
        Actual::Text(text) => text_key(text),
        Actual::Number(x) => text_key(&number_text(x)),
        Actual::Null | Actual::Bool(_) | Actual::Array(_) | Actual::Object(_) => text_key("0"),
    }
}

fn text_key(text: &str) -> String {
    let text = without_build(text.strip_prefix('v').unwrap_or(text));
    let mut key = String::with_capacity(text.len() + 8);
    let mut parts = 0;
    for part in text.split(['-', '.']) {
        if parts > 0 {
            key.push('-');
        }
        parts += 1;
        if !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()) {
            key.extend(std::iter::repeat_n(' ', PLACES.saturating_sub(part.len())));
        }
        key.push_str(part);
    }
    if parts == 3 {
        key.push_str("-~");
    }
    key
}

/// Build information runs from a `+` to the end, and is one line.
fn without_build(text: &str) -> &str {
    let last_line = text
        .rfind(['\n', '\r', '\u{2028}', '\u{2029}'])
        .unwrap_or(0);
    let Some((earlier, line)) = text.split_at_checked(last_line) else {
        return text;
    };
    match line.find('+') {
        Some(plus) => text.get(..earlier.len() + plus).unwrap_or(text),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_pad_numbers_and_end_releases() {
        for (version, expected) in [
            ("1.2.3", "    1-    2-    3-~"),
            ("v10.0.0-rc.1+build.7", "   10-    0-    0-rc-    1"),
            ("123456", "123456"),
            ("", "    0"),
            ("1.0.0+a\nb+c", "    1-    0-0+a\nb-~"),
            ("+x", ""),
            ("..", "---~"),
        ] {
            assert_eq!(key(Actual::Text(version)), expected, "{version:?}");
        }
        assert_eq!(key(Actual::Number(2.5)), "    2-    5");
        assert_eq!(key(Actual::Null), "    0");
        assert_eq!(key(Actual::Bool(true)), "    0");
    }
}
