//! Nodes: every source, operator and sink with its uid, settings, plugin or connector.

use std::collections::BTreeMap;

use sandbar_model::job_graph::{Connector, ErrorPolicy};
use sandbar_model::plugin::{OperatorDescription, OperatorKind, Port};

use super::parallelism::{OwnParallelism, Parallelism};
use super::{Builder, Draft, Takes, kind_name};
use crate::error::{ReferenceProblem, SettingsProblem};
use crate::place;
use crate::spec::{
    Chaining, DEAD_LETTER_OUTPUT, MAIN_OUTPUT, OperatorSpec, SELF_PLUGIN, SinkSpec, SourceSpec,
};
use crate::stream_graph::{NodeBody, StreamNode};

/// Group of what neither names one nor inherits one. Source: Flink's
/// `StreamGraphGenerator.DEFAULT_SLOT_SHARING_GROUP`.
pub(super) const DEFAULT_SLOT_SHARING_GROUP: &str = "default";

/// What sources, operators and sinks have in common.
struct Common<'a> {
    path: String,
    name: &'a str,
    uid: Option<&'a String>,
    slot_sharing_group: Option<&'a String>,
    chaining: Option<Chaining>,
    on_error: ErrorPolicy,
}

impl<'a> Builder<'a> {
    /// All nodes in the order of the spec: sources, operators, sinks.
    pub(super) fn drafts(&mut self) -> Vec<Draft<'a>> {
        let spec = self.spec;
        if spec.plugins.contains_key(SELF_PLUGIN) {
            self.error(&place::field("plugins", SELF_PLUGIN), ReferenceProblem::ReservedPlugin);
        }
        let mut drafts = Vec::new();
        for (index, source) in spec.sources.iter().enumerate() {
            drafts.push(self.source(source, place::element("sources", index)));
        }
        for (index, operator) in spec.operators.iter().enumerate() {
            drafts.push(self.operator(operator, place::element("operators", index)));
        }
        for (index, sink) in spec.sinks.iter().enumerate() {
            drafts.push(self.sink(sink, place::element("sinks", index)));
        }
        self.check_uids(&drafts);
        drafts
    }

    fn source(&mut self, source: &'a SourceSpec, path: String) -> Draft<'a> {
        let traits = match self.catalog.source(&source.connector, &source.options) {
            Ok(traits) => Some(traits),
            Err(message) => {
                self.connector_error(&path, &source.connector, message);
                None
            }
        };
        let limit = traits.as_ref().and_then(|traits| traits.parallelism_max);
        if let (Some(limit), Some(parallelism)) = (limit, source.parallelism)
            && parallelism > limit
        {
            let connector = source.connector.clone();
            let problem = SettingsProblem::SourceParallelism { parallelism, limit, connector };
            self.error(&place::field(&path, "parallelism"), problem);
        }
        let own = OwnParallelism {
            parallelism: source.parallelism,
            max_parallelism: source.max_parallelism,
            limit,
        };
        let common = Common {
            path,
            name: &source.name,
            uid: source.uid.as_ref(),
            slot_sharing_group: source.slot_sharing_group.as_ref(),
            chaining: source.chaining,
            on_error: source.on_error.map_or(ErrorPolicy::Fail, ErrorPolicy::from),
        };
        let watermarks = self.source_event_time(source, traits.as_ref(), &common.path);
        let body = NodeBody::Source(connector(&source.connector, &source.options));
        let mut draft = self.draft(common, own, body);
        draft.is_known = traits.is_some();
        draft.node.outputs =
            traits.map(|traits| port(MAIN_OUTPUT, traits.format)).into_iter().collect();
        if draft.node.on_error == ErrorPolicy::DeadLetter && draft.is_known {
            draft.node.outputs.push(port(DEAD_LETTER_OUTPUT, "json".to_owned()));
        }
        draft.node.watermarks = watermarks;
        draft.takes = Takes::Nothing;
        draft
    }

    fn sink(&mut self, sink: &'a SinkSpec, path: String) -> Draft<'a> {
        let takes = match self.catalog.sink(&sink.connector, &sink.options) {
            Ok(traits) => Takes::AnyOf(traits.formats),
            Err(message) => {
                self.connector_error(&path, &sink.connector, message);
                Takes::Unknown
            }
        };
        let own = OwnParallelism {
            parallelism: sink.parallelism,
            max_parallelism: sink.max_parallelism,
            limit: None,
        };
        let common = Common {
            path,
            name: &sink.name,
            uid: sink.uid.as_ref(),
            slot_sharing_group: sink.slot_sharing_group.as_ref(),
            chaining: sink.chaining,
            on_error: ErrorPolicy::Fail,
        };
        let body = NodeBody::Sink(connector(&sink.connector, &sink.options));
        let mut draft = self.draft(common, own, body);
        draft.inputs = &sink.inputs;
        draft.takes = takes;
        draft
    }

    fn operator(&mut self, operator: &'a OperatorSpec, path: String) -> Draft<'a> {
        let on_error = operator.on_error.map_or(ErrorPolicy::Fail, ErrorPolicy::from);
        let found = self.find_operator(&operator.plugin, &operator.operator, &path);
        let description =
            found.filter(|description| self.check_described(operator, description, &path));
        if let Some(description) = description {
            self.check_config(operator, description, &path);
        }
        let watermarks = self.operator_event_time(operator, &path);
        let own = OwnParallelism {
            parallelism: operator.parallelism,
            max_parallelism: operator.max_parallelism,
            limit: None,
        };
        let common = Common {
            path,
            name: &operator.name,
            uid: operator.uid.as_ref(),
            slot_sharing_group: operator.slot_sharing_group.as_ref(),
            chaining: operator.chaining,
            on_error,
        };
        let body = NodeBody::Operator {
            plugin: operator.plugin.clone(),
            operator: operator.operator.clone(),
            kind: description.map_or(OperatorKind::Process, |description| description.kind),
            config: operator.config.as_ref().map_or_else(String::new, ToString::to_string),
        };
        let mut draft = self.draft(common, own, body);
        draft.inputs = &operator.inputs;
        draft.node.watermarks = watermarks;
        if let Some(description) = description {
            let formats = description.inputs.iter().map(|input| input.format.clone()).collect();
            draft.takes = Takes::Inputs { kind: description.kind, formats };
            draft.node.outputs = description.outputs.clone();
            if on_error == ErrorPolicy::DeadLetter {
                draft.node.outputs.push(port(DEAD_LETTER_OUTPUT, "json".to_owned()));
            }
            draft.is_known = true;
        }
        draft
    }

    /// Whether an operator can be used as one, and its description makes sense.
    fn check_described(
        &mut self,
        spec: &OperatorSpec,
        description: &OperatorDescription,
        path: &str,
    ) -> bool {
        let operator = spec.operator.clone();
        let (kind, inputs) = (kind_name(description.kind), description.inputs.len());
        if matches!(description.kind, OperatorKind::KeySelector | OperatorKind::Partitioner) {
            let path = place::field(path, "operator");
            self.error(&path, SettingsProblem::NotAnOperator { operator, kind });
            return false;
        }
        if inputs != description.kind.inputs() as usize {
            let plugin = spec.plugin.clone();
            let problem = SettingsProblem::DescribedInputs { plugin, operator, kind, inputs };
            self.error(&place::field(path, "operator"), problem);
            return false;
        }
        let on_error = spec.on_error.map_or(ErrorPolicy::Fail, ErrorPolicy::from);
        let is_taken = description.outputs.iter().any(|output| output.name == DEAD_LETTER_OUTPUT);
        if on_error == ErrorPolicy::DeadLetter && is_taken {
            let path = place::field(path, "on-error");
            self.error(&path, SettingsProblem::DeadLetterTaken { operator });
        }
        true
    }

    fn draft(&mut self, common: Common<'a>, own: OwnParallelism, body: NodeBody) -> Draft<'a> {
        let Parallelism { parallelism, max_parallelism } = self.parallelism(&common.path, own);
        let group = common.slot_sharing_group.map_or(DEFAULT_SLOT_SHARING_GROUP, String::as_str);
        let node = StreamNode {
            uid: common.uid.map_or(common.name, String::as_str).to_owned(),
            name: common.name.to_owned(),
            body,
            parallelism,
            max_parallelism,
            slot_sharing_group: group.to_owned(),
            chaining: common.chaining.unwrap_or_default(),
            on_error: common.on_error,
            outputs: Vec::new(),
            watermarks: None,
        };
        if common.name.is_empty() {
            self.error(
                &place::field(&common.path, "name"),
                ReferenceProblem::Empty { what: "name" },
            );
        }
        self.check_uid(&node, &common);
        Draft {
            node,
            path: common.path,
            inputs: &[],
            takes: Takes::Unknown,
            is_known: false,
            has_own_slot_sharing_group: common.slot_sharing_group.is_some(),
        }
    }

    fn check_uid(&mut self, node: &StreamNode, common: &Common<'_>) {
        let path = match common.uid {
            Some(_) => place::field(&common.path, "uid"),
            None => place::field(&common.path, "name"),
        };
        if common.uid.is_some_and(String::is_empty) {
            self.error(&path, ReferenceProblem::Empty { what: "uid" });
        }
        if node.uid.contains('.') {
            let (uid, from_name) = (node.uid.clone(), common.uid.is_none());
            self.error(&path, ReferenceProblem::DotInUid { uid, from_name });
        }
    }

    fn check_uids(&mut self, drafts: &[Draft<'_>]) {
        for (index, draft) in drafts.iter().enumerate().filter(|(_, it)| !it.node.uid.is_empty()) {
            let uid = draft.node.uid.clone();
            match self.uids.get(&uid) {
                Some(other) => {
                    let other = drafts[*other].path.clone();
                    self.error(&draft.path, ReferenceProblem::DuplicateUid { uid, other });
                }
                None => {
                    self.uids.insert(uid, index);
                }
            }
        }
    }

    fn connector_error(&mut self, path: &str, connector: &str, message: String) {
        let problem = ReferenceProblem::Connector { connector: connector.to_owned(), message };
        self.error(&place::field(path, "connector"), problem);
    }
}

fn connector(name: &str, options: &BTreeMap<String, serde_json::Value>) -> Connector {
    Connector { name: name.to_owned(), options: options.clone() }
}

fn port(name: &str, format: String) -> Port {
    Port { name: name.to_owned(), format }
}
