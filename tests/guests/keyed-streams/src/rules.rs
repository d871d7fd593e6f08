//! Values by key, and rules that are broadcast: each pair of a value and a rule comes out once,
//! whichever comes first, and in the end each key tells all rules.

use sandbar_sdk::prelude::*;

/// Values wait for rules, and rules for values.
#[derive(Default)]
struct Pairs {
    values: ListState<u64>,
    rules: BroadcastState<String, u64>,
}

fn shown(key: &str, value: u64, rule: &str, factor: u64) -> String {
    format!("{key} {value} {rule} {}", value * factor)
}

impl KeyedBroadcastProcessFunction<String, (String, u64), (String, u64), String> for Pairs {
    fn open(&mut self, ctx: &RuntimeContext) -> Result<()> {
        self.values = ctx.list_state(ListStateDescriptor::new("values"))?;
        self.rules = ctx.broadcast_state("rules")?;
        Ok(())
    }

    fn process_element(
        &mut self,
        (key, value): (String, u64),
        ctx: &mut Context<String>,
        out: &mut Collector<String>,
    ) -> Result<()> {
        self.values.add(value);
        for (rule, factor) in self.rules.entries()? {
            out.collect(shown(&key, value, &rule, factor));
        }
        ctx.register_event_time_timer(1000)
    }

    fn process_broadcast_element(
        &mut self,
        (rule, factor): (String, u64),
        ctx: &mut BroadcastContext<'_, String>,
        out: &mut Collector<String>,
    ) -> Result<()> {
        self.rules.put(&rule, factor)?;
        ctx.apply_to_keyed_state(&self.values, |key, values| {
            for value in values.get() {
                out.collect(shown(key, value, &rule, factor));
            }
            Ok(())
        })
    }

    fn on_timer(
        &mut self,
        _timer: &Timer,
        ctx: &mut Context<String>,
        out: &mut Collector<String>,
    ) -> Result<()> {
        let rules: Vec<String> = self.rules.entries()?.into_iter().map(|(rule, _)| rule).collect();
        out.collect(format!("{} knows {}", ctx.current_key(), rules.join(" ")));
        Ok(())
    }
}

/// Reads `name,number`.
fn parse(line: String) -> Result<(String, u64)> {
    let (name, number) = line.split_once(',').ok_or_else(|| Error::bad_record("no comma"))?;
    Ok((name.to_owned(), number.parse()?))
}

pub(super) fn define(
    env: &mut StreamExecutionEnvironment,
    values: &str,
    rules: &str,
) -> Result<()> {
    let small = |path| FileSource::text(path).option("split-size", "64");
    let values = env.from_source(small(values), "values").try_map(parse).name("parse values");
    let rules = env.from_source(small(rules), "rules").try_map(parse).name("parse rules");
    values
        .key_by(|(key, _)| key.clone())
        .connect_broadcast(&rules)
        .process(Pairs::default())
        .name("pairs")
        .sink_to(PrintSink::text());
    Ok(())
}
