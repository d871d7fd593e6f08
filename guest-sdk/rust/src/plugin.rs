//! Plugins of operators that job files wire together: the macro [`crate::plugin!`], and the builder
//! that it hands to its closure.

mod builder;
#[doc(hidden)]
pub mod component;
pub(crate) mod registry;

pub use builder::{
    KeySelectorBuilder, OperatorBuilder, PartitionerBuilder, PluginBuilder, TwoInputBuilder,
};

#[cfg(not(target_arch = "wasm32"))]
pub(crate) use builder::Entry;

use crate::error::Error;
use crate::stream::StreamExecutionEnvironment;

/// What [`crate::plugin!`] implements.
pub trait Plugin: 'static {
    /// Name of the plugin.
    const NAME: &'static str;
    /// Its version.
    const VERSION: &'static str;

    /// Lists the operators. Called once per instance and operator, so it must be deterministic.
    fn register(plugin: &mut PluginBuilder);
}

/// What [`crate::job!`] implements.
pub trait Job: 'static {
    /// Name of the job, unless it sets another.
    const NAME: &'static str;
    /// Version of the component.
    const VERSION: &'static str;

    /// Builds the job. Called for each instance, too, so it must be deterministic.
    ///
    /// # Errors
    /// The arguments make no job.
    fn define(
        environment: &mut StreamExecutionEnvironment,
        arguments: &[String],
    ) -> Result<(), Error>;
}

/// Makes a component of operators for job files.
///
/// ```
/// use sandbar_sdk::prelude::*;
///
/// #[derive(serde::Deserialize)]
/// struct LongerThan {
///     length: usize,
/// }
///
/// sandbar_sdk::plugin! {
///     name: "word-tools",
///     version: "1.0.0",
///     operators: |plugin| {
///         plugin
///             .flat_map("split", |line: String, out: &mut Collector<String>| {
///                 line.split_whitespace().for_each(|word| out.collect(word.to_owned()));
///             })
///             .input(Text)
///             .output(Text)
///             .doc("Splits lines into words.");
///         plugin
///             .filter_with("longer-than", |config: LongerThan| {
///                 Ok(move |word: &String| word.len() > config.length)
///             })
///             .input(Text)
///             .output(Text)
///             .config_schema(r#"{"type":"object","properties":{"length":{"type":"integer"}}}"#)
///             .doc("Keeps long words.");
///     },
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! plugin {
    (name: $name:expr, version: $version:expr, operators: $operators:expr $(,)?) => {
        const _: () = {
            struct SandbarPlugin;

            impl $crate::plugin::Plugin for SandbarPlugin {
                const NAME: &'static str = $name;
                const VERSION: &'static str = $version;

                fn register(plugin: &mut $crate::plugin::PluginBuilder) {
                    let register: fn(&mut $crate::plugin::PluginBuilder) = $operators;
                    register(plugin);
                }
            }

            #[cfg(target_arch = "wasm32")]
            type SandbarComponent = $crate::plugin::component::PluginComponent<SandbarPlugin>;
            #[cfg(target_arch = "wasm32")]
            $crate::bindings::export_operators!(
                SandbarComponent with_types_in $crate::bindings
            );
            #[cfg(not(target_arch = "wasm32"))]
            const _: fn(&mut $crate::plugin::PluginBuilder) =
                <SandbarPlugin as $crate::plugin::Plugin>::register;
        };
    };
}

/// Makes a component of a job written in code: `job!(define)`, or the function itself inside.
///
/// ```
/// use sandbar_sdk::prelude::*;
///
/// sandbar_sdk::job! {
///     fn word_count(env: &mut StreamExecutionEnvironment, args: &[String]) -> Result<()> {
///         let path = args.first().ok_or_else(|| Error::fatal("give the path of a text"))?;
///         env.from_source(FileSource::text(path), "lines")
///             .flat_map(|line, out| {
///                 line.split_whitespace().for_each(|word| out.collect(word.to_lowercase()));
///             })
///             .key_by(|word| word.clone())
///             .count()
///             .sink_to(PrintSink::text());
///         Ok(())
///     }
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! job {
    ($(#[$attribute:meta])* $visibility:vis fn $define:ident $($rest:tt)*) => {
        $(#[$attribute])* $visibility fn $define $($rest)*
        $crate::job!($define);
    };
    ($define:path) => {
        const _: () = {
            struct SandbarJob;

            impl $crate::plugin::Job for SandbarJob {
                const NAME: &'static str = env!("CARGO_PKG_NAME");
                const VERSION: &'static str = env!("CARGO_PKG_VERSION");

                fn define(
                    environment: &mut $crate::StreamExecutionEnvironment,
                    arguments: &[::std::string::String],
                ) -> ::core::result::Result<(), $crate::Error> {
                    $define(environment, arguments)
                }
            }

            #[cfg(target_arch = "wasm32")]
            type SandbarComponent = $crate::plugin::component::JobComponent<SandbarJob>;
            #[cfg(target_arch = "wasm32")]
            $crate::bindings::export_operators!(
                SandbarComponent with_types_in $crate::bindings
            );
            #[cfg(target_arch = "wasm32")]
            $crate::bindings::job::export_job!(
                SandbarComponent with_types_in $crate::bindings::job
            );
            #[cfg(not(target_arch = "wasm32"))]
            const _: fn(
                &mut $crate::StreamExecutionEnvironment,
                &[::std::string::String],
            ) -> ::core::result::Result<(), $crate::Error> =
                <SandbarJob as $crate::plugin::Job>::define;
        };
    };
}
