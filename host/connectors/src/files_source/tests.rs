//! The records of files are those of their text, however the text is cut, packed or resumed.

mod csv;

use std::io::Write;
use std::path::Path;

use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::tempdir;

use crate::drain::{drain, drain_resuming, file, read, sorted, source, texts};

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn zstd(text: &str) -> Vec<u8> {
    zstd::stream::encode_all(text.as_bytes(), 0).unwrap()
}

/// The records of one file with the given name and bytes.
fn check(name: &str, bytes: impl AsRef<[u8]>, mut options: Value, expected: &[&str]) {
    let folder = tempdir().unwrap();
    options["path"] = json!(file(folder.path(), name, bytes));
    assert_eq!(read("files", options).unwrap(), expected, "{name}");
}

/// The error of one file; `{path}` stands for its path.
fn check_refused(name: &str, bytes: impl AsRef<[u8]>, mut options: Value, expected: &str) {
    let folder = tempdir().unwrap();
    let path = file(folder.path(), name, bytes);
    options["path"] = json!(path);
    let error = read("files", options).unwrap_err();
    assert_eq!(error, expected.replace("{path}", &path));
}

#[test]
fn every_line_is_a_record() {
    check("a.txt", "", json!({}), &[]);
    check("a.txt", "\n", json!({}), &[""]);
    check("a.txt", "to be\r\n\nor not", json!({}), &["to be", "", "or not"]);
    check("a", "a\nb\n", json!({}), &["a", "b"]);
    check("a.txt", "\u{feff}a\n\u{feff}b\n", json!({}), &["a", "\u{feff}b"]);
}

#[test]
fn json_lines_are_passed_on_but_for_blank_ones() {
    for name in ["a.json", "a.jsonl", "a.ndjson", "a.NDJSON"] {
        check(
            name,
            "{\"a\": 1}\n\n \t\r\n[2]\r\nno json",
            json!({}),
            &["{\"a\": 1}", "[2]", "no json"],
        );
    }
    check("a.txt", "1\n\n2", json!({ "format": "json" }), &["1", "2"]);
}

#[test]
fn bytes_that_are_not_utf8_are_passed_on() {
    let folder = tempdir().unwrap();
    let path = file(folder.path(), "latin1", b"caf\xe9\n");
    let batch = drain(&*source("files", json!({ "path": path })).unwrap(), 1).unwrap();
    assert_eq!(batch.values, b"caf\xe9");
}

#[test]
fn compressed_files_are_recognised() {
    check("a.gz", gzip("a\nb"), json!({}), &["a", "b"]);
    check("a.zst", zstd("a\nb"), json!({}), &["a", "b"]);
    check("unnamed", gzip("a\nb"), json!({}), &["a", "b"]);
    check("unnamed", zstd("a\nb"), json!({}), &["a", "b"]);
    check("a.jsonl.gz", gzip("{}\n\n"), json!({}), &["{}"]);
    check("two members", [gzip("a\nb"), gzip("c\n")].concat(), json!({}), &["a", "bc"]);
    check("two frames", [zstd("a\n"), zstd("b\n")].concat(), json!({}), &["a", "b"]);
    check("a.gz", "plain\n", json!({ "compression": "none" }), &["plain"]);
}

#[test]
fn a_broken_archive_names_the_file() {
    let whole = gzip(&"some text\n".repeat(100));
    let folder = tempdir().unwrap();
    let path = file(folder.path(), "a.gz", &whole[..whole.len() / 2]);
    let error = read("files", json!({ "path": path })).unwrap_err();
    assert!(error.starts_with(&format!("cannot read {path}: ")), "{error}");
}

#[test]
fn a_long_line_names_the_file_and_the_place() {
    check_refused(
        "a.txt",
        "abc\nabcd\n",
        json!({ "max-line-bytes": 3 }),
        "the line at byte 4 of {path} is longer than 3 bytes; raise option 'max-line-bytes' if it \
         is meant to be",
    );
}

fn check_path(base: &Path, path: &str, expected: &[&str]) {
    let options = crate::drain::table(json!({ "path": path }));
    let source = crate::source("files", &options, Some(base)).unwrap();
    assert_eq!(texts(&drain(&*source, 1).unwrap()), expected, "{path}");
}

#[test]
fn folders_and_globs_stand_for_their_files_in_order() {
    let folder = tempdir().unwrap();
    // The base is not to be taken for a pattern.
    let base = folder.path().join("in [1]");
    for (name, text) in [
        ("b.txt", "b"),
        ("a.txt", "a"),
        ("deep/er/c.txt", "c"),
        ("deep/d.log", "d"),
        (".hidden", "h"),
        (".git/x.txt", "x"),
        ("empty.txt", ""),
        ("what?.txt", "w"),
    ] {
        file(&base, name, text);
    }
    check_path(&base, ".", &["a", "b", "d", "c", "w"]);
    check_path(&base, "deep", &["d", "c"]);
    check_path(&base, "*.txt", &["a", "b", "w"]);
    check_path(&base, "**/*.txt", &["a", "b", "c", "w"]);
    check_path(&base, "[ab].txt", &["a", "b"]);
    check_path(&base, "de*", &["d", "c"]);
    check_path(&base, "what?.txt", &["w"]);
    check_path(&base, "./deep/../b.txt", &["b"]);
}

#[test]
fn a_path_without_files_is_an_error() {
    let folder = tempdir().unwrap();
    let base = folder.path();
    std::fs::create_dir(base.join("empty")).unwrap();
    for path in ["missing", "empty", "*.none"] {
        let options = crate::drain::table(json!({ "path": path }));
        let source = crate::source("files", &options, Some(base)).unwrap();
        let error = source.enumerator(1).err().unwrap().to_string();
        let expected = format!("no file to read at {}; option 'path'", base.join(path).display());
        assert!(error.starts_with(&expected), "{error}");
    }
}

#[cfg(unix)]
#[test]
fn links_to_files_are_followed_and_those_to_folders_are_not() {
    use std::os::unix::fs::symlink;
    let folder = tempdir().unwrap();
    let base = folder.path().join("in");
    file(&base, "a.txt", "a");
    symlink(file(folder.path(), "elsewhere", "b"), base.join("b.txt")).unwrap();
    symlink(&base, base.join("circle")).unwrap();
    symlink("nowhere", base.join("broken")).unwrap();
    check_path(folder.path(), "in", &["a", "b"]);
}

#[test]
fn the_format_of_a_folder_is_that_of_its_files() {
    let folder = tempdir().unwrap();
    file(folder.path(), "a.jsonl", "{}");
    file(folder.path(), "b.json.gz", gzip("[]"));
    let open = || source("files", json!({ "path": folder.path() }));
    assert_eq!(open().unwrap().format(), "json");
    file(folder.path(), "c.txt", "text");
    let error = open().err().unwrap().to_string();
    let expected = format!(
        "option 'format' of source 'files' is unset, but it must be set to text, json or csv, \
         since the files of {} have extensions of several formats",
        folder.path().display()
    );
    assert_eq!(error, expected);
}

#[test]
fn the_input_can_be_repeated() {
    check("a", "a\nb\n", json!({ "repeat": 2, "split-size": 2 }), &["a", "b", "a", "b"]);
    check("a", "", json!({ "repeat": 1_000_000_000 }), &[]);
}

#[test]
fn a_split_of_another_connector_is_refused() {
    let folder = tempdir().unwrap();
    let path = file(folder.path(), "a", "a\n");
    let source = source("files", json!({ "path": path })).unwrap();
    let mut driver =
        crate::drain::Driver::new(&*source, 0, std::sync::Arc::new(sandbar_model::SystemClock));
    driver.reader.add_split(crate::Split { id: "x".to_owned(), payload: json!({ "next": 1 }) });
    let error = driver.reader.poll(&mut sandbar_model::RecordBatch::new()).unwrap_err();
    assert!(
        error.to_string().starts_with("the files source cannot read split x: unknown field"),
        "{error}"
    );
}

/// Lines by the simplest means.
fn lines_of(text: &str) -> Vec<String> {
    let line = |piece: &str| match piece.strip_suffix('\n') {
        Some(line) => line.strip_suffix('\r').unwrap_or(line).to_owned(),
        None => piece.to_owned(),
    };
    text.split_inclusive('\n').map(line).collect()
}

#[test]
fn a_large_text_survives_any_way_of_reading() {
    let text: String = (0..20_000).map(|n| format!("{n} {}\n", "x".repeat(n % 97))).collect();
    let folder = tempdir().unwrap();
    for (name, bytes) in [("a", text.clone().into_bytes()), ("b", gzip(&text)), ("c", zstd(&text))]
    {
        let path = file(folder.path(), name, bytes);
        for split_size in ["1 MiB", "100 KiB", "7777"] {
            let options = json!({ "path": path, "split-size": split_size });
            let source = source("files", options).unwrap();
            let resumed = drain_resuming(&*source, 3).unwrap();
            assert_eq!(texts(&resumed), lines_of(&text), "{name} in splits of {split_size}");
            let shared = sorted(texts(&drain(&*source, 3).unwrap()));
            assert_eq!(shared, sorted(lines_of(&text)), "{name} in splits of {split_size}");
        }
    }
}

proptest! {
    #[test]
    fn all_splits_together_are_the_text(
        text in "[ab\r\n]{0,80}",
        split_size in 1u64..30,
        parallelism in 1u32..4,
    ) {
        let folder = tempdir().unwrap();
        let path = file(folder.path(), "a.txt", &text);
        let options = json!({ "path": path, "split-size": split_size });
        let source = source("files", options).unwrap();
        // One reader reads the splits in order.
        prop_assert_eq!(texts(&drain(&*source, 1).unwrap()), lines_of(&text));
        prop_assert_eq!(texts(&drain_resuming(&*source, 1).unwrap()), lines_of(&text));
        let shared = sorted(texts(&drain(&*source, parallelism).unwrap()));
        prop_assert_eq!(shared, sorted(lines_of(&text)));
    }
}
