//! The ranking: all counts in one place, sorted when the input has ended.

use sandbar_sdk::prelude::*;

/// How many words to print; none prints all.
pub(crate) fn parse_top(text: &str) -> Result<Option<usize>> {
    match text {
        "all" => Ok(None),
        number => number.parse().map(Some).map_err(|_| {
            Error::fatal(format!("the number of words is {number:?} but must be a number or all"))
        }),
    }
}

/// Keeps every word's count and emits the highest ones as `word<TAB>count`.
pub(crate) struct Ranking {
    top: Option<usize>,
    counts: Vec<(String, u64)>,
}

impl Ranking {
    pub(crate) fn new(top: Option<usize>) -> Ranking {
        Ranking { top, counts: Vec::new() }
    }
}

impl ProcessFunction<(String, u64), String> for Ranking {
    fn process(
        &mut self,
        counted: (String, u64),
        _ctx: &mut Context<Unkeyed>,
        _out: &mut Collector<String>,
    ) -> Result<()> {
        self.counts.push(counted);
        Ok(())
    }

    fn finish(&mut self, _ctx: &mut Context<Unkeyed>, out: &mut Collector<String>) -> Result<()> {
        self.counts.sort_by(|(word, count), (other, others)| {
            others.cmp(count).then_with(|| word.cmp(other))
        });
        let shown = self.top.unwrap_or(self.counts.len());
        for (word, count) in self.counts.iter().take(shown) {
            out.collect(format!("{word}\t{count}"));
        }
        if self.top.is_some() {
            let total: u64 = self.counts.iter().map(|(_, count)| count).sum();
            out.collect(format!("{} words, {} of them different", total, self.counts.len()));
        }
        Ok(())
    }
}
