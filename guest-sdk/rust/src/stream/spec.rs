//! Writes a graph as a JobSpec in JSON, and takes its operators out as definitions. Both number and
//! name the nodes the same way.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::graph::{Body, Edge, ErrorPolicy, Graph, Node, Operator, Output, Port};
use crate::error::Error;
use crate::operator::definition::{Definition, MAIN, OutputPort};

/// Name of the component itself among the plugins of its job.
const SELF_PLUGIN: &str = "self";

/// What a node is called.
struct Names {
    name: String,
    uid: String,
    /// Name of the operator in the component.
    operator: String,
}

fn names(graph: &Graph) -> Vec<Names> {
    let mut uids: BTreeSet<String> =
        graph.nodes.iter().filter_map(|node| node.uid.clone()).collect();
    let mut taken: BTreeSet<String> =
        graph.nodes.iter().filter_map(|node| node.name.clone()).collect();
    let mut operators = uids.clone();
    let mut names = Vec::new();
    for (number, node) in graph.nodes.iter().enumerate() {
        let name = match &node.name {
            Some(name) => name.clone(),
            None => unique(&mut taken, node.kind_name, ' '),
        };
        let slug = node.kind_name.to_lowercase().replace([' ', '/'], "-");
        let (uid, operator) = match &node.uid {
            Some(uid) => (uid.clone(), uid.clone()),
            None => (
                unique(&mut uids, &name.replace('.', "-"), '-'),
                unique(&mut operators, &format!("{slug}-{number}"), '-'),
            ),
        };
        names.push(Names { name, uid, operator });
    }
    names
}

/// The first of `wanted`, `wanted 2`, `wanted 3`, .. that is not taken.
fn unique(taken: &mut BTreeSet<String>, wanted: &str, separator: char) -> String {
    let mut name = wanted.to_owned();
    let mut number = 2;
    while !taken.insert(name.clone()) {
        name = format!("{wanted}{separator}{number}");
        number += 1;
    }
    name
}

/// The JobSpec of a graph.
pub(crate) fn to_json(graph: &Graph, arguments: &[String]) -> String {
    let names = names(graph);
    let mut spec = Map::new();
    spec.insert("name".into(), json!(graph.name));
    set(&mut spec, "parallelism", graph.parallelism);
    set(&mut spec, "max-parallelism", graph.max_parallelism);
    let mut configuration = graph.configuration.clone();
    if graph.chaining_disabled {
        configuration.insert("pipeline.operator-chaining.enabled".into(), json!(false));
    }
    if !configuration.is_empty() {
        spec.insert("configuration".into(), Value::Object(configuration));
    }
    if !arguments.is_empty() {
        spec.insert("arguments".into(), json!(arguments));
    }
    let (mut sources, mut operators, mut sinks) = (Vec::new(), Vec::new(), Vec::new());
    for (number, node) in graph.nodes.iter().enumerate() {
        let mut entry = Map::new();
        entry.insert("name".into(), json!(names[number].name));
        entry.insert("uid".into(), json!(names[number].uid));
        let list = match &node.body {
            Body::Source(connector) => {
                entry.insert("connector".into(), json!(connector.name));
                entry.insert("options".into(), json!(connector.options));
                &mut sources
            }
            Body::Operator(operator) if is_hidden(operator) => continue,
            Body::Operator(operator) => {
                entry.insert("plugin".into(), json!(SELF_PLUGIN));
                entry.insert("operator".into(), json!(names[number].operator));
                entry.insert("inputs".into(), inputs(graph, node, &names));
                entry.insert("on-error".into(), json!(policy(operator.on_error)));
                &mut operators
            }
            Body::Sink(connector) => {
                entry.insert("connector".into(), json!(connector.name));
                entry.insert("inputs".into(), inputs(graph, node, &names));
                entry.insert("options".into(), json!(connector.options));
                &mut sinks
            }
        };
        settings(&mut entry, graph, node);
        list.push(Value::Object(entry));
    }
    spec.insert("sources".into(), Value::Array(sources));
    spec.insert("operators".into(), Value::Array(operators));
    spec.insert("sinks".into(), Value::Array(sinks));
    Value::Object(spec).to_string()
}

/// Key selectors and partitioners are named by the edges that they serve, and nowhere else.
fn is_hidden(operator: &Operator) -> bool {
    use crate::operator::definition::OperatorKind::{KeySelector, Partitioner};
    operator.kind == KeySelector || operator.kind == Partitioner
}

fn policy(policy: ErrorPolicy) -> &'static str {
    match policy {
        ErrorPolicy::Fail => "fail",
        ErrorPolicy::Skip => "skip",
        ErrorPolicy::DeadLetter => "dead-letter",
    }
}

fn set(entry: &mut Map<String, Value>, key: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        entry.insert(key.into(), value.into());
    }
}

fn settings(entry: &mut Map<String, Value>, graph: &Graph, node: &Node) {
    let parallelism = match &node.body {
        Body::Operator(operator) => match operator.parallelism_of {
            Some(other) => graph.nodes[other].parallelism,
            None => node.parallelism,
        },
        Body::Source(_) | Body::Sink(_) => node.parallelism,
    };
    set(entry, "parallelism", parallelism);
    set(entry, "max-parallelism", node.max_parallelism);
    set(entry, "slot-sharing-group", node.slot_sharing_group.clone());
    set(entry, "chaining", node.chaining);
    set(entry, "timestamp", node.timestamp.clone());
    set(entry, "watermarks", node.watermarks.clone());
    set(entry, "on-error", node.source_on_error.map(policy));
}

fn inputs(graph: &Graph, node: &Node, names: &[Names]) -> Value {
    node.inputs.iter().map(|edge| input(graph, edge, names)).collect()
}

fn input(graph: &Graph, edge: &Edge, names: &[Names]) -> Value {
    let mut entry = Map::new();
    entry.insert("from".into(), json!(names[edge.from].uid));
    match edge.port {
        Port::Source => {}
        Port::DeadLetters => {
            entry.insert("output".into(), json!("dead-letter"));
        }
        Port::Output { output, encoding } => {
            if let Body::Operator(operator) = &graph.nodes[edge.from].body {
                let port = port_name(&operator.outputs[output], encoding);
                if port != MAIN {
                    entry.insert("output".into(), json!(port));
                }
            }
        }
    }
    if edge.input != 0 {
        entry.insert("input".into(), json!(edge.input));
    }
    set(&mut entry, "partitioner", edge.partitioner);
    if let Some(selector) = edge.selector {
        entry.insert("key".into(), json!({ "selector": names[selector].operator }));
    }
    match (entry.len(), &entry["from"]) {
        (1, from) => from.clone(),
        _ => Value::Object(entry),
    }
}

/// The first format of an output has the output's own name; others are told apart by theirs.
fn port_name(output: &Output, encoding: usize) -> String {
    match output.encodings.get(encoding) {
        Some(other) if encoding > 0 => {
            let kind = other.format.split(':').next().unwrap_or_default();
            format!("{}:{kind}", output.name)
        }
        _ => output.name.clone(),
    }
}

/// The operators of a graph.
///
/// # Errors
/// The builder was asked for what it cannot do.
pub(crate) fn to_definitions(graph: Graph) -> Result<Vec<Definition>, Error> {
    check(&graph)?;
    let names = names(&graph);
    let mut definitions = Vec::new();
    for (node, Names { name, operator: operator_name, .. }) in graph.nodes.into_iter().zip(names) {
        if let Body::Operator(operator) = node.body {
            let outputs = operator.outputs.iter().enumerate();
            definitions.push(Definition {
                name: operator_name,
                doc: name,
                kind: operator.kind,
                inputs: operator.inputs,
                outputs: outputs.flat_map(|(index, output)| ports(index, output)).collect(),
                states: operator.states,
                config_schema: String::new(),
                build: operator.build,
            });
        }
    }
    Ok(definitions)
}

/// Refuses a graph that was built wrong.
fn check(graph: &Graph) -> Result<(), Error> {
    if graph.errors.is_empty() { Ok(()) } else { Err(Error::fatal(graph.errors.join("; "))) }
}

fn ports(index: usize, output: &Output) -> Vec<OutputPort> {
    if output.encodings.is_empty() {
        let format = Some(format!("compact:{}", output.type_name));
        return vec![OutputPort {
            name: output.name.clone(),
            output: index,
            format,
            encoder: None,
        }];
    }
    let port = |(encoding, chosen): (usize, &super::graph::Encoding)| OutputPort {
        name: port_name(output, encoding),
        output: index,
        format: Some(chosen.format.clone()),
        encoder: Some(std::rc::Rc::clone(&chosen.encoder)),
    };
    output.encodings.iter().enumerate().map(port).collect()
}
