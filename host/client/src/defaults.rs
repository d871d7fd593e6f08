//! What holds on a user's machine where no option says otherwise.

use std::path::{Path, PathBuf};

use sandbar_config::Configuration;

/// Sets the parallelism of a job that runs on this machine, unless the user did: the number of
/// cores, as Flink's local environment.
pub fn set_local_parallelism(configuration: &mut Configuration) {
    if configuration.text("parallelism.default").is_none() {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        configuration.set("parallelism.default", cores.to_string());
    }
}

/// Where compiled plugins are kept when no option says: a folder of the user's cache, if there
/// is one. Source: XDG Base Directory Specification.
pub fn cache_folder() -> Option<PathBuf> {
    let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let absolute = |path: String| Some(PathBuf::from(path)).filter(|path| path.is_absolute());
    let of_user = || Some(Path::new(&variable("HOME")?).join(".cache"));
    let cache = variable("XDG_CACHE_HOME").and_then(absolute).or_else(of_user)?;
    Some(cache.join("sandbar/plugins"))
}
