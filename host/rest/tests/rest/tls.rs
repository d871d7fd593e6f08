//! The API over TLS: it answers as it does without, and whoever is not served hears why.

use std::time::Instant;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use sandbar_rest::{ClientError, ClientTls, RestClient, RestLimits, RestOptions};
use sandbar_rpc::TlsServer;
use sandbar_rpc::tls::{Authorities, Identity, PemFile};

use crate::exchange::Fixture;

/// A CA.
struct Ca(CertifiedIssuer<'static, KeyPair>);

fn file(text: String) -> PemFile {
    PemFile { option: "option", path: "file.pem".to_owned(), bytes: text.into() }
}

fn params(common_name: &str, names: Vec<String>) -> CertificateParams {
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params
}

impl Ca {
    fn new(name: &str) -> Ca {
        let mut params = params(name, Vec::new());
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Ca(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn authorities(&self) -> Authorities {
        Authorities::from_pem(&file(self.0.pem())).unwrap()
    }

    /// A certificate for this name.
    fn identity(&self, name: &str) -> Identity {
        let key = KeyPair::generate().unwrap();
        let issued = params(name, vec![name.to_owned()]).signed_by(&key, &self.0).unwrap();
        Identity::from_pem(&file(issued.pem()), &file(key.serialize_pem())).unwrap()
    }

    /// A client that trusts this CA.
    fn client(&self, fixture: &Fixture, identity: Option<&Identity>) -> RestClient {
        let tls = ClientTls::new(&self.authorities(), identity).unwrap();
        RestClient::with_tls(&fixture.address().to_string(), Some(&tls)).unwrap()
    }
}

fn serve(identity: &Identity, clients: Option<&Authorities>) -> Fixture {
    let tls = Some(TlsServer::new(identity, clients).unwrap());
    Fixture::with_options(RestOptions { tls, ..RestOptions::default() })
}

/// Why a client is not served.
#[track_caller]
fn check_refused(client: &RestClient, parts: &[&str]) {
    let error = client.overview().unwrap_err();
    let message = error.to_string();
    assert!(matches!(error, ClientError::Tls { .. }), "{error:?}");
    for part in [client.address()].iter().chain(parts) {
        assert!(message.contains(part), "{part}: {message}");
    }
}

#[test]
fn answers_are_those_without_tls() {
    let ca = Ca::new("the CA");
    let fixture = serve(&ca.identity("127.0.0.1"), None);
    let client = ca.client(&fixture, None);
    assert_eq!(client.overview().unwrap().slots_total, 4);
    assert_eq!(client.jobs().unwrap().jobs.len(), 2);
    assert_eq!(client.url(), format!("https://{}", fixture.address()));
    let url = RestClient::with_tls(client.url(), None).unwrap_err().to_string();
    assert!(url.contains("sandbar.ssl.rest.ca"), "{url}");
    let limit = RestLimits { upload_bytes_max: 1 << 20, ..RestLimits::default() };
    let tls = Some(TlsServer::new(&ca.identity("127.0.0.1"), None).unwrap());
    let small = Fixture::with_options(RestOptions { limits: limit, tls, ..RestOptions::default() });
    let error = ca.client(&small, None).upload_plugin("a.wasm", &vec![0; 32 << 20]).unwrap_err();
    assert!(matches!(error, ClientError::Refused { status: 413, .. }), "{error:?}");
}

#[test]
fn a_server_of_another_ca_or_name_is_not_asked() {
    let (ca, other) = (Ca::new("the CA"), Ca::new("another CA"));
    let fixture = serve(&other.identity("127.0.0.1"), None);
    check_refused(&ca.client(&fixture, None), &["UnknownIssuer", "sandbar.ssl.rest.ca"]);
    let named = serve(&ca.identity("else.where"), None);
    check_refused(&ca.client(&named, None), &["else.where", "a name that its certificate is for"]);
}

#[test]
fn with_authentication_only_clients_with_a_certificate_are_served() {
    let (ca, other) = (Ca::new("the CA"), Ca::new("another CA"));
    let fixture = serve(&ca.identity("127.0.0.1"), Some(&ca.authorities()));
    let known = ca.identity("a.client");
    assert_eq!(ca.client(&fixture, Some(&known)).overview().unwrap().slots_total, 4);
    check_refused(&ca.client(&fixture, None), &["asks for a certificate, and this one shows none"]);
    let stranger = other.identity("a.client");
    check_refused(&ca.client(&fixture, Some(&stranger)), &["refuses this side's certificate"]);
}

#[test]
fn clients_and_servers_of_which_one_speaks_tls_are_told() {
    let ca = Ca::new("the CA");
    let fixture = serve(&ca.identity("127.0.0.1"), None);
    let answer = fixture.get("/overview");
    assert_eq!(answer.status, 400);
    assert!(answer.error().contains("https://"), "{answer:?}");
    let plain = RestClient::new(&fixture.address().to_string()).unwrap();
    let ClientError::Refused { status: 400, errors } = plain.overview().unwrap_err() else {
        panic!("not refused")
    };
    assert!(errors[0].contains("https://"), "{errors:?}");
    let without = Fixture::new();
    check_refused(&ca.client(&without, None), &["does not speak TLS"]);
    // What is written as http:// is asked so.
    let tls = ClientTls::new(&ca.authorities(), None).unwrap();
    let address = format!("http://{}", without.address());
    assert!(RestClient::with_tls(&address, Some(&tls)).unwrap().overview().is_ok());
}

#[test]
fn strangers_and_the_silent_hold_up_nobody() {
    let ca = Ca::new("the CA");
    let fixture = serve(&ca.identity("127.0.0.1"), None);
    let _silent: Vec<_> = (0..20).map(|_| fixture.connect()).collect();
    for noise in [&b"\x16\x03\x01\xff\xff"[..], b"\x16", &[0x16; 70_000]] {
        use std::io::{Read, Write};

        let mut stranger = fixture.connect();
        // It may be hung up on before all is said.
        let _ = stranger.write_all(noise);
        let _ = stranger.shutdown(std::net::Shutdown::Write);
        let _ = stranger.read_to_end(&mut Vec::new());
    }
    assert!(ca.client(&fixture, None).overview().is_ok());
    let stopped_at = Instant::now();
    fixture.server.stop();
    assert!(stopped_at.elapsed() < RestLimits::STOP_TIME_MAX, "it waits for who says nothing");
}
