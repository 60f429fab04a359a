// The classic data encoding in programs: bytes derived by hand from the ABI's last section, round trips,
// and malformed input of every kind, none of which may trap.
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { RandomNumbers } from "../../examples/no_std/support/random-numbers.js";
import { wasmPath } from "../../host/common/paths.js";
import { ClassicReader, ClassicWriter } from "../../host/program-data/classic-encoding.js";
import { type HCallTask, runOnNode } from "../support/hcalls.js";

const program = readFileSync(wasmPath("testing/sdk-codec"));
const BAD_INPUT = -4;
const GENERIC = -1;

const hex = (text: string) => new Uint8Array(Buffer.from(text.replace(/\s/g, ""), "hex"));
const toHex = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString("hex");

/** Runs an entry point on the bytes; it must not trap. */
function run(entry: string, input: Uint8Array, more: Partial<HCallTask> = {}) {
  const outcome = runOnNode(program, { entry, inputs: [input], ...more });
  assert.is(outcome.trap, undefined, `${entry} on ${toHex(input).slice(0, 80)}`);
  return outcome;
}

function accepts(entry: string, input: string, output = input): void {
  const outcome = run(entry, hex(input));
  assert.is(outcome.code, 0, `${entry} refuses ${input}`);
  assert.is(toHex(outcome.output), toHex(hex(output)), entry);
}

function refuses(entry: string, input: string): void {
  const outcome = run(entry, hex(input));
  assert.is(outcome.code, BAD_INPUT, `${entry} on ${input}`);
  assert.is(outcome.output, undefined);
}

// u8 i8 u16 i16 u32 i32 u64 i64 f32 f64 bool bool
const numbers =
  "fe fe 3412 feff 78563412 feffffff f0debc9a78563412 feffffffffffffff 0000c03f 000000000000d0bf 01 00";

// Vec<u8>, Vec<u16>, Vec<bool>, Vec<String> ("", "Aé😀"), Vec<Vec<u8>>, Vec<f64>, Vec<Sample>,
// HashSet<u16>, HashMap<String, u32>, [u8; 3]
const collections =
  "03 07 08 09" +
  "02 0201 ffff" +
  "02 01 00" +
  "02 00 07 41 c3a9 f09f9880" +
  "02 00 01 05" +
  "01 000000000000f03f" +
  "01 01 5a 2a" +
  "02 0100 0200" +
  "01 01 6b 06000000" +
  "01 02 03";

test("fixed-width numbers and bool are read as they are written", () => {
  assert.is(run("knownNumbers", hex(numbers)).code, 0);
  accepts("main", numbers);
});

test("sequences, strings, sets, maps and arrays are read as they are written", () => {
  assert.is(run("knownCollections", hex(collections)).code, 0);
  accepts("collections", collections);
});

test("an enumeration is a varint and its payload", () => {
  accepts("shape", "00");
  accepts("shape", "01 000000000000f03f");
  accepts("shape", "02 000000000000f03f 0000000000000040");
  accepts("shape", "03 41000000 00");
  accepts("shape", "03 00f60100 01 04 5a6fc3ab 03");
  refuses("shape", "04");
  refuses("shape", "ff7f");
  assert.is(toHex(run("encodeShape", hex("")).output), toHex(hex("03 00f60100 01 04 5a6fc3ab 03")));
});

test("an option is 0, or 1 and the value", () => {
  accepts("optionals", "00 00");
  accepts("optionals", "01 0200 00");
  accepts("optionals", "00 01 01");
  accepts("texts", "03 00 01 00 01 01 41");
  accepts("list", "01 01 02 01 03 00");
  refuses("optionals", "02 0200 00");
  refuses("optionals", "01 02");
  refuses("texts", "01 02");
  refuses("list", "01 01");
});

test("a varint is unsigned LEB128 of 32 bits at most", () => {
  // 128 bytes: count 0x80 0x01.
  accepts("bytes", `8001${"55".repeat(128)}`);
  accepts("bytes", `8080 01${"55".repeat(16384)}`);
  // Padded forms are valid LEB128; what is written is the shortest.
  accepts("bytes", "8000", "00");
  accepts("bytes", "8180808000 aa", "01 aa");
  refuses("bytes", "818080808000 aa");
  refuses("bytes", "ffffffff1f");
  refuses("bytes", "8080808010");
  refuses("bytes", "ff");
  refuses("bytes", "");
});

test("bytes after the value are ignored", () => {
  accepts("text", "01 41 ff ff", "01 41");
  accepts("main", `${numbers} 99`, numbers);
});

test("bool and char have no other values", () => {
  refuses("main", numbers.replace(/00$/, "02"));
  refuses("main", numbers.replace(/01 00$/, "ff 00"));
  refuses("shape", "03 00d80000 00");
  refuses("shape", "03 ffdf0000 00");
  refuses("shape", "03 00001100 00");
  accepts("shape", "03 ffff1000 00");
  accepts("shape", "03 00e00000 00");
});

test("a string is UTF-8, strictly", () => {
  const text = (utf8: string) => {
    const bytes = hex(utf8);
    return toHex(Uint8Array.from([bytes.length, ...bytes]));
  };
  // First and last of each length, and around the surrogates (Unicode table 3-7).
  for (const utf8 of [
    "00",
    "7f",
    "c280",
    "dfbf",
    "e0a080",
    "ed9fbf",
    "ee8080",
    "efbfbf",
    "f0908080",
    "f48fbfbf",
  ]) {
    accepts("text", text(utf8));
    accepts("text", text(`41${utf8}42${utf8}`));
  }
  for (const utf8 of [
    "80",
    "bf",
    "c080",
    "c1bf",
    "c2",
    "c241",
    "c2c2",
    "e08080",
    "e09fbf",
    "eda080",
    "edbfbf",
    "e0a0",
    "e0a041",
    "f0808080",
    "f08fbfbf",
    "f4908080",
    "f5808080",
    "f09080",
    "f0908041",
    "f8888080",
    "fe",
    "ff",
  ]) {
    refuses("text", text(utf8));
    refuses("text", text(`41${utf8}`));
  }
  // A sequence cut short by the string's end, though the bytes behind it would complete it.
  refuses("text", "01 c3 a9");
});

test("half a surrogate pair is written as U+FFFD", () => {
  assert.is(toHex(run("encodeLoneSurrogate", hex("")).output), "0561efbfbd62");
});

test("counts larger than the bytes that follow are refused before anything is allocated", () => {
  for (const entry of ["bytes", "text", "doubles", "typedWords", "texts", "units", "matrix"]) {
    for (const count of ["ffffffff0f", "ffffffff07", "80808080 04", "02"]) {
      const outcome = run(entry, hex(`${count} 00`), { pages: 1 });
      assert.is(outcome.code, BAD_INPUT, `${entry} with count ${count}`);
      assert.is(outcome.pages, 1);
    }
  }
  refuses("doubles", `02 ${"00".repeat(15)}`);
  accepts("doubles", `02 ${"00".repeat(16)}`);
  refuses("typedWords", "01 000000");
});

test("repeated items of a set become one", () => {
  accepts("collections", collections.replace("02 0100 0200", "03 0100 0200 0100"), collections);
  const set = new ClassicWriter().sequence(["a", "b", "a", "", "b"], (item, writer) =>
    writer.string(item),
  ).bytes;
  const outcome = run("textSet", new ClassicWriter().varint(set.length).bytes, {
    inputs: [Uint8Array.from([...new ClassicWriter().varint(set.length).bytes, ...set])],
  });
  assert.is(outcome.code, 0);
  assert.is(toHex(outcome.output), "03000000");
});

test("nesting ends at a limit, when reading and when writing", () => {
  const chain = (length: number) =>
    Uint8Array.from([...Array.from({ length: length - 1 }, () => [7, 1]).flat(), 7, 0]);
  assert.is(run("list", chain(64)).code, 0);
  assert.is(run("list", chain(65)).code, BAD_INPUT);
  assert.is(run("list", chain(100_000)).code, BAD_INPUT);
  assert.is(run("encodeCycle", hex("")).code, GENERIC);
});

test("a value that its class rejects is malformed", () => {
  const withAge = (age: string) => collections.replace("01 01 5a 2a", `01 01 5a ${age}`);
  accepts("collections", withAge("96"));
  refuses("collections", withAge("97"));
});

test("every strict prefix is refused", () => {
  for (const [entry, whole] of [
    ["main", hex(numbers)],
    ["collections", hex(collections)],
    ["shape", hex("03 00f60100 01 04 5a6fc3ab 03")],
  ] as const) {
    for (let length = 0; length < whole.length; length++) {
      assert.is(run(entry, whole.subarray(0, length)).code, BAD_INPUT, `${entry} ${length}`);
    }
  }
});

test("5,000 mutated inputs give a code, never a trap, and what is accepted is stable", () => {
  const random = new RandomNumbers("codec mutations");
  const seeds: [entry: string, bytes: Uint8Array][] = [
    ["main", hex(numbers)],
    ["collections", hex(collections)],
    ["shape", hex("03 00f60100 01 04 5a6fc3ab 03")],
    ["list", hex("01 01 02 01 03 01 04 00")],
    ["texts", hex("03 00 01 00 01 01 41")],
    ["matrix", hex("02 02 01 05 00 01 03 010203")],
  ];
  let accepted = 0;
  for (let turn = 0; turn < 5000; turn++) {
    const [entry, bytes] = random.pick(seeds);
    const mutated = Uint8Array.from(bytes);
    for (let changes = 1 + random.below(3); changes > 0; changes--) {
      mutated[random.below(mutated.length)] = random.below(256);
    }
    const { code, output } = run(entry, mutated, { pages: 4 });
    assert.ok(code === 0 || code === BAD_INPUT, `${entry} ${toHex(mutated)}: ${code}`);
    if (code !== 0) continue;
    accepted++;
    // What was written is a fixed point: read again, it is written the same.
    assert.is(toHex(run(entry, output as Uint8Array).output), toHex(output), entry);
  }
  assert.ok(accepted > 500 && accepted < 4500, `${accepted} accepted`);
});

test("an input larger than memory allows is an error, wherever memory ends", () => {
  const texts = new ClassicWriter().sequence(
    Array.from({ length: 20_000 }, () => 0),
    (_, writer) => writer.u8(1).u8(0),
  ).bytes;
  const matrix = new ClassicWriter().sequence(
    Array.from({ length: 20_000 }, () => 0),
    (_, writer) => writer.u8(1).u8(0),
  ).bytes;
  const outcomes = new Set<number | undefined>();
  for (const [entry, bytes] of [
    ["texts", texts],
    ["matrix", matrix],
    ["bytes", new ClassicWriter().sequence([...texts], (item, writer) => writer.u8(item)).bytes],
  ] as const) {
    for (let pages = 1; pages <= 64; pages++) {
      const { code } = run(entry, bytes, { pages });
      assert.ok(code === 0 || code === GENERIC, `${entry} ${pages}: ${code}`);
      outcomes.add(code);
    }
    assert.is(run(entry, bytes).code, 0, `${entry} with memory enough`);
  }
  assert.is(outcomes.size, 2);
});

test("the computer's side of the encoding agrees", () => {
  const writer = new ClassicWriter();
  writer.u8(0xfe).u32(0x12345678).u64(0x123456789abcdef0n).f64(-0.25).varint(300).string("Zoë");
  writer.sequence([1, 2], (item, each) => each.u8(item));
  assert.is(
    toHex(writer.bytes),
    toHex(hex("fe 78563412 f0debc9a78563412 000000000000d0bf ac02 04 5a6fc3ab 02 01 02")),
  );
  const reader = new ClassicReader(writer.bytes.subarray(5));
  assert.is(reader.u64(), 0x123456789abcdef0n);
  assert.is(reader.f64(), -0.25);
  assert.is(reader.varint(), 300);
  assert.is(reader.string(), "Zoë");
  assert.equal(
    reader.sequence((each) => each.u8()),
    [1, 2],
  );
  assert.is(reader.remaining, 0);
  assert.throws(() => reader.u8(), RangeError);
  assert.throws(() => new ClassicReader(hex("01 ff")).string(), TypeError);
  assert.throws(() => new ClassicReader(hex("ffffffffff01")).varint(), RangeError);
});

test.run();
