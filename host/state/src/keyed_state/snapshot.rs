//! Snapshots of keyed state, one a key group: for each state its descriptor and its entries.

use std::borrow::Cow;

use super::descriptor::{
    StateDescriptor, StateFormats, StateKind, StateTtl, TtlUpdateType, TtlVisibility,
};
use super::payload::Layout;
use super::state::{Entries, State};
use super::{KeyedState, StateId};
use crate::error::StateError;
use crate::key_groups::Place;
use crate::packed::Packed;
use crate::snapshot::{SnapshotError, SnapshotReader, SnapshotWriter};

const MAGIC: [u8; 4] = *b"SBKS";
const TAG_END: u8 = 0;
const TAG_STATE: u8 = 1;
const TAG_ENTRY: u8 = 2;
const TTL_IS_SET: u8 = 1;
const TTL_ON_READ: u8 = 2;
const TTL_RETURNS_EXPIRED: u8 = 4;
const TTL_FLAGS: u8 = TTL_IS_SET | TTL_ON_READ | TTL_RETURNS_EXPIRED;

/// One record of a snapshot.
enum Record<'a> {
    State(&'a StateDescriptor),
    Entry(EntryRecord<'a>),
}

/// An entry; `user_key` is there in a map state, `stamp` in a state with time to live.
struct EntryRecord<'a> {
    key: &'a [u8],
    user_key: Option<&'a [u8]>,
    stamp: Option<i64>,
    value: Cow<'a, [u8]>,
}

impl KeyedState {
    /// Writes a key group, in frames that are to be stored one behind another. What has expired
    /// is left out.
    ///
    /// # Errors
    /// A key group of another subtask.
    pub fn snapshot(&self, key_group: u32) -> Result<impl Iterator<Item = Vec<u8>>, StateError> {
        let table = self.key_groups.table_of(key_group)? as usize;
        let mut records = self.states.iter().flat_map(move |state| {
            let format = self.format(state);
            let entries = state.entries(table).filter_map(move |(key, user_key, payload)| {
                let (stamp, value) = format.live_parts(payload)?;
                Some(Record::Entry(EntryRecord { key, user_key, stamp, value }))
            });
            std::iter::once(Record::State(&state.descriptor)).chain(entries)
        });
        let mut writer = SnapshotWriter::new(MAGIC);
        writer.u32(self.key_groups.max_parallelism());
        writer.u32(key_group);
        let mut count = 0u64;
        let mut ended = false;
        Ok(std::iter::from_fn(move || {
            for record in records.by_ref() {
                record.write(&mut writer);
                count += 1;
                if writer.is_full() {
                    return Some(writer.take_frame());
                }
            }
            if std::mem::replace(&mut ended, true) {
                return None;
            }
            writer.u8(TAG_END);
            writer.u64(count);
            Some(writer.take_frame())
        }))
    }

    /// Reads a key group that `snapshot` wrote, on top of what there is. To be called before
    /// states are declared; they keep the descriptors of the snapshot until then.
    ///
    /// # Errors
    /// Bytes that are damaged or of another subtask, job or version; too many states; or managed
    /// memory is used up. The state must be dropped then.
    pub fn restore(&mut self, snapshot: &[u8]) -> Result<(), StateError> {
        let mut reader = SnapshotReader::open(snapshot, MAGIC)?;
        let (max_parallelism, key_group) = (reader.u32()?, reader.u32()?);
        let table = self.key_groups.check_snapshot(max_parallelism, key_group)?;
        let mut state: Option<(StateId, bool)> = None;
        let mut count = 0u64;
        loop {
            reader.begin_record()?;
            match (reader.u8()?, state) {
                (TAG_END, _) => break,
                (TAG_STATE, _) => {
                    let descriptor = read_descriptor(&mut reader)?;
                    let has_stamps = descriptor.has_stamps();
                    state = Some((self.find_or_add(descriptor)?, has_stamps));
                }
                (TAG_ENTRY, Some((id, has_stamps))) => {
                    let is_map = self.states[id.0 as usize].is_map();
                    let entry = read_entry(&mut reader, is_map, has_stamps)?;
                    self.restore_entry(id, table, &entry, &reader)?;
                }
                (tag, _) => return Err(reader.bad_field("record tag", tag.into()).into()),
            }
            count += 1;
        }
        match reader.u64()? {
            written if written == count => Ok(reader.finish()?),
            written => Err(reader.bad_field("a count of records of", written).into()),
        }
    }

    fn find_or_add(&mut self, descriptor: StateDescriptor) -> Result<StateId, StateError> {
        match self.position(&descriptor.operator, &descriptor.name) {
            Some(index) if self.states[index].descriptor.kind == descriptor.kind => {
                Ok(StateId(index as u32))
            }
            // Either it is missing, or `declare` says what is wrong.
            Some(_) | None => self.declare(descriptor),
        }
    }

    fn restore_entry(
        &mut self,
        id: StateId,
        table: u32,
        entry: &EntryRecord<'_>,
        reader: &SnapshotReader<'_>,
    ) -> Result<(), StateError> {
        let target = &mut self.states[id.0 as usize];
        let place = self.key_groups.place(entry.key, || target.path())?;
        if place.table != table {
            return Err(reader.bad_field("a key of the key group at", place.table.into()).into());
        }
        let now_ms = entry.stamp.unwrap_or_else(|| self.clock.now_ms());
        let mut format = target.format(now_ms);
        if format.layout == Layout::Elements {
            // Elements keep the times they have.
            format.now_ms = i64::MAX;
            let checked = format.check(&entry.value);
            checked.map_err(|source| StateError::Elements { state: target.path(), source })?;
        }
        let ends = [entry.key, &entry.value, entry.user_key.unwrap_or_default()]
            .map(|string| [string.len() as u32]);
        let packed = |index: usize, bytes| Packed { ends: &ends[index], bytes };
        let user_keys = entry.user_key.map_or(Packed::EMPTY, |user_key| packed(2, user_key));
        let places: [Place; 1] = [place];
        let entries = Entries { places: &places, keys: packed(0, entry.key), user_keys };
        let values = packed(1, &entry.value);
        let growth = target.growth(entries, values, &format) as u64;
        self.account.grow(growth, || target.path())?;
        let charge = target.put(entries, values, &format);
        self.account.shrink((growth as i64 - charge) as u64);
        Ok(())
    }
}

impl State {
    /// Everything in one key group: keys, user keys in a map state, payloads.
    fn entries(&self, table: usize) -> impl Iterator<Item = (&[u8], Option<&[u8]>, &[u8])> {
        let (values, maps) = (self.tables.value_table(table), self.tables.map_table(table));
        let values = values.into_iter().flat_map(|values| values.iter());
        let maps = maps.into_iter().flat_map(|maps| maps.iter());
        values
            .map(|(key, payload)| (key, None, payload))
            .chain(maps.map(|(key, user_key, payload)| (key, Some(user_key), payload)))
    }
}

impl Record<'_> {
    fn write(&self, writer: &mut SnapshotWriter) {
        match self {
            Record::State(descriptor) => {
                writer.u8(TAG_STATE);
                writer.bytes(descriptor.operator.as_bytes());
                writer.bytes(descriptor.name.as_bytes());
                writer.u8(descriptor.kind.to_code());
                writer.u8(ttl_flags(descriptor.ttl.as_ref()));
                writer.u64(descriptor.ttl.map_or(0, |ttl| ttl.ms));
            }
            Record::Entry(entry) => {
                writer.u8(TAG_ENTRY);
                writer.bytes(entry.key);
                entry.user_key.into_iter().for_each(|user_key| writer.bytes(user_key));
                entry.stamp.into_iter().for_each(|stamp| writer.i64(stamp));
                writer.bytes(&entry.value);
            }
        }
    }
}

fn read_descriptor(reader: &mut SnapshotReader<'_>) -> Result<StateDescriptor, SnapshotError> {
    let operator = reader.string("an operator uid that is not UTF-8, of length")?.to_owned();
    let name = reader.string("a state name that is not UTF-8, of length")?.to_owned();
    let code = reader.u8()?;
    let kind =
        StateKind::from_code(code).ok_or_else(|| reader.bad_field("state kind", code.into()))?;
    let flags = reader.u8()?;
    let ms = reader.u64()?;
    let ttl = match flags {
        0 => None,
        flags if flags & TTL_IS_SET != 0 && flags <= TTL_FLAGS => Some(StateTtl {
            ms,
            update: match flags & TTL_ON_READ {
                0 => TtlUpdateType::OnCreateAndWrite,
                _ => TtlUpdateType::OnReadAndWrite,
            },
            visibility: match flags & TTL_RETURNS_EXPIRED {
                0 => TtlVisibility::NeverReturnExpired,
                _ => TtlVisibility::ReturnExpiredIfNotCleanedUp,
            },
        }),
        _ => return Err(reader.bad_field("time to live flags", flags.into())),
    };
    // Whoever declares the state knows how its bytes read.
    Ok(StateDescriptor { operator, name, kind, ttl, formats: StateFormats::default() })
}

/// Time to live in a snapshot, without its length.
fn ttl_flags(ttl: Option<&StateTtl>) -> u8 {
    let Some(ttl) = ttl else { return 0 };
    let update = match ttl.update {
        TtlUpdateType::OnCreateAndWrite => 0,
        TtlUpdateType::OnReadAndWrite => TTL_ON_READ,
    };
    let visibility = match ttl.visibility {
        TtlVisibility::NeverReturnExpired => 0,
        TtlVisibility::ReturnExpiredIfNotCleanedUp => TTL_RETURNS_EXPIRED,
    };
    TTL_IS_SET | update | visibility
}

impl StateDescriptor {
    /// Whether the entries of its snapshots have the time of writing beside the value.
    fn has_stamps(&self) -> bool {
        self.ttl.is_some() && self.kind != StateKind::List
    }
}

fn read_entry<'a>(
    reader: &mut SnapshotReader<'a>,
    is_map: bool,
    has_stamps: bool,
) -> Result<EntryRecord<'a>, SnapshotError> {
    let key = reader.bytes()?;
    let user_key = if is_map { Some(reader.bytes()?) } else { None };
    let stamp = if has_stamps { Some(reader.i64()?) } else { None };
    Ok(EntryRecord { key, user_key, stamp, value: Cow::Borrowed(reader.bytes()?) })
}
