//! One exchange with the server, byte by byte: no client stands between a test and what is sent.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use sandbar_model::ManualClock;
use sandbar_rest::{RestHandle, RestLimits, RestOptions, RestServer};
use serde_json::Value;

use crate::fake_dispatcher::FakeDispatcher;

/// The server's time in every test.
pub(crate) const NOW: i64 = 10_000;

/// An answer.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Exchange {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The first message of an error.
    pub(crate) fn error(&self) -> String {
        self.json()["errors"][0].as_str().unwrap_or_else(|| panic!("{self:?}")).to_owned()
    }

    /// A field of the head.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find_map(|(key, value)| key.eq_ignore_ascii_case(name).then_some(value.trim()))
    }
}

/// A server and the Dispatcher behind it.
pub(crate) struct Fixture {
    pub(crate) dispatcher: Arc<FakeDispatcher>,
    pub(crate) server: RestHandle,
}

impl Fixture {
    pub(crate) fn new() -> Fixture {
        Fixture::with_limits(RestLimits::default())
    }

    pub(crate) fn with_limits(limits: RestLimits) -> Fixture {
        Fixture::with_options(RestOptions { limits, ..RestOptions::default() })
    }

    pub(crate) fn with_options(options: RestOptions) -> Fixture {
        let dispatcher = Arc::new(FakeDispatcher::new());
        let options = RestOptions { port: 0, ..options };
        let clock = Arc::new(ManualClock::new(NOW));
        let gateway = Arc::clone(&dispatcher);
        let server = RestServer::start_with_clock(&options, gateway, clock).unwrap();
        Fixture { dispatcher, server }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.server.local_address()
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream
    }

    /// Sends bytes and reads until the server ends the connection.
    pub(crate) fn raw(&self, bytes: &[u8]) -> Exchange {
        let mut stream = self.connect();
        // The server may refuse before it has read everything.
        let _ = stream.write_all(bytes);
        read(&mut stream)
    }

    pub(crate) fn send(&self, verb: &str, path: &str, headers: &str, body: &[u8]) -> Exchange {
        let head = format!(
            "{verb} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-length: {}\r\n\
             {headers}\r\n",
            self.address(),
            body.len()
        );
        self.raw(&[head.as_bytes(), body].concat())
    }

    pub(crate) fn get(&self, path: &str) -> Exchange {
        self.send("GET", path, "", b"")
    }

    /// The JSON of a path that must be there.
    #[track_caller]
    pub(crate) fn json(&self, path: &str) -> Value {
        let exchange = self.get(path);
        assert_eq!(exchange.status, 200, "{path}: {exchange:?}");
        assert_eq!(exchange.header("content-type"), Some("application/json; charset=UTF-8"));
        exchange.json()
    }

    pub(crate) fn post_json(&self, path: &str, body: &str) -> Exchange {
        self.send("POST", path, "content-type: application/json\r\n", body.as_bytes())
    }

    /// Sends a form with one field.
    pub(crate) fn upload(&self, path: &str, field: &str, file: &str, bytes: &[u8]) -> Exchange {
        let (content_type, body) = form(&[(field, file, bytes)]);
        self.send("POST", path, &content_type, &body)
    }
}

/// The header and the body of a form.
pub(crate) fn form(fields: &[(&str, &str, &[u8])]) -> (String, Vec<u8>) {
    let mut body = Vec::new();
    for (field, file, bytes) in fields {
        let head = format!(
            "--edge\r\ncontent-disposition: form-data; name=\"{field}\"; filename=\"{file}\"\r\n\
             content-type: application/wasm\r\n\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--edge--\r\n");
    ("content-type: multipart/form-data; boundary=edge\r\n".to_owned(), body)
}

/// Reads an answer until the server ends the connection.
pub(crate) fn read(stream: &mut TcpStream) -> Exchange {
    let mut bytes = Vec::new();
    let result = stream.read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| {
        panic!("no answer but {text:?}, {result:?}");
    });
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Exchange {
        status: status.unwrap_or_else(|| panic!("no status in {head:?}")),
        head: head.to_owned(),
        body: body.to_owned(),
    }
}
