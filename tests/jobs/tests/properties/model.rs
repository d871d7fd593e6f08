//! What the operators of random jobs do, on multisets of records: the oracle that jobs are compared
//! with.

use std::collections::BTreeMap;

/// An operator of a random job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    /// Plugin `operators` or, if it says so, `native`.
    Upper {
        native: bool,
    },
    /// As [`Function::Upper`].
    Split {
        native: bool,
    },
    LongerThan(usize),
    /// Has the side output `odd`.
    Parity,
    /// Skips what holds an `a`.
    Skip,
    /// Has dead letters: what holds an `a`.
    DeadLetter,
    /// Keyed.
    Count,
    /// Two inputs.
    Merge,
    /// Two inputs, keyed.
    KeyedMerge,
}

/// A record and its key, for keyed operators.
pub(crate) type Keyed = (String, String);

impl Function {
    pub(crate) fn inputs(self) -> usize {
        if matches!(self, Function::Merge | Function::KeyedMerge) { 2 } else { 1 }
    }

    pub(crate) fn is_keyed(self) -> bool {
        matches!(self, Function::Count | Function::KeyedMerge)
    }

    /// What comes out of the main output, and out of the side output or as dead letters.
    pub(crate) fn apply(self, inputs: &[Vec<Keyed>]) -> (Vec<String>, Vec<String>) {
        let values = || inputs[0].iter().map(|(_, value)| value.clone());
        let main = |lines: Vec<String>| (lines, Vec::new());
        match self {
            Function::Upper { .. } => {
                main(values().map(|line| line.to_ascii_uppercase()).collect())
            }
            Function::Split { .. } => main(values().flat_map(|line| words(&line)).collect()),
            Function::LongerThan(length) => {
                main(values().filter(|line| line.len() > length).collect())
            }
            Function::Parity => values().partition(|line| line.len() % 2 == 0),
            Function::Skip => main(values().filter(|line| !line.contains('a')).collect()),
            Function::DeadLetter => values().partition(|line| !line.contains('a')),
            Function::Count => main(
                counts(inputs).into_iter().map(|(key, (n, _))| format!("{key}\t{n}")).collect(),
            ),
            Function::Merge => {
                let second = inputs[1].iter().map(|(_, value)| format!("second {value}"));
                main(values().map(|value| format!("first {value}")).chain(second).collect())
            }
            Function::KeyedMerge => {
                let line = |(key, (first, second))| format!("{key}: {first} and {second}");
                main(counts(inputs).into_iter().map(line).collect())
            }
        }
    }
}

fn words(line: &str) -> Vec<String> {
    line.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Records of the first and the second input by key.
fn counts(inputs: &[Vec<Keyed>]) -> BTreeMap<String, (usize, usize)> {
    let mut counts: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for (input, records) in inputs.iter().enumerate() {
        for (key, _) in records {
            let entry = counts.entry(key.clone()).or_default();
            match input {
                0 => entry.0 += 1,
                _ => entry.1 += 1,
            }
        }
    }
    counts
}
