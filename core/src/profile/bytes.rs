//! The byte form of a profile: what a browser stores and a server merges.
//!
//! Little-endian, described in `docs/snapshot-format.md`, section "Profiles": magic `TMPF`,
//! version, number of events, the events in canonical order, XXH3-64 of all that.

use super::{MAX_EVENTS, Profile, order};
use crate::bytes::Reader;
use crate::error::{Error, ErrorKind, Result};
use crate::event::Event;

const MAGIC: &[u8; 4] = b"TMPF";
const VERSION: u16 = 1;
const CHECKSUM: usize = 8;

impl Profile {
    /// The profile as bytes; equal profiles give equal bytes in every language.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(16 + self.events().len() * 48);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&(self.events().len() as u16).to_le_bytes());
        for event in self.events() {
            out.extend_from_slice(&event.timestamp.to_le_bytes());
            out.extend_from_slice(&(event.weight as f32).to_le_bytes());
            out.push(event.kind.len() as u8);
            out.extend_from_slice(&(event.item_id.len() as u16).to_le_bytes());
            out.extend_from_slice(event.kind.as_bytes());
            out.extend_from_slice(event.item_id.as_bytes());
        }
        let checksum = xxhash_rust::xxh3::xxh3_64(&out);
        out.extend_from_slice(&checksum.to_le_bytes());
        out
    }

    /// Reads what [`Profile::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`ErrorKind::CorruptProfile`] if a byte is missing, changed or too many, or an event is
    /// not valid or not in canonical order; [`ErrorKind::UnsupportedVersion`] for a version that
    /// this build does not know.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        if bytes.get(..4) != Some(MAGIC) {
            return Err(corrupt("it does not start with TMPF"));
        }
        let mut header = Reader::new(bytes.get(4..).unwrap_or(&[]), corrupt);
        let version = u16::from_le_bytes(header.array()?);
        if version != VERSION {
            return Err(Error::new(
                ErrorKind::UnsupportedVersion,
                format!("profile version {version}; this build reads version {VERSION}"),
            ));
        }
        let body = bytes
            .len()
            .checked_sub(CHECKSUM)
            .ok_or_else(|| corrupt("it is cut short"))?;
        let (content, checksum) = bytes.split_at(body);
        if xxhash_rust::xxh3::xxh3_64(content).to_le_bytes() != *checksum {
            return Err(corrupt("its checksum does not match"));
        }
        let mut reader = Reader::new(content.get(6..).unwrap_or(&[]), corrupt);
        let count = u16::from_le_bytes(reader.array()?) as usize;
        if count > MAX_EVENTS {
            return Err(corrupt("it has too many events"));
        }
        let mut events: Vec<Event> = Vec::with_capacity(count);
        for _ in 0..count {
            let event = reader.event()?;
            event
                .check()
                .map_err(|e| corrupt("an event is invalid").with_source(e))?;
            if event.weight.to_bits() == (-0.0f64).to_bits() {
                return Err(corrupt(
                    "a weight is a negative zero, which is never written",
                ));
            }
            if events
                .last()
                .is_some_and(|last| order(last, &event).is_ge())
            {
                return Err(corrupt("its events are not in canonical order"));
            }
            events.push(event);
        }
        if !reader.rest().is_empty() {
            return Err(corrupt("it has bytes after the last event"));
        }
        Ok(Self { events })
    }
}

fn corrupt(why: &str) -> Error {
    Error::new(
        ErrorKind::CorruptProfile,
        format!("not a usable profile: {why}"),
    )
}

impl Reader<'_> {
    fn event(&mut self) -> Result<Event> {
        let timestamp = i64::from_le_bytes(self.array()?);
        let weight = f64::from(f32::from_le_bytes(self.array()?));
        let [kind_len] = self.array()?;
        let item_len = u16::from_le_bytes(self.array()?);
        let kind = self.text(kind_len as usize)?.to_owned();
        let item_id = self.text(item_len as usize)?.to_owned();
        Ok(Event {
            item_id,
            kind,
            weight,
            timestamp,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Profile {
        let mut profile = Profile::new();
        profile.record(&Event::new("日本", "view", -5)).unwrap();
        profile
            .record(&Event::new("b", "rate", 7).with_weight(4.5))
            .unwrap();
        profile
    }

    #[test]
    fn bytes_come_back() {
        for profile in [Profile::new(), sample()] {
            assert_eq!(Profile::from_bytes(&profile.to_bytes()).unwrap(), profile);
        }
    }

    #[test]
    fn the_layout_is_the_documented_one() {
        let mut profile = Profile::new();
        profile.record(&Event::new("ab", "view", 258)).unwrap();
        let bytes = profile.to_bytes();
        let expected = b"TMPF\x01\0\x01\0\x02\x01\0\0\0\0\0\0\0\0\x80\x3f\x04\x02\0viewab";
        assert_eq!(&bytes[..bytes.len() - 8], expected);
    }

    #[test]
    fn every_cut_and_every_flipped_bit_is_refused() {
        let bytes = sample().to_bytes();
        for len in 0..bytes.len() {
            assert!(Profile::from_bytes(&bytes[..len]).is_err(), "cut to {len}");
        }
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut bad = bytes.clone();
                bad[at] ^= 1 << bit;
                assert!(Profile::from_bytes(&bad).is_err(), "byte {at} bit {bit}");
            }
        }
    }

    #[test]
    fn a_forged_checksum_does_not_let_bad_events_in() {
        let mut bytes = sample().to_bytes();
        bytes.truncate(bytes.len() - 8);
        // The weight of the first event becomes NaN.
        bytes[16..20].copy_from_slice(&f32::NAN.to_le_bytes());
        let checksum = xxhash_rust::xxh3::xxh3_64(&bytes);
        bytes.extend_from_slice(&checksum.to_le_bytes());
        assert_eq!(
            Profile::from_bytes(&bytes).unwrap_err().kind(),
            ErrorKind::CorruptProfile
        );
    }
}
