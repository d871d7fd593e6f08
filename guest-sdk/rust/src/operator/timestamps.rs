//! The operator that assigns timestamps, and that makes watermarks where the author's code does;
//! else the host makes them of what comes out. Source: Flink's `TimestampsAndWatermarksOperator`.

use std::rc::Rc;

use super::definition::Wiring;
use super::simple::main_output;
use crate::chain::erased::{AnyPipe, erase};
use crate::chain::instance::InstanceContext;
use crate::chain::pipe::{Chunk, Pipe, Signal};
use crate::error::{Error, Failure, Outcome};
use crate::event_time::{Assign, Maker, WatermarkGenerator, WatermarkOutput};
use crate::host::NO_TIMESTAMP;

struct Assigner<T> {
    /// None: records keep the timestamps they have.
    assign: Option<Assign<T>>,
    generator: Option<Box<dyn WatermarkGenerator<T>>>,
    /// Watermarks of one call of the generator; kept for its memory.
    emitted: Vec<i64>,
    operator: u32,
    instance: Rc<InstanceContext>,
    out: Box<dyn Pipe<T>>,
}

/// Builds the operator.
pub(crate) fn assigner<T: Clone + 'static>(
    maker: Maker<T>,
    assign: Option<Assign<T>>,
    mut wiring: Wiring,
) -> Result<Vec<AnyPipe>, Error> {
    let generator = match maker {
        Maker::Custom(generator) => Some(generator),
        Maker::Nobody | Maker::Bound(_) => None,
    };
    let out = main_output(&mut wiring.outputs)?;
    let (operator, instance) = (wiring.runtime.operator(), Rc::clone(wiring.runtime.instance()));
    let emitted = Vec::new();
    Ok(vec![erase::<T>(Assigner { assign, generator, emitted, operator, instance, out })])
}

impl<T: 'static> Assigner<T> {
    fn assign(&mut self, timestamp: i64, value: &T) -> Result<i64, Failure> {
        let Some(assign) = &mut self.assign else { return Ok(timestamp) };
        let previous = (timestamp != NO_TIMESTAMP).then_some(timestamp);
        assign(value, previous).map_err(|error| Failure::new(self.operator, error))
    }

    fn generate(
        &mut self,
        act: impl FnOnce(&mut dyn WatermarkGenerator<T>, &mut WatermarkOutput<'_>),
    ) {
        if let Some(generator) = &mut self.generator {
            let (emitted, instance) = (&mut self.emitted, &self.instance);
            act(&mut **generator, &mut WatermarkOutput { emitted, instance });
        }
    }

    fn emit(&mut self) {
        for watermark in self.emitted.drain(..) {
            self.out.emit_watermark(watermark);
        }
    }
}

impl<T: 'static> Pipe<T> for Assigner<T> {
    fn push(&mut self, timestamp: i64, value: T) -> Outcome {
        let assigned = self.assign(timestamp, &value)?;
        // Asked before the record leaves, since it moves; but what it says goes out behind.
        self.generate(|generator, output| generator.on_event(&value, assigned, output));
        let pushed = self.out.push(assigned, value);
        if pushed.is_err() {
            self.emitted.clear();
        }
        pushed?;
        self.emit();
        Ok(())
    }

    fn never_fails(&self) -> bool {
        self.assign.is_none() && self.generator.is_none() && self.out.never_fails()
    }

    fn push_all(&mut self, chunk: &mut Chunk<T>) {
        self.out.push_all(chunk);
    }

    fn signal(&mut self, signal: Signal<'_>) -> Outcome {
        self.out.signal(signal)
    }

    fn on_watermark_interval(&mut self) {
        self.generate(|generator, output| generator.on_periodic_emit(output));
        self.emit();
    }
}

#[cfg(test)]
mod tests;
