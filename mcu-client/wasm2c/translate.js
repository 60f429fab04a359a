// Translates a WebAssembly module to C for the firmware: runs wasm2c, then puts our own operations
// (prologue.h) in place of the prologue that it emits.
//
// Usage: node translate.js MODULE.wasm NAME OUT.c     also writes OUT.h
// Symbols are those of wasm2c: Z_NAME_instantiate, Z_NAMEZ_export, Z_NAME_instance_t.
// @ts-check
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { basename, delimiter, join } from "node:path";
import { halfByHalf, nameSwaps } from "./halves.js";
import { reachFarthestFirst } from "./reach.js";

// The rewriting below knows this version's output, line by line.
const VERSION = "1.0.32";

const [wasm, name, out] = process.argv.slice(2);
if (!wasm || !name || !out?.endsWith(".c")) {
  console.error("Usage: node translate.js MODULE.wasm NAME OUT.c");
  process.exit(2);
}

// npm puts its own packages' commands first, and one of them is a wasm2c of another version.
const program = (process.env.PATH ?? "")
  .split(delimiter)
  .filter((folder) => !folder.includes("node_modules"))
  .map((folder) => join(folder, "wasm2c"))
  .find((path) => existsSync(path));

/** @param {string[]} args */
function wasm2c(args) {
  if (!program) throw new Error("wasm2c is missing: install the Debian package wabt");
  return execFileSync(program, args, { encoding: "utf8" });
}

const version = wasm2c(["--version"]).trim();
if (!version.startsWith(VERSION))
  throw new Error(`wasm2c ${VERSION} is needed (Debian 12's wabt); this is ${version}`);

wasm2c([wasm, "--module-name", name, "--output", out, "--no-debug-names"]);
const emitted = readFileSync(out, "utf8");
const start = emitted.indexOf("static bool s_module_initialized");
if (start < 0) throw new Error("wasm2c's output does not have the expected form");

const body = emitted
  .slice(start)
  // Loads and stores: (&instance->memory, (u64)(address) + offset) becomes (address, offset).
  .replace(
    /\b([if](?:32|64)_(?:load|store)\w*)\(&instance->\w+, \(u64\)\((\w+)\)(?: \+ (\d+)u?)?(?=[,)])/g,
    (_, operation, address, offset) => `${operation}(${address}, ${offset ?? 0}u`,
  );
// What a constant below 2^31 leaves of 64 bits (below_2_31).
const masked = body.replace(
  /(w2c_j\d+) = (\d+)ull;\n(\s*)(w2c_j\d+) &= \1;/g,
  (text, mask, value, indent, variable) =>
    Number(value) < 2 ** 31
      ? `${mask} = ${value}ull;\n${indent}${variable} = below_2_31(${variable} & ${mask});`
      : text,
);
if (/_(load|store)\w*\(&instance/.test(body)) throw new Error("a load or store was not rewritten");

const table = /wasm_rt_allocate_funcref_table\(&instance->\w+, (\d+),/.exec(body);
writeFileSync(
  out,
  `#include "${basename(out).replace(/\.c$/, ".h")}"
${table ? `#define TABLE_ELEMENTS ${table[1]}\n` : ""}#include "prologue.h"

${halfByHalf(nameSwaps(reachFarthestFirst(masked)))}`,
);
