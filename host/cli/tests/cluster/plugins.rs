//! `plugin upload`, `plugin list` and `plugin delete`.

use sandbar_model::PluginId;

use crate::command::Fixture;
use crate::fake_dispatcher::stored_plugin;

#[test]
fn plugins_are_uploaded_listed_and_deleted() {
    let fixture = Fixture::with_files(&[("a.wasm", "\0asm one"), ("b.wasm", "\0asm two")]);
    fixture.run(&["plugin", "list"]).check_printed("No plugins.\n");
    let uploaded = fixture.run(&["plugin", "upload", "a.wasm", "b.wasm"]).stdout;
    let ids: Vec<&str> = uploaded.lines().collect();
    assert_eq!(ids[0], blake3::hash(b"\0asm one").to_string());
    let uploads = fixture.dispatcher.with(|recorded| recorded.uploads.clone());
    assert_eq!(uploads, ["a.wasm", "b.wasm"]);
    let expected = format!(
        "{}  a.wasm     8 bytes  01.01.1970 00:00:00  job a.wasm\n\
         {}  b.wasm     8 bytes  01.01.1970 00:00:00  job b.wasm\n",
        &ids[0][..16],
        &ids[1][..16]
    );
    fixture.run(&["plugin", "list"]).check_printed(&expected);
    let listed = fixture.run(&["plugin", "list", "--json"]).stdout;
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed["plugins"][1]["id"], ids[1]);
    let deleted = fixture.run(&["plugin", "delete", &ids[0][..8].to_uppercase()]);
    deleted.check_printed(&format!("Deleted plugin {} (a.wasm).\n", ids[0]));
    assert_eq!(fixture.dispatcher.with(|recorded| recorded.plugins.len()), 1);
}

#[test]
fn what_is_no_plugin_is_refused_in_the_servers_words() {
    let fixture = Fixture::with_files(&[("a.txt", "hello")]);
    fixture
        .run(&["plugin", "upload", "a.txt"])
        .check_refused(1, &["error: a.txt is no component\n"]);
    let as_json = fixture.run(&["plugin", "upload", "--json", "a.txt"]);
    assert_eq!(as_json.last_json()["errors"][0], "a.txt is no component");
    let missing = fixture.run(&["plugin", "upload", "none.wasm"]);
    missing.check_refused(1, &["cannot read plugin none.wasm: No such file"]);
}

#[test]
fn only_the_plugin_that_is_meant_is_deleted() {
    let fixture = Fixture::new();
    fixture.dispatcher.with(|recorded| {
        let plugin = |last: u8| {
            let mut id = [7; 32];
            id[31] = last;
            stored_plugin(PluginId(id), "a.wasm", 1)
        };
        recorded.plugins = vec![plugin(1), plugin(2)];
    });
    let delete = |ids: &[&str]| fixture.run(&[&["plugin", "delete"], ids].concat());
    delete(&["07070707"]).check_refused(1, &["several plugins", "(a.wasm)"]);
    delete(&["0707070"]).check_refused(2, &["64 hexadecimal digits"]);
    let whole = format!("{}01", "07".repeat(31));
    delete(&[&whole, "ffffffff"]).check_refused(1, &["no plugin has an id that begins with fff"]);
    assert_eq!(fixture.dispatcher.with(|recorded| recorded.plugins.len()), 2);
}
