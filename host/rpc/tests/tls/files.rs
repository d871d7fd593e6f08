//! What is wrong with files is said with file, line and remedy, before anybody connects.

use sandbar_rpc::tls::{Authorities, Identity, PeerName, PemFile, TlsError};

use crate::certificates::{Ca, Issued, file, settings};

const SHARED: &str = "sandbar";

fn shared() -> PeerName {
    PeerName::Shared(SHARED.to_owned())
}

#[track_caller]
fn check_parts(error: &TlsError, parts: &[&str]) {
    let message = error.to_string();
    for part in parts {
        assert!(message.contains(part), "{part}: {message}");
    }
}

/// What is wrong with a file of CAs.
#[track_caller]
fn check_authorities(text: impl Into<Vec<u8>>, parts: &[&str]) {
    let error = Authorities::from_pem(&file("ca", text)).unwrap_err();
    check_parts(&error, &[&["/etc/ca.pem (ca)"], parts].concat());
}

fn identity(certificate: &str, key: &str) -> Result<Identity, TlsError> {
    let certificate: PemFile = file("certificate", certificate);
    Identity::from_pem(&certificate, &file("private-key", key))
}

#[test]
fn files_that_hold_no_certificate_are_refused_by_line() {
    let ca = Ca::new("the CA");
    let pem = ca.pem();
    check_authorities("", &["holds no certificate", "nothing in PEM"]);
    check_authorities(ca.issue(&[]).key, &["holds no certificate", "but PRIVATE KEY"]);
    check_authorities(b"\x30\x82\xff", &["no text", "-inform der"]);
    let lines: Vec<&str> = pem.lines().collect();
    check_authorities(lines[..4].join("\n"), &["line 1", "BEGIN CERTIFICATE", "no end"]);
    let damaged = pem.replacen(lines[2], "not base64 at all!", 1);
    check_authorities(format!("# two CAs\n{pem}{damaged}"), &["no base64", "copy the file anew"]);
    check_authorities(damaged, &["line 3", "no base64"]);
    let cut = format!("\n\n{}\n{}", lines[0], lines[lines.len() - 1]);
    check_authorities(cut, &["line 3", "no X.509 certificate"]);
    let odd = pem.replacen(lines[2], &lines[2][1..], 1);
    check_authorities(odd, &["line 1", "the certificate that begins here"]);
    check_authorities(format!("{}\n{pem}", lines[0]), &["line 1", "no end"]);
}

#[test]
fn keys_that_cannot_be_used_are_refused_with_the_remedy() {
    let ca = Ca::new("the CA");
    let issued = ca.issue(&[SHARED]);
    let check = |key: &str, parts: &[&str]| {
        let error = identity(&issued.certificate, key).unwrap_err();
        check_parts(&error, &[&["/etc/private-key.pem"], parts].concat());
    };
    let encrypted = issued.key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    check(&encrypted, &["line 1", "encrypted", "openssl pkey"]);
    let older = "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nMA==";
    let older = format!("-----BEGIN EC PRIVATE KEY-----\n{older}\n-----END EC PRIVATE KEY-----");
    check(&older, &["line 1", "encrypted"]);
    check(&issued.certificate, &["holds no private key", "but CERTIFICATE"]);
    check(&issued.key.repeat(2), &["second private key"]);
    check(&ca.issue(&[SHARED]).key, &["not that of", "/etc/certificate.pem"]);
    let nonsense = "-----BEGIN PRIVATE KEY-----\nMAAA\n-----END PRIVATE KEY-----\n";
    check(nonsense, &["openssl genpkey"]);
    // Keys are not shown.
    assert!(!format!("{:?}", file("private-key", issued.key.as_str())).contains("BEGIN"));
}

#[test]
fn what_others_would_refuse_is_known_at_once() {
    let (ca, other) = (Ca::new("the CA"), Ca::new("another CA"));
    let check = |issued: Issued, parts: &[&str]| {
        let error = settings(&issued, &ca.pem(), &shared()).unwrap_err();
        check_parts(&error, &[&["/etc/certificate.pem", "\"worker\""], parts].concat());
    };
    check(other.issue(&[SHARED]), &["issued by \"another CA\"", "no CA of /etc/ca.pem (ca)"]);
    check(ca.issue(&["else.where"]), &["\"sandbar\"", "server-name", "else.where"]);
    check(ca.issue(&[]), &["is for no name"]);
    check(ca.issue_expired(&[SHARED]), &["expired", "clocks"]);
    let itself = Issued { certificate: ca.pem(), key: ca.key() };
    let error = settings(&itself, &ca.pem(), &shared()).unwrap_err();
    check_parts(&error, &["\"the CA\"", "certificate of a CA itself"]);
}

#[test]
fn a_name_may_be_that_of_the_host() {
    let ca = Ca::new("the CA");
    let issued = ca.issue(&["10.0.0.1"]);
    let tls = settings(&issued, &ca.pem(), &PeerName::DialledHost).unwrap();
    for (address, name) in [("10.0.0.1:6123", "10.0.0.1"), ("a.b:1", "a.b"), ("[::1]:6123", "::1")]
    {
        assert_eq!(tls.name_at(address).unwrap().to_str(), name);
    }
    check_parts(&tls.name_at("a b:1").unwrap_err(), &["a b"]);
    let fixed = PeerName::Shared("no name!".to_owned());
    check_parts(&settings(&issued, &ca.pem(), &fixed).unwrap_err(), &["no name!"]);
}
