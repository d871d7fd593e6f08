//! The socket of a data connection: how it is made, its options, its time limits.

use std::io::{self, Read};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use socket2::{SockRef, TcpKeepalive};

use super::error::ConnectionError;
use super::options::NetworkOptions;

/// Wait after the first failed attempt to connect; doubled after each.
const BACK_OFF_START: Duration = Duration::from_millis(50);
/// Most attempts to connect.
const ATTEMPTS_MAX: u32 = 8;
/// How long a side that closes with a reason lets the other one read it.
pub(crate) const LAST_WORDS: Duration = Duration::from_millis(200);

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

/// Reads what is there, and waits for it no longer than to the deadline, if there is one. Sockets
/// without one have had theirs lifted.
pub(crate) fn read_by(
    mut stream: &TcpStream,
    buffer: &mut [u8],
    deadline: Option<Instant>,
) -> io::Result<usize> {
    if let Some(deadline) = deadline {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
    }
    stream.read(buffer)
}

/// Whether a read came to its deadline.
pub(crate) fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock)
}

/// Says no more, and closes once the other end has closed, or after [`LAST_WORDS`]. What it has
/// sent meanwhile is read and dropped: unread bytes would make the last words unread too.
pub(crate) fn drain_and_close(stream: &TcpStream) {
    let deadline = Instant::now() + LAST_WORDS;
    let mut dropped = [0; 4096];
    let mut listens = stream.shutdown(Shutdown::Write).is_ok();
    while listens {
        listens = read_by(stream, &mut dropped, Some(deadline)).is_ok_and(|read| read > 0);
    }
    // Closed already is closed.
    let _ = stream.shutdown(Shutdown::Both);
}
