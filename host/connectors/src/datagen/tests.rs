//! The same records at any parallelism, at the pace asked for.

use std::sync::Arc;

use sandbar_model::time::NO_TIMESTAMP;
use sandbar_model::{ManualClock, RecordBatch};
use serde_json::{Value, json};

use super::{Pace, Stamp, Timestamps};
use crate::drain::{Driver, drain, drain_resuming, read, sorted, source, texts};
use crate::source::ReaderStatus;

fn check(options: Value, expected: &[&str]) {
    assert_eq!(read("datagen", options).unwrap(), expected);
}

fn check_refused(mut options: Value, expected: &str) {
    options["count"] = json!(1);
    let error = read("datagen", options).unwrap_err();
    assert!(error.ends_with(expected), "{error}");
}

#[test]
fn members_are_made_as_declared() {
    check(json!({ "count": 2 }), &["{\"id\":0}", "{\"id\":1}"]);
    let fields = json!({
        "a": { "kind": "sequence", "start": 10, "step": -5 },
        "b": { "kind": "constant", "value": [1, "x"] },
        "c": { "kind": "one-of", "values": ["only"] },
        "d": { "kind": "random-int", "min": 7, "max": 7 },
        "e": { "kind": "random-float", "min": 1.5, "max": 1.5 },
        "f": { "kind": "timestamp" },
    });
    check(
        json!({ "count": 2, "fields": fields, "timestamp-start": 1000,
                "timestamp-interval-ms": 20 }),
        &[
            r#"{"a":10,"b":[1,"x"],"c":"only","d":7,"e":1.5,"f":1000}"#,
            r#"{"a":5,"b":[1,"x"],"c":"only","d":7,"e":1.5,"f":1020}"#,
        ],
    );
}

#[test]
fn random_members_stay_in_their_range() {
    let fields = json!({
        "int": { "kind": "random-int", "min": -3, "max": 3 },
        "any": { "kind": "random-int", "min": i64::MIN, "max": i64::MAX },
        "name": { "kind": "random-string", "length": 5 },
        "yes": { "kind": "random-bool" },
    });
    let lines = read("datagen", json!({ "count": 2000, "fields": fields })).unwrap();
    let values: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    for wanted in -3..=3 {
        assert!(values.iter().any(|value| value["int"] == wanted), "{wanted}");
    }
    assert!(values.iter().all(|value| (-3..=3).contains(&value["int"].as_i64().unwrap())));
    assert!(values.iter().all(|value| value["name"].as_str().unwrap().len() == 5));
    assert!(values.iter().any(|value| value["any"].as_i64().unwrap() < 0));
    let yes = values.iter().filter(|value| value["yes"] == true).count();
    assert!((800..1200).contains(&yes), "{yes} of 2000");
}

#[test]
fn frequent_words_come_first() {
    let options = json!({
        "count": 1000, "format": "text", "words-per-line": 3, "vocabulary": ["the", "of", "a"],
    });
    let text = read("datagen", options).unwrap().join(" ");
    let count = |word: &str| text.split(' ').filter(|found| *found == word).count();
    assert_eq!(text.split(' ').count(), 3000);
    // Shares of 6/11, 3/11 and 2/11.
    assert!((1500..1780).contains(&count("the")), "{}", count("the"));
    assert!((700..940).contains(&count("of")), "{}", count("of"));
    check(
        json!({ "count": 1, "format": "text", "words-per-line": 2, "vocabulary": 1 }),
        &["baba baba"],
    );
}

#[test]
fn the_records_do_not_depend_on_the_parallelism() {
    let fields = json!({
        "id": { "kind": "sequence" },
        "user": { "kind": "random-int", "min": 0, "max": 999_999 },
    });
    let options = json!({ "count": 5000, "seed": 7, "fields": fields });
    let source = source("datagen", options.clone()).unwrap();
    let at_1 = sorted(texts(&drain(&*source, 1).unwrap()));
    assert_eq!(at_1.len(), 5000);
    assert_eq!(sorted(texts(&drain(&*source, 3).unwrap())), at_1);
    assert_eq!(sorted(texts(&drain_resuming(&*source, 1).unwrap())), at_1);
    let mut other = options;
    other["seed"] = json!(8);
    assert_ne!(sorted(read("datagen", other).unwrap()), at_1);
}

#[test]
fn timestamps_follow_the_number_of_the_record() {
    let check_timestamps = |options: Value, expected: &[i64]| {
        let source = source("datagen", options).unwrap();
        let mut found = drain(&*source, 2).unwrap().timestamps;
        found.sort_unstable();
        assert_eq!(found, expected);
    };
    check_timestamps(json!({ "count": 2 }), &[NO_TIMESTAMP; 2]);
    let every_10 = json!({ "count": 4, "timestamp-start": 50, "timestamp-interval-ms": 10 });
    check_timestamps(every_10, &[50, 60, 70, 80]);
    check_timestamps(json!({ "count": 3, "timestamp-interval-ms": 10 }), &[0, 10, 20]);
}

#[test]
fn pairs_have_a_key_below_the_bound_and_their_number() {
    let options = json!({ "count": 1000, "format": "bytes", "keys": 3, "timestamp-rate": 2000 });
    let batch = drain(&*source("datagen", options).unwrap(), 1).unwrap();
    let number = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().unwrap());
    let mut seen = [0; 3];
    for index in 0..1000 {
        let (key, n) = batch.view().value(index).split_at(8);
        seen[number(key) as usize] += 1;
        assert_eq!(number(n), index as u64);
        assert_eq!(batch.timestamps[index], index as i64 / 2);
    }
    assert!(seen.iter().all(|count| (270..400).contains(count)), "{seen:?}");
}

#[test]
fn a_share_of_the_pairs_has_one_key_and_the_others_keep_theirs() {
    let keys = |share: Value| -> Vec<u64> {
        let options = json!({ "count": 1000, "format": "bytes", "keys": 50, "hot-share": share });
        let batch = drain(&*source("datagen", options).unwrap(), 1).unwrap();
        let key = |index| batch.view().value(index)[..8].try_into().unwrap();
        (0..1000).map(|index| u64::from_le_bytes(key(index))).collect()
    };
    let (none, most, all) = (keys(json!(0)), keys(json!(0.9)), keys(json!(1)));
    assert!(none.iter().filter(|key| **key == 0).count() < 50);
    assert!(all.iter().all(|key| *key == 0));
    let hot = most.iter().filter(|key| **key == 0).count();
    assert!((870..930).contains(&hot), "{hot} of 1000");
    assert!(most.iter().zip(&none).all(|(key, without)| *key == 0 || key == without));
}

#[test]
fn the_rate_is_kept_by_the_clock() {
    let clock = Arc::new(ManualClock::new(10_000));
    let source = source("datagen", json!({ "rate": 100, "count": 200 })).unwrap();
    let mut splits = source.enumerator(2).unwrap();
    let mut driver = Driver::new(&*source, 1, Arc::clone(&clock) as Arc<dyn sandbar_model::Clock>);
    driver.reader.add_split(splits.next_split(1).unwrap().unwrap());
    assert_eq!(splits.next_split(1).unwrap(), None);

    // Subtask 1 of 2 makes records 1, 3, 5, ..., which are due after 10, 30, 50, ... ms.
    let mut poll = |now_ms: i64| {
        clock.set(now_ms);
        let mut batch = RecordBatch::new();
        let status = driver.reader.poll(&mut batch).unwrap();
        (batch.len(), status)
    };
    let pending = |ms| ReaderStatus::Pending { wake_at_ms: Some(ms) };
    assert_eq!(poll(10_000), (0, pending(10_010)));
    assert_eq!(poll(10_010), (1, pending(10_030)));
    assert_eq!(poll(10_029), (0, pending(10_030)));
    assert_eq!(poll(10_100), (4, pending(10_110)));
    assert_eq!(poll(60_000), (95, ReaderStatus::NeedsSplit));
}

#[test]
fn what_makes_no_sense_is_refused() {
    let fields = |field: Value| json!({ "fields": { "x": field } });
    check_refused(json!({ "zipf": 1 }), "it only goes with the format text; leave it out");
    check_refused(
        json!({ "format": "text", "fields": {} }),
        "it only goes with the format json; leave it out",
    );
    check_refused(
        json!({ "format": "bytes", "hot-share": 1.5 }),
        "it must be a number from 0 to 1",
    );
    check_refused(json!({ "keys": 2 }), "it only goes with the format bytes; leave it out");
    check_refused(
        json!({ "timestamp-rate": 2, "timestamp-interval-ms": 2 }),
        "it stands for timestamp-interval-ms: set one of them",
    );
    check_refused(json!({ "fields": {} }), "it must have at least one member");
    check_refused(
        fields(json!({ "kind": "random-int", "min": 2, "max": 1 })),
        "its member 'x' is wrong: min must not exceed max",
    );
    check_refused(
        fields(json!({ "kind": "timestamp" })),
        "its member 'x' is wrong: option 'timestamp-start' must be set",
    );
    check_refused(
        fields(json!({ "kind": "random" })),
        "its member 'x' is wrong: unknown variant `random`, expected one of `sequence`, \
         `random-int`, `random-float`, `random-string`, `random-bool`, `one-of`, `constant`, \
         `timestamp`, `now`",
    );
    check_refused(
        json!({ "format": "text", "vocabulary": [] }),
        "it must be a number, or a list of 1 to 1000000 texts",
    );
}

#[test]
fn a_timestamp_that_is_kept_is_that_of_each_record_it_is_kept_for() {
    for pace in [1, 2, 3, 999, 1000, 1001, 100_000, i64::MAX].map(Pace::Rate) {
        for (first, step) in [(0, 1), (5, 7), (i64::MAX as u64 - 900, 3), (u64::MAX - 400, 1)] {
            let timestamps = Timestamps { start_ms: 17, pace };
            let mut last = Stamp::default();
            for n in (0..400).map(|round| first + round * step) {
                assert_eq!(timestamps.after(&mut last, n), timestamps.of(n), "{pace:?} {n}");
            }
        }
    }
}
