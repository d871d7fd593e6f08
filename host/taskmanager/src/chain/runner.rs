//! A chain without a task: opened and fed by hand, on the caller's thread. What benchmarks of the
//! sandbox boundary measure is the very chain that tasks run.

use std::sync::Arc;

use sandbar_connectors::Console;
use sandbar_model::{Clock, RecordBatchView};
use sandbar_rpc::state_query::{StateAnswer, StateQuery};
use sandbar_state::ManagedMemory;

use super::build::{ChainBuilder, Head};
use super::operator::Operator;
use crate::deployment::TaskDeployment;
use crate::error::TaskError;
use crate::exchange::registry::ChannelRegistry;
use crate::metrics::TaskMetrics;
use crate::task::control::TaskControl;
use crate::task::wiring::Wiring;

/// An open chain.
pub struct ChainRunner {
    head: Box<dyn Operator>,
    memory: ManagedMemory,
}

impl std::fmt::Debug for ChainRunner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChainRunner").finish_non_exhaustive()
    }
}

impl ChainRunner {
    /// Opens the chain of a vertex that is no source and has no edges out.
    ///
    /// # Errors
    /// As a task that cannot be deployed.
    pub fn open(
        deployment: &TaskDeployment,
        clock: &Arc<dyn Clock>,
        console: &Console,
    ) -> Result<ChainRunner, TaskError> {
        let registry = ChannelRegistry::default();
        let wiring = Wiring { deployment, registry: &registry, network: None };
        let (control, metrics) = (Arc::new(TaskControl::default()), TaskMetrics::default());
        let memory = deployment.slot.managed.clone();
        let chain = ChainBuilder {
            deployment,
            control: &control,
            clock,
            console,
            wiring: &wiring,
            metrics: &metrics,
        };
        match chain.build()? {
            Head::Operator(head) => Ok(ChainRunner { head, memory }),
            Head::Source { name, .. } => Err(TaskError::Deployment {
                operator: name,
                reason: "a chain that is fed by hand has no source".to_owned(),
            }),
        }
    }

    /// Processes records of an input.
    ///
    /// # Errors
    /// As the task would fail.
    pub fn process(&mut self, input: u32, batch: RecordBatchView<'_>) -> Result<(), TaskError> {
        self.head.process(input, batch)
    }

    /// Makes all operators of the chain, head to tail, write what they cache to the state backend.
    ///
    /// # Errors
    /// As the task would fail.
    pub fn before_checkpoint(&mut self, checkpoint_id: u64) -> Result<(), TaskError> {
        self.head.before_checkpoint(checkpoint_id)
    }

    /// Answers a question for the keyed state of an operator of the chain; none if it is of
    /// another.
    ///
    /// # Errors
    /// As the task would fail.
    pub fn query_state(&mut self, query: &StateQuery) -> Result<Option<StateAnswer>, TaskError> {
        self.head.query_state(query)
    }

    /// Bytes that the state of the chain's operators takes in the state backend.
    pub fn state_bytes(&self) -> u64 {
        self.memory.used_bytes()
    }

    /// Ends the input and closes the chain.
    ///
    /// # Errors
    /// As the task would fail.
    pub fn finish(mut self) -> Result<(), TaskError> {
        self.head.finish()?;
        self.head.close()
    }
}
