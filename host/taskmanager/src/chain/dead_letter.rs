//! Dead letters: a record that an operator refused, as a JSON object that a person can read and a
//! job can process.

use sandbar_model::RecordBatch;
use sandbar_model::time::NO_TIMESTAMP;
use serde::Serialize;

/// One refused record.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct DeadLetter<'a> {
    /// Name of the operator.
    pub(crate) operator: &'a str,
    /// 1-based number of the subtask.
    pub(crate) subtask: u32,
    /// Why it was refused.
    pub(crate) message: &'a str,
    /// Its timestamp, if it had one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) timestamp: Option<i64>,
    /// Its value, if that is UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) value: Option<&'a str>,
    /// Its value in hexadecimal digits, otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) value_hex: Option<String>,
}

impl<'a> DeadLetter<'a> {
    pub(crate) fn new(
        operator: &'a str,
        subtask: u32,
        message: &'a str,
        timestamp: i64,
        value: &'a [u8],
    ) -> DeadLetter<'a> {
        let text = std::str::from_utf8(value).ok();
        let hex = || value.iter().map(|byte| format!("{byte:02x}")).collect();
        DeadLetter {
            operator,
            subtask,
            message,
            timestamp: (timestamp != NO_TIMESTAMP).then_some(timestamp),
            value: text,
            value_hex: text.is_none().then(hex),
        }
    }

    /// The letter as a batch of one record, with the timestamp of the refused one.
    pub(crate) fn to_batch(&self) -> RecordBatch {
        let json = serde_json::to_vec(self).expect("plain text and numbers are always JSON");
        let mut batch = RecordBatch::new();
        batch.push(self.timestamp.unwrap_or(NO_TIMESTAMP), &json);
        batch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(timestamp: i64, value: &[u8], expected: &str) {
        let batch = DeadLetter::new("parse", 2, "no number", timestamp, value).to_batch();
        assert_eq!(std::str::from_utf8(batch.view().value(0)).unwrap(), expected);
        assert_eq!(batch.timestamps, [timestamp]);
    }

    #[test]
    fn a_letter_holds_the_record_and_the_message() {
        check(
            7,
            b"1,\"x\"",
            concat!(
                r#"{"operator":"parse","subtask":2,"message":"no number","#,
                r#""timestamp":7,"value":"1,\"x\""}"#
            ),
        );
        check(
            NO_TIMESTAMP,
            b"\xff\x00",
            r#"{"operator":"parse","subtask":2,"message":"no number","value-hex":"ff00"}"#,
        );
    }
}
