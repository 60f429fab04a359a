// One program that does every float instruction on edge values and signalling NaNs, to be run by each home: what it writes
// must be the same everywhere, NaN by NaN as far as the specification fixes their bits.
import { program } from "../execution-engine/programs.js";

type Float = "f32" | "f64";

const unary = ["abs", "neg", "ceil", "floor", "trunc", "nearest", "sqrt"];
const binary = ["add", "sub", "mul", "div", "min", "max", "copysign"];
const ofNumbers = [
  0,
  0.5,
  1,
  1.5,
  2.5,
  3.5,
  0.1,
  2 ** 23 + 0.5,
  2 ** 24 + 1,
  2 ** 31,
  2 ** 52 + 0.5,
  2 ** 63,
  1e30,
];

const bitsOf: Record<Float, (value: number) => bigint> = {
  f32: (value) => BigInt(new Uint32Array(Float32Array.of(value).buffer)[0] as number),
  f64: (value) => new BigUint64Array(Float64Array.of(value).buffer)[0] as bigint,
};
const signBit = { f32: 2n ** 31n, f64: 2n ** 63n };
const quietBit = { f32: 2n ** 22n, f64: 2n ** 51n };
const infinity = { f32: 0x7f800000n, f64: 0x7ff0000000000000n };
const bytesOf = { f32: 4, f64: 8 };

/** The operands: numbers, subnormals, infinities, quiet and signalling NaNs with and without payload, of both signs. */
export const operands: Record<Float, readonly bigint[]> = { f32: edges("f32"), f64: edges("f64") };

function edges(type: Float): bigint[] {
  const special = [
    1n,
    infinity[type] - 1n,
    infinity[type],
    infinity[type] + 1n,
    infinity[type] + 0x1234n,
  ];
  const quiet = [infinity[type] | quietBit[type], infinity[type] | quietBit[type] | 0x55n];
  return [...ofNumbers.map(bitsOf[type]), ...special, ...quiet].flatMap((bits) => [
    bits,
    bits | signBit[type],
  ]);
}

/** A result that the program writes: by which instruction, of which operands, and where it stands. */
export interface Place {
  readonly name: string;
  readonly type: Float;
  readonly operands: readonly bigint[];
  readonly offset: number;
}

interface Instruction {
  readonly name: string;
  readonly from: Float;
  readonly to: Float;
  readonly two: boolean;
}

const instructions: readonly Instruction[] = [
  ...(["f32", "f64"] as const).flatMap((type) => [
    ...unary.map((name) => ({ name: `${type}.${name}`, from: type, to: type, two: false })),
    ...binary.map((name) => ({ name: `${type}.${name}`, from: type, to: type, two: true })),
  ]),
  { name: "f32.demote_f64", from: "f64", to: "f32", two: false },
  { name: "f64.promote_f32", from: "f32", to: "f64", two: false },
];

/** f32 a × b + c, as two instructions: no home may fuse them into one (they would round once). */
const fused = {
  a: [0x3f800001n, 0x3f8ccccdn, 0x4048f5c3n],
  b: [0x3f800001n, 0x3f8ccccdn, 0xc048f5c3n],
  c: [0xbf800002n, 0xbf9ae148n, 0x411de9e6n],
};

const OPERANDS = { f32: 1024, f64: 4096 };
const OUTPUT = 65536;

/** The program, and where in its result what stands. */
export function floatProgram(): {
  wasm: Uint8Array<ArrayBuffer>;
  places: readonly Place[];
  length: number;
} {
  const places: Place[] = [];
  let at = 0;
  const functions = instructions.map(({ name, from, to, two }, index) => {
    const list = operands[from];
    const start = at;
    for (const a of list) {
      for (const b of two ? list : [undefined]) {
        const of = b === undefined ? [a] : [a, b];
        places.push({ name, type: to, operands: of, offset: at });
        at += bytesOf[to];
      }
    }
    const load = (local: string) =>
      `(${from}.load offset=${OPERANDS[from]} (i32.mul (local.get ${local}) (i32.const ${bytesOf[from]})))`;
    const store = `(${to}.store (local.get $out) (${name} ${load("$i")} ${two ? load("$j") : ""}))
      (local.set $out (i32.add (local.get $out) (i32.const ${bytesOf[to]})))`;
    const turn = (local: string, body: string) => `(local.set ${local} (i32.const 0))
      (loop ${local} ${body}
        (local.set ${local} (i32.add (local.get ${local}) (i32.const 1)))
        (br_if ${local} (i32.lt_u (local.get ${local}) (i32.const ${list.length}))))`;
    return `(func $do${index} (local $i i32) (local $j i32) (local $out i32)
      (local.set $out (i32.const ${OUTPUT + start}))
      ${turn("$i", two ? turn("$j", store) : store)})`;
  });
  const products = fused.a.map((a, i) => {
    const operand = (bits: bigint | undefined) => `(f32.reinterpret_i32 (i32.const ${bits}))`;
    const of = [a, fused.b[i] as bigint, fused.c[i] as bigint];
    places.push({ name: "f32.mul, f32.add", type: "f32", operands: of, offset: at });
    at += 4;
    return `(f32.store (i32.const ${OUTPUT + at - 4})
      (f32.add (f32.mul ${operand(of[0])} ${operand(of[1])}) ${operand(of[2])}))`;
  });
  const data = (type: Float) => {
    const bytes = operands[type].flatMap((bits) =>
      Array.from({ length: bytesOf[type] }, (_, i) => Number((bits >> BigInt(8 * i)) & 255n)),
    );
    const text = bytes.map((byte) => `\\${byte.toString(16).padStart(2, "0")}`).join("");
    return `(data (i32.const ${OPERANDS[type]}) "${text}")`;
  };
  const wasm = program(
    `${data("f32")} ${data("f64")} ${functions.join("\n")}
    (func (export "main") (result i32)
      ${instructions.map((_, index) => `(call $do${index})`).join(" ")} ${products.join(" ")}
      (call $write_output (i32.const ${OUTPUT}) (i32.const ${at})))`,
    String(1 + Math.ceil(at / 65536)),
  );
  return { wasm, places, length: at };
}

/** A result's bits. */
export function bitsAt(result: Uint8Array, { type, offset }: Place): bigint {
  const view = new DataView(result.buffer, result.byteOffset, result.byteLength);
  return type === "f32" ? BigInt(view.getUint32(offset, true)) : view.getBigUint64(offset, true);
}

const isNaNBits = (type: Float, bits: bigint) => (bits & (signBit[type] - 1n)) > infinity[type];

/**
 * The first result that differs from what another home wrote, in words; undefined where all agree. The bits of a NaN that
 * arithmetic gave may differ in sign and payload (Core specification §4.3.3.1.1), but it is quiet.
 */
export function firstDifference(
  places: readonly Place[],
  expected: Uint8Array,
  got: Uint8Array,
): string | undefined {
  if (expected.length !== got.length) return `${got.length} bytes, not ${expected.length}`;
  for (const place of places) {
    const [want, have] = [bitsAt(expected, place), bitsAt(got, place)];
    const { name, type } = place;
    const arithmetic = !/abs|neg|copysign/.test(name);
    const alike =
      arithmetic && isNaNBits(type, want)
        ? isNaNBits(type, have) && (have & quietBit[type]) !== 0n
        : want === have;
    if (!alike) {
      const of = place.operands.map((bits) => `0x${bits.toString(16)}`).join(", ");
      return `${name} of ${of}: 0x${have.toString(16)}, not 0x${want.toString(16)}`;
    }
  }
  return undefined;
}
