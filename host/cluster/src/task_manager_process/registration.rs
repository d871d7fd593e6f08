//! The link of a TaskManager process: connects, registers, listens, and begins again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use crossbeam_channel::Sender;
use sandbar_rpc::grpc::{ClientLink, ConnectError, connect};
use sandbar_rpc::message::Registration;
use sandbar_rpc::{TlsSettings, ToJobManager, ToTaskManager};
use sandbar_taskmanager::JobManagerLink;
use sandbar_taskmanager::task_manager::Message;
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// Wait after the first attempt to register that failed; each further one is twice as long.
/// Source: Flink, `cluster.registration.initial-timeout`.
const BACK_OFF_MIN: Duration = Duration::from_millis(100);
/// Longest wait between attempts.
const BACK_OFF_MAX: Duration = Duration::from_secs(5);
/// How long a JobManager may take to answer a registration.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(10);

/// How long a JobManager may take to hang up on a TaskManager that leaves.
const FAREWELL_TIME_MAX: Duration = Duration::from_secs(1);

/// Why a TaskManager process ends.
pub(super) enum Ending {
    /// It was told to.
    Stopped,
    /// It cannot go on.
    Failed(anyhow::Error),
}

/// How a link ended.
enum LinkEnd {
    /// This process is to end.
    Stopped,
    /// The JobManager does not want this TaskManager.
    Refused(String),
    /// Trying again is of no use.
    Impossible(String),
    /// The link is lost.
    Lost(String),
}

/// Keeps a TaskManager registered.
pub(super) struct Registrar {
    pub(super) runtime: Runtime,
    /// `host:port`.
    pub(super) job_manager: String,
    /// `security.ssl.internal.enabled`.
    pub(super) tls: Option<TlsSettings>,
    /// `taskmanager.registration.timeout`.
    pub(super) timeout: Duration,
    pub(super) link: Arc<JobManagerLink>,
    pub(super) messages: Sender<Message>,
    pub(super) stopped: watch::Receiver<bool>,
    pub(super) registration: Registration,
}

impl Registrar {
    /// Registers, and again when the link is lost, until this process is to end.
    pub(super) fn run(&mut self) -> Ending {
        let mut since = Instant::now();
        let mut back_off = BACK_OFF_MIN;
        loop {
            let reason = match self.link_once(&mut since) {
                LinkEnd::Stopped => return Ending::Stopped,
                LinkEnd::Refused(reason) => {
                    return Ending::Failed(anyhow!(
                        "the JobManager at {} refuses this TaskManager: {reason}",
                        self.job_manager
                    ));
                }
                LinkEnd::Impossible(reason) => {
                    return Ending::Failed(anyhow!(
                        "{reason} (jobmanager.rpc.address, jobmanager.rpc.port)"
                    ));
                }
                LinkEnd::Lost(reason) => reason,
            };
            // A link that served begins the waits anew.
            if since.elapsed() < BACK_OFF_MIN {
                back_off = BACK_OFF_MIN;
            }
            if since.elapsed() + back_off > self.timeout {
                return Ending::Failed(anyhow!(
                    "not registered for {:.1?} (taskmanager.registration.timeout): {reason}; start \
                     the JobManager, or set jobmanager.rpc.address and jobmanager.rpc.port to \
                     where it is",
                    self.timeout
                ));
            }
            tracing::info!(reason, again_in = ?back_off, "not registered");
            if self.stopped_within(back_off) {
                return Ending::Stopped;
            }
            back_off = (back_off * 2).min(BACK_OFF_MAX);
        }
    }

    /// Connects and listens until the link ends. Sets `since` to when a link that served ended.
    fn link_once(&mut self, since: &mut Instant) -> LinkEnd {
        let connected = self.runtime.block_on(async {
            tokio::select! {
                connected = connect(&self.job_manager, self.tls.as_ref()) => Some(connected),
                () = stop(&mut self.stopped) => None,
            }
        });
        let mut client = match connected {
            None => return LinkEnd::Stopped,
            Some(Err(error @ ConnectError::Address { .. })) => {
                return LinkEnd::Impossible(error.to_string());
            }
            Some(Err(error)) => return LinkEnd::Lost(error.to_string()),
            Some(Ok(client)) => client,
        };
        self.link.connect(Arc::clone(&client.send));
        self.link.send(ToJobManager::Register(self.registration.clone()));
        let mut registered = false;
        let end = self.listen(&mut client, &mut registered);
        if matches!(end, LinkEnd::Stopped) && registered {
            self.say_goodbye(&mut client);
        }
        // Whoever waits for an answer hears of it first, and can be cancelled.
        self.link.close();
        drop(client);
        if registered {
            *since = Instant::now();
            if let LinkEnd::Lost(reason) = &end {
                // The loop may have ended already.
                let _ = self.messages.send(Message::LinkLost(reason.clone()));
            }
        }
        end
    }

    fn listen(&mut self, client: &mut ClientLink, registered: &mut bool) -> LinkEnd {
        let mut patience = ANSWER_TIME_MAX;
        loop {
            let received = self.runtime.block_on(async {
                tokio::select! {
                    received = tokio::time::timeout(patience, client.next()) => Some(received),
                    () = stop(&mut self.stopped) => None,
                }
            });
            let message = match received {
                None => return LinkEnd::Stopped,
                Some(Err(_elapsed)) => {
                    return LinkEnd::Lost(format!("nothing was heard of it for {patience:.1?}"));
                }
                Some(Ok(Err(reason))) => return LinkEnd::Lost(reason),
                Some(Ok(Ok(message))) => message,
            };
            match &message {
                ToTaskManager::Registered { heartbeat_timeout_ms, .. } => {
                    *registered = true;
                    patience = Duration::from_millis(*heartbeat_timeout_ms);
                }
                ToTaskManager::Refused(reason) => return LinkEnd::Refused(reason.clone()),
                ToTaskManager::NotNow(reason) => return LinkEnd::Lost(reason.clone()),
                ToTaskManager::Heartbeat { .. }
                | ToTaskManager::Deploy { .. }
                | ToTaskManager::Cancel(_)
                | ToTaskManager::Release(_)
                | ToTaskManager::Split { .. }
                | ToTaskManager::Plugin { .. }
                | ToTaskManager::AlignSource { .. }
                | ToTaskManager::ReadLog { .. }
                | ToTaskManager::QueryState { .. }
                | ToTaskManager::Shutdown => {}
            }
            if self.messages.send(Message::FromJobManager(message)).is_err() {
                return LinkEnd::Stopped;
            }
        }
    }

    /// Tells the JobManager that this process ends, and waits for it to hang up: a link that is
    /// dropped at once may take the message with it. One that does not answer is left all the same.
    fn say_goodbye(&self, client: &mut ClientLink) {
        let send = Arc::clone(&client.send);
        let farewell = async {
            // Sending blocks while the link is full, which it is not once it is dropped.
            let sent = tokio::task::spawn_blocking(move || send(ToJobManager::Leaving));
            if sent.await.unwrap_or(false) {
                while client.next().await.is_ok() {}
            }
        };
        let left = self
            .runtime
            .block_on(async { tokio::time::timeout(FAREWELL_TIME_MAX, farewell).await });
        if left.is_err() {
            tracing::debug!("the JobManager did not hang up in time");
        }
    }

    /// Waits; true if this process is to end meanwhile.
    fn stopped_within(&mut self, wait: Duration) -> bool {
        self.runtime
            .block_on(async { tokio::time::timeout(wait, stop(&mut self.stopped)).await.is_ok() })
    }
}

/// Returns when this process is to end.
async fn stop(stopped: &mut watch::Receiver<bool>) {
    // The sender lives as long as the process does.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}
