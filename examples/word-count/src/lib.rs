//! Counts the words of a text: lines are split into words, words are counted by key, and when the
//! text has ended the most frequent ones are printed.
//!
//! Arguments: the path of the text, and how many words to print (20, or `all`).

mod final_counts;
mod ranking;

use final_counts::FinalCounts;
use ranking::Ranking;
use sandbar_sdk::prelude::*;

sandbar_sdk::job! {
    fn word_count(env: &mut StreamExecutionEnvironment, args: &[String]) -> Result<()> {
        let path = args.first().ok_or_else(|| Error::fatal("give the path of a text file"))?;
        let top = ranking::parse_top(args.get(1).map_or("20", String::as_str))?;

        env.from_source(FileSource::text(path), "lines")
            .flat_map(|line, out| split(&line, |word| out.collect(word)))
            .name("split")
            .key_by(|word| word.clone())
            .process(FinalCounts::default())
            .name("count")
            .global()
            .process(Ranking::new(top))
            .name("rank")
            .set_parallelism(1)
            .sink_to(PrintSink::text())
            .name("print")
            .set_parallelism(1);
        Ok(())
    }
}

/// A word is a maximal run of ASCII letters, in lower case.
fn split(line: &str, found: impl FnMut(String)) {
    line.split(|letter: char| !letter.is_ascii_alphabetic())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .for_each(found);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_runs_of_letters_in_lower_case() {
        let mut words = Vec::new();
        split("The _Rays_ of Phænomena, 2nd", |word| words.push(word));
        assert_eq!(words, ["the", "rays", "of", "ph", "nomena", "nd"]);
    }
}
