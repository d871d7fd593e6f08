//! The text of a job file, TOML or JSON: it is read, or every problem has a place and a remedy.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sandbar_graph::{FileFormat, parse};

fuzz_target!(init: sandbar_fuzz::write(sandbar_fuzz::job_specs), |input: &[u8]| {
    let Some((format, text)) = input.split_first() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let (format, name) = match format % 2 {
        0 => (FileFormat::Toml, "job.toml"),
        _ => (FileFormat::Json, "job.json"),
    };
    if let Err(problems) = parse(text, format, name) {
        assert!(!problems.is_empty());
        assert!(problems.iter().all(|problem| !problem.to_string().is_empty()));
    }
});
