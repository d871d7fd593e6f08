//! The `files` sink: records as lines of part files in a folder.
//!
//! Law: a file has its final name, `part-<subtask>-<n>`, only when it is complete, and no file is
//! ever written over. Source: Flink, `docs/content/docs/connectors/datastream/filesystem.md`.

mod part;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sandbar_model::{Clock, RecordBatchView};

use crate::error::ConnectorError;
use crate::options::{OptionKind, OptionSpec, Options};
use crate::sink::{Sink, SinkWriter, WriterContext};

use part::{Encoding, PartFile};

pub(crate) const OPTIONS: &[OptionSpec] = &[
    OptionSpec::required("path", OptionKind::Path, "Folder for the part files; made if missing."),
    OptionSpec::defaulted(
        "rolling-size",
        OptionKind::Bytes,
        "128 MiB",
        "A part is complete when it has this many bytes of lines, before compression.",
    ),
    OptionSpec::defaulted(
        "rolling-interval",
        OptionKind::Duration,
        "60 s",
        "A part is complete when it is this old; 0 for never.",
    ),
    OptionSpec::defaulted(
        "compression",
        OptionKind::OneOf(&["none", "gzip", "zstd"]),
        "none",
        "How parts are compressed; adds .gz or .zst to their names.",
    ),
    OptionSpec::defaulted(
        "part-prefix",
        OptionKind::Text,
        "part",
        "First piece of the names of parts.",
    ),
    OptionSpec::optional("part-suffix", OptionKind::Text, "Last piece of names, such as .jsonl."),
    OptionSpec::defaulted(
        "fsync",
        OptionKind::Boolean,
        "true",
        "Whether a part is on the disk, not only in the system's cache, before it gets its name.",
    ),
];

/// The most names tried for one part, when other writers take names in the same folder.
const NAME_ATTEMPTS_MAX: u32 = 1000;

pub(crate) fn open(options: &Options<'_>) -> Result<Box<dyn Sink>, ConnectorError> {
    let folder = options.base_dir()?.join(options.text("path")?);
    refuse_file(&folder)?;
    let suffix =
        if options.is_set("part-suffix") { options.text("part-suffix")? } else { String::new() };
    let encoding = Encoding::parse(options.choice("compression")?);
    let prefix = options.text("part-prefix")?;
    for (name, value) in [("part-prefix", &prefix), ("part-suffix", &suffix)] {
        if value.contains(['/', '\\', '\0']) || (name == "part-prefix" && value.starts_with('.')) {
            let expected = "it must not contain / or \\, nor hide the file by a leading dot";
            return Err(options.invalid(name, expected));
        }
    }
    Ok(Box::new(FilesSink(Arc::new(Settings {
        folder,
        rolling_bytes: options.bytes("rolling-size", 1..=1 << 50)?,
        rolling_interval_ms: options.duration_ms("rolling-interval")?,
        prefix,
        suffix: format!("{suffix}{}", encoding.extension()),
        encoding,
        fsync: options.flag("fsync")?,
    }))))
}

struct Settings {
    folder: PathBuf,
    rolling_bytes: u64,
    /// 0: never.
    rolling_interval_ms: u64,
    prefix: String,
    suffix: String,
    encoding: Encoding,
    fsync: bool,
}

impl Settings {
    fn failed(&self, action: &'static str, name: &str) -> impl FnOnce(io::Error) -> ConnectorError {
        let path = self.folder.join(name).display().to_string();
        move |source| ConnectorError::Io { action, path, source }
    }
}

struct FilesSink(Arc<Settings>);

impl Sink for FilesSink {
    fn formats(&self) -> &[&str] {
        &["text", "json", "bytes"]
    }

    fn writer(&self, ctx: WriterContext) -> Result<Box<dyn SinkWriter>, ConnectorError> {
        let settings = Arc::clone(&self.0);
        refuse_file(&settings.folder)?;
        fs::create_dir_all(&settings.folder).map_err(settings.failed("make the folder", ""))?;
        let stem = format!("{}-{}-", settings.prefix, ctx.subtask);
        let next = next_number(&settings.folder, &stem).map_err(settings.failed("list", ""))?;
        Ok(Box::new(FilesWriter { settings, clock: ctx.clock, stem, next, part: None }))
    }
}

fn refuse_file(folder: &Path) -> Result<(), ConnectorError> {
    if folder.exists() && !folder.is_dir() {
        return Err(ConnectorError::WrongPath {
            path: folder.display().to_string(),
            found: "not a folder",
            remedy: "the files sink writes part files into a folder: name another path",
        });
    }
    Ok(())
}

/// One more than the largest number behind `stem`, whatever the suffix.
fn next_number(folder: &Path, stem: &str) -> io::Result<u64> {
    let mut next = 0;
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let Some(rest) = name.to_str().and_then(|name| name.strip_prefix(stem)) else {
            continue;
        };
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        if let Ok(number) = rest[..digits].parse::<u64>() {
            next = next.max(number.saturating_add(1));
        }
    }
    Ok(next)
}

struct FilesWriter {
    settings: Arc<Settings>,
    clock: Arc<dyn Clock>,
    /// Name of a part up to its number.
    stem: String,
    /// Number of the part that is being written, or comes next.
    next: u64,
    part: Option<PartFile>,
}

impl FilesWriter {
    fn name(&self) -> String {
        format!("{}{}{}", self.stem, self.next, self.settings.suffix)
    }

    fn is_old(&self, part: &PartFile) -> bool {
        let interval = i64::try_from(self.settings.rolling_interval_ms).unwrap_or(i64::MAX);
        interval > 0 && self.clock.now_ms().saturating_sub(part.opened_ms) >= interval
    }

    fn roll_if_old(&mut self) -> Result<(), ConnectorError> {
        if self.part.as_ref().is_some_and(|part| self.is_old(part)) {
            self.commit()?;
        }
        Ok(())
    }

    /// Gives the open part, if there is one, its final name.
    fn commit(&mut self) -> Result<(), ConnectorError> {
        let Some(part) = self.part.take() else {
            return Ok(());
        };
        let settings = Arc::clone(&self.settings);
        let first = self.name();
        let mut file = part.complete().map_err(settings.failed("complete", &first))?;
        if settings.fsync {
            file.as_file().sync_all().map_err(settings.failed("sync", &first))?;
        }
        for _ in 0..NAME_ATTEMPTS_MAX {
            let name = self.name();
            self.next += 1;
            match file.persist_noclobber(settings.folder.join(&name)) {
                Ok(_) => return self.sync_folder(),
                Err(taken) if taken.error.kind() == io::ErrorKind::AlreadyExists => {
                    file = taken.file;
                }
                Err(failed) => {
                    return Err(settings.failed("rename a part to", &name)(failed.error));
                }
            }
        }
        Err(ConnectorError::NoFreeName {
            folder: settings.folder.display().to_string(),
            name: self.name(),
            attempts: NAME_ATTEMPTS_MAX,
        })
    }

    /// The name is on the disk only when the folder is.
    fn sync_folder(&self) -> Result<(), ConnectorError> {
        if !self.settings.fsync || !cfg!(unix) {
            return Ok(());
        }
        let synced = fs::File::open(&self.settings.folder).and_then(|folder| folder.sync_all());
        synced.map_err(self.settings.failed("sync", ""))
    }
}

impl SinkWriter for FilesWriter {
    fn write(&mut self, batch: RecordBatchView<'_>) -> Result<(), ConnectorError> {
        self.roll_if_old()?;
        for index in 0..batch.len() {
            let part = match &mut self.part {
                Some(part) => part,
                None => {
                    let name = self.name();
                    let now_ms = self.clock.now_ms();
                    let folder = &self.settings.folder;
                    let opened = PartFile::open(folder, &name, self.settings.encoding, now_ms);
                    self.part.insert(opened.map_err(self.settings.failed("make", &name))?)
                }
            };
            let written = part.write_line(batch.value(index));
            let full = part.bytes >= self.settings.rolling_bytes;
            written.map_err(|error| self.settings.failed("write to", &self.name())(error))?;
            if full {
                self.commit()?;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), ConnectorError> {
        self.roll_if_old()?;
        let flushed = self.part.as_mut().map_or(Ok(()), PartFile::flush);
        flushed.map_err(|error| self.settings.failed("write to", &self.name())(error))
    }

    fn finish(&mut self) -> Result<(), ConnectorError> {
        self.commit()
    }
}

#[cfg(test)]
mod tests;
