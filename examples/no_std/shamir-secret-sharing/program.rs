//! Puts a shared secret together again (Shamir, 1979), in GF(2^8): the program of program.ts, in Rust.
#![no_std]

use veracruz::{entry, inputs, try_collect, write_output, Code};

/// Product modulo x^8 + x^4 + x^3 + x + 1. The same steps whatever the factors: shares are secret.
fn multiply(mut a: u32, mut b: u32) -> u32 {
    let mut product = 0;
    for _ in 0..8 {
        product ^= a & (b & 1).wrapping_neg();
        a = ((a << 1) ^ (0x11b & (a >> 7).wrapping_neg())) & 0xff;
        b >>= 1;
    }
    product
}

/// a^254.
fn inverse(a: u32) -> u32 {
    let mut power = a;
    for _ in 0..6 {
        power = multiply(multiply(power, power), a);
    }
    multiply(power, power)
}

fn program() -> Result<(), Code> {
    let shares = inputs(1)?;
    // There are 255 different x; one more share repeats one.
    if shares.len() > 255 {
        return Err(Code::BAD_INPUT);
    }
    for (index, share) in shares.iter().enumerate() {
        if share.len() < 2 || share[0] == 0 {
            return Err(Code::BAD_INPUT);
        }
        for other in &shares[..index] {
            if other.len() != share.len() {
                return Err(Code::DATA_SOURCE_SIZE);
            }
            if other[0] == share[0] {
                return Err(Code::BAD_INPUT);
            }
        }
    }

    let mut secret = try_collect(shares[0].len() - 1, |_| Ok(0u8))?;
    for share in &shares {
        // Lagrange's weight of this share for the value at 0; subtraction in this field is exclusive or.
        let x = u32::from(share[0]);
        let mut weight = 1;
        for other in shares.iter().map(|other| u32::from(other[0])) {
            if other != x {
                weight = multiply(weight, multiply(other, inverse(other ^ x)));
            }
        }
        for (byte, value) in secret.iter_mut().zip(&share[1..]) {
            *byte ^= multiply(weight, u32::from(*value)) as u8;
        }
    }
    write_output(&secret)
}
entry!(program);
