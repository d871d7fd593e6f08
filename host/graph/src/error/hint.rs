//! Names that the user may have meant.

/// Below this similarity (0 to 1, `strsim::jaro_winkler`) a name is no help.
const SIMILARITY_MIN: f64 = 0.75;
/// Similarity of names that differ by one character left out, added, changed or swapped.
const SLIP_SIMILARITY: f64 = 0.9;
/// More known names than this are not listed, but counted.
const LISTED_MAX: usize = 12;

/// The names that would have been right, and the one most like what was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hint {
    nearest: Option<String>,
    known: Vec<String>,
}

impl Hint {
    /// Compares what was written with all names that would have been right.
    pub fn new<T: Into<String>>(wanted: &str, known: impl IntoIterator<Item = T>) -> Hint {
        let known: Vec<String> = known.into_iter().map(Into::into).collect();
        let nearest = known
            .iter()
            .map(|name| (similarity(wanted, name), name))
            .filter(|(similarity, _)| *similarity >= SIMILARITY_MIN)
            .max_by(|left, right| left.0.total_cmp(&right.0))
            .map(|(_, name)| name.clone());
        Hint { nearest, known }
    }

    /// The name most like what was written, if one is like it.
    pub fn nearest(&self) -> Option<&str> {
        self.nearest.as_deref()
    }

    /// All names that would have been right.
    pub fn known(&self) -> &[String] {
        &self.known
    }

    /// `did you mean ...?`, or the list of what `nouns` there are.
    pub(super) fn remedy(&self, nouns: &str) -> Option<String> {
        if let Some(nearest) = &self.nearest {
            return Some(format!("did you mean `{nearest}`?"));
        }
        if self.known.is_empty() {
            return Some(format!("there are no {nouns}"));
        }
        let listed: Vec<String> =
            self.known.iter().take(LISTED_MAX).map(|name| format!("`{name}`")).collect();
        let more = match self.known.len() - listed.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        Some(format!("known {nouns}: {}{more}", listed.join(", ")))
    }
}

/// From 0 to 1. One slip is much in a short name, so it counts as similar whatever the length.
fn similarity(wanted: &str, name: &str) -> f64 {
    let is_slip = wanted.len() > 1 && strsim::osa_distance(wanted, name) == 1;
    let similarity = strsim::jaro_winkler(wanted, name);
    if is_slip { similarity.max(SLIP_SIMILARITY) } else { similarity }
}
