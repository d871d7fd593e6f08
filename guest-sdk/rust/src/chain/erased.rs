//! Pipes and codecs without their types, so that operators of any types can be listed and wired.
//! The types are checked once, when an instance is opened.

use std::any::Any;
use std::marker::PhantomData;
use std::rc::Rc;

use super::external::{Columns, External, KeyBytes, KeyedExternal, WithKey};
use super::head::{BytePipe, DecodeHead, DecodePipe, Head, Recode};
use super::instance::InstanceContext;
use super::pipe::{CHUNK_RECORDS_FIRST, Pipe, Signal, fan_out};
use crate::codec::{Decode, Encode};
use crate::error::{Error, Outcome};

/// A `Box<dyn Pipe<T>>` of some `T`.
pub(crate) trait ErasedPipe {
    fn signal(&mut self, signal: Signal<'_>) -> Outcome;
    fn as_any_mut(&mut self) -> &mut dyn Any;
    fn into_any(self: Box<Self>) -> Box<dyn Any>;
    fn type_name(&self) -> &'static str;
}

/// The one implementation of [`ErasedPipe`].
pub(crate) struct Typed<T>(pub(crate) Box<dyn Pipe<T>>);

impl<T: 'static> ErasedPipe for Typed<T> {
    fn signal(&mut self, signal: Signal<'_>) -> Outcome {
        self.0.signal(signal)
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }

    fn type_name(&self) -> &'static str {
        std::any::type_name::<T>()
    }
}

/// An erased pipe that owns its target.
pub(crate) type AnyPipe = Box<dyn ErasedPipe>;

/// Erases the type of a pipe.
pub(crate) fn erase<T: 'static>(pipe: impl Pipe<T>) -> AnyPipe {
    Box::new(Typed(Box::new(pipe) as Box<dyn Pipe<T>>))
}

fn is<T: 'static>(pipe: &mut AnyPipe) -> bool {
    pipe.as_any_mut().is::<Typed<T>>()
}

/// Gives a pipe its type back.
///
/// # Errors
/// It has another type: the job graph joins what does not fit.
pub(crate) fn typed<T: 'static>(pipe: AnyPipe) -> Result<Box<dyn Pipe<T>>, Error> {
    let found = pipe.type_name();
    match pipe.into_any().downcast::<Typed<T>>() {
        Ok(typed) => Ok(typed.0),
        Err(_) => Err(Error::fatal(format!(
            "an operator that emits {} is joined to one that takes {found}",
            std::any::type_name::<T>()
        ))),
    }
}

/// Joins all readers of an output.
pub(crate) fn join<T: Clone + 'static>(pipes: Vec<AnyPipe>) -> Result<Box<dyn Pipe<T>>, Error> {
    Ok(fan_out(pipes.into_iter().map(typed).collect::<Result<Vec<_>, Error>>()?))
}

/// Decodes the values of an input port.
pub(crate) trait ErasedDecoder {
    /// Makes the door of the instance for the operator behind `pipe`.
    fn head(
        &self,
        pipe: AnyPipe,
        instance: &Rc<InstanceContext>,
        keyed: bool,
    ) -> Result<Box<dyn Head>, Error>;

    /// Makes a pipe of bytes for the fused operator number `operator` behind `pipe`.
    fn byte_pipe(&self, pipe: AnyPipe, operator: u32) -> Result<Box<dyn BytePipe>, Error>;
}

/// Encodes the values of an output port.
pub(crate) trait ErasedEncoder {
    /// Makes the pipe to an output of the host.
    fn external(&self, columns: Columns) -> AnyPipe;

    /// Makes the pipe to a fused operator: typed if the types agree, else over bytes.
    fn fused(&self, input: FusedInput, operator: u32) -> Result<AnyPipe, Error>;
}

/// The input of a fused operator, ready to be joined to an output.
pub(crate) struct FusedInput {
    pub(crate) pipe: AnyPipe,
    pub(crate) decoder: Rc<dyn ErasedDecoder>,
    pub(crate) operator: u32,
}

/// A codec and the type it is for.
pub(crate) struct CodecOf<T, C> {
    codec: Rc<C>,
    marker: PhantomData<fn() -> T>,
}

impl<T, C> CodecOf<T, C> {
    pub(crate) fn new(codec: C) -> CodecOf<T, C> {
        CodecOf { codec: Rc::new(codec), marker: PhantomData }
    }
}

impl<T: 'static, C: Decode<T>> ErasedDecoder for CodecOf<T, C> {
    fn head(
        &self,
        pipe: AnyPipe,
        instance: &Rc<InstanceContext>,
        keyed: bool,
    ) -> Result<Box<dyn Head>, Error> {
        let (codec, instance) = (Rc::clone(&self.codec), Rc::clone(instance));
        let pipe = typed::<T>(pipe)?;
        let never_fails = pipe.never_fails();
        let (each_records, chunk) = (CHUNK_RECORDS_FIRST, Vec::new());
        Ok(Box::new(DecodeHead { pipe, codec, instance, keyed, never_fails, each_records, chunk }))
    }

    fn byte_pipe(&self, pipe: AnyPipe, operator: u32) -> Result<Box<dyn BytePipe>, Error> {
        let codec = Rc::clone(&self.codec);
        Ok(Box::new(DecodePipe { pipe: typed::<T>(pipe)?, codec, operator }))
    }
}

impl<T: 'static, C: Encode<T>> ErasedEncoder for CodecOf<T, C> {
    fn external(&self, columns: Columns) -> AnyPipe {
        erase::<T>(External::new(columns, Rc::clone(&self.codec)))
    }

    fn fused(&self, mut input: FusedInput, operator: u32) -> Result<AnyPipe, Error> {
        if is::<T>(&mut input.pipe) {
            return Ok(input.pipe);
        }
        let next = input.decoder.byte_pipe(input.pipe, input.operator)?;
        let codec = Rc::clone(&self.codec);
        Ok(erase::<T>(Recode { codec, operator, bytes: Vec::new(), next }))
    }
}

/// A codec of an output that carries keys.
pub(crate) struct KeyedCodecOf<K, T, C> {
    codec: Rc<C>,
    marker: PhantomData<fn() -> (K, T)>,
}

impl<K, T, C> KeyedCodecOf<K, T, C> {
    pub(crate) fn new(codec: C) -> KeyedCodecOf<K, T, C> {
        KeyedCodecOf { codec: Rc::new(codec), marker: PhantomData }
    }
}

impl<K: KeyBytes, T: 'static, C: Encode<T>> ErasedEncoder for KeyedCodecOf<K, T, C> {
    fn external(&self, columns: Columns) -> AnyPipe {
        erase::<WithKey<K, T>>(KeyedExternal::new(columns, Rc::clone(&self.codec)))
    }

    fn fused(&self, _input: FusedInput, _operator: u32) -> Result<AnyPipe, Error> {
        Err(Error::fatal("a key selector or partitioner cannot feed a chained operator"))
    }
}
