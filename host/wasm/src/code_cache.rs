//! The on-disk cache of compiled components. A file is keyed by the component's hash and by
//! wasmtime's version, configuration and CPU features, and sealed with a key that only this cache
//! has.
//!
//! Law: machine code is loaded only if its seal was made with the key in this folder, so neither
//! foreign nor damaged code is ever run. Whatever is wrong with a cache file, the answer is to
//! compile again.

use std::hash::{Hash, Hasher};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use sandbar_model::PluginId;
use wasmtime::component::Component;

/// Length of the seal in front of the code, in bytes.
const SEAL_BYTES: usize = 32;

pub(crate) struct CodeCache {
    folder: PathBuf,
    key: [u8; 32],
}

impl CodeCache {
    /// Opens the cache in a folder, making it if needed.
    pub(crate) fn open(folder: &Path) -> std::io::Result<CodeCache> {
        make_private_folder(folder)?;
        let key = read_or_make_key(&folder.join("seal.key"))?;
        Ok(CodeCache { folder: folder.to_owned(), key })
    }

    /// Loads a component, or nothing if it is not there or not ours.
    pub(crate) fn load(&self, engine: &wasmtime::Engine, id: PluginId) -> Option<Component> {
        let path = self.path(engine, id);
        let bytes = std::fs::read(&path).ok()?;
        let (seal, code) = bytes.split_at_checked(SEAL_BYTES)?;
        if blake3::keyed_hash(&self.key, code) != *<&[u8; SEAL_BYTES]>::try_from(seal).ok()? {
            tracing::warn!(path = %path.display(), "cached code has a wrong seal; compiling again");
            return None;
        }
        #[expect(
            unsafe_code,
            reason = "deserialize trusts its input: the seal proves that this cache wrote it, and \
                      the key of the file name that the engine is the same"
        )]
        let loaded = unsafe { Component::deserialize(engine, code) };
        loaded.inspect_err(|error| tracing::warn!(%error, "cached code does not load")).ok()
    }

    /// Stores a component. A cache that cannot be written costs time, not the job.
    pub(crate) fn store(&self, engine: &wasmtime::Engine, id: PluginId, component: &Component) {
        let path = self.path(engine, id);
        let stored = component
            .serialize()
            .map_err(|error| error.to_string())
            .and_then(|code| self.write(&path, &code).map_err(|error| error.to_string()));
        if let Err(error) = stored {
            tracing::warn!(path = %path.display(), error, "cannot cache compiled code");
        }
    }

    fn write(&self, path: &Path, code: &[u8]) -> std::io::Result<()> {
        let partial = path.with_extension(format!("{}.partial", std::process::id()));
        let mut file = private_file(&partial)?;
        file.write_all(blake3::keyed_hash(&self.key, code).as_bytes())?;
        file.write_all(code)?;
        std::fs::rename(&partial, path)
    }

    fn path(&self, engine: &wasmtime::Engine, id: PluginId) -> PathBuf {
        let mut hasher = Fnv(0xcbf2_9ce4_8422_2325);
        engine.precompile_compatibility_hash().hash(&mut hasher);
        self.folder.join(format!("{id}-{:016x}.cwasm", hasher.finish()))
    }
}

/// FNV-1a: unlike the standard hasher it is specified, so that a name means the same tomorrow.
struct Fnv(u64);

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(unix)]
fn make_private_folder(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(not(unix))]
fn make_private_folder(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)
}

fn private_file(path: &Path) -> std::io::Result<std::fs::File> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn read_or_make_key(path: &Path) -> std::io::Result<[u8; 32]> {
    if let Ok(bytes) = std::fs::read(path)
        && let Ok(key) = <[u8; 32]>::try_from(bytes)
    {
        return Ok(key);
    }
    let mut key = [0u8; 32];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut key)?;
    let partial = path.with_extension(format!("{}.partial", std::process::id()));
    private_file(&partial)?.write_all(&key)?;
    std::fs::rename(&partial, path)?;
    // Another process may have made its key at the same time: the one that stands wins.
    let bytes = std::fs::read(path)?;
    <[u8; 32]>::try_from(bytes).map_err(|_| std::io::Error::other("the cache key changed"))
}
