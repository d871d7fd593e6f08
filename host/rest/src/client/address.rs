//! Addresses as people write them.

use crate::client::ClientError;

/// Reads `host:port`, with `http://` in front if one likes.
pub(super) fn parse(text: &str) -> Result<String, ClientError> {
    let address = text.strip_prefix("http://").unwrap_or(text);
    let address = address.strip_suffix('/').unwrap_or(address);
    let is_address = address.rsplit_once(':').is_some_and(|(host, port)| {
        is_host(host) && port.parse::<u16>().is_ok_and(|port| port > 0)
    });
    if is_address { Ok(address.to_owned()) } else { Err(ClientError::Address(text.to_owned())) }
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
        for (text, expected) in [
            ("localhost:8081", "localhost:8081"),
            ("http://10.0.0.1:80/", "10.0.0.1:80"),
            ("[::1]:8081", "[::1]:8081"),
        ] {
            assert_eq!(parse(text).unwrap(), expected);
        }
        for wrong in ["", "localhost", ":8081", "a:0", "a:99999", "a b:1", "https://a:1", "u@a:1"] {
            let error = parse(wrong).unwrap_err().to_string();
            assert!(error.contains(wrong) && error.contains("host:port"), "{error}");
        }
    }
}
