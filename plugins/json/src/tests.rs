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
