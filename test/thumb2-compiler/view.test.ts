// Programs without bounds checks, compiled so for this test: what stands behind a check is the memory protection. On
// emulated boards of both architectures a stray access ends in a fault, whatever lies there, and never in a read.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type EmulatedBoard, missingTools } from "../../host/mcu/toolchain.js";
import { Thumb2Compiler } from "../../host/thumb2-compiler/compiler.js";
import { skip } from "../support/shared.js";
import { i32const, mainWith } from "../wasm-checker/bytes.js";
import { boardOutput, hasFloats } from "./boards.js";

const boards = ["mps2-an385", "mps2-an505"] as const;
/** What lies all around the data of a program, in the image's constants, and nowhere else (`images/compiled/main.c`). */
const SECRET = /5ec2e75e/;
const LOAD = 0x28;
const STORE = 0x36;

/** What a board prints that runs `instructions` compiled without checks. */
async function run(board: EmulatedBoard, instructions: number[]): Promise<string> {
  const wasm = mainWith(instructions, { memory: [1, 1, 1] });
  const { bytes } = new Thumb2Compiler().compile(wasm, {
    floats: hasFloats(board),
    pages: 1,
    unchecked: true,
  });
  const output = await boardOutput(board, [{ wasm, compiled: bytes, fuel: 1000n, pages: 1 }]);
  assert.not.match(output, SECRET);
  return output;
}

const load = (address: number) => [...i32const(address | 0), LOAD, 2, 0];
const store = (address: number) => [
  ...i32const(address | 0),
  ...i32const(1),
  STORE,
  2,
  0,
  ...i32const(0),
];

const reason = missingTools();
if (reason) skip(boards.length, reason);
else
  for (const board of boards)
    test(`${board}: without bounds checks, stray accesses end in a fault`, async () => {
      const output = await run(board, load(65532));
      assert.match(output, /^case 0 0+ 1 /m, "what is in memory is read");
      const at = (what: string) =>
        Number.parseInt(new RegExp(`${what} at ([0-9a-f]+)`).exec(output)?.[1] ?? "", 16);
      const memory = at("memory");
      // Where the secret is, as the program would say it.
      const reads: [string, number][] = [
        ["behind its memory", 65536],
        ["far behind its memory", 65536 + 4096],
        ["before its stack", at("data") - 4 - memory],
        ["in the image", at("secret") - memory],
        ["on the home's stack", (board === "mps2-an505" ? 0x38000000 : 0x20000000) + 4096 - memory],
        ["the console's registers", (board === "mps2-an505" ? 0x50200000 : 0x40004000) - memory],
        ["the memory protection's registers", 0xe000ed94 - memory],
        ["the other side of memory", memory ^ 0x80000000],
      ];
      for (const [name, address] of reads) {
        const stray = await run(board, load(address));
        assert.match(stray, /fault: (memory protection|bus)/, `reads ${name}`);
        assert.not.match(stray, /^case /m, `reads ${name}`);
      }
      const writes: [string, number][] = [
        ...reads.slice(0, 5),
        ["its code", at("program") - memory],
      ];
      for (const [name, address] of writes) {
        const stray = await run(board, store(address));
        assert.match(stray, /fault: (memory protection|bus)/, `writes ${name}`);
        assert.not.match(stray, /^case /m, `writes ${name}`);
      }
    });

test.run();
