// Whoever owns the non-secure world of a board with two (`mcu-client/images/hostile/`): reads and writes the whole
// address map, calls each gateway with wild arguments, from handlers, in any order and with memory that changes,
// jumps past the gateways, forges returns. No secret byte, no wrong answer, at most a clean reset.
import { spawn } from "node:child_process";
import { createHash, createHmac, randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { boardState } from "../../host/mcu/board-state.js";
import { isolateImages } from "../../host/mcu/emulated-isolate.js";
import { emulatorArguments, endCode } from "../../host/mcu/emulator.js";
import { make, missingTools } from "../../host/mcu/toolchain.js";
import { skip } from "../support/shared.js";
import { Monitor, traces } from "./device-memory.js";

const board = "mps2-an505";
/** Where the image holds the number of its attack: after its header. */
const ATTACK = 0x418;
const OUTSIDE_RAM = { val: 0x28200000, size: 0x200000 };

/** The runtime's answer to the image's last message, which lies in its memory. */
const ANSWER = Buffer.of(0x92, 0x30, 77);

const folder = mkdtempSync(join(tmpdir(), "vc-hostile-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

/** Numbers of the attacks, as in `mcu-client/images/hostile/main.c`. */
const attacks = {
  reads: 0,
  writes: 1,
  wildCalls: 2,
  handlers: 3,
  anyOrder: 4,
  changingMessages: 5,
  unlocks: 6,
} as const;
/** Numbers of the jumps: those that end in a fault, and what the fault handler says. */
const jumps: readonly [number, string, RegExp][] = [
  [16, "behind a gateway's first instruction", /^fault: secure/m],
  [17, "into secure code", /^fault: secure/m],
  [18, "into the secure vectors", /^fault: secure/m],
  [19, "into secure RAM", /^fault: secure/m],
  [20, "by the return from a call that nobody made", /^fault: .*outside with CFSR 00040000/m],
  [21, "by the return from an exception that is none", /^fault: secure/m],
  [22, "with a stack in secure RAM", /^fault: secure .*address 38000/m],
  [23, "with vectors in secure RAM", /^fault: .*HFSR 40000002/m],
  [28, "to the emulator's host", /^fault: unexpected exception/m],
  [24, "into another thread while a call is under way", /^fault: secure/m],
];
/** Those that come to nothing. */
const vain: readonly [number, string][] = [
  [25, "calls with its own interrupts masked"],
  [26, "a reset of the chip"],
  [27, "a pointer to the attribution unit, through a gateway"],
];

interface Outcome {
  readonly output: string;
  /** The code that the isolate ended with; null: the image was still running after its attack. */
  readonly code: number | null;
}

/**
 * Runs an attack, on an isolate whose fault handler passes over the faults of the other world where `harness`
 * says so. Afterwards nothing of the device secret and of the attestation key is in the other world's memory.
 */
async function attack(number: number, harness = false): Promise<Outcome> {
  const variables = { BOARD: board, HOST: "c", ...(harness ? { HARNESS: "1" } : {}) };
  for (const IMAGE of ["boot", "isolate", "hostile"]) await make({ ...variables, IMAGE });
  const images = isolateImages(board, "c");
  const of = (name: string) =>
    join(`${dirname(images.main)}${harness ? "-harness" : ""}`, `${name}.bin`);
  const path = (name: string) => join(folder, `${number}-${name}`);
  const image = readFileSync(of("hostile"));
  image.writeUInt32LE(number, ATTACK);
  writeFileSync(path("outside"), image);
  const secret = randomBytes(32);
  writeFileSync(path("secret"), boardState(secret));
  const emulator = spawn(
    "timeout",
    [
      ...["900", "qemu-system-arm"],
      ...emulatorArguments({
        board,
        image: images.boot,
        main: of("isolate"),
        outside: path("outside"),
        state: path("secret"),
      }),
      ...["-qmp", `unix:${path("qmp")},server=on,wait=off`],
    ],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const lines: string[] = [];
  let code: number | null = null;
  try {
    for await (const line of createInterface(emulator.stdout)) {
      lines.push(line.trimEnd());
      code = endCode(line.trimEnd()) ?? null;
      if (code !== null) break;
      if (line.trimEnd() !== "survived") continue;
      const monitor = await Monitor.connect(path("qmp"), emulator);
      await monitor.ask("stop");
      await monitor.ask("memsave", { ...OUTSIDE_RAM, filename: path("ram") });
      monitor.close();
      const memory = readFileSync(path("ram"));
      assert.ok(memory.includes(ANSWER), "the memory of the other world was saved");
      const measurement = createHash("sha256")
        .update(readFileSync(of("isolate")))
        .digest();
      const key = createHmac("sha256", secret)
        .update("veracruz-attestation-key-v2")
        .update(Buffer.of(0x40, 0))
        .update(measurement)
        .update(Buffer.of(0))
        .digest();
      assert.equal(traces(memory, secret), []);
      assert.equal(traces(memory, key), []);
      return { output: lines.join("\n"), code };
    }
    return { output: lines.join("\n"), code };
  } finally {
    emulator.kill("SIGTERM");
  }
}

/** What the other world may reach: its memory, its peripherals, the private peripheral bus with its own registers. */
const windows = [
  [0x00200000, 0x00400000],
  [0x28200000, 0x28400000],
  [0x40000000, 0x50000000],
  [0xe0000000, 0xe0100000],
] as const;

/** Ranges that an access went through to. */
function ranges(output: string, what: string): [number, number][] {
  const found = output.matchAll(new RegExp(`^${what} ([0-9a-f]{8})-([0-9a-f]{8})$`, "gm"));
  return [...found].map(([, from = "", to = ""]) => [
    Number.parseInt(from, 16),
    to === "00000000" ? 2 ** 32 : Number.parseInt(to, 16),
  ]);
}

function assertWithin(output: string, what: string): void {
  const reached = ranges(output, what);
  assert.ok(
    reached.some(([from]) => from === 0x40200000),
    `its own peripherals: ${output}`,
  );
  for (const [from, to] of reached)
    assert.ok(
      windows.some(([start, end]) => from >= start && to <= end),
      `${what} ${from.toString(16)} to ${to.toString(16)}`,
    );
}

const sound = /^in order: right$/m;

const reason = missingTools();
if (reason) skip(7 + jumps.length + vain.length, reason);
else {
  test("it reads a word of each page of the address space: only its own world is there", async () => {
    const { output } = await attack(attacks.reads, true);
    assertWithin(output, "reads");
    assert.ok(
      ranges(output, "reads").some(([from, to]) => from === 0x28200000 && to === 0x28400000),
    );
    assert.match(output, sound);
  });

  test("it writes to each page", async () => {
    const { output } = await attack(attacks.writes, true);
    assertWithin(output, "writes");
    assert.match(output, sound);
  });

  test("it writes all ones into whatever protects the worlds, and reads again", async () => {
    const { output } = await attack(attacks.unlocks, true);
    assertWithin(output, "reads");
    assert.match(output, sound);
  });

  test("it calls gateways a million times with any arguments", async () => {
    const { output, code } = await attack(attacks.wildCalls);
    assert.match(output, /^1000000 calls, [1-9]\d* taken$/m);
    assert.match(output, sound);
    assert.is(code, null);
  });

  test("it calls them from handlers, while a call of its thread is under way and while none is", async () => {
    const { output, code } = await attack(attacks.handlers);
    assert.match(output, /^enough handlers, 0 let in, 0 wrong$/m);
    assert.match(output, sound);
    assert.is(code, null);
  });

  test("it calls them in any order, with messages of all kinds", async () => {
    const { output, code } = await attack(attacks.anyOrder);
    assert.match(output, /^enough messages handled$/m);
    assert.match(output, sound);
    assert.is(code, null);
  });

  test("it changes messages while they are taken", async () => {
    const { output, code } = await attack(attacks.changingMessages);
    assert.match(output, /^all messages handled$/m);
    assert.match(output, sound);
    assert.is(code, null);
  });

  for (const [number, name, fault] of jumps)
    test(`it goes ${name}: a fault, and the end`, async () => {
      const { output, code } = await attack(number);
      assert.match(output, fault);
      assert.not.match(output, /survived/);
      assert.is(code, 100);
    });

  for (const [number, name] of vain)
    test(`in vain: ${name}`, async () => {
      const { output, code } = await attack(number);
      assert.match(output, sound);
      assert.is(code, null);
    });
}
test.run();
