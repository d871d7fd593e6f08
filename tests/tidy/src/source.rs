//! Rust source with comments and the contents of strings blanked out, so that rules on code do not
//! fire on prose or samples. Lines and columns stay where they were.

/// The code of a Rust file: comments and literals become spaces, line ends stay.
pub fn code_of(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut code = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = skipped_until(&chars, at);
        if end == at {
            code.push(chars[at]);
            at += 1;
        } else {
            code.extend(chars[at..end].iter().map(|&c| if c == '\n' { '\n' } else { ' ' }));
            at = end;
        }
    }
    code
}

/// The end of the comment or literal that begins at `at`; `at` itself when none does.
fn skipped_until(chars: &[char], at: usize) -> usize {
    let next = chars.get(at + 1).copied();
    match (chars[at], next) {
        ('/', Some('/')) => position(chars, at, |c| c == '\n'),
        ('/', Some('*')) => block_comment_end(chars, at),
        ('"', _) => quoted_end(chars, at, '"'),
        ('\'', Some('\\')) => quoted_end(chars, at, '\''),
        // A quote two characters on makes it a character; otherwise it is a lifetime.
        ('\'', Some(_)) if chars.get(at + 2) == Some(&'\'') => at + 3,
        ('r', Some('"' | '#')) if !follows_word(chars, at) => raw_string_end(chars, at),
        _ => at,
    }
}

fn position(chars: &[char], from: usize, is_end: impl Fn(char) -> bool) -> usize {
    chars[from..].iter().position(|&c| is_end(c)).map_or(chars.len(), |offset| from + offset)
}

/// Whether the character before `at` belongs to an identifier. `br"` counts as a raw string.
fn follows_word(chars: &[char], at: usize) -> bool {
    let Some(before) = at.checked_sub(1).map(|index| chars[index]) else { return false };
    before != 'b' && (before.is_alphanumeric() || before == '_')
}

fn block_comment_end(chars: &[char], at: usize) -> usize {
    let mut depth = 0_usize;
    let mut index = at;
    while index + 1 < chars.len() {
        match (chars[index], chars[index + 1]) {
            ('/', '*') => (depth, index) = (depth + 1, index + 2),
            ('*', '/') => (depth, index) = (depth - 1, index + 2),
            _ => index += 1,
        }
        if depth == 0 {
            return index;
        }
    }
    chars.len()
}

fn quoted_end(chars: &[char], at: usize, quote: char) -> usize {
    let mut index = at + 1;
    while index < chars.len() {
        match chars[index] {
            '\\' => index += 2,
            c if c == quote => return index + 1,
            _ => index += 1,
        }
    }
    chars.len()
}

/// The end of `r"…"` or `r#"…"#`; `at` when it is a raw identifier such as `r#type`.
fn raw_string_end(chars: &[char], at: usize) -> usize {
    let open = position(chars, at + 1, |c| c != '#');
    if chars.get(open) != Some(&'"') {
        return at;
    }
    let hashes = open - at - 1;
    let mut index = open + 1;
    while index < chars.len() {
        let closing = chars[index + 1..].iter().take(hashes).filter(|&&c| c == '#').count();
        if chars[index] == '"' && closing == hashes {
            return index + 1 + hashes;
        }
        index += 1;
    }
    chars.len()
}

/// The identifiers of a line of code, in order.
pub fn identifiers(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::code_of;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let squeezed: Vec<String> =
            code_of(text).lines().map(|line| line.trim_end().to_owned()).collect();
        assert_eq!(squeezed.join("\n"), expected);
    }

    #[test]
    fn comments_and_literals_are_blanked() {
        check("let a = 1; // dbg!(a)", "let a = 1;");
        check("/* a /* b */ c */ let x;\nlet y;", &format!("{}let x;\nlet y;", " ".repeat(18)));
        check("f(\"todo!() \\\" \");x", &format!("f({});x", " ".repeat(13)));
        check("f(r#\"a \" b\"#, 'x');", &format!("f({},    );", " ".repeat(10)));
        check("f(b\"a\");", "f(b   );");
        check("f('\\'', '\"');", "f(    ,    );");
    }

    #[test]
    fn lifetimes_and_raw_identifiers_are_code() {
        check("fn f<'a>(x: &'a str) {}", "fn f<'a>(x: &'a str) {}");
        check("let r#type = for_r;", "let r#type = for_r;");
    }

    #[test]
    fn an_open_literal_ends_with_the_file() {
        check("f(\"abc", "f(");
        check("/* abc", "");
        check("r#\"abc", "");
    }
}
