//! What a client knows a server by over TLS, and what it shows of itself.

use rustls::pki_types::CertificateDer;
use sandbar_rpc::tls::{Authorities, Identity, provider};
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};

use crate::client::ClientError;

/// TLS of a [`super::RestClient`].
#[derive(Clone, Debug)]
pub struct ClientTls {
    roots: Vec<Certificate<'static>>,
    own: Option<ClientCert>,
}

impl ClientTls {
    /// Takes servers with a certificate of these CAs for the host that is asked, and shows them
    /// `identity`, if they ask for a certificate.
    ///
    /// # Errors
    /// [`ClientError::Key`] for a key that the client cannot read.
    pub fn new(
        authorities: &Authorities,
        identity: Option<&Identity>,
    ) -> Result<ClientTls, ClientError> {
        let owned = |der: &CertificateDer<'_>| Certificate::from_der(der).to_owned();
        let roots = authorities.certificates().iter().map(owned).collect();
        let own = identity.map(|identity| {
            let chain: Vec<_> = identity.chain().iter().map(owned).collect();
            let key = PrivateKey::from_pem(identity.key_pem());
            key.map(|key| ClientCert::new_with_certs(&chain, key))
        });
        let own = own.transpose().map_err(|error| ClientError::Key(error.to_string()))?;
        Ok(ClientTls { roots, own })
    }

    pub(super) fn config(&self) -> TlsConfig {
        TlsConfig::builder()
            .root_certs(RootCerts::new_with_certs(&self.roots))
            .client_cert(self.own.clone())
            .unversioned_rustls_crypto_provider(provider())
            .build()
    }
}
