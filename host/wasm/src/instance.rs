//! An instance at work: a chain of operators of one plugin in one store, called by one thread.
//!
//! Law: every failure is a [`GuestError`] with an address. After a fault that is not a value of
//! the guest's own (`bad-record`, `fatal`) the instance is dead and says so.

mod fault;

use std::sync::Arc;

use sandbar_model::RecordBatchView;
use wasmtime::Store;
use wasmtime::component::{
    ComponentExportIndex, ComponentNamedList, InstancePre, Lift, Lower, TypedFunc,
};

use crate::abi::{BatchIn, ChainedIn, ErrorOut, TargetIn, TimeDomainBoth, TimersIn};
use crate::error::{GuestError, GuestFault};
use crate::host::{OperatorHost, TimeDomain, TimerColumns};
use crate::plugin::Exports;
use crate::store::StoreState;

/// One operator of the chain that an instance runs; see `chained-operator` in wit/operator.wit.
#[derive(Clone, Debug)]
pub struct ChainLink {
    /// Name in the plugin.
    pub operator: String,
    /// Unique in the job.
    pub uid: String,
    /// For a person to read.
    pub name: String,
    /// JSON; empty for none.
    pub config: String,
    /// Arguments of the job.
    pub arguments: Vec<String>,
    /// Per output, all its targets.
    pub outputs: Vec<Vec<LinkTarget>>,
    /// For a partitioner: how many subtasks it chooses from.
    pub partitions: u32,
}

/// Where an output of a chained operator goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkTarget {
    /// To the operator at this position of the chain.
    Chained(u32),
    /// To the host, under this number.
    External(u32),
}

type Outcome = (Result<(), ErrorOut>,);
type ProcessParams<'a> = (u32, BatchIn<'a>);
type QueryParams<'a> = (u32, &'a [u8]);
type TimersParams<'a> = (u32, TimeDomainBoth, TimersIn<'a>);

/// A running chain of operators of one plugin.
pub struct Instance {
    store: Store<StoreState>,
    functions: Functions,
    plugin: String,
    operators: Vec<String>,
    dead: bool,
}

/// What the host calls again and again.
struct Functions {
    process: TypedFunc<ProcessParams<'static>, Outcome>,
    on_watermark: TypedFunc<(i64,), Outcome>,
    on_timers: TypedFunc<TimersParams<'static>, Outcome>,
    on_cached_timers: TypedFunc<(i64,), Outcome>,
    before_checkpoint: TypedFunc<(u64,), Outcome>,
    before_query: TypedFunc<QueryParams<'static>, Outcome>,
    finish: TypedFunc<(), Outcome>,
    close: TypedFunc<(), Outcome>,
}

impl Functions {
    fn find(find: &mut Finder<'_>, exports: &Exports) -> wasmtime::Result<Functions> {
        Ok(Functions {
            process: find.function(&exports.process)?,
            on_watermark: find.function(&exports.on_watermark)?,
            on_timers: find.function(&exports.on_timers)?,
            on_cached_timers: find.function(&exports.on_cached_timers)?,
            before_checkpoint: find.function(&exports.before_checkpoint)?,
            before_query: find.function(&exports.before_query)?,
            finish: find.function(&exports.finish)?,
            close: find.function(&exports.close)?,
        })
    }
}

impl std::fmt::Debug for Instance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Instance")
            .field("plugin", &self.plugin)
            .field("operators", &self.operators)
            .field("dead", &self.dead)
            .finish_non_exhaustive()
    }
}

impl Instance {
    pub(crate) fn open(
        mut store: Store<StoreState>,
        pre: &InstancePre<StoreState>,
        exports: Arc<Exports>,
        plugin: &str,
        chain: &[ChainLink],
    ) -> Result<Instance, Box<GuestError>> {
        let operators: Vec<String> = chain.iter().map(|link| link.name.clone()).collect();
        store.data_mut().start_call();
        let linked = pre.instantiate(&mut store).and_then(|instance| {
            let find = &mut Finder { store: &mut store, instance };
            let open = find.function::<(Vec<ChainedIn>,), Outcome>(&exports.open)?;
            Ok((open, Functions::find(find, &exports)?))
        });
        let (open, functions) = match linked {
            Ok(found) => found,
            Err(error) => {
                let fault = fault::classify(&store, &error);
                return Err(address(&store, plugin, &operators, "instantiate", fault));
            }
        };
        let plugin = plugin.to_owned();
        let mut instance = Instance { store, functions, plugin, operators, dead: false };
        let chain = chain.iter().map(chained_in).collect();
        instance.call("open", open, (chain,))?;
        Ok(instance)
    }

    /// Processes a batch of an input. Blocks as long as what it emits blocks.
    ///
    /// # Errors
    /// [`GuestError`]; after [`GuestFault::BadRecord`] with index `i` the records before `i` are
    /// done and the caller may go on behind it.
    pub fn process(
        &mut self,
        input: u32,
        batch: RecordBatchView<'_>,
    ) -> Result<(), Box<GuestError>> {
        let columns = BatchIn {
            timestamps: batch.timestamps,
            key_ends: batch.key_ends,
            keys: batch.keys,
            value_ends: batch.value_ends,
            values: batch.values,
        };
        #[expect(
            unsafe_code,
            reason = "same function and types, checked for 'static by get_typed_func; only the \
                      lifetime of the borrowed columns differs, and they outlive the call"
        )]
        let process = unsafe {
            TypedFunc::<ProcessParams<'_>, Outcome>::new_unchecked(*self.functions.process.func())
        };
        self.call("process", process, (input, columns))
    }

    /// Tells the chain of a watermark; its timers have fired before.
    ///
    /// # Errors
    /// [`GuestError`].
    pub fn on_watermark(&mut self, watermark: i64) -> Result<(), Box<GuestError>> {
        let on_watermark = self.functions.on_watermark;
        self.call("on-watermark", on_watermark, (watermark,))
    }

    /// Fires timers of one operator of the chain; without any, says that its stream is idle or, in
    /// processing time, that a time has come.
    ///
    /// # Errors
    /// [`GuestError`].
    pub fn on_timers(
        &mut self,
        operator: u32,
        domain: TimeDomain,
        timers: &TimerColumns,
    ) -> Result<(), Box<GuestError>> {
        let columns = TimersIn {
            timestamps: &timers.timestamps,
            key_ends: &timers.keys.ends,
            keys: &timers.keys.bytes,
            namespace_ends: &timers.namespaces.ends,
            namespaces: &timers.namespaces.bytes,
        };
        let domain = match domain {
            TimeDomain::EventTime => TimeDomainBoth::EventTime,
            TimeDomain::ProcessingTime => TimeDomainBoth::ProcessingTime,
        };
        #[expect(unsafe_code, reason = "as in process: only the columns' lifetime differs")]
        let on_timers = unsafe {
            TypedFunc::<TimersParams<'_>, Outcome>::new_unchecked(*self.functions.on_timers.func())
        };
        self.call("on-timers", on_timers, (operator, domain, columns))
    }

    /// Fires timers that the guest keeps in its cache, in order: those due at or before `up_to`, or
    /// some of them.
    ///
    /// # Errors
    /// [`GuestError`].
    pub fn on_cached_timers(&mut self, up_to: i64) -> Result<(), Box<GuestError>> {
        let on_cached_timers = self.functions.on_cached_timers;
        self.call("on-cached-timers", on_cached_timers, (up_to,))
    }

    /// Makes the chain write its cached state to the host.
    ///
    /// # Errors
    /// [`GuestError`].
    pub fn before_checkpoint(&mut self, checkpoint_id: u64) -> Result<(), Box<GuestError>> {
        let before_checkpoint = self.functions.before_checkpoint;
        self.call("before-checkpoint", before_checkpoint, (checkpoint_id,))
    }

    /// Makes the chain write what it has cached of one key of a state to the host.
    ///
    /// # Errors
    /// [`GuestError`].
    pub fn before_query(&mut self, state: u32, key: &[u8]) -> Result<(), Box<GuestError>> {
        #[expect(unsafe_code, reason = "as in process: only the key's lifetime differs")]
        let before_query = unsafe {
            TypedFunc::<QueryParams<'_>, Outcome>::new_unchecked(
                *self.functions.before_query.func(),
            )
        };
        self.call("before-query", before_query, (state, key))
    }

    /// Tells the chain that its input has ended.
    ///
    /// # Errors
    /// [`GuestError`].
    pub fn finish(&mut self) -> Result<(), Box<GuestError>> {
        let finish = self.functions.finish;
        self.call("finish", finish, ())
    }

    /// Closes the chain. Does nothing on a dead instance.
    ///
    /// # Errors
    /// [`GuestError`].
    pub fn close(&mut self) -> Result<(), Box<GuestError>> {
        if self.dead {
            return Ok(());
        }
        let close = self.functions.close;
        self.call("close", close, ())
    }

    /// The owner of the instance.
    pub fn host(&mut self) -> &mut dyn OperatorHost {
        self.store.data_mut().host()
    }

    /// The owner of the instance, to look at.
    pub fn host_ref(&self) -> &dyn OperatorHost {
        self.store.data().host_ref()
    }

    /// Bytes of linear memory in use.
    pub fn memory_bytes(&self) -> usize {
        self.store.data().limiter.memory_bytes()
    }

    /// Log lines dropped by the log limit so far.
    pub fn dropped_log_lines(&self) -> u64 {
        self.store.data().dropped_log_lines()
    }

    fn call<P>(
        &mut self,
        function: &'static str,
        export: TypedFunc<P, Outcome>,
        params: P,
    ) -> Result<(), Box<GuestError>>
    where
        P: ComponentNamedList + Lower,
    {
        if self.dead {
            let message = "the instance failed before and cannot be called again".to_owned();
            return Err(self.failed(function, GuestFault::Fatal { message }));
        }
        self.store.data_mut().start_call();
        let outcome = export.call(&mut self.store, params);
        self.store.data_mut().end_call();
        match outcome {
            Ok((Ok(()),)) => Ok(()),
            Ok((Err(ErrorOut::BadRecord(bad)),)) => Err(self.failed(
                function,
                GuestFault::BadRecord {
                    operator: bad.operator,
                    index: bad.index,
                    message: bad.message,
                },
            )),
            Ok((Err(ErrorOut::Fatal(message)),)) => {
                Err(self.failed(function, GuestFault::Fatal { message }))
            }
            Err(error) => {
                self.dead = true;
                let fault = fault::classify(&self.store, &error);
                Err(self.failed(function, fault))
            }
        }
    }

    fn failed(&self, function: &'static str, fault: GuestFault) -> Box<GuestError> {
        address(&self.store, &self.plugin, &self.operators, function, fault)
    }
}

struct Finder<'a> {
    store: &'a mut Store<StoreState>,
    instance: wasmtime::component::Instance,
}

impl Finder<'_> {
    fn function<P, R>(&mut self, export: &ComponentExportIndex) -> wasmtime::Result<TypedFunc<P, R>>
    where
        P: ComponentNamedList + Lower,
        R: ComponentNamedList + Lift,
    {
        self.instance.get_typed_func(&mut *self.store, export)
    }
}

fn chained_in(link: &ChainLink) -> ChainedIn {
    let target = |target: &LinkTarget| match target {
        LinkTarget::Chained(position) => TargetIn::Chained(*position),
        LinkTarget::External(output) => TargetIn::External(*output),
    };
    ChainedIn {
        operator: link.operator.clone(),
        uid: link.uid.clone(),
        name: link.name.clone(),
        config: link.config.clone(),
        arguments: link.arguments.clone(),
        outputs: link.outputs.iter().map(|to| to.iter().map(target).collect()).collect(),
        partitions: link.partitions,
    }
}

fn address(
    store: &Store<StoreState>,
    plugin: &str,
    operators: &[String],
    function: &'static str,
    fault: GuestFault,
) -> Box<GuestError> {
    let context = &store.data().context;
    let operator = match &fault {
        GuestFault::BadRecord { operator, .. } => operators.get(*operator as usize).cloned(),
        GuestFault::Fatal { .. }
        | GuestFault::Trap { .. }
        | GuestFault::MemoryLimit { .. }
        | GuestFault::Deadline { .. }
        | GuestFault::Canceled
        | GuestFault::Host(_) => None,
    };
    Box::new(GuestError {
        plugin: plugin.to_owned(),
        operator: operator.unwrap_or_else(|| operators.join(" -> ")),
        subtask: context.subtask + 1,
        parallelism: context.parallelism,
        function,
        fault,
    })
}
