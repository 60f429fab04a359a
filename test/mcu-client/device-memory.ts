// What an emulated board's memory holds, and whether a secret is in it.
import type { ChildProcess } from "node:child_process";
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";

/** QEMU's machine protocol: one command after the other. */
export class Monitor {
  private constructor(
    private readonly socket: Socket,
    private readonly lines: AsyncIterator<string>,
  ) {}

  static async connect(path: string, emulator: Pick<ChildProcess, "exitCode">): Promise<Monitor> {
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
export function traces(memory: Buffer, secret: Buffer): string[] {
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
