//! A TCP proxy between two processes that can stop to forward, both ways, and keeps all its
//! connections: a network that swallows what is sent.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

/// Bytes that are forwarded at a time.
const CHUNK_BYTES: usize = 16 << 10;

/// Whether the proxy forwards; who has something to forward waits until it does.
#[derive(Debug, Default)]
struct Gate {
    is_closed: Mutex<bool>,
    opened: Condvar,
}

/// The proxy. Its threads end with their connections, or with the process of the test.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    gate: Arc<Gate>,
}

impl Proxy {
    /// Forwards connections to this port of this machine.
    ///
    /// # Panics
    /// If there is no port to listen on.
    pub fn to(port: u16) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
        let address = listener.local_addr().expect("a listener has an address");
        let gate: Arc<Gate> = Arc::default();
        let of_connections = Arc::clone(&gate);
        thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                // Nobody may listen there for a while; whoever connected finds out.
                if let Ok(far) = TcpStream::connect(("127.0.0.1", port)) {
                    forward(&near, &far, &of_connections);
                    forward(&far, &near, &of_connections);
                }
            }
        });
        Proxy { address, gate }
    }

    /// The port to connect to.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Forwards nothing from here on: what is sent waits.
    pub fn stop_forwarding(&self) {
        self.gate.set(true);
    }

    /// Forwards again, beginning with what waits.
    pub fn forward_again(&self) {
        self.gate.set(false);
    }
}

impl Gate {
    fn set(&self, is_closed: bool) {
        *self.is_closed.lock().unwrap_or_else(PoisonError::into_inner) = is_closed;
        self.opened.notify_all();
    }

    fn wait(&self) {
        let closed = self.is_closed.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.opened.wait_while(closed, |is_closed| *is_closed));
    }
}

fn forward(from: &TcpStream, to: &TcpStream, gate: &Arc<Gate>) {
    let mut from = from.try_clone().expect("a socket can be cloned");
    let mut to = to.try_clone().expect("a socket can be cloned");
    let gate = Arc::clone(gate);
    thread::spawn(move || {
        let mut chunk = vec![0; CHUNK_BYTES];
        while let Ok(read) = from.read(&mut chunk) {
            gate.wait();
            if read == 0 || to.write_all(&chunk[..read]).is_err() {
                break;
            }
        }
        // An end is forwarded like bytes; the other side may be gone.
        let _ = to.shutdown(Shutdown::Write);
    });
}
