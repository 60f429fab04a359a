// Of the compiler's rules some, broken one by one: the programs written for them show it. Which, the commit decides.
// `npm run mutants:thumb2` breaks all.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { emulatedBoards, missingTools } from "../../host/mcu/toolchain.js";
import { Thumb2Compiler } from "../../host/thumb2-compiler/compiler.js";
import { rotation } from "../mcu-client/rotation.js";
import { skip } from "../support/shared.js";
import { compilerWithout, RULES, sourceOf } from "./rules.js";
import { shownByHand } from "./shown.js";

/** Into how many parts the rules are cut. */
const PARTS = 8;

const { turn, from } = rotation();
console.log(`NOTE: rotation ${turn}, by ${from}; VC_TEST_ROTATION takes a number, or all`);

test("each rule has a place of its own in the compiler, and a name", () => {
  for (const rule of RULES) assert.ok(sourceOf(rule));
  assert.is(new Set(RULES.map(({ rule }) => rule)).size, RULES.length);
  assert.is(new Set(RULES.map(({ file, text }) => `${file}: ${text}`)).size, RULES.length);
});

const reason = missingTools();
if (reason) skip(2, reason);
else {
  const board = emulatedBoards[turn === "all" ? 0 : turn % emulatedBoards.length] ?? "mps2-an505";

  test(`programs written by hand show on ${board} that a rule is broken`, async () => {
    const rules = RULES.filter((_, index) => turn === "all" || index % PARTS === turn % PARTS);
    for (const rule of rules)
      assert.ok(await shownByHand(await compilerWithout(rule), board), rule.rule);
  });

  test("and nothing of a compiler in which none is", async () => {
    const [rule] = RULES;
    assert.ok(rule);
    const whole = await compilerWithout({ ...rule, instead: rule.text });
    assert.is(await shownByHand(whole, board), undefined);
    assert.is(await shownByHand(new Thumb2Compiler(), board), undefined);
  });
}

test.run();
