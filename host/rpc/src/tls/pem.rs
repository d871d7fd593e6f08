//! PEM files: which certificates and keys they hold, and where they are wrong. Pure.
//!
//! Law: an error names the file, the line, and what to do.

use std::fmt;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::error::TlsError;

const CERTIFICATE: &str = "CERTIFICATE";
const PRIVATE_KEYS: [&str; 3] = ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"];
const ENCRYPTED_KEY: &str = "ENCRYPTED PRIVATE KEY";
/// Field of keys that OpenSSL encrypted in its own older way.
const ENCRYPTED_FIELD: &str = "Proc-Type: 4,ENCRYPTED";

/// What a PEM file holds, and what to call it.
#[derive(Clone)]
pub struct PemFile {
    /// The option that names the file.
    pub option: &'static str,
    /// Its path.
    pub path: String,
    /// What it holds.
    pub bytes: Vec<u8>,
}

impl fmt::Display for PemFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.path, self.option)
    }
}

impl fmt::Debug for PemFile {
    /// Without what it holds: that may be a key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PemFile").field("path", &self.path).finish_non_exhaustive()
    }
}

/// What is between `-----BEGIN X-----` and `-----END X-----`, those two with it.
#[derive(Debug)]
struct Section<'a> {
    label: &'a str,
    /// Of its first line, from 1 on.
    line: usize,
    text: String,
    is_encrypted: bool,
}

impl PemFile {
    /// All certificates, of which there is at least one.
    ///
    /// # Errors
    /// [`TlsError::Pem`].
    pub(super) fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let sections = self.sections()?;
        let certificates = sections.iter().filter(|section| section.label == CERTIFICATE);
        let certificates: Vec<_> =
            certificates.map(|section| self.certificate(section)).collect::<Result<_, _>>()?;
        if certificates.is_empty() {
            return Err(self.lacks("certificate", "-----BEGIN CERTIFICATE-----", &sections));
        }
        Ok(certificates)
    }

    /// The private key, which is the only one.
    ///
    /// # Errors
    /// [`TlsError::Pem`].
    pub(super) fn private_key(&self) -> Result<PrivateKeyDer<'static>, TlsError> {
        let sections = self.sections()?;
        if let Some(section) = sections.iter().find(|section| section.is_encrypted) {
            return Err(self.wrong(
                section.line,
                "the private key is encrypted; decrypt it with `openssl pkey -in FILE -out \
                 PLAIN_FILE` and guard the file by its permissions",
            ));
        }
        let mut keys = sections.iter().filter(|section| PRIVATE_KEYS.contains(&section.label));
        let Some(section) = keys.next() else {
            return Err(self.lacks("private key", "-----BEGIN PRIVATE KEY-----", &sections));
        };
        if let Some(second) = keys.next() {
            return Err(self.wrong(second.line, "a second private key; keep one in the file"));
        }
        PrivateKeyDer::from_pem_slice(section.text.as_bytes())
            .map_err(|_| self.wrong(section.line, "the private key that begins here is damaged"))
    }

    fn certificate(&self, section: &Section<'_>) -> Result<CertificateDer<'static>, TlsError> {
        let damaged = |what: &str| {
            self.wrong(section.line, format!("the certificate that begins here {what}"))
        };
        let der = CertificateDer::from_pem_slice(section.text.as_bytes())
            .map_err(|_| damaged("is damaged"))?;
        webpki::EndEntityCert::try_from(&der)
            .map_err(|error| damaged(&format!("is no X.509 certificate of version 3: {error}")))?;
        Ok(der.into_owned())
    }

    fn sections(&self) -> Result<Vec<Section<'_>>, TlsError> {
        let Ok(text) = std::str::from_utf8(&self.bytes) else {
            let what = "bytes that are no text; if this is DER, convert it with `openssl x509 \
                        -inform der -in FILE -out FILE.pem` (`openssl pkey` for a key)";
            return Err(TlsError::Pem { file: self.to_string(), what: what.to_owned() });
        };
        let mut sections = Vec::new();
        let mut open: Option<Section<'_>> = None;
        for (index, line) in text.lines().enumerate() {
            let (number, line) = (index + 1, line.trim());
            if let Some(label) = marker(line, "BEGIN") {
                if let Some(unfinished) = open {
                    return Err(self.unfinished(&unfinished));
                }
                let is_encrypted = label == ENCRYPTED_KEY;
                open =
                    Some(Section { label, line: number, text: format!("{line}\n"), is_encrypted });
            } else if let Some(section) = &mut open {
                section.is_encrypted |= line == ENCRYPTED_FIELD;
                section.text.push_str(line);
                section.text.push('\n');
                if marker(line, "END") == Some(section.label) {
                    sections.extend(open.take());
                } else if !section.is_encrypted && !is_base64(line) {
                    let what = "no base64, in the middle of what -----BEGIN begins; copy the file \
                                anew";
                    return Err(self.wrong(number, what));
                }
            }
        }
        match open {
            Some(unfinished) => Err(self.unfinished(&unfinished)),
            None => Ok(sections),
        }
    }

    fn unfinished(&self, section: &Section<'_>) -> TlsError {
        let label = section.label;
        self.wrong(
            section.line,
            format!("what -----BEGIN {label}----- begins has no end; copy the file anew"),
        )
    }

    fn lacks(&self, what: &str, expected: &str, sections: &[Section<'_>]) -> TlsError {
        let found: Vec<&str> = sections.iter().map(|section| section.label).collect();
        let found = if found.is_empty() { "nothing in PEM".to_owned() } else { found.join(", ") };
        let what = format!("it holds no {what} ({expected}) but {found}");
        TlsError::Pem { file: self.to_string(), what }
    }

    fn wrong(&self, line: usize, what: impl fmt::Display) -> TlsError {
        TlsError::Pem { file: self.to_string(), what: format!("line {line}: {what}") }
    }
}

/// The label of a line such as `-----BEGIN X-----`.
fn marker<'a>(line: &'a str, word: &str) -> Option<&'a str> {
    line.strip_prefix("-----")?.strip_prefix(word)?.strip_prefix(' ')?.strip_suffix("-----")
}

fn is_base64(line: &str) -> bool {
    line.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte))
}
