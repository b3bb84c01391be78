//! Comparisons of Unleash's constraints: semantic versions, times, and networks.

use std::cmp::Ordering;
use std::net::IpAddr;

/// A semantic version, strictly: `MAJOR.MINOR.PATCH`, perhaps `-pre.release`, perhaps `+build`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Version {
    numbers: [String; 3],
    pre: Vec<String>,
}

impl Version {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let word = |part: &str| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        let (text, build) = text.split_once('+').unwrap_or((text, "0"));
        if !build.split('.').all(word) {
            return None;
        }
        let (core, pre) = match text.split_once('-') {
            Some((core, pre)) => (core, Some(pre)),
            None => (text, None),
        };
        let mut parts = core.split('.').map(str::to_owned);
        let numbers = [parts.next()?, parts.next()?, parts.next()?];
        if parts.next().is_some() || !numbers.iter().all(|n| is_number(n) && canonical(n)) {
            return None;
        }
        let pre: Vec<String> = match pre {
            None => Vec::new(),
            Some(pre) => pre.split('.').map(str::to_owned).collect(),
        };
        let fine = |part: &String| word(part) && (!is_number(part) || canonical(part));
        pre.iter().all(fine).then_some(Self { numbers, pre })
    }

    pub(super) fn compare(&self, other: &Self) -> Ordering {
        let numbers = self.numbers.iter().zip(&other.numbers);
        let core = numbers.fold(Ordering::Equal, |so_far, (a, b)| {
            so_far.then_with(|| by_value(a, b))
        });
        core.then_with(|| match (self.pre.is_empty(), other.pre.is_empty()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => {
                let parts = self.pre.iter().zip(&other.pre);
                let first = parts.map(|(a, b)| identifiers(a, b)).find(|o| o.is_ne());
                first.unwrap_or_else(|| self.pre.len().cmp(&other.pre.len()))
            }
        })
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn canonical(number: &str) -> bool {
    number == "0" || !number.starts_with('0')
}

/// Numbers of any length, without leading zeros.
fn by_value(a: &str, b: &str) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

fn identifiers(a: &str, b: &str) -> Ordering {
    match (is_number(a), is_number(b)) {
        (true, true) => by_value(a, b),
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => a.cmp(b),
    }
}

/// Milliseconds since 1970 of `2022-01-29T13:00:00.000+02:00`; the time and the zone may be
/// missing (midnight, UTC).
pub(super) fn time(text: &str) -> Option<i64> {
    let digits = |from: usize, to: usize| -> Option<i64> {
        let part = text.get(from..to)?;
        is_number(part).then(|| part.parse().ok()).flatten()
    };
    let at = |place: usize| text.as_bytes().get(place).copied();
    if at(4) != Some(b'-') || at(7) != Some(b'-') {
        return None;
    }
    let (year, month, day) = (digits(0, 4)?, digits(5, 7)?, digits(8, 10)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let midnight = days(year, month, day) * 86_400_000;
    if text.len() == 10 {
        return Some(midnight);
    }
    if at(10) != Some(b'T') || at(13) != Some(b':') {
        return None;
    }
    let (hour, minute) = (digits(11, 13)?, digits(14, 16)?);
    let mut place = 16;
    let mut millis = 0;
    if at(place) == Some(b':') {
        millis = digits(17, 19)? * 1000;
        place = 19;
        if at(place) == Some(b'.') {
            let count = text.bytes().skip(20).take_while(u8::is_ascii_digit).count();
            // The first three digits are milliseconds; what follows is cut off.
            let shown = count.min(3);
            let value = digits(20, 20 + shown)?;
            millis += value * [100, 10, 1].get(shown.checked_sub(1)?)?;
            place = 20 + count;
        }
    }
    if hour > 24 || minute > 59 || millis > 59_999 {
        return None;
    }
    let zone = match text.get(place..)? {
        "" | "Z" | "z" => 0,
        zone => {
            let sign = match zone.as_bytes().first()? {
                b'+' => 1,
                b'-' => -1,
                _ => return None,
            };
            let hours = digits(place + 1, place + 3)?;
            let colon = usize::from(at(place + 3) == Some(b':'));
            let minutes = digits(place + 3 + colon, place + 5 + colon)?;
            if text.len() != place + 5 + colon {
                return None;
            }
            sign * (hours * 60 + minutes) * 60_000
        }
    };
    Some(midnight + (hour * 60 + minute) * 60_000 + millis - zone)
}

/// Days from 1970-01-01 to a date of the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> i64 {
    // Years that begin in March put the leap day at the end.
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    let before_year = 365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    before_year + (153 * month + 2) / 5 + day - 1 - 719_468
}

/// An address or a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Network {
    address: IpAddr,
    prefix: u32,
}

impl Network {
    /// `192.168.0.0/16`, `2001:db8::/32`, or one address.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) if is_number(prefix) => (address, Some(prefix.parse().ok()?)),
            Some(_) => return None,
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.unwrap_or(bits);
        (prefix <= bits).then_some(Self { address, prefix })
    }

    pub(super) fn contains(self, address: IpAddr) -> bool {
        let differ = match (self.address, address) {
            (IpAddr::V4(a), IpAddr::V4(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
            (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
            _ => return false,
        };
        differ >= self.prefix
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_in_the_order_of_the_specification() {
        let order = [
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.1",
            "1.0.0",
            "1.0.10",
            "1.2.0",
            "99999999999999999999.0.0",
        ];
        let versions: Vec<_> = order.iter().map(|v| Version::parse(v).unwrap()).collect();
        for (i, a) in versions.iter().enumerate() {
            for (j, b) in versions.iter().enumerate() {
                assert_eq!(a.compare(b), i.cmp(&j), "{} {}", order[i], order[j]);
            }
        }
        let build = Version::parse("1.0.0+20130313144700").unwrap();
        assert_eq!(build.compare(&versions[7]), Ordering::Equal);
        for text in [
            "",
            "1",
            "1.0",
            "v1.0.0",
            "1.0.0.0",
            "01.0.0",
            "1.0.0-",
            "1.0.0-01",
            "1.0.0-a..b",
            "1.0.0+",
            "1.0.x",
            "not a semver",
            "1.0.-1",
        ] {
            assert!(Version::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn times_are_read_with_their_zone() {
        for (text, expected) in [
            ("1970-01-01", Some(0)),
            ("1970-01-01T00:00:00Z", Some(0)),
            ("1970-01-01T01:00+01:00", Some(0)),
            ("2022-01-29T13:00:00.000Z", Some(1_643_461_200_000)),
            ("2022-01-22T13:00:00.000+02:00", Some(1_642_849_200_000)),
            ("2000-02-29T23:59:59.1234Z", Some(951_868_799_123)),
            ("1969-12-31T23:59:59.9Z", Some(-100)),
            ("2022-01-22T13:00:00-0130", Some(1_642_861_800_000)),
            ("2022-13-01", None),
            ("2022-01-01 10:00", None),
            ("2022-01-01T10", None),
            ("2022-01-01T10:00:00.Z", None),
            ("2022-01-01T10:00x", None),
            ("yesterday", None),
            ("", None),
        ] {
            assert_eq!(time(text), expected, "{text}");
        }
    }

    #[test]
    fn networks_contain_by_prefix() {
        let contains = |network: &str, address: &str| {
            Network::parse(network)
                .unwrap()
                .contains(address.parse().unwrap())
        };
        assert!(contains("160.33.0.0/16", "160.33.255.1"));
        assert!(!contains("160.33.0.0/16", "160.34.0.0"));
        assert!(contains("0.0.0.0/0", "8.8.8.8"));
        assert!(!contains("0.0.0.0/0", "::1"));
        assert!(contains("2001:db8::/33", "2001:db8:7fff::"));
        assert!(!contains("2001:db8::/33", "2001:db8:8000::"));
        for text in [
            "127.invalid",
            "1.2.3.4/33",
            "::/129",
            "1.2.3.4/",
            "1.2.3.4/+8",
            "",
        ] {
            assert!(Network::parse(text).is_none(), "{text}");
        }
    }
}
