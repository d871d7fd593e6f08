//! The cluster that a verb speaks to: its address, by argument or by options, a client of it, and
//! the ids that users write.
//!
//! Law: every verb finds its cluster in this one way.

use std::time::Duration;

use clap::Args;
use sandbar_cluster::{rest_client, settings};
use sandbar_config::options::cluster;
use sandbar_config::{ConfigValue, Configuration};
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
        client(self.jobmanager.as_deref(), &self.configuration.load()?)
    }
}

/// Makes a client of the cluster at an address or, without one, at that of the configuration.
///
/// # Errors
/// The address is none, or TLS is turned on and its files cannot be used.
pub(crate) fn client(
    address: Option<&str>,
    configuration: &Configuration,
) -> anyhow::Result<RestClient> {
    let address = match address {
        Some(address) => address.to_owned(),
        None => {
            let host = configuration.get(&cluster::REST_ADDRESS)?;
            let port = configuration.get(&cluster::REST_PORT)?;
            settings::host_port(&host, port)
        }
    };
    rest_client(configuration, &address)
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

    #[test]
    fn the_address_is_the_argument_or_the_options() {
        let configured = |address: &str| {
            let pairs = [("rest.address", address), ("rest.port", "9")];
            Configuration::from_pairs(pairs)
        };
        let check = |argument: Option<&str>, configuration: &Configuration, expected: &str| {
            assert_eq!(client(argument, configuration).unwrap().address(), expected);
        };
        check(None, &Configuration::new(), "localhost:8081");
        check(None, &configured("10.0.0.1"), "10.0.0.1:9");
        check(None, &configured("::1"), "[::1]:9");
        check(Some("a:1"), &configured("10.0.0.1"), "a:1");
        assert!(client(Some("a"), &Configuration::new()).is_err());
    }
}
