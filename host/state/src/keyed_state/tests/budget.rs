//! At a tight budget a batch is written as a whole or not at all, and what is charged never
//! passes the budget.

use super::*;

fn contents(state: &mut KeyedState, id: StateId) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut of_key = |key: u8| {
        let (mut user_keys, mut values) = (PackedBuffer::new(), PackedBuffer::new());
        state.scan(id, &[key], ALL, user_keys.view_mut(), values.view_mut()).unwrap();
        let pairs = user_keys.view().iter().zip(values.view().iter());
        pairs.map(|(user_key, value)| (user_key.to_vec(), value.to_vec())).collect::<Vec<_>>()
    };
    (0..6).flat_map(&mut of_key).collect()
}

proptest! {
    #[test]
    fn a_batch_over_the_budget_changes_nothing(
        operations in operations(), budget in 0u64..1500, is_map: bool, has_ttl: bool,
    ) {
        let (mut state, clock) = open(budget);
        let kind = if is_map { StateKind::Map } else { StateKind::Value };
        let id = state.declare(descriptor("state", kind, has_ttl.then_some(5))).unwrap();
        for operation in &operations {
            clock.advance(1);
            let Operation::Put(entries) = operation else {
                continue;
            };
            let pairs: Vec<_> = entries.iter().map(|(key, user, _)| (*key, *user)).collect();
            let (keys, user_keys) = columns(is_map, &pairs);
            let values: PackedBuffer = entries.iter().map(|(.., value)| value).collect();
            let before = contents(&mut state, id);
            let written = state.multi_put(id, keys.view(), user_keys.view(), values.view());
            prop_assert!(state.used_bytes() <= budget);
            if written.is_err() {
                prop_assert_eq!(contents(&mut state, id), before);
            }
        }
        sweep_all(&mut state, &clock);
        prop_assert!(!has_ttl || state.used_bytes() == 0);
    }
}
