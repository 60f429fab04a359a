// Random programs, compiled, on emulated boards: they end as in wasm3 and in V8. `npm run fuzz:thumb2` runs more.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { emulatedBoards, missingTools } from "../../host/mcu/toolchain.js";
import { Thumb2Compiler } from "../../host/thumb2-compiler/compiler.js";
import { Random } from "../support/random.js";
import { skip } from "../support/shared.js";
import { hasFloats, runInV8, runInWasm3, runOnBoard } from "./boards.js";
import { generateDense } from "./dense.js";
import { DIVISIONS, EDGES, KNOWN, SINGLES, WAITING } from "./hand-written.js";
import { agrees, comparePrograms, describe, same } from "./programs.js";
import { RULE_PROGRAMS } from "./rule-programs.js";
import { StarvedCompiler, WANTS } from "./starved.js";

const PROGRAMS = 300;
const STARVED = 50;

const reason = missingTools();
if (reason) skip(4 * emulatedBoards.length + 8, reason);
else {
  const compiler = new Thumb2Compiler();
  for (const [index, board] of emulatedBoards.entries()) {
    test(`${PROGRAMS} random programs on ${board} end as in wasm3 and V8`, async () => {
      const { compared, refused, endings, differences } = await comparePrograms(
        compiler,
        board,
        900 + index,
        PROGRAMS,
      );
      assert.equal(differences.map(describe), []);
      assert.is(compared, PROGRAMS);
      assert.equal([...refused], []);
      for (const kind of ["returned", "memory", "fuel", "unreachable", "table"]) {
        assert.ok((endings.get(kind) ?? 0) > 0, `no program ended with ${kind}`);
      }
    });
  }

  for (const [index, board] of emulatedBoards.entries())
    test(`${STARVED} random programs on ${board}, with registers starved, end as in wasm3 and V8`, async () => {
      const { compared, refused, differences } = await comparePrograms(
        new StarvedCompiler(),
        board,
        1900 + index,
        STARVED,
        { edges: true },
      );
      assert.equal(differences.map(describe), []);
      assert.ok(compared > 2 * STARVED);
      assert.equal([...refused], []);
    });

  test("a compiler that is starved makes other code, and with all registers the same", () => {
    const starved = new StarvedCompiler();
    const wasm = generateDense(new Random(5));
    const codes = WANTS.map(([operands, locals]) => {
      starved.starve(operands, locals);
      return Thumb2Compiler.prototype.compile.call(starved, wasm).codeBytes;
    });
    assert.ok(new Set(codes).size > WANTS.length / 2, codes.join(" "));
    starved.starve(6, 6);
    assert.equal(
      Thumb2Compiler.prototype.compile.call(starved, DIVISIONS),
      compiler.compile(DIVISIONS),
    );
  });

  for (const board of emulatedBoards)
    test(`programs for each rule of the compiler end on ${board} as in wasm3 and V8`, async () => {
      const cases = RULE_PROGRAMS.map((program) => ({
        ...program,
        compiled: compiler.compile(program.wasm, {
          floats: hasFloats(board),
          pages: program.pages,
        }).bytes,
      }));
      const endings = await runOnBoard(board, cases);
      for (const [index, { name, wasm, fuel, pages }] of cases.entries()) {
        const ending = endings[index];
        const wasm3 = runInWasm3(wasm, fuel, pages);
        assert.ok(same(ending, wasm3), `${name}: ${ending?.kind} ${ending?.result}`);
        if (ending?.kind !== "stack") assert.ok(agrees(wasm3, runInV8(wasm)), `V8: ${name}`);
      }
    });

  for (const board of emulatedBoards)
    test(`the clock of ${board} changes neither what a program computes nor what it has used`, async () => {
      const fuel = 1_000_000_000n;
      const { bytes } = compiler.compile(DIVISIONS, { floats: hasFloats(board), pages: 1 });
      const [ending] = await runOnBoard(board, [
        { wasm: DIVISIONS, compiled: bytes, fuel, pages: 1 },
      ]);
      const { kind, result, fuel: used } = runInWasm3(DIVISIONS, fuel, 1);
      assert.equal([ending?.kind, ending?.result, ending?.fuel], [kind, result, used]);
    });

  test("what is known of a high word is known on its own path only", async () => {
    const board = "mps2-an505";
    const cases = KNOWN.map((wasm) => ({
      wasm,
      compiled: compiler.compile(wasm, { floats: hasFloats(board), pages: 1 }).bytes,
      fuel: 1000n,
      pages: 1,
    }));
    const endings = await runOnBoard(board, cases);
    assert.equal(
      endings.map((each) => each?.result),
      KNOWN.map((wasm) => runInWasm3(wasm, 1000n, 1).result),
    );
  });

  test("programs at the edges of a trap end as in wasm3", async () => {
    const board = "mps2-an505";
    const cases = EDGES.map((wasm) => ({
      wasm,
      compiled: compiler.compile(wasm, { floats: hasFloats(board), pages: 1 }).bytes,
      fuel: 1000n,
      pages: 1,
    }));
    const endings = await runOnBoard(board, cases);
    assert.equal(
      endings.map(({ kind, result }) => [kind, result]),
      EDGES.map((wasm) => runInWasm3(wasm, 1000n, 1)).map(({ kind, result }) => [kind, result]),
    );
    assert.equal(
      endings.map(({ kind }) => kind),
      ["memory", "overflow", "returned", "returned", "returned", "memory"],
    );
  });

  for (const board of ["mps2-an386", "mps2-an505"] as const)
    test(`single precision that waits in registers is kept, and none is taken for a local that has changed, on ${board}`, async () => {
      const { bytes } = compiler.compile(SINGLES, { floats: hasFloats(board), pages: 1 });
      const [ending] = await runOnBoard(board, [
        { wasm: SINGLES, compiled: bytes, fuel: 1000n, pages: 1 },
      ]);
      const { kind, result, fuel } = runInWasm3(SINGLES, 1000n, 1);
      assert.equal([ending?.kind, ending?.result, ending?.fuel], [kind, result, fuel]);
    });

  test("operands that wait for a local of the frame give way to each other when it is set", async () => {
    const board = "mps2-an505";
    const cases = [compiler, new StarvedCompiler()].map((each) => ({
      wasm: WAITING,
      compiled: each.compile(WAITING, { floats: hasFloats(board), pages: 1 }).bytes,
      fuel: 1000n,
      pages: 1,
    }));
    const { kind, result, fuel } = runInWasm3(WAITING, 1000n, 1);
    assert.is(kind, "returned");
    for (const ending of await runOnBoard(board, cases))
      assert.equal([ending.kind, ending.result, ending.fuel], [kind, result, fuel]);
  });

  test("fuel ends a program exactly where wasm3 ends it", async () => {
    const { differences, endings } = await comparePrograms(compiler, "mps2-an505", 77, 200, {
      fuel: (random) => BigInt(random.below(4)),
    });
    assert.equal(differences.map(describe), []);
    assert.ok(
      (endings.get("fuel") ?? 0) > 50,
      `${endings.get("fuel")} of 200 ended for want of fuel`,
    );
  });

  test("with no fuel, and with a unit less than it uses, a program ends as in wasm3", async () => {
    const { compared, differences, endings } = await comparePrograms(
      compiler,
      "mps2-an505",
      78,
      200,
      { edges: true },
    );
    assert.equal(differences.map(describe), []);
    assert.ok(
      (endings.get("fuel") ?? 0) > compared / 3,
      `${endings.get("fuel")} of ${compared} ended for want of fuel`,
    );
  });
}

test.run();
