// A small run of `npm run fuzz:attestation`; see fuzzing.ts.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Findings, fuzz } from "./fuzzing.js";

test("malformed CBOR, DER and messages: always a verdict, never an exception, nothing accepted", async () => {
  const seen = new Map<string, Findings>();
  await fuzz(1500, 20_240_901, (target, findings) => seen.set(target, findings));
  assert.is(seen.size, 13);
  for (const [target, { refusals }] of seen)
    assert.ok(Object.keys(refusals).length >= 2, `${target}: only ${Object.keys(refusals)}`);
});

test.run();
