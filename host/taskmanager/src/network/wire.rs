//! The bytes of a data connection, plain or under TLS: read by one thread, written by another.
//!
//! Law: with TLS nothing is read and nothing said before the other end has shown its certificate.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use rustls::{ClientConnection, Connection, ServerConnection};
use sandbar_rpc::TlsSettings;

use super::codec::{Frame, encode_control};
use super::error::ConnectionError;
use super::socket::{LAST_WORDS, drain_and_close, is_timeout, read_by};
use super::tls_session::TlsSession;

/// The alert `internal_error` as a record of its own, which may precede any handshake. Source: RFC
/// 8446, 5.1 and 6.
const TURNED_AWAY: [u8; 7] = [0x15, 3, 3, 0, 2, 2, 80];

/// A connection.
#[derive(Debug)]
pub(crate) struct Wire {
    socket: TcpStream,
    cipher: Cipher,
}

#[derive(Debug)]
enum Cipher {
    None,
    /// Set once hands have been shaken.
    Tls(OnceLock<Box<TlsSession>>),
}

impl Wire {
    /// Makes a connection of a socket. With TLS, hands are to be shaken first.
    pub(crate) fn new(socket: TcpStream, with_tls: bool) -> Wire {
        let cipher = if with_tls { Cipher::Tls(OnceLock::new()) } else { Cipher::None };
        Wire { socket, cipher }
    }

    /// The socket, to set its options and to close it.
    pub(crate) fn socket(&self) -> &TcpStream {
        &self.socket
    }

    /// Shakes hands as the end that has dialled `address`, within this time.
    ///
    /// # Errors
    /// What is wrong with the other end, or with this one in its eyes.
    pub(crate) fn secure_dialled(
        &self,
        tls: &TlsSettings,
        address: &str,
        timeout: Duration,
    ) -> Result<(), ConnectionError> {
        let name = tls.name_at(address)?;
        let connection = ClientConnection::new(Arc::clone(tls.client()), name);
        self.secure(connection.map(Connection::from), timeout)
    }

    /// Shakes hands as the end that was dialled, within this time.
    ///
    /// # Errors
    /// What is wrong with the other end, or with this one in its eyes.
    pub(crate) fn secure_accepted(
        &self,
        tls: &TlsSettings,
        timeout: Duration,
    ) -> Result<(), ConnectionError> {
        let connection = ServerConnection::new(Arc::clone(tls.server()));
        self.secure(connection.map(Connection::from), timeout)
    }

    fn secure(
        &self,
        connection: Result<Connection, rustls::Error>,
        timeout: Duration,
    ) -> Result<(), ConnectionError> {
        let Cipher::Tls(cipher) = &self.cipher else { return Ok(()) };
        let connection = connection.map_err(|error| ConnectionError::Tls(error.to_string()))?;
        let deadline = Instant::now() + timeout;
        let session = TlsSession::shake_hands(connection, &self.socket, deadline);
        let session = session.map_err(|error| match error {
            late if is_timeout(&late) => ConnectionError::HelloTimeout { timeout },
            other => ConnectionError::from(other),
        })?;
        // Hands are shaken once.
        let _ = cipher.set(Box::new(session));
        Ok(())
    }

    /// Reads what has arrived, and waits for it no longer than to the deadline.
    ///
    /// # Errors
    /// TLS's or the socket's.
    fn read(&self, buffer: &mut [u8], deadline: Option<Instant>) -> io::Result<usize> {
        match &self.cipher {
            Cipher::None => read_by(&self.socket, buffer, deadline),
            Cipher::Tls(session) => session_of(session)?.read(&self.socket, buffer, deadline),
        }
    }

    /// Writes all bytes.
    ///
    /// # Errors
    /// The socket's.
    pub(crate) fn write_all(&self, bytes: &[u8]) -> io::Result<()> {
        match &self.cipher {
            Cipher::None => (&self.socket).write_all(bytes),
            Cipher::Tls(session) => session_of(session)?.write_all(&self.socket, bytes),
        }
    }

    /// Tells the other end why this one closes, as far as it listens, and closes.
    pub(crate) fn close_with_reason(&self, reason: &str) {
        if self.turn_away(reason) {
            drain_and_close(&self.socket);
        }
    }

    /// Tells the other end why this one will not talk to it, and does not wait. Returns whether
    /// that could be said.
    pub(crate) fn turn_away(&self, reason: &str) -> bool {
        let mut bytes = Vec::new();
        let refusal = Frame::Refusal { reason: reason.to_owned() };
        self.socket.set_write_timeout(Some(LAST_WORDS)).is_ok()
            && encode_control(&mut bytes, &refusal).is_ok()
            && self.write_last(&bytes).is_ok()
            && self.socket.shutdown(Shutdown::Write).is_ok()
    }

    fn write_last(&self, bytes: &[u8]) -> io::Result<()> {
        let session = match &self.cipher {
            Cipher::None => return (&self.socket).write_all(bytes),
            Cipher::Tls(session) => session.get(),
        };
        match session {
            Some(session) => session.write_last(&self.socket, bytes),
            // Frames would be no TLS to the other end.
            None => (&self.socket).write_all(&TURNED_AWAY),
        }
    }
}

fn session_of(session: &OnceLock<Box<TlsSession>>) -> io::Result<&TlsSession> {
    session.get().map(Box::as_ref).ok_or_else(|| ErrorKind::NotConnected.into())
}

/// A connection that is read up to a point in time, then without limit.
#[derive(Debug)]
pub(crate) struct TimedWire {
    wire: Arc<Wire>,
    deadline: Option<Instant>,
    timeout: Duration,
}

impl TimedWire {
    pub(crate) fn new(wire: Arc<Wire>, timeout: Duration) -> TimedWire {
        TimedWire { wire, deadline: Some(Instant::now() + timeout), timeout }
    }

    /// Ends the limit.
    pub(crate) fn lift_limit(&mut self) -> io::Result<()> {
        self.deadline = None;
        self.wire.socket.set_read_timeout(None)
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

impl Read for TimedWire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.wire.read(buffer, self.deadline)
    }
}
