//! `window-aggregate`: counts, sums and the like over the records of each key and window.

use std::collections::{BTreeMap, BTreeSet};

use jaq_json::Val;
use sandbar_sdk::AggregateFunction;
use sandbar_sdk::prelude::*;
use serde::{Deserialize, Serialize};

use crate::expression::Expression;
use crate::record::parse;
use crate::scalar::Scalar;
use crate::window::{Windowed, Windows};

/// Config of `window-aggregate`.
#[derive(Deserialize)]
pub(crate) struct AggregateConfig {
    #[serde(flatten)]
    pub(crate) windows: Windows,
    pub(crate) aggregates: BTreeMap<String, AggregateSpec>,
}

/// What to make of the records of a window.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum AggregateSpec {
    /// How many records there are.
    Count,
    /// How many different values there are but null.
    CountDistinct(String),
    /// The sum of all but null.
    Sum(String),
    /// The least but null.
    Min(String),
    /// The greatest but null.
    Max(String),
    /// The mean of all but null.
    Average(String),
}

/// One aggregate of a window so far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Cell {
    Count(u64),
    Distinct(BTreeSet<String>),
    Sum(Scalar),
    Min(Scalar),
    Max(Scalar),
    Average(f64, u64),
}

impl AggregateSpec {
    fn expression(&self) -> Option<&str> {
        match self {
            AggregateSpec::Count => None,
            AggregateSpec::CountDistinct(code)
            | AggregateSpec::Sum(code)
            | AggregateSpec::Min(code)
            | AggregateSpec::Max(code)
            | AggregateSpec::Average(code) => Some(code),
        }
    }

    fn wants_numbers(&self) -> bool {
        match self {
            AggregateSpec::Sum(_) | AggregateSpec::Average(_) => true,
            AggregateSpec::Count
            | AggregateSpec::CountDistinct(_)
            | AggregateSpec::Min(_)
            | AggregateSpec::Max(_) => false,
        }
    }

    fn cell(&self) -> Cell {
        match self {
            AggregateSpec::Count => Cell::Count(0),
            AggregateSpec::CountDistinct(_) => Cell::Distinct(BTreeSet::new()),
            AggregateSpec::Sum(_) => Cell::Sum(Scalar::Null),
            AggregateSpec::Min(_) => Cell::Min(Scalar::Null),
            AggregateSpec::Max(_) => Cell::Max(Scalar::Null),
            AggregateSpec::Average(_) => Cell::Average(0.0, 0),
        }
    }
}

impl Cell {
    /// Adds one value; nulls only count as records.
    fn add(&mut self, value: Scalar) {
        if let Cell::Count(count) = self {
            *count += 1;
        } else if value != Scalar::Null {
            match self {
                Cell::Count(_) => {}
                Cell::Distinct(seen) => {
                    seen.insert(value.json().to_string());
                }
                Cell::Sum(sum) => *sum = added(sum, &value),
                Cell::Min(_) | Cell::Max(_) => self.replace(value),
                Cell::Average(sum, count) => {
                    *sum += value.number().unwrap_or_default();
                    *count += 1;
                }
            }
        }
    }

    fn replace(&mut self, value: Scalar) {
        let (best, wanted) = match self {
            Cell::Min(best) => (best, std::cmp::Ordering::Less),
            Cell::Max(best) => (best, std::cmp::Ordering::Greater),
            Cell::Count(_) | Cell::Distinct(_) | Cell::Sum(_) | Cell::Average(..) => return,
        };
        if *best == Scalar::Null || value.compare(best) == wanted {
            *best = value;
        }
    }

    /// Adds what another cell of the same aggregate holds.
    fn merge(&mut self, other: Cell) {
        match (&mut *self, other) {
            (Cell::Count(count), Cell::Count(more)) => *count += more,
            (Cell::Distinct(seen), Cell::Distinct(more)) => seen.extend(more),
            (Cell::Average(sum, count), Cell::Average(more, records)) => {
                *sum += more;
                *count += records;
            }
            (_, Cell::Sum(value) | Cell::Min(value) | Cell::Max(value)) => self.add(value),
            (_, Cell::Count(_) | Cell::Distinct(_) | Cell::Average(..)) => {}
        }
    }

    fn json(&self) -> serde_json::Value {
        match self {
            Cell::Count(count) => (*count).into(),
            Cell::Distinct(seen) => seen.len().into(),
            Cell::Sum(value) | Cell::Min(value) | Cell::Max(value) => value.json(),
            Cell::Average(_, 0) => serde_json::Value::Null,
            Cell::Average(sum, count) => (sum / *count as f64).into(),
        }
    }
}

/// Whole numbers stay whole as long as they fit.
fn added(sum: &Scalar, value: &Scalar) -> Scalar {
    match (sum, value) {
        (Scalar::Null, value) => value.clone(),
        (Scalar::Int(one), Scalar::Int(two)) if one.checked_add(*two).is_some() => {
            Scalar::Int(one + two)
        }
        (_, _) => {
            Scalar::Float(sum.number().unwrap_or_default() + value.number().unwrap_or_default())
        }
    }
}

/// The values of a record, one an aggregate.
pub(crate) type Row = Vec<Scalar>;

pub(crate) struct Cells(pub(crate) Vec<AggregateSpec>);

impl AggregateFunction for Cells {
    type In = Row;
    type Accumulator = Vec<Cell>;
    type Output = Vec<Cell>;

    fn create_accumulator(&self) -> Vec<Cell> {
        self.0.iter().map(AggregateSpec::cell).collect()
    }

    fn add(&self, accumulator: &mut Vec<Cell>, row: Row) {
        accumulator.iter_mut().zip(row).for_each(|(cell, value)| cell.add(value));
    }

    fn result(&self, accumulator: &Vec<Cell>) -> Vec<Cell> {
        accumulator.clone()
    }

    fn merge(&self, accumulator: &mut Vec<Cell>, other: Vec<Cell>) {
        accumulator.iter_mut().zip(other).for_each(|(cell, more)| cell.merge(more));
    }
}

/// Writes the record of a window that has fired.
pub(crate) struct Named(pub(crate) Vec<String>);

impl ProcessWindowFunction<String, Vec<Cell>, TextSlice, TimeWindow> for Named {
    type State = ();

    fn process(
        &mut self,
        ctx: &mut WindowContext<'_, String, TimeWindow, ()>,
        elements: &[Vec<Cell>],
        out: &mut Collector<TextSlice>,
    ) -> Result<()> {
        let mut record = window_record(ctx.current_key(), *ctx.window());
        for (name, cell) in self.0.iter().zip(elements.iter().flatten()) {
            record.insert(name.clone(), cell.json());
        }
        out.collect(TextSlice::from(serde_json::to_string(&record)?));
        Ok(())
    }
}

/// What every result of a window begins with.
pub(crate) fn window_record(
    key: &str,
    window: TimeWindow,
) -> serde_json::Map<String, serde_json::Value> {
    let members = [
        ("key", key.into()),
        ("window-start", window.start.into()),
        ("window-end", window.end.into()),
    ];
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Makes the operator of a config.
///
/// # Errors
/// An expression is none.
pub(crate) fn window_aggregate(config: AggregateConfig) -> Result<Windowed<Row>> {
    let columns = Columns::compile(config.aggregates.values())?;
    let (names, specs) = config.aggregates.into_iter().unzip();
    let windows = config.windows.aggregate(Cells(specs), Named(names));
    Ok(Windowed::new(move |record: &str| columns.row(&parse(record)?), windows))
}

/// What each aggregate takes from a record: one an aggregate, and no expression for those that take
/// no value.
pub(crate) struct Columns(Vec<(Option<Expression>, bool)>);

impl Columns {
    /// Compiles the expressions of aggregates.
    ///
    /// # Errors
    /// An expression is none.
    pub(crate) fn compile<'a>(specs: impl Iterator<Item = &'a AggregateSpec>) -> Result<Columns> {
        let compiled = |spec: &AggregateSpec| -> Result<(Option<Expression>, bool)> {
            Ok((spec.expression().map(Expression::compile).transpose()?, spec.wants_numbers()))
        };
        Ok(Columns(specs.map(compiled).collect::<Result<Vec<_>>>()?))
    }

    /// The values of a record.
    ///
    /// # Errors
    /// An expression fails, or makes no number where one is wanted.
    pub(crate) fn row(&self, record: &Val) -> Result<Row> {
        let one = |(expression, wants_number): &(Option<Expression>, bool)| match expression {
            None => Ok(Scalar::Null),
            Some(expression) => expression.scalar(record.clone(), *wants_number),
        };
        self.0.iter().map(one).collect()
    }
}
