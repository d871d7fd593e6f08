//! The route table: every path and verb with its handler and what OpenAPI says of it. The router,
//! the verbs of a 405 and `/openapi.json` are made from it, so they cannot differ.

use axum::http::{Method, StatusCode};

use crate::answer::{Answer, RestError};
use crate::call::{Api, Call};
use crate::handler;

/// What answers a request. It may block: it runs on a thread made for that.
pub(crate) type Handler = fn(&Api, Call) -> Result<Answer, RestError>;

/// The verbs in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verb {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

impl Verb {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Verb::Get => "GET",
            Verb::Post => "POST",
            Verb::Put => "PUT",
            Verb::Patch => "PATCH",
            Verb::Delete => "DELETE",
        }
    }

    /// The verb that serves a method: GET serves HEAD.
    pub(crate) fn of(method: &Method) -> Option<Verb> {
        match method.as_str() {
            "GET" | "HEAD" => Some(Verb::Get),
            "POST" => Some(Verb::Post),
            "PUT" => Some(Verb::Put),
            "PATCH" => Some(Verb::Patch),
            "DELETE" => Some(Verb::Delete),
            _ => None,
        }
    }
}

/// What body a route takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyKind {
    /// None; what is sent is not read.
    None,
    /// JSON, or nothing.
    Json,
    /// A form with one file.
    Form,
}

/// What an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AnswerKind {
    Json,
    Text,
    Html,
}

/// A parameter of a query: its name and what it does.
pub(crate) type QueryParameter = (&'static str, &'static str);

/// One verb of one path.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    pub(crate) verb: Verb,
    /// With parameters in braces.
    pub(crate) path: &'static str,
    /// Unique; Flink's where it has one.
    pub(crate) operation: &'static str,
    /// One sentence.
    pub(crate) summary: &'static str,
    pub(crate) query: &'static [QueryParameter],
    pub(crate) body: BodyKind,
    pub(crate) answer: AnswerKind,
    /// Of a success.
    pub(crate) status: StatusCode,
    pub(crate) handler: Handler,
}

impl Route {
    pub(crate) const fn new(
        verb: Verb,
        path: &'static str,
        operation: &'static str,
        summary: &'static str,
        handler: Handler,
    ) -> Route {
        Route {
            verb,
            path,
            operation,
            summary,
            query: &[],
            body: BodyKind::None,
            answer: AnswerKind::Json,
            status: StatusCode::OK,
            handler,
        }
    }

    pub(crate) const fn query(self, query: &'static [QueryParameter]) -> Route {
        Route { query, ..self }
    }

    pub(crate) const fn body(self, body: BodyKind) -> Route {
        Route { body, ..self }
    }

    pub(crate) const fn answer(self, answer: AnswerKind) -> Route {
        Route { answer, ..self }
    }

    pub(crate) const fn accepted(self) -> Route {
        Route { status: StatusCode::ACCEPTED, ..self }
    }

    /// The paths it is served under: its own, Flink's name of it, and each under `/v1`.
    pub(crate) fn paths(&self) -> Vec<String> {
        let own = self.path.to_owned();
        let flinks = self.path.strip_prefix("/plugins").map(|rest| format!("/jars{rest}"));
        let paths: Vec<String> = [own].into_iter().chain(flinks).collect();
        let versioned = paths.iter().map(|path| format!("/v1{path}"));
        paths.iter().cloned().chain(versioned).collect()
    }
}

/// All routes.
pub(crate) fn table() -> impl Iterator<Item = &'static Route> {
    let tables: [&'static [Route]; 9] = [
        handler::cluster::ROUTES,
        handler::jobs::ROUTES,
        handler::resource_requirements::ROUTES,
        handler::vertices::ROUTES,
        handler::metrics::ROUTES,
        handler::checkpoints::ROUTES,
        handler::task_managers::ROUTES,
        handler::plugins::ROUTES,
        handler::state::ROUTES,
    ];
    tables.into_iter().flatten()
}
