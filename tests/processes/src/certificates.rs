//! The certificates of a cluster, made when a test runs, in files as a user has them.

use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tempfile::TempDir;

/// A CA, and one certificate of it that all processes and clients of a cluster share.
pub struct Certificates {
    /// Certificate of the CA, in PEM.
    pub ca: String,
    /// The certificate, in PEM.
    pub certificate: String,
    /// Its private key, in PEM.
    pub private_key: String,
    options: Vec<String>,
    _folder: TempDir,
}

impl Certificates {
    /// Makes a CA of this name and a certificate for the names `sandbar` and `127.0.0.1`.
    ///
    /// # Panics
    /// If they cannot be made or written.
    pub fn new(ca: &str) -> Certificates {
        let mut of_ca = params(ca, &[]);
        of_ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(of_ca, key()).expect("a CA can be made");
        let own = key();
        let issued = params("cluster", &["sandbar", "127.0.0.1"]).signed_by(&own, &issuer);
        let certificate = issued.expect("a certificate can be made").pem();
        let (authority, private_key) = (issuer.pem(), own.serialize_pem());
        let folder = TempDir::new().expect("a folder can be made");
        let files =
            [("ca", &authority), ("certificate", &certificate), ("private-key", &private_key)];
        let mut options = Vec::new();
        for (name, text) in files {
            let path = folder.path().join(format!("{name}.pem"));
            std::fs::write(&path, text).expect("the folder can be written");
            options.extend(options_of(name, &path));
        }
        options.extend(
            ["internal.enabled", "rest.enabled", "rest.authentication-enabled"]
                .map(|switch| format!("-Dsecurity.ssl.{switch}=true")),
        );
        Certificates { ca: authority, certificate, private_key, options, _folder: folder }
    }

    /// The arguments that make a process of the cluster use them, to the inside and to clients.
    pub fn options(&self) -> impl Iterator<Item = &str> {
        self.options.iter().map(String::as_str)
    }
}

fn options_of(name: &str, path: &Path) -> [String; 2] {
    ["internal", "rest"].map(|side| format!("-Dsandbar.ssl.{side}.{name}={}", path.display()))
}

fn key() -> KeyPair {
    KeyPair::generate().expect("a key can be made")
}

fn params(common_name: &str, names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("they are names");
    params.distinguished_name.push(DnType::CommonName, common_name);
    params
}
