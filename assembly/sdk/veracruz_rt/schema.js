// Compiler transform that prints a schema for vc-data from the classes of a program that have a method `fields`:
//
//   asc program.ts --target wasm32-arm-veracruz --transform veracruz-mcu/assembly/sdk/veracruz_rt/schema.js
//
// writes program.schema.json, with a type for each class; its value is the class that decodeInput reads, if there is one.
// @ts-check
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { classesOf } from "./classes.js";

/** @type {Record<string, string>} */
const arrays = {
  Int8Array: "i8",
  Uint16Array: "u16",
  Int16Array: "i16",
  Uint32Array: "u32",
  Int32Array: "i32",
  Uint64Array: "u64",
  Int64Array: "i64",
  Float32Array: "f32",
  Float64Array: "f64",
};
const plain = new Set([
  "u8",
  "i8",
  "u16",
  "i16",
  "u32",
  "i32",
  "u64",
  "i64",
  "f32",
  "f64",
  "bool",
  "string",
]);

/** The arguments between the outer angle brackets of a type. @param {string} list */
function typeArguments(list) {
  const parts = [""];
  let depth = 0;
  for (const character of list) {
    if (character === "<") depth++;
    if (character === ">") depth--;
    if (character === "," && depth === 0) parts.push("");
    else parts[parts.length - 1] += character;
  }
  return parts.map((part) => part.trim());
}

/**
 * The schema of a type as AssemblyScript writes it.
 * @param {string} type
 * @param {(name: string) => boolean} isClass
 * @returns {unknown} undefined for one that has none
 */
export function schemaOf(type, isClass) {
  const of = (/** @type {string} */ inner) => schemaOf(inner, isClass);
  const wrap = (/** @type {string} */ key, /** @type {unknown} */ inner) =>
    inner === undefined ? undefined : { [key]: inner };
  if (plain.has(type) || isClass(type)) return type;
  if (type === "boolean") return "bool";
  if (type === "Uint8Array") return "bytes";
  if (arrays[type]) return { sequence: arrays[type] };
  const [, optional] = /^(.+?)\s*\|\s*null$/.exec(type) ?? [];
  if (optional !== undefined) return wrap("option", of(optional));
  const [, list] = /^(.+)\[\]$/.exec(type) ?? [];
  if (list !== undefined) return wrap("sequence", of(list));
  const [, name, inner = ""] = /^(\w+)<(.+)>$/.exec(type) ?? [];
  if (name === undefined) return undefined;
  const parts = typeArguments(inner).map(of);
  if (parts.includes(undefined)) return undefined;
  if (name === "Array") return { sequence: parts[0] };
  if (name === "Option") return { option: parts[0] };
  if (name === "Set") return { set: parts[0] };
  if (name === "Map") return { map: parts };
  if (name === "Pair") return { tuple: parts };
  return undefined;
}

export default class VeracruzSchema {
  /** @param {any} parser */
  afterParse(parser) {
    const classes = classesOf(parser.sources);
    const isClass = (/** @type {string} */ name) => classes.get(name)?.calls !== undefined;
    /** @type {Record<string, unknown>} */
    const types = {};
    for (const { name, file, types: declared, calls } of classes.values()) {
      if (calls === undefined) continue;
      /** @type {Record<string, unknown>} */
      const struct = {};
      let problem;
      for (const { method, field, line } of calls) {
        const type = method === "char" ? "char" : schemaOf(declared.get(field) ?? "", isClass);
        if (field === "" || type === undefined || method === "varint" || method === "fixed")
          problem ??= `${file}:${line}: ${name}.${field || method} has no schema that can be told from the class: write it by hand`;
        else struct[field] = type;
      }
      if (problem) /** @type {any} */ (this).stderr.write(`${problem}\n`);
      else types[name] = { struct };
    }
    const read = new Set(
      parser.sources
        .filter((/** @type {any} */ source) => source.sourceKind <= 1)
        .flatMap((/** @type {any} */ source) =>
          [...source.text.matchAll(/\bdecodeInput<(.+?)>\(/g)].map(([, type]) => type),
        ),
    );
    const [only] = read;
    const value = read.size === 1 ? schemaOf(String(only), isClass) : undefined;
    const entry = parser.sources.find(
      (/** @type {any} */ source) =>
        source.sourceKind === 1 && !source.normalizedPath.startsWith("~lib/"),
    );
    const schema = value === undefined ? { types } : { types, value };
    const name = `${entry?.normalizedPath ?? "program"}`.replace(/\.ts$/, "");
    const folder = /** @type {any} */ (this).baseDir ?? process.cwd();
    writeFileSync(
      join(folder, `${name}.schema.json`),
      `${JSON.stringify(schema, undefined, 2)}
`,
    );
  }
}
