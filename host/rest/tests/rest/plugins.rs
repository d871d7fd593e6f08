//! Plugins, and the same under Flink's name for them.

use serde_json::json;

use crate::exchange::{Fixture, form};

const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

fn id() -> String {
    "07".repeat(32)
}

#[test]
fn plugins_are_listed_as_jars_are() {
    let fixture = Fixture::new();
    let expected = json!({
        "address": format!("http://{}", fixture.address()),
        "files": [{
            "id": id(),
            "name": "word-count.wasm",
            "uploaded": 5000,
            "entry": [{ "name": "word-count", "description": null }],
            "bytes": 8,
            "version": "1.2.0",
            "operators": [],
        }],
    });
    for path in ["/plugins", "/jars", "/v1/plugins", "/v1/jars"] {
        assert_eq!(fixture.json(path), expected, "{path}");
    }
}

#[test]
fn uploads_come_in_any_of_three_fields() {
    let fixture = Fixture::new();
    for (path, field) in
        [("/plugins/upload", "plugin"), ("/plugins/upload", "file"), ("/jars/upload", "jarfile")]
    {
        let answer = fixture.upload(path, field, "C:\\work\\../word-count.wasm", COMPONENT);
        let expected = json!({
            "filename": format!("/plugins/{}", id()), "status": "success", "id": id(),
        });
        assert_eq!((answer.status, answer.json()), (200, expected));
    }
    let uploads = fixture.dispatcher.uploads.lock().unwrap();
    assert_eq!(uploads[0], ("word-count.wasm".to_owned(), COMPONENT.len()));
    assert_eq!(uploads.len(), 3);
}

#[test]
fn wrong_forms_are_told_what_is_wrong() {
    let fixture = Fixture::new();
    let check = |fields: &[(&str, &str, &[u8])], status: u16, expected: &str| {
        let (content_type, body) = form(fields);
        let answer = fixture.send("POST", "/plugins/upload", &content_type, &body);
        assert_eq!(answer.status, status, "{answer:?}");
        assert!(answer.error().contains(expected), "{answer:?}");
    };
    check(&[], 400, "no field `plugin`");
    check(&[("plugin", "a.wasm", b"")], 400, "a.wasm is empty");
    check(&[("other", "a.wasm", COMPONENT)], 400, "field `other`");
    check(&[("file", "a", COMPONENT), ("file", "b", COMPONENT)], 400, "two files");
    check(&[("plugin", "a.txt", b"hello")], 400, "a.txt is no component");
    let broken = |content_type: &str, body: &[u8], expected: &str| {
        let answer = fixture.send("POST", "/plugins/upload", content_type, body);
        assert_eq!(answer.status, 400, "{answer:?}");
        assert!(answer.error().contains(expected), "{answer:?}");
    };
    broken("content-type: multipart/form-data\r\n", b"x", "boundary");
    let cut_off = "content-type: multipart/form-data; boundary=edge\r\n";
    broken(cut_off, b"--edge\r\nhalf", "the form is wrong");
}

#[test]
fn plugins_are_deleted_once() {
    let fixture = Fixture::new();
    let done = fixture.send("DELETE", &format!("/plugins/{}", id()), "", b"");
    assert_eq!((done.status, done.body.as_str()), (200, "{}"));
    let missing = fixture.send("DELETE", &format!("/jars/{}", "a".repeat(64)), "", b"");
    assert_eq!(missing.status, 404);
    let malformed = fixture.send("DELETE", "/plugins/word-count.wasm", "", b"");
    assert_eq!(malformed.status, 400);
    assert!(malformed.error().contains("64 hexadecimal digits"), "{malformed:?}");
}

#[test]
fn runs_take_flinks_body() {
    let fixture = Fixture::new();
    let path = format!("/jars/{}/run", id());
    let body = r#"{"entryClass": "com.example.Main", "programArgsList": ["--top", "a b"],
        "parallelism": 3, "flinkConfiguration": {"pipeline.name": "mine"},
        "baseFolder": "/data", "plugins": {"other": "ID"}}"#;
    let body = body.replace("ID", &id());
    let answer = fixture.post_json(&path, &body);
    let expected = json!({ "jobid": "00000000000000000000000000000abc" });
    assert_eq!((answer.status, answer.json()), (200, expected));
    let request = fixture.dispatcher.requests.lock().unwrap().pop().unwrap();
    assert_eq!(request.plugin.unwrap().to_string(), id());
    assert_eq!(request.arguments, ["--top", "a b"]);
    assert_eq!(request.configuration["parallelism.default"], "3");
    assert_eq!(request.configuration["pipeline.name"], "mine");
    assert_eq!(request.plugins["other"].to_string(), id());
    assert_eq!((request.spec, request.base_folder.as_deref()), (None, Some("/data")));
}

#[test]
fn runs_take_flinks_query_and_no_body() {
    let fixture = Fixture::new();
    let path = format!("/plugins/{}/run?programArg=a,b&parallelism=2&entry-class=x", id());
    assert_eq!(fixture.send("POST", &path, "", b"").status, 200);
    let request = fixture.dispatcher.requests.lock().unwrap().pop().unwrap();
    assert_eq!(request.arguments, ["a", "b"]);
    assert_eq!(request.configuration["parallelism.default"], "2");
}

#[test]
fn what_a_run_cannot_do_is_refused_by_name() {
    let fixture = Fixture::new();
    let check = |query: &str, body: &str, expected: &str| {
        let answer = fixture.post_json(&format!("/plugins/{}/run{query}", id()), body);
        assert_eq!(answer.status, 400, "{query} {body}: {answer:?}");
        assert!(answer.error().contains(expected), "{query} {body}: {answer:?}");
    };
    check("", r#"{"savepointPath": "s3://a"}"#, "savepointPath");
    check("?savepointPath=a", "{}", "savepointPath");
    check("", r#"{"programArgs": "--a b"}"#, "programArgsList");
    check("", r#"{"jobId": "00000000000000000000000000000001"}"#, "jobId");
    check("", r#"{"parallelism": 0}"#, "parallelism");
    check("", r#"{"parallelism": -1}"#, "line 1 column");
    check("?parallelism=many", "{}", "`many`");
    check("", r#"{"plugins": {"a": "7"}}"#, "plugins.a: `7` is no plugin id");
    check("", r#"{"paralelism": 1}"#, "unknown field `paralelism`");
    check("", r#"{"parallelism": 1"#, "line 1 column 17");
    assert!(fixture.dispatcher.requests.lock().unwrap().is_empty());
}

#[test]
fn plans_are_shown_by_get_and_post() {
    let fixture = Fixture::new();
    let path = format!("/plugins/{}/plan", id());
    let plan = fixture.json(&path);
    assert_eq!(plan["plan"]["nodes"].as_array().unwrap().len(), 2);
    assert_eq!(plan["plan"]["jid"], "0".repeat(32));
    assert_eq!(fixture.post_json(&path, "{}").json(), plan);
}
