//! What the checker knows of JSON Schema, and that a hostile schema cannot hold it up.

use serde_json::{Value, json};

use super::*;

fn check_all(schema: &Value, cases: &[(Value, &str)]) {
    for (value, expected) in cases {
        let found: Vec<String> = check(schema, value, "v")
            .iter()
            .map(|violation| format!("{}: {}", violation.path, violation.problem))
            .collect();
        assert_eq!(found.join("; "), *expected, "{value}");
    }
}

#[test]
fn types() {
    check_all(
        &json!({ "type": ["integer", "null"] }),
        &[
            (json!(1), ""),
            (json!(1.0), ""),
            (json!(null), ""),
            (json!(1.5), "v: a number found where an integer is expected"),
            (json!("1"), "v: a string found where an integer is expected"),
        ],
    );
    check_all(&json!(true), &[(json!([1, {}]), "")]);
    check_all(&json!(false), &[(json!(1), "v: an integer found where nothing is expected")]);
    check_all(
        &json!({ "type": "null" }),
        &[(json!(1), "v: an integer found where null is expected")],
    );
    check_all(&json!({ "type": 7, "pattern": "[" }), &[(json!(1), "")]);
}

#[test]
fn bounds() {
    let numbers = json!({ "minimum": 1, "maximum": 3 });
    check_all(
        &numbers,
        &[
            (json!(2), ""),
            (json!(0), "v: the value is 0, at least 1 is expected"),
            (json!(4), "v: the value is 4, at most 3 is expected"),
        ],
    );
    check_all(
        &json!({ "exclusiveMinimum": 0, "exclusiveMaximum": 1 }),
        &[
            (json!(0.5), ""),
            (json!(0), "v: the value is 0, more than 0 is expected"),
            (json!(1), "v: the value is 1, less than 1 is expected"),
        ],
    );
    check_all(
        &json!({ "minLength": 1, "maxLength": 2, "minItems": 1, "maxItems": 2 }),
        &[
            (json!("öö"), ""),
            (json!(""), "v: the length is 0, at least 1 is expected"),
            (json!([1, 2, 3]), "v: the number of elements is 3, at most 2 is expected"),
        ],
    );
    check_all(
        &json!({ "minProperties": 1, "maxProperties": 2 }),
        &[
            (json!({ "a": 1 }), ""),
            (json!({}), "v: the number of fields is 0, at least 1 is expected"),
            (
                json!({ "a": 1, "b": 2, "c": 3 }),
                "v: the number of fields is 3, at most 2 is expected",
            ),
        ],
    );
    check_all(
        &json!({ "format": "uint16", "minimum": 0 }),
        &[(json!(65536), "v: the value is 65536, at most 65535 is expected")],
    );
}

#[test]
fn fields_and_elements() {
    let schema = json!({
        "properties": { "a b": { "type": "string" }, "list": { "items": { "$ref": "#/$defs/n" } } },
        "required": ["a b"],
        "additionalProperties": { "type": "boolean" },
        "$defs": { "n": { "type": "integer" } }
    });
    check_all(
        &schema,
        &[
            (json!({ "a b": "x", "list": [1], "other": true }), ""),
            (
                json!({ "list": [1, "x"] }),
                "v.list[1]: a string found where an integer is expected; \
                v: the field `a b` is missing",
            ),
            (json!({ "a b": 1 }), "v.\"a b\": an integer found where a string is expected"),
            (json!({ "a b": "", "c": 1 }), "v.c: an integer found where a boolean is expected"),
        ],
    );
}

#[test]
fn alternatives() {
    let schema = json!({ "anyOf": [
        { "const": "word" },
        { "type": "object", "properties": { "x": { "type": "integer" } }, "required": ["x"],
          "additionalProperties": false },
        { "type": "null" }
    ]});
    check_all(
        &schema,
        &[
            (json!("word"), ""),
            (json!(null), ""),
            (json!({ "x": 1 }), ""),
            (json!("wrd"), "v: `wrd` is not a possible value"),
            (json!({ "x": "1" }), "v.x: a string found where an integer is expected"),
            (json!(1), "v: an integer found where `word` or a table is expected"),
        ],
    );
    check_all(
        &json!({ "allOf": [{ "minimum": 1 }, { "maximum": 2 }] }),
        &[(json!(3), "v: the value is 3, at most 2 is expected")],
    );
}

#[test]
fn a_word_that_is_none_of_several_is_told_all_of_them() {
    let schema = json!({ "oneOf": [
        { "type": "string", "const": "fail" },
        { "type": "string", "enum": ["skip"] },
        { "type": "string", "const": "dead-letter" },
        { "type": "object" },
    ]});
    let problems = check(&schema, &json!("ignore"), "v");
    let known = problems.iter().filter_map(|violation| {
        let SchemaProblem::NotOneOf { hint, .. } = &violation.problem else { return None };
        Some(hint.known())
    });
    assert_eq!(known.collect::<Vec<_>>(), [["fail", "skip", "dead-letter"]]);
}

#[test]
fn hostile_schemas_end() {
    let own_alternatives = json!({ "anyOf": [{ "$ref": "#" }, { "$ref": "#" }] });
    let itself = json!({ "$ref": "#" });
    let nowhere = json!({ "$ref": "#/nowhere" });
    let expected = "v: the schema takes more than 10000000 steps to check";
    check_all(&own_alternatives, &[(json!(1), expected)]);
    check_all(&itself, &[(json!(1), expected)]);
    check_all(&nowhere, &[(json!(1), "")]);
}
