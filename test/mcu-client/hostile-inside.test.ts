// Whoever has taken over the runtime of a board (`mcu-client/images/hostile-inside/`): a thread without privilege that has
// the core's calls. It cannot read the attestation key, the
// boot record or a peripheral, nor write what is measured, nor have the core do that for it.
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { boardState } from "../../host/mcu/board-state.js";
import { buildIsolate, isolateImages } from "../../host/mcu/emulated-isolate.js";
import { emulatorArguments, endCode } from "../../host/mcu/emulator.js";
import { type EmulatedBoard, hasTwoWorlds, make, missingTools } from "../../host/mcu/toolchain.js";
import { skip } from "../support/shared.js";

/** Where the image holds the number of its attack: after its header. */
const ATTACK = 0x418;

const folder = mkdtempSync(join(tmpdir(), "vc-hostile-inside-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

async function attack(
  board: EmulatedBoard,
  number: number,
): Promise<{ output: string; code: number }> {
  const images = isolateImages(board, "c");
  const path = (name: string) => join(folder, `${board}-${number}-${name}`);
  const main = join(`${dirname(images.main)}-hostile`, "isolate.bin");
  const image = readFileSync(main);
  assert.is(image.readUInt32LE(ATTACK), 0);
  image.writeUInt32LE(number, ATTACK);
  writeFileSync(path("main"), image);
  writeFileSync(path("secret"), boardState(randomBytes(32)));
  const emulator = spawn(
    "timeout",
    [
      ...["300", "qemu-system-arm"],
      ...emulatorArguments({
        board,
        image: images.boot,
        main: path("main"),
        ...(images.outside === undefined ? {} : { outside: images.outside }),
        state: path("secret"),
      }),
    ],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const lines: string[] = [];
  let code: number | undefined;
  for await (const line of createInterface(emulator.stdout)) {
    lines.push(line.trimEnd());
    code = endCode(line.trimEnd());
    if (code !== undefined) break;
  }
  emulator.kill("SIGTERM");
  const output = lines.join("\n");
  assert.match(output, new RegExp(`^hostile thread, attack ${number}$`, "m"));
  return { output, code: code ?? -1 };
}

type Fault = readonly [number, string, RegExp];
const stacks = /stack overflow|memory protection/;
/** Attacks that end in a fault, by their numbers in the image, and what the fault handler says. */
const faults: readonly Fault[] = [
  [1, "reads the core's stack", /memory protection/],
  [2, "reads the token module's memory", /memory protection/],
  [3, "reads the boot record where the key was", /memory protection/],
  [4, "reads the end of the boot record", /memory protection/],
  [5, "reads the watchdog's registers", /memory protection/],
  [6, "reads the registers of a timer", /memory protection/],
  [7, "reads the console's registers", /memory protection/],
  [9, "reads the vector table's register", /bus/],
  [16, "writes to the core's stack", /memory protection/],
  [17, "writes to the token module's memory", /memory protection/],
  [18, "writes to the boot record", /memory protection/],
  [19, "writes to what was measured", /memory protection/],
  [20, "writes to the first stage", /memory protection/],
  [21, "moves the vector table", /bus/],
  [22, "switches the memory protection unit off", /bus/],
  [32, "executes its memory", /memory protection/],
  [34, "runs the token module without the core", /memory protection/],
  [35, "writes the special registers, and reads", /memory protection/],
  [36, "calls the core with its stack at the core's end", stacks],
  [37, "calls the core with its stack in the core's", stacks],
  [38, "calls the core with its stack in the boot record", stacks],
  [39, "calls the emulator's host", /unexpected exception/],
  [48, "has a compiled program write to its code", /memory protection/],
  [49, "has a compiled program read the runtime's memory", /memory protection/],
  [50, "has a compiled program execute its data", /memory protection/],
  [51, "executes a compiled program in the runtime's place", /memory protection/],
  [53, "has a compiled program read the image", /memory protection/],
  [54, "has a compiled program read behind its data", /memory protection/],
  [55, "has a compiled program read the core's stack", /memory protection/],
  [56, "has a compiled program call with its stack at the core's end", stacks],
  [57, "has a compiled program call with its stack in the runtime's memory", stacks],
  [60, "has a compiled program read the vector table's register", /bus/],
  [61, "has a compiled program execute the image", /memory protection/],
  [62, "has a compiled program read the console's registers", /memory protection/],
  [63, "has a compiled program read the links' memory", /memory protection/],
];
/** Those that only a board with two worlds knows. */
const faultsOfTwoWorlds: readonly Fault[] = [
  [8, "reads the memory protection controller", /memory protection/],
  [10, "reads the security controller", /memory protection/],
  [23, "writes to the attribution unit", /bus/],
  [33, "executes the other world's memory", /secure|memory protection/],
  [41, "says that it starts anew, to go on in its own code", /secure/],
];

const reason = missingTools();
if (reason) skip(1, reason);
else
  for (const board of ["mps2-an505", "mps2-an385", "mps2-an500"] as const) {
    test(`${board}: it calls the core a hundred thousand times with pointers that are not its own: refused`, async () => {
      await make({ BOARD: board, HOST: "c", IMAGE: "boot" });
      if (hasTwoWorlds(board)) await buildIsolate(board, "c");
      await make({ BOARD: board, HOST: "c", IMAGE: "isolate", HOSTILE: "1" });
      const { output, code } = await attack(board, 0);
      assert.match(output, /^enough refused, 0 answered$/m);
      assert.match(output, /^token: right$/m);
      assert.is(code, 0);
    });

    if (hasTwoWorlds(board))
      test(`${board}, property 10: it says that it starts anew: nothing of it is left when another policy is taken`, async () => {
        const { output, code } = await attack(board, 40);
        assert.match(output, /^token: right$/m);
        assert.match(output, /^token for another policy before: refused$/m);
        assert.match(output, /^again: nothing of memory, 0 of registers$/m);
        assert.match(output, /^token for another policy: right$/m);
        assert.is(code, 0);
      });
    else
      test(`${board}, property 10: it says that it starts anew: it gets no token for another policy in this start of the board`, async () => {
        const { output, code } = await attack(board, 40);
        assert.match(output, /^token for another policy: refused$/m);
        assert.match(output, /^token: right$/m);
        assert.is(code, 0);
      });

    test(`${board}: a compiled program reads its data, calls the core in vain, and comes back`, async () => {
      for (const [number, value] of [
        [52, 0],
        [58, 1],
      ] as const) {
        const { output, code } = await attack(board, number);
        assert.match(output, new RegExp(`^the program came back with 0*${value}$`, "m"));
        assert.match(output, /^token: right$/m);
        assert.is(code, 0);
      }
    });

    test(`${board}: it asks for a compiled program to see what is not its own: refused`, async () => {
      const { output, code } = await attack(board, 59);
      assert.match(output, /^enough refused, 0 answered$/m);
      assert.is(code, 0);
    });

    for (const [number, name, what] of hasTwoWorlds(board)
      ? [...faults, ...faultsOfTwoWorlds]
      : faults)
      test(`${board}: it ${name}: a fault, and the end`, async () => {
        const { output, code } = await attack(board, number);
        const [, fault = ""] = /^fault: (.*)$/m.exec(output) ?? [];
        assert.match(fault, what);
        assert.not.match(output, /survived/);
        assert.is(code, 100);
      });
  }
test.run();
