//! Addresses as people write them.

use crate::client::ClientError;

/// An address as it was written.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Address {
    /// Whether `https://` or `http://` was in front, if one of them was.
    pub(super) is_secure: Option<bool>,
    pub(super) host_and_port: String,
}

/// Reads `host:port`, with `http://` or `https://` in front if one likes.
pub(super) fn parse(text: &str) -> Result<Address, ClientError> {
    let (is_secure, address) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
        (Some(address), _) => (Some(true), address),
        (None, Some(address)) => (Some(false), address),
        (None, None) => (None, text),
    };
    let address = address.strip_suffix('/').unwrap_or(address);
    let is_address = address.rsplit_once(':').is_some_and(|(host, port)| {
        is_host(host) && port.parse::<u16>().is_ok_and(|port| port > 0)
    });
    if !is_address {
        return Err(ClientError::Address(text.to_owned()));
    }
    Ok(Address { is_secure, host_and_port: address.to_owned() })
}

/// A name, an IPv4 address, or an IPv6 address in brackets.
fn is_host(host: &str) -> bool {
    let is_of = |text: &str, others: &str| {
        let is_allowed = |letter: char| letter.is_ascii_alphanumeric() || others.contains(letter);
        !text.is_empty() && text.chars().all(is_allowed)
    };
    match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(inner) => is_of(inner, ":."),
        None => is_of(host, "-._"),
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn addresses_are_read_as_people_write_them() {
        for (text, is_secure, expected) in [
            ("localhost:8081", None, "localhost:8081"),
            ("http://10.0.0.1:80/", Some(false), "10.0.0.1:80"),
            ("https://a.b:443", Some(true), "a.b:443"),
            ("[::1]:8081", None, "[::1]:8081"),
        ] {
            let address = parse(text).unwrap();
            assert_eq!((address.is_secure, address.host_and_port.as_str()), (is_secure, expected));
        }
        for wrong in ["", "localhost", ":8081", "a:0", "a:99999", "a b:1", "ftp://a:1", "u@a:1"] {
            let error = parse(wrong).unwrap_err().to_string();
            assert!(error.contains(wrong) && error.contains("host:port"), "{error}");
        }
    }
}
