//! The contract: the SDK's copy of `wit/` is the same text, and every function of it is exercised
//! by a guest, as `tests/guests/exercised.tsv` claims: one line a function,
//! `interface.function<TAB>guest`, where the guest is a folder of `tests/guests/`.

use crate::finding::Finding;

/// Where the claims are kept. The rule holds from the day the file is there.
pub const CLAIMS: &str = "tests/guests/exercised.tsv";

/// The functions a WIT file declares, as `interface.function`.
pub fn functions(text: &str) -> Vec<String> {
    let mut interface = "";
    let mut found = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("interface ") {
            interface = name.trim_end_matches(['{', ' ']);
        } else if let Some((name, _)) = line.split_once(": func(")
            && !line.starts_with('/')
        {
            found.push(format!("{interface}.{name}"));
        }
    }
    found
}

/// Checks the claims against the functions of the contract and the guests there are.
pub fn check_claims(functions: &[String], claims: &str, guests: &[String]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut claimed = Vec::new();
    for (index, line) in claims.lines().enumerate() {
        let (function, guest) = line.split_once('\t').unwrap_or((line, ""));
        claimed.push(function);
        if !functions.iter().any(|known| known == function) {
            let message = format!("`{function}` is not in wit/: take the line out");
            findings.push(Finding::at(CLAIMS, index + 1, message));
        } else if !guests.iter().any(|known| known == guest) {
            let message = format!("`{guest}` is no folder of tests/guests: name the guest");
            findings.push(Finding::at(CLAIMS, index + 1, message));
        }
    }
    for function in functions.iter().filter(|function| !claimed.contains(&function.as_str())) {
        let message = format!("`{function}` has no guest that calls it: write one, or extend one");
        findings.push(Finding::on(CLAIMS, message));
    }
    findings
}

/// Checks that a copy of the contract holds the same files with the same text.
pub fn check_copy(folder: &str, files: &[(String, String)]) -> Vec<Finding> {
    let within = |root: &str| -> Vec<(&str, &str)> {
        let root = format!("{root}/");
        files
            .iter()
            .filter_map(|(path, text)| Some((path.strip_prefix(&root)?, text.as_str())))
            .filter(|(name, _)| !name.contains('/'))
            .collect()
    };
    let (contract, copy) = (within("wit"), within(folder));
    if copy.is_empty() {
        return Vec::new();
    }
    let missing = contract.iter().filter(|file| !copy.contains(file));
    let extra = copy.iter().filter(|(name, _)| !contract.iter().any(|(known, _)| known == name));
    missing
        .chain(extra)
        .map(|(name, _)| {
            let message = format!("differs from wit/{name}: copy wit/ over it");
            Finding::on(&format!("{folder}/{name}"), message)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{check_claims, check_copy, functions};

    const WIT: &str = "package p;\n/// Doc: func(x).\ninterface timers {\n    /// Sets.\n    \
        set: func(at: s64);\n    clear: func(\n        at: s64,\n    );\n}\n";

    #[test]
    fn functions_are_read() {
        assert_eq!(functions(WIT), ["timers.set", "timers.clear"]);
    }

    #[track_caller]
    fn check_count(claims: &str, expected: usize) {
        let found = check_claims(&functions(WIT), claims, &["timer".to_owned()]);
        assert_eq!(found.len(), expected, "{claims}");
    }

    #[test]
    fn functions_without_a_guest_are_found() {
        check_count("timers.set\ttimer\ntimers.clear\ttimer\n", 0);
        check_count("timers.set\ttimer\n", 1);
        check_count("timers.set\ttimer\ntimers.clear\tnobody\n", 1);
        check_count("timers.set\ttimer\ntimers.clear\ttimer\ntimers.stop\ttimer\n", 1);
    }

    #[track_caller]
    fn check_drift(files: &[(&str, &str)], expected: usize) {
        let files: Vec<(String, String)> =
            files.iter().map(|&(path, text)| (path.to_owned(), text.to_owned())).collect();
        assert_eq!(check_copy("sdk/wit", &files).len(), expected);
    }

    #[test]
    fn copies_that_drifted_are_found() {
        check_drift(&[("wit/a.wit", "x"), ("sdk/wit/a.wit", "x")], 0);
        check_drift(&[("wit/a.wit", "x")], 0);
        check_drift(&[("wit/a.wit", "x"), ("sdk/wit/a.wit", "y")], 1);
        check_drift(&[("wit/a.wit", ""), ("wit/b.wit", ""), ("sdk/wit/a.wit", "")], 1);
        check_drift(&[("wit/a.wit", ""), ("sdk/wit/a.wit", ""), ("sdk/wit/b.wit", "")], 1);
    }
}
