//! `top-n`: the best records of each key and window.

use std::cmp::Ordering;

use sandbar_sdk::AggregateFunction;
use sandbar_sdk::prelude::*;
use serde::Deserialize;

use crate::aggregate::window_record;
use crate::expression::Expression;
use crate::record::parse;
use crate::scalar::Scalar;
use crate::window::{Windowed, Windows};

/// Config of `top-n`.
#[derive(Deserialize)]
pub(crate) struct TopConfig {
    #[serde(flatten)]
    windows: Windows,
    n: usize,
    by: String,
    #[serde(default)]
    order: Order,
}

/// Which records are the best.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Order {
    Ascending,
    #[default]
    Descending,
}

/// A record and what it is ranked by.
pub(crate) type Ranked = (Scalar, String);

struct Best {
    n: usize,
    order: Order,
}

impl Best {
    fn compare(&self, one: &Ranked, two: &Ranked) -> Ordering {
        match self.order {
            Order::Ascending => one.0.compare(&two.0),
            Order::Descending => two.0.compare(&one.0),
        }
    }
}

impl AggregateFunction for Best {
    type In = Ranked;
    type Accumulator = Vec<Ranked>;
    type Output = Vec<Ranked>;

    fn create_accumulator(&self) -> Vec<Ranked> {
        Vec::new()
    }

    // Behind its equals: of those, the first that came is the best.
    fn add(&self, best: &mut Vec<Ranked>, record: Ranked) {
        let at = best.partition_point(|known| self.compare(known, &record) != Ordering::Greater);
        if at < self.n {
            best.insert(at, record);
            best.truncate(self.n);
        }
    }

    fn result(&self, best: &Vec<Ranked>) -> Vec<Ranked> {
        best.clone()
    }

    fn merge(&self, best: &mut Vec<Ranked>, other: Vec<Ranked>) {
        other.into_iter().for_each(|record| self.add(best, record));
    }
}

/// Writes a record for each rank of a window that has fired.
struct Ranks;

impl ProcessWindowFunction<String, Vec<Ranked>, TextSlice, TimeWindow> for Ranks {
    type State = ();

    fn process(
        &mut self,
        ctx: &mut WindowContext<'_, String, TimeWindow, ()>,
        elements: &[Vec<Ranked>],
        out: &mut Collector<TextSlice>,
    ) -> Result<()> {
        for (index, (_, record)) in elements.iter().flatten().enumerate() {
            let mut ranked = window_record(ctx.current_key(), *ctx.window());
            ranked.insert("rank".to_owned(), (index + 1).into());
            ranked.insert("record".to_owned(), serde_json::from_str(record)?);
            out.collect(TextSlice::from(serde_json::to_string(&ranked)?));
        }
        Ok(())
    }
}

/// Makes the operator of a config.
///
/// # Errors
/// The expression is none.
pub(crate) fn top_n(config: &TopConfig) -> Result<Windowed<Ranked>> {
    let by = Expression::compile(&config.by)?;
    let windows = config.windows.aggregate(Best { n: config.n, order: config.order }, Ranks);
    let ranked = move |record: &str| Ok((by.scalar(parse(record)?, false)?, record.to_owned()));
    Ok(Windowed::new(ranked, windows))
}
