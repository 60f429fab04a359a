//! Noisy counts of people in bins (differential privacy): the program of program.ts, in Rust.
#![no_std]

use veracruz::{decode, encode_output, entry, inputs, random_below, try_collect, Code, Vec};

const MOST_BINS: u32 = 65536;
const MOST: u32 = 1000;

/// True with probability exp(-part/whole), for part <= whole.
fn exponential(part: u32, whole: u32) -> Result<bool, Code> {
    let mut k = 1;
    while random_below(whole * k)? < part {
        k += 1;
    }
    Ok(k & 1 == 1)
}

/// Discrete Laplace noise: z with a probability in proportion to exp(-|z| numerator/denominator).
fn laplace(numerator: u32, denominator: u32) -> Result<i64, Code> {
    loop {
        let offset = random_below(denominator)?;
        if !exponential(offset, denominator)? {
            continue;
        }
        let mut turns = 0u64;
        while exponential(1, 1)? {
            turns += 1;
        }
        let magnitude = (u64::from(offset) + turns * u64::from(denominator)) / u64::from(numerator);
        let negative = random_below(2)? == 1;
        if negative && magnitude == 0 {
            continue;
        }
        return Ok(if negative { -(magnitude as i64) } else { magnitude as i64 });
    }
}

fn program() -> Result<(), Code> {
    let inputs = inputs(2)?;
    let (bins, numerator, denominator): (u32, u32, u32) = decode(inputs[0])?;
    let allowed = 1..=MOST;
    if !(1..=MOST_BINS).contains(&bins)
        || !allowed.contains(&numerator)
        || !allowed.contains(&denominator)
    {
        return Err(Code::BAD_INPUT);
    }
    let mut counts: Vec<i64> = try_collect(bins as usize, |_| Ok(0))?;
    for input in &inputs[1..] {
        let people: Vec<u32> = decode(input)?;
        for bin in people {
            *counts.get_mut(bin as usize).ok_or(Code::BAD_INPUT)? += 1;
        }
    }
    for count in &mut counts {
        *count += laplace(numerator, denominator)?;
    }
    encode_output(&(counts, (numerator, denominator)))
}
entry!(program);
