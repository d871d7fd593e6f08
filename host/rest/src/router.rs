//! From a request to its answer: finds the route, checks and reads the body, and asks the handler
//! on a thread made for that.
//!
//! Law: everything here has a limit, and a handler that panics or hangs costs its request only.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::path::RawPathParams;
use axum::extract::rejection::RawPathParamsRejection;
use axum::http::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE, HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri};
use axum::routing::any;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinError, spawn_blocking};
use tokio::time::{Instant, timeout_at};

use crate::answer::{Answer, RestError};
use crate::call::{Api, Call, CallBody};
use crate::message::EmptyResponse;
use crate::options::RestLimits;
use crate::route::{BodyKind, Handler, Route, Verb, table};
use crate::upload::read_file;

/// What all requests share.
pub(crate) struct Shared {
    api: Api,
    limits: RestLimits,
    /// Places for questions to the cluster.
    calls: Arc<Semaphore>,
    /// Places for uploads.
    uploads: Arc<Semaphore>,
}

impl Shared {
    pub(crate) fn new(api: Api, limits: RestLimits) -> Shared {
        Shared {
            api,
            limits,
            calls: Arc::new(Semaphore::new(RestLimits::GATEWAY_CALLS_MAX)),
            uploads: Arc::new(Semaphore::new(RestLimits::UPLOADS_MAX)),
        }
    }
}

/// The router of the route table.
pub(crate) fn router(shared: &Arc<Shared>) -> Router {
    let mut verbs: BTreeMap<String, Vec<&'static Route>> = BTreeMap::new();
    for route in table() {
        for path in route.paths() {
            verbs.entry(path).or_default().push(route);
        }
    }
    let mut router = Router::new();
    for (path, routes) in verbs {
        let (shared, routes) = (Arc::clone(shared), Arc::<[&'static Route]>::from(routes));
        let service = move |params: Result<RawPathParams, RawPathParamsRejection>, request| {
            let (shared, routes) = (Arc::clone(&shared), Arc::clone(&routes));
            async move { serve(&shared, &routes, params, request).await }
        };
        router = router.route(&path, any(service));
    }
    router.fallback(unknown)
}

async fn unknown(uri: Uri) -> Response<Body> {
    let message = format!("Not found: {}; /openapi.json lists every path", uri.path());
    RestError::not_found(message).into_response()
}

async fn serve(
    shared: &Arc<Shared>,
    routes: &[&'static Route],
    params: Result<RawPathParams, RawPathParamsRejection>,
    request: Request<Body>,
) -> Response<Body> {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    if method == Method::OPTIONS {
        return options(routes);
    }
    let verb = Verb::of(&method);
    let Some(route) = routes.iter().find(|route| Some(route.verb) == verb) else {
        return RestError::method_not_allowed(method.as_str(), &path, allowed(routes))
            .into_response();
    };
    let answer = answer(shared, route, params, request).await;
    match answer {
        Ok(answer) => answer.into_response(route.status),
        Err(error) => {
            tracing::debug!(%method, path, status = error.status().as_u16(), "request refused");
            error.into_response()
        }
    }
}

/// The verbs of a path, as the header `Allow` has them.
fn allowed(routes: &[&'static Route]) -> String {
    let mut verbs: Vec<&str> = routes.iter().map(|route| route.verb.name()).collect();
    if verbs.contains(&"GET") {
        verbs.push("HEAD");
    }
    verbs.push("OPTIONS");
    verbs.join(", ")
}

fn options(routes: &[&'static Route]) -> Response<Body> {
    let mut response = match Answer::json(&EmptyResponse {}) {
        Ok(answer) => answer.into_response(StatusCode::OK),
        Err(error) => error.into_response(),
    };
    if let Ok(verbs) = HeaderValue::from_str(&allowed(routes)) {
        response.headers_mut().insert(ALLOW, verbs);
    }
    response
}

async fn answer(
    shared: &Arc<Shared>,
    route: &'static Route,
    params: Result<RawPathParams, RawPathParamsRejection>,
    request: Request<Body>,
) -> Result<Answer, RestError> {
    let deadline = Instant::now() + shared.limits.request_time_max;
    let params = params.map_err(|error| {
        RestError::bad_request(format!("{} is no UTF-8: {error}", request.uri().path()))
    })?;
    if route.verb != Verb::Get {
        check_origin(request.headers())?;
    }
    let query = request.uri().query().unwrap_or_default();
    let query = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let params = params.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let upload = upload_permit(shared, route.body, deadline).await?;
    let body = timeout_at(deadline, read_body(shared.limits, route.body, request)).await;
    let body = body.map_err(|_| {
        let limit = shared.limits.request_time_max;
        let message = format!("the body did not arrive within {limit:?}");
        RestError::new(StatusCode::REQUEST_TIMEOUT, message)
    })??;
    ask(shared, route.handler, Call { params, query, body }, upload, deadline).await
}

/// Refuses what another site's page sends: a browser sends forms to any address, and a form can
/// upload a plugin.
fn check_origin(headers: &HeaderMap) -> Result<(), RestError> {
    let Some(origin) = headers.get(ORIGIN) else {
        return Ok(());
    };
    let host = headers.get(HOST).map_or(&b""[..], HeaderValue::as_bytes);
    let site = origin.as_bytes();
    let site = site.strip_prefix(b"http://").or_else(|| site.strip_prefix(b"https://"));
    if site == Some(host) {
        return Ok(());
    }
    let message = format!("a page of {} may not change this cluster", text_of(origin));
    Err(RestError::new(StatusCode::FORBIDDEN, message))
}

fn text_of(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

async fn upload_permit(
    shared: &Shared,
    kind: BodyKind,
    deadline: Instant,
) -> Result<Option<OwnedSemaphorePermit>, RestError> {
    match kind {
        BodyKind::None | BodyKind::Json => Ok(None),
        BodyKind::Form => place(&shared.uploads, deadline, "uploads").await.map(Some),
    }
}

/// A place for something of which there may be so many at one time.
async fn place(
    places: &Arc<Semaphore>,
    deadline: Instant,
    what: &str,
) -> Result<OwnedSemaphorePermit, RestError> {
    match timeout_at(deadline, Arc::clone(places).acquire_owned()).await {
        Ok(Ok(permit)) => Ok(permit),
        Ok(Err(_)) | Err(_) => {
            let message = format!("the server is busy with other {what}; try again");
            Err(RestError::new(StatusCode::SERVICE_UNAVAILABLE, message))
        }
    }
}

async fn read_body(
    limits: RestLimits,
    kind: BodyKind,
    request: Request<Body>,
) -> Result<CallBody, RestError> {
    let (parts, body) = request.into_parts();
    match kind {
        BodyKind::None => {
            // Read all the same: a connection with unread bytes would be closed behind the answer,
            // and a client that sends an empty body in pieces would lose its next request.
            check_length(&parts.headers, limits.body_bytes_max)?;
            read_bytes(body, limits.body_bytes_max).await?;
            Ok(CallBody::None)
        }
        BodyKind::Json => {
            check_length(&parts.headers, limits.body_bytes_max)?;
            check_type(&parts.headers, "application/json", false)?;
            Ok(CallBody::Json(read_bytes(body, limits.body_bytes_max).await?))
        }
        BodyKind::Form => {
            check_length(&parts.headers, limits.upload_bytes_max)?;
            check_type(&parts.headers, "multipart/form-data", true)?;
            Ok(CallBody::File(read_file(&parts.headers, body, limits.upload_bytes_max).await?))
        }
    }
}

/// Refuses what says itself that it is too large, before any of it is read.
fn check_length(headers: &HeaderMap, bytes_max: usize) -> Result<(), RestError> {
    let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    match length.and_then(|length| length.parse::<u64>().ok()) {
        Some(length) if length > bytes_max as u64 => {
            let message = format!("the body has {length} bytes; this path takes {bytes_max}");
            Err(RestError::too_large(message))
        }
        Some(_) | None => Ok(()),
    }
}

fn check_type(headers: &HeaderMap, wanted: &str, is_required: bool) -> Result<(), RestError> {
    let given = headers.get(CONTENT_TYPE).map(text_of);
    let essence = given.as_deref().map(|given| given.split(';').next().unwrap_or("").trim());
    let message = match essence {
        Some(essence) if essence.eq_ignore_ascii_case(wanted) => return Ok(()),
        None if !is_required => return Ok(()),
        Some(essence) => format!("this path takes {wanted}, not {essence}"),
        None => format!("this path takes {wanted}: the header Content-Type says what is sent"),
    };
    Err(RestError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message))
}

async fn read_bytes(body: Body, bytes_max: usize) -> Result<Bytes, RestError> {
    match Limited::new(body, bytes_max).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            let message = format!("the body has more than {bytes_max} bytes, the most it may");
            Err(RestError::too_large(message))
        }
        Err(error) => Err(RestError::bad_request(format!("the body is not whole: {error}"))),
    }
}

/// Runs a handler on a thread that may block.
async fn ask(
    shared: &Arc<Shared>,
    handler: Handler,
    call: Call,
    upload: Option<OwnedSemaphorePermit>,
    deadline: Instant,
) -> Result<Answer, RestError> {
    let permit = place(&shared.calls, deadline, "requests").await?;
    let handled = Arc::clone(shared);
    // The places are free when the handler is done, not when its client has given up.
    let done = spawn_blocking(move || {
        let answer = handler(&handled.api, call);
        drop((permit, upload));
        answer
    });
    match timeout_at(deadline, done).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => Err(failure(&error)),
        Err(_) => {
            let limit = shared.limits.request_time_max;
            let message = format!("the cluster did not answer within {limit:?}; it may still");
            Err(RestError::new(StatusCode::GATEWAY_TIMEOUT, message))
        }
    }
}

fn failure(error: &JoinError) -> RestError {
    tracing::error!(%error, "a REST handler panicked");
    RestError::internal("the server failed at this request, and its log says how")
}
