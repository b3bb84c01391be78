//! What a search answers.

/// One item that was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Neighbor {
    /// The item's number in the index: see [`VectorIndex::id`](super::VectorIndex::id).
    pub item: u32,
    /// The row that was nearest; other than the item's number only where items have several rows.
    pub row: u32,
    /// Larger is nearer, in every metric. See [`Metric`](super::Metric).
    pub score: f32,
}

/// Which way a search went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Plan {
    /// Nothing could match, so nothing was looked at.
    Nothing,
    /// Every row, or every row that may match.
    Exact,
    /// The graph.
    Hnsw,
    /// The graph, through and around what does not match.
    FilteredHnsw,
    /// The graph gave too few, so every row that may match was looked at after all.
    HnswThenExact,
    /// One bit a value of every row that may match, and the codes of the best.
    Binary,
}

impl Plan {
    /// `"nothing"`, `"exact"`, `"hnsw"`, `"filtered_hnsw"`, `"hnsw_then_exact"` or `"binary"`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Exact => "exact",
            Self::Hnsw => "hnsw",
            Self::FilteredHnsw => "filtered_hnsw",
            Self::HnswThenExact => "hnsw_then_exact",
            Self::Binary => "binary",
        }
    }
}

/// How a search came to its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SearchTrace {
    /// The way it went.
    pub plan: Plan,
    /// Rows that may match: all, or what the filter left.
    pub matching: usize,
    /// Candidates that the search in the graph, or among the bits, kept; 0 without one.
    pub ef: usize,
    /// Rows of the graph whose neighbours were looked at.
    pub expanded: usize,
    /// Rows whose distance was computed from codes, or from bits.
    pub compared: usize,
    /// Rows whose score was computed from the stored vectors.
    pub rescored: usize,
}

impl SearchTrace {
    pub(super) fn new(plan: Plan, matching: usize) -> Self {
        Self {
            plan,
            matching,
            ef: 0,
            expanded: 0,
            compared: 0,
            rescored: 0,
        }
    }
}

/// What was found, by (score descending, item ascending).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Neighbors {
    /// At most `k` items, each once; the best first, except with `diversity`: then in the order
    /// in which they were chosen.
    pub items: Vec<Neighbor>,
    /// How it was found, where that was asked for.
    pub trace: Option<SearchTrace>,
}
