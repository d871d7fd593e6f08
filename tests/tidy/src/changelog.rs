//! The changelog keeps the form of Keep a Changelog 1.1.0: an Unreleased section on top, then
//! versions with dates, and in each the fixed headings over lists.

use crate::finding::Finding;

/// The headings a version may have.
const HEADINGS: [&str; 6] = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"];

/// Checks the text of the changelog.
pub fn check(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    if text.lines().next() != Some("# Changelog") {
        findings.push(Finding::at(path, 1, "the first line is `# Changelog`"));
    }
    let first = text.lines().find(|line| line.starts_with("## "));
    if first != Some("## [Unreleased]") {
        findings.push(Finding::on(path, "the first section is `## [Unreleased]`"));
    }
    for (index, line) in text.lines().enumerate() {
        let broken = if let Some(version) = line.strip_prefix("## ") {
            (!is_version(version)).then(|| format!("`{version}`: write `[1.2.3] - 2026-01-31`"))
        } else if let Some(heading) = line.strip_prefix("### ") {
            let is_known = HEADINGS.contains(&heading);
            (!is_known).then(|| format!("`{heading}`: one of {}", HEADINGS.join(", ")))
        } else {
            None
        };
        findings.extend(broken.map(|message| Finding::at(path, index + 1, message)));
    }
    findings
}

fn is_version(heading: &str) -> bool {
    if heading == "[Unreleased]" {
        return true;
    }
    let Some((version, date)) = heading.strip_prefix('[').and_then(|rest| rest.split_once("] - "))
    else {
        return false;
    };
    let are_numbers = |text: &str, separator: char, lengths: &[Option<usize>]| {
        let parts: Vec<&str> = text.split(separator).collect();
        let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        parts.len() == lengths.len()
            && parts.iter().zip(lengths).all(|(part, length)| {
                is_number(part) && length.is_none_or(|length| part.len() == length)
            })
    };
    are_numbers(version, '.', &[None; 3]) && are_numbers(date, '-', &[Some(4), Some(2), Some(2)])
}

#[cfg(test)]
mod tests {
    use super::check;

    #[track_caller]
    fn check_count(text: &str, expected: usize) {
        assert_eq!(check("CHANGELOG.md", text).len(), expected, "{text}");
    }

    #[test]
    fn other_forms_are_found() {
        check_count("# Changelog\n\n## [Unreleased]\n\n### Added\n- x\n", 0);
        check_count("# Changelog\n## [Unreleased]\n## [0.1.0] - 2026-11-21\n### Fixed\n", 0);
        check_count("## [Unreleased]\n", 1);
        check_count("# Changelog\n", 1);
        check_count("# Changelog\n## [Unreleased]\n### News\n", 1);
        check_count("# Changelog\n## [Unreleased]\n## 0.1.0 - 2026-11-21\n", 1);
        check_count("# Changelog\n## [Unreleased]\n## [0.1.0] - 21.11.2026\n", 1);
        check_count("# Changelog\n## [Unreleased]\n## [0.1] - 2026-11-21\n", 1);
    }
}
