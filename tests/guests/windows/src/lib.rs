//! A job written in code of many windowed streams at once, which `tests/jobs/tests/windows`
//! compares with a model. Its arguments: the port of lines, that of an input that is idle or `-`,
//! and the cases in JSON.
//!
//! A line `case key at value watermark..` is an element of a case and the watermarks behind it; a
//! line `barrier key..` is an element of each case and key that windows refuse, so that the reader
//! of dead letters knows when all before it has been processed.

mod guarded;
mod windowed;

use std::time::Duration;

use sandbar_sdk::prelude::*;
use serde::{Deserialize, Serialize};
use window_model::pieces::Event;
use window_model::setup::Setup;

/// How long an input without elements is waited for, by the test's clock.
const IDLE_TIMEOUT: Duration = Duration::from_millis(1);

/// One windowed stream.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Case {
    /// In front of its lines.
    pub(crate) label: String,
    pub(crate) setup: Setup,
    /// Whether the function is given all elements, rather than what they aggregate to.
    pub(crate) process: bool,
    /// Whether late elements go to a side output.
    pub(crate) tagged: bool,
    pub(crate) parallelism: u32,
    /// Whether barriers are told.
    pub(crate) barriers: bool,
    /// Whether the stream is united with the idle input.
    pub(crate) idle: bool,
}

/// An element and the watermarks that follow it.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Line {
    at: i64,
    event: Event,
    watermarks: Vec<i64>,
}

/// Emits the watermarks that a line says.
struct AsWritten;

impl WatermarkGenerator<Line> for AsWritten {
    fn on_event(&mut self, line: &Line, _timestamp: i64, output: &mut WatermarkOutput<'_>) {
        line.watermarks.iter().for_each(|watermark| output.emit_watermark(*watermark));
    }
}

/// The elements of a case.
fn read(line: &str, label: &str, barriers: bool, out: &mut Collector<Line>) -> Result<()> {
    let mut words = line.split(' ');
    let first = words.next().unwrap_or_default();
    let numbers = words.map(|word| word.parse().map_err(|_| Error::bad_record(line)));
    if first == "barrier" && barriers {
        for key in numbers {
            let event = Event { key: key? as u8, values: Vec::new() };
            out.collect(Line { at: 0, event, watermarks: Vec::new() });
        }
    } else if first == label {
        let numbers = numbers.collect::<Result<Vec<i64>>>()?;
        let [key, at, value, watermarks @ ..] = &numbers[..] else {
            return Err(Error::bad_record(line));
        };
        let event = Event { key: *key as u8, values: vec![*value] };
        out.collect(Line { at: *at, event, watermarks: watermarks.to_vec() });
    }
    Ok(())
}

/// The stream of a case's elements, made where the lines are read.
fn elements(lines: &DataStream<String>, case: &Case) -> DataStream<Event> {
    let (label, barriers) = (case.label.clone(), case.barriers);
    let as_written = WatermarkStrategy::for_generator(AsWritten)
        .with_timestamp_assigner(|line: &Line, _| line.at);
    lines
        .try_flat_map(move |line: String, out| read(&line, &label, barriers, out))
        .name(&format!("read {}", case.label))
        .set_parallelism(1)
        .assign_timestamps_and_watermarks(as_written)
        .name(&format!("time {}", case.label))
        .set_parallelism(1)
        .map(|line| line.event)
        .name(&format!("events {}", case.label))
        .set_parallelism(1)
}

sandbar_sdk::job! {
    fn windows(env: &mut StreamExecutionEnvironment, args: &[String]) -> Result<()> {
        let [lines_port, idle_port, cases] = args else {
            return Err(Error::fatal("give a port, that of an idle input or -, and cases"));
        };
        let lines =
            env.from_source(SocketSource::text("127.0.0.1", lines_port.parse()?), "lines");
        let idle = match idle_port.as_str() {
            "-" => None,
            port => {
                let source = SocketSource::text("127.0.0.1", port.parse()?);
                let strategy = WatermarkStrategy::for_monotonous_timestamps()
                    .with_idleness(IDLE_TIMEOUT);
                let silent = env.from_source_with_watermarks(source, strategy, "idle");
                Some(silent.flat_map(|_, _| ()).name("silent").set_parallelism(1))
            }
        };
        let read: Vec<Case> =
            serde_json::from_str(cases).map_err(|error| Error::fatal(error.to_string()))?;
        for case in read {
            let elements = elements(&lines, &case);
            match &idle {
                Some(silent) if case.idle => windowed::run(&elements.union(silent), &case),
                _ => windowed::run(&elements, &case),
            }
        }
        Ok(())
    }
}
