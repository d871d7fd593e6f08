//! Sinks: connectors of the host, and how records are written for them.

use std::cell::RefCell;
use std::fmt::Display;
use std::rc::Rc;

use serde::Serialize;
use serde_json::{Map, Value};

use super::graph::Graph;
use crate::chain::erased::{CodecOf, ErasedEncoder};
use crate::codec::{DisplayText, Encode, Json};

/// A connector of the host that takes records of type `T`.
pub struct Sink<T> {
    pub(crate) connector: String,
    pub(crate) options: Map<String, Value>,
    pub(crate) name: &'static str,
    pub(crate) format: String,
    pub(crate) encoder: Rc<dyn ErasedEncoder>,
    marker: std::marker::PhantomData<fn(T)>,
}

impl<T: 'static> Sink<T> {
    /// A connector of the host by name that takes text: records as they display.
    pub fn text(connector: &str) -> Sink<T>
    where
        T: Display,
    {
        Sink::with_codec(connector, DisplayText)
    }

    /// A connector of the host by name that takes JSON.
    pub fn json(connector: &str) -> Sink<T>
    where
        T: Serialize,
    {
        Sink::with_codec(connector, Json)
    }

    /// A connector of the host by name that takes records in a format of the author's own.
    pub fn with_codec(connector: &str, codec: impl Encode<T>) -> Sink<T> {
        Sink::named(connector, "Sink", codec)
    }

    fn named(connector: &str, name: &'static str, codec: impl Encode<T>) -> Sink<T> {
        Sink {
            connector: connector.to_owned(),
            options: Map::new(),
            name,
            format: codec.format(),
            encoder: Rc::new(CodecOf::new(codec)),
            marker: std::marker::PhantomData,
        }
    }

    /// Sets an option of the connector; `sandbar job connectors` lists them.
    #[must_use]
    pub fn option(mut self, key: &str, value: impl Into<Value>) -> Sink<T> {
        self.options.insert(key.to_owned(), value.into());
        self
    }
}

impl<T> std::fmt::Debug for Sink<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sink")
            .field("connector", &self.connector)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// The console, a record a line.
#[derive(Clone, Copy, Debug)]
pub struct PrintSink;

impl PrintSink {
    /// Records as they display.
    pub fn text<T: Display + 'static>() -> Sink<T> {
        Sink::named("print", "Print", DisplayText)
    }

    /// Records as JSON.
    pub fn json<T: Serialize + 'static>() -> Sink<T> {
        Sink::named("print", "Print", Json)
    }
}

/// Part files in a folder, a record a line.
#[derive(Clone, Copy, Debug)]
pub struct FileSink;

impl FileSink {
    /// Records as they display.
    pub fn text<T: Display + 'static>(folder: impl Into<String>) -> Sink<T> {
        Sink::named("files", "Files", DisplayText).option("path", folder.into())
    }

    /// Records as JSON.
    pub fn json<T: Serialize + 'static>(folder: impl Into<String>) -> Sink<T> {
        Sink::named("files", "Files", Json).option("path", folder.into())
    }
}

/// Nowhere.
#[derive(Clone, Copy, Debug)]
pub struct DiscardSink;

impl DiscardSink {
    /// Records as they display.
    pub fn text<T: Display + 'static>() -> Sink<T> {
        Sink::named("discard", "Discard", DisplayText)
    }

    /// Records as JSON.
    pub fn json<T: Serialize + 'static>() -> Sink<T> {
        Sink::named("discard", "Discard", Json)
    }
}

/// A sink in the graph: names it and sets how it runs.
pub struct StreamSink {
    pub(crate) graph: Rc<RefCell<Graph>>,
    pub(crate) node: usize,
}

impl StreamSink {
    super::graph::settings_methods!();

    fn with_node(self, set: impl FnOnce(&mut super::graph::Node)) -> StreamSink {
        set(&mut self.graph.borrow_mut().nodes[self.node]);
        self
    }
}

impl std::fmt::Debug for StreamSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StreamSink").field("node", &self.node).finish_non_exhaustive()
    }
}
