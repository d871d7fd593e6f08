//! What a table keeps for an entry: the value, and in a state with time to live, when it was
//! written, in front of it or, in a list, in front of each element. Time to live costs 8 bytes an
//! entry or element, and nothing without.

use std::borrow::Cow;

use super::descriptor::{StateDescriptor, StateKind, TtlVisibility};
use super::elements::{self, Elements};
use crate::error::ElementsError;

/// Length of the time of writing.
pub(super) const STAMP_BYTES: usize = 8;

/// Where a payload says when it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// Nowhere: it does not expire.
    Plain,
    /// In front of the value.
    Stamped,
    /// In front of each element: see [`elements`].
    Elements,
}

/// How to read and write payloads of one state at one time.
///
/// Expiry is Flink's (`docs/dev/datastream/fault-tolerance/state`, State TTL), in processing time:
/// an entry, or element of a list, lives while `written + ttl > now`.
#[derive(Clone, Copy, Debug)]
pub(super) struct PayloadFormat {
    pub(super) layout: Layout,
    /// Without a meaning in a plain layout.
    ttl_ms: i64,
    returns_expired: bool,
    pub(super) now_ms: i64,
}

/// What expiry leaves of a payload.
pub(super) enum Pruned {
    /// All of it.
    Same,
    /// Some elements of a list.
    Shorter(Box<[u8]>),
    /// Nothing.
    Gone,
}

impl PayloadFormat {
    pub(super) fn of(descriptor: &StateDescriptor, now_ms: i64) -> PayloadFormat {
        let layout = match (&descriptor.ttl, descriptor.kind) {
            (None, _) => Layout::Plain,
            (Some(_), StateKind::List) => Layout::Elements,
            (Some(_), StateKind::Value | StateKind::Map) => Layout::Stamped,
            (Some(_), StateKind::Reducing | StateKind::Aggregating) => Layout::Stamped,
        };
        let ttl = descriptor.ttl.as_ref();
        PayloadFormat {
            layout,
            ttl_ms: ttl.map_or(i64::MAX, |ttl| i64::try_from(ttl.ms).unwrap_or(i64::MAX)),
            returns_expired: ttl
                .is_some_and(|ttl| ttl.visibility == TtlVisibility::ReturnExpiredIfNotCleanedUp),
            now_ms,
        }
    }

    /// The bytes in front of a value.
    #[inline]
    pub(super) fn stamp_bytes(&self) -> usize {
        if self.layout == Layout::Stamped { STAMP_BYTES } else { 0 }
    }

    /// Whether what was written at `stamp` has expired.
    #[inline]
    fn is_expired(&self, stamp: i64) -> bool {
        stamp.saturating_add(self.ttl_ms) <= self.now_ms
    }

    /// Whether a list must be [pruned](PayloadFormat::prune) before it is read.
    #[inline]
    pub(super) fn prunes_before_reads(&self) -> bool {
        self.layout == Layout::Elements && !self.returns_expired
    }

    /// The value if it may be seen, and whether any of it has expired.
    #[inline]
    pub(super) fn visible<'a>(&self, payload: &'a [u8]) -> (Option<&'a [u8]>, bool) {
        match self.layout {
            Layout::Plain => (Some(payload), false),
            Layout::Stamped => match payload.split_first_chunk::<STAMP_BYTES>() {
                Some((stamp, value)) => {
                    let is_expired = self.is_expired(i64::from_le_bytes(*stamp));
                    ((!is_expired || self.returns_expired).then_some(value), is_expired)
                }
                None => (None, true),
            },
            Layout::Elements => {
                let is_expired = Elements(payload).any(|(stamp, _)| self.is_expired(stamp));
                (Some(payload), is_expired)
            }
        }
    }

    /// What is left of a payload when everything expired is gone.
    pub(super) fn prune(&self, payload: &[u8]) -> Pruned {
        match self.layout {
            Layout::Plain => Pruned::Same,
            Layout::Stamped => match payload.first_chunk::<STAMP_BYTES>() {
                Some(stamp) if !self.is_expired(i64::from_le_bytes(*stamp)) => Pruned::Same,
                Some(_) | None => Pruned::Gone,
            },
            Layout::Elements => {
                if !Elements(payload).any(|(stamp, _)| self.is_expired(stamp)) {
                    return Pruned::Same;
                }
                match self.live_elements(payload) {
                    live if live.is_empty() => Pruned::Gone,
                    live => Pruned::Shorter(live.into_boxed_slice()),
                }
            }
        }
    }

    fn live_elements(&self, payload: &[u8]) -> Vec<u8> {
        let mut live = Vec::new();
        for (stamp, element) in Elements(payload).filter(|(stamp, _)| !self.is_expired(*stamp)) {
            elements::append(stamp, element, &mut live);
        }
        live
    }

    /// When the first part of a payload expires, if it does.
    pub(super) fn expires_at(&self, payload: &[u8]) -> Option<i64> {
        let stamp = match self.layout {
            Layout::Plain => None,
            Layout::Stamped => payload.first_chunk().map(|stamp| i64::from_le_bytes(*stamp)),
            Layout::Elements => Elements(payload).map(|(stamp, _)| stamp).min(),
        };
        stamp.map(|stamp| stamp.saturating_add(self.ttl_ms))
    }

    /// The time of writing, if it is one for all, and what has not expired of the value; none if
    /// all of it has.
    pub(super) fn live_parts<'a>(&self, payload: &'a [u8]) -> Option<(Option<i64>, Cow<'a, [u8]>)> {
        match self.layout {
            Layout::Plain => Some((None, Cow::Borrowed(payload))),
            Layout::Stamped => {
                let (stamp, value) = payload.split_first_chunk::<STAMP_BYTES>()?;
                let stamp = i64::from_le_bytes(*stamp);
                (!self.is_expired(stamp)).then_some((Some(stamp), Cow::Borrowed(value)))
            }
            Layout::Elements => match self.prune(payload) {
                Pruned::Same => Some((None, Cow::Borrowed(payload))),
                Pruned::Shorter(live) => Some((None, Cow::Owned(live.into_vec()))),
                Pruned::Gone => None,
            },
        }
    }

    /// Checks a value that is to be written.
    ///
    /// # Errors
    /// It is to have elements, and has not.
    pub(super) fn check(&self, value: &[u8]) -> Result<(), ElementsError> {
        if self.layout == Layout::Elements { elements::check(value) } else { Ok(()) }
    }

    /// Appends the payload of a value.
    #[inline]
    pub(super) fn append(&self, value: &[u8], out: &mut Vec<u8>) {
        if self.layout == Layout::Stamped {
            out.extend_from_slice(&self.now_ms.to_le_bytes());
        }
        let start = out.len();
        out.extend_from_slice(value);
        if self.layout == Layout::Elements {
            elements::stamp_unstamped(&mut out[start..], self.now_ms);
        }
    }

    /// Writes the payload of a value over one of the same length.
    #[inline]
    pub(super) fn overwrite(&self, value: &[u8], payload: &mut [u8]) {
        let (stamp, place) = payload.split_at_mut(self.stamp_bytes());
        if self.layout == Layout::Stamped {
            stamp.copy_from_slice(&self.now_ms.to_le_bytes());
        }
        place.copy_from_slice(value);
        if self.layout == Layout::Elements {
            elements::stamp_unstamped(place, self.now_ms);
        }
    }

    /// Makes what is alive of a payload written now.
    pub(super) fn renew(&self, payload: &mut [u8]) {
        match self.layout {
            Layout::Plain => {}
            Layout::Stamped => {
                if let Some(stamp) = payload.first_chunk_mut::<STAMP_BYTES>()
                    && !self.is_expired(i64::from_le_bytes(*stamp))
                {
                    *stamp = self.now_ms.to_le_bytes();
                }
            }
            Layout::Elements => elements::each_stamp(payload, |stamp| {
                if !self.is_expired(i64::from_le_bytes(*stamp)) {
                    *stamp = self.now_ms.to_le_bytes();
                }
            }),
        }
    }

    /// Turns the payload of a state in another format into one of this, keeping what there is.
    pub(super) fn convert_from(&self, other: &PayloadFormat, payload: &[u8]) -> Box<[u8]> {
        let (stamp, value) = match payload.split_first_chunk::<STAMP_BYTES>() {
            Some((stamp, value)) if other.layout == Layout::Stamped => {
                (i64::from_le_bytes(*stamp), value)
            }
            Some(_) | None => (self.now_ms, payload),
        };
        PayloadFormat { now_ms: stamp, ..*self }.to_box(value)
    }

    /// The payload of a value.
    pub(super) fn to_box(self, value: &[u8]) -> Box<[u8]> {
        let mut payload = Vec::with_capacity(self.stamp_bytes() + value.len());
        self.append(value, &mut payload);
        payload.into_boxed_slice()
    }
}
