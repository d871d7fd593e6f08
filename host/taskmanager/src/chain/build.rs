//! Builds the chain of a task from its vertex: from the head down, each operator with its outputs.

use std::sync::Arc;

use sandbar_connectors::{Console, ReaderContext, SourceReader, WriterContext};
use sandbar_model::Clock;
use sandbar_model::job_graph::{
    Connector, ErrorPolicy, KeyRule, OperatorBody, OperatorNode, OutputTarget,
};
use sandbar_state::{KeyGroups, KeyedState, Timers};
use sandbar_wasm::{ChainLink, InstanceContext, Limits, Plugin};

use super::guest_host::{GuestHost, GuestServices};
use super::key_operator::KeyOperator;
use super::native::NativeServices;
use super::native_operator::NativeOperator;
use super::operator::Operator;
use super::output_watermarks::OutputWatermarks;
use super::outputs::{Outputs, Target};
use super::segment::{Segment, segment_at};
use super::sink_operator::SinkOperator;
use super::wasm_operator::{BadRecords, WasmOperator};
use crate::deployment::{PluginHandle, TaskDeployment};
use crate::error::TaskError;
use crate::exchange::result_partition::ResultPartition;
use crate::metrics::{OperatorMetrics, TaskMetrics};
use crate::task::control::TaskControl;
use crate::task::wiring::Wiring;

/// The option for the linear memory up to which guests keep more keys decoded.
const STATE_CACHE_MEMORY: &str = "sandbar.state.cache.memory";
/// Its value in bytes unless the job has one or the slot has less managed memory.
const STATE_CACHE_MEMORY_MAX: u64 = 128 << 20;

/// What a chain starts with.
pub(crate) enum Head {
    /// A source: its reader, and where its records go.
    Source {
        /// Name of the source, for errors.
        name: String,
        /// The reader.
        reader: Box<dyn SourceReader>,
        /// Where records go.
        outputs: Outputs,
    },
    /// An operator fed by the task's input gate.
    Operator(Box<dyn Operator>),
}

/// Builds the chain of one task, on the thread that will run it.
pub(crate) struct ChainBuilder<'a> {
    pub(crate) deployment: &'a TaskDeployment,
    pub(crate) control: &'a Arc<TaskControl>,
    pub(crate) clock: &'a Arc<dyn Clock>,
    pub(crate) console: &'a Console,
    pub(crate) wiring: &'a Wiring<'a>,
    pub(crate) metrics: &'a TaskMetrics,
}

impl ChainBuilder<'_> {
    /// Builds the chain.
    pub(crate) fn build(&self) -> Result<Head, TaskError> {
        let node = &self.nodes()[0];
        match &node.body {
            OperatorBody::Source(connector) => self.source(node, connector),
            OperatorBody::Sink(_) | OperatorBody::Plugin { .. } | OperatorBody::Key(_) => {
                Ok(Head::Operator(self.operator(0)?))
            }
        }
    }

    fn nodes(&self) -> &[OperatorNode] {
        &self.deployment.vertex().operators
    }

    fn source(&self, node: &OperatorNode, connector: &Connector) -> Result<Head, TaskError> {
        let failed = |error| TaskError::of_connector(&node.name, error);
        let folder = self.deployment.job.base_folder.as_deref();
        let source = sandbar_connectors::source(&connector.name, &connector.options, folder)
            .map_err(failed)?;
        let control = Arc::clone(self.control);
        let reader = source
            .reader(ReaderContext {
                subtask: self.deployment.subtask,
                parallelism: self.deployment.vertex().parallelism,
                waker: Arc::new(move || control.wake()),
                clock: Arc::clone(self.clock),
            })
            .map_err(failed)?;
        let outputs = self.outputs_of(node, &self.operator_metrics(node))?;
        Ok(Head::Source { name: node.name.clone(), reader, outputs })
    }

    fn operator(&self, position: usize) -> Result<Box<dyn Operator>, TaskError> {
        let node = &self.nodes()[position];
        match &node.body {
            OperatorBody::Source(_) => {
                Err(deployment_error(node, "a source can only be the head of a chain"))
            }
            OperatorBody::Sink(connector) => self.sink(node, connector),
            OperatorBody::Key(rule) => self.key(node, rule),
            OperatorBody::Plugin { plugin, operator, config, .. } => {
                match self.deployment.job.plugins.get(plugin) {
                    None => Err(deployment_error(node, &format!("plugin {plugin} is not loaded"))),
                    Some(PluginHandle::Component(component)) => self.segment(position, component),
                    Some(PluginHandle::Native(native)) => {
                        let function = match is_keyed(node) {
                            true => native.open_keyed(operator, config, self.native_services(node)),
                            false => native.open(operator, config),
                        };
                        let function =
                            function.map_err(|reason| deployment_error(node, &reason))?;
                        let metrics = self.operator_metrics(node);
                        let outputs = self.outputs_of(node, &metrics)?;
                        Ok(Box::new(NativeOperator::new(node, function, outputs, metrics)))
                    }
                }
            }
        }
    }

    fn key_groups(&self) -> KeyGroups {
        let vertex = self.deployment.vertex();
        let (parallelism, max_parallelism) = (vertex.parallelism, vertex.max_parallelism);
        KeyGroups::of_subtask(self.deployment.subtask, parallelism, max_parallelism)
    }

    fn native_services(&self, node: &OperatorNode) -> NativeServices {
        let (groups, memory) = (self.key_groups(), self.deployment.slot.managed.clone());
        NativeServices {
            uid: node.uid.clone(),
            state: KeyedState::new(groups.clone(), memory.clone(), Arc::clone(self.clock)),
            timers: Timers::new(groups, memory),
        }
    }

    fn sink(
        &self,
        node: &OperatorNode,
        connector: &Connector,
    ) -> Result<Box<dyn Operator>, TaskError> {
        let failed = |error| TaskError::of_connector(&node.name, error);
        let folder = self.deployment.job.base_folder.as_deref();
        let sink = sandbar_connectors::sink(&connector.name, &connector.options, folder)
            .map_err(failed)?;
        let writer = sink
            .writer(WriterContext {
                subtask: self.deployment.subtask,
                parallelism: self.deployment.vertex().parallelism,
                clock: Arc::clone(self.clock),
                console: self.console.clone(),
            })
            .map_err(failed)?;
        let (metrics, written) =
            (self.operator_metrics(node), Arc::clone(&self.metrics.io.num_records_out));
        Ok(Box::new(SinkOperator::new(node.name.clone(), writer, metrics, written)))
    }

    fn key(&self, node: &OperatorNode, rule: &KeyRule) -> Result<Box<dyn Operator>, TaskError> {
        let outputs = self.outputs_of(node, &self.operator_metrics(node))?;
        Ok(Box::new(KeyOperator::new(node.name.clone(), rule.clone(), node.on_error, outputs)))
    }

    fn segment(&self, head: usize, plugin: &Plugin) -> Result<Box<dyn Operator>, TaskError> {
        let nodes = self.nodes();
        let segment = segment_at(nodes, head);
        let node = &nodes[head];
        let metrics = self.operator_metrics(node);
        let mut outputs = Vec::with_capacity(segment.externals.len());
        for external in &segment.externals {
            outputs.push(self.targets(&nodes[external.operator], &external.targets)?);
        }
        let dead_letters = match node.dead_letter_output {
            Some(output) => {
                let targets = self.targets(node, &node.outputs[output as usize].targets)?;
                Outputs::new(vec![targets], OperatorMetrics::default())
            }
            None => Outputs::new(vec![Vec::new()], OperatorMetrics::default()),
        };
        let handed_on = node.is_selector();
        let policy = BadRecords { policy: node.on_error, dead_letters, handed_on };
        debug_assert!(
            policy.policy != ErrorPolicy::DeadLetter
                || node.dead_letter_output.is_some()
                || handed_on
        );

        let links: Vec<ChainLink> = self.links(&segment)?;
        let mut outputs = Outputs::new(outputs, metrics.clone());
        for (number, external) in segment.externals.iter().enumerate() {
            self.make_watermarks(&nodes[external.operator], &mut outputs, number);
        }
        let host = GuestHost::new(self.services(node, &segment, &links), outputs);
        let limits = Limits {
            slot_memory: self.deployment.slot.guest.clone(),
            ..self.deployment.job.settings.limits.clone()
        };
        let instance = plugin
            .open(
                &links,
                self.instance_context(),
                &limits,
                self.control.cancel_flag(),
                Box::new(host),
            )
            .map_err(TaskError::of_guest)?;
        let subtask = self.deployment.subtask;
        let name = node.name.clone();
        let keyed = is_keyed(node);
        Ok(Box::new(WasmOperator::new(name, subtask, keyed, instance, policy, metrics)))
    }

    fn links(&self, segment: &Segment) -> Result<Vec<ChainLink>, TaskError> {
        let link = |(&position, outputs): (&usize, &Vec<Vec<_>>)| {
            let node = &self.nodes()[position];
            let OperatorBody::Plugin { operator, config, partitions, .. } = &node.body else {
                return Err(deployment_error(node, "only operators of plugins are fused"));
            };
            Ok(ChainLink {
                operator: operator.clone(),
                uid: node.uid.clone(),
                name: node.name.clone(),
                config: config.clone(),
                arguments: self.deployment.job.graph.arguments.clone(),
                outputs: outputs.clone(),
                partitions: *partitions,
            })
        };
        segment.operators.iter().zip(&segment.links).map(link).collect()
    }

    fn services(
        &self,
        head: &OperatorNode,
        segment: &Segment,
        links: &[ChainLink],
    ) -> GuestServices {
        let memory = self.deployment.slot.managed.clone();
        let keyed = is_keyed(head);
        let usage = segment
            .operators
            .iter()
            .filter(|_| keyed)
            .map(|position| self.operator_metrics(&self.nodes()[*position]).state());
        GuestServices {
            job: self.deployment.job.graph.name.clone(),
            subtask: self.deployment.subtask + 1,
            operators: links.iter().map(|link| (link.uid.clone(), link.name.clone())).collect(),
            keyed,
            usage: usage.collect(),
            key_groups: self.key_groups(),
            memory,
            clock: Arc::clone(self.clock),
            is_batch: self.deployment.job.settings.is_batch,
            control: Arc::clone(self.control),
        }
    }

    fn instance_context(&self) -> InstanceContext {
        let job = &self.deployment.job;
        let vertex = self.deployment.vertex();
        let mut configuration = job.graph.configuration.clone();
        configuration.entry(STATE_CACHE_MEMORY.to_owned()).or_insert_with(|| {
            // State that the slot has no memory for must not hide in its guests.
            let managed = self.deployment.slot.managed.budget_bytes();
            format!("{} b", managed.clamp(1, STATE_CACHE_MEMORY_MAX))
        });
        InstanceContext {
            job_id: job.id,
            job_name: job.graph.name.clone(),
            subtask: self.deployment.subtask,
            parallelism: vertex.parallelism,
            max_parallelism: vertex.max_parallelism,
            attempt: job.attempt,
            configuration: Arc::new(configuration),
        }
    }

    fn operator_metrics(&self, node: &OperatorNode) -> OperatorMetrics {
        self.metrics.operator(node)
    }

    fn outputs_of(
        &self,
        node: &OperatorNode,
        metrics: &OperatorMetrics,
    ) -> Result<Outputs, TaskError> {
        let targets = node.outputs.iter().map(|output| self.targets(node, &output.targets));
        let mut outputs = Outputs::new(targets.collect::<Result<_, _>>()?, metrics.clone());
        // The watermarks of a source are made by its loop, which knows the splits.
        if !matches!(node.body, OperatorBody::Source(_)) {
            for output in 0..outputs.len() {
                self.make_watermarks(node, &mut outputs, output);
            }
        }
        Ok(outputs)
    }

    /// Lets an output make watermarks if its operator has a strategy for them.
    fn make_watermarks(&self, node: &OperatorNode, outputs: &mut Outputs, output: usize) {
        let Some(strategy) = &node.watermarks else { return };
        let settings = &self.deployment.job.settings;
        let (task, operator) = (&self.metrics.io, self.operator_metrics(node).io);
        let shown =
            vec![Arc::clone(&task.current_output_watermark), operator.current_output_watermark];
        let now_ms = self.clock.now_ms();
        if let Some(watermarks) =
            OutputWatermarks::new(strategy, settings, now_ms, self.control, shown)
        {
            outputs.make_watermarks(output, watermarks);
        }
    }

    fn targets(
        &self,
        node: &OperatorNode,
        targets: &[OutputTarget],
    ) -> Result<Vec<Target>, TaskError> {
        let target = |target: &OutputTarget| match target {
            OutputTarget::Chained(position) => Ok(Target::Chained(self.operator(*position)?)),
            OutputTarget::Edge(edge) => {
                let partition: ResultPartition =
                    self.wiring.partition(node, *edge, self.control, self.metrics)?;
                Ok(Target::Partition(Box::new(partition)))
            }
        };
        targets.iter().map(target).collect()
    }
}

fn deployment_error(node: &OperatorNode, reason: &str) -> TaskError {
    TaskError::Deployment { operator: node.name.clone(), reason: reason.to_owned() }
}

fn is_keyed(node: &OperatorNode) -> bool {
    match &node.body {
        OperatorBody::Plugin { kind, .. } => kind.is_keyed(),
        OperatorBody::Source(_) | OperatorBody::Sink(_) | OperatorBody::Key(_) => false,
    }
}
