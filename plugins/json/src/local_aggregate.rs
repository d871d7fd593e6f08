//! `local-aggregate` and `global-aggregate`: what `window-aggregate` does in two phases, one on
//! each side of the exchange by key.

use sandbar_sdk::LocalAggregate;
use sandbar_sdk::prelude::*;
use serde::Deserialize;

use crate::aggregate::{AggregateConfig, Cell, Cells, Columns, Named};
use crate::expression::Expression;
use crate::record::parse;
use crate::scalar::Scalar;
use crate::window::with_assigner;

/// Config of `local-aggregate`.
#[derive(Deserialize)]
pub(crate) struct LocalConfig {
    #[serde(flatten)]
    of: AggregateConfig,
    key: String,
    #[serde(default, rename = "keys-max")]
    keys_max: Option<usize>,
}

/// A key, and what was made of some of its records.
type Partial = (String, Vec<Cell>);

/// Makes the operator in front of the exchange.
///
/// # Errors
/// An expression is none.
pub(crate) fn local_aggregate(
    config: LocalConfig,
) -> Result<LocalAggregate<TextSlice, String, Vec<Cell>>> {
    let LocalConfig { of: AggregateConfig { windows, aggregates }, key, keys_max } = config;
    let columns = Columns::compile(aggregates.values())?;
    let key = Expression::compile(&key)?;
    let read = move |record: TextSlice| {
        let parsed = parse(&record)?;
        Ok((key_text(&key.scalar(parsed.clone(), false)?), columns.row(&parsed)?))
    };
    let settings = match keys_max {
        Some(keys_max) => TwoPhase::new().keys_max(keys_max),
        None => TwoPhase::new(),
    };
    let cells = Cells(aggregates.into_values().collect());
    with_assigner!(windows, assigner => {
        LocalAggregate::windows(&Windowing::of(assigner), settings, read, cells)
    })
}

/// A text is itself, anything else its JSON: what `key = { json = ".." }` makes of a member.
fn key_text(key: &Scalar) -> String {
    match key {
        Scalar::Text(text) => text.clone(),
        Scalar::Null | Scalar::Bool(_) | Scalar::Int(_) | Scalar::Float(_) => {
            key.json().to_string()
        }
    }
}

/// Makes the operator behind the exchange.
///
/// # Errors
/// The windows cannot be aggregated in two phases.
pub(crate) fn global_aggregate(config: AggregateConfig) -> Result<GlobalAggregate> {
    let AggregateConfig { windows, aggregates } = config;
    let (names, specs) = aggregates.into_iter().unzip();
    let (cells, named) = (Cells(specs), Named(names));
    let operator = with_assigner!(windows, assigner => Windowing::of(assigner)
        .allowed_lateness(windows.lateness())
        .merge_with(cells, named))?;
    Ok(operator)
}

/// The second phase.
pub(crate) type GlobalAggregate = sandbar_sdk::WindowedOperator<String, Partial, TextSlice>;
