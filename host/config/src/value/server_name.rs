//! The name that certificates of the cluster's processes are for.

use std::net::IpAddr;

use crate::value::ConfigValue;

/// Longest DNS name. Source: RFC 1035.
const NAME_BYTES_MAX: usize = 253;

/// What name a process must have a certificate for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TlsServerName {
    /// The same for all, wherever they run.
    Shared(String),
    /// The host name or address that it is dialled at. Written `dialled-host`.
    DialledHost,
}

impl ConfigValue for TlsServerName {
    const TYPE_NAME: &'static str = "string";
    const EXPECTED: &'static str =
        "a DNS name or an IP address that certificates are for, or dialled-host";

    fn parse(text: &str) -> Option<TlsServerName> {
        if text.eq_ignore_ascii_case("dialled-host") {
            return Some(TlsServerName::DialledHost);
        }
        let is_name = text.len() <= NAME_BYTES_MAX && text.split('.').all(is_label);
        (is_name || text.parse::<IpAddr>().is_ok()).then(|| TlsServerName::Shared(text.to_owned()))
    }
}

fn is_label(label: &str) -> bool {
    let is_allowed = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    (1..=63).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.chars().all(is_allowed)
}
