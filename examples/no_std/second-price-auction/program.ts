// An auction with sealed bids (W. Vickrey, 1961): the highest bidder wins and pays the second highest bid. Nobody
// learns any other bid, nor who made it.
//
// Inputs (two or more): Bid { bidder: String, amount: u64 }, one bidder's each. Result: (String, u64): winner, price.
// Of equal highest bids the first input wins. BadInput: malformed, a bidder without a name, or an amount of 0;
// InvariantFailed: two bids of one bidder; Generic: not enough memory; DataSourceCount: fewer than two inputs.
import {
  Codec,
  decodeInput,
  encodeOutput,
  fail,
  inputCount,
  Pair,
  ReturnCode,
  reserve,
} from "../../../assembly/sdk";

class Bid {
  bidder: string = "";
  amount: u64 = 0;

  fields(codec: Codec): void {
    this.bidder = codec.of(this.bidder);
    this.amount = codec.of(this.amount);
    if (this.bidder.length === 0 || this.amount === 0) codec.reject();
  }
}

export function main(): i32 {
  const count = inputCount();
  if (count.failed) return fail(count.code);
  if (count.value < 2) return fail(ReturnCode.DataSourceCount);
  const bids: Bid[] = [];
  for (let index: u32 = 0; index < count.value; index++) {
    const read = decodeInput<Bid>(index);
    if (read.failed) return fail(read.code);
    for (let other = 0; other < bids.length; other++) {
      if (bids[other].bidder === read.value.bidder) return fail(ReturnCode.InvariantFailed);
    }
    // The list may grow to twice its size.
    if (!reserve((bids.length as usize) << 3)) return fail(ReturnCode.Generic);
    bids.push(read.value);
  }
  let winner = bids[0];
  let price: u64 = 0;
  for (let index = 1; index < bids.length; index++) {
    const bid = bids[index];
    if (bid.amount > winner.amount) {
      price = winner.amount;
      winner = bid;
    } else if (bid.amount > price) {
      price = bid.amount;
    }
  }
  return encodeOutput<Pair<string, u64>>(new Pair<string, u64>(winner.bidder, price));
}
