//! What aggregations of keyed streams emit.

use std::fmt::{self, Display};

use serde::{Deserialize, Serialize};

/// A key and its value so far.
///
/// ```
/// use sandbar_sdk::KeyValue;
///
/// let count = KeyValue { key: "sand", value: 3 };
/// assert_eq!(count.to_string(), "(sand,3)");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct KeyValue<K, V> {
    /// The key.
    pub key: K,
    /// The value.
    pub value: V,
}

impl<K: Clone, V> KeyValue<K, V> {
    pub(crate) fn of(key: &K, value: V) -> KeyValue<K, V> {
        KeyValue { key: key.clone(), value }
    }
}

impl<K: Display, V: Display> Display for KeyValue<K, V> {
    /// Writes it as Flink prints a tuple of two.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({},{})", self.key, self.value)
    }
}
