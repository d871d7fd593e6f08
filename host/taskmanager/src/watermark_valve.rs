//! Merging of watermarks: of the channels of one input ([`WatermarkValve`]), and of the inputs of
//! one operator ([`InputWatermarks`]). Pure: elements in, what to send on out.
//!
//! Law: Flink's `StatusWatermarkValve` and `CombinedWatermarkStatus`. What comes out never goes
//! back, and while a channel is aligned it never passes that channel's watermark.

use sandbar_model::Watermark;

/// Whether a stream moves event time on. Flink's `WatermarkStatus`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WatermarkStatus {
    /// Watermarks are to be waited for.
    Active,
    /// No watermark comes until the stream is active again; nobody waits for it.
    Idle,
}

/// What a valve sends on: at most one watermark and at most one change of status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use = "what the valve puts out belongs downstream"]
pub struct ValveOutput {
    /// Later than every watermark before it.
    pub watermark: Option<Watermark>,
    /// Other than the status before it.
    pub status: Option<WatermarkStatus>,
}

/// One element that a valve sends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValveElement {
    /// A watermark.
    Watermark(Watermark),
    /// A change of status.
    Status(WatermarkStatus),
}

impl ValveOutput {
    /// The elements in the order in which they are to be sent: a stream becomes active before
    /// its watermark and idle after it.
    pub fn elements(self) -> impl Iterator<Item = ValveElement> {
        let first = self.status.filter(|status| *status == WatermarkStatus::Active);
        let last = self.status.filter(|status| *status == WatermarkStatus::Idle);
        first
            .map(ValveElement::Status)
            .into_iter()
            .chain(self.watermark.map(ValveElement::Watermark))
            .chain(last.map(ValveElement::Status))
    }

    /// Whether there is nothing to send.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.watermark.is_none() && self.status.is_none()
    }
}

/// Merges the watermarks and statuses of the channels of one input.
///
/// Source: Flink 1.15, `StatusWatermarkValve.java`; the comments quote its rules.
#[derive(Clone, Debug)]
pub struct WatermarkValve {
    channels: Vec<Channel>,
    /// Invariant: never decreases.
    last_output: Watermark,
    status: WatermarkStatus,
    /// Number of channels that are active.
    active: usize,
    /// The aligned channel that held the output back when it was last looked for; asked first,
    /// so that a watermark costs O(1) as long as the slowest channel stays the same.
    slowest: usize,
}

#[derive(Clone, Copy, Debug)]
struct Channel {
    watermark: Watermark,
    status: WatermarkStatus,
    /// Whether the output waits for it. Invariant: not if it is idle.
    aligned: bool,
}

impl WatermarkValve {
    /// Makes a valve whose channels are all active, aligned and without a watermark.
    ///
    /// # Panics
    /// If there are no channels.
    pub fn new(channels: usize) -> WatermarkValve {
        assert!(channels > 0, "a watermark valve needs at least one channel");
        let channel =
            Channel { watermark: Watermark::MIN, status: WatermarkStatus::Active, aligned: true };
        WatermarkValve {
            channels: vec![channel; channels],
            last_output: Watermark::MIN,
            status: WatermarkStatus::Active,
            active: channels,
            slowest: 0,
        }
    }

    /// The watermark sent on last; [`Watermark::MIN`] before the first.
    #[inline]
    pub fn current(&self) -> Watermark {
        self.last_output
    }

    /// The status sent on last; active at first.
    #[inline]
    pub fn status(&self) -> WatermarkStatus {
        self.status
    }

    /// Takes a watermark from a channel.
    ///
    /// # Panics
    /// If there is no such channel, like all `on_*` of the valve.
    pub fn on_watermark(&mut self, channel: usize, watermark: Watermark) -> ValveOutput {
        let last_output = self.last_output;
        let state = &mut self.channels[channel];
        // "Ignore the input watermark if its channel, or all channels are idle", or if it is not
        // past the channel's last. An active channel makes the valve active.
        if state.status == WatermarkStatus::Idle || watermark <= state.watermark {
            return ValveOutput::default();
        }
        state.watermark = watermark;
        state.aligned |= watermark >= last_output;
        ValveOutput { watermark: self.advance_to_min(), status: None }
    }

    /// Takes a status from a channel.
    pub fn on_status(&mut self, channel: usize, status: WatermarkStatus) -> ValveOutput {
        if self.channels[channel].status == status {
            return ValveOutput::default();
        }
        self.channels[channel].status = status;
        match status {
            WatermarkStatus::Idle => self.on_idle(channel),
            WatermarkStatus::Active => self.on_active(channel),
        }
    }

    /// Takes the end of a channel's input: the channel stands at [`Watermark::MAX`] for ever.
    ///
    /// An idle channel is active again before, as Flink's sources are before their last watermark.
    pub fn on_end(&mut self, channel: usize) -> ValveOutput {
        let activated = self.on_status(channel, WatermarkStatus::Active);
        let advanced = self.on_watermark(channel, Watermark::MAX);
        ValveOutput { watermark: advanced.watermark, status: activated.status }
    }

    fn on_idle(&mut self, channel: usize) -> ValveOutput {
        self.active -= 1;
        let state = &mut self.channels[channel];
        state.aligned = false;
        let was_slowest = state.watermark == self.last_output;
        if self.active > 0 {
            let watermark = if was_slowest { self.advance_to_min() } else { None };
            return ValveOutput { watermark, status: None };
        }
        // "Effectively, this means emitting the max watermark across all channels"; the last
        // active channel has let the output up to its own watermark already unless it was behind.
        let watermark = if was_slowest { self.advance_to_max() } else { None };
        self.status = WatermarkStatus::Idle;
        ValveOutput { watermark, status: Some(WatermarkStatus::Idle) }
    }

    fn on_active(&mut self, channel: usize) -> ValveOutput {
        self.active += 1;
        let state = &mut self.channels[channel];
        // Otherwise it has to catch up first: its records are late, but the output stays put.
        state.aligned = state.watermark >= self.last_output;
        if self.status == WatermarkStatus::Active {
            return ValveOutput::default();
        }
        self.status = WatermarkStatus::Active;
        ValveOutput { watermark: None, status: Some(WatermarkStatus::Active) }
    }

    /// Moves the output to the smallest watermark of the aligned channels, if that is later.
    fn advance_to_min(&mut self) -> Option<Watermark> {
        let last_output = self.last_output;
        let holds_back = |state: &Channel| state.aligned && state.watermark <= last_output;
        if holds_back(&self.channels[self.slowest]) {
            return None;
        }
        let mut slowest: Option<(usize, Watermark)> = None;
        for (index, state) in self.channels.iter().enumerate().filter(|(_, state)| state.aligned) {
            if slowest.is_none_or(|(_, watermark)| state.watermark < watermark) {
                slowest = Some((index, state.watermark));
            }
            if holds_back(state) {
                break;
            }
        }
        let (index, watermark) = slowest?;
        self.slowest = index;
        self.advance_to(watermark)
    }

    fn advance_to_max(&mut self) -> Option<Watermark> {
        let max = self.channels.iter().map(|state| state.watermark).max()?;
        self.advance_to(max)
    }

    fn advance_to(&mut self, watermark: Watermark) -> Option<Watermark> {
        if watermark <= self.last_output {
            return None;
        }
        self.last_output = watermark;
        Some(watermark)
    }
}

/// Merges the watermarks and statuses of the inputs of an operator, each of which a
/// [`WatermarkValve`] has merged before: the minimum over the inputs that are active.
///
/// Source: Flink, `CombinedWatermarkStatus.updateCombinedWatermark`, and `processWatermark` and
/// `processWatermarkStatus` of `AbstractStreamOperator`.
#[derive(Clone, Debug)]
pub struct InputWatermarks {
    inputs: Vec<Input>,
    /// Invariant: never decreases.
    last_output: Watermark,
    status: WatermarkStatus,
}

#[derive(Clone, Copy, Debug)]
struct Input {
    watermark: Watermark,
    status: WatermarkStatus,
}

impl InputWatermarks {
    /// Makes the combination of so many inputs, all active and without a watermark.
    ///
    /// # Panics
    /// If there are no inputs.
    pub fn new(inputs: usize) -> InputWatermarks {
        assert!(inputs > 0, "an operator that merges watermarks needs at least one input");
        let input = Input { watermark: Watermark::MIN, status: WatermarkStatus::Active };
        InputWatermarks {
            inputs: vec![input; inputs],
            last_output: Watermark::MIN,
            status: WatermarkStatus::Active,
        }
    }

    /// The watermark of the operator; [`Watermark::MIN`] before the first.
    #[inline]
    pub fn current(&self) -> Watermark {
        self.last_output
    }

    /// Takes what the valve of an input has sent on.
    ///
    /// # Panics
    /// If there is no such input.
    pub fn on_output(&mut self, input: usize, output: ValveOutput) -> ValveOutput {
        // One after the other: what an input that becomes idle sends before counts still.
        let mut combined = ValveOutput::default();
        for element in output.elements() {
            let state = &mut self.inputs[input];
            match element {
                ValveElement::Watermark(watermark) => {
                    state.watermark = state.watermark.max(watermark);
                }
                ValveElement::Status(status) => state.status = status,
            }
            let next = self.combine();
            combined.watermark = next.watermark.or(combined.watermark);
            combined.status = next.status.or(combined.status);
        }
        combined
    }

    /// Unlike the channels of one input, inputs that are all idle send nothing but that: no input
    /// vouches for how far another has come.
    fn combine(&mut self) -> ValveOutput {
        let is_active = |input: &&Input| input.status == WatermarkStatus::Active;
        let min = self.inputs.iter().filter(is_active).map(|input| input.watermark).min();
        let status = if min.is_some() { WatermarkStatus::Active } else { WatermarkStatus::Idle };
        let mut output = ValveOutput::default();
        if let Some(watermark) = min.filter(|watermark| *watermark > self.last_output) {
            self.last_output = watermark;
            output.watermark = Some(watermark);
        }
        if status != self.status {
            self.status = status;
            output.status = Some(status);
        }
        output
    }
}

#[cfg(test)]
mod tests;
