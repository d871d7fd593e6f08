//! A loaded plugin: what it says of itself, the job it defines, and instances of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use sandbar_model::plugin::{
    OperatorDescription, OperatorKind, PluginDescription, Port, StateDescription,
};
use sandbar_model::{JobId, PluginId};
use wasmtime::Store;
use wasmtime::component::{ComponentExportIndex, ComponentNamedList, InstancePre, Lift, Lower};

use crate::abi::{DescriptionOut, OperatorKindOut, OperatorOut, PortOut};
use crate::contract::{World, interface};
use crate::error::{GuestError, PluginError};
use crate::host::OperatorHost;
use crate::host::closed::ClosedHost;
use crate::instance::{ChainLink, Instance};
use crate::limits::Limits;
use crate::store::StoreState;
use crate::wasi;

/// Who and where an instance is; see wit/runtime-context.wit.
#[derive(Clone, Debug)]
pub struct InstanceContext {
    /// The job.
    pub job_id: JobId,
    /// Its name.
    pub job_name: String,
    /// 0-based index of the subtask.
    pub subtask: u32,
    /// Number of subtasks.
    pub parallelism: u32,
    /// Number of key groups.
    pub max_parallelism: u32,
    /// 0 for the first execution.
    pub attempt: u32,
    /// The job's configuration.
    pub configuration: Arc<BTreeMap<String, String>>,
}

impl InstanceContext {
    /// The context of a call that belongs to no job.
    fn detached() -> InstanceContext {
        InstanceContext {
            job_id: JobId(0),
            job_name: String::new(),
            subtask: 0,
            parallelism: 1,
            max_parallelism: 1,
            attempt: 0,
            configuration: Arc::default(),
        }
    }
}

/// A plugin, compiled and linked. Cheap to clone.
#[derive(Clone)]
pub struct Plugin {
    name: Arc<str>,
    id: PluginId,
    pre: InstancePre<StoreState>,
    world: World,
    exports: Arc<Exports>,
}

/// Where the exported functions are.
pub(crate) struct Exports {
    pub(crate) open: ComponentExportIndex,
    pub(crate) process: ComponentExportIndex,
    pub(crate) on_watermark: ComponentExportIndex,
    pub(crate) on_timers: ComponentExportIndex,
    pub(crate) on_cached_timers: ComponentExportIndex,
    pub(crate) before_checkpoint: ComponentExportIndex,
    /// Components made before there was such a function have none.
    pub(crate) before_query: ComponentExportIndex,
    pub(crate) finish: ComponentExportIndex,
    pub(crate) close: ComponentExportIndex,
    describe: ComponentExportIndex,
    define: Option<ComponentExportIndex>,
}

impl std::fmt::Debug for Plugin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plugin").field("name", &self.name).field("id", &self.id).finish()
    }
}

impl Plugin {
    pub(crate) fn new(
        name: &str,
        id: PluginId,
        pre: InstancePre<StoreState>,
        world: World,
    ) -> Result<Plugin, PluginError> {
        let component = pre.component();
        let find = |name_of: &str, function: &str| {
            let (_, instance) = component.get_export(None, interface(name_of).as_str())?;
            component.get_export(Some(&instance), function).map(|(_, index)| index)
        };
        let required = |name_of: &str, function: &str| {
            find(name_of, function).ok_or_else(|| PluginError::WrongWorld {
                plugin: name.to_owned(),
                missing: format!("{}.{function}", interface(name_of)),
                exports: "the interface without this function".to_owned(),
            })
        };
        let exports = Exports {
            open: required("operator", "open")?,
            process: required("operator", "process")?,
            on_watermark: required("operator", "on-watermark")?,
            on_timers: required("operator", "on-timers")?,
            on_cached_timers: required("operator", "on-cached-timers")?,
            before_checkpoint: required("operator", "before-checkpoint")?,
            before_query: required("operator", "before-query")?,
            finish: required("operator", "finish")?,
            close: required("operator", "close")?,
            describe: required("plugin", "describe")?,
            define: find("job", "define"),
        };
        Ok(Plugin { name: name.into(), id, pre, world, exports: Arc::new(exports) })
    }

    /// How the job calls it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Hash of the plugin's file.
    pub fn id(&self) -> PluginId {
        self.id
    }

    /// Whether it exports `job.define`.
    pub fn defines_job(&self) -> bool {
        self.world.defines_job
    }

    /// The full names of the interfaces that it imports.
    pub fn imports(&self) -> Vec<String> {
        let component = self.pre.component().component_type();
        component.imports(self.pre.engine()).map(|(name, _)| name.to_owned()).collect()
    }

    /// Asks the plugin what it offers, for the arguments of a job.
    ///
    /// # Errors
    /// [`PluginError::Call`] when it fails, whichever way.
    pub fn describe(&self, arguments: &[String]) -> Result<PluginDescription, PluginError> {
        let (result,): (Result<DescriptionOut, String>,) =
            self.call_alone("describe", &self.exports.describe, (arguments,))?;
        let described = result.map_err(|reason| self.failed("describe", reason))?;
        Ok(PluginDescription {
            name: described.name,
            version: described.version,
            contract: described.contract,
            operators: described.operators.into_iter().map(operator).collect(),
            defines_job: self.world.defines_job,
        })
    }

    /// Asks a job plugin for its job: a JobSpec in JSON.
    ///
    /// # Errors
    /// [`PluginError::WrongWorld`] for a plugin that defines no job, [`PluginError::Call`] when
    /// `define` fails.
    pub fn define(&self, arguments: &[String]) -> Result<String, PluginError> {
        let define = self.exports.define.as_ref().ok_or_else(|| PluginError::WrongWorld {
            plugin: self.name.to_string(),
            missing: interface("job"),
            exports: "operators only; wire them in a job file".to_owned(),
        })?;
        let (result,): (Result<String, String>,) =
            self.call_alone("define", define, (arguments,))?;
        result.map_err(|reason| self.failed("define", reason))
    }

    /// Makes an instance and opens a chain of operators in it.
    ///
    /// # Errors
    /// [`GuestError`] when instantiation or `open` fails; the host is dropped.
    pub fn open(
        &self,
        chain: &[ChainLink],
        context: InstanceContext,
        limits: &Limits,
        canceled: &Arc<AtomicBool>,
        host: Box<dyn OperatorHost>,
    ) -> Result<Instance, Box<GuestError>> {
        let state = StoreState::new(
            host,
            Arc::new(context),
            limits.clone(),
            Arc::clone(canceled),
            wasi::closed_context(),
        );
        let store = state.into_store(self.pre.engine());
        Instance::open(store, &self.pre, Arc::clone(&self.exports), &self.name, chain)
    }

    fn failed(&self, function: &'static str, reason: String) -> PluginError {
        PluginError::Call { plugin: self.name.to_string(), function, reason }
    }

    /// Calls a function that needs no host, in an instance of its own.
    fn call_alone<P, R>(
        &self,
        function: &'static str,
        export: &ComponentExportIndex,
        arguments: P,
    ) -> Result<R, PluginError>
    where
        P: ComponentNamedList + Lower,
        R: ComponentNamedList + Lift,
    {
        let host = ClosedHost::default();
        let said = host.said();
        let state = StoreState::new(
            Box::new(host),
            Arc::new(InstanceContext::detached()),
            Limits::default(),
            Arc::default(),
            wasi::closed_context(),
        );
        let mut store: Store<StoreState> = state.into_store(self.pre.engine());
        store.data_mut().start_call();
        let call = || -> wasmtime::Result<R> {
            let instance = self.pre.instantiate(&mut store)?;
            instance.get_typed_func::<P, R>(&mut store, export)?.call(&mut store, arguments)
        };
        call().map_err(|error| {
            let said = said.lock().map(|said| said.clone()).unwrap_or_default();
            let said = if said.is_empty() { said } else { format!("; it said: {said}") };
            self.failed(function, format!("{error:#}{said}"))
        })
    }
}

fn operator(out: OperatorOut) -> OperatorDescription {
    let ports = |ports: Vec<PortOut>| {
        ports.into_iter().map(|port| Port { name: port.name, format: port.format }).collect()
    };
    let kind = match out.kind {
        OperatorKindOut::Process => OperatorKind::Process,
        OperatorKindOut::KeyedProcess => OperatorKind::KeyedProcess,
        OperatorKindOut::TwoInputProcess => OperatorKind::TwoInputProcess,
        OperatorKindOut::KeyedTwoInputProcess => OperatorKind::KeyedTwoInputProcess,
        OperatorKindOut::KeyedBroadcastProcess => OperatorKind::KeyedBroadcastProcess,
        OperatorKindOut::KeySelector => OperatorKind::KeySelector,
        OperatorKindOut::Partitioner => OperatorKind::Partitioner,
    };
    let states = out.states.into_iter().map(|state| StateDescription {
        name: state.name,
        kind: state.kind,
        schema: state.schema,
    });
    OperatorDescription {
        name: out.name,
        doc: out.doc,
        kind,
        inputs: ports(out.inputs),
        outputs: ports(out.outputs),
        states: states.collect(),
        config_schema: out.config_schema,
    }
}
