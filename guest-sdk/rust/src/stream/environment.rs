//! Where a job is built: makes its sources and holds its settings.

use std::cell::RefCell;
use std::rc::Rc;

use serde_json::Value;

use super::data_stream::DataStream;
use super::graph::{Body, Connector, Graph};
use super::source::Source;
use super::spec;
use crate::codec::Data;
use crate::error::Error;
use crate::event_time::WatermarkStrategy;
use crate::operator::definition::Definition;

/// A job being built. Source: Flink, `StreamExecutionEnvironment`.
///
/// ```
/// use sandbar_sdk::prelude::*;
///
/// fn define(env: &mut StreamExecutionEnvironment, _args: &[String]) -> Result<()> {
///     env.set_parallelism(2);
///     env.from_source(FileSource::text("input.txt"), "lines")
///         .map(|line| line.to_uppercase())
///         .sink_to(PrintSink::text());
///     Ok(())
/// }
///
/// let spec = sandbar_sdk::testing::job_spec(define, &[])?;
/// assert_eq!(spec["operators"][0]["name"], "Map");
/// # Ok::<(), Error>(())
/// ```
pub struct StreamExecutionEnvironment {
    graph: Rc<RefCell<Graph>>,
}

impl StreamExecutionEnvironment {
    pub(crate) fn new(name: &str) -> StreamExecutionEnvironment {
        let graph = Graph { name: name.to_owned(), ..Graph::default() };
        StreamExecutionEnvironment { graph: Rc::new(RefCell::new(graph)) }
    }

    /// Adds a source under a name that is unique in the job.
    pub fn from_source<T: 'static>(&mut self, source: Source<T>, name: &str) -> DataStream<T> {
        let Source { connector, options, codec } = source;
        let body = Body::Source(Connector { name: connector, options });
        let node = self.graph.borrow_mut().add("Source", Vec::new(), body);
        self.graph.borrow_mut().nodes[node].name = Some(name.to_owned());
        DataStream::of_source(&self.graph, node, codec)
    }

    /// Adds a source whose records have the timestamps, and whose stream has the watermarks, of a
    /// strategy. Where that has code of its own (an assigner, a generator), an operator behind the
    /// source runs it.
    ///
    /// ```
    /// use std::time::Duration;
    /// use sandbar_sdk::prelude::*;
    ///
    /// #[derive(Clone, serde::Serialize, serde::Deserialize)]
    /// struct Click {
    ///     user: u64,
    /// }
    ///
    /// fn define(env: &mut StreamExecutionEnvironment, _args: &[String]) -> Result<()> {
    ///     let late = Duration::from_secs(5);
    ///     let strategy = WatermarkStrategy::for_bounded_out_of_orderness(late)
    ///         .with_timestamp_field("/at", TimestampFormat::Rfc3339);
    ///     env.from_source_with_watermarks(FileSource::json("clicks.jsonl"), strategy, "clicks")
    ///         .map(|click: Click| click.user)
    ///         .sink_to(PrintSink::json());
    ///     Ok(())
    /// }
    ///
    /// let spec = sandbar_sdk::testing::job_spec(define, &[])?;
    /// assert_eq!(spec["sources"][0]["watermarks"]["max-out-of-orderness-ms"], 5000);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn from_source_with_watermarks<T: Data>(
        &mut self,
        source: Source<T>,
        mut strategy: WatermarkStrategy<T>,
        name: &str,
    ) -> DataStream<T> {
        let stream = self.from_source(source, name);
        self.graph.borrow_mut().nodes[stream.node()].timestamp = strategy.take_timestamp();
        if !strategy.is_native() {
            return stream.assign_timestamps_and_watermarks(strategy);
        }
        self.graph.borrow_mut().nodes[stream.node()].watermarks = Some(strategy.watermarks());
        stream
    }

    /// Names the job; the name of its crate unless given.
    pub fn set_job_name(&mut self, name: &str) {
        name.clone_into(&mut self.graph.borrow_mut().name);
    }

    /// Sets the number of subtasks of everything that does not set its own.
    pub fn set_parallelism(&mut self, parallelism: u32) {
        self.graph.borrow_mut().parallelism = Some(parallelism);
    }

    /// Sets the number of key groups of everything that does not set its own.
    pub fn set_max_parallelism(&mut self, max_parallelism: u32) {
        self.graph.borrow_mut().max_parallelism = Some(max_parallelism);
    }

    /// Runs every operator as a task of its own.
    pub fn disable_operator_chaining(&mut self) {
        self.graph.borrow_mut().chaining_disabled = true;
    }

    /// Sets a key of the job's configuration: an option of the runtime, or a key of the user's own,
    /// beginning with `user.`, that operators read with [`crate::RuntimeContext::config`]. The
    /// value is a string, a number or a boolean.
    pub fn configure(&mut self, key: &str, value: impl Into<Value>) {
        self.graph.borrow_mut().configuration.insert(key.to_owned(), value.into());
    }

    pub(crate) fn into_graph(self) -> Graph {
        self.graph.take()
    }
}

impl std::fmt::Debug for StreamExecutionEnvironment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let graph = self.graph.borrow();
        f.debug_struct("StreamExecutionEnvironment")
            .field("job", &graph.name)
            .field("nodes", &graph.nodes.len())
            .finish_non_exhaustive()
    }
}

/// The function that builds a job.
pub(crate) type Define = fn(&mut StreamExecutionEnvironment, &[String]) -> Result<(), Error>;

/// Runs the builder.
fn build(name: &str, define: Define, arguments: &[String]) -> Result<Graph, Error> {
    let mut environment = StreamExecutionEnvironment::new(name);
    define(&mut environment, arguments)?;
    Ok(environment.into_graph())
}

/// The JobSpec of a job in JSON, and its operators.
pub(crate) fn job_parts(
    name: &str,
    define: Define,
    arguments: &[String],
) -> Result<(String, Vec<Definition>), Error> {
    let graph = build(name, define, arguments)?;
    let json = spec::to_json(&graph, arguments);
    Ok((json, spec::to_definitions(graph)?))
}
