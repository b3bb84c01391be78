//! A vector index from a file: opened with and without a check, and asked everything.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tastemaker::index::VectorIndex;

fuzz_target!(|bytes: &[u8]| {
    let _ = VectorIndex::from_bytes(bytes);
    let mut sealed = bytes.to_vec();
    tastemaker_fuzz::seal(&mut sealed);
    if let Ok(index) = VectorIndex::from_bytes(&sealed) {
        tastemaker_fuzz::ask_index(&index, true);
    }
    let path = tastemaker_fuzz::scratch("index");
    if std::fs::write(&path, &sealed).is_ok()
        && let Ok(index) = VectorIndex::open_unverified(&path)
    {
        tastemaker_fuzz::ask_index(&index, false);
    }
});
