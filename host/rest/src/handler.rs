//! What answers each route, one file a subject. Each file holds its part of the route table.

pub(crate) mod checkpoints;
pub(crate) mod cluster;
pub(crate) mod jobs;
pub(crate) mod metrics;
pub(crate) mod plugins;
pub(crate) mod resource_requirements;
pub(crate) mod state;
pub(crate) mod task_managers;
pub(crate) mod vertices;
