//! Why operators are chained or not.

use crate::chaining::{ChainingDecision, ChainingResult};

/// One line an edge, and one for every rule that it breaks.
pub fn explain_chaining_text(decisions: &[ChainingDecision]) -> String {
    decisions.iter().map(decision_text).collect()
}

fn decision_text(decision: &ChainingDecision) -> String {
    let ChainingDecision { upstream, output, downstream, result } = decision;
    match result {
        ChainingResult::Chained => format!("{upstream}.{output} -> {downstream}: chained\n"),
        ChainingResult::Refused(refusals) => {
            let lines: String = refusals
                .iter()
                .map(|refusal| format!("  {}: {refusal}\n", refusal.rule()))
                .collect();
            format!("{upstream}.{output} -> {downstream}: not chained\n{lines}")
        }
    }
}

/// A list of `{upstream, output, downstream, chained, refusals: [{rule, sentence}]}`.
pub fn explain_chaining_json(decisions: &[ChainingDecision]) -> serde_json::Value {
    decisions.iter().map(decision_json).collect()
}

fn decision_json(decision: &ChainingDecision) -> serde_json::Value {
    let refusals: Vec<serde_json::Value> = match &decision.result {
        ChainingResult::Chained => Vec::new(),
        ChainingResult::Refused(refusals) => refusals
            .iter()
            .map(|it| serde_json::json!({ "rule": it.rule(), "sentence": it.to_string() }))
            .collect(),
    };
    serde_json::json!({
        "upstream": decision.upstream,
        "output": decision.output,
        "downstream": decision.downstream,
        "chained": decision.result == ChainingResult::Chained,
        "refusals": refusals,
    })
}
