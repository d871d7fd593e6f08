//! The arguments that say which cluster a verb speaks to, and the ids and times that users write.

use std::time::Duration;

use clap::Args;
use sandbar_client::cluster_client::client;
use sandbar_config::ConfigValue;
use sandbar_model::JobId;
use sandbar_rest::RestClient;

use crate::configuration::ConfigurationArgs;

/// Arguments of verbs that speak to a cluster.
#[derive(Args, Debug)]
pub(crate) struct ClientArgs {
    /// Where the cluster's REST API is; by default the options rest.address and rest.port say.
    #[arg(short = 'm', long, value_name = "HOST:PORT")]
    pub(crate) jobmanager: Option<String>,
    #[command(flatten)]
    configuration: ConfigurationArgs,
}

impl ClientArgs {
    /// Makes a client of the cluster. Nothing is sent yet.
    ///
    /// # Errors
    /// The configuration or the address is wrong.
    pub(crate) fn client(&self) -> anyhow::Result<RestClient> {
        Ok(client(self.jobmanager.as_deref(), &self.configuration.load()?)?)
    }
}

/// Reads a job's id as it is printed.
pub(crate) fn parse_job_id(text: &str) -> Result<JobId, String> {
    let is_id = text.len() == 32 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
    let number = is_id.then(|| u128::from_str_radix(text, 16).ok()).flatten();
    number.map(JobId).ok_or_else(|| {
        "a job id is 32 hexadecimal digits; `sandbar list -a` shows those that there are".to_owned()
    })
}

/// Reads how long to wait: seconds, or a number with a unit as options have it.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(seconds) => Ok(Duration::from_secs(seconds)),
        Err(_) => Duration::parse(text).ok_or_else(|| {
            "write seconds, or a whole number with a unit of ms, s, min or h, such as `500 ms`"
                .to_owned()
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn job_ids_are_read_as_they_are_printed() {
        let id = JobId(0xabc);
        assert_eq!(parse_job_id(&id.to_string()).unwrap(), id);
        for wrong in ["", "abc", &"g".repeat(32), &"+".repeat(32), &"0".repeat(33)] {
            assert!(parse_job_id(wrong).unwrap_err().contains("32 hexadecimal digits"), "{wrong}");
        }
    }

    #[test]
    fn durations_are_seconds_unless_they_say_otherwise() {
        assert_eq!(parse_duration("60").unwrap(), Duration::from_secs(60));
        assert_eq!(parse_duration("500 ms").unwrap(), Duration::from_millis(500));
        assert_eq!(parse_duration("2min").unwrap(), Duration::from_secs(120));
        assert!(parse_duration("soon").unwrap_err().contains("write seconds"));
    }
}
