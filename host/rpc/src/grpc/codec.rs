//! MessagePack as a codec of tonic.

use std::io::{Read, Write};
use std::marker::PhantomData;

use bytes::{Buf, BufMut};
use rmp_serde::decode::Error as DecodeError;
use rmp_serde::encode::Error as EncodeError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

/// How deep a message may nest. The options of a connector are JSON, of which no more than 128
/// levels can have been read; what is around them takes the rest. Each level costs the reader some
/// kilobytes of its stack, so there has to be a limit.
pub const NESTING_MAX: usize = 256;

/// Appends a message to what is sent.
///
/// # Errors
/// It has no form in MessagePack, or cannot be written.
pub fn encode<E: Serialize>(message: &E, target: impl Write) -> Result<(), EncodeError> {
    rmp_serde::encode::write_named(&mut { target }, message)
}

/// Reads the message that these bytes are.
///
/// # Errors
/// They are no message, more than one, or nest deeper than [`NESTING_MAX`].
pub fn decode<D: DeserializeOwned>(mut source: impl Read) -> Result<D, DecodeError> {
    let mut deserializer = rmp_serde::Deserializer::new(&mut source);
    deserializer.set_max_depth(NESTING_MAX);
    let message = D::deserialize(&mut deserializer)?;
    match source.read(&mut [0]) {
        Ok(0) => Ok(message),
        Ok(_) => Err(DecodeError::Uncategorized("bytes behind the message".to_owned())),
        Err(error) => Err(DecodeError::InvalidDataRead(error)),
    }
}

/// Encodes `E` and decodes `D`.
pub(super) struct MessagePack<E, D>(PhantomData<fn(E) -> D>);

impl<E, D> Default for MessagePack<E, D> {
    fn default() -> MessagePack<E, D> {
        MessagePack(PhantomData)
    }
}

impl<E, D> Codec for MessagePack<E, D>
where
    E: Serialize + Send + 'static,
    D: DeserializeOwned + Send + 'static,
{
    type Encode = E;
    type Decode = D;
    type Encoder = MessagePack<E, ()>;
    type Decoder = MessagePack<(), D>;

    fn encoder(&mut self) -> MessagePack<E, ()> {
        MessagePack::default()
    }

    fn decoder(&mut self) -> MessagePack<(), D> {
        MessagePack::default()
    }
}

impl<E: Serialize> Encoder for MessagePack<E, ()> {
    type Item = E;
    type Error = Status;

    fn encode(&mut self, item: E, target: &mut EncodeBuf<'_>) -> Result<(), Status> {
        encode(&item, target.writer())
            .map_err(|error| Status::internal(format!("a message does not encode: {error}")))
    }
}

impl<D: DeserializeOwned> Decoder for MessagePack<(), D> {
    type Item = D;
    type Error = Status;

    fn decode(&mut self, source: &mut DecodeBuf<'_>) -> Result<Option<D>, Status> {
        decode(source.reader()).map(Some).map_err(|error| {
            Status::invalid_argument(format!("not a message of Sandbar's protocol: {error}"))
        })
    }
}
