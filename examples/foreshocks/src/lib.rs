//! Foreshocks: earthquakes that were followed, within the hour and close by, by one that is ten
//! times as strong. A pattern over the records of a key, with keyed state and event time timers.
//!
//! Argument: the path of a file with an earthquake a line, in the order of time.

mod quake;
mod watch;

use quake::Quake;
use sandbar_sdk::prelude::*;
use watch::Watch;

sandbar_sdk::job! {
    fn foreshocks(env: &mut StreamExecutionEnvironment, args: &[String]) -> Result<()> {
        let path = args.first().ok_or_else(|| Error::fatal("give the path of a file"))?;
        let in_order = WatermarkStrategy::for_monotonous_timestamps()
            .with_timestamp_field("/time", TimestampFormat::Milliseconds);

        env.from_source_with_watermarks(FileSource::json::<Quake>(path), in_order, "quakes")
            // The pattern is one of order, which one subtask keeps up to the keyed operator.
            .set_parallelism(1)
            .filter(|quake| quake.kind == "earthquake")
            .name("no explosions")
            .set_parallelism(1)
            .key_by(Quake::cell)
            .process(Watch::default())
            .name("watch")
            .uid("watch")
            .sink_to(PrintSink::text())
            .name("print")
            .set_parallelism(1);
        Ok(())
    }
}
