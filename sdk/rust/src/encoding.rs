//! The classic data encoding (pinecone 0.2, the ancestor of postcard): strict, and bounded before it allocates. Inputs
//! stay until the program ends, so that texts and bytes can be views into them.

use crate::{try_collect, try_vec, write_output, Code, String, Vec};
use alloc::collections::{BTreeMap, BTreeSet};

type Result<T> = core::result::Result<T, Code>;

/// How deep values may be nested: a hostile input must not exhaust the stack.
const DEPTH: u32 = 64;

/// Reads values from bytes. Malformed bytes give `BAD_INPUT`, or what `with_code` says.
pub struct Reader {
    rest: &'static [u8],
    malformed: Code,
    depth: u32,
}

impl Reader {
    /// One that reads from the beginning. Bytes after the last value are ignored.
    pub fn new(bytes: &'static [u8]) -> Self {
        Reader {
            rest: bytes,
            malformed: Code::BAD_INPUT,
            depth: 0,
        }
    }

    /// The same with another code for malformed bytes, `BAD_STREAM` say.
    pub fn with_code(bytes: &'static [u8], malformed: Code) -> Self {
        Reader {
            rest: bytes,
            malformed,
            depth: 0,
        }
    }

    /// The code for malformed bytes: for `Decode`s that find a value they do not allow.
    pub fn malformed(&self) -> Code {
        self.malformed
    }

    /// The next `count` bytes.
    pub fn take(&mut self, count: usize) -> Result<&'static [u8]> {
        if count > self.rest.len() {
            return Err(self.malformed);
        }
        let (taken, rest) = self.rest.split_at(count);
        self.rest = rest;
        Ok(taken)
    }

    /// A value of any type that has a form in the encoding.
    pub fn read<T: Decode>(&mut self) -> Result<T> {
        T::decode(self)
    }

    /// An unsigned LEB128 number of 32 bits: the index of an enumeration, a count.
    pub fn varint(&mut self) -> Result<u32> {
        let mut value = 0u32;
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.read::<u8>()?;
            // Four bits are left for the fifth byte.
            if shift == 28 && byte > 0x0f {
                break;
            }
            value |= u32::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(self.malformed)
    }

    /// A count of items of so many bytes at least: never more than the rest of the bytes can hold.
    pub fn count(&mut self, least: usize) -> Result<usize> {
        let count = self.varint()? as usize;
        if count as u64 * least.max(1) as u64 > self.rest.len() as u64 {
            return Err(self.malformed);
        }
        Ok(count)
    }

    /// `String`, as a view into the bytes.
    pub fn text(&mut self) -> Result<&'static str> {
        let bytes = self.bytes()?;
        core::str::from_utf8(bytes).map_err(|_| self.malformed)
    }

    /// `Vec<u8>`, as a view into the bytes.
    pub fn bytes(&mut self) -> Result<&'static [u8]> {
        let count = self.count(1)?;
        self.take(count)
    }

    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(self.malformed);
        }
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }
}

/// Values that can be read.
pub trait Decode: Sized {
    /// The fewest bytes that one takes.
    const LEAST: usize;
    /// Reads one; the reader's code where the bytes hold none, `GENERIC` where there is no memory.
    fn decode(reader: &mut Reader) -> Result<Self>;
}

/// Values that can be written.
pub trait Encode {
    /// Writes the value.
    fn encode(&self, writer: &mut Writer);
}

/// Writes values to memory that grows. Where there is none left, nothing more is written.
#[derive(Default)]
pub struct Writer {
    bytes: Vec<u8>,
    failed: bool,
}

impl Writer {
    /// One without bytes.
    pub fn new() -> Self {
        Writer::default()
    }

    /// Bytes as they are.
    pub fn raw(&mut self, bytes: &[u8]) {
        let (used, count) = (self.bytes.len(), bytes.len());
        if count > self.bytes.capacity() - used && !self.grow(count) {
            return;
        }
        unsafe {
            let to = self.bytes.as_mut_ptr().add(used);
            to.copy_from_nonoverlapping(bytes.as_ptr(), count);
            self.bytes.set_len(used + count);
        }
    }

    /// Room for so many bytes more: twice as much as needed, or what is needed where memory is short.
    #[inline(never)]
    fn grow(&mut self, count: usize) -> bool {
        let needed = self.bytes.len() as u64 + count as u64;
        for wanted in [64.max(2 * needed), needed] {
            // A failure stays: nothing may be written after a gap.
            if self.failed || wanted > i32::MAX as u64 {
                continue;
            }
            if let Ok(mut larger) = try_vec::<u8>(wanted as usize) {
                unsafe {
                    let to: *mut u8 = larger.as_mut_ptr();
                    to.copy_from_nonoverlapping(self.bytes.as_ptr(), self.bytes.len());
                    larger.set_len(self.bytes.len());
                }
                self.bytes = larger;
                return true;
            }
        }
        self.failed = true;
        false
    }

    /// An unsigned LEB128 number: the index of an enumeration, a count.
    pub fn varint(&mut self, value: u32) {
        let mut rest = value;
        while rest > 0x7f {
            self.raw(&[rest as u8 | 0x80]);
            rest >>= 7;
        }
        self.raw(&[rest as u8]);
    }

    /// A value of any type that has a form in the encoding.
    pub fn write<T: Encode + ?Sized>(&mut self, value: &T) {
        value.encode(self);
    }

    /// What was written; `GENERIC` if memory did not suffice.
    pub fn finish(self) -> Result<Vec<u8>> {
        if self.failed {
            Err(Code::GENERIC)
        } else {
            Ok(self.bytes)
        }
    }
}

/// The value that bytes begin with.
pub fn decode<T: Decode>(bytes: &'static [u8]) -> Result<T> {
    T::decode(&mut Reader::new(bytes))
}

/// The encoding of a value; `GENERIC` where there is no memory for it.
pub fn encode<T: Encode + ?Sized>(value: &T) -> Result<Vec<u8>> {
    let mut writer = Writer::new();
    value.encode(&mut writer);
    writer.finish()
}

/// Gives the host a value, encoded, as this run's result.
pub fn encode_output<T: Encode + ?Sized>(value: &T) -> Result<()> {
    write_output(&encode(value)?)
}

macro_rules! number {
    ($($type:ty)*) => {$(
        impl Decode for $type {
            const LEAST: usize = core::mem::size_of::<$type>();
            fn decode(reader: &mut Reader) -> Result<Self> {
                let mut bytes = [0; core::mem::size_of::<$type>()];
                bytes.copy_from_slice(reader.take(Self::LEAST)?);
                Ok(<$type>::from_le_bytes(bytes))
            }
        }

        impl Encode for $type {
            fn encode(&self, writer: &mut Writer) {
                writer.raw(&self.to_le_bytes());
            }
        }
    )*};
}
number!(u8 i8 u16 i16 u32 i32 u64 i64 f32 f64);

/// Eight bytes in the encoding, whatever the machine.
impl Decode for usize {
    const LEAST: usize = 8;
    fn decode(reader: &mut Reader) -> Result<Self> {
        usize::try_from(reader.read::<u64>()?).map_err(|_| reader.malformed)
    }
}

impl Encode for usize {
    fn encode(&self, writer: &mut Writer) {
        writer.write(&(*self as u64));
    }
}

impl Decode for bool {
    const LEAST: usize = 1;
    fn decode(reader: &mut Reader) -> Result<Self> {
        match reader.read::<u8>()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(reader.malformed),
        }
    }
}

impl Encode for bool {
    fn encode(&self, writer: &mut Writer) {
        writer.raw(&[u8::from(*self)]);
    }
}

impl Decode for char {
    const LEAST: usize = 4;
    fn decode(reader: &mut Reader) -> Result<Self> {
        char::from_u32(reader.read()?).ok_or(reader.malformed)
    }
}

impl Encode for char {
    fn encode(&self, writer: &mut Writer) {
        writer.write(&u32::from(*self));
    }
}

impl Decode for String {
    const LEAST: usize = 1;
    fn decode(reader: &mut Reader) -> Result<Self> {
        let text = reader.text()?.as_bytes();
        let bytes = try_collect(text.len(), |index| Ok(text[index]))?;
        // It was UTF-8 before.
        Ok(unsafe { String::from_utf8_unchecked(bytes) })
    }
}

/// A view into the input.
impl Decode for &'static str {
    const LEAST: usize = 1;
    fn decode(reader: &mut Reader) -> Result<Self> {
        reader.text()
    }
}

/// A view into the input (`Vec<u8>`).
impl Decode for &'static [u8] {
    const LEAST: usize = 1;
    fn decode(reader: &mut Reader) -> Result<Self> {
        reader.bytes()
    }
}

impl<T: Encode + ?Sized> Encode for &T {
    fn encode(&self, writer: &mut Writer) {
        (**self).encode(writer);
    }
}

impl Encode for str {
    fn encode(&self, writer: &mut Writer) {
        writer.varint(self.len() as u32);
        writer.raw(self.as_bytes());
    }
}

impl Encode for String {
    fn encode(&self, writer: &mut Writer) {
        self.as_str().encode(writer);
    }
}

impl<T: Decode> Decode for Vec<T> {
    const LEAST: usize = 1;
    fn decode(reader: &mut Reader) -> Result<Self> {
        let count = reader.count(T::LEAST)?;
        reader.nested(|reader| try_collect(count, |_| T::decode(reader)))
    }
}

impl<T: Encode> Encode for [T] {
    fn encode(&self, writer: &mut Writer) {
        writer.varint(self.len() as u32);
        for item in self {
            item.encode(writer);
        }
    }
}

impl<T: Encode> Encode for Vec<T> {
    fn encode(&self, writer: &mut Writer) {
        self.as_slice().encode(writer);
    }
}

impl<T: Decode + Default + Copy, const N: usize> Decode for [T; N] {
    const LEAST: usize = N * T::LEAST;
    fn decode(reader: &mut Reader) -> Result<Self> {
        let mut items = [T::default(); N];
        for item in &mut items {
            *item = T::decode(reader)?;
        }
        Ok(items)
    }
}

impl<T: Encode, const N: usize> Encode for [T; N] {
    fn encode(&self, writer: &mut Writer) {
        for item in self {
            item.encode(writer);
        }
    }
}

impl<T: Decode> Decode for Option<T> {
    const LEAST: usize = 1;
    fn decode(reader: &mut Reader) -> Result<Self> {
        if reader.read()? {
            reader.nested(T::decode).map(Some)
        } else {
            Ok(None)
        }
    }
}

impl<T: Encode> Encode for Option<T> {
    fn encode(&self, writer: &mut Writer) {
        writer.write(&self.is_some());
        if let Some(value) = self {
            value.encode(writer);
        }
    }
}

/// The last of several values for one key counts. An allocation that fails is a trap.
impl<K: Decode + Ord, V: Decode> Decode for BTreeMap<K, V> {
    const LEAST: usize = 1;
    fn decode(reader: &mut Reader) -> Result<Self> {
        Ok(Vec::<(K, V)>::decode(reader)?.into_iter().collect())
    }
}

impl<K: Encode, V: Encode> Encode for BTreeMap<K, V> {
    fn encode(&self, writer: &mut Writer) {
        writer.varint(self.len() as u32);
        for (key, value) in self {
            key.encode(writer);
            value.encode(writer);
        }
    }
}

/// Equal items become one. An allocation that fails is a trap.
impl<T: Decode + Ord> Decode for BTreeSet<T> {
    const LEAST: usize = 1;
    fn decode(reader: &mut Reader) -> Result<Self> {
        Ok(Vec::<T>::decode(reader)?.into_iter().collect())
    }
}

impl<T: Encode> Encode for BTreeSet<T> {
    fn encode(&self, writer: &mut Writer) {
        writer.varint(self.len() as u32);
        for item in self {
            item.encode(writer);
        }
    }
}

macro_rules! tuple {
    ($($type:ident $index:tt),+) => {
        impl<$($type: Decode),+> Decode for ($($type,)+) {
            const LEAST: usize = 0 $(+ $type::LEAST)+;
            fn decode(reader: &mut Reader) -> Result<Self> {
                Ok(($($type::decode(reader)?,)+))
            }
        }

        impl<$($type: Encode),+> Encode for ($($type,)+) {
            fn encode(&self, writer: &mut Writer) {
                $(self.$index.encode(writer);)+
            }
        }
    };
}
tuple!(A 0);
tuple!(A 0, B 1);
tuple!(A 0, B 1, C 2);
tuple!(A 0, B 1, C 2, D 3);
tuple!(A 0, B 1, C 2, D 3, E 4);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5);
