//! The spectral trainer: a closed form, no epochs.
//!
//! With `R` the user × item matrix, `R̃ = D_u^-½ R D_i^-½` and `G = R̃ᵀR̃`, the items' graph
//! filter joins a linear part, the normalised co-occurrence `g = G_ij`, and an ideal low-pass
//! part, the projector `QQᵀ` on the leading right singular subspace of `R̃`:
//!
//! `w_ij = (g_ij + α · q_i·q_j) · (d_j / d_i)^e`
//!
//! Source: GF-CF, Shen et al., "How Powerful is Graph Convolution for Recommendation?", CIKM
//! 2021. Here the filter is evaluated on co-occurring pairs only, and only the strongest
//! neighbours are kept, so that what remains is a sparse item graph.
//!
//! Cost: the subspace takes `iterations · (4 · entries · rank + 2 · items · rank²)` operations,
//! the graph Σ over users of (items of the user)² plus `items · candidates · rank`; memory is
//! `2 · items · rank` floats.

use super::pairs::{Degrees, Pairs};
use crate::model::graph::Row;
use crate::train::SpectralOptions;

/// See the module.
pub(super) struct Spectral {
    alpha: f32,
    /// `d^e` and `d^-e` of each item.
    power: Vec<f32>,
    inverse: Vec<f32>,
}

impl Spectral {
    pub(super) fn new(options: &SpectralOptions, degrees: &Degrees) -> Self {
        Self {
            alpha: options.alpha as f32,
            power: degrees.item_powers(options.popularity_exponent),
            inverse: degrees.item_powers(-options.popularity_exponent),
        }
    }

    /// The weights of all candidates of `item`; `smooth` is `q_i · q_j` of each.
    pub(super) fn row(&self, item: u32, pairs: &Pairs, smooth: &[f32], out: &mut Row) {
        let at = |values: &[f32], item: u32| values.get(item as usize).copied().unwrap_or(0.0);
        let scale = at(&self.inverse, item);
        out.clear();
        for (&other, &smooth) in pairs.candidates.iter().zip(smooth) {
            let weight = (pairs.g(other) + self.alpha * smooth) * (at(&self.power, other) * scale);
            if weight > 0.0 && weight.is_finite() {
                out.push((other, weight));
            }
        }
    }

    /// The weights of the edges from all candidates to `item`; 0 where there is none.
    pub(super) fn column(&self, item: u32, pairs: &Pairs, smooth: &[f32], out: &mut Row) {
        let at = |values: &[f32], item: u32| values.get(item as usize).copied().unwrap_or(0.0);
        let scale = at(&self.power, item);
        out.clear();
        for (&other, &smooth) in pairs.candidates.iter().zip(smooth) {
            let weight =
                (pairs.g(other) + self.alpha * smooth) * (scale * at(&self.inverse, other));
            if weight > 0.0 && weight.is_finite() {
                out.push((other, weight));
            }
        }
    }
}
