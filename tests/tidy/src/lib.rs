//! Style and architecture as tests: what rustfmt and clippy cannot see. One module a rule, each a
//! pure function from text to findings with a self-test that proves it fires. Only `tree` reads
//! files and starts processes; `tests/tree.rs` applies every rule to the whole repository.
//! Must not depend on any other crate of the workspace.

pub mod finding;
pub mod source;
pub mod tree;

pub mod arrows;
pub mod attributes;
pub mod changelog;
pub mod contract;
pub mod files;
pub mod headers;
pub mod lengths;
pub mod links;
pub mod manifests;
pub mod orphans;
pub mod words;
