//! TLS on a data connection whose two threads share it: one reads, one writes.
//!
//! Law: the lock of the connection's state is held to encrypt and to decrypt, and never while the
//! socket is waited for. So neither thread waits for the other's peer, and what is encrypted goes
//! out in its order, since the writer keeps the way out to itself meanwhile.
//!
//! Records are decrypted and encrypted where rustls keeps them; each way adds one copy to that,
//! into the reader's buffer and into what one system call writes.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use rustls::{Connection, Error};

use super::socket::{LAST_WORDS, drain_and_close, read_by};

/// Bytes asked of the socket at a time.
const INCOMING_BYTES: usize = 256 << 10;
/// Bytes encrypted at a time, and written by one system call: the reader may have to wait so long.
const PIECE_BYTES: usize = 256 << 10;
/// Bytes asked of the socket at a time during the handshake.
const HANDSHAKE_BYTES: usize = 16 << 10;
/// How often it is looked whether the other thread has written what it writes.
const LOOK_INTERVAL: Duration = Duration::from_millis(1);

/// A connection after its handshake.
#[derive(Debug)]
pub(crate) struct TlsSession {
    connection: Mutex<Connection>,
    /// What has arrived and has not been decrypted. One thread reads at a time.
    incoming: Mutex<Incoming>,
    /// What is encrypted and not written. Whoever has it is the one who writes.
    outgoing: Mutex<Vec<u8>>,
}

#[derive(Debug, Default)]
struct Incoming {
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// The other end has said that no more will come.
    is_closed: bool,
    /// What ended the connection, behind what was decrypted before.
    failure: Option<io::Error>,
}

impl TlsSession {
    /// Shakes hands, up to the deadline. Whoever is refused can read why.
    ///
    /// # Errors
    /// What TLS says of the other end, or the socket.
    pub(crate) fn shake_hands(
        mut connection: Connection,
        socket: &TcpStream,
        deadline: Instant,
    ) -> io::Result<TlsSession> {
        let shaken = shake_hands(&mut connection, socket, deadline);
        if let Err(error) = shaken {
            if is_of_tls(&error) && write_pending(&mut connection, socket).is_ok() {
                drain_and_close(socket);
            }
            return Err(error);
        }
        connection.set_buffer_limit(None);
        Ok(TlsSession {
            connection: Mutex::new(connection),
            incoming: Mutex::default(),
            outgoing: Mutex::default(),
        })
    }

    /// Reads what the other end has written; 0 at its end.
    ///
    /// # Errors
    /// What TLS says, or the socket.
    pub(crate) fn read(
        &self,
        socket: &TcpStream,
        buffer: &mut [u8],
        deadline: Option<Instant>,
    ) -> io::Result<usize> {
        let mut incoming = lock(&self.incoming);
        loop {
            let decrypted = self.decrypt(&mut incoming, buffer)?;
            if decrypted > 0 || incoming.is_closed {
                return Ok(decrypted);
            }
            incoming.buffer.resize(INCOMING_BYTES, 0);
            (incoming.start, incoming.end) = (0, 0);
            let read = read_by(socket, &mut incoming.buffer, deadline)?;
            if read == 0 {
                // With or without a word of TLS: streams end by frames, and no other way.
                return Ok(0);
            }
            incoming.end = read;
        }
    }

    /// Decrypts what has arrived into `buffer`; 0 when more has to arrive first, or none will.
    fn decrypt(&self, incoming: &mut Incoming, buffer: &mut [u8]) -> io::Result<usize> {
        let mut connection = lock(&self.connection);
        let mut filled = 0;
        while filled < buffer.len() {
            match connection.reader().read(&mut buffer[filled..]) {
                Ok(0) => {
                    incoming.is_closed = true;
                    break;
                }
                Ok(read) => filled += read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if incoming.failure.is_some() || incoming.start == incoming.end {
                        break;
                    }
                    incoming.failure = incoming.feed(&mut connection).err();
                }
                Err(error) => return Err(error),
            }
        }
        match incoming.failure.take_if(|_| filled == 0) {
            Some(error) => Err(error),
            None => Ok(filled),
        }
    }

    /// Writes all bytes.
    ///
    /// # Errors
    /// The socket's.
    pub(crate) fn write_all(&self, socket: &TcpStream, bytes: &[u8]) -> io::Result<()> {
        self.write(socket, &mut lock(&self.outgoing), bytes)
    }

    /// Writes bytes, and that no more will come. Waits for a write that is under way, but no longer
    /// than [`LAST_WORDS`].
    ///
    /// # Errors
    /// The socket's, or a write that is stuck.
    pub(crate) fn write_last(&self, socket: &TcpStream, bytes: &[u8]) -> io::Result<()> {
        let deadline = Instant::now() + LAST_WORDS;
        let mut outgoing = loop {
            match self.outgoing.try_lock() {
                Ok(outgoing) => break outgoing,
                Err(TryLockError::Poisoned(poisoned)) => break poisoned.into_inner(),
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                    // Nobody tells of a lock that is free.
                    std::thread::sleep(LOOK_INTERVAL);
                }
                Err(TryLockError::WouldBlock) => return Err(ErrorKind::TimedOut.into()),
            }
        };
        self.write(socket, &mut outgoing, bytes)?;
        lock(&self.connection).send_close_notify();
        self.write(socket, &mut outgoing, b"")
    }

    fn write(
        &self,
        mut socket: &TcpStream,
        outgoing: &mut Vec<u8>,
        bytes: &[u8],
    ) -> io::Result<()> {
        let (mut piece, mut rest) = bytes.split_at(bytes.len().min(PIECE_BYTES));
        loop {
            {
                let mut connection = lock(&self.connection);
                connection.writer().write_all(piece)?;
                while connection.wants_write() {
                    connection.write_tls(outgoing)?;
                }
            }
            let written = socket.write_all(outgoing);
            outgoing.clear();
            written?;
            if rest.is_empty() {
                return Ok(());
            }
            (piece, rest) = rest.split_at(rest.len().min(PIECE_BYTES));
        }
    }
}

impl Incoming {
    /// Hands on some of what has arrived.
    fn feed(&mut self, connection: &mut Connection) -> io::Result<()> {
        let mut arrived = &self.buffer[self.start..self.end];
        self.start += connection.read_tls(&mut arrived)?;
        connection.process_new_packets().map_err(of_tls)?;
        Ok(())
    }
}

fn shake_hands(
    connection: &mut Connection,
    socket: &TcpStream,
    deadline: Instant,
) -> io::Result<()> {
    let mut buffer = vec![0; HANDSHAKE_BYTES];
    loop {
        write_pending(connection, socket)?;
        if !connection.is_handshaking() {
            return Ok(());
        }
        let read = read_by(socket, &mut buffer, Some(deadline))?;
        if read == 0 {
            let what = "the connection was closed in the middle of the TLS handshake";
            return Err(io::Error::new(ErrorKind::UnexpectedEof, what));
        }
        let mut arrived = &buffer[..read];
        while !arrived.is_empty() {
            connection.read_tls(&mut arrived)?;
            connection.process_new_packets().map_err(of_tls)?;
        }
    }
}

fn write_pending(connection: &mut Connection, mut socket: &TcpStream) -> io::Result<()> {
    while connection.wants_write() {
        connection.write_tls(&mut socket)?;
    }
    Ok(())
}

fn of_tls(error: Error) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, error)
}

fn is_of_tls(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<Error>())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
