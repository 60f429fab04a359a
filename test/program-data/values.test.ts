// Values between JSON and the classic encoding, by schemas: against bytes derived by hand, the examples' own data, and
// random values of random types.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ClassicWriter } from "../../host/program-data/classic-encoding.js";
import { describeType, parseSchema, SchemaError } from "../../host/program-data/schema.js";
import { decodeValue, encodeValue, ValueError } from "../../host/program-data/values.js";
import { Random } from "../support/random.js";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const unhex = (digits: string) => new Uint8Array(Buffer.from(digits.replace(/\s/g, ""), "hex"));

const rows: [what: string, type: unknown, value: unknown, encoding: string][] = [
  ["u8", "u8", 255, "ff"],
  ["i8", "i8", -2, "fe"],
  ["u16", "u16", 258, "0201"],
  ["i32", "i32", -2, "feffffff"],
  ["u64 as a string", "u64", "18446744073709551615", "ffffffffffffffff"],
  ["i64", "i64", -1, "ffffffffffffffff"],
  ["usize", "usize", 7, "0700000000000000"],
  ["f32", "f32", 0.5, "0000003f"],
  ["f64", "f64", 1.5, "000000000000f83f"],
  ["f64 that JSON lacks", "f64", "-Infinity", "000000000000f0ff"],
  ["bool", "bool", true, "01"],
  ["char", "char", "é", "e9000000"],
  ["string", "string", "é", "02c3a9"],
  ["a byte order mark is text", "string", "\ufeffa", "04efbbbf61"],
  ["bytes", "bytes", "00ff", "0200ff"],
  ["sequence", { sequence: "u16" }, [1, 2], "0201000200"],
  ["array", { array: "u8", length: 3 }, [1, 2, 3], "010203"],
  ["set", { set: "string" }, ["a", "b"], "0201610162"],
  ["map from texts", { map: ["string", "u8"] }, { a: 1 }, "01016101"],
  ["map from numbers", { map: ["u8", "bool"] }, [[3, true]], "010301"],
  ["none", { option: "u8" }, null, "00"],
  ["some", { option: "u8" }, 9, "0109"],
  ["tuple", { tuple: ["u8", "string"] }, [1, ""], "0100"],
  ["struct", { struct: { b: "u8", a: "u8" } }, { b: 1, a: 2 }, "0102"],
  ["unit variant", { enum: { Off: null, On: "u8" } }, "Off", "00"],
  ["variant with a value", { enum: { Off: null, On: "u8" } }, { On: 5 }, "0105"],
];

for (const [what, type, value, encoding] of rows)
  test(`${what} is encoded as ${encoding}, and back`, () => {
    const schema = parseSchema(type);
    assert.is(hex(encodeValue(schema, value)), encoding);
    assert.equal(decodeValue(schema, unhex(`${encoding}aabb`)), { value, rest: 2, pieces: [] });
  });

test("a count of 300 takes two bytes, as LEB128 has it", () => {
  const value = Array.from({ length: 300 }, () => 0);
  assert.is(hex(encodeValue(parseSchema({ sequence: "u8" }), value)).slice(0, 6), "ac0200");
});

test("types with names may be recursive, to a depth", () => {
  const schema = parseSchema({
    types: { Tree: { struct: { label: "string", children: { sequence: "Tree" } } } },
    value: "Tree",
  });
  const tree = { label: "a", children: [{ label: "b", children: [] }] };
  const bytes = encodeValue(schema, tree);
  assert.is(hex(bytes), "016101016200");
  assert.equal(decodeValue(schema, bytes).value, tree);
  let deep: unknown = { label: "", children: [] };
  for (let i = 0; i < 100; i++) deep = { label: "", children: [deep] };
  assert.throws(() => encodeValue(schema, deep), /nested deeper/);
  assert.throws(() => decodeValue(schema, unhex("0001".repeat(1000))), /nested deeper/);
});

for (const [what, schema, expected] of [
  ["no type", "u7", /schema: no type "u7"; there are u8, i8/],
  ["an unknown shape", { list: "u8" }, /schema: expected an object with one of sequence/],
  ["two shapes", { sequence: "u8", set: "u8" }, /"set" has no place here/],
  ["an array without a length", { array: "u8" }, /schema\.length: expected a whole number/],
  [
    "an option of an option",
    { option: { option: "u8" } },
    /schema\.option: an option of an option/,
  ],
  ["a field like an index", { struct: { "0": "u8" } }, /the name "0" does not begin/],
  ["a type that is its own name", { types: { A: "B", B: "A" }, value: "A" }, /its own name only/],
  ["no value", { types: { A: "u8" } }, /say which type the file holds; there are A/],
  ["a number", 7, /expected the name of a type/],
] as [string, unknown, RegExp][])
  test(`a schema with ${what} is refused in words`, () => {
    assert.throws(
      () => parseSchema(schema),
      (error: Error) => error instanceof SchemaError && expected.test(error.message),
    );
  });

for (const [what, type, value, expected] of [
  ["too large", "u8", 256, /value: expected u8, a whole number from 0 to 255, found 256/],
  ["inexact", "u64", 2 ** 60, /as a string, which keeps all digits/],
  ["not whole", "i32", 1.5, /a whole number from -2147483648/],
  [
    "a text for a number",
    { struct: { x: { sequence: "f64" } } },
    { x: [1, "two"] },
    /value\.x\[1\]: expected f64/,
  ],
  ["a missing field", { struct: { x: "u8" } }, {}, /value\.x: this field is missing \(u8\)/],
  [
    "an unknown field",
    { struct: { x: "u8" } },
    { x: 1, y: 2 },
    /value\.y: no such field; there are x/,
  ],
  ["no such variant", { enum: { On: null } }, "Off", /expected On, found "Off"/],
  ["odd digits", "bytes", "abc", /even number of hexadecimal digits/],
  ["half of a pair", "string", "\ud800", /half of a surrogate pair/],
  ["two characters", "char", "ab", /one character/],
  ["a wrong length", { array: "u8", length: 2 }, [1], /an array of 2/],
] as [string, unknown, unknown, RegExp][])
  test(`a value that is ${what} is refused with its place`, () => {
    assert.throws(
      () => encodeValue(parseSchema(type), value),
      (error: Error) => error instanceof ValueError && expected.test(error.message),
    );
  });

for (const [what, type, bytes, expected] of [
  [
    "cut short",
    { sequence: "u16" },
    "020100",
    /byte 3, value\[1\]: expected u16: 2 bytes expected at byte 3, 0 found/,
  ],
  ["a huge count", { sequence: "u8" }, "ffffffff0f", /4294967295 items cannot be in 0 bytes/],
  ["a huge count of nothing", { sequence: { tuple: [] } }, "ffffffff0f", /cannot be in 0 bytes/],
  ["a count of 33 bits", { sequence: "u8" }, "ffffffff1f", /more than 32 bits/],
  ["bool", "bool", "02", /2 is neither 0 nor 1/],
  ["not UTF-8", "string", "01ff", /byte 0, value: expected String: it is not UTF-8/],
  ["a surrogate", "char", "00d80000", /no Unicode scalar value/],
  ["a variant", { enum: { A: null } }, "01", /there is no variant 1/],
] as [string, unknown, string, RegExp][])
  test(`bytes that are wrong (${what}) are refused with their place`, () => {
    assert.throws(
      () => decodeValue(parseSchema(type), unhex(bytes)),
      (error: Error) => error instanceof ValueError && expected.test(error.message),
    );
  });

/** A random type, and a random value of it. */
function sample(random: Random, depth = 0): [type: unknown, value: unknown] {
  const list = (most: number) => Array.from({ length: random.below(most + 1) });
  switch (random.below(depth > 3 ? 6 : 12)) {
    case 0:
      return ["u8", random.below(256)];
    case 1: {
      const whole = BigInt.asIntN(64, BigInt(random.next()) << 34n);
      const number = Number(whole);
      return ["i64", Number.isSafeInteger(number) ? number : String(whole)];
    }
    case 2:
      return ["f64", (random.next() + 1) / 7];
    case 3:
      return [
        "string",
        list(4)
          .map(() => random.pick(["a", "é", "€", "😀"]))
          .join(""),
      ];
    case 4:
      return ["bool", random.oneIn(2)];
    case 5:
      return ["bytes", hex(Uint8Array.from(list(5), () => random.below(256)))];
    case 6: {
      const [type, value] = sample(random, depth + 1);
      return [{ sequence: type }, list(4).map(() => value)];
    }
    case 7: {
      const [type, value] = sample(random, depth + 1);
      const nested = typeof type === "object" && "option" in (type as object);
      return nested ? [type, value] : [{ option: type }, random.oneIn(2) ? null : value];
    }
    case 8: {
      const parts = [0, ...list(2)].map(() => sample(random, depth + 1));
      return [{ tuple: parts.map(([type]) => type) }, parts.map(([, value]) => value)];
    }
    case 9: {
      const parts = [0, ...list(2)].map((_, i) => [`f${i}`, ...sample(random, depth + 1)] as const);
      return [
        { struct: Object.fromEntries(parts.map(([name, type]) => [name, type])) },
        Object.fromEntries(parts.map(([name, , value]) => [name, value])),
      ];
    }
    case 10: {
      const [type, value] = sample(random, depth + 1);
      return [{ enum: { A: null, B: type } }, random.oneIn(2) ? "A" : { B: value }];
    }
    default: {
      const [type, value] = sample(random, depth + 1);
      return [{ map: ["u16", type] }, list(3).map((_, i) => [i, value])];
    }
  }
}

test("random values of random types survive the way there and back, and every mutation is a value or an error", () => {
  const random = new Random(1);
  for (let round = 0; round < 2000; round++) {
    const [type, value] = sample(random);
    const schema = parseSchema(type);
    const bytes = encodeValue(schema, value);
    const decoded = decodeValue(schema, bytes);
    assert.equal(decoded.value, value, describeType(schema.value));
    assert.is(decoded.rest, 0);
    assert.equal(encodeValue(schema, decoded.value), bytes);
    if (bytes.length === 0) continue;
    const changed = bytes.slice();
    changed[random.below(bytes.length)] = random.below(256);
    for (const bad of [changed, bytes.subarray(0, random.below(bytes.length))])
      try {
        decodeValue(schema, bad);
      } catch (error) {
        assert.ok(error instanceof ValueError, String(error));
      }
  }
});

test("each piece of an encoding says where it stands", () => {
  const schema = parseSchema({ sequence: { tuple: ["f64", "string"] } });
  const bytes = new ClassicWriter().varint(1).f64(2).string("ab").bytes;
  assert.equal(
    decodeValue(schema, bytes, true).pieces.map(({ offset, length, path }) => [
      offset,
      length,
      path,
    ]),
    [
      [0, 1, "value"],
      [1, 8, "value[0][0]"],
      [9, 3, "value[0][1]"],
    ],
  );
});

test.run();
