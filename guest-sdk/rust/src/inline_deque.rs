//! A list of which the front goes, with the first element in place: what is kept of a key that has
//! one of something is then in one place of memory.

use std::mem::take;
use std::ops::{Deref, DerefMut};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Room for elements of a list that has more than one.
const ELEMENTS_MIN: usize = 4;

/// Stored as the list of its elements.
#[derive(Clone, Debug)]
pub(crate) struct InlineDeque<T>(Elements<T>);

/// An enum of its own rather than a vector with room in place: what tells the variants apart is
/// also what tells whether there is a list at all, wherever one is optional.
#[derive(Clone, Debug, Default)]
enum Elements<T> {
    #[default]
    None,
    One(T),
    Many {
        elements: Vec<T>,
        /// So many at the front are gone, until as many are behind them: long lists are not copied
        /// for each.
        gone: u32,
    },
}

impl<T> Default for InlineDeque<T> {
    fn default() -> InlineDeque<T> {
        InlineDeque(Elements::None)
    }
}

impl<T> Deref for InlineDeque<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        match &self.0 {
            Elements::None => &[],
            Elements::One(element) => std::slice::from_ref(element),
            Elements::Many { elements, gone } => &elements[*gone as usize..],
        }
    }
}

impl<T> DerefMut for InlineDeque<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        match &mut self.0 {
            Elements::None => &mut [],
            Elements::One(element) => std::slice::from_mut(element),
            Elements::Many { elements, gone } => &mut elements[*gone as usize..],
        }
    }
}

impl<T> InlineDeque<T> {
    /// Adds an element so that it has this position.
    #[inline]
    pub(crate) fn insert(&mut self, position: usize, element: T) {
        match &mut self.0 {
            Elements::None => self.0 = Elements::One(element),
            Elements::Many { elements, gone } => {
                elements.insert(*gone as usize + position, element)
            }
            Elements::One(_) => self.insert_second(position, element),
        }
    }

    #[inline(never)]
    fn insert_second(&mut self, position: usize, element: T) {
        let mut elements = Vec::with_capacity(ELEMENTS_MIN);
        if let Elements::One(first) = take(&mut self.0) {
            elements.push(first);
        }
        elements.insert(position, element);
        self.0 = Elements::Many { elements, gone: 0 };
    }

    /// Adds an element behind all others.
    #[inline]
    pub(crate) fn push(&mut self, element: T) {
        self.insert(self.len(), element);
    }

    /// Takes the element at a position out, if there is one.
    #[inline]
    pub(crate) fn remove(&mut self, position: usize) -> Option<T> {
        if position >= self.len() {
            return None;
        }
        match &mut self.0 {
            Elements::None => None,
            Elements::One(_) => match take(&mut self.0) {
                Elements::One(element) => Some(element),
                Elements::None | Elements::Many { .. } => None,
            },
            Elements::Many { elements, gone } => {
                let element = elements.remove(*gone as usize + position);
                self.drop_front_of_many(0);
                Some(element)
            }
        }
    }

    /// Removes so many elements from the front.
    #[inline]
    pub(crate) fn drop_front(&mut self, count: usize) {
        match &self.0 {
            Elements::One(_) if count > 0 => self.0 = Elements::None,
            Elements::Many { .. } => self.drop_front_of_many(count),
            Elements::None | Elements::One(_) => {}
        }
    }

    fn drop_front_of_many(&mut self, count: usize) {
        let Elements::Many { elements, gone } = &mut self.0 else { return };
        let all_gone = elements.len().min(*gone as usize + count);
        match elements.len() - all_gone {
            0 => self.0 = Elements::None,
            1 => self.0 = elements.pop().map_or(Elements::None, Elements::One),
            left => {
                *gone = all_gone as u32;
                if all_gone >= left {
                    elements.drain(..all_gone);
                    *gone = 0;
                }
            }
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
        let mut elements = Vec::deserialize(deserializer)?;
        Ok(InlineDeque(match elements.len() {
            0 => Elements::None,
            1 => elements.pop().map_or(Elements::None, Elements::One),
            _ => Elements::Many { elements, gone: 0 },
        }))
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
            steps in prop::collection::vec((0usize..5, 0usize..9), 0..99),
        ) {
            let (mut deque, mut model) = (InlineDeque::default(), VecDeque::new());
            for (number, (kind, at)) in steps.into_iter().enumerate() {
                if kind == 0 {
                    deque.drop_front(at);
                    model.drain(..at.min(model.len()));
                } else if kind == 1 {
                    prop_assert_eq!(deque.remove(at), model.remove(at));
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
