//! A program's files, whose bytes stay until it ends, and random numbers from the platform.

use crate::hcalls::*;
use crate::allocator::try_alloc;
use crate::{try_collect, Code, Vec};

type Result<T> = core::result::Result<T, Code>;

/// The integer that an H-call stores. Room for twice as much: one early host stored 8 bytes as a length.
fn stored(call: impl FnOnce(*mut u32) -> i32) -> Result<u32> {
    let mut out = [0u32; 2];
    Code::check(call(out.as_mut_ptr()))?;
    Ok(out[0])
}

/// A whole file: asks for its length, then for its bytes. They stay until the program ends.
fn whole(length: u32, read: impl FnOnce(*mut u8, usize) -> i32) -> Result<&'static [u8]> {
    let length = length as usize;
    let buffer = try_alloc::<u8>(length)?;
    Code::check(read(buffer, length))?;
    // The host has filled all of it.
    Ok(unsafe { core::slice::from_raw_parts(buffer, length) })
}

/// How many inputs the run has.
pub fn input_count() -> Result<u32> {
    stored(|out| unsafe { __veracruz_hcall_input_count(out) })
}

/// Length in bytes of the input `index`, from 0.
pub fn input_size(index: u32) -> Result<u32> {
    stored(|out| unsafe { __veracruz_hcall_input_size(index, out) })
}

/// The input `index`, from 0: `BAD_INPUT` if there is none, `GENERIC` if there is no memory for it.
pub fn input(index: u32) -> Result<&'static [u8]> {
    whole(input_size(index)?, |buffer, capacity| unsafe {
        __veracruz_hcall_read_input(index, buffer, capacity)
    })
}

/// All inputs in order; `DATA_SOURCE_COUNT` if there are fewer than `least`.
pub fn inputs(least: u32) -> Result<Vec<&'static [u8]>> {
    let count = input_count()?;
    if count < least {
        return Err(Code::DATA_SOURCE_COUNT);
    }
    try_collect(count as usize, |index| input(index as u32))
}

/// `DATA_SOURCE_COUNT` unless the run has exactly so many inputs.
pub fn require_inputs(count: u32) -> Result<()> {
    if input_count()? == count {
        Ok(())
    } else {
        Err(Code::DATA_SOURCE_COUNT)
    }
}

/// How many stream items this round has.
pub fn stream_count() -> Result<u32> {
    stored(|out| unsafe { __veracruz_hcall_stream_count(out) })
}

/// Length in bytes of the stream item `index`, from 0.
pub fn stream_size(index: u32) -> Result<u32> {
    stored(|out| unsafe { __veracruz_hcall_stream_size(index, out) })
}

/// This round's stream item `index`, from 0: `BAD_STREAM` if there is none.
pub fn stream(index: u32) -> Result<&'static [u8]> {
    whole(stream_size(index)?, |buffer, capacity| unsafe {
        __veracruz_hcall_read_stream(index, buffer, capacity)
    })
}

/// `STREAM_SOURCE_COUNT` unless the round has exactly so many stream items.
pub fn require_streams(count: u32) -> Result<()> {
    if stream_count()? == count {
        Ok(())
    } else {
        Err(Code::STREAM_SOURCE_COUNT)
    }
}

/// What the round before left; `None` in the first round.
pub fn previous_result() -> Result<Option<&'static [u8]>> {
    if stored(|out| unsafe { __veracruz_hcall_has_previous_result(out) })? == 0 {
        return Ok(None);
    }
    let length = stored(|out| unsafe { __veracruz_hcall_previous_result_size(out) })?;
    whole(length, |buffer, capacity| unsafe {
        __veracruz_hcall_read_previous_result(buffer, capacity)
    })
    .map(Some)
}

/// Gives the host this run's result; `RESULT_ALREADY_WRITTEN` the second time.
pub fn write_output(bytes: &[u8]) -> Result<()> {
    Code::check(unsafe { __veracruz_hcall_write_output(bytes.as_ptr(), bytes.len()) })
}

/// Fills a buffer from the platform's trusted source. Do not use the bytes where it fails.
pub fn getrandom(buffer: &mut [u8]) -> Result<()> {
    Code::check(unsafe { __veracruz_hcall_getrandom(buffer.as_mut_ptr(), buffer.len()) })
}

/// A whole number from 0 to `bound` - 1, each as probable as the others (D. Lemire, 2019); 0 for 0.
pub fn random_below(bound: u32) -> Result<u32> {
    if bound == 0 {
        return Ok(0);
    }
    // 2^32 mod bound: that many of the low halves would make some numbers more probable.
    let excess = bound.wrapping_neg() % bound;
    loop {
        let mut bits = [0u8; 4];
        getrandom(&mut bits)?;
        let product = u64::from(u32::from_le_bytes(bits)) * u64::from(bound);
        if product as u32 >= excess {
            return Ok((product >> 32) as u32);
        }
    }
}
