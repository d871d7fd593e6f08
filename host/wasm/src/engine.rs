//! The engine: one wasmtime configuration per process, its linkers, its code cache and its epoch
//! ticker.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use sandbar_model::PluginId;
use wasmtime::component::{Component, Linker};
use wasmtime::{Config, OptLevel, ProfilingStrategy};

use crate::bytes::PluginBytes;
use crate::code_cache::CodeCache;
use crate::error::PluginError;
use crate::plugin::Plugin;
use crate::store::StoreState;
use crate::wasi::Capabilities;
use crate::{contract, epoch, imports, limits, wasi};

/// Compiled plugins that are kept in memory for jobs to come.
const COMPONENTS_MAX: usize = 64;

/// How an engine is made.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// Where compiled code is kept; none compiles in every process.
    pub cache_folder: Option<PathBuf>,
    /// Largest plugin file in bytes. Default 64 MiB.
    pub plugin_bytes_max: usize,
    /// Stack of a guest in bytes. Default 512 KiB.
    pub stack_bytes_max: usize,
    /// Whether guests' functions are written to `perf-PID.map` in the temporary folder, where
    /// Linux `perf` finds their names. Default no.
    pub perf_map: bool,
}

impl Default for EngineOptions {
    fn default() -> EngineOptions {
        EngineOptions {
            cache_folder: None,
            plugin_bytes_max: limits::PLUGIN_BYTES_MAX_DEFAULT,
            stack_bytes_max: limits::STACK_BYTES_MAX_DEFAULT,
            perf_map: false,
        }
    }
}

/// Compiles and links plugins. Cheap to clone; one per process is enough.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<EngineParts>,
}

struct EngineParts {
    wasmtime: wasmtime::Engine,
    options: EngineOptions,
    cache: Option<CodeCache>,
    /// Those that were loaded last, newest last. One that is in use elsewhere lives on there.
    components: Mutex<VecDeque<(PluginId, Component)>>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("options", &self.inner.options).finish_non_exhaustive()
    }
}

impl Engine {
    /// Makes an engine and starts its epoch ticker.
    ///
    /// A cache folder that cannot be used is reported in the log and done without.
    ///
    /// # Errors
    /// wasmtime's, when the configuration does not fit the machine.
    pub fn new(options: EngineOptions) -> Result<Engine, PluginError> {
        let failed = |reason: String| PluginError::Engine { plugin: "-".to_owned(), reason };
        let wasmtime = wasmtime::Engine::new(&configuration(&options))
            .map_err(|error| failed(format!("{error:#}")))?;
        epoch::start_ticker(&wasmtime).map_err(|error| failed(error.to_string()))?;
        let cache = options.cache_folder.as_deref().and_then(|folder| {
            CodeCache::open(folder)
                .inspect_err(|error| {
                    tracing::warn!(folder = %folder.display(), %error, "no code cache");
                })
                .ok()
        });
        let components = Mutex::default();
        Ok(Engine { inner: Arc::new(EngineParts { wasmtime, options, cache, components }) })
    }

    /// Loads a plugin: checks it, compiles it unless its code is in memory or in the cache, links
    /// it and asks it to describe itself. `name` is how the job calls it.
    ///
    /// # Errors
    /// [`PluginError`], which says what is wrong with the file and how to mend it.
    pub fn load(
        &self,
        name: &str,
        bytes: &[u8],
        granted: Capabilities,
    ) -> Result<Plugin, PluginError> {
        let id = PluginId(*blake3::hash(bytes).as_bytes());
        let component = self.component(name, id, bytes)?;
        let world = contract::check(name, &self.inner.wasmtime, &component)?;
        let link = || {
            let mut linker = Linker::new(&self.inner.wasmtime);
            imports::add_to_linker(&mut linker)?;
            if world.needs_wasi {
                wasi::add_to_linker(&mut linker, granted)?;
            }
            linker.instantiate_pre(&component)
        };
        let pre = link().map_err(|error| PluginError::Invalid {
            plugin: name.to_owned(),
            reason: format!("{error:#}"),
        })?;
        Plugin::new(name, id, pre, world)
    }

    /// Number of bytes of stack that a guest may use, for whoever makes the threads.
    pub fn stack_bytes_max(&self) -> usize {
        self.inner.options.stack_bytes_max
    }

    /// Bytes of a plugin file at most.
    pub fn plugin_bytes_max(&self) -> usize {
        self.inner.options.plugin_bytes_max
    }

    fn component(&self, name: &str, id: PluginId, bytes: &[u8]) -> Result<Component, PluginError> {
        let parts = &self.inner;
        let known = {
            let components = parts.components.lock().unwrap_or_else(PoisonError::into_inner);
            components.iter().find(|(known, _)| *known == id).map(|(_, found)| found.clone())
        };
        if let Some(component) = known {
            return Ok(component);
        }
        let cached = parts.cache.as_ref().and_then(|cache| cache.load(&parts.wasmtime, id));
        let component = match cached {
            Some(component) => component,
            None => self.compile(name, id, bytes)?,
        };
        let mut components = parts.components.lock().unwrap_or_else(PoisonError::into_inner);
        components.retain(|(kept, _)| *kept != id);
        if components.len() >= COMPONENTS_MAX {
            components.pop_front();
        }
        components.push_back((id, component.clone()));
        Ok(component)
    }

    fn compile(&self, name: &str, id: PluginId, bytes: &[u8]) -> Result<Component, PluginError> {
        let parts = &self.inner;
        let parsed = PluginBytes::parse(name, bytes, parts.options.plugin_bytes_max)?;
        tracing::debug!(plugin = name, "compiling");
        let component = Component::new(&parts.wasmtime, &parsed.component).map_err(|error| {
            PluginError::Invalid { plugin: name.to_owned(), reason: format!("{error:#}") }
        })?;
        if let Some(cache) = &parts.cache {
            cache.store(&parts.wasmtime, id, &component);
        }
        Ok(component)
    }
}

impl StoreState {
    /// Makes a store around this state, with limiter, stop checks and call budget set.
    pub(crate) fn into_store(self, engine: &wasmtime::Engine) -> wasmtime::Store<StoreState> {
        let host_call_bytes_max = self.limits.host_call_bytes_max;
        let mut store = wasmtime::Store::new(engine, self);
        store.set_hostcall_fuel(host_call_bytes_max);
        store.limiter(|state| &mut state.limiter);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|mut store| {
            store.data_mut().check_interrupts()?;
            Ok(wasmtime::UpdateDeadline::Continue(1))
        });
        store
    }
}

/// The one place that decides how guests are compiled; part of the cache's key.
fn configuration(options: &EngineOptions) -> Config {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        // Synchronous calls on a store with concurrency support cost 3.5 times as much.
        .concurrency_support(false)
        .epoch_interruption(true)
        .cranelift_opt_level(OptLevel::Speed)
        .max_wasm_stack(options.stack_bytes_max)
        // The whole address space is reserved, so memory never moves and compiled code may keep
        // its base; tables are filled at once, so indirect calls need not ask whether they are.
        .memory_may_move(false)
        .table_lazy_init(false)
        .memory_init_cow(true);
    if options.perf_map {
        config.profiler(ProfilingStrategy::PerfMap);
    }
    config
}
