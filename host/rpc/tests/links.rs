//! Links over gRPC, on real sockets: what goes in at one end comes out at the other, and each end
//! hears when the other is gone.

#![expect(clippy::unwrap_used, reason = "in a test a surprise is a failure")]

use std::collections::BTreeMap;
use std::time::Duration;

use sandbar_model::job_graph::{Connector, JobGraph, JobVertex, OperatorBody, OperatorNode};
use sandbar_model::status::ExecutionState;
use sandbar_model::{JobId, PluginId, VertexId};
use sandbar_rpc::grpc::{ClientLink, ConnectError, ServerHandle, connect, serve};
use sandbar_rpc::{
    Accumulators, JobInformation, LinkEvent, SendToTaskManager, TaskAttempt, TaskDescriptor,
    ToJobManager, ToTaskManager,
};
use tokio::sync::mpsc;

struct Pair {
    server: ServerHandle,
    events: mpsc::Receiver<LinkEvent>,
    send: SendToTaskManager,
    client: ClientLink,
}

async fn pair() -> Pair {
    let (sink, mut events) = mpsc::channel(16);
    let server = serve("127.0.0.1:0".parse().unwrap(), sink, None).await.unwrap();
    let client = connect(&server.address().to_string(), None).await.unwrap();
    let Some(LinkEvent::Opened(_, send)) = events.recv().await else { panic!("no link") };
    Pair { server, events, send, client }
}

/// What is said must not wait for a runtime's thread.
async fn say(client: &ClientLink, message: ToJobManager) {
    let send = std::sync::Arc::clone(&client.send);
    assert!(tokio::task::spawn_blocking(move || send(message)).await.unwrap());
}

fn task() -> TaskAttempt {
    TaskAttempt { job: JobId(u128::MAX - 7), vertex: VertexId(2), subtask: 1, attempt: 3 }
}

fn deployment() -> ToTaskManager {
    let options = serde_json::json!({ "path": "in", "nested": [1, null, { "x": 0.5 }] });
    let options: BTreeMap<String, serde_json::Value> = serde_json::from_value(options).unwrap();
    let connector = Connector { name: "files".to_owned(), options };
    let graph = JobGraph {
        name: "job".to_owned(),
        configuration: BTreeMap::from([("key".to_owned(), "value".to_owned())]),
        arguments: vec!["all".to_owned()],
        vertices: vec![JobVertex {
            id: VertexId(0),
            name: "Source".to_owned(),
            parallelism: 1,
            max_parallelism: 128,
            slot_sharing_group: "default".to_owned(),
            operators: vec![OperatorNode {
                uid: "lines".to_owned(),
                name: "lines".to_owned(),
                body: OperatorBody::Source(connector),
                outputs: Vec::new(),
                on_error: Default::default(),
                dead_letter_output: None,
                watermarks: None,
            }],
        }],
        edges: Vec::new(),
    };
    let plugins = BTreeMap::from([("self".to_owned(), PluginId([7; 32]))]);
    let job = JobInformation { job: task().job, graph, plugins, base_folder: None };
    let tasks = vec![TaskDescriptor { vertex: VertexId(0), subtask: 0, attempt: 0, slot: 1 }];
    ToTaskManager::Deploy { job: Box::new(job), tasks, locations: Vec::new() }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_arrive_as_they_were_sent_in_their_order() {
    let mut pair = pair().await;
    let plugin = vec![0xA5; 5 << 20];
    let sent = [
        deployment(),
        ToTaskManager::Cancel(vec![task()]),
        ToTaskManager::Plugin { request: 1, bytes: Ok(plugin.into()) },
        ToTaskManager::Split { request: 2, split: Err("none".to_owned()) },
    ];
    sent.iter().for_each(|message| assert!((pair.send)(message.clone())));
    for message in sent {
        assert_eq!(pair.client.next().await.unwrap(), message);
    }
    let said = ToJobManager::TaskState {
        task: task(),
        state: ExecutionState::Failed,
        error: Some("why".to_owned()),
        metrics: BTreeMap::from([("numRecordsIn".to_owned(), 7.0)]),
        accumulators: Accumulators::of([("rows".to_owned(), 7)]),
    };
    say(&pair.client, said.clone()).await;
    match pair.events.recv().await {
        Some(LinkEvent::Message(_, heard)) => assert_eq!(heard, said),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_end_hears_that_the_other_is_gone() {
    let mut first = pair().await;
    drop(first.client);
    assert!(matches!(first.events.recv().await, Some(LinkEvent::Closed(_, _))));

    let mut second = pair().await;
    drop(second.send);
    let closed = tokio::time::timeout(Duration::from_secs(10), second.client.next()).await;
    assert!(closed.unwrap().unwrap_err().contains("closed the link"));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_at_the_address_is_an_error_that_names_it() {
    let pair = pair().await;
    let address = pair.server.address().to_string();
    drop(pair);
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    match connect(&free.to_string(), None).await.unwrap_err() {
        ConnectError::Unreachable { address: named, reason } => {
            assert_eq!(named, free.to_string());
            assert!(reason.contains("refused"), "{reason}");
        }
        other @ ConnectError::Address { .. } => panic!("{other}"),
    }
    let wrong = connect("no address", None).await.unwrap_err();
    assert!(matches!(wrong, ConnectError::Address { .. }), "{wrong} {address}");
}
