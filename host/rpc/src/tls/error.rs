//! What can be wrong with TLS: in what a process was given, and in what a peer does.

use std::io;

use rustls::{AlertDescription, CertificateError, Error, InvalidMessage};
use thiserror::Error as ThisError;

/// Certificates, keys or names that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, ThisError)]
pub enum TlsError {
    /// A file does not hold what it should.
    #[error("{file}: {what}")]
    Pem {
        /// Its path and option.
        file: String,
        /// The line if there is one, what is wrong, what to do.
        what: String,
    },
    /// The key is of a kind that is not known.
    #[error(
        "{file}: the private key cannot be used: {what}; make one with `openssl genpkey -algorithm \
         EC -pkeyopt ec_paramgen_curve:P-256` or RSA of 2048 bits or more"
    )]
    Key {
        /// Its path and option.
        file: String,
        /// Why.
        what: String,
    },
    /// The key is that of another certificate.
    #[error(
        "the private key in {private_key} is not that of the first certificate in {certificate}"
    )]
    Mismatch {
        /// Path and option of the certificate.
        certificate: String,
        /// Path and option of the key.
        private_key: String,
    },
    /// Other processes would refuse this one's certificate.
    #[error("{file}: other processes of the cluster would refuse this certificate: {what}")]
    Own {
        /// Path and option of the certificate.
        file: String,
        /// Why.
        what: String,
    },
    /// A name for which nobody can have a certificate.
    #[error("\"{name}\" is neither a DNS name nor an IP address that a certificate can be for")]
    Name {
        /// The name.
        name: String,
    },
    /// The TLS library refuses these certificates.
    #[error("the certificates cannot be used: {what}")]
    Unfit {
        /// Why.
        what: String,
    },
}

/// Says what an error of a connection means, and what to do about it.
pub fn explain(error: &Error) -> String {
    if let Error::AlertReceived(alert) = error {
        return explain_alert(*alert);
    }
    if let Error::InvalidCertificate(CertificateError::Other(refusal)) = error {
        return refusal.to_string();
    }
    if *error == Error::NoCertificatesPresented {
        return "the other side shows no certificate, and this one asks for one".to_owned();
    }
    if *error == Error::InvalidMessage(InvalidMessage::InvalidContentType) {
        return "the other side does not speak TLS; turn it on at both ends or at neither"
            .to_owned();
    }
    error.to_string()
}

/// What an alert of the other end means. Source: RFC 8446, 6.2.
fn explain_alert(alert: AlertDescription) -> String {
    let of_certificate = [
        AlertDescription::UnknownCA,
        AlertDescription::CertificateUnknown,
        AlertDescription::BadCertificate,
        AlertDescription::CertificateExpired,
        AlertDescription::CertificateRevoked,
        AlertDescription::UnsupportedCertificate,
        AlertDescription::AccessDenied,
        AlertDescription::DecryptError,
    ];
    if of_certificate.contains(&alert) {
        return format!(
            "the other side refuses this side's certificate ({alert:?}); its log says why: most \
             often its CA is another one"
        );
    }
    let meaning = if alert == AlertDescription::CertificateRequired {
        "the other side asks for a certificate, and this one shows none"
    } else if alert == AlertDescription::InternalError {
        "the other side broke off the TLS handshake for a reason of its own, such as too many \
         connections; its log says why"
    } else {
        return format!("the other side broke off TLS: {alert:?}");
    };
    meaning.to_owned()
}

/// The same for an error of reading or writing; none if it is not of TLS.
pub fn explain_io(error: &io::Error) -> Option<String> {
    if let Some(of_tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        return Some(explain(of_tls));
    }
    // As tokio-rustls says it.
    let is_cut =
        error.kind() == io::ErrorKind::UnexpectedEof && error.to_string().contains("handshake");
    is_cut.then(|| {
        "the other side hung up in the middle of the TLS handshake: does it speak TLS?".to_owned()
    })
}
