//! An auction with sealed bids; the highest bidder pays the second highest bid: the program of program.ts, in Rust.
#![no_std]

use veracruz::{decode, encode_output, entry, input, input_count, try_vec, Code, Vec};

type Bid = (&'static str, u64);

fn program() -> Result<(), Code> {
    let count = input_count()?;
    if count < 2 {
        return Err(Code::DATA_SOURCE_COUNT);
    }
    let mut bids: Vec<Bid> = try_vec(count as usize)?;
    for index in 0..count {
        let bid: Bid = decode(input(index)?)?;
        if bid.0.is_empty() || bid.1 == 0 {
            return Err(Code::BAD_INPUT);
        }
        if bids.iter().any(|other| other.0 == bid.0) {
            return Err(Code::INVARIANT_FAILED);
        }
        bids.push(bid);
    }
    let (mut winner, mut price) = (bids[0], 0);
    for bid in &bids[1..] {
        if bid.1 > winner.1 {
            price = winner.1;
            winner = *bid;
        } else if bid.1 > price {
            price = bid.1;
        }
    }
    encode_output(&(winner.0, price))
}
entry!(program);
