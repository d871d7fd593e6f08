//! The `datagen` source: made-up records, as JSON objects, lines of words or pairs of numbers.
//!
//! Law: record n is a pure function of the options and n, and subtask s of P makes the records
//! s, s + P, s + 2P, ..., so the same records come at any parallelism.

mod fields;
mod random;
mod reader;
mod words;

use std::ops::Range;
use std::sync::Arc;

use sandbar_model::time::NO_TIMESTAMP;
use serde::{Deserialize, Serialize};

use crate::error::ConnectorError;
use crate::options::{OptionKind, OptionSpec, Options};
use crate::source::{ReaderContext, Source, SourceReader, Split, SplitEnumerator};

use fields::Fields;
use random::{Random, Seed};
use reader::DatagenReader;
use words::Words;

pub(crate) const OPTIONS: &[OptionSpec] = &[
    OptionSpec::optional("count", OptionKind::Integer, "Number of records; unset for no end."),
    OptionSpec::optional(
        "rate",
        OptionKind::Number,
        "Records per second, over all subtasks; unset for as fast as possible. What is late is \
         caught up with.",
    ),
    OptionSpec::defaulted(
        "seed",
        OptionKind::Integer,
        "0",
        "Other seeds make other records; the same seed makes the same.",
    ),
    OptionSpec::defaulted(
        "format",
        OptionKind::OneOf(&["json", "text", "bytes"]),
        "json",
        "json: objects with the members in 'fields'. text: lines of words. bytes: 16 bytes, a \
         random key below 'keys' and the record's number, both little-endian.",
    ),
    OptionSpec::optional(
        "fields",
        OptionKind::Json,
        "json: a table from member to {kind, ...}, where kind is sequence (start = 0, step = 1), \
         random-int (min, max), random-float (min, max), random-string (length), random-bool, \
         one-of (values), constant (value), timestamp or now (the clock in milliseconds, so \
         different in every run). By default {id = {kind = \"sequence\"}}.",
    ),
    OptionSpec::defaulted("words-per-line", OptionKind::Integer, "8", "text: words of a line."),
    OptionSpec::defaulted(
        "vocabulary",
        OptionKind::Json,
        "10000",
        "text: a list of words, the most frequent first, or how many words to make up.",
    ),
    OptionSpec::defaulted(
        "zipf",
        OptionKind::Number,
        "1",
        "text: the k-th word comes with a frequency of 1 / k^zipf; 0 makes all alike.",
    ),
    OptionSpec::defaulted("keys", OptionKind::Integer, "1000", "bytes: how many keys there are."),
    OptionSpec::defaulted(
        "hot-share",
        OptionKind::Number,
        "0",
        "bytes: the share of the records, from 0 to 1, whose key is 0; the others have a random \
         one.",
    ),
    OptionSpec::optional(
        "timestamp-start",
        OptionKind::Integer,
        "Event time of record 0, in milliseconds since the Unix epoch; 0 if only the interval or \
         the rate is set. Records have no timestamp if none of them is.",
    ),
    OptionSpec::defaulted(
        "timestamp-interval-ms",
        OptionKind::Integer,
        "1",
        "Event time between two records, in milliseconds.",
    ),
    OptionSpec::optional(
        "timestamp-rate",
        OptionKind::Integer,
        "Records in a second of event time, instead of the interval.",
    ),
];

/// The options that go with one format only.
const OF_FORMAT: [(&str, &[&str]); 3] = [
    ("json", &["fields"]),
    ("text", &["words-per-line", "vocabulary", "zipf"]),
    ("bytes", &["keys", "hot-share"]),
];

pub(crate) fn open(options: &Options<'_>) -> Result<Box<dyn Source>, ConnectorError> {
    let chosen = options.choice("format")?;
    for (format, names) in OF_FORMAT {
        if format != chosen
            && let Some(name) = names.iter().find(|name| options.is_set(name))
        {
            let expected = format!("it only goes with the format {format}; leave it out");
            return Err(options.invalid(name, expected));
        }
    }
    let timestamps = Timestamps::new(options)?;
    let content = match chosen {
        "json" => Content::Json(Fields::new(options, timestamps.is_some())?),
        "text" => Content::Text(Words::new(options)?),
        _ => Content::Pairs(Pairs::new(options)?),
    };
    let expected = "it must be a number of at least 1e-9, which is a record in 31 years";
    let rate =
        options.is_set("rate").then(|| options.number("rate", expected, |rate| rate >= RATE_MIN));
    let count = options.is_set("count").then(|| options.integer("count", 0..=i64::MAX));
    Ok(Box::new(DatagenSource(Arc::new(Settings {
        count: count.transpose()?.map(|count| count as u64),
        rate: rate.transpose()?,
        seed: Seed::new(options.integer("seed", i64::MIN..=i64::MAX)? as u64),
        timestamps,
        content,
    }))))
}

/// Records per second, at least: the time of each must be one that there is.
const RATE_MIN: f64 = 1e-9;

struct Settings {
    /// None: no end.
    count: Option<u64>,
    /// Records per second over all subtasks; none: as fast as possible.
    rate: Option<f64>,
    seed: Seed,
    timestamps: Option<Timestamps>,
    content: Content,
}

impl Settings {
    /// Appends the bytes of record `n`, made at `now_ms`, and returns its timestamp. `last` is that
    /// of a record before it.
    #[inline]
    fn write(&self, n: u64, now_ms: i64, last: &mut Stamp, out: &mut Vec<u8>) -> i64 {
        let timestamp =
            self.timestamps.map_or(NO_TIMESTAMP, |timestamps| timestamps.after(last, n));
        let mut random = Random::new(self.seed, n);
        match &self.content {
            Content::Json(fields) => fields.write(n, timestamp, now_ms, &mut random, out),
            Content::Text(words) => words.write(&mut random, out),
            Content::Pairs(pairs) => pairs.write(n, &mut random, out),
        }
        timestamp
    }
}

enum Content {
    Json(Fields),
    Text(Words),
    Pairs(Pairs),
}

/// A key and the number of the record.
struct Pairs {
    keys: u64,
    /// Of 2^53 draws, those that make the key 0.
    hot: u64,
}

/// Draws of [`Pairs::hot`]: as many as a share tells apart.
const DRAWS: u64 = 1 << 53;

impl Pairs {
    fn new(options: &Options<'_>) -> Result<Pairs, ConnectorError> {
        let keys = options.integer("keys", 1..=i64::MAX)? as u64;
        let is_share = |share: f64| (0.0..=1.0).contains(&share);
        let share = options.number("hot-share", "it must be a number from 0 to 1", is_share)?;
        Ok(Pairs { keys, hot: (share * DRAWS as f64) as u64 })
    }

    #[inline]
    fn write(&self, n: u64, random: &mut Random, out: &mut Vec<u8>) {
        let key = random.below(self.keys);
        let is_hot = self.hot > 0 && random.below(DRAWS) < self.hot;
        let mut pair = [0; 16];
        pair[..8].copy_from_slice(&(if is_hot { 0 } else { key }).to_le_bytes());
        pair[8..].copy_from_slice(&n.to_le_bytes());
        out.extend_from_slice(&pair);
    }
}

#[derive(Clone, Copy)]
struct Timestamps {
    start_ms: i64,
    pace: Pace,
}

/// A timestamp and the numbers of the records that have it: to divide for each record would take
/// longer than all else that is done for it.
#[derive(Clone, Debug, Default)]
struct Stamp {
    timestamp: i64,
    records: Range<u64>,
}

/// How event time goes on.
#[derive(Clone, Copy, Debug)]
enum Pace {
    /// Milliseconds from record to record.
    Interval(i64),
    /// Records in a second.
    Rate(i64),
}

impl Timestamps {
    fn new(options: &Options<'_>) -> Result<Option<Timestamps>, ConnectorError> {
        let has_start = options.is_set("timestamp-start");
        let (has_interval, has_rate) =
            (options.is_set("timestamp-interval-ms"), options.is_set("timestamp-rate"));
        if has_interval && has_rate {
            let expected = "it stands for timestamp-interval-ms: set one of them".to_owned();
            return Err(options.invalid("timestamp-rate", expected));
        }
        if !has_start && !has_interval && !has_rate {
            return Ok(None);
        }
        let start_ms = if has_start {
            options.integer("timestamp-start", i64::MIN + 1..=i64::MAX)?
        } else {
            0
        };
        let pace = if has_rate {
            Pace::Rate(options.integer("timestamp-rate", 1..=i64::MAX)?)
        } else {
            Pace::Interval(options.integer("timestamp-interval-ms", 0..=i64::MAX)?)
        };
        Ok(Some(Timestamps { start_ms, pace }))
    }

    /// The timestamp of record `n`, which mostly has the same as a record before it.
    #[inline]
    fn after(self, last: &mut Stamp, n: u64) -> i64 {
        if !last.records.contains(&n) {
            *last = self.stamp(n);
        }
        last.timestamp
    }

    fn stamp(self, n: u64) -> Stamp {
        let timestamp = self.of(n);
        let end = match self.pace {
            Pace::Interval(_) => None,
            // The first whose milliseconds since the start are one more.
            Pace::Rate(rate) => i64::try_from(n).ok().and_then(|n| {
                let next_ms = (n.checked_mul(1000)? / rate).checked_add(1)?;
                u64::try_from(next_ms.checked_mul(rate)?).ok().map(|end| end.div_ceil(1000))
            }),
        };
        Stamp { timestamp, records: n..end.unwrap_or(n.saturating_add(1)) }
    }

    fn of(self, n: u64) -> i64 {
        let n = i64::try_from(n).unwrap_or(i64::MAX);
        let since_start = match self.pace {
            Pace::Interval(milliseconds) => n.saturating_mul(milliseconds),
            Pace::Rate(rate) => n.saturating_mul(1000) / rate,
        };
        self.start_ms.saturating_add(since_start)
    }
}

struct DatagenSource(Arc<Settings>);

impl Source for DatagenSource {
    fn format(&self) -> &str {
        match self.0.content {
            Content::Json(_) => "json",
            Content::Text(_) => "text",
            Content::Pairs(_) => "bytes",
        }
    }

    fn is_bounded(&self) -> bool {
        self.0.count.is_some()
    }

    fn waits(&self) -> bool {
        self.0.rate.is_some()
    }

    fn enumerator(&self, parallelism: u32) -> Result<Box<dyn SplitEnumerator>, ConnectorError> {
        Ok(Box::new(DatagenEnumerator { parallelism, dealt: vec![false; parallelism as usize] }))
    }

    fn reader(&self, ctx: ReaderContext) -> Result<Box<dyn SourceReader>, ConnectorError> {
        Ok(Box::new(DatagenReader::new(Arc::clone(&self.0), ctx.clock)))
    }
}

/// The records `next`, `next + step`, `next + 2 * step`, ...
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RecordRange {
    next: u64,
    step: u64,
}

/// Gives every subtask the one split of its own.
struct DatagenEnumerator {
    parallelism: u32,
    dealt: Vec<bool>,
}

impl SplitEnumerator for DatagenEnumerator {
    fn next_split(&mut self, subtask: u32) -> Result<Option<Split>, ConnectorError> {
        match self.dealt.get_mut(subtask as usize) {
            Some(dealt) if !*dealt => *dealt = true,
            Some(_) | None => return Ok(None),
        }
        let range =
            RecordRange { next: u64::from(subtask), step: u64::from(self.parallelism.max(1)) };
        let id = format!("{subtask}-of-{}", self.parallelism);
        Ok(Some(Split::encode(id, &range)))
    }

    fn restart(&mut self, parallelism: u32) {
        *self = DatagenEnumerator { parallelism, dealt: vec![false; parallelism as usize] };
    }
}

#[cfg(test)]
mod tests;
