//! One request as a handler sees it: path parameters, query and body, read with errors that say
//! what they should look like.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Bytes;
use sandbar_model::{Clock, JobId, PluginId};
use sandbar_rpc::{DispatcherGateway, JobView, TaskManagerView};
use serde::de::DeserializeOwned;

use crate::answer::RestError;
use crate::execution::Locations;
use crate::upload::UploadedFile;

/// What every handler may use.
pub(crate) struct Api {
    /// The cluster.
    pub(crate) gateway: Arc<dyn DispatcherGateway>,
    /// The server's time.
    pub(crate) clock: Arc<dyn Clock>,
    /// `http://host:port` of the server.
    pub(crate) address: String,
    /// The answer of `/openapi.json`.
    pub(crate) openapi: String,
}

impl Api {
    /// Milliseconds since the Unix epoch.
    pub(crate) fn now(&self) -> i64 {
        self.clock.now_ms()
    }

    /// Where TaskManagers are.
    pub(crate) fn locations(&self) -> Locations {
        Locations::of(self.gateway.task_managers())
    }

    /// The job that the path names.
    pub(crate) fn job(&self, call: &Call) -> Result<JobView, RestError> {
        Ok(self.gateway.job(call.job_id()?)?)
    }

    /// The TaskManager that the path names.
    pub(crate) fn task_manager(&self, call: &Call) -> Result<TaskManagerView, RestError> {
        let name = call.param("taskmanagerid");
        let mut all = self.gateway.task_managers().into_iter();
        all.find(|one| one.id.0 == name).ok_or_else(|| {
            RestError::not_found(format!("no TaskManager {name}; /taskmanagers lists them"))
        })
    }
}

/// A request.
#[derive(Debug, Default)]
pub(crate) struct Call {
    /// Path parameters by name, decoded.
    pub(crate) params: Vec<(String, String)>,
    /// The query in its order, decoded.
    pub(crate) query: Vec<(String, String)>,
    /// The body.
    pub(crate) body: CallBody,
}

/// The body of a request.
#[derive(Debug, Default)]
pub(crate) enum CallBody {
    /// The path takes none.
    #[default]
    None,
    /// JSON, or nothing.
    Json(Bytes),
    /// A file of a form.
    File(UploadedFile),
}

impl Call {
    /// A path parameter. The router has found them all; none is empty.
    pub(crate) fn param(&self, name: &str) -> &str {
        self.params.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// The job that the path names.
    pub(crate) fn job_id(&self) -> Result<JobId, RestError> {
        parse_job_id(self.param("jobid"))
    }

    /// The plugin that the path names.
    pub(crate) fn plugin_id(&self) -> Result<PluginId, RestError> {
        parse_plugin_id(self.param("pluginid"))
    }

    /// The vertex that the path names.
    pub(crate) fn vertex_id(&self) -> Result<String, RestError> {
        let text = self.param("vertexid");
        parse_hex_128(text).map(|id| format!("{id:032x}")).ok_or_else(|| {
            let message = format!(
                "`{text}` is no vertex id: one is 32 hexadecimal digits, as in /jobs/:jobid"
            );
            RestError::bad_request(message)
        })
    }

    /// A number in the path.
    pub(crate) fn number(&self, name: &str) -> Result<usize, RestError> {
        let text = self.param(name);
        text.parse::<u32>().map(|number| number as usize).map_err(|_| {
            RestError::bad_request(format!("`{text}` is no {name}: one is a number from 0 on"))
        })
    }

    /// The last value of a query parameter.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        let mut values = self.query.iter().rev().filter(|(key, _)| key == name);
        values.next().map(|(_, value)| value.as_str())
    }

    /// All values of a query parameter, which may be repeated or have commas.
    pub(crate) fn query_list(&self, name: &str) -> Vec<String> {
        let values = self.query.iter().filter(|(key, _)| key == name);
        let parts = values.flat_map(|(_, value)| value.split(','));
        parts.map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
    }

    /// The body as JSON; none if there is no body.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<Option<T>, RestError> {
        let bytes: &[u8] = match &self.body {
            CallBody::Json(bytes) => bytes,
            CallBody::None | CallBody::File(_) => &[],
        };
        if bytes.trim_ascii().is_empty() {
            return Ok(None);
        }
        serde_json::from_slice(bytes)
            .map(Some)
            .map_err(|error| RestError::bad_request(format!("the body is wrong: {error}")))
    }
}

/// Reads a job's id.
pub(crate) fn parse_job_id(text: &str) -> Result<JobId, RestError> {
    parse_hex_128(text).map(JobId).ok_or_else(|| {
        RestError::bad_request(format!("`{text}` is no job id: one is 32 hexadecimal digits"))
    })
}

/// Reads a plugin's id.
pub(crate) fn parse_plugin_id(text: &str) -> Result<PluginId, RestError> {
    let wrong = || {
        let message =
            format!("`{text}` is no plugin id: one is 64 hexadecimal digits, as in /plugins");
        RestError::bad_request(message)
    };
    let (high, low) = text.split_at_checked(32).ok_or_else(wrong)?;
    let (high, low) = parse_hex_128(high).zip(parse_hex_128(low)).ok_or_else(wrong)?;
    let mut id = [0; 32];
    id[..16].copy_from_slice(&high.to_be_bytes());
    id[16..].copy_from_slice(&low.to_be_bytes());
    Ok(PluginId(id))
}

/// Reads plugins' ids by the names that a job gives them.
pub(crate) fn parse_plugins(
    plugins: BTreeMap<String, String>,
) -> Result<BTreeMap<String, PluginId>, RestError> {
    let parse = |(name, id): (String, String)| match parse_plugin_id(&id) {
        Ok(id) => Ok((name, id)),
        Err(error) => Err(error.within(&format!("plugins.{name}"))),
    };
    plugins.into_iter().map(parse).collect()
}

/// Exactly 32 hexadecimal digits, in any case.
fn parse_hex_128(text: &str) -> Option<u128> {
    let is_hex = text.len() == 32 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_hex.then(|| u128::from_str_radix(text, 16).ok()).flatten()
}

#[cfg(test)]
mod tests;
