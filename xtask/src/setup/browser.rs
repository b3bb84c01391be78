//! Chromium, for the tests that run in a page.

use std::path::PathBuf;

use super::system;
use crate::Result;
use crate::shell::which;

const NAMES: [&str; 4] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
];
const PLACES: [&str; 2] = [
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
];

/// The browser's path: `CHROMIUM_PATH`, one that is installed, or a new one.
pub(crate) fn find() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("CHROMIUM_PATH") {
        return Ok(path.into());
    }
    if let Some(path) = installed() {
        return Ok(path);
    }
    system::install("chromium", "a browser (or name one in CHROMIUM_PATH)")?;
    installed().ok_or_else(|| "chromium was installed but is not in PATH".to_owned())
}

fn installed() -> Option<PathBuf> {
    let place = || {
        PLACES
            .into_iter()
            .map(PathBuf::from)
            .find(|path| path.is_file())
    };
    NAMES.into_iter().find_map(which).or_else(place)
}
