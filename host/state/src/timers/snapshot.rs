//! Snapshots of timers, one a key group: the uids of all operators, then the timers.

use sandbar_model::key_group::key_group;

use super::{TimeDomain, TimerColumns, Timers};
use crate::error::StateError;
use crate::snapshot::{SnapshotError, SnapshotReader, SnapshotWriter};

const MAGIC: [u8; 4] = *b"SBTM";
const TAG_END: u8 = 0;
const TAG_TIMER: u8 = 1;

const DOMAINS: [TimeDomain; 2] = [TimeDomain::EventTime, TimeDomain::ProcessingTime];

/// The snapshot of a key group while it is being written.
struct GroupWriter {
    writer: SnapshotWriter,
    done: Vec<u8>,
    count: u64,
}

impl Timers {
    /// Writes the timers of all key groups of the subtask, in the order of the groups. All at
    /// once, since they are kept by time and not by key group.
    pub fn snapshot(&self) -> Vec<(u32, Vec<u8>)> {
        let range = self.key_groups.range();
        let mut groups: Vec<_> =
            range.clone().map(|group| (group, self.open_group(group))).collect();
        for (owner, operator) in self.operators.iter().enumerate() {
            for domain in DOMAINS {
                for (timestamp, key, namespace) in operator.set(domain).iter() {
                    let group = key_group(key, self.key_groups.max_parallelism()) - range.start();
                    let writer = groups[group as usize].1.begin_timer();
                    writer.u32(owner as u32);
                    writer.u8(code_of(domain));
                    writer.i64(timestamp);
                    writer.bytes(key);
                    writer.bytes(namespace);
                }
            }
        }
        groups.into_iter().map(|(group, writer)| (group, writer.finish())).collect()
    }

    /// Reads a key group that `snapshot` wrote, on top of what there is.
    ///
    /// # Errors
    /// Bytes that are damaged or of another subtask, job or version; or managed memory is used
    /// up. The timers must be dropped then.
    pub fn restore(&mut self, snapshot: &[u8]) -> Result<(), StateError> {
        let mut reader = SnapshotReader::open(snapshot, MAGIC)?;
        let (max_parallelism, key_group) = (reader.u32()?, reader.u32()?);
        let table = self.key_groups.check_snapshot(max_parallelism, key_group)?;
        let mut owners = Vec::new();
        for _ in 0..reader.u32()? {
            owners.push(self.owner(reader.string("an operator uid that is not UTF-8")?)?);
        }
        let mut count = 0;
        loop {
            reader.begin_record()?;
            match reader.u8()? {
                TAG_END => break,
                TAG_TIMER => count += 1,
                tag => return Err(reader.bad_field("record tag", tag.into()).into()),
            }
            let owner = reader.u32()?;
            let Some(owner) = owners.get(owner as usize).copied() else {
                return Err(reader.bad_field("operator", owner.into()).into());
            };
            let domain = read_domain(&mut reader)?;
            let mut timer = TimerColumns::default();
            timer.timestamps.push(reader.i64()?);
            timer.keys.push(reader.bytes()?);
            timer.namespaces.push(reader.bytes()?);
            let place = self.key_groups.place(timer.keys.view().get(0), || "timers".to_string())?;
            if place.table != table {
                let at = place.table.into();
                return Err(reader.bad_field("a key of the key group at", at).into());
            }
            self.register(owner, domain, timer.view())?;
        }
        match reader.u64()? {
            written if written == count => Ok(reader.finish()?),
            written => Err(reader.bad_field("a count of timers of", written).into()),
        }
    }

    fn open_group(&self, key_group: u32) -> GroupWriter {
        let mut writer = SnapshotWriter::new(MAGIC);
        writer.u32(self.key_groups.max_parallelism());
        writer.u32(key_group);
        writer.u32(self.operators.len() as u32);
        self.operators.iter().for_each(|operator| writer.bytes(operator.uid.as_bytes()));
        GroupWriter { writer, done: Vec::new(), count: 0 }
    }
}

impl GroupWriter {
    fn begin_timer(&mut self) -> &mut SnapshotWriter {
        if self.writer.is_full() {
            self.done.extend_from_slice(&self.writer.take_frame());
        }
        self.count += 1;
        self.writer.u8(TAG_TIMER);
        &mut self.writer
    }

    fn finish(mut self) -> Vec<u8> {
        self.writer.u8(TAG_END);
        self.writer.u64(self.count);
        self.done.extend_from_slice(&self.writer.take_frame());
        self.done
    }
}

/// The number of a domain in snapshots. **Invariant**: never changes.
fn code_of(domain: TimeDomain) -> u8 {
    match domain {
        TimeDomain::EventTime => 0,
        TimeDomain::ProcessingTime => 1,
    }
}

fn read_domain(reader: &mut SnapshotReader<'_>) -> Result<TimeDomain, SnapshotError> {
    let code = reader.u8()?;
    let found = DOMAINS.into_iter().find(|domain| code_of(*domain) == code);
    found.ok_or_else(|| reader.bad_field("time domain", code.into()))
}
