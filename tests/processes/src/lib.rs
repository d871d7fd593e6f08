//! What tests of real processes need: a cluster of the binary `sandbar`, spoken to over REST and by
//! signals, as a user would.

pub mod certificates;
pub mod cluster;
pub mod jobs;
pub mod metrics;
pub mod process;
pub mod proxy;
pub mod rest;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub use certificates::Certificates;
pub use cluster::Cluster;
pub use process::Process;
pub use proxy::Proxy;
pub use rest::Rest;

/// How long anything may take before a test fails: other tests run beside it.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How often to look.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// What a look counts for at most: on a machine that was stopped, clocks have gone on and nothing
/// else has.
const LOOK_TIME_MAX: Duration = Duration::from_secs(2);

/// The root of the repository.
pub fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.canonicalize().expect("the repository is there")
}

/// The binary `sandbar`, which `cargo test --workspace` builds first.
///
/// # Panics
/// If it has not been built.
pub fn binary() -> PathBuf {
    let test = std::env::current_exe().expect("a test has a path");
    let folder = test.parent().and_then(Path::parent).expect("tests are in target/PROFILE/deps");
    let binary = folder.join("sandbar");
    assert!(
        binary.is_file(),
        "{} is missing: run `cargo build -p sandbar-cli` first, or test the whole workspace",
        binary.display()
    );
    binary
}

/// An example of the crate `sandbar-client`, which `cargo test --workspace` builds first.
///
/// # Panics
/// If it has not been built.
pub fn client_example(name: &str) -> PathBuf {
    let binary = binary();
    let path = binary.with_file_name("examples").join(name);
    assert!(
        path.is_file(),
        "{} is missing: run `cargo build -p sandbar-client --examples` first",
        path.display()
    );
    path
}

/// The module of a guest crate, as `make guests` builds it.
///
/// # Panics
/// If it has not been built.
pub fn guest(package: &str) -> PathBuf {
    let file = format!("{}.wasm", package.replace('-', "_"));
    let path = root().join("target/guests/wasm32-unknown-unknown/guest").join(file);
    assert!(path.is_file(), "{} is missing: run `make guests` first", path.display());
    path
}

/// Looks until there is something to see.
///
/// # Panics
/// If there is nothing within [`PATIENCE`].
pub fn eventually<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    within(PATIENCE, what, look)
}

/// Looks until there is something to see, but not longer than this.
///
/// # Panics
/// If there is nothing in time.
pub fn within<T>(patience: Duration, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let mut waited = Duration::ZERO;
    loop {
        let started = Instant::now();
        if let Some(seen) = look() {
            return seen;
        }
        assert!(waited < patience, "{what}: not within {patience:?}");
        // What is looked at is another process: there is nothing to wait for.
        std::thread::sleep(LOOK_INTERVAL);
        waited += started.elapsed().min(LOOK_TIME_MAX);
    }
}
