//! The sum of one party's numbers over those whom all parties know: the program of program.ts, in Rust.
#![no_std]

use veracruz::{decode, encode_output, entry, inputs, sort, Code, Vec};

/// Whether the ordered ids hold this one.
fn holds(ids: &[u64], id: u64) -> bool {
    let (mut low, mut high) = (0, ids.len());
    while low < high {
        let middle = (low + high) / 2;
        if ids[middle] < id {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    ids.get(low) == Some(&id)
}

fn program() -> Result<(), Code> {
    let inputs = inputs(2)?;
    let mut entries: Vec<(u64, u64)> = decode(inputs[0])?;
    for input in &inputs[1..] {
        let mut ids: Vec<u64> = decode(input)?;
        sort(&mut ids, u64::cmp);
        entries.retain(|(id, _)| holds(&ids, *id));
    }
    let mut sum = 0u64;
    for (_, value) in &entries {
        sum = sum.checked_add(*value).ok_or(Code::INVARIANT_FAILED)?;
    }
    encode_output(&(entries.len() as u64, sum))
}
entry!(program);
