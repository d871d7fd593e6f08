//! Enumerators that start over deal the same input out again, to as many subtasks as there are.

use serde_json::{Value, json};
use tempfile::tempdir;

use super::SplitEnumerator;
use crate::drain::{file, source};

/// The ids of the splits that subtasks ask for in turn, until none gets any.
fn dealt(enumerator: &mut dyn SplitEnumerator, parallelism: u32) -> Vec<String> {
    let mut ids = Vec::new();
    loop {
        let before = ids.len();
        let splits = (0..parallelism).map(|subtask| enumerator.next_split(subtask).unwrap());
        ids.extend(splits.flatten().map(|split| split.id));
        if ids.len() == before {
            return ids;
        }
    }
}

fn check(connector: &str, options: Value, at_two: &[&str], at_three: &[&str]) {
    let mut enumerator = source(connector, options).unwrap().enumerator(2).unwrap();
    assert_eq!(dealt(&mut *enumerator, 2), at_two, "{connector}");
    assert_eq!(dealt(&mut *enumerator, 2), [""; 0], "{connector}");
    enumerator.restart(3);
    assert_eq!(dealt(&mut *enumerator, 3), at_three, "{connector}");
    // In the middle of the input as well.
    enumerator.restart(2);
    assert!(enumerator.next_split(0).unwrap().is_some(), "{connector}");
    enumerator.restart(2);
    assert_eq!(dealt(&mut *enumerator, 2), at_two, "{connector}");
}

#[test]
fn what_was_dealt_out_is_dealt_out_again() {
    check("datagen", json!({}), &["0-of-2", "1-of-2"], &["0-of-3", "1-of-3", "2-of-3"]);
    check("socket", json!({ "host": "localhost", "port": 1 }), &["socket"], &["socket"]);
    check("stdin", json!({}), &["stdin"], &["stdin"]);
    let folder = tempdir().unwrap();
    let path = file(folder.path(), "lines", "a\nb\n");
    let ids = [format!("{path}:0#0"), format!("{path}:0#1")];
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    check("files", json!({ "path": path, "repeat": 2 }), &ids, &ids);
}
