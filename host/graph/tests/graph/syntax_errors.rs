//! Errors of the text: syntax, fields, types; in TOML and in JSON.

use sandbar_graph::{FileFormat, parse};

use crate::{check_errors, lines};

fn check_json(text: &str, expected: &[&str]) {
    let errors = parse(text, FileFormat::Json, "job.json").expect_err(text);
    assert_eq!(lines(&errors), expected.join("\n"), "{text}");
}

#[test]
fn toml_syntax() {
    check_errors(
        "name = \n",
        &["job.toml:1:8: not valid TOML: string values must be quoted, expected literal string"],
    );
    check_errors(
        "name = 'a'\nname = 'b'\n[[sources]\n",
        &[
            "job.toml:2:1: not valid TOML: duplicate key",
            "job.toml:3:11: not valid TOML: unclosed array table, expected `]`",
        ],
    );
    check_errors(
        "name = 'a'\nconfiguration = { x = nan, y = 99999999999999999999 }\n",
        &[
            "job.toml:2:19: configuration.x: not valid TOML: `nan` is not a finite number",
            "job.toml:2:28: configuration.y: not valid TOML: `99999999999999999999` is not an \
             integer of 64 bits",
        ],
    );
}

#[test]
fn json_syntax() {
    check_json("{\n  \"name\": }", &["job.json:2:11: not valid JSON: expected value"]);
    check_json("", &["job.json:1:1: not valid JSON: EOF while parsing a value"]);
    check_json(
        "{\"name\": \"a\",\n \"name\": \"b\"}",
        &["job.json:2:2: name: the field `name` is given twice; keep one of them"],
    );
    check_json("[]", &["job.json:1:1: a list found where a table is expected"]);
}

#[test]
fn depth_and_size_are_limited() {
    let deep = format!("{{\"name\": {}{}}}", "[".repeat(100), "]".repeat(100));
    let errors = parse(&deep, FileFormat::Json, "job.json").expect_err("deep");
    assert!(errors[0].message() == "values are nested more than 64 deep", "{errors:?}");
    let deep_list = format!("name = {}{}", "[".repeat(70), "]".repeat(70));
    let list_errors = parse(&deep_list, FileFormat::Toml, "job.toml").expect_err("deep");
    assert_eq!(list_errors.len(), 1, "{list_errors:?}");
    let large = " ".repeat((4 << 20) + 1);
    check_json(
        &large,
        &["job.json:1:1: the job has 4194305 bytes, more than the 4194304 that are allowed"],
    );
}

#[test]
fn fields_of_toml() {
    check_errors(
        "nam = 'a'\nparallelism = 'two'\narguments = [1]\n\n[[sources]]\nname = 'lines'\n\
         connector = 'files'\nuids = 'x'\nchaining = 'nver'\n\n[[operators]]\nname = 'o'\n",
        &[
            "job.toml:1:1: nam: there is no field `nam`; did you mean `name`?",
            "job.toml:2:1: parallelism: a string found where an integer is expected",
            "job.toml:3:14: arguments[0]: an integer found where a string is expected",
            "job.toml:8:1: sources[0].uids: there is no field `uids`; did you mean `uid`?",
            "job.toml:9:1: sources[0].chaining: `nver` is not a possible value; did you mean \
             `never`?",
            "job.toml:11:1: operators[0]: the field `plugin` is missing",
            "job.toml:11:1: operators[0]: the field `operator` is missing",
            "job.toml:11:1: operators[0]: the field `inputs` is missing",
        ],
    );
    check_errors("[plugins]\n", &["job.toml:1:1: the field `name` is missing"]);
    check_errors(
        "name = 'a'\nparallelism = -1\nmax-parallelism = 4294967296\n",
        &[
            "job.toml:2:1: parallelism: the value is -1, at least 0 is expected",
            "job.toml:3:1: max-parallelism: the value is 4294967296, at most 4294967295 is \
             expected",
        ],
    );
}

#[test]
fn fields_of_inputs() {
    let job = |input: &str| {
        format!("name = 'a'\n[[sinks]]\nname = 's'\nconnector = 'print'\ninputs = [{input}]\n")
    };
    let check = |input: &str, expected: &[&str]| check_errors(&job(input), expected);
    check(
        "3",
        &["job.toml:5:11: sinks[0].inputs[0]: an integer found where a string or a table is \
             expected"],
    );
    check(
        "{ frm = 'a' }",
        &["job.toml:5:13: sinks[0].inputs[0].frm: there is no field `frm`; did you mean `from`?"],
    );
    check(
        "{ from = 'a', key = 'valu' }",
        &["job.toml:5:25: sinks[0].inputs[0].key: `valu` is not a possible value; did you mean \
             `value`?"],
    );
    check(
        "{ from = 'a', key = { jsn = '/x' } }",
        &["job.toml:5:33: sinks[0].inputs[0].key.jsn: there is no field `jsn`; did you mean \
             `json`?"],
    );
    check(
        "{ from = 'a', key = { selector = 'x', plugn = 'y' } }",
        &["job.toml:5:49: sinks[0].inputs[0].key.plugn: there is no field `plugn`; did you mean \
             `plugin`?"],
    );
    check(
        "{ from = 'a', partitioner = 'hsh' }",
        &["job.toml:5:25: sinks[0].inputs[0].partitioner: `hsh` is not a possible value; did \
             you mean `hash`?"],
    );
}

#[test]
fn fields_of_json() {
    check_json(
        "{\n  \"name\": \"a\",\n  \"operators\": [\n    {\"name\": \"ö\", \"plugin\": \"p\", \
         \"operatr\": \"o\",\n     \"inputs\": [\"x\", 7]}\n  ]\n}",
        &[
            "job.json:4:34: operators[0].operatr: there is no field `operatr`; did you mean \
             `operator`?",
            "job.json:5:22: operators[0].inputs[1]: an integer found where a string or a table is \
             expected",
        ],
    );
}
