//! Where the bytes of an open snapshot are.

use crate::snapshot::format::ALIGN;

/// Bytes whose start is aligned for every element type of the format.
pub(crate) enum Storage {
    /// Memory of our own, from the first word at a cache line on, so that rows of 64 bytes do not
    /// straddle two lines.
    Owned {
        words: Vec<u64>,
        first: usize,
        len: usize,
    },
    /// A memory map; it starts at a page.
    #[cfg(feature = "mmap")]
    Mapped(memmap2::Mmap),
    /// Memory of our own, from the system in large pages where it has some: what is read here and
    /// there in a large index waits for page tables as much as for memory.
    #[cfg(all(feature = "mmap", target_os = "linux"))]
    Large(memmap2::MmapMut),
}

impl Storage {
    /// Copies bytes into aligned memory.
    pub(crate) fn copy(bytes: &[u8]) -> Self {
        let mut storage = Self::zeroed(bytes.len());
        storage.bytes_mut().copy_from_slice(bytes);
        storage
    }

    /// An empty buffer of `len` zero bytes, for a reader to fill.
    pub(crate) fn zeroed(len: usize) -> Self {
        #[cfg(all(feature = "mmap", target_os = "linux"))]
        if len >= LARGE
            && let Ok(map) = memmap2::MmapMut::map_anon(len)
        {
            // Advice; where it is not taken, the pages are small.
            let _ = map.advise(memmap2::Advice::HugePage);
            return Self::Large(map);
        }
        let words = vec![0u64; len.div_ceil(WORD) + ALIGN / WORD];
        // How far the vector's start is from a line. A vector that nobody grows stays where it is.
        let first = (words.as_ptr() as usize).wrapping_neg() % ALIGN / WORD;
        Self::Owned { words, first, len }
    }

    /// The buffer to fill; empty for a map.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        match self {
            Self::Owned { words, first, len } => bytemuck::cast_slice_mut::<u64, u8>(words)
                .get_mut(*first * WORD..*first * WORD + *len)
                .unwrap_or(&mut []),
            #[cfg(feature = "mmap")]
            Self::Mapped(_) => &mut [],
            #[cfg(all(feature = "mmap", target_os = "linux"))]
            Self::Large(map) => map,
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Owned { words, first, len } => bytemuck::cast_slice::<u64, u8>(words)
                .get(*first * WORD..*first * WORD + *len)
                .unwrap_or(&[]),
            #[cfg(feature = "mmap")]
            Self::Mapped(map) => map,
            #[cfg(all(feature = "mmap", target_os = "linux"))]
            Self::Large(map) => map,
        }
    }
}

/// From how many bytes on memory comes in large pages.
#[cfg(all(feature = "mmap", target_os = "linux"))]
const LARGE: usize = 4 << 20;

/// Bytes of a word of owned memory.
const WORD: usize = size_of::<u64>();

const _: () = assert!(ALIGN.is_multiple_of(align_of::<u64>()));
