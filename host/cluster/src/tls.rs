//! TLS of a process: its options, and the files they name, which are read when it starts.
//!
//! Law: what is turned on and cannot be had is an error; nothing falls back to plain connections.

use std::io::Read;

use anyhow::{Context, anyhow, bail};
use sandbar_config::options::security;
use sandbar_config::{ConfigOption, Configuration, TlsServerName};
use sandbar_rest::{ClientTls, RestClient};
use sandbar_rpc::tls::{Authorities, Identity, PeerName, PemFile};
use sandbar_rpc::{TlsServer, TlsSettings};

/// Bytes of a PEM file: some hundred certificates.
const PEM_BYTES_MAX: u64 = 1 << 20;

/// An option that names a file.
type FileOption = ConfigOption<Option<String>>;

/// TLS between the processes of the cluster; none unless it is turned on.
///
/// # Errors
/// An option that is missing, a file that cannot be used, or a certificate that others would
/// refuse.
pub fn internal(configuration: &Configuration) -> anyhow::Result<Option<TlsSettings>> {
    let switch = &security::SSL_INTERNAL_ENABLED;
    if !configuration.get(switch)? {
        return Ok(None);
    }
    let files = Files { configuration, switch };
    let identity =
        files.identity(&security::SSL_INTERNAL_CERTIFICATE, &security::SSL_INTERNAL_PRIVATE_KEY)?;
    let authorities = files.authorities(&security::SSL_INTERNAL_CA)?;
    let peer_name = match configuration.get(&security::SSL_INTERNAL_SERVER_NAME)? {
        TlsServerName::Shared(name) => PeerName::Shared(name),
        TlsServerName::DialledHost => PeerName::DialledHost,
    };
    Ok(Some(TlsSettings::new(&identity, &authorities, &peer_name)?))
}

/// TLS of the REST API; none unless it is turned on.
///
/// # Errors
/// An option that is missing, or a file that cannot be used.
pub fn rest_server(configuration: &Configuration) -> anyhow::Result<Option<TlsServer>> {
    let authenticates = configuration.get(&security::SSL_REST_AUTHENTICATION_ENABLED)?;
    let switch = &security::SSL_REST_ENABLED;
    if !configuration.get(switch)? {
        if authenticates {
            let (authentication, on) =
                (security::SSL_REST_AUTHENTICATION_ENABLED.key(), switch.key());
            bail!("{authentication} needs {on}: set it to true too");
        }
        return Ok(None);
    }
    let files = Files { configuration, switch };
    let identity =
        files.identity(&security::SSL_REST_CERTIFICATE, &security::SSL_REST_PRIVATE_KEY)?;
    let clients = authenticates.then(|| files.authorities(&security::SSL_REST_CA)).transpose()?;
    Ok(Some(TlsServer::new(&identity, clients.as_ref())?))
}

/// A client of the REST API at `address` (`host:port`, perhaps with a scheme), over TLS if that is
/// turned on or the address says `https://`.
///
/// # Errors
/// What is no address, an option that is missing, or a file that cannot be used.
pub fn rest_client(configuration: &Configuration, address: &str) -> anyhow::Result<RestClient> {
    let switch = &security::SSL_REST_ENABLED;
    if !configuration.get(switch)? && !address.starts_with("https://") {
        return Ok(RestClient::new(address)?);
    }
    let files = Files { configuration, switch };
    let authorities = files.authorities(&security::SSL_REST_CA)?;
    let shows_itself = configuration.get(&security::SSL_REST_AUTHENTICATION_ENABLED)?;
    let identity = shows_itself
        .then(|| files.identity(&security::SSL_REST_CERTIFICATE, &security::SSL_REST_PRIVATE_KEY))
        .transpose()?;
    let tls = ClientTls::new(&authorities, identity.as_ref())?;
    Ok(RestClient::with_tls(address, Some(&tls))?)
}

/// The files of one switch.
struct Files<'a> {
    configuration: &'a Configuration,
    switch: &'a ConfigOption<bool>,
}

impl Files<'_> {
    fn identity(&self, certificate: &FileOption, key: &FileOption) -> anyhow::Result<Identity> {
        let certificate = self.read(certificate)?;
        let key = self.read(key)?;
        warn_if_readable(&key);
        Ok(Identity::from_pem(&certificate, &key)?)
    }

    fn authorities(&self, option: &FileOption) -> anyhow::Result<Authorities> {
        Ok(Authorities::from_pem(&self.read(option)?)?)
    }

    fn read(&self, option: &FileOption) -> anyhow::Result<PemFile> {
        let key = option.key();
        let path = self.configuration.get(option)?.ok_or_else(|| {
            anyhow!("{} needs {key}: set it to the path of a PEM file", self.switch.key())
        })?;
        let mut bytes = Vec::new();
        std::fs::File::open(&path)
            .and_then(|file| file.take(PEM_BYTES_MAX + 1).read_to_end(&mut bytes))
            .with_context(|| format!("{key}: cannot read {path}"))?;
        if bytes.len() as u64 > PEM_BYTES_MAX {
            bail!(
                "{key}: {path} has more than {PEM_BYTES_MAX} bytes, which is no PEM file of keys"
            );
        }
        Ok(PemFile { option: key, path, bytes })
    }
}

/// Whoever reads the key is a member of the cluster.
#[cfg(unix)]
fn warn_if_readable(key: &PemFile) {
    use std::os::unix::fs::PermissionsExt;

    let mode = std::fs::metadata(&key.path).map_or(0, |metadata| metadata.permissions().mode());
    if mode & 0o007 != 0 {
        tracing::warn!(
            path = key.path,
            "every user of this machine can read the private key of {}; run `chmod 600` on it",
            key.option
        );
    }
}

#[cfg(not(unix))]
fn warn_if_readable(_: &PemFile) {}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pairs: &[(&str, &str)], parts: &[&str]) {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        let configuration = Configuration::from_pairs(pairs.iter().map(owned));
        let errors = [
            internal(&configuration).err(),
            rest_server(&configuration).err(),
            rest_client(&configuration, "localhost:8081").err(),
        ];
        let messages = errors.into_iter().flatten().map(|error| format!("{error:#}"));
        let message = messages.collect::<Vec<_>>().join("\n");
        assert_eq!(parts.is_empty(), message.is_empty(), "{message}");
        for part in parts {
            assert!(message.contains(part), "{part}: {message}");
        }
    }

    #[test]
    fn what_is_turned_on_must_be_there() {
        let (internal, rest) = ("security.ssl.internal.enabled", "security.ssl.rest.enabled");
        check(&[(internal, "false"), ("sandbar.ssl.internal.ca", "nowhere")], &[]);
        check(&[(internal, "true")], &[internal, "needs sandbar.ssl.internal.certificate"]);
        let certificate = ("sandbar.ssl.internal.certificate", "/no/such/file");
        check(&[(internal, "true"), certificate], &["cannot read /no/such/file", certificate.0]);
        let endless = ("sandbar.ssl.internal.certificate", "/dev/zero");
        check(&[(internal, "true"), endless], &["/dev/zero has more than 1048576 bytes"]);
        let parts = ["needs sandbar.ssl.rest.certificate", "needs sandbar.ssl.rest.ca"];
        check(&[(rest, "true")], &parts);
        let authentication = "security.ssl.rest.authentication-enabled";
        check(&[(authentication, "true")], &[authentication, "needs security.ssl.rest.enabled"]);
    }
}
