//! What is in the folder, and when.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use sandbar_model::ManualClock;
use serde_json::{Value, json};

use crate::drain::{batch_of, file, read, sink, writer_context};
use crate::sink::SinkWriter;

fn open(folder: &Path, mut options: Value, clock: &Arc<ManualClock>) -> Box<dyn SinkWriter> {
    options["path"] = json!(folder);
    let mut ctx = writer_context(2, 4);
    ctx.clock = Arc::clone(clock) as Arc<dyn sandbar_model::Clock>;
    sink("files", options).unwrap().writer(ctx).unwrap()
}

/// Names and contents of the files that are not hidden; how many are hidden.
fn list(folder: &Path) -> (Vec<(String, String)>, usize) {
    let mut shown = Vec::new();
    let mut hidden = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if name.starts_with('.') {
            assert!(name.starts_with(".part-2-") && name.contains(".inprogress."), "{name}");
            hidden += 1;
        } else {
            shown.push((name, fs::read_to_string(&path).unwrap_or_default()));
        }
    }
    shown.sort();
    (shown, hidden)
}

fn check(folder: &Path, expected: &[(&str, &str)], hidden: usize) {
    let (found, found_hidden) = list(folder);
    let found: Vec<(&str, &str)> =
        found.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    assert_eq!((found.as_slice(), found_hidden), (expected, hidden));
}

#[test]
fn a_part_is_seen_when_it_is_complete() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("made/by the sink");
    let clock = Arc::new(ManualClock::new(0));
    let mut writer = open(&target, json!({ "fsync": false }), &clock);
    check(&target, &[], 0);
    writer.write(batch_of(&["a", "b"]).view()).unwrap();
    writer.flush().unwrap();
    check(&target, &[], 1);
    writer.write(batch_of(&["c"]).view()).unwrap();
    writer.finish().unwrap();
    drop(writer);
    check(&target, &[("part-2-0", "a\nb\nc\n")], 0);
}

#[test]
fn parts_roll_by_size_and_by_age() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(0));
    let options = json!({ "rolling-size": 4, "rolling-interval": "10 s", "part-suffix": ".txt" });
    let mut writer = open(folder.path(), options, &clock);
    writer.write(batch_of(&["a", "b", "c"]).view()).unwrap();
    check(folder.path(), &[("part-2-0.txt", "a\nb\n")], 1);
    clock.set(9_999);
    writer.flush().unwrap();
    check(folder.path(), &[("part-2-0.txt", "a\nb\n")], 1);
    clock.set(10_000);
    writer.flush().unwrap();
    check(folder.path(), &[("part-2-0.txt", "a\nb\n"), ("part-2-1.txt", "c\n")], 0);
}

#[test]
fn a_writer_that_is_dropped_leaves_no_half_file() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(0));
    for compression in ["none", "gzip", "zstd"] {
        let mut writer = open(folder.path(), json!({ "compression": compression }), &clock);
        writer.write(batch_of(&["a"]).view()).unwrap();
        check(folder.path(), &[], 1);
        drop(writer);
        check(folder.path(), &[], 0);
    }
}

#[test]
fn no_file_is_written_over() {
    let folder = tempfile::tempdir().unwrap();
    file(folder.path(), "part-2-6.gz", "old");
    let clock = Arc::new(ManualClock::new(0));
    let mut writer = open(folder.path(), json!({}), &clock);
    writer.write(batch_of(&["mine"]).view()).unwrap();
    // Another writer takes the name in between.
    file(folder.path(), "part-2-7", "other");
    writer.finish().unwrap();
    check(
        folder.path(),
        &[("part-2-6.gz", "old"), ("part-2-7", "other"), ("part-2-8", "mine\n")],
        0,
    );
}

#[test]
fn compressed_parts_are_read_back() {
    for (compression, name) in [("gzip", "part-2-0.gz"), ("zstd", "part-2-0.zst")] {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(0));
        let mut writer = open(folder.path(), json!({ "compression": compression }), &clock);
        writer.write(batch_of(&["a", "", "b"]).view()).unwrap();
        writer.finish().unwrap();
        assert_eq!(list(folder.path()).0[0].0, name);
        assert_eq!(read("files", json!({ "path": folder.path() })).unwrap(), ["a", "", "b"]);
    }
}

#[cfg(unix)]
#[test]
fn parts_are_for_others_to_read() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(0));
    let mut writer = open(folder.path(), json!({}), &clock);
    writer.write(batch_of(&["a"]).view()).unwrap();
    writer.finish().unwrap();
    let beside = file(folder.path(), "beside", "");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(&folder.path().join("part-2-0")), mode(Path::new(&beside)));
}

#[test]
fn a_file_is_no_folder() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), "taken", "");
    let error = sink("files", json!({ "path": path })).err().unwrap();
    let expected = format!(
        "{path} is not a folder; the files sink writes part files into a folder: name another path"
    );
    assert_eq!(error.to_string(), expected);
    let hiding = sink("files", json!({ "path": "x", "part-prefix": ".x" })).err().unwrap();
    assert!(hiding.to_string().contains("leading dot"), "{hiding}");
}
