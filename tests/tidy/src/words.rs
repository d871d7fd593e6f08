//! Banned words, each with what to write instead: macros that leave work undone, names that say
//! nothing, banners. The vocabulary itself is in ARCHITECTURE.md.

use crate::finding::Finding;
use crate::source::{code_of, identifiers};

/// Banned in code: the word and its replacement.
const CODE: [(&str, &str); 5] = [
    ("todo!", "return an error, or leave the feature out"),
    ("unimplemented!", "return an error, or leave the feature out"),
    ("dbg!", "use `tracing::debug!`"),
    ("#[ignore", "assert the wrong behaviour, with a note, until it is right"),
    ("#[path", "put the file where its module name says"),
];

/// Names of modules that say nothing of what is inside.
const MODULES: [&str; 13] = [
    "common",
    "core",
    "helper",
    "helpers",
    "manager_impl",
    "misc",
    "shared",
    "types",
    "util",
    "utils",
    "base",
    "stuff",
    "internal",
];

/// Ends of type names that add a word and no meaning.
const TYPE_ENDS: [&str; 8] = ["Impl", "Util", "Utils", "Helper", "Helpers", "Info", "Data", "NG"];
/// Beginnings of type names that say how it is built rather than what it is.
const TYPE_STARTS: [&str; 2] = ["Abstract", "Default"];

const FIX_BEFORE_MERGE: &str = concat!("FIX", "ME");
const LATER: &str = concat!("TO", "DO");

/// Checks a Rust file.
pub fn check_rust(path: &str, text: &str) -> Vec<Finding> {
    let code = code_of(text);
    let mut findings = Vec::new();
    for (index, line) in code.lines().enumerate() {
        let banned = CODE.iter().filter(|(word, _)| has_word(line, word));
        let messages =
            banned.map(|(word, instead)| format!("`{word}`: {instead}")).chain(check_names(line));
        findings.extend(messages.map(|message| Finding::at(path, index + 1, message)));
    }
    findings
}

/// Checks any text file: notes to self, and comment lines that are drawn rather than written.
pub fn check_text(path: &str, text: &str) -> Vec<Finding> {
    text.lines()
        .enumerate()
        .filter_map(|(index, line)| Some(Finding::at(path, index + 1, note_in(path, line)?)))
        .collect()
}

/// Whether the line holds the word, not as the tail of a longer one.
fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word)
        .any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '.'))
}

/// Checks the names a line of code declares.
fn check_names(line: &str) -> Vec<String> {
    let words: Vec<&str> = identifiers(line).collect();
    words
        .windows(2)
        .filter_map(|pair| match pair {
            ["mod", name] if MODULES.contains(name) => {
                Some(format!("module `{name}`: name it for what it holds"))
            }
            ["struct" | "enum" | "trait" | "type", name] if is_hollow(name) => {
                Some(format!("`{name}`: drop the part that adds no meaning, or say what differs"))
            }
            _ => None,
        })
        .collect()
}

fn is_hollow(name: &str) -> bool {
    TYPE_STARTS.iter().any(|start| name != *start && name.starts_with(start))
        || TYPE_ENDS.iter().any(|end| name != *end && name.ends_with(end))
}

fn note_in(path: &str, line: &str) -> Option<String> {
    if line.contains(FIX_BEFORE_MERGE) {
        Some(format!("`{FIX_BEFORE_MERGE}`: fix it before it is merged"))
    } else if has_word(line, LATER) && !line.contains(&format!("{LATER}(#")) {
        Some(format!("`{LATER}` without an issue: write `{LATER}(#12): …`"))
    } else if is_banner(path, line) {
        Some("a banner: split the file, or let the names speak".to_owned())
    } else {
        None
    }
}

/// Whether a comment line opens with a drawn rule such as `// ----`. In Markdown that is a table
/// or a heading.
fn is_banner(path: &str, line: &str) -> bool {
    let line = line.trim_start();
    if path.ends_with(".md") || !(line.starts_with("//") || line.starts_with("# ")) {
        return false;
    }
    let said = line.trim_start_matches(['/', '!', '#']).trim_start();
    let Some(first) = said.chars().next().filter(|c| "-=*~#_".contains(*c)) else { return false };
    said.chars().take_while(|&c| c == first).count() >= 4
}

#[cfg(test)]
mod tests {
    use super::{FIX_BEFORE_MERGE, LATER, check_rust, check_text};

    #[track_caller]
    fn check_code(text: &str, expected: usize) {
        assert_eq!(check_rust("a.rs", text).len(), expected, "{text}");
    }

    #[track_caller]
    fn check_note(path: &str, text: &str, expected: usize) {
        assert_eq!(check_text(path, text).len(), expected, "{text}");
    }

    #[test]
    fn unfinished_code_is_found() {
        check_code("fn f() { todo!() }", 1);
        check_code("fn f() { unimplemented!(\"x\") }", 1);
        check_code("let x = dbg!(y);", 1);
        check_code("#[test]\n#[ignore = \"slow\"]\nfn f() {}", 1);
        check_code("// todo!() is banned\nlet s = \"dbg!(x)\"; my_dbg!(x);", 0);
    }

    #[test]
    fn names_without_meaning_are_found() {
        check_code("pub mod util;", 1);
        check_code("mod helpers {", 1);
        check_code("pub(crate) struct SlotManagerImpl {", 1);
        check_code("enum StringUtils<T> {", 1);
        check_code("trait AbstractTask: Send {", 1);
        check_code("struct DefaultScheduler;", 1);
        check_code("mod utility; struct Implement; struct Default; use std::util;", 0);
    }

    #[test]
    fn notes_and_banners_are_found() {
        check_note("a.md", &format!("{FIX_BEFORE_MERGE} later"), 1);
        check_note("a.rs", &format!("// {LATER}: later"), 1);
        check_note("a.rs", &format!("// {LATER}(#12): later"), 0);
        check_note("a.rs", "// ---- state ----", 1);
        check_note("Makefile", "# ======", 1);
        check_note("a.rs", "//! | a | b |\n//! |---|---|\nlet x = 1; // a -> b", 0);
        check_note("a.md", "# -----", 0);
    }
}
