//! The Levenshtein distance of two strings, in Unicode scalar values: the program of program.ts, in Rust.
#![no_std]

use veracruz::{decode, encode_output, entry, input, require_inputs, try_collect, Code, Vec};

/// The scalar values of input `index`, a String.
fn scalars(index: u32) -> Result<Vec<char>, Code> {
    let text: &str = decode(input(index)?)?;
    let mut count = 0;
    // `count()` is faster, and larger than all of this program.
    for _ in text.chars() {
        count += 1;
    }
    let mut letters = text.chars();
    try_collect(count, |_| letters.next().ok_or(Code::INVARIANT_FAILED))
}

/// One row of the table of prefixes' distances at a time (Wagner and Fischer).
fn edit_distance(down: &[char], across: &[char]) -> Result<u32, Code> {
    let mut row = try_collect(across.len() + 1, |j| Ok(j as u32))?;
    for (i, letter) in down.iter().enumerate() {
        let mut diagonal = row[0];
        let mut left = i as u32 + 1;
        row[0] = left;
        for (cell, other) in row[1..].iter_mut().zip(across) {
            let above = *cell;
            let replaced = diagonal + u32::from(letter != other);
            left = replaced.min(above.min(left) + 1);
            *cell = left;
            diagonal = above;
        }
    }
    Ok(row[across.len()])
}

fn program() -> Result<(), Code> {
    require_inputs(2)?;
    let (first, second) = (scalars(0)?, scalars(1)?);
    encode_output(&u64::from(edit_distance(&first, &second)?))
}
entry!(program);
