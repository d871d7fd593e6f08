//! `top-n`: the best records of each key and window.

use std::cmp::Ordering;

use sandbar_sdk::prelude::*;
use sandbar_sdk::{AggregateFunction, WindowedOperator};
use serde::Deserialize;

use crate::aggregate::window_record;
use crate::expression::Expression;
use crate::record::parse;
use crate::scalar::Scalar;
use crate::window::Windows;

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
type Ranked = (Scalar, String);

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

/// Ranks the records of each key and window.
pub(crate) struct TopN {
    by: Expression,
    windows: WindowedOperator<String, Ranked, TextSlice>,
}

impl TopN {
    pub(crate) fn new(config: &TopConfig) -> Result<TopN> {
        let best = Best { n: config.n, order: config.order };
        let windows = config.windows.aggregate(best, Ranks);
        Ok(TopN { by: Expression::compile(&config.by)?, windows })
    }
}

impl KeyedProcessFunction<String, TextSlice, TextSlice> for TopN {
    fn open(&mut self, ctx: &RuntimeContext) -> Result<()> {
        self.windows.open(ctx)
    }

    fn process(
        &mut self,
        record: TextSlice,
        ctx: &mut Context<String>,
        out: &mut Collector<TextSlice>,
    ) -> Result<()> {
        let by = self.by.scalar(parse(&record)?, false)?;
        self.windows.process((by, record.to_string()), ctx, out)
    }

    fn on_timer(
        &mut self,
        timer: &Timer,
        ctx: &mut Context<String>,
        out: &mut Collector<TextSlice>,
    ) -> Result<()> {
        self.windows.on_timer(timer, ctx, out)
    }

    fn before_checkpoint(&mut self) -> Result<()> {
        self.windows.before_checkpoint()
    }

    fn finish(&mut self, out: &mut Collector<TextSlice>) -> Result<()> {
        self.windows.finish(out)
    }

    fn close(&mut self) -> Result<()> {
        self.windows.close()
    }
}
