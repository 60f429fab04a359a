// What the first stage leaves in RAM for the image that it starts: the record, and nothing of the device
// secret, from which any image's key could be derived.
import { type ChildProcess, spawn } from "node:child_process";
import { createHmac, randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { isolateImages } from "../../host/mcu/emulated-isolate.js";
import { emulatorArguments } from "../../host/mcu/emulator.js";
import { make, missingTools } from "../../host/mcu/toolchain.js";
import { skip } from "../support/shared.js";

const RAM_BYTES = 4 * 1024 * 1024;
const RECORD_BYTES = 256;
const HEADER = 0x400;
const CODE = 0x500;
const SIZE = 0x600;

const folder = mkdtempSync(join(tmpdir(), "vc-first-stage-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

/** An image that does nothing, for ever: its vectors, its header, a branch to itself. */
function idleImage(flash: number, ram: number): Buffer {
  const image = Buffer.alloc(SIZE);
  image.writeUInt32LE(ram + 0x1000, 0);
  image.writeUInt32LE((flash + CODE) | 1, 4);
  image.writeUInt32LE(0x56434931, HEADER);
  image.writeUInt32LE(SIZE, HEADER + 4);
  image.writeUInt16LE(0xe7fe, CODE);
  return image;
}

/** QEMU's machine protocol: one command after the other. */
class Monitor {
  private constructor(
    private readonly socket: Socket,
    private readonly lines: AsyncIterator<string>,
  ) {}

  static async connect(path: string, emulator: ChildProcess): Promise<Monitor> {
    for (;;) {
      if (emulator.exitCode !== null) throw new Error("the emulator has ended");
      const socket = connect(path);
      const opened = await new Promise<boolean>((resolve) => {
        socket.once("connect", () => resolve(true));
        socket.once("error", () => resolve(false));
      });
      if (!opened) continue;
      const lines = createInterface({ input: socket })[Symbol.asyncIterator]();
      const monitor = new Monitor(socket, lines);
      await monitor.lines.next(); // its greeting
      await monitor.ask("qmp_capabilities");
      return monitor;
    }
  }

  async ask(execute: string, args: Record<string, unknown> = {}): Promise<unknown> {
    this.socket.write(`${JSON.stringify({ execute, arguments: args })}\n`);
    for (;;) {
      const { value } = await this.lines.next();
      const answer = JSON.parse(value);
      if ("error" in answer) throw new Error(answer.error.desc);
      if ("return" in answer) return answer.return;
    }
  }

  close(): void {
    this.socket.destroy();
  }
}

/** RAM at the moment when the first stage has started the image. */
async function ramAfter(
  board: "mps2-an385" | "mps2-an505",
  state: string,
  flash: number,
  ram: number,
): Promise<Buffer> {
  const path = (name: string) => join(folder, `${board}-${name}`);
  writeFileSync(path("main"), idleImage(flash, ram));
  const emulator = spawn(
    "timeout",
    [
      ...["60", "qemu-system-arm"],
      ...emulatorArguments({
        board,
        image: isolateImages(board, "c").boot,
        main: path("main"),
        commandLine: `state=${state}`,
      }),
      ...["-qmp", `unix:${path("qmp")},server=on,wait=off`],
    ],
    { stdio: ["ignore", "ignore", "inherit"] },
  );
  try {
    const monitor = await Monitor.connect(path("qmp"), emulator);
    const idle = (flash + CODE).toString(16).padStart(8, "0");
    for (let registers = ""; !registers.includes(`R15=${idle}`); )
      registers = String(
        await monitor.ask("human-monitor-command", { "command-line": "info registers" }),
      );
    await monitor.ask("memsave", { val: ram, size: RAM_BYTES, filename: path("ram") });
    monitor.close();
    return readFileSync(path("ram"));
  } finally {
    emulator.kill("SIGTERM");
  }
}

/** The bytes of each 32-bit word in the other order, as a hash works on them. */
const swapped = (bytes: Buffer) => Buffer.from(bytes).swap32();
const masked = (bytes: Buffer, mask: number) => bytes.map((byte) => byte ^ mask) as Buffer;

/** The message schedule of SHA-256 (FIPS 180-4 §6.2.2) for a block: any 16 words in a row give it all. */
function schedule(block: Buffer): Buffer {
  const rotr = (x: number, n: number) => (x >>> n) | (x << (32 - n));
  const words = Array.from({ length: 16 }, (_, t) => block.readUInt32BE(4 * t));
  const at = (t: number) => words[t] as number;
  for (let t = 16; t < 64; t++) {
    const s0 = rotr(at(t - 15), 7) ^ rotr(at(t - 15), 18) ^ (at(t - 15) >>> 3);
    const s1 = rotr(at(t - 2), 17) ^ rotr(at(t - 2), 19) ^ (at(t - 2) >>> 10);
    words.push((s1 + at(t - 7) + s0 + at(t - 16)) >>> 0);
  }
  const bytes = Buffer.alloc(256);
  words.forEach((word, t) => {
    bytes.writeUInt32LE(word, 4 * t);
  });
  return bytes;
}

/** Where 8 bytes of the secret stand, in any form that HMAC-SHA-256 gives it. */
function traces(memory: Buffer, secret: Buffer): string[] {
  const forms: [string, Buffer][] = [
    ["as it is", secret],
    ["words swapped", swapped(secret)],
  ];
  for (const mask of [0x36, 0x5c]) {
    const pad = Buffer.concat([masked(secret, mask), Buffer.alloc(32, mask)]);
    forms.push([`xor ${mask}`, pad.subarray(0, 32)], [`schedule, xor ${mask}`, schedule(pad)]);
  }
  const found: string[] = [];
  for (const [name, form] of forms)
    for (let at = 0; at + 8 <= form.length; at += 4) {
      const piece = form.subarray(at, at + 8);
      if (new Set(piece).size === 1) continue; // of the pad alone
      const place = memory.indexOf(piece);
      if (place >= 0) found.push(`${name}, byte ${at}, at ${place.toString(16)}`);
    }
  return found;
}

const reason = missingTools();
if (reason) skip(2, reason);
else
  for (const [board, flash, ram] of [
    ["mps2-an385", 0x8000, 0x20000000],
    ["mps2-an505", 0x10008000, 0x38000000],
  ] as const)
    test(`${board}: nothing of the device secret is left, and the key in its record alone`, async () => {
      await make({ BOARD: board, HOST: "c", IMAGE: "boot" });
      const secret = randomBytes(32);
      const state = join(folder, `${board}.secret`);
      writeFileSync(state, secret);
      const memory = await ramAfter(board, state, flash, ram);
      const rest = memory.subarray(0, RAM_BYTES - RECORD_BYTES);
      const record = memory.subarray(RAM_BYTES - RECORD_BYTES);
      // It is the record that this test means: the key is the one of this secret and this image.
      const measurement = record.subarray(8, 40);
      const key = createHmac("sha256", secret)
        .update("veracruz-attestation-key-v1")
        .update(measurement)
        .update(Buffer.of(0))
        .digest();
      assert.equal(Buffer.from(record.subarray(72, 104)), key);
      assert.equal(traces(rest, secret), []);
      assert.equal(traces(record, secret), []);
      assert.equal(traces(rest, key), []);
    });

test.run();
