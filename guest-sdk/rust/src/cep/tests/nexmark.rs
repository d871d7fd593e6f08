//! The four queries of Nexmark for patterns, over generated bids: each finds what a plain scan of
//! the bids finds, and the rows that are written down here. Source: nexmark/nexmark, `queries-cep`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::seeded::Random;
use crate::cep::{AfterMatchSkipStrategy, Cep, CepOperator, Match, Pattern};
use crate::testing::OperatorHarness;

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Bid {
    auction: u64,
    bidder: u64,
    price: u64,
    at: i64,
}

type Key = (u64, u64);
/// Auction and bidder, then the measures of the query.
type Row = (u64, u64, Vec<i64>);

const BIDS: u64 = 500;

/// Bids of a few bidders, whose prices go up and down.
fn bids() -> Vec<Bid> {
    let mut random = Random(42);
    let mut prices: BTreeMap<Key, u64> = BTreeMap::new();
    let mut at = 0;
    let bid = |_| {
        at += 50 + random.below(600) as i64;
        let (auction, bidder) = (1000 + random.below(2), 2000 + random.below(2));
        let price = prices.entry((auction, bidder)).or_insert(10_000);
        *price = (*price + random.below(400)).saturating_sub(random.below(400)).clamp(9500, 10_500);
        Bid { auction, bidder, price: *price, at }
    };
    (0..BIDS).map(bid).collect()
}

fn row(found: &Match<'_, Bid>, measures: Vec<i64>) -> Row {
    let bid = found.iter().next().map(|(_, bid)| bid).expect("a match has events");
    (bid.auction, bid.bidder, measures)
}

fn at(bid: Option<&Bid>) -> i64 {
    bid.map_or(-1, |bid| bid.at)
}

/// `START_ROW PRICE_DOWN+ PRICE_UP`, skipping to the last `PRICE_UP`.
fn q0() -> CepOperator<Key, Bid, Row> {
    let pattern = Pattern::begin("START_ROW")
        .next("PRICE_DOWN")
        .where_(|bid: &Bid, ctx| {
            let last = ctx.last_event_for_pattern("PRICE_DOWN");
            let before = last.or_else(|| ctx.last_event_for_pattern("START_ROW"));
            before.is_some_and(|before| bid.price < before.price)
        })
        .one_or_more()
        .greedy()
        .consecutive()
        .next("PRICE_UP")
        .where_(|bid, ctx| {
            // LAST(PRICE_DOWN.price, 1) of a row that is no PRICE_DOWN: the last but one.
            let down = ctx.events_for_pattern("PRICE_DOWN");
            down.iter().rev().nth(1).is_some_and(|down| bid.price > down.price)
        })
        .after_match(AfterMatchSkipStrategy::skip_to_last("PRICE_UP"));
    Cep::of(pattern).select(|found| {
        let times = [found.first("START_ROW"), found.last("PRICE_DOWN"), found.last("PRICE_UP")];
        row(found, times.map(at).to_vec())
    })
}

fn average(bids: &[&Bid]) -> i64 {
    (bids.iter().map(|bid| bid.price).sum::<u64>() / bids.len() as u64) as i64
}

/// `A+ B` with `AVG(A.price) < 10000`.
fn q1_or_q2(skip: AfterMatchSkipStrategy) -> CepOperator<Key, Bid, Row> {
    let pattern = Pattern::begin("A")
        .where_(|bid: &Bid, ctx| {
            let mut all = ctx.events_for_pattern("A");
            all.push(bid);
            let sum: u64 = all.iter().map(|a| a.price).sum();
            sum < 10_000 * all.len() as u64
        })
        .one_or_more()
        .greedy()
        .consecutive()
        .next("B")
        .after_match(skip);
    Cep::of(pattern).select(|found| {
        let all: Vec<&Bid> = found.get("A").collect();
        row(found, vec![at(found.first("A")), at(found.last("A")), average(&all)])
    })
}

/// `A B* C` within five seconds, skipping past the last row.
fn q3() -> CepOperator<Key, Bid, Row> {
    let pattern = Pattern::begin("A")
        .next("B")
        .where_(|bid: &Bid, ctx| {
            ctx.last_event_for_pattern("A").is_some_and(|a| bid.price + 50 > a.price)
        })
        .one_or_more()
        .optional()
        .greedy()
        .consecutive()
        .next("C")
        .where_(|bid, ctx| {
            ctx.last_event_for_pattern("A").is_some_and(|a| bid.price + 50 < a.price)
        })
        .within(Duration::from_secs(5))
        .after_match(AfterMatchSkipStrategy::skip_past_last_event());
    Cep::of(pattern).select(|found| {
        let price = |bid: Option<&Bid>| bid.map_or(0, |bid| bid.price as i64);
        let (a, c) = (found.first("A"), found.first("C"));
        row(found, vec![at(c), price(a) - price(c)])
    })
}

/// Runs a query; bids come in pairs the wrong way round.
fn run(operator: CepOperator<Key, Bid, Row>) -> Vec<Row> {
    let key = |bid: &Bid| (bid.auction, bid.bidder);
    let mut harness = OperatorHarness::keyed_process(operator, key).expect("it opens");
    for pair in bids().chunks(2) {
        for bid in pair.iter().rev() {
            harness.push(bid.clone(), bid.at).expect("it is taken");
        }
        harness.watermark(pair[0].at).expect("time passes");
    }
    harness.watermark(i64::MAX).expect("the input ends");
    let mut rows = harness.take_values();
    rows.sort();
    rows
}

/// What a match at the first of some bids would be.
enum Scanned {
    /// The measures, and the bid to go on at.
    Found(Vec<i64>, usize),
    Nothing,
    /// It has begun and more bids are to say: later ones have to wait.
    Open,
}

/// What a scan of the bids of each key finds.
fn scan(find: impl Fn(&[Bid]) -> Scanned) -> Vec<Row> {
    let mut by_key: BTreeMap<Key, Vec<Bid>> = BTreeMap::new();
    for bid in bids() {
        by_key.entry((bid.auction, bid.bidder)).or_default().push(bid);
    }
    let mut rows = Vec::new();
    for ((auction, bidder), bids) in by_key {
        let mut from = 0;
        while from < bids.len() {
            match find(&bids[from..]) {
                Scanned::Found(measures, next) => {
                    rows.push((auction, bidder, measures));
                    from += next;
                }
                Scanned::Nothing => from += 1,
                Scanned::Open => break,
            }
        }
    }
    rows.sort();
    rows
}

/// How many rows there are, the first, and a sum over all: what is golden.
fn golden(rows: &[Row]) -> (usize, Row, i64) {
    let sum = rows.iter().enumerate().map(|(place, (auction, bidder, measures))| {
        let values = measures.iter().fold((auction * 31 + bidder) as i64, |sum, value| {
            sum.wrapping_mul(31).wrapping_add(*value)
        });
        values.wrapping_mul(place as i64 + 1)
    });
    (rows.len(), rows[0].clone(), sum.fold(0, i64::wrapping_add))
}

#[test]
fn q0_finds_periods_of_a_falling_price() {
    let rows = run(q0());
    let expected = scan(|bids| {
        let downs = bids.windows(2).take_while(|pair| pair[1].price < pair[0].price).count();
        let Some(up) = bids.get(downs + 1) else { return Scanned::Open };
        if downs < 2 || up.price <= bids[downs - 1].price {
            return Scanned::Nothing;
        }
        Scanned::Found(vec![bids[0].at, bids[downs].at, up.at], downs + 1)
    });
    assert_eq!(rows, expected);
    assert_eq!(golden(&rows), (24, (1000, 2000, vec![12428, 15282, 16251]), 323476781644));
}

/// A run of bids with a low average from the first on, up to the first that ends it.
fn low(bids: &[Bid], next: impl Fn(usize) -> usize) -> Scanned {
    let mut sum = 0;
    let is_low = |(number, bid): &(usize, &Bid)| {
        sum += bid.price;
        sum < 10_000 * (*number as u64 + 1)
    };
    let count = bids.iter().enumerate().take_while(is_low).count();
    if count == bids.len() {
        return Scanned::Open;
    }
    if count == 0 {
        return Scanned::Nothing;
    }
    let run: Vec<&Bid> = bids[..count].iter().collect();
    Scanned::Found(vec![bids[0].at, bids[count - 1].at, average(&run)], next(count))
}

#[test]
fn q1_finds_periods_of_a_low_average_price() {
    let rows = run(q1_or_q2(AfterMatchSkipStrategy::skip_past_last_event()));
    assert_eq!(rows, scan(|bids| low(bids, |count| count + 1)));
    assert_eq!(golden(&rows), (6, (1000, 2000, vec![56309, 56309, 9946]), 21308787952));
}

#[test]
fn q2_finds_one_for_each_beginning() {
    let rows = run(q1_or_q2(AfterMatchSkipStrategy::skip_to_next()));
    assert_eq!(rows, scan(|bids| low(bids, |_| 1)));
    assert_eq!(golden(&rows), (60, (1000, 2000, vec![56309, 56309, 9946]), 1847712895913));
}

#[test]
fn q3_finds_drops_of_the_price_within_a_time() {
    let rows = run(q3());
    let expected = scan(|bids| {
        let (a, behind) = (&bids[0], &bids[1..]);
        let between = behind.iter().take_while(|bid| bid.price + 50 > a.price).count();
        match behind.get(between) {
            Some(c) if c.price + 50 < a.price && c.at - a.at < 5000 => {
                Scanned::Found(vec![c.at, a.price as i64 - c.price as i64], between + 2)
            }
            Some(_) | None => Scanned::Nothing,
        }
    });
    assert_eq!(rows, expected);
    assert_eq!(golden(&rows), (117, (1000, 2000, vec![7599, 99]), 239338804038));
}
