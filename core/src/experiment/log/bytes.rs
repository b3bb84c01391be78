//! The byte form of a decision log.
//!
//! Little-endian, described in `docs/snapshot-format.md`, section "Decision logs": a header with
//! the length of the whole, a table of all texts, decisions, outcomes, XXH3-64 of all that. Equal
//! logs have equal bytes, and what is not the bytes of a log is refused.

use std::collections::{BTreeMap, BTreeSet};

use super::record::{Decision, MOST, Outcome, Shown};
use super::{DecisionLog, LogOptions};
use crate::bytes::Reader;
use crate::error::{Error, ErrorKind, Result};

const MAGIC: &[u8; 4] = b"TMDL";
const VERSION: u16 = 1;
/// Magic, version, users, a zero, fingerprint, length, three counts.
const HEADER: usize = 36;
const CHECKSUM: usize = 8;
/// The number of a text that is missing, and of a slot.
const NONE: u32 = u32::MAX;
const NO_SLOT: u16 = u16::MAX;

/// Texts by number, ascending.
struct Texts<'a>(BTreeMap<&'a str, u32>);

impl<'a> Texts<'a> {
    fn of(log: &'a DecisionLog) -> Self {
        let mut all: BTreeSet<&str> = BTreeSet::new();
        for d in log.decisions() {
            all.insert(&d.id);
            for text in [&d.user, &d.model, &d.context] {
                all.extend(text.as_deref());
            }
            for (experiment, variant) in &d.assignments {
                all.extend([experiment.as_str(), variant.as_str()]);
            }
            all.extend(d.shown.iter().map(|shown| shown.item.as_str()));
        }
        for o in log.outcomes() {
            all.extend([o.decision.as_str(), o.name.as_str()]);
            all.extend(o.item.as_deref());
        }
        Self(all.into_iter().zip(0..).collect())
    }

    fn get(&self, text: Option<&str>) -> [u8; 4] {
        let found = text.and_then(|text| self.0.get(text));
        found.copied().unwrap_or(NONE).to_le_bytes()
    }
}

impl DecisionLog {
    /// The log as bytes; equal logs give equal bytes in every language. The key is not in them.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let texts = Texts::of(self);
        let mut out = Vec::new();
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&[u8::from(self.raw_users), 0]);
        out.extend_from_slice(&self.fingerprint);
        out.extend_from_slice(&[0; 8]);
        for count in [texts.0.len(), self.decisions.len(), self.outcomes.len()] {
            out.extend_from_slice(&(count as u32).to_le_bytes());
        }
        for text in texts.0.keys() {
            out.extend_from_slice(&(text.len() as u16).to_le_bytes());
            out.extend_from_slice(text.as_bytes());
        }
        for d in self.decisions() {
            out.extend_from_slice(&texts.get(Some(&d.id)));
            out.extend_from_slice(&d.time.to_le_bytes());
            for text in [&d.user, &d.model, &d.context] {
                out.extend_from_slice(&texts.get(text.as_deref()));
            }
            out.extend_from_slice(&(d.assignments.len() as u16).to_le_bytes());
            out.extend_from_slice(&(d.shown.len() as u16).to_le_bytes());
            for (experiment, variant) in &d.assignments {
                out.extend_from_slice(&texts.get(Some(experiment)));
                out.extend_from_slice(&texts.get(Some(variant)));
            }
            for shown in &d.shown {
                out.extend_from_slice(&texts.get(Some(&shown.item)));
                out.extend_from_slice(&shown.slot.to_le_bytes());
                out.extend_from_slice(&shown.propensity.to_le_bytes());
            }
        }
        for o in self.outcomes() {
            out.extend_from_slice(&texts.get(Some(&o.decision)));
            out.extend_from_slice(&o.time.to_le_bytes());
            out.extend_from_slice(&o.slot.unwrap_or(NO_SLOT).to_le_bytes());
            out.extend_from_slice(&texts.get(Some(&o.name)));
            out.extend_from_slice(&texts.get(o.item.as_deref()));
            out.extend_from_slice(&o.value.to_le_bytes());
        }
        let length = (out.len() + CHECKSUM) as u64;
        if let Some(place) = out.get_mut(16..24) {
            place.copy_from_slice(&length.to_le_bytes());
        }
        let checksum = xxhash_rust::xxh3::xxh3_64(&out);
        out.extend_from_slice(&checksum.to_le_bytes());
        out
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote. Without a key in `options` the log can be
    /// read, joined and merged; users can be neither added nor erased.
    ///
    /// # Errors
    /// [`ErrorKind::CorruptLog`] if a byte is missing, changed or too many, or what is in it is not
    /// valid or not in canonical order; [`ErrorKind::UnsupportedVersion`];
    /// [`ErrorKind::InvalidArgument`] for a key that is not that of the log, and options that keep
    /// users otherwise than the log does.
    pub fn from_bytes(bytes: &[u8], options: &LogOptions) -> Result<Self> {
        if bytes.get(..4) != Some(MAGIC) {
            return Err(corrupt("it does not start with TMDL"));
        }
        let mut header = Reader::new(bytes.get(4..).unwrap_or(&[]), corrupt);
        let version = u16::from_le_bytes(header.array()?);
        if version != VERSION {
            return Err(Error::new(
                ErrorKind::UnsupportedVersion,
                format!("decision log version {version}; this build reads version {VERSION}"),
            ));
        }
        if bytes.len() < HEADER + CHECKSUM {
            return Err(corrupt("it is cut short"));
        }
        let (content, checksum) = bytes.split_at(bytes.len() - CHECKSUM);
        if xxhash_rust::xxh3::xxh3_64(content).to_le_bytes() != *checksum {
            return Err(corrupt("its checksum does not match"));
        }
        let mut reader = Reader::new(content.get(6..).unwrap_or(&[]), corrupt);
        let [raw, zero] = reader.array()?;
        if raw > 1 || zero != 0 {
            return Err(corrupt("its header is not valid"));
        }
        let fingerprint: [u8; 8] = reader.array()?;
        if u64::from_le_bytes(reader.array()?) != bytes.len() as u64 {
            return Err(corrupt("it has another length than it says"));
        }
        let counts = [reader.number()?, reader.number()?, reader.number()?];
        let mut log = Self::new(options)?;
        if log.raw_users != (raw == 1) && (log.raw_users || log.key.is_some()) {
            return Err(super::record::invalid(
                "the log keeps users otherwise than the options say".to_owned(),
            ));
        }
        if raw == 1 && fingerprint != [0; 8] {
            return Err(corrupt("it keeps users as they are, and has a key"));
        }
        if log.key.is_some() && log.fingerprint != fingerprint && fingerprint != [0; 8] {
            return Err(super::record::invalid(
                "key is not the one that the log's pseudonyms were made with".to_owned(),
            ));
        }
        log.raw_users = raw == 1;
        if log.key.is_none() {
            log.fingerprint = fingerprint;
        }
        let [texts, decisions, outcomes] = counts;
        let texts = reader.texts(texts)?;
        let mut used = vec![false; texts.len()];
        for _ in 0..decisions {
            let decision = reader.decision(&texts, &mut used)?;
            decision
                .check()
                .map_err(|e| corrupt("a decision is not valid").with_source(e))?;
            if decision.user.is_some() && raw == 0 && fingerprint == [0; 8] {
                return Err(corrupt("it has pseudonyms, and no key"));
            }
            if log
                .decisions
                .last_key_value()
                .is_some_and(|(last, _)| *last >= decision.id)
            {
                return Err(corrupt("its decisions are not in order"));
            }
            log.decisions.insert(decision.id.clone(), decision);
        }
        for _ in 0..outcomes {
            let outcome = reader.outcome(&texts, &mut used)?;
            outcome
                .check()
                .map_err(|e| corrupt("an outcome is not valid").with_source(e))?;
            if outcome.value == 0.0 && outcome.value.is_sign_negative() {
                return Err(corrupt(
                    "a value is a negative zero, which is never written",
                ));
            }
            if log.outcomes.last().is_some_and(|last| *last >= outcome) {
                return Err(corrupt("its outcomes are not in order"));
            }
            log.outcomes.insert(outcome);
        }
        if used.contains(&false) {
            return Err(corrupt("it has a text that nothing uses"));
        }
        if !reader.rest().is_empty() {
            return Err(corrupt("it has bytes after the last outcome"));
        }
        Ok(log)
    }
}

fn corrupt(why: &str) -> Error {
    Error::new(
        ErrorKind::CorruptLog,
        format!("not a usable decision log: {why}"),
    )
}

impl<'a> Reader<'a> {
    fn number(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn short(&mut self) -> Result<u16> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    fn texts(&mut self, count: u32) -> Result<Vec<&'a str>> {
        let mut out: Vec<&str> = Vec::new();
        for _ in 0..count {
            let len = self.short()?.into();
            let text = self.text(len)?;
            if out.last().is_some_and(|last| *last >= text) {
                return Err(corrupt("its texts are not in order"));
            }
            out.push(text);
        }
        Ok(out)
    }

    /// A text by its number; the number of none only where that may be.
    fn listed(&mut self, texts: &[&str], used: &mut [bool]) -> Result<Option<String>> {
        let number = self.number()?;
        if number == NONE {
            return Ok(None);
        }
        let place = number as usize;
        if let Some(flag) = used.get_mut(place) {
            *flag = true;
        }
        texts
            .get(place)
            .map(|text| Some((*text).to_owned()))
            .ok_or_else(|| corrupt("a text is beyond the table"))
    }

    fn needed(&mut self, texts: &[&str], used: &mut [bool]) -> Result<String> {
        self.listed(texts, used)?
            .ok_or_else(|| corrupt("a text is missing"))
    }

    fn decision(&mut self, texts: &[&str], used: &mut [bool]) -> Result<Decision> {
        let id = self.needed(texts, used)?;
        let mut decision = Decision::new(id, i64::from_le_bytes(self.array()?));
        decision.user = self.listed(texts, used)?;
        decision.model = self.listed(texts, used)?;
        decision.context = self.listed(texts, used)?;
        let (assignments, shown) = (self.short()?, self.short()?);
        if usize::from(assignments.max(shown)) > MOST {
            return Err(corrupt("a decision has too many items or experiments"));
        }
        for _ in 0..assignments {
            let experiment = self.needed(texts, used)?;
            let last = decision.assignments.last_key_value();
            if last.is_some_and(|(last, _)| *last >= experiment) {
                return Err(corrupt("its experiments are not in order"));
            }
            decision
                .assignments
                .insert(experiment, self.needed(texts, used)?);
        }
        for _ in 0..shown {
            decision.shown.push(Shown {
                item: self.needed(texts, used)?,
                slot: self.short()?,
                propensity: f64::from_le_bytes(self.array()?),
            });
        }
        Ok(decision)
    }

    fn outcome(&mut self, texts: &[&str], used: &mut [bool]) -> Result<Outcome> {
        let decision = self.needed(texts, used)?;
        let time = i64::from_le_bytes(self.array()?);
        let slot = self.short()?;
        Ok(Outcome {
            decision,
            time,
            slot: (slot != NO_SLOT).then_some(slot),
            name: self.needed(texts, used)?,
            item: self.listed(texts, used)?,
            value: f64::from_le_bytes(self.array()?),
        })
    }
}
