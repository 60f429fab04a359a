import { test } from "uvu";
import * as assert from "uvu/assert";
import { systemTool } from "../../host/common/system-tools.js";
import { allProofs, readRuntime } from "../../model/arithmetic/all-proofs.js";
import { Machine } from "../../model/arithmetic/machine.js";
import { tryMutations } from "../../model/arithmetic/mutations.js";
import { address } from "../../model/arithmetic/proofs.js";
import { parseWat } from "../../model/arithmetic/wat.js";
import { skip } from "../support/shared.js";

const small = (body: string) =>
  parseWat(`(module\n (func $f (param $0 i32)\n${body}\n )\n)`.replace(/^ {4}/gm, "  "));

test("a sum that may leave 32 bits is refused, and one that may not is taken", () => {
  const module = small(
    "  local.get $0\n  local.get $0\n  i32.load\n  i32.const 1\n  i32.add\n  i32.store",
  );
  const add = (highest: bigint) => {
    const machine = new Machine(module);
    machine.setWord(64, machine.input(0n, highest));
    machine.call("$f", [address(64)]);
    return machine.word(64).hi;
  };
  assert.is(add(2n ** 32n - 2n), 2n ** 32n - 1n);
  assert.throws(() => add(2n ** 32n - 1n), /line 7: i32.add may overflow/);
});

test("what depends on an unknown condition is refused", () => {
  const module = small("  local.get $0\n  i32.load\n  if\n   nop\n  end");
  const machine = new Machine(module);
  machine.setWord(64, machine.input(0n, 1n));
  assert.throws(() => machine.call("$f", [address(64)]), /line 5: if by an unknown value/);
});

test("a block without its end is refused with its line", () => {
  assert.throws(() => small("  local.get $0\n  if"), /line 4: a block without its end/);
});

test("a wrong identity is refused: a constant of a multiplication changed by one", () => {
  const proof = allProofs.find((each) => each.function.endsWith("x25519-field/fieldMultiply"));
  assert.ok(proof);
  const module = readRuntime();
  const body = module.functions.get(proof.function)?.body ?? [];
  const nineteen = body.findIndex(({ op, args }) => op === "i32.const" && args[0] === "19");
  assert.ok(nineteen >= 0);
  body[nineteen] = { op: "i32.const", args: ["18"], line: 0 };
  assert.throws(() => proof.prove(module), /does not hold modulo the prime/);
});

if (systemTool("z3") === undefined) {
  skip(allProofs.length + 1, "the proofs need z3");
} else {
  for (const proof of allProofs) {
    test(`for all inputs, ${proof.function.replace("$assembly/crypto/", "")}: ${proof.claim}`, () => {
      assert.ok(proof.prove(readRuntime()).length > 0);
    });
  }

  test("every mutation of P-256's subtraction and of its carries is caught", () => {
    for (const name of ["p256-field/fieldSubtract", "p256-field/fieldSubtractCarried"]) {
      const proof = allProofs.find((each) => each.function.endsWith(name));
      assert.ok(proof);
      const report = tryMutations(readRuntime(), proof);
      assert.ok(report.tried > 50);
      assert.equal(report.missed, []);
      assert.is(report.caught + report.equivalent, report.tried);
    }
  });
}

test.run();
