//! What the operators make of records, and what they say of those they cannot take.

use sandbar_sdk::prelude::*;
use sandbar_sdk::testing::OperatorHarness;

use super::*;

fn filter(code: &str) -> Result<Filter> {
    Filter::new(&serde_json_config(&[("where", code)]))
}

fn serde_json_config<C: serde::de::DeserializeOwned>(fields: &[(&str, &str)]) -> C {
    let members: Vec<String> =
        fields.iter().map(|(name, value)| format!("{name:?}: {value:?}")).collect();
    serde_json::from_str(&format!("{{{}}}", members.join(","))).unwrap()
}

fn kept(code: &str, records: &[&str]) -> Vec<String> {
    let mut filter = filter(code).unwrap();
    let kept = records.iter().filter(|record| filter.filter(&TextSlice::from(**record)).unwrap());
    kept.map(|record| (*record).to_owned()).collect()
}

fn mapped(code: &str, record: &str) -> Result<String> {
    let mut map = Map::new(&serde_json_config(&[("expression", code)]))?;
    map.map(TextSlice::from(record)).map(|made| made.to_string())
}

fn check_refused<T>(result: Result<T>, expected: &str) {
    let error = result.err().unwrap().to_string();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn a_filter_keeps_records_as_they_are() {
    let records = [r#"{"price": 7, "name":"a"}"#, r#"{"price": 700.0}"#, r#"{"name": "b"}"#];
    assert_eq!(kept(".price > 100", &records), [records[1]]);
    assert_eq!(kept(r#".name // "" | test("^[ab]$")"#, &records), [records[0], records[2]]);
    assert_eq!(kept("true", &records), records);
    assert_eq!(kept(".price", &records), [records[0], records[1]]);
}

#[test]
fn a_map_makes_one_json_value() {
    let order = r#"{"id":"x","price":2.5,"quantity":4,"at":1700000000000}"#;
    assert_eq!(
        mapped("{id, total: (.price * .quantity)}", order).unwrap(),
        r#"{"id":"x","total":10.0}"#
    );
    assert_eq!(mapped(".at + 1", order).unwrap(), "1700000000001");
    assert_eq!(mapped(r#""\(.id)-é\n""#, order).unwrap(), "\"x-é\\n\"");
    check_refused(mapped("1, 2", order), "`1, 2` fails: it makes several values");
    check_refused(mapped("empty", order), "it makes no value");
    check_refused(mapped("infinite", order), "a number that JSON has not");
    check_refused(mapped(".id.x", order), "the expression `.id.x` fails: cannot index");
    for absent in ["now", "env", "input", "[inputs]"] {
        let error = mapped(absent, order).unwrap_err().to_string();
        assert!(error.contains("fails") && error.contains("is not there"), "{absent}: {error}");
    }
    for halt in ["halt", "halt_error", "1, halt(3)"] {
        check_refused(mapped(halt, order), "it halts, and an operator ends with its input");
    }
    let date = r#"(.at / 1000 | todate), ("2023-11-14T22:13:20Z" | fromdate)"#;
    assert_eq!(
        mapped(&format!("[{date}]"), order).unwrap(),
        r#"["2023-11-14T22:13:20Z",1700000000]"#
    );
    check_refused(mapped(".", "{\"half\":"), "the record is no JSON");
}

#[test]
fn an_expression_that_is_none_is_refused_with_the_place() {
    check_refused(mapped("{a: ", "1"), "the expression `{a: ` lacks a closing brace");
    check_refused(mapped(".a |", "1"), "lacks a term at its end");
    check_refused(mapped("prices > 1", "1"), "names what jq has not: filter `prices`");
    check_refused(mapped("$limit", "1"), "variable `$limit`");
}

#[test]
fn a_projection_keeps_members_in_its_order() {
    let config = serde_json::from_str(r#"{"fields": ["b", "a \"quoted\" one", "c"]}"#).unwrap();
    let mut project = Project::new(&config).unwrap();
    let record = r#"{"a \"quoted\" one":1,"b":[2],"d":4}"#;
    let made = project.map(TextSlice::from(record)).unwrap();
    assert_eq!(made, r#"{"b":[2],"a \"quoted\" one":1,"c":null}"#);
}

#[test]
fn the_first_record_of_a_key_passes() {
    let mut harness = OperatorHarness::keyed_process(
        Deduplicate::new(&serde_json_config(&[])),
        |record: &TextSlice| record.to_string(),
    )
    .unwrap();
    for record in ["1", "2", "1", "1", "3", "2"] {
        harness.push(TextSlice::from(record), 0).unwrap();
    }
    assert_eq!(harness.take_values(), ["1", "2", "3"].map(TextSlice::from));
}

fn config<C: serde::de::DeserializeOwned>(json: &str) -> C {
    serde_json::from_str(json).unwrap()
}

const ORDERS: [(&str, i64); 5] = [
    (r#"{"shop":"a","price":10,"who":"x"}"#, 100),
    (r#"{"shop":"a","price":2.5,"who":"y"}"#, 900),
    (r#"{"shop":"b","price":7,"who":"x"}"#, 999),
    (r#"{"shop":"a","price":null,"who":"x"}"#, 500),
    (r#"{"shop":"a","price":1,"who":"z"}"#, 1000),
];

fn shop(record: &TextSlice) -> String {
    let record: serde_json::Value = serde_json::from_str(record).unwrap();
    record["shop"].as_str().unwrap().to_owned()
}

fn results(
    function: impl KeyedProcessFunction<String, TextSlice, TextSlice>,
    watermark: i64,
) -> Vec<String> {
    let mut harness = OperatorHarness::keyed_process(function, shop).unwrap();
    harness.push_batch(ORDERS.map(|(order, at)| (TextSlice::from(order), at))).unwrap();
    harness.watermark(watermark).unwrap();
    let mut results: Vec<String> =
        harness.take_values().into_iter().map(|one| one.to_string()).collect();
    results.sort();
    results
}

#[test]
fn a_window_is_aggregated_by_key() {
    let aggregate = window_aggregate(config(
        r#"{"window":{"type":"tumbling","size-ms":1000},"aggregates":{
            "orders":"count","sum":{"sum":".price"},"least":{"min":".price"},
            "most":{"max":".price"},"mean":{"average":".price"},"who":{"count-distinct":".who"}}}"#,
    ));
    let a = r#"{"key":"a","least":2.5,"mean":6.25,"most":10,"orders":3,"sum":12.5,"who":2"#;
    let b = r#"{"key":"b","least":7,"mean":7.0,"most":7,"orders":1,"sum":7,"who":1"#;
    let window = r#","window-end":1000,"window-start":0}"#;
    assert_eq!(results(aggregate.unwrap(), 999), [a, b].map(|start| format!("{start}{window}")));
}

#[test]
fn sliding_and_session_windows_of_a_config() {
    let counts = |window: &str, watermark| {
        let json = format!(r#"{{"window":{window},"aggregates":{{"n":"count"}}}}"#);
        let lines = results(window_aggregate(config(&json)).unwrap(), watermark);
        let shown = lines.iter().map(|line| {
            let record: serde_json::Value = serde_json::from_str(line).unwrap();
            format!(
                "{} {}-{}: {}",
                record["key"], record["window-start"], record["window-end"], record["n"]
            )
        });
        shown.collect::<Vec<String>>()
    };
    assert_eq!(
        counts(r#"{"type":"sliding","size-ms":1000,"slide-ms":500}"#, 999),
        [r#""a" -500-500: 1"#, r#""a" 0-1000: 3"#, r#""b" 0-1000: 1"#]
    );
    assert_eq!(
        counts(r#"{"type":"session","gap-ms":300}"#, 5000),
        [r#""a" 100-400: 1"#, r#""a" 500-800: 1"#, r#""a" 900-1300: 2"#, r#""b" 999-1299: 1"#]
    );
}

#[test]
fn a_value_that_cannot_be_summed_is_a_bad_record() {
    let aggregate = window_aggregate(config(
        r#"{"window":{"type":"tumbling","size-ms":1000},"aggregates":{"s":{"sum":".who"}}}"#,
    ));
    let mut harness = OperatorHarness::keyed_process(aggregate.unwrap(), shop).unwrap();
    check_refused(
        harness.push(TextSlice::from(ORDERS[0].0), 0),
        "the expression `.who` fails: it makes \"x\", and a number is wanted",
    );
}

#[test]
fn the_best_of_a_window_are_ranked_and_equals_keep_their_order() {
    let top = |order: &str| {
        let json = format!(
            r#"{{"window":{{"type":"tumbling","size-ms":10000}},"n":2,"by":".price",
                "order":"{order}"}}"#
        );
        let lines = results(top_n(&config(&json)).unwrap(), 9999);
        let shown = lines.iter().map(|line| {
            let record: serde_json::Value = serde_json::from_str(line).unwrap();
            format!("{} {} {}", record["key"], record["rank"], record["record"]["price"])
        });
        let mut shown: Vec<String> = shown.collect();
        shown.sort();
        shown
    };
    assert_eq!(top("descending"), [r#""a" 1 10"#, r#""a" 2 2.5"#, r#""b" 1 7"#]);
    assert_eq!(top("ascending"), [r#""a" 1 null"#, r#""a" 2 1"#, r#""b" 1 7"#]);
}

#[test]
fn records_close_in_time_are_joined() {
    let joined = |json: &str| {
        let join = interval_join(&config(json)).unwrap();
        let key = |record: &String| shop(&TextSlice::from(record.as_str()));
        let mut harness = OperatorHarness::setup()
            .keyed_two_input_process::<String, _, _, _>(join, key, key)
            .unwrap();
        harness.push_first(r#"{"shop":"a","open":true}"#.to_owned(), 1000).unwrap();
        harness.push_first(r#"{"shop":"b"}"#.to_owned(), 1000).unwrap();
        harness.push_second(r#"{"shop":"a","sold":3}"#.to_owned(), 1500).unwrap();
        harness.push_second(r#"{"shop":"a","sold":4}"#.to_owned(), 1501).unwrap();
        harness.watermark(i64::MAX).unwrap();
        harness.take_values()
    };
    let both = r#"{"shop":"a","open":true,"sold":3}"#;
    assert_eq!(joined(r#"{"lower-ms":0,"upper-ms":500}"#), [both]);
    let outer = r#"{"lower-ms":0,"upper-ms":500,"type":"left-outer",
        "select":"[.left.shop, .right.sold]"}"#;
    assert_eq!(joined(outer), [r#"["a",3]"#, r#"["b",null]"#]);
}

#[test]
fn records_of_one_window_are_joined() {
    let join = window_join(&config(
        r#"{"window":{"type":"tumbling","size-ms":1000},"select":".left.n + .right.n"}"#,
    ));
    let key = |record: &String| shop(&TextSlice::from(record.as_str()));
    let mut harness = OperatorHarness::setup()
        .keyed_two_input_process::<String, _, _, _>(join.unwrap(), key, key)
        .unwrap();
    for (at, number) in [(0, 1), (999, 2), (1000, 4)] {
        let record = format!(r#"{{"shop":"a","n":{number}}}"#);
        harness.push_first(record.clone(), at).unwrap();
        harness.push_second(record, at).unwrap();
    }
    harness.watermark(i64::MAX).unwrap();
    let mut sums = harness.take_values();
    sums.sort();
    assert_eq!(sums, ["2", "3", "3", "4", "8"]);
}

fn timed(code: &str, record: &str) -> Result<i64> {
    let strategy = timestamps(&serde_json_config(&[("expression", code)]))?;
    let mut harness = OperatorHarness::timestamps(strategy)?;
    harness.push_untimed(TextSlice::from(record))?;
    let output = harness.take_output();
    assert_eq!(&*output[0].0, record, "the record stays as it is");
    Ok(output[0].1.unwrap())
}

#[test]
fn a_timestamp_is_what_an_expression_makes() {
    let flight = r#"{"day":"2013-02-04","hour":"05:17","delay":"-3","seconds":1.9999}"#;
    let departed = r#""\(.day)T\(.hour):00Z" | fromdate * 1000"#;
    assert_eq!(timed(departed, flight).unwrap(), 1_359_955_020_000);
    let delayed = r#"("\(.day)T\(.hour):00Z" | fromdate * 1000) + (.delay | tonumber) * 60000"#;
    assert_eq!(timed(delayed, flight).unwrap(), 1_359_954_840_000);
    assert_eq!(timed(".seconds * 1000", flight).unwrap(), 1999);
    let day = r#".day | strptime("%Y-%m-%d") | mktime * 1000"#;
    assert_eq!(timed(day, flight).unwrap(), 1_359_936_000_000);
    let line = r#"{"at":"17/May/2015:10:05:03 +0200"}"#;
    // As in jq, broken down time has no offset.
    let at = r#".at | strptime("%d/%b/%Y:%H:%M:%S %z") | mktime * 1000"#;
    assert_eq!(timed(at, line).unwrap(), 1_431_857_103_000);
    let with_offset = r#"{"at":"2015-05-17T10:05:03+02:00"}"#;
    assert_eq!(timed(".at | fromdate * 1000", with_offset).unwrap(), 1_431_849_903_000);
    assert_eq!(timed("-0.5", flight).unwrap(), -1);
    check_refused(timed(".arrival", flight), "`.arrival` fails: it makes null, and milliseconds");
    check_refused(timed(".day", flight), r#"it makes "2013-02-04", and a number is wanted"#);
    check_refused(timed("1e300", flight), "and milliseconds since 1970 are wanted");
    check_refused(timed(".day |", flight), "lacks a term at its end");
}
