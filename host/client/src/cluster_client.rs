//! The cluster that a client speaks to: where it is, by address or by options, which of its options
//! decide a job's graph, and what it tells of a job's end.
//!
//! Law: every client finds its cluster in this one way.

use std::time::Duration;

use sandbar_cluster::{JobResult, rest_client, settings};
use sandbar_config::Configuration;
use sandbar_config::options::cluster;
use sandbar_model::JobId;
use sandbar_rest::message::job::JobDetails;
use sandbar_rest::message::job_result::JobExecutionResult;
use sandbar_rest::{ClientError, RestClient};
use sandbar_rpc::Accumulators;

use crate::error::EnvError;

/// Beginnings of the keys that decide what a job's graph is and whether it is right: on a cluster
/// its values hold.
const KEYS_OF_CLUSTER: [&str; 4] =
    ["parallelism.", "pipeline.", "sandbar.capabilities", "sandbar.plugin.bytes."];

/// Makes a client of the cluster at an address or, without one, at that of the configuration.
/// Nothing is sent yet.
///
/// # Errors
/// [`EnvError::Setup`]: the address is none, or TLS is turned on and its files cannot be used.
pub fn client(
    address: Option<&str>,
    configuration: &Configuration,
) -> Result<RestClient, EnvError> {
    let address = match address {
        Some(address) => address.to_owned(),
        None => {
            let host = configuration.get(&cluster::REST_ADDRESS).map_err(EnvError::setup)?;
            let port = configuration.get(&cluster::REST_PORT).map_err(EnvError::setup)?;
            settings::host_port(&host, port)
        }
    };
    rest_client(configuration, &address).map_err(EnvError::setup)
}

/// The configuration that a job will have on the cluster, as far as its graph depends on it.
///
/// # Errors
/// [`ClientError`].
pub fn configuration_on(
    client: &RestClient,
    configuration: &Configuration,
) -> Result<Configuration, ClientError> {
    let is_of_cluster = |key: &str| KEYS_OF_CLUSTER.iter().any(|begin| key.starts_with(begin));
    let own = configuration.iter().filter(|(key, _)| !is_of_cluster(key));
    let mut together = Configuration::from_pairs(own);
    let of_cluster = client.configuration()?.into_iter().filter(|entry| is_of_cluster(&entry.key));
    together.merge(Configuration::from_pairs(of_cluster.map(|entry| (entry.key, entry.value))));
    Ok(together)
}

/// How a job ended, of the last look at it and of what the cluster says of its end.
pub fn job_result(job: JobId, details: &JobDetails, end: JobExecutionResult) -> JobResult {
    let (failure, accumulators) = match end.job_execution_result {
        Some(end) => {
            let (sums, left_out) = (end.accumulator_results, end.accumulators_left_out_from);
            (end.failure_cause, Accumulators::of_told(sums, left_out))
        }
        None => (None, Accumulators::default()),
    };
    JobResult {
        job,
        name: details.name.clone(),
        status: details.state,
        failure: failure.map(|cause| cause.stack_trace),
        // Signed in Flink's API, and never below 0.
        runtime: Duration::from_millis(details.duration.max(0).unsigned_abs()),
        accumulators,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
