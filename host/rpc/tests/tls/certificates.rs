//! Certificates of the tests, made when they run.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use sandbar_rpc::TlsSettings;
use sandbar_rpc::tls::{Authorities, Identity, PeerName, PemFile, TlsError};

/// A CA and what it issues.
pub(crate) struct Ca {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate and its key, in PEM.
pub(crate) struct Issued {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

fn params(common_name: &str, names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params
}

impl Ca {
    pub(crate) fn new(name: &str) -> Ca {
        let mut params = params(name, &[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        Ca { issuer }
    }

    pub(crate) fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// Its private key.
    pub(crate) fn key(&self) -> String {
        self.issuer.key().serialize_pem()
    }

    /// A certificate with the CN `worker` for these names.
    pub(crate) fn issue(&self, names: &[&str]) -> Issued {
        self.sign(&params("worker", names))
    }

    /// The same, of another time.
    pub(crate) fn issue_expired(&self, names: &[&str]) -> Issued {
        let mut params = params("worker", names);
        params.not_before = rcgen::date_time_ymd(2000, 1, 1);
        params.not_after = rcgen::date_time_ymd(2001, 1, 1);
        self.sign(&params)
    }

    fn sign(&self, params: &CertificateParams) -> Issued {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap().pem();
        Issued { certificate, key: key.serialize_pem() }
    }
}

pub(crate) fn file(option: &'static str, text: impl Into<Vec<u8>>) -> PemFile {
    PemFile { option, path: format!("/etc/{option}.pem"), bytes: text.into() }
}

/// What a process makes of its three files and the name.
pub(crate) fn settings(
    issued: &Issued,
    ca: &str,
    peer_name: &PeerName,
) -> Result<TlsSettings, TlsError> {
    let certificate = file("certificate", issued.certificate.as_str());
    let identity = Identity::from_pem(&certificate, &file("private-key", issued.key.as_str()))?;
    TlsSettings::new(&identity, &Authorities::from_pem(&file("ca", ca))?, peer_name)
}

/// The settings of a process that is as it should be.
pub(crate) fn good(ca: &Ca) -> TlsSettings {
    let peer_name = PeerName::Shared("sandbar".to_owned());
    settings(&ca.issue(&["sandbar"]), &ca.pem(), &peer_name).unwrap()
}
