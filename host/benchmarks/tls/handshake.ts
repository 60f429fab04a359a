// Instructions of a whole mutual handshake on an emulated Cortex-M, each side's part, interpreted by
// wasm3 and compiled through wasm2c -O2: `npm run bench:tls-handshake -- [--board BOARD]`. Exits with 1
// where a bar is missed.
import { parseArgs } from "node:util";
import { wasmPath } from "../../common/paths.js";
import { countInstructions } from "../../mcu/bench-harness.js";
import { type EmulatedBoard, emulatedBoards, missingTools } from "../../mcu/toolchain.js";
import { Group, Suite } from "../../session-manager/engine.js";
import { handshakeModule } from "./handshake-module.js";

const missing = missingTools();
if (missing !== undefined) {
  console.error(missing);
  process.exit(1);
}

const { board = "mps2-an385" } = parseArgs({ options: { board: { type: "string" } } }).values as {
  board?: EmulatedBoard;
};
if (!emulatedBoards.includes(board)) {
  console.error(`--board ${board}: expected one of ${emulatedBoards.join(", ")}`);
  process.exit(1);
}

const { calls, call, expect, clientKey } = handshakeModule();

const steps = ["clientHello", "serverFlight", "clientFlight", "serverFinish"] as const;
/**
 * Name, suite, group, from this run on: blocks of the table that the server keeps of the client's key, and whether
 * the server makes its key pair beforehand.
 */
const runs = [
  ["ChaCha20-Poly1305, X25519", Suite.ChaCha20Poly1305, Group.x25519, 0],
  ["the same, X25519MLKEM768", Suite.ChaCha20Poly1305, Group.x25519mlkem768, 0],
  ["AES-128-GCM, X25519", Suite.Aes128Gcm, Group.x25519, 0],
  ["ChaCha20-Poly1305, P-256", Suite.ChaCha20Poly1305, Group.secp256r1, 0],
  ["the first with a table of 4 KiB", Suite.ChaCha20Poly1305, Group.x25519, 4],
  ["a later one by that table", Suite.ChaCha20Poly1305, Group.x25519, 0],
  ["the same, its key pair made idle", Suite.ChaCha20Poly1305, Group.x25519, 0, "idle"],
  ["the first with a table of 1 KiB", Suite.ChaCha20Poly1305, Group.x25519, 1],
  ["a later one by that table", Suite.ChaCha20Poly1305, Group.x25519, 0],
] as const;
/** The one that bars are set for beside: a principal comes again, its key known from the policy. */
const known = runs.findIndex(([name]) => name.startsWith("a later one"));
/** Index among the calls of the key pair that was made idle. */
let idleCall = -1;
const firstStep: number[] = [];
for (const [, suite, group, blocks, idle] of runs) {
  call("choose", suite, group);
  if (idle !== undefined) {
    idleCall = calls.length;
    call("idle", 0);
  }
  if (blocks > 0) call("knowClient", clientKey, blocks);
  firstStep.push(calls.length);
  for (const step of steps) call(step);
  expect("finish");
}

/** The bars for the server's side, with X25519; the better figure is what would be better still. */
const bars = { c: { bar: 9, moonshot: 5 }, wasm3: { bar: 90, moonshot: 50 } } as const;
/** The same on the Cortex-M33, with a client whose key has a table of 4 KiB. */
const knownBars = { c: { bar: 3.5, moonshot: 3.3 }, wasm3: { bar: 45, moonshot: 45 } } as const;
/** What the hybrid exchange may cost a server over X25519 in the same run, compiled. */
const hybridBars = { bar: 1.7, moonshot: 1.1 } as const;
for (const host of ["c", "wasm3"] as const) {
  const counts = await countInstructions({
    wasm: wasmPath("testing/handshake"),
    host,
    calls,
    board,
  });
  console.log(`\n${host === "c" ? "compiled" : "interpreted"}, millions of instructions, ${board}`);
  const serverOf: number[] = [];
  for (const [i, [name]] of runs.entries()) {
    const at = firstStep[i] as number;
    const [hello, flight, client, finish] = steps.map((_, s) => counts[at + s]?.instructions ?? 0);
    if (counts[at + steps.length]?.result !== 1n)
      throw new Error(`${name}: no handshake on ${host}`);
    const show = (...parts: (number | undefined)[]) =>
      (parts.reduce<number>((sum, part) => sum + (part ?? 0), 0) / 1e6).toFixed(2).padStart(8);
    const server = ((flight ?? 0) + (finish ?? 0)) / 1e6;
    serverOf.push(server);
    const { bar, moonshot } = i === known && board === "mps2-an505" ? knownBars[host] : bars[host];
    if (Number(server.toFixed(2)) > bar) process.exitCode = 1;
    console.log(
      `  ${name.padEnd(31)} server ${show(flight, finish)}  (flight ${show(flight).trim()}, finish ${show(finish).trim()};` +
        ` bar ≤ ${bar}, moonshot ${moonshot})   client ${show(hello, client)}`,
    );
  }
  const spare = ((counts[idleCall]?.instructions ?? 0) / 1e6).toFixed(2);
  console.log(`  the key pair, made while the server is idle: ${spare} of its own`);
  const [classical = 0, hybrid = 0] = serverOf;
  const more = hybrid - classical;
  console.log(`  the hybrid exchange costs the server ${more.toFixed(2)} more`);
  if (host !== "c") continue;
  console.log(`  (bar ≤ ${hybridBars.bar}, moonshot ${hybridBars.moonshot})`);
  if (more > hybridBars.bar) process.exitCode = 1;
}
