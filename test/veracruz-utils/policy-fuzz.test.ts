import { test } from "uvu";
import * as assert from "uvu/assert";
import { fuzzPolicies } from "./policy-fuzz.js";
import { isValidPolicy } from "./reference.js";
import { fullPolicy, samplePolicy, textOf } from "./sample-policies.js";

test("the reference accepts the sample policies", () => {
  assert.ok(isValidPolicy(textOf(samplePolicy())));
  assert.ok(isValidPolicy(textOf(fullPolicy())));
});

test("6,000 mutated policies: no trap, and the isolate agrees with the reference on each", () => {
  const { accepted, refused, reasons } = fuzzPolicies(6_000, 4);
  assert.ok(accepted > 1000, `${accepted} accepted`);
  assert.ok(refused > 3000, `${refused} refused`);
  assert.ok(reasons.size > 30, `${reasons.size} reasons`);
});

test.run();
