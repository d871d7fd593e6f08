//! Random valid jobs compile, keep the invariants of job graphs, and lose no edge.

use proptest::collection::vec;
use proptest::prelude::*;
use sandbar_graph::spec::{
    Chaining, DetailedInput, InputSpec, JsonKey, KeySpec, KeyWord, OnError, OperatorSpec,
    PartitionerSpec, SelectorKey, SinkSpec, SourceSpec,
};
use sandbar_graph::{
    ChainingResult, GraphSettings, JobSpec, Places, StreamGraph, chaining_decisions, dump,
    job_graph,
};

use crate::catalog::TestCatalog;
use crate::invariants::assert_invariants;
use crate::lines;

/// An operator before its inputs have names: numbers are taken modulo what there is to read.
#[derive(Clone, Debug)]
struct Draft {
    operator: usize,
    inputs: Vec<(usize, usize)>,
    parallelism: Option<u32>,
    max_parallelism: Option<u32>,
    chaining: Option<Chaining>,
    group: Option<bool>,
}

/// Operators over JSON with their number of inputs and whether they are keyed.
const OPERATORS: [(&str, u32, bool); 3] =
    [("limit", 1, false), ("count", 1, true), ("join", 2, true)];

fn drafts() -> impl Strategy<Value = Vec<Draft>> {
    let strategy = prop_oneof![Just(Chaining::Always), Just(Chaining::Head), Just(Chaining::Never)];
    let draft = (
        0..OPERATORS.len(),
        vec((any::<usize>(), 0..8usize), 1..4),
        proptest::option::of(1..5u32),
        proptest::option::of(5..9u32),
        proptest::option::weighted(0.3, strategy),
        proptest::option::weighted(0.2, any::<bool>()),
    );
    let draft =
        draft.prop_map(|(operator, inputs, parallelism, max_parallelism, chaining, group)| Draft {
            operator,
            inputs,
            parallelism,
            max_parallelism,
            chaining,
            group,
        });
    vec(draft, 1..20)
}

fn settings() -> impl Strategy<Value = GraphSettings> {
    (1..5u32, proptest::option::of(5..300u32), any::<bool>(), any::<bool>()).prop_map(
        |(default_parallelism, max_parallelism, chaining_enabled, differing)| GraphSettings {
            default_parallelism,
            max_parallelism,
            chaining_enabled,
            chain_different_max_parallelism: differing,
        },
    )
}

fn spec(sources: usize, drafts: &[Draft], is_without_sinks: bool) -> JobSpec {
    let mut spec = JobSpec { name: "random".to_owned(), ..JobSpec::default() };
    let mut readable = Vec::new();
    for number in 0..sources {
        let name = format!("source-{number}");
        readable.push(name.clone());
        spec.sources.push(SourceSpec {
            name,
            uid: None,
            connector: "files".to_owned(),
            options: [("format".to_owned(), "json".into())].into(),
            parallelism: None,
            max_parallelism: None,
            slot_sharing_group: None,
            chaining: None,
            timestamp: None,
            on_error: None,
            watermarks: None,
        });
    }
    for (number, draft) in drafts.iter().enumerate() {
        let operator = operator(number, draft, &readable);
        readable.push(operator.name.clone());
        readable.push(format!("{}.dead-letter", operator.name));
        spec.operators.push(operator);
    }
    let unread = if is_without_sinks { 0 } else { readable.len() };
    for (number, from) in readable.iter().enumerate().take(unread) {
        spec.sinks.push(SinkSpec {
            name: format!("sink-{number}"),
            uid: None,
            connector: "print".to_owned(),
            inputs: vec![InputSpec::Output(from.clone())],
            options: Default::default(),
            parallelism: None,
            max_parallelism: None,
            slot_sharing_group: None,
            chaining: None,
        });
    }
    spec
}

fn operator(number: usize, draft: &Draft, readable: &[String]) -> OperatorSpec {
    let (operator, input_count, is_keyed) = OPERATORS[draft.operator];
    let inputs = draft.inputs.iter().cycle().take(draft.inputs.len().max(input_count as usize));
    let input = |(index, (from, kind)): (usize, &(usize, usize))| {
        InputSpec::Detailed(DetailedInput {
            from: readable[from % readable.len()].clone(),
            output: None,
            input: Some(index as u32 % input_count),
            partitioner: if is_keyed { None } else { partitioner(*kind) },
            key: key(*kind, is_keyed),
        })
    };
    OperatorSpec {
        name: format!("operator-{number}"),
        uid: None,
        plugin: "words".to_owned(),
        operator: operator.to_owned(),
        inputs: inputs.enumerate().map(input).collect(),
        config: (operator == "limit").then(|| serde_json::json!({ "max": number + 1 })),
        on_error: Some(OnError::DeadLetter),
        parallelism: draft.parallelism,
        max_parallelism: draft.max_parallelism,
        slot_sharing_group: draft
            .group
            .map(|is_red| if is_red { "red" } else { "blue" }.to_owned()),
        chaining: draft.chaining,
        watermarks: None,
    }
}

/// The partitioner of an input that is not keyed; 0 and 1 leave it open.
fn partitioner(kind: usize) -> Option<PartitionerSpec> {
    match kind {
        0 | 1 => None,
        2 => Some(PartitionerSpec::Rebalance),
        3 => Some(PartitionerSpec::Rescale),
        4 => Some(PartitionerSpec::Broadcast),
        5 => Some(PartitionerSpec::Custom),
        6 => Some(PartitionerSpec::Hash),
        _ => Some(PartitionerSpec::Global),
    }
}

fn key(kind: usize, is_keyed: bool) -> Option<KeySpec> {
    let selector = |name: &str| {
        Some(KeySpec::Selector(SelectorKey { selector: name.to_owned(), plugin: None }))
    };
    match (is_keyed, kind % 3) {
        (true, 0) => Some(KeySpec::Word(KeyWord::Value)),
        (true, 1) => Some(KeySpec::Json(JsonKey { json: format!("/{kind}") })),
        (true, _) => selector("by-word"),
        (false, _) if kind == 5 => selector("spread"),
        (false, _) if kind == 6 => selector("by-word"),
        (false, _) => None,
    }
}

proptest! {
    #[test]
    fn valid_jobs_become_job_graphs(
        sources in 1..4usize,
        drafts in drafts(),
        settings in settings(),
        is_without_sinks in any::<bool>(),
    ) {
        let spec = spec(sources, &drafts, is_without_sinks);
        let places = Places::without_text("random");
        let stream = StreamGraph::build(&spec, &places, &TestCatalog::new(), &settings)
            .unwrap_or_else(|errors| panic!("{}", lines(&errors)));
        let graph = job_graph(&stream);
        assert_invariants(&graph);

        let decisions = chaining_decisions(&stream);
        let chained = decisions.iter().filter(|it| it.result == ChainingResult::Chained).count();
        prop_assert_eq!(graph.edges.len() + chained, stream.edges.len());
        prop_assert_eq!(graph.vertices.len() + chained, stream.nodes.len());
        prop_assert!(settings.chaining_enabled || chained == 0);

        prop_assert!(!dump::stream_graph_text(&stream).is_empty());
        prop_assert!(dump::job_graph_dot(&graph).starts_with("digraph"));
        let json = serde_json::to_value(&graph).expect("JSON");
        let again = serde_json::from_value(json).expect("a graph");
        prop_assert_eq!(graph, again);
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in ".{0,200}") {
        for format in [sandbar_graph::FileFormat::Toml, sandbar_graph::FileFormat::Json] {
            let _ = sandbar_graph::parse(&text, format, "job");
        }
    }
}
