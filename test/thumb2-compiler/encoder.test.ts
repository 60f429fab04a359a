// Every form of the encoder against binutils' disassembler: all registers, and immediates at every boundary.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { wasmPath } from "../../host/common/paths.js";
import { systemTool } from "../../host/common/system-tools.js";
import { skip } from "../support/shared.js";

type Call = (...operands: number[]) => number;
const exports = new WebAssembly.Instance(
  new WebAssembly.Module(readFileSync(wasmPath("testing/thumb2-encoder"))),
).exports as unknown as Record<string, Call> & { readonly memory: WebAssembly.Memory };
exports._initialize?.();

const operations: Readonly<Record<string, number>> = {
  and: 0,
  bic: 1,
  orr: 2,
  orn: 3,
  eor: 4,
  add: 8,
  adc: 10,
  sbc: 11,
  sub: 13,
  rsb: 14,
};
const shifts = ["lsl", "lsr", "asr", "ror"];
const conditions = [
  "eq",
  "ne",
  "cs",
  "cc",
  "mi",
  "pl",
  "vs",
  "vc",
  "hi",
  "ls",
  "ge",
  "lt",
  "gt",
  "le",
];
/** Those that code has operands in. */
const registers = [0, 1, 2, 3, 4, 7, 8, 9, 10, 11, 12, 14];
const few = [0, 2, 7, 8, 12, 14];
const accesses: Readonly<Record<string, number>> = {
  strb: 0xf800,
  ldrb: 0xf810,
  strh: 0xf820,
  ldrh: 0xf830,
  str: 0xf840,
  ldr: 0xf850,
  ldrsb: 0xf910,
  ldrsh: 0xf930,
};

/** All values of modified immediates. */
function* modifiedValues(): Generator<number> {
  for (let byte = 0; byte < 256; byte++) {
    yield byte;
    for (let rotation = 8; byte >= 128 && rotation < 32; rotation++) {
      yield ((byte >>> rotation) | (byte << (32 - rotation))) >>> 0;
    }
    if (byte > 0) {
      yield (byte * 0x00010001) >>> 0;
      yield (byte * 0x01000100) >>> 0;
      yield (byte * 0x01010101) >>> 0;
    }
  }
}
const modified = [...new Set(modifiedValues())];
/** Enough of them for every rotation. */
const someModified = modified
  .filter((_, index) => index % 37 === 0)
  .concat([0, 1, 255, 0x80000000, 0xffffffff]);

interface Written {
  readonly what: string;
  readonly bytes: Buffer;
  /** Lines of the disassembler, in one of these ways. */
  readonly expected: readonly string[];
}
const written: Written[] = [];

/** Writes by one call and notes what the disassembler must print. */
function form(
  name: string,
  operands: readonly number[],
  expected: readonly string[],
  flags = false,
): void {
  const start = exports.reset?.(Number(flags)) as number;
  exports[name]?.(...operands);
  const length = exports.length?.() as number;
  const bytes = Buffer.from(exports.memory.buffer.slice(start, start + length));
  written.push({ what: `${name}(${operands})${flags ? ", flags kept" : ""}`, bytes, expected });
}

/** Something for the conditions of an \`it\` to apply to. */
function fill(): void {
  const nops = Buffer.from("00bf00bf00bf00bf", "hex");
  written.push({ what: "filler", bytes: nops, expected: [] });
}

/** Both ways to write an operation whose flags do not matter. */
const either = (text: string): string[] => [text, text.replace(/^(\S+)/, "$1s")];

function dataForms(): void {
  for (const [name, op] of Object.entries(operations)) {
    for (const rd of registers)
      for (const rn of registers)
        for (const rm of few) {
          const text = `${name} r${rd}, r${rn}, r${rm}`;
          // The shorter form has one operand less, and of what commutes either order.
          const short =
            rd === rn ? [`${name} r${rd}, r${rm}`] : rd === rm ? [`${name} r${rd}, r${rn}`] : [];
          const commutes = !/sub|rsb|sbc|bic|orn/.test(name) || rd === rn;
          const all = [text, ...(commutes ? short : [])];
          form("data", [op, rd, rn, rm], all.flatMap(either));
          form("data", [op, rd, rn, rm], all, true);
          if (["add", "sub", "adc", "sbc", "orr"].includes(name)) {
            form(
              "dataSetting",
              [op, rd, rn, rm],
              all.map((each) => each.replace(/^\S+/, "$&s")),
            );
          }
        }
    for (const [index, shift] of shifts.entries()) {
      for (const by of [1, 2, 3, 4, 8, 15, 16, 30, 31]) {
        for (const rd of few) {
          form(
            "dataShifted",
            [op, rd, 3, 9, index, by],
            [`${name} r${rd}, r3, r9, ${shift} #${by}`],
          );
          form(
            "dataShifted",
            [op, 3, rd, 12, index, by],
            [`${name} r3, r${rd}, r12, ${shift} #${by}`],
          );
        }
      }
    }
    for (const value of name === "add" || name === "and" ? modified : someModified) {
      form("dataImmediate", [op, 3, 12, value], [`${name} r3, r12, #${value}`]);
      form("dataImmediate", [op, 10, 1, value], [`${name} r10, r1, #${value}`]);
    }
    for (const value of someModified.concat(0, 7, 8, 255, 256)) {
      for (const rd of few) {
        if (!["add", "sub"].includes(name)) continue;
        const three = `${name}s r${rd}, r2, #${value}`;
        form(
          "dataImmediateSetting",
          [op, rd, 2, value],
          rd === 2 ? [three, `${name}s r2, #${value}`] : [three],
        );
      }
    }
  }
  for (const amount of [0, 1, 255, 256, 2047, 2048, 4095]) {
    for (const rd of [0, 3, 12, 13, 14]) {
      form("addTwelve", [rd, 13, amount, 0], [`addw r${rd}, r13, #${amount}`]);
      form("addTwelve", [rd, 11, amount, 1], [`subw r${rd}, r11, #${amount}`]);
    }
  }
}

/** What each shift, extension, count and product is called. */
function singleForms(): void {
  for (const rd of registers)
    for (const rm of registers) {
      if (rd !== rm) form("move", [rd, rm], [`mov r${rd}, r${rm}`]);
      form("not", [rd, rm], either(`mvn r${rd}, r${rm}`));
      form("not", [rd, rm], [`mvn r${rd}, r${rm}`], true);
      form("compare", [rd, rm], [`cmp r${rd}, r${rm}`]);
      for (const [which, name] of ["sxth", "sxtb", "uxth", "uxtb", "clz", "rbit"].entries()) {
        form("single", [which, rd, rm], [`${name} r${rd}, r${rm}`]);
      }
      for (const [index, shift] of shifts.entries()) {
        for (const by of [1, 2, 3, 4, 15, 16, 31]) {
          form("shiftImmediate", [index, rd, rm, by], either(`${shift} r${rd}, r${rm}, #${by}`));
          form("shiftImmediate", [index, rd, rm, by], [`${shift} r${rd}, r${rm}, #${by}`], true);
        }
        for (const rn of few) {
          const text = `${shift} r${rd}, r${rn}, r${rm}`;
          const short = rd === rn ? [`${shift} r${rd}, r${rm}`] : [];
          form("shift", [index, rd, rn, rm], [text, ...short].flatMap(either));
          form("shift", [index, rd, rn, rm], [text], true);
        }
      }
      for (const rn of few) {
        form(
          "multiply",
          [rd, rn, rm],
          [
            `mul r${rd}, r${rn}, r${rm}`,
            ...(rd === rm ? [`muls r${rd}, r${rn}`] : []),
            ...(rd === rn ? [`muls r${rd}, r${rm}`] : []),
            ...(rd === rm ? [`muls r${rd}, r${rn}, r${rm}`] : []),
          ],
        );
        form("multiply", [rd, rn, rm], [`mul r${rd}, r${rn}, r${rm}`], true);
        form("multiplyAdd", [rd, rn, rm, 5], [`mla r${rd}, r${rn}, r${rm}, r5`]);
        form("multiplySubtract", [rd, rn, rm, 11], [`mls r${rd}, r${rn}, r${rm}, r11`]);
        form("divide", [1, rd, rn, rm], [`sdiv r${rd}, r${rn}, r${rm}`]);
        form("divide", [0, rd, rn, rm], [`udiv r${rd}, r${rn}, r${rm}`]);
        if (rd === rm) continue;
        for (const [sign, letter] of [
          [0, "u"],
          [1, "s"],
        ] as const) {
          form(
            "multiplyLong",
            [sign, 0, rd, rm, rn, 9],
            [`${letter}mull r${rd}, r${rm}, r${rn}, r9`],
          );
          form(
            "multiplyLong",
            [sign, 1, rd, rm, 9, rn],
            [`${letter}mlal r${rd}, r${rm}, r9, r${rn}`],
          );
        }
      }
    }
  form("compare", [13, 14], ["cmp r13, r14"]);
}

function hexOf(value: number): number {
  return value >>> 0;
}

function constantForms(): void {
  const values = [
    ...modified,
    ...[0, 1, 2, 5, 8, 13, 16, 24, 31].flatMap((bit) => [2 ** bit, 2 ** bit - 1, 2 ** bit + 1]),
  ];
  const some = new Set([
    ...someModified,
    ...values.slice(modified.length),
    0x12345678,
    0xffff,
    0xfffe,
  ]);
  for (const rd of few)
    for (const value of new Set([
      ...(rd === 2 || rd === 12 ? values : some),
      0x12345678,
      0xffff,
      0x10000,
      0xfffe,
      0xffff0000,
    ])) {
      for (const flags of [false, true]) {
        const low = value & 0xffff;
        form(
          "constant",
          [rd, value],
          [
            ...(flags ? [] : [`movs r${rd}, #${value}`]),
            `mov r${rd}, #${value}`,
            `mvn r${rd}, #${hexOf(~value)}`,
            `movw r${rd}, #${low}`,
            `movw r${rd}, #${low}; movt r${rd}, #${value >>> 16}`,
          ].filter((text) => stands(text, value)),
          flags,
        );
      }
      if (exports.isComparable?.(value)) {
        form(
          "compareImmediate",
          [rd, value],
          [`cmp r${rd}, #${value}`, `cmn r${rd}, #${hexOf(-value)}`],
        );
      }
      const every = some.has(value) ? few : rd === 2 ? [8] : [];
      for (const rn of every) {
        if (!exports.isAddend?.(value)) continue;
        for (const flags of [false, true]) {
          const texts = [
            [`add r${rd}, r${rn}, #${value}`, `addw r${rd}, r${rn}, #${value}`],
            [`sub r${rd}, r${rn}, #${hexOf(-value)}`, `subw r${rd}, r${rn}, #${hexOf(-value)}`],
          ].flat();
          const all = texts.concat(
            rd === rn ? texts.map((text) => text.replace(`r${rd}, r${rn}`, `r${rd}`)) : [],
          );
          form("addImmediate", [rd, rn, value], flags ? all : all.flatMap(either), flags);
        }
      }
    }
}

/** Whether instructions that load a constant leave this one. */
function stands(text: string, value: number): boolean {
  let held = 0;
  for (const each of text.split("; ")) {
    const [, name = "", number = ""] = each.match(/^(\w+) \w+, #(\d+)$/) ?? [];
    if (name === "movt") held = ((held & 0xffff) | (Number(number) << 16)) >>> 0;
    else held = name === "mvn" ? hexOf(~Number(number)) : Number(number);
  }
  return held === value >>> 0;
}

function memoryForms(): void {
  const place = (rn: number, offset: number): string[] =>
    offset === 0 ? [`[r${rn}]`, `[r${rn}, #0]`] : [`[r${rn}, #${offset}]`];
  for (const [name, code] of Object.entries(accesses)) {
    for (const rt of registers)
      for (const rn of [0, 3, 7, 8, 11, 12, 13, 14])
        for (const offset of [
          -255, -128, -4, -1, 0, 1, 2, 4, 31, 32, 60, 62, 63, 64, 124, 126, 128, 1020, 1022, 1024,
          4092, 4095,
        ]) {
          form(
            "access",
            [code, rt, rn, offset],
            place(rn, offset).map((at) => `${name} r${rt}, ${at}`),
          );
        }
    for (const rt of few)
      for (const rn of few)
        for (const rm of few)
          for (const by of [0, 1, 2, 3]) {
            const at =
              by === 0
                ? [`[r${rn}, r${rm}]`, `[r${rn}, r${rm}, lsl #0]`]
                : [`[r${rn}, r${rm}, lsl #${by}]`];
            form(
              "accessIndexed",
              [code, rt, rn, rm, by],
              at.map((each) => `${name} r${rt}, ${each}`),
            );
          }
  }
  for (const offset of [0, 4, 255, 256, 4095]) {
    form(
      "loadTwelve",
      [12, 13, offset],
      place(13, offset).map((at) => `ldr r12, ${at}`),
    );
  }
  form("access", [accesses.ldr as number, 15, 11, -20], ["ldr r15, [r11, #-20]"]);
  for (let homes = 0; homes <= 6; homes++) {
    const saved = Array.from({ length: homes }, (_, index) => `r${4 + index}`);
    const mask = ((1 << homes) - 1) << 4;
    const list = (last: string): string => `{${[...saved, last].join(", ")}}`;
    form("pushRegisters", [mask | 0x4000], [`push ${list("r14")}`, `stmdb r13!, ${list("r14")}`]);
    form("popRegisters", [mask | 0x8000], [`pop ${list("r15")}`, `ldmia r13!, ${list("r15")}`]);
  }
}

function controlForms(): void {
  for (const [condition, name] of conditions.entries()) {
    for (let same = 0; same < 4; same++) {
      form("ifThen", [condition, same], [`it${"t".repeat(same)} ${name}`]);
      fill();
    }
    form("ifThenElse", [condition], [`ite ${name}`]);
    fill();
  }
  for (const rm of registers) {
    form("call", [rm], [`blx r${rm}`]);
    form("addToCounter", [rm], [`add r15, r${rm}`]);
  }
  form("nop", [], ["nop"]);
}

function floatForms(): void {
  // Numbered from 16 on.
  const singles = Array.from({ length: 16 }, (_, n) => n);
  for (const n of singles)
    for (const rt of registers) {
      form("move", [16 + n, rt], [`vmov s${n}, r${rt}`]);
      form("move", [rt, 16 + n], [`vmov r${rt}, s${n}`]);
    }
  const two = ["vadd.f32", "vsub.f32", "vmul.f32", "vdiv.f32"];
  const one = [
    "vabs.f32",
    "vneg.f32",
    "vsqrt.f32",
    "vcmp.f32",
    "vcvt.f32.s32",
    "vcvt.f32.u32",
    "vcvt.s32.f32",
    "vcvt.u32.f32",
  ];
  for (const d of singles)
    for (const m of singles) {
      for (const [which, name] of two.entries())
        for (const n of singles)
          form("float", [which, 16 + d, 16 + n, 16 + m], [`${name} s${d}, s${n}, s${m}`]);
      for (const [which, name] of one.entries())
        form("float", [two.length + which, 16 + d, 16, 16 + m], [`${name} s${d}, s${m}`]);
    }
  form("floatFlags", [], ["vmrs APSR_nzcv, fpscr"]);
}

/** Branches in places of their own: what they name is an address. */
function branchForms(): void {
  for (const distance of [2, 4, 100, 252, 254, 256, 2040, 2044, 2046, 4096, 65536]) {
    for (const [condition, name] of conditions.entries()) {
      form("branchBack", [condition, distance], [`b${name} ${-distance}`]);
    }
    form("branchBack", [14, distance], [`b ${-distance}`]);
  }
  const bits = Array.from({ length: 22 }, (_, bit) => 2 ** (bit + 1));
  const distances = [
    ...bits,
    ...bits.map((each) => -each),
    ...bits.map((each) => each + 2),
    0xfffffe,
    4 - 0x1000000,
  ];
  for (const distance of distances) {
    form("branch", [14, distance], [`b ${distance}`]);
    form("branch", [15, distance], [`bl ${distance}`]);
    if (Math.abs(distance) < 2 ** 20) {
      for (const [condition, name] of conditions.entries())
        form("branch", [condition, distance], [`b${name} ${distance}`]);
    }
  }
}

/** The disassembler's text for each, with addresses as distances. */
function disassembled(): string[] {
  const folder = mkdtempSync(join(tmpdir(), "encoder-"));
  try {
    const path = join(folder, "code");
    writeFileSync(path, Buffer.concat(written.map(({ bytes }) => bytes)));
    const output = execFileSync(
      "arm-none-eabi-objdump",
      [
        "-b",
        "binary",
        "-m",
        "arm",
        "-M",
        "force-thumb,reg-names-raw",
        "-D",
        "--adjust-vma=0x40000000",
        path,
      ],
      { encoding: "utf8", maxBuffer: 1 << 28 },
    );
    const lines = new Map<number, string>();
    for (const line of output.split("\n")) {
      const found = line.match(/^\s*([0-9a-f]+):\t[0-9a-f ]+\t(.*)$/);
      if (found)
        lines.set(
          Number.parseInt(found[1] ?? "", 16) - 0x40000000,
          normal(found[2] ?? "", found[1] ?? ""),
        );
    }
    const texts: string[] = [];
    let at = 0;
    for (const { bytes } of written) {
      const end = at + bytes.length;
      const each: string[] = [];
      for (; at < end; at += 2) {
        const line = lines.get(at);
        if (line !== undefined) each.push(line);
      }
      texts.push(each.join("; "));
    }
    return texts;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function normal(text: string, address: string): string {
  const plain = text
    .replace(/\t/g, " ")
    .replace(/\s*[;@].*$/, "")
    .replace(/^(\w+(?:\.f32)?(?:\.[su]32)?(?:\.f32)?)\.[nw]\b/, "$1")
    .replace(/\bsp\b/g, "r13")
    .replace(/^mov (r\d+, r\d+), (\w+) (#\d+)$/, "$2 $1, $3")
    .trim();
  const branch = plain.match(/^(bl|b(?:\w\w)?) (?:0x)?([0-9a-f]{5,})$/);
  if (!branch) return plain;
  return `${branch[1]} ${Number.parseInt(branch[2] ?? "", 16) - Number.parseInt(address, 16)}`;
}

if (!systemTool("arm-none-eabi-objdump"))
  skip(1, "arm-none-eabi-objdump is missing (Debian: binutils-arm-none-eabi)");
else {
  test("each form is what the disassembler says", () => {
    for (const write of [
      dataForms,
      singleForms,
      constantForms,
      memoryForms,
      controlForms,
      floatForms,
      branchForms,
    ])
      write();
    const texts = disassembled();
    const wrong = written.flatMap(({ what, bytes, expected }, index) =>
      expected.length === 0 || expected.includes(texts[index] ?? "")
        ? []
        : [`${what}: ${bytes.toString("hex")} is ${texts[index]}, not ${expected.join(" or ")}`],
    );
    assert.is(
      wrong.length,
      0,
      `${wrong.length} of ${written.length}:\n${wrong.slice(0, 20).join("\n")}`,
    );
    assert.ok(written.length > 30_000, `${written.length} instructions`);
  });
}

test("a modified immediate is found for exactly the values that have one", () => {
  const all = new Set(modified);
  for (const value of modified)
    assert.not.equal((exports.immediate?.(value) as number) >>> 0, 0xffffffff, `${value}`);
  for (let bit = 0; bit < 32; bit++)
    for (const near of [-2, -1, 0, 1, 2, 0x100, 0x101]) {
      const value = (2 ** bit + near) >>> 0;
      assert.is(
        (exports.immediate?.(value) as number) >>> 0 !== 0xffffffff,
        all.has(value),
        `${value}`,
      );
    }
});

test.run();
