// The instructions that the primitives take on an emulated Cortex-M, interpreted by wasm3 and compiled
// through wasm2c -O2, against what was set as their bars; and their sizes in WebAssembly.
//
// Usage: npm run bench:crypto -- [--json] [--check] [--board BOARD] [--host c|wasm3]...
import { writeFileSync } from "node:fs";
import { Command, Option } from "commander";
import { barChart, type Figure } from "../../common/chart.js";
import { type EmulatedBoard, emulatedBoards, missingTools } from "../../mcu/toolchain.js";
import { measurePeer, PEERS, type Peer } from "./peers.js";
import { Recording } from "./recording.js";
import { sizesByFile } from "./sizes.js";

const hosts = ["c", "wasm3"] as const;
type Host = (typeof hosts)[number];

interface Row {
  readonly name: string;
  /** Instructions of a call, or of a byte. */
  readonly unit: "call" | "byte";
  /** At most so many; the moonshot, where it set one, is what would be better still. */
  readonly bars: Readonly<Partial<Record<Host | "moonshot", number>>>;
  /** From the counts of the calls that were marked with these names. */
  readonly from: readonly [mark: string] | readonly [long: string, short: string, bytes: number];
}

const million = 1_000_000;
const recordBytes = 4096;

const rows: readonly Row[] = [
  { name: "P-256 public key", unit: "call", bars: {}, from: ["p256PublicKey"] },
  {
    name: "P-256 sign",
    unit: "call",
    bars: { c: 1.3 * million, wasm3: 11.5 * million, moonshot: 0.75 * million },
    from: ["p256Sign"],
  },
  {
    name: "P-256 verify",
    unit: "call",
    bars: { c: 3 * million, wasm3: 28 * million, moonshot: 2.1 * million },
    from: ["p256Verify"],
  },
  {
    name: "P-256 verify by a key's table, 1 KiB",
    unit: "call",
    bars: {},
    from: ["p256VerifyByTable1"],
  },
  {
    name: "P-256 verify by a key's table, 4 KiB",
    unit: "call",
    bars: { c: 1 * million, wasm3: 11 * million, moonshot: 0.8 * million },
    from: ["p256VerifyByTable4"],
  },
  { name: "P-256 table of a key, 1 KiB", unit: "call", bars: {}, from: ["p256MakeKeyTable1"] },
  { name: "P-256 table of a key, 4 KiB", unit: "call", bars: {}, from: ["p256MakeKeyTable4"] },
  {
    name: "P-256 ECDH",
    unit: "call",
    bars: { c: 3.3 * million, wasm3: 29 * million, moonshot: 2.4 * million },
    from: ["p256Ecdh"],
  },
  {
    name: "X25519",
    unit: "call",
    bars: { c: 1.7 * million, wasm3: 16.5 * million, moonshot: 1.35 * million },
    from: ["x25519"],
  },
  {
    name: "X25519 public key",
    unit: "call",
    bars: { c: 0.6 * million, wasm3: 9 * million },
    from: ["x25519PublicKey"],
  },
  {
    name: "ML-KEM-768 key generation",
    unit: "call",
    bars: { c: 1.3 * million, wasm3: 12 * million, moonshot: 0.9 * million },
    from: ["mlKem768Generate"],
  },
  {
    name: "ML-KEM-768 encapsulation",
    unit: "call",
    bars: { c: 1.5 * million, wasm3: 14 * million, moonshot: 1 * million },
    from: ["mlKem768Encapsulate"],
  },
  {
    name: "ML-KEM-768 decapsulation",
    unit: "call",
    bars: { c: 1.8 * million, wasm3: 17 * million, moonshot: 1.25 * million },
    from: ["mlKem768Decapsulate"],
  },
  {
    name: "ChaCha20-Poly1305",
    unit: "byte",
    bars: { c: 34, wasm3: 470, moonshot: 26 },
    from: ["chacha long", "chacha empty", recordBytes],
  },
  { name: "Poly1305", unit: "byte", bars: {}, from: ["chacha aad", "chacha empty", recordBytes] },
  {
    name: "SHA-256",
    unit: "byte",
    bars: { c: 36, wasm3: 560, moonshot: 30 },
    from: ["sha256 long", "sha256 empty", recordBytes],
  },
  { name: "Keccak-f[1600]", unit: "call", bars: {}, from: ["keccakPermute"] },
  {
    name: "SHA3-256",
    unit: "byte",
    bars: {},
    from: ["sha3 long", "sha3 empty", recordBytes],
  },
  {
    name: "AES-128-GCM",
    unit: "byte",
    bars: { c: 220, wasm3: 2000, moonshot: 150 },
    from: ["gcm long", "gcm empty", recordBytes],
  },
  { name: "GHASH", unit: "byte", bars: {}, from: ["gcm aad", "gcm empty", recordBytes] },
  { name: "ChaCha20-Poly1305, empty record", unit: "call", bars: {}, from: ["chacha empty"] },
  { name: "AES-128-GCM, empty record", unit: "call", bars: {}, from: ["gcm empty"] },
  { name: "AES-128-GCM, key", unit: "call", bars: {}, from: ["gcm key"] },
  { name: "SHA-256, empty message", unit: "call", bars: {}, from: ["sha256 empty"] },
  { name: "HKDF-Expand-Label, 32 bytes", unit: "call", bars: {}, from: ["label"] },
];

/** The calls that are measured, by name → index in the recording. */
function record(): { recording: Recording; marks: Map<string, number> } {
  const recording = new Recording();
  const marks = new Map<string, number>();
  const mark = (name: string, callee: string, ...args: number[]): number => {
    marks.set(name, recording.calls.length);
    return recording.call(callee, ...args);
  };
  const bytes = (first: number, length: number) =>
    recording.put(Uint8Array.from({ length }, (_, i) => (first + i * i * 31 + i * 7) & 0xff));

  const [key, otherKey, digest, fresh] = [1, 2, 3, 4].map((first) => bytes(first, 32)) as [
    number,
    number,
    number,
    number,
  ];
  const [publicKey, signature, output] = [65, 64, 64].map((n) => recording.allocate(n)) as [
    number,
    number,
    number,
  ];
  const data = bytes(5, recordBytes);
  // A key pair's place, of which the seed is the first 64 bytes.
  const seed = new Uint8Array(1280).map((_, i) => (i < 64 ? (6 + i * 29) & 0xff : 0));

  recording.call("p256PublicKey", publicKey, otherKey); // warms up the allocator
  mark("p256PublicKey", "p256PublicKey", publicKey, key);
  recording.check(publicKey, 64);
  mark("p256Sign", "p256Sign", signature, key, digest, fresh);
  recording.check(signature, 64);
  if (mark("p256Verify", "p256Verify", signature, digest, publicKey) !== 1)
    throw new Error("the signature does not verify");
  for (const blocks of [1, 4]) {
    const table = recording.allocate(1024 * blocks);
    recording.call("p256MakeKeyTable", table, blocks, publicKey); // its scratch is not there before
    mark(`p256MakeKeyTable${blocks}`, "p256MakeKeyTable", table, blocks, publicKey);
    recording.check(table, 1024 * blocks);
    const byTable = [signature, digest, table, blocks] as const;
    if (mark(`p256VerifyByTable${blocks}`, "p256VerifyByTable", ...byTable) !== 1)
      throw new Error("the signature does not verify by the key's table");
  }
  mark("p256Ecdh", "p256Ecdh", output, otherKey, publicKey);
  recording.check(output, 32);
  mark("x25519", "x25519", output, key, otherKey);
  recording.check(output, 32);
  mark("x25519PublicKey", "x25519PublicKey", output, key);
  recording.check(output, 32);
  const [pair, ciphertext] = [recording.put(seed), recording.allocate(1088)];
  recording.call("mlKem768Generate", pair); // makes its scratch
  mark("mlKem768Generate", "mlKem768Generate", pair);
  recording.check(pair + 64, 1216);
  if (mark("mlKem768Encapsulate", "mlKem768Encapsulate", output, ciphertext, pair + 96, key) !== 1)
    throw new Error("the encapsulation key is refused");
  recording.check(output, 32);
  recording.check(ciphertext, 1088);
  mark("mlKem768Decapsulate", "mlKem768Decapsulate", output, pair, ciphertext);
  recording.check(output, 32);
  mark("keccakPermute", "keccakPermute", data);
  mark("sha3 empty", "sha3_256", data, 0, output);
  mark("sha3 long", "sha3_256", data, recordBytes, output);
  recording.check(output, 32);
  mark("sha256 empty", "sha256", data, 0, output);
  mark("sha256 long", "sha256", data, recordBytes, output);
  recording.check(output, 32);
  mark("label", "hkdfExpandLabel", key, fresh, 10, digest, 32, output, 32);
  recording.check(output, 32);
  for (const [name, create] of [
    ["chacha", "newChaCha20Poly1305"],
    ["gcm", "newAes128Gcm"],
  ] as const) {
    const aead = recording.call(create);
    recording.call("aeadSetKey", aead, otherKey);
    mark(`${name} key`, "aeadSetKey", aead, key);
    mark(`${name} empty`, "aeadSeal", aead, fresh, digest, 0, data, 0, output);
    mark(`${name} aad`, "aeadSeal", aead, fresh, data, recordBytes, data, 0, output);
    mark(`${name} long`, "aeadSeal", aead, fresh, digest, 0, data, recordBytes, output);
    recording.check(output, 16);
  }
  return { recording, marks };
}

interface Measured {
  readonly name: string;
  readonly unit: string;
  readonly instructions: Partial<Record<Host, number>>;
  readonly bars: Row["bars"];
}

/** A row's value of the counts of its calls. */
function rowValue({ from }: Row, of: (mark: string) => number): number {
  return from.length === 1 ? of(from[0]) : (of(from[0]) - of(from[1])) / from[2];
}

async function measure(wanted: readonly Host[], board: EmulatedBoard): Promise<Measured[]> {
  const { recording, marks } = record();
  const measured = rows.map(
    ({ name, unit, bars }): Measured => ({ name, unit, bars, instructions: {} }),
  );
  for (const host of wanted) {
    const counts = await recording.count(host, board);
    const of = (mark: string) => counts[marks.get(mark) ?? -1]?.instructions ?? Number.NaN;
    for (const [i, row] of rows.entries())
      (measured[i] as Measured).instructions[host] = rowValue(row, of);
  }
  return measured;
}

const format = (value: number | undefined) =>
  value === undefined
    ? ""
    : value >= 100_000
      ? `${(value / million).toFixed(3)} M`
      : value >= 1000
        ? Math.round(value).toString()
        : value.toFixed(1);

function printTable(header: readonly string[], lines: readonly (readonly string[])[]): void {
  const widths = header.map((title, i) =>
    Math.max(title.length, ...lines.map((line) => (line[i] ?? "").length)),
  );
  const print = (line: readonly string[]) =>
    console.log(
      line
        .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
        .join("  ")
        .trimEnd(),
    );
  print(header);
  for (const line of lines) print(line);
}

/** Ours, compiled, beside each peer. */
async function printPeers(board: EmulatedBoard): Promise<void> {
  const ours = await measure(["c"], board);
  const peers = new Map<Peer, Map<string, number>>();
  for (const peer of PEERS) peers.set(peer, await measurePeer(board, peer));
  console.log(`Instructions on ${board}: ours in TypeScript, compiled, and wolfSSL 5.5.4\n`);
  const values = (row: Row) =>
    PEERS.map((peer) => rowValue(row, (mark) => peers.get(peer)?.get(mark) ?? Number.NaN));
  printTable(
    ["", "", "ours", ...PEERS.map((peer) => `wolfSSL, ${peer}`)],
    rows.flatMap((row, i) => {
      const each = values(row);
      if (each.every(Number.isNaN)) return [];
      const own = format(ours[i]?.instructions.c);
      return [[row.name, `per ${row.unit}`, own, ...each.map(format)]];
    }),
  );
  console.log("\nwolfSSL's AES looks up tables; ours has none, for constant time on any core.");
}

const program = new Command("bench:crypto")
  .description("Instructions that the primitives take on an emulated Cortex-M, and their sizes")
  .option("--json", "print JSON instead of tables")
  .option("--chart <file>", "also draw the figures (SVG)")
  .option("--check", "fail when a bar is missed")
  .option(
    "--peers",
    "measure wolfSSL 5.5.4 on the same board, too, and print what it has beside ours",
  )
  .addOption(new Option("--board <board>").choices(emulatedBoards).default("mps2-an385"))
  .addOption(
    new Option("--host <host...>", "compiled to C, or interpreted").choices(hosts).default(hosts),
  );
program.parse();
const options = program.opts<{
  json?: boolean;
  chart?: string;
  check?: boolean;
  peers?: boolean;
  board: EmulatedBoard;
  host: Host[];
}>();

const missing = missingTools();
if (missing) {
  console.error(`bench:crypto: ${missing}`);
  process.exit(1);
}

if (options.peers) {
  await printPeers(options.board);
  process.exit(0);
}
const measured = await measure(options.host, options.board);
const missed = measured.flatMap(({ name, instructions, bars }) =>
  options.host
    .filter((host) => (instructions[host] ?? 0) > (bars[host] ?? Number.POSITIVE_INFINITY))
    .map((host) => {
      const over = ((instructions[host] ?? 0) / (bars[host] ?? 1) - 1) * 100;
      return `${name}, ${host}: ${over.toFixed(1)} % above its bar`;
    }),
);
const sizes = sizesByFile();

if (options.chart !== undefined) {
  const figures: Figure[] = measured.flatMap(({ name, unit, instructions, bars }) =>
    options.host.flatMap((host) => {
      const value = instructions[host];
      const what = `${name}, ${host === "c" ? "compiled" : "interpreted"}`;
      return value === undefined
        ? []
        : [{ name: what, value, unit: `per ${unit}`, bar: bars[host] }];
    }),
  );
  writeFileSync(options.chart, barChart(`Instructions on ${options.board}`, figures));
}
if (options.json) {
  const table = {
    board: options.board,
    instructions: measured,
    missed,
    bytes: Object.fromEntries(sizes),
  };
  console.log(JSON.stringify(table, null, 2));
} else {
  console.log(`Instructions on ${options.board}: compiled (wasm2c) and interpreted (wasm3)\n`);
  printTable(
    ["", "", "compiled", "bar", "moonshot", "interpreted", "bar"],
    measured.map(({ name, unit, instructions, bars }) => [
      name,
      `per ${unit}`,
      format(instructions.c),
      format(bars.c),
      bars.moonshot === undefined
        ? ""
        : `${format(bars.moonshot)} ${(instructions.c ?? Number.POSITIVE_INFINITY) <= bars.moonshot ? "reached" : "-"}`,
      format(instructions.wasm3),
      format(bars.wasm3),
    ]),
  );
  console.log("\nBytes of WebAssembly\n");
  const total = [...sizes.values()].reduce((sum, size) => sum + size, 0);
  printTable(
    ["", "bytes"],
    [...sizes, ["all", total] as const].map(([name, size]) => [name, size.toString()]),
  );
  console.log();
  for (const line of missed) console.log(`missed: ${line}`);
  if (missed.length === 0) console.log("every bar is kept");
}
if (options.check && missed.length > 0) process.exit(1);
