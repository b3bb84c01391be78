//! The graph of before with the edges that were learnt again.

use crate::model::Model;
use crate::model::graph::{Row, strongest_in_place};
use crate::model::trainer::Relearnt;

/// What of the graph is kept, and what is new.
pub(super) struct Splice<'a> {
    pub(super) model: &'a Model,
    /// By item: its index in the model.
    pub(super) known: &'a [Option<u32>],
    /// By item of the model: its index now.
    pub(super) moved: &'a [Option<u32>],
    /// Ascending.
    pub(super) targets: &'a [u32],
    /// Of each target.
    pub(super) learnt: &'a [Relearnt],
    pub(super) neighbors: usize,
}

impl Splice<'_> {
    /// Rows of all items: an edge to a target is what was learnt now, where that looked at the
    /// pair; any other is as it was. The rows of new items are their own.
    pub(super) fn rows(&self) -> Vec<Row> {
        let items = self.known.len();
        let mut incoming: Vec<Row> = vec![Row::new(); items];
        let mut own: Vec<Option<&Row>> = vec![None; items];
        for (&target, learnt) in self.targets.iter().zip(self.learnt) {
            for &(source, weight) in &learnt.column {
                if let Some(row) = incoming.get_mut(source as usize) {
                    row.push((target, weight));
                }
            }
            if let Some(slot) = own.get_mut(target as usize) {
                *slot = learnt.row.as_ref();
            }
        }
        let graph = self.model.graph();
        let unit = graph.unit();
        let (mut before, mut room) = (Row::new(), Row::new());
        let mut rows = Vec::with_capacity(items);
        for ((known, own), incoming) in self.known.iter().zip(&own).zip(&incoming) {
            before.clear();
            if let Some(own) = own {
                before.extend_from_slice(own);
            } else if let Some(item) = known {
                let (ids, weights) = graph.row(*item);
                for (id, &weight) in ids.iter().zip(weights) {
                    if let Some(Some(now)) = self.moved.get(id as usize) {
                        before.push((*now, (f64::from(weight) * unit) as f32));
                    }
                }
            }
            let mut row = overlay(&before, incoming);
            strongest_in_place(&mut row, self.neighbors, &mut room);
            rows.push(row);
        }
        rows
    }
}

/// Both ascend; where both have an item, `over` counts. Zeros are left out.
fn overlay(under: &[(u32, f32)], over: &[(u32, f32)]) -> Row {
    let mut out = Row::with_capacity(under.len() + over.len());
    let mut rest = under;
    for &(item, weight) in over {
        let below = rest.partition_point(|&(other, _)| other < item);
        let (first, others) = rest.split_at_checked(below).unwrap_or((rest, &[]));
        out.extend_from_slice(first);
        rest = match others.split_first() {
            Some((same, after)) if same.0 == item => after,
            _ => others,
        };
        if weight > 0.0 && weight.is_finite() {
            out.push((item, weight));
        }
    }
    out.extend_from_slice(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_new_hides_what_was() {
        let under = [(1, 1.0), (3, 3.0), (5, 5.0), (9, 9.0)];
        let over = [(0, 7.0), (3, 0.0), (5, 6.0), (6, 0.0), (10, 2.0)];
        assert_eq!(
            overlay(&under, &over),
            [(0, 7.0), (1, 1.0), (5, 6.0), (9, 9.0), (10, 2.0)]
        );
        assert_eq!(overlay(&under, &[]), under);
        assert_eq!(overlay(&[], &over), [(0, 7.0), (5, 6.0), (10, 2.0)]);
    }
}
