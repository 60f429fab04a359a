// Instructions of a whole mutual handshake on an emulated Cortex-M, each side's part, interpreted by
// wasm3 and compiled through wasm2c -O2: `npm run bench:tls-handshake`.
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import { wasmPath } from "../../common/paths.js";
import { type BenchCall, countInstructions } from "../../mcu/bench-harness.js";
import { missingTools } from "../../mcu/toolchain.js";
import {
  caCertificate,
  ISOLATE_NAME,
  isolateCertificate,
  randomSerial,
} from "../../proxy-attestation-server/certificate.js";
import {
  readCertificate,
  subjectKeyIdentifier,
} from "../../proxy-attestation-server/read-certificate.js";
import { instantiate } from "../../session-manager/engine.js";

const missing = missingTools();
if (missing !== undefined) {
  console.error(missing);
  process.exit(1);
}

const HOUR = 3_600_000;
const validity = { notBefore: Date.now() - HOUR, notAfter: Date.now() + HOUR };
const newKey = () => {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return {
    privateKey,
    spki: new Uint8Array(publicKey.export({ type: "spki", format: "der" })),
    scalar: Buffer.from(privateKey.export({ format: "jwk" }).d ?? "", "base64url"),
  };
};

const ca = newKey();
const anchor = caCertificate("Benchmark CA", ca.spki, ca.privateKey, validity);
const parsed = readCertificate(anchor);
/** Certificates as an isolate's, for both ends: they may serve as either. */
const issue = (spki: Uint8Array, key: KeyObject): Uint8Array =>
  isolateCertificate(
    { spki, runtimeHash: new Uint8Array(32), kind: "mcu", lifecycle: 0x3000 },
    { key, name: parsed.subject, keyIdentifier: subjectKeyIdentifier(parsed) },
    validity,
    randomSerial(),
  );

const wasm = wasmPath("testing/handshake");
const local = instantiate(readFileSync(wasm));
const calls: BenchCall[] = [];
/** Makes a call here, and writes it down for the emulator, whose allocator gives the same addresses. */
function call(name: string, ...args: number[]): number {
  calls.push({ name, arguments: args });
  return local.call(name, ...args);
}
function expect(name: string, ...args: number[]): void {
  if (call(name, ...args) !== 1) throw new Error(`${name} failed`);
}
function put(bytes: Uint8Array): number {
  const at = call("allocate", bytes.length + 8);
  for (let i = 0; i < bytes.length; i += 8) {
    const word = Buffer.alloc(8);
    word.set(bytes.subarray(i, i + 8));
    calls.push({ name: "poke", arguments: [at + i, word.readBigUInt64LE()] });
  }
  local.memory().set(bytes, at);
  return at;
}

expect("begin");
for (const name of ["setServer", "setClient"]) {
  const key = newKey();
  const chain = Buffer.concat([issue(key.spki, ca.privateKey), anchor]);
  expect(name, put(key.scalar), put(chain), chain.length);
}
const dns = Buffer.from(ISOLATE_NAME);
expect("setAuthority", put(anchor), anchor.length, put(dns), dns.length);

const steps = ["clientHello", "serverFlight", "clientFlight", "serverFinish"] as const;
const runs = [
  ["ChaCha20-Poly1305, X25519", 1, 1],
  ["AES-128-GCM, X25519", 2, 1],
  ["ChaCha20-Poly1305, P-256", 1, 2],
] as const;
const firstStep: number[] = [];
for (const [, suite, group] of runs) {
  call("choose", suite, group);
  firstStep.push(calls.length);
  for (const step of steps) call(step);
  expect("finish");
}

/** The issue's bars for the server's side, with X25519; the better figure is its moonshot. */
const bars = { c: { bar: 9, moonshot: 5 }, wasm3: { bar: 90, moonshot: 50 } } as const;
for (const host of ["c", "wasm3"] as const) {
  const counts = await countInstructions({ wasm, host, calls });
  console.log(
    `\n${host === "c" ? "compiled" : "interpreted"}, millions of instructions, Cortex-M3`,
  );
  for (const [i, [name]] of runs.entries()) {
    const at = firstStep[i] as number;
    const [hello, flight, client, finish] = steps.map((_, s) => counts[at + s]?.instructions ?? 0);
    if (counts[at + steps.length]?.result !== 1n)
      throw new Error(`${name}: no handshake on ${host}`);
    const show = (...parts: (number | undefined)[]) =>
      (parts.reduce<number>((sum, part) => sum + (part ?? 0), 0) / 1e6).toFixed(2).padStart(8);
    if (((flight ?? 0) + (finish ?? 0)) / 1e6 > bars[host].bar) process.exitCode = 1;
    console.log(
      `  ${name.padEnd(26)} server ${show(flight, finish)}  (flight ${show(flight).trim()}, finish ${show(finish).trim()};` +
        ` bar ≤ ${bars[host].bar}, moonshot ${bars[host].moonshot})   client ${show(hello, client)}`,
    );
  }
}
