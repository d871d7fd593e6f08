//! Two ends of the exchange in one process, channel by channel: what arrives, what holds up whom,
//! and who hears of a failure.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use sandbar_model::job_graph::EdgeId;
use sandbar_model::{JobId, RecordBatch, Watermark};
use sandbar_taskmanager::element::StreamElement;
use sandbar_taskmanager::error::ExchangeFailure;
use sandbar_taskmanager::exchange::channel::Channel;
use sandbar_taskmanager::exchange::input_gate::{GateEvent, InputGate};
use sandbar_taskmanager::exchange::registry::ChannelId;
use sandbar_taskmanager::network::codec::{Decoder, Frame, encode_control};
use sandbar_taskmanager::network::frame::{HEADER_BYTES, Header};
use sandbar_taskmanager::{Compression, NetworkEnvironment, NetworkOptions};

use crate::{Over, over_both};

/// After this a test that waits has failed.
const PATIENCE: Duration = Duration::from_secs(10);
const CAPACITY: usize = 4;

fn start(options: NetworkOptions) -> NetworkEnvironment {
    NetworkEnvironment::start(options, Arc::default()).unwrap()
}

fn pair(over: Over) -> (NetworkEnvironment, NetworkEnvironment) {
    (start(over.options("tm-1")), start(over.options("tm-2")))
}

fn id(to: u32) -> ChannelId {
    ChannelId { job: JobId(1), attempt: 0, edge: EdgeId(0), from: 0, to }
}

fn sender(from: &NetworkEnvironment, to: &NetworkEnvironment, channel: u32) -> Arc<Channel> {
    from.sender(&to.address().to_string(), id(channel), CAPACITY)
}

fn receiver(at: &NetworkEnvironment, channel: u32) -> InputGate {
    let gate = InputGate::new(vec![vec![at.registry().channel(id(channel), CAPACITY)]]);
    gate.attach(std::thread::current());
    gate
}

fn records(value: &str) -> StreamElement {
    let mut batch = RecordBatch::new();
    batch.push_keyed(7, b"key", value.as_bytes());
    StreamElement::Batch(Box::new(batch))
}

/// As a task does it.
fn push(channel: &Channel, mut element: StreamElement) -> Result<(), Arc<ExchangeFailure>> {
    while let Err(back) = channel.try_push(element) {
        if let Some(failure) = channel.failure() {
            return Err(failure);
        }
        element = back;
        std::thread::park();
    }
    Ok(())
}

fn receive(gate: &mut InputGate) -> GateEvent {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match gate.poll() {
            GateEvent::Pending => {
                std::thread::park_timeout(PATIENCE);
                assert!(Instant::now() < deadline, "nothing arrives");
            }
            event @ (GateEvent::Batch { .. }
            | GateEvent::Refused(_)
            | GateEvent::Time(_)
            | GateEvent::Ended
            | GateEvent::Failed(_)) => return event,
        }
    }
}

fn receive_failure(gate: &mut InputGate) -> Arc<ExchangeFailure> {
    let GateEvent::Failed(failure) = receive(gate) else { panic!("no failure") };
    failure
}

/// The values up to the end.
fn receive_all(mut gate: InputGate) -> Vec<String> {
    let mut values = Vec::new();
    loop {
        match receive(&mut gate) {
            GateEvent::Batch { batch, channel, remote, .. } => {
                assert!(remote);
                let view = batch.view();
                values.extend((0..view.len()).map(|record| {
                    assert_eq!(view.key(record), b"key");
                    String::from_utf8(view.value(record).to_vec()).unwrap()
                }));
                gate.recycle(channel, batch);
            }
            GateEvent::Time(_) => {}
            GateEvent::Ended => return values,
            event @ (GateEvent::Refused(_) | GateEvent::Failed(_) | GateEvent::Pending) => {
                panic!("{event:?}")
            }
        }
    }
}

/// For what nobody is told of.
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::yield_now();
    }
}

fn failure_of(channel: &Channel) -> Arc<ExchangeFailure> {
    wait_until("the channel does not fail", || channel.failure().is_some());
    channel.failure().unwrap()
}

fn check_transfer(over: Over, compression: Compression) {
    let (sending, receiving) = (
        start(NetworkOptions { compression, ..over.options("tm-1") }),
        start(over.options("tm-2")),
    );
    let expected: Vec<String> = (0..500).map(|at| format!("{at:0>1000}")).collect();
    let channel = sender(&sending, &receiving, 0);
    let sent = expected.clone();
    let producer = std::thread::spawn(move || {
        for (at, value) in sent.iter().enumerate() {
            push(&channel, records(value)).unwrap();
            push(&channel, StreamElement::Watermark(Watermark(at as i64))).unwrap();
        }
        push(&channel, StreamElement::EndOfInput).unwrap();
        channel.close_producer();
    });
    assert_eq!(receive_all(receiver(&receiving, 0)), expected);
    producer.join().unwrap();
    wait_until("streams are left", || {
        sending.open_streams() + receiving.open_streams() + receiving.registry().len() == 0
    });
}

over_both! {
    elements_arrive_in_order_and_nothing_is_left
    compressed_elements_are_the_same
    a_receiver_may_come_late
    a_slow_channel_holds_up_no_other_on_the_same_connection
    the_end_of_a_taskmanager_fails_channels_on_both_sides
    a_new_connection_is_made_after_one_has_ended
    nobody_at_the_address_fails_in_bounded_time
    a_stranger_is_refused
    a_silent_port_is_given_up
    a_batch_beyond_the_limit_fails_its_own_channel
    a_receiver_that_is_gone_lets_its_sender_run_dry
    a_sender_that_is_gone_leaves_nothing_behind
    a_released_job_leaves_nothing_and_takes_nothing
    more_connections_than_may_be_are_turned_away
}

fn elements_arrive_in_order_and_nothing_is_left(over: Over) {
    check_transfer(over, Compression::None);
}

fn compressed_elements_are_the_same(over: Over) {
    check_transfer(over, Compression::Lz4);
    check_transfer(over, Compression::Zstd);
}

fn a_receiver_may_come_late(over: Over) {
    let (sending, receiving) = pair(over);
    let channel = sender(&sending, &receiving, 0);
    push(&channel, records("early")).unwrap();
    push(&channel, StreamElement::EndOfInput).unwrap();
    wait_until("nothing arrives", || receiving.registry().len() == 1 && channel.is_empty());
    assert_eq!(receive_all(receiver(&receiving, 0)), ["early"]);
}

fn a_slow_channel_holds_up_no_other_on_the_same_connection(over: Over) {
    let (sending, receiving) = pair(over);
    let slow = sender(&sending, &receiving, 0);
    let _never_read = receiver(&receiving, 0);
    // What its receiver has room for, and what waits here.
    (0..2 * CAPACITY).for_each(|_| push(&slow, records("slow")).unwrap());
    wait_until("more room than there is", || slow.len() == CAPACITY);
    let fast = sender(&sending, &receiving, 1);
    let producer = std::thread::spawn(move || {
        (0..2000).for_each(|_| push(&fast, records("fast")).unwrap());
        push(&fast, StreamElement::EndOfInput).unwrap();
    });
    assert_eq!(receive_all(receiver(&receiving, 1)).len(), 2000);
    producer.join().unwrap();
    assert!(slow.try_push(records("one more")).is_err(), "it has been sent without credit");
    assert_eq!((sending.connections(), receiving.connections()), ((1, 0), (0, 1)));
}

fn the_end_of_a_taskmanager_fails_channels_on_both_sides(over: Over) {
    let (sending, receiving) = pair(over);
    let (there, back) = (sender(&sending, &receiving, 0), sender(&receiving, &sending, 1));
    let (mut at_receiver, mut at_sender) = (receiver(&receiving, 0), receiver(&sending, 1));
    push(&there, records("there")).unwrap();
    push(&back, records("back")).unwrap();
    assert!(matches!(receive(&mut at_receiver), GateEvent::Batch { .. }));
    assert!(matches!(receive(&mut at_sender), GateEvent::Batch { .. }));
    let stopped_at = Instant::now();
    receiving.stop();
    let reason = "this TaskManager is shutting down";
    let failure = failure_of(&there);
    assert!(failure.peer.starts_with("tm-2 (127.0.0.1:"), "{failure}");
    assert_eq!(failure.reason, format!("closed by the other side: {reason}"));
    let heard = receive_failure(&mut at_sender);
    assert!(heard.peer.starts_with("tm-2 ("), "{heard}");
    assert!(heard.reason.contains(reason), "{heard}");
    assert!(stopped_at.elapsed() < Duration::from_secs(1));
    // And on its own side.
    assert_eq!(failure_of(&back).reason, reason);
    assert_eq!(receive_failure(&mut at_receiver).reason, reason);
    // What comes later fails as well, and at once.
    assert!(failure_of(&receiving.sender("127.0.0.1:1", id(5), 1)).reason.contains(reason));
}

fn a_new_connection_is_made_after_one_has_ended(over: Over) {
    // An address of its own, so that no other test gets the port in the meantime.
    let bind_address = "127.0.0.77:0".to_owned();
    let (sending, receiving) = (
        start(over.options("tm-1")),
        start(NetworkOptions { bind_address, ..over.options("tm-2") }),
    );
    let address = receiving.address();
    let first = sender(&sending, &receiving, 0);
    wait_until("no connection", || receiving.connections() == (0, 1));
    drop(receiving);
    failure_of(&first);
    let same_address = address.to_string();
    let again = start(NetworkOptions { bind_address: same_address, ..over.options("tm-3") });
    let second = sender(&sending, &again, 0);
    push(&second, records("again")).unwrap();
    push(&second, StreamElement::EndOfInput).unwrap();
    assert_eq!(receive_all(receiver(&again, 0)), ["again"]);
}

fn nobody_at_the_address_fails_in_bounded_time(over: Over) {
    let connect_timeout = Duration::from_millis(300);
    let sending = start(NetworkOptions { connect_timeout, ..over.options("tm-1") });
    let failure = failure_of(&sending.sender("127.0.0.1:1", id(0), 1));
    assert_eq!(failure.peer, "127.0.0.1:1");
    assert!(failure.reason.contains("is the TaskManager running"), "{failure}");
    assert_eq!(sending.connections(), (0, 0));
}

fn a_stranger_is_refused(over: Over) {
    let sending =
        start(NetworkOptions { cluster_token: "another token".to_owned(), ..over.options("tm-1") });
    let receiving = start(over.options("tm-2"));
    let failure = failure_of(&sender(&sending, &receiving, 0));
    assert!(failure.reason.contains("its token is another one"), "{failure}");
    assert!(receiving.registry().is_empty());
}

/// Sends bytes to a data port and returns why it closes the connection.
fn refusal(bytes: &[u8], to: &NetworkEnvironment) -> String {
    let mut stream = TcpStream::connect(to.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(bytes).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let (header, payload) = answer.split_first_chunk::<HEADER_BYTES>().unwrap();
    let header = Header::decode(header, 1000).unwrap();
    match Decoder::new(1000).decode(&header, payload, |_| Box::default()).unwrap() {
        Frame::Refusal { reason } => reason,
        frame @ (Frame::Hello { .. }
        | Frame::Welcome { .. }
        | Frame::Open { .. }
        | Frame::Element { .. }
        | Frame::Credit(_)
        | Frame::Close { .. }
        | Frame::Fail { .. }) => panic!("{frame:?}"),
    }
}

#[test]
fn what_is_no_taskmanager_is_refused_and_touches_nothing() {
    let (sending, receiving) = pair(Over::Plain);
    let channel = sender(&sending, &receiving, 0);
    push(&channel, records("before")).unwrap();
    let mut gate = receiver(&receiving, 0);
    assert!(matches!(receive(&mut gate), GateEvent::Batch { .. }));
    let mut hello = Vec::new();
    let frame = Frame::Hello {
        task_manager: "tm-9".to_owned(),
        token: "the cluster's token".to_owned(),
        compression: Compression::None,
    };
    encode_control(&mut hello, &frame).unwrap();
    let mut open = Vec::new();
    encode_control(&mut open, &Frame::Open { stream: 1, channel: id(9), capacity: 4 }).unwrap();
    let mut newer = hello.clone();
    newer[4] = 2;
    let mut damaged = hello;
    *damaged.last_mut().unwrap() ^= 1;
    let noise: Vec<u8> = (0..10_000_u32).map(|at| (at * at % 251) as u8).collect();
    for (bytes, expected) in [
        (&noise, "this is no Sandbar data port"),
        (&newer, "protocol version 2, this side speaks 1; run the same version"),
        (&damaged, "payload of Hello frame is damaged"),
        (&open, "a connection begins with a hello"),
    ] {
        let reason = refusal(bytes, &receiving);
        assert!(reason.contains(expected), "{reason}");
    }
    assert!(receiving.registry().is_empty());
    wait_until("a stranger stays", || receiving.connections() == (0, 1));
    push(&channel, records("after")).unwrap();
    assert!(matches!(receive(&mut gate), GateEvent::Batch { .. }));
}

#[test]
fn a_port_that_is_no_taskmanager_fails_the_channel() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let sending = start(Over::Plain.options("tm-1"));
    let channel = sending.sender(&listener.local_addr().unwrap().to_string(), id(0), 1);
    let (mut stream, _) = listener.accept().unwrap();
    stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
    let failure = failure_of(&channel);
    assert!(failure.reason.contains("this is no Sandbar data port"), "{failure}");
}

fn a_silent_port_is_given_up(over: Over) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let hello_timeout = Duration::from_millis(100);
    let sending = start(NetworkOptions { hello_timeout, ..over.options("tm-1") });
    let address = listener.local_addr().unwrap().to_string();
    let failure = failure_of(&sending.sender(&address, id(0), 1));
    assert!(failure.reason.contains("no hello within"), "{failure}");
    let _silent = TcpStream::connect(sending.address()).unwrap();
    wait_until("nobody came", || sending.connections() == (0, 1));
    wait_until("it stays", || sending.connections() == (0, 0));
}

fn a_batch_beyond_the_limit_fails_its_own_channel(over: Over) {
    let sending = start(over.options("tm-1"));
    let receiving = start(NetworkOptions { frame_bytes_max: 10_000, ..over.options("tm-2") });
    let (large, small) = (sender(&sending, &receiving, 0), sender(&sending, &receiving, 1));
    push(&large, records(&"x".repeat(20_000))).unwrap();
    let failure = failure_of(&large);
    assert!(failure.reason.contains("frame.bytes.max"), "{failure}");
    let mut gate = receiver(&receiving, 0);
    receive_failure(&mut gate);
    push(&small, records("small")).unwrap();
    push(&small, StreamElement::EndOfInput).unwrap();
    assert_eq!(receive_all(receiver(&receiving, 1)), ["small"]);
}

fn a_receiver_that_is_gone_lets_its_sender_run_dry(over: Over) {
    let (sending, receiving) = pair(over);
    let channel = sender(&sending, &receiving, 0);
    push(&channel, records("read")).unwrap();
    let mut gate = receiver(&receiving, 0);
    assert!(matches!(receive(&mut gate), GateEvent::Batch { .. }));
    drop(gate);
    (0..100).for_each(|_| push(&channel, records("thrown away")).unwrap());
    wait_until("streams are left", || sending.open_streams() + receiving.open_streams() == 0);
    assert!(channel.failure().is_none());
}

fn a_sender_that_is_gone_leaves_nothing_behind(over: Over) {
    let (sending, receiving) = pair(over);
    let (claimed, unclaimed) = (sender(&sending, &receiving, 0), sender(&sending, &receiving, 1));
    let mut gate = receiver(&receiving, 0);
    push(&claimed, records("one")).unwrap();
    assert!(matches!(receive(&mut gate), GateEvent::Batch { .. }));
    wait_until("it does not arrive", || receiving.registry().len() == 1);
    claimed.close_producer();
    unclaimed.close_producer();
    wait_until("streams are left", || {
        sending.open_streams() + receiving.open_streams() + receiving.registry().len() == 0
    });
    // Whether to go on without it is for the JobMaster to say.
    assert!(matches!(gate.poll(), GateEvent::Pending));
}

fn a_released_job_leaves_nothing_and_takes_nothing(over: Over) {
    let (sending, receiving) = pair(over);
    let channels: Vec<_> = (0..8).map(|to| sender(&sending, &receiving, to)).collect();
    for channel in &channels {
        (0..CAPACITY).for_each(|_| push(channel, records("unread")).unwrap());
    }
    wait_until("they do not arrive", || receiving.open_streams() == 8);
    sending.release(JobId(1));
    receiving.release(JobId(1));
    wait_until("streams are left", || {
        sending.open_streams() + receiving.open_streams() + receiving.registry().len() == 0
    });
    let late = sender(&sending, &receiving, 0);
    let failure = failure_of(&late);
    assert!(failure.reason.contains("the job has been released"), "{failure}");
    assert!(receiving.registry().is_empty());
    wait_until("streams are left", || sending.open_streams() + receiving.open_streams() == 0);
}

fn more_connections_than_may_be_are_turned_away(over: Over) {
    let receiving = start(NetworkOptions { connections_max: 1, ..over.options("tm-2") });
    let (first, second) = (start(over.options("tm-1")), start(over.options("tm-3")));
    let _taken = sender(&first, &receiving, 0);
    wait_until("no connection", || receiving.open_streams() == 1);
    let failure = failure_of(&sender(&second, &receiving, 1));
    assert!(failure.peer.contains("127.0.0.1"), "{failure}");
    assert_eq!(receiving.connections(), (0, 1));
}
