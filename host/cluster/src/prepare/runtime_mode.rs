//! Whether a job runs as a stream or as a batch, which its sources decide with the option.
//!
//! Source: Flink, `docs/content/docs/dev/datastream/execution_mode.md`.

use std::path::Path;

use sandbar_config::options::execution::EXECUTION_RUNTIME_MODE;
use sandbar_config::{Configuration, RuntimeMode};
use sandbar_graph::JobSpec;

/// Writes what the job runs as in place of what was asked for, so that guests and TaskManagers
/// read `BATCH` or `STREAMING`.
///
/// # Errors
/// A batch of a source that does not end, or options that a source does not take.
pub(super) fn resolve(
    configuration: &mut Configuration,
    spec: &JobSpec,
    base_folder: Option<&Path>,
) -> Result<(), String> {
    let asked = configuration.get(&EXECUTION_RUNTIME_MODE).map_err(|error| error.to_string())?;
    if asked == RuntimeMode::Streaming {
        return Ok(());
    }
    let mut endless = None;
    for source in &spec.sources {
        let opened = sandbar_connectors::source(&source.connector, &source.options, base_folder)
            .map_err(|error| error.to_string())?;
        if !opened.is_bounded() {
            endless = Some(source);
            break;
        }
    }
    let resolved = match (asked, endless) {
        (RuntimeMode::Batch, Some(source)) => {
            return Err(format!(
                "execution.runtime-mode is BATCH, but source \"{}\" ({}) does not end: bound it, \
                 or run the job as STREAMING or AUTOMATIC",
                source.name, source.connector
            ));
        }
        (RuntimeMode::Batch, None) | (RuntimeMode::Automatic, None) => "BATCH",
        (RuntimeMode::Automatic, Some(_)) | (RuntimeMode::Streaming, _) => "STREAMING",
    };
    configuration.set(EXECUTION_RUNTIME_MODE.key(), resolved);
    Ok(())
}
