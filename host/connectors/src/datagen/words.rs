//! Lines of words, whose frequencies follow Zipf's law as those of a language do.

use std::sync::OnceLock;

use serde_json::Value;

use super::random::Random;
use crate::error::ConnectorError;
use crate::options::Options;

/// The most words of a vocabulary; each costs about 45 bytes.
const VOCABULARY_MAX: u64 = 1_000_000;

/// The most words of a line.
const WORDS_PER_LINE_MAX: i64 = 10_000;

const CONSONANTS: &[u8] = b"bcdfghjklmnprstvwxyz";
const VOWELS: &[u8] = b"aeiou";

pub(super) struct Words {
    per_line: usize,
    vocabulary: Vocabulary,
    exponent: f64,
    /// Made with the first line: a source is also opened to be looked at, once for each that a job
    /// has, and a vocabulary takes milliseconds.
    table: OnceLock<Table>,
}

/// What words there are.
enum Vocabulary {
    Listed(Vec<Box<[u8]>>),
    MadeUp(usize),
}

/// The words and how to draw one.
struct Table {
    words: Vec<Box<[u8]>>,
    /// For each word, how likely it or one in front of it is.
    cumulative: Vec<f64>,
    /// For each of as many equal parts of the range from 0 to 1, the word at its start.
    guide: Vec<u32>,
}

impl Words {
    pub(super) fn new(options: &Options<'_>) -> Result<Words, ConnectorError> {
        let vocabulary = match options.json("vocabulary").and_then(Value::as_array) {
            Some(words) => Vocabulary::Listed(listed(words, options)?),
            None => {
                let count = options.integer("vocabulary", 1..=VOCABULARY_MAX as i64)?;
                Vocabulary::MadeUp(count as usize)
            }
        };
        let expected = "it must be a number from 0 to 10";
        let exponent = options.number("zipf", expected, |zipf| (0.0..=10.0).contains(&zipf))?;
        let per_line = options.integer("words-per-line", 1..=WORDS_PER_LINE_MAX)? as usize;
        Ok(Words { per_line, vocabulary, exponent, table: OnceLock::new() })
    }

    pub(super) fn write(&self, random: &mut Random, out: &mut Vec<u8>) {
        let table = self.table.get_or_init(|| Table::new(&self.vocabulary, self.exponent));
        for position in 0..self.per_line {
            if position > 0 {
                out.push(b' ');
            }
            out.extend_from_slice(&table.words[table.word_at(random.unit())]);
        }
    }
}

impl Table {
    fn new(vocabulary: &Vocabulary, exponent: f64) -> Table {
        let words = match vocabulary {
            Vocabulary::Listed(words) => words.clone(),
            Vocabulary::MadeUp(count) => (0..*count).map(made_up).collect(),
        };
        let parts = words.len();
        let cumulative = cumulative(parts, exponent);
        let guide = (0..parts).map(|part| part as f64 / parts as f64);
        let guide = guide.map(|start| cumulative.partition_point(|share| *share <= start) as u32);
        let guide = guide.collect();
        Table { words, cumulative, guide }
    }

    /// The first word whose cumulative share exceeds a point below 1; a few steps from its guide.
    fn word_at(&self, point: f64) -> usize {
        let part = (point * self.guide.len() as f64) as usize;
        let mut word = self.guide[part.min(self.guide.len() - 1)] as usize;
        // Rounding may leave the last share a little below 1.
        while word + 1 < self.cumulative.len() && self.cumulative[word] <= point {
            word += 1;
        }
        word
    }
}

fn listed(words: &[Value], options: &Options<'_>) -> Result<Vec<Box<[u8]>>, ConnectorError> {
    let texts = words.iter().map(|word| Some(word.as_str()?.as_bytes().into()));
    let texts: Option<Vec<Box<[u8]>>> = texts.collect();
    texts.filter(|texts| !texts.is_empty() && texts.len() as u64 <= VOCABULARY_MAX).ok_or_else(
        || {
            let expected = format!("it must be a number, or a list of 1 to {VOCABULARY_MAX} texts");
            options.invalid("vocabulary", expected)
        },
    )
}

/// Word `index`: its digits in base 100 as syllables, two at least. All differ.
fn made_up(index: usize) -> Box<[u8]> {
    let syllables = CONSONANTS.len() * VOWELS.len();
    let mut word = Vec::with_capacity(6);
    let mut rest = index;
    while rest > 0 || word.len() < 4 {
        let syllable = rest % syllables;
        word.push(CONSONANTS[syllable / VOWELS.len()]);
        word.push(VOWELS[syllable % VOWELS.len()]);
        rest /= syllables;
    }
    word.into()
}

fn cumulative(words: usize, exponent: f64) -> Vec<f64> {
    let mut sum = 0.0;
    let mut sums: Vec<f64> = (1..=words)
        .map(|rank| {
            sum += (rank as f64).powf(-exponent);
            sum
        })
        .collect();
    sums.iter_mut().for_each(|share| *share /= sum);
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datagen::random::Seed;

    #[test]
    fn a_vocabulary_is_made_with_the_first_line_not_with_the_source() {
        let table = OnceLock::new();
        let words =
            Words { per_line: 8, vocabulary: Vocabulary::MadeUp(100), exponent: 1.0, table };
        assert!(words.table.get().is_none());
        let mut line = Vec::new();
        words.write(&mut Random::new(Seed::new(1), 1), &mut line);
        assert_eq!(line.split(|byte| *byte == b' ').count(), 8);
        assert_eq!(words.table.get().map(|made| made.words.len()), Some(100));
    }
}
