//! Segments: which operators of a chain run fused in one instance (D4). Consecutive operators of
//! one plugin do, unless the later one has an error policy of its own to apply: then it is the
//! head of a segment, so that the host sees the very record it refuses; or one of them makes
//! watermarks.

use sandbar_model::job_graph::{
    ErrorPolicy, OperatorBody, OperatorNode, OutputTarget, WatermarkGenerator,
};
use sandbar_wasm::LinkTarget;

/// A part of a chain that runs in one instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    /// Positions in the chain, the head first.
    pub(crate) operators: Vec<usize>,
    /// Per operator of the segment, per output, where it goes as the guest sees it.
    pub(crate) links: Vec<Vec<Vec<LinkTarget>>>,
    /// Per external output of the instance, what it stands for.
    pub(crate) externals: Vec<External>,
}

/// An external output of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct External {
    /// Position in the chain of the operator that emits.
    pub(crate) operator: usize,
    /// The targets outside the segment.
    pub(crate) targets: Vec<OutputTarget>,
}

/// Finds the segment that starts at `head`.
pub(crate) fn segment_at(operators: &[OperatorNode], head: usize) -> Segment {
    let mut members = vec![head];
    let mut next = 0;
    while let Some(&position) = members.get(next) {
        for target in chained_targets(&operators[position]) {
            if fuses(&operators[position], &operators[target]) {
                members.push(target);
            }
        }
        next += 1;
    }
    let mut externals = Vec::new();
    let links = members
        .iter()
        .map(|&position| links_of(operators, position, &members, &mut externals))
        .collect();
    Segment { operators: members, links, externals }
}

/// The operators that a guest's own outputs are chained to. Dead letters are made by the host, so
/// what reads them is not fed inside the guest.
fn chained_targets(node: &OperatorNode) -> impl Iterator<Item = usize> + '_ {
    let guest_outputs = node.dead_letter_output.map_or(node.outputs.len(), |at| at as usize);
    node.outputs[..guest_outputs].iter().flat_map(|output| &output.targets).filter_map(|target| {
        match target {
            OutputTarget::Chained(position) => Some(*position),
            OutputTarget::Edge(_) => None,
        }
    })
}

fn fuses(upstream: &OperatorNode, downstream: &OperatorNode) -> bool {
    let plugin_of = |node: &OperatorNode| match &node.body {
        OperatorBody::Plugin { plugin, .. } => Some(plugin.clone()),
        OperatorBody::Source(_) | OperatorBody::Sink(_) | OperatorBody::Key(_) => None,
    };
    let makes_own = |node: &OperatorNode| {
        let generator = node.watermarks.as_ref().and_then(|strategy| strategy.generator);
        generator == Some(WatermarkGenerator::Custom)
    };
    // An instance has one watermark, so it ends where watermarks do. What a guest's own watermarks
    // follow has left the instance and is never taken back, so it has no operator in front.
    upstream.watermarks.is_none()
        && !makes_own(downstream)
        && downstream.on_error == ErrorPolicy::Fail
        && plugin_of(upstream).is_some()
        && plugin_of(upstream) == plugin_of(downstream)
}

fn links_of(
    operators: &[OperatorNode],
    position: usize,
    members: &[usize],
    externals: &mut Vec<External>,
) -> Vec<Vec<LinkTarget>> {
    let node = &operators[position];
    let guest_outputs = node.dead_letter_output.map_or(node.outputs.len(), |at| at as usize);
    let mut links = Vec::with_capacity(guest_outputs);
    for output in &node.outputs[..guest_outputs] {
        let mut inside = Vec::new();
        let mut outside = Vec::new();
        for target in &output.targets {
            let member = match target {
                OutputTarget::Chained(to) => members.iter().position(|member| member == to),
                OutputTarget::Edge(_) => None,
            };
            match member {
                Some(index) => inside.push(LinkTarget::Chained(index as u32)),
                None => outside.push(*target),
            }
        }
        if !outside.is_empty() {
            inside.push(LinkTarget::External(externals.len() as u32));
            externals.push(External { operator: position, targets: outside });
        }
        links.push(inside);
    }
    links
}

#[cfg(test)]
mod tests;
