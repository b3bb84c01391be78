//! What a snapshot keeps so that an update need not learn everything again: the bases of the
//! subspaces, and how far the data has moved on since each item was learnt.

use serde_json::{Value as Json, json};

use super::Model;
use crate::error::{Error, ErrorKind, Result};
use crate::snapshot::{Section, Sections, Writer};

/// The largest rank of a stored basis.
const MAX_RANK: u64 = 1 << 16;
/// The largest number of stored bases.
const MAX_BASES: usize = 64;

/// See the module.
#[derive(Default)]
pub(crate) struct State {
    /// By item: how much of its row of the normalised co-occurrence matrix has changed since it
    /// was learnt, as a share of the row (L1).
    pub(crate) stale: Vec<f32>,
    /// The same for the whole matrix since the bases were found.
    pub(crate) drift: f64,
    pub(crate) bases: Vec<Packed>,
}

/// A basis with a byte for each number.
pub(crate) struct Packed {
    /// The rank that was asked for, which may be more than there is.
    pub(crate) wish: usize,
    pub(crate) iterations: usize,
    pub(crate) rank: usize,
    /// By item, `rank` each.
    pub(crate) values: Vec<i8>,
    /// By item: what a value of 1 stands for.
    pub(crate) scales: Vec<f32>,
}

impl Packed {
    /// A basis without items.
    pub(crate) fn new(rank: usize, wish: usize, iterations: usize) -> Self {
        Self {
            wish,
            iterations,
            rank,
            values: Vec::new(),
            scales: Vec::new(),
        }
    }

    /// Appends a vector, rounded to multiples of 1/127 of its largest component.
    pub(crate) fn push(&mut self, vector: &[f32]) {
        let largest = vector.iter().fold(0f32, |m, v| m.max(v.abs()));
        let scale = largest / 127.0;
        let inverse = if scale > 0.0 { 1.0 / scale } else { 0.0 };
        let round = |&v: &f32| libm::rintf(v * inverse).clamp(-127.0, 127.0) as i8;
        self.values.extend(vector.iter().map(round));
        self.scales.push(scale);
    }

    /// The vector of an item, and what a value of 1 stands for; nothing if there is none.
    pub(crate) fn row(&self, item: u32) -> (&[i8], f32) {
        let start = item as usize * self.rank;
        let values = self.values.get(start..start + self.rank);
        let scale = self.scales.get(item as usize).copied();
        (values.unwrap_or(&[]), scale.unwrap_or(0.0))
    }

    /// Replaces the vector of an item.
    pub(crate) fn set(&mut self, item: u32, vector: &[f32]) {
        let mut one = Self::new(self.rank, 0, 0);
        one.push(vector);
        let start = item as usize * self.rank;
        if let (Some(values), Some(scale)) = (
            self.values.get_mut(start..start + one.values.len()),
            self.scales.get_mut(item as usize),
        ) {
            values.copy_from_slice(&one.values);
            one.scales.iter().for_each(|one| *scale = *one);
        }
    }

    /// The same vectors for other items: by item, which of those of before it is; zeros for none.
    pub(crate) fn arranged(self, known: &[Option<u32>]) -> Self {
        let same = |(at, known): (usize, &Option<u32>)| *known == Some(at as u32);
        if known.len() == self.scales.len() && known.iter().enumerate().all(same) {
            return self;
        }
        let mut out = Self::new(self.rank, self.wish, self.iterations);
        for known in known {
            let (values, scale) = known.map_or((&[][..], 0.0), |item| self.row(item));
            out.values.extend_from_slice(values);
            out.scales.push(scale);
            out.values.resize(out.scales.len() * self.rank, 0);
        }
        out
    }
}

impl State {
    /// Adds the sections; what the manifest says of them is returned.
    pub(crate) fn write(&self, writer: &mut Writer) -> Json {
        writer.add(Section::StateStale, 0, &self.stale);
        let mut list = Vec::new();
        for (index, basis) in self.bases.iter().enumerate() {
            writer.add(Section::StateBasis, index as u32, &basis.values);
            writer.add(Section::StateScales, index as u32, &basis.scales);
            list.push(json!({
                "wish": basis.wish,
                "iterations": basis.iterations,
                "rank": basis.rank,
            }));
        }
        json!({"drift": self.drift, "bases": list})
    }
}

/// What the manifest says of each basis: wish, iterations, rank.
fn listed(state: &Json) -> Option<Vec<[usize; 3]>> {
    let list = state.get("bases")?.as_array()?;
    let number = |entry: &Json, name: &str| {
        let value = entry.get(name)?.as_u64()?;
        (value <= MAX_RANK).then_some(value as usize)
    };
    let bases: Option<Vec<[usize; 3]>> = list
        .iter()
        .map(|b| {
            Some([
                number(b, "wish")?,
                number(b, "iterations")?,
                number(b, "rank")?,
            ])
        })
        .collect();
    bases.filter(|b| b.len() <= MAX_BASES)
}

/// Checks the sections against the manifest. Most snapshots have none.
pub(super) fn check(sections: &Sections, manifest: &Json, items: usize) -> Result<()> {
    let state = match manifest.get("state") {
        None | Some(Json::Null) => return Ok(()),
        Some(state) => state,
    };
    let corrupt = |what: &str| {
        Error::new(
            ErrorKind::CorruptSnapshot,
            format!("the snapshot is damaged: its state for updates: {what}"),
        )
    };
    let drift = state.get("drift").and_then(Json::as_f64);
    if !drift.is_some_and(|d| d.is_finite() && d >= 0.0) {
        return Err(corrupt("drift"));
    }
    let sound = |values: &[f32]| values.iter().all(|v| v.is_finite() && *v >= 0.0);
    let stale = sections.exactly::<f32>(Section::StateStale, 0, items)?;
    if !sound(sections.slice(&stale)) {
        return Err(corrupt("a share"));
    }
    let bases = listed(state).ok_or_else(|| corrupt("the list of bases"))?;
    for (index, [_, _, rank]) in bases.into_iter().enumerate() {
        let index = index as u32;
        let length = items.checked_mul(rank).ok_or_else(|| corrupt("a rank"))?;
        sections.exactly::<i8>(Section::StateBasis, index, length)?;
        let scales = sections.exactly::<f32>(Section::StateScales, index, items)?;
        if !sound(sections.slice(&scales)) {
            return Err(corrupt("a scale"));
        }
    }
    Ok(())
}

impl Model {
    /// What the snapshot keeps for updates; `None` if it was not trained to be updatable.
    pub(crate) fn state(&self) -> Option<State> {
        let state = self.manifest().get("state").filter(|s| !s.is_null())?;
        let sections = &self.inner.sections;
        let floats = |section: Section, index: u32| -> Vec<f32> {
            sections.slice(&sections.range(section, index)).to_vec()
        };
        let bases = listed(state)?.into_iter().enumerate();
        let bases = bases.map(|(index, [wish, iterations, rank])| Packed {
            wish,
            iterations,
            rank,
            values: sections
                .slice(&sections.range(Section::StateBasis, index as u32))
                .to_vec(),
            scales: floats(Section::StateScales, index as u32),
        });
        Some(State {
            stale: floats(Section::StateStale, 0),
            drift: state.get("drift").and_then(Json::as_f64)?,
            bases: bases.collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_comes_back_within_half_a_step() {
        let values = [0.5f32, -0.25, 0.1, 0.0, 0.0, 0.0, -3.0, 1.0, 2.0];
        let mut packed = Packed::new(3, 3, 6);
        values.chunks(3).for_each(|vector| packed.push(vector));
        assert_eq!(packed.values.len(), 9);
        assert_eq!(packed.values[3..6], [0, 0, 0]);
        let back = |packed: &Packed, item: u32| -> Vec<f32> {
            let (values, scale) = packed.row(item);
            values.iter().map(|&v| f32::from(v) * scale).collect()
        };
        for item in 0..3 {
            let there = &values[item * 3..item * 3 + 3];
            for (there, back) in there.iter().zip(back(&packed, item as u32)) {
                assert!((there - back).abs() <= packed.scales[item] * 0.500_01);
            }
        }
        assert!(packed.row(3).0.is_empty());
        let (first, last) = (back(&packed, 0), back(&packed, 2));
        let mut packed = packed.arranged(&[Some(0), None, Some(2), None]);
        assert_eq!(packed.values.len(), 12);
        packed.set(3, &[127.0, 1.0, 0.0]);
        assert_eq!(back(&packed, 0), first);
        assert_eq!(back(&packed, 1), [0.0; 3]);
        assert_eq!(back(&packed, 2), last);
        assert_eq!(back(&packed, 3), [127.0, 1.0, 0.0]);
    }

    fn checked(change: impl FnOnce(&mut State, &mut Json)) -> Result<()> {
        let mut basis = Packed::new(2, 4, 6);
        [[0.5f32, 0.25]; 3].iter().for_each(|v| basis.push(v));
        let mut state = State {
            stale: vec![0.0, 0.5, 0.25],
            drift: 0.125,
            bases: vec![basis],
        };
        let mut manifest = json!({});
        change(&mut state, &mut manifest);
        let mut writer = Writer::default();
        let mut said = state.write(&mut writer);
        for (name, value) in manifest.as_object().into_iter().flatten() {
            said[name] = value.clone();
        }
        let sections = Sections::open(writer.finish()?)?;
        check(&sections, &json!({"state": said}), 3)
    }

    #[test]
    fn a_forged_state_is_refused() {
        assert!(checked(|_, _| ()).is_ok());
        type Forge = Box<dyn FnOnce(&mut State, &mut Json)>;
        let forged: [Forge; 14] = [
            Box::new(|s, _| s.stale.truncate(2)),
            Box::new(|s, _| s.stale.push(0.0)),
            Box::new(|s, _| s.stale[1] = f32::NAN),
            Box::new(|s, _| s.stale[1] = -0.5),
            Box::new(|s, _| s.bases[0].scales[2] = f32::INFINITY),
            Box::new(|s, _| s.bases[0].scales.truncate(1)),
            Box::new(|s, _| s.bases[0].values.truncate(5)),
            Box::new(|s, _| s.bases[0].rank = 3),
            Box::new(|_, m| m["drift"] = json!(-1.0)),
            Box::new(|_, m| m["drift"] = json!("far")),
            Box::new(|_, m| m["bases"] = json!(3)),
            Box::new(|_, m| m["bases"] = json!([{"wish": 4, "iterations": 6}])),
            Box::new(|_, m| m["bases"] = json!([{"wish": 4, "iterations": 6, "rank": u64::MAX}])),
            Box::new(|_, m| {
                m["bases"] = json!(vec![json!({"wish": 0, "iterations": 6, "rank": 0}); 65]);
            }),
        ];
        for (n, forge) in forged.into_iter().enumerate() {
            let error = checked(forge).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::CorruptSnapshot, "{n}");
        }
    }
}
