//! A variation forced by the query string of an address: `?experiment=1`.

/// The place that the address names for this experiment, if it is below `count`; GrowthBook's
/// `getQueryStringOverride`. The text between the first and the second `?` counts, up to a `#`,
/// without decoding.
pub(super) fn forced(key: &str, url: &str, count: usize) -> Option<usize> {
    let search = url.split('?').nth(1)?;
    let search = search.split('#').next()?;
    let value = search.split('&').find_map(|pair| {
        let mut parts = pair.split('=');
        (parts.next() == Some(key)).then(|| parts.next().unwrap_or(""))
    })?;
    integer(value)
        .filter(|n| *n < count as f64)
        .map(|n| n as usize)
}

/// JavaScript's `parseInt`, for what is not negative.
fn integer(text: &str) -> Option<f64> {
    let text = text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{FEFF}');
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let hexadecimal = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let (digits, radix) = match hexadecimal {
        Some(rest) => (rest, 16),
        None => (text, 10),
    };
    let mut number: Option<f64> = None;
    for digit in digits.chars().map_while(|c| c.to_digit(radix)) {
        number = Some(number.unwrap_or(0.0) * f64::from(radix) + f64::from(digit));
    }
    number.filter(|n| !negative || *n == 0.0)
}

#[cfg(test)]
mod tests {
    use super::forced;

    #[test]
    fn the_first_pair_of_the_key_counts() {
        for (url, expected) in [
            ("?t=1", Some(1)),
            ("?t=1&t=0", Some(1)),
            ("?t=x&t=1", None),
            ("?t=0x1", Some(1)),
            ("?t= 1z", Some(1)),
            ("?t=-0", Some(0)),
            ("?t=1?t=0", Some(1)),
            ("?t=1=2", Some(1)),
            ("?t", None),
            ("?t=", None),
            ("?T=1", None),
            ("#?t=1", Some(1)),
            ("?a#t=1", None),
            ("?t=99999999999999999999999999", None),
        ] {
            assert_eq!(forced("t", url, 2), expected, "{url}");
        }
    }
}
