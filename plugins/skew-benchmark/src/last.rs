//! What is compared between runs: the last result of each key, and with windows of each window.

use std::collections::BTreeMap;

use sandbar_sdk::prelude::*;

use crate::Pair;

/// Keeps the last result of each key; with windows, of each key and window. Prints them in the end.
pub(crate) struct Last {
    with_windows: bool,
    results: BTreeMap<(i64, u64), u64>,
}

impl Last {
    pub(crate) fn new(with_windows: bool) -> Last {
        Last { with_windows, results: BTreeMap::new() }
    }
}

impl ProcessFunction<Pair, String> for Last {
    fn process(
        &mut self,
        (key, sum): Pair,
        ctx: &mut Context<Unkeyed>,
        _out: &mut Collector<String>,
    ) -> Result<()> {
        // The timestamp of a result is the last of its window; that of an update is of no account.
        let window = ctx.timestamp().filter(|_| self.with_windows).unwrap_or(0);
        let before = self.results.insert((window, key), sum);
        match before {
            Some(before) if self.with_windows => Err(Error::fatal(format!(
                "two results of key {key} in the window up to {window}: {before} and {sum}"
            ))),
            Some(_) | None => Ok(()),
        }
    }

    fn finish(&mut self, _ctx: &mut Context<Unkeyed>, out: &mut Collector<String>) -> Result<()> {
        for ((window, key), sum) in &self.results {
            out.collect(format!("{window} {key} {sum}"));
        }
        Ok(())
    }
}
