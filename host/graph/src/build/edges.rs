//! Edges: every input of every operator and sink, resolved, numbered and checked.

use sandbar_model::job_graph::Partitioner;

use super::formats::{Giver, Taker};
use super::keys::{Keyed, Keying};
use super::references::OutputRef;
use super::{Builder, Draft, Takes};
use crate::error::WiringProblem;
use crate::place;
use crate::spec::{DetailedInput, InputSpec};
use crate::stream_graph::StreamEdge;

impl Builder<'_> {
    /// All edges that are right, in the order of their targets and of the inputs of each.
    pub(super) fn edges(&mut self, drafts: &[Draft<'_>]) -> Vec<StreamEdge> {
        let mut edges = Vec::new();
        for (target, draft) in drafts.iter().enumerate() {
            if matches!(draft.takes, Takes::Nothing) {
                continue;
            }
            let inputs_path = place::field(&draft.path, "inputs");
            if draft.inputs.is_empty() {
                let uid = draft.node.uid.clone();
                self.error(&inputs_path, WiringProblem::NoInputs { uid });
                continue;
            }
            let numbers = self.input_numbers(draft, &inputs_path);
            for (index, input) in draft.inputs.iter().enumerate() {
                let path = place::element(&inputs_path, index);
                let Some(from) = self.find_output(input, drafts, &path) else {
                    continue;
                };
                // An input that the target does not have has been reported; the rest is checked.
                let number = numbers[index].unwrap_or(0);
                let edge = Wire { drafts, from, target, input: number, path: &path };
                edges.extend(self.edge(&detailed(input), edge));
            }
        }
        edges
    }

    /// Which input of its target each entry feeds. Two entries of a two-input operator that say
    /// nothing feed one input each, in their order; else what says nothing feeds input 0.
    fn input_numbers(&mut self, draft: &Draft<'_>, inputs_path: &str) -> Vec<Option<u32>> {
        let given: Vec<Option<u32>> = draft.inputs.iter().map(given_number).collect();
        let Some(count) = draft.takes.inputs() else {
            return given;
        };
        let in_order = count == 2 && given.len() == 2 && given.iter().all(Option::is_none);
        if in_order {
            return vec![Some(0), Some(1)];
        }
        let numbers: Vec<u32> = given.iter().map(|number| number.unwrap_or(0)).collect();
        for (index, input) in numbers.iter().enumerate() {
            if *input >= count {
                let (uid, input) = (draft.node.uid.clone(), *input);
                let problem = WiringProblem::NoSuchInput { uid, inputs: count, input };
                self.error(&place::element(inputs_path, index), problem);
            }
        }
        for input in (0..count).filter(|input| !numbers.contains(input)) {
            let uid = draft.node.uid.clone();
            // A single input that nothing feeds has been reported by the number that is wrong.
            if count > 1 {
                self.error(inputs_path, WiringProblem::InputNotFed { uid, input });
            }
        }
        numbers.into_iter().map(|number| Some(number).filter(|number| *number < count)).collect()
    }

    fn edge(&mut self, detailed: &DetailedInput, wire: Wire<'_>) -> Option<StreamEdge> {
        let source = &wire.drafts[wire.from.node];
        let target = &wire.drafts[wire.target];
        let format = wire.from.output.map(|output| source.node.outputs[output].format.as_str());
        let giver =
            format.map(|format| Giver { uid: &source.node.uid, plugin: source.plugin(), format });
        if let (Some(giver), Some(formats)) = (giver, target.takes.formats(wire.input)) {
            let taker = Taker { name: &target.node.uid, plugin: target.plugin(), formats };
            self.check_formats(giver, taker, wire.path);
        }
        let keyed = Keyed {
            giver,
            source_uid: &source.node.uid,
            target,
            input: wire.input,
            path: wire.path,
        };
        let Keying { partitioner, key } = self.keying(detailed, keyed)?;
        let (from, to) = (source.node.parallelism, target.node.parallelism);
        if partitioner == Some(Partitioner::Forward) && from != to {
            let (source_uid, uid) = (source.node.uid.clone(), target.node.uid.clone());
            let problem = WiringProblem::ForwardParallelism { source_uid, from, uid, to };
            self.error(wire.path, problem);
            return None;
        }
        // Source: Flink's `StreamGraph.createActualEdge`.
        let implicit = if from == to { Partitioner::Forward } else { Partitioner::Rebalance };
        Some(StreamEdge {
            source: wire.from.node,
            output: wire.from.output.unwrap_or(0),
            target: wire.target,
            input: wire.input,
            partitioner: partitioner.unwrap_or(implicit),
            key,
        })
    }
}

/// The two ends of an edge, and where it is written.
#[derive(Clone, Copy)]
struct Wire<'e> {
    drafts: &'e [Draft<'e>],
    from: OutputRef,
    target: usize,
    input: u32,
    path: &'e str,
}

fn given_number(input: &InputSpec) -> Option<u32> {
    match input {
        InputSpec::Output(_) => None,
        InputSpec::Detailed(input) => input.input,
    }
}

/// An input with its details, none of them given in the short form.
fn detailed(input: &InputSpec) -> DetailedInput {
    match input {
        InputSpec::Output(from) => DetailedInput { from: from.clone(), ..Default::default() },
        InputSpec::Detailed(input) => input.clone(),
    }
}
