//! Where the bytes of an open snapshot are.

use crate::snapshot::format::ALIGN;

/// Bytes whose start is aligned for every element type of the format.
pub(crate) enum Storage {
    /// Memory of our own, in units that are aligned for `f64` and `i64`.
    Owned { words: Vec<u64>, len: usize },
    /// A memory map; it starts at a page.
    #[cfg(feature = "mmap")]
    Mapped(memmap2::Mmap),
}

impl Storage {
    /// Copies bytes into aligned memory.
    pub(crate) fn copy(bytes: &[u8]) -> Self {
        let mut words = vec![0u64; bytes.len().div_ceil(8)];
        if let Some(target) = bytemuck::cast_slice_mut::<u64, u8>(&mut words).get_mut(..bytes.len())
        {
            target.copy_from_slice(bytes);
        }
        Self::Owned {
            words,
            len: bytes.len(),
        }
    }

    /// An empty buffer of `len` zero bytes, for a reader to fill.
    pub(crate) fn zeroed(len: usize) -> Self {
        Self::Owned {
            words: vec![0u64; len.div_ceil(8)],
            len,
        }
    }

    /// The buffer to fill; empty for a map.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        match self {
            Self::Owned { words, len } => bytemuck::cast_slice_mut::<u64, u8>(words)
                .get_mut(..*len)
                .unwrap_or(&mut []),
            #[cfg(feature = "mmap")]
            Self::Mapped(_) => &mut [],
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Owned { words, len } => bytemuck::cast_slice::<u64, u8>(words)
                .get(..*len)
                .unwrap_or(&[]),
            #[cfg(feature = "mmap")]
            Self::Mapped(map) => map,
        }
    }
}

const _: () = assert!(ALIGN.is_multiple_of(align_of::<u64>()));
