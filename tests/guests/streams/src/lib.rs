//! A job written in code that uses what the other jobs in code do not: side outputs, dead letters,
//! a partitioner, a union of formats, connected streams. Its argument is a file of lines
//! `name,number`; `tests/jobs/tests/streams.rs` says what comes out.

mod functions;

use functions::{Both, LARGE, Parse, Row, Share};
use sandbar_sdk::prelude::*;

/// Names a line for the test.
fn labelled<T: Data + std::fmt::Display>(stream: &DataStream<T>, label: &'static str) {
    stream.map(move |record| format!("{label}: {record}")).name(label).sink_to(PrintSink::text());
}

sandbar_sdk::job! {
    fn streams(env: &mut StreamExecutionEnvironment, args: &[String]) -> Result<()> {
        let path = args.first().ok_or_else(|| Error::fatal("give the path of a file"))?;
        let lines = env.from_source(FileSource::text(path), "lines");
        let rows = lines.process(Parse).name("parse");
        labelled(&rows.side_output(&LARGE).map(|row| row.name), "large");
        let unparsed = rows.dead_letters();
        let shown = |letter: DeadLetter| {
            let value = letter.value.unwrap_or_default();
            format!("\"{value}\": {}", letter.message)
        };
        labelled(&unparsed.map(shown), "bad");

        // The subtask is the number, modulo how many there are.
        let dealt = rows.partition_custom(|number: u64, of| (number % u64::from(of)) as u32, |row| {
            row.number
        });
        labelled(&dealt.process(Share::default()).name("share").set_parallelism(3), "share");

        // What a source gives and what an operator makes, as one stream.
        let names = rows.map(|row| row.name).name("names");
        labelled(&lines.union(&names).filter(|name| name.len() < 4).name("short"), "short");

        let both = lines
            .connect(&rows)
            .key_by(|line| line.chars().take(1).collect::<String>(), functions::first_letter)
            .process(Both::default());
        labelled(&both.name("both"), "both");

        let wide = rows.broadcast().map(|row: Row| row.number).set_parallelism(2).name("wide");
        labelled(&wide.key_by(|number| *number).sum(|number| *number).name("sum"), "sum");

        if args.get(1).is_some_and(|argument| argument == "refuse-rows") {
            refuse_rows(&rows);
        }
        Ok(())
    }
}

/// Dead letters of records in the plugin's own format, which is not UTF-8.
fn refuse_rows(rows: &DataStream<Row>) {
    let small = rows.try_map(|row: Row| match row.number {
        0..=100 => Ok(row.name),
        number => Err(Error::bad_record(format!("{number} is large"))),
    });
    labelled(&small.name("small").dead_letters().map(|letter| letter.message), "refused");
}
