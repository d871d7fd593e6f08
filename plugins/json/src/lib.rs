//! Operators over JSON records for job files without code of their own: filter, map, flat map and
//! project with expressions of jq (<https://jqlang.org/manual/>), timestamps, deduplicate,
//! aggregates and the best records of windows, and joins.
//!
//! Reading order: `record` (how JSON comes and goes), `expression`, `operators`, `timestamps`,
//! `deduplicate`, then `window`, `scalar`, `aggregate`, `local_aggregate`, `top_n`, and `join`.

mod aggregate;
mod deduplicate;
mod expression;
mod join;
mod local_aggregate;
mod operators;
mod record;
mod scalar;
mod timestamps;
mod top_n;
mod window;

use aggregate::window_aggregate;

use deduplicate::{Deduplicate, DeduplicateConfig};
use join::{IntervalConfig, WindowConfig, interval_join, window_join};
use local_aggregate::{global_aggregate, local_aggregate};
use operators::{Filter, FilterConfig, FlatMap, Map, MapConfig, Project, ProjectConfig};
use record::JsonText;
use sandbar_sdk::Json;
use timestamps::{TimestampsConfig, timestamps};
use top_n::{TopConfig, top_n};
use window::{uniform_windows, window_properties};

const WHERE: &str = r#"{"type":"object","additionalProperties":false,"required":["where"],
    "properties":{"where":{"type":"string","minLength":1}}}"#;
const EXPRESSION: &str = r#"{"type":"object","additionalProperties":false,
    "required":["expression"],"properties":{"expression":{"type":"string","minLength":1}}}"#;
const FIELDS: &str = r#"{"type":"object","additionalProperties":false,"required":["fields"],
    "properties":{"fields":{"type":"array","minItems":1,"items":{"type":"string"}}}}"#;
const TTL: &str = r#"{"type":"object","additionalProperties":false,
    "properties":{"ttl-ms":{"type":"integer","minimum":1}}}"#;
/// The property `aggregates`. The names that results have for key and window are taken.
macro_rules! aggregates_property {
    () => {
        r#""aggregates":{"type":"object","minProperties":1,
        "properties":{"key":false,"window-start":false,"window-end":false},
        "additionalProperties":{"oneOf":[
        {"const":"count"},
        {"type":"object","minProperties":1,"maxProperties":1,"additionalProperties":false,
         "properties":{"count-distinct":{"type":"string"},"sum":{"type":"string"},
            "min":{"type":"string"},"max":{"type":"string"},"average":{"type":"string"}}}]}},"#
    };
}
const AGGREGATE: &str = concat!(
    r#"{"type":"object","additionalProperties":false,"required":["window","aggregates"],
    "properties":{"#,
    aggregates_property!(),
    window_properties!(),
    "}}"
);
const LOCAL: &str = concat!(
    r#"{"type":"object","additionalProperties":false,"required":["key","window","aggregates"],
    "properties":{"key":{"type":"string","minLength":1},
        "keys-max":{"type":"integer","minimum":1},"#,
    aggregates_property!(),
    r#""window":{"oneOf":["#,
    uniform_windows!(),
    "]}}}"
);
const GLOBAL: &str = concat!(
    r#"{"type":"object","additionalProperties":false,"required":["window","aggregates"],
    "properties":{"#,
    aggregates_property!(),
    r#""allowed-lateness-ms":{"type":"integer","minimum":0},"window":{"oneOf":["#,
    uniform_windows!(),
    "]}}}"
);
const TOP: &str = concat!(
    r#"{"type":"object","additionalProperties":false,"required":["window","n","by"],
    "properties":{"n":{"type":"integer","minimum":1,"maximum":10000},
        "by":{"type":"string","minLength":1},"order":{"enum":["ascending","descending"]},"#,
    window_properties!(),
    "}}"
);
const INTERVAL: &str = r#"{"type":"object","additionalProperties":false,
    "required":["lower-ms","upper-ms"],"properties":{
        "lower-ms":{"type":"integer"},"upper-ms":{"type":"integer"},
        "type":{"enum":["inner","left-outer","right-outer","full-outer"]},
        "select":{"type":"string","minLength":1}}}"#;
const WINDOW_JOIN: &str = concat!(
    r#"{"type":"object","additionalProperties":false,"required":["window"],
    "properties":{"select":{"type":"string","minLength":1},"#,
    window_properties!(),
    "}}"
);

sandbar_sdk::plugin! {
    name: "json",
    version: env!("CARGO_PKG_VERSION"),
    operators: |plugin| {
        plugin
            .filter_with("filter", |config: FilterConfig| Filter::new(&config))
            .input(JsonText)
            .output(JsonText)
            .config_schema(WHERE)
            .doc("Keeps records for which the jq expression `where` is neither null nor false.");
        plugin
            .map_with("map", |config: MapConfig| Map::new(&config))
            .input(JsonText)
            .output(JsonText)
            .config_schema(EXPRESSION)
            .doc("Makes one record of each with the jq expression `expression`.");
        plugin
            .flat_map_with("flat-map", |config: MapConfig| FlatMap::new(&config))
            .input(JsonText)
            .output(JsonText)
            .config_schema(EXPRESSION)
            .doc("Makes any number of records of each with the jq expression `expression`.");
        plugin
            .map_with("project", |config: ProjectConfig| Project::new(&config))
            .input(JsonText)
            .output(JsonText)
            .config_schema(FIELDS)
            .doc("Keeps the members `fields` of objects, in this order; null for one that lacks.");
        plugin
            .timestamps_with("timestamps", |config: TimestampsConfig| timestamps(&config))
            .input(JsonText)
            .output(JsonText)
            .config_schema(EXPRESSION)
            .doc("Gives each record the timestamp that the jq expression `expression` makes of it: \
                  milliseconds since the Unix epoch, such as `.at | fromdate * 1000`. Mind that \
                  `strptime` forgets an offset from UTC, as in jq. The operator's `watermarks` \
                  move event time on behind it.");
        plugin
            .keyed_process_with("deduplicate", |config: DeduplicateConfig| {
                Ok(Deduplicate::new(&config))
            })
            .input(JsonText)
            .output(JsonText)
            .config_schema(TTL)
            .state("seen", "value", "bool")
            .doc("Passes the first record of each key on, and the first after `ttl-ms` again.");
        plugin
            .keyed_process_with("window-aggregate", window_aggregate)
            .input(JsonText)
            .output(JsonText)
            .config_schema(AGGREGATE)
            .doc("Counts, sums and the like (count, count-distinct, sum, min, max, average) over \
                  jq expressions, for each key and window.");
        plugin
            .local_aggregate_with("local-aggregate", local_aggregate)
            .input(JsonText)
            .output(Json)
            .config_schema(LOCAL)
            .doc("The first phase of global-aggregate, in front of the exchange: for each key, \
                  which the jq expression `key` makes, and window what window-aggregate would \
                  count, of the records of one subtask. Key the next operator by its member /0.");
        plugin
            .keyed_process_with("global-aggregate", global_aggregate)
            .input(Json)
            .output(JsonText)
            .config_schema(GLOBAL)
            .doc("What window-aggregate makes of records, of what local-aggregate has made of \
                  them with the same windows and aggregates.");
        plugin
            .keyed_process_with("top-n", |config: TopConfig| top_n(&config))
            .input(JsonText)
            .output(JsonText)
            .config_schema(TOP)
            .doc("The `n` records of each key and window that are best by a jq expression.");
        plugin
            .keyed_two_input_process_with::<String, _, _, _, _, _>(
                "interval-join",
                |config: IntervalConfig| interval_join(&config),
            )
            .first_input(JsonText)
            .second_input(JsonText)
            .output(JsonText)
            .config_schema(INTERVAL)
            .doc("Pairs of records of one key whose event times are at most `lower-ms` and \
                  `upper-ms` apart (the second minus the first), as the jq expression `select` \
                  makes them of {left, right}; .left + .right unless given.");
        plugin
            .keyed_two_input_process_with::<String, _, _, _, _, _>(
                "window-join",
                |config: WindowConfig| window_join(&config),
            )
            .first_input(JsonText)
            .second_input(JsonText)
            .output(JsonText)
            .config_schema(WINDOW_JOIN)
            .doc("Pairs of records of one key in one window, as the jq expression `select` makes \
                  them of {left, right}; .left + .right unless given.");
    },
}

#[cfg(test)]
mod tests;
