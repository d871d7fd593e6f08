//! Links in documents: every relative link of a Markdown file leads to a file or folder of the
//! repository. Links to the web are not followed.

use crate::finding::Finding;

/// Checks a Markdown file; `exists` answers for a path relative to the root.
pub fn check(path: &str, text: &str, exists: impl Fn(&str) -> bool) -> Vec<Finding> {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut findings = Vec::new();
    for (line, target) in links(text) {
        let file = target.split('#').next().unwrap_or("");
        if file.is_empty() || is_outside(target) {
            continue;
        }
        let is_found = resolve(folder, file).is_some_and(|resolved| exists(&resolved));
        if !is_found {
            let message = format!("link to `{target}` leads nowhere: correct it or take it out");
            findings.push(Finding::at(path, line, message));
        }
    }
    findings
}

fn is_outside(target: &str) -> bool {
    ["http://", "https://", "mailto:"].iter().any(|scheme| target.starts_with(scheme))
}

/// The targets of `[text](target)` and `[name]: target`, outside code, with their lines.
fn links(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut is_fenced = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            is_fenced = !is_fenced;
        } else if !is_fenced {
            found.extend(inline_links(line).map(|target| (index + 1, target)));
            found.extend(reference(line).map(|target| (index + 1, target)));
        }
    }
    found
}

fn inline_links(line: &str) -> impl Iterator<Item = &str> {
    line.match_indices("](").filter_map(|(at, _)| {
        let is_code = line[..at].matches('`').count() % 2 == 1;
        let target = line[at + 2..].split([')', ' ']).next()?;
        (!is_code).then_some(target)
    })
}

fn reference(line: &str) -> Option<&str> {
    let (name, target) = line.strip_prefix('[')?.split_once("]: ")?;
    (!name.contains(']')).then(|| target.split(' ').next().unwrap_or(target))
}

/// The path a relative link means, from the root; none when it leaves the repository.
fn resolve(folder: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::check;

    #[track_caller]
    fn check_count(path: &str, text: &str, expected: usize) {
        let exists = |known: &str| ["docs/a.md", "LICENSE", "docs", ""].contains(&known);
        assert_eq!(check(path, text, exists).len(), expected, "{path}: {text}");
    }

    #[test]
    fn broken_links_are_found() {
        check_count("README.md", "See [a](docs/b.md) and [b](docs/a.md#part).", 1);
        check_count("docs/a.md", "[l](../LICENSE), [x](LICENSE)", 1);
        check_count("docs/a.md", "[up](../../LICENSE)", 1);
        check_count("README.md", "[a]: docs/c.md", 1);
    }

    #[test]
    fn code_anchors_and_the_web_are_left_alone() {
        check_count("README.md", "[a](https://example.org/x) [b](#part) [c](docs/) [d](.)", 0);
        check_count("README.md", "```\n[a](b.md)\n```\n`[a](b.md)`", 0);
    }
}
