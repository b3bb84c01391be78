//! JavaScript's readings of a value as a number, as text and as a truth, on which the vectors
//! rely ("comparing numbers and strings"), after ECMA-262: `ToNumber`, `ToString`, `ToBoolean`
//! and the relational comparison.

use serde_json::{Map, Value};
use std::borrow::Cow;
use std::cmp::Ordering;

/// A value to be tested: JSON, or the cell of a column, which is tested without making JSON.
#[derive(Clone, Copy, Debug)]
pub(super) enum Actual<'a> {
    Null,
    Bool(bool),
    /// Always finite.
    Number(f64),
    Text(&'a str),
    Array(&'a [Value]),
    Object(&'a Map<String, Value>),
}

impl<'a> From<&'a Value> for Actual<'a> {
    fn from(value: &'a Value) -> Self {
        match value {
            Value::Null => Actual::Null,
            Value::Bool(b) => Actual::Bool(*b),
            Value::Number(n) => n.as_f64().map_or(Actual::Null, Actual::number),
            Value::String(s) => Actual::Text(s),
            Value::Array(items) => Actual::Array(items),
            Value::Object(map) => Actual::Object(map),
        }
    }
}

impl<'a> Actual<'a> {
    /// A number, or null if it is not finite, as JSON writes it.
    #[inline]
    pub(super) fn number(x: f64) -> Self {
        if x.is_finite() {
            Actual::Number(x)
        } else {
            Actual::Null
        }
    }

    /// The member `name` of an object or array; null if there is none.
    pub(super) fn member(self, name: &str) -> Actual<'a> {
        match self {
            Actual::Object(map) => map.get(name).map_or(Actual::Null, Actual::from),
            Actual::Array(items) if name == "length" => Actual::Number(items.len() as f64),
            Actual::Array(items) => array_index(name)
                .and_then(|index| items.get(index))
                .map_or(Actual::Null, Actual::from),
            _ => Actual::Null,
        }
    }

    pub(super) fn is_null(self) -> bool {
        matches!(self, Actual::Null)
    }

    pub(super) fn truthy(self) -> bool {
        match self {
            Actual::Null => false,
            Actual::Bool(b) => b,
            Actual::Number(x) => x != 0.0,
            Actual::Text(s) => !s.is_empty(),
            Actual::Array(_) | Actual::Object(_) => true,
        }
    }

    pub(super) fn type_name(self) -> &'static str {
        match self {
            Actual::Null => "null",
            Actual::Bool(_) => "boolean",
            Actual::Number(_) => "number",
            Actual::Text(_) => "string",
            Actual::Array(_) => "array",
            Actual::Object(_) => "object",
        }
    }

    /// The value as text; null has none.
    pub(super) fn text(self) -> Option<Cow<'a, str>> {
        match self {
            Actual::Null => None,
            Actual::Bool(true) => Some("true".into()),
            Actual::Bool(false) => Some("false".into()),
            Actual::Number(x) => Some(number_text(x).into()),
            Actual::Text(s) => Some(s.into()),
            Actual::Array(items) => {
                let mut out = String::new();
                join(items, 0, &mut out);
                Some(out.into())
            }
            Actual::Object(_) => Some(OBJECT_TEXT.into()),
        }
    }

    /// The value as a number; NaN if it is none.
    pub(super) fn to_number(self) -> f64 {
        match self {
            Actual::Null | Actual::Bool(false) => 0.0,
            Actual::Bool(true) => 1.0,
            Actual::Number(x) => x,
            Actual::Text(s) => text_number(s),
            Actual::Array(_) | Actual::Object(_) => {
                self.text().map_or(f64::NAN, |text| text_number(&text))
            }
        }
    }

    /// What the value is in a relational comparison with text: text itself, or nothing if it is
    /// compared as a number.
    pub(super) fn comparable_text(self) -> Option<Cow<'a, str>> {
        match self {
            Actual::Text(_) | Actual::Array(_) | Actual::Object(_) => self.text(),
            Actual::Null | Actual::Bool(_) | Actual::Number(_) => None,
        }
    }
}

const OBJECT_TEXT: &str = "[object Object]";

/// How deep nested arrays are written out; attributes have no bound of their own.
const JOIN_DEPTH: usize = 64;

fn join(items: &[Value], depth: usize, out: &mut String) {
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        match Actual::from(item) {
            Actual::Array(inner) if depth < JOIN_DEPTH => join(inner, depth + 1, out),
            Actual::Array(_) | Actual::Null => {}
            scalar => out.push_str(&scalar.text().unwrap_or_default()),
        }
    }
}

/// Only the canonical spelling is an index: `01` is an ordinary, and therefore absent, name.
fn array_index(name: &str) -> Option<usize> {
    let canonical = name == "0" || (!name.starts_with('0') && !name.starts_with('+'));
    canonical.then(|| name.parse().ok()).flatten()
}

/// Equality in depth, the numbers as 64-bit floats. Its recursion ends with the shallower side,
/// and the expected side comes from a condition, whose depth is bounded.
pub(super) fn same(expected: &Value, actual: Actual<'_>) -> bool {
    match (Actual::from(expected), actual) {
        (Actual::Null, Actual::Null) => true,
        (Actual::Bool(a), Actual::Bool(b)) => a == b,
        (Actual::Number(a), Actual::Number(b)) => a == b,
        (Actual::Text(a), Actual::Text(b)) => a == b,
        (Actual::Array(a), Actual::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b.into()))
        }
        (Actual::Object(a), Actual::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(key, a)| b.get(key).is_some_and(|b| same(a, b.into())))
        }
        _ => false,
    }
}

/// The order of JavaScript's strings: by UTF-16 units. It differs from the order of the bytes
/// only in that characters beyond U+FFFF, being surrogates, come before U+E000 to U+FFFF.
pub(super) fn compare_text(a: &str, b: &str) -> Ordering {
    let rank = |byte: u8| {
        if matches!(byte, 0xEE | 0xEF) {
            byte + 8
        } else {
            byte
        }
    };
    match a.bytes().zip(b.bytes()).find(|(x, y)| x != y) {
        Some((x, y)) => rank(x).cmp(&rank(y)),
        None => a.len().cmp(&b.len()),
    }
}

/// Lower case by Unicode's full mapping, borrowed where nothing changes in ASCII text.
pub(super) fn lower(text: &str) -> Cow<'_, str> {
    if text
        .bytes()
        .all(|b| b.is_ascii() && !b.is_ascii_uppercase())
    {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.to_lowercase())
    }
}

/// `Number::toString`: the shortest digits that read back as `x`, in JavaScript's layout.
pub(super) fn number_text(x: f64) -> String {
    if x == 0.0 {
        return "0".to_owned();
    }
    if !x.is_finite() {
        return if x.is_nan() { "NaN" } else { "Infinity" }.to_owned();
    }
    let scientific = format!("{:e}", x.abs());
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let count = digits.len() as i32;
    let point = exponent + 1;
    let zeros = |n: i32| "0".repeat(n.max(0) as usize);
    let body = if (count..=21).contains(&point) {
        format!("{digits}{}", zeros(point - count))
    } else if (1..=21).contains(&point) {
        let (whole, part) = digits
            .split_at_checked(point as usize)
            .unwrap_or((&digits, ""));
        format!("{whole}.{part}")
    } else if (-5..=0).contains(&point) {
        format!("0.{}{digits}", zeros(-point))
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{mantissa}e{sign}{}", exponent.abs())
    };
    if x < 0.0 { format!("-{body}") } else { body }
}

/// `StringToNumber`: NaN for text that is not a number, 0 for blank text.
pub(super) fn text_number(text: &str) -> f64 {
    let text = text.trim_matches(|c: char| (c.is_whitespace() && c != '\u{85}') || c == '\u{FEFF}');
    if text.is_empty() {
        return 0.0;
    }
    let mut start = text.chars();
    if start.next() == Some('0') {
        let radix = match start.next() {
            Some('x' | 'X') => 16,
            Some('o' | 'O') => 8,
            Some('b' | 'B') => 2,
            _ => 0,
        };
        if radix != 0 {
            return radix_number(start.as_str(), radix);
        }
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if unsigned == "Infinity" {
        return if text.starts_with('-') {
            f64::NEG_INFINITY
        } else {
            f64::INFINITY
        };
    }
    // Rust's parser also takes "inf" and "nan"; a decimal literal has no other letter than e.
    if unsigned
        .bytes()
        .all(|b| matches!(b, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'))
    {
        text.parse().unwrap_or(f64::NAN)
    } else {
        f64::NAN
    }
}

fn radix_number(digits: &str, radix: u32) -> f64 {
    if digits.is_empty() {
        return f64::NAN;
    }
    digits
        .chars()
        .try_fold(0.0, |sum, c| {
            Some(sum * f64::from(radix) + f64::from(c.to_digit(radix)?))
        })
        .unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_are_written_as_javascript_writes_them() {
        for (x, text) in [
            (0.0, "0"),
            (-0.0, "0"),
            (8.0, "8"),
            (-1.5, "-1.5"),
            (100.0, "100"),
            (0.1, "0.1"),
            (1e21, "1e+21"),
            (123_456_789_012_345_680_000.0, "123456789012345680000"),
            (1e-6, "0.000001"),
            (1.5e-7, "1.5e-7"),
            (1e-7, "1e-7"),
            (1.25e30, "1.25e+30"),
            (0.000_012_5, "0.0000125"),
            (f64::MAX, "1.7976931348623157e+308"),
            (5e-324, "5e-324"),
        ] {
            assert_eq!(number_text(x), text);
        }
    }

    #[test]
    fn text_is_read_as_javascript_reads_it() {
        for (text, x) in [
            ("", 0.0),
            (" \n\u{FEFF}", 0.0),
            (" 8 ", 8.0),
            ("-1.5e2", -150.0),
            (".5", 0.5),
            ("5.", 5.0),
            ("0x1F", 31.0),
            ("0b101", 5.0),
            ("0o17", 15.0),
            ("-Infinity", f64::NEG_INFINITY),
            ("1e999", f64::INFINITY),
        ] {
            assert_eq!(text_number(text), x, "{text:?}");
        }
        for text in [
            "a", "1a", "inf", "NaN", "nan", "0x", "-0x1", "1 2", ".", "e5", "+-1", "\u{85}",
        ] {
            assert!(text_number(text).is_nan(), "{text:?}");
        }
    }

    #[test]
    fn arrays_are_written_with_commas() {
        let value = json!([1, null, ["a", [true]], { "b": 1 }, ""]);
        let text = Actual::from(&value).text().unwrap();
        assert_eq!(text, "1,,a,true,[object Object],");
        assert_eq!(Actual::from(&json!([])).to_number(), 0.0);
        assert_eq!(Actual::from(&json!([["7"]])).to_number(), 7.0);
    }

    #[test]
    fn text_is_ordered_by_utf16_units() {
        let words = [
            "", "A", "a", "aa", "é", "\u{FFFD}", "\u{E000}", "😀", "😀a", "\u{D7FF}",
        ];
        for a in words {
            for b in words {
                let expected = a.encode_utf16().cmp(b.encode_utf16());
                assert_eq!(compare_text(a, b), expected, "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn only_canonical_indices_enter_an_array() {
        let value = json!(["a", "b"]);
        let member = |name| Actual::from(&value).member(name).text();
        assert_eq!(member("1").as_deref(), Some("b"));
        assert_eq!(member("length").as_deref(), Some("2"));
        for name in ["2", "01", "+1", "-1", "", "1.0", "99999999999999999999"] {
            assert_eq!(member(name), None, "{name}");
        }
    }
}
