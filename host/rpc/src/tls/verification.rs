//! Whether a certificate is one of the cluster's: what rustls checks, and words for what it finds.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError};
use rustls::{SignatureScheme, client};

use super::distinguished_name::shown;
use super::error::TlsError;
use super::{Authorities, Identity, provider};

/// Why a certificate is not taken.
#[derive(Debug, thiserror::Error)]
#[error("the certificate of {subject}, issued by {issuer}, is not taken: {why}")]
struct Refusal {
    subject: String,
    issuer: String,
    why: String,
}

/// Looks at the certificates of those who are dialled.
#[derive(Debug)]
pub(super) struct ServerVerifier {
    inner: Arc<WebPkiServerVerifier>,
    authorities: String,
}

impl ServerVerifier {
    pub(super) fn new(authorities: &Authorities) -> Result<ServerVerifier, TlsError> {
        let roots = Arc::clone(&authorities.roots);
        let inner = WebPkiServerVerifier::builder_with_provider(roots, provider())
            .build()
            .map_err(|error| TlsError::Unfit { what: error.to_string() })?;
        Ok(ServerVerifier { inner, authorities: authorities.file.clone() })
    }
}

impl ServerCertVerifier for ServerVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.inner
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
            .map_err(|error| refuse(end_entity, error, &self.authorities))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// Looks at the certificates of those who dial.
#[derive(Debug)]
pub(super) struct ClientVerifier {
    inner: Arc<dyn ClientCertVerifier>,
    authorities: String,
    /// What the certificate must be for.
    name: Option<ServerName<'static>>,
}

impl ClientVerifier {
    pub(super) fn new(
        authorities: &Authorities,
        name: Option<ServerName<'static>>,
    ) -> Result<ClientVerifier, TlsError> {
        let roots = Arc::clone(&authorities.roots);
        let inner = WebPkiClientVerifier::builder_with_provider(roots, provider())
            .build()
            .map_err(|error| TlsError::Unfit { what: error.to_string() })?;
        Ok(ClientVerifier { inner, authorities: authorities.file.clone(), name })
    }
}

impl ClientCertVerifier for ClientVerifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.inner.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let refuse = |error| refuse(end_entity, error, &self.authorities);
        let verified =
            self.inner.verify_client_cert(end_entity, intermediates, now).map_err(refuse)?;
        if let Some(name) = &self.name {
            // A CA of a whole firm has many certificates: the cluster's name tells its own.
            ParsedCertificate::try_from(end_entity)
                .and_then(|parsed| client::verify_server_name(&parsed, name))
                .map_err(refuse)?;
        }
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// Looks at this process's certificate as others will, so that it hears of what is wrong at once.
pub(super) fn check_own(
    identity: &Identity,
    servers: &ServerVerifier,
    clients: &ClientVerifier,
    name: Option<&ServerName<'static>>,
) -> Result<(), TlsError> {
    let now = UnixTime::now();
    let (own, chain) = identity.chain.split_first().ok_or_else(|| TlsError::Own {
        file: identity.file.clone(),
        what: "there is none".to_owned(),
    })?;
    let as_client = clients.verify_client_cert(own, chain, now).map(|_| ());
    let as_server = name
        .map_or(Ok(()), |name| servers.verify_server_cert(own, chain, name, &[], now).map(|_| ()));
    as_client.and(as_server).map_err(|error| TlsError::Own {
        file: identity.file.clone(),
        what: super::explain(&error),
    })
}

fn refuse(certificate: &CertificateDer<'_>, error: Error, authorities: &str) -> Error {
    let Error::InvalidCertificate(found) = &error else { return error };
    let text = found.to_string();
    let why = if let CertificateError::NotValidForNameContext { expected, presented } = found {
        let names = if presented.is_empty() { "no name".to_owned() } else { presented.join(", ") };
        let expected = expected.to_str();
        format!(
            "it must be for the name \"{expected}\" (sandbar.ssl.internal.server-name), and is \
             for {names}"
        )
    } else if matches!(found, CertificateError::UnknownIssuer | CertificateError::BadSignature) {
        format!("that is no CA of {authorities}")
    } else if matches!(found, CertificateError::Expired | CertificateError::ExpiredContext { .. }) {
        format!("{text}; issue a new one, and look at the clocks of both machines")
    } else if text.contains("CaUsedAsEndEntity") {
        "it is the certificate of a CA itself; issue one with that CA".to_owned()
    } else {
        text
    };
    let (subject, issuer) = names(certificate);
    let refusal = Refusal { subject, issuer, why };
    Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(refusal))))
}

fn names(certificate: &CertificateDer<'_>) -> (String, String) {
    match webpki::EndEntityCert::try_from(certificate) {
        Ok(parsed) => (shown(parsed.subject()), shown(parsed.issuer())),
        Err(_) => ("nobody".to_owned(), "nobody".to_owned()),
    }
}
