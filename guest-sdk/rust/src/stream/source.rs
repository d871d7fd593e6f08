//! Sources: connectors of the host, and the type of the records that they deliver.

use std::rc::Rc;

use serde_json::{Map, Value};

use crate::chain::erased::{CodecOf, ErasedDecoder, ErasedEncoder};
use crate::codec::{Bytes, Codec, Data, Format, Json, Text};

/// A connector of the host that delivers records of type `T`.
pub struct Source<T> {
    pub(crate) connector: String,
    pub(crate) options: Map<String, Value>,
    pub(crate) codec: SourceCodec<T>,
}

/// The codec of a stream that no operator of the plugin makes.
pub(crate) struct SourceCodec<T> {
    pub(crate) format: String,
    pub(crate) decoder: Rc<dyn ErasedDecoder>,
    pub(crate) encoder: Rc<dyn ErasedEncoder>,
    /// The same codec for key selectors, which also have the key's type to care for.
    pub(crate) typed: Rc<dyn Codec<T>>,
}

impl<T> Clone for SourceCodec<T> {
    fn clone(&self) -> SourceCodec<T> {
        SourceCodec {
            format: self.format.clone(),
            decoder: Rc::clone(&self.decoder),
            encoder: Rc::clone(&self.encoder),
            typed: Rc::clone(&self.typed),
        }
    }
}

impl<T: 'static> SourceCodec<T> {
    pub(crate) fn of<C: Codec<T> + Copy>(codec: C) -> SourceCodec<T> {
        SourceCodec {
            format: Format::<T>::format(&codec),
            decoder: Rc::new(CodecOf::<T, C>::new(codec)),
            encoder: Rc::new(CodecOf::<T, C>::new(codec)),
            typed: Rc::new(codec),
        }
    }
}

impl Source<String> {
    /// A connector of the host by name that delivers text.
    pub fn text(connector: &str) -> Source<String> {
        Source::with_codec(connector, Text)
    }
}

impl Source<Vec<u8>> {
    /// A connector of the host by name that delivers bytes.
    pub fn bytes(connector: &str) -> Source<Vec<u8>> {
        Source::with_codec(connector, Bytes)
    }
}

impl<T: Data> Source<T> {
    /// A connector of the host by name that delivers JSON.
    ///
    /// ```
    /// use sandbar_sdk::Source;
    ///
    /// let source: Source<Vec<u32>> = Source::json("files").option("path", "numbers.jsonl");
    /// ```
    pub fn json(connector: &str) -> Source<T> {
        Source::with_codec(connector, Json)
    }
}

impl<T: 'static> Source<T> {
    /// A connector of the host by name that delivers records in a format of the author's own: what
    /// the connector delivers, the codec names and reads. Without serde in between, a record of
    /// fixed fields costs a few nanoseconds to read.
    ///
    /// ```
    /// use sandbar_sdk::codec::{Decode, Encode, Format};
    /// use sandbar_sdk::prelude::*;
    /// use sandbar_sdk::Source;
    ///
    /// /// A number as its 8 bytes.
    /// #[derive(Clone, Copy)]
    /// struct LittleEndian;
    ///
    /// impl Format<u64> for LittleEndian {
    ///     fn format(&self) -> String {
    ///         "bytes".to_owned()
    ///     }
    /// }
    ///
    /// impl Encode<u64> for LittleEndian {
    ///     fn encode(&self, value: &u64, bytes: &mut Vec<u8>) -> Result<()> {
    ///         bytes.extend_from_slice(&value.to_le_bytes());
    ///         Ok(())
    ///     }
    /// }
    ///
    /// impl Decode<u64> for LittleEndian {
    ///     fn decode(&self, bytes: &[u8]) -> Result<u64> {
    ///         let bytes = bytes.try_into().map_err(|_| Error::bad_record("not 8 bytes"))?;
    ///         Ok(u64::from_le_bytes(bytes))
    ///     }
    /// }
    ///
    /// let numbers: Source<u64> = Source::with_codec("sensors", LittleEndian);
    /// ```
    pub fn with_codec(connector: &str, codec: impl Codec<T> + Copy) -> Source<T> {
        Source {
            connector: connector.to_owned(),
            options: Map::new(),
            codec: SourceCodec::of(codec),
        }
    }

    /// Sets an option of the connector; `sandbar job connectors` lists them.
    #[must_use]
    pub fn option(mut self, key: &str, value: impl Into<Value>) -> Source<T> {
        self.options.insert(key.to_owned(), value.into());
        self
    }
}

impl<T> std::fmt::Debug for Source<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source")
            .field("connector", &self.connector)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// Files: a path, a folder or a glob.
#[derive(Clone, Copy, Debug)]
pub struct FileSource;

impl FileSource {
    /// Every line is a record.
    pub fn text(path: impl Into<String>) -> Source<String> {
        Source::text("files").option("path", path.into()).option("format", "text")
    }

    /// Every line that is not blank is a record in JSON.
    pub fn json<T: Data>(path: impl Into<String>) -> Source<T> {
        Source::json("files").option("path", path.into()).option("format", "json")
    }

    /// Every row is a record: an object by the columns' names, all of whose values are strings; or
    /// an array with the option `header` set to `false`.
    pub fn csv<T: Data>(path: impl Into<String>) -> Source<T> {
        Source::json("files").option("path", path.into()).option("format", "csv")
    }
}

/// Lines from a TCP server.
#[derive(Clone, Copy, Debug)]
pub struct SocketSource;

impl SocketSource {
    /// Every line is a record.
    pub fn text(host: impl Into<String>, port: u16) -> Source<String> {
        Source::text("socket").option("host", host.into()).option("port", port)
    }

    /// Every line is a record in JSON.
    pub fn json<T: Data>(host: impl Into<String>, port: u16) -> Source<T> {
        let source = Source::json("socket").option("host", host.into()).option("port", port);
        source.option("format", "json")
    }
}

/// Lines of the standard input.
#[derive(Clone, Copy, Debug)]
pub struct StdinSource;

impl StdinSource {
    /// Every line is a record.
    pub fn text() -> Source<String> {
        Source::text("stdin")
    }

    /// Every line is a record in JSON.
    pub fn json<T: Data>() -> Source<T> {
        Source::json("stdin").option("format", "json")
    }
}

/// Records that the host makes up.
#[derive(Clone, Copy, Debug)]
pub struct DatagenSource;

impl DatagenSource {
    /// Objects whose fields are generated as `fields` says.
    ///
    /// ```
    /// use sandbar_sdk::{DatagenSource, Source};
    /// use serde_json::json;
    ///
    /// #[derive(Clone, serde::Serialize, serde::Deserialize)]
    /// struct Click {
    ///     id: u64,
    ///     user: u64,
    /// }
    ///
    /// let clicks: Source<Click> = DatagenSource::json(json!({
    ///     "id": { "kind": "sequence" },
    ///     "user": { "kind": "random-int", "min": 1, "max": 100 },
    /// }))
    /// .option("count", 1000);
    /// ```
    pub fn json<T: Data>(fields: Value) -> Source<T> {
        Source::json("datagen").option("fields", fields)
    }

    /// Lines of words.
    pub fn text() -> Source<String> {
        Source::text("datagen").option("format", "text")
    }
}
