//! Reads values. Texts and bytes may be views into the input, which stays until the program ends.

use crate::Error;
use serde::de::{self, DeserializeSeed, IntoDeserializer, Visitor};
use veracruz::Reader;

type Result<T> = core::result::Result<T, Error>;

/// How deep values may be nested: a hostile input must not exhaust the stack.
const DEPTH: u32 = 64;

pub struct Deserializer<'a> {
    reader: &'a mut Reader,
    depth: u32,
}

impl<'a> Deserializer<'a> {
    pub fn new(reader: &'a mut Reader) -> Self {
        Deserializer { reader, depth: 0 }
    }

    fn malformed<T>(&self) -> Result<T> {
        Err(Error(self.reader.malformed()))
    }

    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth == DEPTH {
            return self.malformed();
        }
        self.depth += 1;
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    /// So many items, one after the other.
    fn items<V: Visitor<'static>>(&mut self, count: usize, visitor: V) -> Result<V::Value> {
        self.nested(|of| visitor.visit_seq(Items { of, left: count }))
    }
}

macro_rules! numbers {
    ($($method:ident $visit:ident),* $(,)?) => {$(
        fn $method<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value> {
            visitor.$visit(self.reader.read()?)
        }
    )*};
}

impl de::Deserializer<'static> for &mut Deserializer<'_> {
    type Error = Error;

    numbers!(
        deserialize_bool visit_bool, deserialize_char visit_char,
        deserialize_i8 visit_i8, deserialize_i16 visit_i16,
        deserialize_i32 visit_i32, deserialize_i64 visit_i64,
        deserialize_u8 visit_u8, deserialize_u16 visit_u16,
        deserialize_u32 visit_u32, deserialize_u64 visit_u64,
        deserialize_f32 visit_f32, deserialize_f64 visit_f64,
    );

    /// The encoding does not say of what type a value is.
    fn deserialize_any<V: Visitor<'static>>(self, _visitor: V) -> Result<V::Value> {
        self.malformed()
    }

    fn deserialize_ignored_any<V: Visitor<'static>>(self, _visitor: V) -> Result<V::Value> {
        self.malformed()
    }

    fn deserialize_identifier<V: Visitor<'static>>(self, _visitor: V) -> Result<V::Value> {
        self.malformed()
    }

    fn deserialize_str<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_borrowed_str(self.reader.text()?)
    }

    fn deserialize_string<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_borrowed_bytes(self.reader.bytes()?)
    }

    fn deserialize_byte_buf<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value> {
        if self.reader.read()? {
            self.nested(|of| visitor.visit_some(of))
        } else {
            visitor.visit_none()
        }
    }

    fn deserialize_unit<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'static>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'static>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value> {
        self.nested(|of| visitor.visit_newtype_struct(of))
    }

    fn deserialize_seq<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value> {
        let count = self.reader.count(1)?;
        self.items(count, visitor)
    }

    fn deserialize_tuple<V: Visitor<'static>>(self, length: usize, visitor: V) -> Result<V::Value> {
        self.items(length, visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'static>>(
        self,
        _name: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value> {
        self.items(length, visitor)
    }

    fn deserialize_struct<V: Visitor<'static>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.items(fields.len(), visitor)
    }

    fn deserialize_map<V: Visitor<'static>>(self, visitor: V) -> Result<V::Value> {
        let left = self.reader.count(1)?;
        self.nested(|of| visitor.visit_map(Items { of, left }))
    }

    fn deserialize_enum<V: Visitor<'static>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.nested(|of| visitor.visit_enum(Variant(of)))
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

/// Items of a sequence or a map. How many there are to be is not told: nobody allocates for items that may not be there.
struct Items<'a, 'b> {
    of: &'a mut Deserializer<'b>,
    left: usize,
}

impl<'a, 'b> de::SeqAccess<'static> for Items<'a, 'b> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'static>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        seed.deserialize(&mut *self.of).map(Some)
    }
}

impl<'a, 'b> de::MapAccess<'static> for Items<'a, 'b> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'static>>(&mut self, seed: K) -> Result<Option<K::Value>> {
        de::SeqAccess::next_element_seed(self, seed)
    }

    fn next_value_seed<T: DeserializeSeed<'static>>(&mut self, seed: T) -> Result<T::Value> {
        seed.deserialize(&mut *self.of)
    }
}

/// One of several variants: its number, then what it holds.
struct Variant<'a, 'b>(&'a mut Deserializer<'b>);

impl<'a, 'b> de::EnumAccess<'static> for Variant<'a, 'b> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<T: DeserializeSeed<'static>>(self, seed: T) -> Result<(T::Value, Self)> {
        let index: u32 = self.0.reader.varint()?;
        let value = seed.deserialize(IntoDeserializer::<Error>::into_deserializer(index))?;
        Ok((value, self))
    }
}

impl<'a, 'b> de::VariantAccess<'static> for Variant<'a, 'b> {
    type Error = Error;

    fn unit_variant(self) -> Result<()> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'static>>(self, seed: T) -> Result<T::Value> {
        seed.deserialize(self.0)
    }

    fn tuple_variant<V: Visitor<'static>>(self, length: usize, visitor: V) -> Result<V::Value> {
        self.0.items(length, visitor)
    }

    fn struct_variant<V: Visitor<'static>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.0.items(fields.len(), visitor)
    }
}
