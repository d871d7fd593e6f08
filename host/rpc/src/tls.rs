//! TLS between processes: who this process is, whom it trusts, and what to say when that fails.
//!
//! Law: both ends of a connection within a cluster show a certificate, and each takes only one of
//! its own CA. Nothing is read from disk here: callers hand over what files hold, with the names
//! that errors are to call them by.

mod distinguished_name;
mod error;
mod pem;
mod verification;

use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::NoServerSessionStorage;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore, ServerConfig};

pub use error::{TlsError, explain, explain_io};
pub use pem::PemFile;

use self::verification::{ClientVerifier, ServerVerifier, check_own};

/// A certificate with what leads from it to its CA, and its private key.
pub struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    key_pem: Vec<u8>,
    /// What errors call the certificate.
    file: String,
}

impl Identity {
    /// Reads a certificate and its key. That they belong together is checked.
    ///
    /// # Errors
    /// A file that does not hold what it should, or a key of another certificate.
    pub fn from_pem(certificate: &PemFile, private_key: &PemFile) -> Result<Identity, TlsError> {
        let chain = certificate.certificates()?;
        let key = private_key.private_key()?;
        let signing = provider().key_provider.load_private_key(key.clone_key());
        let signing = signing.map_err(|error| TlsError::Key {
            file: private_key.to_string(),
            what: error.to_string(),
        })?;
        let certified = rustls::sign::CertifiedKey::new(chain.clone(), signing);
        certified.keys_match().map_err(|_| TlsError::Mismatch {
            certificate: certificate.to_string(),
            private_key: private_key.to_string(),
        })?;
        Ok(Identity {
            chain,
            key,
            key_pem: private_key.bytes.clone(),
            file: certificate.to_string(),
        })
    }

    /// The certificate, and behind it those that lead to its CA.
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    /// The private key as it was read, which is the only one there.
    pub fn key_pem(&self) -> &[u8] {
        &self.key_pem
    }
}

impl std::fmt::Debug for Identity {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("file", &self.file).finish_non_exhaustive()
    }
}

/// The CAs whose certificates are taken.
#[derive(Clone, Debug)]
pub struct Authorities {
    certificates: Vec<CertificateDer<'static>>,
    roots: Arc<RootCertStore>,
    /// What errors call them.
    file: String,
}

impl Authorities {
    /// Reads the certificates of CAs.
    ///
    /// # Errors
    /// A file that does not hold what it should.
    pub fn from_pem(file: &PemFile) -> Result<Authorities, TlsError> {
        let certificates = file.certificates()?;
        let mut roots = RootCertStore::empty();
        for certificate in &certificates {
            roots.add(certificate.clone()).map_err(|error| TlsError::Pem {
                file: file.to_string(),
                what: format!("not the certificate of a CA: {error}"),
            })?;
        }
        Ok(Authorities { certificates, roots: Arc::new(roots), file: file.to_string() })
    }

    /// Their certificates.
    pub fn certificates(&self) -> &[CertificateDer<'static>] {
        &self.certificates
    }
}

/// The name that a process must have a certificate for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PeerName {
    /// The same for all processes: both ends of a connection look at it.
    Shared(String),
    /// The host that is dialled: only the end that dials looks at it.
    DialledHost,
}

/// Mutual TLS between the processes of a cluster.
#[derive(Clone)]
pub struct TlsSettings {
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
    shared_name: Option<ServerName<'static>>,
}

impl TlsSettings {
    /// Makes the settings of both ends. The process's own certificate is looked at as others will.
    ///
    /// # Errors
    /// What others would refuse about the certificate, or a name that is none.
    pub fn new(
        identity: &Identity,
        authorities: &Authorities,
        peer_name: &PeerName,
    ) -> Result<TlsSettings, TlsError> {
        let shared_name = match peer_name {
            PeerName::Shared(name) => Some(server_name(name)?),
            PeerName::DialledHost => None,
        };
        let servers = ServerVerifier::new(authorities)?;
        let clients = ClientVerifier::new(authorities, shared_name.clone())?;
        check_own(identity, &servers, &clients, shared_name.as_ref())?;
        // Both ends are ours, so nothing older need be spoken. Without resumption each connection
        // verifies anew, and nothing but records follows the handshake.
        let mut server = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13])
            .map_err(|error| unfit(&error))?
            .with_client_cert_verifier(Arc::new(clients))
            .with_single_cert(identity.chain.clone(), identity.key.clone_key())
            .map_err(|error| unfit(&error))?;
        server.send_tls13_tickets = 0;
        server.session_storage = Arc::new(NoServerSessionStorage {});
        let mut client = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13])
            .map_err(|error| unfit(&error))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(servers))
            .with_client_auth_cert(identity.chain.clone(), identity.key.clone_key())
            .map_err(|error| unfit(&error))?;
        client.resumption = Resumption::disabled();
        Ok(TlsSettings { server: Arc::new(server), client: Arc::new(client), shared_name })
    }

    /// For the end that listens.
    pub fn server(&self) -> &Arc<ServerConfig> {
        &self.server
    }

    /// For the end that dials.
    pub fn client(&self) -> &Arc<ClientConfig> {
        &self.client
    }

    /// The name that whoever answers at `address` (`host:port`) must have a certificate for.
    ///
    /// # Errors
    /// The host is no name.
    pub fn name_at(&self, address: &str) -> Result<ServerName<'static>, TlsError> {
        if let Some(name) = &self.shared_name {
            return Ok(name.clone());
        }
        let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
        server_name(host.trim_start_matches('[').trim_end_matches(']'))
    }
}

impl std::fmt::Debug for TlsSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TlsSettings")
            .field("shared_name", &self.shared_name)
            .finish_non_exhaustive()
    }
}

/// TLS of a server whose clients are no part of the cluster.
#[derive(Clone)]
pub struct TlsServer {
    config: Arc<ServerConfig>,
    authenticates_clients: bool,
}

impl TlsServer {
    /// Makes the settings. With `clients`, only those with a certificate of these CAs are served.
    ///
    /// # Errors
    /// A certificate that cannot be used.
    pub fn new(identity: &Identity, clients: Option<&Authorities>) -> Result<TlsServer, TlsError> {
        let builder = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13, &TLS12])
            .map_err(|error| unfit(&error))?;
        let builder = match clients {
            Some(authorities) => {
                let verifier = ClientVerifier::new(authorities, None)?;
                builder.with_client_cert_verifier(Arc::new(verifier))
            }
            None => builder.with_no_client_auth(),
        };
        let mut config = builder
            .with_single_cert(identity.chain.clone(), identity.key.clone_key())
            .map_err(|error| unfit(&error))?;
        // Browsers would take HTTP/2 otherwise.
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(TlsServer { config: Arc::new(config), authenticates_clients: clients.is_some() })
    }

    /// What to accept connections with.
    pub fn config(&self) -> &Arc<ServerConfig> {
        &self.config
    }

    /// Whether clients must show a certificate.
    pub fn authenticates_clients(&self) -> bool {
        self.authenticates_clients
    }
}

impl std::fmt::Debug for TlsServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TlsServer")
            .field("authenticates_clients", &self.authenticates_clients)
            .finish_non_exhaustive()
    }
}

/// The cryptography of all connections: ring, which needs nothing but a C compiler.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn server_name(name: &str) -> Result<ServerName<'static>, TlsError> {
    ServerName::try_from(name.to_owned()).map_err(|_| TlsError::Name { name: name.to_owned() })
}

fn unfit(error: &rustls::Error) -> TlsError {
    TlsError::Unfit { what: error.to_string() }
}
