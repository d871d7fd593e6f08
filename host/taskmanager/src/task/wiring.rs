//! The wiring of a task: finds the channels of its edges, in the registry or behind the network,
//! and makes its gate and its result partitions.

use std::sync::Arc;

use sandbar_model::SubtaskIndex;
use sandbar_model::job_graph::{EdgeId, JobEdge, OperatorNode};
use sandbar_model::key_group::hash32;

use super::control::TaskControl;
use crate::deployment::TaskDeployment;
use crate::error::TaskError;
use crate::exchange::channel::Channel;
use crate::exchange::input_gate::InputGate;
use crate::exchange::registry::{ChannelId, ChannelRegistry};
use crate::exchange::result_partition::{PartitionSettings, ResultPartition};
use crate::metrics::TaskMetrics;
use crate::network::NetworkEnvironment;
use crate::partitioner::{Exchange, PartitionSelector, upstream_of};

/// Makes both ends of a task's exchanges.
pub(crate) struct Wiring<'a> {
    pub(crate) deployment: &'a TaskDeployment,
    pub(crate) registry: &'a ChannelRegistry,
    pub(crate) network: Option<&'a NetworkEnvironment>,
}

impl Wiring<'_> {
    /// The gate of the task, or none for a source.
    pub(crate) fn gate(&self) -> Option<InputGate> {
        let mut inputs: Vec<Vec<Arc<Channel>>> = Vec::new();
        for edge in self.deployment.job.graph.edges_into(self.deployment.vertex) {
            let exchange = self.exchange(edge);
            let subtask = self.deployment.subtask;
            let channels = upstream_of(edge.partitioner, &exchange)
                .map(|from| self.registry_channel(edge, from, subtask));
            let input = edge.input as usize;
            if inputs.len() <= input {
                inputs.resize_with(input + 1, Vec::new);
            }
            inputs[input].extend(channels);
        }
        (!inputs.is_empty()).then(|| InputGate::new(inputs))
    }

    /// The partition of an edge that `node` writes to.
    pub(crate) fn partition(
        &self,
        node: &OperatorNode,
        edge: EdgeId,
        control: &Arc<TaskControl>,
        metrics: &TaskMetrics,
    ) -> Result<ResultPartition, TaskError> {
        let edge = &self.deployment.job.graph.edges[edge.0 as usize];
        let seed = self.seed(edge);
        let selector = PartitionSelector::new(edge.partitioner, self.exchange(edge), seed)
            .map_err(|source| TaskError::Partition { operator: node.name.clone(), source })?;
        let channels = selector
            .connected()
            .map(|to| self.output_channel(node, edge, to))
            .collect::<Result<Vec<_>, _>>()?;
        metrics.watch_outputs(channels.iter());
        let settings = &self.deployment.job.settings;
        let settings = PartitionSettings {
            operator: node.name.clone(),
            buffer_bytes_max: settings.buffer_bytes_max,
            flush_each: settings.buffer_timeout.is_some_and(|timeout| timeout.is_zero()),
            metrics: metrics.clone(),
        };
        Ok(ResultPartition::new(settings, selector, channels, Arc::clone(control)))
    }

    fn exchange(&self, edge: &JobEdge) -> Exchange {
        let vertices = &self.deployment.job.graph.vertices;
        let target = &vertices[edge.target.index()];
        Exchange {
            subtask: SubtaskIndex(self.deployment.subtask),
            upstream_parallelism: vertices[edge.source.index()].parallelism,
            downstream_parallelism: target.parallelism,
            max_parallelism: target.max_parallelism,
        }
    }

    /// The channel to a consumer, wherever that runs.
    fn output_channel(
        &self,
        node: &OperatorNode,
        edge: &JobEdge,
        to: u32,
    ) -> Result<Arc<Channel>, TaskError> {
        let from = self.deployment.subtask;
        let Some(address) = self.deployment.job.peers.data_address(edge.target, to) else {
            return Ok(self.registry_channel(edge, from, to));
        };
        let Some(network) = self.network else {
            return Err(TaskError::Deployment {
                operator: node.name.clone(),
                reason: format!(
                    "subtask {} of its consumer runs at {address}, and this TaskManager was \
                     started without a data port",
                    to + 1
                ),
            });
        };
        let (id, capacity) = self.channel_name(edge, from, to);
        Ok(network.sender(&address, id, capacity))
    }

    fn registry_channel(&self, edge: &JobEdge, from: u32, to: u32) -> Arc<Channel> {
        let (id, capacity) = self.channel_name(edge, from, to);
        self.registry.channel(id, capacity)
    }

    /// The name of a channel and its capacity, the same at both ends.
    fn channel_name(&self, edge: &JobEdge, from: u32, to: u32) -> (ChannelId, usize) {
        let settings = &self.deployment.job.settings;
        let target = &self.deployment.job.graph.vertices[edge.target.index()];
        let exchange = Exchange { subtask: SubtaskIndex(to), ..self.exchange(edge) };
        debug_assert!(to < target.parallelism);
        let of_gate = upstream_of(edge.partitioner, &exchange).len().max(1);
        let floating = settings.floating_buffers_per_gate / of_gate;
        let id = ChannelId {
            job: self.deployment.job.id,
            attempt: self.deployment.job.attempt,
            edge: edge.id,
            from,
            to,
        };
        (id, (settings.buffers_per_channel + floating).max(1))
    }

    /// What Flink draws at random (where a round robin starts) differs by job, edge and subtask,
    /// and is the same when they are.
    fn seed(&self, edge: &JobEdge) -> u64 {
        let text = format!("{}/{}/{}", self.deployment.job.id, edge.id.0, self.deployment.subtask);
        u64::from(hash32(text.as_bytes()))
    }
}
