//! The description of the API for programs: OpenAPI 3.0, made from the route table.

use serde_json::{Map, Value, json};

use crate::route::{AnswerKind, BodyKind, Route, table};

/// Writes the description.
pub(crate) fn openapi() -> String {
    let mut paths = Map::new();
    for route in table() {
        for path in route.paths().into_iter().filter(|path| !path.starts_with("/v1")) {
            let verbs = paths.entry(path.clone()).or_insert_with(|| json!({}));
            verbs[route.verb.name().to_ascii_lowercase()] = operation(route, &path);
        }
    }
    let description = json!({
        "openapi": "3.0.3",
        "info": {
            "title": "Sandbar JobManager REST API",
            "description": "Every path is there with the prefix /v1 as well.",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "Apache-2.0" },
        },
        "paths": paths,
        "components": { "schemas": {
            "ErrorResponse": {
                "type": "object",
                "required": ["errors"],
                "properties": { "errors": { "type": "array", "items": { "type": "string" } } },
            },
        } },
    });
    description.to_string()
}

fn operation(route: &Route, path: &str) -> Value {
    // Ids are unique, and Flink's clients know `/jars` by other names.
    let is_alias = path.starts_with("/jars");
    let id = route.operation.to_owned();
    let id = if is_alias { id.replace("Plugin", "Jar") } else { id };
    let mut operation = json!({
        "operationId": id,
        "summary": route.summary,
        "parameters": parameters(route, path),
        "responses": {
            route.status.as_str(): {
                "description": "It is done.",
                "content": content(route.answer),
            },
            "default": {
                "description": "It is not done, and this is why.",
                "content": { "application/json": {
                    "schema": { "$ref": "#/components/schemas/ErrorResponse" },
                } },
            },
        },
    });
    if let Some(body) = request_body(route.body) {
        operation["requestBody"] = body;
    }
    operation
}

fn parameters(route: &Route, path: &str) -> Vec<Value> {
    let in_path = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let in_path = in_path.map(|name| {
        json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } })
    });
    let in_query = route.query.iter().map(|(name, description)| {
        json!({
            "name": name,
            "in": "query",
            "description": description,
            "required": false,
            "schema": { "type": "string" },
        })
    });
    in_path.chain(in_query).collect()
}

fn request_body(kind: BodyKind) -> Option<Value> {
    let file = json!({ "type": "string", "format": "binary" });
    match kind {
        BodyKind::None => None,
        BodyKind::Json => {
            Some(json!({ "content": { "application/json": { "schema": { "type": "object" } } } }))
        }
        BodyKind::Form => Some(json!({
            "required": true,
            "content": { "multipart/form-data": {
                "schema": { "type": "object", "properties": { "plugin": file } },
            } },
        })),
    }
}

fn content(kind: AnswerKind) -> Value {
    match kind {
        AnswerKind::Json => json!({ "application/json": { "schema": {} } }),
        AnswerKind::Text => json!({ "text/plain": { "schema": { "type": "string" } } }),
        AnswerKind::Html => json!({ "text/html": { "schema": { "type": "string" } } }),
    }
}
