//! Jobs over event time of keyed operators, which tests in `tests/jobs` compare with results worked
//! out by hand or by a model. The first argument names the job, the second is a file of events in
//! JSON, or a port to read them from, or `paced RATE COUNT` for made-up ones at that many a second;
//! they are at most 50 ms out of order.

mod clock;
mod falls;
mod hoard;
mod jumps;
mod states;
mod streams;
mod timers;

use std::time::Duration;

use sandbar_sdk::prelude::*;
use serde::{Deserialize, Serialize};

/// One line of the input.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Event {
    at: i64,
    key: String,
    value: i64,
}

/// By how much events may be out of order.
const BOUND: Duration = Duration::from_millis(50);

/// The events with their timestamps.
fn events(env: &mut StreamExecutionEnvironment, path: &str) -> DataStream<Event> {
    let strategy = WatermarkStrategy::for_bounded_out_of_orderness(BOUND)
        .with_timestamp_field("/at", TimestampFormat::Milliseconds);
    let words: Vec<&str> = path.split(' ').collect();
    let source = match (&words[..], path.parse()) {
        (["paced", rate, count], _) => clock::paced(rate, count),
        (_, Ok(port)) => SocketSource::json("127.0.0.1", port),
        (_, Err(_)) => FileSource::json(path).option("split-size", "2 KiB"),
    };
    env.from_source_with_watermarks(source, strategy, "events")
}

sandbar_sdk::job! {
    fn keyed(env: &mut StreamExecutionEnvironment, args: &[String]) -> Result<()> {
        let [job, path, rest @ ..] = args else {
            return Err(Error::fatal("give a job and a file of events"));
        };
        let events = events(env, path);
        let keyed = events.key_by(|event| event.key.clone());
        match (job.as_str(), rest) {
            ("windows", []) => streams::windows(&keyed),
            ("join", []) => streams::join(&events),
            ("groups", []) => streams::groups(&events),
            ("late", [late]) => streams::late(&keyed, Some(late)),
            ("late", []) => streams::late(&keyed, None),
            ("count", []) => streams::count(&keyed),
            ("sum", []) => streams::sum(&keyed),
            ("hoard", [kind]) => hoard::run(&keyed, kind),
            ("falls", []) => falls::run(&keyed),
            ("jumps", []) => jumps::run(&keyed),
            ("timers", []) => timers::run(&keyed),
            ("clock", [ahead_ms]) => clock::run(&events, ahead_ms.parse()?, None),
            ("clock", [ahead_ms, fails_at]) => {
                clock::run(&events, ahead_ms.parse()?, Some(fails_at.parse()?));
            }
            ("states", []) => states::run(&keyed, None),
            ("states", [ttl_ms]) => {
                states::run(&keyed, Some(Duration::from_millis(ttl_ms.parse()?)));
            }
            (other, _) => return Err(Error::fatal(format!("there is no job '{other}'"))),
        }
        Ok(())
    }
}
