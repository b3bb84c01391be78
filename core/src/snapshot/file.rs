//! Files: the one place of the core that touches the disk, and the one `unsafe` of the core.

#![allow(
    clippy::disallowed_methods,
    reason = "this is the module for file access"
)]

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use super::Storage;
use crate::error::{Error, ErrorKind, Result};

fn io(action: &str, path: &Path, source: std::io::Error) -> Error {
    Error::new(
        ErrorKind::Io,
        format!("cannot {action} {}: {source}", path.display()),
    )
    .with_source(source)
}

/// Opens a file for reading in place. With `at_once` all of its pages are asked for.
pub(crate) fn open(path: &Path, at_once: bool) -> Result<Storage> {
    let mut file = File::open(path).map_err(|e| io("open", path, e))?;
    let len = file.metadata().map_err(|e| io("read", path, e))?.len();
    let len = usize::try_from(len).map_err(|_| {
        Error::new(
            ErrorKind::LimitExceeded,
            format!("{} is too large for this machine", path.display()),
        )
    })?;
    #[cfg(feature = "mmap")]
    if len > 0 {
        return map(&file, at_once).map_err(|e| io("map", path, e));
    }
    #[cfg(not(feature = "mmap"))]
    let _ = at_once;
    let mut storage = Storage::zeroed(len);
    file.read_exact(storage.bytes_mut())
        .map_err(|e| io("read", path, e))?;
    Ok(storage)
}

#[cfg(feature = "mmap")]
#[allow(unsafe_code)]
fn map(file: &File, at_once: bool) -> std::io::Result<Storage> {
    let mut options = memmap2::MmapOptions::new();
    // Where the whole file is about to be verified.
    if at_once {
        options.populate();
    }
    // SAFETY: the map is read-only and private to this value. What Rust cannot see is another
    // process that changes the file in place; `Model::open` documents that snapshots are
    // replaced by renaming, never rewritten, which is also how `save` writes them.
    Ok(Storage::Mapped(unsafe { options.map(file)? }))
}

/// Writes a file so that a reader sees the old one or the whole new one: a temporary file in
/// the same folder, synced, then renamed over the target, and the folder synced.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    let name = path.file_name().ok_or_else(|| {
        Error::new(
            ErrorKind::InvalidArgument,
            format!("{} does not name a file", path.display()),
        )
    })?;
    let mut temporary = None;
    for attempt in 0..100 {
        let mut candidate = std::ffi::OsString::from(".");
        candidate.push(name);
        candidate.push(format!(".{}-{attempt}.tmp", std::process::id()));
        let candidate = folder.join(candidate);
        match File::create_new(&candidate) {
            Ok(file) => {
                temporary = Some((file, candidate));
                break;
            }
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(io("create", &candidate, e)),
        }
    }
    let (mut file, temporary) = temporary.ok_or_else(|| {
        Error::new(
            ErrorKind::Io,
            format!("cannot create a temporary file beside {}", path.display()),
        )
    })?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    drop(file);
    if let Err(e) = written.and_then(|()| fs::rename(&temporary, path)) {
        let _ = fs::remove_file(&temporary);
        return Err(io("write", path, e));
    }
    // A folder cannot be opened for syncing everywhere; the rename is atomic all the same.
    if let Ok(folder) = File::open(&folder) {
        let _ = folder.sync_all();
    }
    Ok(())
}
