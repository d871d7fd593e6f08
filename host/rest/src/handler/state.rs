//! Keyed state of running jobs.

use sandbar_rpc::state_query::{QueryKey, StateQuery};

use crate::answer::{Answer, RestError};
use crate::call::{Api, Call};
use crate::route::Route;
use crate::route::Verb::Get;

#[rustfmt::skip]
pub(crate) const ROUTES: &[Route] = &[
    Route::new(Get, "/jobs/{jobid}/state/{operator}/{state}", "getKeyedState",
        "What a key has in a state of a running job.", state)
        .query(&[
            ("key", "The key as text; of a number, a tuple and the like as JSON."),
            ("key-json", "The key as JSON."),
            ("key-hex", "The bytes of the key in hexadecimal digits."),
            ("user-key", "Of a map state: one entry, by its key as text. Else all are shown."),
            ("user-key-json", "The same as JSON."),
            ("user-key-hex", "The same in hexadecimal digits."),
        ]),
];

fn state(api: &Api, call: Call) -> Result<Answer, RestError> {
    let key = key(&call, "key", "key-json", "key-hex")?.ok_or_else(|| {
        RestError::bad_request("no key: give one of the parameters key, key-json and key-hex")
    })?;
    let query = StateQuery {
        operator: call.param("operator").to_owned(),
        state: call.param("state").to_owned(),
        key,
        user_key: self::key(&call, "user-key", "user-key-json", "user-key-hex")?,
    };
    Ok(Answer::json_text(api.gateway.query_state(call.job_id()?, query)?))
}

/// The key that one of three parameters gives.
fn key(call: &Call, text: &str, json: &str, hex: &str) -> Result<Option<QueryKey>, RestError> {
    let given = [text, json, hex].map(|name| call.query(name).map(str::to_owned));
    match given {
        [None, None, None] => Ok(None),
        [Some(key), None, None] => Ok(Some(QueryKey::Text(key))),
        [None, Some(key), None] => Ok(Some(QueryKey::Json(key))),
        [None, None, Some(digits)] => match bytes_of(&digits) {
            Some(bytes) => Ok(Some(QueryKey::Bytes(bytes.into()))),
            None => Err(RestError::bad_request(format!(
                "{hex} is {digits}, expected pairs of hexadecimal digits"
            ))),
        },
        _ => Err(RestError::bad_request(format!("give only one of {text}, {json} and {hex}"))),
    }
}

fn bytes_of(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    let byte = |pair: &[u8]| {
        let text = str::from_utf8(pair).ok().filter(|text| text.len() == 2)?;
        let is_hex = pair.iter().all(u8::is_ascii_hexdigit);
        is_hex.then(|| u8::from_str_radix(text, 16).ok()).flatten()
    };
    pairs.map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_digits_are_bytes() {
        assert_eq!(bytes_of("00ffA1").unwrap(), [0, 255, 161]);
        for wrong in ["0", "0x", "+1", "é"] {
            assert_eq!(bytes_of(wrong), None, "{wrong}");
        }
    }
}
