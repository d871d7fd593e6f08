//! JSON, through serde.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Decode, Encode, Format};
use crate::error::Error;

/// Values as JSON. Unknown fields are ignored unless the type refuses them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Json;

impl<T: 'static> Format<T> for Json {
    fn format(&self) -> String {
        "json".to_owned()
    }
}

impl<T: Serialize + 'static> Encode<T> for Json {
    #[inline]
    fn encode(&self, value: &T, bytes: &mut Vec<u8>) -> Result<(), Error> {
        Ok(serde_json::to_writer(bytes, value)?)
    }
}

impl<T: DeserializeOwned + 'static> Decode<T> for Json {
    #[inline]
    fn decode(&self, bytes: &[u8]) -> Result<T, Error> {
        serde_json::from_slice(bytes)
            .map_err(|error| Error::from(error).context("the value does not parse as JSON"))
    }
}
