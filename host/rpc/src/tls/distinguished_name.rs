//! The name of a certificate's owner or issuer, for messages: its common name, read from DER. Pure.

/// Tag of a SET.
const SET: u8 = 0x31;
/// Tag of a SEQUENCE.
const SEQUENCE: u8 = 0x30;
/// Tag of an OBJECT IDENTIFIER.
const OBJECT_IDENTIFIER: u8 = 0x06;
/// 2.5.4.3, the common name. Source: RFC 4519.
const COMMON_NAME: [u8; 3] = [0x55, 0x04, 0x03];
/// Most characters that are shown.
const SHOWN_MAX: usize = 64;

/// The common name, or what stands for one that has none. `name` is what the SEQUENCE of an X.509
/// name holds.
pub(super) fn shown(name: &[u8]) -> String {
    let Some(common) = common_name(name) else { return "a name without CN".to_owned() };
    let text: String = String::from_utf8_lossy(common).chars().take(SHOWN_MAX).collect();
    // From a stranger, so nothing in it may move the cursor of a terminal.
    format!("\"{}\"", text.escape_debug())
}

fn common_name(mut name: &[u8]) -> Option<&[u8]> {
    while !name.is_empty() {
        let (set, rest) = element(name, SET)?;
        let (attribute, _) = element(set, SEQUENCE)?;
        let (kind, value) = element(attribute, OBJECT_IDENTIFIER)?;
        if kind == COMMON_NAME {
            return element(value, *value.first()?).map(|(text, _)| text);
        }
        name = rest;
    }
    None
}

/// What an element with this tag holds, and what follows it.
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, rest) = bytes.split_first()?;
    if *found != tag {
        return None;
    }
    let (length, rest) = match rest.split_first()? {
        (short, rest) if *short < 0x80 => (usize::from(*short), rest),
        (0x81, rest) => rest.split_first().map(|(length, rest)| (usize::from(*length), rest))?,
        // No name is longer than 255 bytes.
        _ => return None,
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn common_names_are_found_and_nothing_else_is() {
        // O=x, CN=ab
        let name = b"\x31\x0a\x30\x08\x06\x03\x55\x04\x0a\x0c\x01x\
            \x31\x0b\x30\x09\x06\x03\x55\x04\x03\x0c\x02ab";
        assert_eq!(shown(name), "\"ab\"");
        assert_eq!(shown(&name[..12]), "a name without CN");
        for cut in 0..name.len() {
            assert_eq!(shown(&name[..cut]), "a name without CN", "{cut}");
        }
        let hostile = b"\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x0c\x02\x1b\n";
        assert_eq!(shown(hostile), "\"\\u{1b}\\n\"");
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(bytes: Vec<u8>) {
            shown(&bytes);
        }
    }
}
