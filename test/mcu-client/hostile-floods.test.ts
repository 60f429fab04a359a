// A non-secure image that relays a whole computation as it should, and floods the isolate with interrupts in the middle of
// handshakes and runs (`mcu-client/images/hostile/flood.c`): the right result, and nothing of what the principals
// have sent, nor of what they get, in the memory of its world.
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { buildIsolate, isolateImages } from "../../host/mcu/emulated-isolate.js";
import { make, missingTools } from "../../host/mcu/toolchain.js";
import { Status } from "../../host/transport-protocol/index.js";
import { mainProgram } from "../execution-engine/programs.js";
import { newPrincipal } from "../runtime-manager/deployment.js";
import { skip } from "../support/shared.js";
import { EmulatedDeployment } from "./deployment.js";
import { Monitor } from "./device-memory.js";

const board = "mps2-an505";
const SECURE_RAM = { val: 0x38000000, size: 0x200000 };
const OUTSIDE_RAM = { val: 0x28200000, size: 0x200000 };

const done = { type: "outcome", status: Status.SUCCESS, returnCode: 0, text: "" };
const alice = newPrincipal("alice");
const bob = newPrincipal("bob");
const SECRET_BYTES = 256;
const ROUNDS = 200;

/** What the program makes of a byte: adds ROUNDS times what depends on where it stands. */
const expected = (input: Buffer) => Buffer.from(input.map((byte, at) => byte + ROUNDS * (at + 1)));

const program = mainProgram(`
  (local $at i32) (local $round i32)
  (drop (call $read_input (i32.const 0) (i32.const 1024) (i32.const ${SECRET_BYTES})))
  (loop $rounds
    (local.set $at (i32.const 0))
    (loop $bytes
      (i32.store8 (i32.add (i32.const 1024) (local.get $at))
        (i32.add (i32.load8_u (i32.add (i32.const 1024) (local.get $at)))
          (i32.add (local.get $at) (i32.const 1))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br_if $bytes (i32.lt_u (local.get $at) (i32.const ${SECRET_BYTES}))))
    (local.set $round (i32.add (local.get $round) (i32.const 1)))
    (br_if $rounds (i32.lt_u (local.get $round) (i32.const ${ROUNDS}))))
  (drop (call $write_output (i32.const 1024) (i32.const ${SECRET_BYTES})))
  (i32.const 0)`);

/** How many pieces of a secret, of so many bytes each, stand in the memory. */
function pieces(memory: Buffer, bytes: Uint8Array, length = 8): number {
  const secret = Buffer.from(bytes);
  let found = 0;
  for (let at = 0; at + length <= secret.length; at += length)
    if (memory.includes(secret.subarray(at, at + length))) found++;
  return found;
}

/** Address of a variable of an image. */
function addressOf(elf: string, name: string): number {
  const symbols = execFileSync("arm-none-eabi-nm", [elf], { encoding: "utf8" });
  const [, address] = new RegExp(`^([0-9a-f]{8}) \\w ${name}$`, "m").exec(symbols) ?? [];
  assert.ok(address, name);
  return Number.parseInt(address, 16);
}

const reason = missingTools();
if (reason) skip(1, reason);
else
  test("floods of interrupts during handshakes and a run: the right result, and no byte outside", async () => {
    await buildIsolate(board, "c");
    await make({ BOARD: board, HOST: "c", IMAGE: "outside", FLOOD: "1" });
    const outside = join(`${dirname(isolateImages(board, "c").main)}-flood`, "outside");
    const folder = mkdtempSync(join(tmpdir(), "vc-floods-"));
    const monitorSocket = join(folder, "qmp");
    const deployment = await EmulatedDeployment.start({
      board,
      runtimeHost: "c",
      exact: true,
      outside: `${outside}.bin`,
      monitorSocket,
      identities: [
        { certificate: alice, capabilities: "p.wasm:w,output:r" },
        { certificate: bob, capabilities: "input-0:w" },
      ],
      programs: [{ name: "p.wasm", module: program, capabilities: "input-0:r,output:w" }],
    });
    const monitor = await Monitor.connect(monitorSocket, { exitCode: null });
    /** Memory of a world at this moment. */
    const memory = async (window: { val: number; size: number }) => {
      const filename = join(folder, "ram");
      await monitor.ask("stop");
      await monitor.ask("memsave", { ...window, filename });
      await monitor.ask("cont");
      return readFileSync(filename);
    };
    /** The emulator reads with the rights of the world that it has stopped in. */
    const secureMemory = async (): Promise<Buffer> => {
      for (let attempts = 1; ; attempts++) {
        try {
          return await memory(SECURE_RAM);
        } catch (error) {
          if (attempts === 1000 || !/Invalid addr/.test((error as Error).message)) throw error;
          await monitor.ask("cont");
        }
      }
    };
    const counter = async (name: string) =>
      (await memory(OUTSIDE_RAM)).readUInt32LE(addressOf(`${outside}.elf`, name) - OUTSIDE_RAM.val);
    const secret = randomBytes(SECRET_BYTES);
    const clear = async (when: string) => {
      const ram = await memory(OUTSIDE_RAM);
      const found = [secret, expected(secret)].map((what) => pieces(ram, what));
      // Programs have words in them that the policy has, too.
      assert.equal([...found, pieces(ram, program, 16)], [0, 0, 0], when);
    };
    try {
      const start = await counter("flood_count");
      await deployment.begin();
      const author = await deployment.connect(alice);
      const provider = await deployment.connect(bob);
      const handshakes = await counter("flood_count");
      assert.ok(
        handshakes - start > 5_000,
        `${handshakes - start} during attestation and handshakes`,
      );
      assert.equal(await author.send("program", "p.wasm", program), done);
      assert.equal(await provider.send("data", "input-0", secret), done);
      await clear("sent");
      const before = await counter("flood_count");
      const reading = author.read("output", "p.wasm", 4096);
      // The scan finds it where it must be.
      assert.is(pieces(await secureMemory(), secret), SECRET_BYTES / 8);
      const result = await reading;
      assert.ok(result instanceof Uint8Array, JSON.stringify(result));
      assert.equal(Buffer.from(result), expected(secret));
      const run = (await counter("flood_count")) - before;
      assert.ok(run > 500, `${run} during the run`);
      await clear("read");
      assert.is(await counter("flood_let_in"), 0);
    } catch (error) {
      console.log(deployment.isolate.board.output);
      throw error;
    } finally {
      monitor.close();
      await deployment.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  });
test.run();
