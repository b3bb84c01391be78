//! Contract: saving replaces a file in one step, and a save that fails leaves the old one.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    missing_docs,
    reason = "tests stop at the first surprise, and this one is about files"
)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use support::{events, options, tiny, trained};
use tastemaker::ErrorKind;
use tastemaker::json::json;
use tastemaker::model::Model;

/// A folder of its own, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("saving-{name}"));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap();
        let mut names: Vec<String> = entries
            .map(|e| e.unwrap().file_name().to_str().unwrap().to_owned())
            .collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn another() -> Model {
    trained(&events(4, 9, 30, 100), None, &options(&json!({})))
}

#[test]
fn a_saved_file_opens_with_the_same_bytes_and_nothing_is_left_beside_it() {
    let folder = Folder::new("round");
    let path = folder.0.join("a model — 日本.tm");
    let model = tiny();
    model.save(&path).unwrap();
    assert_eq!(fs::read(&path).unwrap(), model.as_bytes());
    let opened = Model::open(&path).unwrap();
    assert_eq!(opened.hash(), model.hash());
    another().save(&path).unwrap();
    assert_eq!(Model::open(&path).unwrap().hash(), another().hash());
    assert_eq!(
        opened.as_bytes(),
        model.as_bytes(),
        "what is open stays as it was"
    );
    assert_eq!(folder.names().len(), 1, "{:?}", folder.names());
}

#[test]
fn a_failed_save_leaves_everything_as_it_was() {
    let folder = Folder::new("failed");
    // Something that a file cannot be renamed over.
    let target = folder.0.join("model.tm");
    fs::create_dir(&target).unwrap();
    fs::write(target.join("old"), "old").unwrap();
    let error = tiny().save(&target).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(error.message().contains("model.tm"), "{error}");
    assert_eq!(fs::read_to_string(target.join("old")).unwrap(), "old");
    assert_eq!(folder.names(), ["model.tm"]);

    for missing in ["no/such/folder/model.tm", "model.tm/old/model.tm"] {
        let error = tiny().save(folder.0.join(missing)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io, "{error}");
    }
    assert_eq!(folder.names(), ["model.tm"]);
}

#[test]
fn a_leftover_of_a_crash_is_no_obstacle() {
    let folder = Folder::new("leftover");
    let path = folder.0.join("model.tm");
    for attempt in 0..3 {
        let name = format!(".model.tm.{}-{attempt}.tmp", std::process::id());
        fs::write(folder.0.join(name), "half of a file").unwrap();
    }
    tiny().save(&path).unwrap();
    assert_eq!(Model::open(&path).unwrap().hash(), tiny().hash());
}

#[test]
fn what_cannot_be_opened_says_why() {
    let folder = Folder::new("open");
    let path = |name: &str| folder.0.join(name);
    fs::write(path("empty"), "").unwrap();
    fs::write(path("foreign"), "id,title\n1,Mill\n").unwrap();
    fs::write(path("half"), &tiny().as_bytes()[..500]).unwrap();
    let mut newer = tiny().as_bytes().to_vec();
    newer[8] += 1;
    fs::write(path("newer"), newer).unwrap();
    for (name, kind) in [
        ("missing", ErrorKind::Io),
        ("empty", ErrorKind::NotASnapshot),
        ("foreign", ErrorKind::NotASnapshot),
        ("half", ErrorKind::CorruptSnapshot),
        ("newer", ErrorKind::UnsupportedVersion),
    ] {
        let error = Model::open(path(name)).unwrap_err();
        assert_eq!(error.kind(), kind, "{name}: {error}");
        assert!(error.message().contains(name), "{error}");
    }
    let error = Model::open(&folder.0).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io, "a folder: {error}");
    assert!(tiny().save("/").is_err());
    assert!(tiny().save("").is_err());
}

#[test]
fn readers_see_the_old_file_or_the_new_one() {
    let folder = Folder::new("race");
    let path = folder.0.join("model.tm");
    let (a, b) = (tiny(), another());
    a.save(&path).unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let hash = Model::open(&path).unwrap().hash().to_owned();
                    assert!(hash == a.hash() || hash == b.hash());
                }
            });
        }
        // Two writers at once use two temporary files.
        let writers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    for _ in 0..15 {
                        b.save(&path).unwrap();
                        a.save(&path).unwrap();
                    }
                })
            })
            .collect();
        let results: Vec<_> = writers
            .into_iter()
            .map(std::thread::ScopedJoinHandle::join)
            .collect();
        stop.store(true, Ordering::Relaxed);
        assert!(results.iter().all(Result::is_ok));
    });
    assert_eq!(folder.names(), ["model.tm"]);
}
