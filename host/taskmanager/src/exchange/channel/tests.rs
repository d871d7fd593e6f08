//! A channel between two ends: back pressure, and what each end hears of the other.

use sandbar_model::Watermark;

use super::*;

fn watermark(at: i64) -> StreamElement {
    StreamElement::Watermark(Watermark(at))
}

#[test]
fn a_full_channel_gives_the_element_back_until_there_is_room() {
    let channel = Channel::new(2);
    channel.try_push(watermark(1)).unwrap();
    channel.try_push(watermark(2)).unwrap();
    assert!(channel.try_push(watermark(3)).is_err());
    assert!(matches!(channel.pop(), (Some(StreamElement::Watermark(Watermark(1))), true)));
    channel.try_push(watermark(3)).unwrap();
    assert_eq!(channel.len(), 2);
}

#[test]
fn a_gate_hears_once_of_a_channel_that_has_elements() {
    let channel = Channel::new(8);
    let signal = Arc::new(GateSignal::default());
    channel.try_push(watermark(1)).unwrap();
    channel.attach_consumer(7, Arc::clone(&signal));
    channel.try_push(watermark(2)).unwrap();
    assert_eq!((signal.next_ready(), signal.next_ready()), (Some(7), None));
    channel.pop();
    channel.pop();
    channel.try_push(watermark(3)).unwrap();
    assert_eq!((signal.next_ready(), signal.next_ready()), (Some(7), None));
}

#[test]
fn a_blocked_producer_is_woken_by_the_consumer() {
    let channel = Arc::new(Channel::new(1));
    channel.try_push(watermark(1)).unwrap();
    let producer = {
        let channel = Arc::clone(&channel);
        std::thread::spawn(move || {
            let mut element = watermark(2);
            while let Err(back) = channel.try_push(element) {
                element = back;
                std::thread::park();
            }
        })
    };
    let mut seen = 0;
    while seen < 2 {
        seen += usize::from(channel.pop().0.is_some());
        std::thread::yield_now();
    }
    producer.join().unwrap();
}

fn failure(reason: &str) -> Arc<ExchangeFailure> {
    Arc::new(ExchangeFailure { peer: "tm-2".to_owned(), reason: reason.to_owned() })
}

#[test]
fn a_remote_producer_gets_credit_for_half_the_capacity_at_a_time() {
    let channel = Channel::new(4);
    let signal = Arc::new(GateSignal::default());
    channel.attach_remote_producer(9, Arc::clone(&signal));
    assert_eq!(signal.next_ready(), Some(9));
    assert!(matches!(channel.feedback(), Some(Feedback::Credit(4))));
    (0..4).for_each(|at| channel.try_push(watermark(at)).unwrap());
    channel.pop();
    assert_eq!(signal.next_ready(), None);
    channel.pop();
    assert_eq!(signal.next_ready(), Some(9));
    channel.pop();
    assert!(matches!(channel.feedback(), Some(Feedback::Credit(3))));
    assert!(channel.feedback().is_none());
}

#[test]
fn a_failed_channel_wakes_its_gate_and_takes_nothing() {
    let channel = Channel::new(2);
    let signal = Arc::new(GateSignal::default());
    channel.attach_consumer(3, Arc::clone(&signal));
    channel.fail(failure("first"));
    channel.fail(failure("second"));
    assert_eq!(signal.next_ready(), Some(3));
    assert!(channel.try_push(watermark(1)).is_err());
    assert!(matches!(channel.pop(), (None, false)));
    assert_eq!(channel.failure().unwrap().reason, "first");
}

#[test]
fn a_gate_that_comes_after_the_failure_hears_of_it() {
    let channel = Channel::new(2);
    channel.fail(failure("early"));
    let signal = Arc::new(GateSignal::default());
    channel.attach_consumer(3, Arc::clone(&signal));
    assert_eq!(signal.next_ready(), Some(3));
}

#[test]
fn without_a_consumer_everything_is_thrown_away() {
    let channel = Channel::new(1);
    let signal = Arc::new(GateSignal::default());
    channel.attach_remote_producer(1, Arc::clone(&signal));
    channel.close_consumer();
    assert!(matches!(channel.feedback(), Some(Feedback::Closed)));
    (0..9).for_each(|at| channel.try_push(watermark(at)).unwrap());
    assert!(channel.is_empty());
}

#[test]
fn a_producer_is_missed_only_if_it_left_before_the_end() {
    let (ended, broken) = (Channel::new(1), Channel::new(1));
    ended.try_push(StreamElement::EndOfInput).unwrap();
    ended.close_producer();
    broken.close_producer();
    assert!(!ended.is_abandoned());
    assert!(broken.is_abandoned());
}

#[test]
fn a_channel_to_a_connection_is_delivered_when_the_other_end_says_so() {
    assert_eq!(Channel::new(1).is_delivered(), Ok(true));
    let (confirmed, lost) = (Channel::to_connection(1), Channel::to_connection(1));
    confirmed.try_push(StreamElement::EndOfInput).unwrap();
    confirmed.pop();
    assert_eq!(confirmed.is_delivered(), Ok(false));
    confirmed.close_consumer();
    assert_eq!(confirmed.is_delivered(), Ok(true));
    lost.fail(failure("lost"));
    assert_eq!(lost.is_delivered(), Err(failure("lost")));
}
