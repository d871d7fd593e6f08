//! Pages of keys: every key once, whatever the pages' size.

use super::*;

/// All keys, in pages of `limit` keys and `page_bytes`.
fn listed(state: &KeyedState, id: StateId, limit: u32, page_bytes: usize) -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = Vec::new();
    loop {
        let mut page = PackedBuffer::new();
        let after = all.last().cloned();
        let range = KeysRange { after: after.as_deref(), limit, page_bytes };
        state.keys(id, range, page.view_mut()).unwrap();
        if page.view().is_empty() {
            return all;
        }
        assert!(page.view().len() <= limit.max(1) as usize);
        assert!(page.view().len() == 1 || page.bytes.len() <= page_bytes);
        all.extend(page.view().iter().map(<[u8]>::to_vec));
    }
}

#[test]
fn every_key_is_listed_once_by_key_group_and_bytes() {
    for (kind, suffix) in [(StateKind::Value, "=v"), (StateKind::Map, "/u=v")] {
        let (mut state, _) = open(1 << 20);
        let id = state.declare(descriptor("seen", kind, None)).unwrap();
        let other = state.declare(descriptor("other", kind, None)).unwrap();
        let names: Vec<String> = (0..500).map(|number| format!("key {number}")).collect();
        for name in &names {
            put(&mut state, id, &[&format!("{name}{suffix}")]).unwrap();
        }
        put(&mut state, other, &[&format!("elsewhere{suffix}")]).unwrap();
        let mut expected: Vec<Vec<u8>> =
            names.iter().map(|name| name.as_bytes().to_vec()).collect();
        expected.sort_by_key(|key| (key_group(key, MAX_PARALLELISM), key.clone()));
        for (limit, page_bytes) in [(1, 1 << 20), (7, 1 << 20), (1000, 1 << 20), (1000, 3)] {
            assert_eq!(listed(&state, id, limit, page_bytes), expected, "{limit} {page_bytes}");
        }
        assert_eq!(listed(&state, id, 0, 1 << 20), expected, "a page has at least one key");
    }
}

#[test]
fn keys_without_entries_are_not_listed() {
    let (mut state, clock) = open(1 << 20);
    let id = state.declare(descriptor("seen", StateKind::Value, Some(100))).unwrap();
    put(&mut state, id, &["old=1"]).unwrap();
    clock.advance(100);
    put(&mut state, id, &["young=1", "gone=1"]).unwrap();
    state.multi_delete(id, pack(&["gone"]).view(), Packed::EMPTY).unwrap();
    assert_eq!(listed(&state, id, 10, 1 << 20), [b"young".to_vec()]);
}

#[test]
fn a_key_of_another_subtask_is_refused() {
    let (mut state, _) = state_of(0, 2, 1 << 20);
    let id = state.declare(descriptor("seen", StateKind::Value, None)).unwrap();
    let foreign = (0..).map(|number| format!("{number}")).find(|key| {
        subtask_of(key_group(key.as_bytes(), MAX_PARALLELISM), 2, MAX_PARALLELISM) == 1
    });
    let foreign = foreign.unwrap();
    let range = KeysRange { after: Some(foreign.as_bytes()), limit: 1, page_bytes: 1 };
    let mut page = PackedBuffer::new();
    assert!(matches!(
        state.keys(id, range, page.view_mut()),
        Err(StateError::KeyOutsideRange { .. })
    ));
    assert!(matches!(
        state.keys(StateId(7), range, page.view_mut()),
        Err(StateError::UnknownState { id: 7, declared: 1 })
    ));
}
