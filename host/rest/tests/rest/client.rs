//! The client against the server: what it asks, and what it says when it does not get it.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use sandbar_model::status::JobStatus;
use sandbar_model::{JobId, PluginId};
use sandbar_rest::message::plugin::{JobSubmitRequest, PluginRunRequest};
use sandbar_rest::{ClientError, RestClient, RestLimits};

use crate::exchange::Fixture;

const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0--sandbar-plugin--sandbar-pluginx\r\n";

fn client(fixture: &Fixture) -> RestClient {
    RestClient::new(&fixture.address().to_string()).unwrap()
}

#[test]
fn what_is_there_is_read() {
    let fixture = Fixture::new();
    let client = client(&fixture);
    assert_eq!(client.overview().unwrap().slots_total, 4);
    assert_eq!(client.jobs().unwrap().jobs.len(), 2);
    let job = client.job(JobId(1)).unwrap();
    assert_eq!((job.state, job.vertices.len()), (JobStatus::Running, 2));
    assert_eq!(job.waiting_for.as_deref(), Some("needs 4 slots, has 2"));
    assert_eq!(client.job_plan(JobId(1)).unwrap().plan, job.plan);
    assert_eq!(client.job_exceptions(JobId(2)).unwrap().exception_history.entries.len(), 2);
    assert_eq!(client.job_execution_result(JobId(2)).unwrap().status.id, "COMPLETED");
    assert_eq!(client.task_managers().unwrap().taskmanagers[0].slots_number, 4);
    assert_eq!(client.plugins().unwrap().files[0].name, "word-count.wasm");
    assert_eq!(client.configuration().unwrap()[0].key, "rest.port");
    assert_eq!(client.log().unwrap(), "INFO a line\nWARN another\n");
}

#[test]
fn what_is_asked_for_is_done() {
    let fixture = Fixture::new();
    let client = client(&fixture);
    let uploaded = client.upload_plugin("a \"b\".wasm", COMPONENT).unwrap();
    assert_eq!(uploaded.id, "07".repeat(32));
    let upload = fixture.dispatcher.uploads.lock().unwrap().pop().unwrap();
    assert_eq!(upload.1, COMPONENT.len());
    let plugin = PluginId([7; 32]);
    let run = PluginRunRequest {
        program_args_list: Some(vec!["--a".to_owned()]),
        parallelism: Some(2),
        ..PluginRunRequest::default()
    };
    assert_eq!(client.run_plugin(plugin, &run).unwrap(), JobId(0xabc));
    assert_eq!(client.plan_plugin(plugin, &run).unwrap().plan.nodes.len(), 2);
    let spec = JobSubmitRequest::new("{\"name\": \"a\"}".to_owned()).unwrap();
    assert_eq!(client.submit(&spec).unwrap(), JobId(0xabc));
    let requests = fixture.dispatcher.requests.lock().unwrap();
    assert_eq!(requests[0], requests[1]);
    assert_eq!(requests[0].arguments, ["--a"]);
    assert_eq!(requests[2].spec.as_deref(), Some("{\"name\": \"a\"}"));
    client.cancel_job(JobId(1)).unwrap();
    assert_eq!(*fixture.dispatcher.cancelled.lock().unwrap(), [JobId(1)]);
    client.delete_plugin(plugin).unwrap();
    client.shut_down_cluster().unwrap();
    fixture.dispatcher.await_shut_down();
}

#[test]
fn refusals_are_the_servers_words() {
    let fixture = Fixture::new();
    let client = client(&fixture);
    let ClientError::Refused { status, errors } = client.job(JobId(9)).unwrap_err() else {
        panic!("not refused");
    };
    assert_eq!((status, errors), (404, vec![format!("no job {}", JobId(9))]));
    let mut wrong = JobSubmitRequest::new("{}".to_owned()).unwrap();
    wrong.arguments = vec!["--wrong".to_owned()];
    let error = client.submit(&wrong).unwrap_err().to_string();
    assert_eq!(error, "sources.a: no path\nsinks.b: no connector");
    assert!(JobSubmitRequest::new("{".to_owned()).is_err());
}

#[test]
fn large_uploads_are_refused_in_words_and_not_by_a_reset() {
    let fixture =
        Fixture::with_limits(RestLimits { upload_bytes_max: 1 << 20, ..RestLimits::default() });
    let error = client(&fixture).upload_plugin("a.wasm", &vec![0; 32 << 20]).unwrap_err();
    let ClientError::Refused { status, errors } = error else { panic!("{error:?}") };
    assert_eq!(status, 413);
    assert!(errors[0].contains("1048576"), "{errors:?}");
}

#[test]
fn addresses_where_nobody_is_come_with_the_remedy() {
    let fixture = Fixture::new();
    let address = fixture.address().to_string();
    fixture.server.stop();
    let error = RestClient::new(&address).unwrap().overview().unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { .. }), "{error:?}");
    let message = error.to_string();
    for part in [address.as_str(), "is a JobManager running there?", "sandbar cluster start", "-m"]
    {
        assert!(message.contains(part), "{message}");
    }
}

/// A server that reads one request and answers it with these bytes.
fn answer_with(bytes: &'static [u8]) -> RestClient {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 4096]);
        stream.write_all(bytes).unwrap();
    });
    RestClient::new(&address).unwrap()
}

#[test]
fn other_servers_are_taken_for_what_they_are() {
    let check = |bytes: &'static [u8], expected: &str| {
        let error = answer_with(bytes).overview().unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    check(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", "is another server at that port?");
    check(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", "missing field `taskmanagers`");
    check(b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n", "status 503");
    check(b"HTTP/1.1 302 Found\r\nlocation: /x\r\ncontent-length: 0\r\n\r\n", "status 302");
    check(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{", "broke off");
    check(b"SSH-2.0-OpenSSH\r\n", "broke off");
}
