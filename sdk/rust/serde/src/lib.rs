//! The classic data encoding (pinecone 0.2, the ancestor of postcard) for types that implement serde's traits, by
//! `#[derive(Serialize, Deserialize)]` say. Reading is as strict as that of `veracruz`: counts are held against the bytes
//! that are left, nothing is allocated for items that are not there, and values are nested 64 deep at most.
//!
//! The encoding does not describe itself: what asks a format for its types (`#[serde(untagged)]`, `flatten`, fields that
//! are skipped when they are read) is an error.
#![no_std]

extern crate alloc;

mod de;
mod ser;

use core::fmt;
use serde::{Deserialize, Serialize};
use veracruz::{write_output, Code, Reader, Vec, Writer};

/// Why a value could not be read or written: the code that the program returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error(pub Code);

impl From<Code> for Error {
    fn from(code: Code) -> Self {
        Error(code)
    }
}

impl From<Error> for Code {
    fn from(error: Error) -> Self {
        error.0
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        write!(formatter, "code {}", self.0 .0)
    }
}

impl serde::de::StdError for Error {}

/// What a type's own `Deserialize` refuses is malformed input.
impl serde::de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        tell(message);
        Error(Code::BAD_INPUT)
    }
}

/// What a type's own `Serialize` refuses, and what has no form in the encoding, breaks what the program takes for granted.
impl serde::ser::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        tell(message);
        Error(Code::INVARIANT_FAILED)
    }
}

/// Shows a message where vc-fee runs a program with the feature `debug` of `veracruz`.
fn tell(message: impl fmt::Display) {
    #[cfg(feature = "debug")]
    veracruz::print(&alloc::string::ToString::to_string(&message));
    #[cfg(not(feature = "debug"))]
    let _ = message;
}

/// The value that bytes begin with: `BAD_INPUT` where they hold none.
pub fn decode<T: Deserialize<'static>>(bytes: &'static [u8]) -> Result<T, Code> {
    decode_with(&mut Reader::new(bytes))
}

/// The next value of a reader, with its code for malformed bytes.
pub fn decode_with<T: Deserialize<'static>>(reader: &mut Reader) -> Result<T, Code> {
    let malformed = reader.malformed();
    T::deserialize(&mut de::Deserializer::new(reader)).map_err(|error| {
        // Of the type's own.
        if error.0 == Code::BAD_INPUT {
            malformed
        } else {
            error.0
        }
    })
}

/// The encoding of a value; `GENERIC` where there is no memory for it.
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, Code> {
    let mut writer = Writer::new();
    value.serialize(ser::Serializer(&mut writer))?;
    writer.finish()
}

/// Gives the host a value, encoded, as this run's result.
pub fn encode_output<T: Serialize + ?Sized>(value: &T) -> Result<(), Code> {
    write_output(&encode(value)?)
}
