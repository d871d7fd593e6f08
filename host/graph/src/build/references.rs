//! Names that stand for something: plugins and their operators, uids and their outputs.

use sandbar_model::job_graph::ErrorPolicy;
use sandbar_model::plugin::OperatorDescription;

use super::{Builder, Draft};
use crate::error::{Hint, ReferenceProblem};
use crate::place;
use crate::spec::{DEAD_LETTER_OUTPUT, InputSpec, MAIN_OUTPUT, SELF_PLUGIN};
use crate::stream_graph::NodeBody;

/// What an input says of where it comes from.
struct Wanted<'a> {
    uid: &'a str,
    output: &'a str,
}

/// An output that an input names.
#[derive(Clone, Copy)]
pub(super) struct OutputRef {
    /// Index of the node.
    pub(super) node: usize,
    /// Index of its output; none where the node's outputs are not known after an error.
    pub(super) output: Option<usize>,
}

impl<'a> Builder<'a> {
    /// The operator of a plugin; an error at the fields `plugin` or `operator` if there is none.
    pub(super) fn find_operator(
        &mut self,
        plugin: &str,
        operator: &str,
        path: &str,
    ) -> Option<&'a OperatorDescription> {
        let catalog = self.catalog;
        let Some(description) = catalog.plugin(plugin) else {
            let problem = self.unknown_plugin(plugin);
            self.error(&place::field(path, "plugin"), problem);
            return None;
        };
        let found = description.operator(operator);
        if found.is_none() {
            let known = description.operators.iter().map(|known| known.name.clone());
            let problem = ReferenceProblem::UnknownOperator {
                plugin: plugin.to_owned(),
                operator: operator.to_owned(),
                hint: Hint::new(operator, known),
            };
            let field = if path.ends_with(".key") { "selector" } else { "operator" };
            self.error(&place::field(path, field), problem);
        }
        found
    }

    fn unknown_plugin(&self, plugin: &str) -> ReferenceProblem {
        let plugin = plugin.to_owned();
        if plugin == SELF_PLUGIN {
            return ReferenceProblem::NoSelf;
        }
        if self.spec.plugins.contains_key(&plugin) {
            return ReferenceProblem::PluginNotLoaded { plugin };
        }
        let mut known = self.catalog.plugin_names();
        known.extend(self.spec.plugins.keys().cloned());
        known.sort();
        known.dedup();
        let hint = Hint::new(&plugin, known);
        ReferenceProblem::UnknownPlugin { plugin, hint }
    }

    /// The output that an input names; an error if there is none.
    pub(super) fn find_output(
        &mut self,
        input: &InputSpec,
        drafts: &[Draft<'_>],
        path: &str,
    ) -> Option<OutputRef> {
        let wanted = match wanted(input) {
            Ok(wanted) => wanted,
            Err(problem) => {
                self.error(path, problem);
                return None;
            }
        };
        let Some(node) = self.uids.get(wanted.uid).copied() else {
            let with_outputs = drafts.iter().filter(|draft| !is_sink(draft));
            let hint = Hint::new(wanted.uid, with_outputs.map(|draft| draft.node.uid.clone()));
            let uid = wanted.uid.to_owned();
            self.error(path, ReferenceProblem::UnknownUid { uid, hint });
            return None;
        };
        let draft = &drafts[node];
        if is_sink(draft) {
            self.error(path, ReferenceProblem::SinkAsInput { uid: draft.node.uid.clone() });
            return None;
        }
        if !draft.is_known {
            return Some(OutputRef { node, output: None });
        }
        let outputs = &draft.node.outputs;
        // The main output is the first, whatever a plugin calls it.
        let output = match outputs.iter().position(|output| output.name == wanted.output) {
            None if wanted.output == MAIN_OUTPUT && !outputs.is_empty() => Some(0),
            found => found,
        };
        if output.is_none() {
            let problem = unknown_output(draft, wanted.output);
            self.error(path, problem);
            return None;
        }
        Some(OutputRef { node, output })
    }
}

fn is_sink(draft: &Draft<'_>) -> bool {
    matches!(draft.node.body, NodeBody::Sink(_))
}

fn wanted(input: &InputSpec) -> Result<Wanted<'_>, ReferenceProblem> {
    let (from, field) = match input {
        InputSpec::Output(from) => (from, None),
        InputSpec::Detailed(input) => (&input.from, input.output.as_deref()),
    };
    match (from.split_once('.'), field) {
        (None, field) => Ok(Wanted { uid: from, output: field.unwrap_or(MAIN_OUTPUT) }),
        (Some((uid, output)), None) => Ok(Wanted { uid, output }),
        (Some(_), Some(output)) => {
            let (from, output) = (from.clone(), output.to_owned());
            Err(ReferenceProblem::OutputNamedTwice { from, output })
        }
    }
}

fn unknown_output(draft: &Draft<'_>, wanted: &str) -> ReferenceProblem {
    let uid = draft.node.uid.clone();
    let is_operator = matches!(draft.node.body, NodeBody::Operator { .. });
    if wanted == DEAD_LETTER_OUTPUT && is_operator {
        let on_error = match draft.node.on_error {
            ErrorPolicy::Fail => "fail",
            ErrorPolicy::Skip => "skip",
            ErrorPolicy::DeadLetter => "dead-letter",
        };
        return ReferenceProblem::NoDeadLetters { uid, on_error };
    }
    let known = draft.node.outputs.iter().map(|output| output.name.clone());
    ReferenceProblem::UnknownOutput {
        uid,
        output: wanted.to_owned(),
        hint: Hint::new(wanted, known),
    }
}
