//! Laws of the whole list of options.

use std::collections::BTreeSet;

use super::*;

#[test]
fn every_default_is_a_value_of_its_option() {
    for info in all() {
        if let Some(default) = info.default {
            assert!(info.accepts(default), "{}: {default}", info.key);
        }
    }
}

#[test]
fn every_key_and_older_name_belongs_to_one_option() {
    let mut seen = BTreeSet::new();
    for info in all() {
        for key in info.aliases.iter().chain([&info.key]) {
            assert!(seen.insert(*key), "{key}");
        }
    }
}

#[test]
fn every_doc_is_sentences() {
    for info in all() {
        let doc = info.doc();
        assert!(doc.starts_with(|first: char| first.is_ascii_uppercase()), "{}: {doc}", info.key);
        assert!(doc.ends_with('.') && !doc.contains("  "), "{}: {doc}", info.key);
    }
}

#[test]
fn options_without_a_default_are_optional() {
    for info in all() {
        assert!(info.default.is_some() || info.is_optional, "{}", info.key);
    }
}

#[test]
fn what_only_a_cluster_heeds_is_told_from_what_jobs_do() {
    for of_cluster in [
        "heartbeat.timeout",
        "rest.port",
        "rest.bind-port",
        "slot.request.timeout",
        "taskmanager.data.port",
        "security.ssl.internal.enabled",
        "sandbar.resource.provider",
    ] {
        assert!(is_of_cluster(of_cluster), "{of_cluster}");
    }
    for of_all in [
        "execution.target",
        "parallelism.default",
        "taskmanager.memory.managed.size",
        "taskmanager.numberOfTaskSlots",
        "restart-strategy.type",
        "jobmanager.scheduler",
        "user.key",
    ] {
        assert!(!is_of_cluster(of_all), "{of_all}");
    }
}
