//! A form with one file, read part by part so that it is in memory once.

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use multer::{Constraints, Field, Multipart, SizeLimit};

use crate::answer::RestError;

/// The fields that a file may come in. Flink's is `jarfile`.
const FIELDS: [&str; 3] = ["plugin", "file", "jarfile"];

/// A file of a form.
#[derive(Debug)]
pub(crate) struct UploadedFile {
    /// The last part of the name it had at the sender.
    pub(crate) name: String,
    /// What is in it.
    pub(crate) bytes: Vec<u8>,
}

/// Reads the one file of a form of at most `bytes_max` bytes.
pub(crate) async fn read_file(
    headers: &HeaderMap,
    body: Body,
    bytes_max: usize,
) -> Result<UploadedFile, RestError> {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let boundary = multer::parse_boundary(content_type.unwrap_or_default());
    let boundary = boundary.map_err(|error| form_error(&error, bytes_max))?;
    let limit = SizeLimit::new().whole_stream(bytes_max as u64);
    let constraints = Constraints::new().size_limit(limit);
    let stream = body.into_data_stream();
    let mut form = Multipart::with_constraints(stream, boundary, constraints);
    let mut file = None;
    while let Some(field) =
        form.next_field().await.map_err(|error| form_error(&error, bytes_max))?
    {
        let name = field.name().unwrap_or_default().to_owned();
        if !FIELDS.contains(&name.as_str()) {
            let message = format!(
                "the form has a field `{name}`: send one file, as `plugin`, `file` or `jarfile`"
            );
            return Err(RestError::bad_request(message));
        }
        if file.is_some() {
            return Err(RestError::bad_request("the form has two files: send one"));
        }
        file = Some(read_field(field, bytes_max).await?);
    }
    match file {
        None => Err(RestError::bad_request("the form has no field `plugin` with a file")),
        Some(file) if file.bytes.is_empty() => {
            Err(RestError::bad_request(format!("the file {} is empty", file.name)))
        }
        Some(file) => Ok(file),
    }
}

async fn read_field(mut field: Field<'_>, bytes_max: usize) -> Result<UploadedFile, RestError> {
    // Browsers of old send whole paths, and a name with `..` is an attack.
    let name = field.file_name().and_then(|name| name.rsplit(['/', '\\']).next());
    let name = name.filter(|name| !name.is_empty()).unwrap_or("plugin.wasm").to_owned();
    let mut bytes = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(|error| form_error(&error, bytes_max))? {
        bytes.extend_from_slice(&chunk);
    }
    Ok(UploadedFile { name, bytes })
}

fn form_error(error: &multer::Error, bytes_max: usize) -> RestError {
    let is_too_large = matches!(
        error,
        multer::Error::StreamSizeExceeded { .. } | multer::Error::FieldSizeExceeded { .. }
    );
    if is_too_large {
        return RestError::too_large(format!("the form has more than {bytes_max} bytes"));
    }
    RestError::bad_request(format!("the form is wrong: {error}"))
}
