//! The `discard` sink: drops everything, to measure what is in front of it.

use sandbar_model::RecordBatchView;

use crate::error::ConnectorError;
use crate::options::{OptionSpec, Options};
use crate::sink::{ANY_FORMAT, Sink, SinkWriter, WriterContext};

pub(crate) const OPTIONS: &[OptionSpec] = &[];

#[expect(clippy::unnecessary_wraps, reason = "the catalogue opens all sinks alike")]
pub(crate) fn open(_options: &Options<'_>) -> Result<Box<dyn Sink>, ConnectorError> {
    Ok(Box::new(DiscardSink))
}

struct DiscardSink;

impl Sink for DiscardSink {
    fn formats(&self) -> &[&str] {
        &[ANY_FORMAT]
    }

    fn writer(&self, _ctx: WriterContext) -> Result<Box<dyn SinkWriter>, ConnectorError> {
        Ok(Box::new(DiscardWriter))
    }
}

struct DiscardWriter;

impl SinkWriter for DiscardWriter {
    fn write(&mut self, _batch: RecordBatchView<'_>) -> Result<(), ConnectorError> {
        Ok(())
    }

    fn flush(&mut self) -> Result<(), ConnectorError> {
        Ok(())
    }

    fn finish(&mut self) -> Result<(), ConnectorError> {
        Ok(())
    }
}
