//! Formats of the two ends of an edge: equal, except that `bytes` takes anything and `text` takes
//! `json`; and `compact:` types mean something in their own plugin only.

use super::Builder;
use crate::error::WiringProblem;

/// Anything goes in.
const BYTES: &str = "bytes";
/// UTF-8.
const TEXT: &str = "text";
/// JSON, which is text too.
pub(super) const JSON: &str = "json";
/// Start of the formats that a plugin defines for itself.
const COMPACT: &str = "compact:";

/// The giving end of an edge.
#[derive(Clone, Copy)]
pub(super) struct Giver<'a> {
    pub(super) uid: &'a str,
    pub(super) plugin: Option<&'a str>,
    pub(super) format: &'a str,
}

/// The taking end of an edge, or a key selector on its way.
#[derive(Clone, Copy)]
pub(super) struct Taker<'a> {
    pub(super) name: &'a str,
    pub(super) plugin: Option<&'a str>,
    pub(super) formats: &'a [String],
}

impl Builder<'_> {
    pub(super) fn check_formats(&mut self, giver: Giver<'_>, taker: Taker<'_>, path: &str) {
        let format = giver.format;
        let takes = |accepted: &String| {
            accepted == BYTES || accepted == format || (accepted == TEXT && format == JSON)
        };
        let is_foreign = format.starts_with(COMPACT) && giver.plugin != taker.plugin;
        let takes_bytes = taker.formats.iter().any(|accepted| accepted == BYTES);
        if !taker.formats.iter().any(takes) {
            let problem = WiringProblem::FormatMismatch {
                source_uid: giver.uid.to_owned(),
                found: format.to_owned(),
                uid: taker.name.to_owned(),
                expected: taker.formats.to_vec(),
            };
            self.error(path, problem);
        } else if is_foreign && !takes_bytes {
            let problem = WiringProblem::CompactAcrossPlugins {
                source_uid: giver.uid.to_owned(),
                format: format.to_owned(),
                source_plugin: giver.plugin.unwrap_or("").to_owned(),
                uid: taker.name.to_owned(),
            };
            self.error(path, problem);
        }
    }
}
