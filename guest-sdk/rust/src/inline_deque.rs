//! A list of which the front goes, with the first element in place: what is kept of a key that has
//! one of something is then in one place of memory.

use std::ops::{Deref, DerefMut};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smallvec::SmallVec;

/// Stored as the list of its elements.
#[derive(Clone, Debug)]
pub(crate) struct InlineDeque<T> {
    elements: SmallVec<[T; 1]>,
    /// So many at the front are gone, until as many are behind them: long lists are not copied for
    /// each.
    gone: u32,
}

impl<T> Default for InlineDeque<T> {
    fn default() -> InlineDeque<T> {
        InlineDeque { elements: SmallVec::new(), gone: 0 }
    }
}

impl<T> Deref for InlineDeque<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        &self.elements[self.gone as usize..]
    }
}

impl<T> DerefMut for InlineDeque<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.elements[self.gone as usize..]
    }
}

impl<T> InlineDeque<T> {
    /// Adds an element so that it has this position.
    #[inline]
    pub(crate) fn insert(&mut self, position: usize, element: T) {
        let place = self.gone as usize + position;
        if place == self.elements.len() {
            self.elements.push(element);
        } else {
            self.elements.insert(place, element);
        }
    }

    /// Removes so many elements from the front.
    pub(crate) fn drop_front(&mut self, count: usize) {
        let gone = self.gone as usize + count.min(self.len());
        self.gone = gone as u32;
        if 2 * gone >= self.elements.len() {
            self.elements.drain(..gone);
            self.gone = 0;
        }
    }
}

impl<T: Serialize> Serialize for InlineDeque<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.deref().serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for InlineDeque<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<InlineDeque<T>, D::Error> {
        SmallVec::deserialize(deserializer).map(|elements| InlineDeque { elements, gone: 0 })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;
    use crate::codec::{Compact, Decode, Encode};

    proptest! {
        #[test]
        fn elements_are_those_of_a_deque(
            steps in prop::collection::vec((0usize..4, 0usize..9), 0..99),
        ) {
            let (mut deque, mut model) = (InlineDeque::default(), VecDeque::new());
            for (number, (kind, at)) in steps.into_iter().enumerate() {
                if kind == 0 {
                    deque.drop_front(at);
                    model.drain(..at.min(model.len()));
                } else {
                    let position = at.min(model.len());
                    deque.insert(position, number);
                    model.insert(position, number);
                }
                prop_assert!(deque.iter().eq(&model));
                let mut bytes = Vec::new();
                Compact.encode(&deque, &mut bytes).unwrap();
                let back: InlineDeque<usize> = Compact.decode(&bytes).unwrap();
                prop_assert!(back.iter().eq(&model));
            }
        }
    }
}
