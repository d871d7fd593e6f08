//! What `sandbar bench` runs in the sandbox. The same functions as native operators are in the
//! binary (`bench/native.rs`), so that the two differ by the sandbox alone.

mod keyed;

use sandbar_sdk::prelude::*;
use sandbar_sdk::text::split;

/// Counts by key and emits every update, as Flink's `sum` does.
#[derive(Default)]
struct CountUpdates {
    count: ValueState<u64>,
}

impl KeyedProcessFunction<String, TextSlice, (TextSlice, u64)> for CountUpdates {
    fn open(&mut self, ctx: &RuntimeContext) -> Result<()> {
        self.count = ctx.value_state(ValueStateDescriptor::new("count"))?;
        Ok(())
    }

    fn process(
        &mut self,
        word: TextSlice,
        _ctx: &mut Context<String>,
        out: &mut Collector<(TextSlice, u64)>,
    ) -> Result<()> {
        let count = self.count.modify(|count| {
            let next = count.unwrap_or(0) + 1;
            *count = Some(next);
            next
        });
        out.collect((word, count));
        Ok(())
    }
}

/// Counts by key and emits nothing: the cost of state alone.
#[derive(Default)]
struct Count {
    count: ValueState<u64>,
}

impl KeyedProcessFunction<Vec<u8>, ByteSlice, Vec<u8>> for Count {
    fn open(&mut self, ctx: &RuntimeContext) -> Result<()> {
        self.count = ctx.value_state(ValueStateDescriptor::new("count"))?;
        Ok(())
    }

    fn process(
        &mut self,
        _value: ByteSlice,
        _ctx: &mut Context<Vec<u8>>,
        _out: &mut Collector<Vec<u8>>,
    ) -> Result<()> {
        self.count.modify(|count| *count = Some(count.unwrap_or(0) + 1));
        Ok(())
    }
}

/// Changes the first byte, so that a map cannot be optimised away.
fn bump(mut value: Vec<u8>) -> Vec<u8> {
    if let Some(first) = value.first_mut() {
        *first = first.wrapping_add(1);
    }
    value
}

sandbar_sdk::plugin! {
    name: "benchmarks",
    version: env!("CARGO_PKG_VERSION"),
    operators: |plugin| {
        plugin.map("map", bump).input(Bytes).output(Bytes).doc("Adds 1 to the first byte.");
        plugin
            .keyed_process("count", Count::default())
            .input(Bytes)
            .output(Bytes)
            .state("count", "value", "u64")
            .doc("Counts records by key and emits nothing.");
        plugin
            .flat_map("words", |line: TextSlice, out: &mut Collector<String>| {
                split(&line, b' ')
                    .filter(|word| !word.is_empty())
                    .for_each(|word| out.collect_str(word));
            })
            .input(Text)
            .output(Text)
            .doc("Splits lines at blanks.");
        plugin
            .keyed_process("count-updates", CountUpdates::default())
            .input(Text)
            .output(Compact)
            .state("count", "value", "u64")
            .doc("Counts records by key and emits every update.");
        keyed::describe(plugin);
    },
}
