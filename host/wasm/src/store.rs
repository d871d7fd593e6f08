//! What a store holds beside the guest: its owner, its limits and what is known of the call in
//! hand.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::call_time::CallTime;
use crate::error::HostError;
use crate::host::{GuestMetric, LogLevel, OperatorHost};
use crate::limits::{GuestLimiter, Limits};
use crate::log_limit::{LogLimit, Verdict};
use crate::plugin::InstanceContext;

/// Why the host stopped a guest's call; travels through wasmtime's error.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stop {
    #[error("canceled")]
    Canceled,
    #[error("deadline")]
    Deadline,
    #[error(transparent)]
    Host(#[from] HostError),
}

/// The data of a store.
pub(crate) struct StoreState {
    /// None while the host works on an emitted batch that is borrowed from the guest's memory.
    host: Option<Box<dyn OperatorHost>>,
    pub(crate) context: Arc<InstanceContext>,
    pub(crate) limits: Limits,
    pub(crate) limiter: GuestLimiter,
    pub(crate) metrics: Vec<GuestMetric>,
    pub(crate) metric_names: BTreeMap<(u32, String), u32>,
    pub(crate) states_declared: usize,
    /// The last line logged at error level in this call.
    pub(crate) last_error_line: Option<String>,
    log_limit: LogLimit,
    canceled: Arc<AtomicBool>,
    call: CallTime,
    wasi: WasiCtx,
    table: ResourceTable,
}

impl StoreState {
    pub(crate) fn new(
        host: Box<dyn OperatorHost>,
        context: Arc<InstanceContext>,
        limits: Limits,
        canceled: Arc<AtomicBool>,
        wasi: WasiCtx,
    ) -> StoreState {
        let now = Instant::now();
        StoreState {
            host: Some(host),
            limiter: GuestLimiter::new(&limits),
            log_limit: LogLimit::new(limits.log_bytes_per_second, now),
            context,
            limits,
            metrics: Vec::new(),
            metric_names: BTreeMap::new(),
            states_declared: 0,
            last_error_line: None,
            canceled,
            call: CallTime::start(now),
            wasi,
            table: ResourceTable::new(),
        }
    }

    /// The owner.
    pub(crate) fn host(&mut self) -> &mut dyn OperatorHost {
        self.host.as_deref_mut().expect("the host is only away while the guest is not running")
    }

    /// Takes the owner out while columns are borrowed from the guest's memory.
    pub(crate) fn take_host(&mut self) -> Box<dyn OperatorHost> {
        self.host.take().expect("the host is only away while the guest is not running")
    }

    /// Puts the owner back; time it spent is not the guest's.
    pub(crate) fn return_host(&mut self, host: Box<dyn OperatorHost>, spent: Duration) {
        self.host = Some(host);
        self.call.add_host(spent);
    }

    /// The owner, to look at.
    pub(crate) fn host_ref(&self) -> &dyn OperatorHost {
        self.host.as_deref().expect("the host is only away while the guest is not running")
    }

    /// Marks the start of a call into the guest.
    pub(crate) fn start_call(&mut self) {
        self.call = CallTime::start(Instant::now());
        self.limiter.memory_refused = None;
        self.last_error_line = None;
    }

    /// Marks the end of a call into the guest.
    pub(crate) fn end_call(&mut self) {
        let in_guest = self.call.in_guest(Instant::now());
        if let Some(host) = self.host.as_deref_mut() {
            host.on_call_ended(in_guest);
        }
    }

    /// Decides, on an epoch tick, whether the guest may go on.
    pub(crate) fn check_interrupts(&mut self) -> Result<(), Stop> {
        if self.canceled.load(Ordering::Relaxed) {
            return Err(Stop::Canceled);
        }
        if self.call.look(Instant::now()) > self.limits.call_deadline {
            return Err(Stop::Deadline);
        }
        Ok(())
    }

    /// Logs a line of the guest within its volume.
    pub(crate) fn log(&mut self, operator: u32, level: LogLevel, message: &str) {
        let line = cut_line(message, self.limits.log_line_bytes_max);
        if level == LogLevel::Error {
            self.last_error_line = Some(line.to_owned());
        }
        match self.log_limit.admit(line.len(), Instant::now()) {
            Verdict::Drop => {}
            Verdict::Write { dropped_before } => {
                if dropped_before > 0 {
                    let report = format!("{dropped_before} log lines dropped: over the log limit");
                    self.host().log(operator, LogLevel::Warn, &report);
                }
                self.host().log(operator, level, line);
            }
        }
    }

    /// Log lines dropped so far.
    pub(crate) fn dropped_log_lines(&self) -> u64 {
        self.log_limit.dropped_lines()
    }
}

fn cut_line(message: &str, max: usize) -> &str {
    let mut end = max.min(message.len());
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    &message[..end]
}

impl WasiView for StoreState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}
