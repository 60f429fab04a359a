// Bitwise work on 64 bits in translated modules: what is done half by half computes the same.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { projectRoot } from "../../host/common/paths.js";

const { halfByHalf, nameSwaps } = (await import(
  pathToFileURL(join(projectRoot, "mcu-client/wasm2c/halves.js")).href
)) as Record<"halfByHalf" | "nameSwaps", (body: string) => string>;

/** What becomes of the lines. */
const rewritten = (lines: readonly string[]) => halfByHalf(nameSwaps(lines.join("\n")));
const untouched = (lines: readonly string[]) => assert.equal(rewritten(lines), lines.join("\n"));

/** Six operations, enough to be worth it. */
const logic = Array.from({ length: 6 }, () => "w2c_j0 ^= w2c_j1;");
const shift = (operator: string, count: number) => [
  `w2c_j2 = ${count}ull;`,
  `w2c_j0 ${operator}= (w2c_j2 & 63);`,
];
const and = (mask: bigint) => [`w2c_j2 = ${mask}ull;`, "w2c_j0 &= w2c_j2;"];

/** A sequence of numbers below a bound, the same in each run. */
function numbers(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * bound);
  };
}

const MASKS = [0x5555555555555555n, 0x00ff00ff00ff00ffn, 0xfff0fff0fff0fff0n, 0xffffffff00000000n];

/** Random lines: mostly what is done half by half, in between what is not. */
function randomLines(below: (bound: number) => number): string[] {
  const lines: string[] = [];
  const stack = () => `w2c_j${below(3)}`;
  const local = () => `w2c_l${below(4)}`;
  for (let i = 0; i < 60; i++) {
    const [to, other] = [stack(), `w2c_j${3 + below(2)}`];
    const kind = below(12);
    if (kind < 2) lines.push(`${to} = ${local()};`);
    else if (kind < 4) lines.push(`${local()} = ${to};`);
    else if (kind < 7) lines.push(`${other} = ${local()};`, `${to} ${"&|^"[below(3)]}= ${other};`);
    else if (kind < 10) {
      const mask = MASKS[below(MASKS.length)];
      lines.push(
        `${other} = ${below(40)}ull;`,
        `${to} ${below(2) ? "<<" : ">>"}= (${other} & 63);`,
      );
      lines.push(`${other} = ${mask}ull;`, `${to} &= ${other};`);
    } else if (kind === 10) {
      const offset = 8 * below(8);
      lines.push("w2c_i0 = w2c_p0;", `${to} = i64_load(w2c_i0, ${offset}u);`);
    } else if (below(2)) lines.push(`${to} += w2c_j${below(3)};`);
    else {
      const [x, second] = [local(), other === "w2c_j3" ? "w2c_j4" : "w2c_j3"];
      lines.push(below(2) ? `${to} = ${x};` : `${x} = ${to};`);
      lines.push(`${other} = 8ull;`, `${to} >>= (${other} & 63);`);
      lines.push(`${other} = ${0x00ff00ff00ff00ffn}ull;`, `${to} &= ${other};`);
      lines.push(`${other} = ${x};`, `${second} = 8ull;`, `${other} <<= (${second} & 63);`);
      lines.push(`${second} = ${0xff00ff00ff00ff00n}ull;`, `${other} &= ${second};`);
      // After it the two temporaries hold nothing that is read: the stack is as high as before.
      lines.push(`${to} |= ${other};`, "w2c_j3 = w2c_l0;", "w2c_j4 = w2c_l0;");
    }
  }
  return lines;
}

test("random lines compute the same as before, compiled", () => {
  const below = numbers(1);
  let runs = 0;
  let swaps = 0;
  const functions = Array.from({ length: 100 }, (_, i) => {
    const lines = randomLines(below);
    const after = rewritten(lines);
    runs += after.split("{ u32 w2c_").length - 1;
    swaps += after.split("bytes_of_pairs_swapped").length - 1;
    return [lines.join("\n"), after]
      .map(
        (body, form) => `static void f${i}_${form}(u64 *v, u32 w2c_p0) {
  u32 w2c_i0;
  u64 w2c_j0 = v[0], w2c_j1 = v[1], w2c_j2 = v[2], w2c_j3 = v[3], w2c_j4 = v[4];
  u64 w2c_l0 = v[5], w2c_l1 = v[6], w2c_l2 = v[7], w2c_l3 = v[8];
  ${body}
  v[0] = w2c_j0; v[1] = w2c_j1; v[2] = w2c_j2;
  v[3] = w2c_l0; v[4] = w2c_l1; v[5] = w2c_l2; v[6] = w2c_l3; v[7] = v[8] = 0;
}`,
      )
      .join("\n");
  });
  assert.ok(runs > 100 && swaps > 50, `${runs} halves of runs, ${swaps} exchanges`);
  const folder = mkdtempSync(join(tmpdir(), "halves-"));
  try {
    const source = join(folder, "halves.c");
    writeFileSync(
      source,
      `#include <stdint.h>
#include <stdio.h>
#include <string.h>
typedef uint32_t u32;
typedef uint64_t u64;
static unsigned char memory[80];
static u64 i64_load(u32 address, u32 offset) { u64 x; memcpy(&x, memory + address + offset, 8); return x; }
static u32 i32_load(u32 address, u32 offset) { u32 x; memcpy(&x, memory + address + offset, 4); return x; }
static u32 bytes_of_pairs_swapped_32(u32 x) { return (x >> 8 & 0x00ff00ff) | (x << 8 & 0xff00ff00); }
static u64 bytes_of_pairs_swapped(u64 x) {
  return (u64)bytes_of_pairs_swapped_32(x >> 32) << 32 | bytes_of_pairs_swapped_32((u32)x);
}
${functions.join("\n")}
typedef void function(u64 *, u32);
static function *const functions[][2] = {${functions.map((_, i) => `{f${i}_0, f${i}_1}`).join(", ")}};
int main(void) {
  u64 state = 1, differ = 0;
  for (u32 i = 0; i < sizeof functions / sizeof *functions; i++)
    for (u32 round = 0; round < 50; round++) {
      u64 before[9], after[9];
      for (u32 k = 0; k < 80; k++) memory[k] = (state = state * 6364136223846793005u + 1442695040888963407u) >> 56;
      for (u32 k = 0; k < 9; k++) before[k] = after[k] = (state = state * 6364136223846793005u + 1442695040888963407u) ^ state >> 31;
      functions[i][0](before, round % 8);
      functions[i][1](after, round % 8);
      differ += memcmp(before, after, sizeof before) != 0;
    }
  printf("%u differ\\n", (unsigned)differ);
}
`,
    );
    execFileSync("gcc", ["-w", source, "-o", join(folder, "halves")]);
    assert.equal(execFileSync(join(folder, "halves"), { encoding: "utf8" }), "0 differ\n");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("what passes from one half to the other is not done half by half", () => {
  untouched([...logic, "w2c_j0 += w2c_j1;"].slice(3));
  untouched([...logic.slice(1), "w2c_j0 = I64_ROTR(w2c_j0, w2c_j1);"]);
  for (const operator of ["<<", ">>"]) {
    const across = [...shift(operator, 8), ...logic.slice(2)];
    untouched([...across, "w2c_l0 = w2c_j0;"]);
    // The bits that would have passed are taken away before anything sees them.
    const mask = operator === "<<" ? 0xffffff00ffffff00n : 0x00ffffff00ffffffn;
    assert.match(rewritten([...across, ...and(mask)]), /_half/);
    untouched([...across, ...and(mask ^ (operator === "<<" ? 1n << 32n : 1n << 31n))]);
    untouched([...shift(operator, 32), ...logic.slice(1)]);
  }
});

test("no variable is taken for one of the other width", () => {
  untouched(["w2c_i0 = w2c_l1;", "w2c_l2 = w2c_i0;", ...logic.slice(1)]);
  untouched(["w2c_i0 = i32_load(w2c_i1, 0u);", ...logic.slice(1)]);
});

test("both halves of a load are loaded, each from its place", () => {
  const result = rewritten(["w2c_i0 = w2c_p0;", "w2c_j1 = i64_load(w2c_i0, 24u);", ...logic]);
  assert.match(
    result,
    /w2c_j1_half = i32_load\(w2c_i0, 24u\);[\s\S]*w2c_j1_half = i32_load\(w2c_i0, 28u\);/,
  );
});

test.run();
