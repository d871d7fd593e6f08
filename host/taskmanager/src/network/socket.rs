//! The socket of a data connection: its options, its time limit for the hello, its last words.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use socket2::{SockRef, TcpKeepalive};

use super::codec::{Frame, encode_control};
use super::error::ConnectionError;
use super::options::NetworkOptions;

/// Wait after the first failed attempt to connect; doubled after each.
const BACK_OFF_START: Duration = Duration::from_millis(50);
/// Most attempts to connect.
const ATTEMPTS_MAX: u32 = 8;
/// How long a side that closes with a reason lets the other one read it.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// Connects to a TaskManager's data port, in a few attempts within the options' time. `pause` waits
/// between them and says whether to go on.
pub(crate) fn connect(
    address: &str,
    options: &NetworkOptions,
    mut pause: impl FnMut(Duration) -> bool,
) -> Result<TcpStream, ConnectionError> {
    let deadline = Instant::now() + options.connect_timeout;
    let mut back_off = BACK_OFF_START;
    let mut attempts = 0;
    loop {
        attempts += 1;
        let left = deadline.saturating_duration_since(Instant::now());
        let source = match connect_once(address, left.max(BACK_OFF_START)) {
            Ok(stream) => {
                configure(&stream, options)?;
                return Ok(stream);
            }
            Err(error) => error,
        };
        if attempts == ATTEMPTS_MAX || Instant::now() + back_off >= deadline {
            return Err(ConnectionError::Connect { attempts, source });
        }
        if !pause(back_off) {
            return Err(ConnectionError::Stopped);
        }
        back_off *= 2;
    }
}

fn connect_once(address: &str, timeout: Duration) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for resolved in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&resolved, timeout) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Small frames go out at once, and an end that has vanished without a word is found.
pub(crate) fn configure(stream: &TcpStream, options: &NetworkOptions) -> io::Result<()> {
    let timeout = options.unacknowledged_timeout;
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(timeout).with_interval(timeout / 3))?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(timeout))?;
    Ok(())
}

/// A socket that is read up to a point in time, then without limit.
#[derive(Debug)]
pub(crate) struct TimedSocket {
    pub(crate) stream: TcpStream,
    deadline: Option<Instant>,
    timeout: Duration,
}

impl TimedSocket {
    pub(crate) fn new(stream: TcpStream, timeout: Duration) -> TimedSocket {
        TimedSocket { stream, deadline: Some(Instant::now() + timeout), timeout }
    }

    /// Ends the limit.
    pub(crate) fn lift_limit(&mut self) -> io::Result<()> {
        self.deadline = None;
        self.stream.set_read_timeout(None)
    }

    /// The error of a read that came too late is the hello's.
    pub(crate) fn explain(&self, error: ConnectionError) -> ConnectionError {
        if let ConnectionError::Io(source) = &error
            && is_timeout(source)
            && self.deadline.is_some()
        {
            return ConnectionError::HelloTimeout { timeout: self.timeout };
        }
        error
    }
}

impl Read for TimedSocket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(deadline) = self.deadline {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            self.stream.set_read_timeout(Some(left))?;
        }
        self.stream.read(buffer)
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock)
}

/// Tells the other end why this one closes, as far as it listens, and closes. What it has sent
/// meanwhile is read and dropped: unread bytes would make the reason unread too.
pub(crate) fn close_with_reason(mut stream: &TcpStream, reason: &str) {
    let deadline = Instant::now() + LAST_WORDS;
    let mut dropped = [0; 4096];
    let mut listens = turn_away(stream, reason);
    while listens {
        let left = deadline.saturating_duration_since(Instant::now());
        listens = !left.is_zero()
            && stream.set_read_timeout(Some(left)).is_ok()
            && stream.read(&mut dropped).is_ok_and(|read| read > 0);
    }
    // Closed already is closed.
    let _ = stream.shutdown(Shutdown::Both);
}

/// Tells the other end why this one will not talk to it, and does not wait. Returns whether that
/// could be said.
pub(crate) fn turn_away(mut stream: &TcpStream, reason: &str) -> bool {
    let mut bytes = Vec::new();
    let refusal = Frame::Refusal { reason: reason.to_owned() };
    stream.set_write_timeout(Some(LAST_WORDS)).is_ok()
        && encode_control(&mut bytes, &refusal).is_ok()
        && stream.write_all(&bytes).is_ok()
        && stream.shutdown(Shutdown::Write).is_ok()
}
