//! Errors of wiring: arity, keys, formats, cycles.

use crate::check_errors;

/// A job with the sources `lines` (text) and `events` (json); `rest` starts at line 9.
fn check(rest: &str, expected: &[&str]) {
    check_errors(
        &format!(
            "name = 'job'\n[[sources]]\nname = 'lines'\nconnector = 'files'\n[[sources]]\n\
             name = 'events'\nconnector = 'files'\noptions.format = 'json'\n{rest}\n"
        ),
        expected,
    );
}

/// An operator `it` of the plugin `words`; its inputs are at line 13.
fn check_inputs(operator: &str, inputs: &str, expected: &[&str]) {
    check(
        &format!(
            "[[operators]]\nname = 'it'\nplugin = 'words'\noperator = '{operator}'\n\
             inputs = [{inputs}]"
        ),
        expected,
    );
}

#[test]
fn jobs_without_ends() {
    check_errors("name = 'job'", &["job.toml:1:1: the job has no sources; add one: [[sources]]"]);
    check(
        "[[sinks]]\nname = 'out'\nconnector = 'print'\ninputs = []",
        &["job.toml:12:1: sinks[0].inputs: `out` has no inputs; name what it reads: inputs = \
           [\"uid\"]"],
    );
    check_inputs(
        "upper",
        "",
        &["job.toml:13:1: operators[0].inputs: `it` has no inputs; name what it reads: inputs = \
           [\"uid\"]"],
    );
}

#[test]
fn numbers_of_inputs() {
    check_inputs(
        "upper",
        "{ from = 'lines', input = 1 }",
        &["job.toml:13:11: operators[0].inputs[0]: `it` has 1 input, and no input 1; leave \
           `input` out"],
    );
    check_inputs(
        "zip",
        "{ from = 'lines', input = 2 }, { from = 'lines', input = 1 }",
        &[
            "job.toml:13:1: operators[0].inputs: nothing feeds input 0 of `it`, which has 2 \
             inputs; add { from = \"uid\", input = 0 } to its inputs",
            "job.toml:13:11: operators[0].inputs[0]: `it` has 2 inputs, and no input 2; inputs \
             are numbered from 0",
        ],
    );
    check_inputs(
        "zip",
        "'lines'",
        &["job.toml:13:1: operators[0].inputs: nothing feeds input 1 of `it`, which has 2 \
           inputs; add { from = \"uid\", input = 1 } to its inputs"],
    );
}

#[test]
fn keys_of_keyed_operators() {
    check_inputs(
        "count",
        "'events'",
        &["job.toml:13:11: operators[0].inputs[0]: `it` is keyed, and input 0 from `events` has \
           no key; write { from = \"events\", input = 0, key = \"value\" }, or a key of another \
           form"],
    );
    check_inputs(
        "count",
        "{ from = 'events', partitioner = 'rebalance' }",
        &["job.toml:13:11: operators[0].inputs[0]: `it` is keyed and needs the partitioner \
           `hash`, not `rebalance`; leave `partitioner` out and give a key"],
    );
    check_inputs(
        "join",
        "{ from = 'events', key = 'value' }, { from = 'events', input = 1 }",
        &["job.toml:13:47: operators[0].inputs[1]: `it` is keyed, and input 1 from `events` has \
           no key; write { from = \"events\", input = 1, key = \"value\" }, or a key of another \
           form"],
    );
}

#[test]
fn broadcast_inputs_take_all_records_without_keys() {
    let keyed = "{ from = 'events', key = 'value' }";
    let wrong = |second: &str, expected: &str| {
        check_inputs("match", &format!("{keyed}, {second}"), &[expected]);
    };
    wrong(
        "{ from = 'events', input = 1, partitioner = 'rebalance' }",
        "job.toml:13:47: operators[0].inputs[1]: input 1 of `it` is broadcast, and `events` comes \
         with the partitioner `rebalance`; write { from = \"events\", input = 1, partitioner = \
         \"broadcast\" }",
    );
    wrong(
        "{ from = 'events', input = 1, key = 'value' }",
        "job.toml:13:77: operators[0].inputs[1].key: input 1 of `it` is broadcast, and `events` \
         comes with a key; write { from = \"events\", input = 1, partitioner = \"broadcast\" }",
    );
    check_inputs(
        "match",
        "{ from = 'events' }, { from = 'events', partitioner = 'broadcast' }",
        &["job.toml:13:11: operators[0].inputs[0]: `it` is keyed, and input 0 from `events` has \
           no key; write { from = \"events\", input = 0, key = \"value\" }, or a key of another \
           form"],
    );
    check_inputs(
        "match",
        "{ from = 'events', partitioner = 'broadcast' }, 'events'",
        &["job.toml:13:11: operators[0].inputs[0]: `it` is keyed and needs the partitioner \
           `hash`, not `broadcast`; leave `partitioner` out and give a key"],
    );
}

#[test]
fn keys_and_partitioners() {
    check_inputs(
        "limit",
        "{ from = 'events', partitioner = 'hash' }",
        &[
            "job.toml:9:1: operators[0].config: config of the operator `limit`: the field `max` \
             is missing",
            "job.toml:13:11: operators[0].inputs[0]: the partitioner `hash` needs a key; add key \
             = \"value\", { json = \"/pointer\" }, { bytes = [start, end] } or { selector = \
             \"operator\" }",
        ],
    );
    check_inputs(
        "count",
        "{ from = 'events', key = { bytes = [4, 4] } }",
        &["job.toml:13:30: operators[0].inputs[0].key: there are no bytes from 4 to 4; write \
           bytes = [start, end] with start below end"],
    );
    check_inputs(
        "upper",
        "{ from = 'lines', partitioner = 'custom', key = 'value' }",
        &["job.toml:13:11: operators[0].inputs[0]: the partitioner `custom` needs a selector of \
           kind partitioner; add key = { selector = \"operator\" }"],
    );
    check_inputs(
        "upper",
        "{ from = 'lines', partitioner = 'shuffle', key = 'value' }",
        &["job.toml:13:54: operators[0].inputs[0].key: a key is given, which the partitioner \
           `shuffle` does not use; leave one of the two out"],
    );
    check_inputs(
        "count",
        "{ from = 'events', key.json = 'user' }, { from = 'events', key.selector = 'spread' }, \
         { from = 'events', key.selector = 'by-wrd' }, { from = 'events', key.selector = 'upper' }",
        &[
            "job.toml:13:30: operators[0].inputs[0].key: `user` is not a JSON pointer; write it \
             as \"/field/inner\"; \"\" is the whole value",
            "job.toml:13:70: operators[0].inputs[1].key: the operator `spread` is of kind \
             partitioner, not key-selector; add partitioner = \"custom\", or name a key selector",
            "job.toml:13:120: operators[0].inputs[2].key.selector: the plugin `words` has no \
             operator `by-wrd`; did you mean `by-word`?",
            "job.toml:13:162: operators[0].inputs[3].key: the operator `upper` is of kind \
             process, not key-selector; name an operator of that kind",
        ],
    );
    check_inputs(
        "upper",
        "{ from = 'lines', key.json = '/user' }, { from = 'lines', key.selector = 'by-word' }, \
         { from = 'events', partitioner = 'custom', key.selector = 'by-word' }",
        &[
            "job.toml:13:29: operators[0].inputs[0].key: the key is a JSON pointer, and `lines` \
             gives `text`; use a key selector, or have it give `json`",
            "job.toml:13:69: operators[0].inputs[1].key: `lines` gives `text` and `by-word` takes \
             `json`; put an operator between that converts",
            "job.toml:13:140: operators[0].inputs[2].key: the operator `by-word` is of kind \
             key-selector, not partitioner; leave `partitioner` out, or name a partitioner",
        ],
    );
    check(
        "[[sinks]]\nname = 'out'\nconnector = 'print'\n\
         inputs = [{ from = 'events', key.selector = 'by-word' }]",
        &["job.toml:12:30: sinks[0].inputs[0].key: the key selector `by-word` names no plugin, \
           and `out` is a sink; add plugin = \"name\" to the key"],
    );
}

#[test]
fn formats() {
    check_inputs(
        "count",
        "{ from = 'lines', key = 'value' }",
        &["job.toml:13:11: operators[0].inputs[0]: `lines` gives `text` and `it` takes `json`; \
           put an operator between that converts"],
    );
    check(
        "[[operators]]\nname = 'pack'\nplugin = 'words'\noperator = 'pack'\ninputs = ['lines']\n\
         [[operators]]\nname = 'unpack'\nplugin = 'other'\noperator = 'unpack'\ninputs = ['pack']\n\
         [[sinks]]\nname = 'out'\nconnector = 'lines'\ninputs = ['pack', 'events']",
        &[
            "job.toml:18:11: operators[1].inputs[0]: `pack` gives `compact:Word` of the plugin \
             `words`, which `unpack` cannot read; use the format json, text or bytes between \
             plugins",
            "job.toml:22:11: sinks[0].inputs[0]: `pack` gives `compact:Word` and `out` takes \
             `text`; put an operator between that converts",
        ],
    );
}

#[test]
fn forward_between_different_parallelism() {
    check(
        "[[operators]]\nname = 'it'\nplugin = 'words'\noperator = 'upper'\nparallelism = 2\n\
         inputs = [{ from = 'lines', partitioner = 'forward' }]",
        &["job.toml:14:11: operators[0].inputs[0]: partitioner `forward` from `lines` with \
           parallelism 1 to `it` with parallelism 2; make them equal, or use rebalance or \
           rescale"],
    );
}

#[test]
fn cycles() {
    check_inputs(
        "upper",
        "'lines', 'it'",
        &["job.toml:9:1: operators[0]: the operators form a cycle: it -> it; remove one of these \
           inputs"],
    );
    let upper = |name: &str, inputs: &str| {
        format!(
            "[[operators]]\nname = '{name}'\nplugin = 'words'\noperator = 'upper'\n\
             inputs = [{inputs}]\n"
        )
    };
    let operators = [upper("a", "'lines', 'c'"), upper("b", "'a'"), upper("c", "'b'")].concat();
    check(
        &operators,
        &["job.toml:9:1: operators[0]: the operators form a cycle: a -> b -> c -> a; remove one \
           of these inputs"],
    );
}
