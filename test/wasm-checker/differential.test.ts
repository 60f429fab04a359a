// The checker's verdicts against those of V8 and wabt; the long command (`npm run fuzz:checker`) compares
// a hundred thousand and more.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Checker } from "../../host/wasm-checker/checker.js";
import { Random } from "../support/random.js";
import { program } from "./bytes.js";
import { compareVerdicts } from "./fuzz/differential.js";
import { generate } from "./fuzz/generate.js";
import { mutants } from "./fuzz/modules.js";
import { v8Refusal, wabtRefusal } from "./fuzz/verdicts.js";

const COMPARED = 4000;

test("random valid programs are accepted by all three", () => {
  const checker = new Checker("host");
  for (let seed = 0; seed < 300; seed++) {
    const module = generate(new Random(seed));
    assert.is(checker.check(module).code, 0, `seed ${seed}`);
    assert.is(v8Refusal(module), undefined, `seed ${seed}`);
    assert.is(wabtRefusal(module), undefined, `seed ${seed}`);
  }
});

test(`${COMPARED} mutated modules: no difference that is not explained`, () => {
  const { compared, accepted, outside, unexplained } = compareVerdicts(1, COMPARED);
  assert.is(compared, COMPARED);
  assert.equal(
    unexplained.map(({ code, v8, wabt, module }) => ({
      ...{ code, v8, wabt },
      module: Buffer.from(module).toString("hex"),
    })),
    [],
  );
  // The comparison is worth something: accepted, invalid and refused modules are all among them.
  assert.ok(accepted > COMPARED / 10, `${accepted} accepted`);
  assert.ok(outside > COMPARED / 50, `${outside} refused for features, ABI or limits`);
  assert.ok(compared - accepted - outside > COMPARED / 4, "invalid");
});

test("the oracles tell valid from invalid", () => {
  const good = program();
  const bad = program({ bodies: [[4, 0, 0x42, 0, 0x0b]] });
  assert.equal([v8Refusal(good), wabtRefusal(good)], [undefined, undefined]);
  assert.match(v8Refusal(bad) ?? "", /i32/);
  assert.match(wabtRefusal(bad) ?? "", /i32/);
});

test("the same seed makes the same modules", () => {
  const once = [...mutants(9, 100)];
  assert.equal([...mutants(9, 100)], once);
  assert.not.equal([...mutants(10, 100)], once);
});

test.run();
