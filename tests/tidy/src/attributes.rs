//! Exceptions from lints: every `#[allow]` and `#[expect]` carries a reason, also inside
//! `#[cfg_attr]` and also where clippy does not look (code behind a `cfg` that is off).

use crate::finding::Finding;
use crate::source::code_of;

/// Checks a Rust file.
pub fn check(path: &str, text: &str) -> Vec<Finding> {
    let code = code_of(text);
    attributes(&code)
        .filter(|(_, attribute)| is_exception(attribute) && !has_reason(attribute))
        .map(|(line, attribute)| {
            let name = attribute.split('(').next().unwrap_or("").trim();
            Finding::at(path, line, format!("#[{name}] without a reason: add `reason = \"…\"`"))
        })
        .collect()
}

/// The contents of each `#[…]` and `#![…]`, with its line.
fn attributes(code: &str) -> impl Iterator<Item = (usize, &str)> {
    code.match_indices('#').filter_map(|(at, _)| {
        let rest = &code[at + 1..];
        let inside = rest.strip_prefix('!').unwrap_or(rest).strip_prefix('[')?;
        let line = code[..at].matches('\n').count() + 1;
        Some((line, &inside[..closing_bracket(inside)]))
    })
}

fn closing_bracket(inside: &str) -> usize {
    let mut depth = 1_usize;
    for (at, c) in inside.char_indices() {
        match c {
            '[' => depth += 1,
            ']' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    inside.len()
}

fn is_exception(attribute: &str) -> bool {
    let compact: String = attribute.chars().filter(|c| !c.is_whitespace()).collect();
    let lints = ["allow(", "expect("];
    lints.iter().any(|lint| compact.starts_with(lint))
        || compact.starts_with("cfg_attr(")
            && lints.iter().any(|lint| compact.contains(&format!(",{lint}")))
}

fn has_reason(attribute: &str) -> bool {
    attribute.split("reason").skip(1).any(|rest| rest.trim_start().starts_with('='))
}

#[cfg(test)]
mod tests {
    use super::check;

    #[track_caller]
    fn check_lines(text: &str, expected: &[usize]) {
        let lines: Vec<usize> = check("a.rs", text).into_iter().map(|found| found.line).collect();
        assert_eq!(lines, expected, "{text}");
    }

    #[test]
    fn exceptions_without_a_reason_are_found() {
        check_lines("#[allow(dead_code)]", &[1]);
        check_lines("\n#![expect(\n  missing_docs\n)]", &[2]);
        check_lines("#[cfg_attr(test, allow(dead_code))]", &[1]);
        check_lines("#[allow(clippy::reasonable)]", &[1]);
    }

    #[test]
    fn the_rest_is_left_alone() {
        check_lines("#[allow(dead_code, reason = \"kept for the macro\")]", &[]);
        check_lines("#[cfg_attr(test, expect(\n  dead_code,\n  reason = \"x\"\n))]", &[]);
        check_lines("#[derive(Debug)] fn f() { x.expect(\"it holds\") }", &[]);
        check_lines("// #[allow(dead_code)]\nlet s = \"#[allow(x)]\";", &[]);
    }
}
