//! What a table keeps for an entry: the value, and in a state with time to live, in front of it
//! when it was written. Time to live costs 8 bytes an entry, and nothing without.

/// Length of the time of writing.
pub(super) const STAMP_BYTES: usize = 8;

/// How to read and write payloads of one state at one time.
///
/// Expiry is Flink's default (`StateTtlConfig`: `OnCreateAndWrite`, `NeverReturnExpired`), in
/// processing time: an entry lives while `written + ttl > now`.
#[derive(Clone, Copy, Debug)]
pub(super) struct PayloadFormat {
    /// None for a state without time to live.
    pub(super) ttl_ms: Option<i64>,
    pub(super) now_ms: i64,
}

impl PayloadFormat {
    /// The bytes in front of a value.
    #[inline]
    pub(super) fn stamp_bytes(&self) -> usize {
        if self.ttl_ms.is_some() { STAMP_BYTES } else { 0 }
    }

    /// The value, unless it has expired.
    #[inline]
    pub(super) fn live<'a>(&self, payload: &'a [u8]) -> Option<&'a [u8]> {
        let Some(ttl_ms) = self.ttl_ms else {
            return Some(payload);
        };
        let (stamp, value) = payload.split_first_chunk::<STAMP_BYTES>()?;
        (i64::from_le_bytes(*stamp).saturating_add(ttl_ms) > self.now_ms).then_some(value)
    }

    /// The time of writing, if it is kept, and the value, expired or not.
    pub(super) fn parts<'a>(&self, payload: &'a [u8]) -> (Option<i64>, &'a [u8]) {
        match payload.split_first_chunk::<STAMP_BYTES>() {
            Some((stamp, value)) if self.ttl_ms.is_some() => {
                (Some(i64::from_le_bytes(*stamp)), value)
            }
            Some(_) | None => (None, payload),
        }
    }

    /// Appends the payload of a value.
    #[inline]
    pub(super) fn append(&self, value: &[u8], out: &mut Vec<u8>) {
        if self.ttl_ms.is_some() {
            out.extend_from_slice(&self.now_ms.to_le_bytes());
        }
        out.extend_from_slice(value);
    }

    /// Writes the payload of a value over one of the same length.
    #[inline]
    pub(super) fn overwrite(&self, value: &[u8], payload: &mut [u8]) {
        let (stamp, place) = payload.split_at_mut(self.stamp_bytes());
        if self.ttl_ms.is_some() {
            stamp.copy_from_slice(&self.now_ms.to_le_bytes());
        }
        place.copy_from_slice(value);
    }

    /// Turns the payload of a state in another format into one of this, keeping what there is.
    pub(super) fn convert_from(&self, other: &PayloadFormat, payload: &[u8]) -> Box<[u8]> {
        let (stamp, value) = other.parts(payload);
        let as_written = PayloadFormat { now_ms: stamp.unwrap_or(self.now_ms), ..*self };
        as_written.to_box(value)
    }

    /// The payload of a value.
    pub(super) fn to_box(self, value: &[u8]) -> Box<[u8]> {
        let mut payload = Vec::with_capacity(self.stamp_bytes() + value.len());
        self.append(value, &mut payload);
        payload.into_boxed_slice()
    }
}
