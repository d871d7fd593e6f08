//! The REST API as a script sees it: paths and JSON.

use std::sync::Arc;

use rustls::crypto::ring;
use serde_json::Value;
use ureq::Agent;
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};

use crate::certificates::Certificates;

/// Speaks to one cluster.
pub struct Rest {
    agent: Agent,
    address: String,
    scheme: &'static str,
}

impl Rest {
    /// A client of `host:port`.
    pub fn new(address: &str) -> Rest {
        Rest::make(address, "http", TlsConfig::default())
    }

    /// A client of `https://host:port` that trusts these certificates' CA and shows one of them.
    ///
    /// # Panics
    /// If the certificates are none.
    pub fn secured(address: &str, certificates: &Certificates) -> Rest {
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::new_with_certs(&[certificate(&certificates.ca)]))
            .client_cert(Some(ClientCert::new_with_certs(
                &[certificate(&certificates.certificate)],
                PrivateKey::from_pem(certificates.private_key.as_bytes()).expect("it is a key"),
            )))
            .unversioned_rustls_crypto_provider(Arc::new(ring::default_provider()))
            .build();
        Rest::make(address, "https", tls)
    }

    fn make(address: &str, scheme: &'static str, tls: TlsConfig) -> Rest {
        let config =
            Agent::config_builder().http_status_as_error(false).proxy(None).tls_config(tls).build();
        Rest { agent: Agent::new_with_config(config), address: address.to_owned(), scheme }
    }

    /// Its `host:port`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Status and text of an answer.
    ///
    /// # Panics
    /// If there is none.
    pub fn text(&self, verb: &str, path: &str, body: Option<&Value>) -> (u16, String) {
        let request = ureq::http::Request::builder()
            .method(verb)
            .uri(format!("{}://{}{path}", self.scheme, self.address))
            .header("content-type", "application/json");
        let sent = match body {
            Some(body) => self.agent.run(request.body(body.to_string()).expect("it is right")),
            None => self.agent.run(request.body(()).expect("it is right")),
        };
        let mut answer = sent.unwrap_or_else(|error| panic!("{verb} {path}: {error}"));
        let text = answer.body_mut().read_to_string().expect("the answer is text");
        (answer.status().as_u16(), text)
    }

    /// The JSON at a path.
    ///
    /// # Panics
    /// If the answer is no success.
    pub fn get(&self, path: &str) -> Value {
        self.ask("GET", path, None)
    }

    /// The JSON of a successful answer.
    ///
    /// # Panics
    /// If the answer is none.
    pub fn ask(&self, verb: &str, path: &str, body: Option<&Value>) -> Value {
        let (status, text) = self.text(verb, path, body);
        assert!((200..300).contains(&status), "{verb} {path}: {status}: {text}");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}: {text}"))
    }

    /// The errors of an answer that is no success.
    ///
    /// # Panics
    /// If it is one.
    pub fn refused(&self, verb: &str, path: &str, body: Option<&Value>) -> (u16, Vec<String>) {
        let (status, text) = self.text(verb, path, body);
        assert!(status >= 400, "{verb} {path}: {status}: {text}");
        let answer: Value = serde_json::from_str(&text).expect("errors are JSON");
        let errors = answer["errors"].as_array().expect("errors are a list");
        (status, errors.iter().map(|error| error.as_str().unwrap_or_default().to_owned()).collect())
    }

    /// Whether anybody answers.
    pub fn answers(&self) -> bool {
        self.agent.get(format!("{}://{}/overview", self.scheme, self.address)).call().is_ok()
    }
}

fn certificate(pem: &str) -> Certificate<'static> {
    Certificate::from_pem(pem.as_bytes()).expect("it is a certificate")
}
