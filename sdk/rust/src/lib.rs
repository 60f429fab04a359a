//! Programs for a Veracruz isolate.
//!
//! ```ignore
//! #![no_std]
//! use veracruz::{entry, input, write_output, Code};
//!
//! fn program() -> Result<(), Code> {
//!     write_output(input(0)?)
//! }
//! entry!(program);
//! ```
//!
//! What fails gives a [`Code`], which `?` hands on: `entry!` makes a `main` that returns it. A panic is a
//! trap: the run fails without a code. With the feature `debug`, vc-fee shows its message.
#![no_std]
#![cfg_attr(alloc_error_handler, feature(alloc_error_handler))]

extern crate alloc;

mod allocator;
mod code;
mod encoding;
mod files;
mod hcalls;
mod sort;

pub use alloc::{string::String, vec::Vec};
pub use allocator::{try_collect, try_vec, Allocator};
pub use code::Code;
pub use encoding::{decode, encode, encode_output, Decode, Encode, Reader, Writer};
pub use files::*;
pub use sort::sort;

/// Makes the program's `main` from a function `fn() -> Result<(), Code>`.
#[macro_export]
macro_rules! entry {
    ($program:path) => {
        #[no_mangle]
        pub extern "C" fn main() -> i32 {
            match $program() {
                Ok(()) => 0,
                Err(code) => code.for_main(),
            }
        }
    };
}

/// Implements [`Decode`] and [`Encode`] for structs, field by field in order:
///
/// ```ignore
/// record! {
///     #[derive(PartialEq)]
///     pub struct Reading { pub sensor: String, pub celsius: Vec<f64> }
/// }
/// ```
#[macro_export]
macro_rules! record {
    ($(#[$attribute:meta])* $visible:vis struct $name:ident {
        $($(#[$field_attribute:meta])* $field_visible:vis $field:ident : $type:ty),* $(,)?
    }) => {
        $(#[$attribute])*
        $visible struct $name { $($(#[$field_attribute])* $field_visible $field: $type),* }

        impl $crate::Decode for $name {
            const LEAST: usize = 0 $(+ <$type as $crate::Decode>::LEAST)*;
            fn decode(reader: &mut $crate::Reader) -> Result<Self, $crate::Code> {
                Ok(Self { $($field: <$type as $crate::Decode>::decode(reader)?),* })
            }
        }

        impl $crate::Encode for $name {
            fn encode(&self, writer: &mut $crate::Writer) {
                $($crate::Encode::encode(&self.$field, writer);)*
            }
        }
    };
}

/// Shows a text when vc-fee runs the program; nothing without the feature `debug`.
pub fn print(text: &str) {
    #[cfg(feature = "debug")]
    hcalls::print(text);
    #[cfg(not(feature = "debug"))]
    let _ = text;
}

#[cfg(all(target_arch = "wasm32", not(feature = "no-panic-handler")))]
#[panic_handler]
fn panic(_info: &core::panic::PanicInfo) -> ! {
    #[cfg(feature = "debug")]
    {
        use alloc::string::ToString;
        hcalls::print(&_info.to_string());
    }
    core::arch::wasm32::unreachable()
}

#[cfg(all(alloc_error_handler, target_arch = "wasm32", not(feature = "no-panic-handler")))]
#[alloc_error_handler]
fn allocation_failed(_layout: core::alloc::Layout) -> ! {
    core::arch::wasm32::unreachable()
}

#[cfg(all(target_arch = "wasm32", not(feature = "no-allocator")))]
#[global_allocator]
static ALLOCATOR: Allocator = Allocator::new();
