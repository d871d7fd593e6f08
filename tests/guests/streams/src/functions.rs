//! The functions of the job.

use sandbar_sdk::prelude::*;
use serde::{Deserialize, Serialize};

/// The watermark of a stream that has ended reaches this timer.
const END_OF_TIME: i64 = i64::MAX;

/// Rows with a number above a hundred.
pub(crate) const LARGE: OutputTag<Row> = OutputTag::new("large");

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) number: u64,
}

pub(crate) fn first_letter(row: &Row) -> String {
    row.name.chars().take(1).collect()
}

pub(crate) struct Parse;

impl ProcessFunction<String, Row> for Parse {
    fn process(
        &mut self,
        line: String,
        ctx: &mut Context<Unkeyed>,
        out: &mut Collector<Row>,
    ) -> Result<()> {
        let (name, number) =
            line.split_once(',').ok_or_else(|| Error::bad_record("it has no comma"))?;
        let row = Row { name: name.to_owned(), number: number.parse()? };
        if row.number > 100 {
            ctx.output(&LARGE, row.clone());
        }
        out.collect(row);
        Ok(())
    }
}

/// Says how many rows a subtask was given.
#[derive(Default)]
pub(crate) struct Share {
    rows: u64,
}

impl ProcessFunction<Row, String> for Share {
    fn process(
        &mut self,
        _row: Row,
        _ctx: &mut Context<Unkeyed>,
        _out: &mut Collector<String>,
    ) -> Result<()> {
        self.rows += 1;
        Ok(())
    }

    fn finish(&mut self, ctx: &mut Context<Unkeyed>, out: &mut Collector<String>) -> Result<()> {
        out.collect(format!("{} in subtask {}", self.rows, ctx.runtime().subtask().index));
        Ok(())
    }
}

/// Counts lines and rows by first letter.
#[derive(Default)]
pub(crate) struct Both {
    counts: ValueState<(u64, u64)>,
}

impl Both {
    fn add(&self, ctx: &Context<String>, lines: u64, rows: u64) -> Result<()> {
        ctx.register_event_time_timer(END_OF_TIME)?;
        let before = self.counts.value().unwrap_or_default();
        self.counts.update((before.0 + lines, before.1 + rows));
        Ok(())
    }
}

impl KeyedTwoInputProcessFunction<String, String, Row, String> for Both {
    fn open(&mut self, ctx: &RuntimeContext) -> Result<()> {
        self.counts = ctx.value_state(ValueStateDescriptor::new("counts"))?;
        Ok(())
    }

    fn process_first(
        &mut self,
        _line: String,
        ctx: &mut Context<String>,
        _out: &mut Collector<String>,
    ) -> Result<()> {
        self.add(ctx, 1, 0)
    }

    fn process_second(
        &mut self,
        _row: Row,
        ctx: &mut Context<String>,
        _out: &mut Collector<String>,
    ) -> Result<()> {
        self.add(ctx, 0, 1)
    }

    fn on_timer(
        &mut self,
        _timer: &Timer,
        ctx: &mut Context<String>,
        out: &mut Collector<String>,
    ) -> Result<()> {
        let (lines, rows) = self.counts.value().unwrap_or_default();
        out.collect(format!("{} {lines} {rows}", ctx.current_key()));
        Ok(())
    }
}
