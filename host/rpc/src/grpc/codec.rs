//! MessagePack as a codec of tonic.

use std::marker::PhantomData;

use bytes::{Buf, BufMut};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

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
        rmp_serde::encode::write_named(&mut target.writer(), &item)
            .map_err(|error| Status::internal(format!("a message does not encode: {error}")))
    }
}

impl<D: DeserializeOwned> Decoder for MessagePack<(), D> {
    type Item = D;
    type Error = Status;

    fn decode(&mut self, source: &mut DecodeBuf<'_>) -> Result<Option<D>, Status> {
        rmp_serde::from_read(source.reader()).map(Some).map_err(|error| {
            Status::invalid_argument(format!("not a message of Sandbar's protocol: {error}"))
        })
    }
}
