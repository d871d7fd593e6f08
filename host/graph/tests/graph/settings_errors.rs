//! Errors of settings: parallelism, config, kinds, error policies.

use sandbar_graph::GraphSettings;

use crate::{build, check_errors, lines};

/// An operator `it` of the plugin `words` that reads `lines`; `fields` start at line 10.
fn check_operator(operator: &str, fields: &str, expected: &[&str]) {
    check_errors(
        &format!(
            "name = 'job'\n[[sources]]\nname = 'lines'\nconnector = 'files'\n[[operators]]\n\
             name = 'it'\nplugin = 'words'\noperator = '{operator}'\ninputs = ['lines']\n{fields}\n"
        ),
        expected,
    );
}

#[test]
fn parallelism_of_operators() {
    check_operator(
        "upper",
        "parallelism = 0\nmax-parallelism = 0",
        &[
            "job.toml:10:1: operators[0].parallelism: the parallelism is 0; use 1 or more",
            "job.toml:11:1: operators[0].max-parallelism: the max parallelism is 0; use 1 or more",
        ],
    );
    check_operator(
        "upper",
        "parallelism = 5\nmax-parallelism = 4",
        &["job.toml:10:1: operators[0].parallelism: the parallelism 5 is more than the max \
           parallelism 4; lower the parallelism or raise max-parallelism"],
    );
    check_operator(
        "upper",
        "max-parallelism = 32769",
        &["job.toml:10:1: operators[0].max-parallelism: the max parallelism 32769 is more than \
           32768"],
    );
    check_operator(
        "upper",
        "parallelism = 4294967295",
        &["job.toml:10:1: operators[0].parallelism: the parallelism 4294967295 is more than the \
           max parallelism 32768; lower the parallelism or raise max-parallelism"],
    );
}

#[test]
fn parallelism_of_jobs_and_sources() {
    check_errors(
        "name = 'job'\nparallelism = 0\nmax-parallelism = 40000\n[[sources]]\nname = 'a'\n\
         connector = 'socket'\nparallelism = 2\n",
        &[
            "job.toml:2:1: parallelism: the parallelism is 0; use 1 or more",
            "job.toml:3:1: max-parallelism: the max parallelism 40000 is more than 32768",
            "job.toml:7:1: sources[0].parallelism: the parallelism 2 is more than 1, the most \
             that `socket` has; lower it or leave it out",
        ],
    );
    let settings = GraphSettings {
        default_parallelism: 3,
        max_parallelism: Some(2),
        ..GraphSettings::default()
    };
    let errors = build(
        "name = 'job'\n[[sources]]\nname = 'a'\nconnector = 'files'\n[[sources]]\nname = 'b'\n\
         connector = 'files'\nmax-parallelism = 1\n",
        &settings,
    )
    .expect_err("too little max parallelism");
    assert_eq!(
        lines(&errors),
        "job.toml:2:1: sources[0]: the parallelism 3 is more than the max parallelism 2; lower \
         the parallelism or raise max-parallelism\n\
         job.toml:8:1: sources[1].max-parallelism: the parallelism 3 is more than the max \
         parallelism 1; lower the parallelism or raise max-parallelism"
    );
}

#[test]
fn kinds_and_descriptions() {
    check_errors(
        "name = 'job'\n[[sources]]\nname = 'events'\nconnector = 'files'\noptions.format = 'json'\n\
         [[operators]]\nname = 'it'\nplugin = 'words'\noperator = 'by-word'\ninputs = ['events']\n",
        &["job.toml:9:1: operators[0].operator: the operator `by-word` is of kind key-selector, \
           which is not an operator of its own; use it in an input: key = { selector = \"...\" }"],
    );
    check_operator(
        "contradiction",
        "",
        &["job.toml:8:1: operators[0].operator: the plugin `words` says that its operator \
           `contradiction` is of kind process and has 2 inputs; this is a mistake in the plugin"],
    );
    check_operator(
        "own-letters",
        "on-error = 'dead-letter'",
        &["job.toml:10:1: operators[0].on-error: the operator `own-letters` has an output \
           `dead-letter` of its own; use on-error = \"skip\" or \"fail\""],
    );
}

#[test]
fn configs() {
    check_operator(
        "upper",
        "config.a = 1",
        &["job.toml:10:1: operators[0].config: the operator `upper` takes no config; leave it out"],
    );
    check_operator(
        "unclear",
        "config.a = 1",
        &["job.toml:5:1: operators[0]: the plugin `words` has a config schema for `unclear` that \
           is not JSON; this is a mistake in the plugin"],
    );
    let check_limit = |config: &str, expected: &[&str]| {
        check_errors(
            &format!(
                "name = 'job'\n[[sources]]\nname = 'events'\nconnector = 'files'\n\
                 options.format = 'json'\n[[operators]]\nname = 'it'\nplugin = 'words'\n\
                 operator = 'limit'\ninputs = ['events']\n{config}\n"
            ),
            expected,
        );
    };
    let prefix = "config of the operator `limit`";
    check_limit(
        "",
        &[&format!("job.toml:6:1: operators[0].config: {prefix}: the field `max` is missing")],
    );
    check_limit(
        "config = { mx = 1, unit = 'record' }",
        &[
            &format!(
                "job.toml:11:12: operators[0].config.mx: {prefix}: there is no field `mx`; did \
                 you mean `max`?"
            ),
            &format!(
                "job.toml:11:20: operators[0].config.unit: {prefix}: `record` is not a possible \
                 value; did you mean `records`?"
            ),
        ],
    );
    check_limit(
        "config = { max = 0 }",
        &[&format!(
            "job.toml:11:12: operators[0].config.max: {prefix}: the value is 0, at least 1 is \
             expected"
        )],
    );
    check_limit(
        "config = [1]",
        &[&format!(
            "job.toml:11:1: operators[0].config: {prefix}: a list found where a table is expected"
        )],
    );
}

/// A source and an operator whose event time is wrong; `source` starts at line 4, `operator` at
/// line 10.
fn check_event_time(source: &str, operator: &str, expected: &[&str]) {
    check_errors(
        &format!(
            "name = 'job'\n[[sources]]\nname = 'lines'\n{source}\nconnector = 'files'\n\
             [[operators]]\nname = 'it'\nplugin = 'words'\noperator = 'upper'\n{operator}\n\
             inputs = ['lines']\n"
        ),
        expected,
    );
}

#[test]
fn timestamps_of_sources() {
    check_event_time(
        "timestamp.json = 'at'",
        "",
        &[
            "job.toml:4:11: sources[0].timestamp.json: `at` is not a JSON pointer; write it as \
             \"/field/inner\"; \"\" is the whole value",
            "job.toml:4:11: sources[0].timestamp.json: the timestamp is a JSON pointer, and the \
             source gives `text`; set the source's format to json or csv, or assign timestamps in \
             an operator",
        ],
    );
    check_event_time(
        "on-error = 'skip'",
        "",
        &["job.toml:4:1: sources[0].on-error: a source refuses records only for their \
             `timestamp`, and this one has none; add timestamp = { json = \"/pointer\" }, or leave \
             it out"],
    );
}

#[test]
fn watermarks() {
    check_event_time(
        "watermarks = { generator = 'custom', max-out-of-orderness-ms = 1, idle-timeout-ms = 0, \
         max-drift-ms = 1 }",
        "watermarks = { alignment-group = 'g', update-interval-ms = 0 }",
        &[
            "job.toml:4:16: sources[0].watermarks.generator: a source has no watermark generator \
             of its own; leave it out, or set it on an operator behind the source",
            "job.toml:4:38: sources[0].watermarks.max-out-of-orderness-ms: only the generator \
             bounded-out-of-orderness has a bound; leave one of the two out",
            "job.toml:4:67: sources[0].watermarks.idle-timeout-ms: `idle-timeout-ms` is 0; use 1 \
             or more, or leave it out",
            "job.toml:4:88: sources[0].watermarks.max-drift-ms: `max-drift-ms` is given without an \
             `alignment-group`; add the group, or leave it out",
            "job.toml:10:16: operators[0].watermarks.alignment-group: an alignment group needs \
             `max-drift-ms`; add how many milliseconds ahead is too far",
            "job.toml:10:39: operators[0].watermarks.update-interval-ms: `update-interval-ms` is \
             0; use 1 or more, or leave it out",
        ],
    );
}

#[test]
fn an_aligned_operator_is_in_the_chain_of_a_source() {
    let aligned = "watermarks = { alignment-group = 'g', max-drift-ms = 1 }";
    let job = |operator: &str| {
        format!(
            "name = 'job'\n[[sources]]\nname = 'lines'\nconnector = 'files'\n[[operators]]\n\
             name = 'it'\nplugin = 'words'\noperator = 'upper'\ninputs = ['lines']\n{operator}\n"
        )
    };
    build(&job(aligned), &GraphSettings::default()).expect("it is chained");
    check_errors(
        &job(&format!("chaining = 'never'\n{aligned}")),
        &["job.toml:11:16: operators[0].watermarks.alignment-group: an aligned operator must be \
             in the chain of a source, which waits for it: the downstream operator has chaining = \
             \"never\"; let it read one source, forward and with the same parallelism, or set the \
             group on the source"],
    );
}
