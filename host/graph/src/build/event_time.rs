//! Event time of sources and operators: where timestamps are, how watermarks are made.

use sandbar_model::job_graph::{TimestampRule, WatermarkStrategy};

use super::Builder;
use super::formats::JSON;
use crate::catalog::SourceTraits;
use crate::chaining::{ChainingDecision, ChainingResult, chaining_decisions};
use crate::error::{EventTimeProblem, KeyProblem};
use crate::place;
use crate::spec::{OperatorSpec, SourceSpec, WatermarkGeneratorSpec, WatermarkSpec};
use crate::stream_graph::{NodeBody, StreamGraph, StreamNode};

/// Why a node is not in one chain with a source; none if it is.
fn why_not_in_source_chain(
    graph: &StreamGraph,
    decisions: &[ChainingDecision],
    mut node: usize,
) -> Option<String> {
    while !matches!(graph.nodes[node].body, NodeBody::Source(_)) {
        let edges = graph.edges.iter().zip(decisions);
        let (edge, decision) = edges.into_iter().find(|(edge, _)| edge.target == node)?;
        match &decision.result {
            ChainingResult::Chained => node = edge.source,
            ChainingResult::Refused(refusals) => {
                let refusals: Vec<String> = refusals.iter().map(ToString::to_string).collect();
                return Some(refusals.join(", and "));
            }
        }
    }
    None
}

impl Builder<'_> {
    /// What a source does about event time; `traits` are there if its connector is right.
    pub(super) fn source_event_time(
        &mut self,
        source: &SourceSpec,
        traits: Option<&SourceTraits>,
        path: &str,
    ) -> Option<WatermarkStrategy> {
        if let Some(timestamp) = &source.timestamp {
            let at = place::field(&place::field(path, "timestamp"), "json");
            let pointer = timestamp.json.clone();
            if !(pointer.is_empty() || pointer.starts_with('/')) {
                self.error(&at, KeyProblem::Pointer { pointer });
            }
            if let Some(traits) = traits.filter(|traits| traits.format != JSON) {
                let format = traits.format.clone();
                self.error(&at, EventTimeProblem::TimestampNotJson { format });
            }
        } else if source.on_error.is_some() {
            let at = place::field(path, "on-error");
            self.error(&at, EventTimeProblem::OnErrorWithoutTimestamp);
        }
        if let Some(watermarks) = &source.watermarks {
            let at = place::field(path, "watermarks");
            if watermarks.generator == Some(WatermarkGeneratorSpec::Custom) {
                self.error(&place::field(&at, "generator"), EventTimeProblem::CustomOfSource);
            }
            self.check_watermarks(watermarks, &at);
        }
        if source.timestamp.is_none() && source.watermarks.is_none() {
            return None;
        }
        let strategy = source.watermarks.as_ref().map(WatermarkStrategy::from).unwrap_or_default();
        let timestamp = source.timestamp.as_ref().map(TimestampRule::from);
        Some(WatermarkStrategy { timestamp, ..strategy })
    }

    /// What an operator does about event time.
    pub(super) fn operator_event_time(
        &mut self,
        operator: &OperatorSpec,
        path: &str,
    ) -> Option<WatermarkStrategy> {
        let watermarks = operator.watermarks.as_ref()?;
        self.check_watermarks(watermarks, &place::field(path, "watermarks"));
        Some(WatermarkStrategy::from(watermarks))
    }

    /// Whoever is aligned waits by not reading: an operator can only be in a group if it runs in
    /// the chain of a source, which then waits for it. `paths` are where the nodes are written.
    pub(super) fn check_alignment(&mut self, graph: &StreamGraph, paths: &[String]) {
        let is_aligned = |node: &StreamNode| {
            node.watermarks.as_ref().is_some_and(|strategy| strategy.alignment.is_some())
        };
        let aligned = graph.nodes.iter().zip(paths).enumerate();
        let aligned: Vec<_> = aligned.filter(|(_, (node, _))| is_aligned(node)).collect();
        if aligned.is_empty() {
            return;
        }
        let decisions = chaining_decisions(graph);
        for (node, (_, path)) in aligned {
            if let Some(reason) = why_not_in_source_chain(graph, &decisions, node) {
                let at = place::field(&place::field(path, "watermarks"), "alignment-group");
                self.error(&at, EventTimeProblem::AlignmentOfOperator { reason });
            }
        }
    }

    fn check_watermarks(&mut self, watermarks: &WatermarkSpec, path: &str) {
        let takes_bound = match watermarks.generator {
            None | Some(WatermarkGeneratorSpec::BoundedOutOfOrderness) => true,
            Some(WatermarkGeneratorSpec::Custom | WatermarkGeneratorSpec::None) => false,
        };
        if !takes_bound && watermarks.max_out_of_orderness_ms.is_some() {
            let at = place::field(path, "max-out-of-orderness-ms");
            self.error(&at, EventTimeProblem::BoundNotUsed);
        }
        for (name, value) in [
            ("idle-timeout-ms", watermarks.idle_timeout_ms),
            ("update-interval-ms", watermarks.update_interval_ms),
        ] {
            if value == Some(0) {
                self.error(&place::field(path, name), EventTimeProblem::Zero { name });
            }
        }
        let has_group = watermarks.alignment_group.is_some();
        if has_group && watermarks.max_drift_ms.is_none() {
            let at = place::field(path, "alignment-group");
            self.error(&at, EventTimeProblem::GroupWithoutDrift);
        }
        let alone = [
            ("max-drift-ms", watermarks.max_drift_ms),
            ("update-interval-ms", watermarks.update_interval_ms),
        ];
        for (name, _) in alone.into_iter().filter(|(_, value)| !has_group && value.is_some()) {
            self.error(&place::field(path, name), EventTimeProblem::WithoutGroup { name });
        }
    }
}
