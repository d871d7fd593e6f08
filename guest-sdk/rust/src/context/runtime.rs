//! What an operator can see and ask for as a whole: who and where it is, its state, its metrics.

use std::fmt;
use std::rc::Rc;

use crate::chain::instance::InstanceContext;
use crate::chain::wiring::ChainedOperator;
use crate::codec::{Compact, Data, Format, Key, key_format};
use crate::error::Error;
use crate::function::AggregateFunction;
use crate::host::{Descriptor, Formats, MetricKind, StateKind};
use crate::log::{Level, Logger};
use crate::metrics::{Counter, Gauge, Histogram};
use crate::state::{
    AggregatingState, AggregatingStateDescriptor, BroadcastMap, BroadcastState, Column, Expiry,
    ListColumn, ListState, ListStateDescriptor, MapColumn, MapState, MapStateDescriptor,
    OperatorList, OperatorListState, OperatorStore, Redistribution, ReducingState,
    ReducingStateDescriptor, StateTtlConfig, Stored, ValueState, ValueStateDescriptor,
};

/// The context of an operator, given to `open`.
#[derive(Clone)]
pub struct RuntimeContext {
    instance: Rc<InstanceContext>,
    operator: u32,
    uid: Rc<str>,
    name: Rc<str>,
    keyed: bool,
    /// The format of its keys; empty where that is not known.
    key_format: Rc<str>,
}

/// Where an operator runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubtaskContext {
    /// Index of the subtask, from 0.
    pub index: u32,
    /// Number of subtasks.
    pub parallelism: u32,
    /// Number of key groups, the upper bound of the parallelism.
    pub max_parallelism: u32,
    /// 0 for the first execution of the subtask, one more after each restart.
    pub attempt: u32,
}

impl RuntimeContext {
    pub(crate) fn new(
        instance: &Rc<InstanceContext>,
        operator: u32,
        chained: &ChainedOperator,
        keyed: bool,
    ) -> RuntimeContext {
        RuntimeContext {
            instance: Rc::clone(instance),
            operator,
            uid: chained.uid.as_str().into(),
            name: chained.name.as_str().into(),
            keyed,
            key_format: Rc::from(""),
        }
    }

    /// Notes the type of the operator's keys, for people who query its state.
    pub(crate) fn set_key<K: Key>(&mut self) {
        self.key_format = key_format::<K>().into();
    }

    pub(crate) fn instance(&self) -> &Rc<InstanceContext> {
        &self.instance
    }

    pub(crate) fn operator(&self) -> u32 {
        self.operator
    }

    /// The uid of the operator, unique in its job.
    pub fn uid(&self) -> &str {
        &self.uid
    }

    /// The name of the operator, for a person to read.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The id of the job, 32 hexadecimal digits.
    pub fn job_id(&self) -> String {
        self.instance.host.job().id
    }

    /// The name of the job.
    pub fn job_name(&self) -> String {
        self.instance.host.job().name
    }

    /// The subtask that the operator runs in.
    pub fn subtask(&self) -> SubtaskContext {
        let subtask = self.instance.host.subtask();
        SubtaskContext {
            index: subtask.index,
            parallelism: subtask.parallelism,
            max_parallelism: subtask.max_parallelism,
            attempt: subtask.attempt,
        }
    }

    /// The value of a key of the job's configuration, if the job sets it.
    pub fn config(&self, key: &str) -> Option<String> {
        self.instance.host.config(key)
    }

    /// Whether the job runs as a batch: the input ends, there are no watermarks before its end, and
    /// only final results are wanted. `execution.runtime-mode`.
    pub fn is_batch(&self) -> bool {
        self.config("execution.runtime-mode").as_deref() == Some("BATCH")
    }

    /// A logger to keep, for functions that see no context when they want to log.
    pub fn logger(&self) -> Logger {
        Logger::new(Rc::clone(&self.instance.host), self.operator)
    }

    /// Writes a log line; used by [`crate::info!`] and its siblings.
    pub fn log(&self, level: Level, message: fmt::Arguments<'_>) {
        self.logger().log(level, message);
    }

    /// Makes a counter, or finds the one of that name. Its sum over all subtasks is in the job's
    /// result, as an accumulator of that name.
    ///
    /// # Errors
    /// The name is that of another kind of metric, or there are too many: fatal.
    pub fn counter(&self, name: &str) -> Result<Counter, Error> {
        Ok(self.instance.metrics.counter(self.metric(name, MetricKind::Counter)?))
    }

    /// Makes a gauge, or finds the one of that name.
    ///
    /// # Errors
    /// As [`RuntimeContext::counter`].
    pub fn gauge(&self, name: &str) -> Result<Gauge, Error> {
        Ok(self.instance.metrics.gauge(self.metric(name, MetricKind::Gauge)?))
    }

    /// Makes a histogram, or finds the one of that name.
    ///
    /// # Errors
    /// As [`RuntimeContext::counter`].
    pub fn histogram(&self, name: &str) -> Result<Histogram, Error> {
        let metric = self.metric(name, MetricKind::Histogram)?;
        Ok(self.instance.metrics.histogram(Rc::clone(&self.instance.host), metric))
    }

    fn metric(&self, name: &str, kind: MetricKind) -> Result<u32, Error> {
        let declared = self.instance.host.declare_metric(self.operator, name, kind);
        declared.map_err(|why| Error::fatal(why).context(format!("metric '{name}'")))
    }

    /// Declares a value state of a keyed operator.
    ///
    /// # Errors
    /// The operator is not keyed, or the name is that of another kind of state: fatal.
    pub fn value_state<T: Data>(
        &self,
        descriptor: ValueStateDescriptor<T>,
    ) -> Result<ValueState<T>, Error> {
        let ValueStateDescriptor { name, ttl, .. } = descriptor;
        Ok(ValueState::new(self.column::<T, T>(&name, StateKind::Value, ttl)?))
    }

    /// Declares a list state of a keyed operator.
    ///
    /// # Errors
    /// As [`RuntimeContext::value_state`].
    pub fn list_state<T: Data>(
        &self,
        descriptor: ListStateDescriptor<T>,
    ) -> Result<ListState<T>, Error> {
        let ListStateDescriptor { name, ttl, .. } = descriptor;
        Ok(ListState::new(match ttl {
            None => ListColumn::Plain(self.column::<_, T>(&name, StateKind::List, ttl)?),
            Some(_) => ListColumn::Expiring(self.column::<_, T>(&name, StateKind::List, ttl)?),
        }))
    }

    /// Declares a map state of a keyed operator.
    ///
    /// # Errors
    /// As [`RuntimeContext::value_state`].
    pub fn map_state<K: Key, V: Data>(
        &self,
        descriptor: MapStateDescriptor<K, V>,
    ) -> Result<MapState<K, V>, Error> {
        let MapStateDescriptor { name, ttl, .. } = descriptor;
        let formats = self.formats(key_format::<K>(), Format::<V>::format(&Compact));
        let state = self.declare(&name, StateKind::Map, ttl, formats)?;
        let InstanceContext { host, keys, .. } = &*self.instance;
        Ok(MapState::new(MapColumn::new(host, keys, &name, state, Expiry::of(ttl))))
    }

    /// Declares a reducing state of a keyed operator.
    ///
    /// # Errors
    /// As [`RuntimeContext::value_state`].
    pub fn reducing_state<T: Data>(
        &self,
        descriptor: ReducingStateDescriptor<T>,
    ) -> Result<ReducingState<T>, Error> {
        let ReducingStateDescriptor { name, ttl, .. } = &descriptor;
        let column = self.column::<T, T>(name, StateKind::Reducing, *ttl)?;
        Ok(ReducingState::new(column, descriptor.reduce))
    }

    /// Declares an aggregating state of a keyed operator.
    ///
    /// # Errors
    /// As [`RuntimeContext::value_state`].
    pub fn aggregating_state<A: AggregateFunction<Accumulator: Data>>(
        &self,
        descriptor: AggregatingStateDescriptor<A>,
    ) -> Result<AggregatingState<A>, Error> {
        let AggregatingStateDescriptor { name, ttl, .. } = &descriptor;
        let column = self.column::<_, A::Accumulator>(name, StateKind::Aggregating, *ttl)?;
        Ok(AggregatingState::new(column, descriptor.function))
    }

    /// Declares a state whose cells are `T`: values of type `V`, or lists of them.
    fn column<T: Stored, V: 'static>(
        &self,
        name: &str,
        kind: StateKind,
        ttl: Option<StateTtlConfig>,
    ) -> Result<Rc<Column<T>>, Error> {
        let formats = self.formats(String::new(), Format::<V>::format(&Compact));
        let state = self.declare(name, kind, ttl, formats)?;
        let InstanceContext { host, keys, .. } = &*self.instance;
        Ok(Column::new(host, keys, name, state, Expiry::of(ttl)))
    }

    fn formats(&self, user_key: String, value: String) -> Formats {
        Formats { key: self.key_format.as_ref().to_owned(), user_key, value }
    }

    fn declare(
        &self,
        name: &str,
        kind: StateKind,
        ttl: Option<StateTtlConfig>,
        formats: Formats,
    ) -> Result<u32, Error> {
        if !self.keyed {
            return Err(Error::fatal(format!(
                "keyed state '{name}' needs keys: use it in a keyed operator, behind key_by"
            )));
        }
        let ttl = ttl.map(StateTtlConfig::to_host);
        let descriptor = Descriptor { name: name.to_owned(), kind, ttl, formats };
        let declared = self.instance.host.declare_state(self.operator, &descriptor);
        declared.map_err(|why| Error::fatal(why).context(format!("keyed state '{name}'")))
    }

    /// Opens a list of this subtask; after a restore it holds what redistribution gave it.
    ///
    /// # Errors
    /// What is stored does not decode: fatal.
    pub fn operator_list_state<T: Data>(
        &self,
        name: &str,
        redistribution: Redistribution,
    ) -> Result<OperatorListState<T>, Error> {
        let host = &self.instance.host;
        let list = OperatorList::open(host, self.operator, name, redistribution)?;
        self.add_store(Rc::clone(&list) as Rc<dyn OperatorStore>);
        Ok(OperatorListState::new(list))
    }

    /// Opens a broadcast map, which every subtask holds alike.
    ///
    /// # Errors
    /// What is stored does not decode: fatal.
    pub fn broadcast_state<K: Key, V: Data>(
        &self,
        name: &str,
    ) -> Result<BroadcastState<K, V>, Error> {
        let InstanceContext { host, broadcast_is_read_only, .. } = &*self.instance;
        let map = BroadcastMap::open(host, self.operator, name, broadcast_is_read_only)?;
        self.add_store(Rc::clone(&map) as Rc<dyn OperatorStore>);
        Ok(BroadcastState::new(map))
    }

    fn add_store(&self, store: Rc<dyn OperatorStore>) {
        self.instance.operator_stores.borrow_mut().push(store);
    }
}

impl fmt::Debug for RuntimeContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RuntimeContext")
            .field("operator", &self.operator)
            .field("uid", &self.uid)
            .finish_non_exhaustive()
    }
}
