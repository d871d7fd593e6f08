//! The cluster as a whole: overview, options of the web page, configuration and logs.

use std::collections::BTreeMap;

use sandbar_rpc::ClusterOverview;
use serde::{Deserialize, Serialize};

use crate::message::job_result::mask;

/// The version that Flink's fields `flink-version` carry: ours.
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// There is no commit in a build.
const REVISION: &str = "unknown revision";
/// How often the web page asks again, in milliseconds. Source: Flink's `web.refresh-interval`.
const REFRESH_INTERVAL_MS: u64 = 3_000;
/// The name of the one log there is.
pub(crate) const LOG_NAME: &str = "jobmanager.log";

/// Answer of `GET /overview`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ClusterOverviewWithVersion {
    /// Registered TaskManagers.
    pub taskmanagers: u32,
    /// Slots of all of them.
    pub slots_total: u32,
    /// Those that no job has.
    pub slots_available: u32,
    /// Jobs that have not ended.
    pub jobs_running: u32,
    /// Jobs that ended with their input.
    pub jobs_finished: u32,
    /// Jobs that were cancelled.
    pub jobs_cancelled: u32,
    /// Jobs that failed.
    pub jobs_failed: u32,
    /// Version of the cluster.
    pub flink_version: String,
    /// What it was built of.
    pub flink_commit: String,
}

impl From<ClusterOverview> for ClusterOverviewWithVersion {
    fn from(overview: ClusterOverview) -> ClusterOverviewWithVersion {
        ClusterOverviewWithVersion {
            taskmanagers: overview.task_managers,
            slots_total: overview.slots_total,
            slots_available: overview.slots_available,
            jobs_running: overview.jobs_running,
            jobs_finished: overview.jobs_finished,
            jobs_cancelled: overview.jobs_cancelled,
            jobs_failed: overview.jobs_failed,
            flink_version: VERSION.to_owned(),
            flink_commit: REVISION.to_owned(),
        }
    }
}

/// Answer of `GET /config`: what a web page must know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct DashboardConfiguration {
    /// Milliseconds between two looks.
    pub refresh_interval: u64,
    /// Name of the server's time zone: UTC.
    pub timezone_name: String,
    /// Its offset from UTC in milliseconds.
    pub timezone_offset: i32,
    /// Version of the cluster.
    pub flink_version: String,
    /// What it was built of.
    pub flink_revision: String,
    /// What the page may offer.
    pub features: Features,
}

/// What a web page may offer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Features {
    /// Plugins can be uploaded and run.
    pub web_submit: bool,
    /// Jobs can be cancelled.
    pub web_cancel: bool,
    /// Jobs can be rescaled.
    pub web_rescale: bool,
    /// This is a history server.
    pub web_history: bool,
}

impl DashboardConfiguration {
    pub(crate) fn current() -> DashboardConfiguration {
        DashboardConfiguration {
            refresh_interval: REFRESH_INTERVAL_MS,
            timezone_name: "Coordinated Universal Time".to_owned(),
            timezone_offset: 0,
            flink_version: VERSION.to_owned(),
            flink_revision: REVISION.to_owned(),
            features: Features {
                web_submit: true,
                web_cancel: true,
                web_rescale: false,
                web_history: false,
            },
        }
    }
}

/// One option of `GET /jobmanager/config`, secrets masked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigurationEntry {
    /// Its key.
    pub key: String,
    /// Its value.
    pub value: String,
}

/// Options as Flink lists them, secrets masked.
pub(crate) fn configuration_entries(options: BTreeMap<String, String>) -> Vec<ConfigurationEntry> {
    let masked = mask(&options).into_iter();
    masked.map(|(key, value)| ConfigurationEntry { key, value }).collect()
}

/// Answer of `GET /jobmanager/environment`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// The runtime, where Flink has its JVM.
    pub jvm: Runtime,
    /// Empty: a cluster is one binary.
    pub classpath: Vec<String>,
}

/// The runtime of a process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Runtime {
    /// Name and version.
    pub version: String,
    /// The processor: `x86_64`, `aarch64`.
    pub arch: String,
    /// Empty: the binary takes no options of a runtime.
    pub options: Vec<String>,
}

impl Environment {
    pub(crate) fn current() -> Environment {
        let jvm = Runtime {
            version: format!("sandbar - {VERSION}"),
            arch: std::env::consts::ARCH.to_owned(),
            options: Vec::new(),
        };
        Environment { jvm, classpath: Vec::new() }
    }
}

/// Answer of `GET /jobmanager/logs` and `GET /taskmanagers/:id/logs`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogList {
    /// The logs that can be read.
    pub logs: Vec<LogFile>,
}

/// A log that can be read at the path of the list, with its name added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogFile {
    /// Its name.
    pub name: String,
    /// Bytes of it that can be read.
    pub size: u64,
    /// When it was written last.
    pub mtime: i64,
}

impl LogList {
    pub(crate) fn of(name: &str, log: &str, now: i64) -> LogList {
        let size = log.len() as u64;
        LogList { logs: vec![LogFile { name: name.to_owned(), size, mtime: now }] }
    }
}
