//! The jobs of `sandbar bench skew`: sums by key of pairs of which most have one key, in one phase,
//! in two, and in two with salt. All but the settings of the two phases is the same.

mod last;
mod pairs;

use std::time::Duration;

use sandbar_sdk::prelude::*;
use sandbar_sdk::{KeyValue, Sink, Source};
use serde::Deserialize;

use crate::last::Last;
use crate::pairs::Pairs;

/// A key and a number.
type Pair = (u64, u64);

/// What to do, as the one argument tells it in JSON.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Settings {
    work: Work,
    run: Phases,
    records: u64,
    keys: u64,
    hot_share: f64,
    /// Records in a second of event time.
    rate: u64,
    salts: u32,
    /// Print the last result of each key and time, in place of dropping all results.
    prints: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Work {
    /// A sum by key, every update of which is emitted.
    Sum,
    /// Sums of tumbling windows of 10 s.
    Tumble,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Phases {
    Off,
    TwoPhase,
    TwoPhaseSalt,
}

const WINDOW: Duration = Duration::from_secs(10);
/// How far watermarks are behind.
const OUT_OF_ORDERNESS: Duration = Duration::from_secs(1);

sandbar_sdk::job!(define);

fn define(env: &mut StreamExecutionEnvironment, arguments: &[String]) -> Result<()> {
    let argument = arguments.first().map_or("", String::as_str);
    let settings: Settings = serde_json::from_str(argument)
        .map_err(|error| Error::from(error).context("reading the one argument").into_fatal())?;
    let source: Source<Pair> = Source::with_codec("datagen", Pairs)
        .option("format", "bytes")
        .option("count", settings.records)
        .option("keys", settings.keys)
        .option("hot-share", settings.hot_share)
        .option("timestamp-rate", settings.rate);
    let strategy = WatermarkStrategy::for_bounded_out_of_orderness(OUT_OF_ORDERNESS);
    let keyed = env.from_source_with_watermarks(source, strategy, "pairs").key_by(|(key, _)| *key);
    let phases = match settings.run {
        Phases::Off => None,
        Phases::TwoPhase => Some(TwoPhase::new()),
        Phases::TwoPhaseSalt => Some(TwoPhase::new().salt(settings.salts)),
    };
    let with_windows = matches!(settings.work, Work::Tumble);
    let sums = match settings.work {
        Work::Sum => sums(&keyed, phases),
        Work::Tumble => windows(&keyed, phases),
    };
    if settings.prints {
        sums.process(Last::new(with_windows)).sink_to(PrintSink::text());
    } else {
        sums.sink_to(Sink::with_codec("discard", Pairs));
    }
    Ok(())
}

fn sums(keyed: &KeyedStream<u64, Pair>, phases: Option<TwoPhase>) -> DataStream<Pair> {
    let number = |pair: &Pair| pair.1;
    let sums = match phases {
        None => keyed.sum(number),
        Some(phases) => keyed.two_phase(phases).sum(number),
    };
    sums.name("sums").map(|sum: KeyValue<u64, u64>| (sum.key, sum.value))
}

fn windows(keyed: &KeyedStream<u64, Pair>, phases: Option<TwoPhase>) -> DataStream<Pair> {
    let windows = keyed.window(TumblingEventTimeWindows::of(WINDOW));
    let windows = match phases {
        None => windows,
        Some(phases) => windows.two_phase(phases),
    };
    windows.reduce(|sum, pair| (sum.0, sum.1 + pair.1)).name("sums")
}
