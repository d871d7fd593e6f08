//! Fusion by plugin and policy, on chains drawn as lists.

use sandbar_model::job_graph::{EdgeId, Output};
use sandbar_model::plugin::OperatorKind;

use super::*;

fn node(plugin: &str, policy: ErrorPolicy, outputs: &[&[OutputTarget]]) -> OperatorNode {
    let output = |targets: &&[OutputTarget]| Output { name: "o".into(), targets: targets.to_vec() };
    OperatorNode {
        uid: "u".into(),
        name: "n".into(),
        body: OperatorBody::Plugin {
            plugin: plugin.into(),
            operator: "op".into(),
            kind: OperatorKind::Process,
            config: String::new(),
            partitions: 0,
        },
        outputs: outputs.iter().map(output).collect(),
        on_error: policy,
        dead_letter_output: (policy == ErrorPolicy::DeadLetter).then_some(outputs.len() as u32 - 1),
        watermarks: None,
    }
}

const EDGE: OutputTarget = OutputTarget::Edge(EdgeId(0));

fn to(position: usize) -> OutputTarget {
    OutputTarget::Chained(position)
}

#[test]
fn operators_of_one_plugin_fuse_and_others_are_external() {
    let fail = ErrorPolicy::Fail;
    let chain = [
        node("a", fail, &[&[to(1), to(2)]]),
        node("a", fail, &[&[EDGE]]),
        node("b", fail, &[&[to(3)]]),
        node("b", fail, &[&[]]),
    ];
    let first = segment_at(&chain, 0);
    assert_eq!(first.operators, [0, 1]);
    assert_eq!(
        first.links,
        [
            vec![vec![LinkTarget::Chained(1), LinkTarget::External(0)]],
            vec![vec![LinkTarget::External(1)]],
        ]
    );
    assert_eq!(
        first.externals,
        [
            External { operator: 0, targets: vec![to(2)] },
            External { operator: 1, targets: vec![EDGE] },
        ]
    );
    let second = segment_at(&chain, 2);
    assert_eq!(second.operators, [2, 3]);
    assert_eq!(second.links, [vec![vec![LinkTarget::Chained(1)]], vec![vec![]]]);
}

#[test]
fn an_operator_with_a_policy_of_its_own_heads_a_segment() {
    let chain = [
        node("a", ErrorPolicy::Fail, &[&[to(1)]]),
        node("a", ErrorPolicy::DeadLetter, &[&[to(2)], &[to(3)]]),
        node("a", ErrorPolicy::Fail, &[&[]]),
        node("a", ErrorPolicy::Fail, &[&[]]),
    ];
    assert_eq!(segment_at(&chain, 0).operators, [0]);
    let second = segment_at(&chain, 1);
    assert_eq!(second.operators, [1, 2], "what reads the dead letters is fed by the host");
    assert_eq!(second.links[0], [vec![LinkTarget::Chained(1)]]);
}

#[test]
fn an_instance_ends_where_watermarks_are_made_and_starts_where_a_guest_makes_them() {
    use sandbar_model::job_graph::WatermarkStrategy;
    let fail = ErrorPolicy::Fail;
    let mut chain = [
        node("a", fail, &[&[to(1)]]),
        node("a", fail, &[&[to(2)]]),
        node("a", fail, &[&[to(3)]]),
        node("a", fail, &[&[]]),
    ];
    let making = |generator| WatermarkStrategy { generator: Some(generator), ..Default::default() };
    let bounded = WatermarkGenerator::BoundedOutOfOrderness { max_out_of_orderness_ms: 0 };
    chain[1].watermarks = Some(making(bounded));
    assert_eq!(segment_at(&chain, 0).operators, [0, 1]);
    assert_eq!(segment_at(&chain, 2).operators, [2, 3]);
    chain[1].watermarks = Some(making(WatermarkGenerator::Custom));
    assert_eq!(segment_at(&chain, 0).operators, [0]);
    assert_eq!(segment_at(&chain, 1).operators, [1]);
}
