//! The messages between JobManager and TaskManagers: bytes are a message or are refused, and a
//! message is the same when it is encoded and decoded again.

#![no_main]

use std::fmt::Debug;

use libfuzzer_sys::fuzz_target;
use sandbar_rpc::grpc::{decode, encode};
use sandbar_rpc::{ToJobManager, ToTaskManager};
use serde::Serialize;
use serde::de::DeserializeOwned;

fn check<M: Serialize + DeserializeOwned + Debug>(bytes: &[u8]) {
    let message: M = match decode(bytes) {
        Ok(message) => message,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let mut encoded = Vec::new();
    encode(&message, &mut encoded).expect("what was decoded can be encoded");
    let again: M = decode(encoded.as_slice()).expect("what was encoded can be decoded");
    // By text: numbers that are none equal nothing.
    assert_eq!(format!("{message:?}"), format!("{again:?}"));
}

fuzz_target!(init: sandbar_fuzz::write(sandbar_fuzz::messages), |input: &[u8]| {
    let Some((direction, bytes)) = input.split_first() else { return };
    if direction % 2 == 0 { check::<ToJobManager>(bytes) } else { check::<ToTaskManager>(bytes) }
});
