//! What is no plugin is refused at the door, by name, with what is wrong and what to do.

use sandbar_wasm::{Capabilities, Engine, EngineOptions, PluginError};
use wit_component::{ComponentEncoder, StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{ManglingAndAbi, Resolve};

/// A core module of a world that traps in every function.
fn module(wit: &[(&str, &str)], world: &str) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let mut last = None;
    for (name, text) in wit {
        last = Some(resolve.push_str(name, text).expect("the WIT of the test parses"));
    }
    let package = last.expect("a test gives some WIT");
    let world = resolve.select_world(&[package], Some(world)).expect("the world is there");
    let mut module = dummy_module(&resolve, world, ManglingAndAbi::Standard32);
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)
        .expect("the world fits a custom section");
    module
}

/// The contract's own package in one text, at a version, with lines added to its plugin world.
fn contract(version: &str, extra: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../wit");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("the contract is there")
        .map(|entry| entry.expect("it can be listed").path())
        .collect();
    files.sort();
    let mut text = format!("package sandbar:operator@{version};\n");
    for path in files {
        let part = std::fs::read_to_string(path).expect("it can be read");
        let lines = part.lines().filter(|line| !line.starts_with("package "));
        text.push_str(&lines.collect::<Vec<_>>().join("\n"));
        text.push('\n');
    }
    text.replace("import metrics;", &format!("import metrics;\n{extra}"))
}

fn engine() -> Engine {
    Engine::new(EngineOptions::default()).expect("the machine can run wasmtime")
}

fn load(bytes: &[u8]) -> Result<(), PluginError> {
    engine().load("words", bytes, Capabilities::default()).map(|_| ())
}

fn check_refused(bytes: &[u8], expected: &[&str]) {
    let message = load(bytes).expect_err("this is no plugin").to_string();
    for part in expected.iter().chain(&["plugin words"]) {
        assert!(message.contains(part), "no {part:?} in: {message}");
    }
}

#[test]
fn a_module_of_the_contract_is_encoded_and_loaded() {
    let module = module(&[("contract.wit", &contract("0.1.0", ""))], "operator-plugin");
    load(&module).expect("it is a plugin");
    let job = self::module(&[("contract.wit", &contract("0.1.0", ""))], "job-plugin");
    let plugin = engine().load("job", &job, Capabilities::default()).expect("it is a plugin");
    assert!(plugin.defines_job());
}

#[test]
fn a_component_of_another_world_is_refused() {
    let other = [("other.wit", "package a:b; world other { export run: func(); }")];
    let module = module(&other, "other");
    check_refused(&module, &["does not export sandbar:operator/plugin@0.1.0", "run"]);
    let component = ComponentEncoder::default()
        .module(&module)
        .and_then(|mut encoder| encoder.encode())
        .expect("it is a component");
    check_refused(&component, &["does not export sandbar:operator/plugin@0.1.0"]);
}

#[test]
fn a_contract_that_is_too_new_is_named() {
    for version in ["0.1.1", "0.2.0", "1.0.0"] {
        let module = module(&[("contract.wit", &contract(version, ""))], "operator-plugin");
        check_refused(&module, &[version, "this host has 0.1.0", "upgrade"]);
    }
}

#[test]
fn an_import_that_nobody_offers_is_named() {
    let lines = "import strange;\n";
    let mut text = contract("0.1.0", lines);
    text.push_str("interface strange { f: func(); }\n");
    let module = module(&[("contract.wit", &text)], "operator-plugin");
    check_refused(&module, &["imports sandbar:operator/strange@0.1.0", "does not offer"]);
}

#[test]
fn a_damaged_module_is_refused_wherever_it_is_cut() {
    let module = module(&[("contract.wit", &contract("0.1.0", ""))], "operator-plugin");
    for cut in (0..module.len()).step_by(module.len() / 40) {
        let message = load(&module[..cut]).expect_err("half a module is none").to_string();
        assert!(message.contains("plugin words"), "{message}");
    }
}

#[test]
fn compiled_code_is_taken_from_the_cache_only_under_its_seal() {
    let folder = tempfile::tempdir().expect("a folder for the cache");
    let options = || EngineOptions {
        cache_folder: Some(folder.path().to_owned()),
        ..EngineOptions::default()
    };
    let module = module(&[("contract.wit", &contract("0.1.0", ""))], "operator-plugin");
    let load = || {
        let engine = Engine::new(options()).expect("the machine can run wasmtime");
        engine.load("words", &module, Capabilities::default()).expect("it is a plugin");
    };
    let cached = || {
        let files = std::fs::read_dir(folder.path()).expect("the cache is a folder");
        files
            .map(|entry| entry.expect("it can be listed").path())
            .find(|path| path.extension().is_some_and(|extension| extension == "cwasm"))
            .expect("the compiled code is there")
    };
    load();
    let path = cached();
    let sealed = std::fs::read(&path).expect("it can be read");
    // Foreign code under the right name: as a whole, without its seal, and with one bit turned.
    let mut turned = sealed.clone();
    let middle = turned.len() / 2;
    turned[middle] ^= 1;
    for foreign in [&b"\x7fELF"[..], &sealed[32..], &turned, b""] {
        std::fs::write(&path, foreign).expect("it can be written");
        load();
        assert_eq!(std::fs::read(&path).expect("it can be read").len(), sealed.len());
        assert!(std::fs::read(&path).expect("it can be read").starts_with(&sealed[..32]));
    }
}

#[test]
fn precompiled_code_is_never_a_plugin() {
    let folder = tempfile::tempdir().expect("a folder for the cache");
    let options =
        EngineOptions { cache_folder: Some(folder.path().to_owned()), ..EngineOptions::default() };
    let engine = Engine::new(options).expect("the machine can run wasmtime");
    let module = module(&[("contract.wit", &contract("0.1.0", ""))], "operator-plugin");
    engine.load("words", &module, Capabilities::default()).expect("it is a plugin");
    let files = std::fs::read_dir(folder.path()).expect("the cache is a folder");
    let cwasm = files
        .map(|entry| entry.expect("it can be listed").path())
        .find(|path| path.extension().is_some_and(|extension| extension == "cwasm"))
        .expect("the compiled code is there");
    let code = std::fs::read(cwasm).expect("it can be read")[32..].to_vec();
    check_refused(&code, &["precompiled machine code"]);
}
