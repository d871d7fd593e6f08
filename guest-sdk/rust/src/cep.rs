//! Complex event processing: finds sequences of events of a key that a [`Pattern`] describes.
//!
//! Reading order: `pattern` (what is looked for), `condition` (of one event), `skip` (what a match
//! does to others), `function` and `found` (what is done with a match), `detection` (settings).
//! Inside, `graph` is a compiled pattern, `nfa` runs it over the `progress` of a key, and
//! `operator` puts events in order. Law: matches are those of Flink's `NFA` for the same events and
//! watermarks, but where that is at odds with its documentation `docs/content/docs/libs/cep.md`, by
//! the latter.

mod compile;
mod condition;
mod detection;
mod found;
mod function;
mod graph;
mod nfa;
mod operator;
mod pattern;
mod progress;
mod shared_buffer;
mod skip;
mod stage;

pub use condition::ConditionContext;
pub use detection::{Cep, CepOperator};
pub use found::Match;
pub use function::{MatchContext, PatternProcessFunction};
pub use nfa::MAX_PARTIAL_MATCHES;
pub use operator::MAX_WAITING_EVENTS;
pub(crate) use operator::STATE;
pub use pattern::Pattern;
pub use skip::AfterMatchSkipStrategy;

#[cfg(test)]
mod tests;
