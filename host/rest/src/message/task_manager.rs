//! TaskManagers: the list of them, and one with its slots and memory.

use std::collections::{BTreeMap, BTreeSet};

use sandbar_rpc::{JobView, TaskManagerId, TaskManagerView};
use serde::{Deserialize, Serialize};

use crate::message::metric::whole;

/// Bytes of the unit that Flink counts a slot's memory in.
const MEBIBYTE: u64 = 1024 * 1024;

/// Answer of `GET /taskmanagers`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskManagers {
    /// All that are registered, oldest first.
    pub taskmanagers: Vec<TaskManager>,
}

/// A TaskManager. Source: Flink's `TaskManagerInfo`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskManager {
    /// Its name.
    pub id: String,
    /// Where it takes records, as `host:port`.
    pub path: String,
    /// The port of that.
    pub data_port: i32,
    /// -1: there is no JVM to look into.
    pub jmx_port: i32,
    /// When it was last heard of: a time, whatever Flink's name says.
    pub time_since_last_heartbeat: i64,
    /// Number of its slots.
    pub slots_number: u32,
    /// How many of them are free.
    pub free_slots: u32,
    /// Tasks that run there.
    pub assigned_tasks: u32,
    /// What all its slots have.
    pub total_resource: ResourceProfile,
    /// What its free slots have.
    pub free_resource: ResourceProfile,
    /// Its machine.
    pub hardware: HardwareDescription,
    /// How its memory is divided.
    pub memory_configuration: MemoryConfiguration,
}

/// What slots have. Source: Flink's `ResourceProfileInfo`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceProfile {
    /// Threads that run at once.
    pub cpu_cores: f64,
    /// Memory of guests in MiB, which is what user code has.
    pub task_heap_memory: u64,
    /// 0.
    pub task_off_heap_memory: u64,
    /// Managed memory in MiB.
    pub managed_memory: u64,
    /// 0: buffers of the network are bounded by the channel, not by memory.
    pub network_memory: u64,
    /// Empty.
    pub extended_resources: BTreeMap<String, f64>,
}

/// A machine. Source: Flink's `HardwareDescription`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HardwareDescription {
    /// Threads that it runs at once.
    pub cpu_cores: u32,
    /// Bytes of memory; 0 if the TaskManager does not say.
    pub physical_memory: i64,
    /// Bytes of memory that are free; 0 if the TaskManager does not say.
    pub free_memory: i64,
    /// Bytes of managed memory.
    pub managed_memory: u64,
}

/// How memory is divided, in bytes. Flink has ten fields; we have two pools.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MemoryConfiguration {
    /// Managed memory of all slots.
    pub managed_memory: u64,
    /// Memory for guests of all slots.
    pub task_heap: u64,
    /// Both together.
    pub total_flink_memory: u64,
}

/// Answer of `GET /taskmanagers/:taskmanagerid`. Source: Flink's `TaskManagerDetailsInfo`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskManagerDetails {
    /// What the list says of it.
    #[serde(flatten)]
    pub task_manager: TaskManager,
    /// Slots that a job has.
    pub allocated_slots: Vec<AllocatedSlot>,
    /// Numbers of its process; 0 for those it does not report.
    pub metrics: TaskManagerMetrics,
}

/// A slot that a job has. Source: Flink's `SlotInfo`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AllocatedSlot {
    /// The job.
    pub job_id: String,
    /// What the slot has.
    pub resource: ResourceProfile,
    /// Tasks that run in it.
    pub assigned_tasks: u32,
}

/// Numbers of a process. Source: those of Flink's `TaskManagerMetricsInfo` that are not the JVM's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskManagerMetrics {
    /// `Status.JVM.Memory.Heap.Used`
    pub heap_used: i64,
    /// `Status.JVM.Memory.Heap.Committed`
    pub heap_committed: i64,
    /// `Status.JVM.Memory.Heap.Max`
    pub heap_max: i64,
    /// `Status.Shuffle.Netty.AvailableMemorySegments`
    pub netty_shuffle_memory_segments_available: i64,
    /// `Status.Shuffle.Netty.UsedMemorySegments`
    pub netty_shuffle_memory_segments_used: i64,
    /// `Status.Shuffle.Netty.TotalMemorySegments`
    pub netty_shuffle_memory_segments_total: i64,
    /// Empty: nothing collects garbage.
    pub garbage_collectors: Vec<String>,
}

/// A slot and the tasks in it, as far as subtasks show it: those of one slot sharing group with one
/// index share a slot.
struct Slot<'a> {
    job: &'a JobView,
    tasks: u32,
}

impl TaskManagers {
    pub(crate) fn of(all: &[TaskManagerView], jobs: &[JobView]) -> TaskManagers {
        TaskManagers { taskmanagers: all.iter().map(|one| TaskManager::of(one, jobs)).collect() }
    }
}

impl TaskManager {
    fn of(view: &TaskManagerView, jobs: &[JobView]) -> TaskManager {
        let port = view.data_address.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        TaskManager {
            id: view.id.to_string(),
            path: view.data_address.clone(),
            data_port: port.unwrap_or(-1),
            jmx_port: -1,
            time_since_last_heartbeat: view.last_heartbeat,
            slots_number: view.slots,
            free_slots: view.free_slots,
            assigned_tasks: slots_on(&view.id, jobs).iter().map(|slot| slot.tasks).sum(),
            total_resource: resource(view, view.slots),
            free_resource: resource(view, view.free_slots),
            hardware: HardwareDescription {
                cpu_cores: view.cpu_cores,
                physical_memory: metric(view, "System.Memory.Total"),
                free_memory: metric(view, "System.Memory.Available"),
                managed_memory: view.managed_memory_bytes,
            },
            memory_configuration: MemoryConfiguration {
                managed_memory: view.managed_memory_bytes,
                task_heap: view.guest_memory_bytes,
                total_flink_memory: view.managed_memory_bytes + view.guest_memory_bytes,
            },
        }
    }
}

impl TaskManagerDetails {
    pub(crate) fn of(view: &TaskManagerView, jobs: &[JobView]) -> TaskManagerDetails {
        let allocated = |slot: Slot<'_>| AllocatedSlot {
            job_id: slot.job.id.to_string(),
            resource: resource(view, 1),
            assigned_tasks: slot.tasks,
        };
        TaskManagerDetails {
            task_manager: TaskManager::of(view, jobs),
            allocated_slots: slots_on(&view.id, jobs).into_iter().map(allocated).collect(),
            metrics: TaskManagerMetrics {
                heap_used: metric(view, "Status.JVM.Memory.Heap.Used"),
                heap_committed: metric(view, "Status.JVM.Memory.Heap.Committed"),
                heap_max: metric(view, "Status.JVM.Memory.Heap.Max"),
                netty_shuffle_memory_segments_available: metric(
                    view,
                    "Status.Shuffle.Netty.AvailableMemorySegments",
                ),
                netty_shuffle_memory_segments_used: metric(
                    view,
                    "Status.Shuffle.Netty.UsedMemorySegments",
                ),
                netty_shuffle_memory_segments_total: metric(
                    view,
                    "Status.Shuffle.Netty.TotalMemorySegments",
                ),
                garbage_collectors: Vec::new(),
            },
        }
    }
}

fn metric(view: &TaskManagerView, name: &str) -> i64 {
    view.metrics.get(name).map_or(0, whole)
}

/// What so many slots of a TaskManager have.
fn resource(view: &TaskManagerView, slots: u32) -> ResourceProfile {
    let all = view.slots.max(1);
    let share = |bytes: u64| {
        let bytes = u128::from(bytes) * u128::from(slots) / u128::from(all);
        u64::try_from(bytes).unwrap_or(u64::MAX) / MEBIBYTE
    };
    ResourceProfile {
        cpu_cores: f64::from(view.cpu_cores) * f64::from(slots) / f64::from(all),
        task_heap_memory: share(view.guest_memory_bytes),
        managed_memory: share(view.managed_memory_bytes),
        ..ResourceProfile::default()
    }
}

/// The slots of a TaskManager that tasks run in.
fn slots_on<'a>(id: &TaskManagerId, jobs: &'a [JobView]) -> Vec<Slot<'a>> {
    jobs.iter().flat_map(|job| slots_of(id, job)).collect()
}

fn slots_of<'a>(id: &TaskManagerId, job: &'a JobView) -> Vec<Slot<'a>> {
    let mut tasks: BTreeMap<(&str, usize), BTreeSet<usize>> = BTreeMap::new();
    for (position, (vertex, view)) in job.graph.vertices.iter().zip(&job.vertices).enumerate() {
        for (index, subtask) in view.subtasks.iter().enumerate() {
            if subtask.task_manager.as_ref() == Some(id) && !subtask.state.is_terminal() {
                let slot = (vertex.slot_sharing_group.as_str(), index);
                tasks.entry(slot).or_default().insert(position);
            }
        }
    }
    let slot = |positions: BTreeSet<usize>| Slot {
        job,
        tasks: u32::try_from(positions.len()).unwrap_or(u32::MAX),
    };
    tasks.into_values().map(slot).collect()
}
