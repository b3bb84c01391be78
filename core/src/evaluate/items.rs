//! What the metrics beyond accuracy ask about items: novelty, popularity, similarity.

use super::options::invalid;
use crate::catalog::AttributeType;
use crate::condition::Rows;
use crate::error::{Result, shown};
use crate::model::Model;
use serde_json::Value as Json;

/// One number an item for each, and the items' features.
pub(super) struct Items {
    novelty: Vec<f64>,
    popularity: Vec<f64>,
    /// Where each item's features start; empty if none were chosen.
    starts: Vec<u32>,
    /// Numbers of (attribute, value), ascending within an item.
    features: Vec<u32>,
}

impl Items {
    pub(super) fn new(model: &Model, attributes: &[String]) -> Result<Self> {
        let popularity: Vec<f64> = (0..model.item_count() as u32)
            .map(|item| model.popularity(item))
            .collect();
        let total = popularity.iter().fold(0.0, |sum, p| sum + p);
        let some = popularity.iter().copied().filter(|&p| p > 0.0);
        let least = some.fold(f64::INFINITY, f64::min);
        let novelty = |&p: &f64| {
            if total > 0.0 {
                // The zero is added so that a share of 1 has the novelty 0, and not -0.
                -libm::log2(p.max(least) / total) + 0.0
            } else {
                0.0
            }
        };
        let novelty = popularity.iter().map(novelty).collect();
        let (starts, features) = features(model, attributes)?;
        Ok(Self {
            novelty,
            popularity,
            starts,
            features,
        })
    }

    pub(super) fn novelty(&self, item: u32) -> f64 {
        self.novelty.get(item as usize).copied().unwrap_or(0.0)
    }

    pub(super) fn popularity(&self, item: u32) -> f64 {
        self.popularity.get(item as usize).copied().unwrap_or(0.0)
    }

    fn of(&self, item: u32) -> &[u32] {
        let at = item as usize;
        match (self.starts.get(at), self.starts.get(at + 1)) {
            (Some(&start), Some(&end)) => self
                .features
                .get(start as usize..end as usize)
                .unwrap_or(&[]),
            _ => &[],
        }
    }

    /// The similarities of an item to others, added up in their order.
    pub(super) fn similarity(&self, item: u32, others: &[u32]) -> f64 {
        if self.starts.is_empty() {
            return 0.0;
        }
        let mine = self.of(item);
        others
            .iter()
            .fold(0.0, |sum, &other| sum + jaccard(mine, self.of(other)))
    }
}

/// The size of the intersection by the size of the union; 0 for two empty sets.
fn jaccard(a: &[u32], b: &[u32]) -> f64 {
    let (mut left, mut right) = (a.iter().peekable(), b.iter().peekable());
    let mut both = 0usize;
    while let (Some(x), Some(y)) = (left.peek(), right.peek()) {
        match x.cmp(y) {
            std::cmp::Ordering::Less => {
                left.next();
            }
            std::cmp::Ordering::Greater => {
                right.next();
            }
            std::cmp::Ordering::Equal => {
                both += 1;
                left.next();
                right.next();
            }
        }
    }
    let either = a.len() + b.len() - both;
    if either == 0 {
        return 0.0;
    }
    both as f64 / either as f64
}

/// The values of the attributes by item, as numbers.
fn features(model: &Model, attributes: &[String]) -> Result<(Vec<u32>, Vec<u32>)> {
    if attributes.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    let columns = model.columns();
    // (attribute, value, item): sorted, the distinct values are neighbours.
    let mut all: Vec<(usize, String, u32)> = Vec::new();
    for (at, name) in attributes.iter().enumerate() {
        let kind = columns.columns.iter().find(|c| &c.name == name);
        let usable = kind.is_some_and(|column| {
            matches!(
                column.kind,
                AttributeType::Text | AttributeType::Tags | AttributeType::Bool
            )
        });
        if !usable {
            return Err(invalid(format!(
                "diversity: {} is not an attribute of the catalog with texts, tags or booleans",
                shown(name)
            )));
        }
        for item in 0..model.item_count() as u32 {
            match columns.value(name, item as usize) {
                Json::String(text) => all.push((at, text, item)),
                Json::Bool(flag) => all.push((at, flag.to_string(), item)),
                Json::Array(tags) => {
                    let tags = tags.iter().filter_map(Json::as_str);
                    all.extend(tags.map(|tag| (at, tag.to_owned(), item)));
                }
                _ => {}
            }
        }
    }
    all.sort_unstable();
    all.dedup();
    let mut pairs: Vec<(u32, u32)> = Vec::with_capacity(all.len());
    for (feature, group) in all.chunk_by(|a, b| (a.0, &a.1) == (b.0, &b.1)).enumerate() {
        pairs.extend(group.iter().map(|&(_, _, item)| (item, feature as u32)));
    }
    pairs.sort_unstable();
    let mut starts = vec![0u32; model.item_count() + 1];
    for &(item, _) in &pairs {
        if let Some(count) = starts.get_mut(item as usize + 1) {
            *count += 1;
        }
    }
    let mut sum = 0;
    for start in &mut starts {
        sum += *start;
        *start = sum;
    }
    Ok((starts, pairs.into_iter().map(|pair| pair.1).collect()))
}

#[cfg(test)]
mod tests {
    use super::jaccard;

    #[test]
    fn jaccard_by_hand() {
        assert_eq!(jaccard(&[1, 2, 5], &[2, 5, 9]), 0.5);
        assert_eq!(jaccard(&[1], &[1]), 1.0);
        assert_eq!(jaccard(&[1], &[]), 0.0);
        assert_eq!(jaccard(&[], &[]), 0.0);
    }
}
