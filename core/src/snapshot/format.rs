//! Numbers of the format: what a reader and a writer must agree on.

/// The first eight bytes of every snapshot.
pub const MAGIC: &[u8; 8] = b"TASTEMKR";
/// The version of the format that this build writes.
pub const VERSION: u32 = 2;
/// The oldest version that this build reads; it reads all from here on.
pub(crate) const OLDEST_VERSION: u32 = 1;

/// Sections begin at multiples of this, so that any element type is aligned.
pub(crate) const ALIGN: usize = 64;
/// Bytes of the file header.
pub(crate) const HEADER: usize = 64;
/// Bytes of one entry of the section table.
pub(crate) const ENTRY: usize = 32;
/// More sections than any honest file has.
pub(crate) const MAX_SECTIONS: usize = 65_536;

/// Rounds up to the alignment; `None` on overflow.
pub(crate) fn aligned(len: usize) -> Option<usize> {
    Some(len.checked_add(ALIGN - 1)? / ALIGN * ALIGN)
}

macro_rules! sections {
    ($($(#[$doc:meta])* $name:ident = $code:literal,)*) => {
        /// What a section holds. Codes are for ever; new ones are added at the end.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u32)]
        pub(crate) enum Section {
            $($(#[$doc])* $name = $code,)*
        }
    };
}

sections! {
    /// JSON: options, counts, kinds, the graph's scale, the catalog's columns.
    Manifest = 1,
    /// `u32` × (items + 1): where each id starts in `ItemBytes`.
    ItemOffsets = 2,
    /// The ids, concatenated, ascending.
    ItemBytes = 3,
    /// `u32`, a power of two: hash table, index + 1 or 0.
    ItemSlots = 4,
    /// `f32` × items: summed positive evidence.
    Popularity = 5,
    /// `u32` × items: all items, most popular first.
    PopularOrder = 6,
    /// Bits: items that may be recommended.
    Active = 7,
    /// `u32` × (items + 1): where each row of the graph starts.
    GraphOffsets = 8,
    /// `u32` an edge: the neighbour, ascending within a row.
    GraphIds = 9,
    /// `u16` an edge: the weight, times 2^-scale.
    GraphWeights = 10,
    /// As `ItemOffsets`, for users.
    UserOffsets = 11,
    /// As `ItemBytes`, for users.
    UserBytes = 12,
    /// As `ItemSlots`, for users.
    UserSlots = 13,
    /// `u32` × (users + 1): where each user's events start.
    ProfileOffsets = 14,
    /// `u32` an event: the item.
    ProfileItems = 15,
    /// `u8` an event: the kind; absent when all are the same (manifest).
    ProfileKinds = 16,
    /// `f32` an event: the weight; absent when all are 1.
    ProfileWeights = 17,
    /// `i64` an event: Unix milliseconds; absent when all are 0.
    ProfileTimes = 18,
    /// `u16` an edge: as `GraphIds`, and in its place, where 16 bits are enough. From version 2 on.
    GraphNarrowIds = 19,
    /// `f32` × items: the share of its co-occurrences that changed since an item was learnt.
    StateStale = 20,
    /// `i8` × items × rank: the basis of a subspace, in multiples of `StateScales`.
    StateBasis = 21,
    /// `f32` × items: see `StateBasis`.
    StateScales = 22,
    /// Bits: rows that have a value in the column.
    ColumnPresent = 32,
    /// `f64` × items: numbers, and times in milliseconds.
    ColumnNumbers = 33,
    /// Bits: booleans.
    ColumnBools = 34,
    /// `u32` × (items + 1): where each text starts.
    ColumnTextOffsets = 35,
    /// The texts, concatenated.
    ColumnTextBytes = 36,
    /// `u32` × (items + 1): where each item's tags start.
    ColumnTagRows = 37,
    /// `u32` a tag: its number in the dictionary.
    ColumnTagIds = 38,
    /// `u32` × (tags + 1): where each tag's text starts.
    ColumnTagOffsets = 39,
    /// The tags' texts, ascending, concatenated.
    ColumnTagBytes = 40,
    /// `f64` × 2 × items: latitude, longitude.
    ColumnPlaces = 41,
    /// A bandit, as its bytes; the keys are in the manifest, in this order.
    Bandit = 48,
    /// `u32` × 1: the first catalog column of the vector index, beside a model that has some.
    IndexFirstColumn = 63,
    /// JSON: metric, dimension, counts and options of a vector index.
    IndexManifest = 64,
    /// As `ItemOffsets`, for the items of a vector index.
    IndexIdOffsets = 65,
    /// As `ItemBytes`, for the items of a vector index.
    IndexIdBytes = 66,
    /// As `ItemSlots`, for the items of a vector index.
    IndexIdSlots = 67,
    /// `u32` × (items + 1): where each item's rows start; absent where each has one.
    IndexRowStarts = 68,
    /// `f32` × dimension: what the codes are relative to; absent where that is zero.
    IndexCentre = 69,
    /// `f32` × rows × dimension: the vectors.
    IndexFloats = 70,
    /// `u16` × rows × dimension: the vectors in half precision.
    IndexHalves = 71,
    /// `u8` × rows × stride: the vectors as codes.
    IndexCodes = 72,
    /// `i32` × rows: what the graph's distance adds to a row's inner product.
    IndexSides = 73,
    /// `u32` × rows × 2m: the neighbours of each row, `u32::MAX` behind the last.
    IndexLinks = 74,
    /// `u32`: the rows of a level above 0; the index is the level.
    IndexLevelRows = 75,
    /// `u32`: where each row of the level stands in the level below.
    IndexLevelDown = 76,
    /// `u32` × rows of the level × m: neighbours as places in the level.
    IndexLevelLinks = 77,
    /// `u32`: rows that stand in the graph for others with the same codes, ascending.
    IndexTwinFirsts = 78,
    /// `u32` × (firsts + 1): where the others of each start.
    IndexTwinStarts = 79,
    /// `u32`: the others, ascending for each.
    IndexTwinRows = 80,
    /// `u64`: one bit a value, in groups of eight rows.
    IndexBits = 81,
    /// `u8` × dimension: the codes beyond which a bit is 1.
    IndexThresholds = 82,
    /// `f32` × rows: what a row's bits count.
    IndexBitScales = 83,
    /// `f32` × rows: what is added to that.
    IndexBitOffsets = 84,
    /// `u64`: one bit a value behind two pairs of `f32`, a row after the other.
    IndexSketches = 85,
}
