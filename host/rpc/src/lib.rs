//! Where the planes meet: the messages between JobManager and TaskManagers, the gateway that REST
//! and command line ask, and the ids both speak of.
//!
//! Law: neither plane knows the other; each knows this. What a link carries is the same whatever
//! carries it: gRPC between processes, a closure within one.

pub mod accumulators;
pub mod deployment;
pub mod dispatcher;
pub mod grpc;
pub mod id;
pub mod job_view;
pub mod link;
pub mod message;
pub mod metric_table;
pub mod resource_requirements;
pub mod state_query;
pub mod tls;

pub use accumulators::Accumulators;
pub use deployment::{JobInformation, TaskDescriptor, TaskLocation};
pub use dispatcher::{ClusterOverview, DispatcherGateway, GatewayError, StoredPlugin};
pub use id::{FencingToken, TaskAttempt, TaskManagerId};
pub use job_view::{ExceptionView, JobView, SubtaskView, TaskManagerView, VertexView};
pub use link::{LinkEvent, LinkId, SendToJobManager, SendToTaskManager};
pub use message::{ToJobManager, ToTaskManager};
pub use metric_table::MetricTable;
pub use resource_requirements::{
    ParallelismBounds, RequestedBounds, RequestedRequirements, RequirementsError,
};
pub use tls::{TlsServer, TlsSettings};

/// Version of the messages. Both ends of a link must speak the same.
pub const PROTOCOL_VERSION: u32 = 4;
