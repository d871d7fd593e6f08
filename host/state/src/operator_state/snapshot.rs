//! The bytes of a snapshot of operator state.

use super::{ListState, OperatorStateSnapshot, Redistribution, StateName};
use crate::snapshot::{SnapshotError, SnapshotReader, SnapshotWriter};

const MAGIC: [u8; 4] = *b"SBOS";
const TAG_END: u8 = 0;
const TAG_SPLIT_LIST: u8 = 1;
const TAG_UNION_LIST: u8 = 2;
const TAG_ELEMENT: u8 = 3;
const TAG_BROADCAST: u8 = 4;
const TAG_ENTRY: u8 = 5;

/// What the elements and entries being read belong to.
enum Open {
    Nothing,
    List(StateName),
    Broadcast(StateName),
}

impl OperatorStateSnapshot {
    /// Writes it, in frames that are to be stored one behind another.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = SnapshotWriter::new(MAGIC);
        let mut done = Vec::new();
        let mut begin = |open: &mut SnapshotWriter, tag| {
            if open.is_full() {
                done.extend_from_slice(&open.take_frame());
            }
            open.u8(tag);
        };
        for (name, list) in &self.lists {
            begin(&mut writer, tag_of(list.redistribution));
            write_name(&mut writer, name);
            for element in &list.elements {
                begin(&mut writer, TAG_ELEMENT);
                writer.bytes(element);
            }
        }
        for (name, map) in &self.broadcasts {
            begin(&mut writer, TAG_BROADCAST);
            write_name(&mut writer, name);
            for (key, value) in map {
                begin(&mut writer, TAG_ENTRY);
                writer.bytes(key);
                writer.bytes(value);
            }
        }
        begin(&mut writer, TAG_END);
        done.extend_from_slice(&writer.take_frame());
        done
    }

    /// Reads what `to_bytes` wrote.
    ///
    /// # Errors
    /// Bytes that are damaged, or of something else.
    pub fn from_bytes(bytes: &[u8]) -> Result<OperatorStateSnapshot, SnapshotError> {
        let mut reader = SnapshotReader::open(bytes, MAGIC)?;
        let mut snapshot = OperatorStateSnapshot::default();
        let mut open = Open::Nothing;
        loop {
            reader.begin_record()?;
            match (reader.u8()?, &open) {
                (TAG_END, _) => break,
                (tag @ (TAG_SPLIT_LIST | TAG_UNION_LIST), _) => {
                    let name = read_name(&mut reader)?;
                    let redistribution = match tag {
                        TAG_SPLIT_LIST => Redistribution::Split,
                        _ => Redistribution::Union,
                    };
                    let list = ListState { redistribution, elements: Vec::new() };
                    snapshot.lists.insert(name.clone(), list);
                    open = Open::List(name);
                }
                (TAG_BROADCAST, _) => {
                    let name = read_name(&mut reader)?;
                    snapshot.broadcasts.insert(name.clone(), Default::default());
                    open = Open::Broadcast(name);
                }
                (TAG_ELEMENT, Open::List(name)) => {
                    let element = reader.bytes()?.to_vec();
                    if let Some(list) = snapshot.lists.get_mut(name) {
                        list.elements.push(element);
                    }
                }
                (TAG_ENTRY, Open::Broadcast(name)) => {
                    let (key, value) = (reader.bytes()?.to_vec(), reader.bytes()?.to_vec());
                    if let Some(map) = snapshot.broadcasts.get_mut(name) {
                        map.insert(key, value);
                    }
                }
                (tag, _) => return Err(reader.bad_field("record tag", tag.into())),
            }
        }
        reader.finish()?;
        Ok(snapshot)
    }
}

fn tag_of(redistribution: Redistribution) -> u8 {
    match redistribution {
        Redistribution::Split => TAG_SPLIT_LIST,
        Redistribution::Union => TAG_UNION_LIST,
    }
}

fn write_name(writer: &mut SnapshotWriter, name: &StateName) {
    writer.bytes(name.operator.as_bytes());
    writer.bytes(name.name.as_bytes());
}

fn read_name(reader: &mut SnapshotReader<'_>) -> Result<StateName, SnapshotError> {
    let operator = reader.string("an operator uid that is not UTF-8, of length")?;
    Ok(StateName::new(operator, reader.string("a state name that is not UTF-8, of length")?))
}
