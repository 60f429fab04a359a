// The SDK for Rust: the examples' Rust programs against those in AssemblyScript, and the allocator, with each tool
// chain that this machine has for WebAssembly.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseSchema } from "../../host/program-data/schema.js";
import { encodeValue } from "../../host/program-data/values.js";
import { exampleRounds } from "../support/example-data.js";
import { runOnNode } from "../support/hcalls.js";
import { skip } from "../support/shared.js";
import { compileRust, hasCrates, rustSdk, rusts } from "./rust-compiler.js";
import { comparePrograms, exerciseAllocator, translatedExamples } from "./translations.js";

const folder = mkdtempSync(join(tmpdir(), "veracruz-rust-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

const examples = translatedExamples("program.rs");

if (rusts.length === 0)
  skip(
    examples.length + 3,
    "no cargo for wasm32-unknown-unknown, or no wasm-ld (Debian: cargo, rustc, libstd-rust-dev-wasm32, lld)",
  );

for (const rust of rusts) {
  const build = (name: string, file: string) =>
    compileRust(rust, join(folder, rust.version), name, file);

  for (const name of examples)
    test(`${name} in Rust ${rust.version} does what it does in AssemblyScript, for no more size and fuel`, () => {
      comparePrograms(name, build(name, `examples/no_std/${name}/program.rs`));
    });

  if (rust.crates !== undefined)
    test(`the target file builds a program of one page with Rust ${rust.version}`, () => {
      const [where, file] = [
        join(folder, "target-file"),
        join(rustSdk, "wasm32-arm-veracruz.json"),
      ];
      const source = "examples/no_std/second-price-auction/program.rs";
      const program = compileRust(rust, where, "auction", source, [], file);
      comparePrograms("second-price-auction", program);
      const [{ inputs }] = exampleRounds("second-price-auction");
      assert.is(runOnNode(program, { inputs }).pages, 1);
    });

  test(`the allocator keeps vectors apart and uses again what was freed, in Rust ${rust.version}`, () => {
    const program = build("allocator", "test/sdk/fixtures/allocator.rs");
    exerciseAllocator(program, 10);
  });

  test(`each type of the encoding comes back as it was, and wrong bytes are codes, in Rust ${rust.version}`, () => {
    const program = build("encoding", "test/sdk/fixtures/encoding.rs");
    const run = (hex: string) => {
      const { code, trap, output } = runOnNode(program, { inputs: [Buffer.from(hex, "hex")] });
      assert.is(trap, undefined, hex);
      return code === 0 ? Buffer.from(output ?? []).toString("hex") : code;
    };
    // bool, char, Option<u16>, [u8; 2], BTreeMap<u8, String>, BTreeSet<u8>, usize, i64, f32, (&str, &[u8])
    const value =
      "01" +
      "e9000000" +
      "010201" +
      "0304" +
      "0207016109026262" +
      "020105" +
      "0700000000000000" +
      "feffffffffffffff" +
      "0000003f" +
      "02c3a9" +
      "0200ff";
    assert.is(run(value), value);
    assert.is(run(`${value}99`), value, "bytes after the value are ignored");
    for (let cut = 0; cut < value.length; cut += 2)
      assert.is(run(value.slice(0, cut)), -4, `cut after ${cut / 2} bytes`);
    assert.is(run(`02${value.slice(2)}`), -4, "a bool of 2");
    assert.is(run(value.replace("e9000000", "00d80000")), -4, "a surrogate");
    assert.is(run(value.replace("02c3a9", "02c328")), -4, "no UTF-8");
    assert.is(run(value.replace("0207016109026262", "ffffffff0f016109026262")), -4, "a huge count");
  });

  if (!hasCrates(["serde", "serde_derive", "getrandom"]))
    skip(
      1,
      "crates are missing (Debian: librust-serde-dev, librust-serde-derive-dev, librust-getrandom-dev)",
    );
  else
    test(`serde's derived code reads and writes the encoding, and getrandom asks the platform, in Rust ${rust.version}`, () => {
      const program = compileRust(
        rust,
        join(folder, rust.version),
        "crates",
        "test/sdk/fixtures/serde.rs",
        [
          `veracruz-serde = { path = ${JSON.stringify(join(rustSdk, "serde"))} }`,
          `veracruz-getrandom = { path = ${JSON.stringify(join(rustSdk, "getrandom"))} }`,
          'serde = { version = "1", default-features = false, features = ["alloc", "derive"] }',
          'getrandom = { version = "0.2", default-features = false }',
        ],
      );
      const schema = parseSchema({
        types: {
          Tree: {
            enum: {
              Leaf: null,
              Value: "u16",
              Pair: { tuple: ["Tree", "Tree"] },
              Named: { struct: { name: "string", deep: "bool" } },
            },
          },
          Everything: {
            struct: {
              truth: "bool",
              letter: "char",
              perhaps: { option: "u16" },
              fixed: { array: "u8", length: 2 },
              map: { map: ["u8", "string"] },
              set: { set: "u8" },
              size: "usize",
              signed: "i64",
              metres: "f32",
              nothing: { tuple: [] },
              view: "string",
              list: { sequence: { tuple: ["i8", "f64"] } },
              tree: "Tree",
            },
          },
        },
        value: "Everything",
      });
      const leaf = "Leaf";
      const value = {
        truth: true,
        letter: "é",
        perhaps: 258,
        fixed: [3, 4],
        map: [
          [7, "a"],
          [9, "bb"],
        ],
        set: [1, 5],
        size: 7,
        signed: -2,
        metres: 0.5,
        nothing: [],
        view: "é",
        list: [[-1, 2.5]],
        tree: { Pair: [{ Named: { name: "n", deep: true } }, { Pair: [{ Value: 3 }, leaf] }] },
      };
      const run = (input: Uint8Array) => {
        const { code, trap, output } = runOnNode(program, { inputs: [input] });
        assert.is(trap, undefined, Buffer.from(input).toString("hex"));
        return code === 0 ? Buffer.from(output ?? []).toString("hex") : code;
      };
      const bytes = encodeValue(schema, value);
      const digits = Buffer.from(bytes).toString("hex");
      assert.is(run(bytes), digits);
      assert.is(
        run(encodeValue(schema, { ...value, perhaps: null, tree: leaf })),
        Buffer.from(encodeValue(schema, { ...value, perhaps: null, tree: leaf })).toString("hex"),
      );
      for (let cut = 0; cut < bytes.length; cut++)
        assert.is(run(bytes.subarray(0, cut)), -4, `cut after ${cut} bytes`);
      const changed = (from: string, to: string) =>
        run(Buffer.from(digits.replace(from, to), "hex"));
      assert.is(changed("01", "02"), -4, "a bool of 2");
      assert.is(changed("e9000000", "00d80000"), -4, "a surrogate");
      assert.is(changed("02c3a9", "02c328"), -4, "no UTF-8");
      assert.is(changed("020701610902", "ffffffff0f070161"), -4, "a huge count");
      assert.is(
        run(encodeValue(schema, value).map((byte, at) => (at === bytes.length - 1 ? 9 : byte))),
        -4,
        "a variant that is not there",
      );
      const deep = Buffer.concat([
        bytes.subarray(
          0,
          bytes.length -
            encodeValue({ ...schema, value: { kind: "named", name: "Tree" } }, value.tree).length,
        ),
        Buffer.from(`${"0200".repeat(70)}00`, "hex"),
      ]);
      assert.is(run(deep), -4, "nested too deep");

      const random = (buffer: Uint8Array) => {
        buffer.set(buffer.map((_, index) => 3 * index));
        return 0;
      };
      const drawn = runOnNode(program, { streams: [new Uint8Array(5)], random });
      assert.is(drawn.code, 0);
      assert.equal(drawn.output, Uint8Array.of(0, 3, 6, 9, 12));
      const refused = runOnNode(program, { streams: [new Uint8Array(5)], random: () => -7 });
      assert.is(refused.code, -7);
    });
}

test.run();
