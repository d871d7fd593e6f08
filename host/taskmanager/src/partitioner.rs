//! Partitioning: which subtasks an edge connects, and which of them each record goes to. Pure.
//!
//! A channel is the position of a downstream subtask among those that an upstream subtask is
//! connected to. Law: Flink's `StreamPartitioner`s record by record, and for forward and rescale
//! the wiring of its `DistributionPattern.POINTWISE`.

use std::ops::Range;

use sandbar_model::job_graph::Partitioner;
use sandbar_model::key_group::{self, MAX_PARALLELISM_LIMIT};
use sandbar_model::{RecordBatchView, SubtaskIndex};
use thiserror::Error;

/// Length of the key that a user's partitioner writes: the subtask as a little-endian `u32`.
pub const CUSTOM_KEY_BYTES: usize = 4;

/// The two sides of an edge, seen from one upstream subtask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// The upstream subtask.
    pub subtask: SubtaskIndex,
    /// Number of upstream subtasks.
    pub upstream_parallelism: u32,
    /// Number of downstream subtasks.
    pub downstream_parallelism: u32,
    /// Number of key groups of the downstream vertex.
    pub max_parallelism: u32,
}

/// The downstream subtasks that an upstream subtask has channels to, in the order of the
/// channels.
///
/// Source: Flink, `VertexInputInfoComputationUtils.computeVertexInputInfoForPointwise`.
pub fn downstream_of(partitioner: Partitioner, exchange: &Exchange) -> Range<u32> {
    let Exchange { subtask: SubtaskIndex(subtask), .. } = *exchange;
    let (sources, targets) = (exchange.upstream_parallelism, exchange.downstream_parallelism);
    if !is_pointwise(partitioner) {
        return 0..targets;
    }
    if sources >= targets {
        // The inverse of `upstream_of`: the one target whose range of sources holds `subtask`.
        let target = scale_up(subtask + 1, targets, sources) - 1;
        target..target + 1
    } else {
        scale_up(subtask, targets, sources)..scale_up(subtask + 1, targets, sources)
    }
}

/// The upstream subtasks that have a channel to a downstream subtask; `exchange.subtask` is the
/// downstream one here.
pub fn upstream_of(partitioner: Partitioner, exchange: &Exchange) -> Range<u32> {
    let Exchange { subtask: SubtaskIndex(subtask), .. } = *exchange;
    let (sources, targets) = (exchange.upstream_parallelism, exchange.downstream_parallelism);
    if !is_pointwise(partitioner) {
        return 0..sources;
    }
    if sources >= targets {
        scale_down(subtask, sources, targets)..scale_down(subtask + 1, sources, targets)
    } else {
        let source = scale_down(subtask, sources, targets);
        source..source + 1
    }
}

/// Where the records of a batch go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selection {
    /// All to this channel.
    All(u32),
    /// All to every channel.
    Broadcast,
    /// Record `i` to channel `out[i]` of the buffer given to `select_batch`.
    PerRecord,
}

/// Chooses the channels of the records that one subtask sends over one edge.
#[derive(Clone, Debug)]
pub struct PartitionSelector {
    connected: Range<u32>,
    rule: Rule,
}

/// What a partitioner needs to know and remember.
#[derive(Clone, Debug)]
enum Rule {
    /// Everything to this channel.
    Fixed(u32),
    Broadcast,
    /// Round robin.
    RoundRobin {
        /// The channel of the record to come. Invariant: below the number of channels.
        next: u32,
    },
    Shuffle {
        /// State of splitmix64.
        random: u64,
    },
    /// The channel of each key group. Invariant: a parallelism is at most 2^15, so it fits.
    Hash(Vec<u16>),
    Custom,
}

impl PartitionSelector {
    /// Makes the selector of one upstream subtask; `seed` starts what Flink draws at random.
    ///
    /// # Errors
    /// The parallelisms do not fit the partitioner, or are out of bounds.
    pub fn new(
        partitioner: Partitioner,
        exchange: Exchange,
        seed: u64,
    ) -> Result<PartitionSelector, PartitionError> {
        check_exchange(partitioner, &exchange)?;
        let connected = downstream_of(partitioner, &exchange);
        let channels = connected.end - connected.start;
        let mut random = seed;
        let rule = match partitioner {
            Partitioner::Forward | Partitioner::Global => Rule::Fixed(0),
            Partitioner::Broadcast => Rule::Broadcast,
            // Custom keys are checked even if there is only one channel to choose.
            Partitioner::Custom => Rule::Custom,
            Partitioner::Rebalance
            | Partitioner::Rescale
            | Partitioner::Shuffle
            | Partitioner::Hash
                if channels == 1 =>
            {
                Rule::Fixed(0)
            }
            Partitioner::Rebalance => Rule::RoundRobin { next: draw(&mut random, channels) },
            Partitioner::Rescale => Rule::RoundRobin { next: 0 },
            Partitioner::Shuffle => Rule::Shuffle { random },
            Partitioner::Hash => Rule::Hash(owners_of_key_groups(&exchange)),
        };
        Ok(PartitionSelector { connected, rule })
    }

    /// The downstream subtasks by channel: channel `c` leads to subtask `connected().start + c`.
    pub fn connected(&self) -> Range<u32> {
        self.connected.clone()
    }

    /// Number of channels; at least 1.
    #[inline]
    pub fn channels(&self) -> u32 {
        self.connected.end - self.connected.start
    }

    /// Chooses the channels of a batch. `out` is cleared and filled only if the answer is
    /// [`Selection::PerRecord`]; give the same one again to save the allocation.
    ///
    /// # Errors
    /// The first record that has no channel; the batch is not to be sent then.
    pub fn select_batch(
        &mut self,
        batch: RecordBatchView<'_>,
        out: &mut Vec<u32>,
    ) -> Result<Selection, PartitionError> {
        let channels = self.channels();
        let records = batch.len();
        match &mut self.rule {
            Rule::Fixed(channel) => return Ok(Selection::All(*channel)),
            Rule::Broadcast => return Ok(Selection::Broadcast),
            Rule::RoundRobin { next } => {
                out.clear();
                out.extend((0..records).map(|_| take_turn(next, channels)));
            }
            Rule::Shuffle { random } => {
                out.clear();
                out.extend((0..records).map(|_| draw(random, channels)));
            }
            Rule::Hash(owners) => {
                check_keyed(batch)?;
                out.clear();
                let groups = owners.len() as u32;
                let owner = |index| owners[key_group::key_group(batch.key(index), groups) as usize];
                out.extend((0..records).map(|index| u32::from(owner(index))));
            }
            Rule::Custom => {
                check_keyed(batch)?;
                out.clear();
                for record in 0..records {
                    out.push(custom_channel(batch.key(record), record, channels)?);
                }
            }
        }
        Ok(Selection::PerRecord)
    }
}

/// A wiring that cannot be, or a record that has no channel.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PartitionError {
    /// A vertex has no subtasks, more than there can be, or more than key groups.
    #[error("{quantity} is {value} but must be between {min} and {max}")]
    OutOfBounds {
        /// What is out of bounds.
        quantity: &'static str,
        /// Its value.
        value: u32,
        /// The least it may be.
        min: u32,
        /// The most it may be.
        max: u32,
    },
    /// Forward connects subtasks of the same index.
    #[error(
        "partitioner FORWARD connects {upstream} upstream subtasks to {downstream} downstream \
         subtasks; give both the same parallelism, or use REBALANCE"
    )]
    UnequalParallelism {
        /// Number of upstream subtasks.
        upstream: u32,
        /// Number of downstream subtasks.
        downstream: u32,
    },
    /// The partitioner reads keys and the records have none.
    #[error("the records have no keys; put a key selector in front of the edge")]
    NotKeyed,
    /// The key that a user's partitioner wrote is no subtask index.
    #[error(
        "record {record}: the partitioner wrote a key of {bytes} bytes; it must write the subtask \
         as a little-endian u32, {CUSTOM_KEY_BYTES} bytes"
    )]
    CustomKeyLength {
        /// Position in the batch.
        record: usize,
        /// Length of the key.
        bytes: usize,
    },
    /// The subtask that a user's partitioner chose does not exist.
    #[error(
        "record {record}: the partitioner chose subtask {subtask}; there are {parallelism}, \
         counted from 0"
    )]
    CustomOutOfRange {
        /// Position in the batch.
        record: usize,
        /// What it chose.
        subtask: u32,
        /// Number of downstream subtasks.
        parallelism: u32,
    },
}

fn is_pointwise(partitioner: Partitioner) -> bool {
    match partitioner {
        Partitioner::Forward | Partitioner::Rescale => true,
        Partitioner::Rebalance
        | Partitioner::Shuffle
        | Partitioner::Broadcast
        | Partitioner::Global
        | Partitioner::Hash
        | Partitioner::Custom => false,
    }
}

/// `ceil(index * to / from)`; the factors are at most 2^15 + 1, so the product fits.
fn scale_up(index: u32, to: u32, from: u32) -> u32 {
    (index * to).div_ceil(from)
}

/// `floor(index * to / from)`, likewise.
fn scale_down(index: u32, to: u32, from: u32) -> u32 {
    index * to / from
}

fn check_exchange(partitioner: Partitioner, exchange: &Exchange) -> Result<(), PartitionError> {
    let Exchange { upstream_parallelism: upstream, downstream_parallelism: downstream, .. } =
        *exchange;
    let bounds = [
        ("max parallelism", exchange.max_parallelism, 1, MAX_PARALLELISM_LIMIT),
        ("upstream parallelism", upstream, 1, MAX_PARALLELISM_LIMIT),
        ("downstream parallelism", downstream, 1, exchange.max_parallelism),
        ("upstream subtask", exchange.subtask.0, 0, upstream.saturating_sub(1)),
    ];
    for (quantity, value, min, max) in bounds {
        if value < min || value > max {
            return Err(PartitionError::OutOfBounds { quantity, value, min, max });
        }
    }
    if partitioner == Partitioner::Forward && upstream != downstream {
        return Err(PartitionError::UnequalParallelism { upstream, downstream });
    }
    Ok(())
}

fn owners_of_key_groups(exchange: &Exchange) -> Vec<u16> {
    let Exchange { downstream_parallelism: parallelism, max_parallelism, .. } = *exchange;
    (0..max_parallelism)
        .map(|group| key_group::subtask_of(group, parallelism, max_parallelism) as u16)
        .collect()
}

fn check_keyed(batch: RecordBatchView<'_>) -> Result<(), PartitionError> {
    if batch.is_keyed() || batch.is_empty() { Ok(()) } else { Err(PartitionError::NotKeyed) }
}

#[inline]
fn take_turn(next: &mut u32, channels: u32) -> u32 {
    let turn = *next;
    *next = if turn + 1 == channels { 0 } else { turn + 1 };
    turn
}

/// Draws a channel with splitmix64 (Steele, Lea, Flood 2014): small, and the same everywhere.
#[inline]
fn draw(random: &mut u64, channels: u32) -> u32 {
    *random = random.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *random;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^= mixed >> 31;
    // The high half scaled to the range: no division, and a bias below 2^-17.
    (((mixed >> 32) * u64::from(channels)) >> 32) as u32
}

fn custom_channel(key: &[u8], record: usize, channels: u32) -> Result<u32, PartitionError> {
    let Ok(bytes) = <[u8; CUSTOM_KEY_BYTES]>::try_from(key) else {
        return Err(PartitionError::CustomKeyLength { record, bytes: key.len() });
    };
    let subtask = u32::from_le_bytes(bytes);
    if subtask >= channels {
        return Err(PartitionError::CustomOutOfRange { record, subtask, parallelism: channels });
    }
    Ok(subtask)
}

#[cfg(test)]
mod tests;
