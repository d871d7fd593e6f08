//! The form in which a plugin is uploaded.

use super::Payload;

/// A form with one file. The boundary is one that the file does not hold.
pub(super) fn form(file_name: &str, bytes: &[u8]) -> Payload {
    let holds =
        |boundary: &str| bytes.windows(boundary.len()).any(|window| window == boundary.as_bytes());
    let mut boundary = "sandbar-plugin".to_owned();
    while holds(&boundary) {
        boundary.push('x');
    }
    // Quotes and line ends would end the name early. Source: HTML, "multipart/form-data encoding".
    let file_name = file_name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A");
    let head = format!(
        "--{boundary}\r\ncontent-disposition: form-data; name=\"plugin\"; \
         filename=\"{file_name}\"\r\ncontent-type: application/wasm\r\n\r\n"
    );
    let tail = format!("\r\n--{boundary}--\r\n");
    Payload::Form { body: [head.as_bytes(), bytes, tail.as_bytes()].concat(), boundary }
}
