//! Certificates of the tests, made when they run, and the settings of TaskManagers that have them.

use std::sync::LazyLock;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use sandbar_rpc::tls::{Authorities, Identity, PeerName, PemFile};
use sandbar_rpc::{TaskManagerId, TlsSettings};
use sandbar_taskmanager::NetworkOptions;

/// What connections are made over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    Plain,
    Tls,
}

/// One certificate for all processes, as a cluster has it.
static OF_CLUSTER: LazyLock<TlsSettings> = LazyLock::new(|| Ca::new("the CA").settings());

impl Over {
    pub(crate) fn tls(self) -> Option<TlsSettings> {
        (self == Over::Tls).then(|| OF_CLUSTER.clone())
    }

    pub(crate) fn options(self, name: &str) -> NetworkOptions {
        let id = TaskManagerId(name.to_owned());
        NetworkOptions { tls: self.tls(), ..NetworkOptions::new(id, "the cluster's token") }
    }
}

/// A CA.
pub(crate) struct Ca(CertifiedIssuer<'static, KeyPair>);

fn file(option: &'static str, text: String) -> PemFile {
    PemFile { option, path: format!("/etc/{option}.pem"), bytes: text.into() }
}

fn params(common_name: &str, names: Vec<String>) -> CertificateParams {
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params
}

impl Ca {
    pub(crate) fn new(name: &str) -> Ca {
        let mut params = params(name, Vec::new());
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Ca(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// The settings of a process with a certificate of this CA, which trusts it alone.
    pub(crate) fn settings(&self) -> TlsSettings {
        self.settings_that_trust(self.pem())
    }

    /// The same, with trust in others.
    pub(crate) fn settings_that_trust(&self, authorities: String) -> TlsSettings {
        let key = KeyPair::generate().unwrap();
        let issued = params("worker", vec!["sandbar".to_owned()]).signed_by(&key, &self.0).unwrap();
        let certificate = file("certificate", issued.pem());
        let key = file("private-key", key.serialize_pem());
        let identity = Identity::from_pem(&certificate, &key).unwrap();
        let authorities = Authorities::from_pem(&file("ca", authorities)).unwrap();
        let name = PeerName::Shared("sandbar".to_owned());
        TlsSettings::new(&identity, &authorities, &name).unwrap()
    }
}
