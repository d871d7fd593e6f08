//! WASI 0.2 for guests whose language needs it: linked, but denied unless the job grants it. No
//! files, environment, network or standard streams at all; clocks and randomness by capability.

use std::collections::BTreeSet;
use std::str::FromStr;

use thiserror::Error;
use wasmtime::component::Linker;
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder};

use crate::error::HostError;
use crate::store::{Stop, StoreState};

/// What a job grants its guests beyond the contract. Nothing by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Capabilities {
    /// Wall and monotonic clocks.
    pub clocks: bool,
    /// Random numbers.
    pub random: bool,
}

/// A capability that does not exist.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("unknown capability \"{0}\" in sandbar.capabilities; there are: clocks, random")]
pub struct UnknownCapability(pub String);

impl FromStr for Capabilities {
    type Err = UnknownCapability;

    /// Reads a list such as `clocks, random`; the empty text grants nothing.
    fn from_str(text: &str) -> Result<Capabilities, UnknownCapability> {
        let mut granted = Capabilities::default();
        let names: BTreeSet<&str> =
            text.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
        for name in names {
            match name {
                "clocks" => granted.clocks = true,
                "random" => granted.random = true,
                other => return Err(UnknownCapability(other.to_owned())),
            }
        }
        Ok(granted)
    }
}

/// WASI's functions for time, with their interface and the capability that allows them.
const CLOCKS: [(&str, &[&str]); 2] = [
    (
        "wasi:clocks/monotonic-clock@0.2.12",
        &["now", "resolution", "subscribe-instant", "subscribe-duration"],
    ),
    ("wasi:clocks/wall-clock@0.2.12", &["now", "resolution"]),
];

/// WASI's functions for randomness.
const RANDOM: [(&str, &[&str]); 3] = [
    ("wasi:random/random@0.2.12", &["get-random-bytes", "get-random-u64"]),
    ("wasi:random/insecure@0.2.12", &["get-insecure-random-bytes", "get-insecure-random-u64"]),
    ("wasi:random/insecure-seed@0.2.12", &["insecure-seed"]),
];

/// Links WASI, with a trap that names function and capability where none is granted.
pub(crate) fn add_to_linker(
    linker: &mut Linker<StoreState>,
    granted: Capabilities,
) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_sync(linker)?;
    linker.allow_shadowing(true);
    if !granted.clocks {
        CLOCKS.iter().try_for_each(|entry| deny(linker, entry, "clocks"))?;
    }
    if !granted.random {
        RANDOM.iter().try_for_each(|entry| deny(linker, entry, "random"))?;
    }
    linker.allow_shadowing(false);
    Ok(())
}

fn deny(
    linker: &mut Linker<StoreState>,
    (interface, functions): &(&str, &[&str]),
    capability: &'static str,
) -> wasmtime::Result<()> {
    let mut instance = linker.instance(interface)?;
    for function in *functions {
        let name = format!("{interface}.{function}");
        instance.func_new(function, move |_, _, _, _| {
            Err(Stop::Host(HostError::Denied { function: name.clone(), capability }).into())
        })?;
    }
    Ok(())
}

/// A context without files, environment, arguments, network and standard streams.
pub(crate) fn closed_context() -> WasiCtx {
    WasiCtxBuilder::new().allow_tcp(false).allow_udp(false).allow_ip_name_lookup(false).build()
}
