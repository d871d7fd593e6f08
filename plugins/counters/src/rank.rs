//! Sorts counts when the input has ended.

use sandbar_sdk::prelude::*;
use serde::Deserialize;

/// Config of `rank`.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Config {
    /// How many lines to emit; all when it is not given.
    top: Option<usize>,
}

/// Keeps every line and emits the highest ones.
pub(crate) struct Rank {
    top: Option<usize>,
    counts: Vec<(String, u64)>,
}

impl Rank {
    pub(crate) fn new(config: Config) -> Rank {
        Rank { top: config.top, counts: Vec::new() }
    }
}

impl ProcessFunction<String, String> for Rank {
    fn process(
        &mut self,
        line: String,
        _ctx: &mut Context<Unkeyed>,
        _out: &mut Collector<String>,
    ) -> Result<()> {
        let wrong = || Error::bad_record("not a line of key<TAB>count");
        let (key, count) = line.rsplit_once('\t').ok_or_else(wrong)?;
        self.counts.push((key.to_owned(), count.parse().map_err(|_| wrong())?));
        Ok(())
    }

    fn finish(&mut self, _ctx: &mut Context<Unkeyed>, out: &mut Collector<String>) -> Result<()> {
        self.counts.sort_by(|(key, count), (other, others)| {
            others.cmp(count).then_with(|| key.cmp(other))
        });
        let shown = self.top.unwrap_or(self.counts.len());
        for (key, count) in self.counts.iter().take(shown) {
            out.collect(format!("{key}\t{count}"));
        }
        Ok(())
    }
}
