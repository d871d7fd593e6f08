//! Ids, lists and bodies as requests spell them.

use axum::body::Bytes;
use proptest::prelude::*;
use sandbar_model::JobId;
use serde_json::Value;

use super::{Call, CallBody, parse_job_id, parse_plugin_id};

#[test]
fn ids_are_read_as_they_are_printed() {
    let job = JobId(0xab);
    assert_eq!(parse_job_id(&job.to_string()).unwrap(), job);
    let plugin = "0123456789abcdef".repeat(4);
    assert_eq!(parse_plugin_id(&plugin).unwrap().to_string(), plugin);
    assert_eq!(parse_plugin_id(&plugin.to_uppercase()).unwrap().to_string(), plugin);
}

#[test]
fn lists_are_split_at_commas_and_may_be_repeated() {
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let query = vec![pair("get", "a,, b"), pair("agg", "min"), pair("get", "c")];
    let call = Call { query, ..Call::default() };
    assert_eq!(call.query_list("get"), ["a", "b", "c"]);
    assert_eq!(call.query("get"), Some("c"));
    assert_eq!(call.query("none"), None);
}

#[test]
fn bodies_of_nothing_but_space_are_none() {
    let call = |text: &'static str| Call {
        body: CallBody::Json(Bytes::from_static(text.as_bytes())),
        ..Call::default()
    };
    assert_eq!(call(" \n").json::<Value>().unwrap(), None);
    assert!(call("{} {}").json::<Value>().is_err());
}

proptest! {
    #[test]
    fn no_text_makes_reading_ids_fail_badly(text in "\\PC{0,80}") {
        let is_id = text.len() == 32 && text.bytes().all(|one| one.is_ascii_hexdigit());
        prop_assert_eq!(parse_job_id(&text).is_ok(), is_id);
        let is_plugin_id = text.len() == 64 && text.bytes().all(|one| one.is_ascii_hexdigit());
        prop_assert_eq!(parse_plugin_id(&text).is_ok(), is_plugin_id);
    }
}
