// How many of the customers who saw an advertisement bought something, and for how much in all. Neither
// the advertiser nor the shop learns which customers.
//
// Inputs: Vec<String>, who saw it (a repeated one counts once); Vec<(String, u64)>, each purchase: who,
// and the price in cents. Result: (u64, u64), customers in both, and the sum of their purchases.
// BadInput: malformed; InvariantFailed: the sum exceeds 64 bits; Generic: not enough memory;
// DataSourceCount: not two inputs.
import {
  decodeInput,
  encodeOutput,
  fail,
  Pair,
  ReturnCode,
  requireInputs,
  reserve,
} from "../../../assembly/sdk";

type Purchase = Pair<string, u64>;

/** Below 0, 0, or above 0: as `other` comes after, is equal, or comes before. */
function compareCustomers(one: string, other: string): i32 {
  return one < other ? -1 : one > other ? 1 : 0;
}

function comparePurchases(one: Purchase, other: Purchase): i32 {
  return compareCustomers(one.first, other.first);
}

export function main(): i32 {
  const count = requireInputs(2);
  if (count !== ReturnCode.Success) return fail(count);
  const viewers = decodeInput<Array<string>>(0);
  if (viewers.failed) return fail(viewers.code);
  const bought = decodeInput<Array<Purchase>>(1);
  if (bought.failed) return fail(bought.code);

  const customers = viewers.value;
  const purchases = bought.value;
  // Sorting needs room for as many references again.
  const longest = max(customers.length, purchases.length) as usize;
  if (!reserve(longest * sizeof<usize>())) return fail(ReturnCode.Generic);
  customers.sort(compareCustomers);
  purchases.sort(comparePurchases);

  const result = new Pair<u64, u64>(0, 0);
  let next = 0;
  for (let i = 0; i < customers.length; i++) {
    const customer = customers[i];
    while (next < purchases.length && purchases[next].first < customer) next++;
    // A customer named again finds the purchases used up.
    const first = next;
    while (next < purchases.length && compareCustomers(purchases[next].first, customer) === 0) {
      const price = purchases[next++].second;
      if (price > u64.MAX_VALUE - result.second) return fail(ReturnCode.InvariantFailed);
      result.second += price;
    }
    if (next > first) result.first++;
  }
  return encodeOutput<Pair<u64, u64>>(result);
}
