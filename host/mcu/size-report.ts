/** Flash and RAM of an image by component, from the linker's map. */

import { readFileSync, statSync } from "node:fs";

/** What an image takes, by component. */
export interface Sizes {
  /** Bytes by component. */
  readonly flash: Readonly<Record<string, number>>;
  readonly ram: Readonly<Record<string, number>>;
}

/** Output sections that take flash, and those that take RAM; initialised data take both. */
const flashSections = new Set([".vectors", ".gnu.sgstubs", ".text", ".ARM.exidx", ".data"]);
const ramSections = new Set([".core", ".dma", ".data", ".bss", ".noinit"]);

const components: readonly [RegExp, string][] = [
  [/\/trusted-\w+\.o$/, "trusted runtime"],
  [/\/attestation-\w+\.o$/, "token module"],
  [/\/dice-compiled\.o$/, "device identity"],
  [/\/client-(?:module|compiled|embedded)\.o$/, "client module"],
  [/\/thumb2-\w+\.o$/, "Thumb-2 compiler"],
  [/-objects(?:-\w+)*\/compiled-code\//, "compiled code"],
  [/\/wasm3\/m3_\w+\.o$/, "wasm3"],
  [/\/client-outside[\w-]*-objects\/images\//, "main loop"],
  [/\/client-outside[\w-]*-objects\/library\//, "links"],
  [/\/client-[\w-]+-objects\/(?:library|module|wasm2c|link)\//, "client library"],
  [/\/client-[\w-]+-objects\/(?:seam|client\/(?:channel|inside)\.o)/, "seam"],
  [/\/client-[\w-]+-objects\/common\/(?:sha256|hash-drbg)\.o$/, "hash and DRBG"],
  [/\/(?:client-)?lwip(?:-dns)?(?:-ipv6)?\//, "lwIP"],
  [/-objects(?:-\w+)*\/(?:net|link)\//, "links"],
  [/-objects(?:-\w+)*\/(?:arch|boards|drivers)\//, "board"],
  [/\/client-[\w-]+-objects\//, "sample"],
  [/-objects(?:-\w+)*\/images\/outside\//, "main loop"],
  [/-objects(?:-\w+)*\/seam\/|\.gnu\.sgstubs/, "seam"],
  [/-objects(?:-\w+)*\/root-of-trust\//, "root of trust"],
  [/-objects(?:-\w+)*\/core\//, "core"],
  [/-objects(?:-\w+)*\/common\/(?:sha256|hash-drbg)\.o$/, "hash and DRBG"],
  [/-objects(?:-\w+)*\/update\//, "updates"],
  [/-objects(?:-\w+)*\//, "isolate"],
  [/\/lib(?:m|gcc)\.a\(/, "arithmetic"],
  [/\/lib\w+\.a\(/, "C library"],
];

function componentOf(path: string): string {
  return components.find(([pattern]) => pattern.test(path))?.[1] ?? "other";
}

/** An input section of a linker's map: its name, its bytes, the object it is from, and the output section it went to. */
export interface InputSection {
  readonly name: string;
  readonly size: number;
  readonly object: string;
  readonly output: string;
}

/** The sections of a map of GNU ld: input sections, and each output section's own size as one without an object. */
export function* mapSections(map: string): Generator<InputSection> {
  const start = map.indexOf("Linker script and memory map");
  // A long section name stands on a line of its own, above its address.
  const text = map.slice(start).replaceAll(/^( \.\S+)\n\s+/gm, "$1 ");
  let output = "";
  for (const line of text.split("\n")) {
    const whole = /^(\.\S+)(?:\s+0x[0-9a-f]+\s+(0x[0-9a-f]+))?/.exec(line);
    if (whole) {
      output = whole[1] ?? "";
      yield { name: output, size: Number(whole[2] ?? 0), object: "", output };
      continue;
    }
    const input = /^ (\.\S+|COMMON)\s+0x[0-9a-f]+\s+(0x[0-9a-f]+) (\S.*)$/.exec(line);
    if (!input) continue;
    const [, name = "", size, object = ""] = input;
    yield { name, size: Number(size), object, output };
  }
}

/**
 * Reads a map of GNU ld.
 *
 * @param map the file's text
 * @param flashBytes size of the image in flash; the difference to the sum of all objects is padding, less
 *   the equal strings that the linker has merged
 */
export function readSizes(map: string, flashBytes: number): Sizes {
  const flash: Record<string, number> = {};
  const ram: Record<string, number> = {};
  const add = (to: Record<string, number>, component: string, size: number) => {
    to[component] = (to[component] ?? 0) + size;
  };
  for (const { size, object, output } of mapSections(map)) {
    if (object === "") {
      if (output === ".stack" || output === ".handlers") add(ram, "stack", size);
      continue;
    }
    const component = componentOf(object);
    if (flashSections.has(output)) add(flash, component, size);
    if (ramSections.has(output)) add(ram, component, size);
  }
  const known = Object.values(flash).reduce((sum, size) => sum + size, 0);
  add(flash, "padding", flashBytes - known);
  for (const each of [flash, ram])
    for (const [component, size] of Object.entries(each)) if (size === 0) delete each[component];
  return { flash, ram };
}

/** What of a secure image runs with privilege: the C library does in part, and of the links CRC-32 is there alone. */
const privilegedComponents = new Set([
  ...["token module", "root of trust", "core", "updates", "links"],
  ...["hash and DRBG", "board", "C library"],
]);
/** What runs with privilege of objects that otherwise do not: until the thread is started, and when it is started anew. */
const privilegedFunctions = new Set(
  ["startup.main", "inside_prepare", "inside_describe"].map((name) => `.text.${name}`),
);

/**
 * Bytes of flash that are trusted with the attestation key, on a board with two worlds: all of the first stage, and
 * what runs with privilege in the secure image.
 *
 * @param map of the secure image
 * @param firstStageBytes size of the first stage in flash
 */
export function trustedWithKey(map: string, firstStageBytes: number): number {
  let sum = firstStageBytes;
  for (const { name, size, object, output } of mapSections(map)) {
    if (object === "" || !flashSections.has(output)) continue;
    if (privilegedComponents.has(componentOf(object)) || privilegedFunctions.has(name)) sum += size;
  }
  return sum;
}

/** Sizes of an image, an `.elf` or `.bin`, from the linker's map beside it. */
export function imageSizes(image: string): Sizes {
  const beside = (kind: string) => image.replace(/\.\w+$/, `.${kind}`);
  return readSizes(readFileSync(beside("map"), "utf8"), statSync(beside("bin")).size);
}

/** Sum over all components, in bytes. */
export function total(sizes: Readonly<Record<string, number>>): number {
  return Object.values(sizes).reduce((sum, size) => sum + size, 0);
}

/** A table of the sizes, with the change against a baseline if there is one. */
export function formatSizes(sizes: Sizes, baseline: Sizes | undefined): string {
  const names = [...new Set([...Object.keys(sizes.flash), ...Object.keys(sizes.ram)])].sort(
    (a, b) =>
      (sizes.flash[b] ?? 0) + (sizes.ram[b] ?? 0) - (sizes.flash[a] ?? 0) - (sizes.ram[a] ?? 0),
  );
  const change = (now: number, before: number | undefined) => {
    if (before === undefined || now === before) return "";
    return now > before ? `+${now - before}` : String(now - before);
  };
  const row = (kind: (of: Sizes) => number | undefined) => {
    const now = kind(sizes) ?? 0;
    return [String(now), change(now, baseline && (kind(baseline) ?? 0))].map((t) => t.padStart(9));
  };
  const lines = names.map((name) =>
    [name.padEnd(16), ...row((of) => of.flash[name]), ...row((of) => of.ram[name])].join(""),
  );
  const sums = [
    "total".padEnd(16),
    ...row((of) => total(of.flash)),
    ...row((of) => total(of.ram)),
  ].join("");
  return [`${"bytes".padEnd(16)}    flash   change      RAM   change`, ...lines, sums].join("\n");
}
