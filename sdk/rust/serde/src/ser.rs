//! Writes values.

use crate::Error;
use serde::ser::{self, Serialize};
use veracruz::{Code, Writer};

type Result = core::result::Result<(), Error>;

pub struct Serializer<'a>(pub &'a mut Writer);

impl Serializer<'_> {
    fn put<T: veracruz::Encode + ?Sized>(self, value: &T) -> Result {
        self.0.write(value);
        Ok(())
    }

    fn again(&mut self) -> Serializer<'_> {
        Serializer(self.0)
    }
}

/// A number of items, which the encoding writes first.
fn count(length: Option<usize>) -> core::result::Result<u32, Error> {
    length
        .and_then(|length| u32::try_from(length).ok())
        .ok_or(Error(Code::INVARIANT_FAILED))
}

macro_rules! put {
    ($($method:ident $type:ty),* $(,)?) => {$(
        fn $method(self, value: $type) -> Result {
            self.put(&value)
        }
    )*};
}

impl<'a> ser::Serializer for Serializer<'a> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    put!(
        serialize_bool bool,
        serialize_i8 i8, serialize_i16 i16, serialize_i32 i32, serialize_i64 i64,
        serialize_u8 u8, serialize_u16 u16, serialize_u32 u32, serialize_u64 u64,
        serialize_f32 f32, serialize_f64 f64, serialize_char char, serialize_str &str,
    );

    fn serialize_bytes(self, value: &[u8]) -> Result {
        self.0.varint(count(Some(value.len()))?);
        self.0.raw(value);
        Ok(())
    }

    fn serialize_none(self) -> Result {
        self.put(&false)
    }

    fn serialize_some<T: Serialize + ?Sized>(mut self, value: &T) -> Result {
        self.again().put(&true)?;
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result {
        Ok(())
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result {
        Ok(())
    }

    fn serialize_unit_variant(self, _name: &'static str, index: u32, _of: &'static str) -> Result {
        self.0.varint(index);
        Ok(())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        index: u32,
        _of: &'static str,
        value: &T,
    ) -> Result {
        self.0.varint(index);
        value.serialize(self)
    }

    fn serialize_seq(self, length: Option<usize>) -> core::result::Result<Self, Error> {
        self.0.varint(count(length)?);
        Ok(self)
    }

    fn serialize_tuple(self, _length: usize) -> core::result::Result<Self, Error> {
        Ok(self)
    }

    fn serialize_tuple_struct(
        self,
        _name: &'static str,
        _length: usize,
    ) -> core::result::Result<Self, Error> {
        Ok(self)
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        index: u32,
        _of: &'static str,
        _length: usize,
    ) -> core::result::Result<Self, Error> {
        self.0.varint(index);
        Ok(self)
    }

    fn serialize_map(self, length: Option<usize>) -> core::result::Result<Self, Error> {
        self.serialize_seq(length)
    }

    fn serialize_struct(
        self,
        _name: &'static str,
        _length: usize,
    ) -> core::result::Result<Self, Error> {
        Ok(self)
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        index: u32,
        _of: &'static str,
        _length: usize,
    ) -> core::result::Result<Self, Error> {
        self.0.varint(index);
        Ok(self)
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

macro_rules! items {
    ($($trait:ident $method:ident),* $(,)?) => {$(
        impl ser::$trait for Serializer<'_> {
            type Ok = ();
            type Error = Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result {
                value.serialize(self.again())
            }

            fn end(self) -> Result {
                Ok(())
            }
        }
    )*};
}
items!(
    SerializeSeq serialize_element,
    SerializeTuple serialize_element,
    SerializeTupleStruct serialize_field,
    SerializeTupleVariant serialize_field,
);

macro_rules! fields {
    ($($trait:ident),*) => {$(
        impl ser::$trait for Serializer<'_> {
            type Ok = ();
            type Error = Error;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                _name: &'static str,
                value: &T,
            ) -> Result {
                value.serialize(self.again())
            }

            fn end(self) -> Result {
                Ok(())
            }
        }
    )*};
}
fields!(SerializeStruct, SerializeStructVariant);

impl ser::SerializeMap for Serializer<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result {
        key.serialize(self.again())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result {
        value.serialize(self.again())
    }

    fn end(self) -> Result {
        Ok(())
    }
}
