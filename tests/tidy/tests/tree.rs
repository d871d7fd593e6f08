//! The rules of the house, applied to every file of the repository. Each rule is a module of
//! `sandbar_tidy`, where its self-test proves that it fires.

use std::collections::BTreeSet;

use sandbar_tidy::finding::{Finding, assert_none};
use sandbar_tidy::tree::{files, metadata, root, texts};
use sandbar_tidy::{
    arrows, attributes, changelog, contract, files as file_rules, headers, lengths, links,
    manifests, orphans, words,
};

/// Ends of the names of files that people write.
const WRITTEN: [&str; 12] = [
    ".rs", ".wit", ".md", ".toml", ".sh", ".ci/run", "Makefile", ".yml", ".yaml", ".json", ".html",
    ".js",
];

/// Copies of the contract: cargo packages a crate's own folder only, so each SDK carries one.
const CONTRACT_COPIES: [&str; 1] = ["guest-sdk/rust/wit"];

/// Applies a rule to each file whose name ends so.
fn each(ends: &[&str], rule: impl Fn(&str, &str) -> Vec<Finding>) -> Vec<Finding> {
    texts(ends).iter().flat_map(|(path, text)| rule(path, text)).collect()
}

#[test]
fn files_and_lines_are_short() {
    assert_none("lengths", each(&[".rs", ".wit", ".sh", ".ci/run"], lengths::check));
}

#[test]
fn files_open_with_a_header() {
    let mut findings = each(&[".rs"], headers::check_rust);
    findings.extend(each(&[".wit"], headers::check_wit));
    findings.extend(each(&[".sh", ".ci/run"], headers::check_script));
    assert_none("headers", findings);
}

#[test]
fn words_are_plain() {
    assert_none("words in code", each(&[".rs"], words::check_rust));
}

#[test]
fn no_notes_to_self_and_no_banners() {
    assert_none("words in text", each(&WRITTEN, words::check_text));
}

#[test]
fn exceptions_from_lints_have_reasons() {
    assert_none("attributes", each(&[".rs"], attributes::check));
}

#[test]
fn arrows_between_crates_are_those_of_the_architecture() {
    assert_none("arrows", arrows::check(&arrows::packages(&metadata())));
}

#[test]
fn manifests_inherit_from_the_root() {
    let metadata = metadata();
    let members = arrows::packages(&metadata);
    let packages = metadata["packages"].as_array().expect("cargo metadata lists packages");
    let check = |folder: &str, package| {
        let path = format!("{folder}/Cargo.toml");
        let text = std::fs::read_to_string(root().join(&path)).expect("cargo has just read it");
        manifests::check(&path, &text, package)
    };
    let pairs = members.iter().zip(packages);
    let findings = pairs.flat_map(|(member, package)| check(&member.folder, package));
    assert_none("manifests", findings.collect());
}

#[test]
fn every_source_file_is_compiled() {
    assert_none("orphans", orphans::check(&texts(&[".rs"])));
}

#[test]
fn files_are_small_and_well_named() {
    assert_none("files", file_rules::check_list(&files()));
}

#[test]
fn no_path_of_a_machine() {
    assert_none("paths", each(&WRITTEN, file_rules::check_text));
}

#[test]
fn the_changelog_keeps_its_form() {
    let found = each(&["CHANGELOG.md"], changelog::check);
    assert!(root().join("CHANGELOG.md").exists(), "CHANGELOG.md is missing");
    assert_none("changelog", found);
}

#[test]
fn links_of_documents_resolve() {
    let known: BTreeSet<String> =
        files().into_iter().flat_map(|file| with_parents(&file.path)).collect();
    assert_none(
        "links",
        each(&[".md"], |path, text| links::check(path, text, |p| known.contains(p))),
    );
}

#[test]
fn copies_of_the_contract_are_equal() {
    let wit = texts(&[".wit"]);
    let findings = CONTRACT_COPIES.iter().flat_map(|folder| contract::check_copy(folder, &wit));
    assert_none("contract", findings.collect());
}

#[test]
fn every_function_of_the_contract_has_a_guest() {
    let Ok(claims) = std::fs::read_to_string(root().join(contract::CLAIMS)) else { return };
    let wit = texts(&[".wit"]);
    let declared = wit.iter().filter(|(path, _)| path.starts_with("wit/"));
    let functions: Vec<String> = declared.flat_map(|(_, text)| contract::functions(text)).collect();
    let guests: Vec<String> = files()
        .iter()
        .filter_map(|file| file.path.strip_prefix("tests/guests/")?.strip_suffix("/Cargo.toml"))
        .map(str::to_owned)
        .collect();
    assert_none("guests", contract::check_claims(&functions, &claims, &guests));
}

/// A path and every folder above it; the root is the empty path.
fn with_parents(path: &str) -> Vec<String> {
    let slashes = path.match_indices('/').map(|(at, _)| path[..at].to_owned());
    slashes.chain([path.to_owned(), String::new()]).collect()
}
