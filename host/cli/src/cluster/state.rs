//! The folder in which a cluster on this machine is remembered between commands.
//!
//! Law: a folder holds one cluster, and one command at a time changes it. What is started is
//! written down before the next thing is, so that it can be ended whatever happens.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use serde::{Deserialize, Serialize};

use super::process::ProcessIdentity;
use crate::configuration::variable;

/// The file that says what was started.
const STATE_FILE: &str = "cluster.json";
/// The file in which the JobManager says where it is reached.
const ADDRESSES_FILE: &str = "addresses.json";
/// The folder of the processes' output.
const LOG_FOLDER: &str = "log";

/// Arguments that name the folder.
#[derive(Args, Debug)]
pub(super) struct StateArgs {
    /// Folder in which the cluster is remembered.
    #[arg(long, value_name = "FOLDER")]
    pub(super) state_dir: Option<PathBuf>,
}

impl StateArgs {
    /// The folder: that of the argument, else one of the user's. Source: XDG Base Directory
    /// Specification.
    ///
    /// # Errors
    /// The user has no home.
    pub(super) fn path(&self) -> anyhow::Result<PathBuf> {
        if let Some(path) = &self.state_dir {
            return std::path::absolute(path).context("cannot find the working folder");
        }
        folder_of_user().context("there is no HOME to remember a cluster in; give --state-dir")
    }
}

/// Where this user's state goes, if there is a home.
pub(crate) fn folder_of_user() -> Option<PathBuf> {
    let absolute = |path: String| Some(PathBuf::from(path)).filter(|path| path.is_absolute());
    let of_user = || Some(Path::new(&variable("HOME")?).join(".local/state"));
    let state = variable("XDG_STATE_HOME").and_then(absolute).or_else(of_user)?;
    Some(state.join("sandbar"))
}

/// A cluster that was started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ClusterState {
    /// `host:port` of the REST API, with `https://` in front if it speaks TLS, once it is known.
    pub(super) rest: Option<String>,
    /// In the order of their start.
    pub(super) processes: Vec<ClusterProcess>,
}

/// A process of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ClusterProcess {
    /// `jobmanager`, `taskmanager-1`, ...
    pub(super) name: String,
    #[serde(flatten)]
    pub(super) identity: ProcessIdentity,
    /// Where its output goes.
    pub(super) log: PathBuf,
}

impl ClusterState {
    pub(super) fn identities(&self) -> Vec<ProcessIdentity> {
        self.processes.iter().map(|process| process.identity).collect()
    }

    /// The address for people, as far as it is known.
    pub(super) fn address(&self) -> String {
        match &self.rest {
            Some(rest) if rest.contains("://") => rest.clone(),
            Some(rest) => format!("http://{rest}"),
            None => "an address that it has not told yet".to_owned(),
        }
    }
}

/// The folder, while one command works on it.
#[derive(Debug)]
pub(super) struct StateFolder {
    path: PathBuf,
    /// Holds the lock.
    _lock: File,
}

impl StateFolder {
    /// Makes the folder, unless it is there, and keeps other commands away from it.
    ///
    /// # Errors
    /// It cannot be made, or another command works on it.
    pub(super) fn open(path: PathBuf) -> anyhow::Result<StateFolder> {
        let shown = path.display();
        fs::create_dir_all(path.join(LOG_FOLDER))
            .with_context(|| format!("cannot make folder {shown}"))?;
        let lock = File::open(&path).with_context(|| format!("cannot open folder {shown}"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => bail!(
                "another `sandbar cluster` works on folder {shown}; wait for its end, or give \
                 --state-dir"
            ),
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("cannot lock folder {shown}"));
            }
        }
        Ok(StateFolder { path, _lock: lock })
    }

    /// The folder of the processes' output.
    pub(super) fn logs(&self) -> PathBuf {
        self.path.join(LOG_FOLDER)
    }

    /// The file in which the JobManager says where it is reached.
    pub(super) fn addresses(&self) -> PathBuf {
        self.path.join(ADDRESSES_FILE)
    }

    /// Writes down what was started.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub(super) fn write(&self, state: &ClusterState) -> anyhow::Result<()> {
        // A reader sees one or the other, never a half.
        let (file, part) = (self.path.join(STATE_FILE), self.path.join("cluster.json.part"));
        fs::write(&part, serde_json::to_vec_pretty(state)?)
            .and_then(|()| fs::rename(&part, &file))
            .with_context(|| format!("cannot write {}", file.display()))
    }

    /// Forgets the cluster. Logs stay.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub(super) fn forget(&self) -> anyhow::Result<()> {
        for file in [self.addresses(), self.path.join(STATE_FILE)] {
            match fs::remove_file(&file) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(error).with_context(|| format!("cannot remove {}", file.display()));
                }
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }
}

/// What was started from a folder, if anything was.
///
/// # Errors
/// It cannot be read.
pub(super) fn read(folder: &Path) -> anyhow::Result<Option<ClusterState>> {
    let file = folder.join(STATE_FILE);
    let text = match fs::read(&file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        text => text.with_context(|| format!("cannot read {}", file.display()))?,
    };
    serde_json::from_slice(&text).map(Some).with_context(|| {
        format!("{} is damaged; end its processes by hand and remove it", file.display())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_until_it_is_forgotten() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("state/sandbar");
        let folder = StateFolder::open(path.clone()).unwrap();
        assert_eq!(read(&path).unwrap(), None);
        let process = ClusterProcess {
            name: "jobmanager".to_owned(),
            identity: ProcessIdentity::of(std::process::id()).unwrap(),
            log: folder.logs().join("jobmanager.log"),
        };
        let state = ClusterState { rest: Some("a:1".to_owned()), processes: vec![process] };
        folder.write(&state).unwrap();
        assert_eq!(read(&path).unwrap(), Some(state));
        folder.forget().unwrap();
        folder.forget().unwrap();
        assert_eq!(read(&path).unwrap(), None);
    }

    #[test]
    fn one_command_at_a_time_works_on_a_folder() {
        let home = tempfile::tempdir().unwrap();
        let first = StateFolder::open(home.path().to_owned()).unwrap();
        let error = StateFolder::open(home.path().to_owned()).unwrap_err().to_string();
        assert!(error.contains("another `sandbar cluster` works on folder"), "{error}");
        drop(first);
        StateFolder::open(home.path().to_owned()).unwrap();
    }

    #[test]
    fn a_damaged_file_is_an_error_that_names_it() {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join(STATE_FILE), "{").unwrap();
        let error = read(home.path()).unwrap_err().to_string();
        assert!(error.contains("cluster.json is damaged"), "{error}");
    }
}
