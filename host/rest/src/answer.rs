//! Answers: what a handler gives back, and what goes over the wire for it.
//!
//! Law: every answer has a body and a content type. An error's body is `{"errors": [...]}` and
//! names what is wrong.

use axum::body::Body;
use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, Response, StatusCode};
use sandbar_rpc::GatewayError;
use serde::Serialize;

use crate::message::ErrorResponse;

/// What JSON is sent as.
pub(crate) const JSON: &str = "application/json; charset=UTF-8";
const TEXT: &str = "text/plain; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";

/// An answer that is a success.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    content_type: &'static str,
    body: Vec<u8>,
}

impl Answer {
    /// A message as JSON.
    ///
    /// # Errors
    /// 500 for a message that is no JSON, which none is.
    pub(crate) fn json(message: &impl Serialize) -> Result<Answer, RestError> {
        match serde_json::to_vec(message) {
            Ok(body) => Ok(Answer { content_type: JSON, body }),
            Err(error) => Err(RestError::internal(format!("the answer is no JSON: {error}"))),
        }
    }

    /// JSON that is written already.
    pub(crate) fn json_text(text: String) -> Answer {
        Answer { content_type: JSON, body: text.into_bytes() }
    }

    pub(crate) fn text(text: String) -> Answer {
        Answer { content_type: TEXT, body: text.into_bytes() }
    }

    pub(crate) fn html(page: &'static str) -> Answer {
        Answer { content_type: HTML, body: page.as_bytes().to_vec() }
    }

    pub(crate) fn prometheus(text: String) -> Answer {
        let content_type = sandbar_metrics::prometheus::CONTENT_TYPE;
        Answer { content_type, body: text.into_bytes() }
    }

    pub(crate) fn into_response(self, status: StatusCode) -> Response<Body> {
        response(status, self.content_type, self.body)
    }
}

/// An answer that is no success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RestError {
    status: StatusCode,
    errors: Vec<String>,
    /// The verbs of the path, for 405.
    allow: Option<String>,
}

impl RestError {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> RestError {
        RestError { status, errors: vec![message.into()], allow: None }
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> RestError {
        RestError::new(StatusCode::BAD_REQUEST, message)
    }

    /// 400 for several reasons, of which there is at least one.
    pub(crate) fn bad_requests(errors: Vec<String>) -> RestError {
        RestError { status: StatusCode::BAD_REQUEST, errors, allow: None }
    }

    pub(crate) fn not_found(message: impl Into<String>) -> RestError {
        RestError::new(StatusCode::NOT_FOUND, message)
    }

    pub(crate) fn too_large(message: impl Into<String>) -> RestError {
        RestError::new(StatusCode::PAYLOAD_TOO_LARGE, message)
    }

    pub(crate) fn internal(message: impl Into<String>) -> RestError {
        RestError::new(StatusCode::INTERNAL_SERVER_ERROR, message)
    }

    pub(crate) fn method_not_allowed(verb: &str, path: &str, allow: String) -> RestError {
        let message = format!("{path} has no {verb}, only {allow}");
        let error = RestError::new(StatusCode::METHOD_NOT_ALLOWED, message);
        RestError { allow: Some(allow), ..error }
    }

    /// The same, with the place in front of each message.
    pub(crate) fn within(self, place: &str) -> RestError {
        let errors = self.errors.iter().map(|error| format!("{place}: {error}")).collect();
        RestError { errors, ..self }
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// The body, for whoever writes it without a [`Response`].
    pub(crate) fn body(self) -> Vec<u8> {
        let unwritable = |_| br#"{"errors":["the error is no JSON"]}"#.to_vec();
        serde_json::to_vec(&ErrorResponse { errors: self.errors }).unwrap_or_else(unwritable)
    }

    pub(crate) fn into_response(self) -> Response<Body> {
        let allow = self.allow.as_deref().and_then(|verbs| HeaderValue::from_str(verbs).ok());
        let mut response = response(self.status, JSON, self.body());
        if let Some(verbs) = allow {
            response.headers_mut().insert(ALLOW, verbs);
        }
        response
    }
}

impl From<GatewayError> for RestError {
    fn from(error: GatewayError) -> RestError {
        let (status, errors) = match error {
            GatewayError::NotFound(message) => (StatusCode::NOT_FOUND, vec![message]),
            GatewayError::Invalid(messages) if messages.is_empty() => {
                (StatusCode::BAD_REQUEST, vec!["the request is wrong".to_owned()])
            }
            GatewayError::Invalid(messages) => (StatusCode::BAD_REQUEST, messages),
            GatewayError::Conflict(message) => (StatusCode::CONFLICT, vec![message]),
            GatewayError::TooLarge(message) => (StatusCode::PAYLOAD_TOO_LARGE, vec![message]),
            GatewayError::Unavailable(message) => (StatusCode::SERVICE_UNAVAILABLE, vec![message]),
            GatewayError::Internal(message) => (StatusCode::INTERNAL_SERVER_ERROR, vec![message]),
        };
        RestError { status, errors, allow: None }
    }
}

/// A response that no browser caches or takes for something else.
fn response(status: StatusCode, content_type: &'static str, body: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
