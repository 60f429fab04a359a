/* An auction with sealed bids; the highest bidder pays the second highest bid: the program of program.ts, in C. */
#include "veracruz.h"

typedef struct {
  vc_bytes bidder;
  uint64_t amount;
} bid;

static vc_code read_bid(uint32_t index, bid *out) {
  vc_bytes input;
  vc_code code = vc_input(index, &input);
  if (code != VC_SUCCESS) return code;
  vc_reader reader = vc_read(input);
  out->bidder = vc_read_string(&reader);
  out->amount = vc_read_u64(&reader);
  return reader.failed || out->bidder.length == 0 || out->amount == 0 ? VC_BAD_INPUT : VC_SUCCESS;
}

int main(void) {
  uint32_t count;
  vc_code code = vc_input_count(&count);
  if (code != VC_SUCCESS) return code;
  if (count < 2) return VC_DATA_SOURCE_COUNT;
  bid *bids = calloc(count, sizeof(bid));
  if (!bids) return VC_GENERIC;
  for (uint32_t index = 0; index < count; index++) {
    code = read_bid(index, bids + index);
    if (code != VC_SUCCESS) return code;
    for (uint32_t other = 0; other < index; other++)
      if (vc_equal(bids[other].bidder, bids[index].bidder)) return VC_INVARIANT_FAILED;
  }
  const bid *winner = bids;
  uint64_t price = 0;
  for (const bid *next = bids + 1; next < bids + count; next++) {
    if (next->amount > winner->amount) {
      price = winner->amount;
      winner = next;
    } else if (next->amount > price) {
      price = next->amount;
    }
  }
  vc_writer result = vc_write();
  vc_write_bytes(&result, winner->bidder);
  vc_write_u64(&result, price);
  return vc_output(&result);
}
