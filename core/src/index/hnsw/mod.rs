//! A hierarchical navigable small world graph (Malkov and Yashunin, 2016) over codes.
//!
//! Distances are integers (or one rounded operation on integers), so walks are the same on every
//! processor. The graph is built in batches: the rows of a batch search the graph of before, then
//! their links are put in, in the order of their places. So it is the same at any number of
//! threads. A row has one level, drawn from a hash; a level consists of the rows of at least that
//! level, ascending, and the links of a level are places in it.

mod build;
mod connect;
mod filter;
mod graph;
mod keys;
mod layers;
mod pool;
mod prune;
mod repair;
mod spread;
mod stop;
mod strays;
mod walk;

pub(super) use build::{Inputs, build};
pub(super) use filter::walk_filtered;
pub(super) use graph::{Graph, Levels};
pub(super) use keys::{HALF, Keys, ordered};
pub(super) use layers::Built;
pub(super) use repair::update;
pub(super) use stop::{Reach, Stop};
pub(super) use walk::{Walk, Work, walk, walk_many};

/// The most levels above 0.
pub(super) const MAX_LEVELS: usize = 16;
