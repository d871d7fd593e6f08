//! Metric groups: a tree of scopes, each with its metrics. A group lives as long as somebody holds
//! it; when a task drops its group, its metrics are gone from the next snapshot.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use thiserror::Error;

use crate::histogram::Histogram;
use crate::metric::{Counter, Gauge, Metric, MetricValue};

/// Most metrics of one group. A guest can ask for metrics, so there has to be an end.
pub const METRICS_PER_GROUP_MAX: usize = 1000;
/// Most groups directly in one group that are alive.
pub const GROUPS_PER_GROUP_MAX: usize = 10_000;
/// Longest name of a metric.
pub const NAME_BYTES_MAX: usize = 255;
/// Longest value of a scope variable; more is cut off. Names of tasks grow with their chains.
pub const VARIABLE_BYTES_MAX: usize = 1024;

/// A metric that cannot be registered.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MetricError {
    /// The name is empty or longer than [`NAME_BYTES_MAX`].
    #[error("a metric name has {bytes} bytes; it must have 1 to {NAME_BYTES_MAX}")]
    NameLength {
        /// Its length.
        bytes: usize,
    },
    /// The name is taken by a metric of another kind.
    #[error("metric {name} in {scope} is a {existing}, not a {asked}; choose another name")]
    KindMismatch {
        /// Name of the metric.
        name: String,
        /// The group.
        scope: String,
        /// What it is.
        existing: &'static str,
        /// What it was asked to be.
        asked: &'static str,
    },
    /// The group is full.
    #[error("metric {name} is one too many; {scope} has {METRICS_PER_GROUP_MAX} metrics")]
    TooManyMetrics {
        /// Name of the metric.
        name: String,
        /// The group.
        scope: String,
    },
    /// The group has too many groups.
    #[error("group {name} is one too many; {scope} has {GROUPS_PER_GROUP_MAX} groups")]
    TooManyGroups {
        /// Kind of the group.
        name: String,
        /// The group it would be in.
        scope: String,
    },
}

/// Whose metrics a group holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Scope {
    /// Kinds of the group and all around it, outermost first: `taskmanager`, `job`, `task`,
    /// `operator`. Flink's logical scope.
    pub path: Vec<String>,
    /// What tells it from other groups of the same path, with the variables of the groups around
    /// it: `job_name`, `task_name`, `subtask_index`, ...
    pub variables: Vec<(String, String)>,
}

/// A group; clones are the same group.
#[derive(Clone, Debug)]
pub struct MetricGroup(Arc<Node>);

#[derive(Debug)]
struct Node {
    scope: Arc<Scope>,
    metrics: Mutex<BTreeMap<String, Metric>>,
    /// By kind and own variables. Weak, so that a group ends with its owner.
    groups: Mutex<BTreeMap<Scope, Weak<Node>>>,
    /// Keeps the groups around it alive.
    _parent: Option<MetricGroup>,
}

/// One metric when it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricSnapshot {
    /// Whose it is.
    pub scope: Arc<Scope>,
    /// Its name.
    pub name: String,
    /// What it showed.
    pub value: MetricValue,
}

impl MetricGroup {
    /// Makes the group of a process: `taskmanager` or `jobmanager`.
    pub fn root(kind: &str, variables: &[(&str, &str)]) -> MetricGroup {
        MetricGroup(Node::open(Scope::default().enter(kind, variables), None))
    }

    /// Makes a group in this one, or finds the one of that kind and those variables.
    ///
    /// # Errors
    /// There are [`GROUPS_PER_GROUP_MAX`].
    pub fn group(
        &self,
        kind: &str,
        variables: &[(&str, &str)],
    ) -> Result<MetricGroup, MetricError> {
        let own = Scope::default().enter(kind, variables);
        let mut groups = lock(&self.0.groups);
        if let Some(existing) = groups.get(&own).and_then(Weak::upgrade) {
            return Ok(MetricGroup(existing));
        }
        if groups.len() >= GROUPS_PER_GROUP_MAX {
            groups.retain(|_, node| node.strong_count() > 0);
        }
        if groups.len() >= GROUPS_PER_GROUP_MAX {
            let (name, scope) = (kind.to_string(), self.0.scope.to_string());
            return Err(MetricError::TooManyGroups { name, scope });
        }
        let node = Node::open(self.0.scope.enter(kind, variables), Some(self.clone()));
        groups.insert(own, Arc::downgrade(&node));
        Ok(MetricGroup(node))
    }

    /// Whose metrics it holds.
    pub fn scope(&self) -> &Scope {
        &self.0.scope
    }

    /// Makes a counter, or finds the one of that name.
    ///
    /// # Errors
    /// A bad name, one of another kind, or a full group; so for all kinds.
    pub fn counter(&self, name: &str) -> Result<Arc<Counter>, MetricError> {
        match self.find_or_add(name, "counter", || Metric::Counter(Arc::default()))? {
            Metric::Counter(counter) => Ok(counter),
            other @ (Metric::Gauge(_) | Metric::Histogram(_)) => {
                Err(self.mismatch(name, &other, "counter"))
            }
        }
    }

    /// Makes a gauge, or finds the one of that name.
    ///
    /// # Errors
    /// As `counter`.
    pub fn gauge(&self, name: &str) -> Result<Arc<Gauge>, MetricError> {
        match self.find_or_add(name, "gauge", || Metric::Gauge(Arc::default()))? {
            Metric::Gauge(gauge) => Ok(gauge),
            other @ (Metric::Counter(_) | Metric::Histogram(_)) => {
                Err(self.mismatch(name, &other, "gauge"))
            }
        }
    }

    /// Makes a histogram, or finds the one of that name.
    ///
    /// # Errors
    /// As `counter`.
    pub fn histogram(&self, name: &str) -> Result<Arc<Histogram>, MetricError> {
        match self.find_or_add(name, "histogram", || Metric::Histogram(Arc::default()))? {
            Metric::Histogram(histogram) => Ok(histogram),
            other @ (Metric::Counter(_) | Metric::Gauge(_)) => {
                Err(self.mismatch(name, &other, "histogram"))
            }
        }
    }

    /// Reads all metrics of this group and the groups in it.
    pub fn snapshot(&self) -> Vec<MetricSnapshot> {
        let mut snapshots = Vec::new();
        let mut to_read = vec![self.clone()];
        while let Some(group) = to_read.pop() {
            // The metrics are cloned so that reading them, which takes longer, holds no lock.
            let metrics = lock(&group.0.metrics).clone();
            snapshots.extend(metrics.into_iter().map(|(name, metric)| MetricSnapshot {
                scope: Arc::clone(&group.0.scope),
                name,
                value: metric.read(),
            }));
            let mut groups = lock(&group.0.groups);
            groups.retain(|_, node| node.strong_count() > 0);
            to_read.extend(groups.values().rev().filter_map(Weak::upgrade).map(MetricGroup));
        }
        snapshots
    }

    fn find_or_add(
        &self,
        name: &str,
        asked: &'static str,
        make: impl FnOnce() -> Metric,
    ) -> Result<Metric, MetricError> {
        if name.is_empty() || name.len() > NAME_BYTES_MAX {
            return Err(MetricError::NameLength { bytes: name.len() });
        }
        let mut metrics = lock(&self.0.metrics);
        if let Some(existing) = metrics.get(name) {
            if existing.kind() != asked {
                return Err(self.mismatch(name, existing, asked));
            }
            return Ok(existing.clone());
        }
        if metrics.len() >= METRICS_PER_GROUP_MAX {
            let (name, scope) = (name.to_string(), self.0.scope.to_string());
            return Err(MetricError::TooManyMetrics { name, scope });
        }
        let metric = make();
        metrics.insert(name.to_string(), metric.clone());
        Ok(metric)
    }

    fn mismatch(&self, name: &str, existing: &Metric, asked: &'static str) -> MetricError {
        let (name, scope) = (name.to_string(), self.0.scope.to_string());
        MetricError::KindMismatch { name, scope, existing: existing.kind(), asked }
    }
}

impl Node {
    fn open(scope: Scope, parent: Option<MetricGroup>) -> Arc<Node> {
        Arc::new(Node {
            scope: Arc::new(scope),
            metrics: Mutex::default(),
            groups: Mutex::default(),
            _parent: parent,
        })
    }
}

impl Scope {
    fn enter(&self, kind: &str, variables: &[(&str, &str)]) -> Scope {
        let mut scope = self.clone();
        scope.path.push(kind.to_string());
        let own = variables.iter().map(|(name, value)| (name.to_string(), cut(value)));
        scope.variables.extend(own);
        scope
    }
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.path.join("."))?;
        self.variables.iter().try_for_each(|(name, value)| write!(f, " {name}={value}"))
    }
}

fn cut(value: &str) -> String {
    value[..value.floor_char_boundary(VARIABLE_BYTES_MAX)].to_string()
}

/// A map that a panicking thread left is whole: no update of it can panic half way.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
