// The client on a board with two worlds: keys, session manager and what the device sends are in the secure one. The other
// one carries its connection, sees TLS records, and gets no secret byte, whatever it does (`mcu-client/images/client-hostile/`).
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { make, missingTools } from "../../host/mcu/toolchain.js";
import {
  buildClient,
  clientImage,
  clientOutside,
  type EmulatedDevice,
  pageAddress,
} from "../../host/mcu-client/device.js";
import { Monitor, traces } from "../mcu-client/device-memory.js";
import { exampleRounds } from "../support/example-data.js";
import { skip } from "../support/shared.js";
import { exampleModule, principal, System } from "../support/system.js";
import { startDevice, threeDevices } from "./scenario.js";

const BOARD = "mps2-an505";
const SAMPLE = "shamir-secret-sharing";
const OUTSIDE_RAM = { val: 0x28200000, size: 0x200000 };
/** Where the hostile image holds the number of its attack, and an address. */
const CHOSEN = 0x400;
/** Numbers of the attacks, as in `mcu-client/images/client-hostile/main.c`. */
const attacks = {
  reads: 0,
  writes: 1,
  unlocks: 2,
  wildCalls: 3,
  windows: 4,
  handlers: 5,
  changingBytes: 6,
  readsOne: 7,
} as const;
/** Numbers of the jumps: those that end in a fault, and what the fault handler says. */
const jumps: readonly [number, string, RegExp][] = [
  [16, "behind a gateway's first instruction", /^fault: secure/m],
  [19, "into secure RAM", /^fault: secure/m],
  [20, "by the return from a call that nobody made", /^fault: .*outside with CFSR 00040000/m],
  [21, "by the return from an exception that is none", /^fault: secure/m],
  [22, "with a stack in secure RAM", /^fault: secure .*address 38000/m],
  [24, "into another thread while a call is under way", /^fault: secure/m],
  [28, "to the emulator's host", /^fault: unexpected exception/m],
];
/** Those that come to nothing. */
const vain: readonly [number, string][] = [
  [25, "calls with its own interrupts masked"],
  [26, "a reset of the chip"],
  [27, "a pointer to the attribution unit, through a gateway"],
];
/** What the other world may reach: its memory, its peripherals, the private peripheral bus with its own registers. */
const windows = [
  [0x00200000, 0x00400000],
  [0x28200000, 0x28400000],
  [0x40000000, 0x50000000],
  [0xe0000000, 0xe0100000],
] as const;

const folder = mkdtempSync(join(tmpdir(), "vc-worlds-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

/** The 32 bytes of a principal's private key. */
function privateKey(name: string): Buffer {
  const { d } = principal(name).privateKey.export({ format: "jwk" });
  return Buffer.from(d as string, "base64url");
}

/** The other world's memory, while everything stands still. */
async function outsideMemory(device: EmulatedDevice, socket: string): Promise<Buffer> {
  let exitCode: number | null = null;
  void device.ended.then((code) => {
    exitCode = code;
  });
  const emulator = {
    get exitCode() {
      return exitCode;
    },
  };
  const monitor = await Monitor.connect(socket, emulator);
  const filename = `${socket}-ram`;
  await monitor.ask("stop");
  await monitor.ask("memsave", { ...OUTSIDE_RAM, filename });
  monitor.close();
  await device.close();
  return readFileSync(filename);
}

/** Whether neither key nor input is there, in part or as a hash would work on them. */
function assertNoSecret(memory: Buffer, input: Buffer): void {
  assert.equal(traces(memory, privateKey("device-0")), []);
  assert.equal(traces(memory, input), []);
}

/** Ranges that an access went through to. */
function assertWithin(output: string, what: string): void {
  const found = [...output.matchAll(new RegExp(`^${what} ([0-9a-f]{8})-([0-9a-f]{8})$`, "gm"))];
  const reached = found.map(([, from = "", to = ""]) => [
    Number.parseInt(from, 16),
    to === "00000000" ? 2 ** 32 : Number.parseInt(to, 16),
  ]) as [number, number][];
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

const reason = missingTools();
if (reason !== undefined) skip(14 + jumps.length + vain.length, reason);
else {
  let system: System;
  test.before(async () => {
    await buildClient(BOARD, "c", SAMPLE);
    await make({ BOARD, HOST: "c", IMAGE: "client-hostile", SAMPLE: `samples/${SAMPLE}` });
    const harness = { BOARD, HOST: "c", HARNESS: "1" };
    await make({ ...harness, IMAGE: `samples/${SAMPLE}` });
    await make({ ...harness, IMAGE: "client-hostile", SAMPLE: `samples/${SAMPLE}` });
    system = await System.start(threeDevices(SAMPLE));
  });
  test.after(() => system?.stop());

  test("three devices in two worlds give their shares over TCP; the owner gets the secret", async () => {
    const secret = "squeamish ossifrage";
    const [round] = exampleRounds(SAMPLE, "--secret", secret);
    const shares = round?.inputs ?? [];
    const devices = shares.map((share, i) =>
      startDevice(system, { board: BOARD, name: `device-${i}`, data: { [`input-${i}`]: share } }),
    );
    try {
      const codes = await Promise.all(devices.map((device) => device.ended));
      assert.equal(codes, [0, 0, 0], devices.map(({ lines }) => lines.join("\n")).join("\n---\n"));
      const owner = await system.connect("owner");
      await owner.sendProgram(`${SAMPLE}.wasm`, exampleModule(SAMPLE));
      assert.is((await owner.read("output")).toString(), secret);
      await owner.close();
    } finally {
      for (const device of devices) await device.close();
    }
  });

  test("after an input was sent, neither it nor the key is in the other world's memory", async () => {
    const options = threeDevices(SAMPLE);
    const principals = { ...options.principals, "device-0": "input-0:w,output:r" };
    const other = await System.start({ ...options, principals });
    const input = randomBytes(400);
    const monitorSocket = join(folder, "sent");
    // It waits for a result that does not come, and so stays as it is.
    const device = startDevice(other, {
      board: BOARD,
      data: { "input-0": input },
      content: { result: "output" },
      monitorSocket,
    });
    try {
      await device.line(/^device: sent input-0, 400 bytes$/);
      const memory = await outsideMemory(device, monitorSocket);
      // What it carried is.
      assert.ok(memory.includes("POST /"), "the memory of the other world was saved");
      assertNoSecret(memory, input);
    } finally {
      await device.close();
      await other.stop();
    }
  });

  /** Runs an attack to its end: what was printed, and the code, or none if the image was still running. */
  async function attack(
    number: number,
    { harness = false, address = 0 } = {},
  ): Promise<{ output: string; code: number | undefined }> {
    const of = (path: string) =>
      harness ? path.replace("/client-c/", "/client-c-harness/") : path;
    const image = of(clientImage(BOARD, "c", SAMPLE));
    const built = of(clientOutside(BOARD, "c", SAMPLE) ?? "");
    const hostile = readFileSync(join(dirname(built), "client-hostile.bin"));
    hostile.writeUInt32LE(number, CHOSEN);
    hostile.writeUInt32LE(address, CHOSEN + 4);
    const outside = join(folder, `${number}-${address.toString(16)}.bin`);
    writeFileSync(outside, hostile);
    const monitorSocket = `${outside}-qmp`;
    const input = randomBytes(400);
    const device = startDevice(system, {
      ...{ board: BOARD, image, outside, monitorSocket },
      data: { "input-0": input },
    });
    try {
      const survived = device.line(/^survived$/).then(
        () => true,
        () => false,
      );
      const late = setTimeout(device.kill, 500_000);
      const going = await survived;
      clearTimeout(late);
      const code = going ? undefined : await device.ended;
      if (going) assertNoSecret(await outsideMemory(device, monitorSocket), input);
      return { output: device.lines.join("\n"), code };
    } finally {
      await device.close();
    }
  }

  /** The client still connects to its server, and asks as before. */
  const assertSound = ({ output, code }: { output: string; code: number | undefined }): void => {
    assert.match(output, /^before: right$/m);
    assert.match(output, /^after: right$/m);
    assert.is(code, undefined);
  };

  for (const [name, number, what] of [
    ["reads a word of each page of the address space", attacks.reads, "reads"],
    ["writes to each page", attacks.writes, "writes"],
    [
      "writes all ones into whatever protects the worlds, and reads again",
      attacks.unlocks,
      "reads",
    ],
  ] as const)
    test(`it ${name}: only its own world is there`, async () => {
      const outcome = await attack(number, { harness: true });
      assertWithin(outcome.output, what);
      assertSound(outcome);
    });

  test("it calls gateways a million times with any arguments", async () => {
    const outcome = await attack(attacks.wildCalls);
    assert.match(outcome.output, /^1000000 calls, [1-9]\d* taken$/m);
    assertSound(outcome);
  });

  test("it hands in pointers out of its window, that straddle an end or wrap", async () => {
    const outcome = await attack(attacks.windows);
    assert.match(outcome.output, /^0 let in$/m);
    assertSound(outcome);
  });

  test("it calls them from handlers, while a call of its thread is under way and while none is", async () => {
    const outcome = await attack(attacks.handlers);
    assert.match(outcome.output, /^enough handlers, 0 let in$/m);
    assertSound(outcome);
  });

  test("it changes bytes while they are taken", async () => {
    const outcome = await attack(attacks.changingBytes);
    assert.match(outcome.output, /^enough bytes given$/m);
    assertSound(outcome);
  });

  for (const [what, address] of [
    ["the page with the key", Number(pageAddress(BOARD))],
    ["the secure image", 0x10000000],
    ["the secure RAM", 0x38001000],
    ["the secure RAM by its other address", 0x28001000],
    ["the flash of the record", 0x80000000],
  ] as const)
    test(`it reads ${what}: a fault, and the end`, async () => {
      const { output, code } = await attack(attacks.readsOne, { address });
      assert.match(output, /^before: right$/m);
      assert.match(output, /^fault: /m);
      assert.not.match(output, /^read /m);
      assert.is(code, 100);
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
      assertSound(await attack(number));
    });
}
test.run();
