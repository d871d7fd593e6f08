//! The REST API as a script sees it: paths and JSON.

use serde_json::Value;
use ureq::Agent;

/// Speaks to one cluster.
pub struct Rest {
    agent: Agent,
    address: String,
}

impl Rest {
    /// A client of `host:port`.
    pub fn new(address: &str) -> Rest {
        let config = Agent::config_builder().http_status_as_error(false).proxy(None).build();
        Rest { agent: Agent::new_with_config(config), address: address.to_owned() }
    }

    /// Its `host:port`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Status and text of an answer.
    ///
    /// # Panics
    /// If there is none.
    pub fn text(&self, verb: &str, path: &str, body: Option<&Value>) -> (u16, String) {
        let request = ureq::http::Request::builder()
            .method(verb)
            .uri(format!("http://{}{path}", self.address))
            .header("content-type", "application/json");
        let sent = match body {
            Some(body) => self.agent.run(request.body(body.to_string()).expect("it is right")),
            None => self.agent.run(request.body(()).expect("it is right")),
        };
        let mut answer = sent.unwrap_or_else(|error| panic!("{verb} {path}: {error}"));
        let text = answer.body_mut().read_to_string().expect("the answer is text");
        (answer.status().as_u16(), text)
    }

    /// The JSON at a path.
    ///
    /// # Panics
    /// If the answer is no success.
    pub fn get(&self, path: &str) -> Value {
        self.ask("GET", path, None)
    }

    /// The JSON of a successful answer.
    ///
    /// # Panics
    /// If the answer is none.
    pub fn ask(&self, verb: &str, path: &str, body: Option<&Value>) -> Value {
        let (status, text) = self.text(verb, path, body);
        assert!((200..300).contains(&status), "{verb} {path}: {status}: {text}");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}: {text}"))
    }

    /// The errors of an answer that is no success.
    ///
    /// # Panics
    /// If it is one.
    pub fn refused(&self, verb: &str, path: &str, body: Option<&Value>) -> (u16, Vec<String>) {
        let (status, text) = self.text(verb, path, body);
        assert!(status >= 400, "{verb} {path}: {status}: {text}");
        let answer: Value = serde_json::from_str(&text).expect("errors are JSON");
        let errors = answer["errors"].as_array().expect("errors are a list");
        (status, errors.iter().map(|error| error.as_str().unwrap_or_default().to_owned()).collect())
    }

    /// Whether anybody answers.
    pub fn answers(&self) -> bool {
        self.agent.get(format!("http://{}/overview", self.address)).call().is_ok()
    }
}
