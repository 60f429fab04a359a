//! Random numbers of the platform for crates that ask `getrandom` 0.2 for them, `rand` say. Name this crate once, so that
//! it is linked: `use veracruz_getrandom as _;`.
#![no_std]

use core::num::NonZeroU32;
use getrandom::Error;

/// Fills a buffer from the platform's trusted source. An error's number is `CUSTOM_START` and the H-call's code without
/// its sign.
fn from_platform(buffer: &mut [u8]) -> Result<(), Error> {
    veracruz::getrandom(buffer).map_err(|code| {
        let number = Error::CUSTOM_START.saturating_add(code.0.unsigned_abs());
        NonZeroU32::new(number).map_or(Error::UNSUPPORTED, Error::from)
    })
}
getrandom::register_custom_getrandom!(from_platform);
