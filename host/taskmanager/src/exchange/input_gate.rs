//! The input gate: all channels into a task, of all its inputs. Elements come out in the order of
//! each channel; watermarks and statuses come out merged.

use std::sync::Arc;

use sandbar_model::RecordBatch;

use super::channel::{Channel, GateSignal};
use super::sleeper::Sleeper;
use crate::element::StreamElement;
use crate::error::ExchangeFailure;
use crate::watermark_valve::{InputWatermarks, ValveOutput, WatermarkValve};

/// What a gate gives its task.
#[derive(Debug)]
pub enum GateEvent {
    /// Records of an input; give the batch back with [`InputGate::recycle`].
    Batch {
        /// The input of the head operator.
        input: u32,
        /// The channel they came through.
        channel: usize,
        /// The records.
        batch: Box<RecordBatch>,
        /// Whether they came from another TaskManager.
        remote: bool,
    },
    /// Records that could not be keyed on their way, with the reasons as their keys.
    Refused(Box<RecordBatch>),
    /// The merged watermark or status moved.
    Time(ValveOutput),
    /// Nothing for the moment; the thread is unparked when that changes.
    Pending,
    /// All channels have ended.
    Ended,
    /// A channel has failed.
    Failed(Arc<ExchangeFailure>),
}

/// One channel of a gate, and where it belongs.
#[derive(Debug)]
struct InputChannel {
    channel: Arc<Channel>,
    input: u32,
    /// Position among the channels of its input.
    position: usize,
}

/// The receiving side of all exchanges into a task.
#[derive(Debug)]
pub struct InputGate {
    signal: Arc<GateSignal>,
    channels: Vec<InputChannel>,
    valves: Vec<WatermarkValve>,
    watermarks: InputWatermarks,
    open: usize,
}

impl InputGate {
    /// Makes the gate of `channels[input]`, all channels of each input. Every input has at least
    /// one channel.
    pub fn new(channels: Vec<Vec<Arc<Channel>>>) -> InputGate {
        let signal = Arc::new(GateSignal::default());
        let valves = channels.iter().map(|of_input| WatermarkValve::new(of_input.len())).collect();
        let watermarks = InputWatermarks::new(channels.len());
        let mut all = Vec::new();
        for (input, of_input) in channels.into_iter().enumerate() {
            for (position, channel) in of_input.into_iter().enumerate() {
                channel.attach_consumer(all.len(), Arc::clone(&signal));
                all.push(InputChannel { channel, input: input as u32, position });
            }
        }
        let open = all.len();
        InputGate { signal, channels: all, valves, watermarks, open }
    }

    /// Its channels.
    pub fn channels(&self) -> impl Iterator<Item = &Arc<Channel>> {
        self.channels.iter().map(|input| &input.channel)
    }

    /// Names the thread that polls.
    pub fn attach(&self, consumer: impl Into<Sleeper>) {
        self.signal.attach(consumer);
    }

    /// The next event. Channels take turns.
    pub fn poll(&mut self) -> GateEvent {
        while let Some(index) = self.signal.next_ready() {
            let (element, more) = self.channels[index].channel.pop();
            if more {
                // Behind the others, so that a fast channel cannot starve a slow one.
                self.signal.ready_again(index);
            }
            let InputChannel { input, position, .. } = self.channels[index];
            let output = match element {
                None => match self.channels[index].channel.failure() {
                    Some(failure) => return GateEvent::Failed(failure),
                    None => continue,
                },
                Some(StreamElement::Batch(batch)) => {
                    let remote = self.channels[index].channel.is_remote();
                    return GateEvent::Batch { input, channel: index, batch, remote };
                }
                Some(StreamElement::Refused(batch)) => return GateEvent::Refused(batch),
                Some(StreamElement::Watermark(watermark)) => {
                    self.valves[input as usize].on_watermark(position, watermark)
                }
                Some(StreamElement::Status(status)) => {
                    self.valves[input as usize].on_status(position, status)
                }
                Some(StreamElement::EndOfInput) => {
                    self.open -= 1;
                    self.valves[input as usize].on_end(position)
                }
            };
            let merged = self.watermarks.on_output(input as usize, output);
            if !merged.is_empty() {
                return GateEvent::Time(merged);
            }
        }
        if self.open == 0 { GateEvent::Ended } else { GateEvent::Pending }
    }

    /// Gives a processed batch back to the producer of its channel.
    pub fn recycle(&self, channel: usize, batch: Box<RecordBatch>) {
        self.channels[channel].channel.recycle(batch);
    }

    /// Elements waiting in all channels.
    pub fn queued(&self) -> usize {
        self.channels.iter().map(|input| input.channel.len()).sum()
    }
}

impl Drop for InputGate {
    fn drop(&mut self) {
        self.channels.iter().for_each(|input| input.channel.close_consumer());
    }
}
