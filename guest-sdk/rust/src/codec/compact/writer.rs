//! Writes postcard's form. The bytes are postcard's to the letter; what differs is the machine
//! code: all of a small type's encoder ends up in line, and a number's length takes no branch,
//! since calls and wrong guesses cost a component more than the bytes do.

use std::fmt;

use serde::ser::{self, Serialize};

use crate::memory;

/// Numbers of less than this many bits are written as one word that is then cut.
const WORD_BITS: u32 = 28;

/// Appends to a vector.
pub(super) struct Writer<'a>(pub(super) &'a mut Vec<u8>);

/// Why a value has no postcard form.
#[derive(Debug)]
pub(super) enum WriteError {
    /// A sequence or map does not know its length beforehand.
    UnknownLength,
    /// The value's own reason.
    Custom(String),
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WriteError::UnknownLength => {
                f.write_str("the length of a sequence or map is not known before it is written")
            }
            WriteError::Custom(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for WriteError {}

impl ser::Error for WriteError {
    #[cold]
    fn custom<T: fmt::Display>(reason: T) -> WriteError {
        WriteError::Custom(reason.to_string())
    }
}

type Written = Result<(), WriteError>;

impl Writer<'_> {
    /// A number, seven bits a byte, the lowest first; all bytes but the last have the eighth bit.
    #[inline(always)]
    fn number(&mut self, number: u64) {
        if number >> WORD_BITS == 0 {
            self.short_number(number as u32);
        } else {
            self.long_number(u128::from(number));
        }
    }

    #[inline(always)]
    fn short_number(&mut self, number: u32) {
        let spread = (number & 0x7F)
            | ((number & (0x7F << 7)) << 1)
            | ((number & (0x7F << 14)) << 2)
            | ((number & (0x7F << 21)) << 3);
        // Bits / 7, rounded up, but 1 for 0.
        let bits = u32::BITS - (number | 1).leading_zeros();
        let length = ((bits * 9 + 64) / 64) as usize;
        let marks = 0x0080_8080 >> (8 * (4 - length));
        self.0.extend_from_slice(&(spread | marks).to_le_bytes());
        self.0.truncate(self.0.len() - (4 - length));
    }

    #[inline(never)]
    fn long_number(&mut self, mut number: u128) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    /// Signed numbers become unsigned so that small ones stay small: 0, -1, 1, -2, 2.
    #[inline(always)]
    fn signed(&mut self, number: i64) {
        self.number(((number << 1) ^ (number >> 63)) as u64);
    }

    #[inline(always)]
    fn length(&mut self, length: Option<usize>) -> Written {
        match length {
            Some(length) => {
                self.number(length as u64);
                Ok(())
            }
            None => Err(WriteError::UnknownLength),
        }
    }
}

/// Methods of one line, each of which appends something and cannot fail.
macro_rules! write_as {
    ($($method:ident($value:ident: $type:ty) $self:ident => $write:expr;)*) => {$(
        #[inline(always)]
        fn $method($self, $value: $type) -> Written {
            $write;
            Ok(())
        }
    )*};
}

impl ser::Serializer for &mut Writer<'_> {
    type Ok = ();
    type Error = WriteError;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    write_as! {
        serialize_bool(value: bool) self => self.0.push(u8::from(value));
        serialize_i8(value: i8) self => self.0.push(value.cast_unsigned());
        serialize_i16(value: i16) self => self.signed(i64::from(value));
        serialize_i32(value: i32) self => self.signed(i64::from(value));
        serialize_i64(value: i64) self => self.signed(value);
        serialize_i128(value: i128) self =>
            self.long_number(((value << 1) ^ (value >> 127)).cast_unsigned());
        serialize_u8(value: u8) self => self.0.push(value);
        serialize_u16(value: u16) self => self.short_number(u32::from(value));
        serialize_u32(value: u32) self => self.number(u64::from(value));
        serialize_u64(value: u64) self => self.number(value);
        serialize_u128(value: u128) self => self.long_number(value);
        serialize_f32(value: f32) self => self.0.extend_from_slice(&value.to_le_bytes());
        serialize_f64(value: f64) self => self.0.extend_from_slice(&value.to_le_bytes());
    }

    #[inline]
    fn serialize_char(self, value: char) -> Written {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    #[inline(always)]
    fn serialize_str(self, value: &str) -> Written {
        self.serialize_bytes(value.as_bytes())
    }

    #[inline(always)]
    fn serialize_bytes(self, value: &[u8]) -> Written {
        // Most strings are short, so that the processor guesses this branch right.
        match u8::try_from(value.len()) {
            Ok(length @ 0..0x80) => self.0.push(length),
            _ => self.number(value.len() as u64),
        }
        memory::append(self.0, value);
        Ok(())
    }

    #[inline(always)]
    fn serialize_none(self) -> Written {
        self.serialize_u8(0)
    }

    #[inline(always)]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Written {
        self.0.push(1);
        value.serialize(self)
    }

    #[inline(always)]
    fn serialize_unit(self) -> Written {
        Ok(())
    }

    #[inline(always)]
    fn serialize_unit_struct(self, _name: &'static str) -> Written {
        Ok(())
    }

    #[inline(always)]
    fn serialize_unit_variant(self, _name: &'static str, index: u32, _: &'static str) -> Written {
        self.serialize_u32(index)
    }

    #[inline(always)]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Written {
        value.serialize(self)
    }

    #[inline(always)]
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        index: u32,
        _variant: &'static str,
        value: &T,
    ) -> Written {
        self.number(u64::from(index));
        value.serialize(self)
    }

    #[inline(always)]
    fn serialize_seq(self, length: Option<usize>) -> Result<Self, WriteError> {
        self.length(length)?;
        Ok(self)
    }

    #[inline(always)]
    fn serialize_tuple(self, _length: usize) -> Result<Self, WriteError> {
        Ok(self)
    }

    #[inline(always)]
    fn serialize_tuple_struct(
        self,
        _name: &'static str,
        _length: usize,
    ) -> Result<Self, WriteError> {
        Ok(self)
    }

    #[inline(always)]
    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        index: u32,
        _variant: &'static str,
        _length: usize,
    ) -> Result<Self, WriteError> {
        self.number(u64::from(index));
        Ok(self)
    }

    #[inline(always)]
    fn serialize_map(self, length: Option<usize>) -> Result<Self, WriteError> {
        self.serialize_seq(length)
    }

    #[inline(always)]
    fn serialize_struct(self, _name: &'static str, _length: usize) -> Result<Self, WriteError> {
        Ok(self)
    }

    #[inline(always)]
    fn serialize_struct_variant(
        self,
        _name: &'static str,
        index: u32,
        _variant: &'static str,
        _length: usize,
    ) -> Result<Self, WriteError> {
        self.number(u64::from(index));
        Ok(self)
    }

    #[inline(always)]
    fn is_human_readable(&self) -> bool {
        false
    }
}

/// Parts of a value that are written one behind the other, without names.
macro_rules! write_parts {
    ($($trait:ident { $($method:ident($($name:ident)?))* })*) => {$(
        impl ser::$trait for &mut Writer<'_> {
            type Ok = ();
            type Error = WriteError;

            $(
                #[inline(always)]
                fn $method<T: Serialize + ?Sized>(
                    &mut self,
                    $($name: &'static str,)?
                    part: &T,
                ) -> Written {
                    part.serialize(&mut **self)
                }
            )*

            #[inline(always)]
            fn end(self) -> Written {
                Ok(())
            }
        }
    )*};
}

write_parts! {
    SerializeSeq { serialize_element() }
    SerializeTuple { serialize_element() }
    SerializeTupleStruct { serialize_field() }
    SerializeTupleVariant { serialize_field() }
    SerializeMap { serialize_key() serialize_value() }
    SerializeStruct { serialize_field(_name) }
    SerializeStructVariant { serialize_field(_name) }
}

#[cfg(test)]
mod tests;
