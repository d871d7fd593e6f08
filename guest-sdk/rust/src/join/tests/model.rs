//! Random streams for two inputs, and how they are fed to an operator under test.

use proptest::prelude::*;

use crate::join::{JoinContext, JoinType, ProcessJoinFunction};
use crate::prelude::*;
use crate::testing::OperatorHarness;

/// A record: its key, and a number of its own that tells it from all others.
pub(super) type Record = (u8, u32);

/// One thing that happens to an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Left(Record, i64),
    Right(Record, i64),
    Watermark(i64),
    /// The clock goes on by some milliseconds.
    Clock(i64),
    /// The operator is restored from a snapshot of itself.
    Restart,
}
pub(super) use Step::{Clock, Left, Restart, Right, Watermark};

/// The key of a record.
pub(super) fn key(record: &Record) -> u8 {
    record.0
}

/// A draft of a step: what it is, a key, and a time ahead of the watermark (or behind it).
type Draft = (u8, u8, i64);

/// Streams of up to `length` records of few keys, `early` at the most before the watermark and
/// some late. Watermarks only rise, and may rise by nothing.
pub(super) fn steps(length: usize, early: i64) -> impl Strategy<Value = Vec<Step>> {
    let draft = (0u8..20, 0u8..3, -3i64..early);
    prop::collection::vec(draft, 0..length).prop_map(settle)
}

fn settle(drafts: Vec<Draft>) -> Vec<Step> {
    let mut watermark = i64::MIN;
    let settled = drafts.into_iter().zip(0..).map(|((what, key, ahead), number)| {
        let at = watermark.max(0) + ahead;
        match what {
            0..8 => Left((key, number), at),
            8..16 => Right((key, number), at),
            16 | 17 => {
                watermark = watermark.max(0) + ahead.max(0) / 2;
                Watermark(watermark)
            }
            18 => Clock(ahead.max(0)),
            _ => Restart,
        }
    });
    settled.collect()
}

/// An operator under test, which `make` makes again for each restart.
pub(super) struct Run<Out, M> {
    pub(super) harness: OperatorHarness<Record, Out, Record>,
    make: M,
}

impl<Out, M, F> Run<Out, M>
where
    Out: Data,
    M: Fn() -> F,
    F: KeyedTwoInputProcessFunction<u8, Record, Record, Out>,
{
    pub(super) fn new(make: M) -> Run<Out, M> {
        let setup = OperatorHarness::setup();
        let harness = setup.keyed_two_input_process(make(), key, key).unwrap();
        Run { harness, make }
    }

    /// Takes a step and returns what it emits.
    pub(super) fn step(&mut self, step: Step) -> Vec<(Out, Option<i64>)> {
        match step {
            Left(record, at) => self.harness.push_first(record, at).unwrap(),
            Right(record, at) => self.harness.push_second(record, at).unwrap(),
            Watermark(watermark) => self.harness.watermark(watermark).unwrap(),
            Clock(by) => self.harness.advance_processing_time(by).unwrap(),
            Restart => self.restart(),
        }
        self.harness.take_output()
    }

    /// Flink restores no watermark; the harness hears the last one again, as an operator does
    /// whose inputs go on.
    fn restart(&mut self) {
        let snapshot = self.harness.snapshot().unwrap();
        let (now, watermark) = {
            let host = self.harness.host();
            (host.processing_time.get(), host.watermark.get())
        };
        self.harness = OperatorHarness::setup()
            .processing_time(now)
            .restore(&snapshot)
            .keyed_two_input_process((self.make)(), key, key)
            .unwrap();
        self.harness.hear_watermark(watermark);
    }

    /// The timers of both domains per key, at the most.
    pub(super) fn most_timers_of_a_key(&self) -> usize {
        let host = self.harness.host();
        let storage = host.storage.borrow();
        let of_key = |key: u8| storage.timers.iter().filter(|timer| timer.2 == [key]).count();
        (0..3).map(of_key).max().unwrap_or(0)
    }
}

/// A pair, or a record without a partner, with the timestamps that the join function saw.
pub(super) type Row = (Option<(u32, i64)>, Option<(u32, i64)>);

/// Tells what it was given.
pub(super) struct Tell;

impl ProcessJoinFunction<Record, Record, Row> for Tell {
    fn process(
        &mut self,
        left: &Record,
        right: &Record,
        ctx: &mut JoinContext<'_>,
        out: &mut Collector<Row>,
    ) -> Result<()> {
        assert_eq!(left.0, right.0);
        let right_at = ctx.right_timestamp().unwrap();
        out.collect((Some((left.1, ctx.left_timestamp().unwrap())), Some((right.1, right_at))));
        Ok(())
    }

    fn process_unmatched_left(
        &mut self,
        left: &Record,
        ctx: &mut JoinContext<'_>,
        out: &mut Collector<Row>,
    ) -> Result<()> {
        out.collect((Some((left.1, ctx.left_timestamp().unwrap())), None));
        Ok(())
    }

    fn process_unmatched_right(
        &mut self,
        right: &Record,
        ctx: &mut JoinContext<'_>,
        out: &mut Collector<Row>,
    ) -> Result<()> {
        out.collect((None, Some((right.1, ctx.right_timestamp().unwrap()))));
        Ok(())
    }
}

/// All join types.
pub(super) fn join_types() -> impl Strategy<Value = JoinType> {
    use JoinType::{FullOuter, Inner, LeftOuter, RightOuter};
    prop::sample::select(vec![Inner, LeftOuter, RightOuter, FullOuter])
}
