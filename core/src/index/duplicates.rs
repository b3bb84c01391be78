//! Items that are nearly the same, folded into groups.

use crate::control::Control;
use crate::error::{Error, ErrorKind, Result};

use super::VectorIndex;
use super::options::SearchOptions;

/// Neighbours of an item that are looked at.
const NEIGHBORS: usize = 32;

impl VectorIndex {
    /// Groups of items with a score of at least `min_score` between them: an item belongs to a
    /// group if it is that near to one of its members among its 32 nearest. Each group ascends,
    /// and groups stand in the order of their first item; items without a duplicate are in none.
    ///
    /// Scores are those of [`VectorIndex::search`]: `0.98` for the cosine, `-0.05` for L2.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] if `min_score` is not finite, or for `threads` outside 1 to
    /// 1024; [`ErrorKind::Cancelled`].
    pub fn duplicates(
        &self,
        min_score: f32,
        threads: usize,
        control: &Control<'_>,
    ) -> Result<Vec<Vec<u32>>> {
        if !min_score.is_finite() {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("min_score is {min_score}; it must be finite"),
            ));
        }
        let options = SearchOptions::top(NEIGHBORS);
        let graph = self.knn_graph(&options, threads, control)?;
        let mut parents: Vec<u32> = (0..self.len() as u32).collect();
        for item in 0..self.len() as u32 {
            let (others, scores) = graph.neighbors(item);
            for (&other, &score) in others.iter().zip(scores) {
                if score >= min_score {
                    // The smaller root wins, so that the root is the first of the group.
                    let (a, b) = (root(&mut parents, item), root(&mut parents, other));
                    if let Some(parent) = parents.get_mut(a.max(b) as usize) {
                        *parent = a.min(b);
                    }
                }
            }
        }
        let mut groups: std::collections::BTreeMap<u32, Vec<u32>> =
            std::collections::BTreeMap::new();
        for item in 0..self.len() as u32 {
            groups
                .entry(root(&mut parents, item))
                .or_default()
                .push(item);
        }
        Ok(groups
            .into_values()
            .filter(|group| group.len() > 1)
            .collect())
    }
}

/// The root of an item, with the path to it halved.
fn root(parents: &mut [u32], item: u32) -> u32 {
    let mut at = item;
    loop {
        let parent = parents.get(at as usize).copied().unwrap_or(at);
        if parent == at {
            return at;
        }
        let above = parents.get(parent as usize).copied().unwrap_or(parent);
        if let Some(slot) = parents.get_mut(at as usize) {
            *slot = above;
        }
        at = above;
    }
}
