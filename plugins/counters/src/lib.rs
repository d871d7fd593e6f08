//! Counting operators for job files: `count` counts records by key until the input ends, `rank`
//! sorts such counts.

mod count;
mod rank;

use sandbar_sdk::prelude::*;

sandbar_sdk::plugin! {
    name: "counters",
    version: env!("CARGO_PKG_VERSION"),
    operators: |plugin| {
        plugin
            .keyed_process("count", count::Count::default())
            .input(Text)
            .output(Text)
            .state("count", "value", "u64")
            .doc("Counts records by key; emits key<TAB>count for each key when the input ends.");
        plugin
            .process_with("rank", |config: rank::Config| Ok(rank::Rank::new(config)))
            .input(Text)
            .output(Text)
            .config_schema(
                r#"{"type":"object","additionalProperties":false,
                    "properties":{"top":{"type":"integer","minimum":1}}}"#,
            )
            .doc("Sorts key<TAB>count lines, highest count first, when the input ends.");
    },
}
