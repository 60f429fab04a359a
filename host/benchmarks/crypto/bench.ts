// The instructions that the primitives take on an emulated Cortex-M, interpreted by wasm3 and compiled
// through wasm2c -O2, against what was set as their bars; and their sizes in WebAssembly.
//
// Usage: npm run bench:crypto -- [--json] [--check] [--board BOARD] [--host c|wasm3]...
import { Command, Option } from "commander";
import { type EmulatedBoard, emulatedBoards, missingTools } from "../../mcu/toolchain.js";
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

  recording.call("p256PublicKey", publicKey, otherKey); // warms up the allocator
  mark("p256PublicKey", "p256PublicKey", publicKey, key);
  recording.check(publicKey, 64);
  mark("p256Sign", "p256Sign", signature, key, digest, fresh);
  recording.check(signature, 64);
  if (mark("p256Verify", "p256Verify", signature, digest, publicKey) !== 1)
    throw new Error("the signature does not verify");
  mark("p256Ecdh", "p256Ecdh", output, otherKey, publicKey);
  recording.check(output, 32);
  mark("x25519", "x25519", output, key, otherKey);
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

async function measure(wanted: readonly Host[], board: EmulatedBoard): Promise<Measured[]> {
  const { recording, marks } = record();
  const measured = rows.map(
    ({ name, unit, bars }): Measured => ({ name, unit, bars, instructions: {} }),
  );
  for (const host of wanted) {
    const counts = await recording.count(host, board);
    const of = (mark: string) => counts[marks.get(mark) ?? -1]?.instructions ?? Number.NaN;
    for (const [i, { from }] of rows.entries()) {
      const value = from.length === 1 ? of(from[0]) : (of(from[0]) - of(from[1])) / from[2];
      (measured[i] as Measured).instructions[host] = value;
    }
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

const program = new Command("bench:crypto")
  .description("Instructions that the primitives take on an emulated Cortex-M, and their sizes")
  .option("--json", "print JSON instead of tables")
  .option("--check", "fail when a bar is missed")
  .addOption(new Option("--board <board>").choices(emulatedBoards).default("mps2-an385"))
  .addOption(
    new Option("--host <host...>", "compiled to C, or interpreted").choices(hosts).default(hosts),
  );
program.parse();
const options = program.opts<{
  json?: boolean;
  check?: boolean;
  board: EmulatedBoard;
  host: Host[];
}>();

const missing = missingTools();
if (missing) {
  console.error(`bench:crypto: ${missing}`);
  process.exit(1);
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
