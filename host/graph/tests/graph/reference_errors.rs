//! Errors of names: plugins, operators, uids, outputs, connectors.

use crate::check_errors;

/// A job with one source, `lines`, and one operator, whose fields are `fields`, from line 5 on.
fn check_operator(fields: &str, expected: &[&str]) {
    check_errors(
        &format!(
            "name = 'job'\n[[sources]]\nname = 'lines'\nconnector = 'files'\n[[operators]]\n\
             name = 'it'\n{fields}\n"
        ),
        expected,
    );
}

#[test]
fn plugins() {
    check_operator(
        "plugin = 'word'\noperator = 'upper'\ninputs = ['lines']",
        &["job.toml:7:1: operators[0].plugin: there is no plugin `word`; did you mean `words`?"],
    );
    check_operator(
        "plugin = 'xyz'\noperator = 'upper'\ninputs = ['lines']",
        &["job.toml:7:1: operators[0].plugin: there is no plugin `xyz`; declare it: [plugins] \
           xyz = { path = \"xyz.wasm\" }"],
    );
    check_operator(
        "plugin = 'self'\noperator = 'upper'\ninputs = ['lines']",
        &["job.toml:7:1: operators[0].plugin: the plugin `self` stands for a job written in \
           code, and this job is a file; declare the plugin in [plugins]"],
    );
    check_operator(
        "plugin = 'mine'\noperator = 'upper'\ninputs = ['lines']\n[plugins]\nmine.path = 'm.wasm'\n\
         self = { path = 's.wasm' }",
        &[
            "job.toml:7:1: operators[0].plugin: the plugin `mine` is declared but not loaded; \
             check its path in [plugins]",
            "job.toml:12:1: plugins.self: the plugin name `self` is reserved for a job written in \
             code; give it another name",
        ],
    );
}

#[test]
fn operators() {
    check_operator(
        "plugin = 'words'\noperator = 'uper'\ninputs = ['lines']",
        &["job.toml:8:1: operators[0].operator: the plugin `words` has no operator `uper`; did \
           you mean `upper`?"],
    );
    check_operator(
        "plugin = 'other'\noperator = 'xyz'\ninputs = ['lines']",
        &["job.toml:8:1: operators[0].operator: the plugin `other` has no operator `xyz`; known \
           operators: `copy`, `unpack`"],
    );
}

#[test]
fn inputs() {
    let upper = "plugin = 'words'\noperator = 'upper'\n";
    let check = |inputs: &str, expected: &[&str]| {
        check_operator(&format!("{upper}inputs = [{inputs}]"), expected);
    };
    check(
        "'line'",
        &["job.toml:9:11: operators[0].inputs[0]: no source or operator has the uid `line`; did \
           you mean `lines`?"],
    );
    check(
        "'xyz'",
        &["job.toml:9:11: operators[0].inputs[0]: no source or operator has the uid `xyz`; known \
           uids: `lines`, `it`"],
    );
    check(
        "'lines.mian'",
        &["job.toml:9:11: operators[0].inputs[0]: `lines` has no output `mian`; did you mean \
           `main`?"],
    );
    check(
        "'lines', { from = 'lines', output = 'late' }",
        &["job.toml:9:20: operators[0].inputs[1]: `lines` has no output `late`; known outputs: \
           `main`"],
    );
    check(
        "{ from = 'lines.main', output = 'main' }",
        &["job.toml:9:11: operators[0].inputs[0]: the output is named twice: in `from = \
           \"lines.main\"` and in `output = \"main\"`; keep one of them"],
    );
    check_operator(
        &format!(
            "{upper}inputs = ['lines']\n[[sinks]]\nname = 'out'\nconnector = 'print'\n\
             inputs = ['it.dead-letter', 'out']"
        ),
        &[
            "job.toml:13:11: sinks[0].inputs[0]: `it` has no output `dead-letter`, since its \
             on-error is `fail`; set on-error = \"dead-letter\" on `it`",
            "job.toml:13:29: sinks[0].inputs[1]: `out` is a sink and has no outputs to read; read \
             from what the sink reads from",
        ],
    );
}

#[test]
fn uids() {
    check_errors(
        "name = ''\n[[sources]]\nname = 'a.b'\nconnector = 'files'\n[[sources]]\nname = 'c'\n\
         uid = 'd.e'\nconnector = 'files'\n[[sources]]\nname = ''\nuid = ''\nconnector = 'files'\n\
         [[sources]]\nname = 'c'\nconnector = 'files'\n[[sources]]\nname = 'again'\nuid = 'c'\n\
         connector = 'files'\n",
        &[
            "job.toml:1:1: name: the name is empty",
            "job.toml:3:1: sources[0].name: the uid `a.b` contains a dot, which separates uid and \
             output in inputs; give it a uid of its own; the name may keep the dot",
            "job.toml:7:1: sources[1].uid: the uid `d.e` contains a dot, which separates uid and \
             output in inputs; use a dash instead",
            "job.toml:10:1: sources[2].name: the name is empty",
            "job.toml:11:1: sources[2].uid: the uid is empty",
            "job.toml:16:1: sources[4]: the uid `c` is already that of sources[3]; give one of \
             them another name or a uid",
        ],
    );
}

#[test]
fn connectors() {
    check_errors(
        "name = 'job'\n[[sources]]\nname = 'a'\nconnector = 'file'\n[[sinks]]\nname = 'b'\n\
         connector = 'prnt'\ninputs = ['a']\n",
        &[
            "job.toml:4:1: sources[0].connector: connector `file`: there is no source `file`",
            "job.toml:7:1: sinks[0].connector: connector `prnt`: there is no sink `prnt`",
        ],
    );
}
